use crate::support::{ACCOUNT, add_account, add_role, permissions, refusal, setup, user};
use base::AccountId;
use kernel::testing::{START, root};
use model::iam::*;

fn create(name: &str) -> CreateUserRequest {
    CreateUserRequest { user_name: name.to_owned(), ..Default::default() }
}

fn get(name: &str) -> GetUserRequest {
    GetUserRequest { user_name: Some(name.to_owned()) }
}

#[test]
fn a_user_is_shown_as_it_was_created() {
    let (app, root) = setup();
    let tags = vec![Tag { key: "team".into(), value: "a".into() }];
    let input = CreateUserRequest { path: Some("/a/b/".into()), tags: Some(tags.clone()), ..create("Alice") };
    let created = app.call::<ops::CreateUser>(&root, input).expect("created").user.expect("shown");
    assert_eq!(created.arn, format!("arn:aws:iam::{ACCOUNT}:user/a/b/Alice"));
    assert!(created.user_id.starts_with("AIDA") && created.user_id.len() == 21);
    assert_eq!((created.path.as_str(), created.create_date), ("/a/b/", START));
    assert_eq!(created.tags, Some(tags));
    let found = app.call::<ops::GetUser>(&root, get("ALICE")).expect("found whatever the case");
    assert_eq!(found.user, created);
}

#[test]
fn a_name_is_taken_whatever_its_case() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let text = refusal(app.call::<ops::CreateUser>(&root, create("ALICE")));
    assert_eq!(text, "EntityAlreadyExists: User with name ALICE already exists.");
}

#[test]
fn an_unknown_user_is_named_in_the_error() {
    let (app, root) = setup();
    let expected = "NoSuchEntity: The user with name bob cannot be found.";
    assert_eq!(refusal(app.call::<ops::GetUser>(&root, get("bob"))), expected);
    let input = UpdateUserRequest { user_name: "bob".into(), ..Default::default() };
    assert_eq!(refusal(app.call::<ops::UpdateUser>(&root, input)), expected);
    let input = DeleteUserRequest { user_name: "bob".into() };
    assert_eq!(refusal(app.call::<ops::DeleteUser>(&root, input)), expected);
}

#[test]
fn without_a_name_the_caller_is_shown() {
    let (app, root) = setup();
    let alice = user(&app, &root, "alice");
    let own = app.call::<ops::GetUser>(&alice, GetUserRequest::default()).expect("the caller").user;
    assert_eq!(own.user_name, "alice");
    let own = app.call::<ops::GetUser>(&root, GetUserRequest::default()).expect("the root user").user;
    assert_eq!((own.user_id.as_str(), own.arn.as_str()), (ACCOUNT, "arn:aws:iam::111122223333:root"));
    let session = add_role(&app, "/", "r");
    assert_eq!(
        refusal(app.call::<ops::GetUser>(&session, GetUserRequest::default())),
        "ValidationError: Must specify userName when calling with non-User credentials"
    );
}

#[test]
fn a_renamed_user_keeps_its_id() {
    let (app, root) = setup();
    let caller = user(&app, &root, "alice");
    user(&app, &root, "bob");
    let before = app.call::<ops::GetUser>(&root, get("alice")).expect("found").user;
    let rename = |to: &str| UpdateUserRequest {
        user_name: "alice".into(),
        new_user_name: Some(to.into()),
        new_path: Some("/x/".into()),
    };
    assert_eq!(
        refusal(app.call::<ops::UpdateUser>(&root, rename("BOB"))),
        "EntityAlreadyExists: User with name BOB already exists."
    );
    app.call::<ops::UpdateUser>(&root, rename("Carol")).expect("renamed");
    let after = app.call::<ops::GetUser>(&root, get("carol")).expect("found").user;
    assert_eq!(after.user_id, before.user_id);
    assert_eq!(after.arn, format!("arn:aws:iam::{ACCOUNT}:user/x/Carol"));
    let own = app.call::<ops::GetUser>(&caller, GetUserRequest::default()).expect("still the same").user;
    assert_eq!(own.user_name, "Carol");
}

