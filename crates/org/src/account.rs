//! Member accounts: describe, list, move, remove, leave, close.

use crate::organization::{self, Organization};
use crate::tree::{self, Target};
use crate::{messages, page, views};
use base::{AccountId, Timestamp};
use iam::account::AccountState;
use kernel::job::{JobHandler, JobKind, Outcome};
use kernel::page::Cursor;
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Access, App, Cx, Error, Event, Permission, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::organizations::{
    Account, AccountAlreadyClosedException, AccountJoinedMethod, AccountState as State, AccountStatus,
    CloseAccountRequest, ConstraintViolationExceptionReason as Reason, DescribeAccountRequest, DescribeAccountResponse,
    DestinationParentNotFoundException, DuplicateAccountException, ListAccountsForParentRequest,
    ListAccountsForParentResponse, ListAccountsRequest, ListAccountsResponse, MasterCannotLeaveOrganizationException,
    MoveAccountRequest, RemoveAccountFromOrganizationRequest, SourceParentNotFoundException, ops,
};
use smithy::schema::Unit;
use std::collections::HashMap;
use std::sync::Arc;

/// Finishes the closing of an account, and later takes it out of its organization. Key: the account.
const CLOSE: JobKind = JobKind("org.close_account");
/// Accounts that may be closing at once.
const CLOSING_MAX: i64 = 3;
/// Days over which closures are counted.
const CLOSURES_DAYS: i64 = 30;
/// Closures in that time that every organization has, and that none exceeds.
const CLOSURES_MIN: i64 = 250;
const CLOSURES_MAX: i64 = 1_000;
/// Part of its members that an organization may close in that time, in percent.
const CLOSURES_PERCENT: i64 = 20;
const SECONDS_PER_DAY: i64 = 86_400;

/// An account in its organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: AccountId,
    /// E-mail address of its root user.
    pub email: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: AccountState,
    /// The root or the organizational unit that it is in.
    pub parent: Target,
    /// Whether it was created here or joined by invitation, as the management account did.
    pub joined_method: AccountJoinedMethod,
    /// When it became a member.
    pub joined_at: Timestamp,
    /// When it was asked to be closed.
    pub closing_at: Option<Timestamp>,
}

/// A statement that reads members; `$rest` follows the join.
macro_rules! select_members {
    ($rest:literal) => {
        concat!(
            "select a.account_id, i.email, i.name, i.state, a.parent_id, a.joined_method, a.joined_at, a.closing_at ",
            "from org_account a join iam_account i on i.id = a.account_id ",
            $rest
        )
    };
}

fn member(row: &Row<'_>) -> Result<Member> {
    Ok(Member {
        id: row.get(0)?,
        email: row.get(1)?,
        name: row.get(2)?,
        state: row.parse(3, AccountState::parse)?,
        parent: row.parse(4, Target::parse)?,
        joined_method: row.parse(5, AccountJoinedMethod::parse)?,
        joined_at: row.get(6)?,
        closing_at: row.get(7)?,
    })
}

/// The member of `org` with that id.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, org: &Organization, account: &AccountId) -> Result<Option<Member>> {
    tx.opt(select_members!("where a.account_id = $1 and a.org_id = $2"), params![account, org.id], member)
}

fn require(tx: &mut Tx, org: &Organization, id: &str) -> Result<Member> {
    let id = AccountId::parse(id).ok_or_else(messages::invalid_pattern)?;
    find(tx, org, &id)?.ok_or_else(messages::no_account)
}

/// The account as the API describes it. `way` is the one to its parent.
fn description(org: &Organization, way: &[Target], member: Member) -> Account {
    let (state, status) = match member.state {
        AccountState::PendingActivation => (State::PendingActivation, None),
        AccountState::Active => (State::Active, Some(AccountStatus::Active)),
        AccountState::PendingClosure => (State::PendingClosure, Some(AccountStatus::PendingClosure)),
        AccountState::Suspended => (State::Suspended, Some(AccountStatus::Suspended)),
        AccountState::Closed => (State::Closed, Some(AccountStatus::Suspended)),
    };
    Account {
        arn: Some(org.account_arn(&member.id)),
        email: Some(member.email),
        joined_method: Some(member.joined_method),
        joined_timestamp: Some(member.joined_at),
        name: Some(member.name),
        paths: Some(vec![format!("{}{}/", tree::path_text(org, way), member.id)]),
        id: Some(member.id.to_string()),
        state: Some(state),
        status,
    }
}

