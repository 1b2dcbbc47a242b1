//! Paging tokens: opaque, unforgeable, and good only for the operation, parameters and scope that they were made for.
//!
//! A token is a synthetic-IV construction (the shape of RFC 5297, on HMAC-SHA-256): the tag authenticates everything
//! and seeds the key stream that hides the position. It is deterministic, so it needs no randomness, and equal
//! positions give equal tokens, which reveals nothing that the page itself did not.

use crate::encoding::{base64url, from_base64url};
use aws_lc_rs::{digest, hmac};
use std::fmt;
use subtle::ConstantTimeEq;

/// Bytes of the tag.
const TAG_BYTES: usize = 16;
/// Longest position that a token carries.
pub const POSITION_BYTES_MAX: usize = 4_096;
/// First byte of every token's tag input: tokens of another layout never verify.
const LAYOUT: u8 = 1;

/// The key under which tokens are made.
pub struct PagingKey {
    tag: hmac::Key,
    stream: hmac::Key,
}

impl fmt::Debug for PagingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PagingKey(***)")
    }
}

impl PagingKey {
    /// From 32 secret bytes that all nodes share.
    pub fn new(secret: &[u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derive = |label: &[u8]| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, label).as_ref());
        Self { tag: derive(b"paging token tag"), stream: derive(b"paging token stream") }
    }

    fn tag(&self, operation: &str, binding: &Binding, position: &[u8]) -> [u8; TAG_BYTES] {
        let mut context = hmac::Context::with_key(&self.tag);
        context.update(&[LAYOUT]);
        context.update(&(operation.len() as u64).to_be_bytes());
        context.update(operation.as_bytes());
        context.update(&binding.0);
        context.update(position);
        let mut out = [0; TAG_BYTES];
        out.copy_from_slice(&context.sign().as_ref()[..TAG_BYTES]);
        out
    }

    /// Encrypts and decrypts: the key stream depends on the tag alone.
    fn apply_stream(&self, tag: &[u8; TAG_BYTES], text: &mut [u8]) {
        for (counter, block) in (0u64..).zip(text.chunks_mut(32)) {
            let mut context = hmac::Context::with_key(&self.stream);
            context.update(tag);
            context.update(&counter.to_be_bytes());
            let stream = context.sign();
            block.iter_mut().zip(stream.as_ref()).for_each(|(byte, mask)| *byte ^= mask);
        }
    }
}

/// A digest of what a token belongs to besides its operation: the scope (account, instance) and the parameters that
/// select and order the list. The page size is not among them: a caller may change it between pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding([u8; 32]);

impl Binding {
    /// Digests the parts in their order; `["ab", "c"]` and `["a", "bc"]` differ.
    pub fn of(parts: &[&str]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.finish().as_ref());
        Self(out)
    }
}

/// Makes a token. Positions longer than [`POSITION_BYTES_MAX`] make a token that [`decode`] refuses.
pub fn encode(key: &PagingKey, operation: &str, binding: &Binding, position: &[u8]) -> String {
    let tag = key.tag(operation, binding, position);
    let mut token = [&tag, position].concat();
    key.apply_stream(&tag, &mut token[TAG_BYTES..]);
    base64url(&token)
}

/// The position in a token; `None` when it was not made by [`encode`] with the same key, operation and binding.
pub fn decode(key: &PagingKey, operation: &str, binding: &Binding, token: &str) -> Option<Vec<u8>> {
    if token.len() > (TAG_BYTES + POSITION_BYTES_MAX) * 4 / 3 + 4 {
        return None;
    }
    let bytes = from_base64url(token)?;
    let (tag, hidden) = bytes.split_first_chunk::<TAG_BYTES>()?;
    let mut position = hidden.to_vec();
    key.apply_stream(tag, &mut position);
    let genuine = bool::from(key.tag(operation, binding, &position).ct_eq(tag));
    (genuine && position.len() <= POSITION_BYTES_MAX).then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> PagingKey {
        PagingKey::new(&[7; 32])
    }

    #[test]
    fn a_token_is_good_only_where_it_was_made() {
        let binding = Binding::of(&["111122223333", "PathPrefix=/"]);
        let token = encode(&key(), "ListRoles", &binding, b"/admin/zed");
        let decoded = |key: &PagingKey, operation, parts: &[&str]| decode(key, operation, &Binding::of(parts), &token);
        assert_eq!(decode(&key(), "ListRoles", &binding, &token).as_deref(), Some(&b"/admin/zed"[..]));
        assert_eq!(decoded(&key(), "ListUsers", &["111122223333", "PathPrefix=/"]), None);
        assert_eq!(decoded(&key(), "ListRoles", &["444455556666", "PathPrefix=/"]), None);
        assert_eq!(decoded(&key(), "ListRoles", &["111122223333PathPrefix=/"]), None);
        assert_eq!(decoded(&PagingKey::new(&[8; 32]), "ListRoles", &["111122223333", "PathPrefix=/"]), None);
    }

    #[test]
    fn the_position_is_not_readable() {
        let token = encode(&key(), "ListRoles", &Binding::of(&[]), &[b'a'; 100]);
        let bytes = from_base64url(&token).expect("base64");
        assert!(!bytes.windows(4).any(|window| window == b"aaaa"));
    }

    #[test]
    fn too_long_tokens_are_refused() {
        let binding = Binding::of(&[]);
        assert_eq!(decode(&key(), "X", &binding, &encode(&key(), "X", &binding, &[0; POSITION_BYTES_MAX + 1])), None);
        assert_eq!(decode(&key(), "X", &binding, &"A".repeat(1 << 20)), None);
    }

    proptest! {
        #[test]
        fn positions_read_back_and_no_changed_token_does(position in any::<Vec<u8>>(), place in any::<prop::sample::Index>(), bit in 0u8..8) {
            let binding = Binding::of(&["scope"]);
            let token = encode(&key(), "ListRoles", &binding, &position);
            prop_assert_eq!(decode(&key(), "ListRoles", &binding, &token), Some(position));
            let mut bytes = from_base64url(&token).expect("base64");
            let at = place.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(decode(&key(), "ListRoles", &binding, &base64url(&bytes)), None);
        }

        #[test]
        fn no_token_panics(token in any::<String>(), coded in "[A-Za-z0-9_-]{0,80}") {
            let binding = Binding::of(&["scope"]);
            prop_assert_eq!(decode(&key(), "ListRoles", &binding, &token), None);
            prop_assert_eq!(decode(&key(), "ListRoles", &binding, &coded), None);
        }
    }
}
