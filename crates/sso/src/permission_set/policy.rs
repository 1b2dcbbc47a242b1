//! The managed policies of permission sets: AWS's, and customers' by name and path.

use super::{PermissionSet, PolicyReference, changed, editable, readable};
use crate::{access, messages, page};
use catalog::ManagedPolicy;
use kernel::{Cx, Result, Route, Tx, WriteCx, params, route};
use model::sso_admin::{
    AttachCustomerManagedPolicyReferenceToPermissionSetRequest as AttachReferenceRequest,
    AttachCustomerManagedPolicyReferenceToPermissionSetResponse as AttachReferenceResponse,
    AttachManagedPolicyToPermissionSetRequest, AttachManagedPolicyToPermissionSetResponse, AttachedManagedPolicy,
    CustomerManagedPolicyReference,
    DetachCustomerManagedPolicyReferenceFromPermissionSetRequest as DetachReferenceRequest,
    DetachCustomerManagedPolicyReferenceFromPermissionSetResponse as DetachReferenceResponse,
    DetachManagedPolicyFromPermissionSetRequest, DetachManagedPolicyFromPermissionSetResponse,
    ListCustomerManagedPolicyReferencesInPermissionSetRequest as ListReferencesRequest,
    ListCustomerManagedPolicyReferencesInPermissionSetResponse as ListReferencesResponse,
    ListManagedPoliciesInPermissionSetRequest, ListManagedPoliciesInPermissionSetResponse, ops,
};

/// Managed policies that a permission set may have, AWS's and customers' together.
const POLICIES_MAX: i64 = 20;

/// The AWS-managed policy of that ARN, which customers may attach.
///
/// # Errors
/// `ResourceNotFoundException`; `ValidationException` for the policy of a service-linked role.
pub(super) fn required_managed_policy(arn: &str) -> Result<ManagedPolicy> {
    let policy =
        catalog::managed_policy(arn).ok_or_else(|| messages::not_found("ManagedPolicy", format_args!("{arn}")))?;
    if !policy.attachable {
        return Err(messages::validation("Cannot attach a Service Role Policy to a Customer Role."));
    }
    Ok(policy)
}

/// The reference with the path that it has when none is given.
pub(super) fn reference(input: &CustomerManagedPolicyReference) -> PolicyReference {
    PolicyReference { path: input.path.clone().unwrap_or_else(|| "/".to_owned()), name: input.name.clone() }
}

fn require_room(tx: &mut Tx, set: &PermissionSet) -> Result<()> {
    let managed = "select count(*) from sso_permission_set_managed_policy where permission_set_id = $1";
    let customer = "select count(*) from sso_permission_set_customer_policy where permission_set_id = $1";
    let count = tx.count(managed, params![set.id])? + tx.count(customer, params![set.id])?;
    if count >= POLICIES_MAX { Err(messages::quota_exceeded("ManagedPolicy", POLICIES_MAX, &set.id)) } else { Ok(()) }
}

fn attach(
    cx: &mut WriteCx<'_>,
    input: &AttachManagedPolicyToPermissionSetRequest,
) -> Result<AttachManagedPolicyToPermissionSetResponse> {
    let (instance, set) = editable(cx, &input.instance_arn, &input.permission_set_arn)?;
    let policy = required_managed_policy(&input.managed_policy_arn)?;
    let attached = "select 1 from sso_permission_set_managed_policy where permission_set_id = $1 and arn = $2";
    if cx.tx.exists(attached, params![set.id, policy.arn])? {
        return Err(messages::conflict(format!(
            "Permission set with id {} already has a typed link attachment to a manged policy with {}",
            set.id, policy.arn
        )));
    }
    require_room(cx.tx, &set)?;
    let now = cx.now;
    cx.write().exec_one(
        "insert into sso_permission_set_managed_policy (permission_set_id, arn, name, attached_at) \
         values ($1, $2, $3, $4)",
        params![set.id, policy.arn, policy.name, now],
    )?;
    changed(cx, &instance, &set.id)?;
    Ok(AttachManagedPolicyToPermissionSetResponse {})
}

fn detach(
    cx: &mut WriteCx<'_>,
    input: &DetachManagedPolicyFromPermissionSetRequest,
) -> Result<DetachManagedPolicyFromPermissionSetResponse> {
    let (instance, set) = editable(cx, &input.instance_arn, &input.permission_set_arn)?;
    let sql = "delete from sso_permission_set_managed_policy where permission_set_id = $1 and arn = $2";
    if cx.write().exec(sql, params![set.id, input.managed_policy_arn])? == 0 {
        return Err(messages::not_found("ManagedPolicy", &input.managed_policy_arn));
    }
    changed(cx, &instance, &set.id)?;
    Ok(DetachManagedPolicyFromPermissionSetResponse {})
}

