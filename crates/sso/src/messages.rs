//! The errors of IAM Identity Center, in AWS's sentences as far as they are known.

use base::{InstanceId, PermissionSetId};
use kernel::Error;
use model::sso_admin::{
    AccessDeniedException, ConflictException, ResourceNotFoundException, ServiceQuotaExceededException,
    ValidationException,
};
use std::fmt::Display;

/// There is no such thing, or none that the caller may know of: `Could not find <kind> with id <id>`.
pub fn not_found(kind: &str, id: impl Display) -> Error {
    ResourceNotFoundException::new(format!("Could not find {kind} with id {id}")).into()
}

/// No such instance that the caller may know of.
pub fn no_instance(id: impl Display) -> Error {
    not_found("Instance", id)
}

/// No such permission set in the instance.
pub fn no_permission_set(id: impl Display) -> Error {
    not_found("PermissionSet", id)
}

/// The caller's account may know of the instance, but not administer it.
pub fn not_an_administrator() -> Error {
    let message = "You do not have sufficient access to perform this action: only the management account and the \
                   delegated administrator of the organization may administer this instance of IAM Identity Center";
    AccessDeniedException::new(message).into()
}

/// Organizations does not let the service reach the organization any more.
pub fn trusted_access_disabled() -> Error {
    let message = "AWS SSO is not able to access the organization: trusted access is disabled";
    AccessDeniedException::new(message).into()
}

/// A delegated administrator asked for what only the management account may do.
pub fn management_account_only() -> Error {
    let message = "The delegated administrator cannot manage access to the management account of the organization";
    AccessDeniedException::new(message).into()
}

/// The instance belongs to one account, and the operation is about the accounts of an organization.
pub fn account_instance() -> Error {
    validation("The operation is not supported for account instances of IAM Identity Center")
}

/// The instance has something else in hand.
pub fn instance_not_active(id: &InstanceId) -> Error {
    conflict(format!("The instance {id} is not active"))
}

/// The permission set cannot go while it is in use.
pub fn permission_set_in_use(id: &PermissionSetId) -> Error {
    conflict(format!(
        "Could not delete because PermissionSet has ApplicationProfile associated with it. PermissionSet id: {id}"
    ))
}

/// A paging token that was not given out for this list.
pub fn invalid_next_token() -> Error {
    validation("The NextToken is not valid for this operation and its parameters")
}

/// The input breaks a rule that the model cannot say.
pub fn validation(message: impl Into<String>) -> Error {
    ValidationException::new(message).into()
}

/// The input does not fit what is there.
pub fn conflict(message: impl Into<String>) -> Error {
    ConflictException::new(message).into()
}

/// The caller's account may not do this, whatever its policies say.
pub fn denied(message: impl Into<String>) -> Error {
    AccessDeniedException::new(message).into()
}

/// `what` would be more than `limit` for `id`.
pub fn quota_exceeded(what: &str, limit: impl Display, id: impl Display) -> Error {
    let message = format!("You have exceeded AWS SSO limits. Cannot create {what} more than {limit} for id {id}");
    ServiceQuotaExceededException::new(message).into()
}
