//! What browsers get: documents, redirects, and the headers that every answer carries.

use super::visit::Visit;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use kernel::{Error, RequestInfo};
use pages::Html;
use pages::error::ErrorPage;
use pages::frame::Frame;
use std::io::Write as _;

/// What a handler comes to.
pub(super) type Answer = Result<Response, Failure>;

/// Why a page cannot be shown.
pub(super) enum Failure {
    /// Nobody is signed in.
    SignIn {
        /// Where to go afterwards: a path of this server.
        next: String,
    },
    /// Nobody uses the console.
    ConsoleSignIn {
        /// Where to go afterwards: a path of this server.
        next: String,
    },
    /// Something that the visitor can understand.
    Told {
        /// Status of the answer.
        status: StatusCode,
        /// What, in a few words.
        title: &'static str,
        /// What it means and what to do.
        text: String,
    },
    /// An error of the domain.
    Domain(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Domain(error)
    }
}

impl Failure {
    pub(super) fn told(status: StatusCode, title: &'static str, text: impl Into<String>) -> Self {
        Self::Told { status, title, text: text.into() }
    }

    pub(super) fn busy() -> Self {
        Self::Domain(Error::Busy)
    }

    pub(super) fn panicked() -> Self {
        Self::Domain(Error::internal("a page panicked"))
    }
}

/// Directives of the policy that are the same on every page. Trusted Types are required and none may be made: the
/// scripts need none.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; \
                      frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'; \
                      form-action 'self'";

/// What every answer carries unless its handler says otherwise.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Adds [`HEADERS`] to whatever comes from a page, also to refusals of the router.
pub(super) async fn protect(request: Request, next: Next) -> Response {
    protected(next.run(request).await)
}

/// `response` with [`HEADERS`].
pub(super) fn protected(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    response
}

/// A document.
pub(super) fn page(status: StatusCode, html: Html) -> Response {
    text(status, "text/html; charset=utf-8", html.into_string())
}

/// A text of some type.
pub(super) fn text(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A document that is compressed when the browser takes that. Only for pages whose one secret, the token of their forms,
/// is masked: the size of a compressed page tells whoever may put something into it about the rest.
pub(super) fn large_page(visit: &Visit, html: Html) -> Response {
    let packed = visit.accepts_gzip().then(|| gzip(html.as_str().as_bytes())).flatten();
    let mut response = match packed {
        None => page(StatusCode::OK, html),
        Some(packed) => {
            let mut response = Response::new(Body::from(packed));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 8), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Whether an Accept-Encoding names gzip without refusing it (RFC 9110 §12.5.3).
pub(super) fn names_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_refused = parts.any(|parameter| {
            let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.parse() == Ok(0.0))
        });
        is_gzip && !is_refused
    })
}

/// Sends the browser to `location` with a GET.
pub(super) fn redirect(location: &str) -> Answer {
    redirect_with(StatusCode::SEE_OTHER, location)
}

/// Sends the browser to `location`.
pub(super) fn redirect_with(status: StatusCode, location: &str) -> Answer {
    let value = HeaderValue::try_from(location).map_err(|_| {
        Failure::told(
            StatusCode::BAD_REQUEST,
            "The address is not usable",
            "It has characters that no address may have.",
        )
    })?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::LOCATION, value);
    Ok(response)
}

/// Lets the forms of `response` lead on to `origin`: browsers check the whole chain of redirects after a form.
pub(super) fn allow_form_to(response: &mut Response, origin: &str) {
    let source = form_source(origin);
    if let Ok(value) = HeaderValue::try_from(format!("{POLICY} {source}")) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, value);
    }
}

/// `origin` as a source expression (Content Security Policy Level 3 §2.3.1), which has no form for IPv6 addresses: their
/// scheme must do.
fn form_source(origin: &str) -> String {
    let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-.:/+_".contains(c));
    let scheme = origin.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    match origin.split_once("://") {
        Some((_, host)) if !host.is_empty() && is_plain(origin) => origin.to_owned(),
        _ if is_plain(scheme) && !scheme.is_empty() => format!("{scheme}:"),
        _ => "'none'".to_owned(),
    }
}

/// Adds a cookie.
pub(super) fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// `text` as a value in the query of an address.
pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// The address of `page`, from which one goes on to `next`.
pub(super) fn leading(page: &str, next: &str) -> String {
    format!("{page}?next={}", encoded(next))
}

fn sent_to(location: &str) -> Response {
    redirect(location).unwrap_or_else(|_| Response::new(Body::empty()))
}

/// The page for a failure; `user` is whoever is signed in.
pub(super) fn failed(failure: &Failure, info: &RequestInfo, user: Option<&str>) -> Response {
    let (status, title, text) = match failure {
        Failure::SignIn { next } => {
            return sent_to(&leading("/signin", next));
        }
        Failure::ConsoleSignIn { next } => {
            return sent_to(&leading("/console/signin", next));
        }
        Failure::Told { status, title, text } => (*status, *title, text.as_str()),
        Failure::Domain(error) => of_domain(error, info),
    };
    let frame = Frame { request_id: &info.request_id, user };
    page(status, ErrorPage { frame, title, text }.render())
}

fn of_domain<'a>(error: &'a Error, info: &RequestInfo) -> (StatusCode, &'static str, &'a str) {
    match error {
        Error::Denied(denial) => (StatusCode::FORBIDDEN, "Access denied", &denial.message),
        Error::Modeled(error) => {
            let status = StatusCode::from_u16(error.meta().status).unwrap_or(StatusCode::BAD_REQUEST);
            (status, "This is not possible", error.message())
        }
        Error::Validation(message) => (StatusCode::BAD_REQUEST, "This is not possible", message),
        Error::Busy | Error::Conflict => {
            (StatusCode::SERVICE_UNAVAILABLE, "Too much to do", "The server is busy. Try again in a moment.")
        }
        Error::DatabaseTooNew { .. } | Error::Internal(_) => {
            tracing::error!(request_id = info.request_id, %error, "a page failed");
            let text = "The server made a mistake, or its database does not answer. Try again; if it stays, tell your \
                        administrator.";
            (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_only_where_it_is_wanted() {
        for accepted in ["gzip", "br, GZIP;q=0.5", "deflate, gzip;q=1.0, *;q=0.5"] {
            assert!(names_gzip(accepted), "{accepted}");
        }
        for accepted in ["", "br", "gzip;q=0", "x-gzip", "identity, gzip; q=0.000"] {
            assert!(!names_gzip(accepted), "{accepted}");
        }
    }

    #[test]
    fn no_origin_adds_a_directive_of_its_own() {
        for (origin, source) in [
            ("http://127.0.0.1:37977", "http://127.0.0.1:37977"),
            ("https://app.example.com", "https://app.example.com"),
            ("http://[::1]:8080", "http:"),
            ("com.example.app:", "com.example.app:"),
            ("https://a; script-src *", "https:"),
            ("x y://z", "'none'"),
        ] {
            assert_eq!(form_source(origin), source, "{origin}");
        }
    }
}
