//! The token service, with the requests of the AWS CLI 2.36.7 as they were captured.

use crate::sign_in_support::{Answer, Portal, STORE, portal};
use kernel::testing::START;
use sso::authorization::{self, AuthorizationQuery};
use sso::device::{self, Decision};
use sso::session;

/// `aws sso login --profile legacy`
const REGISTER_LEGACY: &str = r#"{"clientName": "botocore-client-1795299200", "clientType": "public"}"#;
/// `aws sso login --profile sess`
const REGISTER_SESSION: &str = r#"{"clientName": "botocore-client-my-sso", "clientType": "public", "grantTypes": ["authorization_code", "refresh_token"], "redirectUris": ["http://127.0.0.1/oauth/callback"], "issuerUrl": "https://d-9067000000.awsapps.com/start", "scopes": ["sso:account:access"]}"#;
/// `aws sso login --sso-session my-sso --use-device-code --no-browser`
const REGISTER_DEVICE: &str =
    r#"{"clientName": "botocore-client-my-sso", "clientType": "public", "scopes": ["sso:account:access"]}"#;
const VERIFIER: &str = "YIOIcr1zwiSxuv3NiQ2NX_f_PAg0AqNRlr1dEX-iL1AMvy-_2sto9R77olW9pqaP";
const CHALLENGE: &str = "BaJD5B6pOhxDlWizolrVefeHcr3ObJtNT4GceoMB9CM";
const REDIRECT: &str = "http://127.0.0.1:37977/oauth/callback";

fn start(portal: &Portal, (id, secret): &(String, String)) -> Answer {
    let body = format!(
        r#"{{"clientId": "{id}", "clientSecret": "{secret}", "startUrl": "https://{STORE}.awsapps.com/start"}}"#
    );
    portal.send("/device_authorization", &body)
}

fn poll(portal: &Portal, (id, secret): &(String, String), device_code: &str) -> Answer {
    let body = format!(
        r#"{{"grantType": "urn:ietf:params:oauth:grant-type:device_code", "clientId": "{id}", "clientSecret": "{secret}", "deviceCode": "{device_code}"}}"#
    );
    portal.send("/token", &body)
}

fn refresh(portal: &Portal, (id, secret): &(String, String), token: &str) -> Answer {
    let body = format!(
        r#"{{"grantType": "refresh_token", "clientId": "{id}", "clientSecret": "{secret}", "refreshToken": "{token}"}}"#
    );
    portal.send("/token", &body)
}

fn exchange(portal: &Portal, (id, secret): &(String, String), code: &str) -> Answer {
    exchange_with(portal, (id, secret), code, REDIRECT, VERIFIER)
}

fn exchange_with(
    portal: &Portal,
    (id, secret): (&String, &String),
    code: &str,
    redirect: &str,
    verifier: &str,
) -> Answer {
    let body = format!(
        r#"{{"grantType": "authorization_code", "clientId": "{id}", "clientSecret": "{secret}", "redirectUri": "{redirect}", "codeVerifier": "{verifier}", "code": "{code}"}}"#
    );
    portal.send("/token", &body)
}

fn query(client_id: &str) -> AuthorizationQuery {
    let text = |text: &str| Some(text.to_owned());
    AuthorizationQuery {
        response_type: text("code"),
        client_id: text(client_id),
        redirect_uri: text(REDIRECT),
        scopes: text("sso:account:access"),
        state: text("2a642ff1-2315-4b87-aaa2-984a805a0126"),
        code_challenge: text(CHALLENGE),
        code_challenge_method: text("S256"),
    }
}

