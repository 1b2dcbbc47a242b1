//! The decision.

use crate::compile::CompiledPolicy;
use crate::document::{Effect, PolicyKind};
use crate::principal::Grants;
use crate::request::{Identity, Level, PolicySet, Request};
use std::sync::Arc;

/// The kind of policy that stood in the way, as AWS's messages name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyType {
    /// An identity-based policy.
    Identity,
    /// A resource-based policy.
    Resource,
    /// A role's trust policy.
    Trust,
    /// A permissions boundary.
    Boundary,
    /// A session policy.
    Session,
    /// A service control policy.
    ServiceControl,
    /// A resource control policy.
    ResourceControl,
    /// A VPC endpoint policy.
    Endpoint,
}

impl PolicyType {
    /// A word for explanations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Resource => "resource",
            Self::Trust => "trust",
            Self::Boundary => "boundary",
            Self::Session => "session",
            Self::ServiceControl => "scp",
            Self::ResourceControl => "rcp",
            Self::Endpoint => "endpoint",
        }
    }
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Everything that must allow does.
    Allowed,
    /// A Deny matches, in a policy of this type.
    ExplicitlyDenied(PolicyType),
    /// Policies of this type would have to allow and do not.
    ImplicitlyDenied(PolicyType),
}

impl Decision {
    /// Whether the request may go ahead.
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }

    /// `Allowed`, `ExplicitlyDenied` or `ImplicitlyDenied`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "Allowed",
            Self::ExplicitlyDenied(_) => "ExplicitlyDenied",
            Self::ImplicitlyDenied(_) => "ImplicitlyDenied",
        }
    }

    /// The type of policy that denied.
    pub fn denied_by(self) -> Option<PolicyType> {
        match self {
            Self::Allowed => None,
            Self::ExplicitlyDenied(kind) | Self::ImplicitlyDenied(kind) => Some(kind),
        }
    }
}

/// What each kind of policy says about a request in which nothing denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allows {
    pub(crate) identity: bool,
    pub(crate) boundary: bool,
    pub(crate) session: bool,
    pub(crate) grants: Grants,
}

/// The policies that bind this caller and resource.
///
/// SCPs bind users, roles and root of member accounts; RCPs protect resources of member accounts from everybody but
/// service-linked roles. Services, providers and anonymous callers have no policies of their own, and root has
/// neither identity-based policies nor a boundary (an AssumeRoot session has a session policy).
pub(crate) fn in_force<'a>(request: &Request<'_>, policies: &PolicySet<'a>) -> PolicySet<'a> {
    let mut policies = *policies;
    let of_account = request.caller.has_account_identity();
    if !of_account || request.caller.identity == Identity::Root {
        policies.identity = &[];
        policies.boundary = None;
    }
    if !of_account {
        policies.session = None;
    }
    if !of_account || request.caller_in_management_account || request.caller_is_service_linked_role {
        policies.service_control = None;
    }
    if request.resource_in_management_account || request.caller_is_service_linked_role {
        policies.resource_control = None;
    }
    policies
}

pub(crate) fn resource_type(policies: &PolicySet<'_>, request: &Request<'_>) -> PolicyType {
    let trust = match policies.resource {
        Some(policy) => policy.kind() == PolicyKind::Trust,
        None => request.resource_demands_its_policy && request.action.service() == "sts",
    };
    if trust { PolicyType::Trust } else { PolicyType::Resource }
}

/// Decides. Allocates nothing unless a pattern with variables grows past its buffer.
pub fn evaluate(request: &Request<'_>, policies: &PolicySet<'_>) -> Decision {
    if request.action.is_get_caller_identity() && request.caller.identity != Identity::Anonymous {
        return Decision::Allowed;
    }
    let policies = &in_force(request, policies);
    let has_boundary = policies.boundary.is_some();
    if let Some(kind) = explicit_deny(request, policies) {
        return Decision::ExplicitlyDenied(kind);
    }
    let allowing = |policy: &CompiledPolicy| allows(policy, request);
    let any_allowing = |list: &[Arc<CompiledPolicy>]| list.iter().any(|policy| allowing(policy));
    let levels_allow = |levels: &[Level]| levels.iter().all(|level| any_allowing(&level.policies));
    if policies.service_control.is_some_and(|levels| !levels_allow(levels)) {
        return Decision::ImplicitlyDenied(PolicyType::ServiceControl);
    }
    if policies.resource_control.is_some_and(|levels| !levels_allow(levels)) {
        return Decision::ImplicitlyDenied(PolicyType::ResourceControl);
    }
    if policies.endpoint.is_some_and(|list| !any_allowing(list)) {
        return Decision::ImplicitlyDenied(PolicyType::Endpoint);
    }
    let federated = matches!(request.caller.identity, Identity::FederatedUser { .. });
    let says = Allows {
        identity: request.caller.identity == Identity::Root || any_allowing(policies.identity),
        boundary: !has_boundary || policies.boundary.is_some_and(any_allowing),
        // A federated session without session policies has no permissions of its own.
        session: policies.session.map_or(!federated, any_allowing),
        grants: policies.resource.map_or(Grants::NONE, |policy| grants(policy, request)),
    };
    combine(request, policies, says)
}

