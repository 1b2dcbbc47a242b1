//! Signing in to the portal with a name and a password.
//!
//! Whoever knows the people of an instance's store decides whether name and password fit: the store itself, or the
//! domain behind a directory. What follows is the same: a new session under a new cookie, and records in the audit
//! trail in the shapes of AWS's sign-in.

use crate::instance::{self, Instance};
use crate::portal_event::{self, SignInFailure};
use crate::{clean_up, opaque, session};
use base::{IdentityUserId, InstanceId, Secret, Timestamp};
use identity::password::{self, Checked, Problem, RefusedBecause};
use identity::store::Source;
use identity::user::{self, Status};
use kernel::{App, Caller, RequestInfo, Result, WriteCx, params};
use std::sync::Arc;

mod domain;

pub use crate::session::NewSession;
pub use domain::{Changed, change_in_domain};

/// How long a password that must be replaced can be replaced.
const TICKET_SECONDS: i64 = 600;
/// Random bytes of a ticket.
const TICKET_BYTES: usize = 32;
/// Longest name that anybody has, in characters.
const NAME_CHARACTERS_MAX: usize = 128;
/// Longest password that is looked at, in bytes: longer ones cost work and fit nobody.
const PASSWORD_BYTES_MAX: usize = 1_024;

/// What came of a name and a password.
#[derive(Debug)]
pub enum Outcome {
    /// Signed in.
    SignedIn(NewSession),
    /// The password was given by an administrator: it must be replaced first, with this ticket, within ten minutes.
    MustChange(Secret),
    /// The password fits and must be changed in the domain that is run here: with this ticket and the password itself,
    /// within ten minutes.
    ChangeInDomain(Secret),
    /// The password fits and must be changed in the customer's domain before it lets anybody in.
    ChangeInDirectory,
    /// Refused; nobody learns why.
    Refused,
    /// Too many failures of that name or from that address.
    Throttled {
        /// Seconds until it makes sense to try again.
        retry_after_seconds: i64,
    },
    /// Whoever knows the passwords cannot be asked at present, or the instance is not in use.
    Unavailable,
}

/// What came of a new password.
#[derive(Debug)]
pub enum Replaced {
    /// It counts, and its owner is signed in; every other session of the owner has ended.
    SignedIn(NewSession),
    /// It cannot be had; the ticket stays good.
    Refused(Problem),
    /// The ticket is unknown, used or too old, or its owner may not sign in any more.
    Expired,
}

/// Signs somebody in to `instance`.
///
/// # Errors
/// When the database fails.
pub fn sign_in(
    app: &Arc<App>,
    request: &Arc<RequestInfo>,
    instance: &Instance,
    user_name: &str,
    password: &Secret,
) -> Result<Outcome> {
    if user_name.chars().nth(NAME_CHARACTERS_MAX).is_some() || password.expose().len() > PASSWORD_BYTES_MAX {
        return Ok(Outcome::Refused);
    }
    if !instance.is_active() {
        return Ok(Outcome::Unavailable);
    }
    let source = app.store.read(|tx| Ok(identity::store::get(tx, &instance.store)?.map(|store| store.source)))?;
    let checked = match source {
        Some(Source::IdentityCenter) => password::check(app, &instance.store, user_name, password, &request.source_ip)?,
        Some(Source::ActiveDirectory(directory)) => {
            return domain::sign_in(app, request, instance, &directory, user_name, password);
        }
        None => return Ok(Outcome::Unavailable),
    };
    match checked {
        Checked::Throttled { retry_after_seconds } => Ok(Outcome::Throttled { retry_after_seconds }),
        Checked::Refused { reason } => {
            let (user, failure) = match &reason {
                RefusedBecause::UnknownUser => (None, SignInFailure::UnknownUser),
                RefusedBecause::WrongPassword(user) => (Some(user), SignInFailure::WrongPassword),
                RefusedBecause::NoPassword(user) => (Some(user), SignInFailure::NoPassword),
                RefusedBecause::Disabled(user) => (Some(user), SignInFailure::Disabled),
            };
            record_failure(app, request, instance, user, failure)?;
            Ok(Outcome::Refused)
        }
        Checked::Verified(user) => begin(app, request, instance, &user),
        Checked::MustChange(user) => give_ticket(app, request, instance, &user, Outcome::MustChange),
    }
}

fn record_failure(
    app: &Arc<App>,
    request: &Arc<RequestInfo>,
    instance: &Instance,
    user: Option<&IdentityUserId>,
    failure: SignInFailure,
) -> Result<()> {
    app.write_as(&Caller::Anonymous, request, |cx| {
        let known = match user {
            Some(id) => user::get(cx.tx, &instance.store, id)?.map(|user| user.user_name),
            None => None,
        };
        portal_event::record_sign_in_failure(cx, instance, known.as_deref(), failure)
    })
}

fn begin(app: &Arc<App>, request: &Arc<RequestInfo>, instance: &Instance, user: &IdentityUserId) -> Result<Outcome> {
    let begun = app.write_as(&Caller::Anonymous, request, |cx| {
        let Some(user_name) = enabled_name(cx, instance, user)? else { return Ok(None) };
        let workflow = cx.random.uuid();
        portal_event::record_sign_in(cx, instance, "CredentialVerification", &workflow, &user_name)?;
        authenticated(cx, instance, user, &user_name, &workflow).map(Some)
    })?;
    Ok(begun.map_or(Outcome::Refused, Outcome::SignedIn))
}

