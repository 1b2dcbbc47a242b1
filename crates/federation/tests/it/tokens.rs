//! ID tokens: those of PyJWT are accepted, forged and misdirected ones refused.

use crate::fixtures::{read, ten_o_clock_plus};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use federation::RejectionCode;
use federation::jwt::{self, Expectations, IdToken, KeySet, KeySetError, TokenError, unverified_issuer};
use federation::keys::SigningKey;
use serde_json::{Value, json};

const ISSUER: &str = "https://token.example.com";

struct Fixtures {
    keys: KeySet,
    document: Value,
}

impl Fixtures {
    fn load() -> Self {
        let document: Value = serde_json::from_str(&read("tokens.json")).expect("JSON");
        Self { keys: KeySet::parse(&document["jwks"].to_string()).expect("valid"), document }
    }

    fn token(&self, name: &str) -> &str {
        self.document["tokens"][name].as_str().unwrap_or_else(|| panic!("no token {name}"))
    }

    fn check(&self, name: &str) -> Result<IdToken, TokenError> {
        self.check_text_at(self.token(name), 60)
    }

    fn check_text_at(&self, token: &str, seconds: i64) -> Result<IdToken, TokenError> {
        let expected = Expectations {
            issuer: ISSUER,
            audiences: &["client", "sts.amazonaws.com"],
            now: ten_o_clock_plus(seconds),
            clock_skew_seconds: 60,
        };
        jwt::verify(token, &self.keys, &expected)
    }
}

