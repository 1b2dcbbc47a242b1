//! Groups and their members.

use crate::access::{anywhere, permission};
use crate::entity::{EntityKind, permission_on};
use crate::messages;
use crate::paging::{self, page_request};
use crate::user::{self, User, permission_on_user};
use base::{AccountId, Arn, GroupId, Timestamp, UserId};
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Access, Cx, Permission, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::iam::{
    AddUserToGroupRequest, CreateGroupRequest, CreateGroupResponse, DeleteGroupRequest, GetGroupRequest,
    GetGroupResponse, ListGroupsForUserRequest, ListGroupsForUserResponse, ListGroupsRequest, ListGroupsResponse,
    RemoveUserFromGroupRequest, UpdateGroupRequest, ops,
};
use smithy::schema::{Operation, Unit};

/// Most groups of an account.
pub const GROUPS_MAX: i64 = 300;
/// Most groups that a user is in.
pub const GROUPS_PER_USER_MAX: i64 = 10;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Unique id.
    pub id: GroupId,
    /// Account.
    pub account: AccountId,
    /// Name; unique in the account whatever its case.
    pub name: String,
    /// Path, with both slashes.
    pub path: String,
    /// When the group was created.
    pub created_at: Timestamp,
}

impl Group {
    /// The group's ARN.
    pub fn arn(&self) -> Arn {
        Arn::new("iam", "", self.account.as_str(), &format!("group{}{}", self.path, self.name))
    }

    fn shown(&self) -> model::iam::Group {
        model::iam::Group {
            arn: self.arn().to_string(),
            create_date: self.created_at,
            group_id: self.id.to_string(),
            group_name: self.name.clone(),
            path: self.path.clone(),
        }
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!("select g.id, g.account_id, g.name, g.path, g.created_at from iam_group g ", $rest)
    };
}

fn group(row: &Row<'_>) -> Result<Group> {
    Ok(Group { id: row.get(0)?, account: row.get(1)?, name: row.get(2)?, path: row.get(3)?, created_at: row.get(4)? })
}

/// The group of that name, whatever its case.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, account: &AccountId, name: &str) -> Result<Option<Group>> {
    tx.opt(select!("where g.account_id = $1 and g.name_key = $2"), params![account, name.to_lowercase()], group)
}

/// At most `limit` groups of an account, by name in lower case, strictly after `after`.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx, account: &AccountId, after: &str, limit: i64) -> Result<Vec<Group>> {
    let sql = select!("where g.account_id = $1 and g.name_key > $2 order by g.name_key limit $3");
    tx.all(sql, params![account, after, limit], group)
}

/// The groups that a user is in, by name.
///
/// # Errors
/// When the database fails.
pub fn of_user(tx: &mut Tx, user: &UserId) -> Result<Vec<Group>> {
    let sql = select!("join iam_group_member m on m.group_id = g.id where m.user_id = $1 order by g.name_key");
    tx.all(sql, params![user], group)
}

/// Adds a group.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, group: &Group) -> Result<()> {
    tx.exec_one(
        "insert into iam_group (id, account_id, name, name_key, path, created_at) values ($1, $2, $3, $4, $5, $6)",
        params![group.id, group.account, group.name, group.name.to_lowercase(), group.path, group.created_at],
    )
}

/// Puts a user into a group, whether it was there or not.
///
/// # Errors
/// When the database fails.
pub fn add_member(tx: &mut WriteTx<'_>, group: &Group, user: &UserId, at: Timestamp) -> Result<()> {
    tx.touch(Scope::account(&group.account));
    tx.exec(
        "insert into iam_group_member (group_id, user_id, added_at) values ($1, $2, $3) \
         on conflict (group_id, user_id) do nothing",
        params![group.id, user, at],
    )?;
    Ok(())
}

fn existing(cx: &mut Cx<'_>, name: &str) -> Result<Group> {
    let account = cx.account()?;
    Ok(find(cx.tx, &account, name)?.ok_or_else(|| messages::no_group(name))?)
}

