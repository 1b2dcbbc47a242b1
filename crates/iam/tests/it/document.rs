use iam::document::{self, DocumentKind};

fn refusal(kind: DocumentKind, text: &str) -> String {
    crate::support::refusal(document::check(kind, text))
}

#[test]
fn documents_are_refused_with_the_texts_of_aws() {
    use DocumentKind::{Identity, Session, Trust};
    document::check(Identity, crate::support::ALLOW_ALL).expect("valid");
    document::check(Session, crate::support::ALLOW_ALL).expect("valid");
    document::check(Trust, crate::support::TRUST).expect("valid");
    assert_eq!(refusal(Identity, "[]"), "MalformedPolicyDocument: Syntax errors in policy.");
    let old = r#"{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    assert_eq!(
        refusal(Identity, old),
        "MalformedPolicyDocument: Policy document must be version 2012-10-17 or greater."
    );
    let idle = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*"}}"#;
    assert_eq!(refusal(Identity, idle), "MalformedPolicyDocument: Policy statement must contain actions.");
    assert_eq!(refusal(Trust, crate::support::ALLOW_ALL), "MalformedPolicyDocument: Has prohibited field Resource.");
}

#[test]
fn the_size_is_left_to_whoever_stores_the_document() {
    let many = format!("\"s3:{}\"", "x".repeat(7_000));
    let text = format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":{many},"Resource":"*"}}}}"#);
    document::check(DocumentKind::Identity, &text).expect("long, but well-formed");
    assert!(document::counted_characters(&text) > 7_000);
}

#[test]
fn white_space_is_free_and_answers_are_percent_encoded() {
    assert_eq!(document::counted_characters("{ \"a\" :\n1 }"), 7);
    assert_eq!(document::encoded("{\"a\": \"*/b\"}"), "%7B%22a%22%3A%20%22%2A%2Fb%22%7D");
}
