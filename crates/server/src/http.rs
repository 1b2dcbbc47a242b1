//! The HTTP edge: bytes in, bytes out. The only async part of the program.

use crate::authn::{Authenticator, Refusal};
use crate::demux;
use crate::gate::Gate;
use crate::listen::OverTls;
use crate::metrics::Metrics;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base::limits::{REQUEST_BODY_BYTES_MAX, REQUEST_READ_SECONDS_MAX};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use kernel::store::Image;
use kernel::{App, Caller, DpopHeader, Error, RequestInfo, Route, dispatch};
use smithy::codec::{read_input, write_output};
use smithy::common::CommonError;
use smithy::render;
use smithy::schema::{Op, Service, Shape};
use smithy::sigv4::{self, ParsedSignature};
use smithy::wire::{WireRequest, WireResponse};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Header with the details of a refusal, for `sts:DecodeAuthorizationMessage`.
const AUTHORIZATION_MESSAGE_HEADER: &str = "x-vestibule-authorization-message";
/// Characters of a User-Agent that are kept.
const USER_AGENT_CHARACTERS_MAX: usize = 1_024;
/// Calls that may wait for the database at once.
const DATABASE_CALLS_MAX: usize = 64;
/// How long a call waits for its turn before it is told to come back.
const DATABASE_PATIENCE: Duration = Duration::from_secs(5);

/// Everything that a request meets.
pub struct Edge {
    app: Arc<App>,
    gate: Arc<Gate>,
    authenticator: Authenticator,
    metrics: Metrics,
    permits: Arc<Semaphore>,
    is_stopping: AtomicBool,
    /// The first state of an ephemeral server.
    first_state: Option<Image>,
}

impl Edge {
    /// The edge of `app`.
    pub fn new(app: Arc<App>, gate: Arc<Gate>, first_state: Option<Image>) -> Arc<Self> {
        Arc::new(Self {
            app,
            gate,
            authenticator: Authenticator::default(),
            metrics: Metrics::default(),
            permits: Arc::new(Semaphore::new(DATABASE_CALLS_MAX)),
            is_stopping: AtomicBool::new(false),
            first_state,
        })
    }

    /// Has `/readyz` answer that the server is going away.
    pub fn announce_stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
    }

    /// The router: a few paths of our own, everything else is AWS's.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .route("/admin/v1/reset", post(reset))
            .merge(crate::web::router(Arc::clone(&self.app), Arc::clone(&self.gate), Arc::clone(&self.permits)))
            .fallback(aws)
            .with_state(Arc::clone(self))
    }
}

async fn readyz(State(edge): State<Arc<Edge>>) -> Response {
    if edge.is_stopping.load(Ordering::Acquire) {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    let app = Arc::clone(&edge.app);
    let reachable = tokio::task::spawn_blocking(move || app.store.read(|tx| tx.count("select 1", &[]))).await;
    match reachable {
        Ok(Ok(_)) => "ready\n".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response(),
    }
}

async fn metrics(State(edge): State<Arc<Edge>>) -> Response {
    match tokio::task::spawn_blocking(move || edge.metrics.render(&edge.app)).await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Puts an ephemeral server back to its first state; other servers have no such path.
async fn reset(State(edge): State<Arc<Edge>>) -> Response {
    let outcome = tokio::task::spawn_blocking(move || {
        let image = edge.first_state.as_ref()?;
        Some(edge.app.store.restore(image).map(|()| {
            edge.app.audit.clear();
            edge.app.scopes.bump_all();
        }))
    });
    match outcome.await {
        Ok(Some(Ok(()))) => StatusCode::NO_CONTENT.into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "only `serve --ephemeral` can be reset\n").into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn aws(State(edge): State<Arc<Edge>>, request: Request<Body>) -> Response {
    if let Some(page) = crate::web::beside_the_pages(&edge.app, &request) {
        return page;
    }
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let request_id = RequestInfo::new_id(&edge.app);
    let limited = Limited::new(body, REQUEST_BODY_BYTES_MAX).collect();
    let body = match tokio::time::timeout(Duration::from_secs(REQUEST_READ_SECONDS_MAX), limited).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) => return answer(render::common(voice(&parts), &CommonError::RequestTooLarge, &request_id)),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let source_ip = peer.map(|ConnectInfo(address)| address.ip().to_string()).unwrap_or_default();
    let exchange = Arc::new(Exchange { edge, parts, body, request_id, source_ip });
    answer(exchange.answered(started).await)
}

/// The service in whose protocol to speak before it is known which one is meant.
fn voice(parts: &http::request::Parts) -> &'static Service {
    let is_json = parts.headers.contains_key("x-amz-target")
        || parts.headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().ends_with(b"json"));
    if is_json { &model::organizations::SERVICE } else { &model::sts::SERVICE }
}

