//! Tags of the service's resources.

use crate::support::{admin, app, member, of, permission_set, permissions, trust};
use kernel::Result;
use kernel::testing::{TestApp, code};
use model::sso_admin::{ListTagsForResourceRequest, Tag, TagResourceRequest, UntagResourceRequest, ops};
use sso::instance::Instance;

fn new(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

fn tagging(instance: Option<&Instance>, arn: &str, tags: Vec<Tag>) -> TagResourceRequest {
    TagResourceRequest { instance_arn: instance.map(Instance::arn), resource_arn: arn.to_owned(), tags }
}

fn tag(app: &TestApp, instance: &Instance, arn: &str, tags: Vec<Tag>) -> Result<()> {
    app.call::<ops::TagResource>(&admin(), tagging(Some(instance), arn, tags)).map(|_| ())
}

fn tags(app: &TestApp, instance: Option<&Instance>, arn: &str) -> Result<Vec<(String, String)>> {
    let input = ListTagsForResourceRequest {
        instance_arn: instance.map(Instance::arn),
        resource_arn: arn.to_owned(),
        next_token: None,
    };
    let listed = app.call::<ops::ListTagsForResource>(&admin(), input)?;
    Ok(listed.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect())
}

#[test]
fn instances_and_permission_sets_are_tagged_and_untagged() {
    let (app, instance) = app();
    let set = permission_set(&app, &instance, "Audit");
    for arn in [instance.arn(), set] {
        assert!(tags(&app, Some(&instance), &arn).expect("listed").is_empty());
        tag(&app, &instance, &arn, vec![new("b", "1"), new("a", "2")]).expect("tagged");
        tag(&app, &instance, &arn, vec![new("b", "3")]).expect("tagged");
        // The instance need not be named.
        let expected = [("a", "2"), ("b", "3")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(tags(&app, None, &arn).expect("listed"), expected);
        let input = UntagResourceRequest {
            instance_arn: None,
            resource_arn: arn.clone(),
            tag_keys: vec!["a".to_owned(), "c".to_owned()],
        };
        app.call::<ops::UntagResource>(&admin(), input).expect("untagged");
        assert_eq!(tags(&app, None, &arn).expect("listed"), [("b".to_owned(), "3".to_owned())]);
    }
}

#[test]
fn tags_that_no_resource_can_have_are_refused() {
    let (app, instance) = app();
    let arn = instance.arn();
    let refused = |tags| code(tag(&app, &instance, &arn, tags));
    assert_eq!(refused(vec![new("aws:x", "1")]), "ValidationException");
    assert_eq!(refused(vec![new("a", "1"), new("a", "2")]), "ValidationException");
    let many = (0..51).map(|at| new(&format!("k{at}"), "v")).collect::<Vec<_>>();
    tag(&app, &instance, &arn, many[..50].to_vec()).expect("fifty are allowed");
    assert_eq!(refused(vec![many[50].clone()]), "ServiceQuotaExceededException");
    assert_eq!(tags(&app, None, &arn).expect("listed").len(), 50);
}

#[test]
fn resources_that_are_not_there_have_no_tags() {
    let (app, instance) = app();
    for rest in ["permissionSet/{}/ps-0000000000000000", "instance/ssoins-0000000000000000"] {
        let arn = format!("arn:aws:sso:::{}", rest.replace("{}", instance.id.as_str()));
        assert_eq!(code(tags(&app, None, &arn)), "ResourceNotFoundException", "{arn}");
        assert_eq!(code(tag(&app, &instance, &arn, vec![new("a", "1")])), "ResourceNotFoundException", "{arn}");
    }
}

#[test]
fn tagging_takes_the_permission_for_the_resource_with_the_tags_of_both_sides() {
    let (app, instance) = app();
    let set = permission_set(&app, &instance, "Audit");
    tag(&app, &instance, &set, vec![new("has", "1")]).expect("tagged");
    let input = tagging(None, &set, vec![new("gets", "2")]);
    let taken = permissions::<ops::TagResource>(&app, &admin(), &input);
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].action.as_str(), taken[0].resource.as_str()), ("sso:TagResource", set.as_str()));
    for (key, value) in [("aws:ResourceTag/has", "1"), ("aws:RequestTag/gets", "2"), ("aws:TagKeys", "gets")] {
        assert!(taken[0].context.contains(&(key.to_owned(), vec![value.to_owned()])), "{key}");
    }
}

#[test]
fn members_and_an_untrusted_service_do_not_tag() {
    let (app, instance) = app();
    let member = member(&app, "member");
    let input = tagging(None, &instance.arn(), vec![new("a", "1")]);
    assert_eq!(code(app.call::<ops::TagResource>(&of(&member), input)), "AccessDeniedException");
    trust(&app, false);
    assert_eq!(code(tag(&app, &instance, &instance.arn(), vec![new("a", "1")])), "AccessDeniedException");
    assert!(tags(&app, None, &instance.arn()).expect("listed").is_empty());
}
