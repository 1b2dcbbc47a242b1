//! Directories that are shared with other accounts: there they are directories of the type SharedMicrosoftAD, with ids
//! of their own.
//!
//! Within an organization that trusts Directory Service a directory is shared at once, and until the account leaves;
//! with any other account once that account accepts.

use crate::record::{self, Directory};
use crate::{access, messages};
use base::{AccountId, DirectoryId, Timestamp};
use iam::account::AccountState;
use kernel::store::Row;
use kernel::{Cx, Error, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::ds::{
    AcceptSharedDirectoryRequest, AcceptSharedDirectoryResult, DescribeSharedDirectoriesRequest,
    DescribeSharedDirectoriesResult, DirectoryAlreadySharedException, DirectoryDescription, DirectoryEdition,
    DirectoryNotSharedException, DirectoryStage, DirectoryType, InvalidTargetException, OrganizationsException,
    OwnerDirectoryDescription, RejectSharedDirectoryRequest, RejectSharedDirectoryResult, ShareDirectoryRequest,
    ShareDirectoryResult, ShareLimitExceededException, ShareMethod, ShareStatus, SharedDirectory,
    UnshareDirectoryRequest, UnshareDirectoryResult, ops,
};

/// The service principal that an organization trusts.
const SERVICE: &str = "ds.amazonaws.com";
/// Accounts with which a directory of the edition Standard is shared at most, and one of another edition.
const STANDARD_SHARES_MAX: i64 = 25;
const SHARES_MAX: i64 = 500;

/// A directory that is shared with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Share {
    /// Its id there.
    pub id: DirectoryId,
    directory: DirectoryId,
    account: AccountId,
    method: ShareMethod,
    status: ShareStatus,
    notes: Option<String>,
    created_at: Timestamp,
    changed_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, directory_id, account_id, method, status, notes, created_at, changed_at from dir_share ",
            $rest
        )
    };
}

fn share(row: &Row<'_>) -> Result<Share> {
    Ok(Share {
        id: row.get(0)?,
        directory: row.get(1)?,
        account: row.get(2)?,
        method: row.parse(3, ShareMethod::parse)?,
        status: row.parse(4, ShareStatus::parse)?,
        notes: row.get(5)?,
        created_at: row.get(6)?,
        changed_at: row.get(7)?,
    })
}

impl Share {
    /// As its owner sees it, whose account is `owner`.
    fn shared(&self, owner: &AccountId) -> SharedDirectory {
        SharedDirectory {
            created_date_time: Some(self.created_at),
            last_updated_date_time: Some(self.changed_at),
            owner_account_id: Some(owner.to_string()),
            owner_directory_id: Some(self.directory.to_string()),
            share_method: Some(self.method),
            share_notes: self.notes.clone(),
            share_status: Some(self.status),
            shared_account_id: Some(self.account.to_string()),
            shared_directory_id: Some(self.id.to_string()),
        }
    }

    /// As the account sees it that it is shared with.
    fn described(&self, owner: &Directory) -> DirectoryDescription {
        let described = owner.described();
        DirectoryDescription {
            directory_id: Some(self.id.to_string()),
            r#type: Some(DirectoryType::SharedMicrosoftAD),
            name: described.name,
            short_name: described.short_name,
            edition: described.edition,
            dns_ip_addrs: described.dns_ip_addrs.clone(),
            dns_ipv6_addrs: described.dns_ipv6_addrs.clone(),
            network_type: described.network_type,
            launch_time: Some(self.created_at),
            stage: described.stage,
            stage_last_updated_date_time: described.stage_last_updated_date_time,
            share_method: Some(self.method),
            share_status: Some(self.status),
            share_notes: self.notes.clone(),
            sso_enabled: Some(false),
            owner_directory_description: Some(OwnerDirectoryDescription {
                account_id: Some(owner.account.to_string()),
                directory_id: Some(owner.id.to_string()),
                dns_ip_addrs: described.dns_ip_addrs,
                dns_ipv6_addrs: described.dns_ipv6_addrs,
                network_type: described.network_type,
                vpc_settings: described.vpc_settings,
                radius_settings: None,
                radius_status: None,
            }),
            ..DirectoryDescription::default()
        }
    }
}

