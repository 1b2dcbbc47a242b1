//! Documents that other implementations signed are accepted and understood.

use crate::fixtures::{ISSUER, SIGN_IN, check, check_at, metadata, names, read, ten_o_clock_plus};
use federation::keys::KeyKind;
use federation::saml::claims::{SessionClaims, context_keys, name_qualifier};
use federation::saml::metadata::{Metadata, MetadataError};
use federation::saml::response::ResponseError;

#[test]
fn every_independently_signed_document_is_accepted() {
    let names = names("good-");
    assert!(names.len() >= 16, "fixtures are missing: {names:?}");
    for name in names {
        let assertion = check(&read(&name)).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(assertion.name_id, "alice@example.com", "{name}");
        assert_eq!(assertion.issuer, ISSUER, "{name}");
    }
}

#[test]
fn the_facts_of_an_assertion_are_read() {
    let assertion = check(&read("good-assertion-rsa-sha256.xml")).expect("accepted");
    assert_eq!(assertion.id, "_assertion");
    assert_eq!(assertion.in_response_to.as_deref(), Some("_request"));
    assert_eq!(assertion.recipient, SIGN_IN);
    assert_eq!(assertion.audience, "urn:amazon:webservices");
    assert_eq!(assertion.subject_type(), "persistent");
    assert_eq!(assertion.not_on_or_after, ten_o_clock_plus(300));
    assert_eq!(assertion.session_index.as_deref(), Some("_session"));
    assert_eq!(assertion.session_not_on_or_after, Some(ten_o_clock_plus(8 * 3_600)));
}

#[test]
fn aws_attributes_are_read_with_roles_in_either_order() {
    let assertion = check(&read("good-response-rsa-sha256.xml")).expect("accepted");
    let claims = SessionClaims::from_assertion(&assertion).expect("valid claims");
    let provider = "arn:aws:iam::123456789012:saml-provider/Example";
    assert_eq!(claims.roles.len(), 2);
    assert_eq!(claims.check_role("arn:aws:iam::123456789012:role/team/Admin", provider), Ok(()));
    assert_eq!(claims.check_role("arn:aws:iam::123456789012:role/Reader", provider), Ok(()));
    assert!(claims.check_role("arn:aws:iam::123456789012:role/Other", provider).is_err());
    assert!(claims.check_role(provider, "arn:aws:iam::123456789012:role/Reader").is_err());
    assert_eq!(claims.role_session_name, "alice@example.com");
    assert_eq!(claims.session_duration, Some(7_200));
    assert_eq!(claims.principal_tags, [("Team".to_owned(), "R&D <é😀>".to_owned())]);
    assert_eq!(claims.transitive_tag_keys, ["Team"]);
    assert_eq!(claims.source_identity.as_deref(), Some("alice"));
}

#[test]
fn condition_keys_come_from_the_assertion() {
    let assertion = check(&read("good-response-rsa-sha256.xml")).expect("accepted");
    let keys = context_keys(&assertion, "123456789012", "Example");
    let value = |key: &str| keys.iter().find(|(known, _)| known == key).map(|(_, values)| values.join("|"));
    assert_eq!(value("saml:aud").as_deref(), Some(SIGN_IN));
    assert_eq!(value("saml:iss").as_deref(), Some(ISSUER));
    assert_eq!(value("saml:sub").as_deref(), Some("alice@example.com"));
    assert_eq!(value("saml:sub_type").as_deref(), Some("persistent"));
    assert_eq!(value("saml:doc").as_deref(), Some("123456789012/Example"));
    assert_eq!(value("saml:eduPersonAffiliation").as_deref(), Some("staff|member"));
    assert_eq!(value("saml:mail"), None);
}

#[test]
fn the_name_qualifier_is_the_hash_of_issuer_account_and_provider() {
    // Computed with: printf 'https://example.com/saml123456789012/MySAMLIdP' | openssl sha1 -binary | base64
    assert_eq!(name_qualifier("https://example.com/saml", "123456789012", "MySAMLIdP"), "1uAJanUnBc2XeUkHURMht+xam2c=");
}

