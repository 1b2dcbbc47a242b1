//! What was chosen for an identity store, and how far its synchronization has come.

use super::mapping::Mapping;
use crate::object_id::ObjectId;
use base::{DirectoryId, IdentityStoreId, Timestamp};
use kernel::store::Row;
use kernel::{Result, Tx, WriteTx, params};
use std::collections::BTreeMap;

/// How often a store is synchronized when nobody says otherwise, in seconds. AWS: about every three hours.
pub const INTERVAL_SECONDS: i64 = 3 * 3_600;
/// The shortest and the longest interval, in seconds.
pub const INTERVALS: std::ops::RangeInclusive<i64> = 60..=7 * 86_400;

/// In place of a controller, once a run has begun to read everything. What is chosen meanwhile takes it away again, and
/// with that the run's right to say that everything was read.
const BEGUN: &str = "";

/// What can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A user.
    User,
    /// A group, with the groups in it and everybody in them.
    Group,
}

impl Kind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Group => "GROUP",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::Group].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Something that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Its id in the directory; `None` until a run has found it there.
    pub id: Option<ObjectId>,
    /// What it is.
    pub kind: Kind,
    /// The name by which it was chosen, without the domain.
    pub name: String,
}

/// How a store is synchronized.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The store.
    pub store: IdentityStoreId,
    /// The directory.
    pub directory: DirectoryId,
    /// Since when nothing is done; `None`: it is not paused.
    pub paused_at: Option<Timestamp>,
    /// Pause between two runs, in seconds.
    pub interval_seconds: i64,
    /// What becomes of attributes.
    pub mapping: Mapping,
    /// The controller whose counter of changes `usn` is; `None` when everything must be read, empty while that is done.
    pub server: Option<String>,
    /// The last change that was seen.
    pub usn: i64,
    /// When everything was read last.
    pub full_at: Timestamp,
    /// When the directory was looked at last; 0: never.
    pub ran_at: Timestamp,
    /// What the last run did or why it failed, as JSON.
    pub result: Option<String>,
    /// What the last rehearsal found to be done, as JSON.
    pub plan: Option<String>,
}

fn settings(row: &Row<'_>) -> Result<Settings> {
    let mapping: String = row.get(4)?;
    Ok(Settings {
        store: row.get(0)?,
        directory: row.get(1)?,
        paused_at: row.get(2)?,
        interval_seconds: row.get(3)?,
        mapping: Mapping::from_json(&mapping),
        server: row.get(5)?,
        usn: row.get(6)?,
        full_at: row.get(7)?,
        ran_at: row.get(8)?,
        result: row.get(9)?,
        plan: row.get(10)?,
    })
}

/// How the store is synchronized; `None` when it knows its people itself.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, store: &IdentityStoreId) -> Result<Option<Settings>> {
    let sql = "select store_id, directory_id, paused_at, interval_seconds, mapping, server, usn, full_at, ran_at, \
               result, plan from dir_sync where store_id = $1";
    tx.opt(sql, params![store], settings)
}

/// The stores that are synchronized with a directory.
pub(super) fn stores_of(tx: &mut Tx, directory: &DirectoryId) -> Result<Vec<IdentityStoreId>> {
    let sql = "select store_id from dir_sync where directory_id = $1 order by store_id";
    tx.all(sql, params![directory], |row| row.get(0))
}

/// Lets a store be synchronized with a directory. Nothing is chosen yet.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, store: &IdentityStoreId, directory: &DirectoryId) -> Result<()> {
    tx.exec_one(
        "insert into dir_sync (store_id, directory_id, interval_seconds, mapping, usn, full_at, ran_at) \
         values ($1, $2, $3, $4, 0, 0, 0)",
        params![store, directory, INTERVAL_SECONDS, Mapping::default().to_json()],
    )
}

/// Ends the synchronization of a store.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut WriteTx<'_>, store: &IdentityStoreId) -> Result<()> {
    tx.exec("delete from dir_departure where store_id = $1", params![store])?;
    tx.exec("delete from dir_scope where store_id = $1", params![store])?;
    tx.exec("delete from dir_sync where store_id = $1", params![store])?;
    Ok(())
}

/// Changes how the store is synchronized. The next run reads everything.
///
/// # Errors
/// When the database fails.
pub fn update(
    tx: &mut WriteTx<'_>,
    store: &IdentityStoreId,
    paused_at: Option<Timestamp>,
    interval_seconds: i64,
    mapping: &Mapping,
) -> Result<()> {
    tx.exec_one(
        "update dir_sync set paused_at = $2, interval_seconds = $3, mapping = $4, server = null where store_id = $1",
        params![store, paused_at, interval_seconds, mapping.to_json()],
    )
}

fn chosen(row: &Row<'_>) -> Result<Chosen> {
    let id: Option<String> = row.get(0)?;
    Ok(Chosen { id: id.as_deref().and_then(ObjectId::parse), kind: row.parse(1, Kind::parse)?, name: row.get(2)? })
}

