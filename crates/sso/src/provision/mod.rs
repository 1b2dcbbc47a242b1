//! Permission sets in accounts: roles that follow from what is assigned.
//!
//! Nothing here is told what to do with an account. Requests and events mark a permission set in an account as due
//! ([`provisioned`]); [`settle`](mod@settle) compares what should be with what is and repairs the difference, as often
//! as it is run. One job does that for all accounts, many in one transaction. Start at [`plan`](mod@plan).

pub mod account;
pub mod blueprint;
pub mod plan;
pub mod provisioned;
pub mod reasons;
mod settle;

pub(crate) use settle::Actor;

use crate::SERVICE;
use crate::instance::{self, Instance};
use crate::operation;
use base::{AccountId, InstanceId, OrgId, PermissionSetId};
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::scope::Scope;
use kernel::{App, Caller, RequestInfo, Result, WriteCx, params};
use settle::Batch;
use std::sync::Arc;

/// Settles every permission set in every account that is due; its only key is empty.
pub const PROVISION: JobKind = JobKind("sso.provision");
/// Compares everything that stands for an instance with what should be, once a day; key: the instance.
pub const RECONCILE: JobKind = JobKind("sso.reconcile");

/// Roles settled in one transaction: many, since each commit waits for the disk, and few enough that no other writer
/// waits for long.
const BATCH_ROWS: i64 = 32;
/// Seconds after which other jobs get their turn.
const TURN_SECONDS: i64 = 10;
/// Seconds between two comparisons of everything.
const RECONCILE_SECONDS: i64 = 86_400;

pub(crate) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: PROVISION, run: |app, _| provision(app) }, JobHandler { kind: RECONCILE, run: reconcile }]
}

/// Has a permission set in an account made what it should be; `set` is its id and its name.
///
/// # Errors
/// When the database fails.
pub fn request(
    cx: &mut WriteCx<'_>,
    instance: &Instance,
    account: &AccountId,
    set: (&PermissionSetId, &str),
) -> Result<()> {
    let (now, mut random) = (cx.now, cx.random.fork());
    provisioned::want(&mut cx.write(), &mut random, &instance.id, account, set, now)?;
    start(cx, &instance.id)
}

/// Has a permission set made what it should be in every account where it stands; the number of those accounts.
///
/// # Errors
/// When the database fails.
pub fn request_everywhere(cx: &mut WriteCx<'_>, instance: &Instance, set: &PermissionSetId) -> Result<u64> {
    let now = cx.now;
    let count = provisioned::want_everywhere(&mut cx.write(), set, now)?;
    start(cx, &instance.id)?;
    Ok(count)
}

/// Has the roles of an instance of which nothing is assigned any more removed from every account.
///
/// # Errors
/// When the database fails.
pub fn withdraw(cx: &mut WriteCx<'_>, instance: &Instance) -> Result<()> {
    let now = cx.now;
    provisioned::want_all(&mut cx.write(), &instance.id, now)?;
    start(cx, &instance.id)
}

/// Has the job run for what was marked as due.
///
/// # Errors
/// When the database fails.
pub(crate) fn start(cx: &mut WriteCx<'_>, instance: &InstanceId) -> Result<()> {
    let now = cx.now;
    cx.enqueue(PROVISION, "", now)?;
    cx.enqueue(RECONCILE, instance.as_str(), now.plus_seconds(RECONCILE_SECONDS))
}

/// Settles a permission set in an account within the call that asks for it.
///
/// # Errors
/// When the database fails; failures of the account end the requests.
pub(crate) fn settle_now(
    cx: &mut WriteCx<'_>,
    account: &AccountId,
    set: &PermissionSetId,
    actor: &Actor,
) -> Result<()> {
    let Some(row) = provisioned::get(cx.tx, account, set)? else { return Ok(()) };
    let mut batch = Batch::default();
    settle::settle(cx, &mut batch, &row, actor)?;
    settle::finish_everywhere(cx, &batch)
}

/// Trusted access is back: everything is compared once, and what waited is done.
///
/// # Errors
/// When the database fails.
pub fn on_trusted_access_enabled(cx: &mut WriteCx<'_>, org: &OrgId) -> Result<()> {
    let now = cx.now;
    match instance::of_organization(cx.tx, org)? {
        Some(instance) => cx.enqueue(RECONCILE, instance.id.as_str(), now),
        None => Ok(()),
    }
}

