//! Documents made ready for evaluation: once per version of a policy, then shared.

use crate::condition::CompiledCondition;
use crate::context::folded_hash;
use crate::document::{Document, Effect, Element, PolicyKind, Statement};
use crate::glob::Glob;
use crate::pattern::{Resource, ResourcePattern};
use crate::principal::PrincipalTest;
use crate::request::{Action, Caller, Request};
use std::sync::Arc;

/// Where a policy comes from, for explanations and messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicySource {
    /// The name of the policy, or what stands for it.
    pub name: String,
    /// The ARN of a managed policy or of an Organizations policy; inline policies have none.
    pub arn: Option<String>,
}

impl PolicySource {
    /// A policy without an ARN.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), arn: None }
    }

    /// A policy with an ARN.
    pub fn with_arn(name: impl Into<String>, arn: impl Into<String>) -> Self {
        Self { name: name.into(), arn: Some(arn.into()) }
    }
}

/// Finds the unique id that an ARN in a `Principal` was pinned to when the policy was saved (`AIDA…`, `AROA…`), so
/// that a user or role made anew under the same name is not meant.
pub type PinnedIds<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A policy ready for evaluation.
#[derive(Debug)]
pub struct CompiledPolicy {
    kind: PolicyKind,
    source: PolicySource,
    document: Document,
    pub(crate) statements: Box<[CompiledStatement]>,
    allow: EffectIndex,
    deny: EffectIndex,
}

impl CompiledPolicy {
    /// Compiles a document. Principals mean whoever bears the name; see [`Self::compile_pinned`].
    pub fn compile(document: Document, kind: PolicyKind, source: PolicySource) -> Self {
        Self::compile_pinned(document, kind, source, &|_| None)
    }

    /// Compiles a document whose principals were pinned to unique ids when it was saved.
    pub fn compile_pinned(document: Document, kind: PolicyKind, source: PolicySource, pins: &PinnedIds<'_>) -> Self {
        let variables = document.has_variables();
        let statements: Box<[CompiledStatement]> = document
            .statements
            .iter()
            .map(|statement| CompiledStatement::new(statement, kind, variables, pins))
            .collect();
        let allow = EffectIndex::new(&statements, Effect::Allow);
        let deny = EffectIndex::new(&statements, Effect::Deny);
        Self { kind, source, document, statements, allow, deny }
    }

    /// Reads a stored document and compiles it, ready to be shared.
    pub fn from_stored(
        text: &str,
        kind: PolicyKind,
        source: PolicySource,
    ) -> Result<Arc<Self>, crate::document::Malformed> {
        Ok(Arc::new(Self::compile(Document::parse_stored(text)?, kind, source)))
    }

    /// What the policy is for.
    pub fn kind(&self) -> PolicyKind {
        self.kind
    }

    /// Where it comes from.
    pub fn source(&self) -> &PolicySource {
        &self.source
    }

    /// The document it was made from.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Statements of one effect whose action may match.
    #[inline]
    pub(crate) fn candidates(&self, effect: Effect, action: &Action) -> impl Iterator<Item = &CompiledStatement> {
        let index = match effect {
            Effect::Allow => &self.allow,
            Effect::Deny => &self.deny,
        };
        index.candidates(action).map(|at| &self.statements[at as usize])
    }
}

/// One statement.
#[derive(Debug)]
pub(crate) struct CompiledStatement {
    pub(crate) effect: Effect,
    action_negated: bool,
    actions: Box<[ActionPattern]>,
    resource_negated: bool,
    /// `None`: any resource.
    resources: Option<Box<[ResourcePattern]>>,
    pub(crate) principal: PrincipalTest,
    pub(crate) conditions: Box<[CompiledCondition]>,
}

impl CompiledStatement {
    fn new(statement: &Statement, kind: PolicyKind, variables: bool, pins: &PinnedIds<'_>) -> Self {
        let resources = statement
            .resource
            .as_ref()
            .map(|element| element.values.iter().map(|text| ResourcePattern::new(text, kind, variables)).collect());
        Self {
            effect: statement.effect,
            action_negated: statement.action.negated,
            actions: statement.action.values.iter().map(|text| ActionPattern::new(text)).collect(),
            resource_negated: statement.resource.as_ref().is_some_and(|element: &Element<String>| element.negated),
            resources,
            principal: PrincipalTest::new(statement.principal.as_ref(), kind, pins),
            conditions: statement.conditions.iter().map(|it| CompiledCondition::new(it, variables)).collect(),
        }
    }

