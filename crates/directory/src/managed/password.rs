//! ResetUserPassword.

use super::existing;
use crate::connector::{self, Directories, Problem, Service};
use crate::ldap::{Depth, Edit, Entry, Filter, LdapError, Modification, Outcome, Search, code, dn};
use crate::record::Directory;
use crate::{access, messages};
use base::{DirectoryId, Secret};
use kernel::{App, Cx, Result, Route, WriteCx, route};
use model::ds::{
    InvalidPasswordException, ResetUserPasswordRequest, ResetUserPasswordResult, UserDoesNotExistException, ops,
};
use std::sync::Arc;

fn prepare(cx: &mut Cx<'_>, input: &ResetUserPasswordRequest) -> Result<DirectoryId> {
    let directory = existing::<ops::ResetUserPassword>(cx, &input.directory_id)?;
    if directory.is_usable() { Ok(directory.id) } else { Err(messages::unavailable(&input.directory_id)) }
}

/// What came of it.
enum Reset {
    Done,
    /// There is no such user in the unit of the customer.
    NoUser,
}

/// The value of `unicodePwd` for a password (MS-ADTS §3.1.1.3.1.5).
pub(super) fn quoted(password: &Secret) -> Vec<u8> {
    format!("\"{}\"", password.expose()).encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// The user of the domain that is meant by `filter`.
pub(super) fn user(service: &mut Service, filter: Filter, attributes: &[&str]) -> Result<Option<Entry>, LdapError> {
    let base = service.root.base.clone();
    let search = Search {
        base: &base,
        depth: Depth::Subtree,
        filter: Filter::And(vec![Filter::is_user(), filter]),
        attributes,
        shows_deleted: false,
        limit: 0,
    };
    Ok(service.connection.find(&search, 1)?.pop())
}

/// Whether a new password is refused for the policy of the domain.
pub(super) fn is_of_policy(outcome: &Outcome) -> bool {
    matches!(outcome.code, code::CONSTRAINT_VIOLATION | code::UNWILLING)
}

/// Bit of `userAccountControl` of accounts that are disabled (MS-ADTS §2.2.16).
const ACCOUNT_DISABLED: i64 = 0x2;

/// Gives the user of that name the password, if it is one of the unit that is the customer's, and enables it: that is
/// how AWS has users enabled whom Directory Service Data created or disabled.
fn reset(service: &mut Service, directory: &Directory, name: &str, password: &Secret) -> Result<Reset, LdapError> {
    let found = user(service, Filter::equal("sAMAccountName", name), &["sAMAccountName", "userAccountControl"])?;
    let Some(user) = found else { return Ok(Reset::NoUser) };
    if !dn::is_within(&user.dn, &format!("OU={},{}", directory.short_name(), service.root.base)) {
        return Ok(Reset::NoUser);
    }
    let value = Modification { edit: Edit::Replace, attribute: "unicodePwd", values: vec![quoted(password)] };
    let mut modifications = vec![value];
    if let Some(control) = user.number("userAccountControl").filter(|control| control & ACCOUNT_DISABLED != 0) {
        let enabled = (control & !ACCOUNT_DISABLED).to_string();
        modifications.push(Modification::text(Edit::Replace, "userAccountControl", &enabled));
    }
    service.connection.modify(&user.dn, &modifications)?;
    Ok(Reset::Done)
}

fn work(app: &Arc<App>, id: DirectoryId, input: &ResetUserPasswordRequest) -> Result<ResetUserPasswordResult> {
    let unavailable = || messages::unavailable(id.as_str());
    let _leave = Directories::of(app)?.leave().ok_or_else(unavailable)?;
    let (directory, certificates) = connector::load(app, &id)?.ok_or_else(unavailable)?;
    let password = Secret::new(input.new_password.as_str());
    let outcome = connector::domain(app, &directory, certificates)?
        .and_then(|domain| domain.with_service_once(|service| reset(service, &directory, &input.user_name, &password)));
    match outcome {
        Ok(Reset::Done) => Ok(ResetUserPasswordResult {}),
        Ok(Reset::NoUser) => {
            let message = format!("User {} does not exist in the directory {id}.", input.user_name);
            Err(UserDoesNotExistException::new(message).into())
        }
        Err(Problem::Ldap { error: LdapError::Refused(outcome), .. }) if is_of_policy(&outcome) => {
            tracing::info!(directory = %id, refusal = outcome.message, "a password is refused");
            let message = "The new password does not satisfy the password policy of the directory.";
            Err(InvalidPasswordException::new(message).into())
        }
        Err(problem) => {
            tracing::warn!(directory = %id, %problem, "a password cannot be reset");
            Err(unavailable())
        }
    }
}

/// The change is the domain's: nothing of it is kept here.
fn settle(_cx: &mut WriteCx<'_>, _input: &ResetUserPasswordRequest, _output: &ResetUserPasswordResult) -> Result<()> {
    Ok(())
}

pub(super) fn routes() -> Vec<Route> {
    vec![route::write_outside::<ops::ResetUserPassword, _>(
        |cx, input| Ok(access::on::<ops::ResetUserPassword>(cx, &input.directory_id)?.into()),
        prepare,
        work,
        settle,
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_sent_in_quotes_and_in_utf_16() {
        assert_eq!(quoted(&Secret::new("a")), [b'"', 0, b'a', 0, b'"', 0]);
    }
}
