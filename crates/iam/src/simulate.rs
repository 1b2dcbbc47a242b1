//! `SimulateCustomPolicy` and `SimulatePrincipalPolicy`: what policies would decide, with the statements that do.
//!
//! The engine is the one that decides real calls. As on AWS, a simulation knows the context keys that it is given and
//! no others, applies neither session policies nor resource control policies, and never fetches a resource's policy.
//!
//! [`input`] reads a request, [`source`] gathers a principal's policies, [`verdict`] decides and describes.

mod exclusion;
mod input;
mod source;
mod verdict;

use crate::access::permission;
use crate::entity::{self, Entity, EntityKind};
use crate::paging::{self, PageRequest};
use base::{AccountId, Arn};
use exclusion::Exclusions;
pub(crate) use input::document;
use input::{Shared, documents};
use kernel::{Access, Cx, Result, Route, Tx, route};
use model::iam::{
    EvaluationResult, InvalidInputException, SimulateCustomPolicyRequest, SimulatePolicyResponse,
    SimulatePrincipalPolicyRequest, ops,
};
use policy::{CompiledPolicy, Level, PolicyKind, PolicySource};
use smithy::schema::Operation;
pub(crate) use source::{Held, Origin, identity_policies};
use std::sync::Arc;
use verdict::Simulation;

/// Results on a page when the caller does not say.
const ITEMS_DEFAULT: i32 = 100;
/// Decisions that one request may ask for; pages become shorter, never the list.
const DECISIONS_MAX: usize = 2_000;

/// The service control policies above an account that is in an organization.
#[derive(Debug, Clone, Default)]
pub struct AccountGuardrails {
    /// The levels from the root down to the account; `None` when none bind it: it manages the organization, or the
    /// type is not enabled.
    pub service_control: Option<Vec<Level>>,
}

/// Knows what an organization imposes on its accounts; implemented where organizations are known. The binary puts it
/// into the application's extensions as `Box<dyn OrganizationGuardrails>`.
pub trait OrganizationGuardrails: Send + Sync {
    /// What binds the principals of `account`; `None` when the account stands alone.
    ///
    /// # Errors
    /// When the database fails.
    fn guardrails(&self, tx: &mut Tx, account: &AccountId) -> Result<Option<AccountGuardrails>>;
}

/// The entity that a `PolicySourceArn` or `Arn` names, before it is looked up.
pub(crate) struct SourceName {
    pub(crate) kind: EntityKind,
    pub(crate) account: AccountId,
    pub(crate) name: String,
}

impl SourceName {
    /// The name in an ARN of a user, group or role.
    pub(crate) fn parse(arn: &str) -> Option<Self> {
        let parsed = Arn::parse(arn).filter(|arn| arn.service() == "iam" && arn.region().is_empty())?;
        let account = AccountId::parse(parsed.account())?;
        let (kind, path) = parsed.resource().split_once('/')?;
        let kind = EntityKind::ALL.into_iter().find(|each| each.as_str() == kind)?;
        let name = path.rsplit('/').next().filter(|name| !name.is_empty())?;
        Some(Self { kind, account, name: name.to_owned() })
    }
}

/// The permission `iam:<operation>` on the entity that `arn` names.
pub(crate) fn may_ask_about<O: Operation>(cx: &mut Cx<'_>, arn: &str) -> Result<Access> {
    let own = cx.account()?;
    match SourceName::parse(arn) {
        Some(source) if source.account == own => {
            let (found, entity) = entity::permission_on::<O>(cx, source.kind, &source.name)?;
            let is_meant = entity.is_some_and(|entity| entity.arn().as_str() == arn);
            Ok(if is_meant { found } else { permission::<O>(arn) }.into())
        }
        Some(source) => Ok(permission::<O>(arn).owned_by(source.account).into()),
        None => Ok(permission::<O>(arn).into()),
    }
}

/// The entity of the caller's account that `arn` names.
///
/// # Errors
/// `InvalidInput` when it names no user, group or role; `NoSuchEntity`.
pub(crate) fn existing_source(cx: &mut Cx<'_>, arn: &str) -> Result<Entity> {
    let Some(source) = SourceName::parse(arn) else {
        let text = format!("Invalid Entity Arn: {arn} does not clearly define entity type and name.");
        return Err(InvalidInputException::new(text).into());
    };
    let own = cx.account()?;
    let entity = if source.account == own { entity::find(cx.tx, source.kind, &own, &source.name)? } else { None };
    entity.filter(|entity| entity.arn().as_str() == arn).ok_or_else(|| source.kind.missing(&source.name))
}

