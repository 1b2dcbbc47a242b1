//! The console on a real socket: federation as tools do it, and `aws login` with a key of its own, as no distribution has
//! an AWS CLI that knows it.

use crate::harness::Server;
use crate::wire::{Answer, Call, Credentials, Signing, encode};
use base::{Clock as _, SystemClock};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use federation::jwt;
use federation::keys::SigningKey;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PASSWORD: &str = "Console-Horse-42";
const CALLBACK: &str = "http://127.0.0.1:37977/oauth/callback";
/// SHA-256 of [`VERIFIER`] in base64url (RFC 7636 appendix B).
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CLIENT: &str = "arn:aws:signin:::devtools/same-device";

/// Keeps cookies, follows nothing.
struct Browser<'a> {
    server: &'a Server,
    cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    fn send(&mut self, mut call: Call) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        call.set("cookie", &cookies.join("; "));
        let answer = call.send(self.server.address).expect("an answer");
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    fn get(&mut self, place: &str) -> Answer {
        let (path, query) = place.split_once('?').unwrap_or((place, ""));
        self.send(Call { query: query.to_owned(), ..Call::get(path) })
    }

    /// Sends the only form of `page` that goes to `action`, with its hidden fields.
    fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let (_, form) =
            page.body.split_once(&format!("action=\"{action}\"")).unwrap_or_else(|| panic!("{}", page.body));
        let form = form.split("</form>").next().expect("split");
        let attribute = |tag: &str, name: &str| {
            let (_, rest) = tag.split_once(&format!("{name}=\""))?;
            Some(rest.split('"').next()?.replace("&amp;", "&").replace("&quot;", "\""))
        };
        let hidden = form.split("<input").filter(|tag| tag.contains("type=\"hidden\""));
        let hidden = hidden.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)));
        let given = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let pairs: Vec<String> =
            hidden.chain(given).map(|(name, value)| format!("{}={}", encode(&name), encode(&value))).collect();
        self.send(Call::post(action, "application/x-www-form-urlencoded", pairs.join("&")))
    }
}

fn browser(server: &Server) -> Browser<'_> {
    Browser { server, cookies: BTreeMap::new() }
}

fn location(answer: &Answer) -> &str {
    answer.header("location").unwrap_or_else(|| panic!("no redirect: {} {}", answer.status, answer.body))
}

fn policy(actions: &[&str]) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})
}

/// A role that the management account trusts.
fn role(server: &Server, name: &str) -> String {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": server.management()}, "Action": "sts:AssumeRole",
    }]});
    let input = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
    server.ok(&server.admin(), "iam", "CreateRole", input).xml("Arn")
}

/// A browser in which `name` is in the console.
fn in_console<'a>(server: &'a Server, name: &str) -> Browser<'a> {
    let mut browser = browser(server);
    let form = browser.get("/console/signin");
    let fields = [("account", server.management()), ("username", name.to_owned()), ("password", PASSWORD.to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = browser.submit(&form, "/console/signin", &fields);
    assert_eq!((answer.status, location(&answer)), (303, "/console"), "{}", answer.body);
    browser
}

#[test]
fn a_tool_opens_the_console_with_temporary_credentials() {
    let server = Server::ephemeral();
    let arn = role(&server, "Reader");
    let credentials = server.session(&server.admin(), &arn);
    let session = json!({
        "sessionId": credentials.id,
        "sessionKey": credentials.secret,
        "sessionToken": credentials.token,
    });
    let ask = |host: Option<&str>, session: &Value| {
        let query = format!("Action=getSigninToken&SessionDuration=3600&Session={}", encode(&session.to_string()));
        let call = Call { query, ..Call::get("/federation") };
        let call = host.map_or(call.clone(), |host| call.header("host", host));
        call.send(server.address).expect("an answer")
    };
    for host in [None, Some("signin.aws.amazon.com"), Some("us-east-1.signin.aws.amazon.com")] {
        let token = ask(host, &session).json()["SigninToken"].as_str().expect("a token").to_owned();
        let destination = encode("https://console.aws.amazon.com/");
        let mut browser = browser(&server);
        let answer =
            browser.get(&format!("/federation?Action=login&Issuer=&Destination={destination}&SigninToken={token}"));
        assert_eq!((answer.status, location(&answer)), (302, &*format!("/console?destination={destination}")));
        let page = browser.get("/console");
        assert!(page.status == 200 && page.body.contains("assumed-role/Reader/test"), "{}", page.body);
    }
    let admin = server.admin();
    let long_term = json!({"sessionId": admin.id, "sessionKey": admin.secret, "sessionToken": ""});
    assert_eq!(ask(None, &long_term).status, 400, "only temporary credentials");
    server.ok(&admin, "iam", "DeleteRole", json!({"RoleName": "Reader"}));
    assert_eq!(ask(None, &session).status, 400, "the role is gone");
}

#[test]
fn switching_to_a_role_takes_both_its_trust_and_ones_own_permission() {
    let server = Server::ephemeral();
    let management = server.management();
    role(&server, "Reader");
    server.user("ann", Some(&policy(&["sts:AssumeRole"])));
    server.user("bob", None);
    for name in ["ann", "bob"] {
        let input = json!({"UserName": name, "Password": PASSWORD});
        server.ok(&server.admin(), "iam", "CreateLoginProfile", input);
    }
    let switch = |name: &str| {
        let mut browser = in_console(&server, name);
        let page = browser.get("/switchrole");
        let answer = browser.submit(&page, "/switchrole", &[("account", &management), ("roleName", "Reader")]);
        (answer.status, answer.body, browser.get("/console").body)
    };
    let (status, _, page) = switch("ann");
    assert_eq!(status, 303);
    assert!(page.contains("assumed-role/Reader/ann"), "{page}");
    let (status, refusal, page) = switch("bob");
    assert_eq!(status, 403);
    assert!(refusal.contains("is not authorized to perform: sts:AssumeRole on resource"), "{refusal}");
    assert!(page.contains(":user/bob"), "{page}");
}

/// The body and the proof of a request for a token.
fn token(server: &Server, key: &SigningKey, body: &Value) -> Answer {
    let jwk = jwt::public_jwk("x", key).expect("a key");
    let jwk = json!({"kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"]});
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk});
    let id: u64 = base::Random::from_system().below(u32::MAX).into();
    let now = SystemClock.now().seconds();
    let url = format!("http://{}/v1/token", server.address);
    let claims = json!({"htm": "POST", "htu": url, "iat": now, "jti": id.to_string()});
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let proof = format!("{text}.{}", URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).expect("signed")));
    let call = Call::post("/v1/token", "application/json", body.to_string()).header("dpop", &proof);
    call.send(server.address).expect("an answer")
}

