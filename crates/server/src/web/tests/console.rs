//! People and principals in the console.

use super::site::{Browser, MANAGEMENT, Page, Site};
use super::tools;
use base::{AccountId, Timestamp};
use federation::jwt;
use federation::keys::SigningKey;
use kernel::caller::UserIdentity;
use kernel::{Caller, DpopHeader, Principal, PrincipalCaller, RequestInfo, Result, dispatch};
use model::iam::{self as shapes, ops as iam_ops};
use model::signin::{
    CreateOAuth2TokenRequest, CreateOAuth2TokenRequestBody, CreateOAuth2TokenResponse, ops as signin_ops,
};
use model::sso_admin::{
    DeleteAccountAssignmentRequest, ListPermissionSetsRequest, PrincipalType, TargetType, ops as sso_ops,
};
use model::sts::{AssumeRoleRequest, Credentials, GetFederationTokenRequest, GetSessionTokenRequest, ops as sts_ops};
use serde_json::json;
use std::sync::Arc;

const PASSWORD: &str = "Console-Horse-42";
const COOKIE: &str = "vestibule-console";

fn location(page: &Page) -> &str {
    page.header("location").unwrap_or_else(|| panic!("no redirect: {} {}", page.status, page.body))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// An IAM user of the management account, as a caller.
fn user(site: &Site, name: &str) -> Caller {
    let input = shapes::CreateUserRequest { user_name: name.to_owned(), ..Default::default() };
    let made = site.test.call::<iam_ops::CreateUser>(&site.admin(), input).expect("a user").user.expect("a user");
    let id = base::UserId::parse(&made.user_id).expect("valid");
    Caller::Principal(PrincipalCaller {
        account: AccountId::parse(MANAGEMENT).expect("valid"),
        principal: Principal::User(UserIdentity { id, name: name.to_owned(), path: "/".to_owned() }),
        access_key_id: None,
        session: None,
        invoked_by: None,
    })
}

fn give_password(site: &Site, name: &str, must_change: bool) {
    let input = shapes::CreateLoginProfileRequest {
        user_name: Some(name.to_owned()),
        password: Some(PASSWORD.to_owned()),
        password_reset_required: Some(must_change),
    };
    site.test.call::<iam_ops::CreateLoginProfile>(&site.admin(), input).expect("a password");
}

/// A role of the management account that trusts the account.
fn role(site: &Site, name: &str) -> String {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": MANAGEMENT}, "Action": "sts:AssumeRole",
    }]});
    let input = shapes::CreateRoleRequest {
        role_name: name.to_owned(),
        assume_role_policy_document: trust.to_string(),
        ..Default::default()
    };
    site.test.call::<iam_ops::CreateRole>(&site.admin(), input).expect("a role").role.arn
}

fn assume(site: &Site, caller: &Caller, role_arn: &str) -> Credentials {
    let input = AssumeRoleRequest {
        role_arn: role_arn.to_owned(),
        role_session_name: "ann".to_owned(),
        ..AssumeRoleRequest::default()
    };
    site.test.call::<sts_ops::AssumeRole>(caller, input).expect("assumed").credentials.expect("credentials")
}

fn session_json(credentials: &Credentials) -> String {
    json!({
        "sessionId": credentials.access_key_id,
        "sessionKey": credentials.secret_access_key,
        "sessionToken": credentials.session_token,
    })
    .to_string()
}

fn sign_in(browser: &mut Browser<'_>, name: &str, password: &str) -> Page {
    let form = browser.get("/console/signin");
    assert_eq!(form.heading(), "Sign in to the console", "{}", form.body);
    browser.submit(&form, "/console/signin", &[("account", MANAGEMENT), ("username", name), ("password", password)])
}

/// A browser in which the user is in the console.
fn in_console<'a>(site: &'a Site, name: &str) -> Browser<'a> {
    let mut browser = site.browser();
    let page = sign_in(&mut browser, name, PASSWORD);
    assert_eq!((page.status, location(&page)), (303, "/console"), "{}", page.body);
    browser
}

fn audited(site: &Site, event: &str) -> Vec<String> {
    let random = &mut base::Random::from_seed(3);
    site.test.app.audit.flush(&site.test.app.store, random).expect("written");
    let sql = "select record from audit where event_name = $1 order by first_at";
    let found = site.test.app.store.read(|tx| tx.all(sql, kernel::params![event], |row| row.get::<String>(0)));
    found.expect("read")
}

