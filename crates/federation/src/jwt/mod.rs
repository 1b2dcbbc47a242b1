//! JSON Web Tokens: OpenID Connect ID tokens of others verified, our own signed; proofs of possession.
//!
//! Which algorithms may verify follows from the kind of the key in the key set, never from the token alone; headers
//! that point to keys (`jku`, `jwk`, `x5u`, `x5c`) are not looked at, but for the `jwk` of a proof of possession, which is
//! what such a proof is about.

mod dpop;
mod key_set;
mod sign;
mod verify;

pub use dpop::{MAXIMUM_PROOF_CHARACTERS, Proof, ProofError, ProofExpectations, verify_proof};
pub use key_set::{Key, KeySet, KeySetError, MAXIMUM_KEY_SET_BYTES, MAXIMUM_KEYS};
pub use sign::{key_set, public_jwk, sign, thumbprint};
pub use verify::{Expectations, IdToken, MAXIMUM_TOKEN_CHARACTERS, TokenError, unverified_issuer, verify};

use crate::keys::{Hash, KeyKind, SignatureScheme};

/// The algorithms of RFC 7518 §3.1 and RFC 8037 §3.1 that are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA PKCS #1 with SHA-256.
    Rs256,
    /// RSA PKCS #1 with SHA-384.
    Rs384,
    /// RSA PKCS #1 with SHA-512.
    Rs512,
    /// RSA PSS with SHA-256.
    Ps256,
    /// RSA PSS with SHA-384.
    Ps384,
    /// RSA PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    const ALL: [(Self, &'static str, KeyKind, SignatureScheme); 9] = [
        (Self::Rs256, "RS256", KeyKind::Rsa, SignatureScheme::RsaPkcs1(Hash::Sha256)),
        (Self::Rs384, "RS384", KeyKind::Rsa, SignatureScheme::RsaPkcs1(Hash::Sha384)),
        (Self::Rs512, "RS512", KeyKind::Rsa, SignatureScheme::RsaPkcs1(Hash::Sha512)),
        (Self::Ps256, "PS256", KeyKind::Rsa, SignatureScheme::RsaPss(Hash::Sha256)),
        (Self::Ps384, "PS384", KeyKind::Rsa, SignatureScheme::RsaPss(Hash::Sha384)),
        (Self::Ps512, "PS512", KeyKind::Rsa, SignatureScheme::RsaPss(Hash::Sha512)),
        (Self::Es256, "ES256", KeyKind::EcP256, SignatureScheme::Ecdsa(Hash::Sha256)),
        (Self::Es384, "ES384", KeyKind::EcP384, SignatureScheme::Ecdsa(Hash::Sha384)),
        (Self::EdDsa, "EdDSA", KeyKind::Ed25519, SignatureScheme::Ed25519),
    ];

    fn row(self) -> &'static (Self, &'static str, KeyKind, SignatureScheme) {
        Self::ALL.iter().find(|row| row.0 == self).expect("every algorithm is in the table")
    }

    /// The algorithm of that name; names are case-sensitive.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// Its name in `alg`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The only kind of key it works with.
    pub fn key_kind(self) -> KeyKind {
        self.row().2
    }

    fn scheme(self) -> SignatureScheme {
        self.row().3
    }

    fn of_signer(kind: KeyKind, scheme: SignatureScheme) -> Option<Self> {
        Self::ALL.iter().find(|row| row.2 == kind && row.3 == scheme).map(|row| row.0)
    }
}
