//! Requests for assignments and provisionings, and how far they are.

use super::{administrator, exist, required_account, shown};
use crate::instance::Instance;
use crate::operation::{self, Operation, OperationKind};
use crate::permission_set::{self, PermissionSet};
use crate::provision::{self, Actor, provisioned, reasons};
use crate::{access, messages, page};
use base::AccountId;
use kernel::route::{read, write};
use kernel::{Access, Cx, Result, Route, WriteCx};
use model::sso_admin::{
    AccountAssignmentOperationStatusMetadata, CreateAccountAssignmentRequest, CreateAccountAssignmentResponse,
    DeleteAccountAssignmentRequest, DeleteAccountAssignmentResponse, DescribeAccountAssignmentCreationStatusRequest,
    DescribeAccountAssignmentCreationStatusResponse, DescribeAccountAssignmentDeletionStatusRequest,
    DescribeAccountAssignmentDeletionStatusResponse, DescribePermissionSetProvisioningStatusRequest,
    DescribePermissionSetProvisioningStatusResponse, ListAccountAssignmentCreationStatusRequest,
    ListAccountAssignmentCreationStatusResponse, ListAccountAssignmentDeletionStatusRequest,
    ListAccountAssignmentDeletionStatusResponse, ListPermissionSetProvisioningStatusRequest,
    ListPermissionSetProvisioningStatusResponse, OperationStatusFilter, PermissionSetProvisioningStatus,
    PermissionSetProvisioningStatusMetadata, ProvisionPermissionSetRequest, ProvisionPermissionSetResponse,
    ProvisionTargetType, StatusValues, ops,
};

/// Creations of assignments that may be under way at a time in an instance (service quota).
const OUTSTANDING_CREATIONS_MAX: i64 = 10;
/// How the permission rule and policies name all accounts.
const EVERY_ACCOUNT: &str = "*";

/// What an assignment is about.
struct Subject {
    instance: Instance,
    set: PermissionSet,
    account: AccountId,
}

impl Subject {
    fn open(cx: &mut Cx<'_>, instance_arn: &str, permission_set_arn: &str, target: &str) -> Result<Self> {
        let instance = access::writable_organization_instance(cx, instance_arn)?;
        let set = access::required_permission_set(cx, &instance, permission_set_arn)?;
        let account = required_account(cx, &instance, target)?;
        access::require_reach(cx, &instance, &account)?;
        Ok(Self { instance, set, account })
    }

    fn operation(&self, cx: &mut WriteCx<'_>, kind: OperationKind) -> Operation {
        let account = Some(self.account.clone());
        Operation { account, ..Operation::new(cx, kind, &self.instance.id, &self.set.id) }
    }

    /// Writes the request and has it carried out: at once in the management account if that takes an administrator.
    fn begin(&self, cx: &mut WriteCx<'_>, operation: &Operation) -> Result<()> {
        operation::insert(&mut cx.write(), operation)?;
        provision::request(cx, &self.instance, &self.account, (&self.set.id, &self.set.name))?;
        let gives_access = operation.kind != OperationKind::DeleteAssignment;
        if self.account == self.instance.owner && gives_access {
            let actor = Actor::Administrator(administrator(cx)?);
            provision::settle_now(cx, &self.account, &self.set.id, &actor)?;
        }
        Ok(())
    }
}

fn may_create(cx: &mut Cx<'_>, input: &CreateAccountAssignmentRequest) -> Result<Access> {
    let CreateAccountAssignmentRequest { instance_arn, permission_set_arn, target_id, .. } = input;
    access::on_assignment(cx, "CreateAccountAssignment", instance_arn, permission_set_arn, target_id)
}

fn create(cx: &mut WriteCx<'_>, input: &CreateAccountAssignmentRequest) -> Result<CreateAccountAssignmentResponse> {
    let subject = Subject::open(cx, &input.instance_arn, &input.permission_set_arn, &input.target_id)?;
    if operation::outstanding_creations(cx.tx, &subject.instance.id)? >= OUTSTANDING_CREATIONS_MAX {
        return Err(messages::conflict(format!(
            "There are {OUTSTANDING_CREATIONS_MAX} outstanding requests to create account assignments already. Try \
             again when one of them has finished."
        )));
    }
    let principal = Some((input.principal_type, input.principal_id.clone()));
    let operation = Operation { principal, ..subject.operation(cx, OperationKind::CreateAssignment) };
    subject.begin(cx, &operation)?;
    Ok(CreateAccountAssignmentResponse { account_assignment_creation_status: Some(shown(operation)) })
}

