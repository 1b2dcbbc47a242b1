//! Copies of a domain: CreateSnapshot, RestoreFromSnapshot and their like.

use super::stage::STARTING;
use super::{domains, existing, home};
use crate::record::{self, Directory};
use crate::stage::{begin, move_to, write};
use crate::{access, messages, sync};
use base::{DirectoryId, Timestamp};
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::store::Row;
use kernel::{Access, App, Cx, Error, Result, Route, Tx, WriteTx, params, route};
use model::ds::{
    CreateSnapshotRequest, CreateSnapshotResult, DeleteSnapshotRequest, DeleteSnapshotResult, DescribeSnapshotsRequest,
    DescribeSnapshotsResult, DirectoryStage, EntityDoesNotExistException, GetSnapshotLimitsRequest,
    GetSnapshotLimitsResult, RestoreFromSnapshotRequest, RestoreFromSnapshotResult, Snapshot,
    SnapshotLimitExceededException, SnapshotLimits, SnapshotStatus, SnapshotType, ops,
};
use smithy::schema::Operation;
use std::sync::Arc;

/// Most copies of a directory that were asked for.
const MANUAL_MAX: i64 = 5;
/// Makes the copies of a directory that were asked for, and removes those that are not wanted any more. Key: its id.
const COPY: JobKind = JobKind("directory.copy");
/// Puts a copy in the place of its domain. Key: the copy's id.
const RESTORE: JobKind = JobKind("directory.restore");

/// A copy.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Copy {
    id: String,
    directory: DirectoryId,
    name: Option<String>,
    status: SnapshotStatus,
    started_at: Timestamp,
}

fn copy(row: &Row<'_>) -> Result<Copy> {
    Ok(Copy {
        id: row.get(0)?,
        directory: row.get(1)?,
        name: row.get(2)?,
        status: row.parse(3, SnapshotStatus::parse)?,
        started_at: row.get(4)?,
    })
}

fn get(tx: &mut Tx, id: &str) -> Result<Option<Copy>> {
    tx.opt("select id, directory_id, name, status, started_at from dir_snapshot where id = $1", params![id], copy)
}

fn list(tx: &mut Tx, directory: &DirectoryId) -> Result<Vec<Copy>> {
    let sql = "select id, directory_id, name, status, started_at from dir_snapshot where directory_id = $1 order by id";
    tx.all(sql, params![directory], copy)
}

fn count(tx: &mut Tx, directory: &DirectoryId) -> Result<i64> {
    tx.count("select count(*) from dir_snapshot where directory_id = $1", params![directory])
}

fn set_status(tx: &mut WriteTx<'_>, id: &str, status: SnapshotStatus) -> Result<()> {
    tx.exec("update dir_snapshot set status = $2 where id = $1", params![id, status.as_str()]).map(drop)
}

/// The copies of an account's directory, or of all, by id, strictly after `after`.
fn page(cx: &mut Cx<'_>, directory: Option<&str>, after: &str, limit: i64) -> Result<Vec<Copy>> {
    let account = cx.account()?;
    let sql = "select s.id, s.directory_id, s.name, s.status, s.started_at from dir_snapshot s \
               join dir_directory d on d.id = s.directory_id \
               where d.account_id = $1 and ($2 = '' or s.directory_id = $2) and s.id > $3 order by s.id limit $4";
    cx.tx.all(sql, params![account, directory.unwrap_or_default(), after, limit], copy)
}

fn no_snapshot(id: &str) -> Error {
    EntityDoesNotExistException::new(format!("Snapshot {id} does not exist.")).into()
}

/// The caller's copy of that id, and its directory.
fn find(cx: &mut Cx<'_>, id: &str) -> Result<Option<(Copy, Directory)>> {
    let Some(copy) = get(cx.tx, id)? else { return Ok(None) };
    let directory = access::find(cx, copy.directory.as_str())?;
    Ok(directory.map(|directory| (copy, directory)))
}

/// The permission of an operation on a copy: it is that on its directory.
fn on<O: Operation>(cx: &mut Cx<'_>, id: &str) -> Result<Access> {
    let directory = find(cx, id)?.map(|(copy, _)| copy.directory.to_string());
    Ok(access::on::<O>(cx, directory.as_deref().unwrap_or("*"))?.into())
}

