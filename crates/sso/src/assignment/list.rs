//! Lists of assignments, and of permission sets as they stand in accounts.

use super::required_account;
use crate::permission_set;
use crate::{access, page};
use base::PermissionSetId;
use kernel::route::read;
use kernel::{Access, Cx, Result, Route, params};
use model::sso_admin::{
    AccountAssignment, AccountAssignmentForPrincipal, ListAccountAssignmentsForPrincipalRequest,
    ListAccountAssignmentsForPrincipalResponse, ListAccountAssignmentsRequest, ListAccountAssignmentsResponse,
    ListAccountsForProvisionedPermissionSetRequest, ListAccountsForProvisionedPermissionSetResponse,
    ListPermissionSetsProvisionedToAccountRequest, ListPermissionSetsProvisionedToAccountResponse, PrincipalType,
    ProvisioningStatus, ops,
};

fn may_list(cx: &mut Cx<'_>, input: &ListAccountAssignmentsRequest) -> Result<Access> {
    let ListAccountAssignmentsRequest { instance_arn, permission_set_arn, account_id, .. } = input;
    access::on_assignment(cx, "ListAccountAssignments", instance_arn, permission_set_arn, account_id)
}

/// Direct assignments only: members of groups are not told.
fn list(cx: &mut Cx<'_>, input: &ListAccountAssignmentsRequest) -> Result<ListAccountAssignmentsResponse> {
    let instance = access::organization_instance(cx, &input.instance_arn)?;
    let set = access::required_permission_set(cx, &instance, &input.permission_set_arn)?;
    let account = required_account(cx, &instance, &input.account_id)?;
    let about = ["ListAccountAssignments", set.id.as_str(), account.as_str()];
    let cursor = page::open(cx, &about, input.next_token.as_deref(), input.max_results)?;
    let (kind, id) = cursor.after.split_once(' ').unwrap_or_default();
    let rows = cx.tx.all(
        "select principal_type, principal_id from sso_assignment where account_id = $1 and permission_set_id = $2 \
         and (principal_type > $3 or (principal_type = $3 and principal_id > $4)) \
         order by principal_type, principal_id limit $5",
        params![account, set.id, kind, id, cursor.fetch],
        |row| Ok((row.parse(0, PrincipalType::parse)?, row.get::<String>(1)?)),
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |(kind, id)| format!("{} {id}", kind.as_str()))?;
    let shown = |(principal_type, principal_id)| AccountAssignment {
        account_id: Some(account.to_string()),
        permission_set_arn: Some(set.arn()),
        principal_id: Some(principal_id),
        principal_type: Some(principal_type),
    };
    Ok(ListAccountAssignmentsResponse { account_assignments: Some(rows.into_iter().map(shown).collect()), next_token })
}

fn may_list_for_principal(cx: &mut Cx<'_>, input: &ListAccountAssignmentsForPrincipalRequest) -> Result<Access> {
    access::on_instance(cx, "ListAccountAssignmentsForPrincipal", &input.instance_arn)
}

/// Everything that a user has, be it through groups, which are named then; of a group what it is assigned itself.
fn list_for_principal(
    cx: &mut Cx<'_>,
    input: &ListAccountAssignmentsForPrincipalRequest,
) -> Result<ListAccountAssignmentsForPrincipalResponse> {
    let instance = access::organization_instance(cx, &input.instance_arn)?;
    let only = input.filter.as_ref().and_then(|filter| filter.account_id.as_deref()).unwrap_or_default();
    let (kind, id) = (input.principal_type.as_str(), input.principal_id.as_str());
    let about = ["ListAccountAssignmentsForPrincipal", instance.id.as_str(), kind, id, only];
    let cursor = page::open(cx, &about, input.next_token.as_deref(), input.max_results)?;
    let mut position = cursor.after.split(' ');
    let mut next = || position.next().unwrap_or_default();
    let (account, set, principal) = (next(), next(), next());
    let rows: Vec<Row> = cx.tx.all(
        "select account_id, permission_set_id, principal_type, principal_id from sso_assignment \
         where instance_id = $1 and ($4 = '' or account_id = $4) \
         and ((principal_type = $2 and principal_id = $3) or (principal_type = 'GROUP' and $2 = 'USER' and \
              principal_id in (select group_id from ids_membership where user_id = $3))) \
         and (account_id > $5 or (account_id = $5 and (permission_set_id > $6 \
              or (permission_set_id = $6 and principal_id > $7)))) \
         order by account_id, permission_set_id, principal_id limit $8",
        params![instance.id, kind, id, only, account, set, principal, cursor.fetch],
        |row| Ok((row.get(0)?, row.get(1)?, row.parse(2, PrincipalType::parse)?, row.get(3)?)),
    )?;
    let (rows, next_token) =
        cursor.close(cx, rows, |(account, set, _, principal)| format!("{account} {set} {principal}"))?;
    let shown = |(account, set, principal_type, principal): Row| AccountAssignmentForPrincipal {
        account_id: Some(account),
        permission_set_arn: Some(permission_set::arn(&instance.id, &set)),
        principal_id: Some(principal),
        principal_type: Some(principal_type),
    };
    let account_assignments = Some(rows.into_iter().map(shown).collect());
    Ok(ListAccountAssignmentsForPrincipalResponse { account_assignments, next_token })
}

