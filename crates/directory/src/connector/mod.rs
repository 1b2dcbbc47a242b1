//! The way to the controllers of a directory: which there are, connections that are kept, and who they are told to be.

mod attempts;
mod authentication;
mod domain;

pub use authentication::{Authentication, Identified, authenticate, authenticate_again};
pub use domain::{Domain, Problem, Service};

use crate::ldap::{Patience, dns};
use crate::managed::TrustsUnderWay;
use crate::record::{self, Directory};
use attempts::Attempts;
use base::{DirectoryId, Random};
use kernel::{App, Error, Result};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What an operator may choose for all directories.
#[derive(Debug, Clone)]
pub struct Options {
    /// Port of LDAPS.
    pub ldaps_port: u16,
    /// Port of LDAP, for StartTLS.
    pub ldap_port: u16,
    /// Port of name servers.
    pub dns_port: u16,
    /// Certificates in PEM of authorities that are trusted beside the registered ones.
    pub authorities: Vec<String>,
    /// Controllers (name and address) of domains that are not looked up in DNS.
    pub controllers: HashMap<String, Vec<(String, IpAddr)>>,
    /// Whether passwords may go over plain LDAP where a controller offers nothing better.
    pub allows_plain_ldap: bool,
    /// How long things may take.
    pub patience: Patience,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ldaps_port: 636,
            ldap_port: 389,
            dns_port: 53,
            authorities: Vec::new(),
            controllers: HashMap::new(),
            allows_plain_ldap: false,
            patience: Patience::default(),
        }
    }
}

/// The directories that this process has connections to. An extension of the application
/// ([`kernel::app::Extensions`]).
#[derive(Default)]
pub struct Directories {
    options: Options,
    domains: Mutex<HashMap<DirectoryId, Arc<Domain>>>,
    attempts: Attempts,
    /// What is being done about trusts of domains that are run here.
    pub(crate) trusts: TrustsUnderWay,
    under_way: AtomicUsize,
}

/// The leave to make one of a limited number of calls that wait for directories.
pub(crate) struct Leave<'a>(&'a AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Calls that may wait for directories at once: a controller that hangs must not keep everybody else waiting.
const UNDER_WAY_MAX: usize = 24;

/// Directories of which connections are kept.
const DOMAINS_MAX: usize = 256;

impl Directories {
    /// No connections yet.
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// Those of the application.
    ///
    /// # Errors
    /// When the program was put together without them.
    pub fn of(app: &App) -> Result<&Self> {
        app.extension::<Self>().ok_or_else(|| Error::internal("the application has no directories"))
    }

    /// The domain behind `directory`, as it is set up now.
    fn domain(&self, app: &App, directory: &Directory, certificates: Vec<String>) -> Result<Arc<Domain>, Problem> {
        let mut domains = self.domains.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = domains.get(&directory.id).filter(|known| known.revision() == directory.revision) {
            return Ok(Arc::clone(known));
        }
        if domains.len() >= DOMAINS_MAX {
            domains.clear();
        }
        let domain = Arc::new(Domain::new(app, directory, certificates, &self.options)?);
        domains.insert(directory.id.clone(), Arc::clone(&domain));
        Ok(domain)
    }

    /// The controllers of a domain that is no directory here, as the given name servers know them or an operator named
    /// them.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn controllers_of(
        &self,
        domain: &str,
        servers: &[IpAddr],
        random: &mut Random,
    ) -> Result<Vec<(String, IpAddr)>, String> {
        if let Some(named) = self.options.controllers.get(domain) {
            return Ok(named.clone());
        }
        dns::controllers(domain, &self.at_dns_port(servers), random)
    }

    /// Where name servers are asked.
    pub(crate) fn at_dns_port(&self, servers: &[IpAddr]) -> Vec<SocketAddr> {
        servers.iter().map(|server| (*server, self.options.dns_port).into()).collect()
    }

    /// Leave to wait for a directory; `None` when too many calls do.
    pub(crate) fn leave(&self) -> Option<Leave<'_>> {
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        let leave = Leave(&self.under_way);
        (before < UNDER_WAY_MAX).then_some(leave)
    }

    /// Forgets the connections to a directory.
    pub(crate) fn forget(&self, id: &DirectoryId) {
        self.domains.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// Reads a directory with the certificates that are registered for it; `None` when there is none.
pub(crate) fn load(app: &App, id: &DirectoryId) -> Result<Option<(Directory, Vec<String>)>> {
    app.store.read(|tx| {
        let Some(directory) = record::get(tx, id)? else { return Ok(None) };
        let registered = record::certificates(tx, id, "", i64::MAX)?;
        let registered = registered.into_iter().map(|certificate| certificate.data);
        let certificates = directory.authority.clone().into_iter().chain(registered).collect();
        Ok(Some((directory, certificates)))
    })
}

/// The domain behind a directory.
///
/// # Errors
/// When the database fails, or the program was put together without directories.
pub fn domain(app: &App, directory: &Directory, certificates: Vec<String>) -> Result<Result<Arc<Domain>, Problem>> {
    Ok(Directories::of(app)?.domain(app, directory, certificates))
}
