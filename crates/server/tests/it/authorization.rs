//! One row for each operation that is served: who is refused, and how. A new route is tested by being there.

use crate::harness::Server;
use crate::wire::{Answer, Call, Credentials, Signing};
use regex::Regex;
use serde_json::{Map, Value, json};
use smithy::schema::{Body, Op, Protocol, Schema};

/// Operations that need no permission, as AWS documents.
const OPEN: [&str; 2] = ["sts:GetCallerIdentity", "sts:GetSessionToken"];

/// Values to try for a text, the likeliest first.
const CANDIDATES: [&str; 56] = [
    "subnet-0a1b2c3d",
    "vpc-0a1b2c3d",
    "sg-0a1b2c3d",
    "i-0a1b2c3d",
    "d-0123456789",
    "c-0123456789",
    "s-0123456789",
    "t-0123456789",
    "e-0123456789",
    "dc-0123456789",
    "da-0123456789abcdef01",
    "192.0.2.1",
    "192.0.2.0/24",
    "2001:db8:0:0:0:0:0:1",
    "corp.example.com",
    "Password-1",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:some-a1b2c3",
    "arn:aws:pca-connector-ad:us-east-1:123456789012:connector/01234567-89ab-cdef-0123-456789abcdef",
    "123456789012",
    "o-a1b2c3d4e5",
    "r-a1b2",
    "ou-a1b2-a1b2c3d4",
    "p-a1b2c3d4",
    "h-a1b2c3d4",
    "car-a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4",
    "someone@example.com",
    "sso.amazonaws.com",
    "arn:aws:iam::123456789012:policy/some",
    "arn:aws:iam::123456789012:role/some",
    "arn:aws:organizations::123456789012:policy/o-a1b2c3d4e5/service_control_policy/p-a1b2c3d4",
    "https://example.com/",
    "AKIAIOSFODNN7EXAMPLE",
    "some",
    "some-name",
    "/some/",
    "{}",
    "v1",
    "2020-01-01",
    "123456",
    "2020-01-01T00:00:00Z",
    "a1b2c3d4-a1b2-a1b2-a1b2-a1b2c3d4a1b2",
    "ServiceLinkedRoleTask/a1b2",
    "arn:aws:cloudtrail:us-east-1:123456789012:trail/some",
    "0",
    "-",
    "arn:aws:sso:::instance/ssoins-1234567890abcdef",
    "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef",
    "arn:aws:sso::123456789012:application/ssoins-1234567890abcdef/apl-1234567890abcdef",
    "arn:aws:sso::aws:applicationProvider/custom",
    "arn:aws:sso::123456789012:trustedTokenIssuer/ssoins-1234567890abcdef/tti-a1b2c3d4-a1b2-a1b2-a1b2-a1b2c3d4a1b2",
    "d-1234567890",
    "us-east-1",
    "arn:aws:iam::aws:policy/some",
    "ps-1234567890abcdef",
    "ABCD-EFGH",
    "ACCEPT",
];

/// Likeliest values by the member's name.
fn by_name(op: &Op, name: &str) -> Vec<String> {
    let account = "123456789012";
    let known = match name {
        "PolicyArn" | "PermissionsBoundary" | "PolicySourceArn" => "arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned(),
        "RoleArn" => format!("arn:aws:iam::{account}:role/some"),
        "PrincipalArn" | "SAMLProviderArn" => format!("arn:aws:iam::{account}:saml-provider/some"),
        "OpenIDConnectProviderArn" => format!("arn:aws:iam::{account}:oidc-provider/example.com"),
        "SerialNumber" => format!("arn:aws:iam::{account}:mfa/some"),
        "Arn" | "EntityArn" | "TargetPrincipal" => format!("arn:aws:iam::{account}:user/some"),
        "PolicyId" => "p-a1b2c3d4".to_owned(),
        "ParentId" | "SourceParentId" | "DestinationParentId" | "TargetId" | "RootId" => "r-a1b2".to_owned(),
        "ResourceId" if op.service.id == "organizations" => "r-a1b2".to_owned(),
        "ChildId" | "AccountId" => account.to_owned(),
        "AWSServiceName" | "ServicePrincipal" => "sso.amazonaws.com".to_owned(),
        "PolicyDocument" | "AssumeRolePolicyDocument" | "Content" => {
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#.to_owned()
        }
        "SAMLMetadataDocument" => "x".repeat(1_000),
        "Url" => "https://example.com".to_owned(),
        "VersionId" => "v1".to_owned(),
        _ => return Vec::new(),
    };
    vec![known]
}

