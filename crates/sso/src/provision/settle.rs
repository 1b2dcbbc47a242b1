//! One permission set in one account: what was asked for is done, the account is made to follow, and the requests that
//! waited for it end.

use super::account::{self, Place};
use super::blueprint::{Blueprint, Home};
use super::plan::{Actual, Change, Desired, DesiredProvider, RoleState, SESSION_SECONDS, plan};
use super::provisioned::{self, Provisioned};
use super::reasons;
use crate::operation::{self, Operation, OperationKind};
use crate::{SERVICE, assignment};
use base::{AccountId, InstanceId, PermissionSetId};
use iam::account::AccountState;
use kernel::caller::PrincipalCaller;
use kernel::{Caller, Error, Result, Tx, WriteCx, params};
use std::collections::HashMap;
use std::sync::Arc;

/// Tries that a fault of ours may cost before the requests fail.
const ATTEMPTS_MAX: i64 = 5;
/// Seconds before the first repetition; each following pause is twice as long.
const PAUSE_SECONDS: i64 = 5;
/// Accounts whose failure a request for all accounts tells.
const FAILURES_TOLD_MAX: i64 = 10;
/// Name of the service's sessions in accounts.
const SESSION_NAME: &str = "AWS-SSO";

/// Who changes the account.
#[derive(Debug, Clone)]
pub(crate) enum Actor {
    /// The service, through its role. It may not give anybody access to the management account.
    Service,
    /// An administrator of the management account, with no more than the permissions that he has there.
    Administrator(PrincipalCaller),
}

/// What one transaction has read already.
#[derive(Default)]
pub(super) struct Batch {
    homes: HashMap<InstanceId, Arc<Home>>,
    blueprints: HashMap<PermissionSetId, Arc<Blueprint>>,
    everywhere: HashMap<PermissionSetId, Vec<Operation>>,
    metadata: HashMap<AccountId, String>,
    obstacles: HashMap<AccountId, Option<String>>,
    callers: HashMap<AccountId, PrincipalCaller>,
}

/// How requests ended: their ids, each with why it failed.
type Ended = Vec<(String, Option<String>)>;

/// Settles what is asked for.
///
/// # Errors
/// When the database fails; failures of the account end the requests.
pub(super) fn settle(cx: &mut WriteCx<'_>, batch: &mut Batch, row: &Provisioned, actor: &Actor) -> Result<()> {
    let waiting = operation::waiting(cx.tx, &row.account, &row.permission_set)?;
    batch.note_everywhere(cx.tx, &row.permission_set)?;
    let outcome = cx.attempt(|cx| bring_about(cx, batch, row, &waiting, actor));
    let error = match outcome {
        Ok(ended) => {
            return ended
                .iter()
                .try_for_each(|(id, failure)| operation::finish(&mut cx.write(), id, failure.as_deref()));
        }
        Err(Error::Conflict) => return Err(Error::Conflict),
        Err(error) => error,
    };
    // What was undone may have been the making of the role that the service goes through.
    batch.callers.remove(&row.account);
    match failure_reason(&error) {
        Some(reason) => fail(cx, row, &waiting, &reason),
        None if row.attempts + 1 < ATTEMPTS_MAX => {
            tracing::warn!(account = %row.account, role = row.role_name, %error, "a role was not provisioned");
            let at = cx.now.plus_seconds(PAUSE_SECONDS << row.attempts.clamp(0, ATTEMPTS_MAX));
            provisioned::postpone(&mut cx.write(), row, at)
        }
        None => {
            tracing::error!(account = %row.account, role = row.role_name, %error, "a role cannot be provisioned");
            fail(cx, row, &waiting, reasons::INTERNAL)
        }
    }
}

/// Ends the requests for all accounts whose last account was settled.
///
/// # Errors
/// When the database fails.
pub(super) fn finish_everywhere(cx: &mut WriteCx<'_>, batch: &Batch) -> Result<()> {
    batch.everywhere.iter().try_for_each(|(set, operations)| finish_if_settled(cx, set, operations))
}

