//! Signing in to the portal with a name and a password.

use crate::instance::Instance;
use crate::session::PortalSession;
use base::Secret;
use kernel::{App, Error, RequestInfo, Result};
use std::sync::Arc;

/// A session that has just begun, with the cookie that proves it: the only time that the cookie is known.
#[derive(Debug)]
pub struct NewSession {
    /// The session.
    pub session: PortalSession,
    /// What the browser keeps.
    pub cookie: Secret,
}

/// What came of a name and a password.
#[derive(Debug)]
pub enum Outcome {
    /// Signed in.
    SignedIn(NewSession),
    /// The password was given by an administrator: it must be replaced first, with this ticket.
    MustChange(Secret),
    /// Refused; nobody learns why.
    Refused,
    /// Too many failures of that name or from that address.
    Throttled {
        /// Seconds until it makes sense to try again.
        retry_after_seconds: i64,
    },
    /// Whoever knows the passwords cannot be asked at present.
    Unavailable,
}

/// What came of a new password.
#[derive(Debug)]
pub enum Replaced {
    /// It counts, and its owner is signed in.
    SignedIn(NewSession),
    /// It cannot be had; the ticket stays good.
    Refused(identity::password::Problem),
    /// The ticket is unknown, used or too old.
    Expired,
}

/// Signs somebody in to `instance`.
///
/// # Errors
/// When the database fails.
pub fn sign_in(
    _app: &Arc<App>,
    _request: &Arc<RequestInfo>,
    _instance: &Instance,
    _user_name: &str,
    _password: &Secret,
) -> Result<Outcome> {
    Err(Error::internal("signing in is not built yet"))
}

/// Replaces a password that an administrator gave, and signs its owner in.
///
/// # Errors
/// When the database fails.
pub fn replace_password(
    _app: &Arc<App>,
    _request: &Arc<RequestInfo>,
    _ticket: &str,
    _new: &Secret,
) -> Result<Replaced> {
    Err(Error::internal("signing in is not built yet"))
}
