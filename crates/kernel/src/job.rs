//! Durable jobs: rows written with the change that causes them, run at least once, repeated until they succeed.
//!
//! A job's payload is a key, never an instruction: its handler compares what should be with what is and repairs.

use crate::app::App;
use crate::error::{Error, Result};
use crate::params;
use crate::store::{Row, Tx, WriteTx};
use base::{Random, Timestamp};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Times a job is tried before it is left for an operator.
pub const ATTEMPTS_MAX: i64 = 10;
/// Time after which another worker may take a running job.
pub const LEASE_SECONDS: i64 = 60;
/// Jobs that a worker takes at once.
const BATCH: i64 = 16;
/// Longest pause between two tries.
const BACKOFF_SECONDS_MAX: i64 = 300;

/// An instant that does not come: what was asked for anew is earlier.
const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// Names a kind of job; each has one handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobKind(pub &'static str);

/// The code that runs jobs of a kind.
pub struct JobHandler {
    /// The kind.
    pub kind: JobKind,
    /// Does the work for a key; opens its own transactions.
    pub run: fn(&Arc<App>, &str) -> Result<Outcome>,
}

/// How a run ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left to do.
    Done,
    /// Not yet: look again at this instant. Does not count as a failed try.
    Again(Timestamp),
}

/// A job as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Id.
    pub id: String,
    /// Kind.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// `queued`, `running` or `dead`.
    pub state: String,
    /// Tries so far.
    pub attempt: i64,
    /// When it is due.
    pub run_at: Timestamp,
    /// Why the last try failed.
    pub last_error: Option<String>,
}

fn job(row: &Row<'_>) -> Result<Job> {
    Ok(Job {
        id: row.get(0)?,
        kind: row.get(1)?,
        key: row.get(2)?,
        state: row.get(3)?,
        attempt: row.get(4)?,
        run_at: row.get(5)?,
        last_error: row.get(6)?,
    })
}

/// Writes the job; one that waits for the same key is moved forward, one that runs will run again.
///
/// # Errors
/// When the database fails.
pub fn enqueue(
    tx: &mut WriteTx<'_>,
    id: &str,
    kind: JobKind,
    key: &str,
    run_at: Timestamp,
    now: Timestamp,
) -> Result<()> {
    tx.touched.has_jobs = true;
    tx.exec_one(
        "insert into job (id, kind, key, state, attempt, run_at, lease_until, rerun, created_at) \
         values ($1, $2, $3, 'queued', 0, $4, 0, 0, $5) \
         on conflict (kind, key) do update set \
           run_at = case when (job.state = 'queued' or job.rerun = 1) and job.run_at < excluded.run_at \
                         then job.run_at else excluded.run_at end, \
           rerun = case when job.state = 'running' then 1 else 0 end, \
           attempt = case when job.state = 'running' then job.attempt else 0 end, \
           state = case when job.state = 'running' then 'running' else 'queued' end",
        params![id, kind.0, key, run_at, now],
    )
}

/// Whether a job of that kind waits for that key, be it that it is due or that it failed and will be tried again.
///
/// # Errors
/// When the database fails.
pub fn is_queued(tx: &mut Tx, kind: JobKind, key: &str) -> Result<bool> {
    tx.exists("select 1 from job where kind = $1 and key = $2 and state = 'queued'", params![kind.0, key])
}

/// The job of that kind for that key, as long as it is not done.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, kind: JobKind, key: &str) -> Result<Option<Job>> {
    let sql = "select id, kind, key, state, attempt, run_at, last_error from job where kind = $1 and key = $2";
    tx.opt(sql, params![kind.0, key], job)
}

/// Takes back what was asked for. A worker that is at it is not disturbed, and changes nothing when it is done.
///
/// # Errors
/// When the database fails.
pub fn withdraw(tx: &mut WriteTx<'_>, kind: JobKind, key: &str) -> Result<()> {
    tx.exec("delete from job where kind = $1 and key = $2", params![kind.0, key]).map(drop)
}

