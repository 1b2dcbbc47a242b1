//! The operations on roles.

use super::{Role, delete, find, guard_description, guard_modifiable, insert, owner_of_path, set_settings, trust};
use crate::access;
use crate::entity::{EntityKind, permission_on, with_boundary};
use crate::paging::{self, page_request};
use crate::{boundary, document, messages, tag};
use base::RoleId;
use kernel::store::Param;
use kernel::{Access, Cx, Result, Route, Tx, WriteCx, params, route};
use model::iam::{
    self, CreateRoleRequest, CreateRoleResponse, DeleteRoleRequest, GetRoleRequest, GetRoleResponse,
    ListRoleTagsRequest, ListRoleTagsResponse, ListRolesRequest, ListRolesResponse, RoleLastUsed, TagRoleRequest,
    UntagRoleRequest, UpdateAssumeRolePolicyRequest, UpdateRoleDescriptionRequest, UpdateRoleDescriptionResponse,
    UpdateRoleRequest, UpdateRoleResponse, ops,
};
use smithy::schema::{Operation, Unit};

/// Roles that an account may have; service-linked roles do not count.
pub const ROLES_QUOTA: i64 = 1_000;
/// Longest session of a role whose creator did not say, in seconds.
pub(crate) const SESSION_SECONDS_DEFAULT: i64 = 3_600;

/// The role of that name in the caller's account.
///
/// # Errors
/// `NoSuchEntity`.
pub(crate) fn required(cx: &mut Cx<'_>, name: &str) -> Result<Role> {
    let account = cx.account()?;
    find(cx.tx, &account, name)?.ok_or_else(|| messages::no_role(name).into())
}

/// The role as lists show it: without boundary, tags and last use, which only some operations tell.
pub(crate) fn shape(role: &Role, trust_policy: &str) -> iam::Role {
    iam::Role {
        arn: role.arn().to_string(),
        assume_role_policy_document: Some(document::encoded(trust_policy)),
        create_date: role.created_at,
        description: role.description.clone(),
        max_session_duration: i32::try_from(role.max_session_seconds).ok(),
        path: role.path.clone(),
        role_id: role.id.to_string(),
        role_name: role.name.clone(),
        ..iam::Role::default()
    }
}

/// The role with everything but its last use.
fn full_shape(tx: &mut Tx, role: &Role) -> Result<iam::Role> {
    let trust_policy = trust::trust_policy_for_evaluation(tx, role)?;
    Ok(iam::Role {
        permissions_boundary: boundary::shown(role.boundary_arn.as_deref()),
        tags: tag::shown(tx, role.id.as_str())?,
        ..shape(role, &trust_policy)
    })
}

fn on_role<O: Operation>(cx: &mut Cx<'_>, name: &str) -> Result<Access> {
    let (permission, _) = permission_on::<O>(cx, EntityKind::Role, name)?;
    Ok(permission.into())
}

/// As [`on_role`], for the operations to which `iam:PermissionsBoundary` applies.
fn on_bounded_role<O: Operation>(cx: &mut Cx<'_>, name: &str) -> Result<Access> {
    let (permission, entity) = permission_on::<O>(cx, EntityKind::Role, name)?;
    Ok(with_boundary(permission, entity.as_ref()).into())
}

fn may_create(cx: &mut Cx<'_>, input: &CreateRoleRequest) -> Result<Access> {
    let account = cx.account()?;
    let path = input.path.as_deref().unwrap_or("/");
    let arn = format!("arn:aws:iam::{account}:role{path}{}", input.role_name);
    let create = tag::with_request_tags(access::permission::<ops::CreateRole>(&arn), input.tags.as_deref());
    let mut permissions = vec![boundary::with_requested(create, input.permissions_boundary.as_deref())];
    if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        permissions.push(tag::with_request_tags(access::permission::<ops::TagRole>(arn), input.tags.as_deref()));
    }
    Ok(Access::Permissions(permissions))
}

