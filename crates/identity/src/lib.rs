//! Identity stores: the users, groups and memberships that IAM Identity Center knows, and how users prove who they are.
//!
//! Start at [`routes`]. Deliberately absent: what users may do (assignments are Identity Center's) and the directories
//! that users may come from.

pub mod group;
pub mod membership;
pub mod password;
pub mod store;
pub mod user;

use kernel::Route;

/// Every operation of the identity store that is served.
pub fn routes() -> Vec<Route> {
    Vec::new()
}
