//! Creating accounts: a request that is answered at once and finished by a job.

use crate::organization::{self, Organization};
use crate::tree::{self, Target};
use crate::{messages, new_tags, page};
use base::{AccountId, CreateAccountRequestId, OrgId, RoleId, Timestamp};
use iam::account::AccountState;
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Access, App, Cx, Error, Event, Permission, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::organizations::{
    AccountJoinedMethod, ConstraintViolationExceptionReason, CreateAccountFailureReason as FailureReason,
    CreateAccountRequest, CreateAccountResponse, CreateAccountState as State, CreateAccountStatus,
    CreateAccountStatusNotFoundException, CreateGovCloudAccountRequest, CreateGovCloudAccountResponse,
    DescribeCreateAccountStatusRequest, DescribeCreateAccountStatusResponse, InvalidInputExceptionReason,
    ListCreateAccountStatusRequest, ListCreateAccountStatusResponse, Tag, TooManyRequestsException, ops,
};
use std::sync::Arc;

/// Finishes a request to create an account. Key: the request.
const CREATE: JobKind = JobKind("org.create_account");
/// Requests that may be in progress at once.
const IN_PROGRESS_MAX: i64 = 5;
/// Time after which a request that keeps failing for reasons of our own is given up, well before its job is.
const GIVE_UP_SECONDS: i64 = 300;
/// Days after which a finished request is forgotten.
const FINISHED_DAYS: i64 = 90;
const SECONDS_PER_DAY: i64 = 86_400;
/// Name of the role through which the management account administers a new account, unless the caller names another.
const DEFAULT_ROLE_NAME: &str = "OrganizationAccountAccessRole";
/// What every service-linked role's name begins with.
const SERVICE_LINKED_ROLE_PREFIX: &str = "AWSServiceRoleFor";
const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
/// Longest session of the access role, in seconds.
const ROLE_SESSION_SECONDS: i64 = 3_600;

/// A request to create an account, as it is stored.
struct Request {
    id: CreateAccountRequestId,
    org_id: OrgId,
    state: State,
    account_name: String,
    email: String,
    role_name: String,
    tags: Vec<Tag>,
    account_id: Option<AccountId>,
    failure_reason: Option<FailureReason>,
    requested_at: Timestamp,
    completed_at: Option<Timestamp>,
}

/// A statement that reads requests; `$rest` begins with its condition.
macro_rules! select_requests {
    ($rest:literal) => {
        concat!(
            "select id, org_id, state, account_name, email, role_name, tags, account_id, failure_reason, ",
            "requested_at, completed_at from org_create_account_request ",
            $rest
        )
    };
}

fn request(row: &Row<'_>) -> Result<Request> {
    let failure_reason: Option<String> = row.get(8)?;
    Ok(Request {
        id: row.get(0)?,
        org_id: row.get(1)?,
        state: row.parse(2, State::parse)?,
        account_name: row.get(3)?,
        email: row.get(4)?,
        role_name: row.get(5)?,
        tags: row.parse(6, tags_from_json)?,
        account_id: row.get(7)?,
        failure_reason: failure_reason.as_deref().and_then(FailureReason::parse),
        requested_at: row.get(9)?,
        completed_at: row.get(10)?,
    })
}

fn tags_to_json(tags: &[Tag]) -> String {
    let pairs: Vec<_> = tags.iter().map(|tag| (&tag.key, &tag.value)).collect();
    serde_json::json!(pairs).to_string()
}

fn tags_from_json(json: &str) -> Option<Vec<Tag>> {
    let pairs: Vec<(String, String)> = serde_json::from_str(json).ok()?;
    Some(pairs.into_iter().map(|(key, value)| Tag { key, value }).collect())
}

fn description(request: Request) -> CreateAccountStatus {
    CreateAccountStatus {
        account_id: request.account_id.map(|id| id.to_string()),
        account_name: Some(request.account_name),
        completed_timestamp: request.completed_at,
        failure_reason: request.failure_reason,
        gov_cloud_account_id: None,
        id: Some(request.id.to_string()),
        requested_timestamp: Some(request.requested_at),
        state: Some(request.state),
    }
}