fn simulate_custom(cx: &mut Cx<'_>, input: &SimulateCustomPolicyRequest) -> Result<SimulatePolicyResponse> {
    let account = cx.account()?;
    let shared = Shared::of_custom(input)?;
    let caller = shared.caller_or(None, &account)?;
    let levels = input.ordered_organization_policy_input_list.as_deref().unwrap_or_default();
    let service_control = levels.iter().enumerate().map(|(at, level)| {
        let texts = level.service_control_policy_input_list.as_deref().unwrap_or_default();
        let name = format!("OrderedOrganizationPolicyInputList.{}", at + 1);
        Ok(Level { policies: documents(PolicyKind::ServiceControl, &name, texts)?, name })
    });
    let service_control = service_control.collect::<Result<Vec<_>>>()?;
    let simulation = Simulation {
        owner: shared.owner_or(&caller)?,
        caller,
        is_service_linked: false,
        identity: documents(PolicyKind::Identity, "PolicyInputList", &input.policy_input_list)?,
        origins: Vec::new(),
        boundary: shared.boundary()?,
        resource: shared.resource_policy()?,
        organization: (!levels.is_empty()).then_some(AccountGuardrails { service_control: Some(service_control) }),
        context: shared.context()?,
    };
    respond(cx, "SimulateCustomPolicy", &shared, &simulation)
}

fn simulate_principal(cx: &mut Cx<'_>, input: &SimulatePrincipalPolicyRequest) -> Result<SimulatePolicyResponse> {
    let entity = existing_source(cx, &input.policy_source_arn)?;
    let shared = Shared::of_principal(input)?;
    let exclusions = Exclusions::parse(input.policy_exclusion_list.as_deref().unwrap_or_default())?;
    let caller = shared.caller_or(Some(&entity), &entity.account)?;
    let texts = input.policy_input_list.as_deref().unwrap_or_default();
    let mut identity = documents(PolicyKind::Identity, "PolicyInputList", texts)?;
    let mut origins = vec![model::iam::PolicySourceType::None; identity.len()];
    for found in source::identity_policies(cx.tx, &entity)? {
        if !exclusions.covers(&found) {
            origins.push(found.source_type());
            identity.push(found.policy);
        }
    }
    let boundary = match shared.boundary()? {
        Some(given) => Some(given),
        None => own_boundary(cx.tx, &entity, &exclusions)?,
    };
    let organization = match cx.app.extension::<Box<dyn OrganizationGuardrails>>() {
        Some(organization) => organization.guardrails(cx.tx, &entity.account)?,
        None => None,
    };
    let simulation = Simulation {
        owner: shared.owner_or(&caller)?,
        caller,
        is_service_linked: entity.kind == EntityKind::Role && entity.path.starts_with("/aws-service-role/"),
        identity,
        origins,
        boundary,
        resource: shared.resource_policy()?,
        organization: organization.map(|guardrails| exclusions.apply(guardrails)),
        context: shared.context()?,
    };
    respond(cx, "SimulatePrincipalPolicy", &shared, &simulation)
}

fn own_boundary(tx: &mut Tx, entity: &Entity, exclusions: &Exclusions) -> Result<Option<Vec<Arc<CompiledPolicy>>>> {
    let arn = entity.boundary_arn.as_deref().filter(|arn| !exclusions.cover_boundary(arn));
    arn.map(|arn| crate::principal::managed_or_deny_all(tx, arn).map(|policy| vec![policy])).transpose()
}

/// The page of results that the request asks for.
fn respond(
    cx: &mut Cx<'_>,
    operation: &str,
    shared: &Shared<'_>,
    simulation: &Simulation,
) -> Result<SimulatePolicyResponse> {
    let (actions, resources) = (shared.actions()?, shared.resources()?);
    let shortened = i32::try_from(DECISIONS_MAX / resources.len().max(1)).unwrap_or(i32::MAX).max(1);
    let max_items = Some(shared.max_items.unwrap_or(ITEMS_DEFAULT).min(shortened));
    let request = PageRequest { marker: shared.marker, max_items };
    let list: Vec<&str> = [operation].into_iter().chain(shared.texts()).collect();
    let cursor = paging::open(cx, &list, request)?;
    let start = cursor.after.parse::<usize>().map_or(0, |last| last + 1);
    let page = paging::close(cx, &cursor, (start..actions.len()).collect(), ToString::to_string)?;
    let is_truncated = page.is_truncated();
    let result = |at: usize| -> Result<EvaluationResult> { simulation.result(&actions[at], &resources) };
    Ok(SimulatePolicyResponse {
        evaluation_results: Some(page.rows.into_iter().map(result).collect::<Result<_>>()?),
        is_truncated,
        marker: page.marker,
    })
}

/// A policy that a request brings along, named after the member that brought it.
fn given(kind: PolicyKind, name: String, document: policy::Document) -> Arc<CompiledPolicy> {
    Arc::new(CompiledPolicy::compile(document, kind, PolicySource::named(name)))
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::read::<ops::SimulateCustomPolicy>(crate::access::anywhere::<ops::SimulateCustomPolicy>, simulate_custom),
        route::read::<ops::SimulatePrincipalPolicy>(
            |cx, input| may_ask_about::<ops::SimulatePrincipalPolicy>(cx, &input.policy_source_arn),
            simulate_principal,
        ),
    ]
}
