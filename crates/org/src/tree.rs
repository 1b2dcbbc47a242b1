//! The tree: the root, organizational units, parents and children.

use crate::organization::Organization;
use base::{AccountId, OuId, RootId, Timestamp};
use kernel::store::Row;
use kernel::{Error, Result, Route, Tx, params};

/// Deepest nesting of organizational units, the root not counted.
pub const UNIT_DEPTH_MAX: usize = 5;

/// A node of the tree, by its id; whether it exists is another question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// The root.
    Root(RootId),
    /// An organizational unit.
    Unit(OuId),
    /// An account.
    Account(AccountId),
}

impl Target {
    /// The target that `id` names; `None` when it has the form of no target's id.
    pub fn parse(id: &str) -> Option<Self> {
        RootId::parse(id)
            .map(Self::Root)
            .or_else(|| OuId::parse(id).map(Self::Unit))
            .or_else(|| AccountId::parse(id).map(Self::Account))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Root(id) => id.as_str(),
            Self::Unit(id) => id.as_str(),
            Self::Account(id) => id.as_str(),
        }
    }

    /// The target's ARN in `org`.
    pub fn arn(&self, org: &Organization) -> String {
        match self {
            Self::Root(id) => org.resource_arn("root", id.as_str()),
            Self::Unit(id) => org.unit_arn(id),
            Self::Account(id) => org.account_arn(id),
        }
    }
}

/// An organizational unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its id.
    pub id: OuId,
    /// The root or another unit.
    pub parent: Target,
    /// Its name; unique beside its siblings.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

fn unit(row: &Row<'_>) -> Result<Unit> {
    Ok(Unit { id: row.get(0)?, parent: row.parse(1, Target::parse)?, name: row.get(2)?, created_at: row.get(3)? })
}

/// The organizational unit of `org` with that id.
///
/// # Errors
/// When the database fails.
pub fn find_unit(tx: &mut Tx, org: &Organization, id: &OuId) -> Result<Option<Unit>> {
    let sql = "select id, parent_id, name, created_at from org_unit where id = $1 and org_id = $2";
    tx.opt(sql, params![id, org.id], unit)
}

/// The parent of an account of `org`; `None` when the account is not a member.
///
/// # Errors
/// When the database fails.
pub fn parent_of_account(tx: &mut Tx, org: &Organization, account: &AccountId) -> Result<Option<Target>> {
    let sql = "select parent_id from org_account where account_id = $1 and org_id = $2";
    tx.opt(sql, params![account, org.id], |row| row.parse(0, Target::parse))
}

/// The root, organizational unit or account of `org` with that id; `None` when there is none, or when the id has the
/// form of no target's id.
///
/// # Errors
/// When the database fails.
pub fn find_target(tx: &mut Tx, org: &Organization, id: &str) -> Result<Option<Target>> {
    let Some(target) = Target::parse(id) else { return Ok(None) };
    let exists = match &target {
        Target::Root(root) => *root == org.root,
        Target::Unit(unit) => find_unit(tx, org, unit)?.is_some(),
        Target::Account(account) => parent_of_account(tx, org, account)?.is_some(),
    };
    Ok(exists.then_some(target))
}

/// The way from the root down to `target`: the root first, `target` itself last.
///
/// # Errors
/// When the database fails, or `target` does not exist in `org`.
pub fn path(tx: &mut Tx, org: &Organization, target: &Target) -> Result<Vec<Target>> {
    let mut way = vec![target.clone()];
    let mut node = target.clone();
    while node != Target::Root(org.root.clone()) {
        if way.len() > UNIT_DEPTH_MAX + 2 {
            return Err(Error::internal(format!("the tree above {} has no end", target.as_str())));
        }
        let parent = match &node {
            Target::Root(_) => None,
            Target::Unit(id) => find_unit(tx, org, id)?.map(|unit| unit.parent),
            Target::Account(id) => parent_of_account(tx, org, id)?,
        };
        node = parent.ok_or_else(|| Error::internal(format!("{} has no parent", node.as_str())))?;
        way.push(node.clone());
    }
    way.reverse();
    Ok(way)
}

/// A way of [`path`] as `Paths` of accounts and `Path` of organizational units have it: `o-…/r-…/ou-…/<account>/`.
pub fn path_text(org: &Organization, way: &[Target]) -> String {
    let mut text = format!("{}/", org.id);
    for node in way {
        text.push_str(node.as_str());
        text.push('/');
    }
    text
}

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
