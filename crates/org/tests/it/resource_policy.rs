//! The organization's resource policy.

use crate::policy::{SCP, attached, attachment, creation, policy};
use crate::support::{MANAGEMENT, STRANGER, app, failure, management, member, of, permissions, root_id};
use kernel::testing::TestApp;
use model::organizations::{
    AttachPolicyRequest, DescribePolicyRequest, ListPoliciesRequest, ListTagsForResourceRequest, PolicyType,
    PutResourcePolicyRequest, ResourcePolicy, Tag, ops,
};
use smithy::schema::Unit;

fn document(account: &str, actions: &str, rest: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{account}"}},"Action":{actions}{rest}}}]}}"#
    )
}

const ANYTHING: &str = r#","Resource":"*""#;

fn put(app: &TestApp, content: &str) -> kernel::Result<ResourcePolicy> {
    let input = PutResourcePolicyRequest { content: content.to_owned(), tags: None };
    let answer = app.call::<ops::PutResourcePolicy>(&management(), input)?;
    Ok(answer.resource_policy.expect("a resource policy"))
}

fn id(policy: &ResourcePolicy) -> String {
    policy.resource_policy_summary.as_ref().and_then(|summary| summary.id.clone()).expect("an id")
}

#[test]
fn an_update_keeps_the_id_and_a_deletion_ends_it() {
    let app = app();
    let account = member(&app, "dev");
    let content = document(&account, r#""organizations:List*""#, ANYTHING);
    let first = put(&app, &content).expect("put");
    let arn = first.resource_policy_summary.as_ref().and_then(|summary| summary.arn.clone()).expect("an ARN");
    assert!(arn.contains(":resourcepolicy/o-") && arn.ends_with(&id(&first)), "{arn}");
    let changed = document(&account, r#""organizations:DescribePolicy""#, ANYTHING);
    assert_eq!(id(&put(&app, &changed).expect("put")), id(&first));
    let stored = app.call::<ops::DescribeResourcePolicy>(&management(), Unit {}).expect("found").resource_policy;
    assert_eq!(stored.and_then(|policy| policy.content), Some(changed));
    app.call::<ops::DeleteResourcePolicy>(&management(), Unit {}).expect("deleted");
    let gone = "ResourcePolicyNotFoundException";
    assert_eq!(failure(app.call::<ops::DescribeResourcePolicy>(&management(), Unit {})), gone);
    assert_eq!(failure(app.call::<ops::DeleteResourcePolicy>(&management(), Unit {})), gone);
}

#[test]
fn tags_are_given_with_the_creation_only() {
    let app = app();
    let account = member(&app, "dev");
    let input = || PutResourcePolicyRequest {
        content: document(&account, r#""organizations:List*""#, ANYTHING),
        tags: Some(vec![Tag { key: "a".to_owned(), value: "1".to_owned() }]),
    };
    let created = app.call::<ops::PutResourcePolicy>(&management(), input()).expect("put").resource_policy;
    let list = ListTagsForResourceRequest { resource_id: id(&created.expect("a policy")), next_token: None };
    let tags = app.call::<ops::ListTagsForResource>(&management(), list).expect("listed").tags.unwrap_or_default();
    assert_eq!((tags.len(), tags[0].key.as_str()), (1, "a"));
    assert_eq!(failure(app.call::<ops::PutResourcePolicy>(&management(), input())), "InvalidInputException");
}

#[test]
fn documents_that_cannot_be_delegated_name_the_reason() {
    let app = app();
    let account = member(&app, "dev");
    let good = document(&account, r#""organizations:ListPolicies""#, ANYTHING);
    let condition = r#","Condition":{"StringEquals":{"organizations:PolicyType":"OTHER_POLICY"}}"#;
    for (content, reason) in [
        ("{".to_owned(), "INVALID_RESOURCE_POLICY_JSON"),
        (good.replace("\"Allow\"", "\"Maybe\""), "INVALID_RESOURCE_POLICY_JSON"),
        (good.replace(&account, STRANGER), "INVALID_PRINCIPAL"),
        (good.replace(&account, "*"), "INVALID_PRINCIPAL"),
        (good.replace("ListPolicies", "CloseAccount"), "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"),
        (good.replace(ANYTHING, r#","Resource":"arn:aws:s3:::b""#), "UNSUPPORTED_RESOURCE_IN_RESOURCE_POLICY"),
        (good.replace(ANYTHING, &format!("{ANYTHING}{condition}")), "UNSUPPORTED_POLICY_TYPE_IN_RESOURCE_POLICY"),
    ] {
        assert_eq!(failure(put(&app, &content)), format!("InvalidInputException {reason}"), "{content}");
    }
    put(&app, &good.replace(ANYTHING, &format!("{ANYTHING}{}", condition.replace("OTHER", "TAG")))).expect("put");
}

#[test]
fn a_member_does_what_the_policy_grants_and_no_more() {
    let app = app();
    let (account, other) = (member(&app, "dev"), member(&app, "other"));
    let condition = r#","Resource":"*","Condition":{"StringEquals":{"organizations:PolicyType":"TAG_POLICY"}}"#;
    let actions = r#"["organizations:CreatePolicy","organizations:DescribePolicy","organizations:ListPolicies"]"#;
    put(&app, &document(&account, actions, condition)).expect("put");
    let denied = "AccessDeniedException";
    let tag_policy = || creation(PolicyType::TagPolicy, "t", crate::policy::TAGS);
    assert_eq!(failure(app.call::<ops::CreatePolicy>(&of(&other), tag_policy())), denied);
    let created = app.call::<ops::CreatePolicy>(&of(&account), tag_policy()).expect("granted").policy;
    let id = created.and_then(|policy| policy.policy_summary).and_then(|summary| summary.id).expect("an id");
    let scp = creation(PolicyType::ServiceControlPolicy, "s", SCP);
    assert_eq!(failure(app.call::<ops::CreatePolicy>(&of(&account), scp)), denied);
    let describe = DescribePolicyRequest { policy_id: id };
    app.call::<ops::DescribePolicy>(&of(&account), describe.clone()).expect("granted");
    let list = |filter| ListPoliciesRequest { filter, ..ListPoliciesRequest::default() };
    app.call::<ops::ListPolicies>(&of(&account), list(PolicyType::TagPolicy)).expect("granted");
    assert_eq!(failure(app.call::<ops::ListPolicies>(&of(&account), list(PolicyType::S3Policy))), denied);
    app.call::<ops::DeleteResourcePolicy>(&management(), Unit {}).expect("deleted");
    assert_eq!(failure(app.call::<ops::DescribePolicy>(&of(&account), describe)), denied);
}

#[test]
fn attaching_must_be_granted_for_the_policy_and_for_the_target() {
    let app = app();
    crate::policy_type::enable(&app, PolicyType::TagPolicy);
    let (account, root) = (member(&app, "dev"), root_id(&app));
    let id = policy(&app, PolicyType::TagPolicy, "t", crate::policy::TAGS);
    let input = || -> AttachPolicyRequest { attachment(&id, &root) };
    let arns: Vec<String> = permissions::<ops::AttachPolicy>(&app, &management(), &input())
        .into_iter()
        .map(|permission| format!("\"{}\"", permission.resource))
        .collect();
    let grant = |resources: &str| {
        let rest = format!(",\"Resource\":[{resources}]");
        put(&app, &document(&account, r#""organizations:AttachPolicy""#, &rest)).expect("put");
    };
    for arn in &arns {
        grant(arn);
        assert_eq!(failure(app.call::<ops::AttachPolicy>(&of(&account), input())), "AccessDeniedException");
    }
    grant(&arns.join(","));
    app.call::<ops::AttachPolicy>(&of(&account), input()).expect("granted");
    assert_eq!(attached(&app, PolicyType::TagPolicy, &root), ["t"]);
}

#[test]
fn a_denial_in_the_policy_wins() {
    let app = app();
    let account = member(&app, "dev");
    let allow = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{account}"}},"Action":"organizations:ListPolicies","Resource":"*"}}"#
    );
    let deny = allow.replace("Allow", "Deny");
    let content = format!(r#"{{"Version":"2012-10-17","Statement":[{allow},{deny}]}}"#);
    put(&app, &content).expect("put");
    let list = app.call::<ops::ListPolicies>(&of(&account), ListPoliciesRequest::default());
    assert_eq!(failure(list), "AccessDeniedException");
}

#[test]
fn only_the_management_account_delegates() {
    let app = app();
    let account = member(&app, "dev");
    crate::support::delegate(&app, &account);
    let content = document(&account, r#""organizations:List*""#, ANYTHING);
    let input = PutResourcePolicyRequest { content, tags: None };
    assert_eq!(failure(app.call::<ops::PutResourcePolicy>(&of(&account), input)), "AccessDeniedException");
    assert_eq!(failure(app.call::<ops::DeleteResourcePolicy>(&of(&account), Unit {})), "AccessDeniedException");
}

#[test]
fn putting_takes_permission_on_the_policy_that_is_there() {
    let app = app();
    let account = member(&app, "dev");
    let input =
        PutResourcePolicyRequest { content: document(&account, r#""organizations:List*""#, ANYTHING), tags: None };
    let before = permissions::<ops::PutResourcePolicy>(&app, &management(), &input);
    assert!(before[0].resource.starts_with(&format!("arn:aws:organizations::{MANAGEMENT}:resourcepolicy/o-")));
    assert!(before[0].resource.ends_with("/*"));
    let id = id(&put(&app, &input.content).expect("put"));
    let after = permissions::<ops::PutResourcePolicy>(&app, &management(), &input);
    assert!(after[0].resource.ends_with(&id));
}
