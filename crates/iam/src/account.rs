//! Accounts: the rows that everything else hangs on, their aliases and their summary.

use crate::access::anywhere;
use crate::paging::{self, page_request};
use base::{AccountId, Timestamp};
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Cx, Error, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::iam::{
    CreateAccountAliasRequest, DeleteAccountAliasRequest, EntityAlreadyExistsException, ListAccountAliasesRequest,
    ListAccountAliasesResponse, NoSuchEntityException, SetSecurityTokenServicePreferencesRequest,
    globalEndpointTokenVersion, ops,
};
use smithy::schema::Unit;

mod authorization_details;
mod credential_report;
pub mod root_password;
mod summary;

/// State of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// Being created.
    PendingActivation,
    /// In use.
    Active,
    /// Suspended by the operator.
    Suspended,
    /// Being closed.
    PendingClosure,
    /// Closed: nobody but its root user may sign in.
    Closed,
}

impl AccountState {
    const ALL: [(Self, &'static str); 5] = [
        (Self::PendingActivation, "PENDING_ACTIVATION"),
        (Self::Active, "ACTIVE"),
        (Self::Suspended, "SUSPENDED"),
        (Self::PendingClosure, "PENDING_CLOSURE"),
        (Self::Closed, "CLOSED"),
    ];

    /// The state's name, in rows and in Organizations' answers.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("ACTIVE", |(_, name)| name)
    }

    /// The state that is stored under that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, each)| *each == name).map(|(state, _)| *state)
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// E-mail address of its root user.
    pub email: String,
    /// Its name.
    pub name: String,
    /// Its alias in sign-in URLs.
    pub alias: Option<String>,
    /// Its state.
    pub state: AccountState,
    /// When it was created.
    pub created_at: Timestamp,
}

fn account(row: &Row<'_>) -> Result<Account> {
    Ok(Account {
        id: row.get(0)?,
        email: row.get(1)?,
        name: row.get(2)?,
        alias: row.get(3)?,
        state: row.parse(4, AccountState::parse)?,
        created_at: row.get(5)?,
    })
}

/// The account with that id.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, id: &AccountId) -> Result<Option<Account>> {
    let sql = "select id, email, name, alias, state, created_at from iam_account where id = $1";
    tx.opt(sql, params![id], account)
}

/// The account whose root user has that e-mail address, whatever its case.
///
/// # Errors
/// When the database fails.
pub fn find_by_email(tx: &mut Tx, email: &str) -> Result<Option<Account>> {
    let sql = "select id, email, name, alias, state, created_at from iam_account where email_key = $1";
    tx.opt(sql, params![email.to_lowercase()], account)
}

/// The account with that alias.
///
/// # Errors
/// When the database fails.
pub fn find_by_alias(tx: &mut Tx, alias: &str) -> Result<Option<Account>> {
    let sql = "select id, email, name, alias, state, created_at from iam_account where alias = $1";
    tx.opt(sql, params![alias], account)
}

/// Adds an account.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, account: &Account) -> Result<()> {
    tx.exec_one(
        "insert into iam_account (id, email, email_key, name, alias, state, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        params![
            account.id,
            account.email,
            account.email.to_lowercase(),
            account.name,
            account.alias,
            account.state.as_str(),
            account.created_at
        ],
    )
}

/// Changes an account's state.
///
/// # Errors
/// When the database fails.
pub fn set_state(tx: &mut WriteTx<'_>, id: &AccountId, state: AccountState) -> Result<()> {
    tx.touch(Scope::account(id));
    tx.exec_one("update iam_account set state = $2 where id = $1", params![id, state.as_str()])
}

/// Adds the account that an operator or Organizations creates; its root user has no password.
///
/// # Errors
/// When the database fails.
pub fn create(
    tx: &mut WriteTx<'_>,
    id: &AccountId,
    email: &str,
    name: &str,
    state: AccountState,
    now: Timestamp,
) -> Result<Account> {
    let account =
        Account { id: id.clone(), email: email.to_owned(), name: name.to_owned(), alias: None, state, created_at: now };
    insert(tx, &account)?;
    tx.touch(Scope::account(id));
    Ok(account)
}

/// Version of the session tokens that the global endpoint of STS gives out for an account: 1 or 2.
///
/// # Errors
/// When the database fails or the account does not exist.
pub fn token_version(tx: &mut Tx, id: &AccountId) -> Result<i32> {
    tx.one("select token_version from iam_account where id = $1", params![id], |row| row.get(0))
}

