//! What single sign-on does when something happened elsewhere, in the same commit.

use crate::{application, assignment, instance, mail_link, session};
use base::{IdentityGroupId, IdentityStoreId, IdentityUserId};
use kernel::scope::Scope;
use kernel::{Result, WriteCx};

/// A user is gone: so are its assignments and sessions.
///
/// # Errors
/// When the database fails.
pub fn on_user_deleted(cx: &mut WriteCx<'_>, store: &IdentityStoreId, user: &IdentityUserId) -> Result<()> {
    end_assignments(cx, store, user.as_str())?;
    application::on_user_deleted(cx, user)?;
    on_user_disabled(cx, store, user)
}

/// A user may not sign in any more: its sessions end, and with them the credentials that rest on them.
///
/// # Errors
/// When the database fails.
pub fn on_user_disabled(cx: &mut WriteCx<'_>, store: &IdentityStoreId, user: &IdentityUserId) -> Result<()> {
    cx.touch(Scope::identity_store(store));
    mail_link::forget_all_of_user(cx, user)?;
    session::end_all_of_user(cx, user)
}

/// A group is gone: so are its assignments.
///
/// # Errors
/// When the database fails.
pub fn on_group_deleted(cx: &mut WriteCx<'_>, store: &IdentityStoreId, group: &IdentityGroupId) -> Result<()> {
    end_assignments(cx, store, group.as_str())?;
    application::on_group_deleted(cx, group)
}

fn end_assignments(cx: &mut WriteCx<'_>, store: &IdentityStoreId, principal: &str) -> Result<()> {
    match instance::of_store(cx.tx, store)? {
        Some(instance) => assignment::end_all_of_principal(cx, &instance, principal),
        None => Ok(()),
    }
}
