//! Command-line tools that are let in through the pages.

use super::site::{Page, Site};
use base::Timestamp;
use kernel::{Caller, RequestInfo, Result, dispatch};
use model::organizations::{
    CreateAccountRequest, DescribeCreateAccountStatusRequest, DisableAWSServiceAccessRequest,
    EnableAWSServiceAccessRequest, ops as org_ops,
};
use model::sso_admin::{CreateAccountAssignmentRequest, CreatePermissionSetRequest, PrincipalType, TargetType, ops};
use model::sso_oidc::{
    CreateTokenRequest, CreateTokenResponse, RegisterClientRequest, RegisterClientResponse,
    StartDeviceAuthorizationRequest, ops as oidc,
};
use smithy::schema::Operation;
use std::sync::Arc;

const CALLBACK: &str = "http://127.0.0.1:37977/oauth/callback";
/// SHA-256 of [`VERIFIER`] in base64url (RFC 7636 appendix B).
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Gives alice the role `name` in a new account, whose id it is.
pub fn assign(site: &Site, name: &str) -> String {
    let admin = site.admin();
    let input = CreateAccountRequest {
        email: "one@example.com".to_owned(),
        account_name: "one".to_owned(),
        ..CreateAccountRequest::default()
    };
    let status = site.test.call::<org_ops::CreateAccount>(&admin, input).expect("accepted").create_account_status;
    site.test.run_jobs();
    let create_account_request_id = status.and_then(|status| status.id).expect("an id");
    let input = DescribeCreateAccountStatusRequest { create_account_request_id };
    let status = site.test.call::<org_ops::DescribeCreateAccountStatus>(&admin, input).expect("known");
    let account = status.create_account_status.and_then(|status| status.account_id).expect("an account");
    let input = CreatePermissionSetRequest {
        instance_arn: site.instance.arn(),
        name: name.to_owned(),
        ..CreatePermissionSetRequest::default()
    };
    let set = site.test.call::<ops::CreatePermissionSet>(&admin, input).expect("a permission set").permission_set;
    let input = CreateAccountAssignmentRequest {
        instance_arn: site.instance.arn(),
        permission_set_arn: set.and_then(|set| set.permission_set_arn).expect("an ARN"),
        principal_id: site.alice.to_string(),
        principal_type: PrincipalType::User,
        target_id: account.clone(),
        target_type: TargetType::AwsAccount,
    };
    site.test.call::<ops::CreateAccountAssignment>(&admin, input).expect("accepted");
    site.test.run_jobs();
    account
}

/// Switches trusted access on or off.
pub fn trust(site: &Site, is_on: bool) {
    let service_principal = sso::SERVICE.to_owned();
    if is_on {
        let input = EnableAWSServiceAccessRequest { service_principal };
        site.test.call::<org_ops::EnableAWSServiceAccess>(&site.admin(), input).expect("enabled");
    } else {
        let input = DisableAWSServiceAccessRequest { service_principal };
        site.test.call::<org_ops::DisableAWSServiceAccess>(&site.admin(), input).expect("disabled");
    }
}

/// Calls the token service from `address`.
pub fn call<O: Operation>(site: &Site, address: &str, input: O::In) -> Result<O::Out> {
    let request = Arc::new(RequestInfo {
        source_ip: address.to_owned(),
        user_agent: "aws-cli/2.36.7".to_owned(),
        ..(*site.test.request()).clone()
    });
    let route = site.test.app.registry().find(O::OP).expect("served");
    let output = dispatch::call(&site.test.app, route, &Caller::Anonymous, &request, &input)?;
    Ok(*output.into_any().downcast::<O::Out>().map_err(|_| kernel::Error::internal("another shape"))?)
}

fn register(site: &Site, redirect: bool) -> RegisterClientResponse {
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    let input = RegisterClientRequest {
        client_name: "botocore-client-<company>".to_owned(),
        client_type: "public".to_owned(),
        scopes: words(&["sso:account:access"]),
        grant_types: redirect.then(|| words(&["authorization_code", "refresh_token"])).flatten(),
        redirect_uris: redirect.then(|| words(&["http://127.0.0.1/oauth/callback"])).flatten(),
        issuer_url: redirect.then(|| site.instance.start_url()),
        ..RegisterClientRequest::default()
    };
    call::<oidc::RegisterClient>(site, "192.0.2.7", input).expect("registered")
}