/// The root user as `GetUser` shows it: it has neither name nor path.
pub(crate) fn root_user(tx: &mut Tx, id: &AccountId) -> Result<model::iam::User> {
    let account = existing(tx, id)?;
    Ok(model::iam::User {
        arn: format!("arn:aws:iam::{id}:root"),
        create_date: account.created_at,
        password_last_used: root_password::used_at(tx, id)?,
        user_id: id.to_string(),
        ..Default::default()
    })
}

fn existing(tx: &mut Tx, id: &AccountId) -> Result<Account> {
    get(tx, id)?.ok_or_else(|| Error::internal(format!("account {id} of the caller does not exist")))
}

/// Digits alone would be taken for an account id, and hyphens neither begin, end nor double.
fn is_alias(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (3..=63).contains(&text.len())
        && text.chars().all(is_allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
        && AccountId::parse(text).is_none()
}

fn create_alias(cx: &mut WriteCx<'_>, input: &CreateAccountAliasRequest) -> Result<Unit> {
    let (account, alias) = (cx.account()?, &input.account_alias);
    if !is_alias(alias) {
        let text = format!(
            "1 validation error detected: Value '{alias}' at 'accountAlias' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){{1,61}}[a-z0-9]$"
        );
        return Err(Error::Validation(text));
    }
    if cx.tx.exists("select 1 from iam_account where alias = $1 and id <> $2", params![alias, account])? {
        return Err(EntityAlreadyExistsException::new(format!("The account alias {alias} already exists.")).into());
    }
    cx.touch(Scope::account(&account));
    cx.write().exec_one("update iam_account set alias = $2 where id = $1", params![account, alias])?;
    Ok(Unit)
}

fn delete_alias(cx: &mut WriteCx<'_>, input: &DeleteAccountAliasRequest) -> Result<Unit> {
    let (account, alias) = (cx.account()?, &input.account_alias);
    if existing(cx.tx, &account)?.alias.as_ref() != Some(alias) {
        let text = format!("The account alias with name {alias} cannot be found.");
        return Err(NoSuchEntityException::new(text).into());
    }
    cx.touch(Scope::account(&account));
    cx.write().exec_one("update iam_account set alias = null where id = $1", params![account])?;
    Ok(Unit)
}

fn list_aliases(cx: &mut Cx<'_>, input: &ListAccountAliasesRequest) -> Result<ListAccountAliasesResponse> {
    let account = cx.account()?;
    let aliases = existing(cx.tx, &account)?.alias.into_iter().collect();
    let page = paging::cut(cx, &["ListAccountAliases"], page_request!(input), aliases, String::clone)?;
    let is_truncated = page.is_truncated();
    Ok(ListAccountAliasesResponse { account_aliases: page.rows, is_truncated, marker: page.marker })
}

fn set_token_version(cx: &mut WriteCx<'_>, input: &SetSecurityTokenServicePreferencesRequest) -> Result<Unit> {
    let account = cx.account()?;
    let version = match input.global_endpoint_token_version {
        globalEndpointTokenVersion::V1Token => 1,
        globalEndpointTokenVersion::V2Token => 2,
    };
    cx.touch(Scope::account(&account));
    cx.write().exec_one("update iam_account set token_version = $2 where id = $1", params![account, version])?;
    Ok(Unit)
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateAccountAlias>(anywhere::<ops::CreateAccountAlias>, create_alias),
        route::write::<ops::DeleteAccountAlias>(anywhere::<ops::DeleteAccountAlias>, delete_alias),
        route::read::<ops::ListAccountAliases>(anywhere::<ops::ListAccountAliases>, list_aliases),
        route::write::<ops::SetSecurityTokenServicePreferences>(
            anywhere::<ops::SetSecurityTokenServicePreferences>,
            set_token_version,
        ),
        route::read::<ops::GetAccountSummary>(anywhere::<ops::GetAccountSummary>, summary::summary),
        route::read::<ops::GetAccountAuthorizationDetails>(
            anywhere::<ops::GetAccountAuthorizationDetails>,
            authorization_details::details,
        ),
        route::write::<ops::GenerateCredentialReport>(
            anywhere::<ops::GenerateCredentialReport>,
            credential_report::generate,
        ),
        route::read::<ops::GetCredentialReport>(anywhere::<ops::GetCredentialReport>, credential_report::read),
    ]
}
