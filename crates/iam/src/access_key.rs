//! Long-term access keys of users and of root users.

use crate::access::permission;
use crate::messages;
use crate::paging::{self, page_request};
use crate::user::{self, Subject, permission_on_subject, subject};
use base::{AccessKeyId, AccountId, Random, Secret, Timestamp, UserId, random::ALPHABET_SECRET};
use kernel::scope::Scope;
use kernel::seal::{Purpose, Seal};
use kernel::store::Row;
use kernel::{Access, Cx, Error, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::iam::{
    AccessKeyLastUsed, AccessKeyMetadata, CreateAccessKeyRequest, CreateAccessKeyResponse, DeleteAccessKeyRequest,
    GetAccessKeyLastUsedRequest, GetAccessKeyLastUsedResponse, InvalidInputException, ListAccessKeysRequest,
    ListAccessKeysResponse, UpdateAccessKeyRequest, ops, statusType,
};
use smithy::schema::Unit;

/// Most access keys of a user, and of the root user.
pub const ACCESS_KEYS_MAX: i64 = 2;
/// Length of a secret access key.
const SECRET_LENGTH: usize = 40;

/// A long-term access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Its id.
    pub id: AccessKeyId,
    /// Account.
    pub account: AccountId,
    /// Its user; none: the root user.
    pub user: Option<UserId>,
    /// Its secret, sealed.
    pub sealed_secret: Vec<u8>,
    /// Whether it may sign requests.
    pub is_active: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// Its last use.
    pub last_used: Option<LastUse>,
}

/// The last use of an access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// Signing name of the service that was called.
    pub service: String,
    /// Region of the credential scope.
    pub region: String,
}

impl AccessKey {
    /// The secret; none when it was sealed under a master key that is gone.
    pub fn secret(&self, seal: &Seal) -> Option<Secret> {
        let plain = seal.open(Purpose::AccessKeySecret, self.id.as_str(), &self.sealed_secret)?;
        std::str::from_utf8(&plain).ok().map(Secret::new)
    }

    fn status(&self) -> statusType {
        if self.is_active { statusType::Active } else { statusType::Inactive }
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, account_id, user_id, sealed_secret, is_active, created_at, last_used_at, last_used_service, \
             last_used_region from iam_access_key ",
            $rest
        )
    };
}

fn access_key(row: &Row<'_>) -> Result<AccessKey> {
    let used_at: Option<Timestamp> = row.get(6)?;
    let service: Option<String> = row.get(7)?;
    let region: Option<String> = row.get(8)?;
    Ok(AccessKey {
        id: row.get(0)?,
        account: row.get(1)?,
        user: row.get(2)?,
        sealed_secret: row.get(3)?,
        is_active: row.get(4)?,
        created_at: row.get(5)?,
        last_used: used_at.map(|at| LastUse {
            at,
            service: service.unwrap_or_default(),
            region: region.unwrap_or_default(),
        }),
    })
}

/// The key with that id.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, id: &AccessKeyId) -> Result<Option<AccessKey>> {
    tx.opt(select!("where id = $1"), params![id], access_key)
}

/// The keys of a user, or of the root user when `user` is none; the oldest first.
///
/// # Errors
/// When the database fails.
pub fn of_owner(tx: &mut Tx, account: &AccountId, user: Option<&UserId>) -> Result<Vec<AccessKey>> {
    match user {
        Some(id) => tx.all(
            select!("where account_id = $1 and user_id = $2 order by created_at, id"),
            params![account, id],
            access_key,
        ),
        None => tx.all(
            select!("where account_id = $1 and user_id is null order by created_at, id"),
            params![account],
            access_key,
        ),
    }
}

/// A new key that is to be inserted.
pub struct NewAccessKey<'a> {
    /// Its id.
    pub id: &'a AccessKeyId,
    /// Its secret.
    pub secret: &'a Secret,
    /// Account.
    pub account: &'a AccountId,
    /// Its user; none: the root user.
    pub user: Option<&'a UserId>,
    /// When it is created.
    pub created_at: Timestamp,
}

/// Adds an active key.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, seal: &Seal, random: &mut Random, key: &NewAccessKey<'_>) -> Result<()> {
    let secret = key.secret.expose().as_bytes();
    let sealed = seal.seal(Purpose::AccessKeySecret, key.id.as_str(), secret, random)?;
    tx.touch(Scope::account(key.account));
    tx.exec_one(
        "insert into iam_access_key (id, account_id, user_id, sealed_secret, is_active, created_at) \
         values ($1, $2, $3, $4, 1, $5)",
        params![key.id, key.account, key.user, sealed, key.created_at],
    )
}

/// Notes the use of a key. Touches no scope: nothing that is authorized depends on it.
///
/// # Errors
/// When the database fails.
pub fn set_last_use(tx: &mut WriteTx<'_>, id: &AccessKeyId, last: &LastUse) -> Result<()> {
    tx.exec(
        "update iam_access_key set last_used_at = $2, last_used_service = $3, last_used_region = $4 where id = $1",
        params![id, last.at, last.service, last.region],
    )?;
    Ok(())
}

/// A new secret.
pub fn new_secret(random: &mut Random) -> Secret {
    Secret::new(random.text(ALPHABET_SECRET, SECRET_LENGTH))
}

