//! A GET over `https` in which everything is bounded: connections, redirects, sizes. The caller bounds the time.

use super::proxy::{Proxy, bare_host};
use bytes::Bytes;
use federation::jwt::KeySetError;
use http::header::{ACCEPT, HOST, LOCATION, USER_AGENT};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Longest time until a connection stands, its addresses tried one after another.
const CONNECT: Duration = Duration::from_secs(5);
/// Addresses of a host that are tried.
const ADDRESSES_MAX: usize = 4;
/// Longest body, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Longest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 65_536;
/// Longest answer of a proxy before the tunnel begins, in bytes.
const PROXY_HEAD_BYTES_MAX: usize = 8_192;
/// Redirects that are followed for a document.
const REDIRECTS_MAX: usize = 3;
/// The default port of `https`.
const PORT: u16 = 443;

/// Why keys cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not `https`, with a user name, or no URL at all.
    #[error("{0} is not an https URL that can be called")]
    Url(String),
    /// The setting cannot be used.
    #[error("the proxy of HTTPS_PROXY cannot be used: {0}")]
    Proxy(&'static str),
    /// The proxy opens no tunnel.
    #[error("the proxy does not connect to {host}: it answers {answer}")]
    ProxyRefused {
        /// Host and port that were asked for.
        host: String,
        /// First line of the answer.
        answer: String,
    },
    /// The name or the connection.
    #[error("{host} cannot be reached: {source}")]
    Connect {
        /// Host and port.
        host: String,
        /// Why.
        source: std::io::Error,
    },
    /// The TLS handshake; certificates that are not trusted among its reasons.
    #[error("no TLS connection to {host}: {source}")]
    Tls {
        /// Host and port.
        host: String,
        /// Why.
        source: std::io::Error,
    },
    /// No HTTP, or an end before its time.
    #[error("{url} does not answer in HTTP: {source}")]
    Http {
        /// What was asked for.
        url: String,
        /// Why.
        source: hyper::Error,
    },
    /// Another status than 200.
    #[error("{url} answers with status {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// Status.
        status: u16,
    },
    /// More than [`REDIRECTS_MAX`].
    #[error("{0} redirects more than 3 times")]
    Redirects(String),
    /// Cut off, over [`BODY_BYTES_MAX`], or not UTF-8.
    #[error("the answer of {0} is cut off, longer than 1 MiB or not UTF-8")]
    Body(String),
    /// The time was over.
    #[error("it took longer than 10 seconds")]
    TooSlow,
    /// The discovery document.
    #[error("the provider's openid-configuration is not usable: {0}")]
    Discovery(&'static str),
    /// The discovery document is another issuer's.
    #[error("the provider's openid-configuration is that of the issuer {0}")]
    OtherIssuer(String),
    /// The key set.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    /// A key set without a key for signatures of a kind that is understood.
    #[error("the JSON Web Key Set has no key that can be used")]
    NoKeys,
    /// The file of additional authorities.
    #[error("--oidc-ca-file: {0}")]
    AuthorityFile(String),
    /// The TLS library.
    #[error("TLS cannot be set up: {0}")]
    TlsSetUp(#[from] rustls::Error),
    /// The operating system gives no event loop.
    #[error("no event loop can be had: {0}")]
    Runtime(#[source] std::io::Error),
}

/// How documents are fetched.
pub(super) struct Client<'a> {
    pub tls: Arc<ClientConfig>,
    pub proxy: &'a Proxy,
}

impl Client<'_> {
    /// The document at `url`.
    pub async fn get(&self, url: &str) -> Result<String, FetchError> {
        let mut uri = checked(url)?;
        for _ in 0..=REDIRECTS_MAX {
            let (answer, target) = (self.ask(&uri).await?, uri.to_string());
            let status = answer.status().as_u16();
            if status == 200 {
                return read(answer, target).await;
            }
            let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            match (status, location) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => uri = redirected(&uri, location)?,
                _ => return Err(FetchError::Status { url: target, status }),
            }
        }
        Err(FetchError::Redirects(url.to_owned()))
    }

    async fn ask(&self, uri: &Uri) -> Result<Response<Incoming>, FetchError> {
        let not_callable = || FetchError::Url(uri.to_string());
        let authority = uri.authority().ok_or_else(not_callable)?;
        let (host, port) = (bare_host(authority), authority.port_u16().unwrap_or(PORT));
        let name = ServerName::try_from(host.to_owned()).map_err(|_| not_callable())?;
        let stream = self.connect(host, port).await?;
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        let stream = stream.map_err(|source| FetchError::Tls { host: format!("{host}:{port}"), source })?;
        let in_http = |source| FetchError::Http { url: uri.to_string(), source };
        let mut builder = hyper::client::conn::http1::Builder::new();
        builder.max_buf_size(HEAD_BYTES_MAX);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(in_http)?;
        // Its failures reach the answer.
        tokio::spawn(connection);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::get(path)
            .header(HOST, authority.as_str())
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("vestibule/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())
            .map_err(|_| not_callable())?;
        sender.send_request(request).await.map_err(in_http)
    }

    /// A connection to the host, through the proxy where there is one.
    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, FetchError> {
        match self.proxy.of(host)? {
            None => open(host, port).await,
            Some((proxy, proxy_port)) => {
                let stream = open(&proxy, proxy_port).await?;
                let host = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
                tunnel(stream, &host).await
            }
        }
    }
}

