//! Tools that were let in: a row each, from the code to the last refresh token.

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
    pub refreshed_at: Option<Timestamp>,
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
             refreshed_at, expires_at from signin_login ",
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
        refreshed_at: row.get(8)?,
        expires_at: row.get(9)?,
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

/// The tool that has that refresh token now.
pub(super) fn of_refresh_token(tx: &mut Tx, token: &str) -> Result<Option<Grant>> {
    tx.opt(select!("where refresh_hash = $1"), params![hash(token)], grant)
}

/// The tool that had that refresh token before the present one.
pub(super) fn of_former_refresh_token(tx: &mut Tx, token: &str) -> Result<Option<Grant>> {
    tx.opt(select!("where former_refresh_hash = $1"), params![hash(token)], grant)
}

/// Notes that the code was used, with the key that the tool has shown, and gives out the first refresh token.
pub(super) fn begin(cx: &mut WriteCx<'_>, grant: &Grant, thumbprint: &str) -> Result<Secret> {
    let token = secret(cx);
    cx.write().exec_one(
        "update signin_login set is_code_used = 1, thumbprint = $2, refresh_hash = $3 where id = $1",
        params![grant.id, thumbprint, hash(token.expose())],
    )?;
    Ok(token)
}

/// Puts a new refresh token in the place of the present one, which becomes the former.
pub(super) fn rotate(cx: &mut WriteCx<'_>, grant: &Grant) -> Result<Secret> {
    let (token, now) = (secret(cx), cx.now);
    cx.write().exec_one(
        "update signin_login set former_refresh_hash = refresh_hash, refresh_hash = $2, refreshed_at = $3 where id = $1",
        params![grant.id, hash(token.expose()), now],
    )?;
    Ok(token)
}

/// Puts a new refresh token in the place of one whose answer was lost; the former stays the former.
pub(super) fn repeat(cx: &mut WriteCx<'_>, grant: &Grant) -> Result<Secret> {
    let token = secret(cx);
    cx.write()
        .exec_one("update signin_login set refresh_hash = $2 where id = $1", params![grant.id, hash(token.expose())])?;
    Ok(token)
}

/// Ends it.
pub(super) fn delete(cx: &mut WriteCx<'_>, grant: &Grant) -> Result<()> {
    cx.write().exec_one("delete from signin_login where id = $1", params![grant.id])
}