/// The directories that are shared with an account or offered to it, as it sees them, by id, strictly after `after`.
///
/// # Errors
/// When the database fails.
pub(crate) fn described(
    tx: &mut Tx,
    account: &AccountId,
    after: &str,
    limit: i64,
) -> Result<Vec<DirectoryDescription>> {
    let sql = select!("where account_id = $1 and id > $2 and status <> 'Rejected' order by id limit $3");
    let shares = tx.all(sql, params![account, after, limit], share)?;
    let mut described = Vec::with_capacity(shares.len());
    for share in shares {
        described.extend(record::get(tx, &share.directory)?.map(|owner| share.described(&owner)));
    }
    Ok(described)
}

/// The directory of that id that is shared with the caller, as the caller sees it.
///
/// # Errors
/// When the database fails.
pub(crate) fn find(cx: &mut Cx<'_>, id: &str) -> Result<Option<DirectoryDescription>> {
    let Some(share) = mine(cx, id)?.filter(|share| share.status != ShareStatus::Rejected) else { return Ok(None) };
    Ok(record::get(cx.tx, &share.directory)?.map(|owner| share.described(&owner)))
}

/// The share of that id, when it is one with the caller's account.
fn mine(cx: &mut Cx<'_>, id: &str) -> Result<Option<Share>> {
    let account = cx.account()?;
    let share = cx.tx.opt(select!("where id = $1"), params![id], share)?;
    Ok(share.filter(|share| share.account == account))
}

/// The share of that id with the caller's account, or `EntityDoesNotExistException`.
fn existing(cx: &mut Cx<'_>, id: &str) -> Result<Share> {
    mine(cx, id)?.ok_or_else(|| messages::no_entity(id))
}

fn of(tx: &mut Tx, directory: &DirectoryId, account: &AccountId) -> Result<Option<Share>> {
    tx.opt(select!("where directory_id = $1 and account_id = $2"), params![directory, account], share)
}

fn remove(tx: &mut WriteTx<'_>, id: &DirectoryId) -> Result<()> {
    tx.exec_one("delete from dir_share where id = $1", params![id])
}

fn set_status(cx: &mut WriteCx<'_>, share: &mut Share, status: ShareStatus) -> Result<()> {
    (share.status, share.changed_at) = (status, cx.now);
    let sql = "update dir_share set status = $2, changed_at = $3 where id = $1";
    cx.write().exec_one(sql, params![share.id, status.as_str(), share.changed_at])
}

/// Ends every share of a directory, which is about to be deleted.
///
/// # Errors
/// When the database fails.
pub(crate) fn end_all(tx: &mut WriteTx<'_>, directory: &DirectoryId) -> Result<()> {
    tx.exec("delete from dir_share where directory_id = $1", params![directory]).map(drop)
}

/// Gives up a directory that is shared with the caller; false when there is none of that id.
///
/// # Errors
/// When the database fails.
pub(crate) fn give_up(cx: &mut WriteCx<'_>, id: &str) -> Result<bool> {
    let Some(share) = mine(cx, id)? else { return Ok(false) };
    remove(&mut cx.write(), &share.id)?;
    Ok(true)
}

/// Ends the shares that an account has, or has given, because it was in an organization that it left.
///
/// # Errors
/// When the database fails.
pub fn on_account_left(cx: &mut WriteCx<'_>, account: &AccountId) -> Result<()> {
    let sql = "delete from dir_share where method = 'ORGANIZATIONS' and (account_id = $1 \
               or directory_id in (select id from dir_directory where account_id = $1))";
    cx.write().exec(sql, params![account]).map(drop)
}

