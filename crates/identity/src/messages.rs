//! The texts in which the identity store refuses.

use kernel::{Cx, Error};
use model::identitystore::{
    ConflictException, ConflictExceptionReason, ResourceNotFoundException, ResourceType, ServiceQuotaExceededException,
};

/// Something does not exist, or not for this caller.
pub(crate) fn not_found(cx: &Cx<'_>, kind: ResourceType, id: &str) -> Error {
    missing(cx, kind, id, format!("{} not found.", kind.as_str()))
}

/// The user who is to become a member, or to be looked for in groups, does not exist.
pub(crate) fn no_member(cx: &Cx<'_>, id: &str) -> Error {
    missing(cx, ResourceType::User, id, "Member does not exist".to_owned())
}

/// The group of a membership does not exist.
pub(crate) fn no_group_for_member(cx: &Cx<'_>, id: &str) -> Error {
    missing(cx, ResourceType::Group, id, "Group does not exist".to_owned())
}

fn missing(cx: &Cx<'_>, kind: ResourceType, id: &str, message: String) -> Error {
    ResourceNotFoundException {
        message: Some(message),
        request_id: Some(cx.request.request_id.clone()),
        resource_id: Some(id.to_owned()).filter(|id| !id.is_empty()),
        resource_type: Some(kind),
        ..ResourceNotFoundException::default()
    }
    .into()
}

/// Something else has that value already.
pub(crate) fn not_unique(cx: &Cx<'_>, message: &str) -> Error {
    conflict(cx, ConflictExceptionReason::UniquenessConstraintViolation, message)
}

/// The caller's revision is not the present one.
pub(crate) fn stale(cx: &Cx<'_>) -> Error {
    let message = "The resource was changed by another request since the given revision.";
    conflict(cx, ConflictExceptionReason::ConcurrentModification, message)
}

fn conflict(cx: &Cx<'_>, reason: ConflictExceptionReason, message: &str) -> Error {
    ConflictException {
        message: Some(message.to_owned()),
        reason: Some(reason),
        request_id: Some(cx.request.request_id.clone()),
    }
    .into()
}

/// There are as many `things` as a store may hold.
pub(crate) fn quota(cx: &Cx<'_>, things: &str) -> Error {
    ServiceQuotaExceededException {
        message: Some(format!("The quota of {things} in the identity store has been reached.")),
        request_id: Some(cx.request.request_id.clone()),
    }
    .into()
}

/// The people of the store are kept in Active Directory.
pub(crate) fn source_is_elsewhere() -> Error {
    Error::Validation(
        "The identity source of this identity store is Active Directory. Manage users, groups and memberships in \
         Active Directory."
            .to_owned(),
    )
}

/// A member account may read, not write.
pub(crate) fn not_an_administrator() -> Error {
    Error::denied(
        "Only the account that owns the identity store or a delegated administrator of IAM Identity Center can \
         perform this operation.",
    )
}

/// The network configuration of the store shuts the caller's address out.
pub(crate) fn address_not_admitted() -> Error {
    Error::denied("The network configuration of the identity store does not allow requests from this address.")
}

/// An attribute that does not identify anybody.
pub(crate) fn not_a_unique_attribute(path: &str) -> Error {
    Error::Validation(format!("The attribute {path} is not a unique attribute"))
}

/// A filter that lists do not know.
pub(crate) fn unsupported_filter(path: &str) -> Error {
    Error::Validation(format!("The attribute {path} is not supported in filters"))
}

/// A name that AWS keeps for itself.
pub(crate) fn reserved_name(name: &str) -> Error {
    Error::Validation(format!("{name} is a reserved name and can't be used for users or groups."))
}

/// An attribute that cannot be changed, or that does not exist.
pub(crate) fn invalid_path(path: &str) -> Error {
    Error::Validation(format!("The attribute path {path} is not valid for this operation"))
}

/// A value of another type than the attribute has.
pub(crate) fn invalid_value(path: &str) -> Error {
    Error::Validation(format!("The value of the attribute {path} is not valid"))
}
