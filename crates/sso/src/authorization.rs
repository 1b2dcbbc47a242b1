//! The authorization endpoint of the token service: authorization code with PKCE (RFC 6749, RFC 7636, RFC 8252).

use crate::application::{self, Application};
use crate::instance;
use crate::oidc::client::{self, Client};
use crate::oidc::code::{self, NewCode};
use crate::oidc::redirect::{Redirect, with_parameters};
use crate::oidc::split;
use crate::portal_event;
use crate::session::{self, PortalSession};
use base::{InstanceId, Timestamp};
use kernel::{App, Caller, RequestInfo, Result, Tx};
use model::sso_admin::GrantType;
use std::sync::Arc;

/// Longest `state` that is repeated, in bytes.
const STATE_BYTES_MAX: usize = 2_048;

/// The query as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthorizationQuery {
    /// `code`.
    pub response_type: Option<String>,
    /// The client.
    pub client_id: Option<String>,
    /// Where to answer.
    pub redirect_uri: Option<String>,
    /// Separated by spaces; the parameter is called `scopes`.
    pub scopes: Option<String>,
    /// What the answer repeats.
    pub state: Option<String>,
    /// SHA-256 of the verifier, in base64url.
    pub code_challenge: Option<String>,
    /// `S256`.
    pub code_challenge_method: Option<String>,
}

/// A request that a person can be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Where to sign in.
    pub instance: InstanceId,
    /// The client.
    pub client_id: String,
    /// The name that the client gave itself.
    pub client_name: String,
    /// Where to answer.
    pub redirect_uri: String,
    /// Scheme, host and port of `redirect_uri`, as Content-Security-Policy writes an origin.
    pub redirect_origin: String,
    /// What the client asks for.
    pub scopes: Vec<String>,
    /// What the answer repeats.
    pub state: Option<String>,
    /// SHA-256 of the verifier, in base64url; empty for an application that sent none.
    pub code_challenge: String,
}

/// Why nobody is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizationProblem {
    /// The client or its address is not known: the browser stays, with this sentence.
    Page(String),
    /// The client is told: go to this address.
    Redirect(String),
}

/// Who asks: a tool that registered, or an application of the instance with the grant `authorization_code`.
struct Asker {
    id: String,
    name: String,
    scopes: Vec<String>,
    redirect_uris: Vec<String>,
    may_redirect: bool,
    instance: Option<InstanceId>,
    is_application: bool,
}

impl From<Client> for Asker {
    fn from(client: Client) -> Self {
        Self {
            may_redirect: client.may_redirect(),
            id: client.id,
            name: client.name,
            scopes: client.scopes,
            redirect_uris: client.redirect_uris,
            instance: client.instance,
            is_application: false,
        }
    }
}

impl Asker {
    fn find(tx: &mut Tx, id: &str, now: Timestamp) -> Result<Option<Self>> {
        if !is_application(id) {
            return Ok(client::find(tx, id, now)?.map(Self::from));
        }
        let Some(application) = application::find(tx, id)?.filter(Application::is_enabled) else { return Ok(None) };
        let grant = application::grant(tx, &application, GrantType::AuthorizationCode)?;
        let redirect_uris = grant.and_then(|grant| grant.authorization_code).and_then(|grant| grant.redirect_uris);
        let scopes = application::scopes(tx, &application)?;
        Ok(Some(Self {
            id: id.to_owned(),
            scopes: scopes.into_iter().map(|scope| scope.scope).collect(),
            may_redirect: redirect_uris.is_some(),
            redirect_uris: redirect_uris.unwrap_or_default(),
            name: application.name,
            instance: Some(application.instance),
            is_application: true,
        }))
    }

    /// The address that the query names and its origin, when the asker registered it: tools on the own machine with any
    /// port, applications to the letter.
    fn redirect<'a>(&self, query: &'a AuthorizationQuery) -> Option<(&'a str, String)> {
        let uri = query.redirect_uri.as_deref()?;
        if self.is_application {
            return self.redirect_uris.iter().any(|each| each == uri).then(|| (uri, origin(uri)));
        }
        let used = Redirect::parse(uri)?;
        let is_registered = |registered: &String| Redirect::parse(registered).is_some_and(|each| each.allows(&used));
        self.redirect_uris.iter().any(is_registered).then(|| (uri, used.origin()))
    }
}

/// Applications are called by their ARN.
fn is_application(client_id: &str) -> bool {
    client_id.starts_with("arn:")
}

/// Scheme, host and port of an absolute address.
fn origin(uri: &str) -> String {
    let authority_at = uri.find("://").map_or(0, |at| at + 3);
    let end = uri[authority_at..].find(['/', '?', '#']).map_or(uri.len(), |at| authority_at + at);
    uri[..end].to_owned()
}