/// Accounts as the API describes them; those with the same parent share one look at the tree.
///
/// # Errors
/// When the database fails.
pub fn descriptions(tx: &mut Tx, org: &Organization, members: Vec<Member>) -> Result<Vec<Account>> {
    let mut ways: HashMap<Target, Vec<Target>> = HashMap::new();
    let mut accounts = Vec::with_capacity(members.len());
    for member in members {
        if !ways.contains_key(&member.parent) {
            ways.insert(member.parent.clone(), tree::path(tx, org, &member.parent)?);
        }
        let way = ways.get(&member.parent).map(Vec::as_slice).unwrap_or_default();
        accounts.push(description(org, way, member));
    }
    Ok(accounts)
}

fn describe(cx: &mut Cx<'_>, input: &DescribeAccountRequest) -> Result<DescribeAccountResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let id = AccountId::parse(&input.account_id).ok_or_else(messages::invalid_pattern)?;
    let account = views::member(cx, &org, &id)?.as_ref().as_ref().map(|member| member.description.clone());
    Ok(DescribeAccountResponse { account: Some(account.ok_or_else(messages::no_account)?) })
}

fn list(cx: &mut Cx<'_>, input: &ListAccountsRequest) -> Result<ListAccountsResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let list = ["ListAccounts", org.id.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (after, after_id) = cursor.position();
    let sql = select_members!(
        "where a.org_id = $1 and (a.joined_at, a.account_id) > ($2, $3) order by a.joined_at, a.account_id limit $4"
    );
    let rows = cx.tx.all(sql, params![org.id, after, after_id, cursor.fetch], member)?;
    let (accounts, next_token) = close_page(cx, &org, &cursor, rows)?;
    Ok(ListAccountsResponse { accounts: Some(accounts), next_token })
}

