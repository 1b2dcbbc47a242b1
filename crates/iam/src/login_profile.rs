//! Console passwords of users: login profiles.

use crate::account::root_password;
use crate::user::{self, Subject, User, permission_on_subject, permission_on_user, subject};
use crate::{messages, password_policy};
use base::{Timestamp, UserId};
use kernel::scope::Scope;
use kernel::{Access, Cx, Error, Principal, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::iam::{
    ChangePasswordRequest, CreateLoginProfileRequest, CreateLoginProfileResponse, DeleteLoginProfileRequest,
    EntityAlreadyExistsException, GetLoginProfileRequest, GetLoginProfileResponse, InvalidInputException,
    InvalidUserTypeException, LoginProfile, PasswordPolicyViolationException, UpdateLoginProfileRequest, ops,
};
use smithy::schema::Unit;

/// Former passwords that are kept: the most that a policy can forbid.
const HISTORY_MAX: i64 = 24;

/// What a sign-in needs to know of a user's password.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword {
    /// PHC string of the hash.
    pub hash: String,
    /// Whether the next sign-in must set another one.
    pub is_reset_required: bool,
    /// When the login profile was created.
    pub created_at: Timestamp,
    /// When the password was last set.
    pub changed_at: Timestamp,
}

/// The user's password, if it has one.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, user: &UserId) -> Result<Option<StoredPassword>> {
    tx.opt(
        "select password_hash, is_password_reset_required, password_created_at, password_changed_at from iam_user \
         where id = $1 and password_hash is not null",
        params![user],
        |row| {
            Ok(StoredPassword {
                hash: row.get(0)?,
                is_reset_required: row.get(1)?,
                created_at: row.get(2)?,
                changed_at: row.get(3)?,
            })
        },
    )
}

/// Sets a user's password and thereby creates the login profile where there is none.
///
/// # Errors
/// When the database fails.
pub fn set_hash(
    tx: &mut WriteTx<'_>,
    user: &UserId,
    hash: &str,
    is_reset_required: bool,
    now: Timestamp,
) -> Result<()> {
    tx.exec_one(
        "update iam_user set password_hash = $2, is_password_reset_required = $3, password_changed_at = $4, \
         password_created_at = coalesce(password_created_at, $4) where id = $1",
        params![user, hash, is_reset_required, now],
    )?;
    tx.exec(
        "insert into iam_password_history (user_id, changed_at, hash) values ($1, $2, $3) \
         on conflict (user_id, changed_at) do update set hash = excluded.hash",
        params![user, now, hash],
    )?;
    tx.exec(
        "delete from iam_password_history where user_id = $1 and changed_at not in \
         (select changed_at from iam_password_history where user_id = $1 order by changed_at desc limit $2)",
        params![user, HISTORY_MAX],
    )?;
    Ok(())
}

/// Checks a new password against the account's policy and sets it.
///
/// # Errors
/// `PasswordPolicyViolation`.
fn set_password(cx: &mut WriteCx<'_>, user: &User, password: &str, is_reset_required: bool) -> Result<()> {
    password_policy::check(cx.tx, &user.account, password)?;
    refuse_reuse(cx, user, password)?;
    let (now, hash) = (cx.now, kernel::password::hash(password, cx.random.bytes())?);
    set_hash(&mut cx.write(), &user.id, &hash, is_reset_required, now)?;
    cx.touch(Scope::account(&user.account));
    Ok(())
}

/// Replaces a password that must be replaced, by the user's own choice.
///
/// # Errors
/// `PasswordPolicyViolation`.
pub fn replace_password(cx: &mut WriteCx<'_>, user: &User, password: &str) -> Result<()> {
    set_password(cx, user, password, false)
}

fn refuse_reuse(cx: &mut Cx<'_>, user: &User, password: &str) -> Result<()> {
    let policy = password_policy::find(cx.tx, &user.account)?;
    let Some(remembered) = policy.and_then(|policy| policy.reuse_prevention) else { return Ok(()) };
    let hashes: Vec<String> = cx.tx.all(
        "select hash from iam_password_history where user_id = $1 order by changed_at desc limit $2",
        params![user.id, remembered],
        |row| row.get(0),
    )?;
    if hashes.iter().any(|hash| kernel::password::verify(password, hash)) {
        let text = "Policy constraint violation with password reuse prevention during password change.";
        return Err(PasswordPolicyViolationException::new(text).into());
    }
    Ok(())
}

fn shown(user: &User, stored: &StoredPassword) -> LoginProfile {
    LoginProfile {
        create_date: stored.created_at,
        password_reset_required: Some(stored.is_reset_required),
        user_name: user.name.clone(),
    }
}

/// The root user has a password but no login profile that shows its age.
fn root_profile(cx: &mut Cx<'_>, account: &base::AccountId) -> Result<LoginProfile> {
    let account = crate::account::get(cx.tx, account)?.ok_or_else(|| Error::internal("the caller's account"))?;
    Ok(LoginProfile {
        create_date: account.created_at,
        password_reset_required: Some(false),
        user_name: ROOT_NAME.to_owned(),
    })
}

/// How answers name the root user where a name must be.
const ROOT_NAME: &str = "<root_account>";