/// What a tool has while it waits to be let in.
struct Waiting {
    client: RegisterClientResponse,
    device_code: String,
    user_code: String,
    link: String,
}

fn start(site: &Site, address: &str) -> Waiting {
    let client = register(site, false);
    let input = StartDeviceAuthorizationRequest {
        client_id: client.client_id.clone().expect("an id"),
        client_secret: client.client_secret.clone().expect("a secret"),
        start_url: site.instance.start_url(),
    };
    let started = call::<oidc::StartDeviceAuthorization>(site, address, input).expect("started");
    Waiting {
        client,
        device_code: started.device_code.expect("a code"),
        user_code: started.user_code.expect("a code"),
        link: started.verification_uri_complete.expect("a link"),
    }
}

fn token(site: &Site, waiting: &Waiting) -> Result<CreateTokenResponse> {
    let input = CreateTokenRequest {
        client_id: waiting.client.client_id.clone().expect("an id"),
        client_secret: waiting.client.client_secret.clone().expect("a secret"),
        grant_type: "urn:ietf:params:oauth:grant-type:device_code".to_owned(),
        device_code: Some(waiting.device_code.clone()),
        ..CreateTokenRequest::default()
    };
    call::<oidc::CreateToken>(site, "192.0.2.7", input)
}

fn error(result: Result<CreateTokenResponse>) -> &'static str {
    kernel::testing::code(result)
}

#[test]
fn a_device_is_let_in_by_its_code() {
    let site = Site::new();
    let waiting = start(&site, "127.0.0.1");
    assert_eq!(error(token(&site, &waiting)), "AuthorizationPendingException");
    let place = waiting.link.strip_prefix("http://127.0.0.1:4600").expect("on this server");
    let mut browser = site.browser();
    let next = browser.get(place);
    assert_eq!(next.status, 303, "{place}: {}", next.body);
    let sign_in = browser.get(next.header("location").expect("a place"));
    assert!(sign_in.body.contains(&waiting.user_code), "says what for: {}", sign_in.body);
    let fields = [("username", "alice"), ("password", super::PASSWORD)];
    let next = browser.submit(&sign_in, "/signin", &fields);
    let page = browser.get(next.header("location").expect("a place"));
    assert_eq!(page.heading(), "Let this device in?", "{}", page.body);
    for text in
        [waiting.user_code.as_str(), "botocore-client-&lt;company&gt;", "aws-cli/2.36.7", "see your AWS accounts"]
    {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(!page.body.contains("from another address"), "{}", page.body);
    let done = browser.submit(&page, "/device", &[("decision", "allow")]);
    assert_eq!((done.status, done.heading()), (200, "The device is let in"), "{}", done.body);
    site.test.clock.advance_seconds(5);
    let token = token(&site, &waiting).expect("a token");
    assert!(token.access_token.is_some_and(|token| !token.is_empty()));
    let sessions = browser.get("/start/sessions");
    assert!(sessions.body.contains("botocore-client-&lt;company&gt;"), "{}", sessions.body);
    assert_eq!(browser.get(place).status, 404, "a code is good once");
}

#[test]
fn a_device_is_turned_away_and_a_foreign_address_is_pointed_out() {
    let site = Site::new();
    let waiting = start(&site, "203.0.113.9");
    let mut browser = site.signed_in();
    let typed = waiting.user_code.to_lowercase().replace('-', "%20");
    let page = browser.get(&format!("/device?user_code={typed}"));
    assert!(page.body.contains("from another address") && page.body.contains("203.0.113.9"), "{}", page.body);
    let done = browser.submit(&page, "/device", &[("decision", "deny")]);
    assert_eq!((done.status, done.heading()), (200, "The device is turned away"), "{}", done.body);
    site.test.clock.advance_seconds(5);
    assert_eq!(error(token(&site, &waiting)), "AccessDeniedException");
    let form = browser.get("/device");
    assert_eq!((form.status, form.heading()), (200, "Let a device in"));
    let wrong = browser.get("/device?user_code=BCDF-GHJK");
    assert_eq!(wrong.status, 404);
    assert!(wrong.body.contains("This code is not known, has expired or has been used."));
}

fn authorize(client: &RegisterClientResponse, more: &str) -> String {
    let callback: String = form_urlencoded::byte_serialize(CALLBACK.as_bytes()).collect();
    let id = client.client_id.as_deref().expect("an id");
    format!(
        "/authorize?response_type=code&client_id={id}&redirect_uri={callback}&state=s%26t%22&code_challenge_method=S256\
         &scopes=sso%3Aaccount%3Aaccess&code_challenge={CHALLENGE}{more}"
    )
}

fn parameter(location: &str, name: &str) -> Option<String> {
    let (_, query) = location.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(each, _)| each == name).map(|(_, value)| value.into_owned())
}

