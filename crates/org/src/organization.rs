//! Organizations: their creation, description and end, and who may ask what of them.

use crate::tree::{self, Target};
use crate::{guardrails, messages, page, resource_policy, views};
use base::{AccountId, OrgId, OuId, RootId, Timestamp};
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Access, App, Caller, Cx, Error, Event, Permission, RequestInfo, Result, Route, Tx, WriteCx, WriteTx};
use kernel::{params, route};
use model::organizations::{
    AccessDeniedForDependencyException, AccessDeniedForDependencyExceptionReason, AccountJoinedMethod,
    AlreadyInOrganizationException, CreateOrganizationRequest, CreateOrganizationResponse,
    DescribeOrganizationResponse, ListRootsRequest, ListRootsResponse, Organization as Description,
    OrganizationFeatureSet as FeatureSet, OrganizationNotEmptyException, PolicyType, PolicyTypeStatus,
    PolicyTypeSummary, Root, ops,
};
use smithy::schema::Unit;
use std::sync::Arc;

/// The principal as which Organizations itself acts.
pub const SERVICE: &str = "organizations.amazonaws.com";
/// Name of the service-linked role of Organizations.
const SERVICE_LINKED_ROLE: &str = "AWSServiceRoleForOrganizations";

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrgId,
    /// Its management account.
    pub management: AccountId,
    /// All features, or consolidated billing only.
    pub feature_set: FeatureSet,
    /// The root of its tree.
    pub root: RootId,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Organization {
    /// ARN of the organization.
    pub fn arn(&self) -> String {
        self.arn_of("organization", self.id.as_str(), None)
    }

    /// ARN of its root.
    pub fn root_arn(&self) -> String {
        self.arn_of("root", self.id.as_str(), Some(self.root.as_str()))
    }

    /// ARN of a member account, whether it exists or not.
    pub fn account_arn(&self, account: &AccountId) -> String {
        self.arn_of("account", self.id.as_str(), Some(account.as_str()))
    }

    /// ARN of an organizational unit, whether it exists or not.
    pub fn unit_arn(&self, unit: &OuId) -> String {
        self.arn_of("ou", self.id.as_str(), Some(unit.as_str()))
    }

    /// ARN of something of the `kind` that stands first in the resource part (`account`, `ou`, `policy`, …); `rest`
    /// follows the organization's id (`service_control_policy/p-…`).
    pub fn resource_arn(&self, kind: &str, rest: &str) -> String {
        self.arn_of(kind, self.id.as_str(), Some(rest))
    }

    /// Whether the organization has all features.
    pub fn has_all_features(&self) -> bool {
        self.feature_set == FeatureSet::All
    }

    fn arn_of(&self, kind: &str, id: &str, rest: Option<&str>) -> String {
        let slash = if rest.is_some() { "/" } else { "" };
        format!("arn:aws:organizations::{}:{kind}/{id}{slash}{}", self.management, rest.unwrap_or_default())
    }
}

fn organization(row: &Row<'_>) -> Result<Organization> {
    Ok(Organization {
        id: row.get(0)?,
        management: row.get(1)?,
        feature_set: row.parse(2, FeatureSet::parse)?,
        root: row.get(3)?,
        created_at: row.get(4)?,
    })
}

/// The organization with that id.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, id: &OrgId) -> Result<Option<Organization>> {
    let sql = "select id, management_account_id, feature_set, root_id, created_at from org_organization where id = $1";
    tx.opt(sql, params![id], organization)
}

/// The organization that the account is a member of, also as its management account.
///
/// # Errors
/// When the database fails.
pub fn of_account(tx: &mut Tx, account: &AccountId) -> Result<Option<Organization>> {
    tx.opt(
        "select o.id, o.management_account_id, o.feature_set, o.root_id, o.created_at \
         from org_account a join org_organization o on o.id = a.org_id where a.account_id = $1",
        params![account],
        organization,
    )
}

/// The caller's organization.
///
/// # Errors
/// `AWSOrganizationsNotInUseException` when the caller's account is in none.
pub fn require(cx: &mut Cx<'_>) -> Result<Arc<Organization>> {
    cx.account()?;
    views::organization_of_caller(cx)?.ok_or_else(messages::not_in_use)
}

/// The organization that the caller's account manages.
///
/// # Errors
/// As [`require`], and `AccessDeniedException` for members.
pub fn require_management(cx: &mut Cx<'_>) -> Result<Arc<Organization>> {
    let org = require(cx)?;
    if cx.account()? == org.management { Ok(org) } else { Err(messages::wrong_account()) }
}

/// The caller's organization, for the reads that its management account and every delegated administrator may do.
///
/// # Errors
/// As [`require`], and `AccessDeniedException` for other members.
pub fn require_management_or_delegate(cx: &mut Cx<'_>) -> Result<Arc<Organization>> {
    let org = require(cx)?;
    let account = cx.account()?;
    let is_entitled =
        account == org.management || is_delegate(cx.tx, &org, &account)? || resource_policy::is_granted(cx, &org)?;
    if is_entitled { Ok(org) } else { Err(messages::wrong_account()) }
}

