//! Delegated administrators: members that administer a service for the organization.

use crate::organization::{self, Organization};
use crate::tree::{self, Target};
use crate::{account, messages, page, trusted_access};
use base::{AccountId, Timestamp};
use catalog::DelegatedAdministrators;
use iam::account::AccountState;
use kernel::scope::Scope;
use kernel::{Cx, Error, Permission, Result, Route, Tx, WriteCx, params, route};
use model::organizations::{
    AccountAlreadyRegisteredException, AccountNotRegisteredException, ConstraintViolationExceptionReason as Constraint,
    DelegatedAdministrator, DelegatedService, DeregisterDelegatedAdministratorRequest,
    ListDelegatedAdministratorsRequest, ListDelegatedAdministratorsResponse, ListDelegatedServicesForAccountRequest,
    ListDelegatedServicesForAccountResponse, RegisterDelegatedAdministratorRequest, ops,
};
use smithy::schema::Unit;

/// Whether the account administers the service for the organization.
///
/// # Errors
/// When the database fails.
pub fn is_registered(tx: &mut Tx, org: &Organization, account: &AccountId, service: &str) -> Result<bool> {
    let sql = "select 1 from org_delegated_administrator where org_id = $1 and account_id = $2 and service = $3";
    tx.exists(sql, params![org.id, account, service])
}

/// Refuses a service that does not know delegated administrators; otherwise gives the most that it may have.
fn require_service(service: &str) -> Result<Option<u16>> {
    match catalog::trusted_service(service).map(|service| service.delegated_administrators) {
        Some(DelegatedAdministrators::Unlimited) => Ok(None),
        Some(DelegatedAdministrators::AtMost(limit)) => Ok(Some(limit)),
        Some(DelegatedAdministrators::Unsupported) | None => Err(messages::unrecognized_service()),
    }
}

fn require_member(tx: &mut Tx, org: &Organization, id: &str) -> Result<account::Member> {
    let id = AccountId::parse(id).ok_or_else(messages::invalid_pattern)?;
    account::find(tx, org, &id)?.ok_or_else(messages::no_account)
}

fn not_registered() -> Error {
    let message = "The provided account is not a registered delegated administrator for your organization.";
    AccountNotRegisteredException::new(message).into()
}

fn register(cx: &mut WriteCx<'_>, input: &RegisterDelegatedAdministratorRequest) -> Result<Unit> {
    let org = organization::require_management(cx)?;
    organization::require_all_features(&org)?;
    let service = input.service_principal.as_str();
    let limit = require_service(service)?;
    let member = require_member(cx.tx, &org, &input.account_id)?;
    if member.id == org.management {
        let message = "You cannot register master account/yourself as delegated administrator for your organization.";
        return Err(messages::constraint(Constraint::CannotRegisterMasterAsDelegatedAdministrator, message));
    }
    if member.state != AccountState::Active {
        let message = "You cannot register a suspended account as a delegated administrator.";
        return Err(messages::constraint(Constraint::CannotRegisterSuspendedAccountAsDelegatedAdministrator, message));
    }
    if !trusted_access::is_trusted(cx.tx, &org.id, service)? {
        let message = "You must enable trusted access for the service before you can register a delegated \
                       administrator for it.";
        return Err(messages::constraint(Constraint::ServiceAccessNotEnabled, message));
    }
    if is_registered(cx.tx, &org, &member.id, service)? {
        let message = "The provided account is already a delegated administrator for your organization.";
        return Err(AccountAlreadyRegisteredException::new(message).into());
    }
    let of_service = "select count(*) from org_delegated_administrator where org_id = $1 and service = $2";
    let count = cx.tx.count(of_service, params![org.id, service])?;
    if limit.is_some_and(|limit| count >= i64::from(limit)) {
        let message = "You have exceeded the allowed number of delegated administrators for the service.";
        return Err(messages::constraint(Constraint::MaxDelegatedAdministratorsForServiceLimitExceeded, message));
    }
    let now = cx.now;
    cx.write().exec_one(
        "insert into org_delegated_administrator (org_id, account_id, service, enabled_at) values ($1, $2, $3, $4)",
        params![org.id, member.id, service, now],
    )?;
    cx.touch(Scope::organization(&org.id));
    Ok(Unit {})
}

fn deregister(cx: &mut WriteCx<'_>, input: &DeregisterDelegatedAdministratorRequest) -> Result<Unit> {
    let org = organization::require_management(cx)?;
    organization::require_all_features(&org)?;
    require_service(&input.service_principal)?;
    let member = require_member(cx.tx, &org, &input.account_id)?;
    if !is_registered(cx.tx, &org, &member.id, &input.service_principal)? {
        return Err(not_registered());
    }
    cx.write().exec_one(
        "delete from org_delegated_administrator where org_id = $1 and account_id = $2 and service = $3",
        params![org.id, member.id, input.service_principal],
    )?;
    cx.touch(Scope::organization(&org.id));
    Ok(Unit {})
}

