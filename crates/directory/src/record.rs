//! Directories as they are stored.

use base::{AccountId, DirectoryId, Secret, Timestamp};
use kernel::seal::Purpose;
use kernel::store::Row;
use kernel::{App, Error, Result, Tx, WriteTx, params};
use model::ds::{
    DataAccessStatus, DirectoryDescription, DirectoryLimitExceededException, DirectoryStage, DirectoryType, LDAPSStatus,
};

/// Connected directories of an account.
pub const CONNECTED_MAX: i64 = 10;
/// Directories of an account whose domains are run here.
pub const MANAGED_MAX: i64 = 20;

/// Whose the domain of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The customer's (AD Connector).
    Connector,
    /// Ours: its controllers are run here (AWS Managed Microsoft AD).
    Managed,
}

impl Kind {
    /// As the API names it.
    pub fn api_type(self) -> DirectoryType {
        match self {
            Self::Connector => DirectoryType::ADConnector,
            Self::Managed => DirectoryType::MicrosoftAD,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Connector, Self::Managed].into_iter().find(|kind| kind.api_type().as_str() == text)
    }

    /// Most directories of the kind that an account has.
    pub fn limit(self) -> i64 {
        match self {
            Self::Connector => CONNECTED_MAX,
            Self::Managed => MANAGED_MAX,
        }
    }
}

/// A directory.
#[derive(Clone)]
pub struct Directory {
    /// Id.
    pub id: DirectoryId,
    /// The account that made it.
    pub account: AccountId,
    /// Whose the domain is.
    pub kind: Kind,
    /// Name of the domain, in lower case.
    pub name: String,
    /// What does not change: short name, size or edition, name servers, the service account's name.
    pub details: DirectoryDescription,
    /// The name that its URL begins with, when it was given one.
    pub alias: Option<String>,
    /// Whether browsers of domain members sign in by themselves.
    pub is_sso_enabled: bool,
    /// How far it has come.
    pub stage: DirectoryStage,
    /// Why it is where it is.
    pub stage_reason: Option<String>,
    /// Since when.
    pub stage_changed_at: Timestamp,
    /// Whether only LDAPS with registered certificates is used.
    pub ldaps_status: LDAPSStatus,
    /// Why.
    pub ldaps_reason: Option<String>,
    /// Since when.
    pub ldaps_changed_at: Timestamp,
    /// Whether Directory Service Data may be used.
    pub data_access: DataAccessStatus,
    /// The authority in PEM that signs the certificates of controllers that are run here.
    pub authority: Option<String>,
    /// Moves with what connections are made from.
    pub revision: i64,
    /// When it was made.
    pub created_at: Timestamp,
    sealed_password: Vec<u8>,
    sealed_first_password: Option<Vec<u8>>,
}

impl Directory {
    /// The NetBIOS name of the domain: the short name that was given, or the first label of the name.
    pub fn short_name(&self) -> String {
        let first = || self.name.split('.').next().unwrap_or_default().to_uppercase();
        self.details.short_name.clone().unwrap_or_else(first)
    }

    /// Whether its domain is run here.
    pub fn is_managed(&self) -> bool {
        self.kind == Kind::Managed
    }

    /// The name of the account by which the directory is read, and written where it is run here.
    pub fn service_user(&self) -> &str {
        if self.is_managed() {
            return crate::managed::SERVICE_USER;
        }
        let settings = self.details.connect_settings.as_ref();
        settings.and_then(|settings| settings.customer_user_name.as_deref()).unwrap_or_default()
    }

    /// Whether people can be looked up in it.
    pub fn is_usable(&self) -> bool {
        matches!(self.stage, DirectoryStage::Active | DirectoryStage::Impaired)
    }

    /// The password of the account by which the directory is read.
    ///
    /// # Errors
    /// When the key that sealed it is gone.
    pub fn service_password(&self, app: &App) -> Result<Secret> {
        open(app, self.id.as_str(), &self.sealed_password)
    }

