//! Instances of IAM Identity Center.
//!
//! Here: what an instance is and how it is found. `lifecycle` makes and ends instances, `operation` serves the API,
//! `signer` signs for an instance, `settings` keeps what its owner chose.

mod lifecycle;
mod operation;
mod settings;
pub mod signer;

pub use lifecycle::{delete_organization_instance, enable, on_organization_deleted};
pub use settings::{
    set_alias, set_allows_account_instances, set_session_idle_seconds, set_session_seconds, set_setting, setting,
};
pub use signer::{Signer, entity_id, saml_metadata, signing_key};

use base::{AccountId, IdentityStoreId, InstanceId, OrgId, Timestamp};
use kernel::job::JobHandler;
use kernel::scope::Scope;
use kernel::settings::Settings;
use kernel::store::Row;
use kernel::{Cx, Result, Route, Tx, WriteCx, params};

/// What kind of instance it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of an organization: it reaches its accounts.
    Organization,
    /// Of one account: it signs people in to applications only.
    Account,
}

impl Kind {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "ORGANIZATION",
            Self::Account => "ACCOUNT",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Organization, Self::Account].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Id.
    pub id: InstanceId,
    /// Its kind.
    pub kind: Kind,
    /// The account that owns it: the management account, for an organization's instance.
    pub owner: AccountId,
    /// The organization of an organization's instance.
    pub org: Option<OrgId>,
    /// Where its users are.
    pub store: IdentityStoreId,
    /// The name in the start URL that an administrator chose.
    pub alias: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// The region for which it stands.
    pub region: String,
    /// `CREATE_IN_PROGRESS`, `ACTIVE` or `DELETE_IN_PROGRESS`.
    pub status: String,
    /// Names the SAML providers of the instance in all accounts: sixteen hexadecimal digits.
    pub provider_suffix: String,
    /// Life of a portal session, in seconds.
    pub session_seconds: i64,
    /// How long a browser may rest before one must sign in anew, in seconds.
    pub session_idle_seconds: i64,
    /// Whether member accounts may have instances of their own.
    pub allows_account_instances: bool,
    /// When it came to be.
    pub created_at: Timestamp,
}

impl Instance {
    /// The instance's ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:sso:::instance/{}", self.id)
    }

    /// The ARN of the instance's identity store.
    pub fn store_arn(&self) -> String {
        format!("arn:aws:identitystore::{}:identitystore/{}", self.owner, self.store)
    }

    /// Whether the instance is in use: it is not being deleted.
    pub fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }

    /// The start URL that people and their tools are told: an identifier, whatever host serves the portal.
    pub fn start_url(&self) -> String {
        format!("https://{}.awsapps.com/start", self.alias.as_deref().unwrap_or(self.store.as_str()))
    }

    /// Whether `url` is one of the names of this instance's portal: its own address, `https://<id or alias>.awsapps.com/
    /// start`, `https://<instance>.portal.<region>.app.aws`, `https://identitycenter.amazonaws.com/<instance>`, and what
    /// [`place`] makes of them; each also with `/`, `/#` or `/#/` behind.
    pub fn is_start_url(&self, settings: &Settings, url: &str) -> bool {
        let url = url.trim_end_matches(['/', '#']);
        let of_host = |name: &str| url == format!("https://{name}.awsapps.com/start");
        let own = format!("{}/start", settings.base_url.trim_end_matches('/'));
        url == own
            || url == format!("{own}?instance={}", self.id)
            || of_host(self.store.as_str())
            || self.alias.as_deref().is_some_and(of_host)
            || url == format!("https://{}.portal.{}.app.aws", self.id, self.region)
            || url == format!("https://identitycenter.amazonaws.com/{}", self.id)
    }
}

/// The columns of [`instance`], in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, kind, owner_account_id, org_id, store_id, alias, name, region, status, provider_suffix, \
             session_seconds, session_idle_seconds, allows_account_instances, created_at from sso_instance ",
            $rest
        )
    };
}

