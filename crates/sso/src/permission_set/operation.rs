//! The operations on permission sets themselves.

use super::{PermissionSet, arn, changed, duration, editable, find_by_name, readable};
use crate::{access, instance, messages, page, tag};
use base::{PermissionSetId, Timestamp};
use kernel::{Access, Cx, Result, Route, WriteCx, WriteTx, params, route};
use model::sso_admin::{
    CreatePermissionSetRequest, CreatePermissionSetResponse, DeletePermissionSetRequest, DeletePermissionSetResponse,
    DescribePermissionSetRequest, DescribePermissionSetResponse, ListPermissionSetsRequest, ListPermissionSetsResponse,
    PermissionSet as Description, UpdatePermissionSetRequest, UpdatePermissionSetResponse, ops,
};

/// Permission sets that an instance may have.
const PERMISSION_SETS_MAX: i64 = 3_500;
/// How long sessions last when nobody says.
const SESSION_DURATION_DEFAULT: &str = "PT1H";

fn require_duration(text: &str) -> Result<()> {
    match duration::parse(text) {
        Some(_) => Ok(()),
        None => Err(messages::validation("The session duration must be from 1 hour (PT1H) to 12 hours (PT12H)")),
    }
}

fn description(set: &PermissionSet) -> Description {
    Description {
        created_date: Some(set.created_at),
        description: set.description.clone(),
        name: Some(set.name.clone()),
        permission_set_arn: Some(set.arn()),
        relay_state: set.relay_state.clone(),
        session_duration: Some(set.session_duration.clone()),
    }
}

fn insert(tx: &mut WriteTx<'_>, set: &PermissionSet) -> Result<()> {
    tx.exec_one(
        "insert into sso_permission_set (id, instance_id, name, description, session_duration, relay_state, version, \
           created_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            set.id,
            set.instance,
            set.name,
            set.description,
            set.session_duration,
            set.relay_state,
            set.version,
            set.created_at
        ],
    )
}

fn create(cx: &mut WriteCx<'_>, input: &CreatePermissionSetRequest) -> Result<CreatePermissionSetResponse> {
    let instance = access::writable_organization_instance(cx, &input.instance_arn)?;
    let session_duration = input.session_duration.as_deref().unwrap_or(SESSION_DURATION_DEFAULT);
    require_duration(session_duration)?;
    if find_by_name(cx.tx, &instance.id, &input.name)?.is_some() {
        return Err(messages::conflict(format!("PermissionSet with name {} already exists.", input.name)));
    }
    let count = cx.tx.count("select count(*) from sso_permission_set where instance_id = $1", params![instance.id])?;
    if count >= PERMISSION_SETS_MAX {
        return Err(messages::quota_exceeded("PermissionSet", PERMISSION_SETS_MAX, &instance.id));
    }
    let set = PermissionSet {
        id: PermissionSetId::random(&mut cx.random),
        instance: instance.id.clone(),
        name: input.name.clone(),
        description: input.description.clone(),
        session_duration: session_duration.to_owned(),
        relay_state: input.relay_state.clone(),
        inline_policy: None,
        boundary: None,
        version: 1,
        created_at: cx.now,
    };
    insert(&mut cx.write(), &set)?;
    tag::add(&mut cx.write(), &set.arn(), input.tags.as_deref().unwrap_or_default())?;
    instance::touch(cx, &instance);
    Ok(CreatePermissionSetResponse { permission_set: Some(description(&set)) })
}

fn describe(cx: &mut Cx<'_>, input: &DescribePermissionSetRequest) -> Result<DescribePermissionSetResponse> {
    let set = readable(cx, &input.instance_arn, &input.permission_set_arn)?;
    Ok(DescribePermissionSetResponse { permission_set: Some(description(&set)) })
}

