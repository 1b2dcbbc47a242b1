//! Attributes for access control: what of a user becomes a tag of the user's sessions in accounts.

use crate::instance::{self, Instance};
use crate::{access, messages};
use identity::user::User;
use kernel::{Cx, Error, Result, Route, Tx, WriteCx, params, route};
use model::sso_admin::{
    AccessControlAttribute, AccessControlAttributeValue,
    CreateInstanceAccessControlAttributeConfigurationRequest as CreateRequest,
    CreateInstanceAccessControlAttributeConfigurationResponse as CreateResponse,
    DeleteInstanceAccessControlAttributeConfigurationRequest as DeleteRequest,
    DeleteInstanceAccessControlAttributeConfigurationResponse as DeleteResponse,
    DescribeInstanceAccessControlAttributeConfigurationRequest as DescribeRequest,
    DescribeInstanceAccessControlAttributeConfigurationResponse as DescribeResponse,
    InstanceAccessControlAttributeConfiguration as Configuration,
    InstanceAccessControlAttributeConfigurationStatus as Status,
    UpdateInstanceAccessControlAttributeConfigurationRequest as UpdateRequest,
    UpdateInstanceAccessControlAttributeConfigurationResponse as UpdateResponse, ops,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Longest value of a session tag, in characters (STS).
const TAG_VALUE_CHARACTERS_MAX: usize = 256;
/// The key of the enterprise attributes among a user's extensions.
const ENTERPRISE: &str = "aws:identitystore:enterprise";

/// The tags that sessions of the user get. A value that the user does not have, or that cannot be a tag, is left out:
/// shortened, it would say something else.
///
/// # Errors
/// When the database fails.
pub fn session_tags(tx: &mut Tx, instance: &Instance, user: &User) -> Result<BTreeMap<String, String>> {
    let attributes = attributes(tx, instance)?;
    if attributes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let document = document(user)?;
    let value = |source: &str| evaluate(source, &document).filter(|value| is_tag_value(value));
    Ok(attributes.into_iter().filter_map(|(key, source)| Some((key, value(&source)?))).collect())
}

fn is_tag_value(text: &str) -> bool {
    !text.is_empty()
        && text.chars().count() <= TAG_VALUE_CHARACTERS_MAX
        && text.chars().all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c))
}

/// Keys and sources of the instance's attributes, in their order.
fn attributes(tx: &mut Tx, instance: &Instance) -> Result<Vec<(String, String)>> {
    let sql = "select key, source from sso_attribute where instance_id = $1 order by position";
    tx.all(sql, params![instance.id], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The user as one document in the API's shape.
fn document(user: &User) -> Result<Value> {
    let mut json = Vec::new();
    smithy::json::write(&user.attributes, &mut json);
    let mut document: Map<String, Value> =
        serde_json::from_slice(&json).map_err(|_| Error::internal("the attributes of a user are no JSON object"))?;
    document.insert("UserName".to_owned(), Value::String(user.user_name.clone()));
    if let Some(name) = &user.display_name {
        document.insert("DisplayName".to_owned(), Value::String(name.clone()));
    }
    if let Some(id) = &user.source_id {
        document.insert("SourceId".to_owned(), Value::String(id.clone()));
    }
    Ok(Value::Object(document))
}

/// A part of a source: text that stands for itself, or a reference.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Reference { of: &'a str, path: &'a str },
}

/// The parts of a source such as `${path:name.givenName}`; `None` when a reference does not end or says nothing.
fn parts(source: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut rest = source;
    while let Some((text, after)) = rest.split_once("${") {
        let (reference, after) = after.split_once('}')?;
        let (of, path) = reference.split_once(':')?;
        if of.is_empty() || path.is_empty() {
            return None;
        }
        parts.extend((!text.is_empty()).then_some(Part::Text(text)));
        parts.push(Part::Reference { of, path });
        rest = after;
    }
    parts.extend((!rest.is_empty()).then_some(Part::Text(rest)));
    Some(parts)
}

/// The value of a source; `None` when a part of it has none.
fn evaluate(source: &str, user: &Value) -> Option<String> {
    let mut out = String::new();
    for part in parts(source)? {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Reference { of: "path", path } => out.push_str(&follow(user, path)?),
            Part::Reference { of: "dir", path } => out.push_str(&follow(user, directory_path(path)?)?),
            Part::Reference { of: "user", path } => out.push_str(&follow(user, user_path(path)?)?),
            Part::Reference { .. } => return None,
        }
    }
    Some(out)
}

/// Where the store keeps an attribute of a directory.
fn directory_path(name: &str) -> Option<&'static str> {
    Some(match name {
        "email" => "emails[primary eq true].value",
        "displayname" => "displayName",
        "firstname" => "name.givenName",
        "lastname" => "name.familyName",
        "initials" => "name.middleName",
        "guid" => "sourceId",
        "windowsUpn" => "userName",
        _ => return None,
    })
}

