//! Managed policies attached to users, groups and roles.

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
