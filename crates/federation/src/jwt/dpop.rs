//! Proofs of possession (RFC 9449): a token, signed for one request, shows that whoever sends it holds a key.

use super::Algorithm;
use crate::keys::{Hash, KeyKind, PublicKey};
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Longest proof, in characters.
pub const MAXIMUM_PROOF_CHARACTERS: usize = 4_096;
/// Longest `jti`, in characters.
const MAXIMUM_ID_CHARACTERS: usize = 256;
/// Bytes of a coordinate on P-256.
const COORDINATE_BYTES: usize = 32;

/// What a proof must fit.
#[derive(Clone, Copy, Debug)]
pub struct ProofExpectations<'a> {
    /// The request's method.
    pub method: &'a str,
    /// Hosts, with their ports where they are not the scheme's own, under which the server is known. Which scheme the
    /// client used is not known to a server behind a proxy, so both fit.
    pub authorities: &'a [&'a str],
    /// The request's path.
    pub path: &'a str,
    /// The present.
    pub now: Timestamp,
    /// How old, or how much ahead, a proof may be, in seconds.
    pub window_seconds: i64,
}

/// Why a proof is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Too long, or not three parts of base64url with JSON objects in the first two.
    #[error("the DPoP proof is not a JSON Web Token in compact serialisation")]
    Malformed,
    /// Another type, algorithm or kind of key, or a private key.
    #[error("the DPoP proof must be of type dpop+jwt, signed with ES256 by the public key in its header")]
    Header,
    /// The signature.
    #[error("the signature of the DPoP proof is not valid")]
    Signature,
    /// A claim that is missing or of the wrong type.
    #[error("the claim {0} of the DPoP proof is missing or malformed")]
    Claim(&'static str),
    /// Made for another request.
    #[error("the DPoP proof is for another request")]
    OtherRequest,
    /// Made too long ago, or in the future.
    #[error("the DPoP proof is not of the present")]
    Time,
}

/// A proof that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Proof {
    /// The thumbprint of the key (RFC 7638, SHA-256, base64url).
    pub thumbprint: String,
    /// Its id: the key makes no two proofs of the same.
    pub id: String,
    /// When it was made.
    pub issued_at: Timestamp,
}

/// Checks a proof (RFC 9449 §4.3). Whether it was used before is for the caller to find out.
///
/// # Errors
/// [`ProofError`].
pub fn verify_proof(proof: &str, expected: &ProofExpectations<'_>) -> Result<Proof, ProofError> {
    if proof.len() > MAXIMUM_PROOF_CHARACTERS {
        return Err(ProofError::Malformed);
    }
    let (signed, signature) = proof.rsplit_once('.').ok_or(ProofError::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(ProofError::Malformed)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| ProofError::Malformed)?;
    let (key, thumbprint) = key(&object(header)?)?;
    if !key.verifies(Algorithm::Es256.scheme(), signed.as_bytes(), &signature) {
        return Err(ProofError::Signature);
    }
    let claims = object(payload)?;
    let text = |name: &'static str| claims.get(name).and_then(Value::as_str).ok_or(ProofError::Claim(name));
    if text("htm")? != expected.method || !is_url_of(text("htu")?, expected) {
        return Err(ProofError::OtherRequest);
    }
    let id = text("jti")?;
    if id.is_empty() || id.chars().count() > MAXIMUM_ID_CHARACTERS {
        return Err(ProofError::Claim("jti"));
    }
    let issued_at = claims.get("iat").and_then(Value::as_f64).and_then(Timestamp::from_seconds_f64);
    let issued_at = issued_at.ok_or(ProofError::Claim("iat"))?;
    let age = expected.now.seconds().saturating_sub(issued_at.seconds());
    if age.abs() > expected.window_seconds {
        return Err(ProofError::Time);
    }
    Ok(Proof { thumbprint, id: id.to_owned(), issued_at })
}

fn object(part: &str) -> Result<Map<String, Value>, ProofError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| ProofError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| ProofError::Malformed)
}

/// The key in the header, and its thumbprint.
fn key(header: &Map<String, Value>) -> Result<(PublicKey, String), ProofError> {
    let is = |name: &str, value: &str| header.get(name).and_then(Value::as_str) == Some(value);
    if !is("typ", "dpop+jwt") || !is("alg", Algorithm::Es256.name()) || header.contains_key("crit") {
        return Err(ProofError::Header);
    }
    let jwk = header.get("jwk").and_then(Value::as_object).ok_or(ProofError::Header)?;
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if text("kty") != Some("EC") || text("crv") != Some("P-256") || jwk.contains_key("d") {
        return Err(ProofError::Header);
    }
    let coordinate = |name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text(name)?).ok()?;
        (bytes.len() == COORDINATE_BYTES).then_some(bytes)
    };
    let (x, y) = coordinate("x").zip(coordinate("y")).ok_or(ProofError::Header)?;
    let key = PublicKey::from_point(KeyKind::EcP256, &[&[4], x.as_slice(), &y].concat());
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    let thumbprint = URL_SAFE_NO_PAD.encode(Hash::Sha256.digest(members.as_bytes()));
    Ok((key.map_err(|_| ProofError::Header)?, thumbprint))
}

