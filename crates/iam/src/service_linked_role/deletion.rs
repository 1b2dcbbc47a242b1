//! Deletion of service-linked roles: decided at once, told through a task as AWS does.

use super::Usage;
use crate::access;
use crate::entity::{EntityKind, permission_on};
use crate::{messages, role};
use base::Timestamp;
use kernel::{Access, Cx, Error, Result, Route, WriteCx, params, route};
use model::iam::{
    DeleteServiceLinkedRoleRequest, DeleteServiceLinkedRoleResponse, DeletionTaskFailureReasonType,
    DeletionTaskStatusType, GetServiceLinkedRoleDeletionStatusRequest, GetServiceLinkedRoleDeletionStatusResponse,
    InvalidInputException, RoleUsageType, ops,
};
use serde_json::json;

/// Time that the outcome of a deletion can be asked for, in seconds.
const TASK_SECONDS_KEPT: i64 = 2 * 86_400;
/// Longest text of `Reason`, in characters.
const REASON_CHARACTERS_MAX: usize = 1_000;

fn may_delete(cx: &mut Cx<'_>, input: &DeleteServiceLinkedRoleRequest) -> Result<Access> {
    let (permission, _) = permission_on::<ops::DeleteServiceLinkedRole>(cx, EntityKind::Role, &input.role_name)?;
    Ok(permission.into())
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteServiceLinkedRoleRequest) -> Result<DeleteServiceLinkedRoleResponse> {
    let role = role::required(cx, &input.role_name)?;
    let Some(service) = role.linked_service.clone() else { return Err(messages::no_role(&input.role_name).into()) };
    let pending = "select id from iam_deletion_task where role_id = $1 and status in ('NOT_STARTED', 'IN_PROGRESS')";
    if let Some(id) = cx.tx.all(pending, params![role.id], |row| row.get(0))?.pop() {
        return Ok(DeleteServiceLinkedRoleResponse { deletion_task_id: id });
    }
    let usage = match role::acts_for(&cx.caller, &service) {
        true => Usage::Free,
        false => super::usage(cx, &role.account, &service)?,
    };
    let id = format!("task{}{}/{}", role.path, role.name, cx.random.uuid());
    let now = cx.now;
    record(cx, &id, &role, &usage, now)?;
    if usage == Usage::Free {
        role::delete(&mut cx.write(), &role)?;
    }
    Ok(DeleteServiceLinkedRoleResponse { deletion_task_id: id })
}

/// Writes the task with its outcome, and forgets old ones of the account.
fn record(cx: &mut WriteCx<'_>, id: &str, role: &role::Role, usage: &Usage, now: Timestamp) -> Result<()> {
    let (status, reason, resources) = match usage {
        Usage::Free => (DeletionTaskStatusType::Succeeded, None, None),
        Usage::InUse { reason, resources } => {
            let reason: String = reason.chars().take(REASON_CHARACTERS_MAX).collect();
            (DeletionTaskStatusType::Failed, Some(reason), Some(json!(resources).to_string()))
        }
    };
    let mut tx = cx.write();
    tx.exec(
        "delete from iam_deletion_task where account_id = $1 and created_at < $2",
        params![role.account, now.plus_seconds(-TASK_SECONDS_KEPT)],
    )?;
    tx.exec_one(
        "insert into iam_deletion_task (id, account_id, role_id, role_name, status, reason, usage, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![id, role.account, role.id, role.name, status.as_str(), reason, resources, now],
    )
}

/// The path and name of the role in a task's id, `aws-service-role/<service>/<role>`.
fn role_of_task(id: &str) -> Option<&str> {
    let (role, uuid) = id.strip_prefix("task/")?.rsplit_once('/')?;
    let is_complete = role.strip_prefix("aws-service-role/")?.split('/').filter(|part| !part.is_empty()).count() == 2;
    (is_complete && role.split('/').count() == 3 && !uuid.is_empty()).then_some(role)
}

fn may_ask(cx: &mut Cx<'_>, input: &GetServiceLinkedRoleDeletionStatusRequest) -> Result<Access> {
    let account = cx.account()?;
    let resource = match role_of_task(&input.deletion_task_id) {
        Some(role) => format!("arn:aws:iam::{account}:role/{role}"),
        None => "*".to_owned(),
    };
    Ok(access::permission::<ops::GetServiceLinkedRoleDeletionStatus>(resource).into())
}

fn status(
    cx: &mut Cx<'_>,
    input: &GetServiceLinkedRoleDeletionStatusRequest,
) -> Result<GetServiceLinkedRoleDeletionStatusResponse> {
    let account = cx.account()?;
    let id = &input.deletion_task_id;
    if role_of_task(id).is_none() {
        return Err(InvalidInputException::new(format!("Deletion task id {id} is not valid.")).into());
    }
    let found = cx.tx.opt(
        "select status, reason, usage from iam_deletion_task where account_id = $1 and id = $2",
        params![account, id],
        |row| {
            let status = row.parse(0, DeletionTaskStatusType::parse)?;
            Ok((status, row.get::<Option<String>>(1)?, row.get::<Option<String>>(2)?))
        },
    )?;
    let (status, reason, usage) = found.ok_or_else(|| messages::no_deletion_task(id))?;
    let reason = match reason {
        Some(reason) => Some(failure(reason, usage.as_deref().unwrap_or("[]"))?),
        None => None,
    };
    Ok(GetServiceLinkedRoleDeletionStatusResponse { reason, status })
}

fn failure(reason: String, usage: &str) -> Result<DeletionTaskFailureReasonType> {
    let usage: Vec<(String, Vec<String>)> = serde_json::from_str(usage)
        .map_err(|error| Error::internal(format!("iam_deletion_task.usage does not parse: {error}")))?;
    let usage =
        usage.into_iter().map(|(region, resources)| RoleUsageType { region: Some(region), resources: Some(resources) });
    Ok(DeletionTaskFailureReasonType { reason: Some(reason), role_usage_list: Some(usage.collect()) })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::DeleteServiceLinkedRole>(may_delete, delete),
        route::read::<ops::GetServiceLinkedRoleDeletionStatus>(may_ask, status),
    ]
}
