//! Managed policies attached to users, groups and roles.

use crate::entity::{self, Entity, EntityKind, permission_on, with_boundary};
use crate::paging::{self, Page, PageRequest, page_request};
use crate::{managed_policy, messages};
use base::{AccountId, Timestamp};
use kernel::scope::Scope;
use kernel::{Access, Cx, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::iam::{
    AttachedPolicy, ListAttachedGroupPoliciesResponse, ListAttachedRolePoliciesResponse,
    ListAttachedUserPoliciesResponse, ops,
};
use smithy::schema::{Operation, Unit};

/// The ARNs of the policies attached to the entity with that id, by ARN.
///
/// # Errors
/// When the database fails.
pub fn attached(tx: &mut Tx, entity_id: &str) -> Result<Vec<String>> {
    let sql = "select policy_arn from iam_attachment where entity_id = $1 order by policy_arn";
    tx.all(sql, params![entity_id], |row| row.get(0))
}

/// Attaches a policy, whether it was attached or not. Checks nothing: that is for the operations of IAM.
///
/// # Errors
/// When the database fails.
pub fn attach(
    tx: &mut WriteTx<'_>,
    account: &AccountId,
    kind: EntityKind,
    entity_id: &str,
    policy_arn: &str,
    at: Timestamp,
) -> Result<()> {
    tx.touch(Scope::account(account));
    tx.exec(
        "insert into iam_attachment (entity_id, policy_arn, account_id, entity_kind, attached_at) \
         values ($1, $2, $3, $4, $5) on conflict (entity_id, policy_arn) do nothing",
        params![entity_id, policy_arn, account, kind.as_str(), at],
    )?;
    Ok(())
}

/// Detaches a policy; says whether it was attached.
///
/// # Errors
/// When the database fails.
pub fn detach(tx: &mut WriteTx<'_>, account: &AccountId, entity_id: &str, policy_arn: &str) -> Result<bool> {
    tx.touch(Scope::account(account));
    let sql = "delete from iam_attachment where entity_id = $1 and policy_arn = $2";
    Ok(tx.exec(sql, params![entity_id, policy_arn])? > 0)
}

/// The attached policies as answers carry them, by name.
///
/// # Errors
/// When the database fails.
pub fn shown(tx: &mut Tx, entity_id: &str) -> Result<Vec<AttachedPolicy>> {
    let mut policies: Vec<_> = attached(tx, entity_id)?.into_iter().map(attached_policy).collect();
    policies.sort_by(|a, b| a.policy_name.cmp(&b.policy_name));
    Ok(policies)
}

fn attached_policy(arn: String) -> AttachedPolicy {
    let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
    AttachedPolicy { policy_arn: Some(arn), policy_name: Some(name) }
}

/// The path in a policy's ARN.
fn path_of(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let path = resource.strip_prefix("policy").unwrap_or(resource);
    path.rfind('/').map_or("", |end| &path[..=end])
}

fn may_change<O: Operation>(cx: &mut Cx<'_>, kind: EntityKind, name: &str, policy_arn: &str) -> Result<Access> {
    let (permission, entity) = permission_on::<O>(cx, kind, name)?;
    let permission = permission.with("iam:PolicyARN", policy_arn);
    Ok(with_boundary(permission, entity.as_ref()).into())
}

fn may_list<O: Operation>(cx: &mut Cx<'_>, kind: EntityKind, name: &str) -> Result<Access> {
    Ok(permission_on::<O>(cx, kind, name)?.0.into())
}

fn attach_to(cx: &mut WriteCx<'_>, kind: EntityKind, name: &str, policy_arn: &str) -> Result<Unit> {
    let now = cx.now;
    let entity = entity::to_be_changed(cx, kind, name)?;
    managed_policy::check_arn(policy_arn)?;
    let policy = managed_policy::find(cx.tx, &entity.account, policy_arn)?;
    let policy = policy.ok_or_else(|| messages::not_attachable(policy_arn))?;
    if !policy.is_attachable() {
        return Err(messages::service_role_policy().into());
    }
    let attached = attached(cx.tx, &entity.id)?;
    if attached.iter().any(|arn| arn == policy_arn) {
        return Ok(Unit);
    }
    let (quota, max) = kind.attachments_quota();
    if attached.len() as i64 >= max {
        return Err(messages::over_quota(quota, max).into());
    }
    attach(&mut cx.write(), &entity.account, kind, &entity.id, policy_arn, now)?;
    Ok(Unit)
}

fn detach_from(cx: &mut WriteCx<'_>, kind: EntityKind, name: &str, policy_arn: &str) -> Result<Unit> {
    let entity = entity::to_be_changed(cx, kind, name)?;
    managed_policy::check_arn(policy_arn)?;
    if !detach(&mut cx.write(), &entity.account, &entity.id, policy_arn)? {
        return Err(messages::no_policy(policy_arn).into());
    }
    Ok(Unit)
}

fn page(
    cx: &mut Cx<'_>,
    operation: &str,
    entity: &Entity,
    path_prefix: Option<&str>,
    request: PageRequest<'_>,
) -> Result<Page<AttachedPolicy>> {
    let prefix = path_prefix.unwrap_or("/");
    let mut arns = attached(cx.tx, &entity.id)?;
    arns.retain(|arn| path_of(arn).starts_with(prefix));
    let list = [operation, &entity.id, prefix];
    Ok(paging::cut(cx, &list, request, arns, |arn| format!("{} {arn}", arn.rsplit('/').next().unwrap_or_default()))?
        .map(attached_policy))
}

/// The routes of one kind of entity, whose operations differ only in names.
macro_rules! routes_of {
    ($kind:expr, $name:ident, $attach:ident, $detach:ident, $list:ident, $listed:ident) => {
        [
            route::write::<ops::$attach>(
                |cx, input| may_change::<ops::$attach>(cx, $kind, &input.$name, &input.policy_arn),
                |cx, input| attach_to(cx, $kind, &input.$name, &input.policy_arn),
            ),
            route::write::<ops::$detach>(
                |cx, input| may_change::<ops::$detach>(cx, $kind, &input.$name, &input.policy_arn),
                |cx, input| detach_from(cx, $kind, &input.$name, &input.policy_arn),
            ),
            route::read::<ops::$list>(
                |cx, input| may_list::<ops::$list>(cx, $kind, &input.$name),
                |cx, input| {
                    let entity = entity::existing(cx, $kind, &input.$name)?;
                    let prefix = input.path_prefix.as_deref();
                    let page = page(cx, stringify!($list), &entity, prefix, page_request!(input))?;
                    let is_truncated = page.is_truncated();
                    Ok($listed { attached_policies: Some(page.rows), is_truncated, marker: page.marker })
                },
            ),
        ]
    };
}

pub(crate) fn routes() -> Vec<Route> {
    use EntityKind::{Group, Role, User};
    [
        routes_of!(
            User,
            user_name,
            AttachUserPolicy,
            DetachUserPolicy,
            ListAttachedUserPolicies,
            ListAttachedUserPoliciesResponse
        ),
        routes_of!(
            Group,
            group_name,
            AttachGroupPolicy,
            DetachGroupPolicy,
            ListAttachedGroupPolicies,
            ListAttachedGroupPoliciesResponse
        ),
        routes_of!(
            Role,
            role_name,
            AttachRolePolicy,
            DetachRolePolicy,
            ListAttachedRolePolicies,
            ListAttachedRolePoliciesResponse
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn the_path_of_a_policy_is_in_its_arn() {
        assert_eq!(path_of("arn:aws:iam::aws:policy/ReadOnlyAccess"), "/");
        assert_eq!(path_of("arn:aws:iam::111122223333:policy/a/b/name"), "/a/b/");
        assert_eq!(path_of("arn:aws:iam::aws:policy/service-role/X"), "/service-role/");
    }
}
