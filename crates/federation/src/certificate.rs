//! X.509 certificates as carriers of a key: reading those of metadata, making our own.
//!
//! No chain is built and no issuer is trusted: in SAML a certificate is trusted because it stands in the metadata that
//! an administrator registered.

use crate::der;
use crate::keys::{Hash, KeyError, PublicKey, SignatureScheme, SigningKey, ecdsa_der};
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Largest certificate that is read, in bytes of DER.
pub const MAXIMUM_CERTIFICATE_BYTES: usize = 16_384;
/// Longest common name (`ub-common-name` of RFC 5280), in characters.
const MAXIMUM_COMMON_NAME: usize = 64;

/// `id-at-commonName`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `sha256WithRSAEncryption` (RFC 4055).
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
/// `ecdsa-with-SHA256` (RFC 5758).
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// `ecdsa-with-SHA384` (RFC 5758).
const ECDSA_WITH_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];

/// Why a certificate cannot be used or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not base64, or not a DER certificate.
    #[error("the certificate is not a correctly encoded X.509 certificate")]
    Encoding,
    /// Its key cannot be used.
    #[error("the certificate's key cannot be used: {0}")]
    Key(#[from] KeyError),
    /// A common name that is empty or too long.
    #[error("the common name must have 1 to 64 characters")]
    CommonName,
}

/// A certificate whose key can verify signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    key: PublicKey,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Certificate {
    /// Reads DER.
    pub fn from_der(bytes: &[u8]) -> Result<Self, CertificateError> {
        if bytes.len() > MAXIMUM_CERTIFICATE_BYTES {
            return Err(CertificateError::Encoding);
        }
        let (spki, not_before, not_after) = fields(bytes).ok_or(CertificateError::Encoding)?;
        Ok(Self { der: bytes.to_vec(), key: PublicKey::from_spki(spki)?, not_before, not_after })
    }

    /// Reads the base64 of an `X509Certificate` element; white space is ignored.
    pub fn from_base64(text: &str) -> Result<Self, CertificateError> {
        if text.len() > MAXIMUM_CERTIFICATE_BYTES * 2 {
            return Err(CertificateError::Encoding);
        }
        let compact: String = text.split_ascii_whitespace().collect();
        Self::from_der(&STANDARD.decode(compact).map_err(|_| CertificateError::Encoding)?)
    }

    /// A self-signed certificate for `key`. `serial` is random, 16 bytes; `common_name` is both subject and issuer.
    pub fn self_signed(
        key: &SigningKey,
        common_name: &str,
        serial: [u8; 16],
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> Result<Self, CertificateError> {
        if common_name.is_empty() || common_name.chars().count() > MAXIMUM_COMMON_NAME {
            return Err(CertificateError::CommonName);
        }
        let algorithm = match key.scheme() {
            SignatureScheme::Ecdsa(Hash::Sha256) => {
                der::constructed(der::SEQUENCE, &[&der::value(der::OBJECT_IDENTIFIER, ECDSA_WITH_SHA256)])
            }
            SignatureScheme::Ecdsa(_) => {
                der::constructed(der::SEQUENCE, &[&der::value(der::OBJECT_IDENTIFIER, ECDSA_WITH_SHA384)])
            }
            _ => {
                let identifier = der::value(der::OBJECT_IDENTIFIER, SHA256_WITH_RSA);
                der::constructed(der::SEQUENCE, &[&identifier, &der::value(der::NULL, &[])])
            }
        };
        let attribute = der::constructed(
            der::SEQUENCE,
            &[&der::value(der::OBJECT_IDENTIFIER, COMMON_NAME), &der::value(der::UTF8_STRING, common_name.as_bytes())],
        );
        let name = der::constructed(der::SEQUENCE, &[&der::constructed(der::SET, &[&attribute])]);
        let validity = der::constructed(der::SEQUENCE, &[&der::time_value(not_before), &der::time_value(not_after)]);
        // Version 3 is written as 2 (RFC 5280 §4.1.2.1).
        let version = der::constructed(der::CONTEXT_0, &[&der::unsigned_integer(&[2])]);
        let serial = der::unsigned_integer(&serial);
        let parts = [&version, &serial, &algorithm, &name, &validity, &name].map(Vec::as_slice).concat();
        let to_be_signed = der::constructed(der::SEQUENCE, &[&parts, key.public().spki()]);
        let signature = key.sign(&to_be_signed)?;
        let signature = match key.scheme() {
            SignatureScheme::Ecdsa(_) => ecdsa_der(&signature),
            _ => signature,
        };
        Self::from_der(&der::constructed(der::SEQUENCE, &[&to_be_signed, &algorithm, &der::bit_string(&signature)]))
    }

    /// The whole certificate.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The whole certificate in base64 without line breaks, as `X509Certificate` elements carry it.
    pub fn base64(&self) -> String {
        STANDARD.encode(&self.der)
    }

    /// The certified key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Start of validity. Not enforced: the registration in metadata is what counts.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// End of validity. Not enforced, see [`Certificate::not_before`].
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

/// `SubjectPublicKeyInfo` and validity of a certificate (RFC 5280 §4.1).
fn fields(bytes: &[u8]) -> Option<(&[u8], Timestamp, Timestamp)> {
    let mut certificate = der::Reader::new(der::only(bytes, der::SEQUENCE)?);
    let mut inner = der::Reader::new(certificate.expect(der::SEQUENCE)?.content);
    certificate.expect(der::SEQUENCE)?;
    certificate.expect(der::BIT_STRING)?;
    if !certificate.is_empty() {
        return None;
    }
    let first = inner.next()?;
    // The version is optional; without it the first value is the serial number.
    if first.tag == der::CONTEXT_0 {
        inner.expect(der::INTEGER)?;
    } else if first.tag != der::INTEGER {
        return None;
    }
    inner.expect(der::SEQUENCE)?;
    inner.expect(der::SEQUENCE)?;
    let mut validity = der::Reader::new(inner.expect(der::SEQUENCE)?.content);
    let (not_before, not_after) = (der::time(validity.next()?)?, der::time(validity.next()?)?);
    inner.expect(der::SEQUENCE)?;
    Some((inner.expect(der::SEQUENCE)?.bytes, not_before, not_after))
}
