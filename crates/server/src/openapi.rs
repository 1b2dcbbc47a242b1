//! The OpenAPI document of the administration API, from the tables by which it is served.

use kernel::route::Registry;
use serde_json::{Map, Value, json};
use smithy::schema::{Body, Location, Member, Op, Range, Schema, Service};
use std::collections::BTreeMap;

/// What the document says about the API as a whole.
const DESCRIPTION: &str = "What AWS offers in the console of IAM Identity Center but in no public API. Requests are \
                           signed with AWS Signature Version 4 for the service `vestibule`; refusals are AWS's: a \
                           JSON body with `message`, and the code in the header `x-amzn-ErrorType`.";

/// What an operation does, and the permissions that it takes.
struct About {
    operation: &'static str,
    summary: &'static str,
    actions: &'static str,
}

const ABOUT: &[About] = &[
    About {
        operation: "EnableIdentityCenter",
        summary: "Enables IAM Identity Center in the organization of the caller, which must be its management account; \
                  where it is enabled but has lost trusted access, gives that back",
        actions: "sso:StartSSO; organizations:EnableAWSServiceAccess and iam:CreateServiceLinkedRole where needed",
    },
    About {
        operation: "DescribeIdentityCenter",
        summary: "Describes the instance that the caller's account administers, with its addresses and settings",
        actions: "sso:GetSSOStatus, sso:GetSsoConfiguration",
    },
    About {
        operation: "UpdateIdentityCenterSettings",
        summary: "Changes the settings that are given; the others stay",
        actions: "sso:UpdateSSOConfiguration; sso-directory:CreateAlias for PortalAlias",
    },
    About {
        operation: "DeleteIdentityCenter",
        summary: "Deletes the organization's instance with its users, permission sets, assignments and roles; trusted \
                  access and service-linked roles stay",
        actions: "sso:DeleteInstance on the instance",
    },
    About {
        operation: "SetIdentitySource",
        summary: "Changes where the users of the instance come from",
        actions: "sso:AssociateDirectory or sso:DisassociateDirectory",
    },
    About {
        operation: "PlanIdentitySourceChange",
        summary: "Says what a change of the identity source would keep and what it would delete",
        actions: "sso:GetSsoConfiguration",
    },
    About {
        operation: "DescribeSynchronization",
        summary: "Describes the synchronization with the directory: who is chosen, its pace and its last run",
        actions: "identity-sync:GetSyncProfile, identity-sync:ListSyncFilters",
    },
    About {
        operation: "UpdateSynchronization",
        summary: "Changes the pace or the attribute mapping of the synchronization, pauses it or lets it go on",
        actions: "identity-sync:UpdateSyncTarget, identity-sync:StopSync or identity-sync:StartSync",
    },
    About {
        operation: "StartSynchronization",
        summary: "Runs the synchronization now, or rehearses it and tells what it would change",
        actions: "identity-sync:StartSync",
    },
    About {
        operation: "AddToSynchronization",
        summary: "Chooses a user or group of the directory",
        actions: "identity-sync:CreateSyncFilter",
    },
    About {
        operation: "RemoveFromSynchronization",
        summary: "Takes a user or group of the directory out of the choice",
        actions: "identity-sync:DeleteSyncFilter",
    },
    About {
        operation: "SetDirectoryServiceAccount",
        summary: "Gives a connected directory another account by which its domain is read, or the account's new \
                  password, and connects it anew",
        actions: "ds:UpdateDirectory on the directory",
    },
    About {
        operation: "ReconnectDirectory",
        summary: "Tries at once to connect a directory that has failed or is impaired",
        actions: "ds:UpdateDirectory on the directory",
    },
    About {
        operation: "SetUserPassword",
        summary: "Gives a user the given password, or a one-time password that the answer tells",
        actions: "sso-directory:UpdatePassword",
    },
    About {
        operation: "SendPasswordLink",
        summary: "Sends a user a mail with a link to choose a password: an invitation, good for seven days, or a link for \
                  another password, good for one hour; by default whichever the user needs",
        actions: "sso-directory:UpdatePassword",
    },
    About {
        operation: "SendEmailVerification",
        summary: "Sends a user a mail with a link that shows, when it is followed, that mail arrives",
        actions: "sso-directory:VerifyEmail",
    },
    About {
        operation: "DescribeEmailVerification",
        summary: "Says whether a user's present e-mail address is verified",
        actions: "sso-directory:DescribeUser",
    },
    About {
        operation: "SetUserStatus",
        summary: "Lets a user sign in, or keeps a user from it and ends what the user has open",
        actions: "sso-directory:EnableUser or sso-directory:DisableUser",
    },
    About {
        operation: "ListUserSessions",
        summary: "Lists the sessions of a user",
        actions: "identitystore-auth:ListSessions",
    },
    About {
        operation: "DeleteUserSession",
        summary: "Ends a session of a user",
        actions: "identitystore-auth:BatchDeleteSession",
    },
    About {
        operation: "DeleteUserSessions",
        summary: "Ends every session of a user",
        actions: "identitystore-auth:BatchDeleteSession",
    },
    About {
        operation: "ApproveDevice",
        summary: "Lets the tool that shows a code in as a user, where the setting DeviceApprovalAllowed is on",
        actions: "vestibule:ApproveDevice",
    },
    About {
        operation: "ListMail",
        summary: "Lists the mail that was written on behalf of the caller's account in the last 30 days, oldest first",
        actions: "vestibule:ListMail",
    },
];

