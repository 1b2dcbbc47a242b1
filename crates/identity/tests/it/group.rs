use crate::support::{MANAGEMENT, World, events, failure};
use base::IdentityGroupId;
use kernel::{Result, params};
use model::identitystore::{
    AlternateIdentifier, AttributeOperation, CreateGroupRequest, DeleteGroupRequest, DescribeGroupRequest, ExternalId,
    Filter, GetGroupIdRequest, ListGroupsRequest, UniqueAttribute, UpdateGroupRequest, UpdateGroupResponse, ops,
};
use smithy::Document;

fn request(world: &World, name: &str) -> CreateGroupRequest {
    CreateGroupRequest {
        identity_store_id: world.store.clone(),
        display_name: Some(name.to_owned()),
        description: Some("All of us".to_owned()),
    }
}

fn describe(world: &World, group: &str) -> DescribeGroupRequest {
    DescribeGroupRequest { identity_store_id: world.store.clone(), group_id: group.to_owned() }
}

fn by_path(world: &World, path: &str, value: &str) -> GetGroupIdRequest {
    let unique_attribute =
        UniqueAttribute { attribute_path: path.to_owned(), attribute_value: Document::parse(value).expect("JSON") };
    GetGroupIdRequest {
        identity_store_id: world.store.clone(),
        alternate_identifier: AlternateIdentifier {
            unique_attribute: Some(unique_attribute),
            ..AlternateIdentifier::default()
        },
    }
}

fn update(world: &World, group: &str, operations: &[(&str, &str)]) -> Result<UpdateGroupResponse> {
    let operation = |(path, value): &(&str, &str)| AttributeOperation {
        attribute_path: (*path).to_owned(),
        attribute_value: Document::parse(*value).filter(|value| value.as_json() != "null"),
    };
    world.call::<ops::UpdateGroup>(UpdateGroupRequest {
        identity_store_id: world.store.clone(),
        group_id: group.to_owned(),
        operations: operations.iter().map(operation).collect(),
        revision: None,
    })
}

#[test]
fn a_group_is_created_described_and_found_by_its_name() {
    let world = World::new();
    let made = world.call::<ops::CreateGroup>(request(&world, "Platform Team")).expect("created");
    assert_eq!((made.identity_store_id.as_str(), made.revision.as_str()), (world.store.as_str(), "1"));
    assert_eq!(made.group_arn, format!("arn:aws:identitystore:::group/{}", made.group_id));
    for name in [made.group_id.as_str(), made.group_arn.as_str(), &made.group_id.to_uppercase()] {
        let found = world.call::<ops::DescribeGroup>(describe(&world, name)).expect("described");
        assert_eq!(found.group_id, made.group_id);
        assert_eq!(found.display_name.as_deref(), Some("Platform Team"));
        assert_eq!(found.description.as_deref(), Some("All of us"));
        assert_eq!(found.created_at, found.updated_at);
        let root = format!("arn:aws:iam::{MANAGEMENT}:root");
        assert_eq!((found.created_by.as_deref(), found.updated_by), (Some(root.as_str()), Some(root.clone())));
        assert!(found.external_ids.is_none());
    }
    for (path, value) in [("displayName", "\"Platform Team\""), ("DisplayName", "\"platform team\"")] {
        let found = world.call::<ops::GetGroupId>(by_path(&world, path, value)).expect("found");
        assert_eq!((found.group_id, found.group_arn), (made.group_id.clone(), made.group_arn.clone()));
    }
    let store = format!("arn:aws:identitystore::{MANAGEMENT}:identitystore/{}", world.store);
    let input = by_path(&world, "displayName", "\"platform team\"");
    assert_eq!(world.resources::<ops::GetGroupId>(&input), [store.as_str(), &made.group_arn]);
    let nobody = by_path(&world, "displayName", "\"nobody\"");
    assert_eq!(world.resources::<ops::GetGroupId>(&nobody), [&store, "arn:aws:identitystore:::group/*"]);
}

#[test]
fn what_is_not_there_or_means_nothing_is_refused() {
    let world = World::new();
    let unknown = "ResourceNotFoundException GROUP: GROUP not found.";
    let user_arn = format!("arn:aws:identitystore:::user/{}", world.user("alice"));
    for id in ["5d5e9a70-0d4c-4a0e-9d2a-111111111111", "90677c5c2f-5d5e9a70-0d4c-4a0e-9d2a-111111111111", &user_arn] {
        assert_eq!(failure(world.call::<ops::DescribeGroup>(describe(&world, id))), unknown);
    }
    assert_eq!(failure(world.call::<ops::GetGroupId>(by_path(&world, "displayName", "\"x\""))), unknown);
    assert_eq!(
        failure(world.call::<ops::GetGroupId>(by_path(&world, "description", "\"x\""))),
        "ValidationError -: The attribute description is not a unique attribute"
    );
    assert_eq!(
        failure(world.call::<ops::GetGroupId>(by_path(&world, "displayName", "7"))),
        "ValidationError -: The value of the attribute displayName is not valid"
    );
    let none = GetGroupIdRequest {
        identity_store_id: world.store.clone(),
        alternate_identifier: AlternateIdentifier::default(),
    };
    assert!(failure(world.call::<ops::GetGroupId>(none)).starts_with("ValidationError -: AlternateIdentifier"));
}

