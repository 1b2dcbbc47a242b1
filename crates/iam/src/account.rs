//! Accounts: the rows that everything else hangs on, their aliases and their summary.

use base::{AccountId, Timestamp};
use kernel::store::Row;
use kernel::{Result, Route, Tx, WriteTx};

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

    fn parse(name: &str) -> Option<Self> {
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
    tx.opt(sql, kernel::params![id], account)
}

/// The account whose root user has that e-mail address, whatever its case.
///
/// # Errors
/// When the database fails.
pub fn find_by_email(tx: &mut Tx, email: &str) -> Result<Option<Account>> {
    let sql = "select id, email, name, alias, state, created_at from iam_account where email_key = $1";
    tx.opt(sql, kernel::params![email.to_lowercase()], account)
}

/// Adds an account.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, account: &Account) -> Result<()> {
    tx.exec_one(
        "insert into iam_account (id, email, email_key, name, alias, state, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7)",
        kernel::params![
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
    tx.touch(kernel::scope::Scope::account(id));
    tx.exec_one("update iam_account set state = $2 where id = $1", kernel::params![id, state.as_str()])
}

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
