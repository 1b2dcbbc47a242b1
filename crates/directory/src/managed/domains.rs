//! What this crate asks of whoever runs the processes of domains.

use base::{DirectoryId, Secret};
use kernel::{App, Error, Result};
use model::ds::{TrustDirection, TrustType};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Runs domains: an extension of the application ([`kernel::app::Extensions`], as `Box<dyn Domains>`).
pub trait Domains: Send + Sync {
    /// Why no domain can be run here, in a sentence that says what to do; `None` when nothing is known to stand in the
    /// way.
    fn obstacle(&self) -> Option<String>;

    /// The id of the place where the domains of this server lie: that of its data directory.
    ///
    /// # Errors
    /// Why there is no such place, in a sentence that says what to do.
    fn home(&self) -> Result<String, String>;

    /// An address for a controller on which nothing listens, beside those that are `taken`.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    fn free_address(&self, taken: &[String]) -> Result<Ipv4Addr, String>;

    /// Sees to it that the domain runs: it is made where there is none, and started where it stands still. Returns at
    /// once with what has come of it so far; when that changes, [`super::changed`] is called.
    fn run(&self, app: &Arc<App>, plan: Plan) -> State;

    /// Ends the domain and removes everything that it has.
    ///
    /// # Errors
    /// When something cannot be removed.
    fn remove(&self, id: &DirectoryId) -> std::io::Result<()>;

    /// Keeps a copy of the domain as it is now.
    ///
    /// # Errors
    /// When it cannot be made; nothing is left of it then.
    fn take_snapshot(&self, id: &DirectoryId, snapshot: &str) -> std::io::Result<()>;

    /// Copies the domain as it is now into the place of a backup of that name, where one that is not made is left out.
    /// False: this server does not have that place.
    ///
    /// # Errors
    /// When it cannot be copied.
    fn copy_for_backup(&self, id: &DirectoryId, backup: &str) -> std::io::Result<bool>;

    /// Puts a copy in the place of the domain, which runs again afterwards.
    ///
    /// # Errors
    /// When it cannot be done; the domain is what it was then.
    fn restore(&self, id: &DirectoryId, snapshot: &str) -> std::io::Result<()>;

    /// Removes a copy; nothing happens when there is none.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove_snapshot(&self, id: &DirectoryId, snapshot: &str) -> std::io::Result<()>;

    /// Does something about a trust of the domain, which may have to be there for it.
    ///
    /// # Errors
    /// A sentence that says why it cannot be done, for whoever asked for it.
    fn trust(&self, order: &TrustOrder) -> Result<(), String>;

    /// Ends every domain, and waits until they have: the program is about to end.
    fn stop(&self);
}

/// A domain that is to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its directory.
    pub id: DirectoryId,
    /// Its name, in lower case.
    pub name: String,
    /// Its NetBIOS name.
    pub short_name: String,
    /// Where its controller listens.
    pub address: Ipv4Addr,
    /// What its accounts begin with; `None`: it was made already, and must be there.
    pub first_passwords: Option<FirstPasswords>,
}

/// Passwords of the accounts that a domain begins with.
#[derive(Debug, Clone)]
pub struct FirstPasswords {
    /// Of [`super::ADMINISTRATOR`].
    pub administrator: Secret,
    /// Of [`super::SERVICE_USER`].
    pub service: Secret,
}

/// What is to be done about a trust of a domain.
#[derive(Debug, Clone)]
pub struct TrustOrder {
    /// The directory.
    pub directory: DirectoryId,
    /// Name of its domain, in lower case.
    pub name: String,
    /// NetBIOS name of its domain.
    pub short_name: String,
    /// Where the controller of its domain listens.
    pub address: Ipv4Addr,
    /// Name of the other domain, in lower case.
    pub remote: String,
    /// Whose users may go where.
    pub direction: TrustDirection,
    /// Whether it takes in the other forest.
    pub kind: TrustType,
    /// Whether users of the other domain are let in one by one only.
    pub is_selective: bool,
    /// What is to be done.
    pub work: TrustWork,
}

/// What can be done about a trust.
#[derive(Debug, Clone)]
pub enum TrustWork {
    /// Make this half of it; what is left of an earlier attempt is replaced.
    Make {
        /// What both halves are made with.
        password: Secret,
        /// The other domain's controllers, with their addresses.
        controllers: Vec<(String, IpAddr)>,
    },
    /// Use it in each of its directions, as controllers of both domains do.
    Verify {
        /// Of [`super::SERVICE_USER`].
        service_password: Secret,
        /// The other domain's controllers, with their addresses.
        controllers: Vec<(String, IpAddr)>,
    },
    /// Change this half of it to what it should be.
    Change,
    /// Remove this half of it; nothing happens when it is not there.
    Remove,
}

/// What has come of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is being made or started.
    Starting,
    /// It runs.
    Running {
        /// The authority in PEM that signs the certificates of its controllers.
        authority: String,
    },
    /// It stands still, and will be started again.
    Down {
        /// Why.
        reason: String,
        /// How often it was started in vain since it last ran.
        failures: u32,
    },
    /// It cannot be made, or not be started without somebody's help.
    Failed {
        /// Why, in a sentence that says what to do.
        reason: String,
    },
}

/// Those of the application.
///
/// # Errors
/// A sentence when the program was put together without them.
pub(super) fn of(app: &App) -> Result<&dyn Domains, String> {
    let domains = app.extension::<Box<dyn Domains>>().map(AsRef::as_ref);
    domains.ok_or_else(|| "This program does not run domains.".to_owned())
}

/// As [`of`], where they have been used before.
pub(super) fn existing(app: &App) -> Result<&dyn Domains> {
    of(app).map_err(Error::internal)
}