/// Checks a query before anybody is asked. As long as the client or its address is in doubt, nobody is sent there.
///
/// # Errors
/// When the database fails.
pub fn check(app: &Arc<App>, query: &AuthorizationQuery) -> Result<Result<AuthorizationRequest, AuthorizationProblem>> {
    let now = app.now();
    app.store.read(|tx| {
        let id = query.client_id.as_deref().unwrap_or_default();
        let Some(asker) = Asker::find(tx, id, now)? else {
            return Ok(Err(page("The tool is not registered here, or its registration has expired.")));
        };
        let Some((redirect_uri, redirect_origin)) = asker.redirect(query) else {
            return Ok(Err(page("The tool did not register the address to which it wants to be called back.")));
        };
        let Some(instance) = instance_of(tx, app, &asker)? else {
            return Ok(Err(page("There is nothing here to sign in to.")));
        };
        let request = AuthorizationRequest {
            instance,
            scopes: query.scopes.as_deref().map_or_else(|| asker.scopes.clone(), split),
            redirect_uri: redirect_uri.to_owned(),
            redirect_origin,
            state: query.state.clone().filter(|state| state.len() <= STATE_BYTES_MAX),
            code_challenge: query.code_challenge.clone().unwrap_or_default(),
            client_id: asker.id.clone(),
            client_name: asker.name.clone(),
        };
        Ok(match defect(&asker, query, &request) {
            None => Ok(request),
            Some((error, description)) => Err(AuthorizationProblem::Redirect(failed(&request, error, description))),
        })
    })
}

fn page(sentence: &str) -> AuthorizationProblem {
    AuthorizationProblem::Page(sentence.to_owned())
}

/// The instance that the client named, or that of the server's own address.
fn instance_of(tx: &mut Tx, app: &App, asker: &Asker) -> Result<Option<InstanceId>> {
    if let Some(instance) = &asker.instance {
        return Ok(Some(instance.clone()));
    }
    let url = format!("{}/start", app.settings.base_url.trim_end_matches('/'));
    Ok(instance::of_start_url(tx, &app.settings, &url)?.map(|instance| instance.id))
}

/// What is wrong with a request whose client can be told: the error of RFC 6749 §4.1.2.1, and in words. Applications
/// prove who they are when they exchange the code, so they may go without a challenge.
fn defect(
    asker: &Asker,
    query: &AuthorizationQuery,
    request: &AuthorizationRequest,
) -> Option<(&'static str, &'static str)> {
    let method = query.code_challenge_method.as_deref();
    let has_no_challenge = asker.is_application && method.is_none() && query.code_challenge.is_none();
    if query.response_type.as_deref() != Some("code") {
        Some(("unsupported_response_type", "response_type must be code"))
    } else if !asker.may_redirect {
        Some(("unauthorized_client", "The client is not registered for authorization_code"))
    } else if !has_no_challenge && (method != Some("S256") || !code::is_challenge(&request.code_challenge)) {
        Some(("invalid_request", "A code_challenge with the method S256 is needed"))
    } else if request.scopes.iter().any(|scope| !asker.scopes.contains(scope)) {
        Some(("invalid_scope", "The client is not registered for a scope"))
    } else if query.state.is_some() && request.state.is_none() {
        Some(("invalid_request", "state is too long"))
    } else {
        None
    }
}

/// Whether the person may use the application that asks; any tool may ask.
fn may_use(tx: &mut Tx, session: &PortalSession, client_id: &str) -> Result<bool> {
    if !is_application(client_id) {
        return Ok(true);
    }
    let Some(application) = application::find(tx, client_id)?.filter(Application::is_enabled) else { return Ok(false) };
    let groups = identity::membership::groups_of(tx, &session.user)?;
    application::is_assigned(tx, &application, &session.user, &groups)
}

/// Lets the client in; the address to go to, with the code and the state. A person of another instance, whose session
/// has ended, or to whom the application is not assigned, cannot.
///
/// # Errors
/// When the database fails.
pub fn allow(
    app: &Arc<App>,
    request: &Arc<RequestInfo>,
    session: &PortalSession,
    authorization: &AuthorizationRequest,
) -> Result<String> {
    app.write_as(&Caller::Anonymous, request, |cx| {
        let now = cx.now;
        let live = session::get(cx.tx, &session.id, now)?;
        let Some(session) = live.filter(|session| session.instance == authorization.instance) else {
            return Ok(refuse(authorization));
        };
        if !may_use(cx.tx, &session, &authorization.client_id)? {
            return Ok(refuse(authorization));
        }
        let new = NewCode {
            client_id: &authorization.client_id,
            session: &session,
            redirect_uri: &authorization.redirect_uri,
            scopes: &authorization.scopes,
            code_challenge: &authorization.code_challenge,
        };
        let code = code::create(cx, &new)?;
        let parameters = [
            ("clientId", authorization.client_id.as_str()),
            ("clientName", &authorization.client_name),
            ("redirectUri", &authorization.redirect_uri),
        ];
        portal_event::record(cx, &session, "AuthorizeClient", &parameters)?;
        Ok(answered(authorization, vec![("code", code.expose())]))
    })
}

/// The address to go to when the person refuses.
pub fn refuse(authorization: &AuthorizationRequest) -> String {
    failed(authorization, "access_denied", "The request was denied")
}

fn failed(authorization: &AuthorizationRequest, error: &str, description: &str) -> String {
    answered(authorization, vec![("error", error), ("error_description", description)])
}

fn answered<'a>(authorization: &'a AuthorizationRequest, mut parameters: Vec<(&'a str, &'a str)>) -> String {
    if let Some(state) = &authorization.state {
        parameters.push(("state", state));
    }
    with_parameters(&authorization.redirect_uri, &parameters)
}
