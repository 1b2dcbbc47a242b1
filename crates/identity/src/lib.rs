//! Identity stores: the users, groups and memberships that IAM Identity Center knows, and how users prove who they are.
//!
//! Start at [`routes`]. Deliberately absent: what users may do (assignments are Identity Center's) and the directories
//! that users may come from.

mod access;
pub mod external_id;
pub mod group;
pub mod membership;
mod messages;
mod network;
mod page;
pub mod password;
pub mod store;
pub mod user;

use kernel::{Error, Result, Route};
use smithy::schema::Shape;

/// Every operation of the identity store that is served.
pub fn routes() -> Vec<Route> {
    [store::routes(), user::routes(), group::routes(), membership::routes()].into_iter().flatten().collect()
}

/// `shape` as JSON, for a column.
fn json_text(shape: &dyn Shape) -> Result<String> {
    let mut text = Vec::new();
    smithy::json::write(shape, &mut text);
    String::from_utf8(text).map_err(|_| Error::internal("JSON is not UTF-8"))
}
