//! Requests that finish later: creations and deletions of assignments, and provisionings. A request is `IN_PROGRESS`
//! until what it asks for is done in the accounts, then `SUCCEEDED` or `FAILED` for good.

use base::{AccountId, InstanceId, PermissionSetId, Timestamp};
use kernel::store::Row;
use kernel::{Result, Tx, WriteCx, WriteTx, params};
use model::sso_admin::{PrincipalType, StatusValues};

/// Days after which a finished request is forgotten.
const KEPT_DAYS: i64 = 30;
/// Rows deleted in one transaction, so that no writer waits for long.
const ROWS_MAX: i64 = 1_000;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// An assignment.
    CreateAssignment,
    /// The end of an assignment.
    DeleteAssignment,
    /// That roles become what the permission set is now.
    Provision,
}

impl OperationKind {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateAssignment => "CREATE_ASSIGNMENT",
            Self::DeleteAssignment => "DELETE_ASSIGNMENT",
            Self::Provision => "PROVISION",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::CreateAssignment, Self::DeleteAssignment, Self::Provision].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Id: a UUID.
    pub id: String,
    /// The instance.
    pub instance: InstanceId,
    /// What was asked for.
    pub kind: OperationKind,
    /// How far it is.
    pub status: StatusValues,
    /// The account; `None`: every account in which the permission set is provisioned.
    pub account: Option<AccountId>,
    /// The permission set.
    pub permission_set: PermissionSetId,
    /// To whom; for assignments.
    pub principal: Option<(PrincipalType, String)>,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl Operation {
    /// A request that begins now.
    pub fn new(cx: &mut WriteCx<'_>, kind: OperationKind, instance: &InstanceId, set: &PermissionSetId) -> Self {
        Self {
            id: cx.random.uuid(),
            instance: instance.clone(),
            kind,
            status: StatusValues::InProgress,
            account: None,
            permission_set: set.clone(),
            principal: None,
            failure_reason: None,
            created_at: cx.now,
        }
    }

    /// The same request, ended with `reason`.
    #[must_use]
    pub fn failed(self, reason: impl Into<String>) -> Self {
        Self { status: StatusValues::Failed, failure_reason: Some(reason.into()), ..self }
    }
}

/// The columns of [`operation`], in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, instance_id, kind, status, account_id, permission_set_id, principal_type, principal_id, \
             failure_reason, created_at from sso_operation ",
            $rest
        )
    };
}

fn operation(row: &Row<'_>) -> Result<Operation> {
    let (principal_type, principal_id): (Option<String>, Option<String>) = (row.get(6)?, row.get(7)?);
    Ok(Operation {
        id: row.get(0)?,
        instance: row.get(1)?,
        kind: row.parse(2, OperationKind::parse)?,
        status: row.parse(3, StatusValues::parse)?,
        account: row.get(4)?,
        permission_set: row.get(5)?,
        principal: principal_type.as_deref().and_then(PrincipalType::parse).zip(principal_id),
        failure_reason: row.get(8)?,
        created_at: row.get(9)?,
    })
}

/// Writes a new request.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, operation: &Operation) -> Result<()> {
    let (principal_type, principal_id) = operation.principal.as_ref().map(|(kind, id)| (kind.as_str(), id)).unzip();
    tx.exec_one(
        "insert into sso_operation (id, instance_id, kind, status, account_id, permission_set_id, principal_type, \
         principal_id, failure_reason, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        params![
            operation.id,
            operation.instance,
            operation.kind.as_str(),
            operation.status.as_str(),
            operation.account,
            operation.permission_set,
            principal_type,
            principal_id,
            operation.failure_reason,
            operation.created_at
        ],
    )
}

/// Ends a request: well, or for a reason. One that has ended stays as it is.
///
/// # Errors
/// When the database fails.
pub fn finish(tx: &mut WriteTx<'_>, id: &str, failure: Option<&str>) -> Result<()> {
    let status = if failure.is_some() { StatusValues::Failed } else { StatusValues::Succeeded };
    tx.exec(
        "update sso_operation set status = $2, failure_reason = $3 where id = $1 and status = 'IN_PROGRESS'",
        params![id, status.as_str(), failure],
    )?;
    Ok(())
}

/// The requests for one permission set in one account that are under way, oldest first.
///
/// # Errors
/// When the database fails.
pub fn waiting(tx: &mut Tx, account: &AccountId, set: &PermissionSetId) -> Result<Vec<Operation>> {
    tx.all(
        select!("where status = 'IN_PROGRESS' and permission_set_id = $1 and account_id = $2 order by created_at, id"),
        params![set, account],
        operation,
    )
}

/// The requests for a permission set in all its accounts that are under way.
///
/// # Errors
/// When the database fails.
pub fn waiting_everywhere(tx: &mut Tx, set: &PermissionSetId) -> Result<Vec<Operation>> {
    tx.all(
        select!("where status = 'IN_PROGRESS' and permission_set_id = $1 and account_id is null order by id"),
        params![set],
        operation,
    )
}

/// Ends all requests for an account that are under way.
///
/// # Errors
/// When the database fails.
pub fn fail_all_of_account(tx: &mut WriteTx<'_>, account: &AccountId, reason: &str) -> Result<()> {
    tx.exec(
        "update sso_operation set status = 'FAILED', failure_reason = $2 \
         where status = 'IN_PROGRESS' and account_id = $1",
        params![account, reason],
    )?;
    Ok(())
}

/// Creations of assignments that are under way.
///
/// # Errors
/// When the database fails.
pub fn outstanding_creations(tx: &mut Tx, instance: &InstanceId) -> Result<i64> {
    tx.count(
        "select count(*) from sso_operation \
         where status = 'IN_PROGRESS' and instance_id = $1 and kind = 'CREATE_ASSIGNMENT'",
        params![instance],
    )
}

/// The request of that id and kind.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, instance: &InstanceId, kind: OperationKind, id: &str) -> Result<Option<Operation>> {
    tx.opt(select!("where id = $1 and instance_id = $2 and kind = $3"), params![id, instance, kind.as_str()], operation)
}

/// Requests of a kind, oldest first, strictly after a position; with `status`, those alone.
///
/// # Errors
/// When the database fails.
pub fn list(
    tx: &mut Tx,
    instance: &InstanceId,
    kind: OperationKind,
    status: Option<StatusValues>,
    after: (i64, &str),
    fetch: i64,
) -> Result<Vec<Operation>> {
    let (at, id) = after;
    let status = status.map_or("", StatusValues::as_str);
    tx.all(
        select!(
            "where instance_id = $1 and kind = $2 and ($3 = '' or status = $3) \
             and (created_at > $4 or (created_at = $4 and id > $5)) order by created_at, id limit $6"
        ),
        params![instance, kind.as_str(), status, at, id, fetch],
        operation,
    )
}

/// Forgets requests that ended long ago; gives the number of rows that went, of which there may be more.
///
/// # Errors
/// When the database fails.
pub(crate) fn forget_old(tx: &mut WriteTx<'_>, instance: &InstanceId, now: Timestamp) -> Result<u64> {
    tx.exec(
        "delete from sso_operation where id in (select id from sso_operation \
         where instance_id = $1 and kind in ('CREATE_ASSIGNMENT', 'DELETE_ASSIGNMENT', 'PROVISION') \
         and created_at < $2 and status <> 'IN_PROGRESS' limit $3)",
        params![instance, now.plus_seconds(-KEPT_DAYS * 86_400), ROWS_MAX],
    )
}