    /// The password that the administrator of a domain is to have that is not made yet.
    ///
    /// # Errors
    /// When the key that sealed it is gone.
    pub fn first_password(&self, app: &App) -> Result<Option<Secret>> {
        let about = about_first_password(&self.id);
        self.sealed_first_password.as_deref().map(|sealed| open(app, &about, sealed)).transpose()
    }

    /// As the API describes it.
    pub fn described(&self) -> DirectoryDescription {
        let alias = self.alias.clone().unwrap_or_else(|| self.id.to_string());
        DirectoryDescription {
            directory_id: Some(self.id.to_string()),
            name: Some(self.name.clone()),
            r#type: Some(self.kind.api_type()),
            access_url: Some(format!("{alias}.awsapps.com")),
            alias: Some(alias),
            launch_time: Some(self.created_at),
            sso_enabled: Some(self.is_sso_enabled),
            stage: Some(self.stage),
            stage_reason: self.stage_reason.clone(),
            stage_last_updated_date_time: Some(self.stage_changed_at),
            ..self.details.clone()
        }
    }
}

fn open(app: &App, about: &str, sealed: &[u8]) -> Result<Secret> {
    let plain = app
        .seal
        .open(Purpose::DirectoryPassword, about, sealed)
        .ok_or_else(|| Error::internal("a password of a directory cannot be opened"))?;
    let text = std::str::from_utf8(&plain).map_err(|_| Error::internal("a sealed password is not text"))?;
    Ok(Secret::new(text))
}

/// What the seal of a first password is about.
pub(crate) fn about_first_password(id: &DirectoryId) -> String {
    format!("{id}/Admin")
}

/// A certificate that was registered for LDAPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Id.
    pub id: String,
    /// The certificate in PEM.
    pub data: String,
    /// The subject's common name.
    pub common_name: String,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was registered.
    pub registered_at: Timestamp,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, account_id, name, details, sealed_password, alias, is_sso_enabled, stage, stage_reason, \
             stage_changed_at, ldaps_status, ldaps_reason, ldaps_changed_at, revision, created_at, type, \
             data_access_status, authority, sealed_first_password from dir_directory ",
            $rest
        )
    };
}

fn directory(row: &Row<'_>) -> Result<Directory> {
    let mut details = DirectoryDescription::default();
    let text: String = row.get(3)?;
    smithy::json::read(text.as_bytes(), &mut details)
        .map_err(|_| Error::internal("the details of a directory do not parse"))?;
    Ok(Directory {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        details,
        sealed_password: row.get(4)?,
        alias: row.get(5)?,
        is_sso_enabled: row.get(6)?,
        stage: row.parse(7, DirectoryStage::parse)?,
        stage_reason: row.get(8)?,
        stage_changed_at: row.get(9)?,
        ldaps_status: row.parse(10, LDAPSStatus::parse)?,
        ldaps_reason: row.get(11)?,
        ldaps_changed_at: row.get(12)?,
        revision: row.get(13)?,
        created_at: row.get(14)?,
        kind: row.parse(15, Kind::parse)?,
        data_access: row.parse(16, DataAccessStatus::parse)?,
        authority: row.get(17)?,
        sealed_first_password: row.get(18)?,
    })
}

fn json_text(details: &DirectoryDescription) -> Result<String> {
    let mut text = Vec::new();
    smithy::json::write(details, &mut text);
    String::from_utf8(text).map_err(|_| Error::internal("JSON is not UTF-8"))
}

/// The directory of that id.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, id: &DirectoryId) -> Result<Option<Directory>> {
    tx.opt(select!("where id = $1"), params![id], directory)
}

/// At most `limit` directories of an account, by id, strictly after `after`.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx, account: &AccountId, after: &str, limit: i64) -> Result<Vec<Directory>> {
    let sql = select!("where account_id = $1 and id > $2 order by id limit $3");
    tx.all(sql, params![account, after, limit], directory)
}

