//! What the rules and handlers of Directory Service's routes have in common.

use crate::messages;
use crate::record::{self, Directory};
use crate::tag;
use base::{AccountId, Arn, DirectoryId};
use kernel::page::Cursor;
use kernel::{Access, Cx, Permission, Result};
use model::ds::InvalidNextTokenException;
use smithy::schema::Operation;

/// Most rows of a page, and those of a page whose length was not chosen.
const PAGE_MAX: i64 = 100;

pub(crate) fn arn(cx: &Cx<'_>, account: &AccountId, id: &str) -> String {
    Arn::new("ds", &cx.app.settings.region, account.as_str(), &format!("directory/{id}")).to_string()
}

/// The rule of operations that know no resource.
pub(crate) fn anywhere<O: Operation>(_cx: &mut Cx<'_>, _input: &O::In) -> Result<Access> {
    Ok(Permission::new(format!("ds:{}", O::OP.name), "*").into())
}

/// The permission of an operation on a directory, with the directory's tags.
pub(crate) fn on<O: Operation>(cx: &mut Cx<'_>, id: &str) -> Result<Permission> {
    to(cx, &format!("ds:{}", O::OP.name), id)
}

/// The permission of an action on a directory, with the directory's tags.
pub(crate) fn to(cx: &mut Cx<'_>, action: &str, id: &str) -> Result<Permission> {
    let account = cx.account()?;
    let permission = Permission::new(action, arn(cx, &account, id));
    let Some(id) = DirectoryId::parse(id) else { return Ok(permission) };
    let tags = tag::list(cx.tx, &id)?;
    Ok(permission.with_resource_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

/// The caller's directory of that id.
pub(crate) fn find(cx: &mut Cx<'_>, id: &str) -> Result<Option<Directory>> {
    let account = cx.account()?;
    let Some(id) = DirectoryId::parse(id) else { return Ok(None) };
    Ok(record::get(cx.tx, &id)?.filter(|directory| directory.account == account))
}

/// The caller's directory of that id, or `EntityDoesNotExistException`.
pub(crate) fn existing(cx: &mut Cx<'_>, id: &str) -> Result<Directory> {
    find(cx, id)?.ok_or_else(|| messages::no_entity(id))
}

/// The caller's directory of that id, or `DirectoryDoesNotExistException`: operations declare the one or the other.
pub(crate) fn existing_directory(cx: &mut Cx<'_>, id: &str) -> Result<Directory> {
    find(cx, id)?.ok_or_else(|| messages::no_directory(id))
}

/// Opens a page of a list.
pub(crate) fn page(cx: &Cx<'_>, list: &[&str], token: Option<&str>, limit: Option<i32>) -> Result<Cursor> {
    let limit = limit.map(i64::from).filter(|limit| *limit > 0).unwrap_or(PAGE_MAX).min(PAGE_MAX);
    Cursor::open(cx, list, token, limit)
        .ok_or_else(|| InvalidNextTokenException::new("The NextToken value is not valid.").into())
}
