//! Policy documents on their way in and out.

use kernel::Result;
use model::iam::MalformedPolicyDocumentException;
use policy::{PolicyKind, validate};
use smithy::schema::ErrorShape as _;

/// Kinds of documents that IAM stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// What a user, group or role may do; also permissions boundaries.
    Identity,
    /// Who may assume a role.
    Trust,
    /// What a session may do at most.
    Session,
}

/// Refuses a document that AWS refuses. Its size is the caller's concern: it depends on where the document goes.
///
/// # Errors
/// `MalformedPolicyDocument` with AWS's text.
pub fn check(kind: DocumentKind, text: &str) -> Result<()> {
    let kind = match kind {
        DocumentKind::Identity => PolicyKind::Identity,
        DocumentKind::Trust => PolicyKind::Trust,
        DocumentKind::Session => PolicyKind::Session,
    };
    let refusal = validate::validate(kind, text)
        .into_iter()
        .find(|finding| finding.is_error() && finding.code == MalformedPolicyDocumentException::default().meta().code);
    match refusal {
        None => Ok(()),
        Some(finding) => Err(MalformedPolicyDocumentException::new(finding.message).into()),
    }
}

/// A document as IAM's answers carry it: percent-encoded by RFC 3986.
pub fn encoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() * 2);
    smithy::encoding::percent_encode(text.as_bytes(), false, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Number of characters that count against a policy's size: white space is free.
pub fn counted_characters(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}
