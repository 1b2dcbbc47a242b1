//! Access keys of a role.

use super::answer::{self, Answer, Failure};
use super::visit::{Visit, incomplete};
use http::StatusCode;
use pages::credentials::Question;

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
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let question = format!("/start/credentials?account_id={}&role_name={}", encoded(account_id), encoded(role_name));
    let _person = visit.sender(&question)?;
    Err(Failure::told(StatusCode::NOT_IMPLEMENTED, "No access keys yet", "This build cannot make access keys."))
}