/// All jobs, those due first.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx) -> Result<Vec<Job>> {
    tx.all(
        "select id, kind, key, state, attempt, run_at, last_error from job order by run_at, id limit 10000",
        params![],
        job,
    )
}

/// Number of jobs in each state.
///
/// # Errors
/// When the database fails.
pub fn counts(tx: &mut Tx) -> Result<Vec<(String, i64)>> {
    tx.all("select state, count(*) from job group by state order by state", params![], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

/// Puts a job that was given up back into the queue; false when there is none.
///
/// # Errors
/// When the database fails.
pub fn retry(tx: &mut WriteTx<'_>, id: &str, now: Timestamp) -> Result<bool> {
    tx.touched.has_jobs = true;
    let sql =
        "update job set state = 'queued', attempt = 0, run_at = $2, last_error = null where id = $1 and state = 'dead'";
    tx.exec(sql, params![id, now]).map(|count| count == 1)
}

/// Runs every job that is due, batch after batch, until none is; returns when the next one will be due.
///
/// # Errors
/// When the database fails; failures of jobs are recorded with them.
pub fn run_due(app: &Arc<App>, worker: &str) -> Result<Option<Timestamp>> {
    loop {
        let now = app.now();
        let claimed = claim(app, worker, now)?;
        if claimed.is_empty() {
            return app.store.read(|tx| {
                tx.one("select min(case when state = 'queued' then run_at else lease_until end) from job where state <> 'dead'", params![], |row| row.get(0))
            });
        }
        for job in claimed {
            if still_holds(app, worker, &job, now)? {
                run_one(app, worker, &job)?;
            }
        }
    }
}

/// Whether a job that was claimed at `claimed_at` may still be run: when those claimed with it took long, its lease
/// is renewed, unless another worker has taken it over.
fn still_holds(app: &Arc<App>, worker: &str, job: &Job, claimed_at: Timestamp) -> Result<bool> {
    let now = app.now();
    if now < claimed_at.plus_seconds(LEASE_SECONDS / 4) {
        return Ok(true);
    }
    let renewed = app.store.write(
        |tx| {
            tx.exec(
                "update job set lease_until = $4 where id = $1 and lease_owner = $2 and attempt = $3 and state = 'running'",
                params![job.id, worker, job.attempt, now.plus_seconds(LEASE_SECONDS)],
            )
        },
        |_| {},
    )?;
    Ok(renewed == 1)
}

/// Lets jobs begin anew that a worker took who ended without a word. For whoever knows that no worker lives: others
/// must wait until the leases end.
///
/// # Errors
/// When the database fails.
pub fn end_leases(app: &App) -> Result<()> {
    app.store.write(|tx| tx.exec("update job set lease_until = 0 where state = 'running'", params![]), |_| {})?;
    Ok(())
}

fn claim(app: &Arc<App>, worker: &str, now: Timestamp) -> Result<Vec<Job>> {
    let lease_until = now.plus_seconds(LEASE_SECONDS);
    let is_due = "select 1 from job where (state = 'queued' and run_at <= $1) or (state = 'running' and lease_until <= $1) limit 1";
    if !app.store.read(|tx| tx.exists(is_due, params![now]))? {
        return Ok(Vec::new());
    }
    app.store.write(
        |tx| {
            // A job that ended its worker every time is given up like one that failed every time.
            tx.exec(
                "update job set state = 'dead', rerun = 0, lease_until = 0, last_error = 'the worker ended' \
                 where state = 'running' and lease_until <= $1 and attempt >= $2",
                params![now, ATTEMPTS_MAX],
            )?;
            tx.all(
                "update job set state = 'running', lease_owner = $1, lease_until = $2, attempt = attempt + 1 \
                 where id in (select id from job where (state = 'queued' and run_at <= $3) \
                              or (state = 'running' and lease_until <= $3) order by run_at, id limit $4) \
                 returning id, kind, key, state, attempt, run_at, last_error",
                params![worker, lease_until, now, BATCH],
                job,
            )
        },
        |_| {},
    )
}

fn run_one(app: &Arc<App>, worker: &str, job: &Job) -> Result<()> {
    let outcome = match app.job_handler(&job.kind) {
        // What a panic leaves behind is a transaction, which is rolled back, and locks, which are taken over.
        Some(handler) => catch_unwind(AssertUnwindSafe(|| (handler.run)(app, &job.key)))
            .unwrap_or_else(|_| Err(Error::internal("the job's code panicked"))),
        None => Err(Error::internal(format!("no handler for jobs of kind {}", job.kind))),
    };
    let now = app.now();
    match &outcome {
        Ok(_) => tracing::debug!(kind = job.kind, key = job.key, attempt = job.attempt, "job ran"),
        Err(error) => tracing::warn!(kind = job.kind, key = job.key, attempt = job.attempt, %error, "job failed"),
    }
    let backoff = app.with_random(|random| backoff_seconds(job.attempt, random));
    app.store.write(
        |tx| match &outcome {
            Ok(Outcome::Done) => finish(tx, worker, job),
            Ok(Outcome::Again(at)) => postpone(tx, worker, job, *at, None, 0),
            Err(error) if job.attempt >= ATTEMPTS_MAX => give_up(tx, worker, job, &error.to_string()),
            Err(error) => postpone(tx, worker, job, now.plus_seconds(backoff), Some(&error.to_string()), job.attempt),
        },
        |_| {},
    )
}

/// Deletes the finished job, or queues it again when it was asked for while it ran. A worker whose lease was taken
/// over changes nothing.
fn finish(tx: &mut WriteTx<'_>, worker: &str, job: &Job) -> Result<()> {
    let own = params![job.id, worker, job.attempt];
    let deleted = tx.exec(
        "delete from job where id = $1 and lease_owner = $2 and attempt = $3 and state = 'running' and rerun = 0",
        own,
    )?;
    if deleted == 0 { postpone(tx, worker, job, NEVER, None, 0) } else { Ok(()) }
}

/// Queues the job again for `at`, or for when it was asked for while it ran, if that is earlier. What was asked for
/// anew has all its tries.
fn postpone(
    tx: &mut WriteTx<'_>,
    worker: &str,
    job: &Job,
    at: Timestamp,
    error: Option<&str>,
    attempt: i64,
) -> Result<()> {
    tx.exec(
        "update job set state = 'queued', lease_until = 0, last_error = $5, \
           run_at = case when rerun = 1 and run_at < $4 then run_at else $4 end, \
           attempt = case when rerun = 1 then 0 else $6 end, rerun = 0 \
         where id = $1 and lease_owner = $2 and attempt = $3 and state = 'running'",
        params![job.id, worker, job.attempt, at, error, attempt],
    )?;
    Ok(())
}

/// Leaves the job for an operator, unless it was asked for while it ran.
fn give_up(tx: &mut WriteTx<'_>, worker: &str, job: &Job, error: &str) -> Result<()> {
    let given_up = tx.exec(
        "update job set state = 'dead', lease_until = 0, last_error = $4 \
         where id = $1 and lease_owner = $2 and attempt = $3 and state = 'running' and rerun = 0",
        params![job.id, worker, job.attempt, error],
    )?;
    if given_up == 0 { postpone(tx, worker, job, NEVER, Some(error), 0) } else { Ok(()) }
}

/// Twice as long after each try, with jitter, at most [`BACKOFF_SECONDS_MAX`].
fn backoff_seconds(attempt: i64, random: &mut Random) -> i64 {
    let ceiling = (1_i64 << attempt.clamp(0, 20)).min(BACKOFF_SECONDS_MAX);
    ceiling / 2 + i64::from(random.below(u32::try_from(ceiling / 2 + 1).unwrap_or(1)))
}
