//! An application for tests: a database in memory, a clock that stands still, randomness from a seed. Where the
//! environment names a PostgreSQL server in `TEST_APP_DATABASE_URL`, each test has a database of its own there instead.

mod database;

use crate::app::{App, Authorizer, Effects, Extensions, Parts};
use crate::caller::Caller;
use crate::cx::{Cx, RequestInfo};
use crate::error::{Error, Result};
use crate::job::{self, JobHandler};
use crate::route::{Permission, Registry, Route};
use crate::seal::Seal;
use crate::settings::Settings;
use crate::store::Store;
use base::{AccountId, ManualClock, Random, Timestamp};
use database::Database;
use smithy::schema::Operation;
use std::sync::Arc;

/// The instant at which every test begins.
pub const START: Timestamp = Timestamp::from_seconds(1_795_219_200);

/// Lets everybody do everything: for tests of what operations do once they are allowed.
pub struct AllowAll;

impl Authorizer for AllowAll {
    fn authorize(&self, _cx: &mut Cx<'_>, _permission: &Permission) -> Result<()> {
        Ok(())
    }

    fn refuse_explicit_deny(&self, _cx: &mut Cx<'_>, _permission: &Permission) -> Result<()> {
        Ok(())
    }
}

/// An application and its clock.
pub struct TestApp {
    /// The application.
    pub app: Arc<App>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// Where the data is, if not in memory; dropped last.
    _database: Option<Database>,
}

/// What a test application is made of; the rest has defaults.
pub struct Setup {
    /// Operations that are served.
    pub routes: Vec<Route>,
    /// Code of the jobs.
    pub jobs: Vec<JobHandler>,
    /// Effects of events.
    pub effects: Effects,
    /// The gate.
    pub authorizer: Box<dyn Authorizer>,
    /// Settings.
    pub settings: Settings,
    /// The database; `None`: a new one.
    pub store: Option<Store>,
    /// What crates ask of each other.
    pub extensions: Extensions,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            routes: Vec::new(),
            jobs: Vec::new(),
            effects: |_, _| Ok(()),
            authorizer: Box::new(AllowAll),
            settings: Settings::default(),
            store: None,
            extensions: Extensions::default(),
        }
    }
}

impl TestApp {
    /// Puts `setup` together.
    ///
    /// # Panics
    /// When the database cannot be opened.
    pub fn new(setup: Setup) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let mut random = Random::from_seed(1);
        let seal = Seal::from_text(&Seal::generate(&mut random)).expect("a generated key is valid");
        let (store, database) = match setup.store {
            Some(store) => (store, None),
            None => fresh(),
        };
        let app = App::new(Parts {
            store,
            clock: Arc::clone(&clock) as Arc<dyn base::Clock>,
            random,
            seal,
            settings: setup.settings,
            registry: Registry::new(setup.routes),
            authorizer: setup.authorizer,
            effects: setup.effects,
            jobs: setup.jobs,
            extensions: setup.extensions,
        });
        Self { app, clock, _database: database }
    }

    /// Facts of a request of no importance.
    pub fn request(&self) -> Arc<RequestInfo> {
        Arc::new(RequestInfo {
            request_id: self.app.with_random(Random::uuid),
            source_ip: "127.0.0.1".to_owned(),
            user_agent: "test".to_owned(),
            region: "us-east-1".to_owned(),
            is_secure: false,
            dpop: None,
        })
    }

    /// Calls an operation as `caller`, on the path of every call.
    ///
    /// # Errors
    /// Those of the operation.
    ///
    /// # Panics
    /// When the operation has no route.
    pub fn call<O: Operation>(&self, caller: &Caller, input: O::In) -> Result<O::Out> {
        let route = self.app.registry().find(O::OP).expect("the operation has a route");
        let output = crate::dispatch::call(&self.app, route, caller, &self.request(), &input)?;
        output.into_any().downcast().map(|output| *output).map_err(|_| Error::internal("another shape"))
    }

    /// Runs the jobs that are due, and those that become due by them, at the present instant.
    ///
    /// # Panics
    /// When the database fails.
    pub fn run_jobs(&self) {
        job::run_due(&self.app, "test").expect("jobs can be looked up");
    }
}

fn fresh() -> (Store, Option<Database>) {
    match Database::from_environment() {
        None => (Store::open_memory().expect("a database in memory"), None),
        Some(database) => (database.open(), Some(database)),
    }
}

/// The root user of `account`.
pub fn root(account: &AccountId) -> Caller {
    Caller::root_of(account)
}

/// The code of the error that `result` must hold.
///
/// # Panics
/// When it holds a value.
pub fn code<T>(result: Result<T>) -> &'static str {
    match result {
        Ok(_) => panic!("the call was expected to fail"),
        Err(error) => error.code(),
    }
}