fn may_delete(cx: &mut Cx<'_>, input: &DeleteAccountAssignmentRequest) -> Result<Access> {
    let DeleteAccountAssignmentRequest { instance_arn, permission_set_arn, target_id, .. } = input;
    access::on_assignment(cx, "DeleteAccountAssignment", instance_arn, permission_set_arn, target_id)
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteAccountAssignmentRequest) -> Result<DeleteAccountAssignmentResponse> {
    let subject = Subject::open(cx, &input.instance_arn, &input.permission_set_arn, &input.target_id)?;
    let principal = Some((input.principal_type, input.principal_id.clone()));
    let operation = Operation { principal, ..subject.operation(cx, OperationKind::DeleteAssignment) };
    if provisioned::get(cx.tx, &subject.account, &subject.set.id)?.is_some() {
        subject.begin(cx, &operation)?;
    } else {
        let failed = operation.clone().failed(reasons::no_assignment());
        operation::insert(&mut cx.write(), &failed)?;
    }
    Ok(DeleteAccountAssignmentResponse { account_assignment_deletion_status: Some(shown(operation)) })
}

fn may_provision(cx: &mut Cx<'_>, input: &ProvisionPermissionSetRequest) -> Result<Access> {
    let target = match input.target_type {
        ProvisionTargetType::AwsAccount => input.target_id.as_deref().unwrap_or(EVERY_ACCOUNT),
        ProvisionTargetType::AllProvisionedAccounts => EVERY_ACCOUNT,
    };
    access::on_assignment(cx, "ProvisionPermissionSet", &input.instance_arn, &input.permission_set_arn, target)
}

fn provision(cx: &mut WriteCx<'_>, input: &ProvisionPermissionSetRequest) -> Result<ProvisionPermissionSetResponse> {
    let operation = match input.target_type {
        ProvisionTargetType::AwsAccount => provision_in_account(cx, input)?,
        ProvisionTargetType::AllProvisionedAccounts => provision_everywhere(cx, input)?,
    };
    Ok(ProvisionPermissionSetResponse { permission_set_provisioning_status: Some(provisioning_shown(operation)) })
}

fn provision_in_account(cx: &mut WriteCx<'_>, input: &ProvisionPermissionSetRequest) -> Result<Operation> {
    let target = input.target_id.as_deref();
    let target = target.ok_or_else(|| messages::validation("TargetId is required for the target type AWS_ACCOUNT"))?;
    let subject = Subject::open(cx, &input.instance_arn, &input.permission_set_arn, target)?;
    let operation = subject.operation(cx, OperationKind::Provision);
    let stands = provisioned::get(cx.tx, &subject.account, &subject.set.id)?.is_some()
        && exist(cx.tx, &subject.account, &subject.set.id)?;
    if stands {
        subject.begin(cx, &operation)?;
    } else {
        let failed = operation.clone().failed(reasons::not_provisioned(&subject.account));
        operation::insert(&mut cx.write(), &failed)?;
    }
    Ok(operation)
}

fn provision_everywhere(cx: &mut WriteCx<'_>, input: &ProvisionPermissionSetRequest) -> Result<Operation> {
    let instance = access::writable_organization_instance(cx, &input.instance_arn)?;
    let set = access::required_permission_set(cx, &instance, &input.permission_set_arn)?;
    access::require_reach_of_permission_set(cx, &instance, &set.id)?;
    let operation = Operation::new(cx, OperationKind::Provision, &instance.id, &set.id);
    operation::insert(&mut cx.write(), &operation)?;
    if provision::request_everywhere(cx, &instance, &set.id)? == 0 {
        operation::finish(&mut cx.write(), &operation.id, None)?;
    }
    let actor = Actor::Administrator(administrator(cx)?);
    if exist(cx.tx, &instance.owner, &set.id)? {
        provision::settle_now(cx, &instance.owner, &set.id, &actor)?;
    }
    Ok(operation)
}

fn provisioning_shown(operation: Operation) -> PermissionSetProvisioningStatus {
    PermissionSetProvisioningStatus {
        account_id: operation.account.map(|account| account.to_string()),
        created_date: Some(operation.created_at),
        failure_reason: operation.failure_reason,
        permission_set_arn: Some(permission_set::arn(&operation.instance, &operation.permission_set)),
        request_id: Some(operation.id),
        status: Some(operation.status),
    }
}

/// A request of that kind and id.
fn required(cx: &mut Cx<'_>, instance_arn: &str, kind: OperationKind, id: &str) -> Result<Operation> {
    let instance = access::organization_instance(cx, instance_arn)?;
    let found = operation::get(cx.tx, &instance.id, kind, id)?;
    found.ok_or_else(|| messages::not_found("request", id))
}

/// A page of the requests of a kind.
fn requests(
    cx: &mut Cx<'_>,
    instance_arn: &str,
    kind: OperationKind,
    filter: Option<&OperationStatusFilter>,
    (token, max_results): (Option<&str>, Option<i32>),
) -> Result<(Vec<Operation>, Option<String>)> {
    let instance = access::organization_instance(cx, instance_arn)?;
    let status = filter.and_then(|filter| filter.status);
    let about = [kind.as_str(), instance.id.as_str(), status.map_or("", StatusValues::as_str)];
    let cursor = page::open(cx, &about, token, max_results)?;
    let rows = operation::list(cx.tx, &instance.id, kind, status, cursor.position(), cursor.fetch)?;
    cursor.close(cx, rows, |row| page::key(row.created_at, &row.id))
}

