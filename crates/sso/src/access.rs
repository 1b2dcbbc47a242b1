//! Who may administer an instance, and the permissions that its operations take.
//!
//! An organization's instance is administered by the management account and by the delegated administrator of the
//! service; the other members know that it is there. An account's instance is its account's alone.

use crate::instance::{self, Instance, Kind};
use crate::{SERVICE, messages, permission_set, tag};
use base::{AccountId, InstanceId, PermissionSetId};
use kernel::{Access, Cx, Permission, Result, Tx, params};

/// What the caller's account is to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It owns the instance.
    Owner,
    /// It is the delegated administrator of the service in the organization.
    Delegate,
    /// It is another member of the instance's organization.
    Member,
}

/// The id in the ARN of an instance.
pub fn instance_id(arn: &str) -> Option<InstanceId> {
    InstanceId::parse(arn.strip_prefix("arn:aws:sso:::instance/")?)
}

/// The ids in the ARN of a permission set.
pub fn permission_set_id(arn: &str) -> Option<(InstanceId, PermissionSetId)> {
    let (instance, id) = arn.strip_prefix("arn:aws:sso:::permissionSet/")?.split_once('/')?;
    Some((InstanceId::parse(instance)?, PermissionSetId::parse(id)?))
}

/// The ARN under which policies name an account as a target of the service.
pub fn account_arn(account: &str) -> String {
    format!("arn:aws:sso:::account/{account}")
}

/// What `account` is to the instance; `None` when the instance is none of its business.
///
/// # Errors
/// When the database fails.
pub fn standing(tx: &mut Tx, instance: &Instance, account: &AccountId) -> Result<Option<Standing>> {
    let Some(id) = &instance.org else { return Ok((instance.owner == *account).then_some(Standing::Owner)) };
    let Some(org) = org::organization::of_account(tx, account)?.filter(|org| org.id == *id) else { return Ok(None) };
    if instance.owner == *account {
        return Ok(Some(Standing::Owner));
    }
    let is_delegate = org::delegated_administrator::is_registered(tx, &org, account, SERVICE)?;
    Ok(Some(if is_delegate { Standing::Delegate } else { Standing::Member }))
}

/// The instance of that ARN, when the caller's account may know of it, and what the account is to it.
///
/// # Errors
/// `ResourceNotFoundException` for every other instance.
pub fn known_instance(cx: &mut Cx<'_>, arn: &str) -> Result<(Instance, Standing)> {
    let account = cx.account()?;
    let name = arn.rsplit('/').next().unwrap_or_default();
    let found = match instance_id(arn) {
        Some(id) => instance::get(cx.tx, &id)?,
        None => None,
    };
    let Some(instance) = found else { return Err(messages::no_instance(name)) };
    match standing(cx.tx, &instance, &account)? {
        Some(standing) => Ok((instance, standing)),
        None => Err(messages::no_instance(name)),
    }
}

/// The instance of that ARN, which the caller's account administers.
///
/// # Errors
/// `ResourceNotFoundException` for an instance that the caller's account may not know of, `AccessDeniedException` for
/// one that it does not administer; a delegated administrator is none while trusted access is off.
pub fn required_instance(cx: &mut Cx<'_>, arn: &str) -> Result<Instance> {
    let (instance, standing) = known_instance(cx, arn)?;
    match standing {
        Standing::Owner => {}
        Standing::Delegate => require_service(cx, &instance)?,
        Standing::Member => return Err(messages::not_an_administrator()),
    }
    Ok(instance)
}

/// As [`required_instance`], for what changes the instance or touches accounts: see [`require_service`].
///
/// # Errors
/// As [`required_instance`] and [`require_service`], and `ConflictException` while the instance is being deleted.
pub fn writable_instance(cx: &mut Cx<'_>, arn: &str) -> Result<Instance> {
    let instance = required_instance(cx, arn)?;
    require_service(cx, &instance)?;
    if !instance.is_active() {
        return Err(messages::instance_not_active(&instance.id));
    }
    Ok(instance)
}

/// As [`required_instance`], for reads of what only an organization's instance has: permission sets and assignments.
///
/// # Errors
/// As [`required_instance`], and `ValidationException` for an account's instance.
pub fn organization_instance(cx: &mut Cx<'_>, arn: &str) -> Result<Instance> {
    let instance = required_instance(cx, arn)?;
    require_organization(&instance)?;
    Ok(instance)
}

/// As [`writable_instance`], for changes of what only an organization's instance has.
///
/// # Errors
/// As [`writable_instance`], and `ValidationException` for an account's instance.
pub fn writable_organization_instance(cx: &mut Cx<'_>, arn: &str) -> Result<Instance> {
    let instance = writable_instance(cx, arn)?;
    require_organization(&instance)?;
    Ok(instance)
}

