//! One domain: its controllers, in the order in which they are tried, and idle connections of the service account.

use super::Options;
use super::attempts::Policy;
use crate::ldap::{Connection, Endpoint, LdapError, Patience, Trust, code, dns};
use crate::managed;
use crate::record::Directory;
use base::{Random, Secret};
use kernel::App;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Connections of the service account that are kept.
const IDLE_MAX: usize = 4;
/// How long a connection is kept without use: less than firewalls and controllers do.
const IDLE_TIME: Duration = Duration::from_secs(60);
/// How long the controllers that DNS named are used before they are looked up again.
const LOOK_UP_TIME: Duration = Duration::from_secs(300);
/// How long a controller that failed is passed over, at first and at most.
const BACK_OFF_MIN: Duration = Duration::from_secs(5);
const BACK_OFF_MAX: Duration = Duration::from_secs(300);
/// Steps between 1601, from which Active Directory counts, and 1970: tenths of microseconds.
const EPOCH_TICKS: i64 = 116_444_736_000_000_000;

/// Why a directory cannot be used.
#[derive(Debug)]
pub enum Problem {
    /// The name servers.
    Dns(String),
    /// The service account cannot prove who it is.
    Credentials(String),
    /// A controller.
    Ldap {
        /// Its name.
        controller: String,
        /// What happened.
        error: LdapError,
    },
    /// The domain is another one than it was said to be.
    OtherDomain(String),
    /// Ours.
    Internal(String),
}

impl Problem {
    /// Whether the same may work later without anybody changing anything.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Dns(_) => true,
            Self::Ldap { error, .. } => {
                error.is_outage() && !matches!(error, LdapError::Certificate(..) | LdapError::OnlyPlain)
            }
            Self::Credentials(_) | Self::OtherDomain(_) | Self::Internal(_) => false,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(what) => write!(f, "DNS: {what}"),
            Self::Credentials(what) => write!(f, "Credentials: {what}"),
            Self::Ldap { controller, error } if controller.is_empty() => write!(f, "LDAP: {error}"),
            Self::Ldap { controller, error } => write!(f, "Domain controller {controller}: {error}"),
            Self::OtherDomain(what) => write!(f, "{what}"),
            Self::Internal(_) => write!(f, "An internal error occurred."),
        }
    }
}

#[derive(Debug, Clone)]
struct Controller {
    endpoint: Endpoint,
    failures: u32,
    passed_over_until: Option<Instant>,
}

#[derive(Default)]
struct Known {
    controllers: Vec<Controller>,
    looked_up_at: Option<Instant>,
}

/// What a controller says about itself and its domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Distinguished name of the domain.
    pub base: String,
    /// The controller, as a distinguished name: its counter of changes is its own.
    pub server: String,
    /// The last change.
    pub last_change: i64,
}

/// A connection of the service account, with what the controller said.
pub struct Service {
    /// The connection.
    pub connection: Connection,
    /// What is at the other end.
    pub root: Root,
    policy: Policy,
    endpoint: Endpoint,
    used_at: Instant,
}

impl Service {
    pub(super) fn policy(&self) -> Policy {
        self.policy
    }

    fn problem(&self, error: LdapError) -> Problem {
        Problem::Ldap { controller: self.endpoint.host.clone(), error }
    }
}

/// The name as which the service account binds: a distinguished name and a principal name stay as they are.
fn bind_name(user: &str, domain: &str) -> String {
    if user.contains(['=', '@', '\\']) { user.to_owned() } else { format!("{user}@{domain}") }
}

/// A domain.
pub struct Domain {
    revision: i64,
    name: String,
    short_name: String,
    name_servers: Vec<SocketAddr>,
    fixed: Vec<(String, IpAddr)>,
    user: String,
    password: Secret,
    trust: Trust,
    ports: (u16, u16),
    patience: Patience,
    random: Mutex<Random>,
    known: Mutex<Known>,
    idle: Mutex<Vec<Service>>,
}

impl Domain {
    pub(super) fn new(
        app: &App,
        directory: &Directory,
        certificates: Vec<String>,
        options: &Options,
    ) -> Result<Self, Problem> {
        let internal = |error: &dyn fmt::Display| Problem::Internal(error.to_string());
        let password = directory.service_password(app).map_err(|error| internal(&error))?;
        let authorities: Vec<String> = certificates.into_iter().chain(options.authorities.iter().cloned()).collect();
        let details = &directory.details;
        let servers = [&details.dns_ip_addrs, &details.dns_ipv6_addrs];
        let servers = servers.into_iter().flatten().flatten().filter_map(|address| address.parse::<IpAddr>().ok());
        Ok(Self {
            revision: directory.revision,
            name: directory.name.clone(),
            short_name: directory.short_name(),
            name_servers: servers.map(|address| (address, options.dns_port).into()).collect(),
            fixed: fixed(directory, options),
            user: bind_name(directory.service_user(), &directory.name),
            password,
            trust: Trust::new(&authorities, options.allows_plain_ldap).map_err(|error| internal(&error))?,
            ports: (options.ldaps_port, options.ldap_port),
            patience: options.patience,
            random: Mutex::new(app.random()),
            known: Mutex::default(),
            idle: Mutex::default(),
        })
    }

