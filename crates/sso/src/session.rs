//! Sessions of people: one for each browser that signed in, and one for each tool that was let in from it.

use base::{IdentityUserId, InstanceId, Timestamp};
use kernel::{App, Cx, Error, RequestInfo, Result, Tx, WriteCx};
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

/// What a session is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionKind {
    /// A browser.
    Browser,
    /// A tool that was let in.
    Tool {
        /// The name that the tool gave itself.
        client_name: String,
    },
}

/// A session as its owner and administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSummary {
    /// Id.
    pub id: String,
    /// What it is for.
    pub kind: SessionKind,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was used last, to the minute.
    pub last_seen_at: Timestamp,
    /// Until when at most.
    pub expires_at: Timestamp,
    /// Where it began.
    pub source_ip: String,
    /// The User-Agent with which it began.
    pub user_agent: String,
    /// Whether it is the session that asks.
    pub is_current: bool,
}

/// The live sessions of the person behind `session`, newest first.
///
/// # Errors
/// When the database fails.
pub fn list(_app: &Arc<App>, _session: &PortalSession) -> Result<Vec<SessionSummary>> {
    Err(Error::internal("sessions are not built yet"))
}

/// Ends a session of the same person, and the tools that were let in from it; false when there is none of that id.
///
/// # Errors
/// When the database fails.
pub fn end(_app: &Arc<App>, _request: &Arc<RequestInfo>, _session: &PortalSession, _id: &str) -> Result<bool> {
    Err(Error::internal("sessions are not built yet"))
}

/// Ends every other session of the same person.
///
/// # Errors
/// When the database fails.
pub fn end_others(_app: &Arc<App>, _request: &Arc<RequestInfo>, _session: &PortalSession) -> Result<()> {
    Err(Error::internal("sessions are not built yet"))
}

/// Signs out: the session ends, and the tools that were let in from it.
///
/// # Errors
/// When the database fails.
pub fn sign_out(_app: &Arc<App>, _request: &Arc<RequestInfo>, _session: &PortalSession) -> Result<()> {
    Err(Error::internal("sessions are not built yet"))
}

/// The sessions of `user` that are alive at `now`, newest first.
///
/// # Errors
/// When the database fails.
pub fn list_of_user(_tx: &mut Tx, _user: &IdentityUserId, _now: Timestamp) -> Result<Vec<SessionSummary>> {
    Err(Error::internal("sessions are not built yet"))
}

/// Ends one session of `user`; false when there is none of that id.
///
/// # Errors
/// When the database fails.
pub fn end_of_user(_cx: &mut WriteCx<'_>, _user: &IdentityUserId, _id: &str) -> Result<bool> {
    Err(Error::internal("sessions are not built yet"))
}

/// Ends every session of `user`, and whatever was on its way to become one.
///
/// # Errors
/// When the database fails.
pub fn end_all_of_user(_cx: &mut WriteCx<'_>, _user: &IdentityUserId) -> Result<()> {
    Err(Error::internal("sessions are not built yet"))
}

/// What every form of that browser carries, so that no other site can send one.
pub fn csrf_token(_app: &App, _cookie: &str) -> String {
    String::new()
}

/// Whether `token` is the one of that browser.
pub fn is_csrf_token(_app: &App, _cookie: &str, _token: &str) -> bool {
    false
}
