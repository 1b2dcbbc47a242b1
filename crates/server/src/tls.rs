//! TLS: a certificate from files, read again when they change.

use crate::config::TlsFiles;
use anyhow::{Context as _, Result};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at, at most.
const LOOK: Duration = Duration::from_secs(2);

/// The server's side of TLS.
pub struct Tls {
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When a file cannot be read or the key does not fit the certificate.
    pub fn new(files: TlsFiles) -> Result<Arc<Self>> {
        let current =
            Current { key: Arc::new(read(&files)?), changed_at: changed_at(&files), looked_at: Instant::now() };
        let resolver = Arc::new(Reloading { files, current: Mutex::new(current) });
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("TLS cannot be set up")?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        Ok(Arc::new(Self { acceptor: TlsAcceptor::from(Arc::new(config)) }))
    }

    /// What turns a connection into a TLS connection.
    pub fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

fn read(files: &TlsFiles) -> Result<CertifiedKey> {
    let chain = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("--tls-cert {}: no readable PEM certificates", files.cert.display()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| format!("--tls-key {}: no readable PEM private key", files.key.display()))?;
    CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
        .with_context(|| format!("--tls-key {} does not belong to the certificate", files.key.display()))
}

fn changed_at(files: &TlsFiles) -> Option<(SystemTime, SystemTime)> {
    let of = |path| std::fs::metadata(path).and_then(|data| data.modified()).ok();
    Some((of(&files.cert)?, of(&files.key)?))
}

struct Reloading {
    files: TlsFiles,
    current: Mutex<Current>,
}

struct Current {
    key: Arc<CertifiedKey>,
    changed_at: Option<(SystemTime, SystemTime)>,
    looked_at: Instant,
}

impl std::fmt::Debug for Reloading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reloading({})", self.files.cert.display())
    }
}

impl ResolvesServerCert for Reloading {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.looked_at.elapsed() >= LOOK {
            current.looked_at = Instant::now();
            let changed_at = changed_at(&self.files);
            if changed_at.is_some() && changed_at != current.changed_at {
                match read(&self.files) {
                    Ok(key) => {
                        current.key = Arc::new(key);
                        current.changed_at = changed_at;
                        tracing::info!("the TLS certificate was read again");
                    }
                    Err(error) => tracing::error!(%error, "the new TLS certificate is not used"),
                }
            }
        }
        Some(Arc::clone(&current.key))
    }
}
