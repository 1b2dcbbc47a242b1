//! What links are for.

use super::{Link, Purpose, forget_all_of_user, live, text};
use crate::{instance, opaque, portal_event, session};
use base::Secret;
use identity::password::{self, Prepared, Problem};
use identity::user::email;
use kernel::caller::Person;
use kernel::{App, Caller, Error, RequestInfo, Result, WriteCx, mail};
use std::sync::Arc;

/// Times that a password is set while others set one of the same user.
const ATTEMPTS_MAX: usize = 3;

/// What came of a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It counts. Every session of the user has ended, and every link is used up.
    Set,
    /// It cannot be had; the link stays good.
    Refused(Problem),
    /// The link is unknown, used or too old, or its user may not sign in any more.
    Void,
}

/// Sets a user's password by a link for that. Opens its own transactions; hashes are computed outside of them, and only
/// for whoever has a link that is good.
///
/// # Errors
/// [`Error::Busy`] when others keep setting the same password, and when the database fails.
pub fn set_password(
    app: &Arc<App>,
    request: &Arc<RequestInfo>,
    token: &str,
    purpose: Purpose,
    new: &Secret,
) -> Result<Outcome> {
    if purpose == Purpose::EmailVerification {
        return Ok(Outcome::Void);
    }
    for _ in 0..ATTEMPTS_MAX {
        let Some(link) = super::find(app, token, purpose)? else { return Ok(Outcome::Void) };
        let prepared = match password::prepare(app, &link.instance.store, &link.user.id, new)? {
            Ok(prepared) => prepared,
            Err(problem) => return Ok(Outcome::Refused(problem)),
        };
        let hash = opaque::hash(token);
        let outcome = app.write_as(&Caller::Anonymous, request, |cx| {
            let now = cx.now;
            match live(cx.tx, &hash, purpose, now)? {
                None => Ok(Some(Outcome::Void)),
                Some(link) => Ok(set(cx, &link, purpose, &prepared)?.then_some(Outcome::Set)),
            }
        })?;
        if let Some(outcome) = outcome {
            return Ok(outcome);
        }
    }
    Err(Error::Busy)
}

/// False when another password was set meanwhile.
fn set(cx: &mut WriteCx<'_>, link: &Link, purpose: Purpose, prepared: &Prepared) -> Result<bool> {
    let (now, user) = (cx.now, &link.user);
    if !prepared.set(&mut cx.write(), now)? {
        return Ok(false);
    }
    password::forget_attempts(&mut cx.write(), &user.store, &user.user_name)?;
    session::end_all_of_user(cx, &user.id)?;
    forget_all_of_user(cx, &user.id)?;
    if purpose == Purpose::PasswordReset {
        portal_event::record_recovery(cx, &link.instance, "PasswordRecoveryCompleted", Some(&user.user_name))?;
    }
    record(cx, link, "UpdatePassword")?;
    confirm(cx, link)?;
    let portal = instance::address(cx, &link.instance, "/start")?;
    let letter = text::password_changed(user, &portal);
    let recipient = user.email().unwrap_or(&link.address);
    mail::enqueue(cx, &link.instance.owner, recipient, letter.subject, &letter.body)?;
    Ok(true)
}

/// Notes that the link's mail arrived.
fn confirm(cx: &mut WriteCx<'_>, link: &Link) -> Result<()> {
    if email::verified_at(cx.tx, &link.user)?.is_some() {
        return Ok(());
    }
    let now = cx.now;
    email::set_verified(&mut cx.write(), &link.user.id, &link.address, now)?;
    record(cx, link, "VerifyEmail")
}

fn record(cx: &mut WriteCx<'_>, link: &Link, event_name: &'static str) -> Result<()> {
    let person = Person {
        owner: link.instance.owner.clone(),
        store: link.instance.store.clone(),
        user: link.user.id.clone(),
        user_name: link.user.user_name.clone(),
    };
    portal_event::record_of_directory(cx, &person, event_name)
}

/// Confirms a user's address by a link for that; false when the link is not good, or not any more.
///
/// # Errors
/// When the database fails.
pub fn verify_email(app: &Arc<App>, request: &Arc<RequestInfo>, token: &str) -> Result<bool> {
    let purpose = Purpose::EmailVerification;
    if super::find(app, token, purpose)?.is_none() {
        return Ok(false);
    }
    let hash = opaque::hash(token);
    app.write_as(&Caller::Anonymous, request, |cx| {
        let now = cx.now;
        let Some(link) = live(cx.tx, &hash, purpose, now)? else { return Ok(false) };
        confirm(cx, &link)?;
        let sql = "delete from sso_mail_link where user_id = $1 and purpose = $2";
        cx.write().exec(sql, kernel::params![link.user.id, purpose.as_str()])?;
        Ok(true)
    })
}
