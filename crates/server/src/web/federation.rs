//! The federation endpoint: `/federation?Action=getSigninToken`, `/federation?Action=login`.

use super::answer::{self, Answer, Failure};
use super::console;
use super::visit::Visit;
use http::StatusCode;
use serde_json::json;
use signin::federation::{self, Problem};

/// Where the parameters of a request are.
type Parameter<'v> = &'v dyn Fn(&str) -> Option<&'v str>;

pub(super) fn answer_query(visit: &Visit) -> Answer {
    answered(visit, &|name| visit.query(name))
}

/// Tools may send the parameters as a form, which leaves no credentials in logs.
pub(super) fn answer_form(visit: &Visit) -> Answer {
    answered(visit, &|name| Some(visit.field(name)).filter(|value| !value.is_empty()).or_else(|| visit.query(name)))
}

fn answered<'v>(visit: &'v Visit, parameter: Parameter<'v>) -> Answer {
    match parameter("Action") {
        // Both spellings are in use.
        Some("getSigninToken" | "getSignInToken") => token(visit, parameter),
        Some("login") => login(visit, parameter),
        _ => Err(refused("Action must be getSigninToken or login.")),
    }
}

fn refused(text: &str) -> Failure {
    Failure::told(StatusCode::BAD_REQUEST, "The request is not valid", text)
}

fn token<'v>(visit: &'v Visit, parameter: Parameter<'v>) -> Answer {
    let session = parameter("Session").ok_or_else(|| refused(Problem::Malformed.message()))?;
    let session = federation::check(visit.app(), session, parameter("SessionDuration"))
        .map_err(|problem| refused(problem.message()))?;
    if !visit.is_alive(&session.caller)? {
        return Err(refused(Problem::Expired.message()));
    }
    let token = json!({ "SigninToken": federation::token(visit.app(), &session)? });
    Ok(answer::text(StatusCode::OK, "application/json", token.to_string()))
}

fn login<'v>(visit: &'v Visit, parameter: Parameter<'v>) -> Answer {
    let token = parameter("SigninToken").or_else(|| parameter("SignInToken")).unwrap_or_default();
    let session = federation::redeem(visit.app(), token).ok_or_else(|| {
        refused("The sign-in token is not valid or has expired: it is good for 15 minutes. Ask for a new link.")
    })?;
    if !visit.is_alive(&session.caller)? {
        return Err(refused(Problem::Expired.message()));
    }
    let place = console::place(visit, parameter("Destination").unwrap_or_default());
    console::record(visit, &session, &place)?;
    console::enter(visit, &session, None, StatusCode::FOUND, &place)
}
