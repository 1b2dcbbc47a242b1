//! The pages: what a browser sends, and the documents that it gets.
//!
//! Each handler is a plain function from a [`visit::Visit`] to an answer and runs on a thread that may block; this
//! module alone is async. Every answer carries the headers of [`answer::protect`].
//! People of IAM Identity Center use the portal; principals of accounts use the console ([`console`]).

mod answer;
mod asset;
mod authorize;
mod console;
mod console_sign_in;
mod cookie;
mod credentials;
mod destination;
mod device;
mod federation;
mod form;
mod login;
mod portal;
mod profiles;
mod recovery;
mod saml;
mod sessions;
mod sign_in;
mod sign_out;
mod switch_role;
#[cfg(test)]
mod tests;
mod visit;

use crate::gate::Gate;
use crate::listen::OverTls;
use answer::{Answer, Failure};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{MethodRouter, any, get, post};
use base::limits::REQUEST_READ_SECONDS_MAX;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use kernel::{App, RequestInfo};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use visit::Visit;

/// Largest form of our own.
const FORM_BYTES_MAX: usize = 64 << 10;
/// Largest form of others: an encoded SAML response, or a session token.
const FOREIGN_FORM_BYTES_MAX: usize = 384 << 10;
/// How long a request waits for its turn before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// Visits with a password at once for each processor: one that hashes, and others that wait for the disk meanwhile.
const PASSWORD_VISITS_OF_PROCESSOR: usize = 8;
/// Whoever sends a password and is not let in gets the answer at a multiple of this after the request: how long it took
/// to find out would tell which names there are, also where a domain's controller finds out.
const REFUSAL_MILLISECONDS: u64 = 250;

/// What every page shares.
pub(crate) struct Web {
    app: Arc<App>,
    /// Whether principals are alive.
    gate: Arc<Gate>,
    /// Work that may wait for the database at once; shared with the APIs.
    permits: Arc<Semaphore>,
    /// Visits with a password at once.
    password_permits: Arc<Semaphore>,
}

/// What a page does with a visit.
type Handler = fn(&Visit) -> Answer;

/// The pages' part of the router.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(
    app: Arc<App>,
    gate: Arc<Gate>,
    permits: Arc<Semaphore>,
) -> Router<S> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Half of what may be done at once at most: a crowd that signs in does not keep out everybody else.
    let password_visits = (PASSWORD_VISITS_OF_PROCESSOR * cores).min(permits.available_permits() / 2).max(1);
    let password_permits = Arc::new(Semaphore::new(password_visits));
    let web = Arc::new(Web { app, gate, permits, password_permits });
    let read = |handler: Handler| get(served(&web, handler, Kind::Own));
    let both = |show: Handler, act: Handler| read(show).post(served(&web, act, Kind::Own));
    let hashing = |show: Handler, act: Handler| read(show).post(served(&web, act, Kind::Password));
    let foreign = |show: Handler, act: Handler| read(show).post(served(&web, act, Kind::Foreign));
    let write = |handler: Handler| -> MethodRouter<S> { post(served(&web, handler, Kind::Own)) };
    Router::new()
        .route("/signin", hashing(sign_in::show, sign_in::submit))
        .route("/signin/password", hashing(sign_in::restart, sign_in::replace_password))
        .route("/signin/domain-password", hashing(sign_in::restart, sign_in::change_in_domain))
        .route("/signin/forgot", both(recovery::ask, recovery::request))
        .route("/signin/invitation", hashing(recovery::show_invitation, recovery::accept_invitation))
        .route("/signin/reset", hashing(recovery::show_reset, recovery::reset))
        .route("/signin/verify-email", both(recovery::show_verification, recovery::verify))
        .route("/signin/password-set", read(recovery::password_set))
        .route("/signout", both(sign_out::show, sign_out::submit))
        .route("/device", both(device::show, device::submit))
        .route("/device/", read(device::show))
        .route("/authorize", both(authorize::show, authorize::submit))
        .route("/start", read(portal::show).head(served(&web, portal::locate, Kind::Own)))
        .route("/start/", read(portal::show).head(served(&web, portal::locate, Kind::Own)))
        .route("/start/credentials", both(credentials::ask, credentials::show))
        .route("/start/profiles", read(profiles::show))
        .route("/start/sessions", read(sessions::show))
        .route("/start/sessions/end", write(sessions::end))
        .route("/start/sessions/end-others", write(sessions::end_others))
        .route("/start/console", read(console::open_role))
        .route("/start/{*rest}", any(served(&web, not_found, Kind::Own)))
        .route("/console", read(console::show))
        .route("/console/", read(console::show))
        .route("/console/signin", hashing(console_sign_in::show, console_sign_in::submit))
        .route("/console/mfa", both(console_sign_in::restart, console_sign_in::give_code))
        .route("/console/password", hashing(console_sign_in::restart, console_sign_in::replace_password))
        .route("/console/signout", both(console::show, console::sign_out))
        .route("/switchrole", both(switch_role::show, switch_role::submit))
        .route("/switchrole/back", write(switch_role::back))
        .route("/federation", foreign(federation::answer_query, federation::answer_form))
        .route("/saml", foreign(saml::explain, saml::submit))
        .route("/static/saml-metadata.xml", read(saml::metadata))
        .route("/v1/authorize", both(login::show, login::submit))
        .route(signin::login::authorization::CONFIRMATION_PATH, read(login::confirm))
        .route("/assets/{name}", get(asset::serve))
        .layer(from_fn(answer::protect))
}

fn not_found(_: &Visit) -> Answer {
    Err(no_page())
}

fn no_page() -> Failure {
    Failure::told(StatusCode::NOT_FOUND, "Page not found", "There is no page at this address.")
}

