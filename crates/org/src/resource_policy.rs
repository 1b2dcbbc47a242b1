//! The organization's resource policy.

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