/// A code for alice's browser, as it comes with the redirection.
fn code(portal: &Portal, client_id: &str) -> String {
    let session = session::of_cookie(portal.app(), crate::sign_in_support::COOKIE).expect("readable");
    let session = session.unwrap_or_else(|| portal.browser());
    let request = authorization::check(portal.app(), &query(client_id)).expect("readable").expect("fine");
    let url = authorization::allow(portal.app(), &portal.test.request(), &session, &request).expect("allowed");
    let parameters = url.strip_prefix("http://127.0.0.1:37977/oauth/callback?code=").expect("the tool's address");
    let (code, state) = parameters.split_once('&').expect("two parameters");
    assert_eq!(state, "state=2a642ff1-2315-4b87-aaa2-984a805a0126");
    code.to_owned()
}

fn refused(answer: &Answer, status: u16, code: &str, error: &str) {
    assert_eq!((answer.status, answer.code.as_str()), (status, code), "{}", answer.body);
    assert_eq!(answer.body["error"], error);
}

#[test]
fn registration_answers_what_the_cli_keeps_for_90_days() {
    let portal = portal();
    let answer = portal.send("/client/register", REGISTER_LEGACY);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["clientIdIssuedAt"], START.seconds());
    assert_eq!(answer.body["clientSecretExpiresAt"], START.seconds() + 90 * 86_400);
    assert_eq!((answer.text("clientId").len(), answer.text("clientSecret").len()), (22, 32));
    assert!(answer.body.get("authorizationEndpoint").is_none_or(serde_json::Value::is_null));
}

