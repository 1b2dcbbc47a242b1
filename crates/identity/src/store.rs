//! Identity stores themselves.

use base::{AccountId, DirectoryId, IdentityStoreId, Timestamp};
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Error, Result, Tx, WriteCx, params};

/// Where the people of a store are known from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The store itself, with passwords of its own.
    IdentityCenter,
    /// The domain behind a directory of Directory Service.
    ActiveDirectory(DirectoryId),
}

/// An identity store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Its id.
    pub id: IdentityStoreId,
    /// The account whose instance of Identity Center it belongs to.
    pub owner: AccountId,
    /// Where its people are known from.
    pub source: Source,
    /// When it came to be.
    pub created_at: Timestamp,
}

fn store(row: &Row<'_>) -> Result<Store> {
    let (source, directory): (String, Option<DirectoryId>) = (row.get(2)?, row.get(3)?);
    let source = match (source.as_str(), directory) {
        ("IDENTITY_CENTER", None) => Source::IdentityCenter,
        ("ACTIVE_DIRECTORY", Some(directory)) => Source::ActiveDirectory(directory),
        _ => return Err(Error::internal("an identity store has no source")),
    };
    Ok(Store { id: row.get(0)?, owner: row.get(1)?, source, created_at: row.get(4)? })
}

/// The store of that id.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, id: &IdentityStoreId) -> Result<Option<Store>> {
    let sql = "select id, owner_account_id, source, directory_id, created_at from ids_store where id = $1";
    tx.opt(sql, params![id], store)
}

/// Creates an empty store of `owner` that knows its people itself.
///
/// # Errors
/// When the database fails.
pub fn create(cx: &mut WriteCx<'_>, owner: &AccountId) -> Result<Store> {
    let id = IdentityStoreId::random(&mut cx.random);
    let store = Store { id, owner: owner.clone(), source: Source::IdentityCenter, created_at: cx.now };
    cx.write().exec_one(
        "insert into ids_store (id, owner_account_id, source, created_at) values ($1, $2, 'IDENTITY_CENTER', $3)",
        params![store.id, store.owner, store.created_at],
    )?;
    Ok(store)
}

/// Deletes a store with everybody in it. Nobody is told: whatever knew of its people goes with it.
///
/// # Errors
/// When the database fails.
pub fn delete(cx: &mut WriteCx<'_>, id: &IdentityStoreId) -> Result<()> {
    let mut tx = cx.write();
    for sql in [
        "delete from ids_membership where store_id = $1",
        "delete from ids_external_id where store_id = $1",
        "delete from ids_password where user_id in (select id from ids_user where store_id = $1)",
        "delete from ids_user where store_id = $1",
        "delete from ids_group where store_id = $1",
        "delete from ids_store where id = $1",
    ] {
        tx.exec(sql, params![id])?;
    }
    cx.touch(Scope::identity_store(id));
    Ok(())
}