/// The document, as JSON text.
pub fn document() -> String {
    let registry = Registry::new(crate::routes());
    let service = &model::vestibule::SERVICE;
    let served = service.operations.iter().copied().filter(|op| registry.find(op).is_some());
    format!("{:#}\n", of(service, served))
}

fn of(service: &Service, operations: impl Iterator<Item = &'static Op>) -> Value {
    let mut components = BTreeMap::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for op in operations {
        paths.entry(op.path).or_default().insert(op.method.to_lowercase(), operation(op, &mut components));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Vestibule administration",
            "version": service.api_version,
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:4600" }],
        "security": [{ "sigv4": [] }],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4, signing name `vestibule`",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                },
            },
        },
    })
}

type Components = BTreeMap<&'static str, Value>;

fn operation(op: &'static Op, components: &mut Components) -> Value {
    let about = ABOUT.iter().find(|about| about.operation == op.name);
    let mut out = json!({
        "operationId": op.name,
        "summary": about.map_or("", |about| about.summary),
        "description": format!("Permissions: {}.", about.map_or("none", |about| about.actions)),
        "responses": responses(op, components),
    });
    let members = op.input.members();
    let parameters: Vec<Value> = members.iter().filter_map(|member| parameter(member, components)).collect();
    if !parameters.is_empty() {
        out["parameters"] = Value::Array(parameters);
    }
    if members.iter().any(|member| member.location == Location::Body) {
        let is_required = members.iter().any(|member| member.location == Location::Body && member.required);
        let schema = reference(op.input, components);
        out["requestBody"] =
            json!({ "required": is_required, "content": { "application/json": { "schema": schema } } });
    }
    out
}

fn parameter(member: &Member, components: &mut Components) -> Option<Value> {
    let place = match member.location {
        Location::Label => "path",
        Location::Query => "query",
        Location::Header => "header",
        _ => return None,
    };
    let schema = schema(member.schema, components);
    Some(json!({ "name": member.wire, "in": place, "required": member.required, "schema": schema }))
}

