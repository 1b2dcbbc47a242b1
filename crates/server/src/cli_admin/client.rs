//! One call after another over HTTP/1.1, signed, each bounded in time and size.

use super::environment::Environment;
use crate::provider_keys::trusting;
use anyhow::{Context as _, Result, anyhow, bail};
use base::{Clock as _, SystemClock};
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use smithy::client::Request as Written;
use smithy::json;
use smithy::schema::{Operation, Service};
use smithy::sigv4::Signer;
use smithy::wire::WireRequest;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Longest time that a call may take.
const TOTAL: Duration = Duration::from_secs(60);
/// Longest answer, in bytes.
const BODY_BYTES_MAX: usize = 16 << 20;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server refused it.
    #[error("{code}: {message} (request {request_id})")]
    Refused {
        /// AWS's code.
        code: String,
        /// The text for the person who called.
        message: String,
        /// Id of the request, in the server's log and audit trail.
        request_id: String,
    },
    /// It did not reach the server, or no answer of AWS's protocols came back.
    #[error("{0:#}")]
    Unreachable(anyhow::Error),
}

/// The server, as an administrator calls it.
pub struct Client {
    environment: Environment,
}

impl Client {
    /// A client for that server and caller.
    pub fn new(environment: Environment) -> Self {
        Self { environment }
    }

    /// Calls an operation of the product's own API.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn call<O: Operation>(&self, input: &O::In) -> Result<O::Out, Failure> {
        let written = smithy::client::request(O::OP, input);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("no event loop can be had").map_err(Failure::Unreachable)?;
        let answer = runtime.block_on(async {
            let within = tokio::time::timeout(TOTAL, self.exchange(O::OP.service, &written));
            within.await.unwrap_or_else(|_| Err(anyhow!("no answer came within {} seconds", TOTAL.as_secs())))
        });
        // A name that is still being resolved is not waited for.
        runtime.shutdown_background();
        let answer = answer
            .with_context(|| format!("{} cannot be called", self.environment.endpoint))
            .map_err(Failure::Unreachable)?;
        if !answer.status().is_success() {
            return Err(refusal(&answer));
        }
        let mut output = O::Out::default();
        match json::read(answer.body(), &mut output) {
            Ok(_) => Ok(output),
            Err(error) => Err(Failure::Unreachable(anyhow!("the answer cannot be read: {error}"))),
        }
    }

    async fn exchange(&self, service: &Service, written: &Written) -> Result<http::Response<Bytes>> {
        let uri: Uri = self.environment.endpoint.parse().context("the endpoint is no URL")?;
        let authority = uri.authority().context("the endpoint names no host")?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => bail!("the endpoint must begin with http:// or https://"),
        };
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let request = self.signed(service, written, authority.as_str(), uri.path())?;
        let stream = TcpStream::connect((host, port)).await.context("no connection")?;
        if !is_tls {
            return send(stream, request).await;
        }
        let name = ServerName::try_from(host.to_owned()).context("the endpoint's host is no name")?;
        let config = trust(self.environment.authorities.as_deref())?;
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        send(connected.map_err(without_tls)?, request).await
    }

    fn signed(&self, service: &Service, written: &Written, host: &str, base: &str) -> Result<Request<Full<Bytes>>> {
        let Environment { region, credentials, .. } = &self.environment;
        let now = SystemClock.now();
        let path = format!("{}{}", base.trim_end_matches('/'), written.path);
        let amz_date = now.amz_date();
        let mut headers: Vec<(&str, &[u8])> = vec![("host", host.as_bytes()), ("x-amz-date", amz_date.as_bytes())];
        headers.extend(written.content_type.map(|value| ("content-type", value.as_bytes())));
        let token = credentials.session_token.as_ref().map(|token| token.expose().as_bytes());
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        let wire = WireRequest {
            method: written.method,
            path: &path,
            query: &written.query,
            headers: &headers,
            body: &written.body,
        };
        let (access_key_id, secret) = (credentials.access_key_id.as_str(), &credentials.secret);
        let signer = Signer { access_key_id, secret, region, service: service.signing_name };
        let authorization = signer
            .authorization(&wire, now)
            .map_err(|_| anyhow!("the request cannot be signed: look at the access key id and the region"))?;
        let target = if written.query.is_empty() { path.clone() } else { format!("{path}?{}", written.query) };
        let mut request = Request::builder()
            .method(written.method)
            .uri(target)
            .header("authorization", authorization)
            .header("user-agent", concat!("vestibule/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body(Full::new(Bytes::from(written.body.clone()))).context("the request cannot be written")
    }
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<http::Response<Bytes>> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Its failures reach the answer.
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await.context("it does not speak HTTP")?.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|_| anyhow!("the answer is cut off or too long"))?.to_bytes();
    Ok(http::Response::from_parts(parts, body))
}

/// Why there is no TLS connection; of a certificate that is not trusted, what to do.
fn without_tls(error: std::io::Error) -> anyhow::Error {
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let is_distrust = matches!(cause, Some(rustls::Error::InvalidCertificate(_)));
    anyhow::Error::new(error).context(if is_distrust {
        "its certificate is not trusted: AWS_CA_BUNDLE names a file with that certificate or its authority's"
    } else {
        "no TLS connection"
    })
}

fn trust(authorities: Option<&Path>) -> Result<ClientConfig> {
    let mut certificates = Vec::new();
    if let Some(path) = authorities {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        certificates = read.with_context(|| format!("AWS_CA_BUNDLE {}: no PEM certificates", path.display()))?;
    }
    Ok(trusting(certificates, &[])?)
}

/// What an answer that is no success says.
fn refusal(answer: &http::Response<Bytes>) -> Failure {
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let member = |name: &str| body.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let code = header("x-amzn-errortype").or_else(|| member("__type")).unwrap_or_else(|| answer.status().to_string());
    let code = code.split(':').next().unwrap_or_default();
    Failure::Refused {
        code: code.rsplit('#').next().unwrap_or_default().to_owned(),
        message: member("message").or_else(|| member("Message")).unwrap_or_else(|| "no reason is given".to_owned()),
        request_id: header("x-amzn-requestid").unwrap_or_else(|| "unknown".to_owned()),
    }
}