fn caller(server: &Server, output: &Value) -> Answer {
    let text = |name: &str| output["accessToken"][name].as_str().expect("text").to_owned();
    let credentials =
        Credentials { id: text("accessKeyId"), secret: text("secretAccessKey"), token: Some(text("sessionToken")) };
    let mut call = Call::of("sts", "GetCallerIdentity", &json!({}));
    Signing::new(&credentials, "sts").sign(&mut call, server.address);
    call.send(server.address).expect("an answer")
}

#[test]
fn aws_login_takes_a_permission_and_ends_with_the_user() {
    let server = Server::ephemeral();
    let admin = server.admin();
    server.user("ann", Some(&policy(&["signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"])));
    server.user("bob", None);
    for name in ["ann", "bob"] {
        server.ok(&admin, "iam", "CreateLoginProfile", json!({"UserName": name, "Password": PASSWORD}));
    }
    let place = format!(
        "/v1/authorize?response_type=code&client_id={}&state=st&code_challenge_method=SHA-256&scope=openid\
         &redirect_uri={}&code_challenge={CHALLENGE}",
        encode(CLIENT),
        encode(CALLBACK)
    );
    let allow = |name: &str| {
        let mut browser = in_console(&server, name);
        let page = browser.get(&place);
        browser.submit(&page, "/v1/authorize", &[("decision", "allow")])
    };
    let denied = allow("bob");
    assert_eq!(denied.status, 403);
    assert!(denied.body.contains("signin:AuthorizeOAuth2Access on resource: arn:aws:signin:"), "{}", denied.body);
    let answer = allow("ann");
    let (_, code) = location(&answer).split_once("?code=").unwrap_or_else(|| panic!("{}", location(&answer)));
    let code = code.split('&').next().expect("split");
    let key = SigningKey::from_pkcs8(&SigningKey::generate_p256().expect("a key")).expect("a key");
    let body = json!({
        "clientId": CLIENT, "grantType": "authorization_code", "code": code, "codeVerifier": VERIFIER,
        "redirectUri": CALLBACK,
    });
    let answer = token(&server, &key, &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let output = answer.json();
    assert_eq!((output["tokenType"].as_str(), output["expiresIn"].as_i64()), (Some("aws_sigv4"), Some(900)));
    assert!(output["idToken"].as_str().is_some_and(|token| token.split('.').count() == 3));
    let identity = caller(&server, &output);
    assert_eq!(identity.xml("Arn"), format!("arn:aws:iam::{}:user/ann", server.management()), "{}", identity.body);

    let body = |output: &Value| json!({"clientId": CLIENT, "grantType": "refresh_token", "refreshToken": output["refreshToken"]});
    let renewed = token(&server, &key, &body(&output)).json();
    assert_eq!(caller(&server, &renewed).status, 200);
    server.ok(&admin, "iam", "DeleteUserPolicy", json!({"UserName": "ann", "PolicyName": "only"}));
    let refused = token(&server, &key, &body(&renewed));
    assert_eq!((refused.status, refused.code().as_str()), (400, "AccessDeniedException"), "{}", refused.body);
    assert_eq!(refused.json()["error"], "INSUFFICIENT_PERMISSIONS");
    server.ok(&admin, "iam", "DeleteLoginProfile", json!({"UserName": "ann"}));
    assert_eq!(token(&server, &key, &body(&renewed)).json()["error"], "USER_CREDENTIALS_CHANGED");
    let unproved = Call::post("/v1/token", "application/json", body(&renewed).to_string()).send(server.address);
    assert_eq!(unproved.expect("an answer").code(), "ValidationException");
}
