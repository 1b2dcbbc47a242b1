//! Documents that must be refused, each for its own reason.

use crate::fixtures::{SIGN_IN, check, check_at, metadata, names, read, ten_o_clock_plus};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use federation::RejectionCode;
use federation::saml::metadata::Metadata;
use federation::saml::response::{Expectations, ResponseError, validate};
use federation::saml::signature::SignatureError;
use federation::xml::{Limit, XmlError};

/// The part of a document from the first `start` to the last `end`, both included.
fn part<'a>(xml: &'a str, start: &str, end: &str) -> &'a str {
    let from = xml.find(start).expect("the start is there");
    &xml[from..xml.rfind(end).expect("the end is there") + end.len()]
}

fn assertion_of(xml: &str) -> &str {
    part(xml, "<saml:Assertion", "</saml:Assertion>")
}

fn signature_of(xml: &str) -> &str {
    part(xml, "<ds:Signature ", "</ds:Signature>")
}

/// The assertion for somebody else, unsigned, with another ID.
fn evil(assertion: &str) -> String {
    let unsigned = assertion.replace(signature_of(assertion), "");
    unsigned.replace("alice", "mallory").replace("ID=\"_assertion\"", "ID=\"_evil\"")
}

fn replaced_once(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "nothing to replace: {from}");
    text.replacen(from, to, 1)
}

fn signature_error(outcome: &ResponseError) -> Option<&SignatureError> {
    match outcome {
        ResponseError::Signature(error) => Some(error),
        _ => None,
    }
}