fn list(
    cx: &mut Cx<'_>,
    input: &ListManagedPoliciesInPermissionSetRequest,
) -> Result<ListManagedPoliciesInPermissionSetResponse> {
    let set = readable(cx, &input.instance_arn, &input.permission_set_arn)?;
    let list = ["ListManagedPoliciesInPermissionSet", set.id.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let rows: Vec<(String, String)> = cx.tx.all(
        "select arn, name from sso_permission_set_managed_policy where permission_set_id = $1 and arn > $2 \
         order by arn limit $3",
        params![set.id, cursor.after, cursor.fetch],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |(arn, _)| arn.clone())?;
    let policies = rows.into_iter().map(|(arn, name)| AttachedManagedPolicy { arn: Some(arn), name: Some(name) });
    Ok(ListManagedPoliciesInPermissionSetResponse { attached_managed_policies: Some(policies.collect()), next_token })
}

fn attach_reference(cx: &mut WriteCx<'_>, input: &AttachReferenceRequest) -> Result<AttachReferenceResponse> {
    let (instance, set) = editable(cx, &input.instance_arn, &input.permission_set_arn)?;
    let PolicyReference { path, name } = reference(&input.customer_managed_policy_reference);
    let attached =
        "select 1 from sso_permission_set_customer_policy where permission_set_id = $1 and path = $2 and name = $3";
    if cx.tx.exists(attached, params![set.id, path, name])? {
        let message = format!("Given customer managed policy with name: {name} and path {path} already attached");
        return Err(messages::conflict(message));
    }
    require_room(cx.tx, &set)?;
    let now = cx.now;
    cx.write().exec_one(
        "insert into sso_permission_set_customer_policy (permission_set_id, path, name, attached_at) \
         values ($1, $2, $3, $4)",
        params![set.id, path, name, now],
    )?;
    changed(cx, &instance, &set.id)?;
    Ok(AttachReferenceResponse {})
}

fn detach_reference(cx: &mut WriteCx<'_>, input: &DetachReferenceRequest) -> Result<DetachReferenceResponse> {
    let (instance, set) = editable(cx, &input.instance_arn, &input.permission_set_arn)?;
    let PolicyReference { path, name } = reference(&input.customer_managed_policy_reference);
    let sql = "delete from sso_permission_set_customer_policy where permission_set_id = $1 and path = $2 and name = $3";
    if cx.write().exec(sql, params![set.id, path, name])? == 0 {
        return Err(messages::not_found("CustomerManagedPolicyReference", format_args!("{path}{name}")));
    }
    changed(cx, &instance, &set.id)?;
    Ok(DetachReferenceResponse {})
}

fn list_references(cx: &mut Cx<'_>, input: &ListReferencesRequest) -> Result<ListReferencesResponse> {
    let set = readable(cx, &input.instance_arn, &input.permission_set_arn)?;
    let list = ["ListCustomerManagedPolicyReferencesInPermissionSet", set.id.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    // A path ends with its last slash, and a name has none.
    let (path, name) = cursor.after.rsplit_once('/').map_or(("", ""), |(path, name)| (path, name));
    let path = if path.is_empty() && name.is_empty() { String::new() } else { format!("{path}/") };
    let rows = cx.tx.all(
        "select path, name from sso_permission_set_customer_policy where permission_set_id = $1 \
         and (path, name) > ($2, $3) order by path, name limit $4",
        params![set.id, path, name, cursor.fetch],
        |row| Ok(CustomerManagedPolicyReference { path: Some(row.get(0)?), name: row.get(1)? }),
    )?;
    let (references, next_token) =
        cursor.close(cx, rows, |last| format!("{}{}", last.path.as_deref().unwrap_or_default(), last.name))?;
    Ok(ListReferencesResponse { customer_managed_policy_references: Some(references), next_token })
}

/// A rule that takes the permission for the instance and the permission set that the input names.
macro_rules! rule {
    ($operation:literal) => {
        |cx, input| access::on_permission_set(cx, $operation, &input.instance_arn, &input.permission_set_arn)
    };
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::AttachManagedPolicyToPermissionSet>(rule!("AttachManagedPolicyToPermissionSet"), attach),
        route::write::<ops::DetachManagedPolicyFromPermissionSet>(
            rule!("DetachManagedPolicyFromPermissionSet"),
            detach,
        ),
        route::read::<ops::ListManagedPoliciesInPermissionSet>(rule!("ListManagedPoliciesInPermissionSet"), list),
        route::write::<ops::AttachCustomerManagedPolicyReferenceToPermissionSet>(
            rule!("AttachCustomerManagedPolicyReferenceToPermissionSet"),
            attach_reference,
        ),
        route::write::<ops::DetachCustomerManagedPolicyReferenceFromPermissionSet>(
            rule!("DetachCustomerManagedPolicyReferenceFromPermissionSet"),
            detach_reference,
        ),
        route::read::<ops::ListCustomerManagedPolicyReferencesInPermissionSet>(
            rule!("ListCustomerManagedPolicyReferencesInPermissionSet"),
            list_references,
        ),
    ]
}
