//! Trusted access of services.

use crate::organization::{self, Organization};
use crate::{messages, page, policy_type};
use base::{OrgId, Timestamp};
use kernel::scope::Scope;
use kernel::{Access, Cx, Event, Permission, Result, Route, Tx, WriteCx, params, route};
use model::organizations::{
    ConstraintViolationExceptionReason as Constraint, DisableAWSServiceAccessRequest, EnableAWSServiceAccessRequest,
    EnabledServicePrincipal, ListAWSServiceAccessForOrganizationRequest, ListAWSServiceAccessForOrganizationResponse,
    PolicyType, ops,
};
use smithy::schema::Unit;
use std::sync::Arc;

/// Whether `org` trusts the service.
///
/// # Errors
/// When the database fails.
pub fn is_trusted(tx: &mut Tx, org: &OrgId, service: &str) -> Result<bool> {
    let sql = "select 1 from org_trusted_service where org_id = $1 and service = $2";
    tx.exists(sql, params![org, service])
}

/// The organization that the caller manages, when it can trust `service`.
fn require(cx: &mut Cx<'_>, service: &str) -> Result<Arc<Organization>> {
    let org = organization::require_management(cx)?;
    organization::require_all_features(&org)?;
    if catalog::trusted_service(service).is_none() {
        return Err(messages::unrecognized_service());
    }
    Ok(org)
}

fn enable(cx: &mut WriteCx<'_>, input: &EnableAWSServiceAccessRequest) -> Result<Unit> {
    let org = require(cx, &input.service_principal)?;
    let service = input.service_principal.clone();
    if is_trusted(cx.tx, &org.id, &service)? {
        return Ok(Unit {});
    }
    let now = cx.now;
    let sql = "insert into org_trusted_service (org_id, service, enabled_at) values ($1, $2, $3)";
    cx.write().exec_one(sql, params![org.id, service, now])?;
    cx.touch(Scope::organization(&org.id));
    cx.emit(Event::TrustedAccessEnabled { org: org.id.clone(), service });
    Ok(Unit {})
}

fn disable(cx: &mut WriteCx<'_>, input: &DisableAWSServiceAccessRequest) -> Result<Unit> {
    let org = require(cx, &input.service_principal)?;
    let service = input.service_principal.clone();
    if !is_trusted(cx.tx, &org.id, &service)? {
        return Ok(Unit {});
    }
    for policy_type in PolicyType::ALL.iter().filter(|it| policy_type::prerequisite(**it) == Some(&service)) {
        if policy_type::status(cx.tx, &org, *policy_type)?.is_some() {
            let message = "You must disable the policy type that depends on this service before you can disable \
                           trusted access for it.";
            return Err(messages::constraint(Constraint::PolicyTypeEnabledForThisService, message));
        }
    }
    let sql = "delete from org_trusted_service where org_id = $1 and service = $2";
    cx.write().exec_one(sql, params![org.id, service])?;
    cx.touch(Scope::organization(&org.id));
    cx.emit(Event::TrustedAccessDisabled { org: org.id.clone(), service });
    Ok(Unit {})
}

fn list_permission() -> Permission {
    Permission::new("organizations:ListAWSServiceAccessForOrganization", "*")
}

fn list(
    cx: &mut Cx<'_>,
    input: &ListAWSServiceAccessForOrganizationRequest,
) -> Result<ListAWSServiceAccessForOrganizationResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    organization::require_all_features(&org)?;
    let list = ["ListAWSServiceAccessForOrganization"];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (after, after_service) = cursor.position();
    let rows: Vec<(Timestamp, String)> = cx.tx.all(
        "select enabled_at, service from org_trusted_service where org_id = $1 and (enabled_at, service) > ($2, $3) \
         order by enabled_at, service limit $4",
        params![org.id, after, after_service, cursor.fetch],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |(at, service)| page::key(*at, service))?;
    let services = rows
        .into_iter()
        .map(|(at, service)| EnabledServicePrincipal { date_enabled: Some(at), service_principal: Some(service) });
    Ok(ListAWSServiceAccessForOrganizationResponse { enabled_service_principals: Some(services.collect()), next_token })
}

fn access(operation: &str, service: &str) -> Result<Access> {
    let permission = Permission::new(format!("organizations:{operation}"), "*");
    Ok(permission.with("organizations:ServicePrincipal", service).into())
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::EnableAWSServiceAccess>(
            |_, input| access("EnableAWSServiceAccess", &input.service_principal),
            enable,
        ),
        route::write::<ops::DisableAWSServiceAccess>(
            |_, input| access("DisableAWSServiceAccess", &input.service_principal),
            disable,
        ),
        route::read::<ops::ListAWSServiceAccessForOrganization>(|_, _| Ok(list_permission().into()), list),
    ]
}
