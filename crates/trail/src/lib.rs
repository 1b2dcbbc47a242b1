//! CloudTrail, as far as the audit trail is read through its API: `LookupEvents`.
//!
//! The records themselves are written by `kernel::audit`.

mod lookup;
mod retention;
mod scan;

pub use retention::{RETENTION, RETENTION_DAYS};

use kernel::Route;
use kernel::job::JobHandler;

/// Every operation of CloudTrail that is served.
pub fn routes() -> Vec<Route> {
    lookup::routes()
}

/// The code of CloudTrail's jobs.
pub fn jobs() -> Vec<JobHandler> {
    retention::jobs()
}
