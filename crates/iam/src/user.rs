//! Users.

use crate::access::{anywhere, permission};
use crate::entity::{EntityKind, permission_on};
use crate::paging::{self, page_request};
use crate::role::trust;
use crate::{boundary, messages, tag};
use base::{AccountId, Arn, Timestamp, UserId};
use kernel::caller::UserIdentity;
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Access, Cx, Permission, Principal, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::iam::{
    CreateUserRequest, CreateUserResponse, DeleteUserRequest, GetUserRequest, GetUserResponse, ListUserTagsRequest,
    ListUserTagsResponse, ListUsersRequest, ListUsersResponse, TagUserRequest, UntagUserRequest, UpdateUserRequest,
    ops,
};
use smithy::schema::{Operation, Unit};

pub(crate) mod other_credential;

/// Most users of an account.
pub const USERS_MAX: i64 = 5_000;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Unique id.
    pub id: UserId,
    /// Account.
    pub account: AccountId,
    /// Name; unique in the account whatever its case.
    pub name: String,
    /// Path, with both slashes.
    pub path: String,
    /// ARN of the permissions boundary.
    pub boundary_arn: Option<String>,
    /// When the console password was last used.
    pub password_used_at: Option<Timestamp>,
    /// When the user was created.
    pub created_at: Timestamp,
}

impl User {
    /// The user's ARN.
    pub fn arn(&self) -> Arn {
        Arn::new("iam", "", self.account.as_str(), &format!("user{}{}", self.path, self.name))
    }

    /// The user as a caller.
    pub fn identity(&self) -> UserIdentity {
        UserIdentity { id: self.id.clone(), name: self.name.clone(), path: self.path.clone() }
    }

    /// The user as lists show it: without boundary and tags.
    pub fn listed(&self) -> model::iam::User {
        model::iam::User {
            arn: self.arn().to_string(),
            create_date: self.created_at,
            password_last_used: self.password_used_at,
            path: self.path.clone(),
            permissions_boundary: None,
            tags: None,
            user_id: self.id.to_string(),
            user_name: self.name.clone(),
        }
    }

    /// The user with everything that is shown of it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn shown(&self, tx: &mut Tx) -> Result<model::iam::User> {
        let tags = tag::shown(tx, self.id.as_str())?;
        Ok(model::iam::User {
            permissions_boundary: boundary::shown(self.boundary_arn.as_deref()),
            tags,
            ..self.listed()
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!("select id, account_id, name, path, boundary_arn, password_used_at, created_at from iam_user ", $rest)
    };
}

fn user(row: &Row<'_>) -> Result<User> {
    Ok(User {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        path: row.get(3)?,
        boundary_arn: row.get(4)?,
        password_used_at: row.get(5)?,
        created_at: row.get(6)?,
    })
}

/// The user of that name, whatever its case.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, account: &AccountId, name: &str) -> Result<Option<User>> {
    tx.opt(select!("where account_id = $1 and name_key = $2"), params![account, name.to_lowercase()], user)
}

/// The user with that id.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, id: &UserId) -> Result<Option<User>> {
    tx.opt(select!("where id = $1"), params![id], user)
}

/// At most `limit` users of an account, by name in lower case, strictly after `after`.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx, account: &AccountId, after: &str, limit: i64) -> Result<Vec<User>> {
    let sql = select!("where account_id = $1 and name_key > $2 order by name_key limit $3");
    tx.all(sql, params![account, after, limit], user)
}

/// Number of users of an account.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut Tx, account: &AccountId) -> Result<i64> {
    tx.count("select count(*) from iam_user where account_id = $1", params![account])
}

/// Adds a user.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, user: &User) -> Result<()> {
    tx.touch(Scope::account(&user.account));
    tx.exec_one(
        "insert into iam_user (id, account_id, name, name_key, path, boundary_arn, is_password_reset_required, \
         created_at) values ($1, $2, $3, $4, $5, $6, 0, $7)",
        params![
            user.id,
            user.account,
            user.name,
            user.name.to_lowercase(),
            user.path,
            user.boundary_arn,
            user.created_at
        ],
    )
}

/// Notes that the user's console password was used.
///
/// # Errors
/// When the database fails.
pub fn set_password_used(tx: &mut WriteTx<'_>, id: &UserId, at: Timestamp) -> Result<()> {
    tx.exec_one("update iam_user set password_used_at = $2 where id = $1", params![id, at])
}

/// The caller's user of that name.
///
/// # Errors
/// `NoSuchEntity`.
pub(crate) fn existing(cx: &mut Cx<'_>, name: &str) -> Result<User> {
    let account = cx.account()?;
    Ok(find(cx.tx, &account, name)?.ok_or_else(|| messages::no_user(name))?)
}

/// Whom an operation with an optional `UserName` is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The root user of the account.
    Root(AccountId),
    /// A user.
    User(User),
}

impl Subject {
    /// The subject's ARN.
    pub(crate) fn arn(&self) -> String {
        match self {
            Self::Root(account) => format!("arn:aws:iam::{account}:root"),
            Self::User(user) => user.arn().to_string(),
        }
    }

