//! The inline policy and the permissions boundary of permission sets.

use super::policy::{reference, required_managed_policy};
use super::{Boundary, changed, editable, readable};
use crate::{access, messages};
use iam::document::{self, DocumentKind};
use kernel::{Cx, Result, Route, WriteCx, params, route};
use model::sso_admin::{
    CustomerManagedPolicyReference, DeleteInlinePolicyFromPermissionSetRequest,
    DeleteInlinePolicyFromPermissionSetResponse, DeletePermissionsBoundaryFromPermissionSetRequest,
    DeletePermissionsBoundaryFromPermissionSetResponse, GetInlinePolicyForPermissionSetRequest,
    GetInlinePolicyForPermissionSetResponse, GetPermissionsBoundaryForPermissionSetRequest,
    GetPermissionsBoundaryForPermissionSetResponse, PermissionsBoundary, PutInlinePolicyToPermissionSetRequest,
    PutInlinePolicyToPermissionSetResponse, PutPermissionsBoundaryToPermissionSetRequest,
    PutPermissionsBoundaryToPermissionSetResponse, ops,
};

/// Longest inline policy, in characters that are not white space: what a role may hold.
const INLINE_POLICY_CHARACTERS_MAX: usize = 10_240;
/// Longest inline policy, in bytes.
const INLINE_POLICY_BYTES_MAX: usize = 32_768;

fn put(
    cx: &mut WriteCx<'_>,
    input: &PutInlinePolicyToPermissionSetRequest,
) -> Result<PutInlinePolicyToPermissionSetResponse> {
    let (instance, set) = editable(cx, &input.instance_arn, &input.permission_set_arn)?;
    let text = &input.inline_policy;
    if document::counted_characters(text) > INLINE_POLICY_CHARACTERS_MAX || text.len() > INLINE_POLICY_BYTES_MAX {
        return Err(messages::quota_exceeded("InlinePolicy characters", INLINE_POLICY_CHARACTERS_MAX, &set.id));
    }
    document::check(DocumentKind::Identity, text).map_err(|error| messages::validation(error.message()))?;
    let sql = "update sso_permission_set set inline_policy = $2 where id = $1";
    cx.write().exec_one(sql, params![set.id, text])?;
    changed(cx, &instance, &set.id)?;
    Ok(PutInlinePolicyToPermissionSetResponse {})
}

fn get(
    cx: &mut Cx<'_>,
    input: &GetInlinePolicyForPermissionSetRequest,
) -> Result<GetInlinePolicyForPermissionSetResponse> {
    let set = readable(cx, &input.instance_arn, &input.permission_set_arn)?;
    Ok(GetInlinePolicyForPermissionSetResponse { inline_policy: Some(set.inline_policy.unwrap_or_default()) })
}

fn delete(
    cx: &mut WriteCx<'_>,
    input: &DeleteInlinePolicyFromPermissionSetRequest,
) -> Result<DeleteInlinePolicyFromPermissionSetResponse> {
    let (instance, set) = editable(cx, &input.instance_arn, &input.permission_set_arn)?;
    if set.inline_policy.is_some() {
        cx.write().exec_one("update sso_permission_set set inline_policy = null where id = $1", params![set.id])?;
        changed(cx, &instance, &set.id)?;
    }
    Ok(DeleteInlinePolicyFromPermissionSetResponse {})
}

fn put_boundary(
    cx: &mut WriteCx<'_>,
    input: &PutPermissionsBoundaryToPermissionSetRequest,
) -> Result<PutPermissionsBoundaryToPermissionSetResponse> {
    let (instance, set) = editable(cx, &input.instance_arn, &input.permission_set_arn)?;
    let PermissionsBoundary { customer_managed_policy_reference: customer, managed_policy_arn: managed } =
        &input.permissions_boundary;
    let (arn, name, path) = match (managed, customer) {
        (Some(arn), None) => (Some(required_managed_policy(arn)?.arn), None, None),
        (None, Some(customer)) => {
            let reference = reference(customer);
            (None, Some(reference.name), Some(reference.path))
        }
        _ => {
            let message =
                "Specify either ManagedPolicyArn or CustomerManagedPolicyReference as the permissions boundary";
            return Err(messages::validation(message));
        }
    };
    cx.write().exec_one(
        "update sso_permission_set set boundary_arn = $2, boundary_name = $3, boundary_path = $4 where id = $1",
        params![set.id, arn, name, path],
    )?;
    changed(cx, &instance, &set.id)?;
    Ok(PutPermissionsBoundaryToPermissionSetResponse {})
}

fn get_boundary(
    cx: &mut Cx<'_>,
    input: &GetPermissionsBoundaryForPermissionSetRequest,
) -> Result<GetPermissionsBoundaryForPermissionSetResponse> {
    let set = readable(cx, &input.instance_arn, &input.permission_set_arn)?;
    let boundary = set.boundary.ok_or_else(|| messages::not_found("PermissionsBoundary of PermissionSet", &set.id))?;
    let boundary = match boundary {
        Boundary::Managed { arn } => {
            PermissionsBoundary { managed_policy_arn: Some(arn), customer_managed_policy_reference: None }
        }
        Boundary::Customer(reference) => PermissionsBoundary {
            managed_policy_arn: None,
            customer_managed_policy_reference: Some(CustomerManagedPolicyReference {
                name: reference.name,
                path: Some(reference.path),
            }),
        },
    };
    Ok(GetPermissionsBoundaryForPermissionSetResponse { permissions_boundary: Some(boundary) })
}

fn delete_boundary(
    cx: &mut WriteCx<'_>,
    input: &DeletePermissionsBoundaryFromPermissionSetRequest,
) -> Result<DeletePermissionsBoundaryFromPermissionSetResponse> {
    let (instance, set) = editable(cx, &input.instance_arn, &input.permission_set_arn)?;
    if set.boundary.is_some() {
        let sql = "update sso_permission_set set boundary_arn = null, boundary_name = null, boundary_path = null \
                   where id = $1";
        cx.write().exec_one(sql, params![set.id])?;
        changed(cx, &instance, &set.id)?;
    }
    Ok(DeletePermissionsBoundaryFromPermissionSetResponse {})
}

/// A rule that takes the permission for the instance and the permission set that the input names.
macro_rules! rule {
    ($operation:literal) => {
        |cx, input| access::on_permission_set(cx, $operation, &input.instance_arn, &input.permission_set_arn)
    };
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::PutInlinePolicyToPermissionSet>(rule!("PutInlinePolicyToPermissionSet"), put),
        route::read::<ops::GetInlinePolicyForPermissionSet>(rule!("GetInlinePolicyForPermissionSet"), get),
        route::write::<ops::DeleteInlinePolicyFromPermissionSet>(rule!("DeleteInlinePolicyFromPermissionSet"), delete),
        route::write::<ops::PutPermissionsBoundaryToPermissionSet>(
            rule!("PutPermissionsBoundaryToPermissionSet"),
            put_boundary,
        ),
        route::read::<ops::GetPermissionsBoundaryForPermissionSet>(
            rule!("GetPermissionsBoundaryForPermissionSet"),
            get_boundary,
        ),
        route::write::<ops::DeletePermissionsBoundaryFromPermissionSet>(
            rule!("DeletePermissionsBoundaryFromPermissionSet"),
            delete_boundary,
        ),
    ]
}