/// Refuses what an account's instance does not have.
///
/// # Errors
/// `ValidationException`.
pub fn require_organization(instance: &Instance) -> Result<()> {
    match instance.kind {
        Kind::Organization => Ok(()),
        Kind::Account => Err(messages::account_instance()),
    }
}

/// Refuses to go on while the organization does not trust the service. An account's instance needs no trust.
///
/// # Errors
/// `AccessDeniedException`.
pub fn require_service(cx: &mut Cx<'_>, instance: &Instance) -> Result<()> {
    if is_in_service(cx.tx, instance)? { Ok(()) } else { Err(messages::trusted_access_disabled()) }
}

/// Whether the organization of the instance trusts the service; true for an account's instance.
///
/// # Errors
/// When the database fails.
pub fn is_in_service(tx: &mut Tx, instance: &Instance) -> Result<bool> {
    match &instance.org {
        Some(org) => org::trusted_access::is_trusted(tx, org, SERVICE),
        None => Ok(true),
    }
}

/// Refuses a delegated administrator's hand on the management account.
///
/// # Errors
/// `AccessDeniedException`.
pub fn require_reach(cx: &mut Cx<'_>, instance: &Instance, account: &AccountId) -> Result<()> {
    if *account == instance.owner && cx.account()? != instance.owner {
        return Err(messages::management_account_only());
    }
    Ok(())
}

/// Refuses a delegated administrator's hand on a permission set that is used in the management account.
///
/// # Errors
/// `AccessDeniedException`.
pub fn require_reach_of_permission_set(cx: &mut Cx<'_>, instance: &Instance, id: &PermissionSetId) -> Result<()> {
    if cx.account()? == instance.owner {
        return Ok(());
    }
    let provisioned = "select 1 from sso_provisioned where account_id = $1 and permission_set_id = $2";
    let assigned = "select 1 from sso_assignment where account_id = $1 and permission_set_id = $2 limit 1";
    let parameters = params![instance.owner, id];
    if cx.tx.exists(provisioned, parameters)? || cx.tx.exists(assigned, parameters)? {
        return Err(messages::management_account_only());
    }
    Ok(())
}

/// The permission for `operation` on the resource of that ARN, which belongs to the instance of `instance_arn`: with
/// the tags of the resource and the instance's region.
///
/// # Errors
/// When the database fails.
pub fn permission(cx: &mut Cx<'_>, operation: &str, arn: &str, instance_arn: &str) -> Result<Permission> {
    let permission = tag::with_resource_tags(Permission::new(format!("sso:{operation}"), arn), cx.tx, arn)?;
    let instance = match instance_id(instance_arn) {
        Some(id) => instance::get(cx.tx, &id)?,
        None => None,
    };
    Ok(match instance {
        Some(instance) => permission.with("sso:PrimaryRegion", instance.region),
        None => permission,
    })
}

/// The rule of an operation on an instance.
///
/// # Errors
/// When the database fails.
pub fn on_instance(cx: &mut Cx<'_>, operation: &str, instance_arn: &str) -> Result<Access> {
    Ok(permission(cx, operation, instance_arn, instance_arn)?.into())
}

/// The rule of an operation on a permission set: it takes the permission for both the instance and the permission set.
///
/// # Errors
/// When the database fails.
pub fn on_permission_set(cx: &mut Cx<'_>, operation: &str, instance_arn: &str, arn: &str) -> Result<Access> {
    let instance = permission(cx, operation, instance_arn, instance_arn)?;
    Ok(Access::Permissions(vec![instance, permission(cx, operation, arn, instance_arn)?]))
}

/// The rule of an operation on a permission set in an account (`*` for every account): it takes the permission for the
/// instance, the permission set and the account.
///
/// # Errors
/// When the database fails.
pub fn on_assignment(
    cx: &mut Cx<'_>,
    operation: &str,
    instance_arn: &str,
    permission_set_arn: &str,
    account: &str,
) -> Result<Access> {
    let instance = permission(cx, operation, instance_arn, instance_arn)?;
    let permission_set = permission(cx, operation, permission_set_arn, instance_arn)?;
    let account = Permission::new(format!("sso:{operation}"), account_arn(account));
    Ok(Access::Permissions(vec![instance, permission_set, account]))
}

/// The permission set of that ARN in `instance`.
///
/// # Errors
/// `ResourceNotFoundException`.
pub fn required_permission_set(
    cx: &mut Cx<'_>,
    instance: &Instance,
    arn: &str,
) -> Result<permission_set::PermissionSet> {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let found = match permission_set_id(arn) {
        Some((of, id)) if of == instance.id => permission_set::get(cx.tx, &instance.id, &id)?,
        _ => None,
    };
    found.ok_or_else(|| messages::no_permission_set(name))
}
