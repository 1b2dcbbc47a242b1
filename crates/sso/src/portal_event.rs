//! What people do at the portal, in the audit trail of the account that owns the instance.

use crate::instance::{self, Instance};
use crate::session::PortalSession;
use kernel::audit::{EventIdentity, Record, ServiceEvent};
use kernel::caller::Person;
use kernel::{Result, Tx, WriteCx};

/// Records that the person behind `session` did something: `Authenticate`, `Federate`, `Logout`. `parameters` hold no
/// secrets.
///
/// # Errors
/// When the database fails.
pub fn record(
    cx: &mut WriteCx<'_>,
    session: &PortalSession,
    event_name: &'static str,
    parameters: &[(&'static str, &str)],
) -> Result<()> {
    let Some(person) = person(cx.tx, session)? else { return Ok(()) };
    let event = ServiceEvent {
        account: &person.owner,
        event_source: crate::SERVICE,
        event_name,
        identity: EventIdentity::IdentityCenterUser { person: &person, session: Some(&session.id) },
        request: &cx.request.clone(),
        parameters,
        additional: &[],
        has_succeeded: None,
        at: cx.now,
    };
    write(cx, &event)
}

/// The person behind `session`, as the audit trail names it; `None` when the instance or the user is gone.
///
/// # Errors
/// When the database fails.
pub fn person(tx: &mut Tx, session: &PortalSession) -> Result<Option<Person>> {
    let Some(instance) = instance::get(tx, &session.instance)? else { return Ok(None) };
    let user = identity::user::get(tx, &instance.store, &session.user)?;
    Ok(user.map(|user| Person {
        owner: instance.owner,
        store: instance.store,
        user: user.id,
        user_name: user.user_name,
    }))
}

/// Why a password let nobody in. The person learns less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignInFailure {
    /// Nobody has that name.
    UnknownUser,
    /// The directory has the account, and the instance does not.
    NotSynchronized,
    /// The password is another one.
    WrongPassword,
    /// The user has no password.
    NoPassword,
    /// The user is disabled.
    Disabled,
    /// The directory has locked the account.
    Locked,
    /// The account has expired.
    Expired,
    /// The account may not sign in at this time.
    WrongHours,
    /// The account may sign in at some computers only.
    WrongWorkstation,
    /// The password is right and must be changed in the directory.
    MustChangePassword,
    /// The password is right and too old.
    PasswordExpired,
    /// The directory could not be asked.
    DirectoryUnreachable,
}

impl SignInFailure {
    /// The word for it in the audit trail.
    fn as_str(self) -> &'static str {
        match self {
            Self::UnknownUser => "UserNotFound",
            Self::NotSynchronized => "UserNotSynchronized",
            Self::WrongPassword => "WrongPassword",
            Self::NoPassword => "UserHasNoPassword",
            Self::Disabled => "UserDisabled",
            Self::Locked => "AccountLocked",
            Self::Expired => "AccountExpired",
            Self::WrongHours => "OutsideLogonHours",
            Self::WrongWorkstation => "WorkstationNotAllowed",
            Self::MustChangePassword => "PasswordMustChange",
            Self::PasswordExpired => "PasswordExpired",
            Self::DirectoryUnreachable => "DirectoryUnreachable",
        }
    }
}

/// Records that a password let nobody in to `instance`, and why. `user_name` is `None` when nobody has the name that was
/// given.
pub(crate) fn record_sign_in_failure(
    cx: &mut WriteCx<'_>,
    instance: &Instance,
    user_name: Option<&str>,
    failure: SignInFailure,
) -> Result<()> {
    let workflow = cx.random.uuid();
    record_step(cx, instance, "CredentialVerification", &workflow, user_name, Err(failure))
}

/// Records a step of signing in to `instance` that worked.
pub(crate) fn record_sign_in(
    cx: &mut WriteCx<'_>,
    instance: &Instance,
    event_name: &'static str,
    workflow: &str,
    user_name: &str,
) -> Result<()> {
    record_step(cx, instance, event_name, workflow, Some(user_name), Ok(()))
}

fn record_step(
    cx: &mut WriteCx<'_>,
    instance: &Instance,
    event_name: &'static str,
    workflow: &str,
    user_name: Option<&str>,
    outcome: std::result::Result<(), SignInFailure>,
) -> Result<()> {
    let start_url = instance.start_url();
    let mut additional = vec![("AuthWorkflowID", workflow), ("CredentialType", "PASSWORD"), ("LoginTo", &start_url)];
    additional.extend(outcome.err().map(|failure| ("FailureReason", failure.as_str())));
    record_at_the_door(cx, instance, event_name, user_name, &additional, outcome.is_ok())
}

/// Records what somebody did who is not signed in yet.
fn record_at_the_door(
    cx: &mut WriteCx<'_>,
    instance: &Instance,
    event_name: &'static str,
    user_name: Option<&str>,
    additional: &[(&'static str, &str)],
    has_succeeded: bool,
) -> Result<()> {
    let event = ServiceEvent {
        account: &instance.owner,
        event_source: "signin.amazonaws.com",
        event_name,
        identity: EventIdentity::Unknown { user_name },
        request: &cx.request.clone(),
        parameters: &[],
        additional,
        has_succeeded: Some(has_succeeded),
        at: cx.now,
    };
    write(cx, &event)
}

/// Records a step on the way back of somebody who has forgotten the password, under the names that AWS uses for root
/// users. `user_name` is `None` when nobody has the name that was given.
pub(crate) fn record_recovery(
    cx: &mut WriteCx<'_>,
    instance: &Instance,
    event_name: &'static str,
    user_name: Option<&str>,
) -> Result<()> {
    record_at_the_door(cx, instance, event_name, user_name, &[("LoginTo", &instance.start_url())], true)
}

/// Records that somebody changed what the directory holds of themselves: `UpdatePassword`, `VerifyEmail`.
pub(crate) fn record_of_directory(cx: &mut WriteCx<'_>, person: &Person, event_name: &'static str) -> Result<()> {
    write_of_directory(cx, person, event_name, None)
}

/// Records that somebody could not change what the directory holds of themselves, and why.
pub(crate) fn record_refusal_of_directory(
    cx: &mut WriteCx<'_>,
    person: &Person,
    event_name: &'static str,
    reason: &str,
) -> Result<()> {
    write_of_directory(cx, person, event_name, Some(reason))
}

fn write_of_directory(
    cx: &mut WriteCx<'_>,
    person: &Person,
    event_name: &'static str,
    reason: Option<&str>,
) -> Result<()> {
    let additional = reason.map(|reason| ("FailureReason", reason));
    let event = ServiceEvent {
        account: &person.owner,
        event_source: "sso-directory.amazonaws.com",
        event_name,
        identity: EventIdentity::IdentityCenterUser { person, session: None },
        request: &cx.request.clone(),
        parameters: &[("identityStoreId", person.store.as_str()), ("userId", person.user.as_str())],
        additional: additional.as_slice(),
        has_succeeded: reason.map(|_| false),
        at: cx.now,
    };
    write(cx, &event)
}

fn write(cx: &mut WriteCx<'_>, event: &ServiceEvent<'_>) -> Result<()> {
    let mut random = cx.random.fork();
    Record::of_event(event).write(&mut cx.write(), &mut random)
}
