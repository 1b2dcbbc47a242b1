//! Whatever arrives, nothing panics, and nothing unsigned is accepted.

use crate::canonical_form::LIMITS;
use crate::fixtures::{check, metadata, read, ten_o_clock_plus};
use federation::certificate::Certificate;
use federation::jwt::{self, KeySet};
use federation::keys::{PublicKey, SigningKey};
use federation::saml::metadata::Metadata;
use federation::saml::response::{Expectations, validate};
use federation::xml::{Document, normalize};
use proptest::prelude::*;
use std::sync::LazyLock;

static GOOD: LazyLock<String> = LazyLock::new(|| read("good-both-rsa-sha256.xml"));
static METADATA: LazyLock<String> = LazyLock::new(|| read("metadata.xml"));

/// Text made of the pieces XML is made of, so that more of it gets past the tokeniser.
fn markup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<a>"),
        Just("</a>"),
        Just("<a/>"),
        Just("<p:a xmlns:p='u' p:x=\"1\">"),
        Just("</p:a>"),
        Just("<!--"),
        Just("-->"),
        Just("<![CDATA["),
        Just("]]>"),
        Just("&amp;"),
        Just("&#x41;"),
        Just("<?xml version='1.0'?>"),
        Just("<!DOCTYPE a>"),
        Just("<?x?>"),
        Just("\""),
        Just("'"),
        Just("="),
        Just(" "),
        Just("é"),
        Just("\u{0}"),
        Just("<"),
        Just(">"),
        Just("&"),
        Just(";"),
        Just("xmlns=''"),
        Just("<a xmlns='u'>"),
        Just("/"),
        Just("\r\n"),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A document with a few bytes replaced, removed or repeated.
fn mutated(original: &'static LazyLock<String>) -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0usize..12, "[ -~]{0,6}|<a/>|<!---->|&amp;|é");
    proptest::collection::vec(change, 1..4).prop_map(move |changes| {
        let mut characters: Vec<char> = original.chars().collect();
        for (at, removed, inserted) in changes {
            let at = at.index(characters.len());
            let end = (at + removed).min(characters.len());
            characters.splice(at..end, inserted.chars());
        }
        characters.into_iter().collect()
    })
}

fn parse_and_canonicalise(text: &str) -> Option<String> {
    let text = normalize(text);
    let document = Document::parse(&text, &LIMITS).ok()?;
    Some(document.canonical(document.root(), None, &["p"]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let metadata = metadata();
        let expected = Expectations {
            metadata: &metadata, endpoints: &[], audiences: &[], now: ten_o_clock_plus(0), clock_skew_seconds: 0,
        };
        prop_assert!(validate(&text, &expected).is_err());
        prop_assert!(check(&text).is_err());
        prop_assert!(Metadata::parse(&text).is_err());
        let tokens = jwt::Expectations { issuer: "", audiences: &[""], now: ten_o_clock_plus(0), clock_skew_seconds: 0 };
        prop_assert!(jwt::verify(&text, &KeySet::default(), &tokens).is_err());
        let _ = KeySet::parse(&text);
        let _ = Certificate::from_base64(&text);
    }

    #[test]
    fn arbitrary_bytes_are_no_keys_or_certificates(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        prop_assert!(Certificate::from_der(&bytes).is_err());
        prop_assert!(PublicKey::from_spki(&bytes).is_err());
        prop_assert!(SigningKey::from_pkcs8(&bytes).is_err());
    }

    #[test]
    fn damaged_certificates_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let metadata = metadata();
        for certificate in &metadata.identity_providers()[0].certificates {
            let mut der = certificate.der().to_vec();
            let at = at.index(der.len());
            der[at] = byte;
            let _ = Certificate::from_der(&der);
            let _ = Certificate::from_der(&der[..at]);
        }
    }

    #[test]
    fn canonical_form_is_a_fixed_point(text in markup()) {
        if let Some(once) = parse_and_canonicalise(&text) {
            prop_assert_eq!(parse_and_canonicalise(&once), Some(once.clone()), "{}", text);
        }
    }

    #[test]
    fn a_mutated_response_never_says_anything_else(text in mutated(&GOOD)) {
        if let Ok(assertion) = check(&text) {
            prop_assert_eq!(assertion, check(&GOOD).expect("accepted"));
        }
    }

    #[test]
    fn mutated_metadata_never_panics(text in mutated(&METADATA)) {
        let _ = Metadata::parse(&text);
    }
}
