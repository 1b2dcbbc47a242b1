//! Organizations: their creation, description and end, and who may ask what of them.

use crate::messages;
use base::{AccountId, OrgId, OuId, RootId, Timestamp};
use kernel::store::Row;
use kernel::{Cx, Permission, Result, Route, Tx, WriteTx, params};
use model::organizations::OrganizationFeatureSet as FeatureSet;

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrgId,
    /// Its management account.
    pub management: AccountId,
    /// All features, or consolidated billing only.
    pub feature_set: FeatureSet,
    /// The root of its tree.
    pub root: RootId,
    /// When it was created.
    pub created_at: Timestamp,
}

impl Organization {
    /// ARN of the organization.
    pub fn arn(&self) -> String {
        self.arn_of("organization", self.id.as_str(), None)
    }

    /// ARN of its root.
    pub fn root_arn(&self) -> String {
        self.arn_of("root", self.id.as_str(), Some(self.root.as_str()))
    }

    /// ARN of a member account, whether it exists or not.
    pub fn account_arn(&self, account: &AccountId) -> String {
        self.arn_of("account", self.id.as_str(), Some(account.as_str()))
    }

    /// ARN of an organizational unit, whether it exists or not.
    pub fn unit_arn(&self, unit: &OuId) -> String {
        self.arn_of("ou", self.id.as_str(), Some(unit.as_str()))
    }

    /// ARN of something of the `kind` that stands first in the resource part (`account`, `ou`, `policy`, …); `rest`
    /// follows the organization's id (`service_control_policy/p-…`).
    pub fn resource_arn(&self, kind: &str, rest: &str) -> String {
        self.arn_of(kind, self.id.as_str(), Some(rest))
    }

    /// Whether the organization has all features.
    pub fn has_all_features(&self) -> bool {
        self.feature_set == FeatureSet::All
    }

    fn arn_of(&self, kind: &str, id: &str, rest: Option<&str>) -> String {
        let slash = if rest.is_some() { "/" } else { "" };
        format!("arn:aws:organizations::{}:{kind}/{id}{slash}{}", self.management, rest.unwrap_or_default())
    }
}

fn organization(row: &Row<'_>) -> Result<Organization> {
    Ok(Organization {
        id: row.get(0)?,
        management: row.get(1)?,
        feature_set: row.parse(2, FeatureSet::parse)?,
        root: row.get(3)?,
        created_at: row.get(4)?,
    })
}

/// The organization with that id.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, id: &OrgId) -> Result<Option<Organization>> {
    let sql = "select id, management_account_id, feature_set, root_id, created_at from org_organization where id = $1";
    tx.opt(sql, params![id], organization)
}

/// The organization that the account is a member of, also as its management account.
///
/// # Errors
/// When the database fails.
pub fn of_account(tx: &mut Tx, account: &AccountId) -> Result<Option<Organization>> {
    tx.opt(
        "select o.id, o.management_account_id, o.feature_set, o.root_id, o.created_at \
         from org_account a join org_organization o on o.id = a.org_id where a.account_id = $1",
        params![account],
        organization,
    )
}

/// The caller's organization.
///
/// # Errors
/// `AWSOrganizationsNotInUseException` when the caller's account is in none.
pub fn require(cx: &mut Cx<'_>) -> Result<Organization> {
    let account = cx.account()?;
    of_account(cx.tx, &account)?.ok_or_else(messages::not_in_use)
}

/// The organization that the caller's account manages.
///
/// # Errors
/// As [`require`], and `AccessDeniedException` for members.
pub fn require_management(cx: &mut Cx<'_>) -> Result<Organization> {
    let org = require(cx)?;
    if cx.account()? == org.management { Ok(org) } else { Err(messages::wrong_account()) }
}

/// The caller's organization, for the reads that its management account and every delegated administrator may do.
///
/// # Errors
/// As [`require`], and `AccessDeniedException` for other members.
pub fn require_management_or_delegate(cx: &mut Cx<'_>) -> Result<Organization> {
    let org = require(cx)?;
    let account = cx.account()?;
    let is_entitled = account == org.management || is_delegate(cx.tx, &org, &account)?;
    if is_entitled { Ok(org) } else { Err(messages::wrong_account()) }
}

/// Whether the account is a delegated administrator of any service.
///
/// # Errors
/// When the database fails.
pub fn is_delegate(tx: &mut Tx, org: &Organization, account: &AccountId) -> Result<bool> {
    let sql = "select 1 from org_delegated_administrator where org_id = $1 and account_id = $2 limit 1";
    tx.exists(sql, params![org.id, account])
}

/// Refuses what organizations for consolidated billing cannot do.
///
/// # Errors
/// `ConstraintViolationException` with reason `ORGANIZATION_NOT_IN_ALL_FEATURES_MODE`.
pub fn require_all_features(org: &Organization) -> Result<()> {
    if org.has_all_features() { Ok(()) } else { Err(messages::not_all_features()) }
}

/// The permission for `operation` on the resource that `arn` names in the caller's organization; on `*` when the
/// caller's account is in none, so that whoever may do everything learns that there is no organization.
///
/// # Errors
/// When the database fails.
pub fn permission(cx: &mut Cx<'_>, operation: &str, arn: impl FnOnce(&Organization) -> String) -> Result<Permission> {
    let org = match cx.caller.account().cloned() {
        Some(account) => of_account(cx.tx, &account)?,
        None => None,
    };
    let resource = org.as_ref().map_or_else(|| "*".to_owned(), arn);
    Ok(Permission::new(format!("organizations:{operation}"), resource))
}

/// Adds an organization.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, org: &Organization) -> Result<()> {
    tx.exec_one(
        "insert into org_organization (id, management_account_id, feature_set, root_id, created_at) \
         values ($1, $2, $3, $4, $5)",
        params![org.id, org.management, org.feature_set.as_str(), org.root, org.created_at],
    )
}

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
