//! The attributes of users: as a request gives them, as a row keeps them, as an answer shows them.

use super::{User, missing, require_unreserved, require_valid};
use crate::messages;
use kernel::{Error, Result};
use model::identitystore::{AttributeOperation, CreateUserRequest, DescribeUserResponse, Name, User as Description};
use serde_json::{Map, Value};
use smithy::schema::Shape;
use smithy::{Document, Violation};

/// The extension that users can have.
const ENTERPRISE: &str = "aws:identitystore:enterprise";
/// Its attributes that are texts.
const ENTERPRISE_TEXTS: [&str; 5] = ["employeeNumber", "costCenter", "organization", "division", "department"];
/// The parts of its attribute `manager`.
const MANAGER_TEXTS: [&str; 3] = ["value", "$ref", "displayName"];
/// Longest text in the extension, as in every other attribute.
const TEXT_CHARACTERS_MAX: usize = 1_024;

/// The members that are lists: they are replaced as a whole.
const LISTS: [&str; 5] = ["Addresses", "Emails", "PhoneNumbers", "Photos", "Roles"];
/// The members that are texts.
const TEXTS: [&str; 12] = [
    "Birthdate",
    "DisplayName",
    "Locale",
    "NickName",
    "PreferredLanguage",
    "ProfileUrl",
    "Timezone",
    "Title",
    "UserName",
    "UserType",
    "Website",
    "Name",
];

/// Makes a `$shape` with the attributes of `$from`, which has the same members.
macro_rules! with_attributes {
    ($shape:ident, $from:expr, { $($rest:tt)* }) => {
        $shape {
            addresses: $from.addresses,
            birthdate: $from.birthdate,
            emails: $from.emails,
            extensions: $from.extensions,
            locale: $from.locale,
            name: $from.name,
            nick_name: $from.nick_name,
            phone_numbers: $from.phone_numbers,
            photos: $from.photos,
            preferred_language: $from.preferred_language,
            profile_url: $from.profile_url,
            roles: $from.roles,
            timezone: $from.timezone,
            title: $from.title,
            user_type: $from.user_type,
            website: $from.website,
            $($rest)*
        }
    };
}

/// The attributes of a request that was checked, in the form in which a row keeps them.
pub(super) fn kept(request: CreateUserRequest) -> Description {
    with_attributes!(Description, request, { ..Description::default() })
}

/// The user as a request that would make the same.
pub(super) fn as_request(user: &User) -> CreateUserRequest {
    let attributes = user.attributes.clone();
    with_attributes!(CreateUserRequest, attributes, {
        display_name: user.display_name.clone(),
        identity_store_id: user.store.to_string(),
        user_name: Some(user.user_name.clone()),
    })
}

/// The user as lists show it, with those extensions that were asked for.
pub(super) fn shown(user: User, extensions: Option<&[String]>) -> Description {
    let (arn, mut attributes) = (user.arn(), user.attributes);
    let wanted = extensions.unwrap_or_default();
    attributes.extensions = attributes
        .extensions
        .map(|mut all| {
            all.retain(|name, _| wanted.contains(name));
            all
        })
        .filter(|kept| !kept.is_empty());
    with_attributes!(Description, attributes, {
        created_at: Some(user.created_at),
        created_by: Some(user.created_by),
        display_name: user.display_name,
        external_ids: None,
        identity_store_id: user.store.to_string(),
        revision: user.revision.to_string(),
        updated_at: Some(user.updated_at),
        updated_by: Some(user.updated_by),
        user_arn: arn,
        user_id: user.id.to_string(),
        user_name: Some(user.user_name),
        user_status: Some(user.status.shown()),
    })
}

/// The same as the answer about one user.
pub(super) fn described(user: Description) -> DescribeUserResponse {
    with_attributes!(DescribeUserResponse, user, {
        created_at: user.created_at,
        created_by: user.created_by,
        display_name: user.display_name,
        external_ids: user.external_ids,
        identity_store_id: user.identity_store_id,
        revision: user.revision,
        updated_at: user.updated_at,
        updated_by: user.updated_by,
        user_arn: user.user_arn,
        user_id: user.user_id,
        user_name: user.user_name,
        user_status: user.user_status,
    })
}

/// Refuses names of extensions that there are none of.
pub(super) fn require_known_extensions<'a>(names: impl IntoIterator<Item = &'a String>) -> Result<()> {
    match names.into_iter().find(|name| *name != ENTERPRISE) {
        Some(name) => Err(Error::Validation(format!("The extension {name} is not supported"))),
        None => Ok(()),
    }
}

/// Checks what the model does not say: what must be there, names that are reserved, the insides of extensions.
pub(super) fn check(request: &CreateUserRequest) -> Result<()> {
    let name = request.name.as_ref();
    let needed = [
        ("userName", request.user_name.is_some()),
        ("displayName", request.display_name.is_some()),
        ("name.givenName", name.is_some_and(|name| name.given_name.is_some())),
        ("name.familyName", name.is_some_and(|name| name.family_name.is_some())),
    ];
    let absent: Vec<&str> = needed.iter().filter(|(_, is_there)| !is_there).map(|(path, _)| *path).collect();
    if !absent.is_empty() {
        return Err(missing(&absent));
    }
    require_unreserved(request.user_name.as_deref().unwrap_or_default())?;
    let extensions = request.extensions.iter().flatten();
    require_known_extensions(extensions.clone().map(|(name, _)| name))?;
    extensions.map(|(_, content)| content).try_for_each(check_enterprise)
}

