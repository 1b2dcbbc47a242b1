//! The authorization endpoint of the token service (RFC 6749 §3.1).

use super::answer::{self, Answer, Failure};
use super::form::Values;
use super::visit::{Visit, incomplete};
use http::StatusCode;
use pages::consent::Consent;
use sso::authorization::{self, AuthorizationProblem, AuthorizationQuery, AuthorizationRequest};

/// Asks whether the client may act for the user.
pub(super) fn show(visit: &Visit) -> Answer {
    let query = visit.raw_query();
    let request = match check(visit, query)? {
        Ok(request) => request,
        Err(problem) => return refused(problem, StatusCode::FOUND),
    };
    let person = visit.signed_in(visit.place())?;
    if person.session.instance != request.instance {
        return Err(Failure::SignIn { next: visit.place().to_owned() });
    }
    let consent = Consent {
        frame: visit.frame_of(&person),
        user_name: &person.user_name,
        client_name: &request.client_name,
        redirect_host: host_of(&request.redirect_origin),
        scopes: &request.scopes,
        query,
        csrf: &visit.token_of(&person),
    };
    let mut response = answer::page(StatusCode::OK, consent.render());
    answer::allow_form_to(&mut response, &request.redirect_origin);
    Ok(response)
}

/// Sends the answer to the client, by way of the browser.
pub(super) fn submit(visit: &Visit) -> Answer {
    let query = visit.field("query");
    let person = visit.sender(&format!("/authorize?{query}"))?;
    let request = match check(visit, query)? {
        Ok(request) => request,
        Err(problem) => return refused(problem, StatusCode::SEE_OTHER),
    };
    if person.session.instance != request.instance {
        return Err(Failure::SignIn { next: format!("/authorize?{query}") });
    }
    match visit.field("decision") {
        "allow" => {
            let location = authorization::allow(visit.app(), &visit.info, &person.session, &request)?;
            answer::redirect(&location)
        }
        "deny" => answer::redirect(&authorization::refuse(&request)),
        _ => incomplete(),
    }
}

/// The request that `query` means, when it is in order.
pub(super) fn request_of(visit: &Visit, query: &str) -> Result<Option<AuthorizationRequest>, Failure> {
    Ok(check(visit, query)?.ok())
}

/// Host and port of an origin.
pub(super) fn host_of(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

fn check(visit: &Visit, query: &str) -> Result<Result<AuthorizationRequest, AuthorizationProblem>, Failure> {
    let values = Values::parse(query.as_bytes());
    let value = |name: &str| values.get(name).map(str::to_owned);
    let query = AuthorizationQuery {
        response_type: value("response_type"),
        client_id: value("client_id"),
        redirect_uri: value("redirect_uri"),
        scopes: value("scopes").or_else(|| value("scope")),
        state: value("state"),
        code_challenge: value("code_challenge"),
        code_challenge_method: value("code_challenge_method"),
    };
    Ok(authorization::check(visit.app(), &query)?)
}

fn refused(problem: AuthorizationProblem, status: StatusCode) -> Answer {
    match problem {
        AuthorizationProblem::Page(text) => {
            Err(Failure::told(StatusCode::BAD_REQUEST, "The application cannot be let in", text))
        }
        AuthorizationProblem::Redirect(location) => answer::redirect_with(status, &location),
    }
}
