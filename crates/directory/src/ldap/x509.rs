//! The little of X.509 (RFC 5280) that Directory Service shows of a registered certificate.

use super::ber::{INTEGER, Reader, SEQUENCE, SET};
use base::Timestamp;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// `id-at-commonName`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0]`, the version.
const VERSION: u8 = 0xa0;

/// What is shown of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The subject's common name, or nothing.
    pub common_name: String,
    /// The end of its validity.
    pub not_after: Timestamp,
}

/// Reads the only certificate of a PEM text; `None` when it has none, or several, or it cannot be an authority.
pub fn read(pem: &str) -> Option<Summary> {
    let mut certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
    let certificate = certificates.next()?.ok()?;
    if certificates.next().is_some() {
        return None;
    }
    let summary = summary(&certificate)?;
    RootCertStore::empty().add(certificate).ok()?;
    Some(summary)
}

fn summary(der: &[u8]) -> Option<Summary> {
    let mut fields = Reader::new(Reader::new(Reader::new(der).expect(SEQUENCE)?).expect(SEQUENCE)?);
    if fields.peek() == Some(VERSION) {
        fields.next();
    }
    fields.expect(INTEGER)?;
    fields.expect(SEQUENCE)?;
    fields.expect(SEQUENCE)?;
    let mut validity = Reader::new(fields.expect(SEQUENCE)?);
    validity.next()?;
    let not_after = time(validity.next()?)?;
    let common_name = common_name(fields.expect(SEQUENCE)?).unwrap_or_default();
    Some(Summary { common_name, not_after })
}

fn common_name(name: &[u8]) -> Option<String> {
    let mut sets = Reader::new(name);
    while sets.peek().is_some() {
        let mut attribute = Reader::new(Reader::new(sets.expect(SET)?).expect(SEQUENCE)?);
        if attribute.expect(OBJECT_IDENTIFIER)? == COMMON_NAME {
            return attribute.next().map(|(_, text)| String::from_utf8_lossy(text).into_owned());
        }
    }
    None
}

/// The times of RFC 5280 §4.1.2.5.
fn time((tag, content): (u8, &[u8])) -> Option<Timestamp> {
    let text = std::str::from_utf8(content).ok()?;
    let text = match tag {
        UTC_TIME => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let (day, clock) = text.split_at_checked(8)?;
    Timestamp::parse_amz_date(&format!("{day}T{clock}"))
}
