//! Whether mail to a user's address arrives: the user followed a link in one.

use super::User;
use base::{IdentityUserId, Timestamp};
use kernel::{Result, Tx, WriteTx, params};

/// When the user confirmed the present address; `None`: not yet, or there is none.
///
/// # Errors
/// When the database fails.
pub fn verified_at(tx: &mut Tx, user: &User) -> Result<Option<Timestamp>> {
    let Some(email) = user.email() else { return Ok(None) };
    let sql = "select verified_at from ids_verified_email where user_id = $1 and email_key = $2";
    tx.opt(sql, params![user.id, email.to_lowercase()], |row| row.get(0))
}

/// Notes that mail to `address` reached the user.
///
/// # Errors
/// When the database fails.
pub fn set_verified(tx: &mut WriteTx<'_>, user: &IdentityUserId, address: &str, now: Timestamp) -> Result<()> {
    tx.exec_one(
        "insert into ids_verified_email (user_id, email_key, verified_at) values ($1, $2, $3) \
         on conflict (user_id) do update set email_key = excluded.email_key, verified_at = excluded.verified_at",
        params![user, address.to_lowercase(), now],
    )
}