fn create(cx: &mut WriteCx<'_>, input: &CreateAccountRequest) -> Result<CreateAccountResponse> {
    let org = organization::require_management(cx)?;
    let role_name = input.role_name.as_deref().unwrap_or(DEFAULT_ROLE_NAME);
    check_role_name(role_name)?;
    let tags = input.tags.as_deref().unwrap_or_default();
    new_tags::check(tags)?;
    check_requests_in_progress(cx, &org)?;
    if accounts(cx.tx, &org.id)? >= cx.app.settings.organizations.accounts_max {
        let reason = ConstraintViolationExceptionReason::AccountNumberLimitExceeded;
        return Err(messages::constraint(reason, "You have exceeded the allowed number of AWS accounts."));
    }
    let request = Request {
        id: CreateAccountRequestId::random(&mut cx.random),
        org_id: org.id.clone(),
        state: State::InProgress,
        account_name: input.account_name.clone(),
        email: input.email.clone(),
        role_name: role_name.to_owned(),
        tags: tags.to_vec(),
        account_id: None,
        failure_reason: None,
        requested_at: cx.now,
        completed_at: None,
    };
    let now = cx.now;
    forget_old_requests(&mut cx.write(), &request.org_id, now)?;
    insert(&mut cx.write(), &request)?;
    cx.enqueue(CREATE, request.id.as_str(), now)?;
    Ok(CreateAccountResponse { create_account_status: Some(description(request)) })
}

fn check_role_name(name: &str) -> Result<()> {
    let prefix = name.get(..SERVICE_LINKED_ROLE_PREFIX.len());
    if prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(SERVICE_LINKED_ROLE_PREFIX)) {
        let message = "You provided a role name that isn't valid. A role name can't begin with the reserved prefix \
                       AWSServiceRoleFor.";
        return Err(messages::invalid_input(InvalidInputExceptionReason::InvalidRoleName, message));
    }
    Ok(())
}

fn check_requests_in_progress(cx: &mut Cx<'_>, org: &Organization) -> Result<()> {
    if requests_in_progress(cx.tx, &org.id)? < IN_PROGRESS_MAX {
        return Ok(());
    }
    let message = "You have sent too many requests in too short a period of time. The quota helps protect against \
                   denial-of-service attacks. Try again later.";
    Err(TooManyRequestsException { message: Some(message.to_owned()), r#type: Some("CreateAccount".to_owned()) }.into())
}

fn requests_in_progress(tx: &mut Tx, org: &OrgId) -> Result<i64> {
    let sql = "select count(*) from org_create_account_request where org_id = $1 and state = 'IN_PROGRESS'";
    tx.count(sql, params![org])
}

/// Accounts that count against the organization's quota: members, closed ones too, and those that are on their way.
fn accounts(tx: &mut Tx, org: &OrgId) -> Result<i64> {
    let members = tx.count("select count(*) from org_account where org_id = $1", params![org])?;
    Ok(members + requests_in_progress(tx, org)?)
}

fn insert(tx: &mut WriteTx<'_>, request: &Request) -> Result<()> {
    tx.exec_one(
        "insert into org_create_account_request (id, org_id, state, account_name, email, role_name, tags, \
         requested_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            request.id,
            request.org_id,
            request.state.as_str(),
            request.account_name,
            request.email,
            request.role_name,
            tags_to_json(&request.tags),
            request.requested_at
        ],
    )
}

fn forget_old_requests(tx: &mut WriteTx<'_>, org: &OrgId, now: Timestamp) -> Result<()> {
    tx.exec(
        "delete from org_create_account_request where org_id = $1 and requested_at < $2 and state <> 'IN_PROGRESS'",
        params![org, now.plus_seconds(-FINISHED_DAYS * SECONDS_PER_DAY)],
    )?;
    Ok(())
}

fn create_govcloud(cx: &mut WriteCx<'_>, _: &CreateGovCloudAccountRequest) -> Result<CreateGovCloudAccountResponse> {
    organization::require_management(cx)?;
    let reason = ConstraintViolationExceptionReason::MasterAccountNotGovcloudEnabled;
    let message = "The management account of your organization is not enabled to create accounts in AWS GovCloud (US).";
    Err(messages::constraint(reason, message))
}

fn get(tx: &mut Tx, id: &CreateAccountRequestId) -> Result<Option<Request>> {
    tx.opt(select_requests!("where id = $1"), params![id], request)
}

fn describe(
    cx: &mut Cx<'_>,
    input: &DescribeCreateAccountStatusRequest,
) -> Result<DescribeCreateAccountStatusResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let id = CreateAccountRequestId::parse(&input.create_account_request_id).ok_or_else(messages::invalid_pattern)?;
    let request = get(cx.tx, &id)?.filter(|request| request.org_id == org.id).ok_or_else(|| {
        let message = "You specified an account creation request that doesn't exist.";
        CreateAccountStatusNotFoundException::new(message)
    })?;
    Ok(DescribeCreateAccountStatusResponse { create_account_status: Some(description(request)) })
}