#[test]
fn a_role_of_the_portal_opens_the_console_and_losing_it_closes_it() {
    let site = Site::new();
    let account = tools::assign(&site, "Reader");
    let mut browser = site.signed_in();
    let place = format!("/start/console?account_id={account}&role_name=Reader");
    let portal = browser.get("/start");
    assert!(portal.body.contains(&place.replace('&', "&amp;")), "{}", portal.body);
    let opened = browser.get(&place);
    assert_eq!((opened.status, location(&opened)), (303, "/console"));
    let cookie = opened.cookies().into_iter().find(|cookie| cookie.starts_with(COOKIE)).expect("a cookie");
    for attribute in ["Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=3600"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(cookie.len() < 4_096, "{}", cookie.len());
    let page = browser.get("/console");
    assert_eq!((page.status, page.heading()), (200, "You are in the console"), "{}", page.body);
    for text in
        ["assumed-role/AWSReservedSSO_Reader_", "/alice", &account, "IAM Identity Center", "not part of this build"]
    {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    let federated = audited(&site, "Federate");
    assert!(federated.len() == 1 && federated[0].contains(&account), "{federated:?}");
    let login = audited(&site, "ConsoleLogin");
    assert!(login.len() == 1 && login[0].contains(r#""responseElements":{"ConsoleLogin":"Success"}"#), "{login:?}");

    let denied = browser.get(&format!("/start/console?account_id={account}&role_name=Admin"));
    assert_eq!((denied.status, denied.heading()), (403, "No access"));
    let choose = browser.get(&format!("/start/console?account_id={account}"));
    assert_eq!(location(&choose), format!("/start?q={account}"));
    let mut stranger = site.browser();
    let first = stranger.get(&place);
    assert_eq!(location(&first), format!("/signin?next={}", encoded(&place)));

    let input = ListPermissionSetsRequest { instance_arn: site.instance.arn(), ..Default::default() };
    let sets = site.test.call::<sso_ops::ListPermissionSets>(&site.admin(), input).expect("listed").permission_sets;
    let input = DeleteAccountAssignmentRequest {
        instance_arn: site.instance.arn(),
        permission_set_arn: sets.expect("some").remove(0),
        principal_id: site.alice.to_string(),
        principal_type: PrincipalType::User,
        target_id: account,
        target_type: TargetType::AwsAccount,
    };
    site.test.call::<sso_ops::DeleteAccountAssignment>(&site.admin(), input).expect("accepted");
    site.test.run_jobs();
    assert_eq!(location(&browser.get("/console")), "/console/signin?next=%2Fconsole", "the assignment is gone");
}

#[test]
fn links_lead_to_our_pages_or_name_a_console_of_aws() {
    let site = Site::new();
    let account = tools::assign(&site, "Reader");
    let mut browser = site.signed_in();
    let mut open = |destination: &str| {
        let destination = encoded(destination);
        let page =
            browser.get(&format!("/start/console?account_id={account}&role_name=Reader&destination={destination}"));
        location(&page).to_owned()
    };
    let console = "https://eu-west-1.console.aws.amazon.com/s3/home?region=eu-west-1#<x>";
    let named = open(console);
    assert_eq!(named, format!("/console?destination={}", encoded(console)));
    assert_eq!(open("/switchrole?account=1"), "/switchrole?account=1");
    assert_eq!(open("http://127.0.0.1:4600/start/sessions"), "/start/sessions");
    for elsewhere in ["https://evil.example/", "//evil.example", "/\\evil", "javascript:alert(1)", ""] {
        assert_eq!(open(elsewhere), "/console", "{elsewhere}");
    }
    let page = browser.get(&named);
    assert!(page.body.contains("eu-west-1.console.aws.amazon.com/s3/home?region=eu-west-1#&lt;x&gt;"), "{}", page.body);
    let page = browser.get("/console?destination=https%3A%2F%2Fevil.example%2F");
    assert!(!page.body.contains("evil.example"), "{}", page.body);
}

#[test]
fn temporary_credentials_open_the_console_through_the_federation_endpoint() {
    let site = Site::new();
    let ann = user(&site, "ann");
    let credentials = assume(&site, &ann, &role(&site, "Reader"));
    let session = encoded(&session_json(&credentials));
    let mut browser = site.browser();
    let mut token = |place: &str| {
        let page = browser.get(place);
        assert_eq!((page.status, page.header("content-type")), (200, Some("application/json")), "{}", page.body);
        let json: serde_json::Value = serde_json::from_str(&page.body).expect("JSON");
        json["SigninToken"].as_str().expect("a token").to_owned()
    };
    let short = token(&format!("/federation?Action=getSigninToken&Session={session}"));
    let long = token(&format!("/federation?Action=getSignInToken&SessionDuration=43200&Session={session}"));
    let destination = encoded("https://console.aws.amazon.com/iam/home");
    let login =
        |token: &str| format!("/federation?Action=login&Issuer=x&Destination={destination}&SigninToken={token}");
    for (token, seconds) in [(&short, "Max-Age=3600"), (&long, "Max-Age=43200")] {
        let mut browser = site.browser();
        let page = browser.get(&login(token));
        assert_eq!((page.status, location(&page)), (302, &*format!("/console?destination={destination}")));
        assert!(page.cookies().iter().any(|cookie| cookie.contains(seconds)), "{:?}", page.cookies());
        let page = browser.get("/console");
        assert!(page.body.contains("assumed-role/Reader/ann") && page.body.contains("federation"), "{}", page.body);
    }
    let posted = [("Action", "getSigninToken"), ("Session", &session_json(&credentials))];
    assert_eq!(site.browser().post_with("/federation", &posted, &[]).status, 200);

    let altered = Credentials { secret_access_key: "x".repeat(40), ..credentials.clone() };
    for (session, duration) in [
        ("{}".to_owned(), ""),
        ("not JSON".to_owned(), ""),
        (session_json(&altered), ""),
        (session_json(&Credentials { access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(), ..credentials.clone() }), ""),
        (session_json(&credentials), "899"),
        (session_json(&credentials), "43201"),
        (session_json(&credentials), "x"),
    ] {
        let duration = if duration.is_empty() { String::new() } else { format!("&SessionDuration={duration}") };
        let place = format!("/federation?Action=getSigninToken{duration}&Session={}", encoded(&session));
        assert_eq!(site.browser().get(&place).status, 400, "{session} {duration}");
    }
    for place in ["/federation", "/federation?Action=other", "/federation?Action=login&SigninToken=x"] {
        assert_eq!(site.browser().get(place).status, 400, "{place}");
    }
    site.test.clock.advance_seconds(901);
    assert_eq!(site.browser().get(&login(&long)).status, 400, "a token is good for 15 minutes");
}

#[test]
fn the_federation_endpoint_knows_whose_credentials_it_is_given() {
    let site = Site::new();
    let ann = user(&site, "ann");
    let status = |credentials: &Credentials, duration: &str| {
        let session = encoded(&session_json(credentials));
        site.browser().get(&format!("/federation?Action=getSigninToken&Session={session}{duration}")).status
    };
    let own = site.test.call::<sts_ops::GetSessionToken>(&ann, GetSessionTokenRequest::default()).expect("credentials");
    assert_eq!(status(&own.credentials.expect("some"), ""), 400, "sessions of users are their own");
    let input = GetFederationTokenRequest { name: "bob".to_owned(), ..Default::default() };
    let federated = site.test.call::<sts_ops::GetFederationToken>(&ann, input).expect("credentials");
    let federated = federated.credentials.expect("some");
    assert_eq!((status(&federated, ""), status(&federated, "&SessionDuration=900")), (200, 400));
    let first = assume(&site, &ann, &role(&site, "First"));
    let seal = &site.test.app.seal;
    let id = base::AccessKeyId::parse(&first.access_key_id).expect("valid");
    let (caller, _) = iam::sts::session_token::open(seal, &id, &first.session_token).expect("opens");
    let chained = assume(&site, &Caller::Principal(caller), &role(&site, "Second"));
    assert_eq!((status(&chained, "&SessionDuration=3600"), status(&chained, "&SessionDuration=3601")), (200, 400));
    let input = shapes::DeleteRoleRequest { role_name: "Second".to_owned() };
    site.test.call::<iam_ops::DeleteRole>(&site.admin(), input).expect("deleted");
    assert_eq!(status(&chained, ""), 400, "the role is gone");
}

#[test]
fn a_user_signs_in_with_account_name_and_password() {
    let site = Site::new();
    user(&site, "ann");
    give_password(&site, "ann", false);
    let mut browser = in_console(&site, "ann");
    let page = browser.get("/console");
    assert!(page.body.contains(&format!("arn:aws:iam::{MANAGEMENT}:user/ann")), "{}", page.body);
    assert!(page.body.contains("the password of an IAM user"));
    let login = audited(&site, "ConsoleLogin");
    assert!(login[0].contains(r#""type":"IAMUser""#) && login[0].contains(r#""MFAUsed":"No""#), "{login:?}");

    let refused: Vec<String> = [("ann", "Wrong-Horse-42"), ("nobody", PASSWORD)]
        .into_iter()
        .map(|(name, password)| {
            let page = sign_in(&mut site.browser(), name, password);
            assert_eq!(page.status, 200);
            assert!(page.body.contains("Your authentication information is incorrect. Please try again."));
            page.body.split("<h1>").nth(1).expect("split").split("<form").next().expect("split").to_owned()
        })
        .collect();
    assert_eq!(refused[0], refused[1], "nobody learns who exists");
    let failures = audited(&site, "ConsoleLogin");
    assert!(failures.iter().any(|it| it.contains(r#""userName":"ann"},"#) && it.contains("Failed authentication")));
    assert!(failures.iter().any(|it| it.contains("HIDDEN_DUE_TO_SECURITY_REASONS")), "{failures:?}");

    let page = browser.get("/console");
    let out = browser.submit(&page, "/console/signout", &[]);
    assert_eq!(location(&out), "/console/signin");
    assert!(!browser.cookies.contains_key(COOKIE));

    let mut other = in_console(&site, "ann");
    let input = shapes::DeleteLoginProfileRequest { user_name: Some("ann".to_owned()) };
    site.test.call::<iam_ops::DeleteLoginProfile>(&site.admin(), input).expect("deleted");
    assert_eq!(other.get("/console").status, 303, "the password is gone, and the session with it");
}

#[test]
fn a_password_that_must_be_replaced_is_replaced_first() {
    let site = Site::new();
    user(&site, "ann");
    give_password(&site, "ann", true);
    let mut browser = site.browser();
    let page = sign_in(&mut browser, "ann", PASSWORD);
    assert_eq!(page.heading(), "Choose a new password", "{}", page.body);
    assert!(!browser.cookies.contains_key(COOKIE));
    let mut give = |page: &Page, new: &str, again: &str| {
        browser.submit(page, "/console/password", &[("new", new), ("again", again)])
    };
    let page = give(&page, "Other-Horse-43", "Other-Horse-44");
    assert!(page.body.contains("The two passwords differ."), "{}", page.body);
    let page = give(&page, "short", "short");
    assert_eq!((page.status, page.heading()), (200, "Choose a new password"), "{}", page.body);
    let page = give(&page, PASSWORD, PASSWORD);
    assert!(page.body.contains("must be another one"), "{}", page.body);
    let done = give(&page, "Other-Horse-43", "Other-Horse-43");
    assert_eq!((done.status, location(&done)), (303, "/console"), "{}", done.body);
    let again = give(&page, "Third-Horse-44", "Third-Horse-44");
    assert_eq!(again.heading(), "Sign in to the console", "a ticket is good for one password: {}", again.body);
    assert_eq!(browser.get("/console").status, 200);
}

/// The code of a virtual device at `at` (RFC 6238).
fn totp(base32: &[u8], at: Timestamp) -> String {
    let mut bits = 0_u32;
    let (mut buffer, mut seed) = (0_u64, Vec::new());
    for c in base32.iter().filter(|c| **c != b'=') {
        let digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|each| each == c).expect("base32");
        buffer = buffer << 5 | digit as u64;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            seed.push((buffer >> bits) as u8);
        }
    }
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &seed);
    let tag = aws_lc_rs::hmac::sign(&key, &(at.seconds() / 30).to_be_bytes());
    let tag = tag.as_ref();
    let start = usize::from(tag[19] & 15);
    let number = u32::from_be_bytes(tag[start..start + 4].try_into().expect("four bytes")) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[test]
fn a_registered_device_is_asked_for_its_code() {
    let site = Site::new();
    user(&site, "ann");
    give_password(&site, "ann", false);
    let input =
        shapes::CreateVirtualMFADeviceRequest { virtual_mfa_device_name: "phone".to_owned(), ..Default::default() };
    let device = site.test.call::<iam_ops::CreateVirtualMFADevice>(&site.admin(), input).expect("a device");
    let device = device.virtual_mfa_device;
    let seed = device.base32_string_seed.expect("a seed").0;
    let now = || site.test.app.now();
    let input = shapes::EnableMFADeviceRequest {
        user_name: "ann".to_owned(),
        serial_number: device.serial_number,
        authentication_code1: totp(&seed, now()),
        authentication_code2: totp(&seed, now().plus_seconds(30)),
    };
    site.test.call::<iam_ops::EnableMFADevice>(&site.admin(), input).expect("enabled");
    site.test.clock.advance_seconds(90);

    let mut browser = site.browser();
    let page = sign_in(&mut browser, "ann", PASSWORD);
    assert_eq!(page.heading(), "Enter your MFA code", "{}", page.body);
    assert_eq!(browser.get("/console").status, 303, "not yet");
    let wrong = browser.submit(&page, "/console/mfa", &[("code", "000000")]);
    assert_eq!(wrong.heading(), "Enter your MFA code", "{}", wrong.body);
    let code = totp(&seed, now());
    let done = browser.submit(&wrong, "/console/mfa", &[("code", &code)]);
    assert_eq!((done.status, location(&done)), (303, "/console"), "{}", done.body);
    assert!(browser.get("/console").body.contains("with a second factor"));
    assert!(audited(&site, "ConsoleLogin").iter().any(|it| it.contains(r#""MFAUsed":"Yes""#)));
    let mut thief = site.browser();
    let page = sign_in(&mut thief, "ann", PASSWORD);
    let again = thief.submit(&page, "/console/mfa", &[("code", &code)]);
    assert_eq!(again.heading(), "Enter your MFA code", "a code counts once");
}

#[test]
fn the_root_user_signs_in_by_address() {
    let site = Site::new();
    let account = AccountId::parse(MANAGEMENT).expect("valid");
    let hash = kernel::password::hash(PASSWORD, [7; 16]).expect("hashed");
    let set = |tx: &mut kernel::WriteTx<'_>| iam::account::root_password::set(tx, &account, Some(&hash));
    site.test.app.store.write(set, |_| {}).expect("set");
    let mut browser = site.browser();
    let form = browser.get("/console/signin?as=root");
    let page = browser.submit(&form, "/console/signin", &[("email", "ROOT@example.com"), ("password", PASSWORD)]);
    assert_eq!((page.status, location(&page)), (303, "/console"), "{}", page.body);
    let page = browser.get("/console");
    assert!(
        page.body.contains("You are the root user") && !page.body.contains("href=\"/switchrole\""),
        "{}",
        page.body
    );
    let page = browser.get("/switchrole");
    let page = browser.submit(&page, "/switchrole", &[("account", MANAGEMENT), ("roleName", "Reader")]);
    assert!(page.body.contains("Roles may not be assumed by root accounts."), "{}", page.body);
}

#[test]
fn whoever_guesses_console_passwords_is_slowed_down() {
    let site = Site::new();
    for name in ["ann", "nobody"] {
        let mut browser = site.browser();
        let page = (0..40).map(|_| sign_in(&mut browser, name, "Wrong-Horse-42")).find(|page| page.status == 429);
        let page = page.unwrap_or_else(|| panic!("{name} may guess for ever"));
        assert!(page.body.contains("Too many attempts.") && page.header("retry-after").is_some(), "{}", page.body);
        site.test.clock.advance_seconds(86_401);
    }
}

#[test]
fn roles_are_switched_to_and_back() {
    let site = Site::new();
    user(&site, "ann");
    give_password(&site, "ann", false);
    role(&site, "Reader");
    role(&site, "Other");
    let mut browser = in_console(&site, "ann");
    let page = browser.get("/switchrole?account=111122223333&roleName=Reader&displayName=Prod%20%3Cx%3E&color=99BCE3");
    assert!(page.body.contains("value=\"Reader\"") && page.body.contains("value=\"Prod &lt;x&gt;\""), "{}", page.body);
    let fields = [("account", MANAGEMENT), ("roleName", "Reader"), ("displayName", "Prod <x>"), ("color", "99bce3")];
    let switched = browser.submit(&page, "/switchrole", &fields);
    assert_eq!((switched.status, location(&switched)), (303, "/console"), "{}", switched.body);
    let page = browser.get("/console");
    for text in ["assumed-role/Reader/ann", "Prod &lt;x&gt;", "fill=\"#99bce3\"", "Switched from", "user/ann"] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert_eq!(audited(&site, "SwitchRole").len(), 1);
    assert!(audited(&site, "AssumeRole").iter().any(|it| it.contains(r#""userName":"ann""#)), "an ordinary call");

    let page = browser.get("/switchrole?account=111122223333&roleName=Other");
    browser.submit(&page, "/switchrole", &[("account", MANAGEMENT), ("roleName", "Other")]);
    let page = browser.get("/console");
    assert!(
        page.body.contains("assumed-role/Other/ann") && page.body.contains("user/ann"),
        "not a chain: {}",
        page.body
    );
    let back = browser.submit(&page, "/switchrole/back", &[]);
    assert_eq!(location(&back), "/console");
    let page = browser.get("/console");
    assert!(page.body.contains(":user/ann") && !page.body.contains("assumed-role"), "{}", page.body);

    let page = browser.get("/switchrole");
    for (account, name) in [(MANAGEMENT, "Nothing"), ("999988887777", "Reader"), ("nobody", "Reader"), (MANAGEMENT, "")]
    {
        let page = browser.submit(&page, "/switchrole", &[("account", account), ("roleName", name)]);
        assert_eq!(page.status, 403, "{account} {name}");
        assert!(page.body.contains("Invalid information in one or more fields."), "{}", page.body);
    }
    let page = browser.submit(&page, "/switchrole", &[("account", MANAGEMENT), ("roleName", "Nothing")]);
    let sentence = "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/Nothing";
    assert!(page.body.contains(sentence), "{}", page.body);
    let page = browser.submit(&browser_page(&site), "/switchrole", &fields);
    assert_eq!((page.status, page.heading()), (403, "The form was refused"));

    let page = browser.get("/switchrole?account=111122223333&roleName=Reader");
    browser.submit(&page, "/switchrole", &fields);
    let input = shapes::DeleteRoleRequest { role_name: "Reader".to_owned() };
    site.test.call::<iam_ops::DeleteRole>(&site.admin(), input).expect("deleted");
    let page = browser.get("/console");
    assert!(page.body.contains(":user/ann") && !page.body.contains("assumed-role"), "the role is gone: {}", page.body);
}

/// The page of another browser, with the token of that.
fn browser_page(site: &Site) -> Page {
    in_console(site, "ann").get("/switchrole")
}

const CALLBACK: &str = "http://127.0.0.1:37977/oauth/callback";
/// SHA-256 of [`VERIFIER`] in base64url (RFC 7636 appendix B).
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const SAME_DEVICE: &str = "arn:aws:signin:::devtools/same-device";

/// `aws login`: a key, and the requests that it signs.
struct Tool<'a> {
    site: &'a Site,
    key: SigningKey,
    proofs: std::cell::Cell<u32>,
}

impl<'a> Tool<'a> {
    fn new(site: &'a Site) -> Self {
        let key = SigningKey::from_pkcs8(&SigningKey::generate_p256().expect("a key")).expect("a key");
        Self { site, key, proofs: std::cell::Cell::new(0) }
    }

    fn place(client_id: &str, callback: &str) -> String {
        format!(
            "/v1/authorize?response_type=code&client_id={}&state=s-t&code_challenge_method=SHA-256&scope=openid\
             &redirect_uri={}&code_challenge={CHALLENGE}",
            encoded(client_id),
            encoded(callback)
        )
    }

    fn proof(&self, url: &str) -> String {
        use base64::Engine as _;
        let encode = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        self.proofs.set(self.proofs.get() + 1);
        let jwk = jwt::public_jwk("x", &self.key).expect("a key");
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"]});
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk});
        let now = self.site.test.app.now().seconds();
        let claims = json!({"htm": "POST", "htu": url, "iat": now, "jti": format!("p{}", self.proofs.get())});
        let text = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.key.sign(text.as_bytes()).expect("signed");
        format!("{text}.{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(signature))
    }

    fn send(&self, proof: Option<String>, body: CreateOAuth2TokenRequestBody) -> Result<CreateOAuth2TokenResponse> {
        let dpop = proof.map(|proof| DpopHeader {
            proof,
            authority: "127.0.0.1:4600".to_owned(),
            path: "/v1/token".to_owned(),
        });
        let info = Arc::new(RequestInfo { dpop, ..(*self.site.test.request()).clone() });
        let route =
            self.site.test.app.registry().find(<signin_ops::CreateOAuth2Token as smithy::schema::Operation>::OP);
        let input = CreateOAuth2TokenRequest { token_input: body };
        let output = dispatch::call(&self.site.test.app, route.expect("served"), &Caller::Anonymous, &info, &input)?;
        Ok(*output.into_any().downcast().map_err(|_| kernel::Error::internal("another shape"))?)
    }

    fn ask(&self, body: CreateOAuth2TokenRequestBody) -> Result<CreateOAuth2TokenResponse> {
        self.send(Some(self.proof("http://127.0.0.1:4600/v1/token")), body)
    }

    fn redeem(&self, code: &str) -> Result<CreateOAuth2TokenResponse> {
        self.ask(of_code(code))
    }

    fn refresh(&self, token: &str) -> Result<CreateOAuth2TokenResponse> {
        self.ask(of_refresh(token))
    }
}

fn of_code(code: &str) -> CreateOAuth2TokenRequestBody {
    CreateOAuth2TokenRequestBody {
        client_id: SAME_DEVICE.to_owned(),
        grant_type: "authorization_code".to_owned(),
        code: Some(code.to_owned()),
        code_verifier: Some(VERIFIER.to_owned()),
        redirect_uri: Some(CALLBACK.to_owned()),
        refresh_token: None,
    }
}

fn of_refresh(token: &str) -> CreateOAuth2TokenRequestBody {
    CreateOAuth2TokenRequestBody {
        client_id: SAME_DEVICE.to_owned(),
        grant_type: "refresh_token".to_owned(),
        refresh_token: Some(token.to_owned()),
        ..CreateOAuth2TokenRequestBody::default()
    }
}

fn parameter(location: &str, name: &str) -> String {
    let (_, query) = location.split_once('?').expect("a query");
    let found = form_urlencoded::parse(query.as_bytes()).find(|(each, _)| each == name);
    found.unwrap_or_else(|| panic!("no {name} in {location}")).1.into_owned()
}

/// Lets a tool in and gives the code.
fn allowed(browser: &mut Browser<'_>) -> String {
    let page = browser.get(&Tool::place(SAME_DEVICE, CALLBACK));
    assert_eq!(page.heading(), "Let a command-line tool act for you?", "{}", page.body);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.ends_with("form-action 'self' http://127.0.0.1:37977"), "{policy}");
    let done = browser.submit(&page, "/v1/authorize", &[("decision", "allow")]);
    assert!(location(&done).starts_with(CALLBACK), "{}", location(&done));
    assert_eq!(parameter(location(&done), "state"), "s-t");
    parameter(location(&done), "code")
}

fn refusal(result: Result<CreateOAuth2TokenResponse>) -> String {
    match result {
        Err(kernel::Error::Modeled(error)) => {
            let schema = error.schema().members();
            let at = schema.iter().position(|member| member.name == "error").expect("the member");
            let text = match error.member(at).view() {
                Some(smithy::schema::View::Text(text)) => text.to_owned(),
                _ => String::new(),
            };
            format!("{} {text}", error.meta().name)
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the tool was expected to be refused"),
    }
}

#[test]
fn aws_login_gets_short_credentials_and_renews_them_with_its_key() {
    let site = Site::new();
    user(&site, "ann");
    give_password(&site, "ann", false);
    let mut browser = site.browser();
    let place = Tool::place(SAME_DEVICE, CALLBACK);
    let first = browser.get(&place);
    assert_eq!(location(&first), format!("/console/signin?next={}", encoded(&place)));
    let form = browser.get(location(&first));
    assert!(form.body.contains("aws login"), "says what for: {}", form.body);
    let fields = [("account", MANAGEMENT), ("username", "ann"), ("password", PASSWORD)];
    let next = browser.submit(&form, "/console/signin", &fields);
    assert_eq!(location(&next), place);

    let code = allowed(&mut browser);
    let tool = Tool::new(&site);
    assert_eq!(refusal(tool.send(None, of_code(&code))), "ValidationException INVALID_REQUEST");
    let elsewhere = tool.proof("http://127.0.0.1:4600/v1/other");
    assert_eq!(refusal(tool.send(Some(elsewhere), of_code(&code))), "ValidationException INVALID_REQUEST");
    let wrong = CreateOAuth2TokenRequestBody { code_verifier: Some("x".repeat(43)), ..of_code(&code) };
    assert_eq!(refusal(tool.ask(wrong)), "ValidationException INVALID_REQUEST");
    let proof = tool.proof("http://127.0.0.1:4600/v1/token");
    let output = tool.send(Some(proof.clone()), of_code(&code)).expect("credentials").token_output;
    assert_eq!((output.token_type.as_str(), output.expires_in), ("aws_sigv4", 900));
    assert_eq!(
        refusal(tool.send(Some(proof), of_refresh(&output.refresh_token))),
        "ValidationException INVALID_REQUEST"
    );
    let parts: Vec<&str> = output.id_token.as_deref().expect("an ID token").split('.').collect();
    assert_eq!(parts.len(), 3);
    use base64::Engine as _;
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(parts[1]).expect("base64url");
    let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(claims["sub"], format!("arn:aws:iam::{MANAGEMENT}:user/ann"));
    let id = base::AccessKeyId::parse(&output.access_token.access_key_id).expect("valid");
    let seal = &site.test.app.seal;
    let (caller, secret) = iam::sts::session_token::open(seal, &id, &output.access_token.session_token).expect("opens");
    assert_eq!(
        (caller.arn(), secret.expose()),
        (claims["sub"].as_str().expect("text").to_owned(), output.access_token.secret_access_key.as_str())
    );
    assert_eq!(audited(&site, "AuthorizeOAuth2Access").len(), 1);
    let created = audited(&site, "CreateOAuth2Token");
    assert!(created.len() == 1 && !created[0].contains(&output.refresh_token), "{created:?}");

    let second = tool.refresh(&output.refresh_token).expect("renewed").token_output;
    assert!(second.id_token.is_none() && second.refresh_token != output.refresh_token);
    let repeated = tool.refresh(&output.refresh_token).expect("an answer may get lost").token_output;
    tool.refresh(&second.refresh_token).expect("a process beside it has that one");
    let thief = Tool::new(&site);
    assert_eq!(refusal(thief.refresh(&repeated.refresh_token)), "AccessDeniedException TOKEN_EXPIRED");
    let third = tool.refresh(&repeated.refresh_token).expect("renewed").token_output;
    site.test.clock.advance_seconds(61);
    assert_eq!(refusal(tool.refresh(&repeated.refresh_token)), "AccessDeniedException TOKEN_EXPIRED");
    assert_eq!(
        refusal(tool.refresh(&third.refresh_token)),
        "AccessDeniedException TOKEN_EXPIRED",
        "a copy ends it all"
    );
}

#[test]
fn aws_login_ends_with_what_it_rests_on() {
    let site = Site::new();
    user(&site, "ann");
    give_password(&site, "ann", false);
    let mut browser = in_console(&site, "ann");
    let tool = Tool::new(&site);
    let late = allowed(&mut browser);
    site.test.clock.advance_seconds(600);
    assert_eq!(refusal(tool.redeem(&late)), "AccessDeniedException AUTHCODE_EXPIRED");
    assert_eq!(refusal(tool.redeem("unknown")), "AccessDeniedException AUTHCODE_EXPIRED");
    let twice = allowed(&mut browser);
    let output = tool.redeem(&twice).expect("credentials").token_output;
    assert_eq!(refusal(tool.redeem(&twice)), "AccessDeniedException AUTHCODE_EXPIRED");
    assert_eq!(refusal(tool.refresh(&output.refresh_token)), "AccessDeniedException TOKEN_EXPIRED");

    let output = tool.redeem(&allowed(&mut browser)).expect("credentials").token_output;
    site.test.clock.advance_seconds(42_600);
    assert_eq!(
        refusal(tool.refresh(&output.refresh_token)),
        "AccessDeniedException TOKEN_EXPIRED",
        "12 hours are over"
    );

    let mut browser = in_console(&site, "ann");
    let output = tool.redeem(&allowed(&mut browser)).expect("credentials").token_output;
    let input = shapes::UpdateLoginProfileRequest {
        user_name: "ann".to_owned(),
        password: Some("Other-Horse-43".to_owned()),
        password_reset_required: None,
    };
    site.test.call::<iam_ops::UpdateLoginProfile>(&site.admin(), input).expect("changed");
    assert_eq!(refusal(tool.refresh(&output.refresh_token)), "AccessDeniedException USER_CREDENTIALS_CHANGED");
    site.test.clock.advance_seconds(86_400);
    site.test.run_jobs();
    let left = site.test.app.store.read(|tx| tx.count("select count(*) from signin_login", &[]));
    assert_eq!(left.expect("counted"), 0);
}

#[test]
fn a_tool_elsewhere_is_given_its_code_by_hand() {
    let site = Site::new();
    user(&site, "ann");
    give_password(&site, "ann", false);
    let mut browser = in_console(&site, "ann");
    let client = "arn:aws:signin:::devtools/cross-device";
    let confirmation = "http://127.0.0.1:4600/v1/sessions/confirmation";
    let page = browser.get(&Tool::place(client, confirmation));
    assert!(page.body.contains("on another machine"), "{}", page.body);
    let done = browser.submit(&page, "/v1/authorize", &[("decision", "allow")]);
    let place = location(&done).strip_prefix("http://127.0.0.1:4600").expect("ours");
    let shown = browser.get(place);
    use base64::Engine as _;
    let (_, rest) = shown.body.split_once("data-copy=\"the authorization code\">").expect("a code");
    let text =
        base64::engine::general_purpose::STANDARD.decode(rest.split('<').next().expect("split")).expect("base64");
    let text = format!("?{}", String::from_utf8(text).expect("text"));
    assert_eq!(parameter(&text, "state"), "s-t");
    let body = CreateOAuth2TokenRequestBody {
        client_id: client.to_owned(),
        redirect_uri: Some(confirmation.to_owned()),
        ..of_code(&parameter(&text, "code"))
    };
    let output = Tool::new(&site).ask(body).expect("credentials").token_output;
    assert!(output.access_token.access_key_id.starts_with("ASIA"));

    let page = browser.get(&Tool::place(client, "http://evil.example/v1/sessions/confirmation"));
    assert_eq!((page.status, page.header("location")), (400, None));
    let page = browser.get(&Tool::place(SAME_DEVICE, CALLBACK));
    let denied = browser.submit(&page, "/v1/authorize", &[("decision", "deny")]);
    assert_eq!(parameter(location(&denied), "error"), "access_denied");
}

#[test]
fn an_answer_of_an_identity_provider_must_be_one() {
    let site = Site::new();
    let form = [("SAMLResponse", "PHg+"), ("RelayState", "")];
    let page = site.browser().post_with("/saml", &form, &[("sec-fetch-site", "cross-site")]);
    assert_eq!((page.status, page.heading()), (400, "Your request included an invalid SAML response"), "{}", page.body);
    assert_eq!(site.browser().get("/saml").status, 400);
    let metadata = site.browser().get("/static/saml-metadata.xml");
    assert!(metadata.body.contains("entityID=\"urn:amazon:webservices\""), "{}", metadata.body);
    assert!(metadata.body.contains("Location=\"https://signin.aws.amazon.com/saml\""));
    assert!(metadata.body.contains("Location=\"http://127.0.0.1:4600/saml\""));
}
