//! Which certificates of a provider are believed: those of the system's and the operator's authorities, and chains that
//! lead to a certificate whose thumbprint is registered with the provider.
//!
//! What the operator's file holds may also be the server's own certificate, be it that of an authority or not, as OpenSSL
//! has it: many make one certificate and give it to both sides.
//!
//! AWS takes the thumbprint of the last certificate that the provider presents, normally that of an authority. To carry
//! such a certificate proves nothing, everybody can present it: the server's own certificate must be signed by it,
//! directly or by others of the chain.

use super::FetchError;
use anyhow::Context as _;
use aws_lc_rs::digest;
use base::Timestamp;
use federation::certificate::Certificate;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::PathBuf;
use std::sync::Arc;

/// A PEM file of authorities; read at every fetch, so that a new one counts without a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityFile(PathBuf);

impl AuthorityFile {
    /// The file at `path`.
    ///
    /// # Errors
    /// When it cannot be read or holds no certificate.
    pub fn new(path: PathBuf) -> anyhow::Result<Self> {
        let file = Self(path);
        file.certificates().with_context(|| format!("--oidc-ca-file {}", file.0.display()))?;
        Ok(file)
    }

    fn certificates(&self) -> anyhow::Result<Vec<CertificateDer<'static>>> {
        let read = CertificateDer::pem_file_iter(&self.0).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let certificates = read.context("no readable PEM certificates")?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).context("a certificate in it cannot be used as an authority")?;
        }
        anyhow::ensure!(!certificates.is_empty(), "it holds no PEM certificate");
        Ok(certificates)
    }
}

/// The TLS settings for a provider with `thumbprints` (SHA-1, lower-case hexadecimal).
pub(super) fn client_config(
    authorities: Option<&AuthorityFile>,
    thumbprints: &[String],
) -> Result<ClientConfig, FetchError> {
    let certificates = match authorities {
        Some(file) => file.certificates().map_err(|error| FetchError::AuthorityFile(format!("{error:#}")))?,
        None => Vec::new(),
    };
    Ok(trusting(certificates, thumbprints)?)
}

/// The TLS settings for servers that the system trusts, that `certificates` vouch for or that are one of them, or whose
/// chains lead to `thumbprints` (SHA-1, lower-case hexadecimal).
///
/// # Errors
/// When TLS cannot be set up.
pub(crate) fn trusting(
    certificates: Vec<CertificateDer<'static>>,
    thumbprints: &[String],
) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(certificates.iter().cloned());
    let verifier = Verifier::new(roots, certificates, thumbprints)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider));
    let builder = builder.with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

#[derive(Debug)]
struct Verifier {
    /// `None` where no authority is trusted.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that a server may have itself.
    certificates: Vec<CertificateDer<'static>>,
    thumbprints: Vec<String>,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(
        roots: RootCertStore,
        certificates: Vec<CertificateDer<'static>>,
        thumbprints: &[String],
    ) -> Result<Self, Error> {
        let provider = Arc::new(provider::default_provider());
        let authorities = if roots.is_empty() { None } else { Some(of_roots(roots, &provider)?) };
        Ok(Self { authorities, certificates, thumbprints: thumbprints.to_vec(), provider })
    }

    /// Whether `certificate` is known, or its thumbprint registered.
    fn is_registered(&self, certificate: &CertificateDer<'_>) -> bool {
        if self.certificates.contains(certificate) {
            return true;
        }
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate);
        let text: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        self.thumbprints.contains(&text)
    }

    /// Accepts a chain that leads to a registered certificate.
    fn verify_registered(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.is_registered(end_entity) {
            verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)?;
            return verify_time(end_entity, now);
        }
        let mut refusal = CertificateError::UnknownIssuer.into();
        for certificate in intermediates.iter().filter(|certificate| self.is_registered(certificate)) {
            let mut roots = RootCertStore::empty();
            roots.add(certificate.clone().into_owned())?;
            let verifier = of_roots(roots, &self.provider)?;
            match verifier.verify_server_cert(end_entity, intermediates, name, &[], now) {
                Ok(verified) => return Ok(verified),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }
}

fn of_roots(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    built.map_err(|error| Error::General(error.to_string()))
}