/// Account, permission set, kind and id of the principal.
type Row = (String, PermissionSetId, PrincipalType, String);

fn may_list_accounts(cx: &mut Cx<'_>, input: &ListAccountsForProvisionedPermissionSetRequest) -> Result<Access> {
    let operation = "ListAccountsForProvisionedPermissionSet";
    access::on_permission_set(cx, operation, &input.instance_arn, &input.permission_set_arn)
}

fn list_accounts(
    cx: &mut Cx<'_>,
    input: &ListAccountsForProvisionedPermissionSetRequest,
) -> Result<ListAccountsForProvisionedPermissionSetResponse> {
    let instance = access::organization_instance(cx, &input.instance_arn)?;
    let set = access::required_permission_set(cx, &instance, &input.permission_set_arn)?;
    let status = input.provisioning_status.map_or("", ProvisioningStatus::as_str);
    let about = ["ListAccountsForProvisionedPermissionSet", set.id.as_str(), status];
    let cursor = page::open(cx, &about, input.next_token.as_deref(), input.max_results)?;
    let rows: Vec<String> = cx.tx.all(
        "select account_id from sso_provisioned where permission_set_id = $1 and version > 0 and account_id > $2 \
         and ($3 = '' or ($3 = 'LATEST_PERMISSION_SET_PROVISIONED' and version >= $4) \
              or ($3 = 'LATEST_PERMISSION_SET_NOT_PROVISIONED' and version < $4)) order by account_id limit $5",
        params![set.id, cursor.after, status, set.version, cursor.fetch],
        |row| row.get(0),
    )?;
    let (rows, next_token) = cursor.close(cx, rows, String::clone)?;
    Ok(ListAccountsForProvisionedPermissionSetResponse { account_ids: Some(rows), next_token })
}

fn may_list_permission_sets(cx: &mut Cx<'_>, input: &ListPermissionSetsProvisionedToAccountRequest) -> Result<Access> {
    let operation = "ListPermissionSetsProvisionedToAccount";
    let instance = access::permission(cx, operation, &input.instance_arn, &input.instance_arn)?;
    let account = kernel::Permission::new(format!("sso:{operation}"), access::account_arn(&input.account_id));
    Ok(Access::Permissions(vec![instance, account]))
}

fn list_permission_sets(
    cx: &mut Cx<'_>,
    input: &ListPermissionSetsProvisionedToAccountRequest,
) -> Result<ListPermissionSetsProvisionedToAccountResponse> {
    let instance = access::organization_instance(cx, &input.instance_arn)?;
    let account = required_account(cx, &instance, &input.account_id)?;
    let status = input.provisioning_status.map_or("", ProvisioningStatus::as_str);
    let about = ["ListPermissionSetsProvisionedToAccount", account.as_str(), status];
    let cursor = page::open(cx, &about, input.next_token.as_deref(), input.max_results)?;
    let rows: Vec<PermissionSetId> = cx.tx.all(
        "select p.permission_set_id from sso_provisioned p join sso_permission_set s on s.id = p.permission_set_id \
         where p.account_id = $1 and p.instance_id = $2 and p.version > 0 and p.permission_set_id > $3 \
         and ($4 = '' or ($4 = 'LATEST_PERMISSION_SET_PROVISIONED' and p.version >= s.version) \
              or ($4 = 'LATEST_PERMISSION_SET_NOT_PROVISIONED' and p.version < s.version)) \
         order by p.permission_set_id limit $5",
        params![account, instance.id, cursor.after, status, cursor.fetch],
        |row| row.get(0),
    )?;
    let (rows, next_token) = cursor.close(cx, rows, ToString::to_string)?;
    let permission_sets = Some(rows.iter().map(|id| permission_set::arn(&instance.id, id)).collect());
    Ok(ListPermissionSetsProvisionedToAccountResponse { next_token, permission_sets })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        read::<ops::ListAccountAssignments>(may_list, list),
        read::<ops::ListAccountAssignmentsForPrincipal>(may_list_for_principal, list_for_principal),
        read::<ops::ListAccountsForProvisionedPermissionSet>(may_list_accounts, list_accounts),
        read::<ops::ListPermissionSetsProvisionedToAccount>(may_list_permission_sets, list_permission_sets),
    ]
}