fn metadata(operation: Operation) -> AccountAssignmentOperationStatusMetadata {
    AccountAssignmentOperationStatusMetadata {
        created_date: Some(operation.created_at),
        request_id: Some(operation.id),
        status: Some(operation.status),
    }
}

fn describe_creation(
    cx: &mut Cx<'_>,
    input: &DescribeAccountAssignmentCreationStatusRequest,
) -> Result<DescribeAccountAssignmentCreationStatusResponse> {
    let id = &input.account_assignment_creation_request_id;
    let operation = required(cx, &input.instance_arn, OperationKind::CreateAssignment, id)?;
    Ok(DescribeAccountAssignmentCreationStatusResponse { account_assignment_creation_status: Some(shown(operation)) })
}

fn describe_deletion(
    cx: &mut Cx<'_>,
    input: &DescribeAccountAssignmentDeletionStatusRequest,
) -> Result<DescribeAccountAssignmentDeletionStatusResponse> {
    let id = &input.account_assignment_deletion_request_id;
    let operation = required(cx, &input.instance_arn, OperationKind::DeleteAssignment, id)?;
    Ok(DescribeAccountAssignmentDeletionStatusResponse { account_assignment_deletion_status: Some(shown(operation)) })
}

fn describe_provisioning(
    cx: &mut Cx<'_>,
    input: &DescribePermissionSetProvisioningStatusRequest,
) -> Result<DescribePermissionSetProvisioningStatusResponse> {
    let id = &input.provision_permission_set_request_id;
    let operation = required(cx, &input.instance_arn, OperationKind::Provision, id)?;
    let status = Some(provisioning_shown(operation));
    Ok(DescribePermissionSetProvisioningStatusResponse { permission_set_provisioning_status: status })
}

fn list_creations(
    cx: &mut Cx<'_>,
    input: &ListAccountAssignmentCreationStatusRequest,
) -> Result<ListAccountAssignmentCreationStatusResponse> {
    let wanted = (input.next_token.as_deref(), input.max_results);
    let (rows, next_token) =
        requests(cx, &input.instance_arn, OperationKind::CreateAssignment, input.filter.as_ref(), wanted)?;
    let rows = rows.into_iter().map(metadata).collect();
    Ok(ListAccountAssignmentCreationStatusResponse { account_assignments_creation_status: Some(rows), next_token })
}

fn list_deletions(
    cx: &mut Cx<'_>,
    input: &ListAccountAssignmentDeletionStatusRequest,
) -> Result<ListAccountAssignmentDeletionStatusResponse> {
    let wanted = (input.next_token.as_deref(), input.max_results);
    let (rows, next_token) =
        requests(cx, &input.instance_arn, OperationKind::DeleteAssignment, input.filter.as_ref(), wanted)?;
    let rows = rows.into_iter().map(metadata).collect();
    Ok(ListAccountAssignmentDeletionStatusResponse { account_assignments_deletion_status: Some(rows), next_token })
}

fn list_provisionings(
    cx: &mut Cx<'_>,
    input: &ListPermissionSetProvisioningStatusRequest,
) -> Result<ListPermissionSetProvisioningStatusResponse> {
    let wanted = (input.next_token.as_deref(), input.max_results);
    let (rows, next_token) =
        requests(cx, &input.instance_arn, OperationKind::Provision, input.filter.as_ref(), wanted)?;
    let metadata = |operation: Operation| PermissionSetProvisioningStatusMetadata {
        created_date: Some(operation.created_at),
        request_id: Some(operation.id),
        status: Some(operation.status),
    };
    let rows = rows.into_iter().map(metadata).collect();
    Ok(ListPermissionSetProvisioningStatusResponse { permission_sets_provisioning_status: Some(rows), next_token })
}

/// Routes of operations that only take a permission for the instance.
macro_rules! on_instance {
    ($($operation:ident $handler:ident),* $(,)?) => {
        vec![$(read::<ops::$operation>(
            |cx, input| access::on_instance(cx, stringify!($operation), &input.instance_arn),
            $handler,
        )),*]
    };
}

pub(super) fn routes() -> Vec<Route> {
    let mut routes = on_instance![
        DescribeAccountAssignmentCreationStatus describe_creation,
        DescribeAccountAssignmentDeletionStatus describe_deletion,
        DescribePermissionSetProvisioningStatus describe_provisioning,
        ListAccountAssignmentCreationStatus list_creations,
        ListAccountAssignmentDeletionStatus list_deletions,
        ListPermissionSetProvisioningStatus list_provisionings,
    ];
    routes.extend([
        write::<ops::CreateAccountAssignment>(may_create, create),
        write::<ops::DeleteAccountAssignment>(may_delete, delete),
        write::<ops::ProvisionPermissionSet>(may_provision, provision),
    ]);
    routes
}
