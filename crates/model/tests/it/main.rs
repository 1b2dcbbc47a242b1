//! What must hold for every shape and operation of every model.

use smithy::schema::{Body, Location, Protocol, Schema};
use std::collections::BTreeSet;

fn visit(schema: &'static Schema, seen: &mut BTreeSet<*const Schema>, each: &mut dyn FnMut(&'static Schema)) {
    if !seen.insert(schema) {
        return;
    }
    each(schema);
    match &schema.body {
        Body::List { member, .. } => visit(member, seen, each),
        Body::Map { key, value, .. } => {
            visit(key, seen, each);
            visit(value, seen, each);
        }
        Body::Structure(members) => members.iter().for_each(|member| visit(member.schema, seen, each)),
        _ => {}
    }
}

fn every_schema(each: &mut dyn FnMut(&'static Schema)) {
    let mut seen = BTreeSet::new();
    for op in model::SERVICES.iter().flat_map(|service| service.operations) {
        visit(op.input, &mut seen, each);
        op.output.into_iter().for_each(|output| visit(output, &mut seen, each));
    }
}

#[test]
fn every_pattern_compiles() {
    let mut patterns = 0;
    every_schema(&mut |schema| {
        if let Body::String(text) = &schema.body
            && let Some(pattern) = text.pattern
        {
            patterns += 1;
            assert!(smithy::pattern::is_supported(pattern), "{}: {pattern}", schema.name);
        }
    });
    assert!(patterns > 200, "{patterns}");
}

#[test]
fn operations_are_found_by_name() {
    for service in model::SERVICES {
        for op in service.operations {
            assert!(std::ptr::eq(service.operation(op.name).expect("listed"), *op), "{}", op.name);
            assert!(std::ptr::eq(op.service, *service));
        }
    }
    assert!(model::SERVICES.iter().map(|service| service.operations.len()).sum::<usize>() > 500);
}

#[test]
fn paging_members_exist() {
    for op in model::SERVICES.iter().flat_map(|service| service.operations) {
        let Some(paging) = op.paging else { continue };
        let has = |schema: &Schema, name: &str| schema.members().iter().any(|member| member.name == name);
        assert!(has(op.input, paging.input_token), "{}", op.name);
        assert!(op.output.is_some_and(|output| has(output, paging.output_token)), "{}", op.name);
        assert!(paging.limit.is_empty() || has(op.input, paging.limit), "{}", op.name);
    }
}

#[test]
fn only_rest_uses_places_outside_the_body() {
    for op in model::SERVICES.iter().flat_map(|service| service.operations) {
        if op.service.protocol != Protocol::RestJson {
            assert!(op.input.members().iter().all(|member| member.location == Location::Body), "{}", op.name);
            assert_eq!((op.method, op.path), ("POST", "/"), "{}", op.name);
        }
    }
}

#[test]
fn rest_operations_do_not_shadow_each_other() {
    for service in model::SERVICES.iter().filter(|service| service.protocol == Protocol::RestJson) {
        for op in service.operations {
            let (path, query) = op.path.split_once('?').unwrap_or((op.path, ""));
            let found = smithy::rest::route(service.operations, op.method, path, query).expect("routes");
            assert_eq!(found.name, op.name);
        }
    }
}

#[test]
fn documents_travel_as_they_are() {
    use smithy::schema::Shape;
    let mut request = model::identitystore::UniqueAttribute::default();
    let body = br#"{"AttributePath":"userName","AttributeValue":"alice"}"#;
    assert_eq!(smithy::json::read(body, &mut request).expect("reads"), []);
    assert_eq!(request.attribute_value.as_string().as_deref(), Some("alice"));
    let mut out = Vec::new();
    smithy::json::write(&request, &mut out);
    assert_eq!(out, body);
    assert_eq!(request.schema().name, "UniqueAttribute");
}

#[test]
fn a_request_becomes_typed_and_its_answer_bytes_again() {
    use model::iam::{CreateRoleResponse, Role, ops::CreateRole};
    use smithy::schema::Operation;
    let body = b"Action=CreateRole&Version=2010-05-08&RoleName=Admin&AssumeRolePolicyDocument=%7B%7D\
                 &Tags.member.1.Key=team&Tags.member.1.Value=a%2Bb";
    let request = smithy::WireRequest { method: "POST", path: "/", query: "", headers: &[], body };
    let input = smithy::read_typed::<CreateRole>(&request).expect("reads").expect("is valid");
    assert_eq!((input.role_name.as_str(), input.assume_role_policy_document.as_str()), ("Admin", "{}"));
    assert_eq!(input.tags.as_deref().map(|tags| tags[0].value.as_str()), Some("a+b"));
    let output = CreateRoleResponse { role: Role { role_name: input.role_name, ..Role::default() } };
    let response = smithy::write_output(CreateRole::OP, &output, "id");
    let text = String::from_utf8(response.body).expect("UTF-8");
    assert!(text.starts_with(
        "<CreateRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateRoleResult><Role>"
    ));
    assert!(text.contains("<RoleName>Admin</RoleName>") && response.content_type == "text/xml");
}

#[test]
fn errors_travel_with_their_codes() {
    use model::{iam, organizations, sso_oidc};
    use smithy::render::error;
    let missing = iam::NoSuchEntityException::new("The role with name x cannot be found.");
    let response = error(&iam::SERVICE, &missing, "id");
    assert!(String::from_utf8_lossy(&response.body).contains("<Code>NoSuchEntity</Code>"));
    assert_eq!(response.status, 404);
    let absent =
        organizations::AWSOrganizationsNotInUseException::new("Your account is not a member of an organization.");
    let response = error(&organizations::SERVICE, &absent, "id");
    assert!(response.body.starts_with(br#"{"__type":"AWSOrganizationsNotInUseException","Message":"Your account"#));
    let pending = sso_oidc::AuthorizationPendingException::new("wait");
    let response = error(&sso_oidc::SERVICE, &pending, "id");
    assert_eq!(response.body, br#"{"error":"authorization_pending","error_description":"wait"}"#);
}

#[test]
fn broken_constraints_of_real_operations_read_like_aws() {
    use model::organizations::{SERVICE, ops::EnableAWSServiceAccess, ops::ListAccounts};
    let headers = [("content-type", &b"application/x-amz-json-1.1"[..])];
    let request = |body| smithy::WireRequest { method: "POST", path: "/", query: "", headers: &headers, body };
    let broken = smithy::read_typed::<EnableAWSServiceAccess>(&request(b"{}")).expect("reads").expect_err("is broken");
    let response = smithy::render::violations(&SERVICE, &broken, "id");
    let text = String::from_utf8(response.body).expect("UTF-8");
    assert!(text.contains("Value null at 'servicePrincipal' failed to satisfy constraint: Member must not be null"));
    assert!(text.contains(r#""Reason":"INPUT_REQUIRED""#));
    let broken =
        smithy::read_typed::<ListAccounts>(&request(br#"{"MaxResults":21}"#)).expect("reads").expect_err("is broken");
    assert_eq!(broken[0].constraint, smithy::violation::Constraint::ValueMax(20));
}
