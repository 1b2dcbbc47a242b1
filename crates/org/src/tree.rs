//! The tree: the root, organizational units, parents and children.

use crate::organization::{self, Organization};
use crate::{guardrails, messages, new_tags, page, views};
use base::{AccountId, OuId, RootId, Timestamp};
use kernel::page::Cursor;
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Cx, Error, Permission, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::organizations::{
    AccountJoinedMethod, Child, ChildNotFoundException, ChildType, ConstraintViolationExceptionReason,
    CreateOrganizationalUnitRequest, CreateOrganizationalUnitResponse, DeleteOrganizationalUnitRequest,
    DescribeOrganizationalUnitRequest, DescribeOrganizationalUnitResponse, DuplicateOrganizationalUnitException,
    ListChildrenRequest, ListChildrenResponse, ListOrganizationalUnitsForParentRequest,
    ListOrganizationalUnitsForParentResponse, ListParentsRequest, ListParentsResponse, OrganizationalUnit,
    OrganizationalUnitNotEmptyException, Parent, ParentType, UpdateOrganizationalUnitRequest,
    UpdateOrganizationalUnitResponse, ops,
};
use smithy::schema::Unit as Nothing;

/// Deepest nesting of organizational units, the root not counted.
pub const UNIT_DEPTH_MAX: usize = 5;
/// Organizational units that an organization may have.
pub const UNITS_MAX: i64 = 2_000;

/// A node of the tree, by its id; whether it exists is another question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// The root.
    Root(RootId),
    /// An organizational unit.
    Unit(OuId),
    /// An account.
    Account(AccountId),
}

impl Target {
    /// The target that `id` names; `None` when it has the form of no target's id.
    pub fn parse(id: &str) -> Option<Self> {
        RootId::parse(id)
            .map(Self::Root)
            .or_else(|| OuId::parse(id).map(Self::Unit))
            .or_else(|| AccountId::parse(id).map(Self::Account))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Root(id) => id.as_str(),
            Self::Unit(id) => id.as_str(),
            Self::Account(id) => id.as_str(),
        }
    }

    /// The target's ARN in `org`.
    pub fn arn(&self, org: &Organization) -> String {
        match self {
            Self::Root(id) => org.resource_arn("root", id.as_str()),
            Self::Unit(id) => org.unit_arn(id),
            Self::Account(id) => org.account_arn(id),
        }
    }
}

/// An organizational unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its id.
    pub id: OuId,
    /// The root or another unit.
    pub parent: Target,
    /// Its name; unique beside its siblings.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

fn unit(row: &Row<'_>) -> Result<Unit> {
    Ok(Unit { id: row.get(0)?, parent: row.parse(1, Target::parse)?, name: row.get(2)?, created_at: row.get(3)? })
}

/// The organizational unit of `org` with that id.
///
/// # Errors
/// When the database fails.
pub fn find_unit(tx: &mut Tx, org: &Organization, id: &OuId) -> Result<Option<Unit>> {
    let sql = "select id, parent_id, name, created_at from org_unit where id = $1 and org_id = $2";
    tx.opt(sql, params![id, org.id], unit)
}

/// The parent of an account of `org`; `None` when the account is not a member.
///
/// # Errors
/// When the database fails.
pub fn parent_of_account(tx: &mut Tx, org: &Organization, account: &AccountId) -> Result<Option<Target>> {
    let sql = "select parent_id from org_account where account_id = $1 and org_id = $2";
    tx.opt(sql, params![account, org.id], |row| row.parse(0, Target::parse))
}

/// The root, organizational unit or account of `org` with that id; `None` when there is none, or when the id has the
/// form of no target's id.
///
/// # Errors
/// When the database fails.
pub fn find_target(tx: &mut Tx, org: &Organization, id: &str) -> Result<Option<Target>> {
    let Some(target) = Target::parse(id) else { return Ok(None) };
    let exists = match &target {
        Target::Root(root) => *root == org.root,
        Target::Unit(unit) => find_unit(tx, org, unit)?.is_some(),
        Target::Account(account) => parent_of_account(tx, org, account)?.is_some(),
    };
    Ok(exists.then_some(target))
}

/// The way from the root down to `target`: the root first, `target` itself last.
///
/// # Errors
/// When the database fails, or `target` does not exist in `org`.
pub fn path(tx: &mut Tx, org: &Organization, target: &Target) -> Result<Vec<Target>> {
    let mut way = vec![target.clone()];
    let mut node = target.clone();
    while node != Target::Root(org.root.clone()) {
        if way.len() > UNIT_DEPTH_MAX + 2 {
            return Err(Error::internal(format!("the tree above {} has no end", target.as_str())));
        }
        let parent = match &node {
            Target::Root(_) => None,
            Target::Unit(id) => find_unit(tx, org, id)?.map(|unit| unit.parent),
            Target::Account(id) => parent_of_account(tx, org, id)?,
        };
        node = parent.ok_or_else(|| Error::internal(format!("{} has no parent", node.as_str())))?;
        way.push(node.clone());
    }
    way.reverse();
    Ok(way)
}

