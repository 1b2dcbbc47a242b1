//! What follows from an event, in the same commit. The only file that knows everybody.
//!
//! An effect that touches a few rows and must be true at the commit happens here; what is slow or grows with the
//! organization is a job enqueued here.

use kernel::{Event, Result, WriteCx};

/// Applies the effects of `event`.
///
/// # Errors
/// Those of the parts; the transaction that caused the event fails with them.
pub fn apply(cx: &mut WriteCx<'_>, event: &Event) -> Result<()> {
    match event {
        Event::OrganizationCreated { org: _, management } => {
            org::service_linked_roles::ensure(cx, management, org::service_linked_roles::SERVICE)
        }
        Event::AccountJoinedOrganization { org, account } => {
            org::policy::attach_defaults_to_account(cx, org, account)?;
            org::service_linked_roles::on_account_joined(cx, org, account)
        }
        Event::AccountLeftOrganization { org: _, account } => {
            sso::departure::on_account_left(cx, account)?;
            directory::share::on_account_left(cx, account)
        }
        Event::TrustedAccessEnabled { org, service } => {
            org::service_linked_roles::on_trusted_access_enabled(cx, org, service)?;
            if service == sso::SERVICE { sso::provision::on_trusted_access_enabled(cx, org) } else { Ok(()) }
        }
        // The service is refused from now on because Organizations no longer vouches for it; all it made remains.
        Event::TrustedAccessDisabled { org: _, service: _ } => Ok(()),
        Event::IdentityUserDeleted { store, user } => sso::effects::on_user_deleted(cx, store, user),
        Event::IdentityUserDisabled { store, user } => sso::effects::on_user_disabled(cx, store, user),
        Event::IdentityGroupDeleted { store, group } => sso::effects::on_group_deleted(cx, store, group),
        // Without the organization nobody vouches for a service; the roles stay until an administrator removes them.
        Event::OrganizationDeleted { org, management: _ } => sso::instance::on_organization_deleted(cx, org),
    }
}