/// The caller's directory, when it is of a kind that can be shared.
fn shareable(cx: &mut Cx<'_>, id: &str) -> Result<Directory> {
    let directory = access::existing(cx, id)?;
    if !directory.is_managed() {
        return Err(messages::unsupported("Only AWS Managed Microsoft AD directories can be shared."));
    }
    Ok(directory)
}

fn invalid_target(id: &str) -> Error {
    InvalidTargetException::new(format!("The account {id} is not a valid target.")).into()
}

fn unusable_organization(why: &str) -> Error {
    OrganizationsException::new(why.to_owned()).into()
}

/// The account to share with.
fn target(cx: &mut Cx<'_>, input: &ShareDirectoryRequest, owner: &AccountId) -> Result<AccountId> {
    let id = input.share_target.id.as_str();
    let target = AccountId::parse(id).filter(|target| target != owner).ok_or_else(|| invalid_target(id))?;
    if input.share_method == ShareMethod::Organizations {
        let org = org::organization::of_account(cx.tx, owner)?
            .ok_or_else(|| unusable_organization("The account is not a member of an organization."))?;
        if !org.has_all_features() {
            return Err(unusable_organization("All features are not enabled in the organization."));
        }
        if !org::trusted_access::is_trusted(cx.tx, &org.id, SERVICE)? {
            return Err(unusable_organization("The organization has not enabled access for ds.amazonaws.com."));
        }
        if org::account::find(cx.tx, &org, &target)?.is_none() {
            return Err(invalid_target(id));
        }
    }
    let account = iam::account::get(cx.tx, &target)?;
    if account.is_none_or(|account| account.state != AccountState::Active) {
        return Err(invalid_target(id));
    }
    Ok(target)
}

fn share_directory(cx: &mut WriteCx<'_>, input: &ShareDirectoryRequest) -> Result<ShareDirectoryResult> {
    let directory = shareable(cx, &input.directory_id)?;
    if directory.stage != DirectoryStage::Active {
        return Err(messages::client(format!("The directory {} is not Active.", directory.id)));
    }
    let account = target(cx, input, &directory.account)?;
    match of(cx.tx, &directory.id, &account)? {
        Some(rejected) if rejected.status == ShareStatus::Rejected => remove(&mut cx.write(), &rejected.id)?,
        Some(_) => {
            let message = format!("The directory {} is already shared with the account {account}.", directory.id);
            return Err(DirectoryAlreadySharedException::new(message).into());
        }
        None => {}
    }
    let is_standard = directory.details.edition == Some(DirectoryEdition::Standard);
    let limit = if is_standard { STANDARD_SHARES_MAX } else { SHARES_MAX };
    let sql = "select count(*) from dir_share where directory_id = $1 and status <> 'Rejected'";
    if cx.tx.count(sql, params![directory.id])? >= limit {
        let message = format!("The directory {} is shared with {limit} accounts, which is the limit.", directory.id);
        return Err(ShareLimitExceededException::new(message).into());
    }
    let status = match input.share_method {
        ShareMethod::Organizations => ShareStatus::Shared,
        ShareMethod::Handshake => ShareStatus::PendingAcceptance,
    };
    let (id, now) = (DirectoryId::random(&mut cx.random), cx.now);
    cx.write().exec_one(
        "insert into dir_share (id, directory_id, account_id, method, status, notes, created_at, changed_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $7)",
        params![id, directory.id, account, input.share_method.as_str(), status.as_str(), input.share_notes, now],
    )?;
    Ok(ShareDirectoryResult { shared_directory_id: Some(id.to_string()) })
}

fn unshare(cx: &mut WriteCx<'_>, input: &UnshareDirectoryRequest) -> Result<UnshareDirectoryResult> {
    let directory = access::existing(cx, &input.directory_id)?;
    let target = &input.unshare_target.id;
    let account = AccountId::parse(target).ok_or_else(|| invalid_target(target))?;
    let Some(share) = of(cx.tx, &directory.id, &account)? else {
        let message = format!("The directory {} is not shared with the account {account}.", directory.id);
        return Err(DirectoryNotSharedException::new(message).into());
    };
    remove(&mut cx.write(), &share.id)?;
    Ok(UnshareDirectoryResult { shared_directory_id: Some(share.id.to_string()) })
}