fn list_permission(input: &ListDelegatedAdministratorsRequest) -> Permission {
    let permission = Permission::new("organizations:ListDelegatedAdministrators", "*");
    match &input.service_principal {
        Some(service) => permission.with("organizations:ServicePrincipal", service),
        None => permission,
    }
}

fn list(cx: &mut Cx<'_>, input: &ListDelegatedAdministratorsRequest) -> Result<ListDelegatedAdministratorsResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    organization::require_all_features(&org)?;
    let service = input.service_principal.as_deref().unwrap_or_default();
    if !service.is_empty() && catalog::trusted_service(service).is_none() {
        return Err(messages::unrecognized_service());
    }
    let list = ["ListDelegatedAdministrators", service];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (after, after_id) = cursor.position();
    let rows: Vec<(Timestamp, AccountId)> = cx.tx.all(
        "select d.since, d.account_id from (select account_id, min(enabled_at) as since \
            from org_delegated_administrator where org_id = $1 and (service = $2 or $2 = '') group by account_id) d \
         where (d.since, d.account_id) > ($3, $4) order by d.since, d.account_id limit $5",
        params![org.id, service, after, after_id, cursor.fetch],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |(since, id)| page::key(*since, id.as_str()))?;
    let mut administrators = Vec::with_capacity(rows.len());
    for (since, id) in rows {
        administrators.push(description(cx.tx, &org, &id, since)?);
    }
    Ok(ListDelegatedAdministratorsResponse { delegated_administrators: Some(administrators), next_token })
}

fn description(tx: &mut Tx, org: &Organization, id: &AccountId, since: Timestamp) -> Result<DelegatedAdministrator> {
    let member = account::find(tx, org, id)?
        .ok_or_else(|| Error::internal(format!("delegated administrator {id} is no member")))?;
    let account = account::descriptions(tx, org, vec![member])?.pop().unwrap_or_default();
    Ok(DelegatedAdministrator {
        arn: account.arn,
        delegation_enabled_date: Some(since),
        email: account.email,
        id: account.id,
        joined_method: account.joined_method,
        joined_timestamp: account.joined_timestamp,
        name: account.name,
        state: account.state,
        status: account.status,
    })
}

fn list_services(
    cx: &mut Cx<'_>,
    input: &ListDelegatedServicesForAccountRequest,
) -> Result<ListDelegatedServicesForAccountResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    organization::require_all_features(&org)?;
    let member = require_member(cx.tx, &org, &input.account_id)?;
    if !organization::is_delegate(cx.tx, &org, &member.id)? {
        return Err(not_registered());
    }
    let list = ["ListDelegatedServicesForAccount", member.id.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (after, after_service) = cursor.position();
    let rows: Vec<(Timestamp, String)> = cx.tx.all(
        "select enabled_at, service from org_delegated_administrator where org_id = $1 and account_id = $2 \
         and (enabled_at, service) > ($3, $4) order by enabled_at, service limit $5",
        params![org.id, member.id, after, after_service, cursor.fetch],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |(since, service)| page::key(*since, service))?;
    let services = rows.into_iter().map(|(since, service)| DelegatedService {
        delegation_enabled_date: Some(since),
        service_principal: Some(service),
    });
    Ok(ListDelegatedServicesForAccountResponse { delegated_services: Some(services.collect()), next_token })
}

fn account_permission(cx: &mut Cx<'_>, operation: &str, account: &str, service: &str) -> Result<Permission> {
    let arn = |org: &Organization| Target::parse(account).map_or_else(|| "*".to_owned(), |target| target.arn(org));
    Ok(organization::permission(cx, operation, arn)?.with("organizations:ServicePrincipal", service))
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::RegisterDelegatedAdministrator>(
            |cx, input| {
                let operation = "RegisterDelegatedAdministrator";
                Ok(account_permission(cx, operation, &input.account_id, &input.service_principal)?.into())
            },
            register,
        ),
        route::write::<ops::DeregisterDelegatedAdministrator>(
            |cx, input| {
                let operation = "DeregisterDelegatedAdministrator";
                Ok(account_permission(cx, operation, &input.account_id, &input.service_principal)?.into())
            },
            deregister,
        ),
        route::read::<ops::ListDelegatedAdministrators>(|_, input| Ok(list_permission(input).into()), list),
        route::read::<ops::ListDelegatedServicesForAccount>(
            |cx, input| Ok(tree::permission(cx, "ListDelegatedServicesForAccount", &input.account_id)?.into()),
            list_services,
        ),
    ]
}
