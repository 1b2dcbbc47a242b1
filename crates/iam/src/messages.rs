//! AWS's texts, in one place so that they can be compared with real answers (spec/iam-sts.md §2).

use model::iam::{
    DeleteConflictException, EntityAlreadyExistsException, LimitExceededException, MalformedPolicyDocumentException,
    NoSuchEntityException, UnmodifiableEntityException,
};

/// `NoSuchEntity` for a user.
pub fn no_user(name: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("The user with name {name} cannot be found."))
}

/// `NoSuchEntity` for a role.
pub fn no_role(name: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("The role with name {name} cannot be found."))
}

/// `NoSuchEntity` for a group.
pub fn no_group(name: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("The group with name {name} cannot be found."))
}

/// `EntityAlreadyExists` for a `kind` (`User`, `Role`, `Group`) of that name.
pub fn exists(kind: &str, name: &str) -> EntityAlreadyExistsException {
    EntityAlreadyExistsException::new(format!("{kind} with name {name} already exists."))
}

/// `MalformedPolicyDocument` for a trust policy that is not JSON.
pub fn invalid_json() -> MalformedPolicyDocumentException {
    MalformedPolicyDocumentException::new("This policy contains invalid Json")
}

/// `MalformedPolicyDocument` for a trust policy with a statement for nobody.
pub fn no_principals() -> MalformedPolicyDocumentException {
    MalformedPolicyDocumentException::new(
        "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: \
         The passed in policy has a statement with no principals!",
    )
}

/// `MalformedPolicyDocument` for a principal that does not exist.
pub fn invalid_principal(principal: &str) -> MalformedPolicyDocumentException {
    MalformedPolicyDocumentException::new(format!("Invalid principal in policy: \"AWS\":\"{principal}\""))
}

/// `UnmodifiableEntity` for a role that AWS keeps to itself.
pub fn protected_role(name: &str) -> UnmodifiableEntityException {
    UnmodifiableEntityException::new(format!(
        "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    ))
}

/// `LimitExceeded` for the quota of that name.
pub fn quota(name: &str, limit: impl std::fmt::Display) -> LimitExceededException {
    LimitExceededException::new(format!("Cannot exceed quota for {name}: {limit}"))
}

/// `DeleteConflict` for an entity of which something must be removed first (`delete policies`).
pub fn must_first(what: &str) -> DeleteConflictException {
    DeleteConflictException::new(format!("Cannot delete entity, must {what} first."))
}