/// Whether `url`, without query and fragment, is that of the request (RFC 9449 §4.3, RFC 3986 §6.2.2 and §6.2.3).
fn is_url_of(url: &str, expected: &ProofExpectations<'_>) -> bool {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let port = match scheme.to_ascii_lowercase().as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let plain = |authority: &str| {
        let authority = authority.to_ascii_lowercase();
        authority.strip_suffix(port).map(str::to_owned).unwrap_or(authority)
    };
    let named = plain(authority);
    path == expected.path && expected.authorities.iter().any(|known| plain(known) == named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SigningKey;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_219_200);

    fn new_key() -> SigningKey {
        SigningKey::from_pkcs8(&SigningKey::generate_p256().expect("a key")).expect("a key")
    }

    fn header(key: &SigningKey) -> Value {
        let (x, y) = key.coordinates().expect("on a curve");
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": {"kty": "EC", "x": x, "y": y, "crv": "P-256"}})
    }

    fn claims() -> Value {
        json!({"htm": "POST", "htu": "http://127.0.0.1:4600/v1/token", "iat": NOW.seconds(), "jti": "one"})
    }

    fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", encode(header), encode(claims));
        let signature = key.sign(text.as_bytes()).expect("signed");
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn verified(proof: &str) -> Result<Proof, ProofError> {
        let authorities = ["127.0.0.1:4600", "signin.example.com"];
        let (method, path) = ("POST", "/v1/token");
        verify_proof(
            proof,
            &ProofExpectations { method, authorities: &authorities, path, now: NOW, window_seconds: 300 },
        )
    }

    #[test]
    fn a_proof_shows_its_key_and_its_id() {
        let key = new_key();
        let proof = verified(&signed(&key, &header(&key), &claims())).expect("valid");
        assert_eq!(proof.thumbprint, crate::jwt::thumbprint(&key).expect("a thumbprint"));
        assert_eq!((proof.id.as_str(), proof.issued_at), ("one", NOW));
    }

    #[test]
    fn a_proof_is_for_one_request() {
        let key = new_key();
        let with = |name: &str, value: Value| {
            let mut claims = claims();
            claims[name] = value;
            verified(&signed(&key, &header(&key), &claims)).map(|_| ())
        };
        for url in [
            "http://127.0.0.1:4600/v1/token?a=b#c",
            "HTTPS://127.0.0.1:4600/v1/token",
            "https://signin.example.com/v1/token",
            "https://SIGNIN.example.com:443/v1/token",
        ] {
            assert_eq!(with("htu", url.into()), Ok(()), "{url}");
        }
        for url in [
            "http://127.0.0.1:4601/v1/token",
            "http://127.0.0.1:4600/v1/token/",
            "http://127.0.0.1:4600.evil.example/v1/token",
            "https://signin.example.com:80/v1/token",
            "ftp://signin.example.com/v1/token",
            "/v1/token",
        ] {
            assert_eq!(with("htu", url.into()), Err(ProofError::OtherRequest), "{url}");
        }
        assert_eq!(with("htm", "GET".into()), Err(ProofError::OtherRequest));
        for age in [301, -301] {
            assert_eq!(with("iat", (NOW.seconds() - age).into()), Err(ProofError::Time), "{age}");
        }
        assert_eq!(with("iat", (NOW.seconds() - 300).into()), Ok(()));
        assert_eq!(with("jti", "".into()), Err(ProofError::Claim("jti")));
        assert_eq!(with("jti", "x".repeat(257).into()), Err(ProofError::Claim("jti")));
        assert_eq!(with("iat", "now".into()), Err(ProofError::Claim("iat")));
    }

    #[test]
    fn a_proof_is_signed_by_the_public_key_in_it() {
        let (key, other) = (new_key(), new_key());
        let refused = |header: &Value| verified(&signed(&key, header, &claims())).expect_err("refused");
        assert_eq!(refused(&header(&other)), ProofError::Signature);
        for (name, value) in [("typ", "JWT"), ("alg", "none"), ("alg", "HS256"), ("crit", "x")] {
            let mut header = header(&key);
            header[name] = value.into();
            assert_eq!(refused(&header), ProofError::Header, "{name}");
        }
        for (name, value) in [("d", "x"), ("kty", "RSA"), ("crv", "P-384"), ("x", "AA"), ("y", "!")] {
            let mut header = header(&key);
            header["jwk"][name] = value.into();
            assert_eq!(refused(&header), ProofError::Header, "{name}");
        }
        for text in ["", "a.b", "a.b.c", &"x".repeat(MAXIMUM_PROOF_CHARACTERS + 1)] {
            assert_eq!(verified(text), Err(ProofError::Malformed));
        }
    }
}
