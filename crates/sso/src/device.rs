//! Letting a tool in from another device (RFC 8628): what a person sees of its request, and the answer.

use crate::session::PortalSession;
use base::{IdentityUserId, InstanceId, Timestamp};
use kernel::{App, Error, RequestInfo, Result, WriteCx};
use std::sync::Arc;

/// A tool's request that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRequest {
    /// The code that the tool shows: `ABCD-EFGH`.
    pub user_code: String,
    /// The name that the tool gave itself.
    pub client_name: String,
    /// Where the request came from.
    pub source_ip: String,
    /// The tool's User-Agent.
    pub user_agent: String,
    /// What the tool asks for; empty: what tools without scopes get.
    pub scopes: Vec<String>,
    /// When it came.
    pub requested_at: Timestamp,
    /// Until when it can be answered.
    pub expires_at: Timestamp,
}

/// A person's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Let it in.
    Allow,
    /// Do not.
    Deny,
}

/// The request that waits under a code, however it was typed; `None` when there is none, or when the session has tried
/// too many codes.
///
/// # Errors
/// When the database fails.
pub fn look_up(_app: &Arc<App>, _session: &PortalSession, _user_code: &str) -> Result<Option<DeviceRequest>> {
    Err(Error::internal("device authorization is not built yet"))
}

/// Answers the request; false when none waits under that code.
///
/// # Errors
/// When the database fails.
pub fn decide(
    _app: &Arc<App>,
    _request: &Arc<RequestInfo>,
    _session: &PortalSession,
    _user_code: &str,
    _decision: Decision,
) -> Result<bool> {
    Err(Error::internal("device authorization is not built yet"))
}

/// Lets the tool in as `user` of `instance`, as an administrator may for a tool without a person; `None` when no request
/// for that instance waits under the code, or the user may not sign in.
///
/// # Errors
/// When the database fails.
pub fn approve_for(
    _cx: &mut WriteCx<'_>,
    _instance: &InstanceId,
    _user_code: &str,
    _user: &IdentityUserId,
) -> Result<Option<DeviceRequest>> {
    Err(Error::internal("device authorization is not built yet"))
}
