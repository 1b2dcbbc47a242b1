//! IAM Identity Center (AWS Single Sign-On): instances, permission sets, assignments and what they come to in accounts;
//! applications; sessions of people and the tokens that their tools get.
//!
//! Start at [`routes`]. What the service does in accounts it does as its principal, through `AWSServiceRoleForSSO`.
//! Deliberately absent: the users themselves (`identity`), directories, and HTML.

pub mod authorization;
pub mod departure;
pub mod device;
pub mod effects;
pub mod instance;
pub mod permission_set;
pub mod portal;
pub mod session;
pub mod sign_in;

use kernel::Route;
use kernel::job::JobHandler;

/// The service principal.
pub const SERVICE: &str = "sso.amazonaws.com";

/// Every operation of IAM Identity Center, its portal and its token service that is served.
pub fn routes() -> Vec<Route> {
    Vec::new()
}

/// The jobs of single sign-on.
pub fn jobs() -> Vec<JobHandler> {
    departure::jobs()
}