#[test]
fn a_rename_takes_permission_on_both_names() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let input = UpdateUserRequest { user_name: "alice".into(), new_user_name: Some("bob".into()), new_path: None };
    let resources: Vec<_> =
        permissions::<ops::UpdateUser>(&app, &root, &input).into_iter().map(|each| each.resource).collect();
    assert_eq!(resources, ["arn:aws:iam::111122223333:user/alice", "arn:aws:iam::111122223333:user/bob"]);
}

#[test]
fn users_are_listed_in_pages_by_name_and_path() {
    let (app, root) = setup();
    for (path, name) in [("/", "delta"), ("/x/", "Alpha"), ("/", "bravo"), ("/x/y/", "charlie")] {
        app.call::<ops::CreateUser>(&root, CreateUserRequest { path: Some(path.into()), ..create(name) }).expect(name);
    }
    let first = ListUsersRequest { max_items: Some(3), ..Default::default() };
    let page = app.call::<ops::ListUsers>(&root, first.clone()).expect("a page");
    assert_eq!(
        page.users.iter().map(|user| user.user_name.as_str()).collect::<Vec<_>>(),
        ["Alpha", "bravo", "charlie"]
    );
    assert_eq!(page.is_truncated, Some(true));
    let rest = app.call::<ops::ListUsers>(&root, ListUsersRequest { marker: page.marker.clone(), ..first }).expect("b");
    assert_eq!(rest.users.iter().map(|user| user.user_name.as_str()).collect::<Vec<_>>(), ["delta"]);
    assert_eq!((rest.is_truncated, rest.marker), (Some(false), None));
    let below = ListUsersRequest { path_prefix: Some("/x/".into()), ..Default::default() };
    let below = app.call::<ops::ListUsers>(&root, below).expect("a page");
    assert_eq!(below.users.iter().map(|user| user.user_name.as_str()).collect::<Vec<_>>(), ["Alpha", "charlie"]);
    for marker in ["nonsense".to_owned(), page.marker.expect("truncated") + "x"] {
        let input = ListUsersRequest { marker: Some(marker), ..Default::default() };
        assert_eq!(refusal(app.call::<ops::ListUsers>(&root, input)), "ValidationError: Invalid Marker.");
    }
}

#[test]
fn a_user_goes_only_when_nothing_hangs_on_it() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let name = || "alice".to_owned();
    let delete = || app.call::<ops::DeleteUser>(&root, DeleteUserRequest { user_name: name() });
    let conflict = |what: &str| format!("DeleteConflict: Cannot delete entity, must {what} first.");

    let key = CreateAccessKeyRequest { user_name: Some(name()) };
    let key = app.call::<ops::CreateAccessKey>(&root, key).expect("a key").access_key.access_key_id;
    assert_eq!(refusal(delete()), conflict("delete access keys"));
    let key = DeleteAccessKeyRequest { access_key_id: key, user_name: Some(name()) };
    app.call::<ops::DeleteAccessKey>(&root, key).expect("deleted");

    let group = CreateGroupRequest { group_name: "g".into(), path: None };
    app.call::<ops::CreateGroup>(&root, group).expect("a group");
    let member = AddUserToGroupRequest { group_name: "g".into(), user_name: name() };
    app.call::<ops::AddUserToGroup>(&root, member).expect("a member");
    assert_eq!(refusal(delete()), conflict("remove users from group"));
    let member = RemoveUserFromGroupRequest { group_name: "g".into(), user_name: name() };
    app.call::<ops::RemoveUserFromGroup>(&root, member).expect("removed");

    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned();
    let attach = AttachUserPolicyRequest { user_name: name(), policy_arn: arn.clone() };
    app.call::<ops::AttachUserPolicy>(&root, attach).expect("attached");
    assert_eq!(refusal(delete()), conflict("detach all policies"));
    let detach = DetachUserPolicyRequest { user_name: name(), policy_arn: arn };
    app.call::<ops::DetachUserPolicy>(&root, detach).expect("detached");

    delete().expect("nothing hangs on it");
    assert_eq!(
        refusal(app.call::<ops::GetUser>(&root, get("alice"))),
        "NoSuchEntity: The user with name alice cannot be found."
    );
}

