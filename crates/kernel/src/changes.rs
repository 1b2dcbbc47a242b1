//! Following the changes of other processes on a shared database.

use crate::app::App;
use crate::error::Result;
use crate::params;
use crate::scope::Scope;
use base::Timestamp;
use std::collections::HashSet;

/// How far back every look goes: commits become visible in another order than they took their instants.
const OVERLAP_SECONDS: i64 = 30;
/// Time that change rows are kept.
const KEPT_SECONDS: i64 = 600;

/// Reads the change table and moves the counters of this process.
#[derive(Default)]
pub struct Follower {
    seen: HashSet<String>,
    cleaned_at: Timestamp,
}

impl Follower {
    /// Applies what other processes committed since the last look. While looks fail, cached views are not trusted.
    ///
    /// # Errors
    /// When the database fails.
    pub fn look(&mut self, app: &App) -> Result<()> {
        let now = app.now();
        let since = now.plus_seconds(-OVERLAP_SECONDS);
        let rows = app.store.read(|tx| {
            tx.all("select id, scope from change where at >= $1", params![since], |row| {
                Ok((row.get::<String>(0)?, row.get::<String>(1)?))
            })
        });
        let rows = rows.inspect_err(|_| app.scopes.set_blind(true))?;
        let mut present = HashSet::with_capacity(rows.len());
        for (id, scope) in rows {
            if !self.seen.contains(&id) {
                app.scopes.bump(&Scope::from_name(scope));
            }
            present.insert(id);
        }
        self.seen = present;
        app.scopes.set_blind(false);
        if now.plus_seconds(-KEPT_SECONDS) > self.cleaned_at {
            self.cleaned_at = now;
            let before = now.plus_seconds(-KEPT_SECONDS);
            app.store.write(|tx| tx.exec("delete from change where at < $1", params![before]), |_| {})?;
        }
        Ok(())
    }
}
