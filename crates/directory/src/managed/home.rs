//! Which of several servers on one database has a domain: the one whose data directory has its files. The others leave
//! it alone.

use super::domains;
use base::DirectoryId;
use kernel::{App, Result, Tx, WriteTx, params};
use std::sync::Arc;

/// How often a job that is for another server is offered again, in seconds: whoever is first takes it.
pub(super) const OFFER_SECONDS: i64 = 2;

/// Notes where the files of a domain are.
pub(super) fn set(tx: &mut WriteTx<'_>, id: &DirectoryId, home: &str) -> Result<()> {
    tx.exec_one("update dir_directory set home = $2 where id = $1", params![id, home])
}

fn get(tx: &mut Tx, id: &DirectoryId) -> Result<Option<String>> {
    tx.opt("select home from dir_directory where id = $1", params![id], |row| row.get(0)).map(Option::flatten)
}

/// Whether another server has the domain.
pub(super) fn is_elsewhere(app: &App, id: &DirectoryId) -> Result<bool> {
    let Ok(domains) = domains::of(app) else { return Ok(false) };
    let Some(home) = app.store.read(|tx| get(tx, id))? else { return Ok(false) };
    // Where there are no files at all it is told why, unless they are another server's.
    Ok(domains.home().map_or(app.store.is_shared(), |own| own != home))
}

/// A server that has its database for itself has every domain: its files may have been put together by hand.
pub(super) fn settle(app: &Arc<App>, ids: &[DirectoryId]) -> Result<()> {
    if app.store.is_shared() {
        return Ok(());
    }
    let Some(home) = domains::of(app).ok().and_then(|domains| domains.home().ok()) else { return Ok(()) };
    ids.iter().try_for_each(|id| crate::stage::write(app, |cx| set(&mut cx.write(), id, &home)))
}