#[test]
fn names_of_groups_are_unique_whatever_their_case_and_some_are_reserved() {
    let world = World::new();
    world.group("Admins");
    let duplicate = "ConflictException UNIQUENESS_CONSTRAINT_VIOLATION: Duplicate GroupDisplayName";
    assert_eq!(failure(world.call::<ops::CreateGroup>(request(&world, "ADMINS"))), duplicate);
    let other = world.group("Others");
    assert_eq!(failure(update(&world, &other, &[("displayName", "\"admins\"")])), duplicate);
    update(&world, &other, &[("displayName", "\"OTHERS\"")]).expect("the own name in other letters is free");
    for reserved in ["Administrator", "awsadministrators"] {
        let expected =
            format!("ValidationError -: {reserved} is a reserved name and can't be used for users or groups.");
        assert_eq!(failure(world.call::<ops::CreateGroup>(request(&world, reserved))), expected);
    }
    let nameless = CreateGroupRequest { display_name: None, ..request(&world, "x") };
    assert_eq!(
        failure(world.call::<ops::CreateGroup>(nameless)),
        "ValidationError -: 1 validation error detected: Value null at 'displayName' failed to satisfy constraint: \
         Member must not be null"
    );
}

#[test]
fn updates_set_and_remove_attributes_and_count_as_revisions() {
    let world = World::new();
    let group = world.call::<ops::CreateGroup>(request(&world, "Admins")).expect("created").group_id;
    world.app.clock.advance_seconds(60);
    let done = update(&world, &group, &[("displayName", "\"Operators\""), ("description", "null")]).expect("updated");
    assert_eq!(done.revision, "2");
    let found = world.call::<ops::DescribeGroup>(describe(&world, &group)).expect("described");
    assert_eq!((found.display_name.as_deref(), found.description), (Some("Operators"), None));
    assert_eq!(found.revision, "2");
    assert!(found.updated_at > found.created_at);
    for (path, value, expected) in [
        ("displayName", "null", "Value null at 'displayName'"),
        ("displayName", "\"\"", "Value '***' at 'displayName' failed to satisfy constraint: Member must have length"),
        ("description", "7", "The value of the attribute description is not valid"),
        ("groupId", "\"x\"", "The attribute path groupId is not valid for this operation"),
    ] {
        let refused = failure(update(&world, &group, &[(path, value)]));
        assert!(refused.starts_with("ValidationError") && refused.contains(expected), "{refused}");
    }
    let stale = |revision: &str| UpdateGroupRequest {
        identity_store_id: world.store.clone(),
        group_id: group.clone(),
        operations: vec![AttributeOperation { attribute_path: "description".to_owned(), attribute_value: None }],
        revision: Some(revision.to_owned()),
    };
    let refused = failure(world.call::<ops::UpdateGroup>(stale("1")));
    assert!(refused.starts_with("ConflictException CONCURRENT_MODIFICATION"), "{refused}");
    world.call::<ops::UpdateGroup>(stale("2")).expect("that is the present revision");
}

#[test]
fn a_deleted_group_takes_its_memberships_along_and_is_told_of() {
    let world = World::new();
    let (group, other, user) = (world.group("Admins"), world.group("Others"), world.user("alice"));
    world.membership(&group, &user);
    world.membership(&other, &user);
    let delete = |revision: Option<&str>| DeleteGroupRequest {
        identity_store_id: world.store.clone(),
        group_id: group.clone(),
        revision: revision.map(str::to_owned),
    };
    let refused = failure(world.call::<ops::DeleteGroup>(delete(Some("9"))));
    assert!(refused.starts_with("ConflictException CONCURRENT_MODIFICATION"), "{refused}");
    events();
    world.call::<ops::DeleteGroup>(delete(None)).expect("deleted");
    assert_eq!(events(), [format!("IdentityGroupDeleted {{ store: {}, group: {group} }}", world.store)]);
    assert_eq!(world.count("select count(*) from ids_membership"), 1);
    let unknown = "ResourceNotFoundException GROUP: GROUP not found.";
    assert_eq!(failure(world.call::<ops::DeleteGroup>(delete(None))), unknown);
}