fn may_go_on(page: &Page) -> bool {
    page.header("content-security-policy")
        .is_some_and(|policy| policy.ends_with("form-action 'self' http://127.0.0.1:37977"))
}

#[test]
fn an_application_is_let_in_through_the_browser() {
    let site = Site::new();
    let client = register(&site, true);
    let mut browser = site.browser();
    let next = browser.get(&authorize(&client, ""));
    let sign_in = browser.get(next.header("location").expect("to the sign-in page"));
    assert!(sign_in.body.contains("botocore-client-&lt;company&gt;"), "{}", sign_in.body);
    assert!(may_go_on(&sign_in));
    let next = browser.submit(&sign_in, "/signin", &[("username", "alice"), ("password", super::PASSWORD)]);
    let page = browser.get(next.header("location").expect("a place"));
    assert_eq!(page.heading(), "Let this application act for you?", "{}", page.body);
    assert!(may_go_on(&page) && page.body.contains("127.0.0.1:37977"), "{:?}", page.headers);

    let denied = browser.submit(&page, "/authorize", &[("decision", "deny")]);
    let location = denied.header("location").expect("back to the client");
    assert!(location.starts_with(CALLBACK), "{location}");
    assert_eq!(parameter(location, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(location, "state").as_deref(), Some("s&t\""));

    let allowed = browser.submit(&page, "/authorize", &[("decision", "allow")]);
    assert_eq!(allowed.status, 303, "{}", allowed.body);
    let location = allowed.header("location").expect("back to the client");
    let input = CreateTokenRequest {
        client_id: client.client_id.clone().expect("an id"),
        client_secret: client.client_secret.clone().expect("a secret"),
        grant_type: "authorization_code".to_owned(),
        code: parameter(location, "code"),
        code_verifier: Some(VERIFIER.to_owned()),
        redirect_uri: Some(CALLBACK.to_owned()),
        ..CreateTokenRequest::default()
    };
    let token = call::<oidc::CreateToken>(&site, "192.0.2.7", input).expect("a token");
    assert!(token.access_token.is_some() && token.refresh_token.is_some());
}

#[test]
fn an_application_that_is_not_known_leads_nowhere() {
    let site = Site::new();
    let mut browser = site.signed_in();
    let client = register(&site, true);
    let elsewhere = authorize(&client, "").replace("127.0.0.1%3A37977", "evil.example");
    let unknown = RegisterClientResponse { client_id: Some("nobody".to_owned()), ..RegisterClientResponse::default() };
    for place in [elsewhere, authorize(&unknown, ""), "/authorize".to_owned()] {
        let page = browser.get(&place);
        assert_eq!((page.status, page.header("location")), (400, None), "{place}");
    }
    let page = browser.get(&authorize(&client, "").replace("S256", "plain"));
    let location = page.header("location").expect("the client is told");
    assert_eq!(page.status, 302);
    assert!(location.starts_with(CALLBACK) && location.contains("error=invalid_request"), "{location}");
}

#[test]
fn a_code_that_has_expired_lets_nobody_in() {
    let site = Site::new();
    let waiting = start(&site, "127.0.0.1");
    let mut browser = site.signed_in();
    let page = browser.get(&format!("/device?user_code={}", waiting.user_code));
    let before: Timestamp = site.test.app.now();
    site.test.clock.advance_seconds(601);
    assert!(site.test.app.now() > before);
    let late = browser.submit(&page, "/device", &[("decision", "allow")]);
    assert_eq!(late.status, 409, "{}", late.body);
    assert_eq!(error(token(&site, &waiting)), "ExpiredTokenException");
}