/// The user's name, while the user may sign in: that may have changed since the password was checked.
fn enabled_name(cx: &mut WriteCx<'_>, instance: &Instance, user: &IdentityUserId) -> Result<Option<String>> {
    let user = user::get(cx.tx, &instance.store, user)?;
    Ok(user.filter(|user| user.status == Status::Enabled).map(|user| user.user_name))
}

/// Begins the session of somebody who has proved everything that is asked for.
fn authenticated(
    cx: &mut WriteCx<'_>,
    instance: &Instance,
    user: &IdentityUserId,
    user_name: &str,
    workflow: &str,
) -> Result<NewSession> {
    portal_event::record_sign_in(cx, instance, "UserAuthentication", workflow, user_name)?;
    let new = session::begin(cx, instance, user)?;
    portal_event::record(cx, &new.session, "Authenticate", &[])?;
    Ok(new)
}

/// Lets somebody who has proved the present password choose another one.
fn give_ticket(
    app: &Arc<App>,
    request: &Arc<RequestInfo>,
    instance: &Instance,
    user: &IdentityUserId,
    outcome: fn(Secret) -> Outcome,
) -> Result<Outcome> {
    let ticket = app.write_as(&Caller::Anonymous, request, |cx| {
        let Some(user_name) = enabled_name(cx, instance, user)? else { return Ok(None) };
        let workflow = cx.random.uuid();
        portal_event::record_sign_in(cx, instance, "CredentialVerification", &workflow, &user_name)?;
        let secret = opaque::new("", TICKET_BYTES, &mut cx.random);
        let expires_at = cx.now.plus_seconds(TICKET_SECONDS);
        let ticket = Ticket { instance: instance.id.clone(), user: user.clone(), expires_at };
        insert(cx, &opaque::hash(secret.expose()), &ticket)?;
        clean_up::schedule(cx)?;
        Ok(Some(secret))
    })?;
    Ok(ticket.map_or(Outcome::Refused, outcome))
}

struct Ticket {
    instance: InstanceId,
    user: IdentityUserId,
    expires_at: Timestamp,
}

fn insert(cx: &mut WriteCx<'_>, hash: &[u8], ticket: &Ticket) -> Result<()> {
    cx.write().exec_one(
        "insert into sso_password_ticket (ticket_hash, instance_id, user_id, expires_at) values ($1, $2, $3, $4)",
        params![hash, ticket.instance, ticket.user, ticket.expires_at],
    )
}

/// Takes the ticket out of the table, so that nobody else uses it meanwhile.
fn take(cx: &mut WriteCx<'_>, hash: &[u8]) -> Result<Option<Ticket>> {
    let sql = "select instance_id, user_id, expires_at from sso_password_ticket where ticket_hash = $1";
    let found = cx.tx.opt(sql, params![hash], |row| {
        Ok(Ticket { instance: row.get(0)?, user: row.get(1)?, expires_at: row.get(2)? })
    })?;
    cx.write().exec("delete from sso_password_ticket where ticket_hash = $1", params![hash])?;
    let now = cx.now;
    Ok(found.filter(|ticket| now < ticket.expires_at))
}

/// Takes a ticket of somebody who may sign in to a store whose people come from where `is_right` says.
fn redeem(
    app: &Arc<App>,
    request: &Arc<RequestInfo>,
    hash: &[u8],
    is_right: fn(&Source) -> bool,
) -> Result<Option<(Ticket, Instance)>> {
    app.write_as(&Caller::Anonymous, request, |cx| {
        let Some(ticket) = take(cx, hash)? else { return Ok(None) };
        let Some(instance) = instance::get(cx.tx, &ticket.instance)? else { return Ok(None) };
        let store = identity::store::get(cx.tx, &instance.store)?;
        if !store.is_some_and(|store| is_right(&store.source)) {
            return Ok(None);
        }
        Ok(enabled_name(cx, &instance, &ticket.user)?.map(|_| (ticket, instance)))
    })
}

/// Replaces a password that an administrator gave, and signs its owner in.
///
/// # Errors
/// When the database fails.
pub fn replace_password(app: &Arc<App>, request: &Arc<RequestInfo>, ticket: &str, new: &Secret) -> Result<Replaced> {
    let hash = opaque::hash(ticket);
    let taken = redeem(app, request, &hash, |source| *source == Source::IdentityCenter)?;
    let Some((ticket, instance)) = taken else { return Ok(Replaced::Expired) };
    let changed = password::change(app, &instance.store, &ticket.user, new);
    if !matches!(changed, Ok(Ok(()))) {
        app.write_as(&Caller::Anonymous, request, |cx| insert(cx, &hash, &ticket))?;
    }
    if let Err(problem) = changed? {
        return Ok(Replaced::Refused(problem));
    }
    let begun = app.write_as(&Caller::Anonymous, request, |cx| {
        let Some(user_name) = enabled_name(cx, &instance, &ticket.user)? else { return Ok(None) };
        session::end_all_of_user(cx, &ticket.user)?;
        let workflow = cx.random.uuid();
        authenticated(cx, &instance, &ticket.user, &user_name, &workflow).map(Some)
    })?;
    Ok(begun.map_or(Replaced::Expired, Replaced::SignedIn))
}
