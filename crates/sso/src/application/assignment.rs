//! Who may use an application.

use super::{Application, find, on_application, parts, required, touch, writable};
use crate::access::{self, Standing};
use crate::instance::Instance;
use crate::{messages, page};
use base::{AccountId, ApplicationId, IdentityGroupId, IdentityStoreId, IdentityUserId, InstanceId};
use kernel::scope::Scope;
use kernel::{Access, Cx, Result, Route, Tx, WriteCx, params, route};
use model::sso_admin::{
    ApplicationAssignment, ApplicationAssignmentForPrincipal, CreateApplicationAssignmentRequest,
    CreateApplicationAssignmentResponse, DeleteApplicationAssignmentRequest, DeleteApplicationAssignmentResponse,
    DescribeApplicationAssignmentRequest, DescribeApplicationAssignmentResponse,
    ListApplicationAssignmentsForPrincipalRequest, ListApplicationAssignmentsForPrincipalResponse,
    ListApplicationAssignmentsRequest, ListApplicationAssignmentsResponse, PrincipalType, ops,
};
use std::collections::BTreeSet;

/// Somebody to whom an application is assigned.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Principal {
    User(IdentityUserId),
    Group(IdentityGroupId),
}

impl Principal {
    /// The principal of that id in the store.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    fn required(tx: &mut Tx, store: &IdentityStoreId, kind: PrincipalType, id: &str) -> Result<Self> {
        let found = match kind {
            PrincipalType::User => match IdentityUserId::parse(id) {
                Some(user) => identity::user::get(tx, store, &user)?.map(|user| Self::User(user.id)),
                None => None,
            },
            PrincipalType::Group => match IdentityGroupId::parse(id) {
                Some(group) => identity::group::get(tx, store, &group)?.map(|group| Self::Group(group.id)),
                None => None,
            },
        };
        found.ok_or_else(|| messages::not_found(if kind == PrincipalType::User { "User" } else { "Group" }, id))
    }

    fn id(&self) -> &str {
        match self {
            Self::User(id) => id.as_str(),
            Self::Group(id) => id.as_str(),
        }
    }
}