/// One request with its whole body.
struct Exchange {
    edge: Arc<Edge>,
    parts: http::request::Parts,
    body: Bytes,
    request_id: String,
    source_ip: String,
}

/// A call that was let in: who calls what with which input.
struct Admitted {
    route_op: &'static Op,
    caller: Caller,
    info: Arc<RequestInfo>,
    input: Box<dyn Shape>,
}

/// What a request came to: the service and operation that it meant, and the answer.
type Answered = (&'static Service, Option<&'static Op>, WireResponse);

impl Exchange {
    async fn answered(self: Arc<Self>, started: Instant) -> WireResponse {
        let (service, op, response) = self.worked_out().await;
        let duration = started.elapsed();
        self.edge.metrics.count(op, response.status, duration);
        let (service, operation) = (service.id, op.map_or("-", |op| op.name));
        let (status, request_id) = (response.status, self.request_id.as_str());
        let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        if status >= 400 {
            tracing::info!(service, operation, status, request_id, duration_us, "refused");
        } else {
            tracing::debug!(service, operation, status, request_id, duration_us, "answered");
        }
        response
    }

    /// The embedded engine answers reads so fast that a hop to another thread would cost more than the work; whatever
    /// may wait for a disk or for another machine goes to the threads that may block.
    async fn worked_out(self: &Arc<Self>) -> Answered {
        if !self.edge.app.store.reads_inline() {
            let exchange = Arc::clone(self);
            return self.blocking(move || exchange.on_this_thread()).await;
        }
        let (service, op, admitted) = self.admitted();
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(response) => return (service, op, response),
        };
        let is_short = |route: &Route| !route.waits() && route.is_read(admitted.input.as_ref());
        if self.edge.app.registry().find(admitted.route_op).is_some_and(is_short) {
            return (service, op, self.dispatched(&admitted));
        }
        let exchange = Arc::clone(self);
        self.blocking(move || (service, op, exchange.dispatched(&admitted))).await
    }

    fn on_this_thread(&self) -> Answered {
        let (service, op, admitted) = self.admitted();
        (service, op, admitted.map_or_else(|response| response, |admitted| self.dispatched(&admitted)))
    }

    async fn blocking(&self, work: impl FnOnce() -> Answered + Send + 'static) -> Answered {
        let voice = voice(&self.parts);
        let permit = tokio::time::timeout(DATABASE_PATIENCE, Arc::clone(&self.edge.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else {
            return (voice, None, render::common(voice, &CommonError::Throttled, &self.request_id));
        };
        let worked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        worked
            .await
            .unwrap_or_else(|_| (voice, None, render::common(voice, &CommonError::InternalFailure, &self.request_id)))
    }

    /// Finds the operation, the caller and the input; or the answer that refuses the request.
    fn admitted(&self) -> (&'static Service, Option<&'static Op>, Result<Admitted, WireResponse>) {
        let headers: Vec<(&str, &[u8])> =
            self.parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let uri = &self.parts.uri;
        let wire = WireRequest {
            method: self.parts.method.as_str(),
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
            headers: &headers,
            body: &self.body,
        };
        let parsed = sigv4::parse(&wire);
        let meaning = demux::meaning(&wire, parsed.as_ref().ok().map(ParsedSignature::service));
        let service = meaning.service;
        let refuse = |error: &CommonError| render::common(service, error, &self.request_id);
        let op = match meaning.operation {
            Ok(op) => op,
            Err(name) => return (service, None, Err(refuse(&CommonError::UnknownOperation(name)))),
        };
        let admitted = self.authenticated(&wire, parsed, op).and_then(|(caller, info)| {
            let route = self
                .edge
                .app
                .registry()
                .find(op)
                .ok_or_else(|| refuse(&CommonError::UnimplementedOperation(op.name)))?;
            let input = self.input(&wire, route)?;
            Ok(Admitted { route_op: op, caller, info, input })
        });
        (service, Some(op), admitted)
    }

    fn authenticated(
        &self,
        wire: &WireRequest<'_>,
        parsed: Result<ParsedSignature<'_>, CommonError>,
        op: &'static Op,
    ) -> Result<(Caller, Arc<RequestInfo>), WireResponse> {
        let edge = &self.edge;
        let region = parsed.as_ref().map_or(edge.app.settings.region.as_str(), |parsed| parsed.region()).to_owned();
        let info = Arc::new(RequestInfo {
            request_id: self.request_id.clone(),
            source_ip: self.source_ip.clone(),
            user_agent: user_agent(wire.header("user-agent")),
            region,
            is_secure: self.parts.extensions.get::<OverTls>().is_some(),
            dpop: dpop(wire),
        });
        if op.unsigned {
            return Ok((Caller::Anonymous, info));
        }
        let refuse = |error: &CommonError| render::common(op.service, error, &self.request_id);
        let parsed = parsed.map_err(|error| refuse(&error))?;
        match edge.authenticator.authenticate(&edge.app, &edge.gate, &parsed, wire, &info, op.service) {
            Ok(caller) => Ok((caller, info)),
            Err(Refusal::Unauthenticated(error)) => Err(refuse(&error)),
            Err(Refusal::Failed(error)) => Err(failed(op, &error, &self.request_id)),
        }
    }

    fn input(&self, wire: &WireRequest<'_>, route: &Route) -> Result<Box<dyn Shape>, WireResponse> {
        let mut input = route.new_input();
        match read_input(route.op, wire, input.as_mut()) {
            Ok(violations) if violations.is_empty() => Ok(input),
            Ok(violations) => Err(render::violations(route.op.service, &violations, &self.request_id)),
            Err(error) => Err(render::common(route.op.service, &error.into(), &self.request_id)),
        }
    }

    fn dispatched(&self, admitted: &Admitted) -> WireResponse {
        let op = admitted.route_op;
        // A panic is a defect of ours; it must not take the connection, or a thread's worth of others, with it.
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&self.edge.app, admitted)))
            .unwrap_or_else(|_| Err(Error::internal("a handler panicked")));
        match outcome {
            Ok(output) => write_output(op, output.as_ref(), &self.request_id),
            Err(error) => failed(op, &error, &self.request_id),
        }
    }
}

