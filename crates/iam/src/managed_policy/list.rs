//! `ListPolicies`: the account's own policies, then those of AWS, each by name.

use super::{ManagedPolicy, of_account, usage};
use crate::paging::{self, page_request};
use kernel::{Cx, Result};
use model::iam::{ListPoliciesRequest, ListPoliciesResponse, PolicyUsageType, policyScopeType};

pub(super) fn list_policies(cx: &mut Cx<'_>, input: &ListPoliciesRequest) -> Result<ListPoliciesResponse> {
    let account = cx.account()?;
    let scope = input.scope.unwrap_or(policyScopeType::All);
    let only_attached = input.only_attached == Some(true);
    let prefix = input.path_prefix.as_deref().unwrap_or("/");
    let usage_filter = input.policy_usage_filter;
    let list = [
        "ListPolicies",
        scope.as_str(),
        if only_attached { "attached" } else { "all" },
        prefix,
        usage_filter.map_or("", PolicyUsageType::as_str),
    ];
    let usages = usage::of_all(cx.tx, &account)?;
    let mut policies = Vec::new();
    if scope != policyScopeType::Aws {
        policies.extend(of_account(cx.tx, &account)?.into_iter().map(ManagedPolicy::Customer));
    }
    if scope != policyScopeType::Local {
        policies.extend(catalog::managed_policies().map(ManagedPolicy::Aws));
    }
    policies.retain(|policy| {
        let usage = usages.get(policy.arn()).copied().unwrap_or_default();
        policy.path().starts_with(prefix) && is_wanted(usage, only_attached, usage_filter)
    });
    let page = paging::cut(cx, &list, page_request!(input), policies, position)?;
    let page = page.map(|policy| policy.listed(usages.get(policy.arn()).copied().unwrap_or_default()));
    let is_truncated = page.is_truncated();
    Ok(ListPoliciesResponse { is_truncated, marker: page.marker, policies: Some(page.rows) })
}

/// `OnlyAttached` keeps what is attached or serves as a boundary; the usage filter keeps what is used that way.
fn is_wanted(usage: usage::Usage, only_attached: bool, filter: Option<PolicyUsageType>) -> bool {
    match filter {
        Some(PolicyUsageType::PermissionsPolicy) => usage.attachments > 0,
        Some(PolicyUsageType::PermissionsBoundary) => usage.boundaries > 0,
        None => !only_attached || usage.attachments + usage.boundaries > 0,
    }
}

/// Where a policy stands in the list.
pub(crate) fn position(policy: &ManagedPolicy) -> String {
    match policy {
        ManagedPolicy::Customer(own) => format!("0{}", own.name.to_lowercase()),
        ManagedPolicy::Aws(aws) => format!("1{}", aws.name.to_lowercase()),
    }
}
