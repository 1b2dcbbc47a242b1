//! What is wrong with a document, in AWS's words and with places.
use crate::document::{Document, Malformed, PolicyKind};
use crate::json::Position;
pub(crate) const SYNTAX_ERRORS: &str = "Syntax errors in policy.";
/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The refusal.
    pub refusal: Malformed,
    /// Where.
    pub position: Position,
}
impl Finding {
    /// Whether AWS refuses the document for it.
    pub fn is_error(&self) -> bool {
        true
    }
}
impl From<Finding> for Malformed {
    fn from(finding: Finding) -> Self {
        finding.refusal
    }
}
/// Lists what is wrong with a document of a kind.
pub fn validate(_kind: PolicyKind, text: &[u8]) -> Vec<Finding> {
    Document::parse_stored(text)
        .err()
        .map(|refusal| Finding { position: refusal.position, refusal })
        .into_iter()
        .collect()
}
