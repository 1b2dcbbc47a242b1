//! Roles and their trust policies: rows, and the rules that protect the roles of AWS's services.
//!
//! The operations are in `operations`, trust policies in [`trust`].

mod operations;
pub mod trust;

pub use operations::ROLES_QUOTA;
pub(crate) use operations::{SESSION_SECONDS_DEFAULT, required, shape};
pub use trust::trust_policy_for_evaluation;

use crate::service_linked_role::{self, Usage};
use crate::{messages, tag};
use base::{AccountId, Arn, RoleId, Timestamp};
use kernel::caller::{Caller, Principal, RoleIdentity};
use kernel::scope::Scope;
use kernel::store::{Param, Row};
use kernel::{Result, Route, Tx, WriteCx, WriteTx, params};

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Unique id.
    pub id: RoleId,
    /// Account.
    pub account: AccountId,
    /// Name; unique in the account whatever its case.
    pub name: String,
    /// Path, with both slashes.
    pub path: String,
    /// Trust policy, as it was given.
    pub trust_policy: String,
    /// Description.
    pub description: Option<String>,
    /// Longest session, in seconds.
    pub max_session_seconds: i64,
    /// ARN of the permissions boundary.
    pub boundary_arn: Option<String>,
    /// The service that alone may assume the role, for service-linked roles.
    pub linked_service: Option<String>,
    /// When the role was last assumed, and in which region.
    pub last_used: Option<(Timestamp, String)>,
    /// When the role was created.
    pub created_at: Timestamp,
}

impl Role {
    /// The role's ARN.
    pub fn arn(&self) -> Arn {
        Arn::new("iam", "", self.account.as_str(), &format!("role{}{}", self.path, self.name))
    }

    /// A session of the role.
    pub fn identity(&self, session_name: &str) -> RoleIdentity {
        RoleIdentity {
            id: self.id.clone(),
            name: self.name.clone(),
            path: self.path.clone(),
            session_name: session_name.to_owned(),
        }
    }
}

fn role(row: &Row<'_>) -> Result<Role> {
    let used_at: Option<Timestamp> = row.get(9)?;
    let used_in: Option<String> = row.get(10)?;
    Ok(Role {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        path: row.get(3)?,
        trust_policy: row.get(4)?,
        description: row.get(5)?,
        max_session_seconds: row.get(6)?,
        boundary_arn: row.get(7)?,
        linked_service: row.get(8)?,
        last_used: used_at.map(|at| (at, used_in.unwrap_or_default())),
        created_at: row.get(11)?,
    })
}

/// The role of that name, whatever its case.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, account: &AccountId, name: &str) -> Result<Option<Role>> {
    tx.opt(
        "select id, account_id, name, path, trust_policy, description, max_session_seconds, boundary_arn, \
         linked_service, last_used_at, last_used_region, created_at from iam_role \
         where account_id = $1 and name_key = $2",
        params![account, name.to_lowercase()],
        role,
    )
}

/// The role with that id.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, id: &RoleId) -> Result<Option<Role>> {
    tx.opt(
        "select id, account_id, name, path, trust_policy, description, max_session_seconds, boundary_arn, \
         linked_service, last_used_at, last_used_region, created_at from iam_role where id = $1",
        params![id],
        role,
    )
}

/// Roles of an account by name, strictly after a folded name: the parameters are account, name and count.
fn list(tx: &mut Tx, selected: &[Param<'_>]) -> Result<Vec<Role>> {
    tx.all(
        "select id, account_id, name, path, trust_policy, description, max_session_seconds, boundary_arn, \
         linked_service, last_used_at, last_used_region, created_at from iam_role \
         where account_id = $1 and name_key > $2 order by name_key limit $3",
        selected,
        role,
    )
}

/// The role that `arn` names; `None` when there is none at exactly that path and name.
///
/// # Errors
/// When the database fails.
pub fn find_by_arn(tx: &mut Tx, arn: &Arn) -> Result<Option<Role>> {
    let Some(account) = AccountId::parse(arn.account()) else { return Ok(None) };
    let Some(name) = arn.resource().strip_prefix("role/").and_then(|path| path.rsplit('/').next()) else {
        return Ok(None);
    };
    Ok(find(tx, &account, name)?.filter(|role| role.arn() == *arn))
}

/// Adds a role and pins the principals that its trust policy names.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, role: &Role) -> Result<()> {
    tx.touch(Scope::account(&role.account));
    tx.exec_one(
        "insert into iam_role (id, account_id, name, name_key, path, trust_policy, description, \
         max_session_seconds, boundary_arn, linked_service, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        params![
            role.id,
            role.account,
            role.name,
            role.name.to_lowercase(),
            role.path,
            role.trust_policy,
            role.description,
            role.max_session_seconds,
            role.boundary_arn,
            role.linked_service,
            role.created_at
        ],
    )?;
    trust::pin(tx, &role.id, &role.trust_policy)
}

