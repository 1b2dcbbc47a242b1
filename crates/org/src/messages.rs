//! AWS's texts, in one place so that they can be compared with real answers (spec/organizations.md).

use kernel::Error;
use model::organizations::{
    AWSOrganizationsNotInUseException, AccessDeniedException, AccountNotFoundException, ConstraintViolationException,
    ConstraintViolationExceptionReason, InvalidInputException, InvalidInputExceptionReason,
    OrganizationalUnitNotFoundException, ParentNotFoundException, RootNotFoundException, TargetNotFoundException,
};

/// The caller's account is in no organization.
pub fn not_in_use() -> Error {
    AWSOrganizationsNotInUseException::new("Your account is not a member of an organization.").into()
}

/// The caller's account is not one that may call the operation.
pub fn wrong_account() -> Error {
    AccessDeniedException::new("You don't have permissions to access this resource.").into()
}

/// A constraint of Organizations is violated.
pub fn constraint(reason: ConstraintViolationExceptionReason, message: &str) -> Error {
    ConstraintViolationException { message: Some(message.to_owned()), reason: Some(reason) }.into()
}

/// The operation needs an organization with all features.
pub fn not_all_features() -> Error {
    constraint(
        ConstraintViolationExceptionReason::OrganizationNotInAllFeaturesMode,
        "To perform this operation, the organization must have all features enabled.",
    )
}

/// The input breaks a rule that the model cannot say.
pub fn invalid_input(reason: InvalidInputExceptionReason, message: &str) -> Error {
    InvalidInputException { message: Some(message.to_owned()), reason: Some(reason) }.into()
}

/// An id that names another kind of thing than the operation takes.
pub fn invalid_pattern() -> Error {
    invalid_input(
        InvalidInputExceptionReason::InvalidPattern,
        "You provided a value that does not match the required pattern.",
    )
}

/// A paging token that was not given out for this list.
pub fn invalid_next_token() -> Error {
    invalid_input(
        InvalidInputExceptionReason::InvalidNextToken,
        "You provided a NextToken that is not valid for this operation and its parameters.",
    )
}

/// No such account in the organization.
pub fn no_account() -> Error {
    AccountNotFoundException::new("You specified an account that doesn't exist.").into()
}

/// No such organizational unit in the organization.
pub fn no_unit() -> Error {
    OrganizationalUnitNotFoundException::new("You specified an organizational unit that doesn't exist.").into()
}

/// No such root or organizational unit in the organization.
pub fn no_parent() -> Error {
    ParentNotFoundException::new("You specified parent that doesn't exist.").into()
}

/// No such root in the organization.
pub fn no_root() -> Error {
    RootNotFoundException::new("You specified a root that doesn't exist.").into()
}

/// No such root, organizational unit or account in the organization.
pub fn no_target() -> Error {
    TargetNotFoundException::new("You specified a target that doesn't exist.").into()
}

/// The caller may not create the service-linked role of Organizations.
pub const SERVICE_LINKED_ROLE_DENIED: &str = "The request failed because your credentials do not have permission to \
    create the service-linked role required by AWS Organizations.";

/// A service that cannot be trusted, or that does not know what was asked of it.
pub fn unrecognized_service() -> Error {
    invalid_input(
        InvalidInputExceptionReason::UnrecognizedServicePrincipal,
        "You specified an unrecognized service principal.",
    )
}
