//! Access tokens and refresh tokens of tools.

use super::client::{self, Client};
use super::{code, device_grant, joined, split};
use crate::refresh_token::is_copied;
use crate::session::{self, PortalSession, Tool};
use crate::{opaque, portal_event};
use base::{IdentityUserId, InstanceId, Secret, Timestamp};
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
            application: None,
            scopes: (!granted.scopes.is_empty()).then_some(granted.scopes),
            expires_at: granted.expires_at,
        },
    )?;
    let response = respond(cx, client, &session)?;
    Ok((session, response))
}

fn respond(cx: &mut WriteCx<'_>, client: &Client, session: &PortalSession) -> Result<CreateTokenResponse> {
    let issued = issue(cx, session, ACCESS_SECONDS_MAX, client.may_refresh())?;
    // The code or the token has proved who calls: the audit trail files the call under that person.
    if let Some(person) = portal_event::person(cx.tx, session)? {
        cx.caller = Caller::Person(person);
    }
    Ok(CreateTokenResponse {
        access_token: Some(issued.access_token.expose().to_owned()),
        token_type: Some("Bearer".to_owned()),
        expires_in: Some(issued.expires_in),
        refresh_token: issued.refresh_token.map(|token| token.expose().to_owned()),
        id_token: None,
    })
}

/// New tokens.
pub(super) struct Issued {
    pub(super) access_token: Secret,
    /// Life of the access token, in seconds.
    pub(super) expires_in: i32,
    pub(super) refresh_token: Option<Secret>,
}

/// Gives a session new tokens. An access token never outlives it; refresh tokens need no end of their own.
pub(super) fn issue(
    cx: &mut WriteCx<'_>,
    session: &PortalSession,
    seconds_max: i64,
    may_refresh: bool,
) -> Result<Issued> {
    let access_token = opaque::new(ACCESS_PREFIX, TOKEN_BYTES, &mut cx.random);
    let expires_at = session.expires_at.min(cx.now.plus_seconds(seconds_max));
    cx.write().exec_one(
        "insert into sso_access_token (token_hash, session_id, expires_at) values ($1, $2, $3)",
        params![opaque::hash(access_token.expose()), session.id, expires_at],
    )?;
    let mut refresh_token = None;
    if may_refresh {
        let token = opaque::new(REFRESH_PREFIX, TOKEN_BYTES, &mut cx.random);
        cx.write().exec_one(
            "insert into sso_refresh_token (token_hash, session_id) values ($1, $2)",
            params![opaque::hash(token.expose()), session.id],
        )?;
        refresh_token = Some(token);
    }
    let expires_in = i32::try_from(expires_at.seconds() - cx.now.seconds()).unwrap_or(i32::MAX);
    Ok(Issued { access_token, expires_in, refresh_token })
}

/// What came of a refresh token.
pub(super) enum Refreshed {
    /// It was good, and is used now.
    Granted {
        session: PortalSession,
        /// Separated by spaces.
        scopes: String,
    },
    /// It had been used too long ago: its session has ended.
    Stolen,
}

/// Uses a refresh token of `client_id`. Of one that was copied, whoever holds its successor cannot be told from a thief,
/// so the session ends.
pub(super) fn renew(cx: &mut WriteCx<'_>, client_id: &str, token: &str, asked: Option<&[String]>) -> Result<Refreshed> {
    let hash = opaque::hash(token);
    let sql = "select t.session_id, t.used_at, s.user_id, s.scopes from sso_refresh_token t \
               join sso_session s on s.id = t.session_id where t.token_hash = $1 and s.client_id = $2";
    let found = cx.tx.opt(sql, params![hash, client_id], |row| {
        let (used_at, scopes): (Option<Timestamp>, Option<String>) = (row.get(1)?, row.get(3)?);
        Ok((row.get::<String>(0)?, used_at, row.get::<IdentityUserId>(2)?, scopes.unwrap_or_default()))
    })?;
    let Some((session_id, used_at, user, scopes)) = found else { return Err(invalid_refresh_token().into()) };
    if is_copied(used_at, cx.now) {
        session::end_of_user(cx, &user, &session_id)?;
        return Ok(Refreshed::Stolen);
    }
    let now = cx.now;
    let Some(session) = session::get(cx.tx, &session_id, now)? else { return Err(invalid_refresh_token().into()) };
    require_scopes(asked, &split(&scopes))?;
    let sql = "update sso_refresh_token set used_at = coalesce(used_at, $2) where token_hash = $1";
    cx.write().exec_one(sql, params![hash, now])?;
    cx.write().exec_one("update sso_session set last_seen_at = $2 where id = $1", params![session.id, now])?;
    Ok(Refreshed::Granted { session, scopes })
}

pub(super) fn invalid_refresh_token() -> InvalidGrantException {
    InvalidGrantException::new("The refresh token is not valid")
}

/// Refuses scopes beyond those that were granted.
pub(super) fn require_scopes(asked: Option<&[String]>, granted: &[String]) -> Result<()> {
    if asked.unwrap_or_default().iter().any(|scope| !granted.contains(scope)) {
        return Err(InvalidScopeException::new(format!("The scopes are {}", joined(granted))).into());
    }
    Ok(())
}

/// `CreateToken` with a refresh token.
fn refresh(cx: &mut WriteCx<'_>, client: &Client, input: &CreateTokenRequest) -> Result<CreateTokenResponse> {
    let Some(token) = &input.refresh_token else {
        return Err(InvalidRequestException::new("refreshToken is missing").into());
    };
    match renew(cx, &client.id, token, input.scope.as_deref())? {
        Refreshed::Granted { session, .. } => respond(cx, client, &session),
        Refreshed::Stolen => cx.refuse(invalid_refresh_token()),
    }
}
