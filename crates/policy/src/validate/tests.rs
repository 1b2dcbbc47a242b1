use super::*;
use crate::document::Document;

fn first(kind: PolicyKind, text: &str) -> Option<String> {
    validate(kind, text).into_iter().find(Finding::is_error).map(|finding| finding.message)
}

fn identity(statement: &str) -> String {
    format!("{{\"Version\":\"2012-10-17\",\"Statement\":{statement}}}")
}

fn resource(text: &str) -> Option<String> {
    let statement = format!("{{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":{text}}}");
    first(PolicyKind::Identity, &identity(&statement))
}

#[test]
fn a_finding_names_line_column_path_and_sid() {
    let text = "{\n \"Version\": \"2012-10-17\",\n \"Statement\": [\n  {\"Sid\": \"One\", \"Effect\": \"Allow\",\n   \
                \"Action\": [\"s3:Get*\", \"GetObject\"], \"Resource\": \"*\"}\n ]\n}";
    let findings = validate(PolicyKind::Identity, text);
    assert_eq!(findings.len(), 1);
    let finding = &findings[0];
    assert_eq!((finding.position.line, finding.position.column), (5, 26));
    assert_eq!((finding.path.as_str(), finding.sid.as_deref()), ("$.Statement[0].Action[1]", Some("One")));
    assert_eq!(finding.message, "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    let refused = Document::parse(text, PolicyKind::Identity).expect_err("refused");
    assert_eq!((refused.code, refused.position.line), ("MalformedPolicyDocument", 5));
}

#[test]
fn arns_of_iam_policies_are_looked_at_part_by_part() {
    let vendor = "Resource vendor must be fully qualified and cannot contain regexes.";
    assert_eq!(resource("\"arn:aws\"").as_deref(), Some(vendor));
    assert_eq!(resource("\"arn:aws:s3*:::b\"").as_deref(), Some(vendor));
    assert_eq!(
        resource("\"arn:aws:s3:us-east-1::b\"").as_deref(),
        Some("Resource arn:aws:s3:us-east-1::b can not contain region information.")
    );
    assert_eq!(
        resource("\"arn:aws:iam:us-east-1:1:user/b\"").as_deref(),
        Some("IAM resource arn:aws:iam:us-east-1:1:user/b cannot contain region information.")
    );
    assert_eq!(resource("\"a:b\"").as_deref(), Some("Partition \"b\" is not valid for resource \"arn:b:*:*:*:*\"."));
    assert_eq!(resource("[\"a\", \"b\"]").as_deref(), Some("Resource b must be in ARN format or \"*\"."));
    for good in [
        "\"arn:aws:iam::1:*\"",
        "\"arn:*:ec2:*:*:instance/*\"",
        "\"arn:aws:iam::1:root\"",
        "\"arn:aws:s3\"",
        "[\"*\", null]",
    ] {
        assert_eq!(resource(good), None, "{good}");
    }
}

#[test]
fn trust_policies_have_their_own_texts() {
    let trust = |text: &str| first(PolicyKind::Trust, &format!("{{\"Statement\":{{\"Effect\":\"Allow\",{text}}}}}"));
    assert_eq!(first(PolicyKind::Trust, "{").as_deref(), Some("This policy contains invalid Json"));
    let everybody = "\"Principal\":\"*\",\"Action\":\"sts:AssumeRole\"";
    assert_eq!(trust(everybody), None);
    assert_eq!(trust(&format!("{everybody},\"Resource\":\"*\"")).as_deref(), Some("Has prohibited field Resource."));
    assert_eq!(
        trust("\"Principal\":\"*\",\"Action\":\"s3:GetObject\"").as_deref(),
        Some("AssumeRole policy may only specify STS AssumeRole actions.")
    );
    for none in ["\"Action\":\"sts:AssumeRole\"", "\"Action\":\"sts:AssumeRole\",\"Principal\":{\"AWS\":[]}"] {
        assert!(trust(none).is_some_and(|it| it.ends_with("a statement with no principals!")), "{none}");
    }
    for wrong in ["arn:aws:iam::111122223333:user/*", "arn:aws:iam::1:root", "bob", "arn:aws:s3:::b"] {
        let principal = format!("\"Action\":\"sts:AssumeRole\",\"Principal\":{{\"AWS\":\"{wrong}\"}}");
        let expected = format!("Invalid principal in policy: \"AWS\":\"{wrong}\"");
        assert_eq!(trust(&principal), Some(expected));
    }
}

#[test]
fn principals_of_a_trust_policy_must_exist() {
    let text = "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Principal\":{\"AWS\":\
                [\"111122223333\",\"arn:aws:iam::111122223333:user/gone\"]}}}";
    let exists = |principal: &str| principal == "111122223333";
    let findings = validate_with_principals(PolicyKind::Trust, text, &exists);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].message, "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111122223333:user/gone\"");
}

