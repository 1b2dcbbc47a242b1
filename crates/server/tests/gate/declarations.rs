//! Every operation asks for permissions that AWS knows: the action, a resource of a type that it works on, and
//! condition keys that belong to it. The Service Authorization Reference that the product ships is the measure.

use crate::support::{MANAGEMENT, World, account, policy};
use kernel::{Access, Caller, Permission, Route};
use regex::Regex;
use serde_json::{Map, Value, json};
use server::routes;
use smithy::schema::{Body, Member, Op, Protocol, Schema};
use std::collections::HashSet;

/// Actions that the reference does not list as actions of that service, and why they are right.
const ACTIONS: [(&str, &str); 2] = [
    ("vestibule:ApproveDevice", "AWS has no such thing"),
    ("vestibule:ListMail", "AWS does not show the mail that it sends"),
];

/// Resources that are of no type of their action, and why they are right. The action, and what the resource begins
/// with.
const RESOURCES: [(&str, &str, &str); 12] = [
    ("sso:DeleteInstance", "", "the query names the instance, and no query is filled here"),
    ("iam:ListRoles", "arn:aws:iam::111122223333:role/", LISTED),
    ("iam:ListInstanceProfiles", "arn:aws:iam::111122223333:instance-profile/", LISTED),
    ("iam:ListOpenIDConnectProviders", "arn:aws:iam::111122223333:oidc-provider/*", LISTED),
    ("iam:ListSAMLProviders", "arn:aws:iam::111122223333:saml-provider/*", LISTED),
    ("organizations:CreatePolicy", "arn:aws:organizations::111122223333:policy/", "the policy has no id yet"),
    ("organizations:PutResourcePolicy", "arn:aws:organizations::111122223333:resourcepolicy/", "it has no id yet"),
    ("sts:TagSession", "arn:aws:sts::111122223333:federated-user/", "GetFederationToken tags its session, no role"),
    ("iam:GetAccessKeyLastUsed", "*", "the key belongs to nobody"),
    ("iam:GetMFADevice", "*", "the device belongs to nobody"),
    ("iam:GetServiceLinkedRoleDeletionStatus", "*", "the task is for no role"),
    ("iam:ListServiceSpecificCredentials", "*", "it can ask for those of all users"),
];
/// Why the lists of IAM ask for more than the reference has.
const LISTED: &str = "AWS's refusals name the part of the tree that is listed";
/// Signed operations that ask for nothing, because they may not be refused. What is not signed carries its own proof.
const OPEN: [&str; 1] = ["sts:GetCallerIdentity"];

/// Condition keys that the reference does not give the action, and why they are right.
const KEYS: [(&str, &str, &str); 1] = [(
    "identitystore:UpdateIdentityStore",
    "identitystore:PrimaryRegion",
    "every other operation of the service has it",
)];

/// Inputs to try for each operation: what must be there, and everything that can be.
#[derive(Clone, Copy, PartialEq)]
enum Fill {
    Required,
    Everything,
}

const DEPTH_MAX: usize = 4;

fn input(world: &World, op: &Op, fill: Fill) -> Value {
    structure(world, op, op.input, fill, 0)
}

fn structure(world: &World, op: &Op, schema: &Schema, fill: Fill, depth: usize) -> Value {
    let wanted = |member: &&Member| member.required || (fill == Fill::Everything && depth < DEPTH_MAX);
    let members = schema.members().iter().filter(wanted);
    let value = |member: &Member| (member.name.to_owned(), value(world, op, member.name, member.schema, fill, depth));
    Value::Object(members.map(value).collect::<Map<_, _>>())
}

fn value(world: &World, op: &Op, name: &str, schema: &Schema, fill: Fill, depth: usize) -> Value {
    match &schema.body {
        Body::Boolean => json!(true),
        Body::Integer(range) | Body::Long(range) => json!(range.min.unwrap_or(1).max(1)),
        Body::Double => json!(1.0),
        Body::Timestamp { .. } if op.service.protocol == Protocol::Query => json!("2020-01-01T00:00:00Z"),
        Body::Timestamp { .. } => json!(1_577_836_800),
        Body::Blob(_) => json!("QUFBQQ=="),
        Body::Document | Body::Map { .. } => json!({}),
        Body::List { member, .. } => json!([value(world, op, name, member, fill, depth + 1)]),
        Body::Structure(_) => structure(world, op, schema, fill, depth + 1),
        Body::String(text) => match text.enumeration.first() {
            Some(first) => json!(first),
            None => json!(text_for(world, op, name)),
        },
    }
}

