//! Roles and their trust policies.

use base::{AccountId, Arn, RoleId, Timestamp};
use kernel::caller::RoleIdentity;
use kernel::store::Row;
use kernel::{Result, Route, Tx, WriteTx, params};

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

/// Adds a role.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, role: &Role) -> Result<()> {
    tx.touch(kernel::scope::Scope::account(&role.account));
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
    )
}

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
