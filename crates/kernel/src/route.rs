//! The table of operations: each with its handler and with the permission that it takes.

use crate::app::App;
use crate::cx::{Cx, WriteCx};
use crate::error::{Error, Result};
use base::AccountId;
use smithy::schema::{Op, Operation, Shape};
use std::collections::HashMap;
use std::sync::Arc;

/// A permission: what the caller wants to do, to what, under which conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Permission {
    /// `service:Action`.
    pub action: String,
    /// ARN of the resource; `*` where the action has none.
    pub resource: String,
    /// Owner of the resource; `None`: the caller's account.
    pub resource_account: Option<AccountId>,
    /// Context keys of the request, beyond the global ones.
    pub context: Vec<(String, Vec<String>)>,
}

impl Permission {
    /// `action` on `resource`, in the caller's account unless said otherwise.
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), resource_account: None, context: Vec::new() }
    }

    /// With a single-valued context key.
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.push((key.into(), vec![value.into()]));
        self
    }

    /// With a multivalued context key.
    pub fn with_all(mut self, key: impl Into<String>, values: Vec<String>) -> Self {
        self.context.push((key.into(), values));
        self
    }

    /// With the keys that the tags of a request make: `aws:RequestTag/…` and `aws:TagKeys`.
    pub fn with_request_tags<'a>(mut self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut keys = Vec::new();
        for (key, value) in tags {
            keys.push(key.to_owned());
            self = self.with(format!("aws:RequestTag/{key}"), value);
        }
        if keys.is_empty() { self } else { self.with_all("aws:TagKeys", keys) }
    }

    /// With the keys that the tags of a resource make: `aws:ResourceTag/…`.
    pub fn with_resource_tags<'a>(self, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        tags.into_iter().fold(self, |permission, (key, value)| permission.with(format!("aws:ResourceTag/{key}"), value))
    }

    /// With the account that owns the resource.
    pub fn owned_by(mut self, account: AccountId) -> Self {
        self.resource_account = Some(account);
        self
    }
}

/// What a caller must be allowed before the handler runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Access {
    /// Nothing: any caller who proved who he is (`sts:GetCallerIdentity`), or an operation whose handler checks the
    /// proof that the request itself carries (`sts:AssumeRoleWithSAML`).
    Open,
    /// Nothing has to allow it, but what denies this permission explicitly is heard (`sts:GetSessionToken`).
    UnlessDenied(Permission),
    /// All of these.
    Permissions(Vec<Permission>),
}

impl From<Permission> for Access {
    fn from(permission: Permission) -> Self {
        Self::Permissions(vec![permission])
    }
}

