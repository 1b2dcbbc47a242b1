use crate::support::{World, events, failure, member_id};
use base::{IdentityGroupId, IdentityUserId};
use model::identitystore::{
    DeleteGroupMembershipRequest, DeleteUserRequest, DescribeGroupMembershipRequest, GetGroupMembershipIdRequest,
    IsMemberInGroupsRequest, ListGroupMembershipsForMemberRequest, ListGroupMembershipsRequest, MemberId, ops,
};

const NOBODY: &str = "5d5e9a70-0d4c-4a0e-9d2a-111111111111";
const NO_MEMBER: &str = "ResourceNotFoundException USER: Member does not exist";
const NO_GROUP: &str = "ResourceNotFoundException GROUP: Group does not exist";
const NO_MEMBERSHIP: &str = "ResourceNotFoundException GROUP_MEMBERSHIP: GROUP_MEMBERSHIP not found.";

fn describe(world: &World, id: &str) -> DescribeGroupMembershipRequest {
    DescribeGroupMembershipRequest { identity_store_id: world.store.clone(), membership_id: id.to_owned() }
}

fn get_id(world: &World, group: &str, user: &str) -> GetGroupMembershipIdRequest {
    GetGroupMembershipIdRequest {
        identity_store_id: world.store.clone(),
        group_id: group.to_owned(),
        member_id: member_id(user),
    }
}

fn is_member(world: &World, user: &str, groups: &[&str]) -> IsMemberInGroupsRequest {
    IsMemberInGroupsRequest {
        identity_store_id: world.store.clone(),
        member_id: member_id(user),
        group_ids: groups.iter().map(|group| (*group).to_owned()).collect(),
    }
}

#[test]
fn a_membership_is_created_described_found_and_deleted() {
    let world = World::new();
    let (group, user) = (world.group("Admins"), world.user("alice"));
    let made = world.call::<ops::CreateGroupMembership>(world.membership_request(&group, &user)).expect("created");
    assert_eq!(made.membership_arn, format!("arn:aws:identitystore:::membership/{}", made.membership_id));
    for name in [&made.membership_id, &made.membership_arn] {
        let found = world.call::<ops::DescribeGroupMembership>(describe(&world, name)).expect("described");
        assert_eq!((found.membership_id, found.group_id), (made.membership_id.clone(), group.clone()));
        assert_eq!(found.member_id.user_id.as_deref(), Some(user.as_str()));
        assert!(found.created_at.is_some() && found.created_by.is_some());
    }
    let found = world.call::<ops::GetGroupMembershipId>(get_id(&world, &group, &user)).expect("found");
    assert_eq!((found.membership_id, found.membership_arn), (made.membership_id.clone(), made.membership_arn.clone()));
    let resources = world.resources::<ops::DescribeGroupMembership>(&describe(&world, &made.membership_id));
    let parts = [("group", &group), ("membership", &made.membership_id), ("user", &user)];
    let expected = parts.map(|(kind, id)| format!("arn:aws:identitystore:::{kind}/{id}"));
    assert_eq!(resources[1..], expected);
    assert_eq!(world.resources::<ops::GetGroupMembershipId>(&get_id(&world, &group, &user))[1..], expected);
    let delete = || DeleteGroupMembershipRequest {
        identity_store_id: world.store.clone(),
        membership_id: made.membership_id.clone(),
    };
    world.call::<ops::DeleteGroupMembership>(delete()).expect("deleted");
    assert_eq!(failure(world.call::<ops::DeleteGroupMembership>(delete())), NO_MEMBERSHIP);
    assert_eq!(failure(world.call::<ops::DescribeGroupMembership>(describe(&world, NOBODY))), NO_MEMBERSHIP);
    assert_eq!(failure(world.call::<ops::GetGroupMembershipId>(get_id(&world, &group, &user))), NO_MEMBERSHIP);
}

#[test]
fn only_users_and_groups_of_the_store_come_together_and_only_once() {
    let world = World::new();
    let (group, user) = (world.group("Admins"), world.user("alice"));
    let create =
        |group: &str, user: &str| world.call::<ops::CreateGroupMembership>(world.membership_request(group, user));
    create(&group, &user).expect("created");
    assert_eq!(
        failure(create(&group, &user)),
        "ConflictException UNIQUENESS_CONSTRAINT_VIOLATION: Member and group already exist in a membership"
    );
    assert_eq!(failure(create(&group, NOBODY)), NO_MEMBER);
    assert_eq!(failure(create(NOBODY, &user)), NO_GROUP);
    assert_eq!(failure(create(&group, &group)), NO_MEMBER);
    let mut nobody = world.membership_request(&group, &user);
    nobody.member_id = MemberId::default();
    assert_eq!(failure(world.call::<ops::CreateGroupMembership>(nobody)), NO_MEMBER);
    world.connect_directory();
    let refused = failure(create(&group, &user));
    assert!(refused.starts_with("ValidationError -: The identity source"), "{refused}");
}

