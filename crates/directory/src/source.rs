//! Where the people of an identity store are known from, and what a change of that comes to.

use crate::record;
use crate::sync::{self, settings};
use base::{DirectoryId, IdentityStoreId, Timestamp};
use identity::store::{self, Source};
use identity::{group, user};
use kernel::{Error, Result, Tx, WriteCx};

/// Rows that are read at once.
const PAGE: i64 = 500;

/// What a change of the source keeps and what it loses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The present source.
    pub from: Source,
    /// The new one.
    pub to: Source,
    /// Users that are deleted, with their passwords, MFA devices and assignments.
    pub users_deleted: i64,
    /// Groups that are deleted, with their assignments.
    pub groups_deleted: i64,
    /// Sentences on what stays and what goes, for the person who decides.
    pub consequences: Vec<&'static str>,
}

/// Why a source cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such directory in the account of the instance.
    NoDirectory,
    /// The directory is not Active.
    NotActive(String),
    /// It is the source already.
    Same,
}

/// The store, which must be.
fn existing(tx: &mut Tx, id: &IdentityStoreId) -> Result<store::Store> {
    store::get(tx, id)?.ok_or_else(|| Error::internal("there is no such identity store"))
}

fn check(tx: &mut Tx, store: &store::Store, to: &Source) -> Result<Result<(), Refusal>> {
    if store.source == *to {
        return Ok(Err(Refusal::Same));
    }
    let Source::ActiveDirectory(id) = to else { return Ok(Ok(())) };
    // The directory must be in the account that owns the instance.
    let Some(directory) = record::get(tx, id)?.filter(|directory| directory.account == store.owner) else {
        return Ok(Err(Refusal::NoDirectory));
    };
    if directory.is_usable() { Ok(Ok(())) } else { Ok(Err(Refusal::NotActive(directory.stage.as_str().to_owned()))) }
}

/// What it would come to if the store's people came from `to`. Changes nothing.
///
/// # Errors
/// When the database fails.
pub fn plan_change(tx: &mut Tx, id: &IdentityStoreId, to: &Source) -> Result<Result<Change, Refusal>> {
    let store = existing(tx, id)?;
    if let Err(refusal) = check(tx, &store, to)? {
        return Ok(Err(refusal));
    }
    let (mut users_deleted, mut after) = (0, (Timestamp::from_micros(i64::MIN), String::new()));
    loop {
        let page = user::list(tx, id, (after.0, &after.1), PAGE)?;
        let Some(last) = page.last() else { break };
        users_deleted += page.len() as i64;
        after = (last.created_at, last.id.to_string());
    }
    let (mut groups_deleted, mut after) = (0, (Timestamp::from_micros(i64::MIN), String::new()));
    loop {
        let page = group::list(tx, id, (after.0, &after.1), PAGE)?;
        let Some(last) = page.last() else { break };
        groups_deleted += page.len() as i64;
        after = (last.created_at, last.id.to_string());
    }
    let consequences = vec![
        "All users and groups of the identity store are deleted.",
        "All assignments of users and groups to accounts and applications are deleted.",
        "Passwords, MFA devices and sessions of the users are deleted.",
        "Permission sets, applications and the configuration of attributes for access control stay.",
    ];
    Ok(Ok(Change { from: store.source, to: to.clone(), users_deleted, groups_deleted, consequences }))
}

/// Empties the store. Each deletion is told, so that assignments and sessions go with those who had them.
fn empty(cx: &mut WriteCx<'_>, id: &IdentityStoreId) -> Result<()> {
    let start = (Timestamp::from_micros(i64::MIN), "");
    loop {
        let groups = group::list(cx.tx, id, start, PAGE)?;
        if groups.is_empty() {
            break;
        }
        groups.iter().try_for_each(|group| group::delete(cx, group))?;
    }
    loop {
        let users = user::list(cx.tx, id, start, PAGE)?;
        if users.is_empty() {
            return Ok(());
        }
        users.iter().try_for_each(|user| user::delete(cx, user))?;
    }
}

/// Takes the people of the store from the directory from now on. Whoever was in the store is deleted; who is to come
/// must be chosen ([`sync::choose`]).
///
/// # Errors
/// When the database fails.
pub fn set_active_directory(
    cx: &mut WriteCx<'_>,
    id: &IdentityStoreId,
    directory: &DirectoryId,
) -> Result<Result<(), Refusal>> {
    let to = Source::ActiveDirectory(directory.clone());
    let store = existing(cx.tx, id)?;
    if let Err(refusal) = check(cx.tx, &store, &to)? {
        return Ok(Err(refusal));
    }
    empty(cx, id)?;
    settings::delete(&mut cx.write(), id)?;
    store::set_source(cx, id, &to)?;
    settings::insert(&mut cx.write(), id, directory)?;
    sync::run_soon(cx, id)?;
    Ok(Ok(()))
}

/// Lets the store know its people itself from now on. Whoever came from the directory is deleted.
///
/// # Errors
/// When the database fails.
pub fn set_identity_center(cx: &mut WriteCx<'_>, id: &IdentityStoreId) -> Result<Result<(), Refusal>> {
    let store = existing(cx.tx, id)?;
    if let Err(refusal) = check(cx.tx, &store, &Source::IdentityCenter)? {
        return Ok(Err(refusal));
    }
    empty(cx, id)?;
    settings::delete(&mut cx.write(), id)?;
    store::set_source(cx, id, &Source::IdentityCenter)?;
    Ok(Ok(()))
}