/// The smallest input that the model accepts, with the user that a session has to name.
fn minimal(op: &Op) -> Value {
    let mut input = structure(op, op.input);
    if let Some(user) = op.input.members().iter().find(|member| member.name == "UserName") {
        input[user.name] = value(op, user.name, user.schema);
    }
    input
}

fn structure(op: &Op, schema: &Schema) -> Value {
    let required = schema.members().iter().filter(|member| member.required);
    let members: Map<String, Value> =
        required.map(|member| (member.name.to_owned(), value(op, member.name, member.schema))).collect();
    Value::Object(members)
}

fn value(op: &Op, name: &str, schema: &Schema) -> Value {
    match &schema.body {
        Body::Boolean => json!(true),
        Body::Integer(range) | Body::Long(range) => json!(range.min.unwrap_or(1).max(1)),
        Body::Double => json!(1.0),
        Body::Timestamp { .. } if op.service.protocol == Protocol::Query => json!("2020-01-01T00:00:00Z"),
        Body::Timestamp { .. } => json!(1_577_836_800),
        Body::Blob(_) => json!("QUFBQQ=="),
        Body::Document => json!({}),
        Body::List { member, length } => {
            let count = usize::try_from(length.min.unwrap_or(1).max(1)).expect("a count");
            Value::Array((0..count).map(|_| value(op, name, member)).collect())
        }
        Body::Map { .. } => json!({}),
        Body::Structure(_) => structure(op, schema),
        Body::String(text) => {
            if let Some(first) = text.enumeration.first() {
                return json!(first);
            }
            let min = usize::try_from(text.length.min.unwrap_or(0)).expect("a length");
            let max = text.length.max.map_or(usize::MAX, |max| usize::try_from(max).expect("a length"));
            let pattern = text.pattern.and_then(|pattern| Regex::new(&format!("^(?:{pattern})$")).ok());
            let fits = |candidate: &String| {
                (min..=max).contains(&candidate.chars().count())
                    && pattern.as_ref().is_none_or(|pattern| pattern.is_match(candidate))
            };
            let named = by_name(op, name).into_iter();
            let general = CANDIDATES.iter().map(|candidate| (*candidate).to_owned());
            let padded = [min.max(1), min.max(16), min.max(64)].map(|length| "a".repeat(length));
            let found = named.chain(general).chain(padded).find(fits);
            json!(found.unwrap_or_else(|| panic!("no value for {} of {}: {:?}", name, op.name, text.pattern)))
        }
    }
}

fn name(op: &Op) -> String {
    format!("{}:{}", op.service.id, op.name)
}

fn call(server: &Server, credentials: &Credentials, op: &'static Op) -> Answer {
    let mut call = Call::of_op(op, &minimal(op));
    Signing::new(credentials, op.service.id).sign(&mut call, server.address);
    call.send(server.address).expect("an answer")
}

fn signed_operations() -> Vec<&'static Op> {
    let mut all: Vec<&'static Op> = server::routes().iter().map(|route| route.op).filter(|op| !op.unsigned).collect();
    all.sort_by_key(|op| name(op));
    assert!(all.len() > 150, "only {} routes", all.len());
    all
}