#[test]
fn memberships_are_listed_in_pages_from_both_sides() {
    let world = World::new();
    let users: Vec<String> = (0..5).map(|n| world.user(&format!("user{n}"))).collect();
    let groups: Vec<String> = (0..3).map(|n| world.group(&format!("group{n}"))).collect();
    for user in &users {
        world.app.clock.advance_seconds(1);
        world.membership(&groups[0], user);
    }
    for group in &groups[1..] {
        world.app.clock.advance_seconds(1);
        world.membership(group, &users[0]);
    }
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let input = ListGroupMembershipsRequest {
            identity_store_id: world.store.clone(),
            group_id: groups[0].clone(),
            max_results: Some(2),
            next_token: token,
        };
        let page = world.call::<ops::ListGroupMemberships>(input).expect("listed");
        assert!(page.group_memberships.len() <= 2);
        seen.extend(page.group_memberships.into_iter().filter_map(|row| row.member_id.and_then(|id| id.user_id)));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, users);
    let list = |user: &str, token: Option<String>| {
        world.call::<ops::ListGroupMembershipsForMember>(ListGroupMembershipsForMemberRequest {
            identity_store_id: world.store.clone(),
            member_id: member_id(user),
            max_results: Some(2),
            next_token: token,
        })
    };
    let first = list(&users[0], None).expect("listed");
    assert_eq!(first.group_memberships.len(), 2);
    let token = first.next_token.clone();
    assert_eq!(failure(list(&users[1], token.clone())), "ValidationError -: The NextToken is not valid.");
    let second = list(&users[0], token).expect("listed");
    assert!(second.next_token.is_none());
    let both = first.group_memberships.into_iter().chain(second.group_memberships);
    assert_eq!(both.filter_map(|row| row.group_id).collect::<Vec<_>>(), groups);
    assert_eq!(failure(list(NOBODY, None)), NO_MEMBER);
    let input = ListGroupMembershipsRequest {
        identity_store_id: world.store.clone(),
        group_id: NOBODY.to_owned(),
        ..ListGroupMembershipsRequest::default()
    };
    assert_eq!(
        failure(world.call::<ops::ListGroupMemberships>(input)),
        "ResourceNotFoundException GROUP: GROUP not found."
    );
}

#[test]
fn membership_in_many_groups_is_asked_at_once() {
    let world = World::new();
    let (user, inside, outside) = (world.user("alice"), world.group("in"), world.group("out"));
    world.membership(&inside, &user);
    let input = is_member(&world, &user, &[&inside, &outside]);
    let results = world.call::<ops::IsMemberInGroups>(input.clone()).expect("answered").results;
    let results: Vec<_> = results.into_iter().map(|row| (row.group_id, row.membership_exists)).collect();
    assert_eq!(results, [(Some(inside), Some(true)), (Some(outside), Some(false))]);
    assert_eq!(world.resources::<ops::IsMemberInGroups>(&input).len(), 5);
    assert_eq!(failure(world.call::<ops::IsMemberInGroups>(is_member(&world, NOBODY, &[]))), NO_MEMBER);
    assert_eq!(
        failure(world.call::<ops::IsMemberInGroups>(is_member(&world, &user, &[NOBODY]))),
        "ResourceNotFoundException GROUP: GROUP not found."
    );
}

#[test]
fn a_deleted_user_leaves_all_groups_and_is_told_of() {
    let world = World::new();
    let (user, other, group) = (world.user("alice"), world.user("bob"), world.group("Admins"));
    world.membership(&group, &user);
    world.membership(&group, &other);
    events();
    let input = DeleteUserRequest { identity_store_id: world.store.clone(), user_id: user.clone(), revision: None };
    world.call::<ops::DeleteUser>(input).expect("deleted");
    assert_eq!(events(), [format!("IdentityUserDeleted {{ store: {}, user: {user} }}", world.store)]);
    let input = ListGroupMembershipsRequest {
        identity_store_id: world.store.clone(),
        group_id: group,
        ..ListGroupMembershipsRequest::default()
    };
    let rest = world.call::<ops::ListGroupMemberships>(input).expect("listed").group_memberships;
    assert_eq!(rest.into_iter().filter_map(|row| row.member_id?.user_id).collect::<Vec<_>>(), [other]);
}

#[test]
fn a_directory_adds_and_removes_members_without_the_api() {
    let world = World::new();
    let group = IdentityGroupId::parse(&world.group("Admins")).expect("valid");
    let mut users: Vec<IdentityUserId> = ["alice", "bob", "carol"].map(|name| world.user_id(name)).into();
    users.sort();
    world.connect_directory();
    for user in &users {
        let added = world.write(|cx| identity::membership::add(cx, &world.store_id(), &group, user));
        assert!(added.is_some());
    }
    let again = world.write(|cx| identity::membership::add(cx, &world.store_id(), &group, &users[0]));
    assert!(again.is_none());
    let read = |after: Option<&IdentityUserId>| {
        world.app.app.store.read(|tx| identity::membership::members_of(tx, &group, after, 2)).expect("read")
    };
    assert_eq!(read(None), users[..2]);
    assert_eq!(read(Some(&users[1])), users[2..]);
    assert!(world.write(|cx| identity::membership::remove(cx, &world.store_id(), &group, &users[1])));
    assert!(!world.write(|cx| identity::membership::remove(cx, &world.store_id(), &group, &users[1])));
    let groups = world.app.app.store.read(|tx| identity::membership::groups_of(tx, &users[0])).expect("read");
    assert_eq!(groups, [group]);
}
