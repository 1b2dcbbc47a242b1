//! The instance and its settings.

use super::{DEVICE_APPROVAL, administered, on_everything, ours};
use crate::instance::{self, Instance, Kind};
use crate::{SERVICE, access, messages};
use identity::store::Source;
use kernel::{Access, Cx, Error, Permission, Result, Route, WriteCx, route};
use model::organizations::{self, EnableAWSServiceAccessRequest};
use model::vestibule::{
    DeleteIdentityCenterRequest, DeleteIdentityCenterResponse, DescribeIdentityCenterRequest,
    DescribeIdentityCenterResponse, EnableIdentityCenterRequest, EnableIdentityCenterResponse, IdentityCenter,
    IdentityCenterSettings, IdentitySource, IdentitySourceType, InstanceKind, InstanceStatus,
    UpdateIdentityCenterSettingsRequest, UpdateIdentityCenterSettingsResponse, ops,
};
use serde_json::Value;

/// Whether administrators may let tools in as users of the instance; they may not until the setting says so.
///
/// # Errors
/// When the database fails.
pub(super) fn allows_device_approval(cx: &mut Cx<'_>, instance: &Instance) -> Result<bool> {
    Ok(instance::setting(cx.tx, instance, DEVICE_APPROVAL)? == Some(Value::Bool(true)))
}

pub(super) fn described(cx: &mut Cx<'_>, instance: &Instance) -> Result<IdentityCenter> {
    let store = identity::store::get(cx.tx, &instance.store)?;
    let source = store.map(|store| store.source).ok_or_else(|| Error::internal("an instance has no identity store"))?;
    let (r#type, directory_id) = match source {
        Source::IdentityCenter => (IdentitySourceType::IdentityCenter, None),
        Source::ActiveDirectory(id) => (IdentitySourceType::ActiveDirectory, Some(id.to_string())),
    };
    let kind = match instance.kind {
        Kind::Organization => InstanceKind::Organization,
        Kind::Account => InstanceKind::Account,
    };
    let settings = IdentityCenterSettings {
        account_instances_allowed: (instance.kind == Kind::Organization).then_some(instance.allows_account_instances),
        device_approval_allowed: Some(allows_device_approval(cx, instance)?),
        portal_alias: instance.alias.clone(),
        session_duration_minutes: i32::try_from(instance.session_seconds / 60).ok(),
        session_idle_minutes: i32::try_from(instance.session_idle_seconds / 60).ok(),
    };
    let portal_url = instance::address(cx, instance, "/start")?;
    Ok(IdentityCenter {
        created_date: Some(instance.created_at),
        identity_source: Some(IdentitySource { directory_id, r#type }),
        identity_store_id: Some(instance.store.to_string()),
        instance_arn: Some(instance.arn()),
        kind: Some(kind),
        organization_id: instance.org.as_ref().map(ToString::to_string),
        owner_account_id: Some(instance.owner.to_string()),
        portal_url: Some(portal_url),
        region: Some(instance.region.clone()),
        settings: Some(settings),
        start_url: Some(instance.start_url()),
        status: InstanceStatus::parse(&instance.status),
        trusted_access_enabled: Some(access::is_in_service(cx.tx, instance)?),
    })
}

/// Enables the organization's instance. Where there is one that has lost trusted access, gives it back, as the
/// console's button does.
fn enable(cx: &mut WriteCx<'_>, _: &EnableIdentityCenterRequest) -> Result<EnableIdentityCenterResponse> {
    let account = cx.account()?;
    let existing = match org::organization::of_account(cx.tx, &account)?.filter(|org| org.management == account) {
        Some(org) => instance::of_organization(cx.tx, &org.id)?,
        None => None,
    };
    let instance = match existing {
        Some(instance) if !access::is_in_service(cx.tx, &instance)? => {
            let input = EnableAWSServiceAccessRequest { service_principal: SERVICE.to_owned() };
            cx.call::<organizations::ops::EnableAWSServiceAccess>(&input)?;
            instance
        }
        _ => instance::enable(cx, None)?,
    };
    Ok(EnableIdentityCenterResponse { identity_center: Some(described(cx, &instance)?) })
}

fn describe(cx: &mut Cx<'_>, input: &DescribeIdentityCenterRequest) -> Result<DescribeIdentityCenterResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    Ok(DescribeIdentityCenterResponse { identity_center: Some(described(cx, &instance)?) })
}

fn update(
    cx: &mut WriteCx<'_>,
    input: &UpdateIdentityCenterSettingsRequest,
) -> Result<UpdateIdentityCenterSettingsResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    access::require_service(cx, &instance)?;
    if let Some(minutes) = input.session_duration_minutes {
        instance::set_session_seconds(cx, &instance, i64::from(minutes) * 60)?;
    }
    if let Some(minutes) = input.session_idle_minutes {
        instance::set_session_idle_seconds(cx, &instance, i64::from(minutes) * 60)?;
    }
    if let Some(alias) = &input.portal_alias {
        instance::set_alias(cx, &instance, alias)?;
    }
    if let Some(is_allowed) = input.account_instances_allowed {
        instance::set_allows_account_instances(cx, &instance, is_allowed)?;
    }
    if let Some(is_allowed) = input.device_approval_allowed {
        instance::set_setting(cx, &instance, DEVICE_APPROVAL, Value::Bool(is_allowed))?;
    }
    let instance = instance::get(cx.tx, &instance.id)?.ok_or_else(|| messages::no_instance(&instance.id))?;
    Ok(UpdateIdentityCenterSettingsResponse { identity_center: Some(described(cx, &instance)?) })
}

/// Customizing the start URL takes a permission of its own.
fn update_access(_: &mut Cx<'_>, input: &UpdateIdentityCenterSettingsRequest) -> Result<Access> {
    match input.portal_alias {
        Some(_) => on_everything(&["sso:UpdateSSOConfiguration", "sso-directory:CreateAlias"]),
        None => on_everything(&["sso:UpdateSSOConfiguration"]),
    }
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteIdentityCenterRequest) -> Result<DeleteIdentityCenterResponse> {
    let instance = access::required_instance(cx, &input.instance_arn)?;
    instance::delete_organization_instance(cx, &instance)?;
    Ok(DeleteIdentityCenterResponse {})
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::EnableIdentityCenter>(
            |_, _| Ok(Permission::new("sso:StartSSO", "*").into()),
            |cx, input| ours(enable(cx, input)),
        ),
        route::read::<ops::DescribeIdentityCenter>(
            |_, _| on_everything(&["sso:GetSSOStatus", "sso:GetSsoConfiguration"]),
            |cx, input| ours(describe(cx, input)),
        ),
        route::write::<ops::UpdateIdentityCenterSettings>(update_access, |cx, input| ours(update(cx, input))),
        route::write::<ops::DeleteIdentityCenter>(
            |cx, input| access::on_instance(cx, "DeleteInstance", &input.instance_arn),
            |cx, input| ours(delete(cx, input)),
        ),
    ]
}
