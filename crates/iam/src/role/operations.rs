//! The operations on roles.

use super::{Role, find, guard_description, guard_modifiable, trust};
use crate::document;
use crate::{messages, tag};
use base::{AccountId, Arn, RoleId};
use kernel::page::Cursor;
use kernel::{Access, Cx, Error, Permission, Result, Route, WriteCx, params, route};
use model::iam::{self, ops};
use smithy::schema::Unit;

/// Roles that an account may have; service-linked roles do not count.
pub(crate) const ROLES_QUOTA: i64 = 1_000;
/// Longest session of a role whose creator did not say, in seconds.
pub(crate) const SESSION_SECONDS_DEFAULT: i64 = 3_600;

/// The permission for `operation` on the role of that name, whether it exists or not, with the tags that it has.
///
/// # Errors
/// When the caller has no account or the database fails.
pub(crate) fn permission(cx: &mut Cx<'_>, operation: &str, name: &str) -> Result<Permission> {
    let account = cx.account()?;
    let action = format!("iam:{operation}");
    match find(cx.tx, &account, name)? {
        Some(role) => tag::with_resource_tags(Permission::new(action, role.arn().to_string()), cx.tx, role.id.as_str()),
        None => Ok(Permission::new(action, format!("arn:aws:iam::{account}:role/{name}"))),
    }
}

/// The role of that name in the caller's account.
fn required(cx: &mut Cx<'_>, name: &str) -> Result<Role> {
    let account = cx.account()?;
    find(cx.tx, &account, name)?.ok_or_else(|| messages::no_role(name).into())
}

/// The role as answers show it, without tags and last use, which only some operations tell.
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

pub(super) fn routes() -> Vec<Route> {
    Vec::new()
}
