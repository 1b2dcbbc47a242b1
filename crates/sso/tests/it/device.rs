//! What people see of tools that wait on other devices.

use crate::sign_in_support::{Portal, portal};
use sso::device::{self, Decision};

fn waiting_code(portal: &Portal) -> String {
    let (id, secret) = portal.register(r#"{"clientName":"a tool","clientType":"public"}"#);
    let body = format!(
        r#"{{"clientId":"{id}","clientSecret":"{secret}","startUrl":"https://d-9067000000.awsapps.com/start"}}"#
    );
    portal.send("/device_authorization", &body).text("userCode")
}

#[test]
fn codes_cannot_be_guessed_beyond_a_few_tries() {
    let portal = portal();
    let (code, browser, request) = (waiting_code(&portal), portal.browser(), portal.test.request());
    let sees = || device::look_up(portal.app(), &browser, &code).expect("readable").is_some();
    for _ in 0..4 {
        assert!(device::look_up(portal.app(), &browser, "BBBB-BBBB").expect("readable").is_none());
        assert!(sees());
    }
    assert!(!device::decide(portal.app(), &request, &browser, "BBBB-BBBB", Decision::Allow).expect("answered"));
    assert!(!sees(), "five wrong codes are enough");
    assert!(!device::decide(portal.app(), &request, &browser, &code, Decision::Allow).expect("answered"));
    portal.test.clock.advance_seconds(600);
    let code = waiting_code(&portal);
    assert!(device::look_up(portal.app(), &browser, &code).expect("readable").is_some());
}

#[test]
fn a_request_is_answered_once() {
    let portal = portal();
    let (code, browser, request) = (waiting_code(&portal), portal.browser(), portal.test.request());
    assert!(device::decide(portal.app(), &request, &browser, &code, Decision::Deny).expect("answered"));
    assert!(!device::decide(portal.app(), &request, &browser, &code, Decision::Allow).expect("answered"));
    assert!(device::look_up(portal.app(), &browser, &code).expect("readable").is_none());
    let events = portal.events("sso.amazonaws.com");
    let denied: Vec<_> = events.iter().filter(|(name, _)| name == "DenyDevice").collect();
    assert_eq!(denied.len(), 1);
    assert!(denied[0].1.contains(r#""clientName":"a tool","requesterIPAddress":"192.0.2.7""#), "{}", denied[0].1);
    assert!(!events.iter().any(|(name, _)| name == "AuthorizeDevice"));
}

#[test]
fn a_session_that_has_ended_answers_nothing() {
    let portal = portal();
    let (code, browser, request) = (waiting_code(&portal), portal.browser(), portal.test.request());
    sso::session::sign_out(portal.app(), &request, &browser).expect("signed out");
    assert!(!device::decide(portal.app(), &request, &browser, &code, Decision::Allow).expect("answered"));
    assert!(device::look_up(portal.app(), &browser, &code).expect("readable").is_none());
}

#[test]
fn one_address_cannot_have_endless_requests() {
    let portal = portal();
    let (id, secret) = portal.register(r#"{"clientName":"a tool","clientType":"public"}"#);
    let body = format!(
        r#"{{"clientId":"{id}","clientSecret":"{secret}","startUrl":"https://d-9067000000.awsapps.com/start"}}"#
    );
    for _ in 0..60 {
        assert_eq!(portal.send("/device_authorization", &body).status, 200);
    }
    assert_eq!(portal.send("/device_authorization", &body).code, "SlowDownException");
    portal.test.clock.advance_seconds(600);
    assert_eq!(portal.send("/device_authorization", &body).status, 200);
}
