//! Groups and their members.

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