#[test]
fn references_and_line_ends_mean_what_xml_says() {
    let assertion = check(&read("good-assertion-odd-characters.xml")).expect("accepted");
    assert_eq!(assertion.values("urn:oid:1.3.6.1.4.1.5923.1.1.1.1"), ["staff\r\n\ttab", "member"]);
    assert_eq!(assertion.session_index.as_deref(), Some("\t\" '<\n"));
}

#[test]
fn metadata_is_read() {
    let metadata = metadata();
    let provider = metadata.by_entity_id(ISSUER).expect("known");
    let kinds: Vec<_> = provider.certificates.iter().map(|certificate| certificate.key().kind()).collect();
    assert_eq!(kinds, [KeyKind::Rsa, KeyKind::EcP256, KeyKind::EcP384]);
    assert_eq!(provider.certificates[0].not_after().iso8601(), "2126-01-01T00:00:00Z");
    assert_eq!(provider.single_sign_on.len(), 2);
    assert_eq!(provider.single_sign_on[0].location, "https://idp.example.com/sso?a=1&b=2");
    assert_eq!(provider.single_logout.len(), 1);
    assert!(provider.wants_signed_requests);
    assert_eq!(metadata.valid_until().map(|until| until.iso8601()).as_deref(), Some("2126-01-01T00:00:00Z"));
}

#[test]
fn metadata_with_byte_order_mark_or_windows_line_ends_is_read() {
    let text = format!("\u{feff}{}", read("metadata.xml").replace('\n', "\r\n"));
    assert_eq!(Metadata::parse(&text), Ok(metadata()));
}

#[test]
fn several_identity_providers_in_one_document_are_told_apart() {
    let one = read("metadata.xml");
    let one = &one[one.find("<md:EntityDescriptor").expect("present")..];
    let two = one.replace(ISSUER, "https://second.example.com/");
    let both = |a: &str, b: &str| {
        format!(
            "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">{a}{b}</md:EntitiesDescriptor>"
        )
    };
    let parsed = Metadata::parse(&both(one, &two)).expect("valid");
    assert!(parsed.by_entity_id(ISSUER).is_some() && parsed.by_entity_id("https://second.example.com/").is_some());
    assert_eq!(Metadata::parse(&both(one, one)), Err(MetadataError::DuplicateEntityId(ISSUER.to_owned())));
}

#[test]
fn unusable_metadata_is_refused_with_the_reason() {
    let good = read("metadata.xml");
    let refused = |text: &str| Metadata::parse(text).expect_err("refused");
    assert!(matches!(refused(&read("metadata-rsa-1024.xml")), MetadataError::Certificate(_)));
    assert_eq!(refused(&good.replace("IDPSSODescriptor", "SPSSODescriptor")), MetadataError::NoIdentityProvider);
    assert_eq!(refused(&good.replace("SAML:2.0:protocol", "SAML:1.1:protocol")), MetadataError::NoIdentityProvider);
    assert_eq!(
        refused(&good.replace("use=\"signing\"", "use=\"encryption\"")),
        MetadataError::NoCertificate(ISSUER.to_owned())
    );
    assert_eq!(refused(&good.replace(ISSUER, "")), MetadataError::EntityId);
    assert_eq!(refused(&good.replace("Location=\"https://idp.example.com/slo\"", "")), MetadataError::Endpoint);
    assert_eq!(refused(&good.replace("2126-01-01T00:00:00Z", "soon")), MetadataError::ValidUntil);
    assert_eq!(refused("<a/>"), MetadataError::NotMetadata);
    assert!(matches!(refused(&good.replace("MII", "!!!")), MetadataError::Certificate(_)));
    assert!(matches!(refused(&good.replace("<!-- written by hand -->", "<!DOCTYPE a>")), MetadataError::Xml(_)));
    assert_eq!(Metadata::parse_for_saml_provider("<a/>"), Err(MetadataError::Length { characters: 4 }));
    assert_eq!(refused(&" ".repeat(10_000_001)), MetadataError::Length { characters: 10_000_001 });
}

#[test]
fn expired_metadata_no_longer_vouches_for_anybody() {
    let text = read("metadata.xml").replace("validUntil=\"2126-01-01", "validUntil=\"2026-11-22");
    let metadata = Metadata::parse(&text).expect("valid");
    let outcome = check_at(&read("good-assertion-lxml.xml"), &metadata, ten_o_clock_plus(60));
    assert_eq!(outcome, Err(ResponseError::MetadataExpired));
}
