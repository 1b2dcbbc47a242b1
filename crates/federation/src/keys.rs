//! Public keys that verify and private keys that sign, for XML signatures, tokens and certificates alike.

use crate::der;
use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair, RsaKeyPair, UnparsedPublicKey, VerificationAlgorithm};
use zeroize::Zeroizing;

/// `rsaEncryption` (RFC 8017).
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// `id-ecPublicKey` (RFC 5480).
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// `secp256r1` (RFC 5480).
const SECP256R1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// `secp384r1` (RFC 5480).
const SECP384R1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// `secp521r1` (RFC 5480).
const SECP521R1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
/// `id-Ed25519` (RFC 8410).
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// Smallest RSA modulus that verifies or signs here, in bits (NIST SP 800-131A).
pub const MINIMUM_RSA_BITS: usize = 2048;
/// Largest RSA modulus, in bits: beyond it a verification costs too much.
pub const MAXIMUM_RSA_BITS: usize = 8192;

/// Hash functions that signatures here may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    pub(crate) fn digest(self, bytes: &[u8]) -> digest::Digest {
        digest::digest(
            match self {
                Hash::Sha256 => &digest::SHA256,
                Hash::Sha384 => &digest::SHA384,
                Hash::Sha512 => &digest::SHA512,
            },
            bytes,
        )
    }
}

/// How a signature was made: the scheme and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureScheme {
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(Hash),
    /// RSASSA-PSS with a salt as long as the hash.
    RsaPss(Hash),
    /// ECDSA, the signature being r and s at fixed width (RFC 4050, RFC 7518 §3.4).
    Ecdsa(Hash),
    /// Ed25519 (RFC 8032).
    Ed25519,
}

/// The kinds of public keys that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA of [`MINIMUM_RSA_BITS`] to [`MAXIMUM_RSA_BITS`].
    Rsa,
    /// NIST P-256.
    EcP256,
    /// NIST P-384.
    EcP384,
    /// NIST P-521.
    EcP521,
    /// Edwards curve 25519.
    Ed25519,
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a key in the expected encoding.
    #[error("the key is not correctly encoded")]
    Encoding,
    /// A kind of key other than [`KeyKind`].
    #[error("the key is of a kind that is not supported; use RSA, or EC on P-256, P-384 or P-521")]
    UnsupportedKind,
    /// An RSA key outside the allowed sizes.
    #[error("the RSA key has {bits} bits; {MINIMUM_RSA_BITS} to {MAXIMUM_RSA_BITS} are allowed")]
    RsaSize {
        /// Size of its modulus.
        bits: usize,
    },
    /// The cryptographic library failed.
    #[error("the key could not be made or used")]
    Library,
}

/// A public key as `SubjectPublicKeyInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    spki: Vec<u8>,
    kind: KeyKind,
}