fn list(cx: &mut Cx<'_>, input: &ListCreateAccountStatusRequest) -> Result<ListCreateAccountStatusResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let wanted = input.states.as_deref().filter(|states| !states.is_empty()).unwrap_or(State::ALL);
    let mut list = vec!["ListCreateAccountStatus", org.id.as_str()];
    list.extend(State::ALL.iter().filter(|state| wanted.contains(state)).map(|state| state.as_str()));
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (after, after_id) = cursor.position();
    // As many parameters as there are states; one that is not wanted matches nothing.
    let states = |state: State| if wanted.contains(&state) { state.as_str() } else { "" };
    let rows = cx.tx.all(
        select_requests!(
            "where org_id = $1 and state in ($2, $3, $4) and (requested_at, id) > ($5, $6) \
             order by requested_at, id limit $7"
        ),
        params![
            org.id,
            states(State::InProgress),
            states(State::Succeeded),
            states(State::Failed),
            after,
            after_id,
            cursor.fetch
        ],
        request,
    )?;
    let (requests, next_token) = cursor.close(cx, rows, |last| page::key(last.requested_at, last.id.as_str()))?;
    let statuses = requests.into_iter().map(description).collect();
    Ok(ListCreateAccountStatusResponse { create_account_statuses: Some(statuses), next_token })
}

fn run_create(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let id = CreateAccountRequestId::parse(key)
        .ok_or_else(|| Error::internal(format!("{key} is no request to create an account")))?;
    let Err(error) = organization::write_as_service(app, |cx| finish(cx, &id)) else { return Ok(Outcome::Done) };
    if !organization::write_as_service(app, |cx| give_up(cx, &id))? {
        return Err(error);
    }
    tracing::error!(request = %id, %error, "an account could not be created");
    Ok(Outcome::Done)
}

/// Ends a request that has failed for long enough; false when it may still succeed.
fn give_up(cx: &mut WriteCx<'_>, id: &CreateAccountRequestId) -> Result<bool> {
    let now = cx.now;
    let ended = cx.write().exec(
        "update org_create_account_request set state = 'FAILED', failure_reason = $2, completed_at = $3 \
         where id = $1 and state = 'IN_PROGRESS' and requested_at <= $4",
        params![id, FailureReason::InternalFailure.as_str(), now, now.plus_seconds(-GIVE_UP_SECONDS)],
    )?;
    Ok(ended == 1)
}

/// Creates the account of a request that is in progress, or says why it cannot be.
fn finish(cx: &mut WriteCx<'_>, id: &CreateAccountRequestId) -> Result<()> {
    let Some(request) = get(cx.tx, id)?.filter(|request| request.state == State::InProgress) else { return Ok(()) };
    let Some(org) = organization::get(cx.tx, &request.org_id)? else { return Ok(()) };
    let now = cx.now;
    if let Some(reason) = obstacle(cx, &request)? {
        return cx.write().exec_one(
            "update org_create_account_request set state = 'FAILED', failure_reason = $2, completed_at = $3 \
             where id = $1",
            params![id, reason.as_str(), now],
        );
    }
    let account = create_account(cx, &org, &request)?;
    cx.write().exec_one(
        "update org_create_account_request set state = 'SUCCEEDED', account_id = $2, completed_at = $3 where id = $1",
        params![id, account, now],
    )
}

/// Why the account of `request` cannot be created.
fn obstacle(cx: &mut Cx<'_>, request: &Request) -> Result<Option<FailureReason>> {
    if !is_valid_email(&request.email) {
        return Ok(Some(FailureReason::InvalidEmail));
    }
    if iam::account::find_by_email(cx.tx, &request.email)?.is_some() {
        return Ok(Some(FailureReason::EmailAlreadyExists));
    }
    let is_full = accounts(cx.tx, &request.org_id)? > cx.app.settings.organizations.accounts_max;
    Ok(is_full.then_some(FailureReason::AccountLimitExceeded))
}

