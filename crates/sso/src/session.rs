//! Sessions of people: one for each browser that signed in, and one for each tool that was let in from it.
//!
//! A session lasts as long as its instance says (AWS: 8 hours unless chosen otherwise) and not longer for being used.
//! The cookie of a browser that rested for longer than the instance says proves nothing any more; what was let in from
//! it goes on, as whatever is used by itself. A tool's session is a child of the browser's from which it was let in: it
//! ends with it at the latest. Sessions that are ended are deleted at once, with their tokens and with whatever was on
//! its way to become a session, so a session that is found and has not run out goes on as long as its user may sign in.

use crate::instance::{self, Instance};
use crate::{opaque, portal_event};
use aws_lc_rs::hmac;
use base::{ApplicationId, IdentityUserId, InstanceId, Secret, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::user::Status;
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{App, Caller, Cx, RequestInfo, Result, Tx, WriteCx, params};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Random bytes of a cookie.
const COOKIE_BYTES: usize = 32;
/// Sessions are seen once in this time at most.
const SEEN_SECONDS: i64 = 60;
/// Sessions that wait to be seen, at most; those on top are seen at their next use.
const SEEN_WAITING_MAX: usize = 50_000;
/// Sessions of one person that are listed, at most: the newest.
const LISTED_MAX: i64 = 1_000;

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

/// A session that has just begun, with the cookie that proves it: the only time that the cookie is known.
#[derive(Debug)]
pub struct NewSession {
    /// The session.
    pub session: PortalSession,
    /// What the browser keeps.
    pub cookie: Secret,
}

/// A tool that is let in.
pub(crate) struct Tool<'a> {
    pub(crate) instance: &'a InstanceId,
    pub(crate) user: &'a IdentityUserId,
    /// The browser's session from which it is let in; `None`: an administrator lets it in.
    pub(crate) parent: Option<&'a str>,
    pub(crate) client_id: &'a str,
    pub(crate) client_name: &'a str,
    /// The application, when the tool is one.
    pub(crate) application: Option<&'a ApplicationId>,
    pub(crate) scopes: Option<&'a str>,
    pub(crate) expires_at: Timestamp,
}

/// When sessions of tools were last used: requests that only read note it here, and a worker writes it.
#[derive(Default)]
pub struct LastSeen {
    waiting: Mutex<HashMap<String, Timestamp>>,
}

impl LastSeen {
    fn note(&self, id: &str, at: Timestamp) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < SEEN_WAITING_MAX || waiting.contains_key(id) {
            waiting.insert(id.to_owned(), at);
        }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// When the database fails; what was not written is forgotten.
    pub fn flush(&self, app: &App) -> Result<()> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() {
            return Ok(());
        }
        app.store.write(
            |tx| {
                for (id, at) in &waiting {
                    tx.exec(SEE, params![id, at])?;
                }
                Ok(())
            },
            |_| {},
        )
    }
}

const SEE: &str = "update sso_session set last_seen_at = $2 where id = $1 and last_seen_at < $2";

/// The columns of [`session`], in its order, and when the session was last seen.
macro_rules! select {
    ($rest:literal) => {
        concat!("select s.id, s.instance_id, s.user_id, s.created_at, s.expires_at, s.last_seen_at ", $rest)
    };
}

fn session(row: &Row<'_>) -> Result<(PortalSession, Timestamp)> {
    let session = PortalSession {
        id: row.get(0)?,
        instance: row.get(1)?,
        user: row.get(2)?,
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
    };
    Ok((session, row.get(5)?))
}

/// The session of that id, while it goes on.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, id: &str, now: Timestamp) -> Result<Option<PortalSession>> {
    let found = tx.opt(select!("from sso_session s where s.id = $1"), params![id], session)?;
    Ok(alive(tx, found, now)?.map(|(session, _)| session))
}

