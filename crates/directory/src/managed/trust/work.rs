//! What is done about a trust in its domain, and with the controllers of the other one.
//!
//! What is to be done is in the state of the trust. Each step moves it on, unless somebody did meanwhile.

use super::record::{self, Trust};
use super::under_way::Answer;
use crate::connector::Directories;
use crate::managed::domains::{self, TrustOrder, TrustWork};
use crate::managed::{controller, forwarder, home};
use crate::record::{self as directories, Directory};
use crate::stage::write;
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::{App, Error, Result, WriteCx};
use model::ds::{DirectoryStage, SelectiveAuth, TrustDirection, TrustState};
use std::net::IpAddr;
use std::sync::Arc;

/// Does what a trust's state says is to be done. Key: its id.
const TRUST: JobKind = JobKind("directory.trust");
/// Pause before another try of what cannot be done now, in seconds.
const RETRY_SECONDS: i64 = 10;
/// Pause before another look at what is under way, in seconds.
const LOOK_SECONDS: i64 = 1;

/// Has a trust looked at.
pub(super) fn begin(cx: &mut WriteCx<'_>, id: &str) -> Result<()> {
    let now = cx.now;
    cx.enqueue(TRUST, id, now)
}

fn run(app: &Arc<App>, id: &str) -> Result<Outcome> {
    let Some(trust) = app.store.read(|tx| record::get(tx, id))? else { return Ok(Outcome::Done) };
    let Some(directory) = app.store.read(|tx| directories::get(tx, &trust.directory))? else {
        return Ok(Outcome::Done);
    };
    if home::is_elsewhere(app, &directory.id)? {
        return Ok(Outcome::Again(app.now().plus_seconds(home::OFFER_SECONDS)));
    }
    match directory.stage {
        // It goes with the domain.
        DirectoryStage::Deleting => return Ok(Outcome::Done),
        // Another database is about to take the place of the domain's.
        DirectoryStage::Restoring => return Ok(Outcome::Again(app.now().plus_seconds(RETRY_SECONDS))),
        _ => {}
    }
    match trust.state {
        TrustState::Creating => make(app, &trust, &directory),
        // What stays Created is not waited for.
        TrustState::Created if trust.direction == TrustDirection::OneWayIncoming => Ok(Outcome::Done),
        TrustState::Created | TrustState::Updated => {
            move_to(app, &trust, TrustState::Verifying, None)?;
            Ok(Outcome::Again(app.now()))
        }
        TrustState::Verifying => verify(app, &trust, &directory),
        TrustState::Updating => update(app, &trust, &directory),
        TrustState::Deleting => remove(app, &trust, &directory),
        _ => Ok(Outcome::Done),
    }
}

fn move_to(app: &Arc<App>, trust: &Trust, state: TrustState, reason: Option<&str>) -> Result<bool> {
    write(app, |cx| {
        let now = cx.now;
        record::set_state(&mut cx.write(), trust, state, reason, now)
    })
}

/// Has `work` done, or goes on to wait for it. `None` while it is under way.
fn carry_out(
    app: &Arc<App>,
    trust: &Trust,
    directory: &Directory,
    work: fn(&App, &Trust, &Directory) -> Answer,
) -> Result<Option<Result<(), String>>> {
    let (worker, its_trust, its_directory) = (Arc::clone(app), trust.clone(), directory.clone());
    Directories::of(app)?.trusts.answer(trust, move || work(&worker, &its_trust, &its_directory))
}

/// What is under way is asked for soon.
fn later(app: &App) -> Outcome {
    Outcome::Again(app.now().plus_seconds(LOOK_SECONDS))
}

/// Has the domain do something about a trust. The inner error is a sentence.
fn order(app: &App, trust: &Trust, directory: &Directory, work: TrustWork) -> Answer {
    let domains = match domains::of(app) {
        Ok(domains) => domains,
        Err(obstacle) => return Ok(Err(obstacle)),
    };
    let known = app.store.read(|tx| controller::list(tx, &directory.id, "", 1))?;
    let known = known.first().ok_or_else(|| Error::internal("a domain has no controller"))?;
    let order = TrustOrder {
        directory: directory.id.clone(),
        name: directory.name.clone(),
        short_name: directory.short_name(),
        address: known.address.parse().map_err(|_| Error::internal("the address of a controller is none"))?,
        remote: trust.remote.clone(),
        direction: trust.direction,
        kind: trust.kind,
        is_selective: trust.selective == SelectiveAuth::Enabled,
        work,
    };
    Ok(domains.trust(&order))
}

