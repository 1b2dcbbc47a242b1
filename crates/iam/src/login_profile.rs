//! Console passwords of users.

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