fn create(cx: &mut WriteCx<'_>, input: &CreateAccessKeyRequest) -> Result<CreateAccessKeyResponse> {
    let (subject, now) = (subject(cx, input.user_name.as_deref())?, cx.now);
    let account = subject.account().clone();
    if of_owner(cx.tx, &account, subject.user_id())?.len() as i64 >= ACCESS_KEYS_MAX {
        return Err(messages::over_quota("AccessKeysPerUser", ACCESS_KEYS_MAX).into());
    }
    let app = std::sync::Arc::clone(cx.app);
    let mut random = cx.random.fork();
    let (id, secret) = (AccessKeyId::long_term(&account, &mut random), new_secret(&mut random));
    let key = NewAccessKey { id: &id, secret: &secret, account: &account, user: subject.user_id(), created_at: now };
    insert(&mut cx.write(), &app.seal, &mut random, &key)?;
    Ok(CreateAccessKeyResponse {
        access_key: model::iam::AccessKey {
            access_key_id: id.to_string(),
            create_date: Some(now),
            secret_access_key: secret.expose().to_owned(),
            status: statusType::Active,
            user_name: subject.name().unwrap_or_default().to_owned(),
        },
    })
}

fn list(cx: &mut Cx<'_>, input: &ListAccessKeysRequest) -> Result<ListAccessKeysResponse> {
    let subject = subject(cx, input.user_name.as_deref())?;
    let keys = of_owner(cx.tx, subject.account(), subject.user_id())?;
    let page = paging::cut(cx, &["ListAccessKeys", &subject.arn()], page_request!(input), keys, |key| {
        format!("{:020} {}", key.created_at.micros(), key.id)
    })?;
    let page = page.map(|key| AccessKeyMetadata {
        access_key_id: Some(key.id.to_string()),
        create_date: Some(key.created_at),
        status: Some(key.status()),
        user_name: subject.name().map(str::to_owned),
    });
    let is_truncated = page.is_truncated();
    Ok(ListAccessKeysResponse { access_key_metadata: page.rows, is_truncated, marker: page.marker })
}

/// The key of that id, when it belongs to the named user, or to the caller when there is no name.
fn owned(cx: &mut Cx<'_>, user_name: Option<&str>, id: &str) -> Result<AccessKey> {
    let subject = subject(cx, user_name)?;
    let found = match AccessKeyId::parse(id) {
        Some(id) => get(cx.tx, &id)?,
        None => None,
    };
    let is_own = |key: &AccessKey| key.account == *subject.account() && key.user.as_ref() == subject.user_id();
    Ok(found.filter(is_own).ok_or_else(|| messages::no_access_key(id))?)
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateAccessKeyRequest) -> Result<Unit> {
    let key = owned(cx, input.user_name.as_deref(), &input.access_key_id)?;
    let is_active = match input.status {
        statusType::Active => true,
        statusType::Inactive => false,
        statusType::Expired => return Err(InvalidInputException::new("Status can be Active or Inactive.").into()),
    };
    cx.touch(Scope::account(&key.account));
    cx.write().exec_one("update iam_access_key set is_active = $2 where id = $1", params![key.id, is_active])?;
    Ok(Unit)
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteAccessKeyRequest) -> Result<Unit> {
    let key = owned(cx, input.user_name.as_deref(), &input.access_key_id)?;
    cx.touch(Scope::account(&key.account));
    cx.write().exec_one("delete from iam_access_key where id = $1", params![key.id])?;
    Ok(Unit)
}

/// The key and its owner, when it belongs to the caller's account.
fn in_account(cx: &mut Cx<'_>, id: &str) -> Result<Option<(AccessKey, Subject)>> {
    let account = cx.account()?;
    let Some(id) = AccessKeyId::parse(id) else { return Ok(None) };
    let Some(key) = get(cx.tx, &id)?.filter(|key| key.account == account) else { return Ok(None) };
    let owner = match &key.user {
        None => Subject::Root(account),
        Some(id) => Subject::User(
            user::get(cx.tx, id)?.ok_or_else(|| Error::internal(format!("access key {} has no user", key.id)))?,
        ),
    };
    Ok(Some((key, owner)))
}

fn may_get_last_used(cx: &mut Cx<'_>, input: &GetAccessKeyLastUsedRequest) -> Result<Access> {
    let arn = in_account(cx, &input.access_key_id)?.map_or_else(|| "*".to_owned(), |(_, owner)| owner.arn());
    Ok(permission::<ops::GetAccessKeyLastUsed>(arn).into())
}

fn get_last_used(cx: &mut Cx<'_>, input: &GetAccessKeyLastUsedRequest) -> Result<GetAccessKeyLastUsedResponse> {
    let found = in_account(cx, &input.access_key_id)?;
    let (key, owner) = found.ok_or_else(|| messages::no_access_key(&input.access_key_id))?;
    let last = match key.last_used {
        Some(last) => {
            AccessKeyLastUsed { last_used_date: Some(last.at), region: last.region, service_name: last.service }
        }
        None => AccessKeyLastUsed { last_used_date: None, region: "N/A".to_owned(), service_name: "N/A".to_owned() },
    };
    Ok(GetAccessKeyLastUsedResponse { access_key_last_used: Some(last), user_name: owner.name().map(str::to_owned) })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateAccessKey>(
            |cx, input| Ok(permission_on_subject::<ops::CreateAccessKey>(cx, input.user_name.as_deref())?.into()),
            create,
        ),
        route::read::<ops::ListAccessKeys>(
            |cx, input| Ok(permission_on_subject::<ops::ListAccessKeys>(cx, input.user_name.as_deref())?.into()),
            list,
        ),
        route::write::<ops::UpdateAccessKey>(
            |cx, input| Ok(permission_on_subject::<ops::UpdateAccessKey>(cx, input.user_name.as_deref())?.into()),
            update,
        ),
        route::write::<ops::DeleteAccessKey>(
            |cx, input| Ok(permission_on_subject::<ops::DeleteAccessKey>(cx, input.user_name.as_deref())?.into()),
            delete,
        ),
        route::read::<ops::GetAccessKeyLastUsed>(may_get_last_used, get_last_used),
    ]
}
