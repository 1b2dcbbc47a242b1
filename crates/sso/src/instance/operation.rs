//! The operations on instances.

use super::{Instance, Kind, lifecycle, set_setting, setting, touch};
use crate::access::{self, Standing};
use crate::{messages, page, region, tag};
use base::AccountId;
use kernel::{Access, Cx, Permission, Result, Route, Tx, WriteCx, params, route};
use model::sso_admin::{
    CreateInstanceRequest, CreateInstanceResponse, DeleteInstanceRequest, DeleteInstanceResponse,
    DescribeInstanceRequest, DescribeInstanceResponse, EncryptionConfiguration, EncryptionConfigurationDetails,
    InstanceMetadata, InstanceStatus, KmsKeyStatus, KmsKeyType, ListInstancesRequest, ListInstancesResponse,
    ResourceNotFoundException, ResourceNotFoundExceptionReason, UpdateInstanceRequest, UpdateInstanceResponse, ops,
};
use serde_json::Value;

/// The setting that keeps the client token of the request that made the instance.
const CLIENT_TOKEN: &str = "client_token";

/// Refuses an instance of its own to an account that may not have one.
fn require_room(tx: &mut Tx, account: &AccountId) -> Result<()> {
    let Some(org) = org::organization::of_account(tx, account)? else { return Ok(()) };
    if org.management == *account {
        let message = "An account instance cannot be created in the management account of an organization";
        return Err(messages::validation(message));
    }
    match super::of_organization(tx, &org.id)? {
        Some(instance) if !instance.allows_account_instances => {
            let message =
                "The administrator of IAM Identity Center in the organization does not allow account instances";
            Err(messages::denied(message))
        }
        _ => Ok(()),
    }
}

fn create(cx: &mut WriteCx<'_>, input: &CreateInstanceRequest) -> Result<CreateInstanceResponse> {
    let account = cx.account()?;
    if let Some(existing) = super::of_account(cx.tx, &account)? {
        let token = setting(cx.tx, &existing, CLIENT_TOKEN)?;
        let is_repeated = input.client_token.is_some() && token == input.client_token.clone().map(Value::String);
        return match is_repeated {
            true => Ok(CreateInstanceResponse { instance_arn: Some(existing.arn()) }),
            false => Err(messages::conflict("An instance of IAM Identity Center exists in the account already")),
        };
    }
    require_room(cx.tx, &account)?;
    let name = input.name.clone().filter(|name| !name.is_empty());
    let instance = lifecycle::create(cx, lifecycle::New { owner: account, org: None, name })?;
    tag::add(&mut cx.write(), &instance.arn(), input.tags.as_deref().unwrap_or_default())?;
    if let Some(token) = &input.client_token {
        set_setting(cx, &instance, CLIENT_TOKEN, Value::String(token.clone()))?;
    }
    Ok(CreateInstanceResponse { instance_arn: Some(instance.arn()) })
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteInstanceRequest) -> Result<DeleteInstanceResponse> {
    let (instance, standing) = access::known_instance(cx, &input.instance_arn)?;
    if standing != Standing::Owner {
        return Err(messages::not_an_administrator());
    }
    if instance.kind == Kind::Organization {
        let message = "The instance of an organization is deleted in the settings of IAM Identity Center";
        return Err(messages::validation(message));
    }
    lifecycle::remove(cx, &instance)?;
    Ok(DeleteInstanceResponse {})
}

fn describe(cx: &mut Cx<'_>, input: &DescribeInstanceRequest) -> Result<DescribeInstanceResponse> {
    let (instance, _) = access::known_instance(cx, &input.instance_arn)?;
    let regions = region::of(cx.tx, &instance.id)?;
    Ok(DescribeInstanceResponse {
        created_date: Some(instance.created_at),
        encryption_configuration_details: Some(EncryptionConfigurationDetails {
            encryption_status: Some(KmsKeyStatus::Enabled),
            encryption_status_reason: None,
            key_type: Some(KmsKeyType::AwsOwnedKmsKey),
            kms_key_arn: None,
        }),
        identity_store_arn: Some(instance.store_arn()),
        identity_store_id: Some(instance.store.to_string()),
        instance_arn: Some(instance.arn()),
        name: instance.name.clone(),
        network_configuration_details: None,
        owner_account_id: Some(instance.owner.to_string()),
        permission_sets_enabled: Some(instance.kind == Kind::Organization),
        primary_region: Some(instance.region.clone()),
        regions: Some(regions),
        status: InstanceStatus::parse(&instance.status),
        status_reason: None,
    })
}