    #[inline]
    pub(crate) fn action_matches(&self, action: &Action) -> bool {
        self.actions.iter().any(|pattern| pattern.matches(action)) != self.action_negated
    }

    #[inline]
    pub(crate) fn resource_matches(&self, resource: &Resource<'_>, request: &Request<'_>) -> bool {
        match &self.resources {
            None => true,
            Some(patterns) => {
                patterns.iter().any(|pattern| pattern.matches(resource, request.context)) != self.resource_negated
            }
        }
    }

    #[inline]
    pub(crate) fn conditions_hold(&self, request: &Request<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.outcome(request.context.keys()).is_met())
    }

    /// Whether action, resource and conditions match; principals are looked at by the caller of this.
    #[inline]
    pub(crate) fn applies(&self, request: &Request<'_>) -> bool {
        self.action_matches(request.action)
            && self.resource_matches(&request.resource, request)
            && self.conditions_hold(request)
    }

    /// Whether a Deny reaches the caller.
    pub(crate) fn denies(&self, caller: &Caller, has_boundary: bool) -> bool {
        self.principal.denies(caller, has_boundary)
    }
}

/// A value of `Action` or `NotAction`.
#[derive(Debug)]
struct ActionPattern {
    /// `None`: all services.
    service: Option<Box<str>>,
    service_hash: u64,
    name: Glob,
}

impl ActionPattern {
    fn new(text: &str) -> Self {
        let folded = text.to_lowercase();
        let all_stars = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte == b'*');
        let (service, name) = match folded.split_once(':') {
            Some((service, name)) if all_stars(service) && all_stars(name) => (None, Glob::Any),
            Some((service, name)) => (Some(service), Glob::new(name)),
            None if all_stars(&folded) => (None, Glob::Any),
            // Without a service it names no action: no request has an empty service and name.
            None => (Some(""), Glob::Exact("".into())),
        };
        Self { service: service.map(Into::into), service_hash: service.map_or(0, folded_hash), name }
    }

    #[inline]
    fn matches(&self, action: &Action) -> bool {
        match &self.service {
            None => true,
            Some(service) => {
                self.service_hash == action.service_hash
                    && self.name.matches(action.name())
                    && **service == *action.service()
            }
        }
    }
}

/// Statements of one effect by the services they name.
#[derive(Debug, Default)]
struct EffectIndex {
    /// Statements for every service (`*`, `NotAction`).
    any: Box<[u32]>,
    /// One bit for each of `services`: most policies are passed over by it.
    mask: u64,
    /// Hashes of the services named, sorted.
    services: Box<[u64]>,
    /// For each of `services`, its part of `listed`.
    ranges: Box<[(u32, u32)]>,
    listed: Box<[u32]>,
}

impl EffectIndex {
    fn new(statements: &[CompiledStatement], effect: Effect) -> Self {
        let mut any = Vec::new();
        let mut pairs = Vec::new();
        for (at, statement) in (0_u32..).zip(statements).filter(|(_, statement)| statement.effect == effect) {
            if statement.action_negated || statement.actions.iter().any(|pattern| pattern.service.is_none()) {
                any.push(at);
                continue;
            }
            pairs.extend(statement.actions.iter().map(|pattern| (pattern.service_hash, at)));
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut services = Vec::new();
        let mut ranges = Vec::new();
        let mut start = 0;
        for run in pairs.chunk_by(|a, b| a.0 == b.0) {
            let end = start + u32::try_from(run.len()).unwrap_or(u32::MAX);
            services.push(run[0].0);
            ranges.push((start, end));
            start = end;
        }
        let mask = services.iter().fold(0, |mask, hash| mask | bit(*hash));
        Self {
            any: any.into(),
            mask,
            services: services.into(),
            ranges: ranges.into(),
            listed: pairs.iter().map(|(_, at)| *at).collect(),
        }
    }

    #[inline]
    fn candidates(&self, action: &Action) -> impl Iterator<Item = u32> {
        let may_be_listed = self.mask & bit(action.service_hash) != 0;
        let found = may_be_listed.then(|| self.services.binary_search(&action.service_hash));
        let named = match found {
            Some(Ok(at)) => {
                let (start, end) = self.ranges[at];
                &self.listed[start as usize..end as usize]
            }
            _ => &[],
        };
        self.any.iter().chain(named).copied()
    }
}

/// The bit of a service in [`EffectIndex::mask`]: the upper bits of FNV hashes are mixed best.
fn bit(hash: u64) -> u64 {
    1 << (hash >> 58)
}
