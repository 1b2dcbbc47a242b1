//! Forgets what has run out.

use kernel::job::{JobKind, Outcome};
use kernel::{App, Caller, RequestInfo, Result, WriteCx, params};
use std::sync::Arc;

/// Deletes what has run out; runs once an hour while there is anything that can.
pub(super) const CLEAN_UP: JobKind = JobKind("signin.clean_up");

/// The service principal.
const SERVICE: &str = "signin.amazonaws.com";
/// Seconds between two runs.
const PAUSE_SECONDS: i64 = 3_600;
/// Rows deleted in one transaction, so that no writer waits for long.
const ROWS_MAX: i64 = 500;

/// Has the job run, now that there is something that will run out.
pub(super) fn schedule(cx: &mut WriteCx<'_>) -> Result<()> {
    let at = cx.now.plus_seconds(PAUSE_SECONDS);
    cx.enqueue(CLEAN_UP, "", at)
}

pub(super) fn run(app: &Arc<App>) -> Result<Outcome> {
    let now = app.now();
    let request = RequestInfo::of_service(app, SERVICE);
    let caller = Caller::Service(SERVICE.to_owned());
    let batch = |cx: &mut WriteCx<'_>| {
        let mut is_more = false;
        for sql in [
            "delete from signin_proof where proof_hash in \
               (select proof_hash from signin_proof where expires_at <= $1 limit $2)",
            "delete from signin_login where id in (select id from signin_login where expires_at <= $1 limit $2)",
        ] {
            is_more |= cx.write().exec(sql, params![now, ROWS_MAX])? == u64::try_from(ROWS_MAX).unwrap_or_default();
        }
        Ok(is_more)
    };
    while app.write_as(&caller, &request, batch)? {}
    let sql = "select 1 from signin_proof union all select 1 from signin_login limit 1";
    let is_needed = app.store.read(|tx| tx.exists(sql, params![]))?;
    Ok(if is_needed { Outcome::Again(now.plus_seconds(PAUSE_SECONDS)) } else { Outcome::Done })
}
