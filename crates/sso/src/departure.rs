//! Cleaning up an account that left the organization: the roles and the SAML provider that single sign-on made there,
//! then its service-linked role. The service does it as itself, through that very role, for which Organizations still
//! vouches until the departure is settled.

use crate::SERVICE;
use base::AccountId;
use kernel::caller::{Caller, PrincipalCaller};
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::{App, Error, RequestInfo, Result, WriteCx, params};
use model::iam::{self as shapes, ops};
use std::sync::Arc;

/// Removes what single sign-on has in an account that left; key: the account.
pub const CLEAN_UP: JobKind = JobKind("sso.clean_up_departed_account");

/// Path of the roles that single sign-on makes.
const RESERVED_PATH: &str = "/aws-reserved/sso.amazonaws.com/";
/// How the SAML providers that single sign-on makes begin, as a pattern with `!` before what stands for itself.
const PROVIDER_PREFIX: &str = "AWSSSO!_";

pub(crate) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: CLEAN_UP, run: clean_up }]
}

/// What follows when an account left: what is known of it goes at once; what is in it goes by a job, unless the service
/// could not reach the account any more.
///
/// # Errors
/// When the database fails.
pub fn on_account_left(cx: &mut WriteCx<'_>, account: &AccountId) -> Result<()> {
    crate::provision::forget_account(cx, account)?;
    let now = cx.now;
    cx.enqueue(CLEAN_UP, account.as_str(), now)
}

fn clean_up(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let account = AccountId::parse(key).ok_or_else(|| Error::internal(format!("no account is called {key}")))?;
    app.write_as(&Caller::Service(SERVICE.to_owned()), &RequestInfo::of_service(app, SERVICE), |cx| {
        let pending = "select is_vouched from org_departure where account_id = $1 and service = $2";
        let is_vouched: Option<bool> = cx.tx.opt(pending, params![account, SERVICE], |row| row.get(0))?;
        if is_vouched == Some(true) {
            remove_resources(cx, &account)?;
        }
        let settled = "delete from org_departure where account_id = $1 and service = $2";
        cx.write().exec(settled, params![account, SERVICE])?;
        cx.touch(kernel::scope::Scope::account(&account));
        Ok(())
    })?;
    Ok(Outcome::Done)
}

fn remove_resources(cx: &mut WriteCx<'_>, account: &AccountId) -> Result<()> {
    let Some(linked) = iam::service_linked_role::find(cx.tx, account, SERVICE)? else { return Ok(()) };
    let caller = iam::sts::assume_for_service(cx, SERVICE, &linked, "AWS-SSO")?;
    remove_what_was_made(cx, &caller)?;
    let input = shapes::DeleteServiceLinkedRoleRequest { role_name: linked.name };
    cx.write_as(Caller::Principal(caller)).call::<ops::DeleteServiceLinkedRole>(&input)?;
    Ok(())
}

/// Removes every role and SAML provider of single sign-on from the caller's account.
///
/// # Errors
/// Those of IAM's operations.
pub(crate) fn remove_what_was_made(cx: &mut WriteCx<'_>, caller: &PrincipalCaller) -> Result<()> {
    remove_reserved_roles(cx, caller)?;
    remove_providers(cx, caller)
}

fn remove_reserved_roles(cx: &mut WriteCx<'_>, caller: &PrincipalCaller) -> Result<()> {
    let sql = "select name from iam_role where account_id = $1 and path like $2 order by name";
    let like = format!("{RESERVED_PATH}%");
    let names: Vec<String> = cx.tx.all(sql, params![caller.account, like], |row| row.get(0))?;
    for role_name in names {
        let cx = &mut cx.write_as(Caller::Principal(caller.clone()));
        let list = shapes::ListAttachedRolePoliciesRequest { role_name: role_name.clone(), ..Default::default() };
        let attached = cx.call::<ops::ListAttachedRolePolicies>(&list)?.attached_policies.unwrap_or_default();
        for policy_arn in attached.into_iter().filter_map(|policy| policy.policy_arn) {
            cx.call::<ops::DetachRolePolicy>(&shapes::DetachRolePolicyRequest {
                role_name: role_name.clone(),
                policy_arn,
            })?;
        }
        let list = shapes::ListRolePoliciesRequest { role_name: role_name.clone(), ..Default::default() };
        for policy_name in cx.call::<ops::ListRolePolicies>(&list)?.policy_names {
            cx.call::<ops::DeleteRolePolicy>(&shapes::DeleteRolePolicyRequest {
                role_name: role_name.clone(),
                policy_name,
            })?;
        }
        cx.call::<ops::DeleteRole>(&shapes::DeleteRoleRequest { role_name })?;
    }
    Ok(())
}

fn remove_providers(cx: &mut WriteCx<'_>, caller: &PrincipalCaller) -> Result<()> {
    let sql = "select arn from iam_saml_provider where account_id = $1 and name like $2 escape '!' order by arn";
    let like = format!("{PROVIDER_PREFIX}%");
    let arns: Vec<String> = cx.tx.all(sql, params![caller.account, like], |row| row.get(0))?;
    for saml_provider_arn in arns {
        let input = shapes::DeleteSAMLProviderRequest { saml_provider_arn };
        cx.write_as(Caller::Principal(caller.clone())).call::<ops::DeleteSAMLProvider>(&input)?;
    }
    Ok(())
}
