//! TLS towards controllers: only the authorities that were registered, and the names that the certificate must have.

use super::connection::Timed;
use super::error::{Distrust, LdapError};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io;
use std::sync::Arc;

/// Whose certificates are accepted.
#[derive(Clone)]
pub struct Trust {
    tls: Arc<ClientConfig>,
    /// Whether a server without TLS is accepted, as an operator may have decided.
    pub(super) allows_plain: bool,
}

impl Trust {
    /// Trust in the authorities of `pems`; texts that hold no certificate are passed over.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(pems: &[String], allows_plain: bool) -> Result<Self, LdapError> {
        let mut roots = RootCertStore::empty();
        for certificate in pems.iter().flat_map(|pem| CertificateDer::pem_slice_iter(pem.as_bytes())).flatten() {
            if let Err(error) = roots.add(certificate) {
                tracing::warn!(%error, "a certificate cannot be an authority");
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| LdapError::Tls(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(config), allows_plain })
    }
}

/// Begins TLS with the server that must be `host`.
pub(super) fn handshake(
    mut stream: Timed,
    host: &str,
    trust: &Trust,
) -> Result<StreamOwned<ClientConnection, Timed>, LdapError> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| LdapError::Tls(format!("{host} is no host name")))?;
    let mut connection =
        ClientConnection::new(Arc::clone(&trust.tls), name).map_err(|error| LdapError::Tls(error.to_string()))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).map_err(|error| refusal(&error))?;
    }
    Ok(StreamOwned::new(connection, stream))
}

fn refusal(error: &io::Error) -> LdapError {
    let Some(cause) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => LdapError::TooSlow,
            _ => LdapError::Tls(error.to_string()),
        };
    };
    let rustls::Error::InvalidCertificate(why) = cause else { return LdapError::Tls(cause.to_string()) };
    let kind = match why {
        // An authority of the same name with another key signed it.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Distrust::UnknownAuthority,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Distrust::Expired,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Distrust::WrongName,
        // The cause is of a crate that rustls does not show.
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => Distrust::IsAuthority,
        _ => Distrust::Other,
    };
    LdapError::Certificate(kind, why.to_string())
}
