//! The password of an account's root user.

use base::{AccountId, Timestamp};
use kernel::scope::Scope;
use kernel::{Result, Tx, WriteTx, params};

/// PHC string of the root user's password, if it has one.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, account: &AccountId) -> Result<Option<String>> {
    let sql = "select root_password_hash from iam_account where id = $1";
    Ok(tx.opt(sql, params![account], |row| row.get(0))?.flatten())
}

/// Sets the root user's password, or takes it away.
///
/// # Errors
/// When the database fails.
pub fn set(tx: &mut WriteTx<'_>, account: &AccountId, hash: Option<&str>) -> Result<()> {
    tx.touch(Scope::account(account));
    tx.exec_one("update iam_account set root_password_hash = $2 where id = $1", params![account, hash])
}

/// When the root user last signed in with its password.
///
/// # Errors
/// When the database fails.
pub fn used_at(tx: &mut Tx, account: &AccountId) -> Result<Option<Timestamp>> {
    let sql = "select root_password_used_at from iam_account where id = $1";
    Ok(tx.opt(sql, params![account], |row| row.get(0))?.flatten())
}

/// Notes that the root user signed in with its password.
///
/// # Errors
/// When the database fails.
pub fn set_used(tx: &mut WriteTx<'_>, account: &AccountId, at: Timestamp) -> Result<()> {
    tx.exec_one("update iam_account set root_password_used_at = $2 where id = $1", params![account, at])
}
