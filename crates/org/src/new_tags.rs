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
pub fn with_request_tags(permission: Permission, tags: Option<&[Tag]>) -> Permission {
    permission.with_request_tags(tags.unwrap_or_default().iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))
}

/// `permission` with the condition keys of the tags that the resource has.
///
/// # Errors
/// When the database fails.
pub fn with_resource_tags(permission: Permission, tx: &mut Tx, resource: &str) -> Result<Permission> {
    let tags = tags_of(tx, resource)?;
    Ok(permission.with_resource_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

/// Keys and values of a resource's tags, by key.
///
/// # Errors
/// When the database fails.
pub fn tags_of(tx: &mut Tx, resource: &str) -> Result<Vec<(String, String)>> {
    let sql = "select key, value from org_tag where resource_id = $1 order by key";
    tx.all(sql, params![resource], |row| Ok((row.get(0)?, row.get(1)?)))
}
