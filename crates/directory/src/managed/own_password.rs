//! People of a domain that is run here change their own passwords.
//!
//! Somebody whose password has expired cannot sign in to anything of the domain, and has no computer of the domain on
//! which to change it. The service account makes the change, with the present password and the new one: unlike a reset,
//! that is held against the whole policy of the domain.

use super::password::{self, is_of_policy, quoted};
use crate::connector::{self, Problem, Service};
use crate::ldap::{Edit, Filter, LdapError, Modification, Outcome};
use crate::object_id::ObjectId;
use crate::record;
use crate::sign_in::{self, Because, Checked};
use base::{DirectoryId, IdentityStoreId, Secret};
use identity::user::User;
use kernel::{App, Result, Tx};
use std::sync::Arc;

/// Why a domain does not take a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// It is too short.
    Length,
    /// It is too simple, or has a part of the person's name in it.
    Complexity,
    /// The person had it before.
    History,
    /// The present one is too young to be changed.
    Age,
    /// Another reason.
    Other,
}

/// Why a password was not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotChanged {
    /// The present password did not prove who it is: never [`Checked::Verified`] or [`Checked::ChangeInDirectory`].
    Unproved(Checked),
    /// The domain does not take the new one.
    Refused(Rule),
}

impl NotChanged {
    fn unreachable(reason: String) -> Self {
        Self::Unproved(Checked::Unreachable { reason })
    }
}

/// Whether people of the directory change their passwords here: those of a customer's own domain do it there.
///
/// # Errors
/// When the database fails.
pub fn is_offered(tx: &mut Tx, directory: &DirectoryId) -> Result<bool> {
    Ok(record::get(tx, directory)?.is_some_and(|directory| directory.is_managed()))
}

/// Gives somebody of `store` the password `new` in the domain, if `present` is the present one. Opens its own
/// transactions; none is open while the directory is asked. A wrong password counts as at a sign-in
/// ([`sign_in::check`]). Neither is kept or logged.
///
/// # Errors
/// When the database fails.
pub fn change(
    app: &Arc<App>,
    store: &IdentityStoreId,
    directory: &DirectoryId,
    user: &User,
    present: &Secret,
    new: &Secret,
    source_ip: &str,
) -> Result<Result<(), NotChanged>> {
    let Some(account) = user.source_id.as_deref().and_then(ObjectId::parse) else {
        return Ok(Err(NotChanged::Unproved(Checked::Refused { user: None, because: Because::UnknownUser })));
    };
    match sign_in::check_again(app, store, directory, account, present, source_ip)? {
        Checked::Verified(_) | Checked::ChangeInDirectory { .. } => {}
        other => return Ok(Err(NotChanged::Unproved(other))),
    }
    // No sign-in would send such a password, and a domain remembers none of the former when it is told to.
    if new.expose().contains('\0') {
        return Ok(Err(NotChanged::Refused(Rule::Other)));
    }
    if new.expose() == present.expose() {
        return Ok(Err(NotChanged::Refused(Rule::History)));
    }
    let Some((loaded, certificates)) = connector::load(app, directory)? else {
        return Ok(Err(NotChanged::unreachable(format!("there is no directory {directory}"))));
    };
    let outcome = connector::domain(app, &loaded, certificates)?
        .and_then(|domain| domain.with_service_once(|service| replace(service, account, present, new)));
    let not_changed = match outcome {
        Ok(true) => return Ok(Ok(())),
        Ok(false) => NotChanged::Unproved(Checked::Refused { user: None, because: Because::UnknownUser }),
        Err(Problem::Ldap { error: LdapError::Refused(outcome), .. }) if is_of_policy(&outcome) => {
            tracing::info!(%directory, refusal = outcome.message, "a person's new password is refused");
            refused(&outcome, user)
        }
        Err(problem) => {
            tracing::warn!(%directory, %problem, "a person's password cannot be changed");
            NotChanged::unreachable(problem.to_string())
        }
    };
    Ok(Err(not_changed))
}

/// Replaces the password as its owner would (MS-ADTS §3.1.1.3.1.5.1): the present one is removed, the new one added.
/// False when there is no such account any more.
fn replace(service: &mut Service, account: ObjectId, present: &Secret, new: &Secret) -> Result<bool, LdapError> {
    let filter = Filter::Equal("objectGUID", account.bytes().to_vec());
    let Some(user) = password::user(service, filter, &["sAMAccountName"])? else { return Ok(false) };
    let part = |edit, password| Modification { edit, attribute: "unicodePwd", values: vec![quoted(password)] };
    service.connection.modify(&user.dn, &[part(Edit::Remove, present), part(Edit::Add, new)])?;
    Ok(true)
}

/// What a refusal of the controller means. The code is the same for every rule; the sentences are those of Samba, whose
/// controllers these are.
fn refused(outcome: &Outcome, user: &User) -> NotChanged {
    let message = outcome.message.to_lowercase();
    let says = |text: &str| message.contains(text);
    // Somebody has changed it since it was checked.
    if says("old password specified doesn't match") {
        return NotChanged::Unproved(Checked::Refused { user: Some(user.id.clone()), because: Because::WrongPassword });
    }
    let rules = [
        ("too short", Rule::Length),
        ("complexity", Rule::Complexity),
        ("already used", Rule::History),
        ("too young", Rule::Age),
    ];
    let rule = rules.into_iter().find(|(text, _)| says(text)).map_or(Rule::Other, |(_, rule)| rule);
    NotChanged::Refused(rule)
}

#[cfg(test)]
mod tests;