fn check_enterprise(content: &Document) -> Result<()> {
    let invalid = || messages::invalid_value(ENTERPRISE);
    let Ok(Value::Object(content)) = serde_json::from_str(content.as_json()) else { return Err(invalid()) };
    let is_text =
        |value: &Value| value.as_str().is_some_and(|text| (1..=TEXT_CHARACTERS_MAX).contains(&text.chars().count()));
    let is_manager = |value: &Value| {
        value.as_object().is_some_and(|manager| {
            manager.iter().all(|(key, value)| MANAGER_TEXTS.contains(&key.as_str()) && is_text(value))
        })
    };
    let is_valid = content.iter().all(|(key, value)| {
        if key == "manager" { is_manager(value) } else { ENTERPRISE_TEXTS.contains(&key.as_str()) && is_text(value) }
    });
    if is_valid { Ok(()) } else { Err(invalid()) }
}

/// Sets or removes what the operation's path names. The outcome is to be checked when all operations are done.
///
/// # Errors
/// `ValidationException` for paths that cannot be changed and for values of another type than the attribute's.
pub(super) fn apply(request: &mut CreateUserRequest, operation: &AttributeOperation) -> Result<()> {
    let path = operation.attribute_path.as_str();
    let value = operation.attribute_value.as_ref().filter(|value| value.as_json() != "null");
    if let Some(rest) = path.strip_prefix(ENTERPRISE) {
        return apply_to_enterprise(request, path, rest, value);
    }
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let first = capitalized(first);
    if first == "Name"
        && let Some(part) = rest
    {
        let mut name = request.name.take().unwrap_or_default();
        set(&mut name, &capitalized(part), value, path)?;
        request.name = Some(name).filter(has_part);
        return Ok(());
    }
    let is_known = LISTS.contains(&first.as_str()) || TEXTS.contains(&first.as_str());
    if !is_known || rest.is_some() {
        return Err(messages::invalid_path(path));
    }
    set(request, &first, value, path)
}

fn has_part(name: &Name) -> bool {
    name.schema().members().iter().enumerate().any(|(index, _)| name.member(index).view().is_some())
}

/// Replaces the member `name` of `shape`.
fn set(shape: &mut dyn Shape, name: &str, value: Option<&Document>, path: &str) -> Result<()> {
    let position = shape.schema().members().iter().position(|member| member.name == name);
    let index = position.ok_or_else(|| messages::invalid_path(path))?;
    shape.member_mut(index).clear();
    let Some(value) = value else { return Ok(()) };
    let value: Value = serde_json::from_str(value.as_json()).map_err(|_| messages::invalid_value(path))?;
    let wire = shape.schema().members()[index].wire;
    let body = Value::Object(Map::from_iter([(wire.to_owned(), spelled_as_the_model(value))]));
    let seen = smithy::json::read(body.to_string().as_bytes(), shape).map_err(|_| messages::invalid_value(path))?;
    // The other members of the shape are there already: what the reader misses of them is not missing.
    let own = uncapitalized(name);
    let seen: Vec<Violation> = seen.into_iter().filter(|violation| violation.path.starts_with(&own)).collect();
    if seen.is_empty() { Ok(()) } else { Err(Error::Validation(smithy::violation::message(&seen))) }
}

/// Keys as the model writes them: operations spell them with a small first letter.
fn spelled_as_the_model(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            members.into_iter().map(|(key, value)| (capitalized(&key), spelled_as_the_model(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(spelled_as_the_model).collect(),
        other => other,
    }
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn uncapitalized(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

fn apply_to_enterprise(
    request: &mut CreateUserRequest,
    path: &str,
    rest: &str,
    value: Option<&Document>,
) -> Result<()> {
    let extensions = request.extensions.get_or_insert_default();
    if rest.is_empty() {
        match value {
            Some(value) => extensions.insert(ENTERPRISE.to_owned(), value.clone()),
            None => extensions.remove(ENTERPRISE),
        };
    } else {
        let keys = rest.strip_prefix('.').ok_or_else(|| messages::invalid_path(path))?;
        let content = extensions.remove(ENTERPRISE);
        let mut content: Map<String, Value> =
            content.and_then(|content| serde_json::from_str(content.as_json()).ok()).unwrap_or_default();
        let value = value.and_then(|value| serde_json::from_str(value.as_json()).ok());
        match keys.split_once('.') {
            None if keys == "manager" || ENTERPRISE_TEXTS.contains(&keys) => put(&mut content, keys, value),
            Some(("manager", part)) if MANAGER_TEXTS.contains(&part) => {
                let mut manager = match content.remove("manager") {
                    Some(Value::Object(manager)) => manager,
                    _ => Map::new(),
                };
                put(&mut manager, part, value);
                put(&mut content, "manager", Some(Value::Object(manager)).filter(|m| m != &Value::Object(Map::new())));
            }
            _ => return Err(messages::invalid_path(path)),
        }
        if !content.is_empty() {
            let content = Document::parse(Value::Object(content).to_string());
            let content = content.ok_or_else(|| messages::invalid_value(path))?;
            extensions.insert(ENTERPRISE.to_owned(), content);
        }
    }
    if extensions.is_empty() {
        request.extensions = None;
    }
    Ok(())
}

fn put(content: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    match value {
        Some(value) => content.insert(key.to_owned(), value),
        None => content.remove(key),
    };
}

/// Checks the outcome of operations like a request from outside.
pub(super) fn check_all(request: &CreateUserRequest) -> Result<()> {
    require_valid(request, Vec::new())?;
    check(request)
}
