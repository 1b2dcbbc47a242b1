//! Access tokens and refresh tokens of tools.

use super::client::{self, Client};
use super::{code, device_grant, joined, split};
use crate::session::{self, PortalSession, Tool};
use crate::{opaque, portal_event};
use base::{IdentityUserId, InstanceId, Timestamp};
use kernel::{Caller, Result, WriteCx, params};
use model::sso_oidc::{
    CreateTokenRequest, CreateTokenResponse, InvalidGrantException, InvalidRequestException, InvalidScopeException,
    UnsupportedGrantTypeException,
};

/// How access tokens begin, as in AWS.
const ACCESS_PREFIX: &str = "aoaAAAAA";
/// How refresh tokens begin, as in AWS.
const REFRESH_PREFIX: &str = "aorAAAAA";
/// Random bytes of a token.
const TOKEN_BYTES: usize = 48;
/// Longest life of an access token.
const ACCESS_SECONDS_MAX: i64 = 28_800;

/// What a code was good for.
pub(super) struct Granted<'a> {
    pub(super) instance: &'a InstanceId,
    pub(super) user: &'a IdentityUserId,
    /// The browser's session from which the tool was let in.
    pub(super) parent: Option<&'a str>,
    /// Separated by spaces.
    pub(super) scopes: &'a str,
    /// Until when the tool's session lasts.
    pub(super) expires_at: Timestamp,
}

/// `CreateToken`.
pub(super) fn create(cx: &mut WriteCx<'_>, input: &CreateTokenRequest) -> Result<CreateTokenResponse> {
    let client = client::authenticate(cx, &input.client_id, &input.client_secret)?;
    match input.grant_type.as_str() {
        client::DEVICE_CODE => device_grant::redeem(cx, &client, input),
        client::AUTHORIZATION_CODE => code::redeem(cx, &client, input),
        client::REFRESH_TOKEN => refresh(cx, &client, input),
        _ => Err(UnsupportedGrantTypeException::new("The grant type is not supported").into()),
    }
}

/// Begins the session of a tool that was let in, with its first tokens.
pub(super) fn begin(
    cx: &mut WriteCx<'_>,
    client: &Client,
    granted: &Granted<'_>,
) -> Result<(PortalSession, CreateTokenResponse)> {
    let session = session::begin_tool(
        cx,
        &Tool {
            instance: granted.instance,
            user: granted.user,
            parent: granted.parent,
            client_id: &client.id,
            client_name: &client.name,
            scopes: (!granted.scopes.is_empty()).then_some(granted.scopes),
            expires_at: granted.expires_at,
        },
    )?;
    let response = issue(cx, client, &session)?;
    Ok((session, response))
}

/// New tokens for a session. An access token never outlives it; refresh tokens need no end of their own.
fn issue(cx: &mut WriteCx<'_>, client: &Client, session: &PortalSession) -> Result<CreateTokenResponse> {
    let access_token = opaque::new(ACCESS_PREFIX, TOKEN_BYTES, &mut cx.random);
    let expires_at = session.expires_at.min(cx.now.plus_seconds(ACCESS_SECONDS_MAX));
    cx.write().exec_one(
        "insert into sso_access_token (token_hash, session_id, expires_at) values ($1, $2, $3)",
        params![opaque::hash(access_token.expose()), session.id, expires_at],
    )?;
    let mut refresh_token = None;
    if client.may_refresh() {
        let token = opaque::new(REFRESH_PREFIX, TOKEN_BYTES, &mut cx.random);
        cx.write().exec_one(
            "insert into sso_refresh_token (token_hash, session_id, is_used) values ($1, $2, 0)",
            params![opaque::hash(token.expose()), session.id],
        )?;
        refresh_token = Some(token.expose().to_owned());
    }
    // The code or the token has proved who calls: the audit trail files the call under that person.
    if let Some(person) = portal_event::person(cx.tx, session)? {
        cx.caller = Caller::Person(person);
    }
    Ok(CreateTokenResponse {
        access_token: Some(access_token.expose().to_owned()),
        token_type: Some("Bearer".to_owned()),
        expires_in: i32::try_from(expires_at.seconds() - cx.now.seconds()).ok(),
        refresh_token,
        id_token: None,
    })
}

/// `CreateToken` with a refresh token, which is good once. One that comes again has been copied: whoever holds its
/// successor cannot be told from a thief, so the session ends (RFC 9700 §4.14.2).
fn refresh(cx: &mut WriteCx<'_>, client: &Client, input: &CreateTokenRequest) -> Result<CreateTokenResponse> {
    let Some(token) = &input.refresh_token else {
        return Err(InvalidRequestException::new("refreshToken is missing").into());
    };
    let hash = opaque::hash(token);
    let invalid = || InvalidGrantException::new("The refresh token is not valid");
    let sql = "select t.session_id, t.is_used, s.user_id, s.scopes from sso_refresh_token t \
               join sso_session s on s.id = t.session_id where t.token_hash = $1 and s.client_id = $2";
    let found = cx.tx.opt(sql, params![hash, client.id], |row| {
        let scopes: Option<String> = row.get(3)?;
        Ok((row.get::<String>(0)?, row.get::<bool>(1)?, row.get::<IdentityUserId>(2)?, scopes.unwrap_or_default()))
    })?;
    let Some((session_id, is_used, user, scopes)) = found else { return Err(invalid().into()) };
    if is_used {
        session::end_of_user(cx, &user, &session_id)?;
        return cx.refuse(invalid());
    }
    let now = cx.now;
    let Some(session) = session::get(cx.tx, &session_id, now)? else { return Err(invalid().into()) };
    let granted = split(&scopes);
    if input.scope.iter().flatten().any(|scope| !granted.contains(scope)) {
        let message = format!("The scopes were {}", joined(&granted));
        return Err(InvalidScopeException::new(message).into());
    }
    cx.write().exec_one("update sso_refresh_token set is_used = 1 where token_hash = $1", params![hash])?;
    cx.write().exec_one("update sso_session set last_seen_at = $2 where id = $1", params![session.id, now])?;
    issue(cx, client, &session)
}
