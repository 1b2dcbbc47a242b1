//! The operations on users.

use super::{Status, USERS_MAX, User, attributes};
use crate::store::Store;
use crate::{access, external_id, messages, page};
use base::IdentityUserId;
use kernel::params;
use kernel::{Access, Cx, Error, Result, Route, WriteCx, route};
use model::identitystore::{
    AlternateIdentifier, CreateUserRequest, CreateUserResponse, DeleteUserRequest, DeleteUserResponse,
    DescribeUserRequest, DescribeUserResponse, GetUserIdRequest, GetUserIdResponse, ListUsersRequest,
    ListUsersResponse, ResourceType, UpdateUserRequest, UpdateUserResponse, ops,
};
use smithy::Violation;
use smithy::schema::{Operation, Shape};
use smithy::violation::{self, Constraint};

/// Condition key for the issuers of a user's external ids.
const ISSUERS_KEY: &str = "identitystore:UserExternalIdIssuers";
/// Names that no user and no group can have.
const RESERVED_NAMES: [&str; 2] = ["Administrator", "AWSAdministrators"];

/// Refuses names that AWS keeps for itself.
pub(crate) fn require_unreserved(name: &str) -> Result<()> {
    let is_reserved = RESERVED_NAMES.iter().any(|reserved| reserved.eq_ignore_ascii_case(name));
    if is_reserved { Err(messages::reserved_name(name)) } else { Ok(()) }
}

/// Holds `shape`, and what a reader has `seen` already, against the model.
pub(crate) fn require_valid(shape: &dyn Shape, seen: Vec<Violation>) -> Result<()> {
    let violations = smithy::validate::validate(shape, seen);
    if violations.is_empty() { Ok(()) } else { Err(Error::Validation(violation::message(&violations))) }
}

/// The refusal of a request without the members at `paths`, which the model does not require but the service does.
pub(crate) fn missing(paths: &[&str]) -> Error {
    let violations: Vec<Violation> = paths
        .iter()
        .map(|path| Violation {
            path: (*path).to_owned(),
            value: None,
            constraint: Constraint::Required,
            shape: "SensitiveStringType",
        })
        .collect();
    Error::Validation(violation::message(&violations))
}

/// The refusal of an alternate identifier that is none or two.
pub(crate) fn one_identifier() -> Error {
    let message = "AlternateIdentifier must have exactly one of the members ExternalId and UniqueAttribute.";
    Error::Validation(message.to_owned())
}

/// The user that `text` names by id or ARN.
fn existing(cx: &mut Cx<'_>, store: &Store, text: &str) -> Result<User> {
    let found = match access::user_id(text) {
        Some(id) => super::get(cx.tx, &store.id, &id)?,
        None => None,
    };
    found.ok_or_else(|| messages::not_found(cx, ResourceType::User, text))
}

/// Refuses a user name or an e-mail address that somebody else than `own` has.
fn require_free(
    cx: &mut Cx<'_>,
    store: &Store,
    (name, email): (Option<&str>, Option<&str>),
    own: Option<&IdentityUserId>,
) -> Result<()> {
    if let Some(name) = name
        && super::find_by_name(cx.tx, &store.id, name)?.is_some_and(|other| Some(&other.id) != own)
    {
        return Err(messages::not_unique(cx, "Duplicate UserName"));
    }
    if let Some(email) = email
        && super::is_email_taken(cx.tx, &store.id, email, own)?
    {
        return Err(messages::not_unique(cx, "Duplicate Email"));
    }
    Ok(())
}

