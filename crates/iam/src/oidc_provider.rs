//! OpenID Connect providers.

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