/// Whether the user, who is in `groups`, may use the application. The user must be one of the instance's store.
///
/// # Errors
/// When the database fails.
pub fn is_assigned(
    tx: &mut Tx,
    application: &Application,
    user: &IdentityUserId,
    groups: &[IdentityGroupId],
) -> Result<bool> {
    if !application.is_assignment_required || is_named(tx, &application.id, PrincipalType::User, user.as_str())? {
        return Ok(true);
    }
    for group in groups {
        if is_named(tx, &application.id, PrincipalType::Group, group.as_str())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether there is an assignment for exactly this principal.
fn is_named(tx: &mut Tx, application: &ApplicationId, kind: PrincipalType, principal: &str) -> Result<bool> {
    let sql = "select 1 from sso_application_assignment \
               where application_id = $1 and principal_type = $2 and principal_id = $3";
    tx.exists(sql, params![application, kind.as_str(), principal])
}

/// The applications that are assigned to exactly this principal.
pub(super) fn applications_of(tx: &mut Tx, principal: &str) -> Result<BTreeSet<ApplicationId>> {
    let sql = "select application_id from sso_application_assignment where principal_id = $1";
    Ok(tx.all(sql, params![principal], |row| row.get(0))?.into_iter().collect())
}

/// A user is gone: so are its assignments.
///
/// # Errors
/// When the database fails.
pub fn on_user_deleted(cx: &mut WriteCx<'_>, user: &IdentityUserId) -> Result<()> {
    forget(cx, PrincipalType::User, user.as_str())
}

/// A group is gone: so are its assignments.
///
/// # Errors
/// When the database fails.
pub fn on_group_deleted(cx: &mut WriteCx<'_>, group: &IdentityGroupId) -> Result<()> {
    forget(cx, PrincipalType::Group, group.as_str())
}

fn forget(cx: &mut WriteCx<'_>, kind: PrincipalType, principal: &str) -> Result<()> {
    let sql = "select distinct instance_id from sso_application_assignment \
               where principal_id = $1 and principal_type = $2";
    let instances: Vec<InstanceId> = cx.tx.all(sql, params![principal, kind.as_str()], |row| row.get(0))?;
    let sql = "delete from sso_application_assignment where principal_id = $1 and principal_type = $2";
    cx.write().exec(sql, params![principal, kind.as_str()])?;
    for instance in &instances {
        cx.touch(Scope::instance(instance));
    }
    Ok(())
}

/// Assigns; who is assigned already stays so, so that a request whose answer was lost can be sent again.
fn create(
    cx: &mut WriteCx<'_>,
    input: &CreateApplicationAssignmentRequest,
) -> Result<CreateApplicationAssignmentResponse> {
    let (instance, application) = writable(cx, &input.application_arn)?;
    let principal = Principal::required(cx.tx, &instance.store, input.principal_type, &input.principal_id)?;
    let now = cx.now;
    cx.write().exec(
        "insert into sso_application_assignment (application_id, principal_type, principal_id, instance_id, \
           created_at) values ($1, $2, $3, $4, $5) on conflict (application_id, principal_id) do nothing",
        params![application.id, input.principal_type.as_str(), principal.id(), instance.id, now],
    )?;
    touch(cx, &instance);
    Ok(CreateApplicationAssignmentResponse {})
}

fn no_assignment(kind: PrincipalType, principal: &str) -> kernel::Error {
    messages::not_found("ApplicationAssignment", format!("{kind}/{principal}"))
}

fn describe(
    cx: &mut Cx<'_>,
    input: &DescribeApplicationAssignmentRequest,
) -> Result<DescribeApplicationAssignmentResponse> {
    let (_, application) = required(cx, &input.application_arn)?;
    if !is_named(cx.tx, &application.id, input.principal_type, &input.principal_id)? {
        return Err(no_assignment(input.principal_type, &input.principal_id));
    }
    Ok(DescribeApplicationAssignmentResponse {
        application_arn: Some(application.arn()),
        principal_id: Some(input.principal_id.clone()),
        principal_type: Some(input.principal_type),
    })
}

fn delete(
    cx: &mut WriteCx<'_>,
    input: &DeleteApplicationAssignmentRequest,
) -> Result<DeleteApplicationAssignmentResponse> {
    let (instance, application) = writable(cx, &input.application_arn)?;
    let deleted = cx.write().exec(
        "delete from sso_application_assignment \
         where application_id = $1 and principal_type = $2 and principal_id = $3",
        params![application.id, input.principal_type.as_str(), input.principal_id],
    )?;
    if deleted == 0 {
        return Err(no_assignment(input.principal_type, &input.principal_id));
    }
    touch(cx, &instance);
    Ok(DeleteApplicationAssignmentResponse {})
}

fn list(cx: &mut Cx<'_>, input: &ListApplicationAssignmentsRequest) -> Result<ListApplicationAssignmentsResponse> {
    let (_, application) = required(cx, &input.application_arn)?;
    let about = ["ListApplicationAssignments", input.application_arn.as_str()];
    let cursor = page::open(cx, &about, input.next_token.as_deref(), input.max_results)?;
    let arn = application.arn();
    let rows = cx.tx.all(
        "select principal_type, principal_id from sso_application_assignment \
         where application_id = $1 and principal_id > $2 order by principal_id limit $3",
        params![application.id, cursor.after, cursor.fetch],
        |row| {
            Ok(ApplicationAssignment {
                application_arn: arn.clone(),
                principal_id: row.get(1)?,
                principal_type: row.parse(0, PrincipalType::parse)?,
            })
        },
    )?;
    let (assignments, next_token) = cursor.close(cx, rows, |last| last.principal_id.clone())?;
    Ok(ListApplicationAssignmentsResponse { application_assignments: Some(assignments), next_token })
}

/// What is assigned to the principal; for a user also what groups of the user got, shown as the groups' assignments.
fn list_for_principal(
    cx: &mut Cx<'_>,
    input: &ListApplicationAssignmentsForPrincipalRequest,
) -> Result<ListApplicationAssignmentsForPrincipalResponse> {
    let filter = input.filter.as_ref().and_then(|filter| filter.application_arn.as_deref());
    let instance = instance_for_principal(cx, input, filter)?;
    let principal = Principal::required(cx.tx, &instance.store, input.principal_type, &input.principal_id)?;
    let only = match filter {
        Some(arn) => {
            let found = find(cx.tx, arn)?.filter(|application| application.instance == instance.id);
            let id = arn.rsplit('/').next().unwrap_or_default();
            found.ok_or_else(|| messages::not_found("Application", id))?.id.to_string()
        }
        None => String::new(),
    };
    let kind = input.principal_type.as_str();
    let about = ["ListApplicationAssignmentsForPrincipal", &input.instance_arn, kind, principal.id(), &only];
    let cursor = page::open(cx, &about, input.next_token.as_deref(), input.max_results)?;
    let mut principals: BTreeSet<String> = BTreeSet::from([principal.id().to_owned()]);
    if let Principal::User(user) = &principal {
        principals.extend(identity::membership::groups_of(cx.tx, user)?.iter().map(ToString::to_string));
    }
    let rows = rows_of(cx.tx, &instance.id, principals, &only, &cursor)?;
    let (rows, next_token) = cursor.close(cx, rows, Assigned::key)?;
    let assignments = rows.into_iter().map(|row| row.shown(&instance.id)).collect();
    Ok(ListApplicationAssignmentsForPrincipalResponse { application_assignments: Some(assignments), next_token })
}

/// A row of an assignment with the application's account.
struct Assigned {
    application: ApplicationId,
    account: AccountId,
    kind: PrincipalType,
    principal: String,
}

impl Assigned {
    fn key(&self) -> String {
        format!("{} {}", self.principal, self.application)
    }

    fn shown(self, instance: &InstanceId) -> ApplicationAssignmentForPrincipal {
        let arn = format!("arn:aws:sso::{}:application/{instance}/{}", self.account, self.application);
        ApplicationAssignmentForPrincipal {
            application_arn: Some(arn),
            principal_id: Some(self.principal),
            principal_type: Some(self.kind),
        }
    }
}

/// The assignments of `principals`, by principal and application, from where the page begins; of the application
/// `only`, unless that is empty.
fn rows_of(
    tx: &mut Tx,
    instance: &InstanceId,
    principals: BTreeSet<String>,
    only: &str,
    cursor: &kernel::page::Cursor,
) -> Result<Vec<Assigned>> {
    let (last_principal, last_application) = cursor.after.split_once(' ').unwrap_or_default();
    let fetch = usize::try_from(cursor.fetch).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    for principal in principals.range(last_principal.to_owned()..) {
        let after = if principal == last_principal { last_application } else { "" };
        let more = tx.all(
            "select s.application_id, a.account_id, s.principal_type, s.principal_id \
             from sso_application_assignment s join sso_application a on a.id = s.application_id \
             where s.principal_id = $1 and s.application_id > $2 and s.instance_id = $3 \
               and ($4 = '' or s.application_id = $4) order by s.application_id limit $5",
            params![principal, after, instance, only, cursor.fetch],
            |row| {
                Ok(Assigned {
                    application: row.get(0)?,
                    account: row.get(1)?,
                    kind: row.parse(2, PrincipalType::parse)?,
                    principal: row.get(3)?,
                })
            },
        )?;
        rows.extend(more);
        if rows.len() >= fetch {
            rows.truncate(fetch);
            break;
        }
    }
    Ok(rows)
}

/// The instance, for a caller that administers it, or that asks for an application of its own.
fn instance_for_principal(
    cx: &mut Cx<'_>,
    input: &ListApplicationAssignmentsForPrincipalRequest,
    filter: Option<&str>,
) -> Result<Instance> {
    let (instance, standing) = access::known_instance(cx, &input.instance_arn)?;
    let owner = filter.and_then(parts).map(|(account, ..)| account);
    match standing {
        Standing::Owner => {}
        Standing::Delegate => access::require_service(cx, &instance)?,
        Standing::Member if owner.as_ref() == Some(&cx.account()?) => {}
        Standing::Member => return Err(messages::not_an_administrator()),
    }
    Ok(instance)
}

fn for_principal_access(cx: &mut Cx<'_>, input: &ListApplicationAssignmentsForPrincipalRequest) -> Result<Access> {
    let operation = "ListApplicationAssignmentsForPrincipal";
    let permission = access::permission(cx, operation, &input.instance_arn, &input.instance_arn)?;
    let filter = input.filter.as_ref().and_then(|filter| filter.application_arn.as_deref());
    Ok(match filter.and_then(parts) {
        Some((account, ..)) => permission.with("sso:ApplicationAccount", account.as_str()).into(),
        None => permission.into(),
    })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateApplicationAssignment>(
            |cx, input| on_application::<ops::CreateApplicationAssignment>(cx, &input.application_arn),
            create,
        ),
        route::read::<ops::DescribeApplicationAssignment>(
            |cx, input| on_application::<ops::DescribeApplicationAssignment>(cx, &input.application_arn),
            describe,
        ),
        route::write::<ops::DeleteApplicationAssignment>(
            |cx, input| on_application::<ops::DeleteApplicationAssignment>(cx, &input.application_arn),
            delete,
        ),
        route::read::<ops::ListApplicationAssignments>(
            |cx, input| on_application::<ops::ListApplicationAssignments>(cx, &input.application_arn),
            list,
        ),
        route::read::<ops::ListApplicationAssignmentsForPrincipal>(for_principal_access, list_for_principal),
    ]
}
