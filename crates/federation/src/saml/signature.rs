//! XML signatures in the one profile that SAML needs (SAML 2.0 core §5.4), checked strictly.
//!
//! A signature is a child of the element it signs; it has one reference, to that very element; transforms are
//! enveloped-signature and exclusive canonicalisation; the key is one the caller passes. `KeyInfo` is not looked at.

use super::{ASSERTION_NAMESPACE, PROTOCOL_NAMESPACE, SIGNATURE_NAMESPACE};
use crate::keys::{Hash, PublicKey, SignatureScheme};
use crate::xml::{Document, ElementId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashSet;

/// Exclusive canonicalisation without comments.
pub const EXCLUSIVE_CANONICALIZATION: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// The transform that takes the signature out of what it signs.
pub const ENVELOPED_SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// Most prefixes in an `InclusiveNamespaces` list.
const MAXIMUM_INCLUSIVE_PREFIXES: usize = 32;
/// How much of an unknown algorithm's name is repeated in the error, in characters.
const MAXIMUM_QUOTED_ALGORITHM: usize = 200;

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Neither the response nor the assertion is signed.
    #[error("neither the response nor the assertion is signed")]
    Missing,
    /// A `Signature` elsewhere than directly in the response or its assertion, or two in one place.
    #[error("there is a signature in a place where none is expected")]
    Misplaced,
    /// The same ID on two elements.
    #[error("the ID {0} occurs more than once")]
    DuplicateId(String),
    /// The signature's own structure.
    #[error("the signature is not of the accepted profile: {0}")]
    Profile(&'static str),
    /// An algorithm that is not accepted (SHA-1, HMAC, inclusive canonicalisation and others).
    #[error("the algorithm {0} is not accepted")]
    Algorithm(String),
    /// The reference names something else than the element around the signature.
    #[error("the signature does not refer to the element it is in")]
    Reference,
    /// The signed element was changed after signing.
    #[error("the signed element does not match its digest")]
    Digest,
    /// No configured key made this signature.
    #[error("the signature was not made with a key of the provider's metadata")]
    Key,
}

/// The algorithm URIs of signatures that are accepted (RFC 6931).
pub(super) const SIGNATURE_METHODS: [(&str, SignatureScheme); 5] = [
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", SignatureScheme::RsaPkcs1(Hash::Sha256)),
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", SignatureScheme::RsaPkcs1(Hash::Sha384)),
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", SignatureScheme::RsaPkcs1(Hash::Sha512)),
    ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", SignatureScheme::Ecdsa(Hash::Sha256)),
    ("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384", SignatureScheme::Ecdsa(Hash::Sha384)),
];

/// The algorithm URIs of digests that are accepted.
pub(super) const DIGEST_METHODS: [(&str, Hash); 3] = [
    ("http://www.w3.org/2001/04/xmlenc#sha256", Hash::Sha256),
    ("http://www.w3.org/2001/04/xmldsig-more#sha384", Hash::Sha384),
    ("http://www.w3.org/2001/04/xmlenc#sha512", Hash::Sha512),
];

/// Refuses a document in which an ID attribute's value occurs twice, however the attribute is spelt.
pub(super) fn check_unique_ids(document: &Document<'_>) -> Result<(), SignatureError> {
    let mut seen = HashSet::new();
    for element in document.all() {
        for (local, value) in document.attributes(element) {
            if local.eq_ignore_ascii_case("id") && !seen.insert(value) {
                return Err(SignatureError::DuplicateId(value.chars().take(MAXIMUM_QUOTED_ALGORITHM).collect()));
            }
        }
    }
    Ok(())
}

/// Checks every signature of a response with one assertion. At least one of the two must be signed, by one of `keys`;
/// what is signed must be signed correctly; and no other signature may be in the document.
pub(super) fn verify(
    document: &Document<'_>,
    response: ElementId,
    assertion: ElementId,
    keys: &[&PublicKey],
) -> Result<(), SignatureError> {
    debug_assert!(document.is(response, PROTOCOL_NAMESPACE, "Response"));
    debug_assert!(document.is(assertion, ASSERTION_NAMESPACE, "Assertion"));
    check_unique_ids(document)?;
    let all = document.all().filter(|id| document.is(*id, SIGNATURE_NAMESPACE, "Signature")).count();
    let mut verified = 0;
    for signed in [response, assertion] {
        let mut signatures = document.children_named(signed, SIGNATURE_NAMESPACE, "Signature");
        let Some(signature) = signatures.next() else { continue };
        if signatures.next().is_some() {
            return Err(SignatureError::Misplaced);
        }
        verify_enveloped(document, signed, signature, keys)?;
        verified += 1;
    }
    match verified {
        0 if all == 0 => Err(SignatureError::Missing),
        verified if verified == all => Ok(()),
        _ => Err(SignatureError::Misplaced),
    }
}

fn verify_enveloped(
    document: &Document<'_>,
    signed: ElementId,
    signature: ElementId,
    keys: &[&PublicKey],
) -> Result<(), SignatureError> {
    let parts: Vec<_> = document.children(signature).collect();
    let (signed_info, value) = match parts.as_slice() {
        [info, value] => (*info, *value),
        [info, value, key] if document.is(*key, SIGNATURE_NAMESPACE, "KeyInfo") => (*info, *value),
        _ => return Err(SignatureError::Profile("Signature must have SignedInfo, SignatureValue and at most KeyInfo")),
    };
    if document.has_direct_text(signature) {
        return Err(SignatureError::Profile("an element has other content than expected"));
    }
    expect(document, signed_info, "SignedInfo")?;
    expect(document, value, "SignatureValue")?;
    let [canonicalization, method, reference] = exactly(document, signed_info)?;
    expect(document, canonicalization, "CanonicalizationMethod")?;
    expect(document, method, "SignatureMethod")?;
    expect(document, reference, "Reference")?;
    let prefixes = exclusive_canonicalization(document, canonicalization)?;
    let [] = exactly(document, method)?;
    let scheme = algorithm(document, method, &SIGNATURE_METHODS)?;
    verify_reference(document, signed, signature, reference)?;
    let message = document.canonical(signed_info, None, &prefixes);
    let signature = base64(document, value)?;
    if keys.iter().any(|key| key.verifies(scheme, message.as_bytes(), &signature)) {
        Ok(())
    } else {
        Err(SignatureError::Key)
    }
}

fn verify_reference(
    document: &Document<'_>,
    signed: ElementId,
    signature: ElementId,
    reference: ElementId,
) -> Result<(), SignatureError> {
    let uri = document.attribute(reference, "URI").ok_or(SignatureError::Reference)?;
    let id = document.attribute(signed, "ID").filter(|id| !id.is_empty());
    // The empty URI is the whole document: right only for a signature in the root.
    let refers = match uri.strip_prefix('#') {
        Some(fragment) => Some(fragment) == id,
        None => uri.is_empty() && signed == document.root(),
    };
    if !refers {
        return Err(SignatureError::Reference);
    }
    let [transforms, method, value] = exactly(document, reference)?;
    expect(document, transforms, "Transforms")?;
    expect(document, method, "DigestMethod")?;
    expect(document, value, "DigestValue")?;
    let [enveloped, canonicalization] = exactly(document, transforms)?;
    expect(document, enveloped, "Transform")?;
    expect(document, canonicalization, "Transform")?;
    let [] = exactly(document, enveloped)?;
    algorithm(document, enveloped, &[(ENVELOPED_SIGNATURE, ())])?;
    let prefixes = exclusive_canonicalization(document, canonicalization)?;
    let [] = exactly(document, method)?;
    let hash = algorithm(document, method, &DIGEST_METHODS)?;
    let canonical = document.canonical(signed, Some(signature), &prefixes);
    if hash.digest(canonical.as_bytes()).as_ref() == base64(document, value)? {
        Ok(())
    } else {
        Err(SignatureError::Digest)
    }
}

fn expect(document: &Document<'_>, id: ElementId, local: &str) -> Result<(), SignatureError> {
    if document.is(id, SIGNATURE_NAMESPACE, local) {
        Ok(())
    } else {
        Err(SignatureError::Profile("an element is missing or out of place"))
    }
}

/// The child elements, of which there must be `N`, with nothing but white space between them.
fn exactly<const N: usize>(document: &Document<'_>, id: ElementId) -> Result<[ElementId; N], SignatureError> {
    let children: Vec<_> = document.children(id).take(N + 1).collect();
    let children = children.try_into();
    match children {
        Ok(children) if !document.has_direct_text(id) => Ok(children),
        _ => Err(SignatureError::Profile("an element has other content than expected")),
    }
}

fn algorithm<T: Copy>(document: &Document<'_>, id: ElementId, known: &[(&str, T)]) -> Result<T, SignatureError> {
    let uri = document.attribute(id, "Algorithm").unwrap_or_default();
    let found = known.iter().find(|(name, _)| *name == uri).map(|(_, value)| *value);
    found.ok_or_else(|| SignatureError::Algorithm(uri.chars().take(MAXIMUM_QUOTED_ALGORITHM).collect()))
}

/// Checks that an element asks for exclusive canonicalisation; answers its `InclusiveNamespaces` prefixes.
fn exclusive_canonicalization<'d>(document: &'d Document<'_>, id: ElementId) -> Result<Vec<&'d str>, SignatureError> {
    algorithm(document, id, &[(EXCLUSIVE_CANONICALIZATION, ())])?;
    let parameters: Vec<_> = document.children(id).collect();
    let prefixes: Vec<&str> = match parameters.as_slice() {
        [] => Vec::new(),
        [list] if document.is(*list, EXCLUSIVE_CANONICALIZATION, "InclusiveNamespaces") => {
            document.attribute(*list, "PrefixList").unwrap_or_default().split_ascii_whitespace().collect()
        }
        _ => return Err(SignatureError::Profile("unknown parameters of the canonicalisation")),
    };
    if prefixes.len() > MAXIMUM_INCLUSIVE_PREFIXES || document.has_direct_text(id) {
        return Err(SignatureError::Profile("unknown parameters of the canonicalisation"));
    }
    Ok(prefixes)
}

fn base64(document: &Document<'_>, id: ElementId) -> Result<Vec<u8>, SignatureError> {
    let text = document.text(id).ok_or(SignatureError::Profile("a value that is not base64"))?;
    let compact: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(compact).map_err(|_| SignatureError::Profile("a value that is not base64"))
}
