//! The documents of `tests/data` and what they are checked against.

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use federation::saml::metadata::Metadata;
use federation::saml::response::{Assertion, Expectations, ResponseError, validate};
use std::path::PathBuf;

pub const SIGN_IN: &str = "https://signin.aws.amazon.com/saml";
pub const ISSUER: &str = "https://idp.example.com/metadata";

pub fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

pub fn read(name: &str) -> String {
    std::fs::read_to_string(directory().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names of all fixtures that begin so, sorted.
pub fn names(prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(directory()).expect("the directory exists");
    let names = entries.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"));
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    names
}

pub fn metadata() -> Metadata {
    Metadata::parse(&read("metadata.xml")).expect("valid metadata")
}

/// An instant of the day the fixtures were issued, at ten o'clock and so many seconds.
pub fn ten_o_clock_plus(seconds: i64) -> Timestamp {
    Timestamp::parse_iso8601("2026-11-22T10:00:00Z").expect("valid").plus_seconds(seconds)
}

pub fn check_at(xml: &str, metadata: &Metadata, now: Timestamp) -> Result<Assertion, ResponseError> {
    let expected = Expectations {
        metadata,
        endpoints: &["https://us-east-1.signin.aws.amazon.com/saml", SIGN_IN],
        audiences: &["urn:amazon:webservices", SIGN_IN],
        now,
        clock_skew_seconds: 60,
    };
    validate(&STANDARD.encode(xml), &expected)
}

pub fn check(xml: &str) -> Result<Assertion, ResponseError> {
    check_at(xml, &metadata(), ten_o_clock_plus(60))
}
