//! Signing in with a password that a domain knows, and changing it on the way in where the domain is run here.

use super::{
    Outcome, PASSWORD_BYTES_MAX, Ticket, authenticated, begin, enabled_name, give_ticket, insert, record_failure,
    redeem,
};
use crate::instance::Instance;
use crate::opaque;
use crate::portal_event::{self, SignInFailure};
use crate::session::{self, NewSession};
use base::{DirectoryId, Secret};
use directory::managed::own_password::{self, NotChanged, Rule};
use directory::sign_in::{Because, Checked};
use identity::password::{self, Problem};
use identity::store::Source;
use identity::user::{self, User};
use kernel::caller::Person;
use kernel::{App, Caller, RequestInfo, Result};
use std::sync::Arc;

/// What came of a new password for a domain that is run here.
#[derive(Debug)]
pub enum Changed {
    /// It counts in the domain, and its owner is signed in; every other session of the owner has ended.
    SignedIn(NewSession),
    /// It does not meet a rule of Identity Center's; so with all that follow but the last, the ticket stays good.
    Refused(Problem),
    /// The domain does not take it.
    RefusedByDomain(Rule),
    /// The present password is another one, or its owner's account may not sign in any more.
    WrongPresent,
    /// Too many failures of that account or from that address.
    Throttled {
        /// Seconds until it makes sense to try again.
        retry_after_seconds: i64,
    },
    /// The directory cannot be asked at present.
    Unavailable,
    /// The ticket is unknown, used or too old, or its owner may not sign in any more.
    Expired,
}

/// Signs somebody in whose password the directory knows. A password that must be changed first lets nobody in.
pub(super) fn sign_in(
    app: &Arc<App>,
    request: &Arc<RequestInfo>,
    instance: &Instance,
    directory: &DirectoryId,
    user_name: &str,
    password: &Secret,
) -> Result<Outcome> {
    let checked = directory::sign_in::check(app, &instance.store, directory, user_name, password, &request.source_ip)?;
    let (user, failure, outcome) = match checked {
        Checked::Verified(user) => return begin(app, request, instance, &user),
        Checked::Throttled { retry_after_seconds } => return Ok(Outcome::Throttled { retry_after_seconds }),
        Checked::Unreachable { .. } => (None, SignInFailure::DirectoryUnreachable, Outcome::Unavailable),
        Checked::ChangeInDirectory { user, has_expired } => {
            if app.store.read(|tx| own_password::is_offered(tx, directory))? {
                return give_ticket(app, request, instance, &user, Outcome::ChangeInDomain);
            }
            let failure = if has_expired { SignInFailure::PasswordExpired } else { SignInFailure::MustChangePassword };
            (Some(user), failure, Outcome::ChangeInDirectory)
        }
        Checked::Refused { user, because } => (user, failure_of(because), Outcome::Refused),
    };
    record_failure(app, request, instance, user.as_ref(), failure)?;
    Ok(outcome)
}

/// Why the audit trail says that somebody was refused.
fn failure_of(because: Because) -> SignInFailure {
    match because {
        Because::UnknownUser => SignInFailure::UnknownUser,
        Because::NotChosen => SignInFailure::NotSynchronized,
        Because::WrongPassword => SignInFailure::WrongPassword,
        Because::Disabled => SignInFailure::Disabled,
        Because::Locked => SignInFailure::Locked,
        Because::Expired => SignInFailure::Expired,
        Because::WrongHours => SignInFailure::WrongHours,
        Because::WrongWorkstation => SignInFailure::WrongWorkstation,
    }
}

/// Somebody on the way from a ticket to a session.
struct Attempt<'a> {
    app: &'a Arc<App>,
    request: &'a Arc<RequestInfo>,
    ticket: Ticket,
    instance: Instance,
}

