//! What a policy of each type must be: its document and its quotas.

use crate::effective_policy::Document;
use crate::messages;
use kernel::Result;
use model::organizations::{
    ConstraintViolationExceptionReason, EffectivePolicyType, MalformedPolicyDocumentException, PolicyType,
};
use policy::PolicyKind;

/// Quotas of a policy type ("Quotas and service limits for AWS Organizations").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Characters of a document, white space included.
    pub content_characters_max: usize,
    /// Policies that an organization may have.
    pub policies_max: i64,
    /// Policies that may be attached directly to a root, organizational unit or account.
    pub attached_max: i64,
    /// Policies that must stay attached while the type is enabled.
    pub attached_min: i64,
}

impl Quotas {
    /// The quotas of a type.
    pub fn of(policy_type: PolicyType) -> Self {
        let (content_characters_max, policies_max, attached_max, attached_min) = match policy_type {
            PolicyType::ServiceControlPolicy => (10_240, 10_000, 10, 1),
            PolicyType::ResourceControlPolicy => (5_120, 1_000, 5, 1),
            PolicyType::AiservicesOptOutPolicy => (2_500, 1_000, 5, 0),
            _ => (10_000, 1_000, 10, 0),
        };
        Self { content_characters_max, policies_max, attached_max, attached_min }
    }
}

/// The type as [`EffectivePolicyType`]; `None` for authorization policies, which are not merged.
pub fn effective_type(policy_type: PolicyType) -> Option<EffectivePolicyType> {
    EffectivePolicyType::parse(policy_type.as_str())
}

/// Refuses a document that a policy of this type cannot have.
///
/// # Errors
/// `ConstraintViolationException` for its size, `MalformedPolicyDocumentException` for everything else.
pub fn check_content(policy_type: PolicyType, content: &str) -> Result<()> {
    if content.chars().count() > Quotas::of(policy_type).content_characters_max {
        let message = "You have exceeded the content size limit for a policy.";
        return Err(messages::constraint(ConstraintViolationExceptionReason::PolicyContentLimitExceeded, message));
    }
    let is_valid = match effective_type(policy_type) {
        Some(policy_type) => Document::parse(policy_type, content).is_some(),
        None if policy_type == PolicyType::ResourceControlPolicy => {
            policy::Document::parse(content, PolicyKind::ResourceControl).is_ok()
        }
        None => policy::Document::parse(content, PolicyKind::ServiceControl).is_ok(),
    };
    if is_valid {
        return Ok(());
    }
    let message = "The provided policy document does not meet the requirements of the specified policy type.";
    Err(MalformedPolicyDocumentException::new(message).into())
}
