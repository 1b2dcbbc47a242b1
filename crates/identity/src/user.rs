//! Users of identity stores.

use base::{IdentityStoreId, IdentityUserId, Timestamp};
use kernel::store::Row;
use kernel::{Error, Result, Tx, WriteTx, params};
use model::identitystore as shapes;

/// Whether a user may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// May sign in.
    Enabled,
    /// May not.
    Disabled,
}

impl Status {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "ENABLED",
            Self::Disabled => "DISABLED",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Enabled, Self::Disabled].into_iter().find(|status| status.as_str() == text)
    }
}

/// A user.
#[derive(Clone)]
pub struct User {
    /// Id.
    pub id: IdentityUserId,
    /// The store that knows the user.
    pub store: IdentityStoreId,
    /// The name by which the user signs in.
    pub user_name: String,
    /// The name that others see.
    pub display_name: Option<String>,
    /// Whether the user may sign in.
    pub status: Status,
    /// The other attributes, in the API's shape; members that have a field or a column of their own are empty.
    pub attributes: shapes::User,
    /// Id in the directory that the user comes from.
    pub source_id: Option<String>,
    /// When the user was made.
    pub created_at: Timestamp,
    /// ARN or name of whoever made the user.
    pub created_by: String,
    /// When the user was changed last.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: String,
}

impl User {
    /// The primary e-mail address, or the only one.
    pub fn email(&self) -> Option<&str> {
        let emails = self.attributes.emails.as_deref().unwrap_or_default();
        let primary = emails.iter().find(|email| email.primary == Some(true)).or_else(|| emails.first());
        primary.and_then(|email| email.value.as_deref())
    }
}

/// The columns of [`user`], in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, store_id, user_name, display_name, status, attributes, source_id, created_at, created_by, \
             updated_at, updated_by from ids_user ",
            $rest
        )
    };
}

fn user(row: &Row<'_>) -> Result<User> {
    let mut attributes = shapes::User::default();
    let text: String = row.get(5)?;
    smithy::json::read(text.as_bytes(), &mut attributes)
        .map_err(|_| Error::internal("the attributes of a user do not parse"))?;
    Ok(User {
        id: row.get(0)?,
        store: row.get(1)?,
        user_name: row.get(2)?,
        display_name: row.get(3)?,
        status: row.parse(4, Status::parse)?,
        attributes,
        source_id: row.get(6)?,
        created_at: row.get(7)?,
        created_by: row.get(8)?,
        updated_at: row.get(9)?,
        updated_by: row.get(10)?,
    })
}

/// The user of that id in `store`.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, store: &IdentityStoreId, id: &IdentityUserId) -> Result<Option<User>> {
    tx.opt(select!("where store_id = $1 and id = $2"), params![store, id], user)
}

/// The user of that name in `store`, whatever its case.
///
/// # Errors
/// When the database fails.
pub fn find_by_name(tx: &mut Tx, store: &IdentityStoreId, name: &str) -> Result<Option<User>> {
    let key = name.to_lowercase();
    tx.opt(select!("where store_id = $1 and user_name_key = $2"), params![store, key], user)
}

/// Adds a user whose name is free.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, user: &User) -> Result<()> {
    let mut attributes = Vec::new();
    smithy::json::write(&user.attributes, &mut attributes);
    let attributes = String::from_utf8(attributes).map_err(|_| Error::internal("JSON is not UTF-8"))?;
    let (name_key, email_key) = (user.user_name.to_lowercase(), user.email().map(str::to_lowercase));
    tx.exec_one(
        "insert into ids_user (id, store_id, user_name, user_name_key, display_name, email_key, status, attributes, \
           source_id, created_at, created_by, updated_at, updated_by) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        params![
            user.id,
            user.store,
            user.user_name,
            name_key,
            user.display_name,
            email_key,
            user.status.as_str(),
            attributes,
            user.source_id,
            user.created_at,
            user.created_by,
            user.updated_at,
            user.updated_by
        ],
    )
}
