//! Permissions boundaries of users and roles.

use crate::entity::{self, EntityKind, permission_on, with_boundary};
use crate::managed_policy;
use crate::messages;
use kernel::{Access, Cx, Permission, Result, Route, WriteCx, params, route};
use model::iam::{AttachedPermissionsBoundary, PermissionsBoundaryAttachmentType, ops};
use smithy::schema::{Operation, Unit};

/// The boundary as answers carry it.
pub fn shown(arn: Option<&str>) -> Option<AttachedPermissionsBoundary> {
    arn.map(|arn| AttachedPermissionsBoundary {
        permissions_boundary_arn: Some(arn.to_owned()),
        permissions_boundary_type: Some(PermissionsBoundaryAttachmentType::PermissionsBoundaryPolicy),
    })
}

/// `permission` with the condition key of the boundary that the request sets.
pub fn with_requested(permission: Permission, arn: Option<&str>) -> Permission {
    match arn {
        Some(arn) => permission.with("iam:PermissionsBoundary", arn),
        None => permission,
    }
}

/// Refuses an ARN that cannot be a boundary in the caller's account.
///
/// # Errors
/// `InvalidInput` when it is no policy's ARN; `NoSuchEntity`; `PolicyNotAttachable`.
pub fn check(cx: &mut Cx<'_>, arn: &str) -> Result<()> {
    let account = cx.account()?;
    managed_policy::check_arn(arn)?;
    let policy = managed_policy::find(cx.tx, &account, arn)?.ok_or_else(|| messages::not_attachable(arn))?;
    if !policy.is_attachable() {
        return Err(messages::service_role_policy().into());
    }
    Ok(())
}

fn may_put<O: Operation>(cx: &mut Cx<'_>, kind: EntityKind, name: &str, arn: &str) -> Result<Access> {
    let (permission, _) = permission_on::<O>(cx, kind, name)?;
    Ok(with_requested(permission, Some(arn)).into())
}

fn may_delete<O: Operation>(cx: &mut Cx<'_>, kind: EntityKind, name: &str) -> Result<Access> {
    let (permission, entity) = permission_on::<O>(cx, kind, name)?;
    Ok(with_boundary(permission, entity.as_ref()).into())
}

fn put(cx: &mut WriteCx<'_>, kind: EntityKind, name: &str, arn: &str) -> Result<Unit> {
    let entity = entity::to_be_changed(cx, kind, name)?;
    check(cx, arn)?;
    cx.write().exec_one(update_of(kind), params![entity.id, arn])?;
    Ok(Unit)
}

fn delete(cx: &mut WriteCx<'_>, kind: EntityKind, name: &str) -> Result<Unit> {
    let entity = entity::to_be_changed(cx, kind, name)?;
    if entity.boundary_arn.is_none() {
        let text = format!("{} {} has no permissions boundary.", kind.as_str(), entity.name);
        return Err(model::iam::NoSuchEntityException::new(text).into());
    }
    cx.write().exec_one(update_of(kind), params![entity.id, None::<String>])?;
    Ok(Unit)
}

fn update_of(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Role => "update iam_role set boundary_arn = $2 where id = $1",
        EntityKind::User | EntityKind::Group => "update iam_user set boundary_arn = $2 where id = $1",
    }
}

pub(crate) fn routes() -> Vec<Route> {
    use EntityKind::{Role, User};
    vec![
        route::write::<ops::PutUserPermissionsBoundary>(
            |cx, i| may_put::<ops::PutUserPermissionsBoundary>(cx, User, &i.user_name, &i.permissions_boundary),
            |cx, i| put(cx, User, &i.user_name, &i.permissions_boundary),
        ),
        route::write::<ops::PutRolePermissionsBoundary>(
            |cx, i| may_put::<ops::PutRolePermissionsBoundary>(cx, Role, &i.role_name, &i.permissions_boundary),
            |cx, i| put(cx, Role, &i.role_name, &i.permissions_boundary),
        ),
        route::write::<ops::DeleteUserPermissionsBoundary>(
            |cx, i| may_delete::<ops::DeleteUserPermissionsBoundary>(cx, User, &i.user_name),
            |cx, i| delete(cx, User, &i.user_name),
        ),
        route::write::<ops::DeleteRolePermissionsBoundary>(
            |cx, i| may_delete::<ops::DeleteRolePermissionsBoundary>(cx, Role, &i.role_name),
            |cx, i| delete(cx, Role, &i.role_name),
        ),
    ]
}