/// Changes a password in the domain that is run here, with the present one, and signs its owner in.
///
/// # Errors
/// When the database fails.
pub fn change_in_domain(
    app: &Arc<App>,
    request: &Arc<RequestInfo>,
    ticket: &str,
    present: &Secret,
    new: &Secret,
) -> Result<Changed> {
    let hash = opaque::hash(ticket);
    let taken = redeem(app, request, &hash, |source| matches!(source, Source::ActiveDirectory(_)))?;
    let Some((ticket, instance)) = taken else { return Ok(Changed::Expired) };
    let attempt = Attempt { app, request, ticket, instance };
    let changed = attempt.change(present, new);
    if !matches!(changed, Ok(Changed::SignedIn(_) | Changed::Expired)) {
        app.write_as(&Caller::Anonymous, request, |cx| insert(cx, &hash, &attempt.ticket))?;
    }
    changed
}

impl Attempt<'_> {
    fn change(&self, present: &Secret, new: &Secret) -> Result<Changed> {
        let read = self.app.store.read(|tx| {
            let Some(user) = user::get(tx, &self.instance.store, &self.ticket.user)? else { return Ok(None) };
            let source = identity::store::get(tx, &self.instance.store)?.map(|store| store.source);
            let Some(Source::ActiveDirectory(directory)) = source else { return Ok(None) };
            Ok(own_password::is_offered(tx, &directory)?.then_some((user, directory)))
        })?;
        let Some((user, directory)) = read else { return Ok(Changed::Expired) };
        if let Err(problem) = password::check_rules(new, &user.user_name) {
            return self.refused(&user, "PasswordRules", Changed::Refused(problem));
        }
        if present.expose().len() > PASSWORD_BYTES_MAX {
            return Ok(Changed::WrongPresent);
        }
        let (app, store, address) = (self.app, &self.instance.store, &self.request.source_ip);
        match own_password::change(app, store, &directory, &user, present, new, address)? {
            Ok(()) => self.begin(&user),
            Err(NotChanged::Refused(rule)) => self.refused(&user, reason(rule), Changed::RefusedByDomain(rule)),
            Err(NotChanged::Unproved(checked)) => self.unproved(&user, checked),
        }
    }

    /// What somebody learns, and the audit trail, who has not proved the present password.
    fn unproved(&self, user: &User, checked: Checked) -> Result<Changed> {
        let (failure, changed) = match checked {
            Checked::Throttled { retry_after_seconds } => return Ok(Changed::Throttled { retry_after_seconds }),
            Checked::Refused { because, .. } => (failure_of(because), Changed::WrongPresent),
            Checked::Unreachable { .. } | Checked::Verified(_) | Checked::ChangeInDirectory { .. } => {
                (SignInFailure::DirectoryUnreachable, Changed::Unavailable)
            }
        };
        record_failure(self.app, self.request, &self.instance, Some(&user.id), failure)?;
        Ok(changed)
    }

    fn refused(&self, user: &User, reason: &str, changed: Changed) -> Result<Changed> {
        let person = self.person(user);
        self.app.write_as(&Caller::Anonymous, self.request, |cx| {
            portal_event::record_refusal_of_directory(cx, &person, "UpdatePassword", reason)
        })?;
        Ok(changed)
    }

    fn begin(&self, user: &User) -> Result<Changed> {
        let person = self.person(user);
        let begun = self.app.write_as(&Caller::Anonymous, self.request, |cx| {
            portal_event::record_of_directory(cx, &person, "UpdatePassword")?;
            session::end_all_of_user(cx, &user.id)?;
            let Some(user_name) = enabled_name(cx, &self.instance, &user.id)? else { return Ok(None) };
            let workflow = cx.random.uuid();
            authenticated(cx, &self.instance, &user.id, &user_name, &workflow).map(Some)
        })?;
        Ok(begun.map_or(Changed::Expired, Changed::SignedIn))
    }

    fn person(&self, user: &User) -> Person {
        Person {
            owner: self.instance.owner.clone(),
            store: self.instance.store.clone(),
            user: user.id.clone(),
            user_name: user.user_name.clone(),
        }
    }
}

/// The word for a rule in the audit trail.
fn reason(rule: Rule) -> &'static str {
    match rule {
        Rule::Length => "PasswordTooShort",
        Rule::Complexity => "PasswordTooSimple",
        Rule::History => "PasswordUsedBefore",
        Rule::Age => "PasswordTooYoung",
        Rule::Other => "PasswordPolicy",
    }
}
