//! JSON Web Key Sets (RFC 7517).

use super::Algorithm;
use crate::keys::{KeyKind, PublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Longest key set, in bytes.
pub const MAXIMUM_KEY_SET_BYTES: usize = 262_144;
/// Most keys in a set, those that are not understood included.
pub const MAXIMUM_KEYS: usize = 100;
/// Longest key ID, in bytes.
pub(super) const MAXIMUM_KEY_ID_BYTES: usize = 512;

/// Why a key set is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Over [`MAXIMUM_KEY_SET_BYTES`].
    #[error("the JSON Web Key Set is longer than 262,144 bytes")]
    TooLong,
    /// No object with a list `keys`.
    #[error("the JSON Web Key Set is not a JSON object with a list of keys")]
    Malformed,
    /// More than [`MAXIMUM_KEYS`].
    #[error("the JSON Web Key Set has more than 100 keys")]
    TooManyKeys,
}

/// A key that verifies signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its ID.
    pub id: Option<String>,
    /// The only algorithm it is meant for, if it states one.
    pub algorithm: Option<Algorithm>,
    /// The key.
    pub key: PublicKey,
}

/// The signature keys of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    /// Reads a key set. Keys that are not for signatures, of unknown kind, or malformed are passed over (RFC 7517 §5).
    pub fn parse(text: &str) -> Result<Self, KeySetError> {
        if text.len() > MAXIMUM_KEY_SET_BYTES {
            return Err(KeySetError::TooLong);
        }
        let value: Value = serde_json::from_str(text).map_err(|_| KeySetError::Malformed)?;
        let keys = value.get("keys").and_then(Value::as_array).ok_or(KeySetError::Malformed)?;
        if keys.len() > MAXIMUM_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        Ok(Self { keys: keys.iter().filter_map(read_key).collect() })
    }

    /// The keys that are usable.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

fn read_key(jwk: &Value) -> Option<Key> {
    let text = |member: &str| jwk.get(member).and_then(Value::as_str);
    if jwk.get("use").is_some_and(|usage| usage != "sig") {
        return None;
    }
    if let Some(operations) = jwk.get("key_ops")
        && !operations.as_array()?.iter().any(|operation| operation == "verify")
    {
        return None;
    }
    let bytes = |member: &str| URL_SAFE_NO_PAD.decode(text(member)?).ok();
    let point = |kind, width: usize| {
        let (x, y) = (bytes("x")?, bytes("y")?);
        let right = x.len() == width && y.len() == width;
        right.then(|| PublicKey::from_point(kind, &[&[4], x.as_slice(), &y].concat()).ok()).flatten()
    };
    let key = match (text("kty")?, text("crv")) {
        ("RSA", _) => PublicKey::from_rsa_components(&bytes("n")?, &bytes("e")?).ok()?,
        ("EC", Some("P-256")) => point(KeyKind::EcP256, 32)?,
        ("EC", Some("P-384")) => point(KeyKind::EcP384, 48)?,
        ("OKP", Some("Ed25519")) => {
            let x = bytes("x").filter(|x| x.len() == 32)?;
            PublicKey::from_point(KeyKind::Ed25519, &x).ok()?
        }
        _ => return None,
    };
    let algorithm = match jwk.get("alg") {
        None => None,
        Some(name) => Some(name.as_str().and_then(Algorithm::from_name)?),
    };
    if algorithm.is_some_and(|algorithm| algorithm.key_kind() != key.kind()) {
        return None;
    }
    let id = match jwk.get("kid") {
        None => None,
        Some(id) => Some(id.as_str().filter(|id| id.len() <= MAXIMUM_KEY_ID_BYTES)?.to_owned()),
    };
    Some(Key { id, algorithm, key })
}
