//! Who may reach a store, and the permissions that its operations take.

use crate::store::{self, Source, Store};
use crate::{messages, network};
use base::{IdentityGroupId, IdentityStoreId, IdentityUserId};
use iam::service_linked_role::IDENTITY_CENTER;
use kernel::{Access, Cx, Error, Permission, Result};
use model::identitystore::ResourceType;
use org::{delegated_administrator, organization};
use smithy::schema::Operation;

/// How far a caller's account reaches into a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Owns the store, or administers Identity Center for the organization.
    Administers,
    /// Is a member of the organization whose people these are.
    Reads,
}

fn reach(cx: &mut Cx<'_>, store: &Store) -> Result<Option<Reach>> {
    let account = cx.account()?;
    if account == store.owner {
        return Ok(Some(Reach::Administers));
    }
    let Some(org) = organization::of_account(cx.tx, &account)?.filter(|org| Some(&org.id) == store.org.as_ref()) else {
        return Ok(None);
    };
    let is_delegate = delegated_administrator::is_registered(cx.tx, &org, &account, IDENTITY_CENTER)?;
    Ok(Some(if is_delegate { Reach::Administers } else { Reach::Reads }))
}

fn visible(cx: &mut Cx<'_>, text: &str) -> Result<(Store, Reach)> {
    if let Some(store) = named_store(cx, text)?
        && let Some(reach) = reach(cx, &store)?
    {
        return Ok((store, reach));
    }
    Err(messages::not_found(cx, ResourceType::IdentityStore, text))
}

/// The store that `text` names by id or ARN, whoever asks.
fn named_store(cx: &mut Cx<'_>, text: &str) -> Result<Option<Store>> {
    let (account, id) = match text.split_once(":identitystore/") {
        Some((head, id)) => (head.rsplit_once(':').map(|(_, account)| account), id),
        None => (None, text),
    };
    let Some(id) = IdentityStoreId::parse(id) else { return Ok(None) };
    Ok(store::get(cx.tx, &id)?.filter(|store| account.is_none_or(|account| account == store.owner.as_str())))
}

/// The store, for a caller who wants to see it or to change its settings, from wherever he calls: whoever shut himself
/// out must be able to mend it.
pub(crate) fn described(cx: &mut Cx<'_>, text: &str) -> Result<Store> {
    visible(cx, text).map(|(store, _)| store)
}

/// The store, for a caller who wants to change its settings.
pub(crate) fn administered(cx: &mut Cx<'_>, text: &str) -> Result<Store> {
    match visible(cx, text)? {
        (store, Reach::Administers) => Ok(store),
        (_, Reach::Reads) => Err(messages::not_an_administrator()),
    }
}

/// The store, for a caller who wants to know who is in it.
///
/// # Errors
/// `ResourceNotFoundException` when there is no such store for the caller, `AccessDeniedException` when the store does
/// not admit his address.
pub(crate) fn readable(cx: &mut Cx<'_>, text: &str) -> Result<Store> {
    let store = described(cx, text)?;
    require_address(cx, &store)?;
    Ok(store)
}

/// The store, for a caller who wants to change who is in it.
///
/// # Errors
/// Those of [`readable`], `AccessDeniedException` for members of the organization, and `ValidationException` when the
/// people are kept elsewhere.
pub(crate) fn writable(cx: &mut Cx<'_>, text: &str) -> Result<Store> {
    let store = administered(cx, text)?;
    require_address(cx, &store)?;
    match store.source {
        Source::IdentityCenter => Ok(store),
        Source::ActiveDirectory(_) => Err(messages::source_is_elsewhere()),
    }
}

fn require_address(cx: &Cx<'_>, store: &Store) -> Result<()> {
    let is_admitted =
        store.network.as_ref().is_none_or(|configuration| network::admits(configuration, &cx.request.source_ip));
    if is_admitted { Ok(()) } else { Err(messages::address_not_admitted()) }
}

/// The last part of `text`, an id or an ARN of a `kind` of resource, in lower case.
fn bare<'a>(kind: &str, text: &'a str) -> Option<&'a str> {
    match text.split_once(":identitystore:::") {
        Some((_, rest)) => rest.strip_prefix(kind)?.strip_prefix('/'),
        None => Some(text),
    }
}

/// The store's id in `text`, an id or an ARN.
pub(crate) fn store_id(text: &str) -> Option<IdentityStoreId> {
    IdentityStoreId::parse(text.rsplit_once('/').map_or(text, |(_, id)| id))
}

/// The user's id in `text`; `None` when no user can have it.
pub(crate) fn user_id(text: &str) -> Option<IdentityUserId> {
    IdentityUserId::parse(&bare("user", text)?.to_lowercase())
}

/// The group's id in `text`; `None` when no group can have it.
pub(crate) fn group_id(text: &str) -> Option<IdentityGroupId> {
    IdentityGroupId::parse(&bare("group", text)?.to_lowercase())
}

/// The membership's id in `text`; `None` when no membership can have it.
pub(crate) fn membership_id(text: &str) -> Option<String> {
    bare("membership", text).map(str::to_lowercase)
}

/// ARN of a user, group or membership, from its id or its ARN.
pub(crate) fn arn(kind: &str, text: &str) -> String {
    let id = bare(kind, text).unwrap_or("*").to_lowercase();
    format!("arn:aws:identitystore:::{kind}/{id}")
}

/// The permission `O` on the store and on every one of `resources`.
pub(crate) fn permissions<O: Operation>(cx: &mut Cx<'_>, store: &str, resources: &[String]) -> Result<Access> {
    permissions_with::<O>(cx, store, resources, None)
}

/// As [`permissions`], with the issuers of the external ids of what is touched under the condition key that the pair
/// names.
pub(crate) fn permissions_with<O: Operation>(
    cx: &mut Cx<'_>,
    store: &str,
    resources: &[String],
    issuers: Option<(&'static str, Vec<String>)>,
) -> Result<Access> {
    let store_arn = match named_store(cx, store)? {
        Some(store) => store.arn(),
        None if store.starts_with("arn:") => store.to_owned(),
        None => format!("arn:aws:identitystore::{}:identitystore/{store}", cx.account()?),
    };
    let action = format!("identitystore:{}", O::OP.name);
    let region = &cx.app.settings.region;
    let permission = |resource: &str| {
        let permission = Permission::new(action.clone(), resource).with("identitystore:PrimaryRegion", region.as_str());
        match &issuers {
            Some((key, issuers)) if !issuers.is_empty() => permission.with_all(*key, issuers.clone()),
            _ => permission,
        }
    };
    let resources = std::iter::once(store_arn.as_str()).chain(resources.iter().map(String::as_str));
    Ok(Access::Permissions(resources.map(permission).collect()))
}

/// What a rule looked for on behalf of a request; none when the request is refused, since what is wrong with it is said to
/// those who may make it.
pub(crate) fn unless_refused<T>(found: Result<Option<T>>) -> Result<Option<T>> {
    match found {
        Err(Error::Modeled(_) | Error::Validation(_) | Error::Denied(_)) => Ok(None),
        other => other,
    }
}

/// Refuses when the caller demands another revision than the present one.
///
/// # Errors
/// `ConflictException` with reason `CONCURRENT_MODIFICATION`.
pub(crate) fn require_revision(cx: &Cx<'_>, demanded: Option<&str>, present: i64) -> Result<()> {
    match demanded {
        Some(demanded) if demanded != present.to_string() => Err(messages::stale(cx)),
        _ => Ok(()),
    }
}
