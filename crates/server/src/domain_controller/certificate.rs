//! The authority of a domain, and the certificate that it gives the domain's controller for LDAPS.

use crate::aws_hosts::date;
use crate::bootstrap::{create_private_directory, write_private};
use anyhow::{Context as _, Result};
use base::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use std::net::Ipv4Addr;
use std::path::Path;

/// Days that the authority is good for.
const AUTHORITY_DAYS: i64 = 3_650;
/// Days that the certificate of a controller is good for.
const LEAF_DAYS: i64 = 397;

/// Whom a certificate is for.
pub(super) struct Subject<'a> {
    /// The domain.
    pub(super) domain: &'a str,
    /// Full name of the controller.
    pub(super) host: &'a str,
    /// Its address.
    pub(super) address: Ipv4Addr,
}

fn authority(domain: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Vestibule");
    params.distinguished_name.push(DnType::CommonName, format!("Vestibule {domain}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Puts a new certificate for `subject` into `directory` (`cert.pem` and `key.pem`), signed by the authority that is
/// there (`ca.pem` and `ca.key`), or by a new one where there is none. Returns the authority in PEM.
///
/// # Errors
/// When a file cannot be read or written.
pub(super) fn renew(directory: &Path, subject: &Subject<'_>, now: Timestamp) -> Result<String> {
    create_private_directory(directory)?;
    let (certificate_file, key_file) = (directory.join("ca.pem"), directory.join("ca.key"));
    let params = authority(subject.domain);
    let (key, pem) = if key_file.exists() && certificate_file.exists() {
        let key = std::fs::read_to_string(&key_file).with_context(|| format!("cannot read {}", key_file.display()))?;
        let key = KeyPair::from_pem(&key).with_context(|| format!("{} is no key", key_file.display()))?;
        let pem = std::fs::read_to_string(&certificate_file);
        (key, pem.with_context(|| format!("cannot read {}", certificate_file.display()))?)
    } else {
        let key = KeyPair::generate().context("no key can be had")?;
        let mut params = params.clone();
        date(&mut params, now, AUTHORITY_DAYS)?;
        let pem = params.self_signed(&key).context("the authority cannot be made")?.pem();
        write_private(&key_file, key.serialize_pem().as_bytes())?;
        write_private(&certificate_file, pem.as_bytes())?;
        (key, pem)
    };
    let names = vec![subject.host.to_owned(), subject.domain.to_owned()];
    let mut leaf = CertificateParams::new(names).context("a name is none")?;
    leaf.subject_alt_names.push(SanType::IpAddress(subject.address.into()));
    leaf.distinguished_name = DistinguishedName::new();
    leaf.distinguished_name.push(DnType::CommonName, subject.host);
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    date(&mut leaf, now, LEAF_DAYS)?;
    let leaf_key = KeyPair::generate().context("no key can be had")?;
    let signed = leaf.signed_by(&leaf_key, &Issuer::from_params(&params, &key));
    write_private(&directory.join("key.pem"), leaf_key.serialize_pem().as_bytes())?;
    write_private(&directory.join("cert.pem"), signed.context("the certificate cannot be signed")?.pem().as_bytes())?;
    Ok(pem)
}
