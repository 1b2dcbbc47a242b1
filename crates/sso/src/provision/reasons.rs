//! Why requests fail, as their `FailureReason` says it; in AWS's words as far as they are known.

use base::{AccountId, IdentityStoreId};

/// Organizations does not let the service reach the organization.
pub const TRUSTED_ACCESS_DISABLED: &str = "AWS SSO is not able to access the organization: trusted access is disabled";
/// A fault of ours.
pub const INTERNAL: &str = "Received a 500 status error: an internal error occurred.";

/// An answer of IAM.
pub fn received(status: u16, message: &str) -> String {
    format!("Received a {status} status error: {message}")
}

/// A refusal of IAM.
pub fn denied_by_iam(message: &str) -> String {
    let text = format!(
        "Access denied by IAM. Please check your policy, or wait for role propagation to complete. IAM Error: {message}"
    );
    received(403, &text)
}

/// There is nothing to be deleted.
pub fn no_assignment() -> String {
    received(404, "Assignment not found.")
}

/// Whom the assignment is for is not in the identity store.
pub fn no_principal(kind: &str, id: &str, store: &IdentityStoreId) -> String {
    received(404, &format!("the {kind} assignee {id} was not found in directory {store}."))
}

/// The permission set is not in the account.
pub fn not_provisioned(account: &AccountId) -> String {
    received(404, &format!("Permission set provision not found in AWS account {account}."))
}

/// The account is no member of the organization.
pub fn account_left(account: &AccountId) -> String {
    received(404, &format!("AWS account {account} was not found in the organization."))
}

/// The account is not in use.
pub fn account_suspended(account: &AccountId) -> String {
    received(400, &format!("AWS account {account} is suspended."))
}