/// The first kind that denies, in the order in which AWS is believed to report.
fn explicit_deny(request: &Request<'_>, policies: &PolicySet<'_>) -> Option<PolicyType> {
    let has_boundary = policies.boundary.is_some();
    let denying = |policy: &CompiledPolicy| denies(policy, request, has_boundary);
    let any_denying = |list: &[Arc<CompiledPolicy>]| list.iter().any(|policy| denying(policy));
    let levels_deny =
        |levels: Option<&[Level]>| levels.is_some_and(|levels| levels.iter().any(|level| any_denying(&level.policies)));
    if levels_deny(policies.service_control) {
        Some(PolicyType::ServiceControl)
    } else if levels_deny(policies.resource_control) {
        Some(PolicyType::ResourceControl)
    } else if policies.resource.is_some_and(denying) {
        Some(resource_type(policies, request))
    } else if any_denying(policies.identity) {
        Some(PolicyType::Identity)
    } else if policies.boundary.is_some_and(any_denying) {
        Some(PolicyType::Boundary)
    } else if policies.session.is_some_and(any_denying) {
        Some(PolicyType::Session)
    } else if policies.endpoint.is_some_and(any_denying) {
        Some(PolicyType::Endpoint)
    } else {
        None
    }
}

fn denies(policy: &CompiledPolicy, request: &Request<'_>, has_boundary: bool) -> bool {
    policy
        .candidates(Effect::Deny, request.action)
        .any(|statement| statement.applies(request) && statement.denies(request.caller, has_boundary))
}

fn allows(policy: &CompiledPolicy, request: &Request<'_>) -> bool {
    policy
        .candidates(Effect::Allow, request.action)
        .any(|statement| statement.applies(request) && statement.principal.grants(request.caller) != Grants::NONE)
}

/// The levels at which the Allow statements of a resource policy reach the caller.
fn grants(policy: &CompiledPolicy, request: &Request<'_>) -> Grants {
    let applying = policy.candidates(Effect::Allow, request.action).filter(|statement| statement.applies(request));
    applying.fold(Grants::NONE, |grants, statement| grants.with(statement.principal.grants(request.caller)))
}

pub(crate) fn is_same_account(request: &Request<'_>) -> bool {
    request.resource_account.is_none_or(|owner| request.caller.account() == Some(owner))
}

/// Combines what the kinds say once nothing denies and the organization's policies allow.
pub(crate) fn combine(request: &Request<'_>, policies: &PolicySet<'_>, says: Allows) -> Decision {
    let caller = request.caller;
    let grants = says.grants;
    let strong = grants.any_of(Grants::DIRECT.with(Grants::WILDCARD));
    let resource = resource_type(policies, request);
    if !caller.has_account_identity() {
        return if strong { Decision::Allowed } else { Decision::ImplicitlyDenied(resource) };
    }
    let own_side = if !says.identity {
        Some(PolicyType::Identity)
    } else if !says.boundary {
        Some(PolicyType::Boundary)
    } else if !says.session {
        Some(PolicyType::Session)
    } else {
        None
    };
    if is_same_account(request) {
        let by_entity = grants.any_of(Grants::ENTITY);
        if strong || (by_entity && says.boundary && says.session) {
            return Decision::Allowed;
        }
        if by_entity {
            // The identity policies are not asked, so they are not what is missing.
            let kind = if says.boundary { PolicyType::Session } else { PolicyType::Boundary };
            return Decision::ImplicitlyDenied(kind);
        }
        if request.resource_demands_its_policy && !grants.any_of(Grants::ACCOUNT) {
            return Decision::ImplicitlyDenied(resource);
        }
    } else if grants == Grants::NONE && (says.identity || policies.resource.is_some()) {
        return Decision::ImplicitlyDenied(resource);
    }
    own_side.map_or(Decision::Allowed, Decision::ImplicitlyDenied)
}