impl PublicKey {
    /// From a DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    pub fn from_spki(spki: &[u8]) -> Result<Self, KeyError> {
        let mut outer = der::Reader::new(der::only(spki, der::SEQUENCE).ok_or(KeyError::Encoding)?);
        let algorithm = outer.expect(der::SEQUENCE).ok_or(KeyError::Encoding)?;
        let bits = outer.expect(der::BIT_STRING).ok_or(KeyError::Encoding)?;
        let (0, key) = bits.content.split_first().map(|(unused, key)| (*unused, key)).ok_or(KeyError::Encoding)? else {
            return Err(KeyError::Encoding);
        };
        if !outer.is_empty() {
            return Err(KeyError::Encoding);
        }
        let mut algorithm = der::Reader::new(algorithm.content);
        let identifier = algorithm.expect(der::OBJECT_IDENTIFIER).ok_or(KeyError::Encoding)?.content;
        let kind = match identifier {
            RSA_ENCRYPTION => rsa_kind(key)?,
            EC_PUBLIC_KEY => match algorithm.expect(der::OBJECT_IDENTIFIER).map(|curve| curve.content) {
                Some(SECP256R1) => KeyKind::EcP256,
                Some(SECP384R1) => KeyKind::EcP384,
                Some(SECP521R1) => KeyKind::EcP521,
                _ => return Err(KeyError::UnsupportedKind),
            },
            ED25519 => KeyKind::Ed25519,
            _ => return Err(KeyError::UnsupportedKind),
        };
        Ok(Self { spki: spki.to_vec(), kind })
    }

    /// From modulus and exponent, big-endian.
    pub fn from_rsa_components(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let key = der::constructed(der::SEQUENCE, &[&der::unsigned_integer(modulus), &der::unsigned_integer(exponent)]);
        Self::from_spki(&rsa_spki(&key))
    }

    /// From a curve and an uncompressed or raw point: `0x04 x y` for the NIST curves, 32 bytes for Ed25519.
    pub fn from_point(kind: KeyKind, point: &[u8]) -> Result<Self, KeyError> {
        let algorithm = match kind {
            KeyKind::Rsa => return Err(KeyError::UnsupportedKind),
            KeyKind::EcP256 => ec_algorithm(SECP256R1),
            KeyKind::EcP384 => ec_algorithm(SECP384R1),
            KeyKind::EcP521 => ec_algorithm(SECP521R1),
            KeyKind::Ed25519 => der::constructed(der::SEQUENCE, &[&der::value(der::OBJECT_IDENTIFIER, ED25519)]),
        };
        Self::from_spki(&der::constructed(der::SEQUENCE, &[&algorithm, &der::bit_string(point)]))
    }

    /// The DER `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// What kind of key this is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Whether `signature` over `message` was made by this key with this scheme. A scheme that does not fit the key
    /// is simply not valid.
    pub fn verifies(&self, scheme: SignatureScheme, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &dyn VerificationAlgorithm = match (self.kind, scheme) {
            (KeyKind::Rsa, SignatureScheme::RsaPkcs1(Hash::Sha256)) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (KeyKind::Rsa, SignatureScheme::RsaPkcs1(Hash::Sha384)) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (KeyKind::Rsa, SignatureScheme::RsaPkcs1(Hash::Sha512)) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (KeyKind::Rsa, SignatureScheme::RsaPss(Hash::Sha256)) => &signature::RSA_PSS_2048_8192_SHA256,
            (KeyKind::Rsa, SignatureScheme::RsaPss(Hash::Sha384)) => &signature::RSA_PSS_2048_8192_SHA384,
            (KeyKind::Rsa, SignatureScheme::RsaPss(Hash::Sha512)) => &signature::RSA_PSS_2048_8192_SHA512,
            (KeyKind::EcP256, SignatureScheme::Ecdsa(Hash::Sha256)) => &signature::ECDSA_P256_SHA256_FIXED,
            (KeyKind::EcP384, SignatureScheme::Ecdsa(Hash::Sha384)) => &signature::ECDSA_P384_SHA384_FIXED,
            (KeyKind::EcP521, SignatureScheme::Ecdsa(Hash::Sha512)) => &signature::ECDSA_P521_SHA512_FIXED,
            // The library has these pairs only for signatures in DER.
            (KeyKind::EcP256, SignatureScheme::Ecdsa(Hash::Sha384)) if signature.len() == 64 => {
                return self.check(&signature::ECDSA_P256_SHA384_ASN1, message, &ecdsa_der(signature));
            }
            (KeyKind::EcP384, SignatureScheme::Ecdsa(Hash::Sha256)) if signature.len() == 96 => {
                return self.check(&signature::ECDSA_P384_SHA256_ASN1, message, &ecdsa_der(signature));
            }
            (KeyKind::EcP521, SignatureScheme::Ecdsa(Hash::Sha256)) => &signature::ECDSA_P521_SHA256_FIXED,
            (KeyKind::EcP521, SignatureScheme::Ecdsa(Hash::Sha384)) => &signature::ECDSA_P521_SHA384_FIXED,
            (KeyKind::Ed25519, SignatureScheme::Ed25519) => &signature::ED25519,
            _ => return false,
        };
        self.check(algorithm, message, signature)
    }

    fn check(&self, algorithm: &'static dyn VerificationAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(algorithm, &self.spki).verify(message, signature).is_ok()
    }
}

fn rsa_kind(key: &[u8]) -> Result<KeyKind, KeyError> {
    let modulus = der::only(key, der::SEQUENCE).and_then(|inner| der::Reader::new(inner).expect(der::INTEGER));
    let modulus = modulus.ok_or(KeyError::Encoding)?.content;
    let modulus = &modulus[modulus.iter().take_while(|d| **d == 0).count()..];
    let leading = modulus.first().ok_or(KeyError::Encoding)?.leading_zeros() as usize;
    let bits = modulus.len() * 8 - leading;
    if (MINIMUM_RSA_BITS..=MAXIMUM_RSA_BITS).contains(&bits) {
        Ok(KeyKind::Rsa)
    } else {
        Err(KeyError::RsaSize { bits })
    }
}

