//! The certificate authority behind AWS's names, and the short-lived certificates that it gives the server.

use super::names::{Names, region_of};
use crate::bootstrap::{create_private_directory, write_private};
use anyhow::{Context as _, Result, bail};
use base::{Clock as _, SystemClock, Timestamp};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Days that the authority is good for.
const AUTHORITY_DAYS: i64 = 3_650;
/// Days that a certificate of the server is good for.
const LEAF_DAYS: i64 = 30;
/// Days after which it is replaced.
const LEAF_RENEWAL_DAYS: i64 = 10;
/// Days that certificates are dated back, for clocks that are late.
const BACKDATED_DAYS: i64 = 1;
const DAY_SECONDS: i64 = 86_400;
/// Regions whose certificates are kept at once. AWS has fewer; whoever asks for invented ones has others made anew.
const REGIONS_MAX: usize = 64;
/// The domains that the authority may vouch for: whoever trusts it trusts it for nothing else.
const DOMAINS: [&str; 5] =
    ["amazonaws.com", "signin.aws.amazon.com", "console.aws.amazon.com", "awsapps.com", "app.aws"];

/// The authority.
pub struct Authority {
    key: KeyPair,
    params: CertificateParams,
}

fn name(key: &KeyPair) -> DistinguishedName {
    let digest = ::aws_lc_rs::digest::digest(&::aws_lc_rs::digest::SHA256, key.public_key_raw());
    let suffix: String = digest.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Vestibule");
    name.push(DnType::CommonName, format!("Vestibule AWS hosts {suffix}"));
    name
}

/// Sets the days for which a certificate of `now` is good.
pub(crate) fn date(params: &mut CertificateParams, now: Timestamp, days: i64) -> Result<()> {
    let day = |at: Timestamp| {
        let text = at.iso8601();
        let mut parts = text.get(..10)?.split('-');
        let year = parts.next()?.parse().ok()?;
        Some(rcgen::date_time_ymd(year, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let at = |days: i64| day(now.plus_seconds(days * DAY_SECONDS)).context("the clock shows no date");
    params.not_before = at(-BACKDATED_DAYS)?;
    params.not_after = at(days)?;
    Ok(())
}

impl Authority {
    /// The authority whose certificate and key lie in these files; a new one where there are none.
    ///
    /// # Errors
    /// When a file cannot be read or written, or one of the two is missing.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self> {
        match (certificate.exists(), key.exists()) {
            (false, false) => Self::make(certificate, key),
            (true, true) => {
                let text = std::fs::read_to_string(key).with_context(|| format!("cannot read {}", key.display()))?;
                let pair = KeyPair::from_pem(&text).with_context(|| format!("{} is no key", key.display()))?;
                Ok(Self::of(pair))
            }
            (true, false) => {
                bail!("{} is missing: remove {} to have both made anew", key.display(), certificate.display())
            }
            (false, true) => {
                bail!("{} is missing: remove {} to have both made anew", certificate.display(), key.display())
            }
        }
    }

    fn make(certificate: &Path, key: &Path) -> Result<Self> {
        let pair = KeyPair::generate().context("no key can be had")?;
        let mut authority = Self::of(pair);
        date(&mut authority.params, SystemClock.now(), AUTHORITY_DAYS)?;
        let made = authority.params.self_signed(&authority.key).context("the authority cannot be made")?;
        if let Some(directory) = key.parent() {
            create_private_directory(directory)?;
        }
        write_private(key, authority.key.serialize_pem().as_bytes())?;
        write_private(certificate, made.pem().as_bytes())?;
        Ok(authority)
    }

    fn of(key: KeyPair) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = name(&key);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: DOMAINS.map(|domain| GeneralSubtree::DnsName(domain.to_owned())).to_vec(),
            excluded_subtrees: Vec::new(),
        });
        Self { key, params }
    }

    /// A certificate of the server for `names`, with its key.
    fn leaf(&self, names: &Names, now: Timestamp) -> Result<(Certificate, KeyPair)> {
        let mut params = CertificateParams::new(names.patterns().to_vec()).context("a name is none")?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Vestibule");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        date(&mut params, now, LEAF_DAYS)?;
        let key = KeyPair::generate().context("no key can be had")?;
        let issuer = Issuer::from_params(&self.params, &self.key);
        let leaf = params.signed_by(&key, &issuer).context("the certificate cannot be signed")?;
        Ok((leaf, key))
    }
}

