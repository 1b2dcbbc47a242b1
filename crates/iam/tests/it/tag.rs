use crate::support::{refusal, setup, user};
use model::iam::*;

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.into(), value: value.into() }
}

fn add(tags: Vec<Tag>) -> TagUserRequest {
    TagUserRequest { tags, user_name: "alice".into() }
}

#[test]
fn tags_are_set_replaced_listed_and_removed_whatever_the_case() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    app.call::<ops::TagUser>(&root, add(vec![tag("Team", "a"), tag("cost", "1"), tag("env", "x")])).expect("tagged");
    app.call::<ops::TagUser>(&root, add(vec![tag("team", "b")])).expect("replaced");
    let input = ListUserTagsRequest { user_name: "alice".into(), max_items: Some(2), marker: None };
    let page = app.call::<ops::ListUserTags>(&root, input.clone()).expect("a page");
    assert_eq!((page.tags, page.is_truncated), (vec![tag("cost", "1"), tag("env", "x")], Some(true)));
    let rest = app.call::<ops::ListUserTags>(&root, ListUserTagsRequest { marker: page.marker, ..input }).expect("b");
    assert_eq!(rest.tags, vec![tag("team", "b")]);
    let remove =
        UntagUserRequest { tag_keys: vec!["COST".into(), "env".into(), "none".into()], user_name: "alice".into() };
    app.call::<ops::UntagUser>(&root, remove).expect("removed");
    let left = ListUserTagsRequest { user_name: "alice".into(), ..Default::default() };
    assert_eq!(app.call::<ops::ListUserTags>(&root, left).expect("a list").tags, vec![tag("team", "b")]);
}

#[test]
fn keys_that_no_resource_can_have_are_refused() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    assert_eq!(
        refusal(app.call::<ops::TagUser>(&root, add(vec![tag("a", "1"), tag("A", "2")]))),
        "InvalidInput: Duplicate tag keys found. Please note that Tag keys are case insensitive."
    );
    assert_eq!(
        refusal(app.call::<ops::TagUser>(&root, add(vec![tag("AWS:x", "1")]))),
        "InvalidInput: Tag keys with the prefix aws: are reserved for AWS."
    );
}

#[test]
fn a_resource_has_fifty_tags_at_most() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let many = (0..50).map(|number| tag(&format!("k{number}"), "v")).collect();
    app.call::<ops::TagUser>(&root, add(many)).expect("fifty");
    app.call::<ops::TagUser>(&root, add(vec![tag("K0", "w")])).expect("a key that is there");
    assert_eq!(
        refusal(app.call::<ops::TagUser>(&root, add(vec![tag("more", "v")]))),
        "LimitExceeded: The number of tags has reached the maximum limit of 50."
    );
}

#[test]
fn the_tags_of_a_deleted_user_are_gone_with_it() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    app.call::<ops::TagUser>(&root, add(vec![tag("a", "1")])).expect("tagged");
    app.call::<ops::DeleteUser>(&root, DeleteUserRequest { user_name: "alice".into() }).expect("deleted");
    let left = app.app.read_as(&root, &app.request(), |cx| cx.tx.count("select count(*) from iam_tag", &[]));
    assert_eq!(left.expect("counted"), 0);
}
