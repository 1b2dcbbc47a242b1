//! Passwords of the users that the store itself knows.

use base::{IdentityStoreId, IdentityUserId, Secret};
use kernel::{App, Error, Result};
use std::sync::Arc;

/// What came of a name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// They fit.
    Verified(IdentityUserId),
    /// They fit, but the password was given by an administrator and must be replaced before anything else.
    MustChange(IdentityUserId),
    /// They do not fit, or the user may not sign in, or there is no such user: nobody learns which.
    Refused,
    /// Too many failures of that name or from that address.
    Throttled {
        /// Seconds until it makes sense to try again.
        retry_after_seconds: i64,
    },
}

/// Why a new password cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Not 8 to 64 characters.
    Length,
    /// Lacks a lower-case letter, an upper-case letter, a digit or another character.
    Classes,
    /// One of the last three.
    Reused,
    /// The user's own name, or a password that everybody tries.
    Guessable,
}

/// Checks the name and the password of somebody at `source_ip`. Takes the same time whether or not there is such a
/// user. Opens its own transactions; the hash is computed outside of them.
///
/// # Errors
/// When the database fails.
pub fn check(
    _app: &Arc<App>,
    _store: &IdentityStoreId,
    _user_name: &str,
    _password: &Secret,
    _source_ip: &str,
) -> Result<Checked> {
    Err(Error::internal("passwords are not built yet"))
}

/// Gives the user a new password of the user's own choice.
///
/// # Errors
/// When the database fails.
pub fn change(
    _app: &Arc<App>,
    _store: &IdentityStoreId,
    _user: &IdentityUserId,
    _new: &Secret,
) -> Result<Result<(), Problem>> {
    Err(Error::internal("passwords are not built yet"))
}