/// How many directories of a kind an account has.
///
/// # Errors
/// When the database fails.
pub fn count(tx: &mut Tx, account: &AccountId, kind: Kind) -> Result<i64> {
    let sql = "select count(*) from dir_directory where account_id = $1 and type = $2";
    tx.count(sql, params![account, kind.api_type().as_str()])
}

/// A directory that was asked for.
pub struct Requested<'a> {
    /// Id.
    pub id: &'a DirectoryId,
    /// The account that asks.
    pub account: &'a AccountId,
    /// Whose the domain is, or will be.
    pub kind: Kind,
    /// What does not change.
    pub details: &'a DirectoryDescription,
    /// Password of the account by which it is read.
    pub sealed_password: &'a [u8],
    /// Password that the administrator of a domain of ours is to have.
    pub sealed_first_password: Option<&'a [u8]>,
}

/// Adds a directory that was asked for.
///
/// # Errors
/// `DirectoryLimitExceededException`, and when the database fails.
pub fn insert(tx: &mut WriteTx<'_>, requested: &Requested<'_>, now: Timestamp) -> Result<()> {
    let Requested { id, account, kind, details, sealed_password, sealed_first_password } = requested;
    let limit = kind.limit();
    if count(tx, account, *kind)? >= limit {
        let message = match kind {
            Kind::Connector => format!("Connected directories limit of {limit} reached."),
            Kind::Managed => format!("Cloud only directories limit of {limit} reached."),
        };
        return Err(DirectoryLimitExceededException::new(message).into());
    }
    let name = details.name.as_deref().unwrap_or_default().to_lowercase();
    let (kind, text) = (kind.api_type().as_str(), json_text(details)?);
    tx.exec_one(
        "insert into dir_directory (id, account_id, type, name, details, sealed_password, sealed_first_password, \
           is_sso_enabled, stage, stage_changed_at, ldaps_status, ldaps_changed_at, data_access_status, revision, \
           created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, 0, 'Requested', $8, 'Disabled', $8, 'Disabled', 1, $8)",
        params![id, account, kind, name, text, sealed_password, sealed_first_password, now],
    )
}

/// Notes where the domain of a directory is that is run here, and who signs the certificates of its controllers. The
/// administrator's first password is needed no more.
///
/// # Errors
/// When the database fails.
pub fn set_domain(tx: &mut WriteTx<'_>, directory: &Directory, address: &str, authority: &str) -> Result<()> {
    let mut details = directory.details.clone();
    details.dns_ip_addrs = Some(vec![address.to_owned()]);
    tx.exec_one(
        "update dir_directory set details = $2, authority = $3, sealed_first_password = null, \
           revision = revision + 1 where id = $1",
        params![directory.id, json_text(&details)?, authority],
    )
}

/// Whether Directory Service Data may be used from now on.
///
/// # Errors
/// When the database fails.
pub fn set_data_access(tx: &mut WriteTx<'_>, id: &DirectoryId, status: DataAccessStatus) -> Result<()> {
    tx.exec_one("update dir_directory set data_access_status = $2 where id = $1", params![id, status.as_str()])
}

/// Gives the directory another account by which it is read.
///
/// # Errors
/// When the database fails.
pub fn set_service_account(
    tx: &mut WriteTx<'_>,
    directory: &Directory,
    user: &str,
    sealed_password: &[u8],
) -> Result<()> {
    let mut details = directory.details.clone();
    details.connect_settings.get_or_insert_default().customer_user_name = Some(user.to_owned());
    tx.exec_one(
        "update dir_directory set details = $2, sealed_password = $3, revision = revision + 1 where id = $1",
        params![directory.id, json_text(&details)?, sealed_password],
    )
}

/// Moves the directory to a stage, for a reason. Nothing changes when it is there for the same reason.
///
/// # Errors
/// When the database fails.
pub fn set_stage(
    tx: &mut WriteTx<'_>,
    id: &DirectoryId,
    stage: DirectoryStage,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    tx.exec(
        "update dir_directory set stage = $2, stage_reason = $3, stage_changed_at = $4 \
         where id = $1 and (stage <> $2 or coalesce(stage_reason, '') <> coalesce($3, ''))",
        params![id, stage.as_str(), reason, now],
    )?;
    Ok(())
}

