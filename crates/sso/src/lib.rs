//! AWS Single Sign-On (IAM Identity Center) as its service principal `sso.amazonaws.com` acts in accounts.
//!
//! Deliberately absent so far: instances, permission sets, assignments and the portal.

pub mod departure;

use kernel::job::JobHandler;

/// The service principal.
pub const SERVICE: &str = "sso.amazonaws.com";

/// The jobs of single sign-on.
pub fn jobs() -> Vec<JobHandler> {
    departure::jobs()
}
