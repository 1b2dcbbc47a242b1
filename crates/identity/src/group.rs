//! Groups of identity stores.

use crate::store::Store;
use crate::{access, external_id, messages, page, user};
use base::{IdentityGroupId, IdentityStoreId, Timestamp};
use kernel::scope::Scope;
use kernel::store::Row;
use kernel::{Access, Cx, Event, Result, Route, Tx, WriteCx, WriteTx, params, route};
use model::identitystore::{
    AlternateIdentifier, AttributeOperation, CreateGroupRequest, CreateGroupResponse, DeleteGroupRequest,
    DeleteGroupResponse, DescribeGroupRequest, DescribeGroupResponse, GetGroupIdRequest, GetGroupIdResponse,
    Group as Description, ListGroupsRequest, ListGroupsResponse, ResourceType, UpdateGroupRequest, UpdateGroupResponse,
    ops,
};
use smithy::Document;
use smithy::schema::Operation;

/// Groups that a store may hold.
pub const GROUPS_MAX: i64 = 100_000;
/// Condition key for the issuers of a group's external ids.
const ISSUERS_KEY: &str = "identitystore:GroupExternalIdIssuers";

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Id.
    pub id: IdentityGroupId,
    /// The store that knows the group.
    pub store: IdentityStoreId,
    /// Its name.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Id in the directory that the group comes from.
    pub source_id: Option<String>,
    /// Counts the changes, from 1; [`update`] advances it by itself.
    pub revision: i64,
    /// When the group was made.
    pub created_at: Timestamp,
    /// ARN or name of whoever made the group.
    pub created_by: String,
    /// When the group was changed last.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: String,
}

impl Group {
    /// The group's ARN.
    pub fn arn(&self) -> String {
        access::arn("group", self.id.as_str())
    }
}

/// The columns of [`group`], in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, store_id, display_name, description, source_id, revision, created_at, created_by, updated_at, \
             updated_by from ids_group ",
            $rest
        )
    };
}

fn group(row: &Row<'_>) -> Result<Group> {
    Ok(Group {
        id: row.get(0)?,
        store: row.get(1)?,
        display_name: row.get(2)?,
        description: row.get(3)?,
        source_id: row.get(4)?,
        revision: row.get(5)?,
        created_at: row.get(6)?,
        created_by: row.get(7)?,
        updated_at: row.get(8)?,
        updated_by: row.get(9)?,
    })
}

/// The group of that id in `store`.
///
/// # Errors
/// When the database fails.
pub fn get(tx: &mut Tx, store: &IdentityStoreId, id: &IdentityGroupId) -> Result<Option<Group>> {
    tx.opt(select!("where store_id = $1 and id = $2"), params![store, id], group)
}

/// The group of that name in `store`, whatever its case.
///
/// # Errors
/// When the database fails.
pub fn find_by_name(tx: &mut Tx, store: &IdentityStoreId, name: &str) -> Result<Option<Group>> {
    let key = name.to_lowercase();
    tx.opt(select!("where store_id = $1 and display_name_key = $2"), params![store, key], group)
}

/// The group that has that id in the directory from which the store's people come.
///
/// # Errors
/// When the database fails.
pub fn find_by_source(tx: &mut Tx, store: &IdentityStoreId, source_id: &str) -> Result<Option<Group>> {
    tx.opt(select!("where store_id = $1 and source_id = $2"), params![store, source_id], group)
}

/// At most `limit` groups of the store, oldest first, after the one that was made at `after.0` with id `after.1`; the
/// smallest instant and an empty id stand before the first.
///
/// # Errors
/// When the database fails.
pub fn list(tx: &mut Tx, store: &IdentityStoreId, after: (Timestamp, &str), limit: i64) -> Result<Vec<Group>> {
    let sql = select!("where store_id = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4");
    tx.all(sql, params![store, after.0, after.1, limit], group)
}

