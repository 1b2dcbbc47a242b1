//! Users of identity stores.

mod attributes;
pub mod email;
mod operations;

pub(crate) use operations::{missing, one_identifier, require_unreserved, require_valid, routes};

use crate::access;
use base::{IdentityStoreId, IdentityUserId, Timestamp};
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Error, Event, Result, Tx, WriteCx, WriteTx, params};
use model::identitystore as shapes;

/// Users that a store may hold.
pub const USERS_MAX: i64 = 100_000;

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

    fn shown(self) -> shapes::UserStatus {
        match self {
            Self::Enabled => shapes::UserStatus::Enabled,
            Self::Disabled => shapes::UserStatus::Disabled,
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
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
    /// Counts the changes, from 1; [`update`] advances it by itself.
    pub revision: i64,
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
    /// The user's ARN.
    pub fn arn(&self) -> String {
        access::arn("user", self.id.as_str())
    }

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
            "select id, store_id, user_name, display_name, status, attributes, source_id, revision, created_at, \
             created_by, updated_at, updated_by from ids_user ",
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
        revision: row.get(7)?,
        created_at: row.get(8)?,
        created_by: row.get(9)?,
        updated_at: row.get(10)?,
        updated_by: row.get(11)?,
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

/// The one user of `store` whose primary e-mail address that is, whatever its case; `None` also when several have it,
/// as people from a directory may.
///
/// # Errors
/// When the database fails.
pub fn find_by_email(tx: &mut Tx, store: &IdentityStoreId, email: &str) -> Result<Option<User>> {
    let key = email.to_lowercase();
    let mut found = tx.all(select!("where store_id = $1 and email_key = $2 limit 2"), params![store, key], user)?;
    Ok(if found.len() == 1 { found.pop() } else { None })
}

/// Whether anybody else than `own` has that primary e-mail address.
pub(crate) fn is_email_taken(
    tx: &mut Tx,
    store: &IdentityStoreId,
    email: &str,
    own: Option<&IdentityUserId>,
) -> Result<bool> {
    let (key, own) = (email.to_lowercase(), own.map_or("", IdentityUserId::as_str));
    let sql = "select 1 from ids_user where store_id = $1 and email_key = $2 and id <> $3 limit 1";
    tx.exists(sql, params![store, key, own])
}

/// The user who has that id in the directory from which the store's people come.
///
/// # Errors
/// When the database fails.
pub fn find_by_source(tx: &mut Tx, store: &IdentityStoreId, source_id: &str) -> Result<Option<User>> {
    tx.opt(select!("where store_id = $1 and source_id = $2"), params![store, source_id], user)
}

/// At most `limit` users of the store, oldest first, after the one who was made at `after.0` with id `after.1`; the
/// smallest instant and an empty id stand before the first.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx, store: &IdentityStoreId, after: (Timestamp, &str), limit: i64) -> Result<Vec<User>> {
    let sql = select!("where store_id = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4");
    tx.all(sql, params![store, after.0, after.1, limit], user)
}

/// Adds a user whose name is free.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, user: &User) -> Result<()> {
    tx.touch(Scope::identity_store(&user.store));
    let attributes = crate::json_text(&user.attributes)?;
    let (name_key, email_key) = (user.user_name.to_lowercase(), user.email().map(str::to_lowercase));
    tx.exec_one(
        "insert into ids_user (id, store_id, user_name, user_name_key, display_name, email_key, status, attributes, \
           source_id, revision, created_at, created_by, updated_at, updated_by) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
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
            user.revision,
            user.created_at,
            user.created_by,
            user.updated_at,
            user.updated_by
        ],
    )
}

/// Writes what may change of a user but for the status ([`set_status`]): name (which must be free), display name,
/// attributes, id in the source, and who changed it when. The revision advances by one.
///
/// # Errors
/// When the database fails.
pub fn update(tx: &mut WriteTx<'_>, user: &User) -> Result<()> {
    tx.touch(Scope::identity_store(&user.store));
    let attributes = crate::json_text(&user.attributes)?;
    let (name_key, email_key) = (user.user_name.to_lowercase(), user.email().map(str::to_lowercase));
    tx.exec_one(
        "update ids_user set user_name = $3, user_name_key = $4, display_name = $5, email_key = $6, attributes = $7, \
         source_id = $8, updated_at = $9, updated_by = $10, revision = revision + 1 where store_id = $1 and id = $2",
        params![
            user.store,
            user.id,
            user.user_name,
            name_key,
            user.display_name,
            email_key,
            attributes,
            user.source_id,
            user.updated_at,
            user.updated_by
        ],
    )
}

/// Lets a user sign in, or not any more, and tells of the latter. Nothing happens when that is so already; false when
/// there is no such user.
///
/// # Errors
/// When the database fails.
pub fn set_status(
    cx: &mut WriteCx<'_>,
    store: &IdentityStoreId,
    user: &IdentityUserId,
    status: Status,
) -> Result<bool> {
    let Some(found) = get(cx.tx, store, user)? else { return Ok(false) };
    if found.status == status {
        return Ok(true);
    }
    let (now, caller) = (cx.now, cx.caller.arn());
    cx.write().exec_one(
        "update ids_user set status = $3, updated_at = $4, updated_by = $5, revision = revision + 1 \
         where store_id = $1 and id = $2",
        params![store, user, status.as_str(), now, caller],
    )?;
    cx.touch(Scope::identity_store(store));
    if status == Status::Disabled {
        cx.emit(Event::IdentityUserDisabled { store: store.clone(), user: user.clone() });
    }
    Ok(true)
}

/// Deletes a user with memberships, external ids and password, and tells of it.
///
/// # Errors
/// When the database fails.
pub fn delete(cx: &mut WriteCx<'_>, user: &User) -> Result<()> {
    cx.touch(Scope::identity_store(&user.store));
    let mut tx = cx.write();
    tx.exec("delete from ids_membership where user_id = $1", params![user.id])?;
    tx.exec("delete from ids_external_id where principal_id = $1", params![user.id])?;
    tx.exec("delete from ids_password where user_id = $1", params![user.id])?;
    tx.exec("delete from ids_verified_email where user_id = $1", params![user.id])?;
    tx.exec_one("delete from ids_user where id = $1", params![user.id])?;
    cx.emit(Event::IdentityUserDeleted { store: user.store.clone(), user: user.id.clone() });
    Ok(())
}
