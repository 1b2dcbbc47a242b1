//! Tokens and key sets of our own.

use super::Algorithm;
use crate::keys::{Hash, KeyError, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// Signs claims as a compact token: RS256, ES256 or ES384 by the kind of the key.
pub fn sign(claims: &Map<String, Value>, key_id: &str, key: &SigningKey) -> Result<String, KeyError> {
    let header = json!({ "alg": algorithm(key)?.name(), "kid": key_id, "typ": "JWT" });
    let payload = serde_json::to_vec(claims).map_err(|_| KeyError::Library)?;
    let mut token = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload));
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&URL_SAFE_NO_PAD.encode(signature));
    Ok(token)
}

/// The public half of a key as JSON Web Key.
pub fn public_jwk(key_id: &str, key: &SigningKey) -> Result<Value, KeyError> {
    let mut jwk = json!({ "kid": key_id, "use": "sig", "alg": algorithm(key)?.name() });
    for (member, value) in required_members(key)? {
        jwk[member] = Value::String(value);
    }
    Ok(jwk)
}

/// The key set of these keys, the document at an issuer's `jwks_uri`.
pub fn key_set(keys: &[(&str, &SigningKey)]) -> Result<Value, KeyError> {
    let keys: Result<Vec<_>, _> = keys.iter().map(|(id, key)| public_jwk(id, key)).collect();
    Ok(json!({ "keys": keys? }))
}

/// The thumbprint of a key (RFC 7638, SHA-256, base64url): a key ID that follows from the key.
pub fn thumbprint(key: &SigningKey) -> Result<String, KeyError> {
    let members: Vec<_> =
        required_members(key)?.into_iter().map(|(member, value)| format!("\"{member}\":\"{value}\"")).collect();
    let text = format!("{{{}}}", members.join(","));
    Ok(URL_SAFE_NO_PAD.encode(Hash::Sha256.digest(text.as_bytes())))
}

fn algorithm(key: &SigningKey) -> Result<Algorithm, KeyError> {
    Algorithm::of_signer(key.public().kind(), key.scheme()).ok_or(KeyError::UnsupportedKind)
}

/// The required members in the order of their names, as RFC 7638 §3.3 hashes them.
fn required_members(key: &SigningKey) -> Result<Vec<(&'static str, String)>, KeyError> {
    let encode = |bytes: Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
    if let Some((modulus, exponent)) = key.rsa_components() {
        return Ok(vec![("e", encode(exponent)), ("kty", "RSA".to_owned()), ("n", encode(modulus))]);
    }
    let (x, y) = key.coordinates().ok_or(KeyError::UnsupportedKind)?;
    let curve = match algorithm(key)? {
        Algorithm::Es256 => "P-256",
        _ => "P-384",
    };
    Ok(vec![("crv", curve.to_owned()), ("kty", "EC".to_owned()), ("x", encode(x)), ("y", encode(y))])
}