fn create(cx: &mut WriteCx<'_>, input: &CreateUserRequest) -> Result<CreateUserResponse> {
    let store = access::writable(cx, &input.identity_store_id)?;
    attributes::check(input)?;
    let (now, caller) = (cx.now, cx.caller.arn());
    let user = User {
        id: IdentityUserId::random(&mut cx.random),
        store: store.id.clone(),
        user_name: input.user_name.clone().unwrap_or_default(),
        display_name: input.display_name.clone(),
        status: Status::Enabled,
        attributes: attributes::kept(input.clone()),
        source_id: None,
        revision: 1,
        created_at: now,
        created_by: caller.clone(),
        updated_at: now,
        updated_by: caller,
    };
    require_free(cx, &store, (Some(&user.user_name), user.email()), None)?;
    if cx.tx.count("select count(*) from ids_user where store_id = $1", params![store.id])? >= USERS_MAX {
        return Err(messages::quota(cx, "users"));
    }
    super::insert(&mut cx.write(), &user)?;
    Ok(CreateUserResponse {
        identity_store_id: store.id.to_string(),
        revision: user.revision.to_string(),
        user_arn: user.arn(),
        user_id: user.id.to_string(),
    })
}

fn describe(cx: &mut Cx<'_>, input: &DescribeUserRequest) -> Result<DescribeUserResponse> {
    let store = access::readable(cx, &input.identity_store_id)?;
    attributes::require_known_extensions(input.extensions.iter().flatten())?;
    let user = existing(cx, &store, &input.user_id)?;
    let mut shown = attributes::shown(user, input.extensions.as_deref());
    shown.external_ids = external_id::shown(cx.tx, &shown.user_id)?;
    Ok(attributes::described(shown))
}

fn list(cx: &mut Cx<'_>, input: &ListUsersRequest) -> Result<ListUsersResponse> {
    let store = access::readable(cx, &input.identity_store_id)?;
    attributes::require_known_extensions(input.extensions.iter().flatten())?;
    let filter = input.filters.as_deref().unwrap_or_default().first();
    if let Some(filter) = filter
        && !filter.attribute_path.eq_ignore_ascii_case("userName")
    {
        return Err(messages::unsupported_filter(&filter.attribute_path));
    }
    let name = filter.map(|filter| filter.attribute_value.as_str());
    let selection = ["ListUsers", store.id.as_str(), name.unwrap_or_default()];
    let cursor = page::open(cx, &selection, input.next_token.as_deref(), input.max_results)?;
    let rows = match name {
        Some(name) => super::find_by_name(cx.tx, &store.id, name)?.into_iter().collect(),
        None => super::list(cx.tx, &store.id, page::position(&cursor), cursor.fetch)?,
    };
    let (rows, next_token) = cursor.close(cx, rows, |user| page::key(user.created_at, user.id.as_str()))?;
    let has_external_ids = external_id::is_used(cx.tx, &store.id)?;
    let mut users = Vec::with_capacity(rows.len());
    for user in rows {
        let mut shown = attributes::shown(user, input.extensions.as_deref());
        if has_external_ids {
            shown.external_ids = external_id::shown(cx.tx, &shown.user_id)?;
        }
        users.push(shown);
    }
    Ok(ListUsersResponse { next_token, users })
}

/// The id of the user whom `identifier` means.
fn by_identifier(cx: &mut Cx<'_>, store: &Store, identifier: &AlternateIdentifier) -> Result<Option<IdentityUserId>> {
    let attribute = match identifier {
        AlternateIdentifier { external_id: Some(id), unique_attribute: None } => {
            let found = external_id::find(cx.tx, &store.id, &id.issuer, &id.id)?;
            let Some(id) = found.and_then(|id| IdentityUserId::parse(&id)) else { return Ok(None) };
            return Ok(super::get(cx.tx, &store.id, &id)?.map(|user| user.id));
        }
        AlternateIdentifier { external_id: None, unique_attribute: Some(attribute) } => attribute,
        _ => return Err(one_identifier()),
    };
    let path = attribute.attribute_path.as_str();
    let (is_name, is_email) = (path.eq_ignore_ascii_case("userName"), path.eq_ignore_ascii_case("emails.value"));
    if !is_name && !is_email {
        return Err(messages::not_a_unique_attribute(path));
    }
    let value = attribute.attribute_value.as_string().ok_or_else(|| messages::invalid_value(path))?;
    let found = if is_name {
        super::find_by_name(cx.tx, &store.id, &value)?
    } else {
        super::find_by_email(cx.tx, &store.id, &value)?
    };
    Ok(found.map(|user| user.id))
}