/// Whether the account is a delegated administrator of any service.
///
/// # Errors
/// When the database fails.
pub fn is_delegate(tx: &mut Tx, org: &Organization, account: &AccountId) -> Result<bool> {
    let sql = "select 1 from org_delegated_administrator where org_id = $1 and account_id = $2 limit 1";
    tx.exists(sql, params![org.id, account])
}

/// Refuses what organizations for consolidated billing cannot do.
///
/// # Errors
/// `ConstraintViolationException` with reason `ORGANIZATION_NOT_IN_ALL_FEATURES_MODE`.
pub fn require_all_features(org: &Organization) -> Result<()> {
    if org.has_all_features() { Ok(()) } else { Err(messages::not_all_features()) }
}

/// The permission for `operation` on the resource that `arn` names in the caller's organization; on `*` when the
/// caller's account is in none, so that whoever may do everything learns that there is no organization.
///
/// # Errors
/// When the database fails.
pub fn permission(cx: &mut Cx<'_>, operation: &str, arn: impl FnOnce(&Organization) -> String) -> Result<Permission> {
    let org = views::organization_of_caller(cx)?;
    let resource = org.as_deref().map_or_else(|| "*".to_owned(), arn);
    Ok(Permission::new(format!("organizations:{operation}"), resource))
}

/// The permission for an `operation` that knows no resources.
///
/// # Errors
/// None: the form of a rule.
pub fn any(operation: &str) -> Result<Access> {
    Ok(Permission::new(format!("organizations:{operation}"), "*").into())
}

