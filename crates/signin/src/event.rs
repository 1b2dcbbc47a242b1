//! What happens at the console's sign-in, in the audit trail.

use base::AccountId;
use kernel::audit::{ConsoleEvent, ConsoleIdentity, Record};
use kernel::{PrincipalCaller, Result, WriteCx};

/// What the audit trail says of a failed proof, whichever it was.
pub(crate) const FAILED: &str = "Failed authentication";

/// Records an event of `account`; `error` says why it failed.
///
/// # Errors
/// When the database fails.
pub fn record(
    cx: &mut WriteCx<'_>,
    account: &AccountId,
    event_name: &'static str,
    identity: ConsoleIdentity<'_>,
    additional: &[(&'static str, &str)],
    error: Option<&str>,
) -> Result<()> {
    let request = cx.request.clone();
    let event = ConsoleEvent { account, event_name, identity, request: &request, additional, error, at: cx.now };
    let mut random = cx.random.fork();
    Record::of_console_event(&event).write(&mut cx.write(), &mut random)
}

/// Records that `caller` has signed in to the console.
///
/// # Errors
/// When the database fails.
pub fn signed_in(cx: &mut WriteCx<'_>, caller: &PrincipalCaller, login_to: &str) -> Result<()> {
    let has_code = caller.session.as_ref().is_some_and(|session| session.mfa_at.is_some());
    let additional = [("LoginTo", login_to), ("MobileVersion", "No"), ("MFAUsed", if has_code { "Yes" } else { "No" })];
    record(cx, &caller.account, "ConsoleLogin", ConsoleIdentity::Principal(caller), &additional, None)
}
