//! Policy documents on their way in and out.

use kernel::Result;
use model::iam::MalformedPolicyDocumentException;

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

/// Refuses a document that AWS refuses.
///
/// # Errors
/// `MalformedPolicyDocument` with AWS's text.
pub fn check(_kind: DocumentKind, text: &str) -> Result<()> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(_)) => Ok(()),
        _ => Err(MalformedPolicyDocumentException::new("Syntax errors in policy.").into()),
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