/// Where the store keeps what applications know as an attribute of the user.
fn user_path(name: &str) -> Option<&'static str> {
    Some(match name {
        "email" => "emails[primary eq true].value",
        "familyName" => "name.familyName",
        "givenName" => "name.givenName",
        "middleName" => "name.middleName",
        "name" => "displayName",
        "preferredUsername" | "subject" => "userName",
        "AD_GUID" => "sourceId",
        _ => return None,
    })
}

/// The text at a path such as `emails[primary eq true].value` or `enterprise.department`.
fn follow(user: &Value, path: &str) -> Option<String> {
    let mut value = user;
    let mut segments = path.split('.');
    let mut pending = segments.next();
    if pending == Some("enterprise") {
        value = user.get("Extensions")?.get(ENTERPRISE)?;
        pending = segments.next();
    }
    while let Some(segment) = pending {
        let (name, filter) = match segment.split_once('[') {
            Some((name, filter)) => (name, Some(filter.strip_suffix(']')?)),
            None => (segment, None),
        };
        if let Value::String(_) = value {
            // A manager may be kept as the bare id.
            let is_last = segments.next().is_none();
            return (name == "value" && is_last).then(|| text(value)).flatten();
        }
        value = member(value, name)?;
        if let Value::Array(items) = value {
            value = pick(items, filter)?;
        }
        pending = segments.next();
    }
    text(value)
}

/// A member by its SCIM name, or by the API's, which begins with a capital.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    if let Some(found) = object.get(name) {
        return Some(found);
    }
    let mut letters = name.chars();
    let first = letters.next()?;
    object.get(&format!("{}{}", first.to_ascii_uppercase(), letters.as_str()))
}

/// The item that a filter such as `type eq "work"` selects; without one the primary item, or else the first.
fn pick<'v>(items: &'v [Value], filter: Option<&str>) -> Option<&'v Value> {
    let is_primary = |item: &&Value| item.get("Primary") == Some(&Value::Bool(true));
    let Some(filter) = filter else { return items.iter().find(is_primary).or_else(|| items.first()) };
    let (name, wanted) = filter.split_once(" eq ")?;
    let wanted: Value = serde_json::from_str(wanted.trim()).ok()?;
    items.iter().find(|item| member(item, name.trim()).is_some_and(|value| is_same(value, &wanted)))
}

fn is_same(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::String(value), Value::String(wanted)) => value.eq_ignore_ascii_case(wanted),
        _ => value == wanted,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn exists(tx: &mut Tx, instance: &Instance) -> Result<bool> {
    tx.exists("select 1 from sso_attribute_configuration where instance_id = $1", params![instance.id])
}

fn missing(instance: &Instance) -> Error {
    messages::not_found("AccessControlAttributeConfiguration of Instance", &instance.id)
}

/// Refuses a key twice and a source that cannot be followed.
fn check(configuration: &Configuration) -> Result<()> {
    let mut keys = BTreeSet::new();
    for attribute in &configuration.access_control_attributes {
        if !keys.insert(attribute.key.to_lowercase()) {
            return Err(messages::validation(format!("The attribute {} is specified more than once", attribute.key)));
        }
        let is_understood = attribute.value.source.iter().all(|source| parts(source).is_some());
        if !is_understood {
            let message = format!("The source of the attribute {} is not of the form ${{path:name}}", attribute.key);
            return Err(messages::validation(message));
        }
    }
    Ok(())
}

/// Puts the attributes of `configuration` in the place of those that are there.
fn replace(cx: &mut WriteCx<'_>, instance: &Instance, configuration: &Configuration) -> Result<()> {
    check(configuration)?;
    let mut tx = cx.write();
    tx.exec("delete from sso_attribute where instance_id = $1", params![instance.id])?;
    for (position, attribute) in (0_i64..).zip(&configuration.access_control_attributes) {
        let source = attribute.value.source.first().cloned().unwrap_or_default();
        let sql = "insert into sso_attribute (instance_id, key, source, position) values ($1, $2, $3, $4)";
        tx.exec_one(sql, params![instance.id, attribute.key, source, position])?;
    }
    instance::touch(cx, instance);
    Ok(())
}

fn create(cx: &mut WriteCx<'_>, input: &CreateRequest) -> Result<CreateResponse> {
    let instance = access::writable_organization_instance(cx, &input.instance_arn)?;
    if exists(cx.tx, &instance)? {
        let message = format!("Instance with id {} already has attributes for access control enabled", instance.id);
        return Err(messages::conflict(message));
    }
    let now = cx.now;
    let sql = "insert into sso_attribute_configuration (instance_id, created_at) values ($1, $2)";
    cx.write().exec_one(sql, params![instance.id, now])?;
    replace(cx, &instance, &input.instance_access_control_attribute_configuration)?;
    Ok(CreateResponse {})
}