/// Adds a group whose name is free.
///
/// # Errors
/// When the database fails.
pub fn insert(tx: &mut WriteTx<'_>, group: &Group) -> Result<()> {
    tx.touch(Scope::identity_store(&group.store));
    let key = group.display_name.to_lowercase();
    tx.exec_one(
        "insert into ids_group (id, store_id, display_name, display_name_key, description, source_id, revision, \
           created_at, created_by, updated_at, updated_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        params![
            group.id,
            group.store,
            group.display_name,
            key,
            group.description,
            group.source_id,
            group.revision,
            group.created_at,
            group.created_by,
            group.updated_at,
            group.updated_by
        ],
    )
}

/// Writes what may change of a group: name (which must be free), description, id in the source, and who changed it
/// when. The revision advances by one.
///
/// # Errors
/// When the database fails.
pub fn update(tx: &mut WriteTx<'_>, group: &Group) -> Result<()> {
    tx.touch(Scope::identity_store(&group.store));
    let key = group.display_name.to_lowercase();
    tx.exec_one(
        "update ids_group set display_name = $3, display_name_key = $4, description = $5, source_id = $6, \
         updated_at = $7, updated_by = $8, revision = revision + 1 where store_id = $1 and id = $2",
        params![
            group.store,
            group.id,
            group.display_name,
            key,
            group.description,
            group.source_id,
            group.updated_at,
            group.updated_by
        ],
    )
}

/// Deletes a group with its memberships and external ids, and tells of it.
///
/// # Errors
/// When the database fails.
pub fn delete(cx: &mut WriteCx<'_>, group: &Group) -> Result<()> {
    cx.touch(Scope::identity_store(&group.store));
    let mut tx = cx.write();
    tx.exec("delete from ids_membership where group_id = $1", params![group.id])?;
    tx.exec("delete from ids_external_id where principal_id = $1", params![group.id])?;
    tx.exec_one("delete from ids_group where id = $1", params![group.id])?;
    cx.emit(Event::IdentityGroupDeleted { store: group.store.clone(), group: group.id.clone() });
    Ok(())
}

/// The group that `text` names by id or ARN.
///
/// # Errors
/// `ResourceNotFoundException`.
pub(crate) fn existing(cx: &mut Cx<'_>, store: &Store, text: &str) -> Result<Group> {
    let found = match access::group_id(text) {
        Some(id) => get(cx.tx, &store.id, &id)?,
        None => None,
    };
    found.ok_or_else(|| messages::not_found(cx, ResourceType::Group, text))
}

/// Refuses a name that is reserved, or that another group than `own` has.
fn require_free_name(cx: &mut Cx<'_>, store: &Store, name: &str, own: Option<&IdentityGroupId>) -> Result<()> {
    user::require_unreserved(name)?;
    match find_by_name(cx.tx, &store.id, name)? {
        Some(other) if Some(&other.id) != own => Err(messages::not_unique(cx, "Duplicate GroupDisplayName")),
        _ => Ok(()),
    }
}

fn create(cx: &mut WriteCx<'_>, input: &CreateGroupRequest) -> Result<CreateGroupResponse> {
    let store = access::writable(cx, &input.identity_store_id)?;
    let name = input.display_name.as_deref().ok_or_else(|| user::missing(&["displayName"]))?;
    require_free_name(cx, &store, name, None)?;
    if cx.tx.count("select count(*) from ids_group where store_id = $1", params![store.id])? >= GROUPS_MAX {
        return Err(messages::quota(cx, "groups"));
    }
    let (now, caller) = (cx.now, cx.caller.arn());
    let group = Group {
        id: IdentityGroupId::random(&mut cx.random),
        store: store.id,
        display_name: name.to_owned(),
        description: input.description.clone(),
        source_id: None,
        revision: 1,
        created_at: now,
        created_by: caller.clone(),
        updated_at: now,
        updated_by: caller,
    };
    insert(&mut cx.write(), &group)?;
    Ok(CreateGroupResponse {
        group_arn: group.arn(),
        group_id: group.id.to_string(),
        identity_store_id: group.store.to_string(),
        revision: group.revision.to_string(),
    })
}

