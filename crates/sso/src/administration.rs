//! What AWS offers in the console of IAM Identity Center but in no public API: the organization's instance, its
//! settings, the passwords and sessions of users, the outbox.
//!
//! Permissions are those that AWS documents for its console (`sso:StartSSO`, `sso-directory:UpdatePassword`,
//! `identitystore-auth:ListSessions`, …); what even the console does not have takes an action of our own
//! (`vestibule:ApproveDevice`, `vestibule:ListMail`).

mod center;
mod links;
mod mail;
mod people;
mod source;

use crate::access::{self, Standing};
use crate::instance::{self, Instance};
use crate::messages;
use identity::user::{self, User};
use kernel::{Access, Cx, Error, Permission, Result, Route};
use model::vestibule::{AccessDeniedException, ConflictException, ResourceNotFoundException, ValidationException};

/// The setting by which administrators may let a tool in as a user.
const DEVICE_APPROVAL: &str = "device_approval_allowed";

/// The operations of the administration.
pub(crate) fn routes() -> Vec<Route> {
    [center::routes(), people::routes(), links::routes(), source::routes(), mail::routes()]
        .into_iter()
        .flatten()
        .collect()
}

/// The rule of operations that take permissions without a resource.
fn on_everything(actions: &[&str]) -> Result<Access> {
    Ok(Access::Permissions(actions.iter().map(|action| Permission::new(*action, "*")).collect()))
}

/// With the errors of this API in place of their namesakes of Identity Center's other APIs, which have other statuses.
fn ours<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| {
        let Error::Modeled(shape) = &error else { return error };
        let message = shape.message();
        match shape.meta().name {
            "AccessDeniedException" => AccessDeniedException::new(message).into(),
            "ConflictException" => ConflictException::new(message).into(),
            "ResourceNotFoundException" => ResourceNotFoundException::new(message).into(),
            "ValidationException" => ValidationException::new(message).into(),
            _ => error,
        }
    })
}

/// The instance that a call is about: that of the ARN, or else the one that the caller's account administers; its
/// organization's before its own.
///
/// # Errors
/// `ResourceNotFoundException` when there is none, `AccessDeniedException` when the account does not administer it.
fn administered(cx: &mut Cx<'_>, arn: Option<&str>) -> Result<Instance> {
    if let Some(arn) = arn {
        return access::required_instance(cx, arn);
    }
    let account = cx.account()?;
    let of_organization = match org::organization::of_account(cx.tx, &account)? {
        Some(org) => instance::of_organization(cx.tx, &org.id)?,
        None => None,
    };
    let own = instance::of_account(cx.tx, &account)?;
    let standing = match &of_organization {
        Some(instance) => access::standing(cx.tx, instance, &account)?,
        None => None,
    };
    let found = match standing {
        Some(Standing::Owner | Standing::Delegate) => of_organization,
        _ => own.or(of_organization),
    };
    match found {
        Some(instance) => access::required_instance(cx, &instance.arn()),
        None => Err(ResourceNotFoundException::new("IAM Identity Center is not enabled").into()),
    }
}

/// The user of the instance that `reference` names, by id or by name.
///
/// # Errors
/// `ResourceNotFoundException`.
fn named_user(cx: &mut Cx<'_>, instance: &Instance, reference: &str) -> Result<User> {
    let by_id = match base::IdentityUserId::parse(reference) {
        Some(id) => user::get(cx.tx, &instance.store, &id)?,
        None => None,
    };
    let found = match by_id {
        Some(user) => Some(user),
        None => user::find_by_name(cx.tx, &instance.store, reference)?,
    };
    found.ok_or_else(|| messages::not_found("User", reference))
}
