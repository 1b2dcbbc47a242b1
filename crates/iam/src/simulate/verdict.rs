//! The decisions of a simulation and how they are told.

use super::AccountGuardrails;
use kernel::Result;
use model::iam::{
    EvaluationResult, OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail, PolicyEvaluationDecisionType,
    PolicySourceType, Position, ResourceSpecificResult, Statement,
};
use policy::{
    Action, Caller, CompiledPolicy, Context, Decision, Document, Effect, Explanation, PolicyKind, PolicySet,
    PolicySource, PolicyType, Request, Resource,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// Allows everything, to hear what another kind of policy says by itself.
static ALLOW_ALL: LazyLock<[Arc<CompiledPolicy>; 1]> = LazyLock::new(|| {
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let document = Document::parse_stored(text).expect("the constant is a valid document");
    [Arc::new(CompiledPolicy::compile(document, PolicyKind::Identity, PolicySource::named("everything")))]
});

/// Everything that a simulation decides by.
pub(super) struct Simulation {
    pub(super) caller: Caller,
    pub(super) is_service_linked: bool,
    /// Account that owns the resources.
    pub(super) owner: String,
    pub(super) identity: Vec<Arc<CompiledPolicy>>,
    /// Where the identity policies come from, in their order; those beyond the list came with the request.
    pub(super) origins: Vec<PolicySourceType>,
    pub(super) boundary: Option<Vec<Arc<CompiledPolicy>>>,
    pub(super) resource: Option<Arc<CompiledPolicy>>,
    /// `None`: the account stands alone.
    pub(super) organization: Option<AccountGuardrails>,
    pub(super) context: Context,
}

/// The answer for one action on one resource.
struct Verdict {
    decision: PolicyEvaluationDecisionType,
    statements: BTreeMap<(usize, usize), Statement>,
    allowed_by_organization: Option<bool>,
    allowed_by_boundary: Option<bool>,
    details: Option<BTreeMap<String, PolicyEvaluationDecisionType>>,
    missing: Vec<String>,
}

impl Simulation {
    /// The answer for an action on all resources.
    pub(super) fn result(&self, action: &Action, resources: &[&str]) -> Result<EvaluationResult> {
        let verdicts: Vec<Verdict> = resources.iter().map(|resource| self.verdict(action, resource)).collect();
        let decision = most_restrictive(verdicts.iter().map(|verdict| verdict.decision));
        let all = |said: fn(&Verdict) -> Option<bool>| verdicts.iter().filter_map(said).reduce(|all, each| all && each);
        let statements: BTreeMap<_, _> = verdicts.iter().flat_map(|verdict| verdict.statements.clone()).collect();
        let missing: BTreeSet<String> = verdicts.iter().flat_map(|verdict| verdict.missing.clone()).collect();
        let is_anywhere = resources == ["*"];
        let boundary = all(|verdict| verdict.allowed_by_boundary);
        let result = EvaluationResult {
            eval_action_name: action.as_str().to_owned(),
            eval_decision: decision,
            eval_decision_details: if is_anywhere { None } else { merged_details(&verdicts) },
            eval_resource_name: Some(resource_template(action, resources)),
            matched_statements: Some(statements.into_values().collect()),
            missing_context_values: Some(missing.into_iter().collect()),
            organizations_decision_detail: all(|verdict| verdict.allowed_by_organization)
                .map(|allowed| OrganizationsDecisionDetail { allowed_by_organizations: Some(allowed) }),
            permissions_boundary_decision_detail: boundary.map(boundary_detail),
            resource_specific_results: None,
        };
        if is_anywhere {
            return Ok(result);
        }
        let specific = resources.iter().zip(verdicts).map(|(resource, verdict)| verdict.into_specific(resource));
        Ok(EvaluationResult { resource_specific_results: Some(specific.collect()), ..result })
    }

    fn verdict(&self, action: &Action, resource: &str) -> Verdict {
        let mut request = Request::new(&self.caller, action, Resource::new(resource), &self.context);
        request.resource_account = Some(&self.owner);
        request.caller_is_service_linked_role = self.is_service_linked;
        // A trust policy must allow; without one the simulation speaks of the identity side alone, as AWS's does.
        request.resource_demands_its_policy = self.resource.is_some() && action.as_str().starts_with("sts:AssumeRole");
        let alone = Request { resource_account: None, resource_demands_its_policy: false, ..request };
        let service_control = self.organization.as_ref().and_then(|it| it.service_control.as_deref());
        let organization =
            policy::evaluate(&alone, &PolicySet { identity: &*ALLOW_ALL, service_control, ..PolicySet::default() });
        let boundary = self.boundary.as_deref().map(|boundary| {
            let set = PolicySet { identity: &*ALLOW_ALL, boundary: Some(boundary), ..PolicySet::default() };
            policy::evaluate(&alone, &set).is_allowed()
        });
        let set = PolicySet {
            identity: &self.identity,
            boundary: self.boundary.as_deref(),
            resource: self.resource.as_deref(),
            ..PolicySet::default()
        };
        let explanation = policy::explain(&request, &set);
        // What the organization refuses is refused whatever the rest says, so the evaluation ends there.
        let (decision, is_ended) =
            if organization.is_allowed() { (explanation.decision, false) } else { (organization, true) };
        Verdict {
            decision: decision_type(decision),
            statements: if is_ended { BTreeMap::new() } else { self.deciding(&explanation) },
            allowed_by_organization: self.organization.as_ref().map(|_| !is_ended),
            allowed_by_boundary: boundary,
            details: (!is_ended).then(|| self.details(&explanation)),
            missing: explanation.missing_context_keys,
        }
    }

    /// What each side says where caller and resource are of different accounts; empty where they are not.
    fn details(&self, explanation: &Explanation) -> BTreeMap<String, PolicyEvaluationDecisionType> {
        let mut details = BTreeMap::new();
        if explanation.same_account {
            return details;
        }
        let mut add = |side: &str, kind: PolicyType| {
            let effects = explanation.policies.iter().filter(|policy| policy.policy_type == kind);
            let said: Vec<Effect> = effects.filter_map(|policy| policy.effect).collect();
            let decision = if said.contains(&Effect::Deny) {
                PolicyEvaluationDecisionType::ExplicitDeny
            } else if said.contains(&Effect::Allow) {
                PolicyEvaluationDecisionType::Allowed
            } else {
                PolicyEvaluationDecisionType::ImplicitDeny
            };
            details.insert(side.to_owned(), decision);
        };
        add("IAM Policy", PolicyType::Identity);
        add("Resource Policy", PolicyType::Resource);
        if self.boundary.is_some() {
            add("Permissions Boundary Policy", PolicyType::Boundary);
        }
        details
    }

    /// The statements that decided, by policy and place in it.
    fn deciding(&self, explanation: &Explanation) -> BTreeMap<(usize, usize), Statement> {
        let wanted = match explanation.decision {
            Decision::Allowed => Effect::Allow,
            Decision::ExplicitlyDenied(_) => Effect::Deny,
            Decision::ImplicitlyDenied(_) => return BTreeMap::new(),
        };
        let mut origins = self.origins.iter();
        let mut statements = BTreeMap::new();
        for (at, policy) in explanation.policies.iter().enumerate() {
            let source_type = match policy.policy_type {
                PolicyType::Identity => origins.next().copied().unwrap_or(PolicySourceType::None),
                PolicyType::Resource => PolicySourceType::Resource,
                _ => match policy.arn.as_deref() {
                    Some(arn) if super::source::is_aws(arn) => PolicySourceType::AwsManaged,
                    Some(_) => PolicySourceType::UserManaged,
                    None => PolicySourceType::None,
                },
            };
            let applying = policy.statements.iter().filter(|it| it.mismatch.is_none() && it.effect == wanted);
            for statement in applying {
                let shown = Statement {
                    source_policy_id: Some(policy.name.clone()),
                    source_policy_type: Some(source_type),
                    start_position: Some(position(statement.extent.simulated_start())),
                    end_position: Some(position(statement.extent.simulated_end())),
                };
                statements.insert((at, statement.index), shown);
            }
        }
        statements
    }
}

impl Verdict {
    fn into_specific(self, resource: &str) -> ResourceSpecificResult {
        ResourceSpecificResult {
            eval_decision_details: self.details,
            eval_resource_decision: self.decision,
            eval_resource_name: resource.to_owned(),
            matched_statements: Some(self.statements.into_values().collect()),
            missing_context_values: Some(self.missing),
            permissions_boundary_decision_detail: self.allowed_by_boundary.map(boundary_detail),
        }
    }
}

fn boundary_detail(allowed: bool) -> PermissionsBoundaryDecisionDetail {
    PermissionsBoundaryDecisionDetail { allowed_by_permissions_boundary: Some(allowed) }
}

fn merged_details(verdicts: &[Verdict]) -> Option<BTreeMap<String, PolicyEvaluationDecisionType>> {
    let mut merged: BTreeMap<String, PolicyEvaluationDecisionType> = BTreeMap::new();
    for details in verdicts.iter().map(|verdict| verdict.details.as_ref()) {
        for (side, decision) in details? {
            let known = merged.get(side).copied();
            merged.insert(side.clone(), most_restrictive(known.into_iter().chain([*decision])));
        }
    }
    Some(merged)
}

fn most_restrictive(decisions: impl Iterator<Item = PolicyEvaluationDecisionType>) -> PolicyEvaluationDecisionType {
    use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
    decisions.fold(Allowed, |worst, each| match (worst, each) {
        (ExplicitDeny, _) | (_, ExplicitDeny) => ExplicitDeny,
        (ImplicitDeny, _) | (_, ImplicitDeny) => ImplicitDeny,
        (Allowed, Allowed) => Allowed,
    })
}

fn decision_type(decision: Decision) -> PolicyEvaluationDecisionType {
    match decision {
        Decision::Allowed => PolicyEvaluationDecisionType::Allowed,
        Decision::ExplicitlyDenied(_) => PolicyEvaluationDecisionType::ExplicitDeny,
        Decision::ImplicitlyDenied(_) => PolicyEvaluationDecisionType::ImplicitDeny,
    }
}

fn position((line, column): (usize, usize)) -> Position {
    let number = |number: usize| Some(i32::try_from(number).unwrap_or(i32::MAX));
    Position { line: number(line), column: number(column) }
}

/// The pattern of the resource type that the resources are of, such as `arn:${Partition}:s3:::${BucketName}`; `*` when
/// they are of none that the action knows.
fn resource_template(action: &Action, resources: &[&str]) -> String {
    let (service, name) = action.as_str().split_once(':').unwrap_or((action.as_str(), ""));
    let known = catalog::action(service, name).map(|action| action.resource_types).unwrap_or_default();
    let patterns = known.iter().filter_map(|kind| catalog::resource_type(service, kind.name));
    // The most specific type that covers them all: an object's pattern has more text than its bucket's.
    let covering = patterns.filter(|kind| resources.iter().all(|resource| is_of(kind.arn_pattern, resource)));
    covering.max_by_key(|kind| kind.arn_pattern.matches("${").count()).map_or("*", |kind| kind.arn_pattern).to_owned()
}

/// Whether `arn` is of the form of `pattern`, whose variables stand for any text that is not empty.
fn is_of(pattern: &str, arn: &str) -> bool {
    let mut rest = arn;
    let mut pieces = pattern.split("${");
    let Some(after) = pieces.next().and_then(|literal| rest.strip_prefix(literal)) else { return false };
    rest = after;
    for piece in pieces {
        let Some((_, literal)) = piece.split_once('}') else { return false };
        if literal.is_empty() {
            // A variable at the end takes everything.
            if rest.is_empty() {
                return false;
            }
            rest = "";
            continue;
        }
        let at = rest.find(literal).filter(|at| *at > 0 || literal == ":");
        let Some(at) = at else { return false };
        rest = &rest[at + literal.len()..];
    }
    rest.is_empty()
}
