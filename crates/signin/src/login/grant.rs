//! Tools that were let in: from the code to the last refresh token.

use super::Client;
use crate::session::{ConsoleSession, Place};
use aws_lc_rs::digest::{SHA256, digest};
use base::{Secret, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::store::Row;
use kernel::{Result, Tx, WriteCx, params};

/// How long a code is good, in seconds: the person may have to carry it over by hand.
pub(super) const CODE_SECONDS: i64 = 600;
/// Random bytes of a code or a refresh token.
const SECRET_BYTES: usize = 32;

/// A tool that was let in.
pub(super) struct Grant {
    pub id: String,
    pub client: Client,
    pub redirect_uri: String,
    pub code_challenge: String,
    pub code_expires_at: Timestamp,
    pub is_code_used: bool,
    /// As it is stored.
    session: Vec<u8>,
    pub thumbprint: Option<String>,
    pub expires_at: Timestamp,
}

impl Grant {
    /// The session in which it was let in; `None` when the master key that sealed it is gone.
    pub fn session(&self, seal: &kernel::seal::Seal) -> Option<ConsoleSession> {
        ConsoleSession::open_bytes(Place::Login, seal, &self.session)
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, client_id, redirect_uri, code_challenge, code_expires_at, is_code_used, session, thumbprint, \
             expires_at from signin_login ",
            $rest
        )
    };
}

fn grant(row: &Row<'_>) -> Result<Grant> {
    Ok(Grant {
        id: row.get(0)?,
        client: row.parse(1, Client::of)?,
        redirect_uri: row.get(2)?,
        code_challenge: row.get(3)?,
        code_expires_at: row.get(4)?,
        is_code_used: row.get(5)?,
        session: row.get(6)?,
        thumbprint: row.get(7)?,
        expires_at: row.get(8)?,
    })
}

/// What is stored of a secret that was drawn at random.
pub(super) fn hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

fn secret(cx: &mut WriteCx<'_>) -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(cx.random.bytes::<SECRET_BYTES>()))
}

/// Lets a tool in; the code with which it comes.
pub(super) fn create(
    cx: &mut WriteCx<'_>,
    client: Client,
    redirect_uri: &str,
    code_challenge: &str,
    session: &ConsoleSession,
) -> Result<Secret> {
    let (code, id, now) = (secret(cx), cx.random.uuid(), cx.now);
    let app = std::sync::Arc::clone(cx.app);
    let sealed = session.seal_bytes(Place::Login, &app.seal, &mut cx.random)?;
    cx.write().exec_one(
        "insert into signin_login (id, client_id, redirect_uri, code_challenge, code_hash, code_expires_at, is_code_used, \
           session, expires_at) values ($1, $2, $3, $4, $5, $6, 0, $7, $8)",
        params![
            id,
            client.id(),
            redirect_uri,
            code_challenge,
            hash(code.expose()),
            now.plus_seconds(CODE_SECONDS),
            sealed,
            session.expires_at()
        ],
    )?;
    Ok(code)
}

/// The tool that was let in with that code.
pub(super) fn of_code(tx: &mut Tx, code: &str) -> Result<Option<Grant>> {
    tx.opt(select!("where code_hash = $1"), params![hash(code)], grant)
}

/// The tool that was given that refresh token, and when it used it first.
pub(super) fn of_refresh_token(tx: &mut Tx, token: &str) -> Result<Option<(Grant, Option<Timestamp>)>> {
    let sql = "select login_id, used_at from signin_refresh_token where token_hash = $1";
    let found = tx.opt(sql, params![hash(token)], |row| Ok((row.get::<String>(0)?, row.get(1)?)))?;
    let Some((id, used_at)) = found else { return Ok(None) };
    let grant = tx.opt(select!("where id = $1"), params![id], grant)?;
    Ok(grant.map(|grant| (grant, used_at)))
}

/// Notes that the code was used, with the key that the tool has shown, and gives out the first refresh token.
pub(super) fn begin(cx: &mut WriteCx<'_>, grant: &Grant, thumbprint: &str) -> Result<Secret> {
    let sql = "update signin_login set is_code_used = 1, thumbprint = $2 where id = $1";
    cx.write().exec_one(sql, params![grant.id, thumbprint])?;
    issue(cx, grant)
}

/// Notes that a refresh token was used, and gives out the next one.
pub(super) fn rotate(cx: &mut WriteCx<'_>, grant: &Grant, token: &str) -> Result<Secret> {
    let (hash, now) = (hash(token), cx.now);
    let sql = "update signin_refresh_token set used_at = coalesce(used_at, $2) where token_hash = $1";
    cx.write().exec_one(sql, params![hash, now])?;
    issue(cx, grant)
}

fn issue(cx: &mut WriteCx<'_>, grant: &Grant) -> Result<Secret> {
    let token = secret(cx);
    let sql = "insert into signin_refresh_token (token_hash, login_id) values ($1, $2)";
    cx.write().exec_one(sql, params![hash(token.expose()), grant.id])?;
    Ok(token)
}

/// Ends it, and all its refresh tokens.
pub(super) fn delete(cx: &mut WriteCx<'_>, grant: &Grant) -> Result<()> {
    cx.write().exec_one("delete from signin_login where id = $1", params![grant.id])
}