fn create(cx: &mut WriteCx<'_>, input: &CreateRoleRequest) -> Result<CreateRoleResponse> {
    let account = cx.account()?;
    let path = input.path.as_deref().unwrap_or("/");
    refuse_reserved_path(cx, path)?;
    if find(cx.tx, &account, &input.role_name)?.is_some() {
        return Err(messages::exists("Role", &input.role_name).into());
    }
    let count = "select count(*) from iam_role where account_id = $1 and linked_service is null";
    if cx.tx.count(count, params![account])? >= ROLES_QUOTA {
        return Err(messages::over_quota("RolesPerAccount", ROLES_QUOTA).into());
    }
    trust::check(cx.tx, &input.assume_role_policy_document)?;
    if let Some(arn) = input.permissions_boundary.as_deref() {
        boundary::check(cx, arn)?;
    }
    let role = Role {
        id: RoleId::random(&account, &mut cx.random),
        account,
        name: input.role_name.clone(),
        path: path.to_owned(),
        trust_policy: input.assume_role_policy_document.clone(),
        description: input.description.clone(),
        max_session_seconds: input.max_session_duration.map_or(SESSION_SECONDS_DEFAULT, i64::from),
        boundary_arn: input.permissions_boundary.clone(),
        linked_service: None,
        last_used: None,
        created_at: cx.now,
    };
    insert(&mut cx.write(), &role)?;
    tag::add(&mut cx.write(), role.id.as_str(), input.tags.as_deref().unwrap_or_default())?;
    Ok(CreateRoleResponse { role: full_shape(cx.tx, &role)? })
}

/// Lets nobody create under AWS's own paths but the service that owns a reserved one. Service-linked roles come from
/// `CreateServiceLinkedRole` alone.
fn refuse_reserved_path(cx: &WriteCx<'_>, path: &str) -> Result<()> {
    let Some(owner) = owner_of_path(path) else { return Ok(()) };
    if path.starts_with("/aws-reserved/") && super::acts_for(&cx.caller, owner) {
        return Ok(());
    }
    Err(messages::reserved_path(path).into())
}

fn get(cx: &mut Cx<'_>, input: &GetRoleRequest) -> Result<GetRoleResponse> {
    let role = required(cx, &input.role_name)?;
    let last_used = match &role.last_used {
        Some((at, region)) => RoleLastUsed { last_used_date: Some(*at), region: Some(region.clone()) },
        None => RoleLastUsed::default(),
    };
    Ok(GetRoleResponse { role: iam::Role { role_last_used: Some(last_used), ..full_shape(cx.tx, &role)? } })
}

fn may_list(cx: &mut Cx<'_>, input: &ListRolesRequest) -> Result<Access> {
    let account = cx.account()?;
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    Ok(access::permission::<ops::ListRoles>(format!("arn:aws:iam::{account}:role{prefix}")).into())
}