/// A way of [`path`] as `Paths` of accounts and `Path` of organizational units have it: `o-…/r-…/ou-…/<account>/`.
pub fn path_text(org: &Organization, way: &[Target]) -> String {
    let mut text = format!("{}/", org.id);
    for node in way {
        text.push_str(node.as_str());
        text.push('/');
    }
    text
}

/// The permission for `operation` on the root, organizational unit or account that `id` names, whether it exists or
/// not, with the tags that it has.
///
/// # Errors
/// When the database fails.
pub fn permission(cx: &mut Cx<'_>, operation: &str, id: &str) -> Result<Permission> {
    let (target, org) = (Target::parse(id), views::organization_of_caller(cx)?);
    let arn = target.as_ref().zip(org.as_ref()).map(|(target, org)| target.arn(org));
    let permission = Permission::new(format!("organizations:{operation}"), arn.unwrap_or_else(|| "*".to_owned()));
    if let (Some(Target::Account(account)), Some(org)) = (target, org)
        && let Some(member) = views::member(cx, &org, &account)?.as_ref()
    {
        return Ok(permission.with_resource_tags(member.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
    }
    new_tags::with_resource_tags(permission, cx.tx, id)
}

/// The root or organizational unit that `id` names.
///
/// # Errors
/// `InvalidInputException` with reason `INVALID_PATTERN` when it names another kind of thing.
pub fn parse_parent(id: &str) -> Result<Target> {
    match Target::parse(id) {
        Some(parent @ (Target::Root(_) | Target::Unit(_))) => Ok(parent),
        Some(Target::Account(_)) | None => Err(messages::invalid_pattern()),
    }
}

/// The root or organizational unit of `org` with that id.
///
/// # Errors
/// As [`parse_parent`], and `ParentNotFoundException`.
pub fn require_parent(tx: &mut Tx, org: &Organization, id: &str) -> Result<Target> {
    parse_parent(id)?;
    find_target(tx, org, id)?.ok_or_else(messages::no_parent)
}

fn require_unit(tx: &mut Tx, org: &Organization, id: &str) -> Result<Unit> {
    let id = OuId::parse(id).ok_or_else(messages::invalid_pattern)?;
    find_unit(tx, org, &id)?.ok_or_else(messages::no_unit)
}

/// Puts an account under `parent`, with the policies that every new member starts with.
///
/// # Errors
/// When the database fails.
pub fn add_account(
    tx: &mut WriteTx<'_>,
    org: &Organization,
    account: &AccountId,
    parent: &Target,
    joined_method: AccountJoinedMethod,
    joined_at: Timestamp,
) -> Result<()> {
    tx.exec_one(
        "insert into org_account (account_id, org_id, parent_id, joined_method, joined_at) values ($1, $2, $3, $4, $5)",
        params![account, org.id, parent.as_str(), joined_method.as_str(), joined_at],
    )?;
    guardrails::attach_full_access(tx, org, &Target::Account(account.clone()), joined_at)
}

/// The unit as the API describes it. `way` is the one to its parent.
fn describe_unit(org: &Organization, way: &[Target], unit: Unit) -> OrganizationalUnit {
    OrganizationalUnit {
        arn: Some(org.unit_arn(&unit.id)),
        path: Some(format!("{}{}/", path_text(org, way), unit.id)),
        id: Some(unit.id.to_string()),
        name: Some(unit.name),
    }
}

fn has_child_named(tx: &mut Tx, parent: &Target, name: &str) -> Result<bool> {
    tx.exists("select 1 from org_unit where parent_id = $1 and name = $2", params![parent.as_str(), name])
}

fn duplicate_unit() -> Error {
    DuplicateOrganizationalUnitException::new("An OU with the same name already exists.").into()
}

fn create_unit(
    cx: &mut WriteCx<'_>,
    input: &CreateOrganizationalUnitRequest,
) -> Result<CreateOrganizationalUnitResponse> {
    let org = organization::require_management(cx)?;
    let parent = require_parent(cx.tx, &org, &input.parent_id)?;
    let tags = input.tags.as_deref().unwrap_or_default();
    new_tags::check(tags)?;
    let way = path(cx.tx, &org, &parent)?;
    if way.len() > UNIT_DEPTH_MAX {
        let message = "You have exceeded the allowed number of levels of organizational units.";
        return Err(messages::constraint(ConstraintViolationExceptionReason::OuDepthLimitExceeded, message));
    }
    if cx.tx.count("select count(*) from org_unit where org_id = $1", params![org.id])? >= UNITS_MAX {
        let message = "You have exceeded the allowed number of organizational units.";
        return Err(messages::constraint(ConstraintViolationExceptionReason::OuNumberLimitExceeded, message));
    }
    if has_child_named(cx.tx, &parent, &input.name)? {
        return Err(duplicate_unit());
    }
    let unit = Unit { id: new_unit_id(cx, &org.root)?, parent, name: input.name.clone(), created_at: cx.now };
    insert_unit(&mut cx.write(), &org, &unit)?;
    new_tags::insert(&mut cx.write(), unit.id.as_str(), tags)?;
    let now = cx.now;
    guardrails::attach_full_access(&mut cx.write(), &org, &Target::Unit(unit.id.clone()), now)?;
    cx.touch(Scope::organization(&org.id));
    Ok(CreateOrganizationalUnitResponse { organizational_unit: Some(describe_unit(&org, &way, unit)) })
}

fn new_unit_id(cx: &mut Cx<'_>, root: &RootId) -> Result<OuId> {
    loop {
        let id = OuId::random(root, &mut cx.random);
        if !cx.tx.exists("select 1 from org_unit where id = $1", params![id])? {
            return Ok(id);
        }
    }
}

fn insert_unit(tx: &mut WriteTx<'_>, org: &Organization, unit: &Unit) -> Result<()> {
    tx.exec_one(
        "insert into org_unit (id, org_id, parent_id, name, created_at) values ($1, $2, $3, $4, $5)",
        params![unit.id, org.id, unit.parent.as_str(), unit.name, unit.created_at],
    )
}

fn update_unit(
    cx: &mut WriteCx<'_>,
    input: &UpdateOrganizationalUnitRequest,
) -> Result<UpdateOrganizationalUnitResponse> {
    let org = organization::require_management(cx)?;
    let mut unit = require_unit(cx.tx, &org, &input.organizational_unit_id)?;
    if let Some(name) = input.name.as_ref().filter(|name| **name != unit.name) {
        if has_child_named(cx.tx, &unit.parent, name)? {
            return Err(duplicate_unit());
        }
        unit.name.clone_from(name);
        cx.write().exec_one("update org_unit set name = $2 where id = $1", params![unit.id, name])?;
    }
    let way = path(cx.tx, &org, &unit.parent)?;
    Ok(UpdateOrganizationalUnitResponse { organizational_unit: Some(describe_unit(&org, &way, unit)) })
}

fn delete_unit(cx: &mut WriteCx<'_>, input: &DeleteOrganizationalUnitRequest) -> Result<Nothing> {
    let org = organization::require_management(cx)?;
    let unit = require_unit(cx.tx, &org, &input.organizational_unit_id)?;
    let has_units = cx.tx.exists("select 1 from org_unit where parent_id = $1 limit 1", params![unit.id])?;
    if has_units || cx.tx.exists("select 1 from org_account where parent_id = $1 limit 1", params![unit.id])? {
        let message = "The specified organizational unit (OU) is not empty. Move all accounts to another root or to \
                       other OUs, remove all child OUs, and try the operation again.";
        return Err(OrganizationalUnitNotEmptyException::new(message).into());
    }
    let mut tx = cx.write();
    tx.exec("delete from org_attachment where target_id = $1", params![unit.id])?;
    tx.exec("delete from org_tag where resource_id = $1", params![unit.id])?;
    tx.exec_one("delete from org_unit where id = $1", params![unit.id])?;
    tx.touch(Scope::organization(&org.id));
    Ok(Nothing {})
}

fn describe(cx: &mut Cx<'_>, input: &DescribeOrganizationalUnitRequest) -> Result<DescribeOrganizationalUnitResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let unit = require_unit(cx.tx, &org, &input.organizational_unit_id)?;
    let way = path(cx.tx, &org, &unit.parent)?;
    Ok(DescribeOrganizationalUnitResponse { organizational_unit: Some(describe_unit(&org, &way, unit)) })
}

/// The units directly under `parent` on the page of `cursor`, and the token of the next page.
fn units_of(cx: &mut Cx<'_>, parent: &Target, cursor: &Cursor) -> Result<(Vec<Unit>, Option<String>)> {
    let (after, after_id) = cursor.position();
    let rows = cx.tx.all(
        "select id, parent_id, name, created_at from org_unit \
         where parent_id = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4",
        params![parent.as_str(), after, after_id, cursor.fetch],
        unit,
    )?;
    cursor.close(cx, rows, |last| page::key(last.created_at, last.id.as_str()))
}

fn list_units(
    cx: &mut Cx<'_>,
    input: &ListOrganizationalUnitsForParentRequest,
) -> Result<ListOrganizationalUnitsForParentResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let parent = require_parent(cx.tx, &org, &input.parent_id)?;
    let list = ["ListOrganizationalUnitsForParent", parent.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let way = path(cx.tx, &org, &parent)?;
    let (units, next_token) = units_of(cx, &parent, &cursor)?;
    let units = units.into_iter().map(|unit| describe_unit(&org, &way, unit)).collect();
    Ok(ListOrganizationalUnitsForParentResponse { organizational_units: Some(units), next_token })
}

fn list_children(cx: &mut Cx<'_>, input: &ListChildrenRequest) -> Result<ListChildrenResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let parent = require_parent(cx.tx, &org, &input.parent_id)?;
    let list = ["ListChildren", parent.as_str(), input.child_type.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (ids, next_token): (Vec<String>, _) = match input.child_type {
        ChildType::OrganizationalUnit => {
            let (units, next_token) = units_of(cx, &parent, &cursor)?;
            (units.iter().map(|unit| unit.id.to_string()).collect(), next_token)
        }
        ChildType::Account => account_ids_of(cx, &parent, &cursor)?,
    };
    let children = ids.into_iter().map(|id| Child { id: Some(id), r#type: Some(input.child_type) }).collect();
    Ok(ListChildrenResponse { children: Some(children), next_token })
}

fn account_ids_of(cx: &mut Cx<'_>, parent: &Target, cursor: &Cursor) -> Result<(Vec<String>, Option<String>)> {
    let (after, after_id) = cursor.position();
    let rows: Vec<(Timestamp, String)> = cx.tx.all(
        "select joined_at, account_id from org_account \
         where parent_id = $1 and (joined_at, account_id) > ($2, $3) order by joined_at, account_id limit $4",
        params![parent.as_str(), after, after_id, cursor.fetch],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |(joined_at, id)| page::key(*joined_at, id))?;
    Ok((rows.into_iter().map(|(_, id)| id).collect(), next_token))
}

fn list_parents(cx: &mut Cx<'_>, input: &ListParentsRequest) -> Result<ListParentsResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let parent = match Target::parse(&input.child_id) {
        Some(Target::Unit(id)) => find_unit(cx.tx, &org, &id)?.map(|unit| unit.parent),
        Some(Target::Account(id)) => parent_of_account(cx.tx, &org, &id)?,
        Some(Target::Root(_)) | None => return Err(messages::invalid_pattern()),
    };
    let parent = parent.ok_or_else(|| {
        ChildNotFoundException::new("You specified an organizational unit (OU) or account that doesn't exist.")
    })?;
    // Everything has one parent, hence never a second page; a token can only be a wrong one.
    page::open(cx, &["ListParents", &input.child_id], input.next_token.as_deref(), input.max_results)?;
    let kind = if matches!(parent, Target::Root(_)) { ParentType::Root } else { ParentType::OrganizationalUnit };
    let parent = Parent { id: Some(parent.as_str().to_owned()), r#type: Some(kind) };
    Ok(ListParentsResponse { next_token: None, parents: Some(vec![parent]) })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateOrganizationalUnit>(
            |cx, input| {
                let permission = permission(cx, "CreateOrganizationalUnit", &input.parent_id)?;
                Ok(new_tags::with_request_tags(permission, input.tags.as_deref()).into())
            },
            create_unit,
        ),
        route::write::<ops::UpdateOrganizationalUnit>(
            |cx, input| Ok(permission(cx, "UpdateOrganizationalUnit", &input.organizational_unit_id)?.into()),
            update_unit,
        ),
        route::write::<ops::DeleteOrganizationalUnit>(
            |cx, input| Ok(permission(cx, "DeleteOrganizationalUnit", &input.organizational_unit_id)?.into()),
            delete_unit,
        ),
        route::read::<ops::DescribeOrganizationalUnit>(
            |cx, input| Ok(permission(cx, "DescribeOrganizationalUnit", &input.organizational_unit_id)?.into()),
            describe,
        ),
        route::read::<ops::ListOrganizationalUnitsForParent>(
            |cx, input| Ok(permission(cx, "ListOrganizationalUnitsForParent", &input.parent_id)?.into()),
            list_units,
        ),
        route::read::<ops::ListChildren>(
            |cx, input| Ok(permission(cx, "ListChildren", &input.parent_id)?.into()),
            list_children,
        ),
        route::read::<ops::ListParents>(
            |cx, input| Ok(permission(cx, "ListParents", &input.child_id)?.into()),
            list_parents,
        ),
    ]
}
