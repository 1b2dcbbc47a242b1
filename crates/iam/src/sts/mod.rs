//! The Security Token Service: temporary credentials.

pub mod session_token;

use kernel::Route;

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
