//! Inline policies of users, groups and roles.

use crate::document::{self, DocumentKind};
use crate::entity::{self, Entity, EntityKind, permission_on, with_boundary};
use crate::messages;
use crate::paging::{self, Page, PageRequest, page_request};
use base::AccountId;
use kernel::scope::Scope;
use kernel::{Access, Cx, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::iam::{
    GetGroupPolicyResponse, GetRolePolicyResponse, GetUserPolicyResponse, ListGroupPoliciesResponse,
    ListRolePoliciesResponse, ListUserPoliciesResponse, PolicyDetail, ops,
};
use smithy::schema::{Operation, Unit};

/// An inline policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InlinePolicy {
    /// Name.
    pub name: String,
    /// Document.
    pub document: String,
}

/// The inline policies of the entity with that id, by name.
///
/// # Errors
/// When the database fails.
pub fn of(tx: &mut Tx, entity_id: &str) -> Result<Vec<InlinePolicy>> {
    let sql = "select name, document from iam_inline_policy where entity_id = $1 order by name";
    tx.all(sql, params![entity_id], |row| Ok(InlinePolicy { name: row.get(0)?, document: row.get(1)? }))
}

/// The inline policies as account details carry them.
///
/// # Errors
/// When the database fails.
pub fn shown(tx: &mut Tx, entity_id: &str) -> Result<Vec<PolicyDetail>> {
    let detail = |policy: InlinePolicy| PolicyDetail {
        policy_document: Some(document::encoded(&policy.document)),
        policy_name: Some(policy.name),
    };
    Ok(of(tx, entity_id)?.into_iter().map(detail).collect())
}

/// Puts an inline policy in place of any of that name. Checks nothing: that is for the operations of IAM.
///
/// # Errors
/// When the database fails.
pub fn put(
    tx: &mut WriteTx<'_>,
    account: &AccountId,
    kind: EntityKind,
    entity_id: &str,
    policy: &InlinePolicy,
) -> Result<()> {
    tx.touch(Scope::account(account));
    tx.exec_one(
        "insert into iam_inline_policy (entity_id, name, account_id, entity_kind, document) \
         values ($1, $2, $3, $4, $5) on conflict (entity_id, name) do update set document = excluded.document",
        params![entity_id, policy.name, account, kind.as_str(), policy.document],
    )
}

/// Deletes an inline policy; says whether there was one.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut WriteTx<'_>, account: &AccountId, entity_id: &str, name: &str) -> Result<bool> {
    tx.touch(Scope::account(account));
    let sql = "delete from iam_inline_policy where entity_id = $1 and name = $2";
    Ok(tx.exec(sql, params![entity_id, name])? > 0)
}

fn may_change<O: Operation>(cx: &mut Cx<'_>, kind: EntityKind, name: &str) -> Result<Access> {
    let (permission, entity) = permission_on::<O>(cx, kind, name)?;
    Ok(with_boundary(permission, entity.as_ref()).into())
}

fn may_read<O: Operation>(cx: &mut Cx<'_>, kind: EntityKind, name: &str) -> Result<Access> {
    Ok(permission_on::<O>(cx, kind, name)?.0.into())
}

fn put_into(cx: &mut WriteCx<'_>, kind: EntityKind, name: &str, policy: &InlinePolicy) -> Result<Unit> {
    let entity = entity::to_be_changed(cx, kind, name)?;
    document::check(DocumentKind::Identity, &policy.document)?;
    let others = of(cx.tx, &entity.id)?.into_iter().filter(|other| other.name != policy.name);
    let others: usize = others.map(|other| document::counted_characters(&other.document)).sum();
    let max = kind.inline_characters_max();
    if others + document::counted_characters(&policy.document) > max {
        return Err(messages::inline_policies_too_long(kind.as_str(), &entity.name, max).into());
    }
    put(&mut cx.write(), &entity.account, kind, &entity.id, policy)?;
    Ok(Unit)
}

fn delete_from(cx: &mut WriteCx<'_>, kind: EntityKind, name: &str, policy: &str) -> Result<Unit> {
    let entity = entity::to_be_changed(cx, kind, name)?;
    if !delete(&mut cx.write(), &entity.account, &entity.id, policy)? {
        return Err(messages::no_inline_policy(kind.as_str(), policy).into());
    }
    Ok(Unit)
}

fn read(cx: &mut Cx<'_>, kind: EntityKind, name: &str, policy: &str) -> Result<(Entity, InlinePolicy)> {
    let entity = entity::existing(cx, kind, name)?;
    let found = of(cx.tx, &entity.id)?.into_iter().find(|each| each.name == policy);
    let found = found.ok_or_else(|| messages::no_inline_policy(kind.as_str(), policy))?;
    Ok((entity, found))
}

fn page(
    cx: &mut Cx<'_>,
    operation: &str,
    kind: EntityKind,
    name: &str,
    request: PageRequest<'_>,
) -> Result<Page<String>> {
    let entity = entity::existing(cx, kind, name)?;
    let names = of(cx.tx, &entity.id)?.into_iter().map(|policy| policy.name).collect();
    paging::cut(cx, &[operation, &entity.id], request, names, String::clone)
}

/// The routes of one kind of entity, whose operations differ only in names.
macro_rules! routes_of {
    (
        $kind:expr, $name:ident, $put:ident, $get:ident, $delete:ident, $list:ident, $got:ident, $listed:ident
    ) => {
        [
            route::write::<ops::$put>(
                |cx, input| may_change::<ops::$put>(cx, $kind, &input.$name),
                |cx, input| {
                    let (name, document) = (input.policy_name.clone(), input.policy_document.clone());
                    put_into(cx, $kind, &input.$name, &InlinePolicy { name, document })
                },
            ),
            route::read::<ops::$get>(
                |cx, input| may_read::<ops::$get>(cx, $kind, &input.$name),
                |cx, input| {
                    let (entity, policy) = read(cx, $kind, &input.$name, &input.policy_name)?;
                    Ok($got {
                        policy_document: document::encoded(&policy.document),
                        policy_name: policy.name,
                        $name: entity.name,
                    })
                },
            ),
            route::write::<ops::$delete>(
                |cx, input| may_change::<ops::$delete>(cx, $kind, &input.$name),
                |cx, input| delete_from(cx, $kind, &input.$name, &input.policy_name),
            ),
            route::read::<ops::$list>(
                |cx, input| may_read::<ops::$list>(cx, $kind, &input.$name),
                |cx, input| {
                    let page = page(cx, stringify!($list), $kind, &input.$name, page_request!(input))?;
                    let is_truncated = page.is_truncated();
                    Ok($listed { is_truncated, marker: page.marker, policy_names: page.rows })
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
            PutUserPolicy,
            GetUserPolicy,
            DeleteUserPolicy,
            ListUserPolicies,
            GetUserPolicyResponse,
            ListUserPoliciesResponse
        ),
        routes_of!(
            Group,
            group_name,
            PutGroupPolicy,
            GetGroupPolicy,
            DeleteGroupPolicy,
            ListGroupPolicies,
            GetGroupPolicyResponse,
            ListGroupPoliciesResponse
        ),
        routes_of!(
            Role,
            role_name,
            PutRolePolicy,
            GetRolePolicy,
            DeleteRolePolicy,
            ListRolePolicies,
            GetRolePolicyResponse,
            ListRolePoliciesResponse
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
