//! The organization's resource policy: what its management account delegates to members.

use crate::organization::{self, Organization};
use crate::{messages, new_tags};
use base::AccountId;
use base::random::ALPHABET_LOWER;
use kernel::scope::Scope;
use kernel::{Caller, Cx, Error, Permission, Principal, PrincipalCaller, Result, Route, Tx, WriteCx, params, route};
use model::organizations::{
    ConstraintViolationExceptionReason, DescribeResourcePolicyResponse, InvalidInputException,
    InvalidInputExceptionReason as Invalid, PolicyType, PutResourcePolicyRequest, PutResourcePolicyResponse,
    ResourcePolicy as Description, ResourcePolicyNotFoundException, ResourcePolicySummary, ops,
};
use policy::validate::{Finding, validate};
use policy::{CompiledPolicy, Context, Document, PolicyKind, PolicySet, PolicySource, Request, Resource, Statement};
use smithy::schema::Unit;
use std::sync::Arc;

/// Stands for the caller's own policies, which the gate has asked already.
const ALLOW_EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// The resource policy of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourcePolicy {
    /// Its id; survives updates.
    pub id: String,
    /// Its document, as it was given.
    pub content: String,
}

impl ResourcePolicy {
    fn describe(self, org: &Organization) -> Description {
        Description {
            resource_policy_summary: Some(ResourcePolicySummary { arn: Some(arn(org, &self.id)), id: Some(self.id) }),
            content: Some(self.content),
        }
    }
}

/// ARN of the resource policy of `org` with that id.
pub fn arn(org: &Organization, id: &str) -> String {
    org.resource_arn("resourcepolicy", id)
}

/// The resource policy of `org`.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, org: &Organization) -> Result<Option<ResourcePolicy>> {
    tx.opt("select id, content from org_resource_policy where org_id = $1", params![org.id], |row| {
        Ok(ResourcePolicy { id: row.get(0)?, content: row.get(1)? })
    })
}

/// Whether the resource policy of `org` lets `caller`, a principal of a member account, use the permission. It only
/// knows the condition keys of the permission and those that name the caller; the gate decides with all of them.
///
/// # Errors
/// When the database fails.
pub fn grants(tx: &mut Tx, org: &Organization, caller: &PrincipalCaller, permission: &Permission) -> Result<bool> {
    let Some(stored) = find(tx, org)? else { return Ok(false) };
    let compile = |text: &str, kind| {
        CompiledPolicy::from_stored(text, kind, PolicySource::named("organization"))
            .map_err(|error| Error::internal(format!("the resource policy of {} does not parse: {error}", org.id)))
    };
    let resource_policy = compile(&stored.content, PolicyKind::OrganizationsResourcePolicy)?;
    let identity = [compile(ALLOW_EVERYTHING, PolicyKind::Identity)?];
    let subject = subject(caller);
    let action = policy::Action::new(&permission.action);
    let context = context(org, caller, permission);
    let mut request = Request::new(&subject, &action, Resource::new(&permission.resource), &context);
    request.resource_account = Some(org.management.as_str());
    let policies = PolicySet { identity: &identity, resource: Some(&resource_policy), ..PolicySet::default() };
    Ok(policy::evaluate(&request, &policies).is_allowed())
}

/// The caller as policies name it.
fn subject(caller: &PrincipalCaller) -> policy::Caller {
    let arn = caller.arn();
    match &caller.principal {
        Principal::Root => policy::Caller::root(&arn),
        Principal::User(user) => policy::Caller::user(&arn, Some(user.id.as_str())),
        Principal::Role(role) => policy::Caller::role_session(&arn, Some(role.id.as_str())),
        Principal::FederatedUser { issuer, .. } => {
            let issuer = issuer.as_ref().map(|user| policy::Issuer {
                arn: Principal::User(user.clone()).arn(&caller.account),
                unique_id: Some(user.id.to_string()),
            });
            policy::Caller::federated_user(&arn, issuer)
        }
    }
}

