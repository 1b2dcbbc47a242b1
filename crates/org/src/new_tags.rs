//! Tags that a resource gets with its creation, and tags as condition keys.

use crate::messages;
use kernel::{Permission, Result, Tx, WriteTx, params};
use model::organizations::{ConstraintViolationExceptionReason, InvalidInputExceptionReason, Tag};
use std::collections::BTreeSet;

/// Tags that a resource may have.
pub const TAGS_MAX: usize = 50;

/// Checks what the model cannot say of tags.
///
/// # Errors
/// `InvalidInputException` for a key twice or a key of AWS, `ConstraintViolationException` for too many.
pub fn check(tags: &[Tag]) -> Result<()> {
    let mut keys = BTreeSet::new();
    for tag in tags {
        if tag.key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            let message = "You specified a tag key that starts with aws:, which is reserved for AWS use.";
            return Err(messages::invalid_input(InvalidInputExceptionReason::InvalidSystemTagsParameter, message));
        }
        if !keys.insert(&tag.key) {
            let message = "You specified the same tag key more than once.";
            return Err(messages::invalid_input(InvalidInputExceptionReason::DuplicateTagKey, message));
        }
    }
    if tags.len() > TAGS_MAX {
        let message = "You have exceeded the number of tags allowed on this resource.";
        return Err(messages::constraint(ConstraintViolationExceptionReason::MaxTagLimitExceeded, message));
    }
    Ok(())
}

/// Writes the tags of a resource that has none yet.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, resource: &str, tags: &[Tag]) -> Result<()> {
    for tag in tags {
        let sql = "insert into org_tag (resource_id, key, value) values ($1, $2, $3)";
        tx.exec_one(sql, params![resource, tag.key, tag.value])?;
    }
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
    let sql = "select key, value from org_tag where resource_id = $1 order by key";
    let tags: Vec<(String, String)> = tx.all(sql, params![resource], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for (key, value) in tags {
        permission = permission.with(format!("aws:ResourceTag/{key}"), value);
    }
    Ok(permission)
}