fn get_id(cx: &mut Cx<'_>, input: &GetUserIdRequest) -> Result<GetUserIdResponse> {
    let store = access::readable(cx, &input.identity_store_id)?;
    let id = by_identifier(cx, &store, &input.alternate_identifier)?
        .ok_or_else(|| messages::not_found(cx, ResourceType::User, ""))?;
    Ok(GetUserIdResponse {
        identity_store_id: store.id.to_string(),
        user_arn: access::arn("user", id.as_str()),
        user_id: id.to_string(),
    })
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateUserRequest) -> Result<UpdateUserResponse> {
    let store = access::writable(cx, &input.identity_store_id)?;
    let before = existing(cx, &store, &input.user_id)?;
    access::require_revision(cx, input.revision.as_deref(), before.revision)?;
    let mut request = attributes::as_request(&before);
    input.operations.iter().try_for_each(|operation| attributes::apply(&mut request, operation))?;
    attributes::check_all(&request)?;
    let after = User {
        user_name: request.user_name.clone().unwrap_or_default(),
        display_name: request.display_name.clone(),
        attributes: attributes::kept(request),
        updated_at: cx.now,
        updated_by: cx.caller.arn(),
        ..before.clone()
    };
    let name = Some(after.user_name.as_str()).filter(|name| *name != before.user_name);
    let email = after.email().filter(|email| Some(*email) != before.email());
    require_free(cx, &store, (name, email), Some(&before.id))?;
    super::update(&mut cx.write(), &after)?;
    Ok(UpdateUserResponse {
        identity_store_id: store.id.to_string(),
        revision: (after.revision + 1).to_string(),
        user_arn: after.arn(),
        user_id: after.id.to_string(),
    })
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteUserRequest) -> Result<DeleteUserResponse> {
    let store = access::writable(cx, &input.identity_store_id)?;
    let user = existing(cx, &store, &input.user_id)?;
    access::require_revision(cx, input.revision.as_deref(), user.revision)?;
    super::delete(cx, &user)?;
    Ok(DeleteUserResponse {})
}

fn on_user<O: Operation>(cx: &mut Cx<'_>, store: &str, user: &str) -> Result<Access> {
    let issuers = match access::user_id(user) {
        Some(id) => external_id::issuers(cx.tx, id.as_str())?,
        None => Vec::new(),
    };
    access::permissions_with::<O>(cx, store, &[access::arn("user", user)], Some((ISSUERS_KEY, issuers)))
}

fn on_identified(cx: &mut Cx<'_>, input: &GetUserIdRequest) -> Result<Access> {
    let found = match access::readable(cx, &input.identity_store_id) {
        Ok(store) => by_identifier(cx, &store, &input.alternate_identifier),
        Err(error) => Err(error),
    };
    let id = access::unless_refused(found)?;
    let arn = access::arn("user", id.as_ref().map_or("*", IdentityUserId::as_str));
    access::permissions::<ops::GetUserId>(cx, &input.identity_store_id, &[arn])
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateUser>(
            |cx, input| access::permissions::<ops::CreateUser>(cx, &input.identity_store_id, &[]),
            create,
        ),
        route::read::<ops::DescribeUser>(
            |cx, input| on_user::<ops::DescribeUser>(cx, &input.identity_store_id, &input.user_id),
            describe,
        ),
        route::read::<ops::ListUsers>(
            |cx, input| {
                let all = [access::arn("user", "*")];
                access::permissions::<ops::ListUsers>(cx, &input.identity_store_id, &all)
            },
            list,
        ),
        route::read::<ops::GetUserId>(on_identified, get_id),
        route::write::<ops::UpdateUser>(
            |cx, input| on_user::<ops::UpdateUser>(cx, &input.identity_store_id, &input.user_id),
            update,
        ),
        route::write::<ops::DeleteUser>(
            |cx, input| on_user::<ops::DeleteUser>(cx, &input.identity_store_id, &input.user_id),
            delete,
        ),
    ]
}
