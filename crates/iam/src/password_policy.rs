//! The account's password policy.

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