    /// Moves with what connections are made from.
    pub(super) fn revision(&self) -> i64 {
        self.revision
    }

    /// Name of the domain, in lower case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// NetBIOS name of the domain.
    pub fn short_name(&self) -> &str {
        &self.short_name
    }

    /// Runs `work` on a connection of the service account. One that was kept and turns out to be dead is replaced, and
    /// so is a controller that goes down meanwhile: `work` may be run several times. All of it takes a bounded time.
    ///
    /// # Errors
    /// When no controller can be used, and those of `work`.
    pub fn with_service<T>(&self, mut work: impl FnMut(&mut Service) -> Result<T, LdapError>) -> Result<T, Problem> {
        let start = Instant::now();
        let mut kept = self.take_idle();
        let mut tries_left = self.known().controllers.len().max(1);
        loop {
            let is_new = kept.is_none();
            let mut service = match kept.take() {
                Some(kept) => kept,
                None => self.service()?,
            };
            let error = match work(&mut service) {
                Ok(value) => {
                    self.keep(service);
                    return Ok(value);
                }
                Err(error) => error,
            };
            let is_outage = error.is_outage();
            // That a connection which was kept has ended says nothing about its controller.
            let problem = if is_new { self.failed(&service, error) } else { service.problem(error) };
            tries_left -= usize::from(is_new);
            if !is_outage || tries_left == 0 || start.elapsed() > self.patience.operation {
                return Err(problem);
            }
        }
    }