/// The proof of possession that came with a request, for whoever asks for one.
fn dpop(wire: &WireRequest<'_>) -> Option<DpopHeader> {
    wire.header("dpop").map(|proof| DpopHeader {
        proof: proof.to_owned(),
        authority: wire.header("host").unwrap_or_default().to_owned(),
        path: wire.path.to_owned(),
    })
}

/// The client's description of itself, as far as it is worth keeping.
pub(crate) fn user_agent(text: Option<&str>) -> String {
    let text = text.unwrap_or_default();
    let end = text.char_indices().nth(USER_AGENT_CHARACTERS_MAX).map_or(text.len(), |(end, _)| end);
    text[..end].to_owned()
}

fn run(app: &Arc<App>, admitted: &Admitted) -> Result<Box<dyn Shape>, Error> {
    let route = app.registry().find(admitted.route_op).ok_or_else(|| Error::internal("a route vanished"))?;
    dispatch::call(app, route, &admitted.caller, &admitted.info, admitted.input.as_ref())
}

fn failed(op: &'static Op, error: &Error, request_id: &str) -> WireResponse {
    let common = match error {
        Error::Modeled(error) => return render::error(op.service, error.as_ref(), request_id),
        Error::Denied(denial) => {
            let error = CommonError::AccessDenied(denial.message.clone());
            let mut response = render::common(op.service, &error, request_id);
            response.headers.extend(denial.encoded.clone().map(|encoded| (AUTHORIZATION_MESSAGE_HEADER, encoded)));
            return response;
        }
        Error::Validation(message) => CommonError::Validation(message.clone()),
        Error::Busy | Error::Conflict => CommonError::Throttled,
        Error::DatabaseTooNew { .. } | Error::Internal(_) => {
            tracing::error!(operation = op.name, request_id, %error, "failed");
            CommonError::InternalFailure
        }
    };
    render::common(op.service, &common, request_id)
}

fn answer(wire: WireResponse) -> Response {
    let mut response = Response::new(Body::from(wire.body));
    *response.status_mut() = StatusCode::from_u16(wire.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if !wire.content_type.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(wire.content_type));
    }
    for (name, value) in wire.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}