/// Whether AWS accepts the address for an account's root user, by the rules that the documentation of
/// `CreateAccount` gives.
fn is_valid_email(email: &str) -> bool {
    let Some((local, domain)) = email.split_once('@') else { return false };
    let is_valid_local = !local.is_empty()
        && !local.starts_with('.')
        && local.bytes().all(|b| b.is_ascii_graphic() && !b"\"'()<>[]:;,\\|%&@".contains(&b));
    let is_valid_domain = domain.contains('.')
        && !domain.starts_with(['-', '.'])
        && !domain.ends_with(['-', '.'])
        && domain.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    is_valid_local && is_valid_domain
}

fn create_account(cx: &mut WriteCx<'_>, org: &Organization, request: &Request) -> Result<AccountId> {
    let id = new_account_id(cx)?;
    let now = cx.now;
    let account = iam::account::Account {
        id: id.clone(),
        email: request.email.clone(),
        name: request.account_name.clone(),
        alias: None,
        state: AccountState::Active,
        created_at: now,
    };
    iam::account::insert(&mut cx.write(), &account)?;
    let root = Target::Root(org.root.clone());
    tree::add_account(&mut cx.write(), org, &id, &root, AccountJoinedMethod::Created, now)?;
    create_access_role(cx, org, &id, &request.role_name)?;
    new_tags::insert(&mut cx.write(), id.as_str(), &request.tags)?;
    cx.touch(Scope::account(&id));
    cx.touch(Scope::organization(&org.id));
    cx.emit(Event::AccountJoinedOrganization { org: org.id.clone(), account: id.clone() });
    Ok(id)
}

fn new_account_id(cx: &mut Cx<'_>) -> Result<AccountId> {
    loop {
        let id = AccountId::random(&mut cx.random);
        if iam::account::get(cx.tx, &id)?.is_none() {
            return Ok(id);
        }
    }
}

/// The role through which principals of the management account administer the new account.
fn create_access_role(cx: &mut WriteCx<'_>, org: &Organization, account: &AccountId, name: &str) -> Result<()> {
    let trust_policy = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{}:root", org.management) },
            "Action": "sts:AssumeRole"
        }]
    });
    let role = iam::role::Role {
        id: RoleId::random(account, &mut cx.random),
        account: account.clone(),
        name: name.to_owned(),
        path: "/".to_owned(),
        trust_policy: trust_policy.to_string(),
        description: None,
        max_session_seconds: ROLE_SESSION_SECONDS,
        boundary_arn: None,
        linked_service: None,
        last_used: None,
        created_at: cx.now,
    };
    let now = cx.now;
    iam::role::insert(&mut cx.write(), &role)?;
    let kind = iam::entity::EntityKind::Role;
    iam::attachment::attach(&mut cx.write(), &role.account, kind, role.id.as_str(), ADMINISTRATOR_ACCESS, now)
}

/// The permission for an operation that creates an account: it has no resource yet, but tags.
fn creation(operation: &str, tags: Option<&[Tag]>) -> Result<Access> {
    let permission = Permission::new(format!("organizations:{operation}"), "*");
    Ok(new_tags::with_request_tags(permission, tags).into())
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateAccount>(|_, input| creation("CreateAccount", input.tags.as_deref()), create),
        route::write::<ops::CreateGovCloudAccount>(
            |_, input| creation("CreateGovCloudAccount", input.tags.as_deref()),
            create_govcloud,
        ),
        route::read::<ops::DescribeCreateAccountStatus>(
            |_, _| organization::any("DescribeCreateAccountStatus"),
            describe,
        ),
        route::read::<ops::ListCreateAccountStatus>(|_, _| organization::any("ListCreateAccountStatus"), list),
    ]
}

pub(crate) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: CREATE, run: run_create }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_aws_refuses_are_refused() {
        for good in ["a@b.co", "first.last+tag@sub-domain.example.com", "x!#$*/=?^_`{}~-@example.com"] {
            assert!(is_valid_email(good), "{good}");
        }
        for bad in [
            "a@b",
            ".a@b.co",
            "a@b@c.co",
            "a b@c.co",
            "a%b@c.co",
            "a@-b.co",
            "a@b.co-",
            "a@.b.co",
            "a@b.co.",
            "\u{e4}@b.co",
            "a@b_c.co",
            "a&b@c.co",
            "@b.co",
        ] {
            assert!(!is_valid_email(bad), "{bad}");
        }
    }

    #[test]
    fn tags_survive_being_stored() {
        let tags = vec![Tag { key: "a\"".to_owned(), value: String::new() }];
        assert_eq!(tags_from_json(&tags_to_json(&tags)), Some(tags));
    }
}
