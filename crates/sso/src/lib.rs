//! IAM Identity Center (AWS Single Sign-On): instances, permission sets, assignments and what they come to in accounts;
//! applications; sessions of people and the tokens that their tools get.
//!
//! Start at [`routes`]. What the service does in accounts it does as its principal, through `AWSServiceRoleForSSO`.
//! Deliberately absent: the users themselves (`identity`), directories, and HTML.

pub mod access;
mod administration;
pub mod application;
pub mod assignment;
pub mod attribute;
pub mod authorization;
mod clean_up;
mod client_token;
pub mod departure;
pub mod device;
pub mod effects;
pub mod instance;
pub mod mail_link;
pub mod messages;
mod oidc;
mod opaque;
pub mod operation;
pub mod page;
pub mod permission_set;
pub mod portal;
pub mod portal_event;
pub mod provision;
pub mod refresh_token;
pub mod region;
pub mod session;
pub mod sign_in;
pub mod tag;
pub mod trusted_token_issuer;

pub use oidc::redirect;

use kernel::Route;
use kernel::job::JobHandler;

/// The service principal.
pub const SERVICE: &str = "sso.amazonaws.com";

/// Every operation of IAM Identity Center, its portal and its token service that is served.
pub fn routes() -> Vec<Route> {
    [
        administration::routes(),
        application::routes(),
        assignment::routes(),
        attribute::routes(),
        instance::routes(),
        oidc::routes(),
        permission_set::routes(),
        portal::routes(),
        region::routes(),
        tag::routes(),
        trusted_token_issuer::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The jobs of single sign-on.
pub fn jobs() -> Vec<JobHandler> {
    [clean_up::jobs(), departure::jobs(), instance::jobs(), mail_link::jobs(), provision::jobs()]
        .into_iter()
        .flatten()
        .collect()
}
