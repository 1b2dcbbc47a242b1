//! Derivation of signing keys, and a bounded memory of them.

use aws_lc_rs::{digest, hmac};
use base::Secret;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use subtle::ConstantTimeEq;

/// Derives the signing key: an HMAC chain over date, region, service and terminator.
pub(super) fn derive(secret: &str, date: &str, region: &str, service: &str) -> Arc<hmac::Key> {
    let seed = Secret::new(format!("AWS4{secret}"));
    let first = hmac::Key::new(hmac::HMAC_SHA256, seed.expose().as_bytes());
    let key = [date, region, service, super::TERMINATOR]
        .into_iter()
        .fold(first, |key, part| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref()));
    Arc::new(key)
}

/// A derived key and the digest of the secret that it came from.
struct Entry {
    secret_digest: [u8; 32],
    key: Arc<hmac::Key>,
}

/// Signing keys of recently verified requests, by access key, date, region and service. A changed secret makes its
/// entry useless at once, since the digest no longer fits.
pub struct SigningKeys {
    /// Two generations: when the young one is full it becomes the old one, and what the old one held is forgotten
    /// unless it was used in the meantime.
    generations: Mutex<Generations>,
    capacity: usize,
}

#[derive(Default)]
struct Generations {
    young: HashMap<String, Entry>,
    old: HashMap<String, Entry>,
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys(at most {})", self.capacity)
    }
}

fn digest_of(secret: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    out
}

impl SigningKeys {
    /// Remembers about `capacity` keys (twice as many at most).
    pub fn new(capacity: usize) -> Self {
        Self { generations: Mutex::default(), capacity: capacity.max(1) }
    }

    pub(super) fn find(&self, scope: &str, secret: &str) -> Option<Arc<hmac::Key>> {
        let digest = digest_of(secret);
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = generations.young.get(scope) {
            return entry.key_for(&digest);
        }
        let (scope, entry) = generations.old.remove_entry(scope)?;
        let key = entry.key_for(&digest);
        if key.is_some() {
            self.put(&mut generations, scope, entry);
        }
        key
    }

    pub(super) fn insert(&self, scope: &str, secret: &str, key: Arc<hmac::Key>) {
        let entry = Entry { secret_digest: digest_of(secret), key };
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        self.put(&mut generations, scope.to_owned(), entry);
    }

    fn put(&self, generations: &mut Generations, scope: String, entry: Entry) {
        if generations.young.len() >= self.capacity {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(scope, entry);
    }

    /// Number of remembered keys.
    pub fn len(&self) -> usize {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.young.len() + generations.old.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Entry {
    fn key_for(&self, secret_digest: &[u8; 32]) -> Option<Arc<hmac::Key>> {
        bool::from(self.secret_digest.ct_eq(secret_digest)).then(|| Arc::clone(&self.key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_key_is_derived() {
        // AWS's example of the derivation: secret and scope of the ListUsers request of 2015-08-30.
        let key = derive("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam");
        let raw = [
            0xc4, 0xaf, 0xb1, 0xcc, 0x57, 0x71, 0xd8, 0x71, 0x76, 0x3a, 0x39, 0x3e, 0x44, 0xb7, 0x03, 0x57, 0x1b, 0x55,
            0xcc, 0x28, 0x42, 0x4d, 0x1a, 0x5e, 0x86, 0xda, 0x6e, 0xd3, 0xc1, 0x54, 0xa4, 0xb9,
        ];
        let expected = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &raw), b"x");
        assert_eq!(hmac::sign(&key, b"x").as_ref(), expected.as_ref());
    }

    #[test]
    fn a_changed_secret_finds_nothing_and_memory_is_bounded() {
        let keys = SigningKeys::new(4);
        let key = derive("secret", "20150830", "us-east-1", "iam");
        keys.insert("AKIA/1", "secret", Arc::clone(&key));
        assert!(keys.find("AKIA/1", "secret").is_some());
        assert!(keys.find("AKIA/1", "other").is_none());
        for n in 0..100 {
            keys.insert(&format!("AKIA/x{n}"), "secret", Arc::clone(&key));
            assert!(keys.find("AKIA/1", "secret").is_some(), "used keys stay");
            assert!(keys.len() <= 8);
        }
        assert!(!keys.is_empty() && keys.find("AKIA/x0", "secret").is_none());
    }
}