type Rule = Box<dyn Fn(&mut Cx<'_>, &dyn Shape) -> Result<Access> + Send + Sync>;
type Predicate = Box<dyn Fn(&dyn Shape) -> bool + Send + Sync>;
type ReadHandler = Box<dyn Fn(&mut Cx<'_>, &dyn Shape) -> Result<Box<dyn Shape>> + Send + Sync>;
type WriteHandler = Box<dyn Fn(&mut WriteCx<'_>, &dyn Shape) -> Result<Box<dyn Shape>> + Send + Sync>;
/// The work that a preparation has left to do, with the same input.
pub(crate) type Errand = Box<dyn FnOnce(&Arc<App>, &dyn Shape) -> Result<Box<dyn Shape>>>;
type Preparation = Box<dyn Fn(&mut Cx<'_>, &dyn Shape) -> Result<Errand> + Send + Sync>;
type Settlement = Box<dyn Fn(&mut WriteCx<'_>, &dyn Shape, &dyn Shape) -> Result<()> + Send + Sync>;

/// One operation that is served.
pub struct Route {
    /// The model's description.
    pub op: &'static Op,
    pub(crate) new_input: fn() -> Box<dyn Shape>,
    pub(crate) rule: Rule,
    pub(crate) run: Run,
    pub(crate) is_output_recorded: bool,
    is_refusal: bool,
}

pub(crate) enum Run {
    Read(ReadHandler),
    Write(WriteHandler),
    /// Reads, but for the inputs for which `writes` says otherwise.
    Mostly {
        read: ReadHandler,
        write: WriteHandler,
        writes: Predicate,
    },
    /// Waits for another machine, in no transaction.
    Outside(Outside),
}

pub(crate) struct Outside {
    pub(crate) prepare: Preparation,
    /// What follows from a change, in the transaction that has its audit record; `None`: nothing is changed.
    pub(crate) settle: Option<Settlement>,
}

impl Route {
    /// An empty request to be filled by a codec.
    pub fn new_input(&self) -> Box<dyn Shape> {
        (self.new_input)()
    }

    /// The same route, whose answers the audit trail keeps although it reads: what credentials were given out.
    pub fn recording_output(mut self) -> Self {
        self.is_output_recorded = true;
        self
    }

    /// The same route, which does nothing but say that the operation is not offered, and why: it does not count as served.
    pub fn refusing(mut self) -> Self {
        self.is_refusal = true;
        self
    }

    /// Whether the operation does what AWS says it does.
    pub fn is_served(&self) -> bool {
        !self.is_refusal
    }

    /// Whether the operation changes nothing when it is given `input`.
    pub fn is_read(&self, input: &dyn Shape) -> bool {
        match &self.run {
            Run::Read(_) => true,
            Run::Write(_) => false,
            Run::Mostly { writes, .. } => !writes(input),
            Run::Outside(outside) => outside.settle.is_none(),
        }
    }

    /// Whether the operation may take as long as another machine takes.
    pub fn waits(&self) -> bool {
        self.outside().is_some()
    }

    pub(crate) fn outside(&self) -> Option<&Outside> {
        match &self.run {
            Run::Outside(outside) => Some(outside),
            _ => None,
        }
    }

    pub(crate) fn reader(&self, input: &dyn Shape) -> Option<&ReadHandler> {
        match &self.run {
            Run::Read(handler) => Some(handler),
            Run::Mostly { read, writes, .. } if !writes(input) => Some(read),
            _ => None,
        }
    }

    pub(crate) fn writer(&self, input: &dyn Shape) -> Option<&WriteHandler> {
        match &self.run {
            Run::Write(handler) => Some(handler),
            Run::Mostly { write, writes, .. } if writes(input) => Some(write),
            _ => None,
        }
    }

    /// The permission that the operation takes for `input`.
    ///
    /// # Errors
    /// When the database fails, or when `input` does not say enough to know.
    pub fn access(&self, cx: &mut Cx<'_>, input: &dyn Shape) -> Result<Access> {
        (self.rule)(cx, input)
    }
}

/// A route of an operation that reads. `rule` gives the permission that it takes.
pub fn read<O: Operation>(
    rule: fn(&mut Cx<'_>, &O::In) -> Result<Access>,
    handler: fn(&mut Cx<'_>, &O::In) -> Result<O::Out>,
) -> Route {
    Route {
        op: O::OP,
        new_input: || Box::new(O::In::default()),
        rule: Box::new(move |cx, input| rule(cx, typed(input)?)),
        run: Run::Read(Box::new(move |cx, input| Ok(Box::new(handler(cx, typed(input)?)?)))),
        is_output_recorded: false,
        is_refusal: false,
    }
}

/// A route of an operation that writes. `rule` gives the permission that it takes.
pub fn write<O: Operation>(
    rule: fn(&mut Cx<'_>, &O::In) -> Result<Access>,
    handler: fn(&mut WriteCx<'_>, &O::In) -> Result<O::Out>,
) -> Route {
    Route {
        op: O::OP,
        new_input: || Box::new(O::In::default()),
        rule: Box::new(move |cx, input| rule(cx, typed(input)?)),
        run: Run::Write(Box::new(move |cx, input| Ok(Box::new(handler(cx, typed(input)?)?)))),
        is_output_recorded: true,
        is_refusal: false,
    }
}

/// A route of an operation that reads, but for the inputs for which `writes` is true (a one-time code is used up).
/// `rule` gives the permission that it takes.
pub fn mostly_read<O: Operation>(
    rule: fn(&mut Cx<'_>, &O::In) -> Result<Access>,
    writes: fn(&O::In) -> bool,
    read: fn(&mut Cx<'_>, &O::In) -> Result<O::Out>,
    write: fn(&mut WriteCx<'_>, &O::In) -> Result<O::Out>,
) -> Route {
    Route {
        op: O::OP,
        new_input: || Box::new(O::In::default()),
        rule: Box::new(move |cx, input| rule(cx, typed(input)?)),
        run: Run::Mostly {
            read: Box::new(move |cx, input| Ok(Box::new(read(cx, typed(input)?)?))),
            write: Box::new(move |cx, input| Ok(Box::new(write(cx, typed(input)?)?))),
            writes: Box::new(move |input| typed(input).is_ok_and(writes)),
        },
        is_output_recorded: false,
        is_refusal: false,
    }
}

/// A route of an operation that reads from another machine. `prepare` finds out in a transaction what `work` needs, and
/// `work` is done when that has ended: while it waits it holds neither a connection to the database nor a lock.
pub fn read_outside<O: Operation, P: 'static>(
    rule: fn(&mut Cx<'_>, &O::In) -> Result<Access>,
    prepare: fn(&mut Cx<'_>, &O::In) -> Result<P>,
    work: WorkOf<O, P>,
) -> Route {
    outside::<O, P>(rule, prepare, work, None)
}

/// A route of an operation that changes something on another machine, as [`read_outside`]. When `work` has succeeded,
/// `settle` writes what follows from it, in the transaction that has the audit record of the change. It may run again
/// when that transaction loses against another one; `work` never does.
pub fn write_outside<O: Operation, P: 'static>(
    rule: fn(&mut Cx<'_>, &O::In) -> Result<Access>,
    prepare: fn(&mut Cx<'_>, &O::In) -> Result<P>,
    work: WorkOf<O, P>,
    settle: SettleOf<O>,
) -> Route {
    outside::<O, P>(rule, prepare, work, Some(settle))
}

/// Work outside every transaction, with what was prepared for it.
type WorkOf<O, P> = fn(&Arc<App>, P, &<O as Operation>::In) -> Result<<O as Operation>::Out>;
/// What follows from work that has succeeded.
type SettleOf<O> = fn(&mut WriteCx<'_>, &<O as Operation>::In, &<O as Operation>::Out) -> Result<()>;

fn outside<O: Operation, P: 'static>(
    rule: fn(&mut Cx<'_>, &O::In) -> Result<Access>,
    prepare: fn(&mut Cx<'_>, &O::In) -> Result<P>,
    work: WorkOf<O, P>,
    settle: Option<SettleOf<O>>,
) -> Route {
    let prepare = move |cx: &mut Cx<'_>, input: &dyn Shape| -> Result<Errand> {
        let prepared = prepare(cx, typed(input)?)?;
        Ok(Box::new(move |app, input| Ok(Box::new(work(app, prepared, typed(input)?)?))))
    };
    let settle = settle
        .map(|settle| -> Settlement { Box::new(move |cx, input, output| settle(cx, typed(input)?, typed(output)?)) });
    Route {
        op: O::OP,
        new_input: || Box::new(O::In::default()),
        rule: Box::new(move |cx, input| rule(cx, typed(input)?)),
        is_output_recorded: settle.is_some(),
        run: Run::Outside(Outside { prepare: Box::new(prepare), settle }),
        is_refusal: false,
    }
}

fn typed<T: Shape>(input: &dyn Shape) -> Result<&T> {
    input
        .as_any()
        .downcast_ref()
        .ok_or_else(|| Error::internal(format!("a handler was given a {}", input.schema().name)))
}

/// Every route, found by service and operation.
#[derive(Default)]
pub struct Registry {
    routes: HashMap<(&'static str, &'static str), Route>,
}

impl Registry {
    /// The table of `routes`.
    ///
    /// # Panics
    /// When two routes serve the same operation: a mistake of the program, found at start.
    pub fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        let mut table = HashMap::new();
        for route in routes {
            let key = (route.op.service.id, route.op.name);
            assert!(table.insert(key, route).is_none(), "{}:{} has two routes", key.0, key.1);
        }
        Self { routes: table }
    }

    /// Whether `op` is served, and not only refused with a reason.
    pub fn serves(&self, op: &Op) -> bool {
        self.find(op).is_some_and(Route::is_served)
    }

    /// The route of `op`, when there is one.
    pub fn find(&self, op: &Op) -> Option<&Route> {
        self.routes.get(&(op.service.id, op.name))
    }

    /// Every route.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.values()
    }
}
