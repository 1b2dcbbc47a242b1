//! Forgets what has run out: sessions, tokens, codes, clients.

use base::Timestamp;
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::{App, Caller, RequestInfo, Result, WriteCx, params};
use std::sync::Arc;

/// Deletes what has run out; runs once an hour while there is anything that can.
pub const CLEAN_UP: JobKind = JobKind("sso.clean_up_sessions");

/// Seconds between two runs.
const PAUSE_SECONDS: i64 = 3_600;
/// How long codes are kept after they ran out: tools still ask, and learn what happened.
const CODE_KEPT_SECONDS: i64 = 86_400;
/// How long sessions are kept after they ran out: role credentials that were given out in them last up to twelve hours,
/// and an hour more where another role was assumed with them. Those end only with sessions that somebody ended.
const SESSION_KEPT_SECONDS: i64 = 46_800;
/// Rows deleted in one transaction, so that no writer waits for long.
const ROWS_MAX: i64 = 500;

pub(crate) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: CLEAN_UP, run: |app, _| run(app) }]
}

/// Has the job run, now that there is something that will run out.
pub(crate) fn schedule(cx: &mut WriteCx<'_>) -> Result<()> {
    let at = cx.now.plus_seconds(PAUSE_SECONDS);
    cx.enqueue(CLEAN_UP, "", at)
}

fn run(app: &Arc<App>) -> Result<Outcome> {
    let now = app.now();
    let request = RequestInfo::of_service(app, crate::SERVICE);
    let in_turn = |step: fn(&mut WriteCx<'_>, Timestamp) -> Result<bool>| -> Result<()> {
        while app.write_as(&Caller::Service(crate::SERVICE.to_owned()), &request, |cx| step(cx, now))? {}
        Ok(())
    };
    in_turn(delete_rows)?;
    in_turn(delete_sessions)?;
    let is_needed = app.store.read(|tx| {
        let sql = "select 1 from sso_session union all select 1 from sso_client union all \
                   select 1 from sso_device_grant union all select 1 from sso_password_ticket union all \
                   select 1 from sso_mail_link limit 1";
        tx.exists(sql, params![])
    })?;
    Ok(if is_needed { Outcome::Again(now.plus_seconds(PAUSE_SECONDS)) } else { Outcome::Done })
}

/// Deletes a batch of sessions without children; whether there may be more, or parents that have none left.
fn delete_sessions(cx: &mut WriteCx<'_>, now: Timestamp) -> Result<bool> {
    let before = now.plus_seconds(-SESSION_KEPT_SECONDS);
    let sql = "select s.id from sso_session s where s.expires_at <= $1 \
               and not exists (select 1 from sso_session c where c.parent_id = s.id) limit $2";
    let ids = cx.tx.all(sql, params![before, ROWS_MAX], |row| row.get::<String>(0))?;
    for id in &ids {
        crate::session::delete(cx, id)?;
    }
    Ok(!ids.is_empty())
}

/// Deletes a batch of everything on which nothing hangs; whether there may be more.
fn delete_rows(cx: &mut WriteCx<'_>, now: Timestamp) -> Result<bool> {
    let mut is_more = false;
    for (sql, before) in [
        (
            "delete from sso_access_token where token_hash in \
               (select token_hash from sso_access_token where expires_at <= $1 limit $2)",
            now,
        ),
        (
            "delete from sso_password_ticket where ticket_hash in \
               (select ticket_hash from sso_password_ticket where expires_at <= $1 limit $2)",
            now,
        ),
        (
            "delete from sso_mail_link where token_hash in \
               (select token_hash from sso_mail_link where expires_at <= $1 limit $2)",
            now,
        ),
        ("delete from sso_client where id in (select id from sso_client where expires_at <= $1 limit $2)", now),
        (
            "delete from sso_device_grant where device_code_hash in \
               (select device_code_hash from sso_device_grant where expires_at <= $1 limit $2)",
            now.plus_seconds(-CODE_KEPT_SECONDS),
        ),
        (
            "delete from sso_authorization_code where code_hash in \
               (select code_hash from sso_authorization_code where expires_at <= $1 limit $2)",
            now.plus_seconds(-CODE_KEPT_SECONDS),
        ),
    ] {
        is_more |= cx.write().exec(sql, params![before, ROWS_MAX])? == u64::try_from(ROWS_MAX).unwrap_or(0);
    }
    Ok(is_more)
}
