//! Permission sets as they stand in accounts: rows.

use base::{AccountId, InstanceId, PermissionSetId, Random, Timestamp};
use kernel::store::Row;
use kernel::{Result, Tx, WriteTx, params};

/// Hexadecimal digits behind the name of a role.
const SUFFIX_LENGTH: usize = 16;
const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

/// A permission set in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provisioned {
    /// The instance.
    pub instance: InstanceId,
    /// The account.
    pub account: AccountId,
    /// The permission set.
    pub permission_set: PermissionSetId,
    /// Name of the role, also while it is not there yet.
    pub role_name: String,
    /// The permission set's version that the role shows; 0: it was not made yet.
    pub version: i64,
    /// Comparisons in a row that a fault of ours ended.
    pub attempts: i64,
}

/// The columns of [`provisioned`], in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select instance_id, account_id, permission_set_id, role_name, version, attempts from sso_provisioned ",
            $rest
        )
    };
}

fn provisioned(row: &Row<'_>) -> Result<Provisioned> {
    Ok(Provisioned {
        instance: row.get(0)?,
        account: row.get(1)?,
        permission_set: row.get(2)?,
        role_name: row.get(3)?,
        version: row.get(4)?,
        attempts: row.get(5)?,
    })
}

/// A permission set in an account.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, account: &AccountId, set: &PermissionSetId) -> Result<Option<Provisioned>> {
    tx.opt(select!("where account_id = $1 and permission_set_id = $2"), params![account, set], provisioned)
}

/// What waits to be compared at `now`, neighbours of one account together, at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn due(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<Provisioned>> {
    tx.all(
        select!("where due_at <= $1 order by due_at, account_id, permission_set_id limit $2"),
        params![now, limit],
        provisioned,
    )
}

/// When something waits to be compared next.
///
/// # Errors
/// When the database fails.
pub fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>> {
    tx.one("select min(due_at) from sso_provisioned where due_at is not null", params![], |row| row.get(0))
}

/// Has a permission set in an account compared as soon as can be, be it that it is not there yet. The name of a role
/// that is to be made ends in digits of its own, so that it is never that of an earlier role.
///
/// # Errors
/// When the database fails.
pub fn want(
    tx: &mut WriteTx<'_>,
    random: &mut Random,
    instance: &InstanceId,
    account: &AccountId,
    set: (&PermissionSetId, &str),
    now: Timestamp,
) -> Result<()> {
    let role_name = format!("AWSReservedSSO_{}_{}", set.1, random.text(HEXADECIMAL, SUFFIX_LENGTH));
    tx.exec(
        "insert into sso_provisioned (instance_id, account_id, permission_set_id, role_name, version, provisioned_at, \
         due_at, attempts) values ($1, $2, $3, $4, 0, 0, $5, 0) \
         on conflict (account_id, permission_set_id) do update set due_at = excluded.due_at, attempts = 0",
        params![instance, account, set.0, role_name, now],
    )?;
    Ok(())
}

/// Has a permission set compared in every account where it stands.
///
/// # Errors
/// When the database fails.
pub fn want_everywhere(tx: &mut WriteTx<'_>, set: &PermissionSetId, now: Timestamp) -> Result<u64> {
    tx.exec("update sso_provisioned set due_at = $2, attempts = 0 where permission_set_id = $1", params![set, now])
}

/// Has everything compared that stands for an instance.
///
/// # Errors
/// When the database fails.
pub fn want_all(tx: &mut WriteTx<'_>, instance: &InstanceId, now: Timestamp) -> Result<u64> {
    tx.exec("update sso_provisioned set due_at = $2, attempts = 0 where instance_id = $1", params![instance, now])
}

/// Notes that the role is what it should be, in the permission set's `version`.
///
/// # Errors
/// When the database fails.
pub fn settle(tx: &mut WriteTx<'_>, row: &Provisioned, version: i64, now: Timestamp) -> Result<()> {
    tx.exec_one(
        "update sso_provisioned set version = $3, provisioned_at = $4, due_at = null, attempts = 0, \
         failure_reason = null where account_id = $1 and permission_set_id = $2",
        params![row.account, row.permission_set, version, now],
    )
}

/// Notes why the role cannot be what it should be; nothing is tried until somebody asks again.
///
/// # Errors
/// When the database fails.
pub fn give_up(tx: &mut WriteTx<'_>, row: &Provisioned, reason: &str) -> Result<()> {
    tx.exec_one(
        "update sso_provisioned set due_at = null, attempts = 0, failure_reason = $3 \
         where account_id = $1 and permission_set_id = $2",
        params![row.account, row.permission_set, reason],
    )
}

/// Has the comparison tried again at `at`.
///
/// # Errors
/// When the database fails.
pub fn postpone(tx: &mut WriteTx<'_>, row: &Provisioned, at: Timestamp) -> Result<()> {
    tx.exec_one(
        "update sso_provisioned set due_at = $3, attempts = attempts + 1 \
         where account_id = $1 and permission_set_id = $2",
        params![row.account, row.permission_set, at],
    )
}

/// Removes the row: nothing of the permission set is in the account any more.
///
/// # Errors
/// When the database fails.
pub fn remove(tx: &mut WriteTx<'_>, row: &Provisioned) -> Result<()> {
    tx.exec_one(
        "delete from sso_provisioned where account_id = $1 and permission_set_id = $2",
        params![row.account, row.permission_set],
    )
}

/// Whether another permission set of the instance has a role in the account.
///
/// # Errors
/// When the database fails.
pub fn has_others(tx: &mut Tx, row: &Provisioned) -> Result<bool> {
    tx.exists(
        "select 1 from sso_provisioned where account_id = $1 and instance_id = $2 and permission_set_id <> $3 \
         and version > 0 limit 1",
        params![row.account, row.instance, row.permission_set],
    )
}

/// Whether the permission set waits for a comparison in any account; and of those where one failed, the account and the
/// reason, at most `limit`.
///
/// # Errors
/// When the database fails.
pub fn progress(tx: &mut Tx, set: &PermissionSetId, limit: i64) -> Result<Option<Vec<(AccountId, String)>>> {
    let waits = "select 1 from sso_provisioned where permission_set_id = $1 and due_at is not null limit 1";
    if tx.exists(waits, params![set])? {
        return Ok(None);
    }
    let failed = "select account_id, failure_reason from sso_provisioned \
                  where permission_set_id = $1 and failure_reason is not null order by account_id limit $2";
    tx.all(failed, params![set, limit], |row| Ok((row.get(0)?, row.get(1)?))).map(Some)
}
