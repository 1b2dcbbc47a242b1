//! Why a decision came out as it did: a second, slower pass that looks at every statement.

use crate::compile::{CompiledPolicy, CompiledStatement};
use crate::condition::ConditionOutcome;
use crate::context::Context;
use crate::document::{Condition, Effect, Extent, PolicyKind, Statement};
use crate::evaluate::{Allows, Decision, PolicyType, combine, evaluate, in_force, is_same_account};
use crate::json::write_string;
use crate::keys::context_keys;
use crate::pattern::Text;
use crate::principal::Grants;
use crate::request::{Identity, Level, PolicySet, Request};
use std::sync::Arc;

/// A decision with its reasons.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What was decided.
    pub decision: Decision,
    /// Whether caller and resource are of one account.
    pub same_account: bool,
    /// How the resource's policy names the caller in the Allow statements that match.
    pub grants: Grants,
    /// Every policy that was looked at. Those that do not bind this caller or resource are absent.
    pub policies: Vec<PolicyExplanation>,
    /// What stands in the way: were these types of policy to allow (and not deny), the request would be allowed.
    pub blocked_by: Vec<PolicyType>,
    /// Context keys that the policies of caller and resource name and the request has not.
    pub missing_context_keys: Vec<String>,
}

/// One policy.
#[derive(Clone, Debug)]
pub struct PolicyExplanation {
    /// Its part in the decision.
    pub policy_type: PolicyType,
    /// The level of the organization's tree it is attached to: position from the root, and name.
    pub level: Option<(usize, String)>,
    /// Its name.
    pub name: String,
    /// Its ARN, if it has one.
    pub arn: Option<String>,
    /// What it says: Deny if a Deny matches, else Allow if an Allow matches.
    pub effect: Option<Effect>,
    /// Its statements.
    pub statements: Vec<StatementExplanation>,
}

/// The first element of a statement that does not match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// `Action` or `NotAction`.
    Action,
    /// `Resource` or `NotResource`.
    Resource,
    /// `Principal` or `NotPrincipal`.
    Principal,
    /// `Condition`.
    Condition,
}

impl Mismatch {
    /// The element.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Action => "Action",
            Self::Resource => "Resource",
            Self::Principal => "Principal",
            Self::Condition => "Condition",
        }
    }
}

/// One statement.
#[derive(Clone, Debug)]
pub struct StatementExplanation {
    /// Position in the policy, from 0.
    pub index: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
    /// Allow or Deny.
    pub effect: Effect,
    /// Where it stands in the document.
    pub extent: Extent,
    /// The first element that does not match; `None`: the statement applies.
    pub mismatch: Option<Mismatch>,
    /// How it names the caller.
    pub grants: Grants,
    /// Its conditions, as far as everything else matches.
    pub conditions: Vec<ConditionExplanation>,
}

/// One key of a condition block.
#[derive(Clone, Debug)]
pub struct ConditionExplanation {
    /// The operator as written.
    pub operator: String,
    /// The key as written.
    pub key: String,
    /// The values of the policy with variables replaced; `None` where a variable has no value.
    pub policy_values: Vec<Option<String>>,
    /// The values of the request; `None`: the key is absent.
    pub request_values: Option<Vec<String>>,
    /// What came of it.
    pub outcome: ConditionOutcome,
}

/// Decides and tells why.
pub fn explain(request: &Request<'_>, policies: &PolicySet<'_>) -> Explanation {
    let explainer = Explainer { request, has_boundary: in_force(request, policies).boundary.is_some() };
    let bound = in_force(request, policies);
    let explained = explainer.policies(&bound);
    let grants = explained
        .iter()
        .filter(|policy| matches!(policy.policy_type, PolicyType::Resource | PolicyType::Trust))
        .flat_map(|policy| &policy.statements)
        .filter(|statement| statement.mismatch.is_none() && statement.effect == Effect::Allow)
        .fold(Grants::NONE, |grants, statement| grants.with(statement.grants));
    let decision = evaluate(request, policies);
    Explanation {
        decision,
        same_account: is_same_account(request),
        grants,
        blocked_by: if decision.is_allowed() { Vec::new() } else { blocked_by(request, &bound, &explained, grants) },
        missing_context_keys: missing_context_keys(&bound, request.context.keys()),
        policies: explained,
    }
}

impl Explanation {
    /// The statements that decided: the Deny statements that match if one does, the matching Allow statements if the
    /// request is allowed, none otherwise.
    pub fn deciding_statements(&self) -> impl Iterator<Item = (&PolicyExplanation, &StatementExplanation)> {
        let wanted = match self.decision {
            Decision::Allowed => Some(Effect::Allow),
            Decision::ExplicitlyDenied(_) => Some(Effect::Deny),
            Decision::ImplicitlyDenied(_) => None,
        };
        self.policies
            .iter()
            .flat_map(|policy| policy.statements.iter().map(move |statement| (policy, statement)))
            .filter(move |(_, statement)| statement.mismatch.is_none() && Some(statement.effect) == wanted)
    }
}

