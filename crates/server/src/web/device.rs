//! Letting a device in by its code.

use super::answer::{self, Answer};
use super::visit::{Visit, incomplete};
use http::StatusCode;
use pages::device::{Approval, CodeForm, Decided};
use sso::device::{self, Decision};

/// Longest code that is looked up, as it is typed.
const CODE_CHARACTERS_MAX: usize = 32;

/// Asks for the code, or for the decision.
pub(super) fn show(visit: &Visit) -> Answer {
    let person = visit.signed_in(visit.place())?;
    let frame = visit.frame_of(&person);
    let code = visit.query("user_code").unwrap_or_default().trim();
    if code.is_empty() {
        return Ok(answer::page(StatusCode::OK, CodeForm { frame, rejected: None }.render()));
    }
    let found = match code.chars().count() {
        ..=CODE_CHARACTERS_MAX => device::look_up(visit.app(), &person.session, code)?,
        _ => None,
    };
    let Some(request) = found else {
        return Ok(answer::page(StatusCode::NOT_FOUND, CodeForm { frame, rejected: Some(code) }.render()));
    };
    let approval = Approval {
        frame,
        user_name: &person.user_name,
        user_code: &request.user_code,
        client_name: &request.client_name,
        source_ip: &request.source_ip,
        user_agent: &request.user_agent,
        scopes: &request.scopes,
        requested_at: request.requested_at,
        expires_at: request.expires_at,
        browser_ip: &visit.info.source_ip,
        now: visit.now(),
        csrf: &visit.token_of(&person),
    };
    Ok(answer::page(StatusCode::OK, approval.render()))
}

/// Lets the device in, or turns it away.
pub(super) fn submit(visit: &Visit) -> Answer {
    let person = visit.sender("/device")?;
    let decision = match visit.field("decision") {
        "allow" => Decision::Allow,
        "deny" => Decision::Deny,
        _ => return incomplete(),
    };
    let frame = visit.frame_of(&person);
    let code = visit.field("user_code");
    let request = device::look_up(visit.app(), &person.session, code)?;
    let is_decided = match &request {
        Some(_) => device::decide(visit.app(), &visit.info, &person.session, code, decision)?,
        None => false,
    };
    let Some(request) = request.filter(|_| is_decided) else {
        return Ok(answer::page(StatusCode::CONFLICT, CodeForm { frame, rejected: Some(code) }.render()));
    };
    let decided = Decided { frame, is_allowed: decision == Decision::Allow, client_name: &request.client_name };
    Ok(answer::page(StatusCode::OK, decided.render()))
}
