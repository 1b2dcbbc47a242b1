//! The application: everything that outlives a request, and the one way to open a transaction with a caller.

use crate::audit;
use crate::caller::Caller;
use crate::cx::{Cx, RequestInfo, WriteCx};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::JobHandler;
use crate::params;
use crate::route::{Permission, Registry};
use crate::scope::Scopes;
use crate::seal::Seal;
use crate::settings::Settings;
use crate::store::{Store, Touched, Tx};
use base::limits::EVENT_DRAIN_MAX;
use base::{Clock, Random, Timestamp};
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Decides whether a caller may do something. The one inverted dependency: implemented where IAM and Organizations
/// are both known.
pub trait Authorizer: Send + Sync {
    /// Lets the caller of `cx` use `permission`, or says why not.
    ///
    /// # Errors
    /// [`Error::Denied`] with AWS's sentence; [`Error::Internal`] when the database fails.
    fn authorize(&self, cx: &mut Cx<'_>, permission: &Permission) -> Result<()>;

    /// Refuses the caller of `cx` only where a policy explicitly denies `permission`.
    ///
    /// # Errors
    /// As [`Authorizer::authorize`].
    fn refuse_explicit_deny(&self, cx: &mut Cx<'_>, permission: &Permission) -> Result<()>;
}

/// What follows from an event, in the same commit.
pub type Effects = fn(&mut WriteCx<'_>, &Event) -> Result<()>;

/// Interfaces that one crate asks for and another one implements, where neither may depend on the other; found by the
/// type that asks.
#[derive(Default)]
pub struct Extensions(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Extensions {
    /// With `extension`, in place of an earlier one of the same type.
    pub fn with<T: Any + Send + Sync>(mut self, extension: T) -> Self {
        self.0.insert(TypeId::of::<T>(), Arc::new(extension));
        self
    }

    fn get<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }
}

/// The parts that the binary puts together.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub random: Random,
    /// The keys.
    pub seal: Seal,
    /// What the operator chose.
    pub settings: Settings,
    /// Every operation that is served.
    pub registry: Registry,
    /// The gate.
    pub authorizer: Box<dyn Authorizer>,
    /// Effects of events.
    pub effects: Effects,
    /// The code of every kind of job.
    pub jobs: Vec<JobHandler>,
    /// What crates ask of each other.
    pub extensions: Extensions,
}

/// The running application.
pub struct App {
    /// The database.
    pub store: Store,
    /// The keys.
    pub seal: Seal,
    /// What the operator chose.
    pub settings: Settings,
    /// Counters of cached views.
    pub scopes: Scopes,
    /// Audit records that wait.
    pub audit: audit::Buffer,
    clock: Arc<dyn Clock>,
    random: Mutex<Random>,
    registry: Registry,
    authorizer: Box<dyn Authorizer>,
    effects: Effects,
    jobs: HashMap<&'static str, JobHandler>,
    extensions: Extensions,
    has_jobs: Mutex<bool>,
    jobs_arrived: Condvar,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            store: parts.store,
            seal: parts.seal,
            settings: parts.settings,
            scopes: Scopes::default(),
            audit: audit::Buffer::default(),
            clock: parts.clock,
            random: Mutex::new(parts.random),
            registry: parts.registry,
            authorizer: parts.authorizer,
            effects: parts.effects,
            jobs: parts.jobs.into_iter().map(|handler| (handler.kind.0, handler)).collect(),
            extensions: parts.extensions,
            has_jobs: Mutex::new(false),
            jobs_arrived: Condvar::new(),
        })
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A generator of its own for a piece of work.
    pub fn random(&self) -> Random {
        self.with_random(Random::fork)
    }

    /// Draws from the application's generator.
    pub fn with_random<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Every operation that is served.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The gate.
    pub fn authorizer(&self) -> &dyn Authorizer {
        self.authorizer.as_ref()
    }

    /// The extension of type `T`; `None` when the binary put none in.
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.extensions.get()
    }

    pub(crate) fn job_handler(&self, kind: &str) -> Option<&JobHandler> {
        self.jobs.get(kind)
    }

    /// Runs `work` on a snapshot as `caller`.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn read_as<T>(
        self: &Arc<Self>,
        caller: &Caller,
        request: &Arc<RequestInfo>,
        work: impl FnOnce(&mut Cx<'_>) -> Result<T>,
    ) -> Result<T> {
        self.store.read(|tx| work(&mut self.context(tx, caller, request)))
    }

    /// Runs `work` in a transaction as `caller`, with the effects of its events, and commits it.
    ///
    /// # Errors
    /// Those of `work` and of the effects.
    pub fn write_as<T>(
        self: &Arc<Self>,
        caller: &Caller,
        request: &Arc<RequestInfo>,
        mut work: impl FnMut(&mut WriteCx<'_>) -> Result<T>,
    ) -> Result<T> {
        self.store.write(
            |tx| {
                let mut cx = WriteCx::new(self.context(tx, caller, request));
                let value = work(&mut cx)?;
                self.apply_effects(&mut cx)?;
                self.publish_changes(&mut cx)?;
                Ok(value)
            },
            |touched| self.committed(touched),
        )
    }

    fn context<'t>(self: &'t Arc<Self>, tx: &'t mut Tx, caller: &Caller, request: &Arc<RequestInfo>) -> Cx<'t> {
        Cx {
            app: self,
            caller: caller.clone(),
            now: self.now(),
            random: self.random(),
            request: Arc::clone(request),
            permissions: Vec::new(),
            moves_at_start: self.scopes.moves(),
            refusal: None,
            tx,
        }
    }

    fn apply_effects(&self, cx: &mut WriteCx<'_>) -> Result<()> {
        for _ in 0..EVENT_DRAIN_MAX {
            let events = std::mem::take(&mut cx.tx.touched.events);
            if events.is_empty() {
                return Ok(());
            }
            for event in &events {
                (self.effects)(cx, event)?;
            }
        }
        Err(Error::internal("events cause events without end"))
    }

    /// Tells other processes which of their cached views this transaction makes out of date.
    fn publish_changes(&self, cx: &mut WriteCx<'_>) -> Result<()> {
        if !self.store.is_shared() {
            return Ok(());
        }
        let now = cx.now;
        for scope in std::mem::take(&mut cx.tx.touched.scopes) {
            let id = cx.random.uuid();
            let mut tx = cx.write();
            tx.exec_one("insert into change (id, scope, at) values ($1, $2, $3)", params![id, scope.as_str(), now])?;
            tx.touch(scope);
        }
        Ok(())
    }

    fn committed(&self, touched: &Touched) {
        for scope in &touched.scopes {
            self.scopes.bump(scope);
        }
        if touched.has_jobs {
            self.wake_worker();
        }
    }

    /// Has the worker look for jobs now.
    pub fn wake_worker(&self) {
        *self.has_jobs.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.jobs_arrived.notify_all();
    }

    /// Waits until jobs were enqueued, at most for `patience`.
    pub fn wait_for_jobs(&self, patience: Duration) {
        let has_jobs = self.has_jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.jobs_arrived.wait_timeout_while(has_jobs, patience, |has_jobs| !*has_jobs);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}
