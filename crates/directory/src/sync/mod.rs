//! Users and groups of a directory in an identity store: what was chosen is read, compared with what the store has, and
//! the store is changed by the difference. People keep their ids in the store, whatever they are called.
//!
//! A run first asks the controller what has changed since the last one, where its counters allow to know. When it is
//! nothing, or only people, no more is read; otherwise everything that was chosen is.

mod apply;
mod mapping;
mod plan;
mod read;
pub mod settings;
#[cfg(test)]
mod tests;

pub use mapping::Mapping;
pub use plan::{
    Actual, ActualGroup, ActualUser, DEPARTURE_SECONDS, Desired, DesiredGroup, DesiredUser, Difference, Profile,
    flatten, plan,
};
pub use settings::{Chosen, Kind, Settings};

use crate::connector::{self, Domain, Problem, Service};
use crate::ldap::LdapError;
use crate::object_id::ObjectId;
use apply::{Work, actual};
use base::{DirectoryId, IdentityStoreId};
use identity::store::Source;
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::{App, Error, Result, Tx, WriteCx, WriteTx};
use read::Changes;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Synchronizes an identity store, again and again. Key: the store.
const SYNC: JobKind = JobKind("directory.sync");
/// Finds out what a run would change. Key: the store.
const REHEARSE: JobKind = JobKind("directory.rehearse_sync");
/// Names that a rehearsal lists of each kind.
const NAMES_MAX: usize = 100;
/// Everything is read at least so often, in seconds.
const FULL_SECONDS: i64 = 86_400;
/// Pause after a run that failed, in seconds.
const RETRY_SECONDS: i64 = 300;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The directory has not changed.
    Unchanged,
    /// This was changed.
    Changed(Box<Difference>),
}

/// How much of what changes.
fn summary(difference: &Difference) -> Value {
    json!({
        "usersCreated": difference.create_users.len(),
        "usersUpdated": difference.update_users.len(),
        "usersDeleted": difference.delete_users.len(),
        "usersDisabled": difference.disable_users.len(),
        "usersEnabled": difference.enable_users.len(),
        "groupsCreated": difference.create_groups.len(),
        "groupsUpdated": difference.update_groups.len(),
        "groupsDeleted": difference.delete_groups.len(),
        "membershipsAdded": difference.add_members.len(),
        "membershipsRemoved": difference.remove_members.len(),
    })
}

/// [`summary`] with the first names of those who come and go.
fn details(compared: &Compared) -> Value {
    let (difference, actual) = (&compared.difference, &compared.actual);
    let user = |id: &ObjectId| actual.users.get(id).map(|user| user.profile.user_name.clone());
    let first = |names: &mut dyn Iterator<Item = String>| {
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names.truncate(NAMES_MAX);
        json!(names)
    };
    let mut value = summary(difference);
    let created = difference.create_users.iter().map(|(_, user)| user.profile.user_name.clone());
    value["usersToCreate"] = first(&mut { created });
    value["usersToDelete"] = first(&mut difference.delete_users.iter().filter_map(user));
    value["usersToDisable"] = first(&mut difference.disable_users.iter().filter_map(user));
    value["groupsToCreate"] = first(&mut difference.create_groups.iter().map(|(_, name, _)| name.clone()));
    let group = |id: &ObjectId| actual.groups.get(id).map(|group| group.name.clone());
    value["groupsToDelete"] = first(&mut difference.delete_groups.iter().filter_map(group));
    value["notFound"] = json!(compared.not_found);
    value
}

