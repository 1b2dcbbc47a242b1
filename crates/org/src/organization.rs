//! Organizations: their creation, description and end.

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
