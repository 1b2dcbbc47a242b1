//! The one source of randomness: seeded from the operating system in production, from a number in tests.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A cryptographically secure generator; deterministic when made from a seed.
pub struct Random(ChaCha20Rng);

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

/// Lower-case letters and digits.
pub const ALPHABET_LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// RFC 4648 base32, without padding.
pub const ALPHABET_BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Letters and digits.
pub const ALPHABET_ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// The characters of an access-key secret.
pub const ALPHABET_SECRET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Random {
    /// Seeded by the operating system.
    ///
    /// # Panics
    /// When the operating system cannot give randomness: nothing safe can be done then.
    pub fn from_system() -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the operating system gives randomness");
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A reproducible generator for tests and simulations.
    pub fn from_seed(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    /// A new independent generator, drawn from this one.
    pub fn fork(&mut self) -> Self {
        let mut seed = [0; 32];
        self.fill(&mut seed);
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A uniform number below `bound` (which must not be zero).
    pub fn below(&mut self, bound: u32) -> u32 {
        // Rejection keeps the distribution uniform.
        let zone = u32::MAX - u32::MAX % bound;
        loop {
            let draw = self.0.next_u32();
            if draw < zone {
                return draw % bound;
            }
        }
    }

    /// `length` characters of an ASCII `alphabet`.
    pub fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(alphabet[self.below(alphabet.len() as u32) as usize])).collect()
    }

    /// A random UUID (RFC 9562 version 4) in its usual text form.
    pub fn uuid(&mut self) -> String {
        uuid_of(self.bytes())
    }
}

/// The UUID (RFC 9562 version 4) of random `bytes`.
pub fn uuid_of(mut bytes: [u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 0x0f)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_ids_again() {
        let (mut a, mut b) = (Random::from_seed(7), Random::from_seed(7));
        assert_eq!(a.uuid(), b.uuid());
        assert_eq!(a.text(ALPHABET_LOWER, 40), b.text(ALPHABET_LOWER, 40));
        assert_ne!(a.fork().uuid(), a.uuid());
    }
}