#[test]
fn groups_are_listed_in_pages_and_by_name() {
    let world = World::new();
    let names = ["c", "a", "b"].map(|name| {
        world.app.clock.advance_seconds(1);
        world.group(name);
        name
    });
    let list = |token: Option<String>, name: Option<&str>, path: &str| ListGroupsRequest {
        identity_store_id: world.store.clone(),
        max_results: Some(2),
        next_token: token,
        filters: name.map(|name| vec![Filter { attribute_path: path.to_owned(), attribute_value: name.to_owned() }]),
    };
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        let page = world.call::<ops::ListGroups>(list(token, None, "")).expect("listed");
        assert!(page.groups.len() <= 2);
        seen.extend(page.groups.into_iter().filter_map(|group| group.display_name));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, names);
    let found = world.call::<ops::ListGroups>(list(None, Some("B"), "DisplayName")).expect("listed").groups;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].display_name.as_deref(), Some("b"));
    assert!(world.call::<ops::ListGroups>(list(None, Some("z"), "displayName")).expect("listed").groups.is_empty());
    assert_eq!(
        failure(world.call::<ops::ListGroups>(list(None, Some("z"), "description"))),
        "ValidationError -: The attribute description is not supported in filters"
    );
    let refused = failure(world.call::<ops::ListGroups>(list(Some("made-up".to_owned()), None, "")));
    assert_eq!(refused, "ValidationError -: The NextToken is not valid.");
}

#[test]
fn an_external_id_finds_its_group_and_is_a_condition_of_permissions() {
    let world = World::new();
    let group = world.group("Admins");
    let id = ExternalId { issuer: "https://scim.aws.com/x".to_owned(), id: "g-1".to_owned() };
    world.write(|cx| identity::external_id::set(&mut cx.write(), &world.store_id(), &group, std::slice::from_ref(&id)));
    let by_id = |id: ExternalId| GetGroupIdRequest {
        identity_store_id: world.store.clone(),
        alternate_identifier: AlternateIdentifier { external_id: Some(id), unique_attribute: None },
    };
    assert_eq!(world.call::<ops::GetGroupId>(by_id(id.clone())).expect("found").group_id, group);
    let other = ExternalId { id: "g-2".to_owned(), ..id.clone() };
    let unknown = "ResourceNotFoundException GROUP: GROUP not found.";
    assert_eq!(failure(world.call::<ops::GetGroupId>(by_id(other))), unknown);
    let found = world.call::<ops::DescribeGroup>(describe(&world, &group)).expect("described").external_ids;
    let found: Vec<(String, String)> = found.into_iter().flatten().map(|id| (id.issuer, id.id)).collect();
    assert_eq!(found, [(id.issuer.clone(), id.id)]);
    let permissions = world.permissions::<ops::DescribeGroup>(&describe(&world, &group));
    assert_eq!(permissions.len(), 2);
    assert!(permissions.iter().all(|permission| {
        permission.context.contains(&("identitystore:GroupExternalIdIssuers".to_owned(), vec![id.issuer.clone()]))
            && permission.context.contains(&("identitystore:PrimaryRegion".to_owned(), vec!["us-east-1".to_owned()]))
    }));
}

#[test]
fn a_store_holds_no_more_groups_than_the_quota() {
    let world = World::new();
    let sql = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 100000) \
               insert into ids_group (id, store_id, display_name, display_name_key, revision, created_at, created_by, \
               updated_at, updated_by) select 'g' || i, $1, 'g' || i, 'g' || i, 1, 0, '', 0, '' from n";
    world.write(|cx| cx.write().exec(sql, params![world.store]));
    assert_eq!(
        failure(world.call::<ops::CreateGroup>(request(&world, "one too many"))),
        "ServiceQuotaExceededException -: The quota of groups in the identity store has been reached."
    );
}

#[test]
fn groups_from_active_directory_are_read_only() {
    let world = World::new();
    let group = world.group("Admins");
    world.connect_directory();
    let refused = "ValidationError -: The identity source of this identity store is Active Directory. Manage users, \
                   groups and memberships in Active Directory.";
    assert_eq!(failure(world.call::<ops::CreateGroup>(request(&world, "x"))), refused);
    assert_eq!(failure(update(&world, &group, &[("description", "null")])), refused);
    let delete = DeleteGroupRequest { identity_store_id: world.store.clone(), group_id: group.clone(), revision: None };
    assert_eq!(failure(world.call::<ops::DeleteGroup>(delete)), refused);
    world.call::<ops::DescribeGroup>(describe(&world, &group)).expect("described");
    let id = IdentityGroupId::parse(&group).expect("valid");
    let read = world.app.app.store.read(|tx| identity::group::get(tx, &world.store_id(), &id)).expect("read");
    let mut found = read.expect("it is there");
    found.source_id = Some("guid-1".to_owned());
    world.write(|cx| identity::group::update(&mut cx.write(), &found));
    let by_source =
        world.app.app.store.read(|tx| identity::group::find_by_source(tx, &world.store_id(), "guid-1")).expect("read");
    assert_eq!(by_source.map(|group| (group.id, group.revision)), Some((id, 2)));
}