/// An account is no member any more: what is known of it goes, and requests for it fail.
///
/// # Errors
/// When the database fails.
pub(crate) fn forget_account(cx: &mut WriteCx<'_>, account: &AccountId) -> Result<()> {
    let of_account = "select instance_id, permission_set_id from sso_provisioned where account_id = $1";
    let rows: Vec<(InstanceId, PermissionSetId)> =
        cx.tx.all(of_account, params![account], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut tx = cx.write();
    operation::fail_all_of_account(&mut tx, account, &reasons::account_left(account))?;
    tx.exec("delete from sso_assignment where account_id = $1", params![account])?;
    tx.exec("delete from sso_provisioned where account_id = $1", params![account])?;
    for (instance, set) in rows {
        cx.touch(Scope::instance(&instance));
        // Requests for all accounts may have waited for this one alone.
        let everywhere = operation::waiting_everywhere(cx.tx, &set)?;
        settle::finish_if_settled(cx, &set, &everywhere)?;
    }
    Ok(())
}

fn provision(app: &Arc<App>) -> Result<Outcome> {
    let started = app.now();
    while settle_due(app)? {
        if app.now() >= started.plus_seconds(TURN_SECONDS) {
            return Ok(Outcome::Again(app.now()));
        }
    }
    let next = app.store.read(provisioned::next_due)?;
    Ok(next.map_or(Outcome::Done, Outcome::Again))
}

/// Settles a batch of what is due; false when nothing is.
fn settle_due(app: &Arc<App>) -> Result<bool> {
    write(app, |cx| {
        let now = cx.now;
        let rows = provisioned::due(cx.tx, now, BATCH_ROWS)?;
        let mut batch = Batch::default();
        for row in &rows {
            settle::settle(cx, &mut batch, row, &Actor::Service)?;
        }
        settle::finish_everywhere(cx, &batch)?;
        Ok(!rows.is_empty())
    })
}

fn reconcile(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let Some(id) = InstanceId::parse(key) else { return Ok(Outcome::Done) };
    while write(app, |cx| operation::forget_old(&mut cx.write(), &id, app.now()))? > 0 {}
    remove_orphans(app, &id)?;
    let remains = write(app, |cx| {
        let Some(instance) = instance::get(cx.tx, &id)? else { return Ok(false) };
        let now = cx.now;
        if crate::access::is_in_service(cx.tx, &instance)? && provisioned::want_all(&mut cx.write(), &id, now)? > 0 {
            cx.enqueue(PROVISION, "", now)?;
        }
        Ok(true)
    })?;
    Ok(if remains { Outcome::Again(app.now().plus_seconds(RECONCILE_SECONDS)) } else { Outcome::Done })
}

/// Removes what an account brought back that had left while the service could not clean up there.
fn remove_orphans(app: &Arc<App>, id: &InstanceId) -> Result<()> {
    let accounts: Vec<AccountId> = app.store.read(|tx| {
        tx.all(
            "select distinct r.account_id from iam_role r join org_account o on o.account_id = r.account_id \
             join iam_account a on a.id = r.account_id join sso_instance i on i.org_id = o.org_id \
             where i.id = $1 and a.state = 'ACTIVE' and r.path like '/aws-reserved/sso.amazonaws.com/%' \
             and not exists (select 1 from sso_provisioned p where p.account_id = r.account_id)",
            params![id],
            |row| row.get(0),
        )
    })?;
    for account in accounts {
        write(app, |cx| {
            let is_empty = !cx.tx.exists("select 1 from sso_provisioned where account_id = $1", params![account])?;
            if is_empty && org::guardrails::vouches(cx.tx, SERVICE, &account)? {
                let caller = settle::service_in(cx, &account)?;
                crate::departure::remove_what_was_made(cx, &caller)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn write<T>(app: &Arc<App>, work: impl FnMut(&mut WriteCx<'_>) -> Result<T>) -> Result<T> {
    app.write_as(&Caller::Service(SERVICE.to_owned()), &RequestInfo::of_service(app, SERVICE), work)
}
