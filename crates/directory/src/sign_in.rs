//! Signing in to an identity store whose people come from a directory.

use crate::connector::{Authentication, Identified, authenticate, authenticate_again};
use crate::object_id::ObjectId;
use base::{DirectoryId, IdentityStoreId, IdentityUserId, Secret};
use identity::password::AddressFailures;
use identity::user::{self, Status};
use kernel::{App, Result};
use std::sync::Arc;

/// What came of a name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// They fit, and the user may sign in.
    Verified(IdentityUserId),
    /// They fit, but the password must be changed first, in the directory. Whoever sees this knows the password, and
    /// may be told.
    ChangeInDirectory {
        /// Who it is.
        user: IdentityUserId,
        /// Whether the password has become too old; else an administrator wants it changed.
        has_expired: bool,
    },
    /// They do not fit, or the account may not sign in; whoever tried learns no more than that.
    Refused {
        /// Who it was, when it is anybody whom the store knows.
        user: Option<IdentityUserId>,
        /// Why, for the audit trail.
        because: Because,
    },
    /// Too many failures of that name or from that address: nothing was checked, or nobody is told what came of it.
    Throttled {
        /// Seconds until it makes sense to try again.
        retry_after_seconds: i64,
    },
    /// The directory cannot be asked.
    Unreachable {
        /// Why, for operators.
        reason: String,
    },
}

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// Nobody in the directory has that name.
    UnknownUser,
    /// The directory knows the account, but it was not chosen for the identity store.
    NotChosen,
    /// The password is another one.
    WrongPassword,
    /// The account is disabled, in the directory or in the identity store.
    Disabled,
    /// The account is locked in the directory.
    Locked,
    /// The account has expired.
    Expired,
    /// The account may not sign in at this time.
    WrongHours,
    /// The account may sign in at some computers only.
    WrongWorkstation,
}

/// Checks the name and the password of somebody of `store` at `source_ip`, whose people come from `directory`. Opens its
/// own transactions; none is open while the directory is asked.
///
/// Failures from an address are counted with those of people whose passwords the product keeps
/// ([`identity::password::check`]), and are followed by the same delays.
///
/// # Errors
/// When the database fails.
pub fn check(
    app: &Arc<App>,
    store: &IdentityStoreId,
    directory: &DirectoryId,
    name: &str,
    password: &Secret,
    source_ip: &str,
) -> Result<Checked> {
    slowed_down(app, source_ip, || told(app, store, authenticate(app, directory, name, password)?))
}

/// As [`check`], for somebody of `store` whose name was checked before.
///
/// # Errors
/// When the database fails.
pub(crate) fn check_again(
    app: &Arc<App>,
    store: &IdentityStoreId,
    directory: &DirectoryId,
    account: ObjectId,
    password: &Secret,
    source_ip: &str,
) -> Result<Checked> {
    slowed_down(app, source_ip, || told(app, store, authenticate_again(app, directory, account, password)?))
}

fn slowed_down(app: &App, source_ip: &str, ask: impl FnOnce() -> Result<Checked>) -> Result<Checked> {
    let address = AddressFailures::of(source_ip);
    let wait = app.store.read(|tx| address.wait(tx, app.now()))?;
    if let Some(retry_after_seconds) = wait {
        return Ok(Checked::Throttled { retry_after_seconds });
    }
    let checked = ask()?;
    // Attempts that ran beside each other do not get past the limit together: those that end after the address was
    // blocked learn nothing, right or wrong.
    let wait = match &checked {
        Checked::Throttled { .. } | Checked::Unreachable { .. } => None,
        Checked::Refused { .. } => app.store.write(|tx| address.count(tx, app.now()), |_| {})?,
        Checked::Verified(_) | Checked::ChangeInDirectory { .. } => app.store.read(|tx| address.wait(tx, app.now()))?,
    };
    Ok(wait.map_or(checked, |retry_after_seconds| Checked::Throttled { retry_after_seconds }))
}

/// What the directory said, for an identity store.
fn told(app: &App, store: &IdentityStoreId, authentication: Authentication) -> Result<Checked> {
    let (who, because) = match authentication {
        Authentication::Verified(who) => return admitted(app, store, &who, Checked::Verified),
        Authentication::MustChange(who) => {
            return admitted(app, store, &who, |user| Checked::ChangeInDirectory { user, has_expired: false });
        }
        Authentication::PasswordExpired(who) => {
            return admitted(app, store, &who, |user| Checked::ChangeInDirectory { user, has_expired: true });
        }
        Authentication::Throttled { retry_after_seconds } => return Ok(Checked::Throttled { retry_after_seconds }),
        Authentication::Unreachable { reason } => return Ok(Checked::Unreachable { reason }),
        Authentication::Unknown => return Ok(Checked::Refused { user: None, because: Because::UnknownUser }),
        Authentication::WrongPassword(who) => (who, Because::WrongPassword),
        Authentication::Disabled(who) => (who, Because::Disabled),
        Authentication::Locked(who) => (who, Because::Locked),
        Authentication::Expired(who) => (who, Because::Expired),
        Authentication::WrongHours(who) => (who, Because::WrongHours),
        Authentication::WrongWorkstation(who) => (who, Because::WrongWorkstation),
    };
    let user = find(app, store, &who)?.map(|user| user.id);
    Ok(Checked::Refused { user, because })
}

fn find(app: &App, store: &IdentityStoreId, who: &Identified) -> Result<Option<user::User>> {
    app.store.read(|tx| user::find_by_source(tx, store, &who.object_id.to_string()))
}

/// The outcome for somebody whom the directory knows, and whom the store may not know or not let in.
fn admitted(
    app: &App,
    store: &IdentityStoreId,
    who: &Identified,
    outcome: fn(IdentityUserId) -> Checked,
) -> Result<Checked> {
    Ok(match find(app, store, who)? {
        None => Checked::Refused { user: None, because: Because::NotChosen },
        Some(user) if user.status == Status::Disabled => {
            Checked::Refused { user: Some(user.id), because: Because::Disabled }
        }
        Some(user) => outcome(user.id),
    })
}
