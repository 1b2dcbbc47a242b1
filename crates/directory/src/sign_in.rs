//! Signing in to an identity store whose people come from a directory.

use crate::connector::{Authentication, Identified, authenticate};
use base::{DirectoryId, IdentityStoreId, IdentityUserId, Secret};
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
    ChangeInDirectory(IdentityUserId),
    /// They do not fit, or the account may not sign in; whoever tried learns no more than that.
    Refused {
        /// Who it was, when it is anybody whom the store knows.
        user: Option<IdentityUserId>,
        /// Why, for the audit trail.
        because: Because,
    },
    /// Nothing was checked: too many failures of that name.
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
    /// The account may not sign in at this time, or from here.
    Restricted,
}

/// Checks the name and the password of somebody of `store`, whose people come from `directory`. Opens its own
/// transactions; none is open while the directory is asked.
///
/// # Errors
/// When the database fails.
pub fn check(
    app: &Arc<App>,
    store: &IdentityStoreId,
    directory: &DirectoryId,
    name: &str,
    password: &Secret,
) -> Result<Checked> {
    let (who, because) = match authenticate(app, directory, name, password)? {
        Authentication::Verified(who) => return admitted(app, store, &who, Checked::Verified),
        Authentication::MustChange(who) | Authentication::PasswordExpired(who) => {
            return admitted(app, store, &who, Checked::ChangeInDirectory);
        }
        Authentication::Throttled { retry_after_seconds } => return Ok(Checked::Throttled { retry_after_seconds }),
        Authentication::Unreachable { reason } => return Ok(Checked::Unreachable { reason }),
        Authentication::Unknown => return Ok(Checked::Refused { user: None, because: Because::UnknownUser }),
        Authentication::WrongPassword(who) => (who, Because::WrongPassword),
        Authentication::Disabled(who) => (who, Because::Disabled),
        Authentication::Locked(who) => (who, Because::Locked),
        Authentication::Expired(who) => (who, Because::Expired),
        Authentication::WrongHours(who) | Authentication::WrongWorkstation(who) => (who, Because::Restricted),
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
