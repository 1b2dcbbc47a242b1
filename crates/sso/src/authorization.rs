//! The authorization endpoint of the token service: authorization code with PKCE (RFC 6749, RFC 7636, RFC 8252).

use crate::session::PortalSession;
use base::InstanceId;
use kernel::{App, Error, RequestInfo, Result};
use std::sync::Arc;

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
    /// SHA-256 of the verifier, in base64url.
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

/// Checks a query before anybody is asked.
///
/// # Errors
/// When the database fails.
pub fn check(
    _app: &Arc<App>,
    _query: &AuthorizationQuery,
) -> Result<Result<AuthorizationRequest, AuthorizationProblem>> {
    Err(Error::internal("the authorization endpoint is not built yet"))
}

/// Lets the client in; the address to go to, with the code and the state.
///
/// # Errors
/// When the database fails.
pub fn allow(
    _app: &Arc<App>,
    _request: &Arc<RequestInfo>,
    _session: &PortalSession,
    _authorization: &AuthorizationRequest,
) -> Result<String> {
    Err(Error::internal("the authorization endpoint is not built yet"))
}

/// The address to go to when the person refuses.
pub fn refuse(authorization: &AuthorizationRequest) -> String {
    authorization.redirect_uri.clone()
}
