//! What a person may use: the accounts and roles that were assigned, and credentials for them.

use crate::session::PortalSession;
use base::{AccountId, PermissionSetId};
use kernel::{Cx, Error, Result};

/// An account in which the person has a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalAccount {
    /// Id.
    pub id: AccountId,
    /// Name.
    pub name: String,
    /// E-mail address of the owner.
    pub email: String,
    /// Names of the organizational units above it, from the root down.
    pub path: Vec<String>,
    /// The roles, by name.
    pub roles: Vec<PortalRole>,
}

/// A role that the person has in an account: a permission set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalRole {
    /// The permission set.
    pub permission_set: PermissionSetId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether the role stands in the account already.
    pub is_provisioned: bool,
}

/// The accounts of the session's user, by name; none while Organizations does not vouch for the service.
///
/// # Errors
/// When the database fails.
pub fn accounts(_cx: &mut Cx<'_>, _session: &PortalSession) -> Result<Vec<PortalAccount>> {
    Err(Error::internal("the portal is not built yet"))
}