fn missing_context_keys(policies: &PolicySet<'_>, context: &Context) -> Vec<String> {
    let lists = [Some(policies.identity), policies.boundary, policies.session];
    let documents = lists.into_iter().flatten().flatten().map(|policy| policy.document());
    let mut keys = context_keys(documents.chain(policies.resource.map(CompiledPolicy::document)));
    keys.retain(|key| context.get(key).is_none());
    keys
}

/// The types that deny, and those whose Allow is missing: each is taken out of the way until nothing is left.
fn blocked_by(
    request: &Request<'_>,
    bound: &PolicySet<'_>,
    explained: &[PolicyExplanation],
    grants: Grants,
) -> Vec<PolicyType> {
    let mut blocking = Vec::new();
    let mut add = |kind| {
        if !blocking.contains(&kind) {
            blocking.push(kind);
        }
    };
    let denying = explained.iter().filter(|policy| policy.effect == Some(Effect::Deny));
    denying.for_each(|policy| add(policy.policy_type));
    let matches_allow = |kind: PolicyType, level: Option<usize>| {
        explained
            .iter()
            .filter(|policy| policy.policy_type == kind)
            .filter(|policy| level.is_none() || policy.level.as_ref().map(|(index, _)| *index) == level)
            .flat_map(|policy| &policy.statements)
            .any(|statement| statement.mismatch.is_none() && statement.effect == Effect::Allow)
    };
    for (kind, levels) in
        [(PolicyType::ServiceControl, bound.service_control), (PolicyType::ResourceControl, bound.resource_control)]
    {
        let count = levels.map_or(0, <[Level]>::len);
        if !(0..count).all(|level| matches_allow(kind, Some(level))) {
            add(kind);
        }
    }
    if bound.endpoint.is_some() && !matches_allow(PolicyType::Endpoint, None) {
        add(PolicyType::Endpoint);
    }
    let federated = matches!(request.caller.identity, Identity::FederatedUser { .. });
    let mut says = Allows {
        identity: request.caller.identity == Identity::Root || matches_allow(PolicyType::Identity, None),
        boundary: bound.boundary.is_none() || matches_allow(PolicyType::Boundary, None),
        session: if bound.session.is_some() { matches_allow(PolicyType::Session, None) } else { !federated },
        grants,
    };
    while let Decision::ImplicitlyDenied(kind) = combine(request, bound, says) {
        add(kind);
        match kind {
            PolicyType::Identity => says.identity = true,
            PolicyType::Boundary => says.boundary = true,
            PolicyType::Session => says.session = true,
            _ if request.caller.has_account_identity() => says.grants = says.grants.with(Grants::ACCOUNT),
            _ => says.grants = says.grants.with(Grants::DIRECT),
        }
    }
    blocking
}

struct Explainer<'a> {
    request: &'a Request<'a>,
    has_boundary: bool,
}

impl Explainer<'_> {
    fn policies(&self, bound: &PolicySet<'_>) -> Vec<PolicyExplanation> {
        let mut all = Vec::new();
        for (kind, levels) in
            [(PolicyType::ServiceControl, bound.service_control), (PolicyType::ResourceControl, bound.resource_control)]
        {
            for (index, level) in levels.unwrap_or_default().iter().enumerate() {
                let at = Some((index, level.name.clone()));
                all.extend(level.policies.iter().map(|policy| self.policy(policy, kind, at.clone())));
            }
        }
        if let Some(policy) = bound.resource {
            let trust = policy.kind() == PolicyKind::Trust;
            all.push(self.policy(policy, if trust { PolicyType::Trust } else { PolicyType::Resource }, None));
        }
        let lists: [(PolicyType, Option<&[Arc<CompiledPolicy>]>); 4] = [
            (PolicyType::Identity, Some(bound.identity)),
            (PolicyType::Boundary, bound.boundary),
            (PolicyType::Session, bound.session),
            (PolicyType::Endpoint, bound.endpoint),
        ];
        for (kind, list) in lists {
            all.extend(list.unwrap_or_default().iter().map(|policy| self.policy(policy, kind, None)));
        }
        all
    }

    fn policy(
        &self,
        policy: &CompiledPolicy,
        policy_type: PolicyType,
        level: Option<(usize, String)>,
    ) -> PolicyExplanation {
        let variables = policy.document().has_variables();
        let statements: Vec<StatementExplanation> = policy
            .statements
            .iter()
            .zip(&policy.document().statements)
            .enumerate()
            .map(|(index, (compiled, written))| self.statement(index, compiled, written, variables))
            .collect();
        let applies = |effect| statements.iter().any(|it| it.effect == effect && it.mismatch.is_none());
        let effect = [Effect::Deny, Effect::Allow].into_iter().find(|effect| applies(*effect));
        PolicyExplanation {
            policy_type,
            level,
            name: policy.source().name.clone(),
            arn: policy.source().arn.clone(),
            effect,
            statements,
        }
    }

    fn statement(
        &self,
        index: usize,
        compiled: &CompiledStatement,
        written: &Statement,
        variables: bool,
    ) -> StatementExplanation {
        let grants = compiled.principal.grants(self.request.caller);
        let reaches = match compiled.effect {
            Effect::Allow => grants != Grants::NONE,
            Effect::Deny => compiled.denies(self.request.caller, self.has_boundary),
        };
        let mut conditions = Vec::new();
        let mismatch = if !compiled.action_matches(self.request.action) {
            Some(Mismatch::Action)
        } else if !compiled.resource_matches(&self.request.resource, self.request) {
            Some(Mismatch::Resource)
        } else if !reaches {
            Some(Mismatch::Principal)
        } else {
            let (pairs, context) = (compiled.conditions.iter().zip(&written.conditions), self.request.context.keys());
            conditions.extend(
                pairs.map(|(compiled, written)| condition(written, compiled.outcome(context), context, variables)),
            );
            conditions.iter().any(|condition| !condition.outcome.is_met()).then_some(Mismatch::Condition)
        };
        StatementExplanation {
            index,
            sid: written.sid.clone(),
            effect: written.effect,
            extent: written.extent,
            mismatch,
            grants,
            conditions,
        }
    }
}

