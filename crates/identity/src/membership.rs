//! Who is in which group.

use crate::store::Store;
use crate::{access, group, messages, page, user};
use base::{IdentityGroupId, IdentityStoreId, IdentityUserId, Timestamp};
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Access, Cx, Result, Route, Tx, WriteCx, params, route};
use model::identitystore::{
    CreateGroupMembershipRequest, CreateGroupMembershipResponse, DeleteGroupMembershipRequest,
    DeleteGroupMembershipResponse, DescribeGroupMembershipRequest, DescribeGroupMembershipResponse,
    GetGroupMembershipIdRequest, GetGroupMembershipIdResponse, GroupMembership, GroupMembershipExistenceResult,
    IsMemberInGroupsRequest, IsMemberInGroupsResponse, ListGroupMembershipsForMemberRequest,
    ListGroupMembershipsForMemberResponse, ListGroupMembershipsRequest, ListGroupMembershipsResponse, MemberId,
    ResourceType, ops,
};
use smithy::schema::Operation;

/// A membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Id: a UUID.
    pub id: String,
    /// The store that knows it.
    pub store: IdentityStoreId,
    /// The group.
    pub group: IdentityGroupId,
    /// The member.
    pub user: IdentityUserId,
    /// When the user became a member.
    pub created_at: Timestamp,
    /// ARN or name of whoever made the user a member.
    pub created_by: String,
}

/// The columns of [`membership`], in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!("select id, store_id, group_id, user_id, created_at, created_by from ids_membership ", $rest)
    };
}

fn membership(row: &Row<'_>) -> Result<Membership> {
    Ok(Membership {
        id: row.get(0)?,
        store: row.get(1)?,
        group: row.get(2)?,
        user: row.get(3)?,
        created_at: row.get(4)?,
        created_by: row.get(5)?,
    })
}

/// The groups that the user is in.
///
/// # Errors
/// When the database fails.
pub fn groups_of(tx: &mut Tx, user: &IdentityUserId) -> Result<Vec<IdentityGroupId>> {
    let sql = "select group_id from ids_membership where user_id = $1 order by group_id";
    tx.all(sql, params![user], |row| row.get(0))
}

/// At most `limit` members of the group, by id, after `after`.
///
/// # Errors
/// When the database fails.
pub fn members_of(
    tx: &mut Tx,
    group: &IdentityGroupId,
    after: Option<&IdentityUserId>,
    limit: i64,
) -> Result<Vec<IdentityUserId>> {
    let after = after.map_or("", IdentityUserId::as_str);
    let sql = "select user_id from ids_membership where group_id = $1 and user_id > $2 order by user_id limit $3";
    tx.all(sql, params![group, after, limit], |row| row.get(0))
}

/// The membership of the user in the group.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, group: &IdentityGroupId, user: &IdentityUserId) -> Result<Option<Membership>> {
    tx.opt(select!("where group_id = $1 and user_id = $2"), params![group, user], membership)
}

/// The membership of that id in `store`.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, store: &IdentityStoreId, id: &str) -> Result<Option<Membership>> {
    tx.opt(select!("where store_id = $1 and id = $2"), params![store, id], membership)
}

/// Makes the user a member of the group, both of which are in `store`; `None` when the user already is.
///
/// # Errors
/// When the database fails.
pub fn add(
    cx: &mut WriteCx<'_>,
    store: &IdentityStoreId,
    group: &IdentityGroupId,
    user: &IdentityUserId,
) -> Result<Option<Membership>> {
    if find(cx.tx, group, user)?.is_some() {
        return Ok(None);
    }
    let membership = Membership {
        id: cx.random.uuid(),
        store: store.clone(),
        group: group.clone(),
        user: user.clone(),
        created_at: cx.now,
        created_by: cx.caller.arn(),
    };
    cx.write().exec_one(
        "insert into ids_membership (id, store_id, group_id, user_id, created_at, created_by) \
         values ($1, $2, $3, $4, $5, $6)",
        params![
            membership.id,
            membership.store,
            membership.group,
            membership.user,
            membership.created_at,
            membership.created_by
        ],
    )?;
    cx.touch(Scope::identity_store(store));
    Ok(Some(membership))
}

/// Ends the membership of the user in the group; false when there is none.
///
/// # Errors
/// When the database fails.
pub fn remove(
    cx: &mut WriteCx<'_>,
    store: &IdentityStoreId,
    group: &IdentityGroupId,
    user: &IdentityUserId,
) -> Result<bool> {
    let sql = "delete from ids_membership where store_id = $1 and group_id = $2 and user_id = $3";
    let is_gone = cx.write().exec(sql, params![store, group, user])? > 0;
    if is_gone {
        cx.touch(Scope::identity_store(store));
    }
    Ok(is_gone)
}

/// The text of the id in a union that knows users only.
fn member_text(member: &MemberId) -> &str {
    member.user_id.as_deref().unwrap_or_default()
}

