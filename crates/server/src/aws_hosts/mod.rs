//! The listener that answers under AWS's own host names, for clients that can be told no other: TLS with certificates
//! of an authority of our own, reached directly (DNS) or through HTTP CONNECT (`HTTPS_PROXY`).
//!
//! Nothing is ever passed on to AWS: a name that is not ours to answer for is refused.

mod authority;
mod names;

pub use authority::Authority;
pub(crate) use authority::date;
pub use names::Names;

use anyhow::{Context as _, Result};
use base::limits::REQUEST_READ_SECONDS_MAX;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// First byte of a TLS connection: the type of a handshake record (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;
/// Longest head of a CONNECT request, in bytes.
const HEAD_BYTES_MAX: usize = 8_192;
/// The only port that clients may ask to be connected to.
const PORT: u16 = 443;

/// The certificate of the authority, in the data directory.
pub const CERTIFICATE_FILE: &str = "aws-hosts-ca.pem";
/// Its private key.
pub(crate) const KEY_FILE: &str = "aws-hosts-ca.key";

/// What turns connections into TLS connections under AWS's names.
pub struct AwsHosts {
    names: Arc<Names>,
    acceptor: TlsAcceptor,
    certificate: PathBuf,
}

/// Why a connection is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// A CONNECT to something that is not ours to answer for.
    Forbidden,
    /// Plain HTTP, or nothing that can be read.
    BadRequest,
}

impl AwsHosts {
    /// The names of an installation that stands for `region`, with the authority in `directory`, which is made when it is
    /// absent.
    ///
    /// # Errors
    /// When the authority cannot be read or made.
    pub fn new(directory: &Path, region: &str) -> Result<Arc<Self>> {
        let names = Arc::new(Names::new(region));
        let certificate = directory.join(CERTIFICATE_FILE);
        let authority = Authority::open(&certificate, &directory.join(KEY_FILE))?;
        let resolver = authority::Leaves::new(authority, Arc::clone(&names))?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .context("TLS cannot be set up")?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        Ok(Arc::new(Self { names, acceptor: TlsAcceptor::from(Arc::new(config)), certificate }))
    }

    /// The file with the authority's certificate, for clients to trust.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The TLS connection behind a TCP connection, in a bounded time; `None` when it is refused.
    pub async fn accept(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let patience = Duration::from_secs(REQUEST_READ_SECONDS_MAX);
        tokio::time::timeout(patience, self.handshake(stream)).await.ok().flatten()
    }

    async fn handshake(&self, mut stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let mut first = [0];
        if stream.peek(&mut first).await.ok()? == 0 {
            return None;
        }
        if first[0] != HANDSHAKE {
            self.connected(&mut stream).await?;
        }
        self.acceptor.accept(stream).await.ok()
    }

    /// Answers the request that comes before the handshake; `None` unless it opened a tunnel.
    async fn connected(&self, stream: &mut TcpStream) -> Option<()> {
        let mut head = Vec::new();
        // Byte by byte: what follows the head belongs to TLS.
        while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
            head.push(stream.read_u8().await.ok()?);
        }
        let answer = match target(&head).and_then(|(host, port)| self.check(host, port)) {
            Ok(()) => "HTTP/1.1 200 Connection established\r\n\r\n",
            Err(Refusal::Forbidden) => {
                "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 70\r\n\r\n\
                 Only host names of AWS that Vestibule answers for, at port 443, here.\n"
            }
            Err(Refusal::BadRequest) => {
                "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 39\r\n\r\n\
                 This port speaks TLS and HTTP CONNECT.\n"
            }
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
        answer.starts_with("HTTP/1.1 200").then_some(())
    }

    fn check(&self, host: &str, port: u16) -> Result<(), Refusal> {
        let is_served = self.names.hold(host) || names::region_of(host).is_some();
        if port == PORT && is_served { Ok(()) } else { Err(Refusal::Forbidden) }
    }
}

/// Host and port of a CONNECT request (RFC 9110 §9.3.6).
fn target(head: &[u8]) -> Result<(&str, u16), Refusal> {
    let text = std::str::from_utf8(head).map_err(|_| Refusal::BadRequest)?;
    let line = text.lines().next().filter(|_| head.ends_with(b"\r\n\r\n")).ok_or(Refusal::BadRequest)?;
    let mut words = line.split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    if !version.is_some_and(|version| version.starts_with("HTTP/1.")) || words.next().is_some() {
        return Err(Refusal::BadRequest);
    }
    if method != Some("CONNECT") {
        return Err(Refusal::BadRequest);
    }
    let (host, port) = target.and_then(|target| target.rsplit_once(':')).ok_or(Refusal::BadRequest)?;
    Ok((host, port.parse().map_err(|_| Refusal::BadRequest)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tunnel_names_host_and_port() {
        let head = b"CONNECT sts.us-east-1.amazonaws.com:443 HTTP/1.1\r\nHost: x\r\n\r\n";
        assert_eq!(target(head), Ok(("sts.us-east-1.amazonaws.com", 443)));
        for wrong in [
            &b"GET http://sts.amazonaws.com/ HTTP/1.1\r\n\r\n"[..],
            b"CONNECT sts.amazonaws.com HTTP/1.1\r\n\r\n",
            b"CONNECT sts.amazonaws.com:x HTTP/1.1\r\n\r\n",
            b"CONNECT sts.amazonaws.com:443\r\n\r\n",
            b"CONNECT sts.amazonaws.com:443 HTTP/1.1 x\r\n\r\n",
            b"CONNECT sts.amazonaws.com:443 HTTP/1.1\r\n",
            b"\xff\r\n\r\n",
        ] {
            assert_eq!(target(wrong), Err(Refusal::BadRequest), "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn the_lengths_of_refusals_are_right() {
        assert_eq!("Only host names of AWS that Vestibule answers for, at port 443, here.\n".len(), 70);
        assert_eq!("This port speaks TLS and HTTP CONNECT.\n".len(), 39);
    }
}