/// What was chosen, by name.
///
/// # Errors
/// When the database fails.
pub fn scope(tx: &mut Tx, store: &IdentityStoreId) -> Result<Vec<Chosen>> {
    let sql = "select object_id, kind, name from dir_scope where store_id = $1 order by kind, name_key";
    tx.all(sql, params![store], chosen)
}

/// Adds to what was chosen.
///
/// # Errors
/// When the database fails.
pub fn choose(tx: &mut WriteTx<'_>, store: &IdentityStoreId, kind: Kind, name: &str, now: Timestamp) -> Result<()> {
    tx.exec_one(
        "insert into dir_scope (store_id, kind, name_key, name, added_at) values ($1, $2, $3, $4, $5) \
         on conflict (store_id, kind, name_key) do update set name = excluded.name, object_id = null",
        params![store, kind.as_str(), name.to_lowercase(), name, now],
    )?;
    read_everything(tx, store)
}

/// Remembers what something that was chosen is in the directory.
pub(super) fn identify(tx: &mut WriteTx<'_>, store: &IdentityStoreId, chosen: &Chosen) -> Result<()> {
    let id = chosen.id.map(|id| id.to_string());
    let sql = "update dir_scope set object_id = $4 where store_id = $1 and kind = $2 and name_key = $3";
    tx.exec(sql, params![store, chosen.kind.as_str(), chosen.name.to_lowercase(), id])?;
    Ok(())
}

/// Takes something from what was chosen; false when it was not.
///
/// # Errors
/// When the database fails.
pub fn dismiss(tx: &mut WriteTx<'_>, store: &IdentityStoreId, kind: Kind, name: &str) -> Result<bool> {
    let sql = "delete from dir_scope where store_id = $1 and kind = $2 and name_key = $3";
    let was_chosen = tx.exec(sql, params![store, kind.as_str(), name.to_lowercase()])? > 0;
    read_everything(tx, store)?;
    Ok(was_chosen)
}

/// Remembers what a rehearsal found.
pub(super) fn rehearsed(tx: &mut WriteTx<'_>, store: &IdentityStoreId, plan: &str) -> Result<()> {
    tx.exec("update dir_sync set plan = $2 where store_id = $1", params![store, plan])?;
    Ok(())
}

/// Has the next run read everything, whatever has changed.
pub(super) fn read_everything(tx: &mut WriteTx<'_>, store: &IdentityStoreId) -> Result<()> {
    tx.exec_one("update dir_sync set server = null where store_id = $1", params![store])
}

/// Notes that everything is about to be read, where it must be.
pub(super) fn begin(tx: &mut WriteTx<'_>, store: &IdentityStoreId) -> Result<()> {
    tx.exec("update dir_sync set server = $2 where store_id = $1 and server is null", params![store, BEGUN])?;
    Ok(())
}

/// Up to where the changes of a controller have been seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub server: String,
    pub usn: i64,
    /// Whether everything was read.
    pub is_full: bool,
}

/// Remembers a run, and what it has seen when it worked.
pub(super) fn ran(
    tx: &mut WriteTx<'_>,
    store: &IdentityStoreId,
    mark: Option<&Mark>,
    result: &str,
    now: Timestamp,
) -> Result<()> {
    tx.exec("update dir_sync set ran_at = $2, result = $3 where store_id = $1", params![store, now, result])?;
    if let Some(mark) = mark {
        let sql = "update dir_sync set server = $2, usn = $3 where store_id = $1 and server is not null";
        tx.exec(sql, params![store, mark.server, mark.usn])?;
    }
    if mark.is_some_and(|mark| mark.is_full) {
        tx.exec("update dir_sync set full_at = $2 where store_id = $1", params![store, now])?;
    }
    Ok(())
}

/// Since when users are out of the scope.
pub(super) fn departed(tx: &mut Tx, store: &IdentityStoreId) -> Result<BTreeMap<ObjectId, Timestamp>> {
    let sql = "select object_id, since from dir_departure where store_id = $1 order by object_id";
    let rows = tx.all(sql, params![store], |row| Ok((row.parse(0, ObjectId::parse)?, row.get(1)?)))?;
    Ok(rows.into_iter().collect())
}

pub(super) fn depart(tx: &mut WriteTx<'_>, store: &IdentityStoreId, id: &ObjectId, now: Timestamp) -> Result<()> {
    tx.exec(
        "insert into dir_departure (store_id, object_id, since) values ($1, $2, $3) \
         on conflict (store_id, object_id) do nothing",
        params![store, id.to_string(), now],
    )?;
    Ok(())
}

pub(super) fn forget_departure(tx: &mut WriteTx<'_>, store: &IdentityStoreId, id: &ObjectId) -> Result<()> {
    let sql = "delete from dir_departure where store_id = $1 and object_id = $2";
    tx.exec(sql, params![store, id.to_string()])?;
    Ok(())
}
