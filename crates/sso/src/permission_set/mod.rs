//! Permission sets: what a role of the service may do, wherever it is assigned.
//!
//! A change here shows in accounts once the permission set is provisioned there again; `version` tells which roles are
//! behind.

mod duration;
mod inline;
mod operation;
mod policy;

use crate::access;
use crate::instance::{self, Instance};
use base::{InstanceId, PermissionSetId, Timestamp};
use kernel::store::Row;
use kernel::{Cx, Result, Route, Tx, WriteCx, params};

/// How long sessions of a role last when the permission set's own duration cannot be read, in seconds.
const SESSION_SECONDS_DEFAULT: i64 = 3_600;

/// A permission set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionSet {
    /// Id.
    pub id: PermissionSetId,
    /// The instance.
    pub instance: InstanceId,
    /// Its name, for good.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How long sessions last, as it was given (ISO 8601).
    pub session_duration: String,
    /// Where the console opens.
    pub relay_state: Option<String>,
    /// The inline policy.
    pub inline_policy: Option<String>,
    /// The permissions boundary.
    pub boundary: Option<Boundary>,
    /// Counts changes: what was provisioned with a smaller number is out of date.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A permissions boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boundary {
    /// An AWS-managed policy.
    Managed {
        /// Its ARN.
        arn: String,
    },
    /// A policy of that name and path in each account.
    Customer(PolicyReference),
}

/// A customer-managed policy, as every account has its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyReference {
    /// Path, with both slashes.
    pub path: String,
    /// Name.
    pub name: String,
}

impl PermissionSet {
    /// The permission set's ARN.
    pub fn arn(&self) -> String {
        arn(&self.instance, &self.id)
    }
}

/// The ARN of a permission set.
pub fn arn(instance: &InstanceId, id: &PermissionSetId) -> String {
    format!("{}{id}", arns_of(instance))
}

/// How the ARNs of the permission sets of an instance begin.
pub(crate) fn arns_of(instance: &InstanceId) -> String {
    format!("arn:aws:sso:::permissionSet/{instance}/")
}

/// The columns of [`permission_set`], in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, instance_id, name, description, session_duration, relay_state, inline_policy, boundary_arn, \
             boundary_name, boundary_path, version, created_at from sso_permission_set ",
            $rest
        )
    };
}

fn permission_set(row: &Row<'_>) -> Result<PermissionSet> {
    let (arn, name, path): (Option<String>, Option<String>, Option<String>) = (row.get(7)?, row.get(8)?, row.get(9)?);
    let customer = name.zip(path).map(|(name, path)| Boundary::Customer(PolicyReference { path, name }));
    Ok(PermissionSet {
        id: row.get(0)?,
        instance: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        session_duration: row.get(4)?,
        relay_state: row.get(5)?,
        inline_policy: row.get(6)?,
        boundary: arn.map(|arn| Boundary::Managed { arn }).or(customer),
        version: row.get(10)?,
        created_at: row.get(11)?,
    })
}

/// The permission set of that id in `instance`.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, instance: &InstanceId, id: &PermissionSetId) -> Result<Option<PermissionSet>> {
    tx.opt(select!("where instance_id = $1 and id = $2"), params![instance, id], permission_set)
}

/// The permission set of that name in `instance`.
///
/// # Errors
/// When the database fails.
pub fn find_by_name(tx: &mut Tx, instance: &InstanceId, name: &str) -> Result<Option<PermissionSet>> {
    tx.opt(select!("where instance_id = $1 and name = $2"), params![instance, name], permission_set)
}

/// ARNs of the AWS-managed policies of a permission set.
///
/// # Errors
/// When the database fails.
pub fn managed_policies(tx: &mut Tx, id: &PermissionSetId) -> Result<Vec<String>> {
    let sql = "select arn from sso_permission_set_managed_policy where permission_set_id = $1 order by arn";
    tx.all(sql, params![id], |row| row.get(0))
}

/// The customer-managed policies of a permission set.
///
/// # Errors
/// When the database fails.
pub fn customer_policies(tx: &mut Tx, id: &PermissionSetId) -> Result<Vec<PolicyReference>> {
    let sql = "select path, name from sso_permission_set_customer_policy where permission_set_id = $1 \
               order by path, name";
    tx.all(sql, params![id], |row| Ok(PolicyReference { path: row.get(0)?, name: row.get(1)? }))
}

/// How long sessions of the permission set last, in seconds.
pub fn session_seconds(set: &PermissionSet) -> i64 {
    duration::parse(&set.session_duration).unwrap_or(SESSION_SECONDS_DEFAULT)
}

/// The permission set that a read names, in an instance that the caller administers.
fn readable(cx: &mut Cx<'_>, instance_arn: &str, arn: &str) -> Result<PermissionSet> {
    let instance = access::organization_instance(cx, instance_arn)?;
    access::required_permission_set(cx, &instance, arn)
}

/// The permission set that a change names, in an instance that the caller may change.
fn editable(cx: &mut Cx<'_>, instance_arn: &str, arn: &str) -> Result<(Instance, PermissionSet)> {
    let instance = access::writable_organization_instance(cx, instance_arn)?;
    let set = access::required_permission_set(cx, &instance, arn)?;
    access::require_reach_of_permission_set(cx, &instance, &set.id)?;
    Ok((instance, set))
}

/// Counts a change of the permission set: roles that show an older state are out of date.
fn changed(cx: &mut WriteCx<'_>, instance: &Instance, id: &PermissionSetId) -> Result<()> {
    cx.write().exec_one("update sso_permission_set set version = version + 1 where id = $1", params![id])?;
    instance::touch(cx, instance);
    Ok(())
}

pub(crate) fn routes() -> Vec<Route> {
    [operation::routes(), policy::routes(), inline::routes()].into_iter().flatten().collect()
}
