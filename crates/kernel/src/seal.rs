//! Secrets at rest and tokens in flight: AES-256-GCM under keys derived from the master key.

use crate::error::{Error, Result};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base::Random;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Length of a master key in bytes.
pub const MASTER_KEY_BYTES: usize = 32;

/// What a sealed value is for; a value sealed for one purpose opens for no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Secrets of access keys.
    AccessKeySecret,
    /// Session tokens of STS.
    SessionToken,
    /// Positions in paged lists.
    PagingToken,
    /// Encoded authorization messages.
    AuthorizationMessage,
    /// Signing keys of the product.
    SigningKey,
    /// Passwords by which directories are read.
    DirectoryPassword,
    /// Mail that waits to be sent.
    Mail,
    /// Sessions of the console, and what leads to them.
    SignIn,
}

const PURPOSES: [(Purpose, &str); 8] = [
    (Purpose::AccessKeySecret, "access-key-secret"),
    (Purpose::SessionToken, "session-token"),
    (Purpose::PagingToken, "paging-token"),
    (Purpose::AuthorizationMessage, "authorization-message"),
    (Purpose::SigningKey, "signing-key"),
    (Purpose::DirectoryPassword, "directory-password"),
    (Purpose::Mail, "mail"),
    (Purpose::SignIn, "sign-in"),
];

/// The key ring: the first master key seals, every one opens, so keys can be rotated.
pub struct Seal {
    keys: Vec<MasterKey>,
}

struct MasterKey {
    /// Says which key sealed a value.
    id: [u8; 4],
    by_purpose: Vec<LessSafeKey>,
    raw_paging: Zeroizing<[u8; 32]>,
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Seal {
    /// Reads a master-key file: one base64 key of 32 bytes a line, the current one first.
    ///
    /// # Errors
    /// When a line is no such key or there is none.
    pub fn from_text(text: &str) -> Result<Self> {
        let mut keys = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let bytes = Zeroizing::new(STANDARD.decode(line).unwrap_or_default());
            if bytes.len() != MASTER_KEY_BYTES {
                return Err(Error::internal("a master key is not 32 bytes in base64"));
            }
            keys.push(MasterKey::derive(&bytes)?);
        }
        if keys.is_empty() {
            return Err(Error::internal("there is no master key"));
        }
        Ok(Self { keys })
    }

    /// A new master key, as [`Seal::from_text`] reads it.
    pub fn generate(random: &mut Random) -> Zeroizing<String> {
        let bytes = Zeroizing::new(random.bytes::<MASTER_KEY_BYTES>());
        Zeroizing::new(format!("{}\n", STANDARD.encode(bytes.as_slice())))
    }

    /// Seals `plain` for `purpose`; `about` (an id) must be given again to open it.
    ///
    /// # Errors
    /// Never in practice: the cipher fails only beyond its length limits.
    pub fn seal(&self, purpose: Purpose, about: &str, plain: &[u8], random: &mut Random) -> Result<Vec<u8>> {
        let key = &self.keys[0];
        let nonce: [u8; NONCE_LEN] = random.bytes();
        let mut sealed = Vec::with_capacity(4 + NONCE_LEN + plain.len() + 16);
        sealed.extend_from_slice(&key.id);
        sealed.extend_from_slice(&nonce);
        let mut body = plain.to_vec();
        key.aead(purpose)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about.as_bytes()), &mut body)
            .map_err(|_| Error::internal("a value is too long to be sealed"))?;
        sealed.extend_from_slice(&body);
        Ok(sealed)
    }

    /// Opens what [`Seal::seal`] sealed for the same purpose and subject; `None` when it was not.
    pub fn open(&self, purpose: Purpose, about: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (id, rest) = sealed.split_at_checked(4)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
        let key = self.keys.iter().find(|key| key.id == id)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = Zeroizing::new(body.to_vec());
        let length = key.aead(purpose).open_in_place(nonce, Aad::from(about.as_bytes()), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }

    /// Key for the integrity of paging tokens.
    pub fn paging_key(&self) -> &[u8; 32] {
        &self.keys[0].raw_paging
    }
}

impl MasterKey {
    fn derive(master: &[u8]) -> Result<Self> {
        let secret = Salt::new(HKDF_SHA256, b"vestibule master key v1").extract(master);
        let derive = |label: &[u8], out: &mut [u8]| {
            secret
                .expand(&[label], Length(out.len()))
                .and_then(|okm| okm.fill(out))
                .map_err(|_| Error::internal("a key cannot be derived"))
        };
        let mut id = [0; 4];
        derive(b"key id", &mut id)?;
        let mut raw_paging = Zeroizing::new([0; 32]);
        derive(b"paging", raw_paging.as_mut())?;
        let by_purpose = PURPOSES
            .iter()
            .map(|(_, label)| {
                let mut bytes = Zeroizing::new([0; 32]);
                derive(label.as_bytes(), bytes.as_mut())?;
                let key = UnboundKey::new(&AES_256_GCM, bytes.as_ref());
                key.map(LessSafeKey::new).map_err(|_| Error::internal("a key cannot be derived"))
            })
            .collect::<Result<_>>()?;
        Ok(Self { id, by_purpose, raw_paging })
    }

    fn aead(&self, purpose: Purpose) -> &LessSafeKey {
        let index = PURPOSES.iter().position(|(each, _)| *each == purpose);
        &self.by_purpose[index.expect("every purpose is listed")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_only_for_its_purpose_and_subject() {
        let random = &mut Random::from_seed(1);
        let seal = Seal::from_text(&Seal::generate(random)).expect("a key");
        let sealed = seal.seal(Purpose::AccessKeySecret, "AKIA1", b"secret", random).expect("sealed");
        let open = |purpose, about| seal.open(purpose, about, &sealed).map(|plain| plain.to_vec());
        assert_eq!(open(Purpose::AccessKeySecret, "AKIA1"), Some(b"secret".to_vec()));
        assert_eq!(open(Purpose::SessionToken, "AKIA1"), None);
        assert_eq!(open(Purpose::AccessKeySecret, "AKIA2"), None);
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert!(seal.open(Purpose::AccessKeySecret, "AKIA1", &altered).is_none());
            assert!(seal.open(Purpose::AccessKeySecret, "AKIA1", &sealed[..index]).is_none());
        }
    }

    #[test]
    fn a_rotated_ring_still_opens_old_values() {
        let random = &mut Random::from_seed(2);
        let (old, new) = (Seal::generate(random), Seal::generate(random));
        let sealed =
            Seal::from_text(&old).expect("a key").seal(Purpose::SigningKey, "k", b"x", random).expect("sealed");
        let ring = Seal::from_text(&format!("{}{}", *new, *old)).expect("two keys");
        assert!(ring.open(Purpose::SigningKey, "k", &sealed).is_some());
        assert!(Seal::from_text(&new).expect("a key").open(Purpose::SigningKey, "k", &sealed).is_none());
    }

    #[test]
    fn a_bad_key_file_is_refused() {
        for text in ["", "# only a comment", "c2hvcnQ=", "not base64!"] {
            assert!(Seal::from_text(text).is_err(), "{text}");
        }
    }
}
