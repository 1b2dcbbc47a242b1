//! AWS Sign-In: who uses the console, and command-line tools that act for them.
//!
//! Start at [`session`]: a browser's session of the console is a session of STS, sealed. It begins with a password
//! ([`password`]), with credentials that somebody else asked for ([`federation`]), or with a role that the server asks
//! for on the path of every call. From it, `aws login` lets tools in ([`login`]).
//! Deliberately absent: requests, cookies, HTML; and whether a principal may do something, which the gate decides.

pub mod event;
pub mod federation;
pub mod login;
pub mod password;
pub mod session;

use kernel::Route;
use kernel::job::JobHandler;

/// Every operation of AWS Sign-In that is served.
pub fn routes() -> Vec<Route> {
    login::routes()
}

/// The jobs of AWS Sign-In.
pub fn jobs() -> Vec<JobHandler> {
    login::jobs()
}