fn create(cx: &mut WriteCx<'_>, input: &CreateLoginProfileRequest) -> Result<CreateLoginProfileResponse> {
    let subject = subject(cx, input.user_name.as_deref())?;
    let exists =
        |name: &str| EntityAlreadyExistsException::new(format!("Login Profile for user {name} already exists."));
    let user = match subject {
        Subject::User(user) => user,
        Subject::Root(account) => {
            if root_password::find(cx.tx, &account)?.is_some() {
                return Err(exists(ROOT_NAME).into());
            }
            if let Some(password) = &input.password {
                let hash = kernel::password::hash(password, cx.random.bytes())?;
                root_password::set(&mut cx.write(), &account, Some(&hash))?;
            }
            return Ok(CreateLoginProfileResponse { login_profile: root_profile(cx, &account)? });
        }
    };
    if find(cx.tx, &user.id)?.is_some() {
        return Err(exists(&user.name).into());
    }
    let Some(password) = &input.password else {
        return Err(InvalidInputException::new("A password is required for an IAM user.").into());
    };
    set_password(cx, &user, password, input.password_reset_required.unwrap_or_default())?;
    let stored = find(cx.tx, &user.id)?.ok_or_else(|| Error::internal("a password that was just set"))?;
    Ok(CreateLoginProfileResponse { login_profile: shown(&user, &stored) })
}

fn read(cx: &mut Cx<'_>, input: &GetLoginProfileRequest) -> Result<GetLoginProfileResponse> {
    let login_profile = match subject(cx, input.user_name.as_deref())? {
        Subject::User(user) => {
            let stored = find(cx.tx, &user.id)?.ok_or_else(|| messages::no_login_profile(&user.name))?;
            shown(&user, &stored)
        }
        Subject::Root(account) => {
            root_password::find(cx.tx, &account)?.ok_or_else(|| messages::no_login_profile(ROOT_NAME))?;
            root_profile(cx, &account)?
        }
    };
    Ok(GetLoginProfileResponse { login_profile })
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateLoginProfileRequest) -> Result<Unit> {
    let user = user::existing(cx, &input.user_name)?;
    let stored = find(cx.tx, &user.id)?.ok_or_else(|| messages::no_login_profile(&user.name))?;
    let is_reset_required = input.password_reset_required.unwrap_or(stored.is_reset_required);
    if let Some(password) = &input.password {
        set_password(cx, &user, password, is_reset_required)?;
    } else {
        cx.write().exec_one(
            "update iam_user set is_password_reset_required = $2 where id = $1",
            params![user.id, is_reset_required],
        )?;
    }
    Ok(Unit)
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteLoginProfileRequest) -> Result<Unit> {
    match subject(cx, input.user_name.as_deref())? {
        Subject::User(user) => {
            if find(cx.tx, &user.id)?.is_none() {
                return Err(messages::no_login_profile(&user.name).into());
            }
            cx.touch(Scope::account(&user.account));
            cx.write().exec_one(
                "update iam_user set password_hash = null, is_password_reset_required = 0, \
                 password_created_at = null, password_changed_at = null where id = $1",
                params![user.id],
            )?;
        }
        Subject::Root(account) => {
            root_password::find(cx.tx, &account)?.ok_or_else(|| messages::no_login_profile(ROOT_NAME))?;
            root_password::set(&mut cx.write(), &account, None)?;
        }
    }
    Ok(Unit)
}

/// A policy that lets users change their own passwords stands in for the permission.
fn may_change(cx: &mut Cx<'_>, _input: &ChangePasswordRequest) -> Result<Access> {
    let account = cx.account()?;
    if !matches!(cx.principal()?.principal, Principal::User(_)) {
        return Ok(Access::Open);
    }
    let permission = permission_on_subject::<ops::ChangePassword>(cx, None)?;
    if password_policy::find(cx.tx, &account)?.is_some_and(|policy| policy.allow_users_to_change) {
        return Ok(Access::UnlessDenied(permission));
    }
    Ok(permission.into())
}

fn change(cx: &mut WriteCx<'_>, input: &ChangePasswordRequest) -> Result<Unit> {
    let Principal::User(identity) = cx.principal()?.principal.clone() else {
        return Err(InvalidUserTypeException::new("Only IAM Users can change their own password").into());
    };
    let user = user::get(cx.tx, &identity.id)?.ok_or_else(|| messages::no_user(&identity.name))?;
    let stored = find(cx.tx, &user.id)?.ok_or_else(|| messages::no_login_profile(&user.name))?;
    if !kernel::password::verify(&input.old_password, &stored.hash) {
        return Err(Error::denied("The old password was incorrect."));
    }
    let policy = password_policy::find(cx.tx, &user.account)?;
    let expires_at = policy.filter(|policy| policy.hard_expiry).and_then(|policy| policy.expires_at(stored.changed_at));
    if expires_at.is_some_and(|at| at <= cx.now) {
        return Err(Error::denied("The password has expired; an administrator has to reset it."));
    }
    set_password(cx, &user, &input.new_password, false)?;
    Ok(Unit)
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateLoginProfile>(
            |cx, input| Ok(permission_on_subject::<ops::CreateLoginProfile>(cx, input.user_name.as_deref())?.into()),
            create,
        ),
        route::read::<ops::GetLoginProfile>(
            |cx, input| Ok(permission_on_subject::<ops::GetLoginProfile>(cx, input.user_name.as_deref())?.into()),
            read,
        ),
        route::write::<ops::UpdateLoginProfile>(
            |cx, input| Ok(permission_on_user::<ops::UpdateLoginProfile>(cx, &input.user_name)?.into()),
            update,
        ),
        route::write::<ops::DeleteLoginProfile>(
            |cx, input| Ok(permission_on_subject::<ops::DeleteLoginProfile>(cx, input.user_name.as_deref())?.into()),
            delete,
        ),
        route::write::<ops::ChangePassword>(may_change, change),
    ]
}
