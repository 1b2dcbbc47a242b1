//! Policy types of the root.
//!
//! Switching a type on or off is answered before it is done: a job attaches or removes policies everywhere and settles
//! the type in one commit. Until then a type that comes has no effect yet, and one that goes has none any more.

use crate::guardrails::AWS_MANAGED_POLICIES;
use crate::organization::{self, Organization};
use crate::{messages, resource_policy, tree};
use base::{RootId, Timestamp};
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::scope::Scope;
use kernel::{App, Cx, Error, Permission, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::organizations::{
    ConstraintViolationExceptionReason as Constraint, DisablePolicyTypeRequest, DisablePolicyTypeResponse,
    EnablePolicyTypeRequest, EnablePolicyTypeResponse, PolicyChangesInProgressException, PolicyType,
    PolicyTypeAlreadyEnabledException, PolicyTypeNotAvailableForOrganizationException, PolicyTypeNotEnabledException,
    PolicyTypeStatus, ops,
};
use std::sync::Arc;

/// Settles the policy types of a root that are pending. Key: the root.
const SETTLE: JobKind = JobKind("org.settle_policy_type");

/// The service that must be trusted before a policy type can be enabled, and as long as it is.
pub fn prerequisite(policy_type: PolicyType) -> Option<&'static str> {
    (policy_type == PolicyType::SecurityhubPolicy).then_some("securityhub.amazonaws.com")
}

/// The status of a type in the root of `org`; `None` when it is off.
///
/// # Errors
/// When the database fails.
pub fn status(tx: &mut Tx, org: &Organization, policy_type: PolicyType) -> Result<Option<PolicyTypeStatus>> {
    let sql = "select status from org_policy_type where root_id = $1 and type = $2";
    tx.opt(sql, params![org.root, policy_type.as_str()], |row| row.parse(0, PolicyTypeStatus::parse))
}

fn not_enabled() -> Error {
    PolicyTypeNotEnabledException::new("This operation can be performed only for enabled policy types.").into()
}

fn in_progress() -> Error {
    let message = "Changes to the effective policy are in progress, and its contents can't be returned. Try the \
                   operation again later.";
    PolicyChangesInProgressException::new(message).into()
}

/// Refuses what needs the type to be enabled.
///
/// # Errors
/// `PolicyTypeNotEnabledException`.
pub fn require_enabled(tx: &mut Tx, org: &Organization, policy_type: PolicyType) -> Result<()> {
    match status(tx, org, policy_type)? {
        Some(PolicyTypeStatus::Enabled) => Ok(()),
        _ => Err(not_enabled()),
    }
}

fn permission(cx: &mut Cx<'_>, operation: &str, root: &str, policy_type: PolicyType) -> Result<Permission> {
    Ok(tree::permission(cx, operation, root)?.with("organizations:PolicyType", policy_type.as_str()))
}

fn require_root(org: &Organization, id: &str) -> Result<()> {
    let root = RootId::parse(id).ok_or_else(messages::invalid_pattern)?;
    if root == org.root { Ok(()) } else { Err(messages::no_root()) }
}

fn require_prerequisite(tx: &mut Tx, org: &Organization, policy_type: PolicyType) -> Result<()> {
    let Some(service) = prerequisite(policy_type) else { return Ok(()) };
    if crate::trusted_access::is_trusted(tx, &org.id, service)? {
        return Ok(());
    }
    let message = "You must enable trusted access for the service before you can enable this policy type.";
    Err(messages::constraint(Constraint::ServiceAccessNotEnabled, message))
}

fn enable(cx: &mut WriteCx<'_>, input: &EnablePolicyTypeRequest) -> Result<EnablePolicyTypeResponse> {
    let org = resource_policy::require_writer(cx)?;
    require_root(&org, &input.root_id)?;
    if !org.has_all_features() {
        let message = "You can't use the specified policy type with the feature set currently enabled for this \
                       organization.";
        return Err(PolicyTypeNotAvailableForOrganizationException::new(message).into());
    }
    match status(cx.tx, &org, input.policy_type)? {
        None => {}
        Some(PolicyTypeStatus::PendingDisable) => return Err(in_progress()),
        Some(PolicyTypeStatus::Enabled | PolicyTypeStatus::PendingEnable) => {
            let message = "The specified policy type is already enabled.";
            return Err(PolicyTypeAlreadyEnabledException::new(message).into());
        }
    }
    require_prerequisite(cx.tx, &org, input.policy_type)?;
    // AWS answers with the root as it was.
    let root = organization::root(cx.tx, &org)?;
    let now = cx.now;
    cx.write().exec_one(
        "insert into org_policy_type (root_id, type, status, changed_at) values ($1, $2, $3, $4)",
        params![org.root, input.policy_type.as_str(), PolicyTypeStatus::PendingEnable.as_str(), now],
    )?;
    cx.touch(Scope::organization(&org.id));
    cx.enqueue(SETTLE, org.root.as_str(), now)?;
    Ok(EnablePolicyTypeResponse { root: Some(root) })
}