/// Ends `operations`, which are for a permission set in all its accounts, unless one of these still waits.
///
/// # Errors
/// When the database fails.
pub(super) fn finish_if_settled(cx: &mut WriteCx<'_>, set: &PermissionSetId, operations: &[Operation]) -> Result<()> {
    if operations.is_empty() {
        return Ok(());
    }
    let Some(failures) = provisioned::progress(cx.tx, set, FAILURES_TOLD_MAX)? else { return Ok(()) };
    let told: Vec<String> =
        failures.iter().map(|(account, reason)| format!("AWS account {account}: {reason}")).collect();
    let reason = Some(told.join(" ")).filter(|text| !text.is_empty());
    operations.iter().try_for_each(|each| operation::finish(&mut cx.write(), &each.id, reason.as_deref()))
}

/// Why a request failed, as its `FailureReason`; `None` when the fault is ours and may pass.
fn failure_reason(error: &Error) -> Option<String> {
    match error {
        Error::Denied(denial) => Some(reasons::denied_by_iam(&denial.message)),
        Error::Modeled(error) => Some(reasons::received(error.meta().status, error.message())),
        Error::Validation(text) => Some(text.clone()),
        Error::Conflict | Error::Busy | Error::DatabaseTooNew { .. } | Error::Internal(_) => None,
    }
}

fn fail(cx: &mut WriteCx<'_>, row: &Provisioned, waiting: &[Operation], reason: &str) -> Result<()> {
    for operation in waiting {
        operation::finish(&mut cx.write(), &operation.id, Some(reason))?;
    }
    let is_empty = row.version == 0 && !assignment::exist(cx.tx, &row.account, &row.permission_set)?;
    let mut tx = cx.write();
    if is_empty { provisioned::remove(&mut tx, row) } else { provisioned::give_up(&mut tx, row, reason) }
}

fn bring_about(
    cx: &mut WriteCx<'_>,
    batch: &mut Batch,
    row: &Provisioned,
    waiting: &[Operation],
    actor: &Actor,
) -> Result<Ended> {
    let home = batch.home(cx.tx, &row.instance)?;
    if let Some(reason) = batch.obstacle(cx.tx, &home, &row.account)? {
        return Err(Error::Validation(reason));
    }
    let ended = assignment::carry_out(cx, &home.instance, row, waiting)?;
    let is_assigned = assignment::exist(cx.tx, &row.account, &row.permission_set)?;
    let blueprint = batch.blueprint(cx.tx, row)?;
    let asks_for_latest = |operation: &Operation| operation.kind != OperationKind::DeleteAssignment;
    let is_everywhere = batch.everywhere.get(&row.permission_set).is_some_and(|operations| !operations.is_empty());
    let wants_latest = is_everywhere || waiting.iter().any(asks_for_latest);
    let place = home.place(&row.account, &row.role_name);
    let actual = account::actual(cx.tx, &place)?;
    let Target { desired, version } = if is_assigned {
        let metadata = batch.metadata(&home, &row.account)?;
        target(blueprint.role(&home, &row.account), blueprint.set.version, metadata, row, &actual, wants_latest)
    } else {
        let is_last = !provisioned::has_others(cx.tx, row)?;
        let provider = if is_last { DesiredProvider::Absent } else { DesiredProvider::Any };
        Target { desired: Desired { provider, role: None }, version: 0 }
    };
    let is_management = row.account == home.instance.owner;
    let changes = plan(&desired, &actual);
    match actor {
        // Without an administrator only clean-up is possible there.
        Actor::Service if is_management && is_assigned => {
            let now = cx.now;
            provisioned::settle(&mut cx.write(), row, row.version, now)?;
            return Ok(ended);
        }
        Actor::Administrator(caller) if is_assigned => make(cx, caller, &place, changes)?,
        _ if changes.is_empty() => {}
        _ => {
            let caller = batch.caller(cx, &row.account)?;
            make(cx, &caller, &place, changes)?;
        }
    }
    let now = cx.now;
    let mut tx = cx.write();
    if is_assigned {
        provisioned::settle(&mut tx, row, version, now)?
    } else {
        provisioned::remove(&mut tx, row)?
    }
    Ok(ended)
}

/// What should be, and the permission set's version that it shows.
struct Target {
    desired: Desired,
    version: i64,
}

