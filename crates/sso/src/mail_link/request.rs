//! The wish of somebody who has forgotten a password.

use super::{Purpose, has_passwords, send};
use crate::instance::{self, Instance};
use crate::portal_event;
use base::{IdentityUserId, InstanceId};
use identity::password;
use identity::user;
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::{App, Caller, RequestInfo, Result};
use std::sync::Arc;

/// Writes to a user who has forgotten the password; key: `<instance>/<user>`.
const SEND: JobKind = JobKind("sso.send_password_reset");
/// Longest name that anybody has, in characters.
const NAME_CHARACTERS_MAX: usize = 128;

/// What came of the wish. Nothing of it says whether there is such a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requested {
    /// Whoever has that name and can be written to gets a mail.
    Accepted,
    /// Too many wishes of that name or from that address.
    Throttled {
        /// Seconds until it makes sense to try again.
        retry_after_seconds: i64,
    },
    /// The passwords of these people are kept elsewhere, or the instance is not in use.
    Elsewhere,
}

/// Has a link for a new password sent to the user of that name.
///
/// What is done here is the same for everybody, so that the time says nothing either: a job finds out whether somebody
/// has that name and can be written to.
///
/// # Errors
/// When the database fails.
pub fn request_reset(
    app: &Arc<App>,
    request: &Arc<RequestInfo>,
    instance: &Instance,
    user_name: &str,
) -> Result<Requested> {
    if !app.store.read(|tx| has_passwords(tx, instance))? {
        return Ok(Requested::Elsewhere);
    }
    if user_name.chars().nth(NAME_CHARACTERS_MAX).is_some() {
        return Ok(Requested::Accepted);
    }
    let wait = app.write_as(&Caller::Anonymous, request, |cx| {
        let now = cx.now;
        let wait = password::count_mail(&mut cx.write(), &instance.store, user_name, &request.source_ip, now)?;
        if wait.is_some() {
            return Ok(wait);
        }
        // The database cannot hold the character, so nobody has such a name.
        let found = match user_name.contains('\0') {
            true => None,
            false => user::find_by_name(cx.tx, &instance.store, user_name)?,
        };
        let known = found.as_ref().map(|user| user.user_name.as_str());
        portal_event::record_recovery(cx, instance, "PasswordRecoveryRequested", known)?;
        let user = found.map_or_else(|| IdentityUserId::random(&mut cx.random), |user| user.id);
        cx.enqueue(SEND, &format!("{}/{user}", instance.id), now)?;
        Ok(None)
    })?;
    Ok(match wait {
        None => Requested::Accepted,
        Some(retry_after_seconds) => Requested::Throttled { retry_after_seconds },
    })
}

pub(super) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: SEND, run: run_send }]
}

fn run_send(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let parsed = key
        .split_once('/')
        .and_then(|(instance, user)| Some((InstanceId::parse(instance)?, IdentityUserId::parse(user)?)));
    let Some((instance, user)) = parsed else { return Ok(Outcome::Done) };
    let request = RequestInfo::of_service(app, crate::SERVICE);
    app.write_as(&Caller::Service(crate::SERVICE.to_owned()), &request, |cx| {
        let Some(instance) = instance::get(cx.tx, &instance)? else { return Ok(()) };
        if !has_passwords(cx.tx, &instance)? {
            return Ok(());
        }
        let Some(user) = user::get(cx.tx, &instance.store, &user)? else { return Ok(()) };
        // Whoever cannot be written to gets nothing, and nobody is told.
        let _ = send(cx, &instance, &user, Purpose::PasswordReset)?;
        Ok(())
    })?;
    Ok(Outcome::Done)
}
