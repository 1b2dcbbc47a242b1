//! How instances begin and end.

use super::{Instance, Kind, get, of_organization, signer, touch};
use crate::{
    SERVICE, access, application, messages, permission_set, provision, region, session, tag, trusted_token_issuer,
};
use base::{AccountId, InstanceId, OrgId};
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::{App, Caller, Error, Permission, RequestInfo, Result, WriteCx, params};
use model::organizations::{EnableAWSServiceAccessRequest, ops};
use std::sync::Arc;

/// Ends an instance once nothing of it is left in any account; key: its id.
const END: JobKind = JobKind("sso.end_instance");
/// Seconds between two looks at whether roles are still there.
const PAUSE_SECONDS: i64 = 2;
/// Life of a portal session until the owner chooses another, in seconds.
const SESSION_SECONDS_DEFAULT: i64 = 8 * 3_600;

/// What an instance is made of.
pub(super) struct New {
    pub(super) owner: AccountId,
    pub(super) org: Option<OrgId>,
    pub(super) name: Option<String>,
}

/// Enables IAM Identity Center for the organization that the caller manages, as the console does (`StartSSO`): gives
/// the service trusted access, with the caller's permission, and makes the instance and its empty identity store.
///
/// # Errors
/// `AccessDeniedException` for every member but the management account, and for callers without the permissions
/// `organizations:EnableAWSServiceAccess` and `iam:CreateServiceLinkedRole` where those are needed;
/// `ValidationException` without an organization or all its features; `ConflictException` when there is an instance.
pub fn enable(cx: &mut WriteCx<'_>, name: Option<&str>) -> Result<Instance> {
    let account = cx.account()?;
    let Some(organization) = org::organization::of_account(cx.tx, &account)? else {
        let message = "The account is in no organization: create one first with aws organizations create-organization";
        return Err(messages::validation(message));
    };
    if organization.management != account {
        return Err(messages::denied("Only the management account of the organization can enable IAM Identity Center"));
    }
    if !organization.has_all_features() {
        let message = "To enable IAM Identity Center, the organization must have all features enabled";
        return Err(messages::validation(message));
    }
    if of_organization(cx.tx, &organization.id)?.is_some() {
        return Err(messages::conflict("IAM Identity Center is already enabled for the organization"));
    }
    require_linked_role(cx, &account)?;
    if !org::trusted_access::is_trusted(cx.tx, &organization.id, SERVICE)? {
        let input = EnableAWSServiceAccessRequest { service_principal: SERVICE.to_owned() };
        cx.call::<ops::EnableAWSServiceAccess>(&input)?;
    }
    let new = New { owner: account, org: Some(organization.id), name: name.map(str::to_owned) };
    create(cx, new)
}

/// Requires what the creation of the service-linked role takes, where there is none yet.
fn require_linked_role(cx: &mut WriteCx<'_>, account: &AccountId) -> Result<()> {
    if iam::service_linked_role::find(cx.tx, account, SERVICE)?.is_some() {
        return Ok(());
    }
    let name = catalog::service_linked_role(SERVICE).map_or("AWSServiceRoleForSSO", |template| template.role_name);
    let arn = format!("arn:aws:iam::{account}:role/aws-service-role/{SERVICE}/{name}");
    cx.require(&Permission::new("iam:CreateServiceLinkedRole", arn).with("iam:AWSServiceName", SERVICE))
}

/// Makes an instance with an empty identity store.
pub(super) fn create(cx: &mut WriteCx<'_>, new: New) -> Result<Instance> {
    let store = identity::store::create(cx, &new.owner)?;
    let id = InstanceId::random(&mut cx.random);
    let (app, now) = (Arc::clone(cx.app), cx.now);
    let (private_key, certificate) = signer::generate(&app, &id, now, &mut cx.random)?;
    let provider_suffix = cx.random.text(b"0123456789abcdef", 16);
    let kind = if new.org.is_some() { Kind::Organization } else { Kind::Account };
    let region = app.settings.region.clone();
    cx.write().exec_one(
        "insert into sso_instance (id, kind, owner_account_id, org_id, store_id, name, region, status, provider_suffix, \
           certificate, private_key, session_seconds, session_idle_seconds, allows_account_instances, settings, \
           created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, 'ACTIVE', $8, $9, $10, $11, $11, 0, '{}', $12)",
        params![
            id,
            kind.as_str(),
            new.owner,
            new.org,
            store.id,
            new.name,
            region,
            provider_suffix,
            certificate,
            private_key,
            SESSION_SECONDS_DEFAULT,
            now
        ],
    )?;
    region::insert(&mut cx.write(), &id, &region, true, now)?;
    let instance = get(cx.tx, &id)?.ok_or_else(|| Error::internal("a new instance is missing"))?;
    touch(cx, &instance);
    Ok(instance)
}