    /// The subject's name in answers; the root user has none.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Root(_) => None,
            Self::User(user) => Some(&user.name),
        }
    }

    /// The user's id; none for the root user.
    pub(crate) fn user_id(&self) -> Option<&UserId> {
        match self {
            Self::Root(_) => None,
            Self::User(user) => Some(&user.id),
        }
    }

    /// The account.
    pub(crate) fn account(&self) -> &AccountId {
        match self {
            Self::Root(account) => account,
            Self::User(user) => &user.account,
        }
    }
}

/// The named user; the calling user when there is no name.
///
/// # Errors
/// `NoSuchEntity`; `ValidationError` when there is no name and the caller is neither a user nor the root user.
pub(crate) fn subject(cx: &mut Cx<'_>, name: Option<&str>) -> Result<Subject> {
    if let Some(name) = name {
        return existing(cx, name).map(Subject::User);
    }
    let caller = cx.principal()?.clone();
    match caller.principal {
        Principal::Root => Ok(Subject::Root(caller.account)),
        Principal::User(identity) => {
            let user = get(cx.tx, &identity.id)?.ok_or_else(|| messages::no_user(&identity.name))?;
            Ok(Subject::User(user))
        }
        Principal::Role(_) | Principal::FederatedUser { .. } => Err(messages::user_name_required()),
    }
}

/// The permission `iam:<operation>` on the named user, or on the caller when there is no name.
pub(crate) fn permission_on_subject<O: Operation>(cx: &mut Cx<'_>, name: Option<&str>) -> Result<Permission> {
    if let Some(name) = name {
        return permission_on_user::<O>(cx, name);
    }
    match subject(cx, None)? {
        Subject::Root(account) => Ok(permission::<O>(format!("arn:aws:iam::{account}:root"))),
        Subject::User(user) => tag::with_resource_tags(permission::<O>(user.arn().as_str()), cx.tx, user.id.as_str()),
    }
}

/// The permission `iam:<operation>` on the named user.
pub(crate) fn permission_on_user<O: Operation>(cx: &mut Cx<'_>, name: &str) -> Result<Permission> {
    Ok(permission_on::<O>(cx, EntityKind::User, name)?.0)
}

fn may_create(cx: &mut Cx<'_>, input: &CreateUserRequest) -> Result<Access> {
    let account = cx.account()?;
    let path = input.path.as_deref().unwrap_or("/");
    let arn = Arn::new("iam", "", account.as_str(), &format!("user{path}{}", input.user_name));
    let permission = tag::with_request_tags(permission::<ops::CreateUser>(arn.as_str()), input.tags.as_deref());
    Ok(boundary::with_requested(permission, input.permissions_boundary.as_deref()).into())
}

fn create(cx: &mut WriteCx<'_>, input: &CreateUserRequest) -> Result<CreateUserResponse> {
    let (account, now) = (cx.account()?, cx.now);
    if find(cx.tx, &account, &input.user_name)?.is_some() {
        return Err(messages::exists("User", &input.user_name).into());
    }
    if count(cx.tx, &account)? >= USERS_MAX {
        return Err(messages::over_quota("UsersPerAccount", USERS_MAX).into());
    }
    if let Some(arn) = &input.permissions_boundary {
        boundary::check(cx, arn)?;
    }
    let user = User {
        id: UserId::random(&account, &mut cx.random),
        account,
        name: input.user_name.clone(),
        path: input.path.clone().unwrap_or_else(|| "/".to_owned()),
        boundary_arn: input.permissions_boundary.clone(),
        password_used_at: None,
        created_at: now,
    };
    insert(&mut cx.write(), &user)?;
    tag::add(&mut cx.write(), user.id.as_str(), input.tags.as_deref().unwrap_or_default())?;
    Ok(CreateUserResponse { user: Some(user.shown(cx.tx)?) })
}

fn read(cx: &mut Cx<'_>, input: &GetUserRequest) -> Result<GetUserResponse> {
    let user = match subject(cx, input.user_name.as_deref())? {
        Subject::User(user) => user.shown(cx.tx)?,
        Subject::Root(account) => crate::account::root_user(cx.tx, &account)?,
    };
    Ok(GetUserResponse { user })
}

fn list_users(cx: &mut Cx<'_>, input: &ListUsersRequest) -> Result<ListUsersResponse> {
    let account = cx.account()?;
    let prefix = input.path_prefix.as_deref();
    let cursor = paging::open(cx, &["ListUsers", prefix.unwrap_or("/")], page_request!(input))?;
    let rows = list(cx.tx, &account, &cursor.after, paging::rows_to_fetch(&cursor, prefix))?;
    let page = paging::close_by_path(cx, &cursor, rows, prefix, |user| &user.path, |user| user.name.to_lowercase())?;
    let page = page.map(|user| user.listed());
    Ok(ListUsersResponse { is_truncated: page.is_truncated(), marker: page.marker, users: page.rows })
}