fn rsa_algorithm() -> Vec<u8> {
    der::constructed(der::SEQUENCE, &[&der::value(der::OBJECT_IDENTIFIER, RSA_ENCRYPTION), &der::value(der::NULL, &[])])
}

fn rsa_spki(key: &[u8]) -> Vec<u8> {
    der::constructed(der::SEQUENCE, &[&rsa_algorithm(), &der::bit_string(key)])
}

fn ec_algorithm(curve: &[u8]) -> Vec<u8> {
    let identifier = der::value(der::OBJECT_IDENTIFIER, EC_PUBLIC_KEY);
    der::constructed(der::SEQUENCE, &[&identifier, &der::value(der::OBJECT_IDENTIFIER, curve)])
}

/// r and s at fixed width as the `ECDSA-Sig-Value` of RFC 3279.
pub(crate) fn ecdsa_der(fixed: &[u8]) -> Vec<u8> {
    let (r, s) = fixed.split_at(fixed.len() / 2);
    der::constructed(der::SEQUENCE, &[&der::unsigned_integer(r), &der::unsigned_integer(s)])
}

/// A private key that signs.
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kind", &self.public.kind).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// From a DER PKCS #8 key: RSA of at least 2048 bits, P-256 or P-384.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        if let Ok(pair) = RsaKeyPair::from_pkcs8(pkcs8) {
            let public = PublicKey::from_spki(&rsa_spki(pair.public_key().as_ref()))?;
            return Ok(Self { pair: Pair::Rsa(pair), public });
        }
        let curves = [
            (KeyKind::EcP256, &signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            (KeyKind::EcP384, &signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        ];
        for (kind, algorithm) in curves {
            if let Ok(pair) = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8) {
                let public = PublicKey::from_point(kind, pair.public_key().as_ref())?;
                return Ok(Self { pair: Pair::Ec(pair), public });
            }
        }
        Err(KeyError::UnsupportedKind)
    }

    /// A new RSA key of 2048 bits as PKCS #8. The cryptographic library's own random generator makes it: keys are the
    /// one thing that must never come from a reproducible source.
    pub fn generate_rsa_2048() -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Library)?;
        let pkcs8 = pair.as_der().map_err(|_| KeyError::Library)?;
        Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
    }

    /// A new P-256 key as PKCS #8; see [`SigningKey::generate_rsa_2048`] for its randomness.
    pub fn generate_p256() -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Ok(Zeroizing::new(document.map_err(|_| KeyError::Library)?.as_ref().to_vec()))
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The scheme [`SigningKey::sign`] uses: RSA PKCS #1 with SHA-256, or ECDSA with the curve's own hash.
    pub fn scheme(&self) -> SignatureScheme {
        match self.public.kind {
            KeyKind::EcP256 => SignatureScheme::Ecdsa(Hash::Sha256),
            KeyKind::EcP384 => SignatureScheme::Ecdsa(Hash::Sha384),
            _ => SignatureScheme::RsaPkcs1(Hash::Sha256),
        }
    }

    /// Signs with [`SigningKey::scheme`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        // The library draws its own randomness and ignores this argument's state.
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut out = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut out);
                signed.map(|()| out).map_err(|_| KeyError::Library)
            }
            Pair::Ec(pair) => pair.sign(&random, message).map(|s| s.as_ref().to_vec()).map_err(|_| KeyError::Library),
        }
    }

    /// For RSA keys: modulus and exponent, big-endian without leading zeros.
    pub(crate) fn rsa_components(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                Some((n.big_endian_without_leading_zero().to_vec(), e.big_endian_without_leading_zero().to_vec()))
            }
            Pair::Ec(_) => None,
        }
    }

    /// For EC keys: the x and y coordinates at the curve's width.
    pub(crate) fn coordinates(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        match &self.pair {
            Pair::Rsa(_) => None,
            Pair::Ec(pair) => {
                let (_, both) = pair.public_key().as_ref().split_first()?;
                let (x, y) = both.split_at(both.len() / 2);
                Some((x.to_vec(), y.to_vec()))
            }
        }
    }
}
