//! Private keys with which a SAML provider's encrypted assertions are opened.

use super::SamlProvider;
use crate::messages;
use aws_lc_rs::signature::RsaKeyPair;
use base::Timestamp;
use base::random::ALPHABET_BASE32;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::seal::{Purpose, Seal};
use kernel::{Result, WriteCx};
use model::iam::{InvalidInputException, NoSuchEntityException};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Private keys of a provider: the present one and one to rotate to.
const PRIVATE_KEYS_MAX: usize = 2;
/// Length of a key's id.
const KEY_ID_LENGTH: usize = 32;

/// A private key of a provider, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateKey {
    /// Its id in `PrivateKeyList`.
    pub id: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// The PEM text, sealed.
    sealed: Vec<u8>,
}

impl PrivateKey {
    /// The key's PEM text (PKCS #8 or PKCS #1); none when it was sealed under a master key that is gone.
    pub fn open(&self, seal: &Seal) -> Option<Zeroizing<Vec<u8>>> {
        seal.open(Purpose::SigningKey, &about(&self.id), &self.sealed)
    }
}

/// What a sealed key is bound to.
fn about(id: &str) -> String {
    format!("saml-private-key/{id}")
}

/// The DER inside a PEM text, and the label of the text (RFC 7468).
fn pem(text: &str) -> Option<(&str, Zeroizing<Vec<u8>>)> {
    let (label, rest) = text.trim().strip_prefix("-----BEGIN ")?.split_once("-----")?;
    let body = rest.strip_suffix(&format!("-----END {label}-----"))?;
    let body: Zeroizing<String> = Zeroizing::new(body.chars().filter(|c| !c.is_whitespace()).collect());
    Some((label, Zeroizing::new(STANDARD.decode(body.as_bytes()).ok()?)))
}

/// Whether the text is an RSA private key in PEM.
fn is_rsa_key(text: &str) -> bool {
    match pem(text) {
        Some(("PRIVATE KEY", der)) => RsaKeyPair::from_pkcs8(&der).is_ok(),
        Some(("RSA PRIVATE KEY", der)) => RsaKeyPair::from_der(&der).is_ok(),
        _ => false,
    }
}

/// Adds a key to `provider`, which is still to be written.
///
/// # Errors
/// `InvalidInput` when it is no RSA key in PEM; `LimitExceeded`.
pub(super) fn add(cx: &mut WriteCx<'_>, provider: &mut SamlProvider, text: &str) -> Result<()> {
    if !is_rsa_key(text) {
        return Err(InvalidInputException::new("The private key must be an RSA key in a .pem file.").into());
    }
    if provider.private_keys.len() >= PRIVATE_KEYS_MAX {
        return Err(messages::over_quota("PrivateKeysPerSAMLProvider", PRIVATE_KEYS_MAX as i64).into());
    }
    let id = cx.random.text(ALPHABET_BASE32, KEY_ID_LENGTH);
    let mut random = cx.random.fork();
    let sealed = cx.app.seal.seal(Purpose::SigningKey, &about(&id), text.as_bytes(), &mut random)?;
    provider.private_keys.push(PrivateKey { id, added_at: cx.now, sealed });
    Ok(())
}

/// Removes a key from `provider`, which is still to be written.
///
/// # Errors
/// `NoSuchEntity`.
pub(super) fn remove(provider: &mut SamlProvider, id: &str) -> Result<()> {
    let count = provider.private_keys.len();
    provider.private_keys.retain(|key| key.id != id);
    if provider.private_keys.len() == count {
        return Err(NoSuchEntityException::new(format!("The private key with id {id} cannot be found.")).into());
    }
    Ok(())
}

/// The keys as a column holds them.
pub(super) fn print(keys: &[PrivateKey]) -> String {
    let keys: Vec<Value> = keys
        .iter()
        .map(|key| json!({"id": key.id, "addedAt": key.added_at.iso8601_millis(), "sealed": STANDARD.encode(&key.sealed)}))
        .collect();
    Value::Array(keys).to_string()
}

/// The inverse of [`print`].
pub(super) fn parse(text: &str) -> Option<Vec<PrivateKey>> {
    let keys: Vec<Value> = serde_json::from_str(text).ok()?;
    keys.iter()
        .map(|key| {
            Some(PrivateKey {
                id: key.get("id")?.as_str()?.to_owned(),
                added_at: Timestamp::parse_iso8601(key.get("addedAt")?.as_str()?)?,
                sealed: STANDARD.decode(key.get("sealed")?.as_str()?).ok()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rsa_keys_in_pem_are_taken() {
        let der = federation::keys::SigningKey::generate_rsa_2048().expect("a key");
        let text = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&*der));
        assert!(is_rsa_key(&text));
        let curve = federation::keys::SigningKey::generate_p256().expect("a key");
        let text = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&*curve));
        assert!(!is_rsa_key(&text));
        assert!(!is_rsa_key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"));
        assert!(!is_rsa_key("-----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn keys_survive_their_column() {
        let key = PrivateKey {
            id: "A".repeat(32),
            added_at: Timestamp::from_seconds(1_700_000_000),
            sealed: vec![0, 1, 255],
        };
        assert_eq!(parse(&print(std::slice::from_ref(&key))), Some(vec![key]));
        assert_eq!(parse("{}"), None);
    }
}
