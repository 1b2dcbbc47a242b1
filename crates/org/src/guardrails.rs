//! What the gate needs to know of an account's organization.

use crate::organization::{self, Organization, SERVICE};
use crate::tree::{self, Target};
use base::{AccountId, OrgId, Timestamp};
use kernel::store::Row;
use kernel::{Error, Result, Tx, WriteTx, params};
use model::organizations::{OrganizationFeatureSet, PolicyType};

/// A policy of AWS that exists in every organization without being stored there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwsManagedPolicy {
    /// Its id.
    pub id: &'static str,
    /// Its ARN.
    pub arn: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its description.
    pub description: &'static str,
    /// Its type.
    pub policy_type: PolicyType,
    /// Its document.
    pub content: &'static str,
}

/// The service control policy that allows everything.
pub const FULL_AWS_ACCESS: AwsManagedPolicy = AwsManagedPolicy {
    id: "p-FullAWSAccess",
    arn: "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess",
    name: "FullAWSAccess",
    description: "Allows access to every operation",
    policy_type: PolicyType::ServiceControlPolicy,
    content: "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \
              \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}",
};

/// The resource control policy that allows everything; it cannot be detached.
pub const RCP_FULL_AWS_ACCESS: AwsManagedPolicy = AwsManagedPolicy {
    id: "p-RCPFullAWSAccess",
    arn: "arn:aws:organizations::aws:policy/resource_control_policy/p-RCPFullAWSAccess",
    name: "RCPFullAWSAccess",
    description: "Allows access to every operation",
    policy_type: PolicyType::ResourceControlPolicy,
    content: "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \
              \"Principal\": \"*\",\n      \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}",
};

/// Every policy of AWS.
pub const AWS_MANAGED_POLICIES: [&AwsManagedPolicy; 2] = [&FULL_AWS_ACCESS, &RCP_FULL_AWS_ACCESS];

/// An account's place in its organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The organization.
    pub org_id: OrgId,
    /// The account that manages it.
    pub management_account: AccountId,
    /// Whether the account in question is that account.
    pub is_management: bool,
    /// The way from the organization to the account's parent: `o-…`, `r-…`, `ou-…`.
    pub path: Vec<String>,
    /// All features, or consolidated billing only.
    pub feature_set: OrganizationFeatureSet,
}

impl Membership {
    /// The value of `aws:PrincipalOrgPaths` and `aws:ResourceOrgPaths`: `o-…/r-…/ou-…/`, without the account.
    pub fn org_path(&self) -> String {
        self.path.iter().flat_map(|id| [id.as_str(), "/"]).collect()
    }
}

/// The place of the account in its organization; `None` when it stands alone.
///
/// # Errors
/// When the database fails.
pub fn membership(tx: &mut Tx, account: &AccountId) -> Result<Option<Membership>> {
    let Some(org) = organization::of_account(tx, account)? else { return Ok(None) };
    let mut way = tree::path(tx, &org, &Target::Account(account.clone()))?;
    way.pop();
    let mut path = vec![org.id.to_string()];
    path.extend(way.iter().map(|node| node.as_str().to_owned()));
    Ok(Some(Membership {
        is_management: *account == org.management,
        org_id: org.id,
        management_account: org.management,
        path,
        feature_set: org.feature_set,
    }))
}

/// What is attached to one node on the way from the root to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// The root, an organizational unit or the account.
    pub target_id: String,
    /// Its policies, in the order in which they were attached.
    pub policies: Vec<LevelPolicy>,
}

/// A policy of a [`Level`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelPolicy {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its document.
    pub content: String,
}

/// The service control policies above the account's principals, the root's first. `None` when none apply: the account
/// stands alone, manages its organization, or the type is not enabled.
///
/// # Errors
/// When the database fails.
pub fn scp_levels(tx: &mut Tx, account: &AccountId) -> Result<Option<Vec<Level>>> {
    levels(tx, account, PolicyType::ServiceControlPolicy)
}