/// A value that names something that there is where it can, and otherwise one of the right form.
fn text_for(world: &World, op: &Op, name: &str) -> String {
    if matches!(op.service.id, "sso-admin" | "sso-oidc" | "vestibule") {
        return text_of_single_sign_on(world, op, name);
    }
    let of_iam = op.service.id == "iam";
    match name {
        "PolicyArn" | "PermissionsBoundary" => format!("arn:aws:iam::{MANAGEMENT}:policy/some"),
        "RoleArn" => format!("arn:aws:iam::{MANAGEMENT}:role/some"),
        "PrincipalArn" | "SAMLProviderArn" => format!("arn:aws:iam::{MANAGEMENT}:saml-provider/some"),
        "OpenIDConnectProviderArn" => format!("arn:aws:iam::{MANAGEMENT}:oidc-provider/example.com"),
        "SerialNumber" => format!("arn:aws:iam::{MANAGEMENT}:mfa/some"),
        "Arn" | "EntityArn" | "TargetPrincipal" | "PolicySourceArn" => {
            format!("arn:aws:iam::{MANAGEMENT}:user/some")
        }
        "ServerCertificateName" | "SSHPublicKeyId" | "CertificateId" => "some".to_owned(),
        "PolicyId" => "p-a1b2c3d4".to_owned(),
        "ParentId" | "SourceParentId" | "RootId" => world.root_id.clone(),
        "OrganizationalUnitId" | "DestinationParentId" => world.unit.clone(),
        // The only kind that the operation takes.
        "TargetId" if op.name == "DescribeEffectivePolicy" => world.member.to_string(),
        "TargetId" | "ResourceId" if !of_iam => world.unit.clone(),
        "ChildId" | "AccountId" => world.member.to_string(),
        "HandshakeId" => "h-a1b2c3d4".to_owned(),
        "AWSServiceName" | "ServicePrincipal" => "sso.amazonaws.com".to_owned(),
        "PolicyDocument" | "AssumeRolePolicyDocument" | "Content" | "Policy" => {
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#.to_owned()
        }
        "Url" => "https://example.com".to_owned(),
        "Path" | "PathPrefix" | "NewPath" => "/team/".to_owned(),
        "VersionId" => "v1".to_owned(),
        "AccessKeyId" => "AKIAIOSFODNN7EXAMPLE".to_owned(),
        _ => "some".to_owned(),
    }
}

fn text_of_single_sign_on(world: &World, op: &Op, name: &str) -> String {
    const INSTANCE: &str = "ssoins-0123456789abcdef";
    match name {
        "InstanceArn" => format!("arn:aws:sso:::instance/{INSTANCE}"),
        "PermissionSetArn" | "ResourceArn" => format!("arn:aws:sso:::permissionSet/{INSTANCE}/ps-0123456789abcdef"),
        "ApplicationProviderArn" => "arn:aws:sso::aws:applicationProvider/custom".to_owned(),
        "ApplicationArn" | "clientId" => {
            format!("arn:aws:sso::{MANAGEMENT}:application/{INSTANCE}/apl-0123456789abcdef")
        }
        "TrustedTokenIssuerArn" => {
            format!("arn:aws:sso::{MANAGEMENT}:trustedTokenIssuer/{INSTANCE}/tti-01234567-89ab-cdef-0123-456789abcdef")
        }
        "TargetId" | "AccountId" => world.member.to_string(),
        "PrincipalId" => "01234567-89ab-cdef-0123-456789abcdef".to_owned(),
        _ if op.name.contains("Directory") => "d-0123456789".to_owned(),
        _ => "some".to_owned(),
    }
}

/// What the operation asks for with the input when `caller` calls.
fn permissions(world: &World, caller: &Caller, route: &Route, fill: Fill) -> kernel::Result<Vec<Permission>> {
    let mut shape = route.new_input();
    let body = input(world, route.op, fill).to_string();
    let read = smithy::json::read(body.as_bytes(), shape.as_mut());
    assert!(read.is_ok(), "{}: {body}: {:?}", route.op.name, read.err());
    let access = world.app.app.read_as(caller, &world.app.request(), |cx| route.access(cx, shape.as_ref()))?;
    Ok(match access {
        Access::Permissions(permissions) => permissions,
        Access::UnlessDenied(permission) => vec![permission],
        Access::Open => Vec::new(),
    })
}

fn name(op: &Op) -> String {
    format!("{}:{}", op.service.id, op.name)
}

/// Every permission that any operation asks for, with the operation's name.
fn every_permission() -> Vec<(String, Permission)> {
    let world = World::new();
    let admin = world.user(&account(MANAGEMENT), "some", Some(&policy("Allow", "*")));
    let mut all = Vec::new();
    for route in routes() {
        for fill in [Fill::Required, Fill::Everything] {
            let asked = permissions(&world, &admin, &route, fill).unwrap_or_default();
            all.extend(asked.into_iter().map(|permission| (name(route.op), permission)));
        }
    }
    all
}

