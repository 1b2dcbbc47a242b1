//! Letting a tool in from another device (RFC 8628): what a person sees of its request, and the answer.

use crate::oidc::device_grant::{self, Grant, Status};
use crate::portal_event;
use crate::session::{self, PortalSession};
use base::{IdentityUserId, InstanceId, Timestamp};
use kernel::{App, Caller, RequestInfo, Result, Tx, WriteCx, WriteTx, params};
use std::sync::Arc;

/// Codes under which nothing waits that a session may try in [`PAUSE_SECONDS`].
const WRONG_CODES_MAX: i64 = 5;
/// See [`WRONG_CODES_MAX`].
const PAUSE_SECONDS: i64 = 600;

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

impl From<Grant> for DeviceRequest {
    fn from(grant: Grant) -> Self {
        Self {
            user_code: grant.user_code,
            client_name: grant.client_name,
            source_ip: grant.source_ip,
            user_agent: grant.user_agent,
            scopes: grant.scopes,
            requested_at: grant.requested_at,
            expires_at: grant.expires_at,
        }
    }
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
pub fn look_up(app: &Arc<App>, session: &PortalSession, user_code: &str) -> Result<Option<DeviceRequest>> {
    let now = app.now();
    let found = app.store.read(|tx| {
        if !may_try(tx, session, now)? {
            return Ok(Err(()));
        }
        Ok(Ok(device_grant::waiting(tx, &session.instance, user_code, now)?))
    })?;
    match found {
        Ok(Some(grant)) => Ok(Some(grant.into())),
        Ok(None) => {
            app.store.write(|tx| note_wrong_code(tx, session, now), |_| {})?;
            Ok(None)
        }
        Err(()) => Ok(None),
    }
}

/// Answers the request; false when none waits under that code, or when the session has ended or tried too many codes.
///
/// # Errors
/// When the database fails.
pub fn decide(
    app: &Arc<App>,
    request: &Arc<RequestInfo>,
    session: &PortalSession,
    user_code: &str,
    decision: Decision,
) -> Result<bool> {
    app.write_as(&Caller::Anonymous, request, |cx| {
        let now = cx.now;
        if session::get(cx.tx, &session.id, now)?.is_none() || !may_try(cx.tx, session, now)? {
            return Ok(false);
        }
        let Some(grant) = device_grant::waiting(cx.tx, &session.instance, user_code, now)? else {
            note_wrong_code(&mut cx.write(), session, now)?;
            return Ok(false);
        };
        let (status, event) = match decision {
            Decision::Allow => (Status::Allowed, "AuthorizeDevice"),
            Decision::Deny => (Status::Denied, "DenyDevice"),
        };
        device_grant::answer(cx, &grant.user_code, status, Some(&session.user), Some(&session.id))?;
        let parameters = [
            ("clientId", grant.client_id.as_str()),
            ("clientName", &grant.client_name),
            ("requesterIPAddress", &grant.source_ip),
        ];
        portal_event::record(cx, session, event, &parameters)?;
        Ok(true)
    })
}

/// Lets the tool in as `user` of `instance`, as an administrator may for a tool without a person; `None` when no request
/// for that instance waits under the code, or the user may not sign in.
///
/// # Errors
/// When the database fails.
pub fn approve_for(
    cx: &mut WriteCx<'_>,
    instance: &InstanceId,
    user_code: &str,
    user: &IdentityUserId,
) -> Result<Option<DeviceRequest>> {
    let now = cx.now;
    let Some(grant) = device_grant::waiting(cx.tx, instance, user_code, now)? else { return Ok(None) };
    if !session::may_sign_in(cx.tx, instance, user)? {
        return Ok(None);
    }
    device_grant::answer(cx, &grant.user_code, Status::Allowed, Some(user), None)?;
    Ok(Some(grant.into()))
}

fn may_try(tx: &mut Tx, session: &PortalSession, now: Timestamp) -> Result<bool> {
    let sql = "select 1 from sso_session where id = $1 and (wrong_codes < $2 or wrong_codes_since <= $3)";
    tx.exists(sql, params![session.id, WRONG_CODES_MAX, now.plus_seconds(-PAUSE_SECONDS)])
}

fn note_wrong_code(tx: &mut WriteTx<'_>, session: &PortalSession, now: Timestamp) -> Result<()> {
    let sql = "update sso_session set \
                 wrong_codes = case when wrong_codes_since <= $2 then 1 else wrong_codes + 1 end, \
                 wrong_codes_since = case when wrong_codes_since <= $2 then $3 else wrong_codes_since end \
               where id = $1";
    tx.exec(sql, params![session.id, now.plus_seconds(-PAUSE_SECONDS), now])?;
    Ok(())
}