fn on_group<O: Operation>(cx: &mut Cx<'_>, name: &str) -> Result<Access> {
    Ok(permission_on::<O>(cx, EntityKind::Group, name)?.0.into())
}

fn may_create(cx: &mut Cx<'_>, input: &CreateGroupRequest) -> Result<Access> {
    let account = cx.account()?;
    let path = input.path.as_deref().unwrap_or("/");
    let arn = Arn::new("iam", "", account.as_str(), &format!("group{path}{}", input.group_name));
    Ok(permission::<ops::CreateGroup>(arn.as_str()).into())
}

fn create(cx: &mut WriteCx<'_>, input: &CreateGroupRequest) -> Result<CreateGroupResponse> {
    let (account, now) = (cx.account()?, cx.now);
    if find(cx.tx, &account, &input.group_name)?.is_some() {
        return Err(messages::exists("Group", &input.group_name).into());
    }
    if cx.tx.count("select count(*) from iam_group where account_id = $1", params![account])? >= GROUPS_MAX {
        return Err(messages::over_quota("GroupsPerAccount", GROUPS_MAX).into());
    }
    let group = Group {
        id: GroupId::random(&account, &mut cx.random),
        account,
        name: input.group_name.clone(),
        path: input.path.clone().unwrap_or_else(|| "/".to_owned()),
        created_at: now,
    };
    insert(&mut cx.write(), &group)?;
    Ok(CreateGroupResponse { group: group.shown() })
}

fn read(cx: &mut Cx<'_>, input: &GetGroupRequest) -> Result<GetGroupResponse> {
    let group = existing(cx, &input.group_name)?;
    let cursor = paging::open(cx, &["GetGroup", group.id.as_str()], page_request!(input))?;
    let members: Vec<UserId> = cx.tx.all(
        "select u.id from iam_user u join iam_group_member m on m.user_id = u.id \
         where m.group_id = $1 and u.name_key > $2 order by u.name_key limit $3",
        params![group.id, cursor.after, cursor.fetch],
        |row| row.get(0),
    )?;
    let mut users = Vec::with_capacity(members.len());
    for id in &members {
        users.extend(user::get(cx.tx, id)?);
    }
    let page = paging::close(cx, &cursor, users, |user: &User| user.name.to_lowercase())?.map(|user| user.listed());
    let is_truncated = page.is_truncated();
    Ok(GetGroupResponse { group: group.shown(), is_truncated, marker: page.marker, users: page.rows })
}

fn list_groups(cx: &mut Cx<'_>, input: &ListGroupsRequest) -> Result<ListGroupsResponse> {
    let account = cx.account()?;
    let prefix = input.path_prefix.as_deref();
    let cursor = paging::open(cx, &["ListGroups", prefix.unwrap_or("/")], page_request!(input))?;
    let rows = list(cx.tx, &account, &cursor.after, paging::rows_to_fetch(&cursor, prefix))?;
    let page =
        paging::close_by_path(cx, &cursor, rows, prefix, |group| &group.path, |group| group.name.to_lowercase())?;
    let page = page.map(|group| group.shown());
    Ok(ListGroupsResponse { is_truncated: page.is_truncated(), marker: page.marker, groups: page.rows })
}

fn list_for_user(cx: &mut Cx<'_>, input: &ListGroupsForUserRequest) -> Result<ListGroupsForUserResponse> {
    let user = user::existing(cx, &input.user_name)?;
    let groups = of_user(cx.tx, &user.id)?;
    let list = ["ListGroupsForUser", user.id.as_str()];
    let page = paging::cut(cx, &list, page_request!(input), groups, |group| group.name.to_lowercase())?;
    let page = page.map(|group| group.shown());
    Ok(ListGroupsForUserResponse { is_truncated: page.is_truncated(), marker: page.marker, groups: page.rows })
}

fn renamed(group: Group, input: &UpdateGroupRequest) -> Group {
    Group {
        name: input.new_group_name.clone().unwrap_or(group.name),
        path: input.new_path.clone().unwrap_or(group.path),
        ..group
    }
}

