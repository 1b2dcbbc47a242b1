//! The authorization endpoint of `aws login`.

use super::answer::{self, Answer, Failure};
use super::authorize::host_of;
use super::form::Values;
use super::visit::{Visit, incomplete};
use http::{StatusCode, header};
use pages::console::{LoginCode, LoginConsent};
use signin::login::Client;
use signin::login::authorization::{self, LoginProblem, LoginQuery, LoginRequest};

/// Asks whether the tool may act for whoever uses the console.
pub(super) fn show(visit: &Visit) -> Answer {
    let query = visit.raw_query();
    let request = match check(visit, query) {
        Ok(request) => request,
        Err(problem) => return refused(problem, StatusCode::FOUND),
    };
    let who = visit.in_console(visit.place())?;
    let is_here = request.client == Client::SameDevice;
    let consent = LoginConsent {
        frame: visit.frame(),
        arn: &who.session.caller.arn(),
        redirect_host: is_here.then(|| host_of(&request.redirect_origin)),
        query,
        csrf: &visit.console_token(&who),
    };
    let mut response = answer::page(StatusCode::OK, consent.render());
    answer::allow_form_to(&mut response, &request.redirect_origin);
    Ok(response)
}

/// Sends the answer to the tool, by way of the browser.
pub(super) fn submit(visit: &Visit) -> Answer {
    let query = visit.field("query");
    let who = visit.console_sender(&format!("/v1/authorize?{query}"))?;
    let request = match check(visit, query) {
        Ok(request) => request,
        Err(problem) => return refused(problem, StatusCode::SEE_OTHER),
    };
    match visit.field("decision") {
        "allow" => answer::redirect(&authorization::allow(visit.app(), &visit.info, &who.session, &request)?),
        "deny" => answer::redirect(&authorization::refuse(&request)),
        _ => incomplete(),
    }
}

/// Shows the code that a person carries over to a tool elsewhere.
pub(super) fn confirm(visit: &Visit) -> Answer {
    let code = visit.query("code").zip(visit.query("state"));
    let code = code.map(|(code, state)| authorization::verification_code(code, state));
    let page = LoginCode { frame: visit.frame(), code: code.as_deref() };
    Ok(answer::page(StatusCode::OK, page.render()))
}

fn check(visit: &Visit, query: &str) -> Result<LoginRequest, LoginProblem> {
    let values = Values::parse(query.as_bytes());
    let value = |name: &str| values.get(name).map(str::to_owned);
    let query = LoginQuery {
        response_type: value("response_type"),
        client_id: value("client_id"),
        redirect_uri: value("redirect_uri"),
        scope: value("scope"),
        state: value("state"),
        code_challenge: value("code_challenge"),
        code_challenge_method: value("code_challenge_method"),
    };
    let host = visit.header(header::HOST).unwrap_or_default();
    let origins = [visit.base_url().to_owned(), format!("http://{host}"), format!("https://{host}")];
    authorization::check(&origins, &query)
}

fn refused(problem: LoginProblem, status: StatusCode) -> Answer {
    match problem {
        LoginProblem::Page(text) => {
            Err(Failure::told(StatusCode::BAD_REQUEST, "The application cannot be let in", text))
        }
        LoginProblem::Redirect(location) => answer::redirect_with(status, &location),
    }
}
