//! The authorization endpoint: whom a browser is sent to, and with what.

use crate::sign_in_support::{Portal, portal};
use sso::authorization::{self, AuthorizationProblem, AuthorizationQuery};

const CALLBACK: &str = "http://127.0.0.1:37977/oauth/callback";

fn client(portal: &Portal) -> String {
    let body = r#"{"clientName":"a tool","clientType":"public","grantTypes":["authorization_code"],"redirectUris":["http://127.0.0.1/oauth/callback"],"scopes":["sso:account:access"]}"#;
    portal.register(body).0
}

fn query(client_id: &str) -> AuthorizationQuery {
    let text = |text: &str| Some(text.to_owned());
    AuthorizationQuery {
        response_type: text("code"),
        client_id: text(client_id),
        redirect_uri: text(CALLBACK),
        scopes: text("sso:account:access"),
        state: text("a&b"),
        code_challenge: text("BaJD5B6pOhxDlWizolrVefeHcr3ObJtNT4GceoMB9CM"),
        code_challenge_method: text("S256"),
    }
}

fn problem(portal: &Portal, query: &AuthorizationQuery) -> AuthorizationProblem {
    authorization::check(portal.app(), query).expect("readable").expect_err("a problem")
}

#[test]
fn a_good_request_says_who_asks_and_for_what() {
    let portal = portal();
    let id = client(&portal);
    let request = authorization::check(portal.app(), &query(&id)).expect("readable").expect("fine");
    assert_eq!(request.client_name, "a tool");
    assert_eq!(request.redirect_origin, "http://127.0.0.1:37977");
    assert_eq!(request.scopes, ["sso:account:access"]);
    assert_eq!(request.instance, portal.instance.id);
    let without = AuthorizationQuery { scopes: None, ..query(&id) };
    let request = authorization::check(portal.app(), &without).expect("readable").expect("fine");
    assert_eq!(request.scopes, ["sso:account:access"], "what it registered for");
}

#[test]
fn a_browser_is_never_sent_to_an_address_that_was_not_registered() {
    let portal = portal();
    let id = client(&portal);
    let to = |uri: &str| AuthorizationQuery { redirect_uri: Some(uri.to_owned()), ..query(&id) };
    for query in [
        to("https://evil.example/"),
        to("http://127.0.0.1:37977/other"),
        to("http://localhost:37977/oauth/callback"),
        to("http://127.0.0.1:37977@evil.example/oauth/callback"),
        AuthorizationQuery { redirect_uri: None, ..query(&id) },
        AuthorizationQuery { client_id: None, ..query(&id) },
        query("nobody"),
    ] {
        assert!(matches!(problem(&portal, &query), AuthorizationProblem::Page(_)), "{query:?}");
    }
    portal.test.clock.advance_seconds(90 * 86_400);
    assert!(matches!(problem(&portal, &query(&id)), AuthorizationProblem::Page(_)));
}

#[test]
fn other_mistakes_are_told_to_the_tool() {
    let portal = portal();
    let id = client(&portal);
    let text = |text: &str| Some(text.to_owned());
    for (query, error) in [
        (AuthorizationQuery { response_type: text("token"), ..query(&id) }, "unsupported_response_type"),
        (AuthorizationQuery { code_challenge_method: text("plain"), ..query(&id) }, "invalid_request"),
        (AuthorizationQuery { code_challenge_method: None, ..query(&id) }, "invalid_request"),
        (AuthorizationQuery { code_challenge: None, ..query(&id) }, "invalid_request"),
        (AuthorizationQuery { code_challenge: text("short"), ..query(&id) }, "invalid_request"),
        (AuthorizationQuery { scopes: text("sso:account:access sso-portal:*"), ..query(&id) }, "invalid_scope"),
    ] {
        let AuthorizationProblem::Redirect(url) = problem(&portal, &query) else { panic!("{query:?}") };
        assert!(url.starts_with(&format!("{CALLBACK}?error={error}&error_description=")), "{url}");
        assert!(url.ends_with("&state=a%26b"), "{url}");
    }
}

#[test]
fn a_person_who_refuses_is_heard() {
    let portal = portal();
    let request = authorization::check(portal.app(), &query(&client(&portal))).expect("readable").expect("fine");
    let url = authorization::refuse(&request);
    assert!(url.starts_with(&format!("{CALLBACK}?error=access_denied&")) && url.ends_with("&state=a%26b"), "{url}");
}

#[test]
fn only_a_live_session_of_the_same_instance_lets_a_tool_in() {
    let portal = portal();
    let request = authorization::check(portal.app(), &query(&client(&portal))).expect("readable").expect("fine");
    let browser = portal.browser();
    let info = portal.test.request();
    let url = authorization::allow(portal.app(), &info, &browser, &request).expect("answered");
    assert!(url.starts_with(&format!("{CALLBACK}?code=")), "{url}");
    let elsewhere = authorization::AuthorizationRequest {
        instance: base::InstanceId::parse("ssoins-ffffffffffffffff").expect("valid"),
        ..request.clone()
    };
    let url = authorization::allow(portal.app(), &info, &browser, &elsewhere).expect("answered");
    assert!(url.contains("error=access_denied"), "{url}");
    sso::session::sign_out(portal.app(), &info, &browser).expect("signed out");
    let url = authorization::allow(portal.app(), &info, &browser, &request).expect("answered");
    assert!(url.contains("error=access_denied"), "{url}");
    let events = portal.events("sso.amazonaws.com");
    assert_eq!(events.iter().filter(|(name, _)| name == "AuthorizeClient").count(), 1);
}