fn may_update(cx: &mut Cx<'_>, input: &UpdateGroupRequest) -> Result<Access> {
    let account = cx.account()?;
    let (old, _) = permission_on::<ops::UpdateGroup>(cx, EntityKind::Group, &input.group_name)?;
    let Some(group) = find(cx.tx, &account, &input.group_name)? else { return Ok(old.into()) };
    let new = Permission { resource: renamed(group, input).arn().to_string(), ..old.clone() };
    Ok(Access::Permissions(if new == old { vec![old] } else { vec![old, new] }))
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateGroupRequest) -> Result<Unit> {
    let renamed = renamed(existing(cx, &input.group_name)?, input);
    if find(cx.tx, &renamed.account, &renamed.name)?.is_some_and(|other| other.id != renamed.id) {
        return Err(messages::exists("Group", &renamed.name).into());
    }
    cx.touch(Scope::account(&renamed.account));
    cx.write().exec_one(
        "update iam_group set name = $2, name_key = $3, path = $4 where id = $1",
        params![renamed.id, renamed.name, renamed.name.to_lowercase(), renamed.path],
    )?;
    Ok(Unit)
}

/// What has to go before a group can.
const OBSTACLES: [(&str, &str); 3] = [
    ("select 1 from iam_inline_policy where entity_id = $1", "delete policies"),
    ("select 1 from iam_attachment where entity_id = $1", "detach all policies"),
    ("select 1 from iam_group_member where group_id = $1", "remove users from group"),
];

fn delete(cx: &mut WriteCx<'_>, input: &DeleteGroupRequest) -> Result<Unit> {
    let group = existing(cx, &input.group_name)?;
    for (sql, what) in OBSTACLES {
        if cx.tx.exists(sql, params![group.id])? {
            return Err(messages::must_first(what).into());
        }
    }
    cx.touch(Scope::account(&group.account));
    cx.write().exec_one("delete from iam_group where id = $1", params![group.id])?;
    Ok(Unit)
}

fn add_user(cx: &mut WriteCx<'_>, input: &AddUserToGroupRequest) -> Result<Unit> {
    let now = cx.now;
    let group = existing(cx, &input.group_name)?;
    let user = user::existing(cx, &input.user_name)?;
    let groups = of_user(cx.tx, &user.id)?;
    if groups.iter().any(|each| each.id == group.id) {
        return Ok(Unit);
    }
    if groups.len() as i64 >= GROUPS_PER_USER_MAX {
        return Err(messages::over_quota("GroupsPerUser", GROUPS_PER_USER_MAX).into());
    }
    add_member(&mut cx.write(), &group, &user.id, now)?;
    Ok(Unit)
}

fn remove_user(cx: &mut WriteCx<'_>, input: &RemoveUserFromGroupRequest) -> Result<Unit> {
    let group = existing(cx, &input.group_name)?;
    let user = user::existing(cx, &input.user_name)?;
    cx.touch(Scope::account(&group.account));
    cx.write().exec("delete from iam_group_member where group_id = $1 and user_id = $2", params![group.id, user.id])?;
    Ok(Unit)
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateGroup>(may_create, create),
        route::read::<ops::GetGroup>(|cx, input| on_group::<ops::GetGroup>(cx, &input.group_name), read),
        route::read::<ops::ListGroups>(anywhere::<ops::ListGroups>, list_groups),
        route::read::<ops::ListGroupsForUser>(
            |cx, input| Ok(permission_on_user::<ops::ListGroupsForUser>(cx, &input.user_name)?.into()),
            list_for_user,
        ),
        route::write::<ops::UpdateGroup>(may_update, update),
        route::write::<ops::DeleteGroup>(|cx, input| on_group::<ops::DeleteGroup>(cx, &input.group_name), delete),
        route::write::<ops::AddUserToGroup>(
            |cx, input| on_group::<ops::AddUserToGroup>(cx, &input.group_name),
            add_user,
        ),
        route::write::<ops::RemoveUserFromGroup>(
            |cx, input| on_group::<ops::RemoveUserFromGroup>(cx, &input.group_name),
            remove_user,
        ),
    ]
}
