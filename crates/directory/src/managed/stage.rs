//! How a domain comes to run, and what becomes of its directory when it does not.
//!
//! Requested → Creating → Created → Active, or Failed. From then on the directory is Active while the service account
//! can sign in to the domain, Impaired while it cannot, and Inoperable when starting it again and again was in vain.

use super::controller::{self, Controller};
use super::{FirstPasswords, Plan, State, domains, home};
use crate::connector;
use crate::record::{self, Directory};
use crate::stage::{begin, move_to, probe, write};
use base::DirectoryId;
use kernel::job::Outcome;
use kernel::{App, Error, Result, WriteCx, params};
use model::ds::DirectoryStage;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Why a directory is Impaired that was Active before the program started.
pub(super) const STARTING: &str = "The domain controller is being started.";
/// How often a domain that runs is looked at, in seconds.
const WATCH_SECONDS: i64 = 60;
/// How often one is that does not run, or not yet. Changes are told besides ([`changed`]).
const LOOK_SECONDS: i64 = 2;
/// How long the first sign-in to a new domain may take, in seconds.
const PATIENCE_SECONDS: i64 = 120;
/// Starts in vain after which a domain needs somebody's help.
const FAILURES_MAX: u32 = 5;

/// Has a directory looked at, because its domain is in another state than before.
///
/// # Errors
/// When the database fails.
pub fn changed(app: &Arc<App>, id: &DirectoryId) -> Result<()> {
    write(app, |cx| begin(cx, id))
}

/// Lets every domain run that is to run here: to be called once when the program starts.
///
/// # Errors
/// When the database fails.
pub fn resume(app: &Arc<App>) -> Result<()> {
    let sql = "select id from dir_directory where type = 'MicrosoftAD' and stage <> 'Failed' order by id";
    let ids: Vec<DirectoryId> = app.store.read(|tx| tx.all(sql, params![], |row| row.get(0)))?;
    home::settle(app, &ids)?;
    ids.iter().try_for_each(|id| {
        if home::is_elsewhere(app, id)? {
            tracing::warn!(
                directory = %id,
                "a domain is another server's, which has its files: nobody signs in to it through this one"
            );
            return Ok(());
        }
        write(app, |cx| {
            let now = cx.now;
            if record::get(cx.tx, id)?.is_some_and(|directory| directory.is_usable()) {
                record::set_stage(&mut cx.write(), id, DirectoryStage::Impaired, Some(STARTING), now)?;
            }
            begin(cx, id)
        })
    })
}

/// Ends every domain that runs here: to be called when the program ends. However it ends, they do not outlive it.
pub fn stop(app: &App) {
    if let Ok(domains) = domains::of(app) {
        domains.stop();
    }
}

/// Compares what the directory should be with what its domain is.
///
/// # Errors
/// When the database fails, or the domain cannot be removed.
pub(crate) fn look_after(app: &Arc<App>, directory: &Directory) -> Result<Outcome> {
    if home::is_elsewhere(app, &directory.id)? {
        return Ok(Outcome::Again(app.now().plus_seconds(home::OFFER_SECONDS)));
    }
    match directory.stage {
        DirectoryStage::Deleting => return remove(app, directory),
        // It is told when the copy is in its place.
        DirectoryStage::Restoring => return Ok(Outcome::Done),
        DirectoryStage::Requested | DirectoryStage::Failed => {
            move_to(app, &directory.id, DirectoryStage::Creating, None)?;
        }
        _ => {}
    }
    let domains = match domains::of(app) {
        Ok(domains) => domains,
        Err(obstacle) => return stands_still(app, directory, &obstacle),
    };
    let address = match address(app, directory, domains)? {
        Ok(address) => address,
        Err(obstacle) => return stands_still(app, directory, &obstacle),
    };
    let plan = Plan {
        id: directory.id.clone(),
        name: directory.name.clone(),
        short_name: directory.short_name(),
        address,
        first_passwords: first_passwords(app, directory)?,
    };
    match domains.run(app, plan) {
        State::Starting => {
            if directory.is_usable() {
                move_to(app, &directory.id, DirectoryStage::Impaired, Some(STARTING))?;
            }
            Ok(Outcome::Again(app.now().plus_seconds(LOOK_SECONDS)))
        }
        State::Running { authority } => runs(app, directory, address, &authority),
        State::Down { reason, failures } => {
            let stage = if failures < FAILURES_MAX { DirectoryStage::Impaired } else { DirectoryStage::Inoperable };
            if directory.authority.is_some() {
                move_to(app, &directory.id, stage, Some(&reason))?;
            } else if failures >= FAILURES_MAX {
                return stands_still(app, directory, &reason);
            }
            Ok(Outcome::Again(app.now().plus_seconds(LOOK_SECONDS)))
        }
        State::Failed { reason } => stands_still(app, directory, &reason),
    }
}

