//! The end of records: CloudTrail's event history reaches back 90 days.

use base::Timestamp;
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::{App, Result, params};
use std::sync::Arc;

/// Days that the event history reaches back.
pub const RETENTION_DAYS: i64 = 90;
/// Deletes records that are older than the event history; runs once a day after it was first enqueued (with an empty
/// key).
pub const RETENTION: JobKind = JobKind("trail.retention");

/// Seconds between two runs.
const PAUSE_SECONDS: i64 = 86_400;
/// Rows deleted in one transaction, so that no writer waits for long.
const ROWS_MAX: i64 = 1_000;

pub(crate) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: RETENTION, run: |app, _| run(app) }]
}

/// The oldest instant of the event history.
pub(crate) fn horizon(now: Timestamp) -> Timestamp {
    now.plus_seconds(-RETENTION_DAYS * 86_400)
}

fn run(app: &Arc<App>) -> Result<Outcome> {
    let now = app.now();
    let before = horizon(now);
    let mut account = String::new();
    while let Some(next) = account_after(app, &account)? {
        while delete(app, &next, before)? > 0 {}
        account = next;
    }
    Ok(Outcome::Again(now.plus_seconds(PAUSE_SECONDS)))
}

fn account_after(app: &App, account: &str) -> Result<Option<String>> {
    app.store.read(|tx| {
        tx.one("select min(account_id) from audit where account_id > $1", params![account], |row| row.get(0))
    })
}

fn delete(app: &App, account: &str, before: Timestamp) -> Result<u64> {
    app.store.write(
        |tx| {
            tx.exec(
                "delete from audit where id in \
                 (select id from audit where account_id = $1 and last_at < $2 order by last_at limit $3)",
                params![account, before, ROWS_MAX],
            )
        },
        |_| {},
    )
}