/// Complains about every operation for which `expected` is not the answer.
fn each(what: &str, mut answer: impl FnMut(&'static Op) -> Answer, expected: impl Fn(&Op) -> (u16, &'static str)) {
    let mut wrong = Vec::new();
    for op in signed_operations() {
        let answer = answer(op);
        let (status, code) = expected(op);
        if answer.refusal() != (status, code.to_owned()) {
            wrong.push(format!("{}: {} {} {}", name(op), answer.status, answer.code(), answer.message()));
        }
    }
    assert!(wrong.is_empty(), "{what}: {} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn by_protocol(op: &Op, query: (u16, &'static str), json: (u16, &'static str)) -> (u16, &'static str) {
    match op.service.protocol {
        Protocol::Query => query,
        Protocol::Json => json,
        Protocol::RestJson => (403, json.1),
    }
}

fn denied(op: &Op) -> (u16, &'static str) {
    by_protocol(op, (403, "AccessDenied"), (400, "AccessDeniedException"))
}

#[test]
fn unsigned_and_unknown_callers_are_refused_by_every_operation() {
    let server = Server::ephemeral();
    each(
        "unsigned",
        |op| Call::of_op(op, &minimal(op)).send(server.address).expect("an answer"),
        |op| by_protocol(op, (403, "MissingAuthenticationToken"), (400, "MissingAuthenticationTokenException")),
    );
    let unknown = Credentials { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), ..server.admin() };
    each(
        "unknown key",
        |op| call(&server, &unknown, op),
        |op| by_protocol(op, (403, "InvalidClientTokenId"), (400, "UnrecognizedClientException")),
    );
    let wrong = Credentials { secret: "w".repeat(40), ..server.admin() };
    each(
        "wrong secret",
        |op| call(&server, &wrong, op),
        |op| by_protocol(op, (403, "SignatureDoesNotMatch"), (400, "InvalidSignatureException")),
    );
}

#[test]
fn a_user_without_policies_is_denied_every_operation() {
    let server = Server::ephemeral();
    server.organization();
    let nobody = server.user("nobody", None);
    let answer = |op: &'static Op| {
        let answer = call(&server, &nobody, op);
        if OPEN.contains(&name(op).as_str()) {
            assert_eq!(answer.status, 200, "{}: {}", name(op), answer.body);
            // Counted as the answer that the others give.
            let (status, code) = denied(op);
            return Answer { status, headers: Vec::new(), body: format!("<Code>{code}</Code>") };
        }
        answer
    };
    each("no permission", answer, denied);
}

#[test]
fn a_service_control_policy_denies_every_operation_to_a_members_administrator() {
    let server = Server::ephemeral();
    let admin = server.admin();
    server.organization();
    let account = server.account("member");
    let member = server.member_session(&account);
    let root = server.ok(&admin, "organizations", "ListRoots", json!({})).json()["Roots"][0]["Id"].clone();
    let enable = json!({"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"});
    server.ok(&admin, "organizations", "EnablePolicyType", enable);
    server.ok(&member, "iam", "ListUsers", json!({}));
    let content = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]});
    let create = json!({
        "Name": "nothing", "Description": "denies everything", "Type": "SERVICE_CONTROL_POLICY", "Content": content.to_string()
    });
    let policy = server.ok(&admin, "organizations", "CreatePolicy", create).json();
    let id = policy["Policy"]["PolicySummary"]["Id"].clone();
    server.ok(&admin, "organizations", "AttachPolicy", json!({"PolicyId": id, "TargetId": account}));
    let answer = |op: &'static Op| {
        let answer = call(&server, &member, op);
        // GetCallerIdentity takes no permission; only users have a password to change.
        if ["sts:GetCallerIdentity", "iam:ChangePassword"].contains(&name(op).as_str()) {
            assert_eq!(answer.status == 200, op.service.id == "sts", "{}", answer.body);
            let (status, code) = denied(op);
            return Answer { status, headers: Vec::new(), body: format!("<Code>{code}</Code>") };
        }
        answer
    };
    each("denied by a service control policy", answer, denied);
    server.ok(&admin, "organizations", "DetachPolicy", json!({"PolicyId": id, "TargetId": account}));
    server.ok(&member, "iam", "ListUsers", json!({}));
}