fn disable(cx: &mut WriteCx<'_>, input: &DisablePolicyTypeRequest) -> Result<DisablePolicyTypeResponse> {
    let org = resource_policy::require_writer(cx)?;
    require_root(&org, &input.root_id)?;
    match status(cx.tx, &org, input.policy_type)? {
        Some(PolicyTypeStatus::Enabled) => {}
        Some(PolicyTypeStatus::PendingEnable) => return Err(in_progress()),
        Some(PolicyTypeStatus::PendingDisable) | None => return Err(not_enabled()),
    }
    let now = cx.now;
    cx.write().exec_one(
        "update org_policy_type set status = $3, changed_at = $4 where root_id = $1 and type = $2",
        params![org.root, input.policy_type.as_str(), PolicyTypeStatus::PendingDisable.as_str(), now],
    )?;
    cx.touch(Scope::organization(&org.id));
    cx.enqueue(SETTLE, org.root.as_str(), now)?;
    Ok(DisablePolicyTypeResponse { root: Some(organization::root(cx.tx, &org)?) })
}

fn settle(app: &Arc<App>, root: &str) -> Result<Outcome> {
    organization::write_as_service(app, |cx| {
        let sql = "select id from org_organization where root_id = $1";
        let Some(id) = cx.tx.opt(sql, params![root], |row| row.get(0))? else { return Ok(Outcome::Done) };
        let Some(org) = organization::get(cx.tx, &id)? else { return Ok(Outcome::Done) };
        let now = cx.now;
        let mut tx = cx.write();
        let pending = "select type, status from org_policy_type where root_id = $1 and status <> 'ENABLED'";
        let pending: Vec<(PolicyType, PolicyTypeStatus)> = tx.all(pending, params![root], |row| {
            Ok((row.parse(0, PolicyType::parse)?, row.parse(1, PolicyTypeStatus::parse)?))
        })?;
        for (policy_type, status) in pending {
            match status {
                PolicyTypeStatus::PendingEnable => finish_enabling(&mut tx, &org, policy_type, now)?,
                PolicyTypeStatus::PendingDisable => finish_disabling(&mut tx, &org, policy_type)?,
                PolicyTypeStatus::Enabled => {}
            }
        }
        tx.touch(Scope::organization(&org.id));
        Ok(Outcome::Done)
    })
}

/// Attaches the policy that allows everything to the root and everything below it, and enables the type.
fn finish_enabling(tx: &mut WriteTx<'_>, org: &Organization, policy_type: PolicyType, now: Timestamp) -> Result<()> {
    if let Some(policy) = AWS_MANAGED_POLICIES.iter().find(|policy| policy.policy_type == policy_type) {
        tx.exec(
            "insert into org_attachment (target_id, policy_id, org_id, type, attached_at) \
             select t.id, $2, $1, $3, $4 from (select root_id as id from org_organization where id = $1 \
                union all select id from org_unit where org_id = $1 \
                union all select account_id from org_account where org_id = $1) t \
             where true on conflict (target_id, policy_id) do nothing",
            params![org.id, policy.id, policy_type.as_str(), now],
        )?;
    }
    tx.exec_one(
        "update org_policy_type set status = 'ENABLED', changed_at = $3 where root_id = $1 and type = $2",
        params![org.root, policy_type.as_str(), now],
    )
}

/// Detaches every policy of the type everywhere and forgets the type; the policies themselves stay.
fn finish_disabling(tx: &mut WriteTx<'_>, org: &Organization, policy_type: PolicyType) -> Result<()> {
    tx.exec("delete from org_attachment where org_id = $1 and type = $2", params![org.id, policy_type.as_str()])?;
    let sql = "delete from org_policy_type where root_id = $1 and type = $2";
    tx.exec_one(sql, params![org.root, policy_type.as_str()])
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::EnablePolicyType>(
            |cx, input| Ok(permission(cx, "EnablePolicyType", &input.root_id, input.policy_type)?.into()),
            enable,
        ),
        route::write::<ops::DisablePolicyType>(
            |cx, input| Ok(permission(cx, "DisablePolicyType", &input.root_id, input.policy_type)?.into()),
            disable,
        ),
    ]
}

pub(crate) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: SETTLE, run: settle }]
}
