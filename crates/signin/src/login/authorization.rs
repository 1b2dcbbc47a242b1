//! The authorization endpoint: whether a request of a tool is in order, and the answer to it.

use super::{Client, clean_up, grant};
use crate::event;
use crate::session::ConsoleSession;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kernel::audit::ConsoleIdentity;
use kernel::{App, Caller, RequestInfo, Result};
use sso::redirect::{Redirect, with_parameters};
use std::sync::Arc;

/// The method of the challenge, as AWS calls RFC 7636's S256.
const METHOD: &str = "SHA-256";
/// Longest state that is handed back, in bytes.
const STATE_BYTES_MAX: usize = 512;
/// Where the code for a tool elsewhere is shown.
pub const CONFIRMATION_PATH: &str = "/v1/sessions/confirmation";

/// The parameters of a request.
#[derive(Debug, Clone, Default)]
pub struct LoginQuery {
    /// `response_type`.
    pub response_type: Option<String>,
    /// `client_id`.
    pub client_id: Option<String>,
    /// `redirect_uri`.
    pub redirect_uri: Option<String>,
    /// `scope`.
    pub scope: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// `code_challenge`.
    pub code_challenge: Option<String>,
    /// `code_challenge_method`.
    pub code_challenge_method: Option<String>,
}

/// A request that is in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRequest {
    /// Who asks.
    pub client: Client,
    /// Where the browser goes with the answer.
    pub redirect_uri: String,
    /// Scheme, host and port of that.
    pub redirect_origin: String,
    state: String,
    code_challenge: String,
}

/// Why a request is not answered with a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginProblem {
    /// The browser must not be sent anywhere: a text for the person.
    Page(&'static str),
    /// The client learns it: where to send the browser.
    Redirect(String),
}

/// Checks a request. `origins` are the scheme, host and port under which the server itself is known.
///
/// # Errors
/// A [`LoginProblem`].
pub fn check(origins: &[String], query: &LoginQuery) -> std::result::Result<LoginRequest, LoginProblem> {
    let client = query.client_id.as_deref().and_then(Client::of);
    let client = client.ok_or(LoginProblem::Page("The application is not known: only “aws login” signs in here."))?;
    let uri = query.redirect_uri.as_deref().unwrap_or_default();
    let redirect_origin = redirect_origin(client, origins, uri)
        .ok_or(LoginProblem::Page("The address to which the application wants the answer is not allowed."))?;
    let state = query.state.clone().unwrap_or_default();
    if state.is_empty() || state.len() > STATE_BYTES_MAX {
        return Err(LoginProblem::Page("The application gave no state, or a very long one."));
    }
    let refuse =
        |error: &str| Err(LoginProblem::Redirect(with_parameters(uri, &[("error", error), ("state", &state)])));
    if query.response_type.as_deref() != Some("code") {
        return refuse("unsupported_response_type");
    }
    if query.scope.as_deref() != Some("openid") {
        return refuse("invalid_scope");
    }
    let code_challenge = query.code_challenge.clone().unwrap_or_default();
    let is_challenge = URL_SAFE_NO_PAD.decode(&code_challenge).is_ok_and(|bytes| bytes.len() == 32);
    if query.code_challenge_method.as_deref() != Some(METHOD) || !is_challenge {
        return refuse("invalid_request");
    }
    Ok(LoginRequest { client, redirect_uri: uri.to_owned(), redirect_origin, state, code_challenge })
}

/// The origin of an address that the client may use.
fn redirect_origin(client: Client, origins: &[String], uri: &str) -> Option<String> {
    match client {
        Client::SameDevice => Redirect::parse(uri).map(|redirect| redirect.origin()),
        Client::CrossDevice => {
            let origin = uri.strip_suffix(CONFIRMATION_PATH)?;
            origins.iter().find(|own| own.eq_ignore_ascii_case(origin)).cloned()
        }
    }
}

