//! Tags of IAM's resources.

use kernel::{Permission, Result, Route, Tx, WriteTx, params};
use model::iam::Tag;

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
pub fn with_request_tags(mut permission: Permission, tags: Option<&[Tag]>) -> Permission {
    let tags = tags.unwrap_or_default();
    if tags.is_empty() {
        return permission;
    }
    for tag in tags {
        permission = permission.with(format!("aws:RequestTag/{}", tag.key), &tag.value);
    }
    permission.with_all("aws:TagKeys", tags.iter().map(|tag| tag.key.clone()).collect())
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

pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