fn metadata(tx: &mut Tx, instance: &Instance) -> Result<InstanceMetadata> {
    Ok(InstanceMetadata {
        created_date: Some(instance.created_at),
        identity_store_arn: Some(instance.store_arn()),
        identity_store_id: Some(instance.store.to_string()),
        instance_arn: Some(instance.arn()),
        name: instance.name.clone(),
        owner_account_id: Some(instance.owner.to_string()),
        primary_region: Some(instance.region.clone()),
        regions: Some(region::of(tx, &instance.id)?),
        status: InstanceStatus::parse(&instance.status),
        status_reason: None,
    })
}

fn list(cx: &mut Cx<'_>, input: &ListInstancesRequest) -> Result<ListInstancesResponse> {
    let account = cx.account()?;
    let cursor = page::open(cx, &["ListInstances"], input.next_token.as_deref(), input.max_results)?;
    let org = org::organization::of_account(cx.tx, &account)?.map(|org| org.id);
    let rows = cx.tx.all(
        "select id from sso_instance where ((kind = 'ACCOUNT' and owner_account_id = $1) or org_id = $2) and id > $3 \
         order by id limit $4",
        params![account, org, cursor.after, cursor.fetch],
        |row| row.get::<base::InstanceId>(0),
    )?;
    let (ids, next_token) = cursor.close(cx, rows, ToString::to_string)?;
    let mut instances = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(instance) = super::get(cx.tx, &id)? {
            instances.push(metadata(cx.tx, &instance)?);
        }
    }
    Ok(ListInstancesResponse { instances: Some(instances), next_token })
}

/// Refuses keys of a key management service, which an installation does not have.
fn require_own_key(configuration: &EncryptionConfiguration) -> Result<()> {
    let Some(arn) = &configuration.kms_key_arn else {
        return match configuration.key_type {
            KmsKeyType::AwsOwnedKmsKey => Ok(()),
            _ => Err(messages::validation("KmsKeyArn is required for a customer managed key")),
        };
    };
    if configuration.key_type == KmsKeyType::AwsOwnedKmsKey {
        return Err(messages::validation("KmsKeyArn must not be given for a key that AWS owns"));
    }
    let mut error = ResourceNotFoundException::new(format!("The KMS key {arn} does not exist"));
    error.reason = Some(ResourceNotFoundExceptionReason::KmsNotFoundException);
    Err(error.into())
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateInstanceRequest) -> Result<UpdateInstanceResponse> {
    let instance = access::writable_instance(cx, &input.instance_arn)?;
    if let Some(configuration) = &input.encryption_configuration {
        require_own_key(configuration)?;
    }
    if input.network_configuration.is_some() {
        return Err(messages::validation("NetworkConfiguration is not supported"));
    }
    if input.permission_sets_enabled.is_some_and(|is_wanted| is_wanted != (instance.kind == Kind::Organization)) {
        return Err(messages::validation("PermissionSetsEnabled cannot be changed for this instance"));
    }
    if let Some(name) = &input.name {
        let name = Some(name).filter(|name| !name.is_empty()).cloned();
        cx.write().exec_one("update sso_instance set name = $2 where id = $1", params![instance.id, name])?;
        touch(cx, &instance);
    }
    Ok(UpdateInstanceResponse {})
}

fn create_access(_: &mut Cx<'_>, input: &CreateInstanceRequest) -> Result<Access> {
    let permission = Permission::new("sso:CreateInstance", "arn:aws:sso:::instance/*");
    Ok(tag::with_request_tags(permission, input.tags.as_deref()).into())
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateInstance>(create_access, create),
        route::write::<ops::DeleteInstance>(
            |cx, input| access::on_instance(cx, "DeleteInstance", &input.instance_arn),
            delete,
        ),
        route::read::<ops::DescribeInstance>(
            |cx, input| access::on_instance(cx, "DescribeInstance", &input.instance_arn),
            describe,
        ),
        route::read::<ops::ListInstances>(|_, _| Ok(Permission::new("sso:ListInstances", "*").into()), list),
        route::write::<ops::UpdateInstance>(
            |cx, input| access::on_instance(cx, "UpdateInstance", &input.instance_arn),
            update,
        ),
    ]
}
