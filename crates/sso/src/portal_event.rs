//! What people do at the portal, in the audit trail of the account that owns the instance.

use crate::instance::{self, Instance};
use crate::session::PortalSession;
use kernel::audit::{EventIdentity, Record, ServiceEvent};
use kernel::{Result, WriteCx};

/// Records that the person behind `session` did something: `Authenticate`, `Federate`, `Logout`. `parameters` hold no
/// secrets.
///
/// # Errors
/// When the database fails.
pub fn record(
    cx: &mut WriteCx<'_>,
    session: &PortalSession,
    event_name: &'static str,
    parameters: &[(&'static str, &str)],
) -> Result<()> {
    let Some(instance) = instance::get(cx.tx, &session.instance)? else { return Ok(()) };
    let user = identity::user::get(cx.tx, &instance.store, &session.user)?;
    let user_name = user.map(|user| user.user_name).unwrap_or_default();
    let identity = EventIdentity::IdentityCenterUser {
        user: &session.user,
        user_name: &user_name,
        store: &instance.store,
        session: Some(&session.id),
    };
    let event = ServiceEvent {
        account: &instance.owner,
        event_source: crate::SERVICE,
        event_name,
        identity,
        request: &cx.request.clone(),
        parameters,
        additional: &[],
        has_succeeded: None,
        at: cx.now,
    };
    write(cx, &event)
}

/// Records a step of signing in to `instance`. `user_name` is `None` when nobody has the name that was given.
pub(crate) fn record_sign_in(
    cx: &mut WriteCx<'_>,
    instance: &Instance,
    event_name: &'static str,
    workflow: &str,
    user_name: Option<&str>,
    has_succeeded: bool,
) -> Result<()> {
    let start_url = instance.start_url();
    let event = ServiceEvent {
        account: &instance.owner,
        event_source: "signin.amazonaws.com",
        event_name,
        identity: EventIdentity::Unknown { user_name },
        request: &cx.request.clone(),
        parameters: &[],
        additional: &[("AuthWorkflowID", workflow), ("CredentialType", "PASSWORD"), ("LoginTo", &start_url)],
        has_succeeded: Some(has_succeeded),
        at: cx.now,
    };
    write(cx, &event)
}

fn write(cx: &mut WriteCx<'_>, event: &ServiceEvent<'_>) -> Result<()> {
    let mut random = cx.random.fork();
    Record::of_event(event).write(&mut cx.write(), &mut random)
}
