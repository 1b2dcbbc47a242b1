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