fn context(org: &Organization, caller: &PrincipalCaller, permission: &Permission) -> Context {
    let mut context = Context::new();
    let arn = caller.principal.role_arn(&caller.account).map_or_else(|| caller.arn(), |arn| arn.as_str().to_owned());
    for (key, value) in [
        ("aws:PrincipalArn", arn),
        ("aws:PrincipalAccount", caller.account.to_string()),
        ("aws:PrincipalOrgID", org.id.to_string()),
        ("aws:userid", caller.user_id()),
        ("aws:ResourceAccount", org.management.to_string()),
    ] {
        context.insert(key, value);
    }
    for (key, values) in &permission.context {
        match values.as_slice() {
            [value] if !key.eq_ignore_ascii_case("aws:TagKeys") => context.insert(key.clone(), value.clone()),
            _ => context.insert(key.clone(), values.clone()),
        }
    }
    context
}

/// Whether the resource policy, too, lets the context's caller do what the gate has let it do.
///
/// # Errors
/// When the database fails.
pub fn is_granted(cx: &mut Cx<'_>, org: &Organization) -> Result<bool> {
    let Caller::Principal(caller) = cx.caller.clone() else { return Ok(false) };
    if cx.permissions.is_empty() {
        return Ok(false);
    }
    for permission in &cx.permissions {
        if !grants(cx.tx, org, &caller, permission)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The caller's organization, for operations on policies: its management account may do them, and members to whom the
/// resource policy grants them.
///
/// # Errors
/// `AWSOrganizationsNotInUseException`, and `AccessDeniedException` for other members.
pub fn require_writer(cx: &mut Cx<'_>) -> Result<Arc<Organization>> {
    let org = organization::require(cx)?;
    let is_entitled = cx.account()? == org.management || is_granted(cx, &org)?;
    if is_entitled { Ok(org) } else { Err(messages::wrong_account()) }
}

fn invalid(reason: Invalid) -> Error {
    let message = match reason {
        Invalid::InvalidPrincipal => "The resource policy contains a principal that is not valid.",
        Invalid::UnsupportedActionInResourcePolicy => "The resource policy contains an action that is not supported.",
        Invalid::UnsupportedPolicyTypeInResourcePolicy => {
            "The resource policy contains a policy type that is not supported."
        }
        Invalid::UnsupportedResourceInResourcePolicy => {
            "The resource policy contains a resource that is not supported."
        }
        _ => "The resource policy contains JSON that is not valid.",
    };
    messages::invalid_input(reason, message)
}

/// The error for what the policy language has found.
fn refused(finding: &Finding) -> Error {
    if finding.reason == Some(ConstraintViolationExceptionReason::PolicyContentLimitExceeded.as_str()) {
        return messages::constraint(ConstraintViolationExceptionReason::PolicyContentLimitExceeded, &finding.message);
    }
    invalid(finding.reason.and_then(Invalid::parse).unwrap_or(Invalid::InvalidResourcePolicyJson))
}

/// Refuses a document that cannot be the resource policy of `org`.
fn check(tx: &mut Tx, org: &Organization, content: &str) -> Result<()> {
    let findings = validate(PolicyKind::OrganizationsResourcePolicy, content);
    if let Some(finding) = findings.iter().find(|finding| finding.is_error()) {
        return Err(refused(finding));
    }
    let document = Document::parse_stored(content).map_err(|_| invalid(Invalid::InvalidResourcePolicyJson))?;
    for statement in &document.statements {
        check_principals(tx, org, statement)?;
        let resources = statement.resource.iter().flat_map(|resource| &resource.values);
        if !resources.into_iter().all(|resource| is_own_resource(org, resource)) {
            return Err(invalid(Invalid::UnsupportedResourceInResourcePolicy));
        }
        let types = statement.conditions.iter().filter(|it| it.key.eq_ignore_ascii_case("organizations:PolicyType"));
        if !types.flat_map(|condition| &condition.values).all(|value| is_policy_type(value)) {
            return Err(invalid(Invalid::UnsupportedPolicyTypeInResourcePolicy));
        }
    }
    Ok(())
}

/// Principals must belong to accounts of the organization.
fn check_principals(tx: &mut Tx, org: &Organization, statement: &Statement) -> Result<()> {
    for principal in statement.principal.iter().flat_map(|principal| &principal.values) {
        let account = principal.value.split(':').nth(4).unwrap_or(&principal.value);
        // A unique id stands for a user or role that has been deleted: it names nobody, and does no harm.
        let Some(account) = AccountId::parse(account) else { continue };
        let sql = "select 1 from org_account where account_id = $1 and org_id = $2";
        if !tx.exists(sql, params![account, org.id])? {
            return Err(invalid(Invalid::InvalidPrincipal));
        }
    }
    Ok(())
}

/// Whether a pattern can only mean resources of the organization, or AWS's policies.
fn is_own_resource(org: &Organization, pattern: &str) -> bool {
    let Some(rest) = pattern.strip_prefix("arn:aws:organizations::") else { return pattern == "*" };
    let account = rest.split(':').next().unwrap_or_default();
    account == org.management.as_str() || account == "aws" || account.contains(['*', '?'])
}

/// Whether a value of `organizations:PolicyType` is a policy type, or a pattern.
fn is_policy_type(value: &str) -> bool {
    value.contains(['*', '?']) || PolicyType::parse(value).is_some()
}

fn put_permission(cx: &mut Cx<'_>, input: &PutResourcePolicyRequest) -> Result<Permission> {
    let stored = match cx.caller.account().cloned() {
        Some(account) => match organization::of_account(cx.tx, &account)? {
            Some(org) => find(cx.tx, &org)?,
            None => None,
        },
        None => None,
    };
    let id = stored.map_or_else(|| "*".to_owned(), |stored| stored.id);
    let permission = organization::permission(cx, "PutResourcePolicy", |org| arn(org, &id))?;
    Ok(new_tags::with_request_tags(permission, input.tags.as_deref()))
}

fn put(cx: &mut WriteCx<'_>, input: &PutResourcePolicyRequest) -> Result<PutResourcePolicyResponse> {
    let org = organization::require_management(cx)?;
    organization::require_all_features(&org)?;
    check(cx.tx, &org, &input.content)?;
    let tags = input.tags.as_deref().unwrap_or_default();
    let id = match find(cx.tx, &org)? {
        Some(_) if !tags.is_empty() => {
            let message = "You can only specify tags when you create the resource policy; use TagResource instead.";
            return Err(InvalidInputException { message: Some(message.to_owned()), reason: None }.into());
        }
        Some(stored) => stored.id,
        None => {
            new_tags::check(tags)?;
            let id = new_id(cx)?;
            new_tags::insert(&mut cx.write(), &id, tags)?;
            id
        }
    };
    cx.write().exec_one(
        "insert into org_resource_policy (org_id, id, content) values ($1, $2, $3) \
         on conflict (org_id) do update set content = excluded.content",
        params![org.id, id, input.content],
    )?;
    cx.touch(Scope::organization(&org.id));
    let stored = ResourcePolicy { id, content: input.content.clone() };
    Ok(PutResourcePolicyResponse { resource_policy: Some(stored.describe(&org)) })
}

fn new_id(cx: &mut Cx<'_>) -> Result<String> {
    loop {
        let id = format!("rp-{}", cx.random.text(ALPHABET_LOWER, 8));
        if !cx.tx.exists("select 1 from org_resource_policy where id = $1", params![id])? {
            return Ok(id);
        }
    }
}

fn require(tx: &mut Tx, org: &Organization) -> Result<ResourcePolicy> {
    let message = "We can't find a resource policy request with the parameter that you specified.";
    find(tx, org)?.ok_or_else(|| ResourcePolicyNotFoundException::new(message).into())
}

fn describe_permission() -> Permission {
    Permission::new("organizations:DescribeResourcePolicy", "*")
}

fn describe(cx: &mut Cx<'_>, _: &Unit) -> Result<DescribeResourcePolicyResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let stored = require(cx.tx, &org)?;
    Ok(DescribeResourcePolicyResponse { resource_policy: Some(stored.describe(&org)) })
}

fn delete(cx: &mut WriteCx<'_>, _: &Unit) -> Result<Unit> {
    let org = organization::require_management(cx)?;
    let stored = require(cx.tx, &org)?;
    let mut tx = cx.write();
    tx.exec("delete from org_tag where resource_id = $1", params![stored.id])?;
    tx.exec_one("delete from org_resource_policy where org_id = $1", params![org.id])?;
    tx.touch(Scope::organization(&org.id));
    Ok(Unit {})
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::PutResourcePolicy>(|cx, input| Ok(put_permission(cx, input)?.into()), put),
        route::read::<ops::DescribeResourcePolicy>(|_, _| Ok(describe_permission().into()), describe),
        route::write::<ops::DeleteResourcePolicy>(|_, _| organization::any("DeleteResourcePolicy"), delete),
    ]
}