fn existing_member(cx: &mut Cx<'_>, store: &Store, member: &MemberId) -> Result<IdentityUserId> {
    let text = member_text(member);
    let found = match access::user_id(text) {
        Some(id) => user::get(cx.tx, &store.id, &id)?,
        None => None,
    };
    found.map(|user| user.id).ok_or_else(|| messages::no_member(cx, text))
}

fn existing_group(cx: &mut Cx<'_>, store: &Store, text: &str) -> Result<IdentityGroupId> {
    let found = match access::group_id(text) {
        Some(id) => group::get(cx.tx, &store.id, &id)?,
        None => None,
    };
    found.map(|group| group.id).ok_or_else(|| messages::no_group_for_member(cx, text))
}

/// The membership that `text` names by id or ARN.
fn named(cx: &mut Cx<'_>, store: &IdentityStoreId, text: &str) -> Result<Option<Membership>> {
    match access::membership_id(text) {
        Some(id) => get(cx.tx, store, &id),
        None => Ok(None),
    }
}

fn existing(cx: &mut Cx<'_>, store: &Store, text: &str) -> Result<Membership> {
    named(cx, &store.id, text)?.ok_or_else(|| messages::not_found(cx, ResourceType::GroupMembership, text))
}

fn member(user: &IdentityUserId) -> MemberId {
    MemberId { user_id: Some(user.to_string()) }
}

fn shown(membership: Membership) -> GroupMembership {
    GroupMembership {
        created_at: Some(membership.created_at),
        created_by: Some(membership.created_by.clone()),
        group_id: Some(membership.group.to_string()),
        identity_store_id: membership.store.to_string(),
        member_id: Some(member(&membership.user)),
        membership_arn: access::arn("membership", &membership.id),
        membership_id: membership.id,
        updated_at: Some(membership.created_at),
        updated_by: Some(membership.created_by),
    }
}

fn create(cx: &mut WriteCx<'_>, input: &CreateGroupMembershipRequest) -> Result<CreateGroupMembershipResponse> {
    let store = access::writable(cx, &input.identity_store_id)?;
    let user = existing_member(cx, &store, &input.member_id)?;
    let group = existing_group(cx, &store, &input.group_id)?;
    let Some(membership) = add(cx, &store.id, &group, &user)? else {
        return Err(messages::not_unique(cx, "Member and group already exist in a membership"));
    };
    Ok(CreateGroupMembershipResponse {
        identity_store_id: store.id.to_string(),
        membership_arn: access::arn("membership", &membership.id),
        membership_id: membership.id,
    })
}

fn describe(cx: &mut Cx<'_>, input: &DescribeGroupMembershipRequest) -> Result<DescribeGroupMembershipResponse> {
    let store = access::readable(cx, &input.identity_store_id)?;
    let membership = existing(cx, &store, &input.membership_id)?;
    Ok(DescribeGroupMembershipResponse {
        created_at: Some(membership.created_at),
        created_by: Some(membership.created_by.clone()),
        group_id: membership.group.to_string(),
        identity_store_id: store.id.to_string(),
        member_id: member(&membership.user),
        membership_arn: access::arn("membership", &membership.id),
        membership_id: membership.id,
        updated_at: Some(membership.created_at),
        updated_by: Some(membership.created_by),
    })
}

fn get_id(cx: &mut Cx<'_>, input: &GetGroupMembershipIdRequest) -> Result<GetGroupMembershipIdResponse> {
    let store = access::readable(cx, &input.identity_store_id)?;
    let user = existing_member(cx, &store, &input.member_id)?;
    let group = existing_group(cx, &store, &input.group_id)?;
    let membership = find(cx.tx, &group, &user)?
        .ok_or_else(|| messages::not_found(cx, ResourceType::GroupMembership, &input.group_id))?;
    Ok(GetGroupMembershipIdResponse {
        identity_store_id: store.id.to_string(),
        membership_arn: access::arn("membership", &membership.id),
        membership_id: membership.id,
    })
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteGroupMembershipRequest) -> Result<DeleteGroupMembershipResponse> {
    let store = access::writable(cx, &input.identity_store_id)?;
    let membership = existing(cx, &store, &input.membership_id)?;
    remove(cx, &store.id, &membership.group, &membership.user)?;
    Ok(DeleteGroupMembershipResponse {})
}