/// A change of a permission set reaches a role only when somebody asks for it; until then only what does not follow from
/// the permission set is repaired in a role that shows an older version.
fn target(
    latest: RoleState,
    latest_version: i64,
    metadata: String,
    row: &Provisioned,
    actual: &Actual,
    wants_latest: bool,
) -> Target {
    let is_current = wants_latest || row.version == latest_version || row.version == 0;
    let provider = DesiredProvider::Present(metadata);
    match &actual.role {
        Some(role) if !is_current => {
            let kept =
                RoleState { trust_policy: latest.trust_policy, session_seconds: SESSION_SECONDS, ..role.clone() };
            Target { desired: Desired { provider, role: Some(kept) }, version: row.version }
        }
        _ => Target { desired: Desired { provider, role: Some(latest) }, version: latest_version },
    }
}

fn make(cx: &mut WriteCx<'_>, caller: &PrincipalCaller, place: &Place<'_>, changes: Vec<Change>) -> Result<()> {
    let mut cx = cx.write_as(Caller::Principal(caller.clone()));
    changes.into_iter().try_for_each(|change| account::apply(&mut cx, place, change))
}

impl Batch {
    fn home(&mut self, tx: &mut Tx, id: &InstanceId) -> Result<Arc<Home>> {
        if let Some(home) = self.homes.get(id) {
            return Ok(Arc::clone(home));
        }
        let home = Arc::new(Home::load(tx, id)?);
        self.homes.insert(id.clone(), Arc::clone(&home));
        Ok(home)
    }

    fn blueprint(&mut self, tx: &mut Tx, row: &Provisioned) -> Result<Arc<Blueprint>> {
        let id = &row.permission_set;
        if let Some(blueprint) = self.blueprints.get(id) {
            return Ok(Arc::clone(blueprint));
        }
        let blueprint = Arc::new(Blueprint::load(tx, &row.instance, id)?);
        self.blueprints.insert(id.clone(), Arc::clone(&blueprint));
        Ok(blueprint)
    }

    fn metadata(&mut self, home: &Home, account: &AccountId) -> Result<String> {
        if let Some(metadata) = self.metadata.get(account) {
            return Ok(metadata.clone());
        }
        let metadata = home.metadata(account)?;
        self.metadata.insert(account.clone(), metadata.clone());
        Ok(metadata)
    }

    fn note_everywhere(&mut self, tx: &mut Tx, set: &PermissionSetId) -> Result<()> {
        if !self.everywhere.contains_key(set) {
            self.everywhere.insert(set.clone(), operation::waiting_everywhere(tx, set)?);
        }
        Ok(())
    }

    /// Why nothing can be done in the account.
    fn obstacle(&mut self, tx: &mut Tx, home: &Home, account: &AccountId) -> Result<Option<String>> {
        if let Some(known) = self.obstacles.get(account) {
            return Ok(known.clone());
        }
        let found = obstacle(tx, home, account)?;
        self.obstacles.insert(account.clone(), found.clone());
        Ok(found)
    }

    fn caller(&mut self, cx: &mut WriteCx<'_>, account: &AccountId) -> Result<PrincipalCaller> {
        if let Some(caller) = self.callers.get(account) {
            return Ok(caller.clone());
        }
        let caller = service_in(cx, account)?;
        self.callers.insert(account.clone(), caller.clone());
        Ok(caller)
    }
}

/// The service in an account, through its role there, which is made first where it is missing.
///
/// # Errors
/// When Organizations does not vouch for the service there, or the database fails.
pub(super) fn service_in(cx: &mut WriteCx<'_>, account: &AccountId) -> Result<PrincipalCaller> {
    org::service_linked_roles::ensure(cx, account, SERVICE)?;
    let linked = iam::service_linked_role::find(cx.tx, account, SERVICE)?
        .ok_or_else(|| Error::internal(format!("{SERVICE} has no role in {account}")))?;
    iam::sts::assume_for_service(cx, SERVICE, &linked, SESSION_NAME)
}

fn obstacle(tx: &mut Tx, home: &Home, account: &AccountId) -> Result<Option<String>> {
    let member = "select i.state from org_account o join iam_account i on i.id = o.account_id \
                  where o.account_id = $1 and o.org_id = $2";
    let org = home.instance.org.as_ref();
    let state: Option<String> = tx.opt(member, params![account, org], |row| row.get(0))?;
    Ok(match state.as_deref() {
        None => Some(reasons::account_left(account)),
        Some(_) if !org::guardrails::vouches(tx, SERVICE, account)? => {
            Some(reasons::TRUSTED_ACCESS_DISABLED.to_owned())
        }
        Some(state) if state != AccountState::Active.as_str() => Some(reasons::account_suspended(account)),
        Some(_) => None,
    })
}
