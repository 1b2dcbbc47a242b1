//! `ListPoliciesGrantingServiceAccess`: which of a principal's policies let it use a service.
//!
//! As on AWS, only identity-based policies count, each by itself: neither boundaries nor the organization's policies nor
//! the Deny statements of other policies are looked at.

use crate::entity::EntityKind;
use crate::paging::{self, PageRequest};
use crate::simulate::{Held, Origin, existing_source, identity_policies, may_ask_about};
use kernel::{Cx, Result, Route, route};
use model::iam::{
    InvalidInputException, ListPoliciesGrantingServiceAccessEntry, ListPoliciesGrantingServiceAccessRequest,
    ListPoliciesGrantingServiceAccessResponse, PolicyGrantingServiceAccess, ops, policyOwnerEntityType, policyType,
};
use policy::{
    Action, Caller, CompiledPolicy, Context, Document, Effect, Element, PolicyKind, PolicySet, PolicySource, Request,
    Resource,
};
use std::sync::Arc;

fn list(
    cx: &mut Cx<'_>,
    input: &ListPoliciesGrantingServiceAccessRequest,
) -> Result<ListPoliciesGrantingServiceAccessResponse> {
    let entity = existing_source(cx, &input.arn)?;
    if let Some(unknown) = input.service_namespaces.iter().find(|service| !catalog::service_exists(service)) {
        return Err(InvalidInputException::new(format!("Service namespace {unknown} does not exist.")).into());
    }
    let held = identity_policies(cx.tx, &entity)?;
    let grants: Vec<(&Held, [Arc<CompiledPolicy>; 1])> = held.iter().map(|held| (held, [reach(held)])).collect();
    let names = input.service_namespaces.iter().map(String::as_str);
    let parameters: Vec<&str> =
        ["ListPoliciesGrantingServiceAccess", input.arn.as_str()].into_iter().chain(names).collect();
    let request = PageRequest { marker: input.marker.as_deref(), max_items: None };
    let cursor = paging::open(cx, &parameters, request)?;
    let start = cursor.after.parse::<usize>().map_or(0, |last| last + 1);
    let services = (start..input.service_namespaces.len()).collect();
    let page = paging::close(cx, &cursor, services, ToString::to_string)?;
    let is_truncated = page.is_truncated();
    let entry = |at: usize| {
        let service = &input.service_namespaces[at];
        let granting = grants.iter().filter(|(_, reach)| reaches(reach, service)).map(|(held, _)| shown(held));
        ListPoliciesGrantingServiceAccessEntry {
            policies: Some(granting.collect()),
            service_namespace: Some(service.clone()),
        }
    };
    Ok(ListPoliciesGrantingServiceAccessResponse {
        is_truncated,
        marker: page.marker,
        policies_granting_service_access: page.rows.into_iter().map(entry).collect(),
    })
}

/// The actions that a policy allows on something under some condition: its Allow statements, on everything.
fn reach(held: &Held) -> Arc<CompiledPolicy> {
    let mut document: Document = held.policy.document().clone();
    document.statements.retain(|statement| statement.effect == Effect::Allow);
    for statement in &mut document.statements {
        statement.conditions.clear();
        statement.resource = Some(Element { negated: false, values: vec!["*".to_owned()] });
    }
    Arc::new(CompiledPolicy::compile(document, PolicyKind::Identity, PolicySource::default()))
}

fn reaches(reach: &[Arc<CompiledPolicy>], service: &str) -> bool {
    let (caller, context) = (Caller::user("arn:aws:iam::000000000000:user/anybody", None), Context::new());
    let set = PolicySet { identity: reach, ..PolicySet::default() };
    catalog::action_names(service).any(|name| {
        let action = Action::new(&format!("{service}:{name}"));
        policy::evaluate(&Request::new(&caller, &action, Resource::new("*"), &context), &set).is_allowed()
    })
}

fn shown(held: &Held) -> PolicyGrantingServiceAccess {
    match &held.origin {
        Origin::Managed { arn } => PolicyGrantingServiceAccess {
            policy_name: held.policy.source().name.clone(),
            policy_type: policyType::Managed,
            policy_arn: Some(arn.clone()),
            entity_type: None,
            entity_name: None,
        },
        Origin::Inline { kind, entity, name } => PolicyGrantingServiceAccess {
            policy_name: name.clone(),
            policy_type: policyType::Inline,
            policy_arn: None,
            entity_type: Some(match kind {
                EntityKind::User => policyOwnerEntityType::User,
                EntityKind::Group => policyOwnerEntityType::Group,
                EntityKind::Role => policyOwnerEntityType::Role,
            }),
            entity_name: Some(entity.clone()),
        },
    }
}

pub(crate) fn routes() -> Vec<Route> {
    vec![route::read::<ops::ListPoliciesGrantingServiceAccess>(
        |cx, input| may_ask_about::<ops::ListPoliciesGrantingServiceAccess>(cx, &input.arn),
        list,
    )]
}