/// The resource control policies above the account's resources, as [`scp_levels`].
///
/// # Errors
/// When the database fails.
pub fn rcp_levels(tx: &mut Tx, account: &AccountId) -> Result<Option<Vec<Level>>> {
    levels(tx, account, PolicyType::ResourceControlPolicy)
}

fn levels(tx: &mut Tx, account: &AccountId, policy_type: PolicyType) -> Result<Option<Vec<Level>>> {
    let Some(org) = organization::of_account(tx, account)? else { return Ok(None) };
    if org.management == *account || !is_enabled(tx, &org, policy_type)? {
        return Ok(None);
    }
    let way = tree::path(tx, &org, &Target::Account(account.clone()))?;
    let levels = way.iter().map(|target| level(tx, &org, target, policy_type)).collect::<Result<_>>()?;
    Ok(Some(levels))
}

fn is_enabled(tx: &mut Tx, org: &Organization, policy_type: PolicyType) -> Result<bool> {
    let sql = "select 1 from org_policy_type where root_id = $1 and type = $2 and status = 'ENABLED'";
    tx.exists(sql, params![org.root, policy_type.as_str()])
}

fn level(tx: &mut Tx, org: &Organization, target: &Target, policy_type: PolicyType) -> Result<Level> {
    let policies = tx.all(
        "select a.policy_id, p.name, p.content from org_attachment a left join org_policy p on p.id = a.policy_id \
         where a.target_id = $1 and a.type = $2 order by a.attached_at, a.policy_id",
        params![target.as_str(), policy_type.as_str()],
        |row| level_policy(row, org, policy_type),
    )?;
    Ok(Level { target_id: target.as_str().to_owned(), policies })
}

fn level_policy(row: &Row<'_>, org: &Organization, policy_type: PolicyType) -> Result<LevelPolicy> {
    let id: String = row.get(0)?;
    if let Some(policy) = AWS_MANAGED_POLICIES.iter().find(|policy| policy.id == id) {
        let (arn, name, content) = (policy.arn.to_owned(), policy.name.to_owned(), policy.content.to_owned());
        return Ok(LevelPolicy { id, arn, name, content });
    }
    let (name, content): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
    // A policy that is missing must not make a level more permissive than it was meant to be.
    let (Some(name), Some(content)) = (name, content) else {
        return Err(Error::internal(format!("policy {id} is attached but does not exist")));
    };
    let kind = policy_type.as_str().to_ascii_lowercase();
    let arn = org.resource_arn("policy", &format!("{kind}/{id}"));
    Ok(LevelPolicy { id, arn, name, content })
}

/// Attaches what AWS attaches to every new root, organizational unit and account: for each enabled type of
/// authorization policies, the policy that allows everything. The caller touches the organization's scope.
///
/// # Errors
/// When the database fails.
pub fn attach_full_access(tx: &mut WriteTx<'_>, org: &Organization, target: &Target, now: Timestamp) -> Result<()> {
    for policy in AWS_MANAGED_POLICIES {
        if is_enabled(tx, org, policy.policy_type)? {
            tx.exec(
                "insert into org_attachment (target_id, policy_id, org_id, type, attached_at) \
                 values ($1, $2, $3, $4, $5) on conflict (target_id, policy_id) do nothing",
                params![target.as_str(), policy.id, org.id, policy.policy_type.as_str(), now],
            )?;
        }
    }
    Ok(())
}

/// Whether Organizations vouches for `service` in the account: what a service may do there by its own service-linked
/// role depends on it. Organizations itself reaches every member; another service reaches members while it is trusted,
/// and an account that left while it was trusted, until it has cleaned up there.
///
/// # Errors
/// When the database fails.
pub fn vouches(tx: &mut Tx, service: &str, account: &AccountId) -> Result<bool> {
    if service == SERVICE {
        return tx.exists("select 1 from org_account where account_id = $1", params![account]);
    }
    let trusted = "select 1 from org_account a join org_trusted_service t on t.org_id = a.org_id \
                   where a.account_id = $1 and t.service = $2";
    let departed = "select 1 from org_departure where account_id = $1 and service = $2 and is_vouched = 1";
    Ok(tx.exists(trusted, params![account, service])? || tx.exists(departed, params![account, service])?)
}
