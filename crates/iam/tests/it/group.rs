use crate::support::{ACCOUNT, permissions, refusal, setup, user};
use kernel::Caller;
use kernel::testing::TestApp;
use model::iam::*;

fn create(app: &TestApp, root: &Caller, name: &str) -> Group {
    let input = CreateGroupRequest { group_name: name.into(), path: Some("/g/".into()) };
    app.call::<ops::CreateGroup>(root, input).expect("a new group").group
}

fn add(app: &TestApp, root: &Caller, group: &str, user: &str) -> kernel::Result<smithy::schema::Unit> {
    app.call::<ops::AddUserToGroup>(root, AddUserToGroupRequest { group_name: group.into(), user_name: user.into() })
}

#[test]
fn a_group_is_shown_with_its_members_in_pages() {
    let (app, root) = setup();
    let group = create(&app, &root, "Admins");
    assert_eq!(group.arn, format!("arn:aws:iam::{ACCOUNT}:group/g/Admins"));
    for name in ["c", "a", "b"] {
        user(&app, &root, name);
        add(&app, &root, "admins", name).expect("a member");
    }
    add(&app, &root, "admins", "a").expect("being a member already is no error");
    let input = GetGroupRequest { group_name: "ADMINS".into(), max_items: Some(2), marker: None };
    let page = app.call::<ops::GetGroup>(&root, input.clone()).expect("a page");
    assert_eq!((page.group, page.users.len(), page.is_truncated), (group, 2, Some(true)));
    let rest = app.call::<ops::GetGroup>(&root, GetGroupRequest { marker: page.marker, ..input }).expect("a page");
    assert_eq!(rest.users.iter().map(|user| user.user_name.as_str()).collect::<Vec<_>>(), ["c"]);
}

#[test]
fn groups_of_a_user_and_of_the_account_are_listed() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    for name in ["two", "one", "three"] {
        create(&app, &root, name);
    }
    add(&app, &root, "two", "alice").expect("a member");
    let input = ListGroupsForUserRequest { user_name: "alice".into(), ..Default::default() };
    let groups = app.call::<ops::ListGroupsForUser>(&root, input).expect("a list").groups;
    assert_eq!(groups.iter().map(|group| group.group_name.as_str()).collect::<Vec<_>>(), ["two"]);
    let all = app.call::<ops::ListGroups>(&root, Default::default()).expect("a list").groups;
    assert_eq!(all.iter().map(|group| group.group_name.as_str()).collect::<Vec<_>>(), ["one", "three", "two"]);
    let none = ListGroupsRequest { path_prefix: Some("/other/".into()), ..Default::default() };
    assert!(app.call::<ops::ListGroups>(&root, none).expect("a list").groups.is_empty());
}

#[test]
fn names_are_unique_and_unknown_ones_refused() {
    let (app, root) = setup();
    create(&app, &root, "admins");
    user(&app, &root, "alice");
    let again = CreateGroupRequest { group_name: "ADMINS".into(), path: None };
    assert_eq!(
        refusal(app.call::<ops::CreateGroup>(&root, again)),
        "EntityAlreadyExists: Group with name ADMINS already exists."
    );
    assert_eq!(refusal(add(&app, &root, "x", "alice")), "NoSuchEntity: The group with name x cannot be found.");
    assert_eq!(refusal(add(&app, &root, "admins", "x")), "NoSuchEntity: The user with name x cannot be found.");
}

#[test]
fn a_user_is_in_ten_groups_at_most() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    for number in 0..10 {
        create(&app, &root, &format!("g{number}"));
        add(&app, &root, &format!("g{number}"), "alice").expect("a member");
    }
    create(&app, &root, "one-more");
    assert_eq!(
        refusal(add(&app, &root, "one-more", "alice")),
        "LimitExceeded: Cannot exceed quota for GroupsPerUser: 10"
    );
}

#[test]
fn a_group_goes_when_it_is_empty() {
    let (app, root) = setup();
    create(&app, &root, "admins");
    user(&app, &root, "alice");
    add(&app, &root, "admins", "alice").expect("a member");
    let delete = || app.call::<ops::DeleteGroup>(&root, DeleteGroupRequest { group_name: "admins".into() });
    assert_eq!(refusal(delete()), "DeleteConflict: Cannot delete entity, must remove users from group first.");
    let member = RemoveUserFromGroupRequest { group_name: "admins".into(), user_name: "alice".into() };
    app.call::<ops::RemoveUserFromGroup>(&root, member).expect("removed");
    let policy = PutGroupPolicyRequest {
        group_name: "admins".into(),
        policy_name: "p".into(),
        policy_document: crate::support::ALLOW_ALL.into(),
    };
    app.call::<ops::PutGroupPolicy>(&root, policy).expect("a policy");
    assert_eq!(refusal(delete()), "DeleteConflict: Cannot delete entity, must delete policies first.");
    let policy = DeleteGroupPolicyRequest { group_name: "admins".into(), policy_name: "p".into() };
    app.call::<ops::DeleteGroupPolicy>(&root, policy).expect("deleted");
    delete().expect("empty");
}

#[test]
fn a_renamed_group_keeps_its_members() {
    let (app, root) = setup();
    let group = create(&app, &root, "admins");
    user(&app, &root, "alice");
    add(&app, &root, "admins", "alice").expect("a member");
    let rename = UpdateGroupRequest { group_name: "admins".into(), new_group_name: Some("ops".into()), new_path: None };
    assert_eq!(permissions::<ops::UpdateGroup>(&app, &root, &rename).len(), 2);
    app.call::<ops::UpdateGroup>(&root, rename).expect("renamed");
    let input = GetGroupRequest { group_name: "ops".into(), ..Default::default() };
    let found = app.call::<ops::GetGroup>(&root, input).expect("found");
    assert_eq!((found.group.group_id, found.users.len()), (group.group_id, 1));
}
