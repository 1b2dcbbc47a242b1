//! What a backup of the whole product needs of this crate: that domains are copied while they stand still, which of
//! them the database speaks of, and that nothing is relied on after a restore that a domain may have forgotten.
//!
//! The program that makes a backup is another process than the server that runs the domains. It asks through the
//! database, with a job for each domain ([`ask`]), as long as somebody waits for it ([`Order::until`]). Where several
//! servers share a database, a server that does not have the backup's place leaves the job to the one that has.

use super::domains;
use crate::sync;
use base::{DirectoryId, Timestamp};
use kernel::job::{self, Job, JobHandler, JobKind, Outcome};
use kernel::{App, Error, Result, Tx, WriteTx, params};
use std::sync::Arc;

/// Copies a domain for a backup. Key: an [`Order`].
const BACK_UP: JobKind = JobKind("directory.back_up");
/// How often a server looks again whether the backup's place is its own, in seconds.
const LOOK_SECONDS: i64 = 1;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// A domain that is to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its directory.
    pub directory: DirectoryId,
    /// The name of the backup: letters and digits.
    pub backup: String,
    /// Until when somebody waits for it, to the second.
    pub until: Timestamp,
}

impl Order {
    fn key(&self) -> String {
        format!("{}/{}/{}", self.directory, self.backup, self.until.micros() / MICROS_PER_SECOND)
    }

    fn parse(key: &str) -> Option<Self> {
        let mut parts = key.split('/');
        let directory = DirectoryId::parse(parts.next()?)?;
        let backup = parts.next()?;
        let is_name = !backup.is_empty() && backup.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let until = parts.next()?.parse::<i64>().ok()?.checked_mul(MICROS_PER_SECOND)?;
        let is_all = parts.next().is_none();
        let (backup, until) = (backup.to_owned(), Timestamp::from_micros(until));
        (is_name && is_all).then_some(Self { directory, backup, until })
    }
}

/// Asks for a domain; `id` is the job's.
///
/// # Errors
/// When the database fails.
pub fn ask(tx: &mut WriteTx<'_>, id: &str, order: &Order, now: Timestamp) -> Result<()> {
    job::enqueue(tx, id, BACK_UP, &order.key(), now, now)
}

/// What was asked for, as long as it is not done.
///
/// # Errors
/// When the database fails.
pub fn asked(tx: &mut Tx, order: &Order) -> Result<Option<Job>> {
    job::find(tx, BACK_UP, &order.key())
}

/// Takes back what was asked for.
///
/// # Errors
/// When the database fails.
pub fn withdraw(tx: &mut WriteTx<'_>, order: &Order) -> Result<()> {
    job::withdraw(tx, BACK_UP, &order.key())
}

/// A domain of which the database speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its directory.
    pub directory: DirectoryId,
    /// Whether there is nothing to make it of but its files.
    pub is_made: bool,
    /// Its snapshots that are complete.
    pub snapshots: Vec<String>,
}

/// The domains of which the database speaks.
///
/// # Errors
/// When the database fails.
pub fn known(tx: &mut Tx) -> Result<Vec<Known>> {
    let sql = "select id, case when sealed_first_password is null and stage <> 'Deleting' then 1 else 0 end \
               from dir_directory where type = 'MicrosoftAD' order by id";
    let mut known = tx.all(sql, params![], |row| {
        Ok(Known { directory: row.get(0)?, is_made: row.get::<i64>(1)? == 1, snapshots: Vec::new() })
    })?;
    for domain in &mut known {
        let sql = "select id from dir_snapshot where directory_id = $1 and status = 'Completed' order by id";
        domain.snapshots = tx.all(sql, params![domain.directory], |row| row.get(0))?;
    }
    Ok(known)
}

/// Notes that domains are what they were at some time before: their counters of changes may have gone back, so the next
/// synchronization of each reads everything.
///
/// # Errors
/// When the database fails.
pub fn restored(app: &Arc<App>) -> Result<()> {
    let domains = app.store.read(known)?;
    domains
        .iter()
        .try_for_each(|domain| crate::stage::write(app, |cx| sync::read_anew(&mut cx.write(), &domain.directory)))
}

fn run(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let Some(order) = Order::parse(key) else { return Ok(Outcome::Done) };
    let is_done = domains::existing(app)?.copy_for_backup(&order.directory, &order.backup).map_err(Error::internal)?;
    let now = app.now();
    if is_done {
        tracing::info!(directory = %order.directory, "a domain was copied for a backup");
    }
    Ok(if is_done || now >= order.until { Outcome::Done } else { Outcome::Again(now.plus_seconds(LOOK_SECONDS)) })
}

pub(super) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: BACK_UP, run }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written() {
        let directory = DirectoryId::parse("d-1234567890").expect("an id");
        let until = Timestamp::from_micros(1_795_344_660_000_000);
        let order = Order { directory, backup: "ab12".to_owned(), until };
        assert_eq!(order.key(), "d-1234567890/ab12/1795344660");
        assert_eq!(Order::parse(&order.key()), Some(order));
        for other in [
            "",
            "d-1234567890",
            "d-1234567890/ab",
            "x/ab/1",
            "d-1234567890/../1",
            "d-1234567890/ab/x",
            "d-1234567890//1",
        ] {
            assert_eq!(Order::parse(other), None, "{other}");
        }
        assert_eq!(Order::parse("d-1234567890/ab/1/2"), None);
    }
}