#[test]
fn every_bad_fixture_is_refused_for_its_own_reason() {
    use ResponseError as E;
    use SignatureError as S;
    let algorithm = |uri: &str| E::Signature(S::Algorithm(uri.to_owned()));
    let fits = |name: &str, error: &E| match name {
        "two-confirmations" | "no-confirmation" | "holder-of-key" | "no-recipient" | "no-confirmation-end" => {
            *error == E::SubjectConfirmation
        }
        "other-recipient" => *error == E::Recipient,
        "other-destination" | "no-destination" => *error == E::Destination,
        "other-audience" | "second-audience-restriction" | "no-audience" => *error == E::Audience,
        "other-issuer" | "other-response-issuer" => *error == E::Issuer,
        "conditions-expired" | "confirmation-expired" | "session-over" => *error == E::Expired,
        "not-yet-valid" => *error == E::NotYetValid,
        "status" => matches!(error, E::Status { code, .. } if code.ends_with(":Responder")),
        "encrypted-assertion" => *error == E::Encrypted,
        "two-assertions" | "unsigned-second-assertion" => *error == E::AssertionCount,
        "no-conditions"
        | "unknown-condition"
        | "no-name-id"
        | "empty-name-id"
        | "name-id-with-element"
        | "encrypted-id"
        | "bad-time"
        | "version-1" => matches!(error, E::Structure(_)),
        "sha1-signature" => *error == algorithm("http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        "sha1-digest" => *error == algorithm("http://www.w3.org/2000/09/xmldsig#sha1"),
        "hmac-with-public-key" => *error == algorithm("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
        "inclusive-transform" | "inclusive-method" => {
            *error == algorithm("http://www.w3.org/TR/2001/REC-xml-c14n-20010315")
        }
        "transform-with-comments" => *error == algorithm("http://www.w3.org/2001/10/xml-exc-c14n#WithComments"),
        "attacker-key" | "attacker-key-own-certificate" | "ec-method-with-rsa-key" => *error == E::Signature(S::Key),
        "external-uri" | "file-uri" | "xpointer-uri" | "no-uri" | "empty-uri-in-assertion" | "reference-elsewhere" => {
            *error == E::Signature(S::Reference)
        }
        "hmac-output-length"
        | "xpath-transform"
        | "xslt-transform"
        | "base64-transform"
        | "no-transforms"
        | "enveloped-only"
        | "two-references"
        | "object-in-signature" => {
            matches!(error, E::Signature(S::Profile(_)))
        }
        _ => panic!("no reason stated for {name}: {error:?}"),
    };
    let names = names("bad-");
    assert!(names.len() >= 50, "fixtures are missing: {names:?}");
    for file in names {
        let error = check(&read(&file)).expect_err(&file);
        let name = file.strip_prefix("bad-").and_then(|name| name.strip_suffix(".xml")).expect("that form");
        assert!(fits(name, &error), "{file}: {error:?}");
    }
}

#[test]
fn assertions_wrapped_around_a_signed_assertion_are_refused() {
    let good = read("good-assertion-lxml.xml");
    let assertion = assertion_of(&good);
    let signature = signature_of(assertion);
    let evil = evil(assertion);
    let unsigned = assertion.replace(signature, "");
    let in_evil = |inner: &str| evil.replace("</saml:Issuer>", &format!("</saml:Issuer>{inner}"));
    let with_object =
        |inner: &str| signature.replace("</ds:Signature>", &format!("<ds:Object>{inner}</ds:Object></ds:Signature>"));
    let extensions = format!("<samlp:Extensions>{evil}</samlp:Extensions>");
    let hidden = format!("<samlp:Extensions>{assertion}</samlp:Extensions>");
    let variants = [
        ("before", format!("{evil}{assertion}")),
        ("after", format!("{assertion}{evil}")),
        ("around", in_evil(assertion)),
        ("around, at the end", evil.replace("</saml:Assertion>", &format!("{assertion}</saml:Assertion>"))),
        ("signature taken over, original after", format!("{}{unsigned}", in_evil(signature))),
        ("signature taken over, original before", format!("{unsigned}{}", in_evil(signature))),
        (
            "original inside the signature",
            in_evil(&signature.replace("</ds:SignatureValue>", &format!("</ds:SignatureValue>{unsigned}"))),
        ),
        ("original in an Object", in_evil(&with_object(&unsigned))),
        ("evil in Extensions", format!("{extensions}{assertion}")),
        ("original in Extensions", format!("{hidden}{evil}")),
        ("evil in the signed assertion's Object", assertion.replace(signature, &with_object(&evil))),
    ];
    for (name, wrapped) in variants {
        for same_id in [false, true] {
            let wrapped = if same_id { wrapped.replace("\"_evil\"", "\"_assertion\"") } else { wrapped.clone() };
            let outcome = check(&good.replace(assertion, &wrapped));
            assert_eq!(outcome, Err(ResponseError::AssertionCount), "{name}");
        }
    }
    let alone = check(&good.replace(assertion, &in_evil(signature)));
    assert_eq!(alone, Err(ResponseError::Signature(SignatureError::Reference)));
    let same_id = in_evil(signature).replace("\"_evil\"", "\"_assertion\"");
    assert_eq!(check(&good.replace(assertion, &same_id)), Err(ResponseError::Signature(SignatureError::Digest)));
}

#[test]
fn responses_wrapped_around_a_signed_response_are_refused() {
    let good = read("good-response-rsa-sha256.xml");
    let response = part(&good, "<samlp:Response", "</samlp:Response>");
    let signature = signature_of(&good);
    let original = response.replace(signature, "");
    let evil = original.replace("alice", "mallory").replace("ID=\"_response\"", "ID=\"_evil\"");
    let evil = evil.replace("ID=\"_assertion\"", "ID=\"_evil_assertion\"");
    let object = signature.replace("</ds:Signature>", &format!("<ds:Object>{original}</ds:Object></ds:Signature>"));
    let into_evil = |inner: &str| replaced_once(&evil, "</saml2:Issuer>", &format!("</saml2:Issuer>{inner}"));
    let variants = [
        ("original in an Object", into_evil(&object)),
        ("original before the signature", into_evil(&format!("{original}{signature}"))),
        ("original after the signature", into_evil(&format!("{signature}{original}"))),
        ("original in Extensions", into_evil(&format!("{signature}<samlp:Extensions>{original}</samlp:Extensions>"))),
        (
            "original at the end",
            into_evil(signature).replace("</samlp:Response>", &format!("{original}</samlp:Response>")),
        ),
    ];
    for (name, wrapped) in variants {
        assert_eq!(check(&wrapped), Err(ResponseError::AssertionCount), "{name}");
    }
    let taken = check(&into_evil(signature));
    assert_eq!(taken, Err(ResponseError::Signature(SignatureError::Reference)));
}

#[test]
fn a_signature_in_an_unexpected_place_does_not_count() {
    let good = read("good-assertion-lxml.xml");
    let signature = signature_of(&good);
    let without = good.replace(signature, "");
    assert_eq!(check(&without), Err(ResponseError::Signature(SignatureError::Missing)));
    let status = replaced_once(&without, "</samlp:Status>", &format!("{signature}</samlp:Status>"));
    assert_eq!(check(&status), Err(ResponseError::Signature(SignatureError::Misplaced)));
    let twice = good.replace(signature, &format!("{signature}{signature}"));
    assert_eq!(check(&twice), Err(ResponseError::Signature(SignatureError::Misplaced)));
    let in_subject = replaced_once(&without, "</saml:Subject>", &format!("{signature}</saml:Subject>"));
    assert_eq!(check(&in_subject), Err(ResponseError::Signature(SignatureError::Misplaced)));
    let moved_up = replaced_once(&without, "</saml2:Issuer>", &format!("</saml2:Issuer>{signature}"));
    assert_eq!(check(&moved_up), Err(ResponseError::Signature(SignatureError::Reference)));
    let third = replaced_once(&good, "</samlp:Status>", &format!("{signature}</samlp:Status>"));
    assert_eq!(check(&third), Err(ResponseError::Signature(SignatureError::Misplaced)));
}

#[test]
fn both_signatures_must_be_valid_when_there_are_two() {
    let good = read("good-both-rsa-sha256.xml");
    let second = good.rfind("<ds:SignatureValue>").expect("two signatures");
    let position = second + "<ds:SignatureValue>".len() + 5;
    let changed = if &good[position..=position] == "A" { "B" } else { "A" };
    let broken = format!("{}{changed}{}", &good[..position], &good[position + 1..]);
    let outcome = check(&broken).expect_err("refused");
    assert!(signature_error(&outcome).is_some(), "{outcome:?}");
}

#[test]
fn changed_content_is_refused() {
    for name in ["good-assertion-lxml.xml", "good-response-rsa-sha256.xml", "good-assertion-ec-p256.xml"] {
        let good = read(name);
        let digest = SignatureError::Digest;
        for (from, to) in [
            ("alice@example.com<", "mallory@example.com<"),
            ("role/team/Admin", "role/team/Owner"),
            (">7200<", ">7201<"),
        ] {
            let changed = replaced_once(&good, from, to);
            assert_eq!(check(&changed), Err(ResponseError::Signature(digest.clone())), "{name}");
        }
        let signed_info = replaced_once(&good, "<ds:SignedInfo>", "<ds:SignedInfo Id=\"x\">");
        assert_eq!(check(&signed_info), Err(ResponseError::Signature(SignatureError::Key)), "{name}");
        let text = replaced_once(&good, "</ds:SignedInfo>", "</ds:SignedInfo>text");
        let outcome = check(&text).expect_err("refused");
        assert!(matches!(signature_error(&outcome), Some(SignatureError::Profile(_))), "{name}: {outcome:?}");
        let value = part(&good, "<ds:SignatureValue>", "</ds:SignatureValue>");
        let empty = good.replace(value, "<ds:SignatureValue></ds:SignatureValue>");
        assert_eq!(check(&empty), Err(ResponseError::Signature(SignatureError::Key)), "{name}");
    }
}

#[test]
fn a_registered_key_vouches_only_for_its_own_provider() {
    let attacker = Metadata::parse(&read("metadata-attacker.xml")).expect("valid");
    let good = read("good-assertion-lxml.xml");
    let outcome = check_at(&good, &attacker, ten_o_clock_plus(60));
    assert_eq!(outcome, Err(ResponseError::Signature(SignatureError::Key)));
    let accepted = check_at(&read("bad-attacker-key.xml"), &attacker, ten_o_clock_plus(60));
    assert!(accepted.is_ok(), "the document is refused for its key alone: {accepted:?}");
}

#[test]
fn comments_and_instructions_inside_values_are_refused() {
    let good = read("good-assertion-lxml.xml");
    for (from, to) in [
        ("alice@example.com<", "alice@example.com<!-- -->.evil.example<"),
        ("alice@example.com<", "<!-- -->alice@example.com<"),
        ("alice@example.com<", "alice@<!---->example.com<"),
        ("role/team/Admin", "role/team/<!-- x -->Admin"),
        ("<saml:Audience>urn", "<saml:Audience><!-- x -->urn"),
        (".com/metadata</saml:Issuer>", "<!-- x -->.com/metadata</saml:Issuer>"),
    ] {
        let outcome = check(&replaced_once(&good, from, to));
        assert!(matches!(outcome, Err(ResponseError::Xml(XmlError::CommentBesideText { .. }))), "{to}: {outcome:?}");
    }
    let instruction = replaced_once(&good, "alice@", "alice<?x y?>@");
    assert_eq!(check(&instruction), Err(ResponseError::Xml(XmlError::ProcessingInstruction)));
    // The same characters spelt otherwise are the same name, read whole.
    let spelt = replaced_once(&good, "alice@example.com<", "&#97;lice<![CDATA[@]]>example.com<");
    assert_eq!(check(&spelt).map(|assertion| assertion.name_id).as_deref(), Ok("alice@example.com"));
}

#[test]
fn document_types_and_entities_are_refused() {
    let good = read("good-assertion-lxml.xml");
    let root = "<samlp:Response";
    for declaration in [
        "<!DOCTYPE r>",
        "<!DOCTYPE r SYSTEM \"https://evil.example/x.dtd\">",
        "<!DOCTYPE r [<!ENTITY a \"alice\">]>",
        "<!DOCTYPE r [<!ENTITY a SYSTEM \"file:///etc/hostname\">]>",
        "<!DOCTYPE r [<!ENTITY % a SYSTEM \"https://evil.example/\"> %a;]>",
        "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;\">]>",
        "<!DOCTYPE r [<!ATTLIST samlp:Response ID ID #IMPLIED>]>",
        "<!doctype r>",
    ] {
        let outcome = check(&replaced_once(&good, root, &format!("{declaration}{root}")));
        assert!(matches!(outcome, Err(ResponseError::Xml(_))), "{declaration}: {outcome:?}");
    }
    let undeclared = check(&replaced_once(&good, "alice@", "&a;@"));
    assert!(matches!(undeclared, Err(ResponseError::Xml(XmlError::NotWellFormed { .. }))));
}

#[test]
fn duplicate_ids_are_refused_however_they_are_spelt() {
    let good = read("good-assertion-lxml.xml");
    for attribute in
        ["ID=\"_assertion\"", "Id=\"_assertion\"", "id=\"_assertion\"", "xml:id=\"_assertion\"", "ID=\"_response\""]
    {
        let changed = replaced_once(&good, "<samlp:Status>", &format!("<samlp:Status {attribute}>"));
        let outcome = check(&changed).expect_err("refused");
        assert!(matches!(signature_error(&outcome), Some(SignatureError::DuplicateId(_))), "{attribute}: {outcome:?}");
    }
}

#[test]
fn documents_that_would_cost_too_much_are_refused_before_their_signature_is_looked_at() {
    let good = read("good-assertion-lxml.xml");
    let status = |attributes: &str, inner: &str| {
        let start = format!("<samlp:Status{attributes}>{inner}");
        replaced_once(&good, "<samlp:Status>", &start)
    };
    let list = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<String>();
    let deep = format!("{}{}", "<a>".repeat(60), "</a>".repeat(60));
    let declarations = list(63, &|n| format!("<a xmlns:p{n}=\"u{n}\"/>"));
    let nested = format!("{}{}", list(35, &|n| format!("<a xmlns:p{n}=\"u\" xmlns:q{n}=\"v\">")), "</a>".repeat(35));
    let too_large = [
        (Limit::AttributesOfAnElement, status(&list(2_000, &|n| format!(" a{n}=\"\"")), "")),
        (Limit::AttributesOfAnElement, status(&list(2_000, &|n| format!(" xmlns:a{n}=\"u{n}\"")), "")),
        (Limit::NamespaceDeclarations, status("", &declarations.repeat(20))),
        (Limit::NamespacesInScope, status("", &nested)),
        (Limit::Depth, status("", &deep)),
        (Limit::Elements, status("", &"<a/>".repeat(10_001))),
    ];
    for (limit, xml) in too_large {
        let outcome = check(&xml).expect_err("refused");
        let found = matches!(&outcome, ResponseError::Xml(XmlError::TooLarge { limit: found, .. }) if *found == limit);
        assert!(found, "{limit}: {outcome:?}");
    }
    assert_eq!(check(&format!("{good}{}", " ".repeat(80_000))), Err(ResponseError::TooLong));
}

#[test]
fn what_is_not_base64_of_a_response_is_refused() {
    let metadata = metadata();
    let expected = Expectations {
        metadata: &metadata,
        endpoints: &[SIGN_IN],
        audiences: &["urn:amazon:webservices"],
        now: ten_o_clock_plus(60),
        clock_skew_seconds: 0,
    };
    for text in ["%%%", "PHhtbD4", "PHhtbD4===", "gICA", "PHNhbWw+\u{e9}", "<samlp:Response/>"] {
        assert_eq!(validate(text, &expected), Err(ResponseError::Base64), "{text}");
    }
    let utf16: Vec<u8> = read("good-assertion-lxml.xml").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(validate(&STANDARD.encode(utf16), &expected).is_err());
    for xml in ["", "text", "<Response/>", "<a:Response xmlns:a=\"urn:oasis:names:tc:SAML:1.0:protocol\"/>"] {
        assert!(validate(&STANDARD.encode(xml), &expected).is_err(), "{xml}");
    }
    // Mail-style line breaks are no reason to refuse.
    let wrapped: Vec<u8> = STANDARD.encode(read("good-assertion-lxml.xml")).into_bytes();
    let wrapped: Vec<&str> = wrapped.chunks(76).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    assert!(validate(&wrapped.join("\r\n"), &expected).is_ok());
}

#[test]
fn a_response_counts_for_five_minutes() {
    let good = read("good-assertion-lxml.xml");
    let metadata = metadata();
    let at = |seconds| check_at(&good, &metadata, ten_o_clock_plus(seconds));
    assert!(at(0).is_ok());
    assert!(at(299).is_ok());
    assert_eq!(at(300), Err(ResponseError::Expired));
    assert!(at(-60).is_ok());
    assert_eq!(at(-61), Err(ResponseError::NotYetValid));
    // A longer life stated by the issuer does not help.
    let patient = read("good-long-lived.xml");
    assert!(check_at(&patient, &metadata, ten_o_clock_plus(300)).is_ok());
    let error = check_at(&patient, &metadata, ten_o_clock_plus(301)).expect_err("too old");
    assert_eq!(error, ResponseError::TooOld);
    let rejection = error.rejection();
    assert_eq!(rejection.code, RejectionCode::ExpiredTokenException);
    assert_eq!(rejection.message, "Token must be redeemed within 5 minutes of issuance");
}

#[test]
fn refusals_are_reported_as_sts_does() {
    let rejection = |name: &str| check(&read(name)).expect_err("refused").rejection();
    let signature = rejection("bad-attacker-key.xml");
    assert_eq!(
        (signature.code.code(), signature.message.as_str()),
        ("InvalidIdentityToken", "Response signature invalid")
    );
    assert_eq!(rejection("bad-other-issuer.xml").message, "Issuer not present in specified provider");
    let status = rejection("bad-status.xml");
    assert_eq!((status.code.code(), status.code.status()), ("IDPRejectedClaim", 403));
    assert_eq!(rejection("bad-conditions-expired.xml").code, RejectionCode::ExpiredTokenException);
}