/// A certificate with its key, and when it was made.
type Leaf = (Arc<CertifiedKey>, Timestamp);

/// The certificates of the server, each for some days.
pub(super) struct Leaves {
    authority: Authority,
    names: Arc<Names>,
    /// By region; `None` stands for the names of the installation.
    current: Mutex<HashMap<Option<String>, Leaf>>,
}

impl Leaves {
    pub(super) fn new(authority: Authority, names: Arc<Names>) -> Result<Self> {
        let now = SystemClock.now();
        let first = certified(&authority, &names, now)?;
        Ok(Self { authority, names, current: Mutex::new(HashMap::from([(None, (first, now))])) })
    }

    /// The certificate for the names of `region`.
    fn leaf(&self, region: Option<String>) -> Option<Arc<CertifiedKey>> {
        let now = SystemClock.now();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let known = current.get(&region).cloned();
        match known {
            Some((leaf, made_at)) if now <= made_at.plus_seconds(LEAF_RENEWAL_DAYS * DAY_SECONDS) => return Some(leaf),
            None if current.len() >= REGIONS_MAX => current.retain(|region, _| region.is_none()),
            _ => {}
        }
        let made = match &region {
            None => certified(&self.authority, &self.names, now),
            Some(region) => certified(&self.authority, &Names::of_region(region), now),
        };
        match made {
            Ok(leaf) => {
                current.insert(region, (Arc::clone(&leaf), now));
                Some(leaf)
            }
            Err(error) => {
                tracing::error!(%error, "no certificate can be made for AWS hosts");
                known.map(|(leaf, _)| leaf)
            }
        }
    }
}

fn certified(authority: &Authority, names: &Names, now: Timestamp) -> Result<Arc<CertifiedKey>> {
    let (leaf, key) = authority.leaf(names, now)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let certified = CertifiedKey::from_der(vec![leaf.der().clone()], key, &aws_lc_rs::default_provider());
    Ok(Arc::new(certified.context("the certificate cannot be used")?))
}

impl std::fmt::Debug for Leaves {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Leaves({:?})", self.names)
    }
}

impl ResolvesServerCert for Leaves {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match hello.server_name().filter(|name| !self.names.hold(name)) {
            None => self.leaf(None),
            Some(name) => self.leaf(Some(region_of(name)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use std::time::Duration;

    #[test]
    fn the_authority_stays_and_vouches_for_the_names_alone() {
        let directory = std::env::temp_dir().join(format!("vestibule-authority-{}", std::process::id()));
        let (certificate, key) = (directory.join("ca.pem"), directory.join("ca.key"));
        Authority::open(&certificate, &key).expect("made");
        let again = Authority::open(&certificate, &key).expect("read again");
        let root = CertificateDer::from_pem_file(&certificate).expect("PEM");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&key).expect("there").permissions());
        std::fs::remove_file(&certificate).expect("removed");
        assert!(Authority::open(&certificate, &key).is_err(), "half an authority is none");
        std::fs::remove_dir_all(&directory).expect("removed");
        assert_eq!(mode & 0o777, 0o600);

        let now = SystemClock.now();
        let (leaf, _) = again.leaf(&Names::new("eu-central-1"), now).expect("a certificate");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(root).expect("an authority");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("built");
        let seconds = u64::try_from(now.micros() / 1_000_000).expect("after 1970");
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let verified = |host: &str| {
            let name = ServerName::try_from(host.to_owned()).expect("a name");
            verifier.verify_server_cert(leaf.der(), &[], &name, &[], at).is_ok()
        };
        assert!(verified("iam.amazonaws.com") && verified("portal.sso.eu-central-1.amazonaws.com"));
        assert!(verified("d-1234567890.awsapps.com") && verified("signin.aws.amazon.com"));
        assert!(!verified("example.com"));
        let (elsewhere, _) = again.leaf(&Names::of_region("ap-southeast-2"), now).expect("a certificate");
        let name = ServerName::try_from("portal.sso.ap-southeast-2.amazonaws.com").expect("a name");
        verifier.verify_server_cert(elsewhere.der(), &[], &name, &[], at).expect("another region");
        let (foreign, _) = again.leaf(&Names::foreign(), now).expect("a certificate");
        let name = ServerName::try_from("bank.example.com").expect("a name");
        assert!(verifier.verify_server_cert(foreign.der(), &[], &name, &[], at).is_err(), "constrained");
    }
}
