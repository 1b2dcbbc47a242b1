//! Sessions of people: one for each browser that signed in, and one for each tool that was let in from it.

use base::{IdentityUserId, InstanceId, Timestamp};
use kernel::{App, Cx, Error, Result, Tx};
use std::sync::Arc;

/// A live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalSession {
    /// Id; says nothing to whoever guesses.
    pub id: String,
    /// Where it is good.
    pub instance: InstanceId,
    /// Whose it is.
    pub user: IdentityUserId,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when at most.
    pub expires_at: Timestamp,
}

/// Whether the session goes on: it was not ended, has not run out, and its user may still sign in.
///
/// # Errors
/// When the database fails.
pub fn is_alive(_tx: &mut Tx, _id: &str, _now: Timestamp) -> Result<bool> {
    Err(Error::internal("sessions are not built yet"))
}

/// The live session to which an access token of the token service belongs.
///
/// # Errors
/// When the database fails.
pub fn of_access_token(_cx: &mut Cx<'_>, _token: &str) -> Result<Option<PortalSession>> {
    Err(Error::internal("sessions are not built yet"))
}

/// The live session of a browser, by its cookie.
///
/// # Errors
/// When the database fails.
pub fn of_cookie(_app: &Arc<App>, _cookie: &str) -> Result<Option<PortalSession>> {
    Err(Error::internal("sessions are not built yet"))
}
