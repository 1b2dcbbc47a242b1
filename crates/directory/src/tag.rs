//! Tags of directories.

use crate::{access, messages};
use base::DirectoryId;
use kernel::{Access, Cx, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::ds::{
    AddTagsToResourceRequest, AddTagsToResourceResult, ListTagsForResourceRequest, ListTagsForResourceResult,
    RemoveTagsFromResourceRequest, RemoveTagsFromResourceResult, Tag, TagLimitExceededException, ops,
};
use std::collections::BTreeSet;

/// Most tags of a directory.
const TAGS_MAX: usize = 50;

/// The tags of a directory, by key.
///
/// # Errors
/// When the database fails.
pub(crate) fn list(tx: &mut Tx, id: &DirectoryId) -> Result<Vec<(String, String)>> {
    let sql = "select key, value from dir_tag where directory_id = $1 order by key";
    tx.all(sql, params![id], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Adds tags to those that a directory has; later values win.
///
/// # Errors
/// `TagLimitExceededException`, `InvalidParameterException`, and when the database fails.
pub(crate) fn add(tx: &mut WriteTx<'_>, id: &DirectoryId, tags: &[Tag]) -> Result<()> {
    if tags.iter().any(|tag| tag.key.to_lowercase().starts_with("aws:")) {
        return Err(messages::invalid("Tag keys must not begin with aws:."));
    }
    let mut keys: BTreeSet<String> = list(tx, id)?.into_iter().map(|(key, _)| key).collect();
    keys.extend(tags.iter().map(|tag| tag.key.clone()));
    if keys.len() > TAGS_MAX {
        return Err(TagLimitExceededException::new(format!("A resource can have at most {TAGS_MAX} tags.")).into());
    }
    for tag in tags {
        tx.exec_one(
            "insert into dir_tag (directory_id, key, value) values ($1, $2, $3) \
             on conflict (directory_id, key) do update set value = excluded.value",
            params![id, tag.key, tag.value],
        )?;
    }
    Ok(())
}

fn may_add(cx: &mut Cx<'_>, input: &AddTagsToResourceRequest) -> Result<Access> {
    let mut permission = access::on::<ops::AddTagsToResource>(cx, &input.resource_id)?;
    for tag in &input.tags {
        permission = permission.with(format!("aws:RequestTag/{}", tag.key), tag.value.clone());
    }
    let keys = input.tags.iter().map(|tag| tag.key.clone()).collect();
    Ok(permission.with_all("aws:TagKeys", keys).into())
}

fn add_tags(cx: &mut WriteCx<'_>, input: &AddTagsToResourceRequest) -> Result<AddTagsToResourceResult> {
    let directory = access::existing(cx, &input.resource_id)?;
    add(&mut cx.write(), &directory.id, &input.tags)?;
    Ok(AddTagsToResourceResult {})
}

fn may_remove(cx: &mut Cx<'_>, input: &RemoveTagsFromResourceRequest) -> Result<Access> {
    let permission = access::on::<ops::RemoveTagsFromResource>(cx, &input.resource_id)?;
    Ok(permission.with_all("aws:TagKeys", input.tag_keys.clone()).into())
}

fn remove_tags(cx: &mut WriteCx<'_>, input: &RemoveTagsFromResourceRequest) -> Result<RemoveTagsFromResourceResult> {
    let directory = access::existing(cx, &input.resource_id)?;
    for key in &input.tag_keys {
        cx.write().exec("delete from dir_tag where directory_id = $1 and key = $2", params![directory.id, key])?;
    }
    Ok(RemoveTagsFromResourceResult {})
}

fn list_tags(cx: &mut Cx<'_>, input: &ListTagsForResourceRequest) -> Result<ListTagsForResourceResult> {
    let directory = access::existing(cx, &input.resource_id)?;
    let list_name = ["ListTagsForResource", directory.id.as_str()];
    let cursor = access::page(cx, &list_name, input.next_token.as_deref(), input.limit)?;
    let rows = list(cx.tx, &directory.id)?.into_iter().filter(|(key, _)| *key > cursor.after).collect();
    let (tags, next_token) = cursor.close(cx, rows, |(key, _): &(String, String)| key.clone())?;
    let tags = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
    Ok(ListTagsForResourceResult { tags: Some(tags), next_token })
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::AddTagsToResource>(may_add, add_tags),
        route::write::<ops::RemoveTagsFromResource>(may_remove, remove_tags),
        route::read::<ops::ListTagsForResource>(
            |cx, input| Ok(access::on::<ops::ListTagsForResource>(cx, &input.resource_id)?.into()),
            list_tags,
        ),
    ]
}