/// A token with this header and the payload and signature of another.
fn with_header(header: &Value, token: &str) -> String {
    let rest = &token[token.find('.').expect("compact")..];
    format!("{}{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[test]
fn tokens_of_every_accepted_algorithm_are_accepted() {
    let fixtures = Fixtures::load();
    assert_eq!(fixtures.keys.keys().len(), 4);
    for name in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"] {
        let token = fixtures.check(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(token.subject, "repo:org/app:ref:refs/heads/main");
        assert_eq!(token.audience, "sts.amazonaws.com");
        assert_eq!(token.issued_at, ten_o_clock_plus(0));
        assert_eq!(token.expires_at, ten_o_clock_plus(900));
        assert_eq!(token.claims["custom"]["nested"][1], 2);
    }
    assert_eq!(unverified_issuer(fixtures.token("RS256")).as_deref(), Ok(ISSUER));
}

#[test]
fn forged_tokens_are_refused() {
    let fixtures = Fixtures::load();
    let refusals = [
        ("HS256-pem", TokenError::Algorithm),
        ("HS256-modulus", TokenError::Algorithm),
        ("attacker", TokenError::Signature),
        ("attacker-jwk", TokenError::Signature),
        ("attacker-jku", TokenError::Signature),
        ("wrong-kid", TokenError::NoKey),
        ("unknown-kid", TokenError::NoKey),
        ("crit", TokenError::Header),
    ];
    for (name, error) in refusals {
        assert_eq!(fixtures.check(name), Err(error), "{name}");
    }
    assert!(fixtures.check("ignored-jku").is_ok());
}

#[test]
fn the_algorithm_cannot_be_switched() {
    let fixtures = Fixtures::load();
    let good = fixtures.token("RS256");
    for name in ["none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "rs256", "ES512", "RS1", "dir", ""] {
        let token = with_header(&json!({ "alg": name, "kid": "rsa" }), good);
        assert_eq!(fixtures.check_text_at(&token, 60), Err(TokenError::Algorithm), "{name}");
        let unsigned = &token[..=token.rfind('.').expect("compact")];
        assert_eq!(fixtures.check_text_at(unsigned, 60), Err(TokenError::Algorithm), "{name}");
    }
    for name in ["RS384", "PS256"] {
        let token = with_header(&json!({ "alg": name, "kid": "rsa" }), good);
        assert_eq!(fixtures.check_text_at(&token, 60), Err(TokenError::Signature), "{name}");
    }
    for (name, id) in [("ES256", "rsa"), ("EdDSA", "rsa"), ("RS256", "ed"), ("ES384", "p256")] {
        let token = with_header(&json!({ "alg": name, "kid": id }), good);
        assert_eq!(fixtures.check_text_at(&token, 60), Err(TokenError::NoKey), "{name}");
    }
    let access = with_header(&json!({ "alg": "RS256", "kid": "rsa", "typ": "at+jwt" }), good);
    assert_eq!(fixtures.check_text_at(&access, 60), Err(TokenError::Header));
}

#[test]
fn claims_must_fit() {
    let fixtures = Fixtures::load();
    let refusals = [
        ("no-exp", TokenError::Claim("exp")),
        ("no-sub", TokenError::Claim("sub")),
        ("string-exp", TokenError::Claim("exp")),
        ("huge-exp", TokenError::Claim("exp")),
        ("number-audience", TokenError::Claim("aud")),
        ("other-audience", TokenError::Audience),
        ("azp", TokenError::Audience),
        ("other-issuer", TokenError::Issuer { issuer: format!("{ISSUER}/") }),
        ("future", TokenError::NotYetValid),
    ];
    for (name, error) in refusals {
        assert_eq!(fixtures.check(name), Err(error), "{name}");
    }
    assert_eq!(fixtures.check("many-audiences").map(|token| token.audience).as_deref(), Ok("sts.amazonaws.com"));
}

#[test]
fn times_are_kept_with_the_allowed_skew() {
    let fixtures = Fixtures::load();
    let token = fixtures.token("ES256");
    assert!(fixtures.check_text_at(token, -60).is_ok());
    assert_eq!(fixtures.check_text_at(token, -61), Err(TokenError::NotYetValid));
    assert!(fixtures.check_text_at(token, 959).is_ok());
    let error = fixtures.check_text_at(token, 960).expect_err("expired");
    let rejection = error.rejection();
    assert_eq!(rejection.code, RejectionCode::ExpiredTokenException);
    assert_eq!(
        rejection.message,
        "Token expired: current date/time 1795342560 must be before the expiration date/time 1795342500"
    );
}

#[test]
fn malformed_tokens_are_refused() {
    let fixtures = Fixtures::load();
    let good = fixtures.token("ES256");
    let parts: Vec<&str> = good.split('.').collect();
    let malformed = [
        String::new(),
        "..".to_owned(),
        format!("{}.{}", parts[0], parts[1]),
        format!("{good}."),
        format!("{good}.{}", parts[2]),
        format!("{good}="),
        format!("{}.{}.+/", parts[0], parts[1]),
        format!(" {good}"),
        format!("e30x.{}.{}", parts[1], parts[2]),
    ];
    for token in malformed {
        let outcome = fixtures.check_text_at(&token, 60);
        assert!(matches!(outcome, Err(TokenError::Malformed)), "{token}: {outcome:?}");
    }
    assert_eq!(fixtures.check_text_at(&"a".repeat(20_001), 60), Err(TokenError::TooLong));
    let cut = &good[..good.len() - 2];
    assert_eq!(fixtures.check_text_at(cut, 60), Err(TokenError::Signature));
}

#[test]
fn a_token_without_key_id_needs_a_set_with_one_fitting_key() {
    let key = SigningKey::from_pkcs8(&SigningKey::generate_p256().expect("made")).expect("readable");
    let other = SigningKey::from_pkcs8(&SigningKey::generate_p256().expect("made")).expect("readable");
    let claims = json!({ "iss": ISSUER, "sub": "s", "aud": "client", "iat": 1_795_341_600, "exp": 1_795_342_500.5 });
    let signed = jwt::sign(claims.as_object().expect("object"), "1", &key).expect("signed");
    let keys =
        |keys: &[(&str, &SigningKey)]| KeySet::parse(&jwt::key_set(keys).expect("made").to_string()).expect("valid");
    let with = |keys| Fixtures { keys, document: Value::Null };
    assert!(with(keys(&[("1", &key)])).check_text_at(&signed, 1).is_ok());
    assert!(with(keys(&[("1", &other), ("1", &key)])).check_text_at(&signed, 1).is_ok());
    assert_eq!(with(keys(&[("2", &key)])).check_text_at(&signed, 1), Err(TokenError::NoKey));
    let anonymous = with_header(&json!({ "alg": "ES256" }), &signed);
    // The header is signed too, so the signature no longer fits: what matters is that the key was looked for.
    assert_eq!(with(keys(&[("1", &key)])).check_text_at(&anonymous, 1), Err(TokenError::Signature));
    assert_eq!(with(keys(&[("1", &key), ("2", &other)])).check_text_at(&anonymous, 1), Err(TokenError::NoKey));
}

#[test]
fn own_tokens_verify_with_own_key_set() {
    for pkcs8 in [SigningKey::generate_rsa_2048().expect("made"), SigningKey::generate_p256().expect("made")] {
        let key = SigningKey::from_pkcs8(&pkcs8).expect("readable");
        let id = jwt::thumbprint(&key).expect("made");
        let claims =
            json!({ "iss": ISSUER, "sub": "s", "aud": ["client"], "iat": 1_795_341_600, "exp": 1_795_342_500 });
        let token = jwt::sign(claims.as_object().expect("object"), &id, &key).expect("signed");
        let keys = KeySet::parse(&jwt::key_set(&[(&id, &key)]).expect("made").to_string()).expect("valid");
        let verified = Fixtures { keys, document: Value::Null }.check_text_at(&token, 1).expect("accepted");
        assert_eq!(Value::Object(verified.claims), claims);
    }
}

#[test]
fn key_sets_are_bounded_and_pass_over_what_is_not_for_signatures() {
    assert_eq!(KeySet::parse(&" ".repeat(262_145)), Err(KeySetError::TooLong));
    for text in ["", "[]", "{}", "{\"keys\":{}}", "null", &"[".repeat(100_000)] {
        assert_eq!(KeySet::parse(text), Err(KeySetError::Malformed));
    }
    let many = json!({ "keys": vec![json!({}); 101] });
    assert_eq!(KeySet::parse(&many.to_string()), Err(KeySetError::TooManyKeys));
    let good = Fixtures::load().document["jwks"]["keys"][0].clone();
    let changes = [
        ("use", json!("enc")),
        ("use", json!(1)),
        ("key_ops", json!(["sign"])),
        ("kty", json!("oct")),
        ("kty", json!("EC")),
        ("alg", json!("HS256")),
        ("alg", json!("ES256")),
        ("kid", json!(1)),
        ("n", json!("AQAB")),
        ("n", json!("*")),
    ];
    for (member, value) in changes {
        let mut key = good.clone();
        key[member] = value;
        let set = KeySet::parse(&json!({ "keys": [key, null, "x"] }).to_string()).expect("valid");
        assert!(set.keys().is_empty(), "{member}");
    }
    assert_eq!(KeySet::parse(&json!({ "keys": [good] }).to_string()).expect("valid").keys().len(), 1);
}