    /// What happened to a connection of the service account while it was used; a controller that is down is passed over
    /// from now on.
    pub fn failed(&self, service: &Service, error: LdapError) -> Problem {
        if error.is_outage() {
            self.note(&service.endpoint, true);
        }
        service.problem(error)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work`, which changes the directory, on a connection of the service account that has just answered. Never
    /// twice: when the answer to a change is lost, nobody knows whether it was made.
    ///
    /// # Errors
    /// When no controller can be used, and those of `work`.
    pub fn with_service_once<T>(&self, work: impl FnOnce(&mut Service) -> Result<T, LdapError>) -> Result<T, Problem> {
        let kept =
            self.take_idle().and_then(|mut kept| kept.connection.entry("", &["dsServiceName"]).map(|_| kept).ok());
        let mut service = kept.map_or_else(|| self.service(), Ok)?;
        match work(&mut service) {
            Ok(value) => {
                self.keep(service);
                Ok(value)
            }
            Err(error) => Err(self.failed(&service, error)),
        }
    }

    fn take_idle(&self) -> Option<Service> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|service| service.used_at.elapsed() < IDLE_TIME);
        idle.pop()
    }

    fn keep(&self, service: Service) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(Service { used_at: Instant::now(), ..service });
        }
    }

    /// A new connection of the service account.
    ///
    /// # Errors
    /// When no controller can be used or the account is refused.
    pub fn service(&self) -> Result<Service, Problem> {
        self.connected_to(|mut connection, endpoint| {
            let bound = connection.bind(&self.user, &self.password)?;
            match bound.code {
                code::SUCCESS => {}
                code::INVALID_CREDENTIALS => return Ok(Err(Problem::Credentials(self.refusal(&bound.message)))),
                _ => return Err(LdapError::Refused(bound)),
            }
            let (root, policy) = self.root(&mut connection)?;
            let root = root.map_err(Problem::OtherDomain);
            Ok(root.map(|root| Service {
                connection,
                root,
                policy,
                endpoint: endpoint.clone(),
                used_at: Instant::now(),
            }))
        })?
    }

    fn refusal(&self, message: &str) -> String {
        let why = match super::authentication::sub_code(message) {
            Some("533") => "the account is disabled",
            Some("532" | "773") => "its password has expired or must be changed",
            Some("701") => "the account has expired",
            Some("775") => "the account is locked",
            Some("530" | "531") => "the account may not sign in at this time or from here",
            _ => "the user name or the password is not correct",
        };
        format!("the service account {} cannot sign in: {why}", self.user)
    }

    /// What the controller serves, and when the domain locks accounts.
    fn root(&self, connection: &mut Connection) -> Result<(Result<Root, String>, Policy), LdapError> {
        let attributes = ["defaultNamingContext", "dsServiceName", "highestCommittedUSN"];
        let root = connection.entry("", &attributes)?.ok_or(LdapError::Protocol("there is no root entry"))?;
        let base = root.text("defaultNamingContext").unwrap_or_default().to_owned();
        let name = crate::ldap::dn::key(&base).replace("dc=", "").replace('\u{1}', ".");
        if name != self.name {
            let other = format!("The controllers serve the domain {name}, not {}.", self.name);
            return Ok((Err(other), Policy::default()));
        }
        let locking = connection.entry(&base, &["lockoutThreshold", "lockOutObservationWindow"])?.unwrap_or_default();
        let (threshold, window) = (locking.number("lockoutThreshold"), locking.number("lockOutObservationWindow"));
        let policy = Policy::default().with(threshold, window);
        let server = root.text("dsServiceName").unwrap_or_default().to_owned();
        let last_change = root.number("highestCommittedUSN").unwrap_or_default();
        Ok((Ok(Root { base, server, last_change }), policy))
    }

    /// Runs `work` on a new connection to the first controller with which it works: one that is down, or goes down
    /// meanwhile, is passed over. All of it takes a bounded time.
    ///
    /// # Errors
    /// That of the last controller when there is none.
    pub fn connected<T>(&self, mut work: impl FnMut(Connection) -> Result<T, LdapError>) -> Result<T, Problem> {
        self.connected_to(|connection, _| work(connection))
    }

    fn connected_to<T>(
        &self,
        mut work: impl FnMut(Connection, &Endpoint) -> Result<T, LdapError>,
    ) -> Result<T, Problem> {
        let start = Instant::now();
        let mut problem = None;
        for endpoint in self.candidates()? {
            if problem.is_some() && start.elapsed() > self.patience.operation {
                break;
            }
            let opened = Connection::open(&endpoint, &self.trust, self.patience);
            match opened.and_then(|connection| work(connection, &endpoint)) {
                Ok(value) => {
                    self.note(&endpoint, false);
                    return Ok(value);
                }
                Err(error) if error.is_outage() => {
                    tracing::warn!(controller = endpoint.host, address = %endpoint.address, %error, "it is passed over");
                    self.note(&endpoint, true);
                    problem = Some(Problem::Ldap { controller: endpoint.host, error });
                }
                Err(error) => return Err(Problem::Ldap { controller: endpoint.host, error }),
            }
        }
        Err(problem.unwrap_or_else(|| Problem::Dns(format!("no controllers of {} are known", self.name))))
    }

    /// The controllers, those that failed lately at the end.
    fn candidates(&self) -> Result<Vec<Endpoint>, Problem> {
        let now = Instant::now();
        let is_stale = {
            let known = self.known();
            known.looked_up_at.is_none_or(|at| now.duration_since(at) > LOOK_UP_TIME)
        };
        if is_stale {
            self.look_up(now)?;
        }
        let known = self.known();
        let mut ordered: Vec<_> = known.controllers.iter().collect();
        ordered.sort_by_key(|controller| controller.passed_over_until.filter(|until| *until > now));
        Ok(ordered.into_iter().map(|controller| controller.endpoint.clone()).collect())
    }

    fn look_up(&self, now: Instant) -> Result<(), Problem> {
        let found = if self.fixed.is_empty() {
            let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner).fork();
            dns::controllers(&self.name, &self.name_servers, &mut random)
        } else {
            Ok(self.fixed.clone())
        };
        let mut known = self.known();
        let found = match found {
            Ok(found) => found,
            // Controllers that were known are better than none.
            Err(error) if !known.controllers.is_empty() => {
                tracing::warn!(domain = self.name, error, "controllers cannot be looked up");
                known.looked_up_at = Some(now);
                return Ok(());
            }
            Err(error) => return Err(Problem::Dns(error)),
        };
        let (ldaps_port, ldap_port) = self.ports;
        let endpoints = found.into_iter().map(|(host, address)| Endpoint { host, address, ldaps_port, ldap_port });
        let controllers = endpoints.map(|endpoint| {
            let before = known.controllers.iter().find(|controller| controller.endpoint == endpoint);
            before.cloned().unwrap_or(Controller { endpoint, failures: 0, passed_over_until: None })
        });
        let controllers = controllers.collect();
        *known = Known { controllers, looked_up_at: Some(now) };
        Ok(())
    }

    fn note(&self, endpoint: &Endpoint, has_failed: bool) {
        let mut known = self.known();
        let Some(controller) = known.controllers.iter_mut().find(|each| each.endpoint == *endpoint) else { return };
        if has_failed {
            let back_off = BACK_OFF_MIN.saturating_mul(1 << controller.failures.min(8)).min(BACK_OFF_MAX);
            controller.failures += 1;
            controller.passed_over_until = Some(Instant::now() + back_off);
        } else {
            controller.failures = 0;
            controller.passed_over_until = None;
        }
    }

    /// The addresses of the controllers that are known.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let known = self.known();
        known.controllers.iter().map(|controller| controller.endpoint.address).collect()
    }
}

/// The controllers that are not looked up: those that an operator named, and those that are run here.
fn fixed(directory: &Directory, options: &Options) -> Vec<(String, IpAddr)> {
    if let Some(named) = options.controllers.get(&directory.name) {
        return named.clone();
    }
    if !directory.is_managed() {
        return Vec::new();
    }
    let host = managed::controller_host(&directory.short_name(), &directory.name);
    let addresses = directory.details.dns_ip_addrs.iter().flatten().filter_map(|address| address.parse().ok());
    addresses.map(|address| (host.clone(), address)).collect()
}

/// An instant of Active Directory (tenths of microseconds since 1601) as ours.
pub(crate) fn instant(ticks: i64) -> base::Timestamp {
    base::Timestamp::from_micros(ticks.saturating_sub(EPOCH_TICKS) / 10)
}