fn instance(row: &Row<'_>) -> Result<Instance> {
    Ok(Instance {
        id: row.get(0)?,
        kind: row.parse(1, Kind::parse)?,
        owner: row.get(2)?,
        org: row.get(3)?,
        store: row.get(4)?,
        alias: row.get(5)?,
        name: row.get(6)?,
        region: row.get(7)?,
        status: row.get(8)?,
        provider_suffix: row.get(9)?,
        session_seconds: row.get(10)?,
        session_idle_seconds: row.get(11)?,
        allows_account_instances: row.get(12)?,
        created_at: row.get(13)?,
    })
}

/// The instance of that id.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, id: &InstanceId) -> Result<Option<Instance>> {
    tx.opt(select!("where id = $1"), params![id], instance)
}

/// The instance whose users are in `store`.
///
/// # Errors
/// When the database fails.
pub fn of_store(tx: &mut Tx, store: &IdentityStoreId) -> Result<Option<Instance>> {
    tx.opt(select!("where store_id = $1"), params![store], instance)
}

/// The instance of an organization.
///
/// # Errors
/// When the database fails.
pub fn of_organization(tx: &mut Tx, org: &OrgId) -> Result<Option<Instance>> {
    tx.opt(select!("where org_id = $1"), params![org], instance)
}

/// The instance that is the account's own, whether or not there is one of its organization.
///
/// # Errors
/// When the database fails.
pub fn of_account(tx: &mut Tx, account: &AccountId) -> Result<Option<Instance>> {
    tx.opt(select!("where owner_account_id = $1 and kind = 'ACCOUNT'"), params![account], instance)
}

/// Every instance, oldest first.
///
/// # Errors
/// When the database fails.
pub fn all(tx: &mut Tx) -> Result<Vec<Instance>> {
    tx.all(select!("order by created_at, id"), params![], instance)
}

/// The instance whose portal `url` is; see [`Instance::is_start_url`]. The address of the server itself means the oldest
/// organization's instance.
///
/// # Errors
/// When the database fails.
pub fn of_start_url(tx: &mut Tx, settings: &Settings, url: &str) -> Result<Option<Instance>> {
    let instances = all(tx)?;
    let mut found =
        instances.into_iter().filter(|instance| instance.is_active() && instance.is_start_url(settings, url));
    let first = found.next();
    Ok(match first {
        Some(first) if first.kind == Kind::Account => {
            Some(found.find(|i| i.kind == Kind::Organization).unwrap_or(first))
        }
        other => other,
    })
}

/// Path and query under which `page` of the server's own address is one of `instance`. That address means the oldest
/// organization's instance, so others are named.
///
/// # Errors
/// When the database fails.
pub fn place(tx: &mut Tx, settings: &Settings, instance: &Instance, page: &str) -> Result<String> {
    let own = format!("{}/start", settings.base_url.trim_end_matches('/'));
    let meant = match instance.kind {
        Kind::Organization => of_start_url(tx, settings, &own)?,
        Kind::Account => None,
    };
    Ok(match meant {
        Some(meant) if meant.id == instance.id => page.to_owned(),
        _ => format!("{page}?instance={}", instance.id),
    })
}

/// The address of `page`, for people of `instance`; see [`place`].
///
/// # Errors
/// When the database fails.
pub(crate) fn address(cx: &mut Cx<'_>, instance: &Instance, page: &str) -> Result<String> {
    let settings = &cx.app.settings;
    Ok(format!("{}{}", settings.base_url.trim_end_matches('/'), place(cx.tx, settings, instance, page)?))
}

/// Marks what caches know of the instance as out of date.
pub fn touch(cx: &mut WriteCx<'_>, instance: &Instance) {
    cx.touch(Scope::instance(&instance.id));
}

pub(crate) fn routes() -> Vec<Route> {
    operation::routes()
}

pub(crate) fn jobs() -> Vec<JobHandler> {
    lifecycle::jobs()
}
