//! The threads beside the requests: jobs, the audit trail's buffer, changes of other nodes.

use crate::last_used::LastUsed;
use base::Random;
use kernel::App;
use kernel::changes::Follower;
use kernel::job;
use sso::session::LastSeen;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longest wait before the job table is looked at again.
const JOBS_LOOK: Duration = Duration::from_millis(500);
/// How long audit records of reads may wait.
const AUDIT_FLUSH: Duration = Duration::from_secs(1);
/// How often is written when keys, roles and sessions of people were last used.
const LAST_USED_FLUSH_SECONDS: i64 = 60;
/// How often changes of other nodes are looked for.
const CHANGES_LOOK: Duration = Duration::from_millis(500);

/// The running threads; they end when told to.
pub struct Workers {
    is_stopping: Arc<AtomicBool>,
    app: Arc<App>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    pub fn start(app: &Arc<App>) -> std::io::Result<Self> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let mut workers = Self { is_stopping, app: Arc::clone(app), threads: Vec::new() };
        workers.spawn("jobs", run_jobs)?;
        workers.spawn("audit", flush_audit)?;
        if app.store.is_shared() {
            workers.spawn("changes", follow_changes)?;
        }
        Ok(workers)
    }

    fn spawn(&mut self, name: &str, run: fn(&Arc<App>, &AtomicBool)) -> std::io::Result<()> {
        let (app, is_stopping) = (Arc::clone(&self.app), Arc::clone(&self.is_stopping));
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&app, &is_stopping))?;
        self.threads.push(thread);
        Ok(())
    }

    /// Ends the threads; what waits in the audit trail's buffer is written first.
    pub fn stop(self) {
        self.is_stopping.store(true, Ordering::Release);
        self.app.wake_worker();
        for thread in self.threads {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("a worker thread had panicked");
            }
        }
        flush_last_used(&self.app);
        if let Err(error) = self.app.audit.flush(&self.app.store, &mut self.app.random()) {
            tracing::error!(%error, "the last audit records of reads could not be written");
        }
    }
}

fn run_jobs(app: &Arc<App>, is_stopping: &AtomicBool) {
    let worker = app.with_random(Random::uuid);
    while !is_stopping.load(Ordering::Acquire) {
        if let Err(error) = iam::oidc_provider::keys::enqueue_wanted(app) {
            tracing::error!(%error, "the keys of identity providers cannot be asked for");
        }
        let next = job::run_due(app, &worker).unwrap_or_else(|error| {
            tracing::error!(%error, "jobs cannot be run");
            None
        });
        let until_next = next.map_or(JOBS_LOOK, |at| {
            Duration::from_micros(u64::try_from(at.micros() - app.now().micros()).unwrap_or(0))
        });
        app.wait_for_jobs(until_next.min(JOBS_LOOK));
    }
}

fn flush_audit(app: &Arc<App>, is_stopping: &AtomicBool) {
    let mut random = app.random();
    let mut last_used_flushed = app.now();
    while !is_stopping.load(Ordering::Acquire) {
        std::thread::park_timeout(AUDIT_FLUSH);
        if let Err(error) = app.audit.flush(&app.store, &mut random) {
            tracing::error!(%error, "audit records of reads cannot be written and wait");
        }
        if app.now() >= last_used_flushed.plus_seconds(LAST_USED_FLUSH_SECONDS) {
            last_used_flushed = app.now();
            flush_last_used(app);
        }
    }
}

fn flush_last_used(app: &App) {
    if let Some(Err(error)) = app.extension::<LastUsed>().map(|last_used| last_used.flush(app)) {
        tracing::error!(%error, "when keys and roles were last used cannot be written");
    }
    if let Some(Err(error)) = app.extension::<LastSeen>().map(|last_seen| last_seen.flush(app)) {
        tracing::error!(%error, "when sessions of people were last used cannot be written");
    }
}

fn follow_changes(app: &Arc<App>, is_stopping: &AtomicBool) {
    let mut follower = Follower::default();
    while !is_stopping.load(Ordering::Acquire) {
        if let Err(error) = follower.look(app) {
            tracing::error!(%error, "changes of other nodes cannot be followed; caches are not used");
        }
        std::thread::park_timeout(CHANGES_LOOK);
    }
}