#[test]
fn registration_refuses_what_no_public_tool_on_the_own_machine_needs() {
    let portal = portal();
    for (body, code, error) in [
        (
            r#"{"clientName":"x","clientType":"confidential"}"#,
            "InvalidClientMetadataException",
            "invalid_client_metadata",
        ),
        (r#"{"clientName":"","clientType":"public"}"#, "InvalidClientMetadataException", "invalid_client_metadata"),
        (
            r#"{"clientName":"a\u001b[2J","clientType":"public"}"#,
            "InvalidClientMetadataException",
            "invalid_client_metadata",
        ),
        (r#"{"clientName":"x","clientType":"public","scopes":["admin"]}"#, "InvalidScopeException", "invalid_scope"),
        (
            r#"{"clientName":"x","clientType":"public","grantTypes":["password"]}"#,
            "UnsupportedGrantTypeException",
            "unsupported_grant_type",
        ),
        (
            r#"{"clientName":"x","clientType":"public","grantTypes":["authorization_code"]}"#,
            "InvalidRedirectUriException",
            "invalid_redirect_uri",
        ),
        (
            r#"{"clientName":"x","clientType":"public","redirectUris":["https://evil.example/"]}"#,
            "InvalidRedirectUriException",
            "invalid_redirect_uri",
        ),
        (
            r#"{"clientName":"x","clientType":"public","issuerUrl":"https://other.awsapps.com/start"}"#,
            "InvalidRequestException",
            "invalid_request",
        ),
        (r#"{"clientType":"public"}"#, "InvalidRequestException", "invalid_request"),
    ] {
        refused(&portal.send("/client/register", body), 400, code, error);
    }
    assert_eq!(portal.count("select count(*) from sso_client"), 0);
}

#[test]
fn one_address_cannot_fill_the_table_of_clients() {
    let portal = portal();
    for _ in 0..60 {
        portal.register(REGISTER_LEGACY);
    }
    refused(&portal.send("/client/register", REGISTER_LEGACY), 400, "SlowDownException", "slow_down");
    assert_eq!(portal.send_from("192.0.2.8", "/client/register", REGISTER_LEGACY).status, 200);
    portal.test.clock.advance_seconds(601);
    portal.register(REGISTER_LEGACY);
}

#[test]
fn the_device_flow_of_the_cli_ends_with_a_token_of_the_person_who_allowed_it() {
    let portal = portal();
    let client = portal.register(REGISTER_LEGACY);
    let started = start(&portal, &client);
    assert_eq!((started.body["expiresIn"].as_i64(), started.body["interval"].as_i64()), (Some(600), Some(1)));
    let (device_code, user_code) = (started.text("deviceCode"), started.text("userCode"));
    assert_eq!((device_code.len(), user_code.len(), &user_code[4..5]), (64, 9, "-"));
    assert_eq!(started.text("verificationUri"), "http://127.0.0.1:4600/device");
    assert_eq!(started.text("verificationUriComplete"), format!("http://127.0.0.1:4600/device?user_code={user_code}"));
    // The CLI asks twice at once, then every second: none of that is too fast.
    for pause in [0, 0, 1, 1] {
        portal.test.clock.advance_seconds(pause);
        refused(&poll(&portal, &client, &device_code), 400, "AuthorizationPendingException", "authorization_pending");
    }
    let browser = portal.browser();
    let seen = device::look_up(portal.app(), &browser, &user_code.to_lowercase()).expect("readable").expect("waits");
    assert_eq!((seen.client_name.as_str(), seen.source_ip.as_str()), ("botocore-client-1795299200", "192.0.2.7"));
    assert_eq!((seen.user_agent.as_str(), seen.scopes.len()), ("aws-cli/2.36.7", 0));
    assert!(device::decide(portal.app(), &portal.test.request(), &browser, &user_code, Decision::Allow).expect("done"));
    portal.test.clock.advance_seconds(1);
    let token = poll(&portal, &client, &device_code);
    assert_eq!(token.status, 200, "{}", token.body);
    assert_eq!(token.body["tokenType"], "Bearer");
    // Three seconds of the browser's eight hours have passed.
    assert_eq!(token.body["expiresIn"], 28_799);
    assert!(token.body.get("refreshToken").is_none_or(serde_json::Value::is_null), "it has no scopes");
    let access_token = token.text("accessToken");
    assert!(access_token.starts_with("aoaAAAAA") && access_token.len() == 72);
    let tool = portal.of_token(&access_token).expect("alive");
    assert_eq!((tool.user.as_str(), tool.expires_at), (portal.user.as_str(), browser.expires_at));
    assert_ne!(tool.id, browser.id);
    refused(&poll(&portal, &client, &device_code), 400, "InvalidGrantException", "invalid_grant");
    let events = portal.events("sso.amazonaws.com");
    let record = &events.iter().find(|(name, _)| name == "CreateToken").expect("recorded").1;
    assert!(record.contains(r#""type":"IdentityCenterUser""#) && record.contains(r#""userName":"alice""#), "{record}");
    assert!(!record.contains(&access_token) && !record.contains(&device_code), "{record}");
}

#[test]
fn a_tool_that_asks_too_often_is_told_to_slow_down_but_never_at_its_second_poll() {
    let portal = portal();
    let client = portal.register(REGISTER_LEGACY);
    let device_code = start(&portal, &client).text("deviceCode");
    let codes: Vec<String> = (0..4).map(|_| poll(&portal, &client, &device_code).code).collect();
    assert_eq!(
        codes,
        ["AuthorizationPendingException", "AuthorizationPendingException", "SlowDownException", "SlowDownException"]
    );
    portal.test.clock.advance_seconds(1);
    assert_eq!(poll(&portal, &client, &device_code).code, "AuthorizationPendingException");
}

#[test]
fn a_device_code_that_nobody_answers_expires() {
    let portal = portal();
    let client = portal.register(REGISTER_LEGACY);
    let started = start(&portal, &client);
    portal.test.clock.advance_seconds(600);
    refused(&poll(&portal, &client, &started.text("deviceCode")), 400, "ExpiredTokenException", "expired_token");
    let browser = portal.browser();
    assert!(device::look_up(portal.app(), &browser, &started.text("userCode")).expect("readable").is_none());
}

#[test]
fn a_device_code_that_was_denied_gives_access_denied() {
    let portal = portal();
    let client = portal.register(REGISTER_LEGACY);
    let started = start(&portal, &client);
    let browser = portal.browser();
    let request = portal.test.request();
    assert!(device::decide(portal.app(), &request, &browser, &started.text("userCode"), Decision::Deny).expect("done"));
    let answer = poll(&portal, &client, &started.text("deviceCode"));
    refused(&answer, 400, "AccessDeniedException", "access_denied");
}

#[test]
fn a_device_code_belongs_to_its_client() {
    let portal = portal();
    let (client, other) = (portal.register(REGISTER_LEGACY), portal.register(REGISTER_LEGACY));
    let device_code = start(&portal, &client).text("deviceCode");
    refused(&poll(&portal, &other, &device_code), 400, "InvalidGrantException", "invalid_grant");
    refused(&poll(&portal, &client, "nonsense"), 400, "InvalidGrantException", "invalid_grant");
}

#[test]
fn whoever_allowed_a_tool_must_still_be_signed_in_when_it_comes() {
    let portal = portal();
    let client = portal.register(REGISTER_LEGACY);
    let started = start(&portal, &client);
    let (browser, request) = (portal.browser(), portal.test.request());
    assert!(
        device::decide(portal.app(), &request, &browser, &started.text("userCode"), Decision::Allow).expect("done")
    );
    session::sign_out(portal.app(), &request, &browser).expect("signed out");
    let answer = poll(&portal, &client, &started.text("deviceCode"));
    refused(&answer, 400, "InvalidGrantException", "invalid_grant");
}

#[test]
fn unknown_and_expired_clients_are_told_so_with_401() {
    let portal = portal();
    let client = portal.register(REGISTER_LEGACY);
    let wrong = (client.0.clone(), "x".repeat(32));
    refused(&start(&portal, &wrong), 401, "InvalidClientException", "invalid_client");
    refused(&poll(&portal, &wrong, "x"), 401, "InvalidClientException", "invalid_client");
    portal.test.clock.advance_seconds(90 * 86_400);
    refused(&start(&portal, &client), 401, "InvalidClientException", "invalid_client");
}

#[test]
fn a_start_url_of_nobody_is_refused_and_every_name_of_the_portal_is_understood() {
    let portal = portal();
    let (id, secret) = portal.register(REGISTER_LEGACY);
    let send = |url: &str| {
        let body = format!(r#"{{"clientId": "{id}", "clientSecret": "{secret}", "startUrl": "{url}"}}"#);
        portal.send("/device_authorization", &body)
    };
    for url in [
        "http://127.0.0.1:4600/start",
        "https://d-9067000000.awsapps.com/start/#/",
        "https://ssoins-1234567890abcdef.portal.us-east-1.app.aws",
        "https://identitycenter.amazonaws.com/ssoins-1234567890abcdef",
    ] {
        assert_eq!(send(url).status, 200, "{url}");
    }
    refused(&send("https://d-0000000000.awsapps.com/start"), 400, "InvalidRequestException", "invalid_request");
}

#[test]
fn the_pkce_flow_of_the_cli_gives_tokens_that_can_be_refreshed() {
    let portal = portal();
    let client = portal.register(REGISTER_SESSION);
    let code = code(&portal, &client.0);
    let token = exchange(&portal, &client, &code);
    assert_eq!(token.status, 200, "{}", token.body);
    assert_eq!(token.body["expiresIn"], 28_800);
    assert!(token.text("refreshToken").starts_with("aorAAAAA") && token.text("refreshToken").len() == 72);
    portal.test.clock.advance_seconds(3_600);
    let refreshed = refresh(&portal, &client, &token.text("refreshToken"));
    assert_eq!(refreshed.status, 200, "{}", refreshed.body);
    assert_eq!(refreshed.body["expiresIn"], 28_800 - 3_600, "a token does not outlive its session");
    assert_ne!(refreshed.text("refreshToken"), token.text("refreshToken"));
    let (old, new) = (token.text("accessToken"), refreshed.text("accessToken"));
    let tool = portal.of_token(&new).expect("alive");
    assert_eq!(portal.of_token(&old).expect("still good").id, tool.id);
    portal.test.clock.advance_seconds(28_800 - 3_600);
    assert!(portal.of_token(&new).is_none());
    let late = refresh(&portal, &client, &refreshed.text("refreshToken"));
    refused(&late, 400, "InvalidGrantException", "invalid_grant");
}

#[test]
fn the_device_flow_with_scopes_gives_a_refresh_token_also_to_a_client_registered_for_redirection() {
    let portal = portal();
    let (browser, request) = (portal.browser(), portal.test.request());
    for register in [REGISTER_DEVICE, REGISTER_SESSION] {
        let client = portal.register(register);
        let started = start(&portal, &client);
        let code = started.text("userCode");
        assert!(device::decide(portal.app(), &request, &browser, &code, Decision::Allow).expect("done"));
        let token = poll(&portal, &client, &started.text("deviceCode"));
        assert_eq!(refresh(&portal, &client, &token.text("refreshToken")).status, 200);
    }
}

#[test]
fn a_refresh_token_that_comes_again_after_a_minute_ends_the_session() {
    let portal = portal();
    let client = portal.register(REGISTER_SESSION);
    let token = exchange(&portal, &client, &code(&portal, &client.0));
    let first = token.text("refreshToken");
    let next = refresh(&portal, &client, &first);
    assert!(portal.of_token(&next.text("accessToken")).is_some());
    portal.test.clock.advance_seconds(60);
    refused(&refresh(&portal, &client, &first), 400, "InvalidGrantException", "invalid_grant");
    assert!(portal.of_token(&next.text("accessToken")).is_none());
    assert!(portal.of_token(&token.text("accessToken")).is_none());
    let last = refresh(&portal, &client, &next.text("refreshToken"));
    refused(&last, 400, "InvalidGrantException", "invalid_grant");
    assert!(portal.is_alive(&portal.browser_id()), "the browser is not the tool's to end");
}

#[test]
fn processes_that_renew_a_token_beside_each_other_all_get_a_new_one() {
    let portal = portal();
    let client = portal.register(REGISTER_SESSION);
    let first = exchange(&portal, &client, &code(&portal, &client.0)).text("refreshToken");
    let renewed: Vec<_> = (0..4).map(|_| refresh(&portal, &client, &first)).collect();
    portal.test.clock.advance_seconds(59);
    let late = refresh(&portal, &client, &first);
    for answer in renewed.iter().chain([&late]) {
        assert!(portal.of_token(&answer.text("accessToken")).is_some());
        assert_eq!(refresh(&portal, &client, &answer.text("refreshToken")).status, 200);
    }
    portal.test.clock.advance_seconds(1);
    refused(&refresh(&portal, &client, &first), 400, "InvalidGrantException", "invalid_grant");
}

#[test]
fn a_refresh_token_belongs_to_its_client_and_gives_no_scope_that_was_not_granted() {
    let portal = portal();
    let (client, other) = (portal.register(REGISTER_SESSION), portal.register(REGISTER_SESSION));
    let token = exchange(&portal, &client, &code(&portal, &client.0));
    let refresh_token = token.text("refreshToken");
    refused(&refresh(&portal, &other, &refresh_token), 400, "InvalidGrantException", "invalid_grant");
    let body = format!(
        r#"{{"grantType":"refresh_token","clientId":"{}","clientSecret":"{}","refreshToken":"{refresh_token}","scope":["sso-portal:*"]}}"#,
        client.0, client.1
    );
    refused(&portal.send("/token", &body), 400, "InvalidScopeException", "invalid_scope");
    assert_eq!(refresh(&portal, &client, &refresh_token).status, 200);
}

#[test]
fn a_code_that_comes_twice_ends_what_it_was_exchanged_for() {
    let portal = portal();
    let client = portal.register(REGISTER_SESSION);
    let code = code(&portal, &client.0);
    let token = exchange(&portal, &client, &code);
    assert!(portal.of_token(&token.text("accessToken")).is_some());
    refused(&exchange(&portal, &client, &code), 400, "InvalidGrantException", "invalid_grant");
    assert!(portal.of_token(&token.text("accessToken")).is_none());
}

#[test]
fn a_code_is_good_only_with_its_verifier_its_address_its_client_and_in_time() {
    let portal = portal();
    let (client, other) = (portal.register(REGISTER_SESSION), portal.register(REGISTER_SESSION));
    let code = code(&portal, &client.0);
    let wrong_verifier = VERIFIER.replace('Y', "Z");
    let with =
        |redirect: &str, verifier: &str| exchange_with(&portal, (&client.0, &client.1), &code, redirect, verifier);
    for answer in [
        with(REDIRECT, &wrong_verifier),
        with(REDIRECT, ""),
        with("http://127.0.0.1:1/oauth/callback", VERIFIER),
        exchange(&portal, &other, &code),
        exchange(&portal, &client, "nonsense"),
    ] {
        refused(&answer, 400, "InvalidGrantException", "invalid_grant");
    }
    portal.test.clock.advance_seconds(300);
    refused(&exchange(&portal, &client, &code), 400, "InvalidGrantException", "invalid_grant");
}

#[test]
fn a_token_request_without_its_proof_is_an_invalid_request() {
    let portal = portal();
    let (id, secret) = portal.register(REGISTER_SESSION);
    for grant_type in ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"] {
        let body = format!(r#"{{"grantType":"{grant_type}","clientId":"{id}","clientSecret":"{secret}"}}"#);
        refused(&portal.send("/token", &body), 400, "InvalidRequestException", "invalid_request");
    }
    let body = format!(r#"{{"grantType":"password","clientId":"{id}","clientSecret":"{secret}"}}"#);
    refused(&portal.send("/token", &body), 400, "UnsupportedGrantTypeException", "unsupported_grant_type");
    let (id, secret) = portal.register(REGISTER_LEGACY);
    let answer = exchange(&portal, &(id, secret), "x");
    refused(&answer, 400, "UnauthorizedClientException", "unauthorized_client");
}

#[test]
fn a_tool_that_an_administrator_lets_in_has_a_session_of_its_own() {
    let portal = portal();
    let client = portal.register(REGISTER_LEGACY);
    let started = start(&portal, &client);
    let caller = kernel::Caller::Anonymous;
    let approve = |instance: &base::InstanceId| {
        portal.app().write_as(&caller, &portal.test.request(), |cx| {
            device::approve_for(cx, instance, &started.text("userCode"), &portal.user)
        })
    };
    let elsewhere = base::InstanceId::parse("ssoins-ffffffffffffffff").expect("valid");
    assert!(approve(&elsewhere).expect("answered").is_none());
    assert!(approve(&portal.instance.id).expect("answered").is_some());
    assert!(approve(&portal.instance.id).expect("answered").is_none(), "it is answered");
    let token = poll(&portal, &client, &started.text("deviceCode"));
    assert_eq!(token.body["expiresIn"], 28_800);
    assert!(portal.of_token(&token.text("accessToken")).is_some());
}

#[test]
fn nothing_secret_is_stored_as_it_is() {
    let portal = portal();
    let client = portal.register(REGISTER_SESSION);
    let code = code(&portal, &client.0);
    let token = exchange(&portal, &client, &code);
    for hash in [
        "select count(*) from sso_access_token where length(token_hash) = 32",
        "select count(*) from sso_refresh_token where length(token_hash) = 32",
        "select count(*) from sso_authorization_code where length(code_hash) = 32",
        "select count(*) from sso_client where length(secret_hash) = 32",
    ] {
        assert_eq!(portal.count(hash), 1, "{hash}");
    }
    assert_eq!(token.status, 200);
}