/// Notes that a domain does not run and will not by itself.
fn stands_still(app: &Arc<App>, directory: &Directory, reason: &str) -> Result<Outcome> {
    tracing::error!(directory = %directory.id, reason, "a domain does not run");
    let was_made = directory.authority.is_some();
    let stage = if was_made { DirectoryStage::Inoperable } else { DirectoryStage::Failed };
    move_to(app, &directory.id, stage, Some(reason))?;
    Ok(Outcome::Done)
}

fn first_passwords(app: &App, directory: &Directory) -> Result<Option<FirstPasswords>> {
    let Some(administrator) = directory.first_password(app)? else { return Ok(None) };
    Ok(Some(FirstPasswords { administrator, service: directory.service_password(app)? }))
}

/// The address of the directory's controller, which it gets when it has none.
fn address(
    app: &Arc<App>,
    directory: &Directory,
    domains: &dyn super::Domains,
) -> Result<std::result::Result<Ipv4Addr, String>> {
    let known = app.store.read(|tx| controller::list(tx, &directory.id, "", 1))?;
    if let Some(known) = known.first() {
        return Ok(Ok(known.address.parse().map_err(|_| Error::internal("the address of a controller is none"))?));
    }
    let taken = app.store.read(controller::addresses)?;
    let address = match domains.free_address(&taken) {
        Ok(address) => address,
        Err(obstacle) => return Ok(Err(obstacle)),
    };
    write(app, |cx| {
        let now = cx.now;
        let id = format!("dc-{}", cx.random.text(b"0123456789abcdef", 10));
        let controller = Controller { id, address: address.to_string(), launched_at: now };
        controller::insert(&mut cx.write(), &directory.id, &controller)
    })?;
    Ok(Ok(address))
}

/// The domain runs: the directory is Active when the service account can sign in to it.
fn runs(app: &Arc<App>, directory: &Directory, address: Ipv4Addr, authority: &str) -> Result<Outcome> {
    if directory.authority.as_deref() != Some(authority) {
        write(app, |cx| record::set_domain(&mut cx.write(), directory, &address.to_string(), authority))?;
    }
    let Some((directory, certificates)) = connector::load(app, &directory.id)? else { return Ok(Outcome::Done) };
    let now = app.now();
    match probe(app, &directory, certificates)? {
        Ok(()) => {
            if directory.stage == DirectoryStage::Creating {
                move_to(app, &directory.id, DirectoryStage::Created, None)?;
            }
            move_to(app, &directory.id, DirectoryStage::Active, None)?;
            Ok(Outcome::Again(now.plus_seconds(WATCH_SECONDS)))
        }
        Err(problem) => {
            let reason = problem.to_string();
            tracing::warn!(directory = %directory.id, reason, "a domain does not answer");
            let is_new = directory.stage == DirectoryStage::Creating;
            if is_new && now >= directory.stage_changed_at.plus_seconds(PATIENCE_SECONDS) {
                return stands_still(app, &directory, &reason);
            }
            if !is_new {
                move_to(app, &directory.id, DirectoryStage::Impaired, Some(&reason))?;
            }
            Ok(Outcome::Again(now.plus_seconds(LOOK_SECONDS)))
        }
    }
}

/// Ends the domain, and then forgets the directory.
fn remove(app: &Arc<App>, directory: &Directory) -> Result<Outcome> {
    domains::existing(app)?.remove(&directory.id).map_err(Error::internal)?;
    write(app, |cx: &mut WriteCx<'_>| crate::directory::erase(cx, &directory.id))?;
    Ok(Outcome::Done)
}