fn create(cx: &mut kernel::WriteCx<'_>, input: &CreateSnapshotRequest) -> Result<CreateSnapshotResult> {
    let directory = existing::<ops::CreateSnapshot>(cx, &input.directory_id)?;
    if directory.stage != DirectoryStage::Active {
        return Err(messages::client(format!("The directory {} is not Active.", directory.id)));
    }
    if count(cx.tx, &directory.id)? >= MANUAL_MAX {
        let message = format!("Manual snapshots limit of {MANUAL_MAX} reached for the directory {}.", directory.id);
        return Err(SnapshotLimitExceededException::new(message).into());
    }
    let (now, id) = (cx.now, format!("s-{}", cx.random.text(b"0123456789abcdef", 10)));
    cx.write().exec_one(
        "insert into dir_snapshot (id, directory_id, name, status, started_at) values ($1, $2, $3, 'Creating', $4)",
        params![id, directory.id, input.name, now],
    )?;
    cx.enqueue(COPY, directory.id.as_str(), now)?;
    Ok(CreateSnapshotResult { snapshot_id: Some(id) })
}

fn described(copy: Copy) -> Snapshot {
    Snapshot {
        directory_id: Some(copy.directory.to_string()),
        name: copy.name,
        snapshot_id: Some(copy.id),
        start_time: Some(copy.started_at),
        status: Some(copy.status),
        r#type: Some(SnapshotType::Manual),
    }
}

fn describe(cx: &mut Cx<'_>, input: &DescribeSnapshotsRequest) -> Result<DescribeSnapshotsResult> {
    let directory = input.directory_id.as_deref();
    if let Some(id) = directory {
        access::existing(cx, id)?;
    }
    let chosen = input.snapshot_ids.as_deref().unwrap_or_default();
    if !chosen.is_empty() {
        let mut found = Vec::new();
        for id in chosen {
            let (copy, _) = find(cx, id)?.ok_or_else(|| no_snapshot(id))?;
            if directory.is_some_and(|directory| directory != copy.directory.as_str()) {
                return Err(no_snapshot(id));
            }
            found.push(described(copy));
        }
        return Ok(DescribeSnapshotsResult { snapshots: Some(found), next_token: None });
    }
    let list_of = ["DescribeSnapshots", directory.unwrap_or_default()];
    let cursor = access::page(cx, &list_of, input.next_token.as_deref(), input.limit)?;
    let rows = page(cx, directory, &cursor.after, cursor.fetch)?;
    let (rows, next_token) = cursor.close(cx, rows, |copy| copy.id.clone())?;
    Ok(DescribeSnapshotsResult { snapshots: Some(rows.into_iter().map(described).collect()), next_token })
}

fn delete(cx: &mut kernel::WriteCx<'_>, input: &DeleteSnapshotRequest) -> Result<DeleteSnapshotResult> {
    let (copy, directory) = find(cx, &input.snapshot_id)?.ok_or_else(|| no_snapshot(&input.snapshot_id))?;
    if directory.stage == DirectoryStage::Restoring {
        return Err(messages::client(format!("The directory {} is being restored.", directory.id)));
    }
    cx.write().exec_one("delete from dir_snapshot where id = $1", params![copy.id])?;
    let now = cx.now;
    // What it takes on the disk is removed after the commit.
    cx.enqueue(COPY, &format!("{}/{}", directory.id, copy.id), now)?;
    Ok(DeleteSnapshotResult { snapshot_id: Some(copy.id) })
}

fn restore(cx: &mut kernel::WriteCx<'_>, input: &RestoreFromSnapshotRequest) -> Result<RestoreFromSnapshotResult> {
    let (copy, directory) = find(cx, &input.snapshot_id)?.ok_or_else(|| no_snapshot(&input.snapshot_id))?;
    if copy.status != SnapshotStatus::Completed {
        return Err(messages::client(format!("The snapshot {} is not Completed.", copy.id)));
    }
    let is_possible =
        directory.is_usable() || matches!(directory.stage, DirectoryStage::Inoperable | DirectoryStage::RestoreFailed);
    if !is_possible {
        return Err(messages::client(format!("The directory {} cannot be restored now.", directory.id)));
    }
    let now = cx.now;
    record::set_stage(&mut cx.write(), &directory.id, DirectoryStage::Restoring, None, now)?;
    cx.enqueue(RESTORE, &copy.id, now)?;
    Ok(RestoreFromSnapshotResult {})
}

