//! Switching to a role, and back.

use super::answer::{self, Answer, Failure};
use super::console;
use super::visit::{InConsole, Visit};
use base::Arn;
use http::StatusCode;
use kernel::audit::ConsoleIdentity;
use kernel::{Caller, Error, Principal};
use model::sts::{AssumeRoleRequest, ops};
use pages::console::SwitchRole;
use signin::session::{ConsoleSession, Shown, Via};

/// Longest name of a role with its path, and of an account, in bytes.
const NAME_BYTES_MAX: usize = 576;
/// Longest name of a session.
const SESSION_NAME_MAX: usize = 64;
/// What the console assumes a role for, in seconds.
const SECONDS: i32 = 3_600;

/// Shows the form, filled in from the link.
pub(super) fn show(visit: &Visit) -> Answer {
    let who = visit.in_console(visit.place())?;
    let value = |name: &str| visit.query(name).unwrap_or_default();
    let shown = Shown::of(value("displayName"), value("color"));
    Ok(form(visit, &who, value("account"), value("roleName"), &shown, None))
}

fn form(
    visit: &Visit,
    who: &InConsole,
    account: &str,
    role_name: &str,
    shown: &Shown,
    problem: Option<&str>,
) -> axum::response::Response {
    let page = SwitchRole {
        frame: visit.frame(),
        arn: &base(who).caller.arn(),
        account,
        role_name,
        display_name: &shown.name,
        color: &shown.color,
        csrf: &visit.console_token(who),
        problem,
    };
    let status = if problem.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    answer::page(status, page.render())
}

/// Whoever switches: always the one who has signed in, so that roles do not chain.
fn base(who: &InConsole) -> &ConsoleSession {
    who.base.as_ref().unwrap_or(&who.session)
}

/// Assumes the role.
pub(super) fn submit(visit: &Visit) -> Answer {
    let who = visit.console_sender("/switchrole")?;
    let (account, role_name) = (visit.field("account").trim(), visit.field("roleName").trim());
    let shown = Shown::of(visit.field("displayName"), visit.field("color"));
    match assume(visit, base(&who), account, role_name) {
        Ok(mut session) => {
            session.shown = shown;
            let session = until_base(visit, session, base(&who))?;
            record(visit, base(&who), &session, "SwitchRole")?;
            console::enter(visit, &session, Some(base(&who)), StatusCode::SEE_OTHER, "/console")
        }
        Err(error @ (Error::Denied(_) | Error::Validation(_) | Error::Modeled(_))) => {
            Ok(form(visit, &who, account, role_name, &shown, Some(error.message())))
        }
        Err(other) => Err(Failure::Domain(other)),
    }
}

fn assume(visit: &Visit, base: &ConsoleSession, account: &str, role_name: &str) -> Result<ConsoleSession, Error> {
    let invalid = || Error::Validation("There is no such account, or the name is not one of a role.".to_owned());
    if account.len() > NAME_BYTES_MAX || role_name.is_empty() || role_name.len() > NAME_BYTES_MAX {
        return Err(invalid());
    }
    let found = visit.app().store.read(|tx| signin::password::account_named(tx, account))?;
    // Whether an account exists is not told: an id is taken as it is, and only AssumeRole decides.
    let id = found.map(|account| account.id).or_else(|| base::AccountId::parse(&account.replace('-', "")));
    let id = id.ok_or_else(invalid)?;
    let role_arn = Arn::new("iam", "", id.as_str(), &format!("role/{}", role_name.trim_start_matches('/')));
    let input = AssumeRoleRequest {
        role_arn: role_arn.to_string(),
        role_session_name: session_name(&base.caller.principal),
        duration_seconds: Some(SECONDS),
        ..AssumeRoleRequest::default()
    };
    let answer = visit.call::<ops::AssumeRole>(&Caller::Principal(base.caller.clone()), &input)?;
    console::session_of(visit, answer.credentials, Via::SwitchedRole)
}

/// The name of whoever switches, as AWS's console does it.
fn session_name(principal: &Principal) -> String {
    let name = match principal {
        Principal::Root => "root",
        Principal::User(user) => &user.name,
        Principal::Role(role) => &role.session_name,
        Principal::FederatedUser { name, .. } => name,
    };
    name.chars().take(SESSION_NAME_MAX).collect()
}

/// A switched role does not outlive the session that one switches back to.
fn until_base(visit: &Visit, session: ConsoleSession, base: &ConsoleSession) -> Result<ConsoleSession, Failure> {
    let end = base.expires_at();
    if session.expires_at() <= end {
        return Ok(session);
    }
    let app = visit.app();
    Ok(app.with_random(|random| session.until(end, &app.seal, random))?)
}

fn record(visit: &Visit, from: &ConsoleSession, to: &ConsoleSession, event_name: &'static str) -> Result<(), Failure> {
    let from = from.caller.arn();
    visit.app().write_as(&Caller::Anonymous, &visit.info, |cx| {
        let identity = ConsoleIdentity::Principal(&to.caller);
        let additional = [("SwitchFrom", from.as_str())];
        signin::event::record(cx, &to.caller.account, event_name, identity, &additional, None)
    })?;
    Ok(())
}

/// Goes back to whoever switched.
pub(super) fn back(visit: &Visit) -> Answer {
    let who = visit.console_sender("/console")?;
    let Some(base) = &who.base else { return answer::redirect("/console") };
    record(visit, &who.session, base, "ExitRole")?;
    console::enter(visit, base, None, StatusCode::SEE_OTHER, "/console")
}
