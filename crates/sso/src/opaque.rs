//! Secrets that mean nothing by themselves: cookies, codes, tokens. They are known once and stored as their SHA-256.

use aws_lc_rs::{constant_time, digest};
use base::{Random, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A new secret of `bytes` random bytes, in base64url behind `prefix`.
pub(crate) fn new(prefix: &str, bytes: usize, random: &mut Random) -> Secret {
    let mut raw = vec![0; bytes];
    random.fill(&mut raw);
    Secret::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(raw)))
}

/// What is stored of a secret. Without salt: what is random needs none, and it must be found again.
pub(crate) fn hash(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// Whether `secret` is the one of which `stored` is the hash.
pub(crate) fn fits(secret: &str, stored: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(&hash(secret), stored).is_ok()
}
