//! Directories whose domains are run here: AWS Managed Microsoft AD.
//!
//! What a directory should be is in the database; [`stage`] compares it with what the [`Domains`] say that it is, and
//! they run the processes. Their domain is a real one: people, groups and computers are managed in it with LDAP,
//! Kerberos and the tools for Active Directory, as the user `Admin` of its unit, and the [`crate::connector`] asks it as
//! it asks a customer's.

pub mod backup;
mod controller;
mod create;
mod data_access;
mod domains;
mod forwarder;
mod home;
pub mod own_password;
mod password;
mod snapshot;
pub(crate) mod stage;
mod trust;

pub use domains::{Domains, FirstPasswords, Plan, State, TrustOrder, TrustWork};
pub use forwarder::name_servers;
pub use stage::{changed, resume, stop};
pub(crate) use trust::UnderWay as TrustsUnderWay;

use crate::record::Directory;
use crate::{access, messages};
use kernel::job::JobHandler;
use kernel::{Cx, Error, Result, Route};
use smithy::schema::Operation;

/// The account by which the domain is read and written: not the customer's `Admin`, whose password may change, expire
/// or be forgotten without anybody losing the way in.
pub const SERVICE_USER: &str = "vestibule-service";
/// The customer's administrator.
pub const ADMINISTRATOR: &str = "Admin";

/// The name of a domain's controller: never that of the domain, which must be another one.
pub fn controller_name(short_name: &str) -> &'static str {
    if short_name.eq_ignore_ascii_case("DC1") { "dc01" } else { "dc1" }
}

/// The full name of a domain's controller, which its certificate has.
pub fn controller_host(short_name: &str, domain: &str) -> String {
    format!("{}.{domain}", controller_name(short_name))
}

/// An operation that a directory of this kind does not have.
pub(crate) fn not_for<O: Operation>(directory: &Directory) -> Error {
    let kind = if directory.is_managed() { "AWS Managed Microsoft AD" } else { "AD Connector" };
    messages::unsupported(format!("{} is not supported for {kind} directories.", O::OP.name))
}

/// The caller's directory of that id, whose domain is run here.
fn existing<O: Operation>(cx: &mut Cx<'_>, id: &str) -> Result<Directory> {
    managed::<O>(access::existing(cx, id)?)
}

/// As [`existing`], with `DirectoryDoesNotExistException` for one that is not there.
fn existing_directory<O: Operation>(cx: &mut Cx<'_>, id: &str) -> Result<Directory> {
    managed::<O>(access::existing_directory(cx, id)?)
}

fn managed<O: Operation>(directory: Directory) -> Result<Directory> {
    if directory.is_managed() { Ok(directory) } else { Err(not_for::<O>(&directory)) }
}

pub(crate) fn routes() -> Vec<Route> {
    [
        create::routes(),
        controller::routes(),
        data_access::routes(),
        forwarder::routes(),
        password::routes(),
        snapshot::routes(),
        trust::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(crate) fn jobs() -> Vec<JobHandler> {
    [snapshot::jobs(), backup::jobs(), trust::jobs()].into_iter().flatten().collect()
}
