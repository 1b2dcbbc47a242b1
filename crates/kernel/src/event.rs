//! What happened, told by the code that did it, so that other parts can follow in the same commit.

use base::{AccountId, IdentityGroupId, IdentityStoreId, IdentityUserId, OrgId};

/// A fact with effects beyond the crate that established it. `server/src/effects.rs` lists the effects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An organization was created.
    OrganizationCreated {
        /// The organization.
        org: OrgId,
        /// Its management account.
        management: AccountId,
    },
    /// An organization ceased to be.
    OrganizationDeleted {
        /// The organization.
        org: OrgId,
        /// The account that managed it.
        management: AccountId,
    },
    /// An account became a member.
    AccountJoinedOrganization {
        /// The organization.
        org: OrgId,
        /// The account.
        account: AccountId,
    },
    /// An account is no longer a member.
    AccountLeftOrganization {
        /// The organization that it left.
        org: OrgId,
        /// The account.
        account: AccountId,
    },
    /// Trusted access was switched on for a service.
    TrustedAccessEnabled {
        /// The organization.
        org: OrgId,
        /// The service's principal.
        service: String,
    },
    /// Trusted access was switched off for a service.
    TrustedAccessDisabled {
        /// The organization.
        org: OrgId,
        /// The service's principal.
        service: String,
    },
    /// A user of an identity store was deleted.
    IdentityUserDeleted {
        /// The identity store.
        store: IdentityStoreId,
        /// The user.
        user: IdentityUserId,
    },
    /// A user of an identity store may not sign in any more.
    IdentityUserDisabled {
        /// The identity store.
        store: IdentityStoreId,
        /// The user.
        user: IdentityUserId,
    },
    /// A group of an identity store was deleted.
    IdentityGroupDeleted {
        /// The identity store.
        store: IdentityStoreId,
        /// The group.
        group: IdentityGroupId,
    },
}
