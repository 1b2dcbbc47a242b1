//! The Security Token Service: temporary credentials.

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
