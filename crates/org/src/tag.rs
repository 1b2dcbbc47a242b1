//! Tags of accounts, roots, units and policies.

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