fn limits(cx: &mut Cx<'_>, input: &GetSnapshotLimitsRequest) -> Result<GetSnapshotLimitsResult> {
    let directory = existing::<ops::GetSnapshotLimits>(cx, &input.directory_id)?;
    let count = count(cx.tx, &directory.id)?;
    let limits = SnapshotLimits {
        manual_snapshots_limit: i32::try_from(MANUAL_MAX).ok(),
        manual_snapshots_current_count: i32::try_from(count).ok(),
        manual_snapshots_limit_reached: Some(count >= MANUAL_MAX),
    };
    Ok(GetSnapshotLimitsResult { snapshot_limits: Some(limits) })
}

/// What is to be done where the files of the domain are, which is not here.
fn offered(app: &App) -> Outcome {
    Outcome::Again(app.now().plus_seconds(home::OFFER_SECONDS))
}

/// Makes the copies of a directory that wait, or removes one that is not wanted any more.
fn run_copies(app: &Arc<App>, key: &str) -> Result<Outcome> {
    if let Some((directory, unwanted)) = key.split_once('/') {
        let Some(id) = DirectoryId::parse(directory) else { return Ok(Outcome::Done) };
        if home::is_elsewhere(app, &id)? {
            return Ok(offered(app));
        }
        domains::existing(app)?.remove_snapshot(&id, unwanted).map_err(Error::internal)?;
        return Ok(Outcome::Done);
    }
    let Some(id) = DirectoryId::parse(key) else { return Ok(Outcome::Done) };
    if home::is_elsewhere(app, &id)? {
        return Ok(offered(app));
    }
    let waiting = app.store.read(|tx| list(tx, &id))?;
    for copy in waiting.iter().filter(|copy| copy.status == SnapshotStatus::Creating) {
        let status = match domains::existing(app)?.take_snapshot(&id, &copy.id) {
            Ok(()) => SnapshotStatus::Completed,
            Err(error) => {
                tracing::error!(directory = %id, snapshot = copy.id, %error, "a snapshot cannot be made");
                SnapshotStatus::Failed
            }
        };
        write(app, |cx| set_status(&mut cx.write(), &copy.id, status))?;
    }
    Ok(Outcome::Done)
}

fn run_restore(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let Some(copy) = app.store.read(|tx| get(tx, key))? else { return Ok(Outcome::Done) };
    let Some(directory) = app.store.read(|tx| record::get(tx, &copy.directory))? else { return Ok(Outcome::Done) };
    if directory.stage != DirectoryStage::Restoring {
        return Ok(Outcome::Done);
    }
    if home::is_elsewhere(app, &directory.id)? {
        return Ok(offered(app));
    }
    if let Err(error) = domains::existing(app)?.restore(&directory.id, &copy.id) {
        tracing::error!(directory = %directory.id, snapshot = copy.id, %error, "a snapshot cannot be restored");
        let reason = format!("The snapshot {} could not be restored: {error}.", copy.id);
        move_to(app, &directory.id, DirectoryStage::RestoreFailed, Some(&reason))?;
        return Ok(Outcome::Done);
    }
    write(app, |cx| {
        let now = cx.now;
        record::set_stage(&mut cx.write(), &directory.id, DirectoryStage::Impaired, Some(STARTING), now)?;
        // The counter of changes has gone back.
        sync::read_anew(&mut cx.write(), &directory.id)?;
        begin(cx, &directory.id)
    })?;
    Ok(Outcome::Done)
}

pub(super) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: COPY, run: run_copies }, JobHandler { kind: RESTORE, run: run_restore }]
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateSnapshot>(
            |cx, input| Ok(access::on::<ops::CreateSnapshot>(cx, &input.directory_id)?.into()),
            create,
        ),
        route::read::<ops::DescribeSnapshots>(access::anywhere::<ops::DescribeSnapshots>, describe),
        route::write::<ops::DeleteSnapshot>(|cx, input| on::<ops::DeleteSnapshot>(cx, &input.snapshot_id), delete),
        route::write::<ops::RestoreFromSnapshot>(
            |cx, input| on::<ops::RestoreFromSnapshot>(cx, &input.snapshot_id),
            restore,
        ),
        route::read::<ops::GetSnapshotLimits>(
            |cx, input| Ok(access::on::<ops::GetSnapshotLimits>(cx, &input.directory_id)?.into()),
            limits,
        ),
    ]
}
