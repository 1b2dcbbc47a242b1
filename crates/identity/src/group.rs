//! Groups of identity stores.

use base::{IdentityGroupId, IdentityStoreId, Timestamp};
use kernel::store::Row;
use kernel::{Result, Tx, WriteTx, params};

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Id.
    pub id: IdentityGroupId,
    /// The store that knows the group.
    pub store: IdentityStoreId,
    /// Its name.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Id in the directory that the group comes from.
    pub source_id: Option<String>,
    /// When the group was made.
    pub created_at: Timestamp,
    /// ARN or name of whoever made the group.
    pub created_by: String,
    /// When the group was changed last.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: String,
}

fn group(row: &Row<'_>) -> Result<Group> {
    Ok(Group {
        id: row.get(0)?,
        store: row.get(1)?,
        display_name: row.get(2)?,
        description: row.get(3)?,
        source_id: row.get(4)?,
        created_at: row.get(5)?,
        created_by: row.get(6)?,
        updated_at: row.get(7)?,
        updated_by: row.get(8)?,
    })
}

/// The group of that id in `store`.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, store: &IdentityStoreId, id: &IdentityGroupId) -> Result<Option<Group>> {
    let sql = "select id, store_id, display_name, description, source_id, created_at, created_by, updated_at, updated_by \
               from ids_group where store_id = $1 and id = $2";
    tx.opt(sql, params![store, id], group)
}

/// Adds a group whose name is free.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, group: &Group) -> Result<()> {
    let key = group.display_name.to_lowercase();
    tx.exec_one(
        "insert into ids_group (id, store_id, display_name, display_name_key, description, source_id, created_at, \
           created_by, updated_at, updated_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        params![
            group.id,
            group.store,
            group.display_name,
            key,
            group.description,
            group.source_id,
            group.created_at,
            group.created_by,
            group.updated_at,
            group.updated_by
        ],
    )
}
