//! Policies and their attachments.

use crate::guardrails::{AWS_MANAGED_POLICIES, AwsManagedPolicy};
use crate::organization::{self, Organization};
use crate::policy_rules::{self, Quotas};
use crate::tree::{self, Target};
use crate::{guardrails, messages, new_tags, page, policy_type, resource_policy, tag};
use base::{AccountId, OrgId, OrgPolicyId, Timestamp};
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Access, Cx, Error, Permission, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::organizations::{
    AttachPolicyRequest, ConstraintViolationExceptionReason as Constraint, CreatePolicyRequest, CreatePolicyResponse,
    DeletePolicyRequest, DescribePolicyRequest, DescribePolicyResponse, DetachPolicyRequest,
    DuplicatePolicyAttachmentException, DuplicatePolicyException, InvalidInputExceptionReason as Invalid,
    ListPoliciesForTargetRequest, ListPoliciesForTargetResponse, ListPoliciesRequest, ListPoliciesResponse,
    ListTargetsForPolicyRequest, ListTargetsForPolicyResponse, Policy as Description, PolicyInUseException,
    PolicyNotAttachedException, PolicyNotFoundException, PolicySummary, PolicyTargetSummary, PolicyType,
    PolicyTypeNotAvailableForOrganizationException, TargetType, UpdatePolicyRequest, UpdatePolicyResponse, ops,
};
use smithy::schema::Unit;

/// Sort key of AWS's policies in lists: before everything that anybody created.
const AWS_MANAGED_AT: Timestamp = Timestamp::from_micros(-1);

/// A policy of an organization, or of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its id.
    pub id: OrgPolicyId,
    /// Its ARN.
    pub arn: String,
    /// Its type; never changes.
    pub policy_type: PolicyType,
    /// Its name; unique among the policies of its type.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its document, as it was given.
    pub content: String,
    /// When it was created; before everything for AWS's.
    pub created_at: Timestamp,
    /// Whether it is AWS's: readable by everybody, and the same for ever.
    pub is_aws_managed: bool,
}

impl Policy {
    fn summary(self) -> PolicySummary {
        PolicySummary {
            arn: Some(self.arn),
            aws_managed: Some(self.is_aws_managed),
            description: Some(self.description),
            id: Some(self.id.to_string()),
            name: Some(self.name),
            r#type: Some(self.policy_type),
        }
    }

    fn describe(self) -> Description {
        Description { content: Some(self.content.clone()), policy_summary: Some(self.summary()) }
    }

    /// Refuses to change what is AWS's.
    fn require_own(self) -> Result<Self> {
        if self.is_aws_managed {
            let message = "You cannot modify or delete a policy that is managed by AWS.";
            return Err(messages::invalid_input(Invalid::ImmutablePolicy, message));
        }
        Ok(self)
    }
}

/// ARN of a policy of `org`; `id` may be `*`.
fn arn(org: &Organization, policy_type: PolicyType, id: &str) -> String {
    org.resource_arn("policy", &format!("{}/{id}", policy_type.as_str().to_ascii_lowercase()))
}

fn aws_managed(policy: &AwsManagedPolicy) -> Result<Policy> {
    Ok(Policy {
        id: OrgPolicyId::parse(policy.id).ok_or_else(|| Error::internal("an id of AWS is malformed"))?,
        arn: policy.arn.to_owned(),
        policy_type: policy.policy_type,
        name: policy.name.to_owned(),
        description: policy.description.to_owned(),
        content: policy.content.to_owned(),
        created_at: AWS_MANAGED_AT,
        is_aws_managed: true,
    })
}

fn policy(org: &Organization, row: &Row<'_>) -> Result<Policy> {
    let (id, policy_type): (OrgPolicyId, _) = (row.get(0)?, row.parse(1, PolicyType::parse)?);
    Ok(Policy {
        arn: arn(org, policy_type, id.as_str()),
        id,
        policy_type,
        name: row.get(2)?,
        description: row.get(3)?,
        content: row.get(4)?,
        created_at: row.get(5)?,
        is_aws_managed: false,
    })
}

/// The policy of `org`, or of AWS, with that id.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, org: &Organization, id: &str) -> Result<Option<Policy>> {
    if let Some(managed) = AWS_MANAGED_POLICIES.iter().find(|policy| policy.id == id) {
        return aws_managed(managed).map(Some);
    }
    let sql = "select id, type, name, description, content, created_at from org_policy where id = $1 and org_id = $2";
    tx.opt(sql, params![id, org.id], |row| policy(org, row))
}