fn list_for_parent(cx: &mut Cx<'_>, input: &ListAccountsForParentRequest) -> Result<ListAccountsForParentResponse> {
    let org = organization::require_management_or_delegate(cx)?;
    let parent = tree::require_parent(cx.tx, &org, &input.parent_id)?;
    let list = ["ListAccountsForParent", parent.as_str()];
    let cursor = page::open(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let (after, after_id) = cursor.position();
    let sql = select_members!(
        "where a.parent_id = $1 and (a.joined_at, a.account_id) > ($2, $3) order by a.joined_at, a.account_id limit $4"
    );
    let rows = cx.tx.all(sql, params![parent.as_str(), after, after_id, cursor.fetch], member)?;
    let (accounts, next_token) = close_page(cx, &org, &cursor, rows)?;
    Ok(ListAccountsForParentResponse { accounts: Some(accounts), next_token })
}

fn close_page(
    cx: &mut Cx<'_>,
    org: &Organization,
    cursor: &Cursor,
    rows: Vec<Member>,
) -> Result<(Vec<Account>, Option<String>)> {
    let (members, next_token) = cursor.close(cx, rows, |last| page::key(last.joined_at, last.id.as_str()))?;
    Ok((descriptions(cx.tx, org, members)?, next_token))
}

fn move_account(cx: &mut WriteCx<'_>, input: &MoveAccountRequest) -> Result<Unit> {
    let org = organization::require_management(cx)?;
    let (source, destination) =
        (tree::parse_parent(&input.source_parent_id)?, tree::parse_parent(&input.destination_parent_id)?);
    let member = require(cx.tx, &org, &input.account_id)?;
    if tree::find_target(cx.tx, &org, source.as_str())?.is_none() {
        let message = "You specified a source parent that doesn't exist.";
        return Err(SourceParentNotFoundException::new(message).into());
    }
    if tree::find_target(cx.tx, &org, destination.as_str())?.is_none() {
        let message = "You specified a destination parent that doesn't exist.";
        return Err(DestinationParentNotFoundException::new(message).into());
    }
    if member.parent == destination {
        let message = "The account is already present in the specified destination.";
        return Err(DuplicateAccountException::new(message).into());
    }
    if member.parent != source {
        return Err(messages::no_account());
    }
    let mut tx = cx.write();
    let sql = "update org_account set parent_id = $2 where account_id = $1";
    tx.exec_one(sql, params![member.id, destination.as_str()])?;
    tx.touch(Scope::account(&member.id));
    tx.touch(Scope::organization(&org.id));
    Ok(Unit {})
}

fn move_rule(cx: &mut Cx<'_>, input: &MoveAccountRequest) -> Result<Access> {
    let ids = [&input.account_id, &input.source_parent_id, &input.destination_parent_id];
    let permissions: Result<Vec<Permission>> =
        ids.into_iter().map(|id| tree::permission(cx, "MoveAccount", id)).collect();
    permissions.map(Access::Permissions)
}

fn management_cannot_leave() -> Error {
    MasterCannotLeaveOrganizationException::new("The master account can't leave the organization.").into()
}

/// Refuses the removal of accounts that must stay for now.
fn check_may_leave(cx: &mut Cx<'_>, org: &Organization, member: &Member) -> Result<()> {
    if organization::is_delegate(cx.tx, org, &member.id)? {
        let message = "You can't remove an account from your organization that is registered as a delegated \
                       administrator for a service. Deregister the account first.";
        return Err(messages::constraint(Reason::CannotRemoveDelegatedAdministratorFromOrg, message));
    }
    let age_min = cx.app.settings.organizations.account_age_days_min * SECONDS_PER_DAY;
    if member.joined_method == AccountJoinedMethod::Created && member.joined_at.plus_seconds(age_min) > cx.now {
        let message = "After you create an account, you must wait some days before you can remove it from the \
                       organization. Invited accounts aren't subject to this waiting period.";
        return Err(messages::constraint(Reason::WaitPeriodActive, message));
    }
    Ok(())
}

fn remove(cx: &mut WriteCx<'_>, input: &RemoveAccountFromOrganizationRequest) -> Result<Unit> {
    let org = organization::require_management(cx)?;
    let member = require(cx.tx, &org, &input.account_id)?;
    if member.id == org.management {
        return Err(management_cannot_leave());
    }
    check_may_leave(cx, &org, &member)?;
    end_membership(cx, &org, &member.id)?;
    Ok(Unit {})
}

fn leave(cx: &mut WriteCx<'_>, _: &Unit) -> Result<Unit> {
    let org = organization::require(cx)?;
    let account = cx.account()?;
    if account == org.management {
        return Err(management_cannot_leave());
    }
    let member = require(cx.tx, &org, account.as_str())?;
    check_may_leave(cx, &org, &member)?;
    end_membership(cx, &org, &account)?;
    Ok(Unit {})
}

/// Takes an account out of its organization. Services that are trusted now are remembered: each may act in the
/// account once more, to remove what it left there.
///
/// # Errors
/// When the database fails.
pub fn end_membership(cx: &mut WriteCx<'_>, org: &Organization, account: &AccountId) -> Result<()> {
    let now = cx.now;
    let mut tx = cx.write();
    record_departures(&mut tx, org, account, now)?;
    tx.exec("delete from org_attachment where target_id = $1", params![account])?;
    tx.exec("delete from org_tag where resource_id = $1", params![account])?;
    let delegations = "delete from org_delegated_administrator where org_id = $1 and account_id = $2";
    tx.exec(delegations, params![org.id, account])?;
    tx.exec_one("delete from org_account where account_id = $1 and org_id = $2", params![account, org.id])?;
    tx.touch(Scope::account(account));
    tx.touch(Scope::organization(&org.id));
    cx.emit(Event::AccountLeftOrganization { org: org.id.clone(), account: account.clone() });
    Ok(())
}

fn record_departures(tx: &mut WriteTx<'_>, org: &Organization, account: &AccountId, now: Timestamp) -> Result<()> {
    let trusted = "select service from org_trusted_service where org_id = $1 order by service";
    let services: Vec<String> = tx.all(trusted, params![org.id], |row| row.get(0))?;
    for service in services {
        tx.exec_one(
            "insert into org_departure (account_id, service, org_id, left_at, is_vouched) values ($1, $2, $3, $4, 1) \
             on conflict (account_id, service) do update \
             set org_id = excluded.org_id, left_at = excluded.left_at, is_vouched = 1",
            params![account, service, org.id, now],
        )?;
    }
    Ok(())
}

fn close(cx: &mut WriteCx<'_>, input: &CloseAccountRequest) -> Result<Unit> {
    let org = organization::require_management(cx)?;
    organization::require_all_features(&org)?;
    let member = require(cx.tx, &org, &input.account_id)?;
    if member.id == org.management {
        let message = "You can't close the management account of your organization.";
        return Err(messages::constraint(Reason::CannotCloseManagementAccount, message));
    }
    if matches!(member.state, AccountState::PendingClosure | AccountState::Closed) {
        return Err(AccountAlreadyClosedException::new("The provided account is already closed.").into());
    }
    check_closure_quotas(cx, &org)?;
    let now = cx.now;
    let mut tx = cx.write();
    iam::account::set_state(&mut tx, &member.id, AccountState::PendingClosure)?;
    tx.exec_one("update org_account set closing_at = $2 where account_id = $1", params![member.id, now])?;
    tx.touch(Scope::organization(&org.id));
    let due = now.plus_seconds(cx.app.settings.organizations.account_closing_seconds);
    cx.enqueue(CLOSE, member.id.as_str(), due)?;
    Ok(Unit {})
}

fn check_closure_quotas(cx: &mut Cx<'_>, org: &Organization) -> Result<()> {
    let closing = cx.tx.count(
        "select count(*) from org_account a join iam_account i on i.id = a.account_id \
         where a.org_id = $1 and a.closing_at is not null and i.state = 'PENDING_CLOSURE'",
        params![org.id],
    )?;
    if closing >= CLOSING_MAX {
        let message = "You have exceeded the number of close account requests that can be in progress at a time.";
        return Err(messages::constraint(Reason::CloseAccountRequestsLimitExceeded, message));
    }
    let since = cx.now.plus_seconds(-CLOSURES_DAYS * SECONDS_PER_DAY);
    let closed = "select count(*) from org_account where org_id = $1 and closing_at > $2";
    let closed = cx.tx.count(closed, params![org.id, since])?;
    let members = cx.tx.count("select count(*) from org_account where org_id = $1", params![org.id])?;
    if closed >= (members * CLOSURES_PERCENT / 100).clamp(CLOSURES_MIN, CLOSURES_MAX) {
        let message = "You have exceeded the number of accounts that you can close in a 30 day period.";
        return Err(messages::constraint(Reason::CloseAccountQuotaExceeded, message));
    }
    Ok(())
}

fn run_close(app: &Arc<App>, key: &str) -> Result<Outcome> {
    let account = AccountId::parse(key).ok_or_else(|| Error::internal(format!("{key} is no account")))?;
    organization::write_as_service(app, |cx| continue_closing(cx, &account))
}

/// Brings an account that is being closed to where it should be by now.
fn continue_closing(cx: &mut WriteCx<'_>, account: &AccountId) -> Result<Outcome> {
    let Some(org) = organization::of_account(cx.tx, account)? else {
        // An account that left while it was closing is closed all the same.
        let state = iam::account::get(cx.tx, account)?.map(|account| account.state);
        if state == Some(AccountState::PendingClosure) {
            iam::account::set_state(&mut cx.write(), account, AccountState::Closed)?;
        }
        return Ok(Outcome::Done);
    };
    let Some(member) = find(cx.tx, &org, account)? else { return Ok(Outcome::Done) };
    let Some(closing_at) = member.closing_at else { return Ok(Outcome::Done) };
    let closed_at = closing_at.plus_seconds(cx.app.settings.organizations.account_closing_seconds);
    let gone_at = closed_at.plus_seconds(cx.app.settings.organizations.closed_account_days * SECONDS_PER_DAY);
    match member.state {
        AccountState::PendingClosure if cx.now < closed_at => Ok(Outcome::Again(closed_at)),
        AccountState::PendingClosure => {
            iam::account::set_state(&mut cx.write(), account, AccountState::Closed)?;
            cx.touch(Scope::organization(&org.id));
            Ok(Outcome::Again(gone_at))
        }
        AccountState::Closed if cx.now < gone_at => Ok(Outcome::Again(gone_at)),
        // The account's own row stays: neither its id nor its e-mail address is ever used again.
        AccountState::Closed => end_membership(cx, &org, account).map(|()| Outcome::Done),
        AccountState::PendingActivation | AccountState::Active | AccountState::Suspended => Ok(Outcome::Done),
    }
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::read::<ops::DescribeAccount>(
            |cx, input| Ok(tree::permission(cx, "DescribeAccount", &input.account_id)?.into()),
            describe,
        ),
        route::read::<ops::ListAccounts>(|_, _| organization::any("ListAccounts"), list),
        route::read::<ops::ListAccountsForParent>(
            |cx, input| Ok(tree::permission(cx, "ListAccountsForParent", &input.parent_id)?.into()),
            list_for_parent,
        ),
        route::write::<ops::MoveAccount>(move_rule, move_account),
        route::write::<ops::RemoveAccountFromOrganization>(
            |cx, input| Ok(tree::permission(cx, "RemoveAccountFromOrganization", &input.account_id)?.into()),
            remove,
        ),
        route::write::<ops::LeaveOrganization>(|_, _| organization::any("LeaveOrganization"), leave),
        route::write::<ops::CloseAccount>(
            |cx, input| Ok(tree::permission(cx, "CloseAccount", &input.account_id)?.into()),
            close,
        ),
    ]
}

pub(crate) fn jobs() -> Vec<JobHandler> {
    vec![JobHandler { kind: CLOSE, run: run_close }]
}