/// Replaces a role's trust policy and pins the principals that it names.
///
/// # Errors
/// When the database fails.
pub fn set_trust_policy(tx: &mut WriteTx<'_>, role: &Role, text: &str) -> Result<()> {
    tx.touch(Scope::account(&role.account));
    tx.exec_one("update iam_role set trust_policy = $2 where id = $1", params![role.id, text])?;
    trust::pin(tx, &role.id, text)
}

/// Replaces a role's description and the longest session that it grants, in seconds.
///
/// # Errors
/// When the database fails.
pub fn set_settings(
    tx: &mut WriteTx<'_>,
    role: &Role,
    description: Option<&str>,
    max_session_seconds: i64,
) -> Result<()> {
    tx.touch(Scope::account(&role.account));
    tx.exec_one(
        "update iam_role set description = $2, max_session_seconds = $3 where id = $1",
        params![role.id, description, max_session_seconds],
    )
}

/// Notes that the role was used at `at` in `region`.
///
/// # Errors
/// When the database fails.
pub fn record_use(tx: &mut WriteTx<'_>, id: &RoleId, at: Timestamp, region: &str) -> Result<()> {
    tx.exec("update iam_role set last_used_at = $2, last_used_region = $3 where id = $1", params![id, at, region])?;
    Ok(())
}

/// Removes a role with everything that is its own: policies, attachments, tags, its place in instance profiles. The
/// rules of `DeleteRole` are not asked here.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut WriteTx<'_>, role: &Role) -> Result<()> {
    tx.touch(Scope::account(&role.account));
    trust::touch_trusting_accounts(tx, role.id.as_str())?;
    trust::unpin(tx, &role.id)?;
    strip(tx, role)?;
    tx.exec("update iam_instance_profile set role_id = null where role_id = $1", params![role.id])?;
    tx.exec_one("delete from iam_role where id = $1", params![role.id])
}

/// Takes a role's policies, attachments and tags away.
///
/// # Errors
/// When the database fails.
pub(crate) fn strip(tx: &mut WriteTx<'_>, role: &Role) -> Result<()> {
    tx.touch(Scope::account(&role.account));
    tx.exec("delete from iam_attachment where entity_id = $1", params![role.id])?;
    tx.exec("delete from iam_inline_policy where entity_id = $1", params![role.id])?;
    tag::clear(tx, role.id.as_str())
}

/// The one service that may change roles under `path`; `None` for paths that are the account's own.
fn owner_of_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/aws-reserved/").or_else(|| path.strip_prefix("/aws-service-role/"))?;
    Some(rest.split('/').next().unwrap_or_default())
}

/// Whether `caller` does a service's own work: as a session of the service's linked role, or as the principal on whose
/// behalf the service acts. Only the product itself makes such callers.
pub(crate) fn acts_for(caller: &Caller, service: &str) -> bool {
    let Caller::Principal(caller) = caller else { return false };
    let is_linked_role = |role: &RoleIdentity| {
        role.path.strip_prefix("/aws-service-role/").and_then(|rest| rest.strip_suffix('/')) == Some(service)
    };
    caller.invoked_by.as_deref() == Some(service)
        || matches!(&caller.principal, Principal::Role(role) if is_linked_role(role))
}

/// Refuses to let the caller change the structure of a role that belongs to a service: trust policy, policies,
/// attachments, boundary, session length, tags. The service itself may. The linked role of Identity Center is open to
/// the account's administrators once Organizations no longer vouches for the service there, unless the operator keeps
/// it locked.
///
/// # Errors
/// `UnmodifiableEntity`, and when the database fails.
pub fn guard_modifiable(cx: &mut WriteCx<'_>, role: &Role) -> Result<()> {
    let Some(owner) = role.linked_service.as_deref().or_else(|| owner_of_path(&role.path)) else { return Ok(()) };
    if acts_for(&cx.caller, owner) {
        return Ok(());
    }
    let is_always_locked = cx.app.settings.service_linked_roles.is_structure_always_locked;
    let may_open = role.linked_service.as_deref() == Some(service_linked_role::IDENTITY_CENTER) && !is_always_locked;
    if may_open && service_linked_role::usage(cx, &role.account, owner)? == Usage::Free {
        return Ok(());
    }
    Err(messages::protected_role(&role.name).into())
}

/// Refuses to let the caller change a role's description. That of a service-linked role stays open, as IAM documents,
/// unless the operator locks it while the service acts in the account.
///
/// # Errors
/// `UnmodifiableEntity`, and when the database fails.
pub fn guard_description(cx: &mut WriteCx<'_>, role: &Role) -> Result<()> {
    let Some(service) = role.linked_service.as_deref() else { return guard_modifiable(cx, role) };
    let is_locked = cx.app.settings.service_linked_roles.is_description_locked
        && !acts_for(&cx.caller, service)
        && service_linked_role::usage(cx, &role.account, service)? != Usage::Free;
    if is_locked { Err(messages::protected_role(&role.name).into()) } else { Ok(()) }
}

pub(crate) fn routes() -> Vec<Route> {
    operations::routes()
}