fn require(tx: &mut Tx, org: &Organization, id: &str) -> Result<Policy> {
    if OrgPolicyId::parse(id).is_none() {
        return Err(messages::invalid_input(Invalid::InvalidSyntaxPolicyId, "You specified an invalid policy ID."));
    }
    let message = "We can't find a policy with the PolicyId that you specified.";
    find(tx, org, id)?.ok_or_else(|| PolicyNotFoundException::new(message).into())
}

fn require_target(tx: &mut Tx, org: &Organization, id: &str) -> Result<Target> {
    if Target::parse(id).is_none() {
        let message = "You specified a policy target ID that does not match the required pattern.";
        return Err(messages::invalid_input(Invalid::InvalidPatternTargetId, message));
    }
    tree::find_target(tx, org, id)?.ok_or_else(messages::no_target)
}

/// Attaches to an account that became a member what AWS attaches to every account: for each enabled type of
/// authorization policies, the policy that allows everything.
///
/// # Errors
/// When the database fails.
pub fn attach_defaults_to_account(cx: &mut WriteCx<'_>, org: &OrgId, account: &AccountId) -> Result<()> {
    let Some(org) = organization::get(cx.tx, org)? else { return Ok(()) };
    let now = cx.now;
    guardrails::attach_full_access(&mut cx.write(), &org, &Target::Account(account.clone()), now)?;
    cx.touch(Scope::organization(&org.id));
    Ok(())
}

/// The permission for `operation` on the policy with that id, whether it exists or not.
pub(crate) fn permission(cx: &mut Cx<'_>, operation: &str, id: &str) -> Result<Permission> {
    let org = match cx.caller.account().cloned() {
        Some(account) => organization::of_account(cx.tx, &account)?,
        None => None,
    };
    let found = match &org {
        Some(org) => find(cx.tx, org, id)?,
        None => None,
    };
    let Some(policy) = found else {
        return organization::permission(cx, operation, |org| arn(org, PolicyType::ServiceControlPolicy, id));
    };
    let permission = Permission::new(format!("organizations:{operation}"), policy.arn)
        .with("organizations:PolicyType", policy.policy_type.as_str());
    new_tags::with_resource_tags(permission, cx.tx, id)
}

/// The permissions for attaching or detaching: on the policy, and on what it is attached to.
fn attachment_permissions(cx: &mut Cx<'_>, operation: &str, policy: &str, target: &str) -> Result<Vec<Permission>> {
    let on_policy = permission(cx, operation, policy)?;
    let mut on_target = tree::permission(cx, operation, target)?;
    on_target.context.extend(on_policy.context.iter().filter(|(key, _)| key == "organizations:PolicyType").cloned());
    Ok(vec![on_policy, on_target])
}