/// Moves LDAPS of the directory to a status, for a reason.
///
/// # Errors
/// When the database fails.
pub fn set_ldaps(
    tx: &mut WriteTx<'_>,
    id: &DirectoryId,
    status: LDAPSStatus,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    tx.exec_one(
        "update dir_directory set ldaps_status = $2, ldaps_reason = $3, ldaps_changed_at = $4, \
           revision = revision + 1 where id = $1",
        params![id, status.as_str(), reason, now],
    )
}

/// Switches browser sign-in of domain members.
///
/// # Errors
/// When the database fails.
pub fn set_sso(tx: &mut WriteTx<'_>, id: &DirectoryId, is_enabled: bool) -> Result<()> {
    tx.exec_one("update dir_directory set is_sso_enabled = $2 where id = $1", params![id, is_enabled])
}

/// Gives the directory its alias.
///
/// # Errors
/// When the database fails.
pub fn set_alias(tx: &mut WriteTx<'_>, id: &DirectoryId, alias: &str) -> Result<()> {
    tx.exec_one("update dir_directory set alias = $2 where id = $1", params![id, alias])
}

/// Whether a directory has that alias.
///
/// # Errors
/// When the database fails.
pub fn is_alias_taken(tx: &mut Tx, alias: &str) -> Result<bool> {
    tx.exists("select 1 from dir_directory where alias = $1", params![alias])
}

/// Removes the directory and what belongs to it.
///
/// # Errors
/// When the database fails.
pub fn delete(tx: &mut WriteTx<'_>, id: &DirectoryId) -> Result<()> {
    tx.exec("delete from dir_tag where directory_id = $1", params![id])?;
    tx.exec("delete from dir_certificate where directory_id = $1", params![id])?;
    tx.exec("delete from dir_snapshot where directory_id = $1", params![id])?;
    tx.exec("delete from dir_trust where directory_id = $1", params![id])?;
    tx.exec("delete from dir_forwarder where directory_id = $1", params![id])?;
    tx.exec("delete from dir_controller where directory_id = $1", params![id])?;
    tx.exec_one("delete from dir_directory where id = $1", params![id])
}

fn certificate(row: &Row<'_>) -> Result<Certificate> {
    Ok(Certificate {
        id: row.get(0)?,
        data: row.get(1)?,
        common_name: row.get(2)?,
        expires_at: row.get(3)?,
        registered_at: row.get(4)?,
    })
}

/// The registered certificates of a directory, by id, strictly after `after`.
///
/// # Errors
/// When the database fails.
pub fn certificates(tx: &mut Tx, id: &DirectoryId, after: &str, limit: i64) -> Result<Vec<Certificate>> {
    let sql = "select id, data, common_name, expires_at, registered_at from dir_certificate \
               where directory_id = $1 and id > $2 order by id limit $3";
    tx.all(sql, params![id, after, limit], certificate)
}

/// Registers a certificate.
///
/// # Errors
/// When the database fails.
pub fn add_certificate(tx: &mut WriteTx<'_>, id: &DirectoryId, certificate: &Certificate) -> Result<()> {
    tx.exec_one(
        "insert into dir_certificate (id, directory_id, data, common_name, expires_at, registered_at) \
         values ($1, $2, $3, $4, $5, $6)",
        params![
            certificate.id,
            id,
            certificate.data,
            certificate.common_name,
            certificate.expires_at,
            certificate.registered_at
        ],
    )?;
    tx.exec_one("update dir_directory set revision = revision + 1 where id = $1", params![id])
}

/// Takes a certificate back.
///
/// # Errors
/// When the database fails.
pub fn remove_certificate(tx: &mut WriteTx<'_>, id: &DirectoryId, certificate: &str) -> Result<()> {
    tx.exec_one("delete from dir_certificate where directory_id = $1 and id = $2", params![id, certificate])?;
    tx.exec_one("update dir_directory set revision = revision + 1 where id = $1", params![id])
}
