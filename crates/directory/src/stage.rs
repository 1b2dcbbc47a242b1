//! How directories come to be Active, and whether they still are.
//!
//! A directory that was asked for is connected by a job. What only a person can mend ends in Failed with a sentence that
//! says what to mend; what may mend itself is tried for a while. Registering a certificate begins anew. Directories that
//! are Active are looked at every few minutes, and Impaired while they do not answer. Of domains that are run here
//! [`managed::stage`] knows more.

use crate::connector::{self, Problem};
use crate::managed;
use crate::record::{self, Directory};
use base::{DirectoryId, Timestamp};
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::{App, Caller, RequestInfo, Result, WriteCx};
use model::ds::{DirectoryStage, LDAPSStatus};
use std::sync::Arc;

/// The service principal.
const SERVICE: &str = "ds.amazonaws.com";
/// Connects a directory that was asked for, and looks after it from then on. Key: its id.
const CONNECT: JobKind = JobKind("directory.connect");
/// Has LDAPS of a directory checked that was enabled. Key: its id.
const ENABLE_LDAPS: JobKind = JobKind("directory.enable_ldaps");

/// How long an outage may last before a directory that was never connected has failed, in seconds.
const PATIENCE_SECONDS: i64 = 120;
/// Pause between two tries of a directory that was never connected, in seconds.
const RETRY_SECONDS: i64 = 10;
/// How often directories that are connected are looked at, in seconds.
const WATCH_SECONDS: i64 = 300;
/// How often one is that does not answer.
const IMPAIRED_WATCH_SECONDS: i64 = 30;

/// Begins, or begins anew, to connect a directory.
///
/// # Errors
/// When the database fails.
pub(crate) fn begin(cx: &mut WriteCx<'_>, id: &DirectoryId) -> Result<()> {
    let now = cx.now;
    cx.enqueue(CONNECT, id.as_str(), now)
}

/// Has LDAPS checked.
///
/// # Errors
/// When the database fails.
pub(crate) fn check_ldaps(cx: &mut WriteCx<'_>, id: &DirectoryId) -> Result<()> {
    let now = cx.now;
    cx.enqueue(ENABLE_LDAPS, id.as_str(), now)
}

pub(crate) fn write<T>(app: &Arc<App>, work: impl FnMut(&mut WriteCx<'_>) -> Result<T>) -> Result<T> {
    app.write_as(&Caller::Service(SERVICE.to_owned()), &RequestInfo::of_service(app, SERVICE), work)
}

pub(crate) fn move_to(app: &Arc<App>, id: &DirectoryId, stage: DirectoryStage, reason: Option<&str>) -> Result<()> {
    write(app, |cx| {
        let now = cx.now;
        record::set_stage(&mut cx.write(), id, stage, reason, now)
    })
}

/// Connects as the service account and sees which domain is there.
pub(crate) fn probe(app: &App, directory: &Directory, certificates: Vec<String>) -> Result<Result<(), Problem>> {
    let probed = connector::domain(app, directory, certificates)?;
    Ok(probed.and_then(|domain| domain.service().map(|_| ())))
}

fn connect(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let Some(id) = DirectoryId::parse(key) else { return Ok(Outcome::Done) };
    let Some((directory, certificates)) = connector::load(app, &id)? else { return Ok(Outcome::Done) };
    if directory.is_managed() {
        return managed::stage::look_after(app, &directory);
    }
    let was_connected = directory.is_usable();
    if !was_connected && directory.stage != DirectoryStage::Creating {
        move_to(app, &id, DirectoryStage::Creating, None)?;
    }
    let now = app.now();
    match probe(app, &directory, certificates)? {
        Ok(()) => {
            if !was_connected {
                move_to(app, &id, DirectoryStage::Created, None)?;
            }
            move_to(app, &id, DirectoryStage::Active, None)?;
            Ok(Outcome::Again(now.plus_seconds(WATCH_SECONDS)))
        }
        Err(problem) => failed(app, &directory, &problem, now),
    }
}

fn failed(app: &Arc<App>, directory: &Directory, problem: &Problem, now: Timestamp) -> Result<Outcome> {
    let reason = problem.to_string();
    tracing::warn!(directory = %directory.id, reason, "a directory cannot be connected");
    if directory.is_usable() {
        move_to(app, &directory.id, DirectoryStage::Impaired, Some(&reason))?;
        return Ok(Outcome::Again(now.plus_seconds(IMPAIRED_WATCH_SECONDS)));
    }
    let since = if directory.stage == DirectoryStage::Creating { directory.stage_changed_at } else { now };
    if problem.is_outage() && now < since.plus_seconds(PATIENCE_SECONDS) {
        return Ok(Outcome::Again(now.plus_seconds(RETRY_SECONDS)));
    }
    move_to(app, &directory.id, DirectoryStage::Failed, Some(&reason))?;
    Ok(Outcome::Done)
}

fn enable_ldaps(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let Some(id) = DirectoryId::parse(key) else { return Ok(Outcome::Done) };
    let Some((directory, certificates)) = connector::load(app, &id)? else { return Ok(Outcome::Done) };
    if directory.ldaps_status != LDAPSStatus::Enabling {
        return Ok(Outcome::Done);
    }
    let (status, reason) = match probe(app, &directory, certificates)? {
        Ok(()) => (LDAPSStatus::Enabled, None),
        Err(problem) => (LDAPSStatus::EnableFailed, Some(problem.to_string())),
    };
    write(app, |cx| {
        let now = cx.now;
        record::set_ldaps(&mut cx.write(), &id, status, reason.as_deref(), now)
    })?;
    Ok(Outcome::Done)
}

pub(crate) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: CONNECT, run: connect }, JobHandler { kind: ENABLE_LDAPS, run: enable_ldaps }]
}
