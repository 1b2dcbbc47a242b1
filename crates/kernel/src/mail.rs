//! Mail to people: written with the change that causes it, sent later, and kept for the outbox.
//!
//! Deliberately absent: SMTP. The server sends what waits when it knows a mail server.

use crate::app::App;
use crate::cx::WriteCx;
use crate::error::{Error, Result};
use crate::job::JobKind;
use crate::params;
use crate::seal::Purpose;
use crate::store::{Row, Tx, WriteTx};
use base::{AccountId, Timestamp};
use zeroize::Zeroizing;

/// Sends a message; key: its id.
pub const SEND: JobKind = JobKind("mail.send");
/// Days that a message is kept.
pub const RETENTION_DAYS: i64 = 30;
/// Longest error that is kept with a message, in characters.
const ERROR_CHARACTERS_MAX: usize = 500;

/// A message.
pub struct Message {
    /// Id.
    pub id: String,
    /// The account on whose behalf it was written.
    pub account: AccountId,
    /// Address.
    pub recipient: String,
    /// Subject.
    pub subject: String,
    /// Text, wiped when it is dropped.
    pub body: Zeroizing<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// Times that sending it was tried.
    pub attempts: i64,
    /// Why the last try failed.
    pub last_error: Option<String>,
}

struct Stored {
    message: Message,
    sealed: Vec<u8>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, account_id, recipient, subject, body, created_at, sent_at, attempts, last_error \
             from mail_message ",
            $rest
        )
    };
}

fn stored(row: &Row<'_>) -> Result<Stored> {
    let message = Message {
        id: row.get(0)?,
        account: row.get(1)?,
        recipient: row.get(2)?,
        subject: row.get(3)?,
        body: Zeroizing::default(),
        created_at: row.get(5)?,
        sent_at: row.get(6)?,
        attempts: row.get(7)?,
        last_error: row.get(8)?,
    };
    Ok(Stored { message, sealed: row.get(4)? })
}

fn opened(app: &App, stored: Stored) -> Result<Message> {
    let Stored { mut message, sealed } = stored;
    let body = app.seal.open(Purpose::Mail, &message.id, &sealed);
    let body = body.and_then(|body| String::from_utf8(body.to_vec()).ok());
    message.body = body.map(Zeroizing::new).ok_or_else(|| Error::internal("a message cannot be opened"))?;
    Ok(message)
}

/// Writes a message on behalf of `account`; it goes out once this commits. Messages of the account that are older than
/// [`RETENTION_DAYS`] are forgotten. An address that cannot be one is left for the outbox to show.
///
/// # Errors
/// When the database fails.
pub fn enqueue(cx: &mut WriteCx<'_>, account: &AccountId, recipient: &str, subject: &str, body: &str) -> Result<()> {
    let (id, now, app) = (cx.random.uuid(), cx.now, cx.app);
    let sealed = app.seal.seal(Purpose::Mail, &id, body.as_bytes(), &mut cx.random)?;
    let mut tx = cx.write();
    tx.exec_one(
        "insert into mail_message (id, account_id, recipient, subject, body, created_at, attempts) \
         values ($1, $2, $3, $4, $5, $6, 0)",
        params![id, account, recipient, subject, sealed, now],
    )?;
    let horizon = now.plus_seconds(-RETENTION_DAYS * 86_400);
    tx.exec("delete from mail_message where account_id = $1 and created_at < $2", params![account, horizon])?;
    cx.enqueue(SEND, &id, now)
}

/// At most `limit` messages of the account, oldest first, after the one written at `after.0` with the id `after.1`.
///
/// # Errors
/// When the database fails.
pub fn list(app: &App, tx: &mut Tx, account: &AccountId, after: (Timestamp, &str), limit: i64) -> Result<Vec<Message>> {
    let sql = select!("where account_id = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4");
    let rows = tx.all(sql, params![account, after.0, after.1, limit], stored)?;
    rows.into_iter().map(|row| opened(app, row)).collect()
}

/// The message of that id.
///
/// # Errors
/// When the database fails.
pub fn get(app: &App, tx: &mut Tx, id: &str) -> Result<Option<Message>> {
    tx.opt(select!("where id = $1"), params![id], stored)?.map(|row| opened(app, row)).transpose()
}

/// Notes a try to send the message: when it went out, or why it did not.
///
/// # Errors
/// When the database fails.
pub fn note_attempt(tx: &mut WriteTx<'_>, id: &str, outcome: Result<Timestamp, &str>) -> Result<()> {
    let (sent_at, error) = match outcome {
        Ok(at) => (Some(at), None),
        Err(error) => (None, Some(error.chars().take(ERROR_CHARACTERS_MAX).collect::<String>())),
    };
    let sql = "update mail_message set attempts = attempts + 1, sent_at = $2, last_error = $3 where id = $1";
    tx.exec(sql, params![id, sent_at, error])?;
    Ok(())
}