/// Lets the tool in for whoever uses the console with `session`: where to send the browser.
///
/// # Errors
/// [`kernel::Error::Denied`] when the principal may not; when the database fails.
pub fn allow(
    app: &Arc<App>,
    info: &Arc<RequestInfo>,
    session: &ConsoleSession,
    request: &LoginRequest,
) -> Result<String> {
    let caller = Caller::Principal(session.caller.clone());
    let code = app.write_as(&caller, info, |cx| {
        let permission = request.client.permission(cx, "AuthorizeOAuth2Access", &request.redirect_uri)?;
        cx.require(&permission)?;
        let code = grant::create(cx, request.client, &request.redirect_uri, &request.code_challenge, session)?;
        let additional = [("ClientId", request.client.id())];
        let identity = ConsoleIdentity::Principal(&session.caller);
        event::record(cx, &session.caller.account, "AuthorizeOAuth2Access", identity, &additional, None)?;
        clean_up::schedule(cx)?;
        Ok(code)
    })?;
    Ok(with_parameters(&request.redirect_uri, &[("code", code.expose()), ("state", &request.state)]))
}

/// Turns the tool away: where to send the browser.
pub fn refuse(request: &LoginRequest) -> String {
    with_parameters(&request.redirect_uri, &[("error", "access_denied"), ("state", &request.state)])
}

/// What the person carries over to a tool elsewhere.
pub fn verification_code(code: &str, state: &str) -> String {
    let query = with_parameters("", &[("state", state), ("code", code)]);
    STANDARD.encode(query.trim_start_matches('?'))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut LoginQuery);

    const ORIGIN: &str = "http://127.0.0.1:4600";

    fn query() -> LoginQuery {
        let text = |text: &str| Some(text.to_owned());
        LoginQuery {
            response_type: text("code"),
            client_id: text(Client::SameDevice.id()),
            redirect_uri: text("http://127.0.0.1:37977/oauth/callback"),
            scope: text("openid"),
            state: text("s t"),
            code_challenge: text("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            code_challenge_method: text("SHA-256"),
        }
    }

    fn checked(change: impl FnOnce(&mut LoginQuery)) -> std::result::Result<LoginRequest, LoginProblem> {
        let mut query = query();
        change(&mut query);
        check(&[ORIGIN.to_owned()], &query)
    }

    #[test]
    fn a_tool_on_the_machine_gets_its_answer_at_its_own_address_only() {
        let request = checked(|_| {}).expect("in order");
        assert_eq!((request.client, request.redirect_origin.as_str()), (Client::SameDevice, "http://127.0.0.1:37977"));
        assert_eq!(refuse(&request), "http://127.0.0.1:37977/oauth/callback?error=access_denied&state=s%20t");
        for uri in
            ["https://evil.example/oauth/callback", "http://127.0.0.1@evil.example/", "", "/v1/sessions/confirmation"]
        {
            let problem = checked(|query| query.redirect_uri = Some(uri.to_owned())).expect_err("refused");
            assert!(matches!(problem, LoginProblem::Page(_)), "{uri}");
        }
        assert!(matches!(checked(|query| query.client_id = None), Err(LoginProblem::Page(_))));
        assert!(matches!(checked(|query| query.state = None), Err(LoginProblem::Page(_))));
    }

    #[test]
    fn a_tool_elsewhere_gets_its_answer_through_a_page_of_ours() {
        let elsewhere = |origin: &str| {
            checked(|query| {
                query.client_id = Some(Client::CrossDevice.id().to_owned());
                query.redirect_uri = Some(format!("{origin}{CONFIRMATION_PATH}"));
            })
        };
        assert_eq!(elsewhere(ORIGIN).expect("in order").redirect_origin, ORIGIN);
        for origin in ["http://evil.example", "http://127.0.0.1:4601", ""] {
            assert!(matches!(elsewhere(origin), Err(LoginProblem::Page(_))), "{origin}");
        }
        let code = STANDARD.decode(verification_code("c+d", "s")).expect("base64");
        assert_eq!(code, b"state=s&code=c%2Bd");
    }

    #[test]
    fn other_mistakes_are_told_to_the_tool() {
        let changes: [(&str, Change); 4] = [
            ("unsupported_response_type", |query| query.response_type = Some("token".to_owned())),
            ("invalid_scope", |query| query.scope = None),
            ("invalid_request", |query| query.code_challenge_method = Some("plain".to_owned())),
            ("invalid_request", |query| query.code_challenge = Some("short".to_owned())),
        ];
        for (error, change) in changes {
            let location = format!("http://127.0.0.1:37977/oauth/callback?error={error}&state=s%20t");
            assert_eq!(checked(change), Err(LoginProblem::Redirect(location)));
        }
    }
}