#[test]
fn every_operation_asks_for_something() {
    let asking: HashSet<String> = every_permission().into_iter().map(|(operation, _)| operation).collect();
    let signed = routes().into_iter().filter(|route| !route.op.unsigned);
    let silent: Vec<String> = signed.map(|route| name(route.op)).filter(|name| !asking.contains(name)).collect();
    complain("operations ask for nothing", silent.into_iter().filter(|name| !OPEN.contains(&name.as_str())).collect());
}

fn split(action: &str) -> (&str, &str) {
    action.split_once(':').unwrap_or((action, ""))
}

fn complain(what: &str, mut wrong: Vec<String>) {
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{} {what}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_action_exists() {
    let unknown = |(operation, permission): (String, Permission)| {
        let (service, name) = split(&permission.action);
        let found = catalog::action(service, name);
        let is_spelled = found.is_some_and(|found| found.name == name && service == service.to_lowercase());
        let is_excepted = ACTIONS.iter().any(|(action, _)| *action == permission.action);
        (!is_spelled && !is_excepted).then(|| format!("{operation} asks for {}", permission.action))
    };
    complain("actions are unknown", every_permission().into_iter().filter_map(unknown).collect());
}

/// The regular expression of a resource type's ARN pattern, in which each variable stands for any text.
fn arn_expression(pattern: &str) -> Regex {
    let mut expression = String::from("^");
    for (at, piece) in pattern.split("${").enumerate() {
        let literal = if at == 0 { piece } else { piece.split_once('}').expect("a variable").1 };
        if at > 0 {
            expression.push_str(".*");
        }
        expression.push_str(&regex::escape(literal));
    }
    expression.push('$');
    Regex::new(&expression).expect("an expression")
}

/// Whether `resource` begins so; an empty start means an empty resource.
fn is_start(start: &str, resource: &str) -> bool {
    if start.is_empty() { resource.is_empty() } else { resource.starts_with(start) }
}

#[test]
fn every_resource_is_of_a_type_of_its_action() {
    let foreign = |(operation, permission): (String, Permission)| {
        let (service, name) = split(&permission.action);
        let types = catalog::action(service, name)?.resource_types;
        let mut patterns = types.iter().filter_map(|kind| catalog::resource_type(service, kind.name));
        let resource = &permission.resource;
        let is_of_type = resource == "*" || patterns.any(|kind| arn_expression(kind.arn_pattern).is_match(resource));
        let is_excepted =
            RESOURCES.iter().any(|(action, start, _)| *action == permission.action && is_start(start, resource));
        let types: Vec<_> = types.iter().map(|kind| kind.name).collect();
        (!is_of_type && !is_excepted)
            .then(|| format!("{operation} asks for {} on {resource}; types: {types:?}", permission.action))
    };
    complain("resources are of another type", every_permission().into_iter().filter_map(foreign).collect());
}

#[test]
fn an_action_with_a_required_resource_type_is_not_asked_for_on_everything() {
    let vague = |(operation, permission): (String, Permission)| {
        let (service, name) = split(&permission.action);
        let is_required = catalog::action(service, name)?.resource_types.iter().any(|kind| kind.required);
        let is_excepted = RESOURCES.iter().any(|(action, start, _)| *action == permission.action && *start == "*");
        (is_required && permission.resource == "*" && !is_excepted)
            .then(|| format!("{operation} asks for {} on *", permission.action))
    };
    complain("permissions name no resource", every_permission().into_iter().filter_map(vague).collect());
}

#[test]
fn every_condition_key_belongs_to_its_action() {
    let foreign = |(operation, permission): (String, Permission)| {
        let (service, name) = split(&permission.action);
        let action = catalog::action(service, name)?;
        let mut known = action.condition_keys.clone();
        for kind in &action.resource_types {
            known.extend(&kind.condition_keys);
            known.extend(catalog::resource_type(service, kind.name).map(|it| it.condition_keys).unwrap_or_default());
        }
        let is_known = |key: &str| {
            known.iter().any(|template| arn_expression(&template.to_lowercase()).is_match(&key.to_lowercase()))
                || catalog::global_condition_keys()
                    .any(|global| arn_expression(&global.key.to_lowercase()).is_match(&key.to_lowercase()))
        };
        let is_excepted = |key: &str| KEYS.iter().any(|it| it.0 == permission.action && key.starts_with(it.1));
        let foreign: Vec<_> = permission
            .context
            .iter()
            .map(|(key, _)| key.as_str())
            .filter(|key| !is_known(key) && !is_excepted(key))
            .collect();
        (!foreign.is_empty()).then(|| format!("{operation} gives {} the keys {foreign:?}", permission.action))
    };
    complain("actions have foreign keys", every_permission().into_iter().filter_map(foreign).collect());
}
