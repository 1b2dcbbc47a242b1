//! Time-based one-time passwords (RFC 6238, RFC 4226).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base::random::ALPHABET_BASE32;
use base::{AccountId, Timestamp};

/// Length of a seed: 64 characters in base32, as AWS gives them out.
pub(super) const SEED_BYTES: usize = 40;
const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;

/// The time step of an instant.
pub(super) fn step(at: Timestamp) -> i64 {
    at.seconds().div_euclid(STEP_SECONDS)
}

/// The code of a step (RFC 4226 §5.3).
pub(super) fn code(seed: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = tag.last().map_or(0, |byte| usize::from(byte & 0x0f));
    let truncated = tag[offset..offset + 4].iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    format!("{:0DIGITS$}", (truncated & 0x7fff_ffff) % MODULUS)
}

/// Whether `given` is the code of a step; takes the same time whatever digits it has.
pub(super) fn is_code(seed: &[u8], step: i64, given: &str) -> bool {
    verify_slices_are_equal(code(seed, step).as_bytes(), given.as_bytes()).is_ok()
}

/// Base32 without padding (RFC 4648 §6); `bytes` is a multiple of five bytes.
pub(super) fn base32(bytes: &[u8; SEED_BYTES]) -> String {
    let group = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
        (0..8).rev().map(move |at| char::from(ALPHABET_BASE32[(bits >> (5 * at)) as usize & 31]))
    };
    bytes.chunks_exact(5).flat_map(group).collect()
}

/// What authenticator applications read from the picture.
pub(super) fn provisioning_uri(device: &str, account: &AccountId, seed: &str) -> String {
    format!("otpauth://totp/Amazon%20Web%20Services:{device}@{account}?secret={seed}&issuer=Amazon%20Web%20Services")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_rfc_6238_come_out() {
        // RFC 6238 appendix B, SHA-1, the last six of its eight digits.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(b"12345678901234567890", step(Timestamp::from_seconds(seconds))), expected);
        }
    }

    #[test]
    fn a_seed_is_64_characters_of_base32() {
        let mut seed = [0; SEED_BYTES];
        seed[..5].copy_from_slice(b"fooba");
        let text = base32(&seed);
        assert_eq!(text.len(), 64);
        assert!(text.starts_with("MZXW6YTBAAAA"));
    }
}
