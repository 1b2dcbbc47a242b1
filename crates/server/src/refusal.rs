//! The details of a refusal, in the shape that `sts:DecodeAuthorizationMessage` gives out.

use kernel::Permission;
use policy::{Context, Decision, PolicySet, Request, explain};
use serde_json::{Value, json};

/// Longest details that fit into an encoded message, in bytes.
const DETAILS_BYTES_MAX: usize = 7_000;

/// Who was refused.
pub struct Refused<'a> {
    /// `aws:userid`.
    pub user_id: String,
    /// ARN.
    pub arn: String,
    /// What for.
    pub permission: &'a Permission,
}

/// What was asked, in which context, and which statements decided. With everything that was looked at, as far as there
/// is room for it.
pub fn details(who: &Refused<'_>, request: &Request<'_>, policies: &PolicySet<'_>) -> String {
    let explanation = explain(request, policies);
    let statements: Vec<Value> = explanation
        .deciding_statements()
        .map(|(policy, statement)| {
            json!({
                "statementId": statement.sid.clone().unwrap_or_default(),
                "effect": statement.effect.as_str().to_uppercase(),
                "policyType": policy.policy_type.as_str(),
                "policy": policy.arn.as_ref().unwrap_or(&policy.name),
                "level": policy.level.as_ref().map(|(_, name)| name),
                "line": statement.extent.start.line,
                "column": statement.extent.start.column,
            })
        })
        .collect();
    let mut details = json!({
        "allowed": false,
        "explicitDeny": matches!(explanation.decision, Decision::ExplicitlyDenied(_)),
        "matchedStatements": { "items": statements },
        "failures": { "items": [] },
        "context": {
            "principal": { "id": who.user_id, "arn": who.arn },
            "action": who.permission.action,
            "resource": who.permission.resource,
            "conditions": { "items": conditions(request.context.keys()) },
        },
        "blockedBy": explanation.blocked_by.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
        "missingContextKeys": explanation.missing_context_keys,
    });
    let short = details.to_string();
    if let Ok(everything) = serde_json::from_str::<Value>(&explanation.to_json()) {
        details["explanation"] = everything;
    }
    let long = details.to_string();
    if long.len() <= DETAILS_BYTES_MAX { long } else { short }
}

fn conditions(context: &Context) -> Vec<Value> {
    let mut items: Vec<(&str, Vec<Value>)> = context
        .iter()
        .map(|(key, value)| (key, value.values().iter().map(|value| json!({ "value": value })).collect()))
        .collect();
    items.sort_by_key(|(key, _)| *key);
    items.into_iter().map(|(key, values)| json!({ "key": key, "values": { "items": values } })).collect()
}
