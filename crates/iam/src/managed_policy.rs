//! Managed policies: customers' and AWS's.

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