/// Deletes an organization's instance with all that belongs to it: assignments and the roles and SAML providers behind
/// them, permission sets, applications, sessions, users and groups. Trusted access and the service-linked roles stay.
/// The instance is gone once the roles are; until then its status is `DELETE_IN_PROGRESS`.
///
/// # Errors
/// `AccessDeniedException` for everybody but the owner, and while trusted access is off although roles stand, which
/// the service could not remove; `ConflictException` when the deletion is under way.
pub fn delete_organization_instance(cx: &mut WriteCx<'_>, instance: &Instance) -> Result<()> {
    access::require_organization(instance)?;
    if cx.account()? != instance.owner {
        return Err(messages::denied("Only the management account may delete the instance of the organization"));
    }
    if !instance.is_active() {
        return Err(messages::instance_not_active(&instance.id));
    }
    let provisioned = "select 1 from sso_provisioned where instance_id = $1 limit 1";
    if cx.tx.exists(provisioned, params![instance.id])? {
        access::require_service(cx, instance)?;
    }
    let now = cx.now;
    let mut tx = cx.write();
    tx.exec_one("update sso_instance set status = 'DELETE_IN_PROGRESS' where id = $1", params![instance.id])?;
    tx.exec("delete from sso_assignment where instance_id = $1", params![instance.id])?;
    touch(cx, instance);
    session::end_all_of_instance(cx, &instance.id)?;
    provision::withdraw(cx, instance)?;
    cx.enqueue(END, instance.id.as_str(), now)
}

/// What follows when an organization ceased to be: its instance goes too. Nobody vouches for the service any more, so
/// what it made in the account that managed the organization stays.
///
/// # Errors
/// When the database fails.
pub fn on_organization_deleted(cx: &mut WriteCx<'_>, org: &OrgId) -> Result<()> {
    match of_organization(cx.tx, org)? {
        Some(instance) => remove(cx, &instance),
        None => Ok(()),
    }
}

/// Removes every row of an instance.
pub(super) fn remove(cx: &mut WriteCx<'_>, instance: &Instance) -> Result<()> {
    let id = &instance.id;
    session::end_all_of_instance(cx, id)?;
    application::on_instance_deleted(cx, id)?;
    trusted_token_issuer::on_instance_deleted(cx, id)?;
    let mut tx = cx.write();
    let permission_sets = format!("{}%", permission_set::arns_of(id));
    tx.exec("delete from sso_tag where resource_arn like $1", params![permission_sets])?;
    tag::clear(&mut tx, &instance.arn())?;
    for sql in [
        "delete from sso_operation where instance_id = $1",
        "delete from sso_assignment where instance_id = $1",
        "delete from sso_provisioned where instance_id = $1",
        "delete from sso_permission_set_managed_policy where permission_set_id in \
           (select id from sso_permission_set where instance_id = $1)",
        "delete from sso_permission_set_customer_policy where permission_set_id in \
           (select id from sso_permission_set where instance_id = $1)",
        "delete from sso_permission_set where instance_id = $1",
        "delete from sso_attribute where instance_id = $1",
        "delete from sso_attribute_configuration where instance_id = $1",
        "delete from sso_region where instance_id = $1",
    ] {
        tx.exec(sql, params![id])?;
    }
    tx.exec_one("delete from sso_instance where id = $1", params![id])?;
    touch(cx, instance);
    identity::store::delete(cx, &instance.store)
}

fn end(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let id = InstanceId::parse(key).ok_or_else(|| Error::internal(format!("no instance is called {key}")))?;
    app.write_as(&Caller::Service(SERVICE.to_owned()), &RequestInfo::of_service(app, SERVICE), |cx| {
        let Some(instance) = get(cx.tx, &id)?.filter(|instance| !instance.is_active()) else {
            return Ok(Outcome::Done);
        };
        // A role that could not be removed, say because its account is suspended, must not keep everything else.
        let waiting = "select 1 from sso_provisioned where instance_id = $1 and due_at is not null limit 1";
        if cx.tx.exists(waiting, params![id])? {
            return Ok(Outcome::Again(cx.now.plus_seconds(PAUSE_SECONDS)));
        }
        remove(cx, &instance)?;
        Ok(Outcome::Done)
    })
}

pub(super) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: END, run: end }]
}