fn may_update(cx: &mut Cx<'_>, input: &UpdateUserRequest) -> Result<Access> {
    let account = cx.account()?;
    let old = permission_on_user::<ops::UpdateUser>(cx, &input.user_name)?;
    let Some(user) = find(cx.tx, &account, &input.user_name)? else { return Ok(old.into()) };
    let renamed = renamed(user, input);
    let new = Permission { resource: renamed.arn().to_string(), ..old.clone() };
    Ok(Access::Permissions(if new == old { vec![old] } else { vec![old, new] }))
}

fn renamed(user: User, input: &UpdateUserRequest) -> User {
    User {
        name: input.new_user_name.clone().unwrap_or(user.name),
        path: input.new_path.clone().unwrap_or(user.path),
        ..user
    }
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateUserRequest) -> Result<Unit> {
    let renamed = renamed(existing(cx, &input.user_name)?, input);
    if find(cx.tx, &renamed.account, &renamed.name)?.is_some_and(|other| other.id != renamed.id) {
        return Err(messages::exists("User", &renamed.name).into());
    }
    cx.touch(Scope::account(&renamed.account));
    trust::touch_trusting_accounts(&mut cx.write(), renamed.id.as_str())?;
    cx.write().exec_one(
        "update iam_user set name = $2, name_key = $3, path = $4 where id = $1",
        params![renamed.id, renamed.name, renamed.name.to_lowercase(), renamed.path],
    )?;
    Ok(Unit)
}

/// What has to go before a user can, in the order in which AWS asks for it.
const OBSTACLES: [(&str, &str); 6] = [
    ("select 1 from iam_inline_policy where entity_id = $1", "delete policies"),
    ("select 1 from iam_attachment where entity_id = $1", "detach all policies"),
    ("select 1 from iam_group_member where user_id = $1", "remove users from group"),
    ("select 1 from iam_user where id = $1 and password_hash is not null", "delete login profile"),
    ("select 1 from iam_access_key where user_id = $1", "delete access keys"),
    ("select 1 from iam_mfa_device where assigned_to = $1", "delete MFA device"),
];

fn delete(cx: &mut WriteCx<'_>, input: &DeleteUserRequest) -> Result<Unit> {
    let user = existing(cx, &input.user_name)?;
    for (sql, what) in OBSTACLES {
        if cx.tx.exists(sql, params![user.id])? {
            return Err(messages::must_first(what).into());
        }
    }
    cx.touch(Scope::account(&user.account));
    let mut tx = cx.write();
    trust::touch_trusting_accounts(&mut tx, user.id.as_str())?;
    tag::clear(&mut tx, user.id.as_str())?;
    tx.exec("delete from iam_password_history where user_id = $1", params![user.id])?;
    tx.exec_one("delete from iam_user where id = $1", params![user.id])?;
    Ok(Unit)
}

fn add_tags(cx: &mut WriteCx<'_>, input: &TagUserRequest) -> Result<Unit> {
    let user = existing(cx, &input.user_name)?;
    cx.touch(Scope::account(&user.account));
    tag::add(&mut cx.write(), user.id.as_str(), &input.tags)?;
    Ok(Unit)
}

fn remove_tags(cx: &mut WriteCx<'_>, input: &UntagUserRequest) -> Result<Unit> {
    let user = existing(cx, &input.user_name)?;
    cx.touch(Scope::account(&user.account));
    tag::remove(&mut cx.write(), user.id.as_str(), &input.tag_keys)?;
    Ok(Unit)
}

fn list_tags(cx: &mut Cx<'_>, input: &ListUserTagsRequest) -> Result<ListUserTagsResponse> {
    let user = existing(cx, &input.user_name)?;
    let page = tag::page(cx, "ListUserTags", user.id.as_str(), page_request!(input))?;
    Ok(ListUserTagsResponse { is_truncated: page.is_truncated(), marker: page.marker, tags: page.rows })
}

pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![
        route::write::<ops::CreateUser>(may_create, create),
        route::read::<ops::GetUser>(
            |cx, input| Ok(permission_on_subject::<ops::GetUser>(cx, input.user_name.as_deref())?.into()),
            read,
        ),
        route::read::<ops::ListUsers>(anywhere::<ops::ListUsers>, list_users),
        route::write::<ops::UpdateUser>(may_update, update),
        route::write::<ops::DeleteUser>(
            |cx, input| Ok(permission_on_user::<ops::DeleteUser>(cx, &input.user_name)?.into()),
            delete,
        ),
        route::write::<ops::TagUser>(
            |cx, input| {
                let permission = permission_on_user::<ops::TagUser>(cx, &input.user_name)?;
                Ok(tag::with_request_tags(permission, Some(&input.tags)).into())
            },
            add_tags,
        ),
        route::write::<ops::UntagUser>(
            |cx, input| {
                let permission = permission_on_user::<ops::UntagUser>(cx, &input.user_name)?;
                Ok(tag::with_tag_keys(permission, &input.tag_keys).into())
            },
            remove_tags,
        ),
        route::read::<ops::ListUserTags>(
            |cx, input| Ok(permission_on_user::<ops::ListUserTags>(cx, &input.user_name)?.into()),
            list_tags,
        ),
    ];
    routes.extend(other_credential::routes());
    routes
}
