//! Users.

use base::{AccountId, Arn, Timestamp, UserId};
use kernel::caller::UserIdentity;
use kernel::store::Row;
use kernel::{Result, Route, Tx, WriteTx, params};

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
    tx.opt(
        "select id, account_id, name, path, boundary_arn, password_used_at, created_at from iam_user \
         where account_id = $1 and name_key = $2",
        params![account, name.to_lowercase()],
        user,
    )
}

/// The user with that id.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, id: &UserId) -> Result<Option<User>> {
    tx.opt(
        "select id, account_id, name, path, boundary_arn, password_used_at, created_at from iam_user where id = $1",
        params![id],
        user,
    )
}

/// Adds a user.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, user: &User) -> Result<()> {
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

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
