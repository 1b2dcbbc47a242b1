//! Tags of accounts, roots, units and policies.

use crate::policy::{SCP, policy};
use crate::support::{MANAGEMENT, app, failure, management, member, of, permissions, root_id};
use kernel::testing::TestApp;
use model::organizations::{
    CreateOrganizationalUnitRequest, ListTagsForResourceRequest, PolicyType, Tag, TagResourceRequest,
    UntagResourceRequest, ops,
};

fn tags(pairs: &[(&str, &str)]) -> Vec<Tag> {
    pairs.iter().map(|(key, value)| Tag { key: (*key).to_owned(), value: (*value).to_owned() }).collect()
}

fn tagging(id: &str, pairs: &[(&str, &str)]) -> TagResourceRequest {
    TagResourceRequest { resource_id: id.to_owned(), tags: tags(pairs) }
}

fn tag(app: &TestApp, id: &str, pairs: &[(&str, &str)]) -> kernel::Result<()> {
    app.call::<ops::TagResource>(&management(), tagging(id, pairs)).map(drop)
}

fn untag(app: &TestApp, id: &str, keys: &[&str]) -> kernel::Result<()> {
    let tag_keys = keys.iter().map(|key| (*key).to_owned()).collect();
    let input = UntagResourceRequest { resource_id: id.to_owned(), tag_keys };
    app.call::<ops::UntagResource>(&management(), input).map(drop)
}

fn listing(id: &str) -> ListTagsForResourceRequest {
    ListTagsForResourceRequest { resource_id: id.to_owned(), next_token: None }
}

fn listed(app: &TestApp, id: &str) -> Vec<(String, String)> {
    let page = app.call::<ops::ListTagsForResource>(&management(), listing(id)).expect("listed");
    page.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn accounts_roots_units_and_policies_have_tags() {
    let app = app();
    let root = root_id(&app);
    let input = CreateOrganizationalUnitRequest { name: "u".to_owned(), parent_id: root.clone(), tags: None };
    let unit = app.call::<ops::CreateOrganizationalUnit>(&management(), input).expect("created").organizational_unit;
    let unit = unit.and_then(|unit| unit.id).expect("an id");
    let policy = policy(&app, PolicyType::ServiceControlPolicy, "p", SCP);
    for id in [MANAGEMENT, &root, &unit, &policy] {
        tag(&app, id, &[("b", "1"), ("a", "2")]).expect("tagged");
        assert_eq!(listed(&app, id), pairs(&[("a", "2"), ("b", "1")]));
        tag(&app, id, &[("b", "")]).expect("tagged");
        untag(&app, id, &["a", "never there"]).expect("untagged");
        assert_eq!(listed(&app, id), pairs(&[("b", "")]));
    }
}

#[test]
fn tags_that_break_a_rule_are_refused() {
    let app = app();
    let tag = |pairs: &[(&str, &str)]| tag(&app, MANAGEMENT, pairs);
    assert_eq!(failure(tag(&[("aws:x", "")])), "InvalidInputException INVALID_SYSTEM_TAGS_PARAMETER");
    assert_eq!(failure(tag(&[("x", ""), ("x", "")])), "InvalidInputException DUPLICATE_TAG_KEY");
    let names: Vec<String> = (0..50).map(|at| format!("k{at}")).collect();
    let fifty: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    tag(&fifty).expect("fifty are allowed");
    tag(&[("k1", "again")]).expect("still fifty");
    assert_eq!(failure(tag(&[("one more", "")])), "ConstraintViolationException MAX_TAG_LIMIT_EXCEEDED");
    assert_eq!(listed(&app, MANAGEMENT).len(), 50);
}

#[test]
fn only_things_of_the_organization_can_be_tagged() {
    let app = app();
    for id in ["r-0000", "ou-0000-00000000", crate::support::STRANGER, "p-00000000", "rp-00000000"] {
        assert_eq!(failure(tag(&app, id, &[("a", "")])), "TargetNotFoundException", "{id}");
        assert_eq!(failure(untag(&app, id, &["a"])), "TargetNotFoundException", "{id}");
        let list = app.call::<ops::ListTagsForResource>(&management(), listing(id));
        assert_eq!(failure(list), "TargetNotFoundException", "{id}");
    }
    assert_eq!(failure(tag(&app, "x", &[("a", "")])), "InvalidInputException INVALID_PATTERN");
    assert_eq!(failure(tag(&app, "p-FullAWSAccess", &[("a", "")])), "InvalidInputException IMMUTABLE_POLICY");
    assert!(listed(&app, "p-FullAWSAccess").is_empty());
}

#[test]
fn an_enforced_tag_policy_holds_for_accounts() {
    let app = app();
    let account = member(&app, "dev");
    crate::policy_type::enable(&app, PolicyType::TagPolicy);
    let content = r#"{"tags":{"Team":{"tag_key":{"@@assign":"Team"},"tag_value":{"@@assign":["a"]},
        "enforced_for":{"@@assign":["organizations:account"]}}}}"#;
    let id = policy(&app, PolicyType::TagPolicy, "t", content);
    tag(&app, &account, &[("Team", "b")]).expect("nothing is enforced yet");
    crate::policy::attach(&app, &id, &root_id(&app));
    let violation = "ConstraintViolationException TAG_POLICY_VIOLATION";
    assert_eq!(failure(tag(&app, &account, &[("Team", "b")])), violation);
    assert_eq!(failure(tag(&app, &account, &[("team", "a")])), violation);
    tag(&app, &account, &[("Team", "a")]).expect("allowed");
    tag(&app, &root_id(&app), &[("Team", "b")]).expect("not enforced for roots");
}

#[test]
fn members_may_not_tag_and_tokens_must_be_ours() {
    let app = app();
    let account = member(&app, "dev");
    let by_member = app.call::<ops::TagResource>(&of(&account), tagging(&account, &[("a", "")]));
    assert_eq!(failure(by_member), "AccessDeniedException");
    let input = ListTagsForResourceRequest { next_token: Some("x".to_owned()), ..listing(&account) };
    let bad = app.call::<ops::ListTagsForResource>(&management(), input);
    assert_eq!(failure(bad), "InvalidInputException INVALID_NEXT_TOKEN");
}

#[test]
fn tags_of_the_request_and_of_the_resource_are_condition_keys() {
    let app = app();
    tag(&app, MANAGEMENT, &[("old", "1")]).expect("tagged");
    let wanted = permissions::<ops::TagResource>(&app, &management(), &tagging(MANAGEMENT, &[("new", "2")]));
    assert!(wanted[0].resource.ends_with(&format!("/{MANAGEMENT}")));
    let key = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    let expected = [key("aws:ResourceTag/old", "1"), key("aws:RequestTag/new", "2"), key("aws:TagKeys", "new")];
    assert_eq!(wanted[0].context, expected);
}
