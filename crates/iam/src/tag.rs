//! Tags of IAM's resources.

use crate::paging::{self, Page, PageRequest};
use kernel::{Cx, Permission, Result, Route, Tx, WriteTx, params};
use model::iam::{InvalidInputException, LimitExceededException, Tag};
use std::collections::BTreeSet;

/// Tags of the resource with that id (users, roles, policies, instance profiles) or ARN (providers, MFA devices), by
/// key.
///
/// # Errors
/// When the database fails.
pub fn of(tx: &mut Tx, resource: &str) -> Result<Vec<Tag>> {
    tx.all("select key, value from iam_tag where resource_id = $1 order by key_folded", params![resource], |row| {
        Ok(Tag { key: row.get(0)?, value: row.get(1)? })
    })
}

/// Sets tags; a key that exists in another case is replaced.
///
/// # Errors
/// When the database fails.
pub fn set(tx: &mut WriteTx<'_>, resource: &str, tags: &[Tag]) -> Result<()> {
    for tag in tags {
        tx.exec_one(
            "insert into iam_tag (resource_id, key_folded, key, value) values ($1, $2, $3, $4) \
             on conflict (resource_id, key_folded) do update set key = excluded.key, value = excluded.value",
            params![resource, tag.key.to_lowercase(), tag.key, tag.value],
        )?;
    }
    Ok(())
}

/// Removes every tag of a resource that is being deleted.
///
/// # Errors
/// When the database fails.
pub fn clear(tx: &mut WriteTx<'_>, resource: &str) -> Result<()> {
    tx.exec("delete from iam_tag where resource_id = $1", params![resource])?;
    Ok(())
}

/// `permission` with the condition keys of the tags in the request.
pub fn with_request_tags(permission: Permission, tags: Option<&[Tag]>) -> Permission {
    permission.with_request_tags(tags.unwrap_or_default().iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))
}

/// `permission` with the condition keys of the tags that the resource has.
///
/// # Errors
/// When the database fails.
pub fn with_resource_tags(mut permission: Permission, tx: &mut Tx, resource: &str) -> Result<Permission> {
    for tag in of(tx, resource)? {
        permission = permission
            .with(format!("aws:ResourceTag/{}", tag.key), &tag.value)
            .with(format!("iam:ResourceTag/{}", tag.key), &tag.value);
    }
    Ok(permission)
}

/// Most tags of a resource.
pub const TAGS_MAX: usize = 50;

/// Refuses tags that no resource can have: two keys that differ only in case, keys that are AWS's own.
///
/// # Errors
/// `InvalidInput`.
pub fn check(tags: &[Tag]) -> Result<()> {
    let mut keys: Vec<String> = tags.iter().map(|tag| tag.key.to_lowercase()).collect();
    if keys.iter().any(|key| key.starts_with("aws:")) {
        return Err(InvalidInputException::new("Tag keys with the prefix aws: are reserved for AWS.").into());
    }
    keys.sort_unstable();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        let text = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
        return Err(InvalidInputException::new(text).into());
    }
    Ok(())
}

/// Adds tags to a resource on behalf of its owner: [`check`]ed and within [`TAGS_MAX`].
///
/// # Errors
/// `InvalidInput`, `LimitExceeded`.
pub fn add(tx: &mut WriteTx<'_>, resource: &str, tags: &[Tag]) -> Result<()> {
    check(tags)?;
    let mut keys: BTreeSet<String> = of(tx, resource)?.iter().map(|tag| tag.key.to_lowercase()).collect();
    keys.extend(tags.iter().map(|tag| tag.key.to_lowercase()));
    if keys.len() > TAGS_MAX {
        let text = format!("The number of tags has reached the maximum limit of {TAGS_MAX}.");
        return Err(LimitExceededException::new(text).into());
    }
    set(tx, resource, tags)
}

/// Removes the tags with those keys, in any case; keys that the resource does not have are passed over.
///
/// # Errors
/// When the database fails.
pub fn remove(tx: &mut WriteTx<'_>, resource: &str, keys: &[String]) -> Result<()> {
    for key in keys {
        tx.exec(
            "delete from iam_tag where resource_id = $1 and key_folded = $2",
            params![resource, key.to_lowercase()],
        )?;
    }
    Ok(())
}

/// The tags of a resource as answers carry them: absent when there are none.
///
/// # Errors
/// When the database fails.
pub fn shown(tx: &mut Tx, resource: &str) -> Result<Option<Vec<Tag>>> {
    let tags = of(tx, resource)?;
    Ok((!tags.is_empty()).then_some(tags))
}

/// A page of a resource's tags, by key.
pub(crate) fn page(cx: &mut Cx<'_>, operation: &str, resource: &str, request: PageRequest<'_>) -> Result<Page<Tag>> {
    let tags = of(cx.tx, resource)?;
    paging::cut(cx, &[operation, resource], request, tags, |tag| tag.key.to_lowercase())
}

/// `permission` with the condition key of the tag keys in the request.
pub fn with_tag_keys(permission: Permission, keys: &[String]) -> Permission {
    permission.with_all("aws:TagKeys", keys.to_vec())
}

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
