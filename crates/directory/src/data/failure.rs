//! What a refusal of the directory, or its absence, is in the API.

use crate::connector::Problem;
use crate::ldap::{LdapError, Outcome, code};
use base::DirectoryId;
use kernel::Error;
use model::ds_data::{
    AccessDeniedException, AccessDeniedReason, ConflictException, DirectoryUnavailableException,
    DirectoryUnavailableReason, ResourceNotFoundException, ThrottlingException, ValidationException,
    ValidationExceptionReason,
};

/// Why a conversation with a controller ended without what was asked for.
#[derive(Debug)]
pub(super) enum Failure {
    /// The controller, or the way to it.
    Ldap(LdapError),
    /// Us: the caller is told this.
    Told(Error),
}

impl From<LdapError> for Failure {
    fn from(error: LdapError) -> Self {
        Self::Ldap(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

/// `ValidationException` with its reason.
pub(super) fn invalid(reason: ValidationExceptionReason, message: impl Into<String>) -> Error {
    ValidationException { message: Some(message.into()), reason: Some(reason) }.into()
}

/// `AccessDeniedException` with its reason.
pub(super) fn denied(reason: AccessDeniedReason, message: impl Into<String>) -> Error {
    AccessDeniedException { message: Some(message.into()), reason: Some(reason) }.into()
}

/// `DirectoryUnavailableException` with its reason.
pub(super) fn unavailable(reason: DirectoryUnavailableReason, id: &DirectoryId) -> Error {
    let message = format!("Directory {id} is not available at this time.");
    DirectoryUnavailableException { message: Some(message), reason: Some(reason) }.into()
}

/// `ResourceNotFoundException`.
pub(super) fn not_found(message: impl Into<String>) -> Error {
    ResourceNotFoundException::new(message).into()
}

/// `ConflictException`.
pub(super) fn conflict(message: impl Into<String>) -> Error {
    ConflictException::new(message).into()
}

/// `ThrottlingException`.
pub(super) fn throttled() -> Error {
    ThrottlingException { message: "Rate exceeded".to_owned(), retry_after_seconds: Some(1) }.into()
}

/// What the caller is told about a directory that cannot be used; operators find the cause in the log.
pub(super) fn of_problem(id: &DirectoryId, problem: &Problem) -> Error {
    use DirectoryUnavailableReason as Reason;
    let reason = match problem {
        Problem::Ldap { error: LdapError::Refused(outcome), .. } if !is_busy(outcome) => {
            return of_refusal(id, outcome);
        }
        Problem::Ldap { error: LdapError::Refused(_) | LdapError::TooMuch(_), .. } => {
            Reason::DirectoryResourcesExceeded
        }
        Problem::Ldap { error, .. } if error.is_outage() => Reason::DirectoryTimeout,
        Problem::Dns(_) => Reason::DirectoryTimeout,
        _ => Reason::InvalidDirectoryState,
    };
    tracing::warn!(directory = %id, %problem, "a directory cannot be used");
    unavailable(reason, id)
}

fn is_busy(outcome: &Outcome) -> bool {
    matches!(outcome.code, code::BUSY | code::UNAVAILABLE)
}

/// What the caller is told when a controller refuses.
pub(super) fn of_refusal(id: &DirectoryId, outcome: &Outcome) -> Error {
    use ValidationExceptionReason as Reason;
    let (reason, message) = match outcome.code {
        code::ENTRY_EXISTS => return conflict("An object with that name already exists in the directory."),
        code::NO_SUCH_OBJECT => return not_found("The object does not exist in the directory."),
        code::INSUFFICIENT_ACCESS => {
            let message = "The directory does not let this object be changed.";
            return denied(AccessDeniedReason::DirectoryAuth, message);
        }
        code::BUSY | code::UNAVAILABLE => {
            return unavailable(DirectoryUnavailableReason::DirectoryResourcesExceeded, id);
        }
        code::VALUE_EXISTS => (Reason::AttributeExists, "The attribute already has that value."),
        code::NO_SUCH_ATTRIBUTE => (Reason::MissingAttribute, "The attribute does not have that value."),
        code::UNDEFINED_ATTRIBUTE | code::CLASS_VIOLATION => {
            (Reason::InvalidAttributeName, "The directory does not know the attribute for objects of this kind.")
        }
        code::CONSTRAINT_VIOLATION | code::INVALID_SYNTAX | code::INVALID_NAME => {
            (Reason::InvalidAttributeValue, "The directory does not take a value that was given.")
        }
        code::SIZE_LIMIT => (Reason::LdapSizeLimitExceeded, "The directory found more than it gives out."),
        code::UNWILLING => (Reason::LdapUnsupportedOperation, "The directory does not do what was asked for."),
        _ => {
            let text = format!("a controller of {id} refused with {}: {}", outcome.code, outcome.message);
            return Error::internal(text);
        }
    };
    tracing::info!(directory = %id, code = outcome.code, message = outcome.message, "a controller refused");
    invalid(reason, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_the_directory_are_errors_of_the_model() {
        let id = DirectoryId::parse("d-0123456789").expect("valid");
        let told = |code| of_refusal(&id, &Outcome { code, message: "00002071: secret detail".to_owned() });
        for (code, name) in [
            (code::ENTRY_EXISTS, "ConflictException"),
            (code::NO_SUCH_OBJECT, "ResourceNotFoundException"),
            (code::CONSTRAINT_VIOLATION, "ValidationException"),
            (code::UNWILLING, "ValidationException"),
            (code::INSUFFICIENT_ACCESS, "AccessDeniedException"),
            (code::BUSY, "DirectoryUnavailableException"),
            (1, "InternalFailure"),
        ] {
            let error = told(code);
            assert_eq!(error.code(), name, "{code}");
            assert!(!error.message().contains("secret"), "{code}");
        }
    }

    #[test]
    fn a_directory_that_does_not_answer_is_unavailable() {
        let id = DirectoryId::parse("d-0123456789").expect("valid");
        let silent = Problem::Ldap { controller: "dc1".to_owned(), error: LdapError::TooSlow };
        for problem in [silent, Problem::Dns("nobody".to_owned()), Problem::Credentials("no".to_owned())] {
            assert_eq!(of_problem(&id, &problem).code(), "DirectoryUnavailableException");
        }
    }
}