fn describe(cx: &mut Cx<'_>, input: &DescribeGroupRequest) -> Result<DescribeGroupResponse> {
    let store = access::readable(cx, &input.identity_store_id)?;
    let group = existing(cx, &store, &input.group_id)?;
    Ok(DescribeGroupResponse {
        external_ids: external_id::shown(cx.tx, group.id.as_str())?,
        group_arn: group.arn(),
        group_id: group.id.to_string(),
        identity_store_id: group.store.to_string(),
        revision: group.revision.to_string(),
        display_name: Some(group.display_name),
        description: group.description,
        created_at: Some(group.created_at),
        created_by: Some(group.created_by),
        updated_at: Some(group.updated_at),
        updated_by: Some(group.updated_by),
    })
}

fn list_groups(cx: &mut Cx<'_>, input: &ListGroupsRequest) -> Result<ListGroupsResponse> {
    let store = access::readable(cx, &input.identity_store_id)?;
    let filter = input.filters.as_deref().unwrap_or_default().first();
    if let Some(filter) = filter
        && !filter.attribute_path.eq_ignore_ascii_case("displayName")
    {
        return Err(messages::unsupported_filter(&filter.attribute_path));
    }
    let name = filter.map(|filter| filter.attribute_value.as_str());
    let selection = ["ListGroups", store.id.as_str(), name.unwrap_or_default()];
    let cursor = page::open(cx, &selection, input.next_token.as_deref(), input.max_results)?;
    let rows = match name {
        Some(name) => find_by_name(cx.tx, &store.id, name)?.into_iter().collect(),
        None => list(cx.tx, &store.id, page::position(&cursor), cursor.fetch)?,
    };
    let (rows, next_token) = cursor.close(cx, rows, |group| page::key(group.created_at, group.id.as_str()))?;
    let has_external_ids = external_id::is_used(cx.tx, &store.id)?;
    let mut groups = Vec::with_capacity(rows.len());
    for group in rows {
        groups.push(Description {
            external_ids: if has_external_ids { external_id::shown(cx.tx, group.id.as_str())? } else { None },
            group_arn: group.arn(),
            group_id: group.id.to_string(),
            identity_store_id: group.store.to_string(),
            revision: group.revision.to_string(),
            display_name: Some(group.display_name),
            description: group.description,
            created_at: Some(group.created_at),
            created_by: Some(group.created_by),
            updated_at: Some(group.updated_at),
            updated_by: Some(group.updated_by),
        });
    }
    Ok(ListGroupsResponse { groups, next_token })
}

/// The id of the group that `identifier` means.
fn by_identifier(cx: &mut Cx<'_>, store: &Store, identifier: &AlternateIdentifier) -> Result<Option<IdentityGroupId>> {
    match identifier {
        AlternateIdentifier { external_id: Some(id), unique_attribute: None } => {
            let found = external_id::find(cx.tx, &store.id, &id.issuer, &id.id)?;
            let Some(id) = found.and_then(|id| IdentityGroupId::parse(&id)) else { return Ok(None) };
            Ok(get(cx.tx, &store.id, &id)?.map(|group| group.id))
        }
        AlternateIdentifier { external_id: None, unique_attribute: Some(attribute) } => {
            let path = attribute.attribute_path.as_str();
            if !path.eq_ignore_ascii_case("displayName") {
                return Err(messages::not_a_unique_attribute(path));
            }
            let name = attribute.attribute_value.as_string().ok_or_else(|| messages::invalid_value(path))?;
            Ok(find_by_name(cx.tx, &store.id, &name)?.map(|group| group.id))
        }
        _ => Err(user::one_identifier()),
    }
}

fn get_id(cx: &mut Cx<'_>, input: &GetGroupIdRequest) -> Result<GetGroupIdResponse> {
    let store = access::readable(cx, &input.identity_store_id)?;
    let id = by_identifier(cx, &store, &input.alternate_identifier)?
        .ok_or_else(|| messages::not_found(cx, ResourceType::Group, ""))?;
    Ok(GetGroupIdResponse {
        group_arn: access::arn("group", id.as_str()),
        group_id: id.to_string(),
        identity_store_id: store.id.to_string(),
    })
}

