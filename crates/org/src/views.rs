//! What reads of Organizations ask again and again, kept until the organization or the account changes.

use crate::account;
use crate::new_tags::tags_of;
use crate::organization::{self, Organization};
use base::{AccountId, OrgId};
use kernel::scope::{Scope, ScopedCache};
use kernel::{Cx, Result, Tx};
use model::organizations::Account;
use std::sync::Arc;

/// Accounts whose views are kept.
const ACCOUNTS_MAX: usize = 20_000;

/// The views, an extension of the application. Without it every read asks the database.
pub struct Views {
    organizations: ScopedCache<AccountId, Option<Arc<Organization>>>,
    members: ScopedCache<AccountId, Option<MemberView>>,
}

impl Default for Views {
    fn default() -> Self {
        Self { organizations: ScopedCache::new(ACCOUNTS_MAX), members: ScopedCache::new(ACCOUNTS_MAX) }
    }
}

/// A member account as the API describes it.
#[derive(Debug, Clone)]
pub struct MemberView {
    org: OrgId,
    /// The description.
    pub description: Account,
    /// Its tags, by key.
    pub tags: Vec<(String, String)>,
}

impl MemberView {
    fn load(tx: &mut Tx, org: &Organization, id: &AccountId) -> Result<Option<Self>> {
        let Some(member) = account::find(tx, org, id)? else { return Ok(None) };
        let description = account::descriptions(tx, org, vec![member])?.pop();
        let tags = tags_of(tx, id.as_str())?;
        Ok(description.map(|description| Self { org: org.id.clone(), description, tags }))
    }
}

/// The organization of the caller's account; none for callers without an account, and for accounts that stand alone.
///
/// # Errors
/// When the database fails.
pub fn organization_of_caller(cx: &mut Cx<'_>) -> Result<Option<Arc<Organization>>> {
    let Some(account) = cx.caller.account().cloned() else { return Ok(None) };
    let app = Arc::clone(cx.app);
    let load = |tx: &mut Tx| Ok(organization::of_account(tx, &account)?.map(Arc::new));
    let Some(views) = app.extension::<Views>() else { return load(cx.tx) };
    if !cx.tx.has_touched_scopes()
        && let Some(found) = views.organizations.get(&app.scopes, &account)
    {
        return Ok(found.as_ref().clone());
    }
    // On which organization the view depends is known only after a look; the view itself is loaded after that.
    let mut scopes = vec![Scope::account(&account)];
    scopes.extend(organization::of_account(cx.tx, &account)?.map(|org| Scope::organization(&org.id)));
    Ok(views.organizations.view(cx, account.clone(), &scopes, load)?.as_ref().clone())
}

/// The member `id` of `org`; none when it is not a member.
///
/// # Errors
/// When the database fails.
pub fn member(cx: &mut Cx<'_>, org: &Organization, id: &AccountId) -> Result<Arc<Option<MemberView>>> {
    let app = Arc::clone(cx.app);
    let Some(views) = app.extension::<Views>() else { return MemberView::load(cx.tx, org, id).map(Arc::new) };
    let scopes = [Scope::account(id), Scope::organization(&org.id)];
    let view = views.members.view(cx, id.clone(), &scopes, |tx| MemberView::load(tx, org, id))?;
    // An account that moved to another organization is known there by a view of its own.
    let is_of_org = |member: &MemberView| member.org == org.id;
    if view.as_ref().as_ref().is_none_or(is_of_org) { Ok(view) } else { MemberView::load(cx.tx, org, id).map(Arc::new) }
}
