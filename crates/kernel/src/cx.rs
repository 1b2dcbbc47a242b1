//! What an operation is given: its caller, its time, its randomness and its transaction.

use crate::app::App;
use crate::caller::{Caller, PrincipalCaller};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::job::JobKind;
use crate::route::Permission;
use crate::scope::Scope;
use crate::store::{Tx, WriteTx};
use base::{AccountId, Random, Timestamp};
use smithy::schema::Operation;
use std::sync::Arc;

/// Facts of the request that are not its input.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// Id of the request, in answers, logs and audit records.
    pub request_id: String,
    /// Address of the client; `AWS Internal` or a service name for the product's own work.
    pub source_ip: String,
    /// The client's User-Agent.
    pub user_agent: String,
    /// Region of the credential scope.
    pub region: String,
    /// Whether the request came over TLS.
    pub is_secure: bool,
    /// The proof of possession in the header `DPoP`, for operations that take one.
    pub dpop: Option<DpopHeader>,
}

/// A proof of possession as it came (RFC 9449); nothing of it is verified yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DpopHeader {
    /// The header's value.
    pub proof: String,
    /// Host and port to which the request went: what the proof must name.
    pub authority: String,
    /// The path of the request.
    pub path: String,
}

impl RequestInfo {
    /// A new request id: a UUID of version 4. Written out after the generator, which all requests share, is free again.
    pub fn new_id(app: &App) -> String {
        base::random::uuid_of(app.with_random(Random::bytes))
    }

    /// Facts of work that `service` does by itself.
    pub fn of_service(app: &App, service: &str) -> Arc<Self> {
        Arc::new(Self {
            request_id: app.with_random(Random::uuid),
            source_ip: service.to_owned(),
            user_agent: service.to_owned(),
            region: app.settings.region.clone(),
            is_secure: true,
            dpop: None,
        })
    }
}

/// The context of an operation that reads.
pub struct Cx<'t> {
    /// The application: store, keys, settings.
    pub app: &'t Arc<App>,
    /// The transaction.
    pub tx: &'t mut Tx,
    /// Who calls.
    pub caller: Caller,
    /// The request's instant; does not move while it runs.
    pub now: Timestamp,
    /// The request's randomness.
    pub random: Random,
    /// The request.
    pub request: Arc<RequestInfo>,
    /// What the gate has let the caller do for this call.
    pub permissions: Vec<Permission>,
    /// [`crate::scope::Scopes::moves`] before the snapshot was taken.
    pub(crate) moves_at_start: u64,
    /// See [`WriteCx::refuse`].
    pub(crate) refusal: Option<Error>,
}

/// The context of an operation that writes.
pub struct WriteCx<'t>(Cx<'t>);

impl<'t> std::ops::Deref for WriteCx<'t> {
    type Target = Cx<'t>;
    fn deref(&self) -> &Cx<'t> {
        &self.0
    }
}

impl<'t> std::ops::DerefMut for WriteCx<'t> {
    fn deref_mut(&mut self) -> &mut Cx<'t> {
        &mut self.0
    }
}

impl<'t> Cx<'t> {
    /// The caller as a principal of an account.
    ///
    /// # Errors
    /// [`Error::Denied`] for services and for nobody, who have no account.
    pub fn principal(&self) -> Result<&PrincipalCaller> {
        match &self.caller {
            Caller::Principal(caller) => Ok(caller),
            other => Err(Error::denied(format!("User: {} is not authorized to perform this operation", other.arn()))),
        }
    }

    /// The caller's account.
    ///
    /// # Errors
    /// As [`Cx::principal`].
    pub fn account(&self) -> Result<AccountId> {
        self.principal().map(|caller| caller.account.clone())
    }

    /// Requires a permission beyond that of the operation itself (`iam:PassRole`, …).
    ///
    /// # Errors
    /// [`Error::Denied`] with AWS's sentence.
    pub fn require(&mut self, permission: &Permission) -> Result<()> {
        let app = Arc::clone(self.app);
        app.authorizer().authorize(self, permission)
    }

    /// Whether what this transaction reads may be kept in caches: nothing has moved since its snapshot was taken, and
    /// it has changed nothing itself.
    pub fn is_cacheable(&self) -> bool {
        !self.tx.has_touched_scopes() && self.app.scopes.moves() == self.moves_at_start
    }

    /// The same transaction and time for another caller.
    pub fn as_caller(&mut self, caller: Caller) -> Cx<'_> {
        Cx {
            app: self.app,
            caller,
            now: self.now,
            random: self.random.fork(),
            request: Arc::clone(&self.request),
            permissions: Vec::new(),
            moves_at_start: self.moves_at_start,
            refusal: None,
            tx: self.tx,
        }
    }
}

impl<'t> WriteCx<'t> {
    /// A write context over `cx`, whose transaction must be one that writes.
    pub(crate) fn new(cx: Cx<'t>) -> Self {
        Self(cx)
    }

    /// The transaction, as far as it writes.
    pub fn write(&mut self) -> WriteTx<'_> {
        WriteTx::of(self.0.tx)
    }

    /// Tells what happened; the effects follow in the same commit.
    pub fn emit(&mut self, event: Event) {
        self.0.tx.touched.events.push(event);
    }

    /// Marks the cached views of `scope` as out of date once this commits.
    pub fn touch(&mut self, scope: Scope) {
        self.write().touch(scope);
    }

    /// Has the job `kind` run for `key` once this commits, not before `run_at`. A job that already waits for the
    /// same key serves both.
    ///
    /// # Errors
    /// When the database fails.
    pub fn enqueue(&mut self, kind: JobKind, key: &str, run_at: Timestamp) -> Result<()> {
        let (now, id) = (self.now, self.random.uuid());
        crate::job::enqueue(&mut self.write(), &id, kind, key, run_at, now)
    }

    /// The same transaction and time for another caller.
    pub fn write_as(&mut self, caller: Caller) -> WriteCx<'_> {
        WriteCx(self.0.as_caller(caller))
    }

    /// Has the operation fail with `error` although what it wrote is committed: an attempt was counted, a stolen token
    /// was revoked. What it returns stands for the answer, which is not sent. An operation that is called by another one
    /// is undone like any that fails.
    ///
    /// # Errors
    /// None; the type is that of handlers.
    pub fn refuse<T: Default>(&mut self, error: impl Into<Error>) -> Result<T> {
        self.0.refusal = Some(error.into());
        Ok(T::default())
    }

    /// Does `work` so that it can be undone by itself: when it fails, what it wrote and told is gone, and the
    /// transaction goes on.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn attempt<T>(&mut self, work: impl FnOnce(&mut WriteCx<'t>) -> Result<T>) -> Result<T> {
        let events = self.tx.touched.events.len();
        self.write().begin_savepoint()?;
        let outcome = work(self);
        if outcome.is_err() {
            self.tx.touched.events.truncate(events);
        }
        if !matches!(outcome, Err(Error::Conflict)) {
            self.write().end_savepoint(outcome.is_ok())?;
        }
        outcome
    }

    /// Calls another operation as this context's caller, on the path that every call takes: authorized, audited,
    /// in this transaction. What a failed call wrote is undone.
    ///
    /// # Errors
    /// Those of the operation, and [`Error::Denied`].
    pub fn call<O: Operation>(&mut self, input: &O::In) -> Result<O::Out> {
        crate::dispatch::call_within::<O>(self, input)
    }
}