/// A certificate that is itself registered needs no issuer, but it must be valid now.
fn verify_time(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<ServerCertVerified, Error> {
    let certificate = Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let now = Timestamp::from_seconds(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    if now < certificate.not_before() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > certificate.not_after() {
        return Err(CertificateError::Expired.into());
    }
    Ok(ServerCertVerified::assertion())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let refusal = match &self.authorities {
            None => CertificateError::UnknownIssuer.into(),
            Some(known) => match known.verify_server_cert(end_entity, intermediates, name, ocsp_response, now) {
                Ok(verified) => return Ok(verified),
                Err(refusal) => refusal,
            },
        };
        if [end_entity].into_iter().chain(intermediates).any(|certificate| self.is_registered(certificate)) {
            return self.verify_registered(end_entity, intermediates, name, now);
        }
        Err(refusal)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    const HOST: &str = "token.example.com";

    fn key() -> KeyPair {
        KeyPair::generate().expect("a key")
    }

    fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, key()).expect("an authority")
    }

    fn leaf(host: &str, issuer: &CertifiedIssuer<'static, KeyPair>) -> CertificateDer<'static> {
        let params = CertificateParams::new(vec![host.to_owned()]).expect("a host");
        params.signed_by(&key(), issuer).expect("a certificate").der().clone()
    }

    fn thumbprint(certificate: &CertificateDer<'_>) -> String {
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate);
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn verify(
        roots: &[&CertificateDer<'static>],
        thumbprints: &[String],
        chain: &[&CertificateDer<'static>],
    ) -> Result<(), Error> {
        verify_at(roots, thumbprints, chain, 1_795_219_200)
    }

    fn verify_at(
        roots: &[&CertificateDer<'static>],
        thumbprints: &[String],
        chain: &[&CertificateDer<'static>],
        seconds: u64,
    ) -> Result<(), Error> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add((*root).clone()).expect("a root");
        }
        let chain: Vec<_> = chain.iter().map(|certificate| (*certificate).clone()).collect();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let name = ServerName::try_from(HOST).expect("a name");
        let certificates = roots.iter().map(|root| (*root).clone()).collect();
        let verifier = Verifier::new(store, certificates, thumbprints).expect("a verifier");
        verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], now).map(|_| ())
    }

    #[test]
    fn a_file_without_authorities_is_refused_by_the_name_of_its_flag() {
        let path = std::env::temp_dir().join(format!("vestibule-authorities-{}.pem", std::process::id()));
        let refusal = || AuthorityFile::new(path.clone()).err().map(|error| format!("{error:#}"));
        assert!(refusal().is_some_and(|text| text.starts_with("--oidc-ca-file ")), "missing");
        std::fs::write(&path, "nothing\n").expect("written");
        let of_nothing = refusal();
        std::fs::write(&path, authority("Own").as_ref().pem()).expect("written");
        let of_authority = refusal();
        std::fs::remove_file(&path).expect("removed");
        assert!(of_nothing.is_some_and(|text| text.contains("no PEM certificate")));
        assert_eq!(of_authority, None);
    }

    #[test]
    fn known_authorities_need_no_thumbprint() {
        let known = authority("Known");
        let chain = leaf(HOST, &known);
        assert_eq!(verify(&[known.der()], &[], &[&chain]), Ok(()));
        assert_eq!(verify(&[known.der()], &["00".repeat(20)], &[&chain]), Ok(()));
        assert!(verify(&[], &[], &[&chain, known.der()]).is_err());
        assert!(verify(&[authority("Other").der()], &[], &[&chain, known.der()]).is_err());
    }

    #[test]
    fn a_certificate_of_the_operators_may_be_the_servers_own_as_openssl_makes_it() {
        let own = |host: &str| {
            let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a host");
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.self_signed(&key()).expect("a certificate").der().clone()
        };
        let (known, forged) = (own(HOST), own(HOST));
        assert_eq!(verify(&[&known], &[], &[&known]), Ok(()));
        assert!(verify(&[&known], &[], &[&forged]).is_err());
        assert!(verify(&[&known], &[], &[&forged, &known]).is_err());
        assert!(verify_at(&[&known], &[], &[&known], 100_000_000_000).is_err(), "it has expired");
        let other = own("other.example.com");
        assert!(verify(&[&other], &[], &[&other]).is_err(), "it is another host's");
    }

    #[test]
    fn a_chain_to_a_registered_certificate_is_accepted() {
        let own = authority("Own");
        let registered = [thumbprint(own.der())];
        assert_eq!(verify(&[], &registered, &[&leaf(HOST, &own), own.der()]), Ok(()));
        assert_eq!(verify(&[authority("Known").der()], &registered, &[&leaf(HOST, &own), own.der()]), Ok(()));
        let other_name = leaf("other.example.com", &own);
        assert!(verify(&[], &registered, &[&other_name, own.der()]).is_err());
    }

    #[test]
    fn to_present_a_registered_certificate_proves_nothing() {
        let (own, forger) = (authority("Own"), authority("Own"));
        let registered = [thumbprint(own.der())];
        for chain in [
            vec![leaf(HOST, &forger), own.der().clone()],
            vec![leaf(HOST, &forger), forger.der().clone(), own.der().clone()],
        ] {
            let chain: Vec<_> = chain.iter().collect();
            assert!(verify(&[], &registered, &chain).is_err());
        }
    }

    #[test]
    fn a_registered_server_certificate_must_be_for_the_host_and_valid() {
        let own = authority("Own");
        let good = leaf(HOST, &own);
        assert_eq!(verify(&[], &[thumbprint(&good)], &[&good]), Ok(()));
        let other = leaf("other.example.com", &own);
        assert!(verify(&[], &[thumbprint(&other)], &[&other]).is_err());
        let late = 100_000_000_000;
        assert_eq!(
            verify_at(&[], &[thumbprint(&good)], &[&good], late),
            Err(Error::InvalidCertificate(CertificateError::Expired))
        );
    }
}