#[test]
fn sizes_are_counted_as_the_service_counts() {
    let spaces = " ".repeat(6_144);
    let allow = "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}";
    assert_eq!(first(PolicyKind::Identity, &format!("{spaces}{}", identity(allow))), None);
    let scp = format!("{}{}", " ".repeat(10_240), identity(allow));
    let finding = validate(PolicyKind::ServiceControl, &scp).remove(0);
    assert_eq!((finding.code, finding.reason), ("ConstraintViolationException", Some("POLICY_CONTENT_LIMIT_EXCEEDED")));
    let long = allow.replace("\"Action\":\"*\"", &format!("\"Action\":\"s3:{}\"", "a".repeat(6_144)));
    assert_eq!(
        first(PolicyKind::Identity, &identity(&long)).as_deref(),
        Some("Cannot exceed quota for PolicySize: 6144")
    );
}

#[test]
fn organizations_policies_have_one_text_and_a_detail() {
    let rcp = |text: &str| validate(PolicyKind::ResourceControl, identity(text));
    let good = "{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:*\",\"Resource\":\"*\"}";
    assert!(rcp(good).is_empty());
    for (from, to) in [
        ("Deny", "Allow"),
        ("\"Action\"", "\"NotAction\""),
        ("s3:*", "*"),
        ("\"*\",\"Action\"", "{\"AWS\":\"*\"},\"Action\""),
        ("\"Resource\":\"*\"", "\"Resource\":\"arn:aws:s3*\""),
    ] {
        let findings = rcp(&good.replace(from, to));
        assert!(findings.first().is_some_and(|it| it.message == ORGANIZATIONS_TEXT && !it.detail.is_empty()), "{to}");
    }
}

#[test]
fn the_delegation_policy_names_reasons() {
    let reason = |text: &str| {
        validate(PolicyKind::OrganizationsResourcePolicy, identity(text)).first().and_then(|finding| finding.reason)
    };
    let good = "{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"111122223333\"},\"Action\":\"organizations:List*\",\
                \"Resource\":\"*\"}";
    assert_eq!(reason(good), None);
    assert_eq!(reason(&good.replace("111122223333", "bob")), Some("INVALID_PRINCIPAL"));
    assert_eq!(reason(&good.replace("List*", "CreateAccount")), Some("UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"));
    assert_eq!(reason("{}"), Some("INVALID_RESOURCE_POLICY_JSON"));
}

#[test]
fn values_that_can_never_match_are_warned_about() {
    let statement = "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{\
                     \"IpAddress\":{\"aws:SourceIp\":\"10.0.0/8\"},\"StringLike\":{\"aws:username\":\"${x\"}}}";
    let findings = validate(PolicyKind::Identity, identity(statement));
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|finding| !finding.is_error()));
    assert!(Document::parse(identity(statement), PolicyKind::Identity).is_ok());
}

#[test]
fn hostile_documents_are_refused_quickly() {
    let brackets = "[".repeat(10_000_000);
    assert_eq!(first(PolicyKind::Identity, &brackets).as_deref(), Some(SYNTAX_ERRORS));
    for hostile in
        [&b"\xff\xfe"[..], b"{\"Version\":1e999}", b"{\"Version\":\"2012-10-17\",\"Version\":\"2012-10-17\"}"]
    {
        let findings = validate(PolicyKind::Identity, hostile);
        assert_eq!(findings.first().map(|finding| finding.message.as_str()), Some(SYNTAX_ERRORS));
    }
}
