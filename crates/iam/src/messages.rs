//! AWS's texts, in one place so that they can be compared with real answers (spec/iam-sts.md §2).

use kernel::Error;
use model::iam::{
    DeleteConflictException, EntityAlreadyExistsException, InvalidInputException, LimitExceededException,
    MalformedPolicyDocumentException, NoSuchEntityException, PolicyNotAttachableException, UnmodifiableEntityException,
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

/// `LimitExceeded` for a quota of that name (`GroupsPerUser`).
pub fn over_quota(quota: &str, max: i64) -> LimitExceededException {
    LimitExceededException::new(format!("Cannot exceed quota for {quota}: {max}"))
}

/// `DeleteConflict`: `what` (`detach all policies`) has to be done first.
pub fn must_first(what: &str) -> DeleteConflictException {
    DeleteConflictException::new(format!("Cannot delete entity, must {what} first."))
}

/// `NoSuchEntity` for a managed policy that is read, changed or detached.
pub fn no_policy(arn: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("Policy {arn} was not found."))
}

/// `NoSuchEntity` for a managed policy that is to be attached.
pub fn not_attachable(arn: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("Policy {arn} does not exist or is not attachable."))
}

/// `PolicyNotAttachable` for a policy of a service-linked role.
pub fn service_role_policy() -> PolicyNotAttachableException {
    PolicyNotAttachableException::new("Cannot attach a Service Role Policy to a Customer Role.")
}

/// `NoSuchEntity` for a version of a managed policy.
pub fn no_policy_version(arn: &str, version: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

/// `NoSuchEntity` for an inline policy of a `kind` (`user`, `group`, `role`).
pub fn no_inline_policy(kind: &str, name: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("The {kind} policy with name {name} cannot be found."))
}

/// `LimitExceeded` for inline policies that are too long together.
pub fn inline_policies_too_long(kind: &str, name: &str, max: usize) -> LimitExceededException {
    LimitExceededException::new(format!("Maximum policy size of {max} bytes exceeded for {kind} {name}"))
}

/// `NoSuchEntity` for an access key.
pub fn no_access_key(id: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("The Access Key with id {id} cannot be found"))
}

/// `NoSuchEntity` for a login profile.
pub fn no_login_profile(user: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("Login Profile for User {user} cannot be found."))
}

/// `NoSuchEntity` for a virtual MFA device.
pub fn no_mfa_device(serial: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("VirtualMFADevice with serial number {serial} doesn't exist."))
}

/// The refusal of callers who have no name of their own and gave none.
pub fn user_name_required() -> Error {
    Error::Validation("Must specify userName when calling with non-User credentials".to_owned())
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

/// `InvalidInput` for a path that AWS keeps to its services.
pub fn reserved_path(path: &str) -> InvalidInputException {
    InvalidInputException::new(format!("The path {path} is reserved for roles that AWS services create."))
}

/// `InvalidInput` for a service that has no service-linked role.
pub fn no_service_linked_role(service: &str) -> InvalidInputException {
    InvalidInputException::new(format!("Cannot find Service Linked Role template for {service}"))
}

/// `InvalidInput` for a custom suffix where the service takes none.
pub fn no_custom_suffix(service: &str) -> InvalidInputException {
    InvalidInputException::new(format!("Custom suffix is not allowed for {service}"))
}

/// `InvalidInput` for a service-linked role that exists.
pub fn service_linked_role_exists(name: &str) -> InvalidInputException {
    InvalidInputException::new(format!(
        "Service role name {name} has been taken in this account, please try a different suffix."
    ))
}

/// `NoSuchEntity` for the deletion task of a service-linked role.
pub fn no_deletion_task(id: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("Deletion task {id} cannot be found."))
}

/// `NoSuchEntity` for an instance profile.
pub fn no_instance_profile(name: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("Instance Profile {name} cannot be found."))
}

/// `EntityAlreadyExists` for an instance profile.
pub fn instance_profile_exists(name: &str) -> EntityAlreadyExistsException {
    EntityAlreadyExistsException::new(format!("Instance Profile {name} already exists."))
}

/// `NoSuchEntity` for a SAML provider.
pub fn no_saml_provider(arn: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("Manifest not found for arn {arn}"))
}

/// `EntityAlreadyExists` for an identity provider: `what` is `name …` or `url …`.
pub fn provider_exists(what: &str) -> EntityAlreadyExistsException {
    EntityAlreadyExistsException::new(format!("Provider with {what} already exists."))
}

/// `NoSuchEntity` for an OpenID Connect provider.
pub fn no_oidc_provider(arn: &str) -> NoSuchEntityException {
    NoSuchEntityException::new(format!("OpenIDConnect Provider not found for arn {arn}"))
}
