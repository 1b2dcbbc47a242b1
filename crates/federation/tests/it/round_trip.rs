//! What we sign, we accept.

use crate::fixtures::{ISSUER, SIGN_IN, check_at, ten_o_clock_plus};
use federation::certificate::Certificate;
use federation::keys::SigningKey;
use federation::saml::metadata::Metadata;
use federation::saml::response::ResponseError;
use federation::saml::sign::{
    IdentityProviderDescription, SignError, Signed, StatedAttribute, Statement, identity_provider_metadata, response,
    service_provider_metadata,
};
use federation::saml::{AWS_AUDIENCE, BINDING_POST, BINDING_REDIRECT, FORMAT_EMAIL_ADDRESS, FORMAT_PERSISTENT};

fn keys() -> Vec<SigningKey> {
    let pkcs8 = [SigningKey::generate_rsa_2048().expect("made"), SigningKey::generate_p256().expect("made")];
    pkcs8.iter().map(|pkcs8| SigningKey::from_pkcs8(pkcs8).expect("readable")).collect()
}

fn self_signed(key: &SigningKey) -> Certificate {
    let (start, end) = (ten_o_clock_plus(0), ten_o_clock_plus(100 * 365 * 86_400));
    Certificate::self_signed(key, "Vestibule <é>", [0x80; 16], start, end).expect("made")
}

fn own_metadata(certificate: &Certificate) -> Metadata {
    let text = identity_provider_metadata(&IdentityProviderDescription {
        entity_id: ISSUER,
        certificates: &[certificate],
        single_sign_on: &[
            (BINDING_POST, "https://idp.example.com/a?b&c"),
            (BINDING_REDIRECT, "https://idp.example.com/"),
        ],
        single_logout: &[(BINDING_REDIRECT, "https://idp.example.com/out")],
        name_id_formats: &[FORMAT_PERSISTENT, FORMAT_EMAIL_ADDRESS],
        valid_until: Some(ten_o_clock_plus(86_400)),
    });
    Metadata::parse(&text.expect("made")).expect("readable")
}

fn statement<'a>(name_id: &'a str, attributes: &'a [StatedAttribute<'a>]) -> Statement<'a> {
    Statement {
        response_id: "_1",
        assertion_id: "_2",
        in_response_to: Some("_3"),
        issuer: ISSUER,
        recipient: SIGN_IN,
        audience: AWS_AUDIENCE,
        name_id,
        name_id_format: FORMAT_PERSISTENT,
        session_index: "_4",
        authenticated_at: ten_o_clock_plus(-60),
        issued_at: ten_o_clock_plus(0),
        not_before: ten_o_clock_plus(-30),
        not_on_or_after: ten_o_clock_plus(300),
        attributes,
    }
}

#[test]
fn own_responses_are_accepted_with_own_metadata() {
    let values = ["a & b <c> \"d\" 'e' ]]>", "tab\there, line\nthere, return\rtoo", "é😀"];
    let attributes = [StatedAttribute { name: "urn:x?a=\"1\"&b=<2>\n", values: &values }];
    for key in keys() {
        let certificate = self_signed(&key);
        let metadata = own_metadata(&certificate);
        for signed in [Signed::Assertion, Signed::Response, Signed::Both] {
            let xml = response(&statement("alice<!-- -->&", &attributes), signed, &key, &certificate).expect("signed");
            let assertion = check_at(&xml, &metadata, ten_o_clock_plus(10)).expect("accepted");
            assert_eq!(assertion.name_id, "alice<!-- -->&");
            assert_eq!(assertion.in_response_to.as_deref(), Some("_3"));
            assert_eq!(assertion.values("urn:x?a=\"1\"&b=<2>\n"), values.map(|value| value.trim().to_owned()));
        }
    }
}

#[test]
fn own_metadata_says_what_it_was_given() {
    let key = &keys()[1];
    let certificate = self_signed(key);
    let metadata = own_metadata(&certificate);
    let provider = &metadata.identity_providers()[0];
    assert_eq!(provider.entity_id, ISSUER);
    assert_eq!(provider.certificates, [certificate]);
    assert_eq!(provider.single_sign_on[0].location, "https://idp.example.com/a?b&c");
    assert_eq!(provider.single_logout[0].binding, BINDING_REDIRECT);
    assert_eq!(metadata.valid_until(), Some(ten_o_clock_plus(86_400)));
}

#[test]
fn self_signed_certificates_read_back() {
    for key in keys() {
        let certificate = self_signed(&key);
        let read = Certificate::from_der(certificate.der()).expect("readable");
        assert_eq!(read.key(), key.public());
        assert_eq!(read.not_before(), ten_o_clock_plus(0));
        assert_eq!(read.not_after(), ten_o_clock_plus(100 * 365 * 86_400));
        assert_eq!(Certificate::from_base64(&read.base64()), Ok(read));
    }
    let key = &keys()[1];
    assert!(Certificate::self_signed(key, "", [1; 16], ten_o_clock_plus(0), ten_o_clock_plus(1)).is_err());
}

#[test]
fn another_key_of_the_same_kind_does_not_vouch() {
    for (key, other) in keys().iter().zip(&keys()) {
        let xml = response(&statement("alice", &[]), Signed::Both, key, &self_signed(key)).expect("signed");
        let metadata = own_metadata(&self_signed(other));
        let outcome = check_at(&xml, &metadata, ten_o_clock_plus(10));
        assert!(matches!(outcome, Err(ResponseError::Signature(_))), "{outcome:?}");
    }
}

#[test]
fn values_that_xml_cannot_carry_are_refused() {
    let key = &keys()[1];
    let outcome = response(&statement("a\u{0}b", &[]), Signed::Assertion, key, &self_signed(key));
    assert!(matches!(outcome, Err(SignError::Value(_))));
}

#[test]
fn service_provider_metadata_is_no_identity_provider() {
    let text =
        service_provider_metadata("urn:sp", "https://sp.example.com/acs", &[FORMAT_EMAIL_ADDRESS]).expect("made");
    assert!(text.contains("Location=\"https://sp.example.com/acs\""));
    assert_eq!(Metadata::parse(&text), Err(federation::saml::metadata::MetadataError::NoIdentityProvider));
}
