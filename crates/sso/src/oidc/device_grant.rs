//! Tools that wait to be let in from another device (RFC 8628).

use super::client::{self, Client};
use super::redirect::with_parameters;
use super::token::{self, Granted};
use super::{joined, split};
use crate::instance::{self, Instance};
use crate::session;
use crate::{clean_up, opaque};
use base::{IdentityUserId, InstanceId, Timestamp};
use kernel::store::Row;
use kernel::{Result, Tx, WriteCx, params};
use model::sso_oidc::{
    AccessDeniedException, AuthorizationPendingException, CreateTokenRequest, CreateTokenResponse,
    ExpiredTokenException, InvalidGrantException, InvalidRequestException, SlowDownException,
    StartDeviceAuthorizationRequest, StartDeviceAuthorizationResponse,
};
use std::sync::Arc;

/// How long a tool waits (AWS: 10 minutes).
const LIFE_SECONDS: i32 = 600;
/// Seconds between two polls.
const INTERVAL_SECONDS: i32 = 1;
/// Polls that come sooner after the last one are too fast. Half the interval: clients count it from the answer.
const POLL_PAUSE_MICROS: i64 = INTERVAL_SECONDS as i64 * 500_000;
/// Polls that are never too fast: the AWS CLI asks once before it shows the code and once right after.
const FREE_POLLS: i64 = 2;
/// Requests from one address within [`LIFE_SECONDS`].
const PER_ADDRESS_MAX: i64 = 60;
/// Consonants: no code spells a word or is misread (RFC 8628 §6.1).
const ALPHABET: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Letters of a code, in two groups.
const CODE_LETTERS: usize = 8;
/// Tries to find a code that nobody has: with 20^8 codes one is enough but for chance.
const CODE_TRIES: usize = 8;

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Allowed,
    Denied,
    Used,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Allowed => "ALLOWED",
            Self::Denied => "DENIED",
            Self::Used => "USED",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Allowed, Self::Denied, Self::Used].into_iter().find(|status| status.as_str() == text)
    }
}

/// A tool's request.
pub(crate) struct Grant {
    pub(crate) user_code: String,
    pub(crate) client_id: String,
    pub(crate) client_name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) instance: InstanceId,
    pub(crate) source_ip: String,
    pub(crate) user_agent: String,
    pub(crate) requested_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    polls: i64,
    last_poll_at: Timestamp,
    pub(crate) status: Status,
    user: Option<IdentityUserId>,
    session: Option<String>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select user_code, client_id, client_name, scopes, instance_id, source_ip, user_agent, requested_at, \
             expires_at, polls, last_poll_at, status, user_id, session_id from sso_device_grant ",
            $rest
        )
    };
}

fn grant(row: &Row<'_>) -> Result<Grant> {
    Ok(Grant {
        user_code: row.get(0)?,
        client_id: row.get(1)?,
        client_name: row.get(2)?,
        scopes: split(&row.get::<String>(3)?),
        instance: row.get(4)?,
        source_ip: row.get(5)?,
        user_agent: row.get(6)?,
        requested_at: row.get(7)?,
        expires_at: row.get(8)?,
        polls: row.get(9)?,
        last_poll_at: row.get(10)?,
        status: row.parse(11, Status::parse)?,
        user: row.get(12)?,
        session: row.get(13)?,
    })
}

/// A code as it is stored, however it was typed; `None` when it cannot be one.
pub(crate) fn normalized(user_code: &str) -> Option<String> {
    let letters: String =
        user_code.chars().take(64).filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    let (left, right) = letters.split_at_checked(CODE_LETTERS / 2)?;
    (letters.len() == CODE_LETTERS).then(|| format!("{left}-{right}"))
}

/// The request that waits under that code.
pub(crate) fn waiting(tx: &mut Tx, instance: &InstanceId, user_code: &str, now: Timestamp) -> Result<Option<Grant>> {
    let Some(user_code) = normalized(user_code) else { return Ok(None) };
    let sql = select!("where user_code = $1 and instance_id = $2 and status = 'PENDING' and expires_at > $3");
    tx.opt(sql, params![user_code, instance, now], grant)
}

/// Answers the request that waits under `user_code`.
pub(crate) fn answer(
    cx: &mut WriteCx<'_>,
    user_code: &str,
    status: Status,
    user: Option<&IdentityUserId>,
    session: Option<&str>,
) -> Result<()> {
    cx.write().exec_one(
        "update sso_device_grant set status = $2, user_id = $3, session_id = $4 where user_code = $1",
        params![user_code, status.as_str(), user, session],
    )
}

/// `StartDeviceAuthorization`.
pub(super) fn start(
    cx: &mut WriteCx<'_>,
    input: &StartDeviceAuthorizationRequest,
) -> Result<StartDeviceAuthorizationResponse> {
    let client = client::authenticate(cx, &input.client_id, &input.client_secret)?;
    let app = Arc::clone(cx.app);
    let instance = instance::of_start_url(cx.tx, &app.settings, &input.start_url)?;
    let Some(instance) = instance.filter(Instance::is_active) else {
        return Err(InvalidRequestException::new("startUrl is not the start URL of an instance").into());
    };
    throttle(cx)?;
    let device_code = opaque::new("", 48, &mut cx.random);
    let user_code = new_user_code(cx)?;
    insert(cx, &client, &instance, device_code.expose(), &user_code)?;
    clean_up::schedule(cx)?;
    let verification_uri = instance::address(cx, &instance, "/device")?;
    let complete = with_parameters(&verification_uri, &[("user_code", &user_code)]);
    Ok(StartDeviceAuthorizationResponse {
        device_code: Some(device_code.expose().to_owned()),
        verification_uri_complete: Some(complete),
        verification_uri: Some(verification_uri),
        user_code: Some(user_code),
        expires_in: Some(LIFE_SECONDS),
        interval: Some(INTERVAL_SECONDS),
    })
}

