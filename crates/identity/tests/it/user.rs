use crate::support::{MANAGEMENT, World, events, failure, management};
use identity::user::Status;
use kernel::{Result, params};
use model::identitystore::{
    Address, AlternateIdentifier, AttributeOperation, CreateUserRequest, DeleteUserRequest, DescribeUserRequest,
    DescribeUserResponse, Email, ExternalId, Filter, GetUserIdRequest, ListUsersRequest, Name, PhoneNumber, Photo,
    Role, UniqueAttribute, UpdateUserRequest, UpdateUserResponse, UserStatus, ops,
};
use smithy::Document;
use smithy::schema::Shape;
use std::collections::BTreeMap;

const ENTERPRISE: &str = "aws:identitystore:enterprise";
const UNKNOWN: &str = "ResourceNotFoundException USER: USER not found.";

fn describe(world: &World, user: &str) -> DescribeUserRequest {
    DescribeUserRequest {
        identity_store_id: world.store.clone(),
        user_id: user.to_owned(),
        extensions: Some(vec![ENTERPRISE.to_owned()]),
    }
}

fn described(world: &World, user: &str) -> DescribeUserResponse {
    world.call::<ops::DescribeUser>(describe(world, user)).expect("described")
}

fn by_path(world: &World, path: &str, value: &str) -> GetUserIdRequest {
    let unique_attribute =
        UniqueAttribute { attribute_path: path.to_owned(), attribute_value: Document::parse(value).expect("JSON") };
    GetUserIdRequest {
        identity_store_id: world.store.clone(),
        alternate_identifier: AlternateIdentifier {
            unique_attribute: Some(unique_attribute),
            ..AlternateIdentifier::default()
        },
    }
}