fn of_group(cx: &mut Cx<'_>, input: &ListGroupMembershipsRequest) -> Result<ListGroupMembershipsResponse> {
    let store = access::readable(cx, &input.identity_store_id)?;
    let group = group::existing(cx, &store, &input.group_id)?.id;
    let list = ["ListGroupMemberships", store.id.as_str(), group.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (after, after_id) = page::position(&cursor);
    let sql = select!("where group_id = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4");
    let rows = cx.tx.all(sql, params![group, after, after_id, cursor.fetch], membership)?;
    let (rows, next_token) = cursor.close(cx, rows, |row| page::key(row.created_at, &row.id))?;
    Ok(ListGroupMembershipsResponse { group_memberships: rows.into_iter().map(shown).collect(), next_token })
}

fn of_member(
    cx: &mut Cx<'_>,
    input: &ListGroupMembershipsForMemberRequest,
) -> Result<ListGroupMembershipsForMemberResponse> {
    let store = access::readable(cx, &input.identity_store_id)?;
    let user = existing_member(cx, &store, &input.member_id)?;
    let list = ["ListGroupMembershipsForMember", store.id.as_str(), user.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (after, after_id) = page::position(&cursor);
    let sql = select!("where user_id = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4");
    let rows = cx.tx.all(sql, params![user, after, after_id, cursor.fetch], membership)?;
    let (rows, next_token) = cursor.close(cx, rows, |row| page::key(row.created_at, &row.id))?;
    Ok(ListGroupMembershipsForMemberResponse { group_memberships: rows.into_iter().map(shown).collect(), next_token })
}

fn is_member(cx: &mut Cx<'_>, input: &IsMemberInGroupsRequest) -> Result<IsMemberInGroupsResponse> {
    let store = access::readable(cx, &input.identity_store_id)?;
    let user = existing_member(cx, &store, &input.member_id)?;
    let mut results = Vec::with_capacity(input.group_ids.len());
    for text in &input.group_ids {
        let group = group::existing(cx, &store, text)?.id;
        results.push(GroupMembershipExistenceResult {
            group_id: Some(group.to_string()),
            member_id: Some(member(&user)),
            membership_exists: Some(find(cx.tx, &group, &user)?.is_some()),
        });
    }
    Ok(IsMemberInGroupsResponse { results })
}

/// The rule of what concerns a membership that has an id: its group, its user and itself.
fn on_membership<O: Operation>(cx: &mut Cx<'_>, store: &str, text: &str) -> Result<Access> {
    let id = access::store_id(store);
    let found = match &id {
        Some(id) => named(cx, id, text)?,
        None => None,
    };
    let (group, user) = found.as_ref().map_or(("*", "*"), |found| (found.group.as_str(), found.user.as_str()));
    let resources = [access::arn("group", group), access::arn("membership", text), access::arn("user", user)];
    access::permissions::<O>(cx, store, &resources)
}

fn on_pair(cx: &mut Cx<'_>, input: &GetGroupMembershipIdRequest) -> Result<Access> {
    let user = member_text(&input.member_id);
    let found = match (access::group_id(&input.group_id), access::user_id(user)) {
        (Some(group), Some(user)) => find(cx.tx, &group, &user)?,
        _ => None,
    };
    let membership = found.as_ref().map_or("*", |found| found.id.as_str());
    let resources =
        [access::arn("group", &input.group_id), access::arn("membership", membership), access::arn("user", user)];
    access::permissions::<ops::GetGroupMembershipId>(cx, &input.identity_store_id, &resources)
}

fn on_groups(cx: &mut Cx<'_>, input: &IsMemberInGroupsRequest) -> Result<Access> {
    let mut resources = vec![access::arn("membership", "*"), access::arn("user", member_text(&input.member_id))];
    resources.extend(input.group_ids.iter().map(|group| access::arn("group", group)));
    access::permissions::<ops::IsMemberInGroups>(cx, &input.identity_store_id, &resources)
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateGroupMembership>(
            |cx, input| {
                let user = access::arn("user", member_text(&input.member_id));
                let resources = [access::arn("group", &input.group_id), user];
                access::permissions::<ops::CreateGroupMembership>(cx, &input.identity_store_id, &resources)
            },
            create,
        ),
        route::read::<ops::DescribeGroupMembership>(
            |cx, input| {
                on_membership::<ops::DescribeGroupMembership>(cx, &input.identity_store_id, &input.membership_id)
            },
            describe,
        ),
        route::read::<ops::GetGroupMembershipId>(on_pair, get_id),
        route::write::<ops::DeleteGroupMembership>(
            |cx, input| on_membership::<ops::DeleteGroupMembership>(cx, &input.identity_store_id, &input.membership_id),
            delete,
        ),
        route::read::<ops::ListGroupMemberships>(
            |cx, input| {
                let resources = [access::arn("membership", "*"), access::arn("group", &input.group_id)];
                access::permissions::<ops::ListGroupMemberships>(cx, &input.identity_store_id, &resources)
            },
            of_group,
        ),
        route::read::<ops::ListGroupMembershipsForMember>(
            |cx, input| {
                let user = access::arn("user", member_text(&input.member_id));
                let resources = [access::arn("membership", "*"), user];
                access::permissions::<ops::ListGroupMembershipsForMember>(cx, &input.identity_store_id, &resources)
            },
            of_member,
        ),
        route::read::<ops::IsMemberInGroups>(on_groups, is_member),
    ]
}