/// The controllers of the other domain. The inner error is a sentence.
fn controllers(app: &App, trust: &Trust) -> Result<Result<Vec<(String, IpAddr)>, String>> {
    let servers = app.store.read(|tx| forwarder::servers(tx, &trust.directory, &trust.remote))?;
    let found = Directories::of(app)?.controllers_of(&trust.remote, &servers, &mut app.random());
    Ok(found.map_err(|reason| match servers.is_empty() {
        true => format!(
            "DNS: the directory has no conditional forwarder for {}: create one with the addresses of its name servers.",
            trust.remote
        ),
        false => format!("DNS: {reason}."),
    }))
}

fn make(app: &Arc<App>, trust: &Trust, directory: &Directory) -> Result<Outcome> {
    let made = carry_out(app, trust, directory, |app, trust, directory| {
        let Some(password) = trust.password(app)? else {
            return Ok(Err("The password of the trust is gone.".to_owned()));
        };
        match controllers(app, trust)? {
            Ok(controllers) => order(app, trust, directory, TrustWork::Make { password, controllers }),
            Err(reason) => Ok(Err(reason)),
        }
    })?;
    let (state, reason) = match made {
        None => return Ok(later(app)),
        Some(Ok(())) => (TrustState::Created, None),
        Some(Err(reason)) => (TrustState::Failed, Some(reason)),
    };
    write(app, |cx| {
        let now = cx.now;
        record::forget_password(&mut cx.write(), &trust.id)?;
        let has_moved = record::set_state(&mut cx.write(), trust, state, reason.as_deref(), now)?;
        if has_moved && state == TrustState::Created { verify_other_half(cx, trust, directory) } else { Ok(()) }
    })?;
    tracing::info!(trust = trust.id, state = state.as_str(), reason, "a trust is created");
    Ok(Outcome::Again(app.now()))
}

/// Has the other half verified again, when that is the half of a domain that is run here and waits for this one.
fn verify_other_half(cx: &mut WriteCx<'_>, trust: &Trust, directory: &Directory) -> Result<()> {
    let now = cx.now;
    for half in record::waiting_halves(cx.tx, &directory.name, &trust.remote)? {
        record::set_state(&mut cx.write(), &half, TrustState::Verifying, None, now)?;
        begin(cx, &half.id)?;
    }
    Ok(())
}

fn verify(app: &Arc<App>, trust: &Trust, directory: &Directory) -> Result<Outcome> {
    let verified = carry_out(app, trust, directory, |app, trust, directory| match controllers(app, trust)? {
        Ok(controllers) => {
            let service_password = directory.service_password(app)?;
            order(app, trust, directory, TrustWork::Verify { service_password, controllers })
        }
        Err(reason) => Ok(Err(reason)),
    })?;
    let (state, reason) = match verified {
        None => return Ok(later(app)),
        Some(Ok(())) => (TrustState::Verified, None),
        Some(Err(reason)) => (TrustState::VerifyFailed, Some(reason)),
    };
    tracing::info!(trust = trust.id, state = state.as_str(), reason, "a trust is verified");
    move_to(app, trust, state, reason.as_deref())?;
    Ok(Outcome::Done)
}

fn update(app: &Arc<App>, trust: &Trust, directory: &Directory) -> Result<Outcome> {
    match carry_out(app, trust, directory, |app, trust, directory| order(app, trust, directory, TrustWork::Change))? {
        None => Ok(later(app)),
        Some(Ok(())) => {
            move_to(app, trust, TrustState::Updated, None)?;
            Ok(Outcome::Again(app.now()))
        }
        Some(Err(reason)) => {
            tracing::warn!(trust = trust.id, reason, "a trust cannot be updated");
            move_to(app, trust, TrustState::UpdateFailed, Some(&reason))?;
            Ok(Outcome::Done)
        }
    }
}

fn remove(app: &Arc<App>, trust: &Trust, directory: &Directory) -> Result<Outcome> {
    match carry_out(app, trust, directory, |app, trust, directory| order(app, trust, directory, TrustWork::Remove))? {
        None => Ok(later(app)),
        Some(Ok(())) => {
            write(app, |cx| {
                record::delete(&mut cx.write(), &trust.id)?;
                if trust.is_forwarder_unwanted {
                    forwarder::remove(&mut cx.write(), &trust.directory, &trust.remote)?;
                }
                Ok(())
            })?;
            Ok(Outcome::Done)
        }
        Some(Err(reason)) => {
            tracing::error!(trust = trust.id, reason, "a trust cannot be removed from its domain");
            move_to(app, trust, TrustState::Deleting, Some(&reason))?;
            Ok(Outcome::Again(app.now().plus_seconds(RETRY_SECONDS)))
        }
    }
}

pub(super) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: TRUST, run }]
}