/// Runs `work` in a transaction as Organizations itself.
///
/// # Errors
/// Those of `work`.
pub(crate) fn write_as_service<T>(app: &Arc<App>, work: impl FnMut(&mut WriteCx<'_>) -> Result<T>) -> Result<T> {
    app.write_as(&Caller::Service(SERVICE.to_owned()), &RequestInfo::of_service(app, SERVICE), work)
}

fn insert(tx: &mut WriteTx<'_>, org: &Organization) -> Result<()> {
    tx.exec_one(
        "insert into org_organization (id, management_account_id, feature_set, root_id, created_at) \
         values ($1, $2, $3, $4, $5)",
        params![org.id, org.management, org.feature_set.as_str(), org.root, org.created_at],
    )
}

/// An organization for `management` with ids that nothing has yet.
fn new(cx: &mut Cx<'_>, management: AccountId, feature_set: FeatureSet) -> Result<Organization> {
    loop {
        let (id, root) = (OrgId::random(&mut cx.random), RootId::random(&mut cx.random));
        let taken = "select 1 from org_organization where id = $1 or root_id = $2";
        if !cx.tx.exists(taken, params![id, root])? {
            return Ok(Organization { id, management, feature_set, root, created_at: cx.now });
        }
    }
}

/// The organization as the API describes it to every account in it.
fn description(tx: &mut Tx, org: &Organization) -> Result<Description> {
    let management = iam::account::get(tx, &org.management)?
        .ok_or_else(|| Error::internal(format!("management account {} has no row", org.management)))?;
    // AWS answers with this list whatever the policy types of the root are; the member is deprecated.
    let policy_types = match org.feature_set {
        FeatureSet::All => vec![PolicyTypeSummary {
            r#type: Some(PolicyType::ServiceControlPolicy),
            status: Some(PolicyTypeStatus::Enabled),
        }],
        FeatureSet::ConsolidatedBilling => Vec::new(),
    };
    Ok(Description {
        arn: Some(org.arn()),
        available_policy_types: Some(policy_types),
        feature_set: Some(org.feature_set),
        id: Some(org.id.to_string()),
        master_account_arn: Some(org.account_arn(&org.management)),
        master_account_email: Some(management.email),
        master_account_id: Some(org.management.to_string()),
    })
}

/// The root as the API describes it: policy types that are off are not listed.
///
/// # Errors
/// When the database fails.
pub fn root(tx: &mut Tx, org: &Organization) -> Result<Root> {
    let sql = "select type, status from org_policy_type where root_id = $1 order by changed_at, type";
    let policy_types = tx.all(sql, params![org.root], |row| {
        Ok(PolicyTypeSummary {
            r#type: Some(row.parse(0, PolicyType::parse)?),
            status: Some(row.parse(1, PolicyTypeStatus::parse)?),
        })
    })?;
    Ok(Root {
        arn: Some(org.root_arn()),
        id: Some(org.root.to_string()),
        name: Some("Root".to_owned()),
        policy_types: Some(policy_types),
    })
}

/// Requires what the creation of Organizations' own service-linked role takes, of whoever causes it.
///
/// # Errors
/// `AccessDeniedForDependencyException`.
pub fn require_service_linked_role_permission(cx: &mut Cx<'_>) -> Result<()> {
    let account = cx.account()?;
    let role = format!("arn:aws:iam::{account}:role/aws-service-role/{SERVICE}/{SERVICE_LINKED_ROLE}");
    let permission = Permission::new("iam:CreateServiceLinkedRole", role).with("iam:AWSServiceName", SERVICE);
    match cx.require(&permission) {
        Err(Error::Denied(_)) => Err(AccessDeniedForDependencyException {
            message: Some(messages::SERVICE_LINKED_ROLE_DENIED.to_owned()),
            reason: Some(AccessDeniedForDependencyExceptionReason::AccessDeniedDuringCreateServiceLinkedRole),
        }
        .into()),
        other => other,
    }
}

fn create(cx: &mut WriteCx<'_>, input: &CreateOrganizationRequest) -> Result<CreateOrganizationResponse> {
    let account = cx.account()?;
    if of_account(cx.tx, &account)?.is_some() {
        let message = "The provided account is already a member of an organization.";
        return Err(AlreadyInOrganizationException::new(message).into());
    }
    require_service_linked_role_permission(cx)?;
    let org = new(cx, account.clone(), input.feature_set.unwrap_or(FeatureSet::All))?;
    insert(&mut cx.write(), &org)?;
    if org.has_all_features() && cx.app.settings.organizations.is_scp_enabled_at_start {
        enable_service_control_policies(&mut cx.write(), &org)?;
    }
    let (root, now) = (Target::Root(org.root.clone()), cx.now);
    guardrails::attach_full_access(&mut cx.write(), &org, &root, now)?;
    tree::add_account(&mut cx.write(), &org, &account, &root, AccountJoinedMethod::Invited, now)?;
    cx.touch(Scope::account(&account));
    cx.touch(Scope::organization(&org.id));
    cx.emit(Event::OrganizationCreated { org: org.id.clone(), management: account });
    Ok(CreateOrganizationResponse { organization: Some(description(cx.tx, &org)?) })
}

fn enable_service_control_policies(tx: &mut WriteTx<'_>, org: &Organization) -> Result<()> {
    tx.exec_one(
        "insert into org_policy_type (root_id, type, status, changed_at) values ($1, $2, 'ENABLED', $3)",
        params![org.root, PolicyType::ServiceControlPolicy.as_str(), org.created_at],
    )
}

fn describe(cx: &mut Cx<'_>, _: &Unit) -> Result<DescribeOrganizationResponse> {
    let org = require(cx)?;
    Ok(DescribeOrganizationResponse { organization: Some(description(cx.tx, &org)?) })
}

fn delete(cx: &mut WriteCx<'_>, _: &Unit) -> Result<Unit> {
    let org = require_management(cx)?;
    let others = "select 1 from org_account where org_id = $1 and account_id <> $2 limit 1";
    if cx.tx.exists(others, params![org.id, org.management])? {
        let message = "To delete an organization you must first remove all member accounts (except the master).";
        return Err(OrganizationNotEmptyException::new(message).into());
    }
    delete_rows(&mut cx.write(), &org)?;
    cx.touch(Scope::account(&org.management));
    cx.touch(Scope::organization(&org.id));
    cx.emit(Event::OrganizationDeleted { org: org.id.clone(), management: org.management.clone() });
    Ok(Unit {})
}

/// Deletes an organization that has no members, with everything that is its own. What services still have to clean
/// up in accounts that left before stays on record.
fn delete_rows(tx: &mut WriteTx<'_>, org: &Organization) -> Result<()> {
    for target in [org.root.as_str(), org.management.as_str()] {
        tx.exec("delete from org_tag where resource_id = $1", params![target])?;
    }
    tx.exec("delete from org_policy_type where root_id = $1", params![org.root])?;
    for statement in [
        "delete from org_tag where resource_id in (select id from org_unit where org_id = $1)",
        "delete from org_tag where resource_id in (select id from org_policy where org_id = $1)",
        "delete from org_tag where resource_id in (select id from org_resource_policy where org_id = $1)",
        "delete from org_attachment where org_id = $1",
        "delete from org_policy where org_id = $1",
        "delete from org_resource_policy where org_id = $1",
        "delete from org_delegated_administrator where org_id = $1",
        "delete from org_trusted_service where org_id = $1",
        "delete from org_create_account_request where org_id = $1",
        "delete from org_unit where org_id = $1",
        "delete from org_account where org_id = $1",
        "delete from org_organization where id = $1",
    ] {
        tx.exec(statement, params![org.id])?;
    }
    Ok(())
}

fn list_roots(cx: &mut Cx<'_>, input: &ListRootsRequest) -> Result<ListRootsResponse> {
    let org = require_management_or_delegate(cx)?;
    // There is only one root, hence never a second page; a token can only be a wrong one.
    page::open(cx, &["ListRoots"], input.next_token.as_deref(), input.max_results)?;
    Ok(ListRootsResponse { next_token: None, roots: Some(vec![root(cx.tx, &org)?]) })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateOrganization>(|_, _| any("CreateOrganization"), create),
        route::read::<ops::DescribeOrganization>(|_, _| any("DescribeOrganization"), describe),
        route::write::<ops::DeleteOrganization>(|_, _| any("DeleteOrganization"), delete),
        route::read::<ops::ListRoots>(|_, _| any("ListRoots"), list_roots),
    ]
}