/// Whether an identity store takes its people from the directory.
///
/// # Errors
/// When the database fails.
pub fn is_in_use(tx: &mut Tx, directory: &DirectoryId) -> Result<bool> {
    for store in settings::stores_of(tx, directory)? {
        if is_current(tx, &store, directory)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the store is there and takes its people from the directory: it may have been deleted with its instance.
fn is_current(tx: &mut Tx, store: &IdentityStoreId, directory: &DirectoryId) -> Result<bool> {
    let found = identity::store::get(tx, store)?;
    Ok(found.is_some_and(|store| store.source == Source::ActiveDirectory(directory.clone())))
}

/// Forgets the synchronization of stores that are no more.
///
/// # Errors
/// When the database fails.
pub(crate) fn forget_stale(tx: &mut WriteTx<'_>, directory: &DirectoryId) -> Result<()> {
    for store in settings::stores_of(tx, directory)? {
        if !is_current(tx, &store, directory)? {
            settings::delete(tx, &store)?;
        }
    }
    Ok(())
}

/// Has the next run of every store read everything from the directory, whose counter of changes is not to be relied on.
pub(crate) fn read_anew(tx: &mut WriteTx<'_>, directory: &DirectoryId) -> Result<()> {
    settings::stores_of(tx, directory)?.iter().try_for_each(|store| settings::read_everything(tx, store))
}

/// Has the store synchronized now. Where it is paused, nothing happens.
///
/// # Errors
/// When the database fails.
pub fn run_soon(cx: &mut WriteCx<'_>, store: &IdentityStoreId) -> Result<()> {
    let now = cx.now;
    cx.enqueue(SYNC, store.as_str(), now)
}

fn domain_of(app: &App, settings: &Settings) -> Result<Result<Arc<Domain>, Problem>> {
    let Some((directory, certificates)) = connector::load(app, &settings.directory)? else {
        return Err(Error::internal("an identity store has a directory that is not there"));
    };
    connector::domain(app, &directory, certificates)
}

fn settings_of(app: &App, store: &IdentityStoreId) -> Result<Settings> {
    let found = app.store.read(|tx| settings::get(tx, store))?;
    found.ok_or_else(|| Error::internal("the identity store takes its people from no directory"))
}

struct Compared {
    difference: Difference,
    actual: Actual,
    /// What was chosen and has been found in the directory only now.
    identified: Vec<Chosen>,
    /// Names that were chosen and are not in the directory.
    not_found: Vec<String>,
}

/// Finds out what was chosen by name.
fn identify(service: &mut Service, chosen: &mut [Chosen]) -> Result<(Vec<Chosen>, Vec<String>), LdapError> {
    let (mut identified, mut not_found) = (Vec::new(), Vec::new());
    for each in chosen.iter_mut().filter(|chosen| chosen.id.is_none()) {
        each.id = read::find(service, each.kind, &each.name)?;
        match each.id {
            Some(_) => identified.push(each.clone()),
            None => not_found.push(each.name.clone()),
        }
    }
    Ok((identified, not_found))
}

fn compare(
    app: &Arc<App>,
    settings: &Settings,
    domain: &Domain,
    service: &mut Service,
) -> Result<Result<Compared, Problem>> {
    let store = &settings.store;
    let (actual, mut chosen) = app.store.read(|tx| Ok((actual(tx, store)?, settings::scope(tx, store)?)))?;
    let (identified, not_found) = match identify(service, &mut chosen) {
        Ok(found) => found,
        Err(error) => return Ok(Err(domain.failed(service, error))),
    };
    let known = actual.users.keys().copied().collect();
    let wish = read::Wish { domain: domain.name(), chosen: &chosen, mapping: &settings.mapping, known: &known };
    let desired = match read::read(service, &wish) {
        Ok(desired) => desired,
        Err(error) => return Ok(Err(domain.failed(service, error))),
    };
    let difference = plan(&desired, &actual, app.now());
    Ok(Ok(Compared { difference, actual, identified, not_found }))
}

/// As [`compare`], where only `users` have changed: everything else is taken to be as it was.
fn compare_users(
    app: &Arc<App>,
    settings: &Settings,
    domain: &Domain,
    service: &mut Service,
    users: BTreeSet<ObjectId>,
) -> Result<Result<Compared, Problem>> {
    let store = &settings.store;
    let actual = app.store.read(|tx| actual(tx, store))?;
    let is_synchronized = |id: &ObjectId| actual.users.contains_key(id) && !actual.departed.contains_key(id);
    let changed = users.into_iter().filter(is_synchronized).collect();
    let wish = read::Wish { domain: domain.name(), chosen: &[], mapping: &settings.mapping, known: &BTreeSet::new() };
    let changed = match read::users(service, &wish, changed) {
        Ok(changed) => changed,
        Err(error) => return Ok(Err(domain.failed(service, error))),
    };
    let mut desired = actual.as_desired();
    desired.users.extend(changed);
    let difference = plan(&desired, &actual, app.now());
    Ok(Ok(Compared { difference, actual, identified: Vec::new(), not_found: Vec::new() }))
}

/// What a run would change now.
///
/// # Errors
/// When the database fails.
pub fn dry_run(app: &Arc<App>, store: &IdentityStoreId) -> Result<Result<Difference, Problem>> {
    Ok(compare_now(app, store)?.map(|compared| compared.difference))
}

fn compare_now(app: &Arc<App>, store: &IdentityStoreId) -> Result<Result<Compared, Problem>> {
    let settings = settings_of(app, store)?;
    let connected = domain_of(app, &settings)?.and_then(|domain| domain.service().map(|service| (domain, service)));
    match connected {
        Ok((domain, mut service)) => compare(app, &settings, &domain, &mut service),
        Err(problem) => Ok(Err(problem)),
    }
}

fn rehearse(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let Some(store) = IdentityStoreId::parse(key) else { return Ok(Outcome::Done) };
    if app.store.read(|tx| settings::get(tx, &store))?.is_none() {
        return Ok(Outcome::Done);
    }
    let mut plan = match compare_now(app, &store)? {
        Ok(compared) => details(&compared),
        Err(problem) => json!({"reason": problem.to_string()}),
    };
    plan["at"] = json!(app.now().iso8601());
    apply::write(app, |cx| settings::rehearsed(&mut cx.write(), &store, &plan.to_string()))?;
    Ok(Outcome::Done)
}

/// Synchronizes the store.
///
/// # Errors
/// When the database fails.
pub fn run(app: &Arc<App>, store: &IdentityStoreId) -> Result<Result<Report, Problem>> {
    let settings = settings_of(app, store)?;
    let connected = domain_of(app, &settings)?.and_then(|domain| domain.service().map(|service| (domain, service)));
    let (domain, mut service) = match connected {
        Ok(connected) => connected,
        Err(problem) => return Ok(Err(problem)),
    };
    let counts_from_here = settings.server.as_ref() == Some(&service.root.server);
    let is_fresh = counts_from_here && app.now() < settings.full_at.plus_seconds(FULL_SECONDS);
    apply::write(app, |cx| settings::begin(&mut cx.write(), store))?;
    let changes = if is_fresh { read::changes(&mut service, settings.usn) } else { Ok(Changes::More) };
    // Changes from here on are for the next run, even if this one sees them already.
    let mark = settings::Mark { server: service.root.server.clone(), usn: service.root.last_change, is_full: false };
    let (compared, mark) = match changes {
        Ok(Changes::Users(users)) if users.is_empty() => {
            remember(app, store, Some(&mark), json!({"status": "UNCHANGED"}))?;
            return Ok(Ok(Report::Unchanged));
        }
        Ok(Changes::Users(users)) => (compare_users(app, &settings, &domain, &mut service, users)?, mark),
        Ok(Changes::More) => {
            let compared = compare(app, &settings, &domain, &mut service)?;
            (compared, settings::Mark { is_full: true, ..mark })
        }
        Err(error) => return Ok(Err(domain.failed(&service, error))),
    };
    drop(service);
    let compared = match compared {
        Ok(compared) => compared,
        Err(problem) => return Ok(Err(problem)),
    };
    apply::write(app, |cx| {
        compared.identified.iter().try_for_each(|chosen| settings::identify(&mut cx.write(), store, chosen))
    })?;
    Work::new(app, store, &compared.actual).carry_out(&compared.difference)?;
    let mut result = summary(&compared.difference);
    result["status"] = json!("SUCCEEDED");
    result["notFound"] = json!(compared.not_found);
    remember(app, store, Some(&mark), result)?;
    Ok(Ok(Report::Changed(Box::new(compared.difference))))
}

/// Notes what a run came to, and what it has seen when it worked.
fn remember(app: &Arc<App>, store: &IdentityStoreId, mark: Option<&settings::Mark>, result: Value) -> Result<()> {
    apply::write(app, |cx| {
        let now = cx.now;
        let before = settings::get(cx.tx, store)?;
        let result = with_last_change(result.clone(), before.as_ref());
        settings::ran(&mut cx.write(), store, mark, &result.to_string(), now)
    })
}

/// `result`; where it tells of no change, with what the last run did that changed something and when: a run that finds
/// nothing left to do often follows right behind.
fn with_last_change(mut result: Value, before: Option<&Settings>) -> Value {
    let is_change = |result: &Value| {
        let mut counts = result.as_object().into_iter().flat_map(|members| members.values());
        counts.any(|value| value.as_u64().is_some_and(|count| count > 0))
    };
    let Some(before) = before.filter(|_| !is_change(&result)) else { return result };
    let Some(mut last) = before.result.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
        return result;
    };
    let last_change = if is_change(&last) {
        last["at"] = json!(before.ran_at.iso8601());
        Some(last)
    } else {
        last.get_mut("lastChange").map(Value::take)
    };
    if let Some(last_change) = last_change {
        result["lastChange"] = last_change;
    }
    result
}

/// Lets nobody from the directory sign in: what it says has not been known for too long.
fn disable_all(app: &Arc<App>, store: &IdentityStoreId) -> Result<()> {
    let actual = app.store.read(|tx| actual(tx, store))?;
    let enabled = actual.users.iter().filter(|(_, user)| user.is_enabled).map(|(id, _)| *id);
    let difference = Difference { disable_users: enabled.collect(), ..Difference::default() };
    Work::new(app, store, &actual).carry_out(&difference)
}

fn job(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let Some(store) = IdentityStoreId::parse(key) else { return Ok(Outcome::Done) };
    let Some(settings) = app.store.read(|tx| settings::get(tx, &store))? else { return Ok(Outcome::Done) };
    if !app.store.read(|tx| is_current(tx, &store, &settings.directory))? {
        apply::write(app, |cx| forget_stale(&mut cx.write(), &settings.directory))?;
        return Ok(Outcome::Done);
    }
    let now = app.now();
    if let Some(paused_at) = settings.paused_at {
        let end = paused_at.plus_seconds(DEPARTURE_SECONDS);
        if now < end {
            return Ok(Outcome::Again(end));
        }
        return disable_all(app, &store).map(|()| Outcome::Done);
    }
    match run(app, &store)? {
        Ok(_) => Ok(Outcome::Again(now.plus_seconds(settings.interval_seconds))),
        Err(problem) => {
            let reason = problem.to_string();
            tracing::warn!(%store, reason, "an identity store cannot be synchronized");
            remember(app, &store, None, json!({"status": "FAILED", "reason": reason}))?;
            Ok(Outcome::Again(now.plus_seconds(RETRY_SECONDS.min(settings.interval_seconds))))
        }
    }
}

/// The name by which something is chosen: as the directory or as the identity store writes it.
fn chosen_name(name: &str) -> &str {
    name.split_once('@').map_or(name, |(name, _)| name)
}

/// Chooses the user or group of that exact name for the store, and has it synchronized.
///
/// # Errors
/// When the database fails.
pub fn choose(cx: &mut WriteCx<'_>, store: &IdentityStoreId, kind: Kind, name: &str) -> Result<()> {
    let now = cx.now;
    settings::choose(&mut cx.write(), store, kind, chosen_name(name), now)?;
    run_soon(cx, store)
}

/// Takes a user or group from what was chosen, and has the store synchronized; false when it was not chosen.
///
/// # Errors
/// When the database fails.
pub fn dismiss(cx: &mut WriteCx<'_>, store: &IdentityStoreId, kind: Kind, name: &str) -> Result<bool> {
    let was_chosen = settings::dismiss(&mut cx.write(), store, kind, chosen_name(name))?;
    run_soon(cx, store)?;
    Ok(was_chosen)
}

/// Has the difference between the store and the directory found out; [`Settings::plan`] shows it afterwards.
///
/// # Errors
/// When the database fails.
pub fn rehearse_soon(cx: &mut WriteCx<'_>, store: &IdentityStoreId) -> Result<()> {
    let now = cx.now;
    cx.enqueue(REHEARSE, store.as_str(), now)
}

/// Changes how the store is synchronized, and has that done unless it is paused. Whoever leaves it paused for 28 days
/// finds all its users disabled.
///
/// # Errors
/// When the database fails.
pub fn configure(
    cx: &mut WriteCx<'_>,
    store: &IdentityStoreId,
    is_paused: bool,
    interval_seconds: i64,
    mapping: &Mapping,
) -> Result<()> {
    let interval_seconds = interval_seconds.clamp(*settings::INTERVALS.start(), *settings::INTERVALS.end());
    let paused_at = settings::get(cx.tx, store)?.and_then(|settings| settings.paused_at).unwrap_or(cx.now);
    settings::update(&mut cx.write(), store, is_paused.then_some(paused_at), interval_seconds, mapping)?;
    run_soon(cx, store)
}

pub(crate) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: SYNC, run: job }, JobHandler { kind: REHEARSE, run: rehearse }]
}
