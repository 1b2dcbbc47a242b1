//! Service-linked roles in the accounts of an organization.
//!
//! Organizations makes them as itself: it assumes its own role `AWSServiceRoleForOrganizations` in the account, whose
//! policy allows nothing but that.

use crate::guardrails;
use base::{AccountId, OrgId};
use kernel::caller::Caller;
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::settings::MemberCreation;
use kernel::{App, Error, Result, WriteCx, params};
use model::iam::{CreateServiceLinkedRoleRequest, ops};
use std::sync::Arc;

/// The service principal of Organizations.
pub const SERVICE: &str = "organizations.amazonaws.com";
/// Gives every member of an organization the role of a trusted service; key: `<organization>/<service>`.
pub const SWEEP: JobKind = JobKind("org.sweep_service_linked_roles");
/// Gives a member the role of a trusted service; key: `<account>/<service>`.
pub const ENSURE: JobKind = JobKind("org.ensure_service_linked_role");

/// Makes sure that `account` has the service-linked role of `service`, in its canonical form.
///
/// # Errors
/// When Organizations may not act in the account, or the database fails.
pub fn ensure(cx: &mut WriteCx<'_>, account: &AccountId, service: &str) -> Result<()> {
    let Some(template) = catalog::service_linked_role(service) else { return Ok(()) };
    if service == SERVICE {
        iam::service_linked_role::create_service_linked(cx, account, service)?;
        return Ok(());
    }
    if let Some(role) = iam::role::find(cx.tx, account, template.role_name)? {
        return iam::service_linked_role::ensure_canonical(cx, &role);
    }
    let own = iam::service_linked_role::create_service_linked(cx, account, SERVICE)?;
    let caller = {
        let mut as_service = cx.write_as(Caller::Service(SERVICE.to_owned()));
        iam::sts::assume_for_service(&mut as_service, SERVICE, &own, "organizations")?
    };
    let input = CreateServiceLinkedRoleRequest {
        aws_service_name: service.to_owned(),
        ..CreateServiceLinkedRoleRequest::default()
    };
    cx.write_as(Caller::Principal(caller)).call::<ops::CreateServiceLinkedRole>(&input)?;
    Ok(())
}

/// What follows when trusted access was switched on: the management account has the role before the call returns, the
/// members get it from a job.
///
/// # Errors
/// As [`ensure`].
pub fn on_trusted_access_enabled(cx: &mut WriteCx<'_>, org: &OrgId, service: &str) -> Result<()> {
    if catalog::service_linked_role(service).is_none() || !is_linked_at_enabling(service) {
        return Ok(());
    }
    let management: AccountId =
        cx.tx
            .one("select management_account_id from org_organization where id = $1", params![org], |row| row.get(0))?;
    ensure(cx, &management, service)?;
    if cx.app.settings.service_linked_roles.member_creation == MemberCreation::Eager {
        let now = cx.now;
        cx.enqueue(SWEEP, &format!("{org}/{service}"), now)?;
    }
    Ok(())
}

/// What follows when an account became a member: Organizations' own role at once, those of trusted services by jobs.
///
/// # Errors
/// As [`ensure`].
pub fn on_account_joined(cx: &mut WriteCx<'_>, org: &OrgId, account: &AccountId) -> Result<()> {
    ensure(cx, account, SERVICE)?;
    if cx.app.settings.service_linked_roles.member_creation != MemberCreation::Eager {
        return Ok(());
    }
    let sql = "select service from org_trusted_service where org_id = $1 order by service";
    let services: Vec<String> = cx.tx.all(sql, params![org], |row| row.get(0))?;
    let now = cx.now;
    for service in services.iter().filter(|service| is_linked_at_enabling(service)) {
        cx.enqueue(ENSURE, &format!("{account}/{service}"), now)?;
    }
    Ok(())
}

/// Services whose roles Organizations makes as soon as they are trusted; the others make their own when first used.
fn is_linked_at_enabling(service: &str) -> bool {
    service == "sso.amazonaws.com"
}

pub(crate) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: SWEEP, run: sweep }, JobHandler { kind: ENSURE, run: ensure_in_member }]
}

fn sweep(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let (org, service) = key.split_once('/').ok_or_else(|| Error::internal(format!("no sweep is called {key}")))?;
    crate::organization::write_as_service(app, |cx| {
        let trusted = "select 1 from org_trusted_service where org_id = $1 and service = $2";
        if !cx.tx.exists(trusted, params![org, service])? {
            return Ok(());
        }
        let members = "select a.account_id from org_account a join iam_account i on i.id = a.account_id \
                       where a.org_id = $1 and i.state = 'ACTIVE' order by a.account_id";
        let accounts: Vec<AccountId> = cx.tx.all(members, params![org], |row| row.get(0))?;
        let now = cx.now;
        accounts.iter().try_for_each(|account| cx.enqueue(ENSURE, &format!("{account}/{service}"), now))
    })?;
    Ok(Outcome::Done)
}

fn ensure_in_member(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let parts = key.split_once('/').and_then(|(account, service)| Some((AccountId::parse(account)?, service)));
    let (account, service) = parts.ok_or_else(|| Error::internal(format!("no role is called {key}")))?;
    crate::organization::write_as_service(app, |cx| {
        let is_active = iam::account::get(cx.tx, &account)?
            .is_some_and(|account| account.state == iam::account::AccountState::Active);
        let is_member = guardrails::membership(cx.tx, &account)?.is_some();
        if is_active && is_member && guardrails::vouches(cx.tx, service, &account)? {
            ensure(cx, &account, service)?;
        }
        Ok(())
    })?;
    Ok(Outcome::Done)
}