fn responses(op: &'static Op, components: &mut Components) -> Value {
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for error in op.errors {
        by_status.entry(error.status).or_default().push(error.name);
    }
    let mut out = Map::new();
    let mut answer = json!({ "description": "Done" });
    if let Some(output) = op.output {
        answer["content"] = json!({ "application/json": { "schema": reference(output, components) } });
    }
    out.insert(op.status.to_string(), answer);
    components
        .entry("Error")
        .or_insert_with(|| json!({ "type": "object", "properties": { "message": { "type": "string" } } }));
    for (status, names) in by_status {
        let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } });
        out.insert(status.to_string(), json!({ "description": names.join(", "), "content": content }));
    }
    Value::Object(out)
}

/// A structure by its name; the parts of a request that are not in its body are left out.
fn reference(shape: &'static Schema, components: &mut Components) -> Value {
    if !components.contains_key(shape.name) {
        components.insert(shape.name, Value::Null);
        let in_body = || shape.members().iter().filter(|member| member.location == Location::Body);
        let mut properties = Map::new();
        for member in in_body() {
            properties.insert(member.wire.to_owned(), schema(member.schema, components));
        }
        let required: Vec<&str> = in_body().filter(|member| member.required).map(|member| member.wire).collect();
        let mut object = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        components.insert(shape.name, object);
    }
    json!({ "$ref": format!("#/components/schemas/{}", shape.name) })
}

fn schema(shape: &'static Schema, components: &mut Components) -> Value {
    let mut out = match &shape.body {
        Body::Boolean => json!({ "type": "boolean" }),
        Body::Integer(range) => bounded(json!({ "type": "integer", "format": "int32" }), *range, "minimum", "maximum"),
        Body::Long(range) => bounded(json!({ "type": "integer", "format": "int64" }), *range, "minimum", "maximum"),
        Body::Double => json!({ "type": "number" }),
        Body::Timestamp { iso8601: true } => json!({ "type": "string", "format": "date-time" }),
        Body::Timestamp { iso8601: false } => {
            json!({ "type": "number", "description": "Seconds since 1970-01-01T00:00:00Z" })
        }
        Body::Blob(_) => json!({ "type": "string", "contentEncoding": "base64" }),
        Body::Document => json!({}),
        Body::String(text) => {
            let mut out = bounded(json!({ "type": "string" }), text.length, "minLength", "maxLength");
            if let Some(pattern) = text.pattern {
                out["pattern"] = json!(format!("^(?:{pattern})$"));
            }
            if !text.enumeration.is_empty() {
                out["enum"] = json!(text.enumeration);
            }
            out
        }
        Body::List { member, length } => {
            let items = schema(member, components);
            bounded(json!({ "type": "array", "items": items }), *length, "minItems", "maxItems")
        }
        Body::Map { value, .. } => json!({ "type": "object", "additionalProperties": schema(value, components) }),
        Body::Structure(_) => return reference(shape, components),
    };
    if shape.sensitive {
        out["format"] = json!("password");
    }
    out
}

fn bounded(mut schema: Value, range: Range, min: &str, max: &str) -> Value {
    for (name, bound) in [(min, range.min), (max, range.max)] {
        if let Some(bound) = bound {
            schema[name] = json!(bound);
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_api_is_the_one_that_is_served() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/admin-api.openapi.json");
        let documented = std::fs::read_to_string(path).expect("docs/admin-api.openapi.json");
        assert!(
            documented == document(),
            "docs/admin-api.openapi.json is out of date: vestibule openapi > docs/admin-api.openapi.json"
        );
    }

    #[test]
    fn every_operation_is_explained_and_nothing_is_left_open() {
        let service = &model::vestibule::SERVICE;
        for op in service.operations {
            assert!(ABOUT.iter().any(|about| about.operation == op.name), "{}", op.name);
        }
        assert_eq!(ABOUT.len(), service.operations.len());
        let text = of(service, service.operations.iter().copied()).to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap_or_default();
            assert!(text.contains(&format!("\"{name}\":{{")), "{name}");
        }
        assert!(!text.contains("null"), "every component is written");
    }
}
