//! The identifiers that an external provider gave users and groups.

use base::IdentityStoreId;
use kernel::store::Row;
use kernel::{Result, Tx, WriteTx, params};
use model::identitystore::ExternalId;

fn external_id(row: &Row<'_>) -> Result<ExternalId> {
    Ok(ExternalId { issuer: row.get(0)?, id: row.get(1)? })
}

/// The external ids of a user or a group.
///
/// # Errors
/// When the database fails.
pub fn of(tx: &mut Tx, principal: &str) -> Result<Vec<ExternalId>> {
    let sql = "select issuer, external_id from ids_external_id where principal_id = $1 order by issuer, external_id";
    tx.all(sql, params![principal], external_id)
}

/// As [`of`], in the form of answers: absent when there are none.
pub(crate) fn shown(tx: &mut Tx, principal: &str) -> Result<Option<Vec<ExternalId>>> {
    Ok(Some(of(tx, principal)?).filter(|ids| !ids.is_empty()))
}

/// Whether anybody in the store has one.
pub(crate) fn is_used(tx: &mut Tx, store: &IdentityStoreId) -> Result<bool> {
    tx.exists("select 1 from ids_external_id where store_id = $1 limit 1", params![store])
}

/// The id of the user or group to whom `issuer` gave `id`.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, store: &IdentityStoreId, issuer: &str, id: &str) -> Result<Option<String>> {
    let sql = "select principal_id from ids_external_id where store_id = $1 and issuer = $2 and external_id = $3";
    tx.opt(sql, params![store, issuer, id], |row| row.get(0))
}

/// Replaces the external ids of a user or a group. Each must be free.
///
/// # Errors
/// When the database fails.
pub fn set(tx: &mut WriteTx<'_>, store: &IdentityStoreId, principal: &str, ids: &[ExternalId]) -> Result<()> {
    tx.exec("delete from ids_external_id where principal_id = $1", params![principal])?;
    for id in ids {
        tx.exec_one(
            "insert into ids_external_id (store_id, issuer, external_id, principal_id) values ($1, $2, $3, $4)",
            params![store, id.issuer, id.id, principal],
        )?;
    }
    Ok(())
}

/// The issuers of the external ids of a user or a group.
pub(crate) fn issuers(tx: &mut Tx, principal: &str) -> Result<Vec<String>> {
    let sql = "select distinct issuer from ids_external_id where principal_id = $1 order by issuer";
    tx.all(sql, params![principal], |row| row.get(0))
}
