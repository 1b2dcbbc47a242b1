//! The one path of every call: authorized, run, its effects applied, audited, committed.

use crate::app::App;
use crate::audit::{Call, Record};
use crate::caller::Caller;
use crate::cx::{Cx, RequestInfo, WriteCx};
use crate::error::{Error, Result};
use crate::route::{Access, Outside, Route};
use base::Random;
use smithy::schema::{Operation, Shape};
use std::sync::Arc;

/// Runs a call that came in from outside.
///
/// # Errors
/// Those of the operation, and [`Error::Denied`].
pub fn call(
    app: &Arc<App>,
    route: &Route,
    caller: &Caller,
    request: &Arc<RequestInfo>,
    input: &dyn Shape,
) -> Result<Box<dyn Shape>> {
    let at = app.now();
    // An unsigned call finds out who calls when it verifies the proof in its input.
    let mut verified = None;
    let is_read_only = route.is_read(input);
    let outcome = match (route.outside(), route.reader(input)) {
        (Some(work), _) => outside(app, (route, work), caller, request, input),
        (None, Some(handler)) => app.read_as(caller, request, |cx| {
            let output = authorize(cx, route, input).and_then(|()| handler(cx, input));
            if route.op.unsigned {
                verified = Some(cx.caller.clone());
            }
            output
        }),
        (None, None) => app.write_as(caller, request, |cx| write_audited(cx, route, input)).flatten(),
    };
    if outcome.is_err() || is_read_only {
        let caller = verified.as_ref().unwrap_or(caller);
        let error = outcome.as_ref().err();
        let event_id = app.with_random(Random::bytes);
        let output = outcome.as_ref().ok().filter(|_| route.is_output_recorded).map(AsRef::as_ref);
        let call = Call { caller, request, op: route.op, input, output, error, is_read_only, at };
        app.audit.push(&call, event_id);
    }
    outcome
}

/// Runs `O` inside the transaction of `cx`, as its caller.
pub(crate) fn call_within<O: Operation>(cx: &mut WriteCx<'_>, input: &O::In) -> Result<O::Out> {
    let app = Arc::clone(cx.app);
    let route = app.registry().find(O::OP).ok_or_else(|| Error::internal(format!("{} is not served", O::OP.name)))?;
    if route.waits() {
        return Err(Error::internal(format!("{} waits for another machine, and a transaction runs", O::OP.name)));
    }
    let outcome = cx.attempt(|cx| match route.reader(input) {
        Some(handler) => authorize(cx, route, input).and_then(|()| handler(cx, input)),
        None => write_audited(cx, route, input).flatten(),
    });
    let output = outcome?.into_any().downcast::<O::Out>();
    output.map(|output| *output).map_err(|_| Error::internal(format!("{} answered with another shape", O::OP.name)))
}

/// Runs an operation that waits for another machine: a transaction before, and one after when something was changed.
/// A change whose record cannot be written is recorded as failed, like what the caller is told.
fn outside(
    app: &Arc<App>,
    (route, outside): (&Route, &Outside),
    caller: &Caller,
    request: &Arc<RequestInfo>,
    input: &dyn Shape,
) -> Result<Box<dyn Shape>> {
    let errand = app.read_as(caller, request, |cx| {
        authorize(cx, route, input)?;
        (outside.prepare)(cx, input)
    })?;
    let output = errand(app, input)?;
    if let Some(settle) = &outside.settle {
        app.write_as(caller, request, |cx| {
            settle(cx, input, output.as_ref())?;
            record(cx, route, input, output.as_ref())
        })?;
    }
    Ok(output)
}

/// What the operation answers, or what it refuses although its transaction is to be committed.
type Written = Result<Box<dyn Shape>>;

fn write_audited(cx: &mut WriteCx<'_>, route: &Route, input: &dyn Shape) -> Result<Written> {
    let handler = route.writer(input).ok_or_else(|| Error::internal(format!("{} does not write", route.op.name)))?;
    authorize(cx, route, input)?;
    let output = handler(cx, input)?;
    if let Some(error) = cx.refusal.take() {
        return Ok(Err(error));
    }
    record(cx, route, input, output.as_ref())?;
    Ok(Ok(output))
}

/// Writes the audit record of a change.
fn record(cx: &mut WriteCx<'_>, route: &Route, input: &dyn Shape, output: &dyn Shape) -> Result<()> {
    let record = Record::of(&Call {
        caller: &cx.caller,
        request: &cx.request,
        op: route.op,
        input,
        output: Some(output),
        error: None,
        is_read_only: false,
        at: cx.now,
    });
    let Some(record) = record else { return Ok(()) };
    let mut random = cx.random.fork();
    record.write(&mut cx.write(), &mut random)
}

fn authorize(cx: &mut Cx<'_>, route: &Route, input: &dyn Shape) -> Result<()> {
    match route.access(cx, input)? {
        Access::Open => Ok(()),
        Access::UnlessDenied(permission) => {
            let app = Arc::clone(cx.app);
            app.authorizer().refuse_explicit_deny(cx, &permission)
        }
        Access::Permissions(permissions) => {
            permissions.iter().try_for_each(|permission| cx.require(permission))?;
            cx.permissions = permissions;
            Ok(())
        }
    }
}