fn apply(group: &mut Group, operation: &AttributeOperation) -> Result<()> {
    let path = operation.attribute_path.as_str();
    let value = operation.attribute_value.as_ref().filter(|value| value.as_json() != "null");
    let is_name = path.eq_ignore_ascii_case("displayName");
    if !is_name && !path.eq_ignore_ascii_case("description") {
        return Err(messages::invalid_path(path));
    }
    let text = value.map(Document::as_string).map(|text| text.ok_or_else(|| messages::invalid_value(path)));
    let text = text.transpose()?;
    // The model's constraints on the values, which it cannot state for a document.
    let mut draft = CreateGroupRequest { identity_store_id: group.store.to_string(), ..CreateGroupRequest::default() };
    *(if is_name { &mut draft.display_name } else { &mut draft.description }) = text.clone();
    user::require_valid(&draft, Vec::new())?;
    match text {
        Some(text) if is_name => group.display_name = text,
        None if is_name => return Err(user::missing(&["displayName"])),
        text => group.description = text,
    }
    Ok(())
}

fn update_group(cx: &mut WriteCx<'_>, input: &UpdateGroupRequest) -> Result<UpdateGroupResponse> {
    let store = access::writable(cx, &input.identity_store_id)?;
    let mut group = existing(cx, &store, &input.group_id)?;
    access::require_revision(cx, input.revision.as_deref(), group.revision)?;
    let name = group.display_name.clone();
    input.operations.iter().try_for_each(|operation| apply(&mut group, operation))?;
    if group.display_name != name {
        require_free_name(cx, &store, &group.display_name, Some(&group.id))?;
    }
    (group.updated_at, group.updated_by) = (cx.now, cx.caller.arn());
    update(&mut cx.write(), &group)?;
    Ok(UpdateGroupResponse {
        group_arn: group.arn(),
        group_id: group.id.to_string(),
        identity_store_id: store.id.to_string(),
        revision: (group.revision + 1).to_string(),
    })
}

fn delete_group(cx: &mut WriteCx<'_>, input: &DeleteGroupRequest) -> Result<DeleteGroupResponse> {
    let store = access::writable(cx, &input.identity_store_id)?;
    let group = existing(cx, &store, &input.group_id)?;
    access::require_revision(cx, input.revision.as_deref(), group.revision)?;
    delete(cx, &group)?;
    Ok(DeleteGroupResponse {})
}

fn on_group<O: Operation>(cx: &mut Cx<'_>, store: &str, group: &str) -> Result<Access> {
    let issuers = match access::group_id(group) {
        Some(id) => external_id::issuers(cx.tx, id.as_str())?,
        None => Vec::new(),
    };
    access::permissions_with::<O>(cx, store, &[access::arn("group", group)], Some((ISSUERS_KEY, issuers)))
}

fn on_identified(cx: &mut Cx<'_>, input: &GetGroupIdRequest) -> Result<Access> {
    let found = match access::readable(cx, &input.identity_store_id) {
        Ok(store) => by_identifier(cx, &store, &input.alternate_identifier),
        Err(error) => Err(error),
    };
    let id = access::unless_refused(found)?;
    let arn = access::arn("group", id.as_ref().map_or("*", IdentityGroupId::as_str));
    access::permissions::<ops::GetGroupId>(cx, &input.identity_store_id, &[arn])
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateGroup>(
            |cx, input| access::permissions::<ops::CreateGroup>(cx, &input.identity_store_id, &[]),
            create,
        ),
        route::read::<ops::DescribeGroup>(
            |cx, input| on_group::<ops::DescribeGroup>(cx, &input.identity_store_id, &input.group_id),
            describe,
        ),
        route::read::<ops::ListGroups>(
            |cx, input| {
                let all = [access::arn("group", "*")];
                access::permissions::<ops::ListGroups>(cx, &input.identity_store_id, &all)
            },
            list_groups,
        ),
        route::read::<ops::GetGroupId>(on_identified, get_id),
        route::write::<ops::UpdateGroup>(
            |cx, input| on_group::<ops::UpdateGroup>(cx, &input.identity_store_id, &input.group_id),
            update_group,
        ),
        route::write::<ops::DeleteGroup>(
            |cx, input| on_group::<ops::DeleteGroup>(cx, &input.identity_store_id, &input.group_id),
            delete_group,
        ),
    ]
}
