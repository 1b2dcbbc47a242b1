//! Service-linked roles: made from AWS's templates, kept from the account's own hands, deleted through tasks.

use base::AccountId;
use kernel::{Cx, Result, Route, Tx};

/// Service principal of IAM Identity Center.
pub const IDENTITY_CENTER: &str = "sso.amazonaws.com";

/// Whether a service still needs its role in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usage {
    /// It does not.
    Free,
    /// It does.
    InUse {
        /// Why, for the administrator.
        reason: String,
        /// What uses the role: ARNs by region.
        resources: Vec<(String, Vec<String>)>,
    },
}

/// Knows which services act in which accounts; implemented where organizations are known. The binary puts it into the
/// application's extensions as `Box<dyn ServiceLinkage>`.
pub trait ServiceLinkage: Send + Sync {
    /// Whether the service still acts in the account (trusted access on and account in the organization), and what uses
    /// the role.
    ///
    /// # Errors
    /// When the database fails.
    fn usage(&self, tx: &mut Tx, account: &AccountId, service: &str) -> Result<Usage>;
}

/// Whether `service` needs its role in `account`; where nobody knows of organizations, no.
///
/// # Errors
/// When the database fails.
pub fn usage(cx: &mut Cx<'_>, account: &AccountId, service: &str) -> Result<Usage> {
    match cx.app.extension::<Box<dyn ServiceLinkage>>() {
        Some(linkage) => linkage.usage(cx.tx, account, service),
        None => Ok(Usage::Free),
    }
}

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