fn list(cx: &mut Cx<'_>, input: &ListRolesRequest) -> Result<ListRolesResponse> {
    let account = cx.account()?;
    let prefix = input.path_prefix.as_deref();
    let cursor = paging::open(cx, &["ListRoles", prefix.unwrap_or("/")], page_request!(input))?;
    let fetch = paging::rows_to_fetch(&cursor, prefix);
    let selected: &[Param<'_>] = params![account, cursor.after, fetch];
    let roles = super::list(cx.tx, selected)?;
    let key = |role: &Role| role.name.to_lowercase();
    let page = paging::close_by_path(cx, &cursor, roles, prefix, |role| &role.path, key)?;
    let pins = match (page.rows.first(), page.rows.last()) {
        (Some(first), Some(last)) => trust::pins_between(cx.tx, &account, &key(first), &key(last))?,
        _ => std::collections::HashMap::new(),
    };
    let is_truncated = page.is_truncated();
    let page = page.map(|role| {
        let pins = pins.get(&role.id).map_or(&[][..], Vec::as_slice);
        shape(&role, &trust::current_text(&role.trust_policy, pins))
    });
    Ok(ListRolesResponse { is_truncated, marker: page.marker, roles: page.rows })
}

fn delete_role(cx: &mut WriteCx<'_>, input: &DeleteRoleRequest) -> Result<Unit> {
    let role = required(cx, &input.role_name)?;
    if role.linked_service.is_some() {
        return Err(messages::protected_role(&role.name).into());
    }
    guard_modifiable(cx, &role)?;
    let conflicts = [
        ("select 1 from iam_instance_profile where role_id = $1 limit 1", "remove roles from instance profile"),
        ("select 1 from iam_inline_policy where entity_id = $1 limit 1", "delete policies"),
        ("select 1 from iam_attachment where entity_id = $1 limit 1", "detach all policies"),
    ];
    for (sql, what) in conflicts {
        if cx.tx.exists(sql, params![role.id])? {
            return Err(messages::must_first(what).into());
        }
    }
    delete(&mut cx.write(), &role)?;
    Ok(Unit)
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateRoleRequest) -> Result<UpdateRoleResponse> {
    let role = required(cx, &input.role_name)?;
    match input.max_session_duration {
        Some(_) => guard_modifiable(cx, &role)?,
        None => guard_description(cx, &role)?,
    }
    let description = input.description.as_deref().or(role.description.as_deref());
    let seconds = input.max_session_duration.map_or(role.max_session_seconds, i64::from);
    set_settings(&mut cx.write(), &role, description, seconds)?;
    Ok(UpdateRoleResponse::default())
}

fn update_description(
    cx: &mut WriteCx<'_>,
    input: &UpdateRoleDescriptionRequest,
) -> Result<UpdateRoleDescriptionResponse> {
    let role = required(cx, &input.role_name)?;
    guard_description(cx, &role)?;
    set_settings(&mut cx.write(), &role, Some(&input.description), role.max_session_seconds)?;
    let role = Role { description: Some(input.description.clone()), ..role };
    Ok(UpdateRoleDescriptionResponse { role: Some(full_shape(cx.tx, &role)?) })
}

fn update_trust(cx: &mut WriteCx<'_>, input: &UpdateAssumeRolePolicyRequest) -> Result<Unit> {
    let role = required(cx, &input.role_name)?;
    guard_modifiable(cx, &role)?;
    trust::check(cx.tx, &input.policy_document)?;
    super::set_trust_policy(&mut cx.write(), &role, &input.policy_document)?;
    Ok(Unit)
}

fn may_tag(cx: &mut Cx<'_>, input: &TagRoleRequest) -> Result<Access> {
    let (permission, _) = permission_on::<ops::TagRole>(cx, EntityKind::Role, &input.role_name)?;
    Ok(tag::with_request_tags(permission, Some(&input.tags)).into())
}

fn tag_role(cx: &mut WriteCx<'_>, input: &TagRoleRequest) -> Result<Unit> {
    let role = required(cx, &input.role_name)?;
    guard_modifiable(cx, &role)?;
    tag::add(&mut cx.write(), role.id.as_str(), &input.tags)?;
    cx.touch(kernel::scope::Scope::account(&role.account));
    Ok(Unit)
}

fn may_untag(cx: &mut Cx<'_>, input: &UntagRoleRequest) -> Result<Access> {
    let (permission, _) = permission_on::<ops::UntagRole>(cx, EntityKind::Role, &input.role_name)?;
    Ok(tag::with_tag_keys(permission, &input.tag_keys).into())
}

fn untag_role(cx: &mut WriteCx<'_>, input: &UntagRoleRequest) -> Result<Unit> {
    let role = required(cx, &input.role_name)?;
    guard_modifiable(cx, &role)?;
    tag::remove(&mut cx.write(), role.id.as_str(), &input.tag_keys)?;
    cx.touch(kernel::scope::Scope::account(&role.account));
    Ok(Unit)
}

fn list_tags(cx: &mut Cx<'_>, input: &ListRoleTagsRequest) -> Result<ListRoleTagsResponse> {
    let role = required(cx, &input.role_name)?;
    let page = tag::page(cx, "ListRoleTags", role.id.as_str(), page_request!(input))?;
    Ok(ListRoleTagsResponse { is_truncated: page.is_truncated(), marker: page.marker, tags: page.rows })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateRole>(may_create, create),
        route::read::<ops::GetRole>(|cx, input| on_bounded_role::<ops::GetRole>(cx, &input.role_name), get),
        route::read::<ops::ListRoles>(may_list, list),
        route::write::<ops::DeleteRole>(
            |cx, input| on_bounded_role::<ops::DeleteRole>(cx, &input.role_name),
            delete_role,
        ),
        route::write::<ops::UpdateRole>(|cx, input| on_bounded_role::<ops::UpdateRole>(cx, &input.role_name), update),
        route::write::<ops::UpdateRoleDescription>(
            |cx, input| on_bounded_role::<ops::UpdateRoleDescription>(cx, &input.role_name),
            update_description,
        ),
        route::write::<ops::UpdateAssumeRolePolicy>(
            |cx, input| on_bounded_role::<ops::UpdateAssumeRolePolicy>(cx, &input.role_name),
            update_trust,
        ),
        route::write::<ops::TagRole>(may_tag, tag_role),
        route::write::<ops::UntagRole>(may_untag, untag_role),
        route::read::<ops::ListRoleTags>(|cx, input| on_role::<ops::ListRoleTags>(cx, &input.role_name), list_tags),
    ]
}