/// The share of that id that waits for the caller's word.
fn offered(cx: &mut Cx<'_>, id: &str) -> Result<Share> {
    let share = existing(cx, id)?;
    match share.status {
        ShareStatus::PendingAcceptance => Ok(share),
        ShareStatus::Shared => {
            let message = format!("The directory {id} is already shared with this account.");
            Err(DirectoryAlreadySharedException::new(message).into())
        }
        _ => Err(messages::invalid(format!("The directory {id} is not offered to this account."))),
    }
}

fn accept(cx: &mut WriteCx<'_>, input: &AcceptSharedDirectoryRequest) -> Result<AcceptSharedDirectoryResult> {
    let mut share = offered(cx, &input.shared_directory_id)?;
    let owner = record::get(cx.tx, &share.directory)?.ok_or_else(|| messages::no_entity(&input.shared_directory_id))?;
    set_status(cx, &mut share, ShareStatus::Shared)?;
    Ok(AcceptSharedDirectoryResult { shared_directory: Some(share.shared(&owner.account)) })
}

fn reject(cx: &mut WriteCx<'_>, input: &RejectSharedDirectoryRequest) -> Result<RejectSharedDirectoryResult> {
    let mut share = offered(cx, &input.shared_directory_id)?;
    set_status(cx, &mut share, ShareStatus::Rejected)?;
    Ok(RejectSharedDirectoryResult { shared_directory_id: Some(share.id.to_string()) })
}

/// With whom the caller shares a directory.
fn describe(cx: &mut Cx<'_>, input: &DescribeSharedDirectoriesRequest) -> Result<DescribeSharedDirectoriesResult> {
    let directory = shareable(cx, &input.owner_directory_id)?;
    let chosen = input.shared_directory_ids.as_deref().unwrap_or_default();
    if !chosen.is_empty() {
        let mut found = Vec::with_capacity(chosen.len());
        for id in chosen {
            let share = cx.tx.opt(select!("where id = $1 and directory_id = $2"), params![id, directory.id], share)?;
            found.push(share.ok_or_else(|| messages::no_entity(id))?.shared(&directory.account));
        }
        return Ok(DescribeSharedDirectoriesResult { shared_directories: Some(found), next_token: None });
    }
    let list = ["DescribeSharedDirectories", directory.id.as_str()];
    let cursor = access::page(cx, &list, input.next_token.as_deref(), input.limit)?;
    let sql = select!("where directory_id = $1 and id > $2 order by id limit $3");
    let rows = cx.tx.all(sql, params![directory.id, cursor.after, cursor.fetch], share)?;
    let (rows, next_token) = cursor.close(cx, rows, |share| share.id.to_string())?;
    let shared = rows.iter().map(|share| share.shared(&directory.account)).collect();
    Ok(DescribeSharedDirectoriesResult { shared_directories: Some(shared), next_token })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::ShareDirectory>(
            |cx, input| Ok(access::on::<ops::ShareDirectory>(cx, &input.directory_id)?.into()),
            share_directory,
        ),
        route::write::<ops::UnshareDirectory>(
            |cx, input| Ok(access::on::<ops::UnshareDirectory>(cx, &input.directory_id)?.into()),
            unshare,
        ),
        route::write::<ops::AcceptSharedDirectory>(
            |cx, input| Ok(access::on::<ops::AcceptSharedDirectory>(cx, &input.shared_directory_id)?.into()),
            accept,
        ),
        route::write::<ops::RejectSharedDirectory>(
            |cx, input| Ok(access::on::<ops::RejectSharedDirectory>(cx, &input.shared_directory_id)?.into()),
            reject,
        ),
        route::read::<ops::DescribeSharedDirectories>(
            |cx, input| Ok(access::on::<ops::DescribeSharedDirectories>(cx, &input.owner_directory_id)?.into()),
            describe,
        ),
    ]
}