/// `found`, if it goes on.
fn alive(
    tx: &mut Tx,
    found: Option<(PortalSession, Timestamp)>,
    now: Timestamp,
) -> Result<Option<(PortalSession, Timestamp)>> {
    let Some((session, seen_at)) = found.filter(|(session, _)| now < session.expires_at) else { return Ok(None) };
    Ok(may_sign_in(tx, &session.instance, &session.user)?.then_some((session, seen_at)))
}

/// Whether there is such a user of the instance, and it may sign in.
pub(crate) fn may_sign_in(tx: &mut Tx, instance: &InstanceId, user: &IdentityUserId) -> Result<bool> {
    let Some(instance) = instance::get(tx, instance)? else { return Ok(false) };
    let user = identity::user::get(tx, &instance.store, user)?;
    Ok(user.is_some_and(|user| user.status == Status::Enabled))
}

/// Whether the session goes on: it was not ended, has not run out, and its user may still sign in.
///
/// # Errors
/// When the database fails.
pub fn is_alive(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool> {
    Ok(get(tx, id, now)?.is_some())
}

/// The live session to which an access token of a tool belongs. Tokens of applications are for the applications' own
/// use: nothing is found for them.
///
/// # Errors
/// When the database fails.
pub fn of_access_token(cx: &mut Cx<'_>, token: &str) -> Result<Option<PortalSession>> {
    let now = cx.now;
    let sql = select!(
        "from sso_access_token t join sso_session s on s.id = t.session_id \
         where t.token_hash = $1 and t.expires_at > $2 and s.application_id is null"
    );
    let found = cx.tx.opt(sql, params![opaque::hash(token), now], session)?;
    let Some((session, seen_at)) = alive(cx.tx, found, now)? else { return Ok(None) };
    if now >= seen_at.plus_seconds(SEEN_SECONDS)
        && let Some(last_seen) = cx.app.extension::<LastSeen>()
    {
        last_seen.note(&session.id, now);
    }
    Ok(Some(session))
}

/// The live session of a browser, by its cookie.
///
/// # Errors
/// When the database fails.
pub fn of_cookie(app: &Arc<App>, cookie: &str) -> Result<Option<PortalSession>> {
    let now = app.now();
    let found = app.store.read(|tx| {
        let sql = select!(
            "from sso_session s join sso_instance i on i.id = s.instance_id \
             where s.cookie_hash = $1 and s.last_seen_at + i.session_idle_seconds * 1000000 > $2"
        );
        let found = tx.opt(sql, params![opaque::hash(cookie), now], session)?;
        alive(tx, found, now)
    })?;
    let Some((session, seen_at)) = found else { return Ok(None) };
    if now >= seen_at.plus_seconds(SEEN_SECONDS) {
        app.store.write(|tx| tx.exec(SEE, params![session.id, now]), |_| {})?;
    }
    Ok(Some(session))
}

/// Begins the session of a browser in which `user` has signed in: always a new one, with a new cookie.
pub(crate) fn begin(cx: &mut WriteCx<'_>, instance: &Instance, user: &IdentityUserId) -> Result<NewSession> {
    let cookie = opaque::new("", COOKIE_BYTES, &mut cx.random);
    let session = PortalSession {
        id: cx.random.uuid(),
        instance: instance.id.clone(),
        user: user.clone(),
        created_at: cx.now,
        expires_at: cx.now.plus_seconds(instance.session_seconds),
    };
    let request = Arc::clone(&cx.request);
    cx.write().exec_one(
        "insert into sso_session (id, instance_id, user_id, cookie_hash, created_at, last_seen_at, expires_at, \
           source_ip, user_agent, wrong_codes, wrong_codes_since) \
         values ($1, $2, $3, $4, $5, $5, $6, $7, $8, 0, 0)",
        params![
            session.id,
            session.instance,
            session.user,
            opaque::hash(cookie.expose()),
            session.created_at,
            session.expires_at,
            request.source_ip,
            request.user_agent
        ],
    )?;
    crate::clean_up::schedule(cx)?;
    Ok(NewSession { session, cookie })
}

/// Begins the session of a tool.
pub(crate) fn begin_tool(cx: &mut WriteCx<'_>, tool: &Tool<'_>) -> Result<PortalSession> {
    let session = PortalSession {
        id: cx.random.uuid(),
        instance: tool.instance.clone(),
        user: tool.user.clone(),
        created_at: cx.now,
        expires_at: tool.expires_at,
    };
    let request = Arc::clone(&cx.request);
    cx.write().exec_one(
        "insert into sso_session (id, instance_id, user_id, parent_id, client_id, client_name, scopes, created_at, \
           last_seen_at, expires_at, source_ip, user_agent, application_id, wrong_codes, wrong_codes_since) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, 0, 0)",
        params![
            session.id,
            session.instance,
            session.user,
            tool.parent,
            tool.client_id,
            tool.client_name,
            tool.scopes,
            session.created_at,
            session.expires_at,
            request.source_ip,
            request.user_agent,
            tool.application
        ],
    )?;
    crate::clean_up::schedule(cx)?;
    Ok(session)
}

/// The live sessions of the person behind `session`, newest first.
///
/// # Errors
/// When the database fails.
pub fn list(app: &Arc<App>, session: &PortalSession) -> Result<Vec<SessionSummary>> {
    let now = app.now();
    let mut sessions = app.store.read(|tx| list_of_user(tx, &session.user, now))?;
    for each in &mut sessions {
        each.is_current = each.id == session.id;
    }
    Ok(sessions)
}

/// The sessions of `user` that are alive at `now` and, if browsers', not idle for too long; newest first.
///
/// # Errors
/// When the database fails.
pub fn list_of_user(tx: &mut Tx, user: &IdentityUserId, now: Timestamp) -> Result<Vec<SessionSummary>> {
    let sql = "select s.id, s.client_name, s.created_at, s.last_seen_at, s.expires_at, s.source_ip, s.user_agent \
               from sso_session s join sso_instance i on i.id = s.instance_id \
               where s.user_id = $1 and s.expires_at > $2 \
                 and (s.client_name is not null or s.last_seen_at + i.session_idle_seconds * 1000000 > $2) \
               order by s.created_at desc, s.id limit $3";
    tx.all(sql, params![user, now, LISTED_MAX], |row| {
        let client_name: Option<String> = row.get(1)?;
        Ok(SessionSummary {
            id: row.get(0)?,
            kind: client_name.map_or(SessionKind::Browser, |client_name| SessionKind::Tool { client_name }),
            created_at: row.get(2)?,
            last_seen_at: row.get(3)?,
            expires_at: row.get(4)?,
            source_ip: row.get(5)?,
            user_agent: row.get(6)?,
            is_current: false,
        })
    })
}

/// Ends a session of the same person, and the tools that were let in from it; false when there is none of that id.
///
/// # Errors
/// When the database fails.
pub fn end(app: &Arc<App>, request: &Arc<RequestInfo>, session: &PortalSession, id: &str) -> Result<bool> {
    app.write_as(&Caller::Anonymous, request, |cx| {
        let has_ended = end_of_user(cx, &session.user, id)?;
        if has_ended {
            portal_event::record(cx, session, "DeleteSession", &[("sessionId", id)])?;
        }
        Ok(has_ended)
    })
}

/// Ends every other session of the same person.
///
/// # Errors
/// When the database fails.
pub fn end_others(app: &Arc<App>, request: &Arc<RequestInfo>, session: &PortalSession) -> Result<()> {
    app.write_as(&Caller::Anonymous, request, |cx| {
        let sql = "select id from sso_session where user_id = $1 and id <> $2 order by created_at";
        let others = cx.tx.all(sql, params![session.user, session.id], |row| row.get::<String>(0))?;
        for id in others {
            // The tools of a browser end with it: later rows may be gone by now.
            if end_of_user(cx, &session.user, &id)? {
                portal_event::record(cx, session, "DeleteSession", &[("sessionId", &id)])?;
            }
        }
        Ok(())
    })
}

/// Signs out: the session ends, and the tools that were let in from it.
///
/// # Errors
/// When the database fails.
pub fn sign_out(app: &Arc<App>, request: &Arc<RequestInfo>, session: &PortalSession) -> Result<()> {
    app.write_as(&Caller::Anonymous, request, |cx| {
        if end_of_user(cx, &session.user, &session.id)? {
            portal_event::record(cx, session, "Logout", &[])?;
        }
        Ok(())
    })
}

/// Ends one session of `user`; false when there is none of that id.
///
/// # Errors
/// When the database fails.
pub fn end_of_user(cx: &mut WriteCx<'_>, user: &IdentityUserId, id: &str) -> Result<bool> {
    let sql = "select instance_id from sso_session where id = $1 and user_id = $2";
    let instance: Option<InstanceId> = cx.tx.opt(sql, params![id, user], |row| row.get(0))?;
    let Some(instance) = instance else { return Ok(false) };
    // Applications may pass on what they were given: children have children.
    let mut all = vec![id.to_owned()];
    let mut next = 0;
    while let Some(parent) = all.get(next) {
        let children = "select id from sso_session where parent_id = $1";
        all.extend(cx.tx.all(children, params![parent], |row| row.get::<String>(0))?);
        next += 1;
    }
    for each in all.iter().rev() {
        delete(cx, each)?;
    }
    cx.touch(Scope::instance(&instance));
    Ok(true)
}

/// Ends every session of `user`, and whatever was on its way to become one.
///
/// # Errors
/// When the database fails.
pub fn end_all_of_user(cx: &mut WriteCx<'_>, user: &IdentityUserId) -> Result<()> {
    let sql = "select id from sso_session where user_id = $1 order by created_at";
    for id in cx.tx.all(sql, params![user], |row| row.get::<String>(0))? {
        end_of_user(cx, user, &id)?;
    }
    cx.write().exec("delete from sso_device_grant where user_id = $1", params![user])?;
    cx.write().exec("delete from sso_password_ticket where user_id = $1", params![user])?;
    Ok(())
}

/// Forgets everything that people and tools hold of an instance that is about to be deleted.
///
/// # Errors
/// When the database fails.
pub fn end_all_of_instance(cx: &mut WriteCx<'_>, instance: &InstanceId) -> Result<()> {
    let users = "select distinct user_id from sso_session where instance_id = $1";
    for user in cx.tx.all(users, params![instance], |row| row.get::<IdentityUserId>(0))? {
        end_all_of_user(cx, &user)?;
    }
    for sql in [
        "delete from sso_device_grant where instance_id = $1",
        "delete from sso_password_ticket where instance_id = $1",
        "delete from sso_mail_link where instance_id = $1",
        "delete from sso_client where instance_id = $1",
    ] {
        cx.write().exec(sql, params![instance])?;
    }
    cx.touch(Scope::instance(instance));
    Ok(())
}

/// Deletes a session that is nobody's parent, with what hangs on it.
pub(crate) fn delete(cx: &mut WriteCx<'_>, id: &str) -> Result<()> {
    for sql in [
        "delete from sso_access_token where session_id = $1",
        "delete from sso_refresh_token where session_id = $1",
        "delete from sso_authorization_code where session_id = $1",
        "delete from sso_device_grant where session_id = $1",
        "delete from sso_session where id = $1",
    ] {
        cx.write().exec(sql, params![id])?;
    }
    Ok(())
}

/// What every form of that browser carries, so that no other site can send one: a function of its cookie.
pub fn csrf_token(app: &App, cookie: &str) -> String {
    let mut context = csrf_context(app);
    context.update(cookie.as_bytes());
    URL_SAFE_NO_PAD.encode(context.sign())
}

/// Whether `token` is the one of that browser. Takes the same time wherever they differ.
pub fn is_csrf_token(app: &App, cookie: &str, token: &str) -> bool {
    let expected = csrf_token(app, cookie);
    aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), token.as_bytes()).is_ok()
}

fn csrf_context(app: &App) -> hmac::Context {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, app.seal.paging_key()));
    context.update(b"portal form\0");
    context
}
