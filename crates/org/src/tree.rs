//! The tree: the root, organizational units, parents and children.

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