fn update(world: &World, user: &str, operations: &[(&str, &str)]) -> Result<UpdateUserResponse> {
    let operation = |(path, value): &(&str, &str)| AttributeOperation {
        attribute_path: (*path).to_owned(),
        attribute_value: Some(Document::parse(*value).expect("JSON")),
    };
    world.call::<ops::UpdateUser>(UpdateUserRequest {
        identity_store_id: world.store.clone(),
        user_id: user.to_owned(),
        operations: operations.iter().map(operation).collect(),
        revision: None,
    })
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// A request with every attribute that there is.
fn everything(world: &World) -> CreateUserRequest {
    let enterprise = r#"{"employeeNumber":"701984","costCenter":"4130","organization":"Space","division":"Theme",
        "department":"Tour","manager":{"value":"26118915-6090","$ref":"../Users/26118915","displayName":"John"}}"#;
    CreateUserRequest {
        identity_store_id: world.store.clone(),
        user_name: some("márta@example.com"),
        display_name: some("Márta \u{3000} Nagy"),
        name: Some(Name {
            family_name: some("Nagy"),
            formatted: some("Dr. Nagy Márta Ilona PhD"),
            given_name: some("Márta"),
            honorific_prefix: some("Dr."),
            honorific_suffix: some("PhD"),
            middle_name: some("Ilona"),
        }),
        nick_name: some("marti"),
        profile_url: some("https://example.com/~marta?a=1&b=\"2\""),
        emails: Some(vec![Email { primary: Some(true), r#type: some("work"), value: some("Marta@Example.com") }]),
        addresses: Some(vec![Address {
            country: some("HU"),
            formatted: some("1011 Budapest\nFő utca 1"),
            locality: some("Budapest"),
            postal_code: some("1011"),
            primary: Some(false),
            region: some("Budapest"),
            street_address: some("Fő utca 1"),
            r#type: some("home"),
        }]),
        phone_numbers: Some(vec![PhoneNumber { primary: Some(true), r#type: some("mobile"), value: some("+36 1 2") }]),
        user_type: some("Employee"),
        title: some("Engineer"),
        preferred_language: some("hu-HU"),
        locale: some("hu-HU"),
        timezone: some("Europe/Budapest"),
        photos: Some(vec![
            Photo { display: some("large"), primary: Some(true), r#type: some("photo"), value: "https://x/1".into() },
            Photo { value: "https://x/2".into(), ..Photo::default() },
        ]),
        website: some("https://example.com"),
        birthdate: some("1980-02-29"),
        roles: Some(vec![Role { primary: Some(true), r#type: some("job"), value: some("Lead") }]),
        extensions: Some(BTreeMap::from([(ENTERPRISE.to_owned(), Document::parse(enterprise).expect("JSON"))])),
    }
}

/// The members that `shape` has in common with a request, as JSON.
fn attributes(shape: &dyn Shape) -> serde_json::Map<String, serde_json::Value> {
    let mut text = Vec::new();
    smithy::json::write(shape, &mut text);
    let members = CreateUserRequest::default();
    let known: Vec<&str> = members.schema().members().iter().map(|member| member.name).collect();
    let mut all: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&text).expect("JSON");
    all.retain(|name, _| known.contains(&name.as_str()));
    all
}

#[test]
fn every_attribute_comes_back_exactly_as_it_was_given() {
    let world = World::new();
    let request = everything(&world);
    let given = attributes(&request);
    assert_eq!(given.len(), request.schema().members().len(), "the request has every attribute");
    let made = world.call::<ops::CreateUser>(request).expect("created");
    assert_eq!(made.user_arn, format!("arn:aws:identitystore:::user/{}", made.user_id));
    assert_eq!(made.revision, "1");
    let found = described(&world, &made.user_arn);
    assert_eq!(attributes(&found), given);
    assert_eq!((found.user_id, found.user_arn), (made.user_id.clone(), made.user_arn));
    assert_eq!(found.user_status, Some(UserStatus::Enabled));
    assert_eq!(found.created_by, Some(format!("arn:aws:iam::{MANAGEMENT}:root")));
    let list = |extensions| ListUsersRequest {
        identity_store_id: world.store.clone(),
        extensions,
        ..ListUsersRequest::default()
    };
    let with = world.call::<ops::ListUsers>(list(Some(vec![ENTERPRISE.to_owned()]))).expect("listed").users;
    assert_eq!(attributes(&with[0]), given);
    let without = world.call::<ops::ListUsers>(list(None)).expect("listed").users;
    assert!(without[0].extensions.is_none(), "extensions are given to those who ask for them");
    let unknown = list(Some(vec!["aws:identitystore:other".to_owned()]));
    assert_eq!(
        failure(world.call::<ops::ListUsers>(unknown)),
        "ValidationError -: The extension aws:identitystore:other is not supported"
    );
}

#[test]
fn attributes_that_were_not_given_are_absent() {
    let world = World::new();
    let found = described(&world, &world.user("alice"));
    let mut names: Vec<String> = attributes(&found).into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["DisplayName", "Emails", "IdentityStoreId", "Name", "UserName"]);
    assert!(found.external_ids.is_none());
}

#[test]
fn a_user_needs_a_name_a_display_name_and_both_parts_of_the_own_name() {
    let world = World::new();
    let empty = CreateUserRequest { identity_store_id: world.store.clone(), ..CreateUserRequest::default() };
    let refused = failure(world.call::<ops::CreateUser>(empty));
    assert!(refused.starts_with("ValidationError -: 4 validation errors detected: "), "{refused}");
    for path in ["userName", "displayName", "name.givenName", "name.familyName"] {
        assert!(refused.contains(&format!("Value null at '{path}' failed")), "{refused}");
    }
    for reserved in ["administrator", "AWSAdministrators"] {
        let expected =
            format!("ValidationError -: {reserved} is a reserved name and can't be used for users or groups.");
        assert_eq!(failure(world.call::<ops::CreateUser>(world.user_request(reserved))), expected);
    }
}

#[test]
fn user_names_and_addresses_are_unique_whatever_their_case() {
    let world = World::new();
    world.user("alice");
    let duplicate = "ConflictException UNIQUENESS_CONSTRAINT_VIOLATION: Duplicate UserName";
    assert_eq!(failure(world.call::<ops::CreateUser>(world.user_request("ALICE"))), duplicate);
    let mut request = world.user_request("bob");
    request.emails = Some(vec![Email { value: some("Alice@example.COM"), ..Email::default() }]);
    let taken = "ConflictException UNIQUENESS_CONSTRAINT_VIOLATION: Duplicate Email";
    assert_eq!(failure(world.call::<ops::CreateUser>(request)), taken);
    let bob = world.user("bob");
    assert_eq!(failure(update(&world, &bob, &[("userName", r#""Alice""#)])), duplicate);
    assert_eq!(failure(update(&world, &bob, &[("emails", r#"[{"value":"ALICE@example.com"}]"#)])), taken);
    update(&world, &bob, &[("userName", r#""Bob""#), ("emails", r#"[{"value":"BOB@example.com"}]"#)])
        .expect("the own name in other letters is free");
}

#[test]
fn extensions_hold_what_aws_documents_and_nothing_else() {
    let world = World::new();
    for (name, content) in [
        ("aws:identitystore:other", "{}"),
        (ENTERPRISE, "[]"),
        (ENTERPRISE, r#"{"salary":"1"}"#),
        (ENTERPRISE, r#"{"division":7}"#),
        (ENTERPRISE, r#"{"division":""}"#),
        (ENTERPRISE, r#"{"manager":"x"}"#),
        (ENTERPRISE, r#"{"manager":{"name":"x"}}"#),
    ] {
        let mut request = world.user_request("alice");
        request.extensions = Some(BTreeMap::from([(name.to_owned(), Document::parse(content).expect("JSON"))]));
        let refused = failure(world.call::<ops::CreateUser>(request));
        assert!(refused.starts_with("ValidationError"), "{content}: {refused}");
    }
}

#[test]
fn users_are_found_by_name_by_address_and_by_external_id() {
    let world = World::new();
    let user = world.user("alice");
    for (path, value) in [
        ("userName", r#""alice""#),
        ("UserName", r#""ALICE""#),
        ("emails.value", r#""alice@example.com""#),
        ("Emails.Value", r#""Alice@Example.com""#),
    ] {
        let found = world.call::<ops::GetUserId>(by_path(&world, path, value)).expect("found");
        assert_eq!(found.user_id, user);
    }
    let id = ExternalId { issuer: "https://scim.aws.com/x".to_owned(), id: "u-1".to_owned() };
    world.write(|cx| identity::external_id::set(&mut cx.write(), &world.store_id(), &user, std::slice::from_ref(&id)));
    let both = |external_id| GetUserIdRequest {
        identity_store_id: world.store.clone(),
        alternate_identifier: AlternateIdentifier { external_id, unique_attribute: None },
    };
    assert_eq!(world.call::<ops::GetUserId>(both(Some(id.clone()))).expect("found").user_id, user);
    let shown = described(&world, &user).external_ids.into_iter().flatten();
    assert_eq!(shown.map(|id| id.id).collect::<Vec<_>>(), ["u-1"]);
    let listed = ListUsersRequest { identity_store_id: world.store.clone(), ..ListUsersRequest::default() };
    let listed = world.call::<ops::ListUsers>(listed).expect("listed").users;
    assert_eq!(listed[0].external_ids.as_ref().map(Vec::len), Some(1));
    let mut other = id.clone();
    other.issuer = "elsewhere".to_owned();
    assert_eq!(failure(world.call::<ops::GetUserId>(both(Some(other)))), UNKNOWN);
    assert_eq!(failure(world.call::<ops::GetUserId>(by_path(&world, "userName", r#""bob""#))), UNKNOWN);
    assert!(failure(world.call::<ops::GetUserId>(both(None))).starts_with("ValidationError -: AlternateIdentifier"));
    assert_eq!(
        failure(world.call::<ops::GetUserId>(by_path(&world, "displayName", r#""alice""#))),
        "ValidationError -: The attribute displayName is not a unique attribute"
    );
    let context = &world.permissions::<ops::DescribeUser>(&describe(&world, &user))[1].context;
    assert!(context.contains(&("identitystore:UserExternalIdIssuers".to_owned(), vec![id.issuer])));
}

#[test]
fn an_address_that_several_people_of_a_directory_share_finds_nobody() {
    let world = World::new();
    let (_, bob) = (world.user("alice"), world.user_id("bob"));
    let store = world.store_id();
    let read = world.app.app.store.read(|tx| identity::user::get(tx, &store, &bob)).expect("read");
    let mut user = read.expect("it is there");
    user.attributes.emails = Some(vec![Email { value: some("alice@example.com"), ..Email::default() }]);
    world.write(|cx| identity::user::update(&mut cx.write(), &user));
    assert_eq!(
        failure(world.call::<ops::GetUserId>(by_path(&world, "emails.value", r#""alice@example.com""#))),
        UNKNOWN
    );
}

#[test]
fn updates_reach_every_attribute_by_its_path() {
    let world = World::new();
    let user = world.user("alice");
    let wanted = everything(&world);
    let given = attributes(&wanted);
    let operations: Vec<(String, String)> = given
        .iter()
        .filter(|(name, _)| !["IdentityStoreId", "Extensions"].contains(&name.as_str()))
        .map(|(name, value)| (name[..1].to_lowercase() + &name[1..], value.to_string()))
        .chain([(ENTERPRISE.to_owned(), given["Extensions"][ENTERPRISE].to_string())])
        .collect();
    let operations: Vec<(&str, &str)> =
        operations.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
    assert_eq!(update(&world, &user, &operations).expect("updated").revision, "2");
    let found = described(&world, &user);
    assert_eq!((attributes(&found), found.revision.as_str()), (given, "2"));
}

#[test]
fn updates_speak_as_terraform_does() {
    let world = World::new();
    let user = world.user("alice");
    update(
        &world,
        &user,
        &[
            ("displayName", r#""Alice E.""#),
            ("name.familyName", r#""Other""#),
            ("name.middleName", r#""M.""#),
            ("nickName", r#""al""#),
            ("emails", r#"[{"primary":true,"type":"work","value":"a@example.com"}]"#),
            ("addresses", r#"[{"streetAddress":"1 High Street","postalCode":"AB1"}]"#),
            ("aws:identitystore:enterprise.department", r#""Tour""#),
            ("aws:identitystore:enterprise.manager.value", r#""26118915""#),
        ],
    )
    .expect("updated");
    let found = described(&world, &user);
    assert_eq!(found.display_name.as_deref(), Some("Alice E."));
    let name = found.name.expect("a name");
    assert_eq!((name.given_name.as_deref(), name.family_name.as_deref()), (Some("alice"), Some("Other")));
    assert_eq!(name.middle_name.as_deref(), Some("M."));
    let emails = found.emails.expect("an address");
    assert_eq!((emails.len(), emails[0].primary, emails[0].value.as_deref()), (1, Some(true), Some("a@example.com")));
    assert_eq!(found.addresses.expect("an address")[0].street_address.as_deref(), Some("1 High Street"));
    let extension = found.extensions.expect("an extension")[ENTERPRISE].as_json().to_owned();
    assert_eq!(extension, r#"{"department":"Tour","manager":{"value":"26118915"}}"#);
    update(
        &world,
        &user,
        &[
            ("nickName", "null"),
            ("name.middleName", "null"),
            ("emails", "null"),
            ("addresses", "null"),
            ("aws:identitystore:enterprise.department", "null"),
            ("aws:identitystore:enterprise.manager.value", "null"),
        ],
    )
    .expect("updated");
    let found = described(&world, &user);
    assert!(found.nick_name.is_none() && found.emails.is_none() && found.addresses.is_none());
    assert!(found.name.is_some_and(|name| name.middle_name.is_none() && name.given_name.is_some()));
    assert!(found.extensions.is_none());
}

#[test]
fn updates_that_mean_nothing_or_leave_too_little_are_refused_whole() {
    let world = World::new();
    let user = world.user("alice");
    for (path, value, expected) in [
        ("userId", r#""x""#, "The attribute path userId is not valid for this operation"),
        ("userStatus", r#""DISABLED""#, "The attribute path userStatus is not valid"),
        ("externalIds", "null", "The attribute path externalIds is not valid"),
        ("identityStoreId", r#""d-1234567890""#, "The attribute path identityStoreId is not valid"),
        ("emails.value", r#""x@example.com""#, "The attribute path emails.value is not valid"),
        ("name.first", r#""x""#, "The attribute path name.first is not valid"),
        ("aws:identitystore:enterprise.salary", r#""1""#, "enterprise.salary is not valid"),
        ("displayName", "7", "The value of the attribute displayName is not valid"),
        ("emails", r#"{"value":"x"}"#, "The value of the attribute emails is not valid"),
        ("emails", "[]", "Member must have length greater than or equal to 1"),
        ("emails", r#"[{"value":"a"},{"value":"b"}]"#, "Member must have length less than or equal to 1"),
        ("photos", r#"[{"type":"photo"}]"#, "Value null at 'photos.1.member.value'"),
        ("nickName", r#""""#, "'nickName' failed to satisfy constraint: Member must have length greater"),
        ("userName", r#""with space""#, "'userName' failed to satisfy constraint: Member must satisfy regular"),
        ("userName", "null", "Value null at 'userName'"),
        ("displayName", "null", "Value null at 'displayName'"),
        ("name", "null", "Value null at 'name.givenName'"),
        ("name.familyName", "null", "Value null at 'name.familyName'"),
        ("userName", r#""Administrator""#, "is a reserved name"),
        ("aws:identitystore:enterprise", r#"{"salary":"1"}"#, "aws:identitystore:enterprise is not valid"),
    ] {
        let refused = failure(update(&world, &user, &[("title", r#""Boss""#), (path, value)]));
        assert!(refused.starts_with("ValidationError") && refused.contains(expected), "{path}: {refused}");
    }
    let found = described(&world, &user);
    assert!(found.title.is_none() && found.revision == "1");
}

#[test]
fn a_change_since_the_given_revision_is_a_conflict() {
    let world = World::new();
    let user = world.user("alice");
    update(&world, &user, &[("title", r#""Boss""#)]).expect("updated");
    let input = |revision: &str| UpdateUserRequest {
        identity_store_id: world.store.clone(),
        user_id: user.clone(),
        operations: vec![AttributeOperation { attribute_path: "title".to_owned(), attribute_value: None }],
        revision: Some(revision.to_owned()),
    };
    let stale = "ConflictException CONCURRENT_MODIFICATION: The resource was changed by another request since the \
                 given revision.";
    assert_eq!(failure(world.call::<ops::UpdateUser>(input("1"))), stale);
    assert_eq!(world.call::<ops::UpdateUser>(input("2")).expect("updated").revision, "3");
    assert!(described(&world, &user).title.is_none());
    let delete = |revision: Option<&str>| DeleteUserRequest {
        identity_store_id: world.store.clone(),
        user_id: user.clone(),
        revision: revision.map(str::to_owned),
    };
    assert_eq!(failure(world.call::<ops::DeleteUser>(delete(Some("2")))), stale);
    world.call::<ops::DeleteUser>(delete(Some("3"))).expect("deleted");
    assert_eq!(failure(world.call::<ops::DeleteUser>(delete(None))), UNKNOWN);
    assert_eq!(failure(world.call::<ops::DescribeUser>(describe(&world, &user))), UNKNOWN);
}

#[test]
fn users_are_listed_in_pages_and_by_name() {
    let world = World::new();
    let names: Vec<String> = (0..5).rev().map(|n| format!("user{n}")).collect();
    for name in &names {
        world.app.clock.advance_seconds(1);
        world.user(name);
    }
    let list = |token: Option<String>, filter: Option<(&str, &str)>| ListUsersRequest {
        identity_store_id: world.store.clone(),
        max_results: Some(2),
        next_token: token,
        filters: filter
            .map(|(path, value)| vec![Filter { attribute_path: path.to_owned(), attribute_value: value.to_owned() }]),
        extensions: None,
    };
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let page = world.call::<ops::ListUsers>(list(token, None)).expect("listed");
        assert!(page.users.len() <= 2);
        seen.extend(page.users.into_iter().filter_map(|user| user.user_name));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, names);
    let found = world.call::<ops::ListUsers>(list(None, Some(("UserName", "USER3")))).expect("listed").users;
    assert_eq!(found.into_iter().filter_map(|user| user.user_name).collect::<Vec<_>>(), ["user3"]);
    assert!(world.call::<ops::ListUsers>(list(None, Some(("userName", "x")))).expect("listed").users.is_empty());
    assert_eq!(
        failure(world.call::<ops::ListUsers>(list(None, Some(("displayName", "x"))))),
        "ValidationError -: The attribute displayName is not supported in filters"
    );
    let token = world.call::<ops::ListUsers>(list(None, None)).expect("listed").next_token;
    let refused = failure(world.app.call::<ops::ListUsers>(&world.member, list(token, None)));
    assert_eq!(refused, "ValidationError -: The NextToken is not valid.", "tokens are good for their account only");
}

#[test]
fn a_disabled_user_is_shown_so_and_told_of_once() {
    let world = World::new();
    let user = world.user_id("alice");
    let set = |status| world.write(|cx| identity::user::set_status(cx, &world.store_id(), &user, status));
    events();
    assert!(set(Status::Enabled));
    assert!(events().is_empty());
    assert!(set(Status::Disabled) && set(Status::Disabled));
    assert_eq!(events(), [format!("IdentityUserDisabled {{ store: {}, user: {user} }}", world.store)]);
    assert_eq!(described(&world, user.as_str()).user_status, Some(UserStatus::Disabled));
    assert!(set(Status::Enabled));
    assert!(events().is_empty());
    assert_eq!(described(&world, user.as_str()).user_status, Some(UserStatus::Enabled));
    let nobody = base::IdentityUserId::parse("5d5e9a70-0d4c-4a0e-9d2a-111111111111").expect("valid");
    assert!(!world.write(|cx| identity::user::set_status(cx, &world.store_id(), &nobody, Status::Disabled)));
}

#[test]
fn a_store_holds_no_more_users_than_the_quota() {
    let world = World::new();
    let sql = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 100000) \
               insert into ids_user (id, store_id, user_name, user_name_key, status, attributes, revision, created_at, \
               created_by, updated_at, updated_by) \
               select 'u' || i, $1, 'u' || i, 'u' || i, 'ENABLED', '{}', 1, 0, '', 0, '' from n";
    world.write(|cx| cx.write().exec(sql, params![world.store]));
    assert_eq!(
        failure(world.call::<ops::CreateUser>(world.user_request("alice"))),
        "ServiceQuotaExceededException -: The quota of users in the identity store has been reached."
    );
}

#[test]
fn users_from_active_directory_are_read_only() {
    let world = World::new();
    let user = world.user("alice");
    world.connect_directory();
    let refused = "ValidationError -: The identity source of this identity store is Active Directory. Manage users, \
                   groups and memberships in Active Directory.";
    assert_eq!(failure(world.call::<ops::CreateUser>(world.user_request("bob"))), refused);
    assert_eq!(failure(update(&world, &user, &[("title", "null")])), refused);
    let delete = DeleteUserRequest { identity_store_id: world.store.clone(), user_id: user.clone(), revision: None };
    assert_eq!(failure(world.call::<ops::DeleteUser>(delete)), refused);
    described(&world, &user);
    let listed = ListUsersRequest { identity_store_id: world.store.clone(), ..ListUsersRequest::default() };
    assert_eq!(world.app.call::<ops::ListUsers>(&management(), listed).expect("listed").users.len(), 1);
}

#[test]
fn permissions_name_the_store_and_the_user() {
    let world = World::new();
    let store = format!("arn:aws:identitystore::{MANAGEMENT}:identitystore/{}", world.store);
    assert_eq!(world.resources::<ops::CreateUser>(&world.user_request("alice")), [store.as_str()]);
    let unknown = "5d5e9a70-0d4c-4a0e-9d2a-111111111111";
    let arn = format!("arn:aws:identitystore:::user/{unknown}");
    for name in [unknown, &unknown.to_uppercase(), &arn] {
        assert_eq!(world.resources::<ops::DescribeUser>(&describe(&world, name)), [store.as_str(), &arn]);
    }
    let user = world.user("alice");
    let found = by_path(&world, "userName", r#""alice""#);
    assert_eq!(world.resources::<ops::GetUserId>(&found)[1], format!("arn:aws:identitystore:::user/{user}"));
    let bad = by_path(&world, "title", r#""alice""#);
    assert_eq!(world.resources::<ops::GetUserId>(&bad)[1], "arn:aws:identitystore:::user/*");
}