fn list(cx: &mut Cx<'_>, input: &ListPermissionSetsRequest) -> Result<ListPermissionSetsResponse> {
    let instance = access::organization_instance(cx, &input.instance_arn)?;
    let list = ["ListPermissionSets", instance.id.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (after, after_id) = cursor.position();
    let rows: Vec<(Timestamp, PermissionSetId)> = cx.tx.all(
        "select created_at, id from sso_permission_set where instance_id = $1 and (created_at, id) > ($2, $3) \
         order by created_at, id limit $4",
        params![instance.id, after, after_id, cursor.fetch],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |(at, id)| page::key(*at, id.as_str()))?;
    let arns = rows.iter().map(|(_, id)| arn(&instance.id, id)).collect();
    Ok(ListPermissionSetsResponse { next_token, permission_sets: Some(arns) })
}

/// A relay state that is not given is cleared, as at AWS; a description or a duration that is not given stays.
fn update(cx: &mut WriteCx<'_>, input: &UpdatePermissionSetRequest) -> Result<UpdatePermissionSetResponse> {
    let (instance, set) = editable(cx, &input.instance_arn, &input.permission_set_arn)?;
    let description = input.description.clone().or(set.description);
    let session_duration = input.session_duration.clone().unwrap_or(set.session_duration);
    if input.session_duration.is_some() {
        require_duration(&session_duration)?;
    }
    cx.write().exec_one(
        "update sso_permission_set set description = $2, session_duration = $3, relay_state = $4 where id = $1",
        params![set.id, description, session_duration, input.relay_state],
    )?;
    changed(cx, &instance, &set.id)?;
    Ok(UpdatePermissionSetResponse {})
}

fn delete(cx: &mut WriteCx<'_>, input: &DeletePermissionSetRequest) -> Result<DeletePermissionSetResponse> {
    let (instance, set) = editable(cx, &input.instance_arn, &input.permission_set_arn)?;
    let assigned = "select 1 from sso_assignment where permission_set_id = $1 limit 1";
    let provisioned = "select 1 from sso_provisioned where permission_set_id = $1 limit 1";
    if cx.tx.exists(assigned, params![set.id])? || cx.tx.exists(provisioned, params![set.id])? {
        return Err(messages::permission_set_in_use(&set.id));
    }
    let mut tx = cx.write();
    tx.exec("delete from sso_permission_set_managed_policy where permission_set_id = $1", params![set.id])?;
    tx.exec("delete from sso_permission_set_customer_policy where permission_set_id = $1", params![set.id])?;
    tx.exec_one("delete from sso_permission_set where id = $1", params![set.id])?;
    tag::clear(&mut tx, &set.arn())?;
    instance::touch(cx, &instance);
    Ok(DeletePermissionSetResponse {})
}

/// A permission set that is still to come stands as `*` in its ARN.
fn create_access(cx: &mut Cx<'_>, input: &CreatePermissionSetRequest) -> Result<Access> {
    let id = input.instance_arn.rsplit('/').next().unwrap_or_default();
    let arns = [input.instance_arn.clone(), format!("arn:aws:sso:::permissionSet/{id}/*")];
    let mut permissions = Vec::with_capacity(arns.len());
    for arn in arns {
        let permission = access::permission(cx, "CreatePermissionSet", &arn, &input.instance_arn)?;
        permissions.push(tag::with_request_tags(permission, input.tags.as_deref()));
    }
    Ok(Access::Permissions(permissions))
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreatePermissionSet>(create_access, create),
        route::read::<ops::DescribePermissionSet>(
            |cx, i| access::on_permission_set(cx, "DescribePermissionSet", &i.instance_arn, &i.permission_set_arn),
            describe,
        ),
        route::read::<ops::ListPermissionSets>(
            |cx, input| access::on_instance(cx, "ListPermissionSets", &input.instance_arn),
            list,
        ),
        route::write::<ops::UpdatePermissionSet>(
            |cx, i| access::on_permission_set(cx, "UpdatePermissionSet", &i.instance_arn, &i.permission_set_arn),
            update,
        ),
        route::write::<ops::DeletePermissionSet>(
            |cx, i| access::on_permission_set(cx, "DeletePermissionSet", &i.instance_arn, &i.permission_set_arn),
            delete,
        ),
    ]
}
