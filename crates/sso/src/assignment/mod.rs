//! Who may use which permission set in which account.
//!
//! An assignment is asked for, and the answer is a request ([`crate::operation`]): it is made or ended together with the
//! role in the account that follows from it, by [`crate::provision`]. In the management account, where the service may
//! not give access by itself, that happens within the call, with the caller's own permissions.

mod list;
mod requests;

use crate::instance::Instance;
use crate::messages;
use crate::operation::{Operation, OperationKind};
use crate::permission_set;
use crate::provision::provisioned::Provisioned;
use crate::provision::{self, reasons};
use base::{AccountId, IdentityGroupId, IdentityUserId, PermissionSetId};
use kernel::scope::Scope;
use kernel::{Cx, PrincipalCaller, Result, Route, Tx, WriteCx, params};
use model::sso_admin::{AccountAssignmentOperationStatus, PrincipalType, TargetType};

pub(crate) fn routes() -> Vec<Route> {
    [requests::routes(), list::routes()].into_iter().flatten().collect()
}

/// Whether anybody is assigned the permission set in the account.
///
/// # Errors
/// When the database fails.
pub(crate) fn exist(tx: &mut Tx, account: &AccountId, set: &PermissionSetId) -> Result<bool> {
    let sql = "select 1 from sso_assignment where account_id = $1 and permission_set_id = $2 limit 1";
    tx.exists(sql, params![account, set])
}

/// Whether the user is assigned the permission set in the account, directly or through a group.
///
/// # Errors
/// When the database fails.
pub fn holds(tx: &mut Tx, user: &IdentityUserId, account: &AccountId, set: &PermissionSetId) -> Result<bool> {
    tx.exists(
        "select 1 from sso_assignment where account_id = $1 and permission_set_id = $2 \
         and principal_id in (select id from ids_user where id = $3 union all \
                              select group_id from ids_membership where user_id = $3) limit 1",
        params![account, set, user],
    )
}

/// Makes and ends the assignments that the requests ask for, in their order. Gives how the requests end if the account
/// can be made to follow.
///
/// # Errors
/// When the database fails.
pub(crate) fn carry_out(
    cx: &mut WriteCx<'_>,
    instance: &Instance,
    row: &Provisioned,
    operations: &[Operation],
) -> Result<Vec<(String, Option<String>)>> {
    let mut ended = Vec::with_capacity(operations.len());
    for operation in operations {
        let failure = match (&operation.principal, operation.kind) {
            (Some((kind, id)), OperationKind::CreateAssignment) => create(cx, instance, row, *kind, id)?,
            (Some((kind, id)), OperationKind::DeleteAssignment) => delete(cx, row, *kind, id)?,
            _ => None,
        };
        ended.push((operation.id.clone(), failure));
    }
    if operations.iter().any(|operation| operation.principal.is_some()) {
        cx.touch(Scope::instance(&instance.id));
    }
    Ok(ended)
}

fn create(
    cx: &mut WriteCx<'_>,
    instance: &Instance,
    row: &Provisioned,
    kind: PrincipalType,
    id: &str,
) -> Result<Option<String>> {
    let is_known = match kind {
        PrincipalType::User => match IdentityUserId::parse(id) {
            Some(user) => identity::user::get(cx.tx, &instance.store, &user)?.is_some(),
            None => false,
        },
        PrincipalType::Group => match IdentityGroupId::parse(id) {
            Some(group) => identity::group::get(cx.tx, &instance.store, &group)?.is_some(),
            None => false,
        },
    };
    if !is_known {
        return Ok(Some(reasons::no_principal(kind.as_str(), id, &instance.store)));
    }
    let now = cx.now;
    cx.write().exec(
        "insert into sso_assignment (instance_id, account_id, permission_set_id, principal_type, principal_id, \
         created_at) values ($1, $2, $3, $4, $5, $6) \
         on conflict (account_id, permission_set_id, principal_type, principal_id) do nothing",
        params![instance.id, row.account, row.permission_set, kind.as_str(), id, now],
    )?;
    Ok(None)
}

fn delete(cx: &mut WriteCx<'_>, row: &Provisioned, kind: PrincipalType, id: &str) -> Result<Option<String>> {
    let deleted = cx.write().exec(
        "delete from sso_assignment \
         where account_id = $1 and permission_set_id = $2 and principal_type = $3 and principal_id = $4",
        params![row.account, row.permission_set, kind.as_str(), id],
    )?;
    Ok((deleted == 0).then(reasons::no_assignment))
}

/// Ends every assignment of a user or group that is no more; the roles that nobody is assigned any longer go.
///
/// # Errors
/// When the database fails.
pub(crate) fn end_all_of_principal(cx: &mut WriteCx<'_>, instance: &Instance, principal: &str) -> Result<()> {
    let now = cx.now;
    let mut tx = cx.write();
    tx.exec(
        "update sso_provisioned set due_at = $2, attempts = 0 where (account_id, permission_set_id) in \
         (select account_id, permission_set_id from sso_assignment where principal_id = $1)",
        params![principal, now],
    )?;
    let ended = tx.exec("delete from sso_assignment where principal_id = $1", params![principal])?;
    if ended > 0 {
        tx.touch(Scope::instance(&instance.id));
        provision::start(cx, &instance.id)?;
    }
    Ok(())
}

/// The member account of the instance's organization that `id` names.
///
/// # Errors
/// `ResourceNotFoundException`.
fn required_account(cx: &mut Cx<'_>, instance: &Instance, id: &str) -> Result<AccountId> {
    let missing = || messages::not_found("Account", id);
    let account = AccountId::parse(id).ok_or_else(missing)?;
    let sql = "select 1 from org_account where account_id = $1 and org_id = $2";
    if cx.tx.exists(sql, params![account, instance.org.as_ref()])? { Ok(account) } else { Err(missing()) }
}

/// The caller as one on whose behalf the service acts: the guards of the service's own roles let it pass, and it has no
/// more permissions than it has.
fn administrator(cx: &Cx<'_>) -> Result<PrincipalCaller> {
    Ok(PrincipalCaller { invoked_by: Some(crate::SERVICE.to_owned()), ..cx.principal()?.clone() })
}

/// A request as its answers show it.
fn shown(operation: Operation) -> AccountAssignmentOperationStatus {
    let (principal_type, principal_id) = operation.principal.unzip();
    AccountAssignmentOperationStatus {
        created_date: Some(operation.created_at),
        failure_reason: operation.failure_reason,
        permission_set_arn: Some(permission_set::arn(&operation.instance, &operation.permission_set)),
        principal_id,
        principal_type,
        request_id: Some(operation.id),
        status: Some(operation.status),
        target_id: operation.account.map(|account| account.to_string()),
        target_type: Some(TargetType::AwsAccount),
    }
}