fn condition(
    written: &Condition,
    outcome: ConditionOutcome,
    context: &Context,
    variables: bool,
) -> ConditionExplanation {
    let variables = variables && written.operator.test.takes_variables();
    ConditionExplanation {
        operator: written.operator_text.clone(),
        key: written.key.clone(),
        policy_values: written.values.iter().map(|text| Text::new(text, variables).resolve(context)).collect(),
        request_values: context.get(&written.key).map(|value| value.values().to_vec()),
        outcome,
    }
}

/// Writes one JSON object or array.
struct Json(String);

impl Json {
    fn key(&mut self, key: &str) {
        self.item();
        write_string(&mut self.0, key);
        self.0.push(':');
    }

    /// Puts a comma where one is due.
    fn item(&mut self) {
        if !self.0.ends_with(['{', '[', ':']) && !self.0.is_empty() {
            self.0.push(',');
        }
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write_string(&mut self.0, value);
    }

    fn number(&mut self, key: &str, value: usize) {
        self.key(key);
        self.0.push_str(&value.to_string());
    }

    fn list<T>(&mut self, key: &str, items: impl IntoIterator<Item = T>, write: impl Fn(&mut Self, T)) {
        self.key(key);
        self.0.push('[');
        for item in items {
            self.item();
            write(self, item);
        }
        self.0.push(']');
    }

    fn texts<'a>(&mut self, key: &str, items: impl IntoIterator<Item = &'a str>) {
        self.list(key, items, |json, item| write_string(&mut json.0, item));
    }
}

impl Explanation {
    /// The explanation as a JSON object.
    pub fn to_json(&self) -> String {
        let mut json = Json(String::from("{"));
        json.text("decision", self.decision.as_str());
        if let Some(kind) = self.decision.denied_by() {
            json.text("deniedBy", kind.as_str());
        }
        json.text("accounts", if self.same_account { "same" } else { "cross" });
        json.texts("grants", self.grants.names());
        json.texts("blockedBy", self.blocked_by.iter().map(|kind| kind.as_str()));
        json.texts("missingContextKeys", self.missing_context_keys.iter().map(String::as_str));
        json.list("policies", &self.policies, write_policy);
        json.0.push('}');
        json.0
    }
}

fn write_policy(json: &mut Json, policy: &PolicyExplanation) {
    json.0.push('{');
    json.text("type", policy.policy_type.as_str());
    if let Some((index, name)) = &policy.level {
        json.number("levelIndex", *index);
        json.text("level", name);
    }
    json.text("name", &policy.name);
    if let Some(arn) = &policy.arn {
        json.text("arn", arn);
    }
    json.text("effect", policy.effect.map_or("None", Effect::as_str));
    json.list("statements", &policy.statements, write_statement);
    json.0.push('}');
}

fn write_statement(json: &mut Json, statement: &StatementExplanation) {
    json.0.push('{');
    json.number("index", statement.index);
    if let Some(sid) = &statement.sid {
        json.text("sid", sid);
    }
    json.text("effect", statement.effect.as_str());
    json.number("line", statement.extent.start.line);
    json.number("column", statement.extent.start.column);
    match statement.mismatch {
        None => json.text("matches", "all"),
        Some(mismatch) => json.text("mismatch", mismatch.as_str()),
    }
    if !statement.conditions.is_empty() {
        json.list("conditions", &statement.conditions, write_condition);
    }
    json.0.push('}');
}

fn write_condition(json: &mut Json, condition: &ConditionExplanation) {
    json.0.push('{');
    json.text("operator", &condition.operator);
    json.text("key", &condition.key);
    json.list("policyValues", &condition.policy_values, |json, value| match value {
        Some(text) => write_string(&mut json.0, text),
        None => json.0.push_str("null"),
    });
    if let Some(values) = &condition.request_values {
        json.texts("requestValues", values.iter().map(String::as_str));
    }
    json.text("outcome", condition.outcome.as_str());
    json.0.push('}');
}