async fn open(host: &str, port: u16) -> Result<TcpStream, FetchError> {
    let failed = |source| FetchError::Connect { host: format!("{host}:{port}"), source };
    let attempts = async {
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.take(ADDRESSES_MAX).collect();
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        let each = CONNECT / u32::try_from(addresses.len().max(1)).unwrap_or(1);
        for address in addresses {
            match timeout(each, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = std::io::ErrorKind::TimedOut.into(),
            }
        }
        Err(last)
    };
    timeout(CONNECT, attempts).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(failed)
}

/// Has the proxy at the other end of `stream` connect to `host` (RFC 9110 §9.3.6).
async fn tunnel(mut stream: TcpStream, host: &str) -> Result<TcpStream, FetchError> {
    let failed = |source| FetchError::Connect { host: host.to_owned(), source };
    let request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut head = Vec::new();
    // Byte by byte: what follows the head belongs to TLS.
    while !head.ends_with(b"\r\n\r\n") && head.len() < PROXY_HEAD_BYTES_MAX {
        head.push(stream.read_u8().await.map_err(failed)?);
    }
    let head = String::from_utf8_lossy(&head);
    let answer = head.lines().next().unwrap_or_default();
    let is_open =
        answer.starts_with("HTTP/1.") && answer.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
    if is_open && head.ends_with("\r\n\r\n") {
        return Ok(stream);
    }
    Err(FetchError::ProxyRefused { host: host.to_owned(), answer: answer.chars().take(256).collect() })
}

async fn read(answer: Response<Incoming>, url: String) -> Result<String, FetchError> {
    let body = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await.ok();
    let text = body.and_then(|body| String::from_utf8(body.to_bytes().to_vec()).ok());
    text.ok_or(FetchError::Body(url))
}

fn checked(url: &str) -> Result<Uri, FetchError> {
    let uri: Option<Uri> = url.parse().ok();
    let is_callable = |uri: &Uri| {
        uri.scheme_str() == Some("https") && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
    };
    uri.filter(is_callable).ok_or_else(|| FetchError::Url(url.chars().take(256).collect()))
}

/// Where `location` leads from `uri`: a whole URL, or a path of the same host.
fn redirected(uri: &Uri, location: &str) -> Result<Uri, FetchError> {
    match uri.authority() {
        Some(authority) if location.starts_with('/') && !location.starts_with("//") => {
            checked(&format!("https://{authority}{location}"))
        }
        _ => checked(location),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_called() {
        assert!(checked("https://token.example.com:8443/keys?a=b").is_ok());
        for url in [
            "http://token.example.com/",
            "https://user@token.example.com/",
            "file:///etc/passwd",
            "/keys",
            "",
            "https://",
        ] {
            assert!(matches!(checked(url), Err(FetchError::Url(_))), "{url}");
        }
    }

    #[test]
    fn redirects_lead_to_paths_and_to_https() {
        let from = checked("https://a.example.com:444/x/y").expect("callable");
        let to = |location: &str| redirected(&from, location).map(|uri| uri.to_string()).ok();
        assert_eq!(to("/z").as_deref(), Some("https://a.example.com:444/z"));
        assert_eq!(to("https://b.example.com/z").as_deref(), Some("https://b.example.com/z"));
        assert_eq!(to("http://a.example.com/z"), None);
        assert_eq!(to("//b.example.com/z"), None);
        assert_eq!(to("z"), None);
    }
}
