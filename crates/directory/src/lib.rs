//! Directory Service: connections to Active Directory domains, and the people that they know.
//!
//! Start at [`routes`]. [`sign_in`] checks a name and a password against the domain of an identity store; [`sync`] brings its users and
//! groups into an identity store; [`ldap`] is the client below both. `data` serves Directory Service Data: users and
//! groups of domains that are run here ([`managed`]).

mod access;
mod administration;
mod certificate;
pub mod connector;
mod data;
mod directory;
pub mod ldap;
pub mod managed;
mod messages;
pub mod object_id;
pub mod record;
pub mod share;
pub mod sign_in;
pub mod source;
mod stage;
pub mod sync;
mod tag;
#[cfg(test)]
mod testing;
mod unsupported;

pub use connector::{Authentication, Directories, Identified, Options, authenticate};
pub use directory::{reconnect, set_service_account};
pub use object_id::ObjectId;

use kernel::Route;
use kernel::job::JobHandler;

/// Every operation of Directory Service and of Directory Service Data, and those of the administration that are about
/// directories.
pub fn routes() -> Vec<Route> {
    [
        administration::routes(),
        directory::routes(),
        managed::routes(),
        certificate::routes(),
        tag::routes(),
        data::routes(),
        share::routes(),
        unsupported::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The jobs of directories.
pub fn jobs() -> Vec<JobHandler> {
    [stage::jobs(), managed::jobs(), sync::jobs()].into_iter().flatten().collect()
}
