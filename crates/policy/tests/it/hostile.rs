//! Documents made to be slow or to break something: an answer, and soon.

use policy::{
    Action, Caller, CompiledPolicy, Context, Decision, Document, PolicyKind, PolicySet, PolicySource, Request,
    Resource, evaluate,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn compile(text: &str) -> Arc<CompiledPolicy> {
    CompiledPolicy::from_stored(text, PolicyKind::Identity, PolicySource::default()).expect("valid")
}

fn decide(text: &str, resource: &str, context: &Context) -> (Decision, Duration) {
    let policies = [compile(text)];
    let caller = Caller::user("arn:aws:iam::111122223333:user/alice", None);
    let action = Action::new("s3:GetObject");
    let request = Request::new(&caller, &action, Resource::new(resource), context);
    let set = PolicySet { identity: &policies, ..PolicySet::default() };
    let start = Instant::now();
    let decision = evaluate(&request, &set);
    (decision, start.elapsed())
}

/// Far above what any of these takes, far below what going back over the text would take.
const SOON: Duration = Duration::from_millis(250);

#[test]
fn slow_wildcards_take_linear_time() {
    let key = "a".repeat(2_000);
    let resource = format!("arn:aws:s3:::b/{key}");
    for pattern in
        ["*a".repeat(1_500) + "b", "?*".repeat(1_500) + "b", "*?a".repeat(900) + "b", "*aaaaaaaab".repeat(300)]
    {
        let text = format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\
             \"arn:aws:s3:::b/{pattern}\"}}]}}"
        );
        let (decision, took) = decide(&text, &resource, &Context::new());
        assert!(!decision.is_allowed());
        assert!(took < SOON, "{} took {took:?}", &pattern[..10]);
    }
}

#[test]
fn slow_wildcards_with_variables_take_linear_time() {
    let mut context = Context::new();
    context.insert("aws:username", "a".repeat(128));
    context.insert("s3:prefix", "a".repeat(2_000));
    let values = vec![format!("\"*{}b\"", "${aws:username}*?a".repeat(20)); 10].join(",");
    let text = format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\
         \"Condition\":{{\"StringLike\":{{\"s3:prefix\":[{values}]}}}}}}]}}"
    );
    let (decision, took) = decide(&text, "*", &context);
    assert!(!decision.is_allowed());
    assert!(took < SOON, "{took:?}");
}

#[test]
fn broken_documents_are_errors() {
    let statement =
        |inner: &str| format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",{inner}}}]}}");
    for text in [
        "[".repeat(10_000_000),
        "{\"a\":".repeat(1_000_000),
        String::new(),
        statement("\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{\"StringFoo\":{\"a:b\":\"c\"}}"),
        statement("\"Action\":\"*\",\"Action\":\"*\",\"Resource\":\"*\""),
        statement("\"Action\":1,\"Resource\":\"*\""),
        statement("\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{\"NumericEquals\":{\"a:b\":1e400}}"),
        statement("\"Action\":\"*\",\"Resource\":\"\\ud800\""),
    ] {
        let start = Instant::now();
        assert!(Document::parse_stored(&text).is_err(), "{}", text.chars().take(60).collect::<String>());
        assert!(Document::parse(&text, PolicyKind::Identity).is_err());
        assert!(start.elapsed() < SOON);
    }
    assert!(Document::parse_stored(b"\xff{}").is_err());
}

#[test]
fn numbers_past_any_machine_word_still_compare() {
    let mut context = Context::new();
    context.insert("s3:max-keys", format!("{}1", "9".repeat(50)));
    let text = format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\",\
         \"Condition\":{{\"NumericLessThan\":{{\"s3:max-keys\":\"{}2\"}}}}}}]}}",
        "9".repeat(50)
    );
    assert!(decide(&text, "*", &context).0.is_allowed());
}
