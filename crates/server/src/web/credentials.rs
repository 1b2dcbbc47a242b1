//! Access keys of a role.

use super::answer::{self, Answer, Failure};
use super::portal::accounts;
use super::profiles::site;
use super::visit::{Person, Visit, incomplete};
use base::Secret;
use http::StatusCode;
use kernel::{Caller, Error};
use pages::credentials::{Credentials, Question};
use pages::format::RoleCredentials;
use sso::portal_event;

/// Asks before keys are made: following a link makes none.
pub(super) fn ask(visit: &Visit) -> Answer {
    let person = visit.signed_in(visit.place())?;
    let (Some(account_id), Some(role_name)) = (visit.query("account_id"), visit.query("role_name")) else {
        return answer::redirect("/start");
    };
    let question = Question { frame: visit.frame_of(&person), account_id, role_name, csrf: &visit.token_of(&person) };
    Ok(answer::page(StatusCode::OK, question.render()))
}

/// Makes keys and shows them.
pub(super) fn show(visit: &Visit) -> Answer {
    let Some((account_id, role_name)) = visit.field("role").split_once('/') else { return incomplete() };
    let question = format!(
        "/start/credentials?account_id={}&role_name={}",
        answer::encoded(account_id),
        answer::encoded(role_name)
    );
    let person = visit.sender(&question)?;
    let account = accounts(visit, &person)?.into_iter().find(|account| account.id.as_str() == account_id);
    let account = account.ok_or_else(no_access)?;
    let keys = keys(visit, &person, account_id, role_name)?;
    let page = Credentials {
        frame: visit.frame_of(&person),
        account_id,
        account_name: &account.name,
        role_name,
        keys: &keys,
        site: &site(visit, &person),
        now: visit.now(),
        csrf: &visit.token_of(&person),
    };
    Ok(answer::page(StatusCode::OK, page.render()))
}

/// New keys, with a record of it in the audit trail.
fn keys(visit: &Visit, person: &Person, account_id: &str, role_name: &str) -> Result<RoleCredentials, Failure> {
    let session = &person.session;
    let made = visit.app().write_as(&Caller::Anonymous, &visit.info, |cx| {
        let credentials = sso::portal::credentials(cx, session, account_id, role_name)?;
        let parameters = [("accountId", account_id), ("roleName", role_name)];
        portal_event::record(cx, session, "GetRoleCredentials", &parameters)?;
        Ok(credentials)
    });
    let credentials = made.map_err(|error| match error {
        Error::Denied(_) => no_access(),
        other => Failure::Domain(other),
    })?;
    Ok(RoleCredentials {
        access_key_id: credentials.access_key_id,
        secret_access_key: Secret::new(credentials.secret_access_key),
        session_token: Secret::new(credentials.session_token),
        expires_at: credentials.expiration,
        region: visit.app().settings.region.clone(),
        endpoint_url: visit.base_url().to_owned(),
    })
}

pub(super) fn no_access() -> Failure {
    let text =
        "You do not have this role in this account, or it is not set up there yet. Your accounts show what you have.";
    Failure::told(StatusCode::FORBIDDEN, "No access", text)
}