fn throttle(cx: &mut WriteCx<'_>) -> Result<()> {
    let (address, since) = (cx.request.source_ip.clone(), cx.now.plus_seconds(-i64::from(LIFE_SECONDS)));
    let sql = "select count(*) from sso_device_grant where source_ip = $1 and requested_at > $2";
    if cx.tx.count(sql, params![address, since])? >= PER_ADDRESS_MAX {
        return Err(SlowDownException::new("Too many tools of this address wait to be let in").into());
    }
    Ok(())
}

fn new_user_code(cx: &mut WriteCx<'_>) -> Result<String> {
    for _ in 0..CODE_TRIES {
        let letters = cx.random.text(ALPHABET, CODE_LETTERS);
        let code = format!("{}-{}", &letters[..CODE_LETTERS / 2], &letters[CODE_LETTERS / 2..]);
        if !cx.tx.exists("select 1 from sso_device_grant where user_code = $1", params![code])? {
            return Ok(code);
        }
    }
    Err(SlowDownException::new("Too many tools wait to be let in").into())
}

fn insert(
    cx: &mut WriteCx<'_>,
    client: &Client,
    instance: &Instance,
    device_code: &str,
    user_code: &str,
) -> Result<()> {
    let (request, now) = (Arc::clone(&cx.request), cx.now);
    cx.write().exec_one(
        "insert into sso_device_grant (device_code_hash, user_code, client_id, client_name, scopes, instance_id, \
           source_ip, user_agent, requested_at, expires_at, polls, last_poll_at, status) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $9, 'PENDING')",
        params![
            opaque::hash(device_code),
            user_code,
            client.id,
            client.name,
            joined(&client.scopes),
            instance.id,
            request.source_ip,
            request.user_agent,
            now,
            now.plus_seconds(i64::from(LIFE_SECONDS))
        ],
    )
}

/// `CreateToken` with a device code.
pub(super) fn redeem(cx: &mut WriteCx<'_>, client: &Client, input: &CreateTokenRequest) -> Result<CreateTokenResponse> {
    let Some(device_code) = &input.device_code else {
        return Err(InvalidRequestException::new("deviceCode is missing").into());
    };
    let hash = opaque::hash(device_code);
    let found = cx.tx.opt(select!("where device_code_hash = $1"), params![hash], grant)?;
    let Some(grant) = found.filter(|grant| grant.client_id == client.id) else {
        return Err(InvalidGrantException::new("The device code is not known").into());
    };
    let has_expired = cx.now >= grant.expires_at;
    match (grant.status, &grant.user) {
        (Status::Used, _) => Err(InvalidGrantException::new("The device code has been used").into()),
        (Status::Pending | Status::Allowed, _) if has_expired => {
            Err(ExpiredTokenException::new("The device code has expired").into())
        }
        (Status::Pending, _) => poll(cx, &grant, &hash),
        (Status::Allowed, Some(user)) => {
            use_up(cx, &hash)?;
            let_in(cx, client, &grant, user)
        }
        (Status::Denied, _) | (Status::Allowed, None) => {
            Err(AccessDeniedException::new("The request was denied").into())
        }
    }
}

/// Notes that the tool asked, and tells it to wait.
fn poll(cx: &mut WriteCx<'_>, grant: &Grant, hash: &[u8]) -> Result<CreateTokenResponse> {
    let now = cx.now;
    cx.write().exec_one(
        "update sso_device_grant set polls = polls + 1, last_poll_at = $2 where device_code_hash = $1",
        params![hash, now],
    )?;
    let since_last = now.micros() - grant.last_poll_at.micros();
    if grant.polls >= FREE_POLLS && since_last < POLL_PAUSE_MICROS {
        return cx.refuse(SlowDownException::new("The tool asks too often"));
    }
    cx.refuse(AuthorizationPendingException::new("Nobody has answered yet"))
}

fn use_up(cx: &mut WriteCx<'_>, hash: &[u8]) -> Result<()> {
    cx.write().exec_one(
        "update sso_device_grant set status = 'USED', user_id = null, session_id = null where device_code_hash = $1",
        params![hash],
    )
}

fn let_in(cx: &mut WriteCx<'_>, client: &Client, grant: &Grant, user: &IdentityUserId) -> Result<CreateTokenResponse> {
    let now = cx.now;
    let expires_at = match &grant.session {
        Some(session) => session::get(cx.tx, session, now)?.map(|session| session.expires_at),
        None if session::may_sign_in(cx.tx, &grant.instance, user)? => {
            let instance = instance::get(cx.tx, &grant.instance)?;
            instance.map(|instance| now.plus_seconds(instance.session_seconds))
        }
        None => None,
    };
    let Some(expires_at) = expires_at else {
        return Err(AccessDeniedException::new("Whoever let the tool in may not do so any more").into());
    };
    let granted = Granted {
        instance: &grant.instance,
        user,
        parent: grant.session.as_deref(),
        scopes: &joined(&grant.scopes),
        expires_at,
    };
    let (_, response) = token::begin(cx, client, &granted)?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_understood_however_it_is_typed() {
        for typed in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "BCDF\u{2013}GHJK"] {
            assert_eq!(normalized(typed).as_deref(), Some("BCDF-GHJK"), "{typed}");
        }
        for typed in ["", "BCDF", "BCDF-GHJKL", "\u{e9}CDFGHJK"] {
            assert_eq!(normalized(typed), None, "{typed}");
        }
    }
}
