//! ResetUserPassword.

use kernel::Route;

pub(super) fn routes() -> Vec<Route> {
    Vec::new()
}
