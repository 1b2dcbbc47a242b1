//! Who is in which group.

use base::{IdentityGroupId, IdentityUserId};
use kernel::{Result, Tx, params};

/// The groups that the user is in.
///
/// # Errors
/// When the database fails.
pub fn groups_of(tx: &mut Tx, user: &IdentityUserId) -> Result<Vec<IdentityGroupId>> {
    let sql = "select group_id from ids_membership where user_id = $1 order by group_id";
    tx.all(sql, params![user], |row| row.get(0))
}