#[test]
fn other_accounts_do_not_see_a_user() {
    let (app, own_root) = setup();
    add_account(&app, "444455556666", "other@example.com");
    let other = root(&AccountId::parse("444455556666").expect("valid"));
    user(&app, &own_root, "alice");
    assert_eq!(
        refusal(app.call::<ops::GetUser>(&other, get("alice"))),
        "NoSuchEntity: The user with name alice cannot be found."
    );
    app.call::<ops::CreateUser>(&other, create("alice")).expect("the name is free there");
}

#[test]
fn the_permission_names_a_user_that_does_not_exist_and_the_tags_of_one_that_does() {
    let (app, root) = setup();
    let resource = |permissions: Vec<kernel::Permission>| permissions[0].clone();
    let absent = resource(permissions::<ops::GetUser>(&app, &root, &get("nobody")));
    assert_eq!(
        (absent.action.as_str(), absent.resource.as_str()),
        ("iam:GetUser", "arn:aws:iam::111122223333:user/nobody")
    );
    let tags = vec![Tag { key: "team".into(), value: "a".into() }];
    let input = CreateUserRequest {
        path: Some("/p/".into()),
        tags: Some(tags),
        permissions_boundary: Some("arn:aws:iam::aws:policy/ReadOnlyAccess".into()),
        ..create("alice")
    };
    let creation = resource(permissions::<ops::CreateUser>(&app, &root, &input));
    assert_eq!(creation.resource, "arn:aws:iam::111122223333:user/p/alice");
    let value = |permission: &kernel::Permission, key: &str| {
        permission.context.iter().find(|(each, _)| each == key).map(|(_, values)| values.join(","))
    };
    assert_eq!(value(&creation, "aws:RequestTag/team").as_deref(), Some("a"));
    assert_eq!(value(&creation, "aws:TagKeys").as_deref(), Some("team"));
    assert_eq!(value(&creation, "iam:PermissionsBoundary").as_deref(), Some("arn:aws:iam::aws:policy/ReadOnlyAccess"));
    app.call::<ops::CreateUser>(&root, input).expect("created");
    let present = resource(permissions::<ops::GetUser>(&app, &root, &get("alice")));
    assert_eq!(present.resource, "arn:aws:iam::111122223333:user/p/alice");
    assert_eq!(value(&present, "aws:ResourceTag/team").as_deref(), Some("a"));
}

#[test]
fn credentials_that_do_not_exist_here_make_empty_lists() {
    let (app, root) = setup();
    let alice = user(&app, &root, "alice");
    let keys = app.call::<ops::ListSSHPublicKeys>(&alice, Default::default()).expect("a list");
    assert_eq!(keys.ssh_public_keys, Some(Vec::new()));
    assert!(
        app.call::<ops::ListSigningCertificates>(&alice, Default::default()).expect("a list").certificates.is_empty()
    );
    let specific = app.call::<ops::ListServiceSpecificCredentials>(&alice, Default::default()).expect("a list");
    assert_eq!(specific.service_specific_credentials, Some(Vec::new()));
    let servers = app.call::<ops::ListServerCertificates>(&root, Default::default()).expect("a list");
    assert!(servers.server_certificate_metadata_list.is_empty());
    let unknown = ListSSHPublicKeysRequest { user_name: Some("nobody".into()), ..Default::default() };
    assert_eq!(
        refusal(app.call::<ops::ListSSHPublicKeys>(&root, unknown)),
        "NoSuchEntity: The user with name nobody cannot be found."
    );
}
