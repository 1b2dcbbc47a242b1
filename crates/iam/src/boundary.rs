//! Permissions boundaries of users and roles.

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