fn create_permission(cx: &mut Cx<'_>, input: &CreatePolicyRequest) -> Result<Permission> {
    let permission = organization::permission(cx, "CreatePolicy", |org| arn(org, input.r#type, "*"))?
        .with("organizations:PolicyType", input.r#type.as_str());
    Ok(new_tags::with_request_tags(permission, input.tags.as_deref()))
}

fn list_permission(input: &ListPoliciesRequest) -> Permission {
    Permission::new("organizations:ListPolicies", "*").with("organizations:PolicyType", input.filter.as_str())
}

fn list_for_target_permission(cx: &mut Cx<'_>, input: &ListPoliciesForTargetRequest) -> Result<Permission> {
    let permission = tree::permission(cx, "ListPoliciesForTarget", &input.target_id)?;
    Ok(permission.with("organizations:PolicyType", input.filter.as_str()))
}

fn require_free_name(tx: &mut Tx, org: &Organization, policy_type: PolicyType, name: &str) -> Result<()> {
    let sql = "select 1 from org_policy where org_id = $1 and type = $2 and name = $3";
    let is_aws = AWS_MANAGED_POLICIES.iter().any(|policy| policy.policy_type == policy_type && policy.name == name);
    if is_aws || tx.exists(sql, params![org.id, policy_type.as_str(), name])? {
        return Err(DuplicatePolicyException::new("A policy with the same name already exists.").into());
    }
    Ok(())
}

fn new_id(cx: &mut Cx<'_>) -> Result<OrgPolicyId> {
    loop {
        let id = OrgPolicyId::random(&mut cx.random);
        if !cx.tx.exists("select 1 from org_policy where id = $1", params![id])? {
            return Ok(id);
        }
    }
}

fn create(cx: &mut WriteCx<'_>, input: &CreatePolicyRequest) -> Result<CreatePolicyResponse> {
    let org = resource_policy::require_writer(cx)?;
    if !org.has_all_features() {
        let message = "You can't use the specified policy type with the feature set currently enabled for this \
                       organization.";
        return Err(PolicyTypeNotAvailableForOrganizationException::new(message).into());
    }
    let policy_type = input.r#type;
    policy_rules::check_content(policy_type, &input.content)?;
    let tags = input.tags.as_deref().unwrap_or_default();
    new_tags::check(tags)?;
    tag::require_compliant(cx.tx, &org, "organizations:policy", tags)?;
    require_free_name(cx.tx, &org, policy_type, &input.name)?;
    let of_type = "select count(*) from org_policy where org_id = $1 and type = $2";
    if cx.tx.count(of_type, params![org.id, policy_type.as_str()])? >= Quotas::of(policy_type).policies_max {
        let message = "You have exceeded the number of policies that you can have in an organization.";
        return Err(messages::constraint(Constraint::PolicyNumberLimitExceeded, message));
    }
    let id = new_id(cx)?;
    let policy = Policy {
        arn: arn(&org, policy_type, id.as_str()),
        id,
        policy_type,
        name: input.name.clone(),
        description: input.description.clone(),
        content: input.content.clone(),
        created_at: cx.now,
        is_aws_managed: false,
    };
    cx.write().exec_one(
        "insert into org_policy (id, org_id, type, name, description, content, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        params![
            policy.id,
            org.id,
            policy_type.as_str(),
            policy.name,
            policy.description,
            policy.content,
            policy.created_at
        ],
    )?;
    new_tags::insert(&mut cx.write(), policy.id.as_str(), tags)?;
    Ok(CreatePolicyResponse { policy: Some(policy.describe()) })
}

fn update(cx: &mut WriteCx<'_>, input: &UpdatePolicyRequest) -> Result<UpdatePolicyResponse> {
    let org = resource_policy::require_writer(cx)?;
    let mut policy = require(cx.tx, &org, &input.policy_id)?.require_own()?;
    if let Some(name) = input.name.as_ref().filter(|name| **name != policy.name) {
        require_free_name(cx.tx, &org, policy.policy_type, name)?;
        policy.name.clone_from(name);
    }
    if let Some(description) = &input.description {
        policy.description.clone_from(description);
    }
    if let Some(content) = &input.content {
        policy_rules::check_content(policy.policy_type, content)?;
        policy.content.clone_from(content);
    }
    let sql = "update org_policy set name = $2, description = $3 where id = $1";
    cx.write().exec_one(sql, params![policy.id, policy.name, policy.description])?;
    if input.content.is_some() {
        let now = cx.now;
        let sql = "update org_policy set content = $2, updated_at = $3 where id = $1";
        cx.write().exec_one(sql, params![policy.id, policy.content, now])?;
    }
    cx.touch(Scope::organization(&org.id));
    Ok(UpdatePolicyResponse { policy: Some(policy.describe()) })
}

fn delete(cx: &mut WriteCx<'_>, input: &DeletePolicyRequest) -> Result<Unit> {
    let org = resource_policy::require_writer(cx)?;
    let policy = require(cx.tx, &org, &input.policy_id)?.require_own()?;
    let attached = "select 1 from org_attachment where org_id = $1 and policy_id = $2 limit 1";
    if cx.tx.exists(attached, params![org.id, policy.id])? {
        let message = "The policy is attached to one or more entities. You must detach it from all roots, \
                       organizational units (OUs), and accounts before performing this operation.";
        return Err(PolicyInUseException::new(message).into());
    }
    let mut tx = cx.write();
    tx.exec("delete from org_tag where resource_id = $1", params![policy.id])?;
    tx.exec_one("delete from org_policy where id = $1", params![policy.id])?;
    tx.touch(Scope::organization(&org.id));
    Ok(Unit {})
}

fn describe(cx: &mut Cx<'_>, input: &DescribePolicyRequest) -> Result<DescribePolicyResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let policy = require(cx.tx, &org, &input.policy_id)?;
    Ok(DescribePolicyResponse { policy: Some(policy.describe()) })
}

fn list(cx: &mut Cx<'_>, input: &ListPoliciesRequest) -> Result<ListPoliciesResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let list = ["ListPolicies", input.filter.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (after, after_id) = cursor.position();
    let mut rows = Vec::new();
    if after < AWS_MANAGED_AT.micros() {
        let managed = AWS_MANAGED_POLICIES.iter().filter(|policy| policy.policy_type == input.filter);
        rows = managed.map(|policy| aws_managed(policy)).collect::<Result<_>>()?;
    }
    rows.extend(cx.tx.all(
        "select id, type, name, description, content, created_at from org_policy \
         where org_id = $1 and type = $2 and (created_at, id) > ($3, $4) order by created_at, id limit $5",
        params![org.id, input.filter.as_str(), after, after_id, cursor.fetch],
        |row| policy(&org, row),
    )?);
    let (policies, next_token) = cursor.close(cx, rows, |last| page::key(last.created_at, last.id.as_str()))?;
    Ok(ListPoliciesResponse { next_token, policies: Some(policies.into_iter().map(Policy::summary).collect()) })
}

fn is_attached(tx: &mut Tx, policy: &Policy, target: &Target) -> Result<bool> {
    let sql = "select 1 from org_attachment where target_id = $1 and policy_id = $2";
    tx.exists(sql, params![target.as_str(), policy.id])
}

fn attached_count(tx: &mut Tx, policy_type: PolicyType, target: &Target) -> Result<i64> {
    let sql = "select count(*) from org_attachment where target_id = $1 and type = $2";
    tx.count(sql, params![target.as_str(), policy_type.as_str()])
}

fn insert_attachment(
    tx: &mut WriteTx<'_>,
    org: &Organization,
    policy: &Policy,
    target: &Target,
    now: Timestamp,
) -> Result<()> {
    tx.exec_one(
        "insert into org_attachment (target_id, policy_id, org_id, type, attached_at) values ($1, $2, $3, $4, $5)",
        params![target.as_str(), policy.id, org.id, policy.policy_type.as_str(), now],
    )
}

fn attach(cx: &mut WriteCx<'_>, input: &AttachPolicyRequest) -> Result<Unit> {
    let org = resource_policy::require_writer(cx)?;
    let policy = require(cx.tx, &org, &input.policy_id)?;
    let target = require_target(cx.tx, &org, &input.target_id)?;
    policy_type::require_enabled(cx.tx, &org, policy.policy_type)?;
    if is_attached(cx.tx, &policy, &target)? {
        let message = "The selected policy is already attached to the specified target.";
        return Err(DuplicatePolicyAttachmentException::new(message).into());
    }
    if attached_count(cx.tx, policy.policy_type, &target)? >= Quotas::of(policy.policy_type).attached_max {
        let message = "You have exceeded the number of policies that can be attached to the specified target.";
        return Err(messages::constraint(Constraint::MaxPolicyTypeAttachmentLimitExceeded, message));
    }
    let now = cx.now;
    insert_attachment(&mut cx.write(), &org, &policy, &target, now)?;
    cx.touch(Scope::organization(&org.id));
    Ok(Unit {})
}

fn detach(cx: &mut WriteCx<'_>, input: &DetachPolicyRequest) -> Result<Unit> {
    let org = resource_policy::require_writer(cx)?;
    let policy = require(cx.tx, &org, &input.policy_id)?;
    let target = require_target(cx.tx, &org, &input.target_id)?;
    if policy.id.as_str() == guardrails::RCP_FULL_AWS_ACCESS.id {
        let message = "You can't detach the RCPFullAWSAccess policy.";
        return Err(messages::invalid_input(Invalid::NonDetachablePolicy, message));
    }
    if !is_attached(cx.tx, &policy, &target)? {
        let message = "The policy isn't attached to the specified target in the specified root.";
        return Err(PolicyNotAttachedException::new(message).into());
    }
    if attached_count(cx.tx, policy.policy_type, &target)? <= Quotas::of(policy.policy_type).attached_min {
        let message = "You cannot remove the last policy attached to the specified target. You must have at least one \
                       policy of this type attached at all times.";
        return Err(messages::constraint(Constraint::MinPolicyTypeAttachmentLimitExceeded, message));
    }
    let sql = "delete from org_attachment where target_id = $1 and policy_id = $2";
    cx.write().exec_one(sql, params![target.as_str(), policy.id])?;
    cx.touch(Scope::organization(&org.id));
    Ok(Unit {})
}

fn list_for_target(cx: &mut Cx<'_>, input: &ListPoliciesForTargetRequest) -> Result<ListPoliciesForTargetResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let target = require_target(cx.tx, &org, &input.target_id)?;
    let list = ["ListPoliciesForTarget", target.as_str(), input.filter.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (after, after_id) = cursor.position();
    let rows: Vec<(Timestamp, String)> = cx.tx.all(
        "select attached_at, policy_id from org_attachment where target_id = $1 and type = $2 \
         and (attached_at, policy_id) > ($3, $4) order by attached_at, policy_id limit $5",
        params![target.as_str(), input.filter.as_str(), after, after_id, cursor.fetch],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |(at, id)| page::key(*at, id))?;
    let policies = rows.iter().map(|(_, id)| Ok(require(cx.tx, &org, id)?.summary())).collect::<Result<_>>()?;
    Ok(ListPoliciesForTargetResponse { next_token, policies: Some(policies) })
}

fn target_summary(org: &Organization, id: &str, name: Option<String>) -> Result<PolicyTargetSummary> {
    let target = Target::parse(id).ok_or_else(|| Error::internal(format!("a policy is attached to {id}")))?;
    let (target_type, name) = match &target {
        Target::Root(_) => (TargetType::Root, Some("Root".to_owned())),
        Target::Unit(_) => (TargetType::OrganizationalUnit, name),
        Target::Account(_) => (TargetType::Account, name),
    };
    Ok(PolicyTargetSummary {
        arn: Some(target.arn(org)),
        name,
        target_id: Some(id.to_owned()),
        r#type: Some(target_type),
    })
}

fn list_targets(cx: &mut Cx<'_>, input: &ListTargetsForPolicyRequest) -> Result<ListTargetsForPolicyResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let policy = require(cx.tx, &org, &input.policy_id)?;
    let list = ["ListTargetsForPolicy", policy.id.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (after, after_id) = cursor.position();
    let rows: Vec<(Timestamp, String, Option<String>)> = cx.tx.all(
        "select a.attached_at, a.target_id, coalesce(u.name, i.name) from org_attachment a \
         left join org_unit u on u.id = a.target_id left join iam_account i on i.id = a.target_id \
         where a.org_id = $1 and a.policy_id = $2 and (a.attached_at, a.target_id) > ($3, $4) \
         order by a.attached_at, a.target_id limit $5",
        params![org.id, policy.id, after, after_id, cursor.fetch],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |(at, id, _)| page::key(*at, id))?;
    let targets = rows.into_iter().map(|(_, id, name)| target_summary(&org, &id, name)).collect::<Result<_>>()?;
    Ok(ListTargetsForPolicyResponse { next_token, targets: Some(targets) })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreatePolicy>(|cx, input| Ok(create_permission(cx, input)?.into()), create),
        route::write::<ops::UpdatePolicy>(
            |cx, input| Ok(permission(cx, "UpdatePolicy", &input.policy_id)?.into()),
            update,
        ),
        route::write::<ops::DeletePolicy>(
            |cx, input| Ok(permission(cx, "DeletePolicy", &input.policy_id)?.into()),
            delete,
        ),
        route::read::<ops::DescribePolicy>(
            |cx, input| Ok(permission(cx, "DescribePolicy", &input.policy_id)?.into()),
            describe,
        ),
        route::read::<ops::ListPolicies>(|_, input| Ok(list_permission(input).into()), list),
        route::write::<ops::AttachPolicy>(
            |cx, input| {
                attachment_permissions(cx, "AttachPolicy", &input.policy_id, &input.target_id).map(Access::Permissions)
            },
            attach,
        ),
        route::write::<ops::DetachPolicy>(
            |cx, input| {
                attachment_permissions(cx, "DetachPolicy", &input.policy_id, &input.target_id).map(Access::Permissions)
            },
            detach,
        ),
        route::read::<ops::ListPoliciesForTarget>(
            |cx, input| Ok(list_for_target_permission(cx, input)?.into()),
            list_for_target,
        ),
        route::read::<ops::ListTargetsForPolicy>(
            |cx, input| Ok(permission(cx, "ListTargetsForPolicy", &input.policy_id)?.into()),
            list_targets,
        ),
    ]
}
