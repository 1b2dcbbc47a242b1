//! Member accounts: describe, list, move, remove, leave, close.

use kernel::Route;
use kernel::job::JobHandler;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}

pub(crate) fn jobs() -> Vec<JobHandler> {
    Vec::new()
}