fn describe(cx: &mut Cx<'_>, input: &DescribeRequest) -> Result<DescribeResponse> {
    let instance = access::organization_instance(cx, &input.instance_arn)?;
    if !exists(cx.tx, &instance)? {
        return Err(missing(&instance));
    }
    let attributes = attributes(cx.tx, &instance)?.into_iter();
    let attributes = attributes.map(|(key, source)| AccessControlAttribute {
        key,
        value: AccessControlAttributeValue { source: vec![source] },
    });
    Ok(DescribeResponse {
        instance_access_control_attribute_configuration: Some(Configuration {
            access_control_attributes: attributes.collect(),
        }),
        status: Some(Status::Enabled),
        status_reason: None,
    })
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateRequest) -> Result<UpdateResponse> {
    let instance = access::writable_organization_instance(cx, &input.instance_arn)?;
    if !exists(cx.tx, &instance)? {
        return Err(missing(&instance));
    }
    replace(cx, &instance, &input.instance_access_control_attribute_configuration)?;
    Ok(UpdateResponse {})
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteRequest) -> Result<DeleteResponse> {
    let instance = access::writable_organization_instance(cx, &input.instance_arn)?;
    if !exists(cx.tx, &instance)? {
        return Err(missing(&instance));
    }
    let mut tx = cx.write();
    tx.exec("delete from sso_attribute where instance_id = $1", params![instance.id])?;
    tx.exec_one("delete from sso_attribute_configuration where instance_id = $1", params![instance.id])?;
    instance::touch(cx, &instance);
    Ok(DeleteResponse {})
}

/// A rule that takes the permission for the instance that the input names.
macro_rules! rule {
    ($operation:literal) => {
        |cx, input| access::on_instance(cx, $operation, &input.instance_arn)
    };
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateInstanceAccessControlAttributeConfiguration>(
            rule!("CreateInstanceAccessControlAttributeConfiguration"),
            create,
        ),
        route::read::<ops::DescribeInstanceAccessControlAttributeConfiguration>(
            rule!("DescribeInstanceAccessControlAttributeConfiguration"),
            describe,
        ),
        route::write::<ops::UpdateInstanceAccessControlAttributeConfiguration>(
            rule!("UpdateInstanceAccessControlAttributeConfiguration"),
            update,
        ),
        route::write::<ops::DeleteInstanceAccessControlAttributeConfiguration>(
            rule!("DeleteInstanceAccessControlAttributeConfiguration"),
            delete,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::{evaluate, is_tag_value};
    use serde_json::{Value, json};

    fn user() -> Value {
        json!({
            "UserName": "ada",
            "Name": { "GivenName": "Ada", "FamilyName": "Lovelace" },
            "Emails": [{ "Value": "a@example.com", "Type": "home" }, { "Value": "b@example.com", "Primary": true }],
            "Addresses": [{ "Locality": "London", "Type": "Work" }],
            "Extensions": { "aws:identitystore:enterprise": {
                "department": "Engines", "manager": { "value": "42" }, "costCenter": "C1" } },
        })
    }

    #[test]
    fn sources_are_followed_into_the_user() {
        for (source, value) in [
            ("${path:userName}", "ada"),
            ("${path:name.givenName}", "Ada"),
            ("${path:emails[primary eq true].value}", "b@example.com"),
            ("${path:emails[type eq \"home\"].value}", "a@example.com"),
            ("${path:emails.value}", "b@example.com"),
            ("${path:addresses[type eq \"work\"].locality}", "London"),
            ("${path:enterprise.department}", "Engines"),
            ("${path:enterprise.manager.value}", "42"),
            ("${user:email}", "b@example.com"),
            ("${dir:lastname}", "Lovelace"),
            ("${path:name.givenName}.${path:name.familyName}@corp", "Ada.Lovelace@corp"),
        ] {
            assert_eq!(evaluate(source, &user()).as_deref(), Some(value), "{source}");
        }
    }

    #[test]
    fn what_the_user_does_not_have_is_no_value() {
        for source in [
            "${path:title}",
            "${path:enterprise.division}",
            "${path:emails[type eq \"work\"].value}",
            "${path:name}",
            "${path:userName.value.more}",
            "${path:userName}${path:title}",
            "${dir:proxyAddresses}",
            "${else:userName}",
            "${path:userName",
            "${path:emails[primary eq true.value}",
        ] {
            assert_eq!(evaluate(source, &user()), None, "{source}");
        }
    }

    #[test]
    fn values_that_cannot_be_tags_are_told_apart() {
        assert!(is_tag_value("Ada Lovelace +1"));
        for value in ["", "R&D", "a\tb", &"x".repeat(257)] {
            assert!(!is_tag_value(value), "{value}");
        }
    }
}