/// What a browser is answered that asks for an address which is no page's: where to go, or that nothing is there. `None`
/// for a request of a tool, which is answered in its own protocol; no client of AWS's asks for HTML.
pub(crate) fn beside_the_pages(app: &App, request: &Request<Body>) -> Option<Response> {
    if request.method() != http::Method::GET {
        return None;
    }
    let go_to = |place: &str| Some(Redirect::to(place).into_response());
    if let Some(place) = portal::place_of_portal(request) {
        return go_to(&place);
    }
    let headers = request.headers();
    if !headers.get(header::ACCEPT)?.to_str().ok()?.contains("text/html") {
        return None;
    }
    if let Some(place) = console::place_of_console(request) {
        return go_to(&place);
    }
    let query = request.uri().query();
    if request.uri().path() == "/" && query.is_none() {
        return go_to("/start");
    }
    let is_tool = headers.contains_key(header::AUTHORIZATION)
        || headers.keys().any(|name| name.as_str().starts_with("x-amz"))
        || query.is_some_and(|query| query.contains("Action=") || query.contains("X-Amz-"));
    (!is_tool).then(|| {
        let info = RequestInfo::of_service(app, "signin.amazonaws.com");
        answer::protected(answer::failed(&no_page(), &info, None))
    })
}

/// What kinds of requests there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Forms come from our own pages.
    Own,
    /// The same, and a password is hashed, which takes a turn of its own.
    Password,
    /// Forms come from anywhere: identity providers have browsers send them, and tools send them by themselves. What
    /// they carry is their proof; cookies say nothing there.
    Foreign,
}

/// The future that [`served`] makes.
type Served = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;

fn served(
    web: &Arc<Web>,
    handler: Handler,
    kind: Kind,
) -> impl Fn(Request<Body>) -> Served + Clone + Send + Sync + 'static {
    let web = Arc::clone(web);
    move |request| Box::pin(serve(Arc::clone(&web), request, handler, kind))
}

async fn serve(web: Arc<Web>, request: Request<Body>, handler: Handler, kind: Kind) -> Response {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let info = Arc::new(info(&web, &head));
    let (method, path) = (head.method.clone(), head.uri.path().to_owned());
    let has_password = kind == Kind::Password && method == http::Method::POST;
    let response = match form_of(&head, body, kind).await {
        Err(failure) => answer::failed(&failure, &info, None),
        Ok(form) => {
            let visit = Visit::new(Arc::clone(&web), Arc::clone(&info), head, &form);
            match turn(&web, kind).await {
                None => answer::failed(&Failure::busy(), &info, None),
                Some(turn) => {
                    let worked = tokio::task::spawn_blocking(move || {
                        let _turn = turn;
                        visit.answered(handler)
                    });
                    worked.await.unwrap_or_else(|_| answer::failed(&Failure::panicked(), &info, None))
                }
            }
        }
    };
    if has_password && !response.status().is_redirection() {
        tokio::time::sleep(until_refusal(started.elapsed())).await;
    }
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (status, request_id) = (response.status().as_u16(), info.request_id.as_str());
    if status >= 400 {
        tracing::info!(%method, path, status, request_id, duration_us, "page refused");
    } else {
        tracing::debug!(%method, path, status, request_id, duration_us, "page answered");
    }
    response
}

/// How long a refusal waits that was found out after `spent`.
fn until_refusal(spent: Duration) -> Duration {
    let pace = Duration::from_millis(REFUSAL_MILLISECONDS);
    let beyond = spent.as_nanos() % pace.as_nanos();
    pace.saturating_sub(Duration::from_nanos(u64::try_from(beyond).unwrap_or_default()))
}

/// The permits of a piece of work; `None` when it does not get them in time.
async fn turn(web: &Web, kind: Kind) -> Option<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)> {
    let of = |permits: &Arc<Semaphore>| {
        let permits = Arc::clone(permits);
        async move { tokio::time::timeout(PATIENCE, permits.acquire_owned()).await.ok()?.ok() }
    };
    // Passwords wait among themselves first, so that they do not hold what everybody needs.
    let password = match kind {
        Kind::Password => Some(of(&web.password_permits).await?),
        Kind::Own | Kind::Foreign => None,
    };
    Some((of(&web.permits).await?, password))
}

fn info(web: &Web, head: &http::request::Parts) -> RequestInfo {
    let peer = head.extensions.get::<ConnectInfo<SocketAddr>>();
    let user_agent = head.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    RequestInfo {
        request_id: RequestInfo::new_id(&web.app),
        source_ip: peer.map(|ConnectInfo(address)| address.ip().to_string()).unwrap_or_default(),
        user_agent: crate::http::user_agent(user_agent),
        region: web.app.settings.region.clone(),
        is_secure: head.extensions.get::<OverTls>().is_some(),
        dpop: None,
    }
}

/// The body of a form; empty for a request that sends none.
async fn form_of(head: &http::request::Parts, body: Body, kind: Kind) -> Result<bytes::Bytes, Failure> {
    if head.method != http::Method::POST {
        return Ok(bytes::Bytes::new());
    }
    let bytes_max = match kind {
        Kind::Own | Kind::Password => {
            form::check_origin(&head.headers)?;
            FORM_BYTES_MAX
        }
        Kind::Foreign => {
            form::check_type(&head.headers)?;
            FOREIGN_FORM_BYTES_MAX
        }
    };
    let limited = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(Duration::from_secs(REQUEST_READ_SECONDS_MAX), limited).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(_)) => Err(Failure::told(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Too much at once",
            "The form is larger than any of ours.",
        )),
        Err(_) => Err(Failure::told(StatusCode::REQUEST_TIMEOUT, "Too slow", "The form did not arrive in time.")),
    }
}
