//! Roles for the holders of OpenID Connect tokens: the server fetches the issuer's keys and follows them.
//!
//! The issuers stand behind a proxy of the test, so that they have names and the port 443 as real ones do.

use crate::harness::{Scratch, Server, Start, eventually};
use crate::wire::Answer;
use aws_lc_rs::digest;
use base::{Clock as _, SystemClock};
use federation::jwt;
use federation::keys::SigningKey;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const AUDIENCE: &str = "sts.amazonaws.com";
const SUBJECT: &str = "repo:example/app:ref:refs/heads/main";

/// A server of the test's internet.
struct Site {
    tls: Arc<rustls::ServerConfig>,
    documents: HashMap<String, String>,
    is_up: bool,
    asked: usize,
}

/// A proxy that leads to the sites of the test and to nothing else.
struct Internet {
    sites: Arc<Mutex<HashMap<String, Site>>>,
    address: SocketAddr,
}

fn head(stream: &mut impl std::io::Read) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 65_536 {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn serve(mut stream: TcpStream, sites: &Mutex<HashMap<String, Site>>) -> Option<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    let request = head(&mut stream)?;
    let host = request.strip_prefix("CONNECT ")?.split(":443 ").next()?.to_owned();
    let tls = {
        let mut sites = sites.lock().expect("not poisoned");
        sites.get_mut(&host).filter(|site| site.is_up).map(|site| {
            site.asked += 1;
            Arc::clone(&site.tls)
        })
    };
    let Some(tls) = tls else { return stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").ok() };
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    let session = rustls::ServerConnection::new(tls).expect("a session");
    let mut stream = rustls::StreamOwned::new(session, stream);
    let request = head(&mut stream)?;
    let path = request.split(' ').nth(1)?;
    let document = sites.lock().expect("not poisoned")[&host].documents.get(path).cloned();
    let (status, location, body) = match document {
        None => ("404 Not Found", String::new(), String::new()),
        Some(text) => match text.strip_prefix("to ") {
            Some(target) => ("302 Found", format!("location: {target}\r\n"), String::new()),
            None => ("200 OK", String::new(), text),
        },
    };
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\n{location}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).ok()?;
    stream.conn.send_close_notify();
    stream.flush().ok()
}

impl Internet {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let sites = Arc::new(Mutex::new(HashMap::new()));
        let shared = Arc::clone(&sites);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let sites = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream.expect("a connection"), &sites));
            }
        });
        Self { sites, address }
    }

    /// A server whose OpenID Connect providers are on this internet.
    fn server(&self, arguments: &[&str]) -> Server {
        let proxy = format!("http://{}", self.address);
        Start::ephemeral().with(arguments).env("https_proxy", &proxy).env("no_proxy", "").server()
    }

    /// An issuer at `host` with a self-signed certificate.
    fn issuer(&self, host: &str) -> Issuer<'_> {
        let made = rcgen::generate_simple_self_signed(vec![host.to_owned()]).expect("a certificate");
        let certificate = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key.into())
            .expect("a certificate with its key");
        let discovery = json!({ "issuer": format!("https://{host}"), "jwks_uri": format!("https://{host}/keys") });
        let documents = HashMap::from([
            ("/.well-known/openid-configuration".to_owned(), discovery.to_string()),
            ("/keys".to_owned(), "to /keys.json".to_owned()),
        ]);
        let site = Site { tls: Arc::new(tls), documents, is_up: true, asked: 0 };
        self.sites.lock().expect("not poisoned").insert(host.to_owned(), site);
        Issuer { internet: self, host: host.to_owned(), certificate, pem: made.cert.pem() }
    }
}

struct Issuer<'a> {
    internet: &'a Internet,
    host: String,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// A signing key with its id.
struct Key {
    id: &'static str,
    key: SigningKey,
}

impl Key {
    fn p256(id: &'static str) -> Self {
        let pkcs8 = SigningKey::generate_p256().expect("a key");
        Self { id, key: SigningKey::from_pkcs8(&pkcs8).expect("a key") }
    }

    fn rsa(id: &'static str) -> Self {
        let pkcs8 = SigningKey::generate_rsa_2048().expect("a key");
        Self { id, key: SigningKey::from_pkcs8(&pkcs8).expect("a key") }
    }
}

impl Issuer<'_> {
    fn change(&self, change: impl FnOnce(&mut Site)) {
        change(self.internet.sites.lock().expect("not poisoned").get_mut(&self.host).expect("a site"));
    }

    fn set(&self, path: &str, document: String) {
        self.change(|site| drop(site.documents.insert(path.to_owned(), document)));
    }

    fn publish(&self, keys: &[&Key]) {
        let keys: Vec<_> = keys.iter().map(|key| (key.id, &key.key)).collect();
        self.set("/keys.json", jwt::key_set(&keys).expect("a key set").to_string());
    }

    fn asked(&self) -> usize {
        self.internet.sites.lock().expect("not poisoned")[&self.host].asked
    }

    fn thumbprint(&self) -> String {
        let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.certificate);
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A token of the usual claims, changed by `claims`.
    fn token(&self, key: &Key, claims: &Value) -> String {
        let now = SystemClock.now().seconds();
        let issuer = format!("https://{}", self.host);
        let mut all = json!({ "iss": issuer, "sub": SUBJECT, "aud": AUDIENCE, "iat": now, "exp": now + 600 });
        let all = all.as_object_mut().expect("an object");
        all.extend(claims.as_object().expect("an object").clone());
        jwt::sign(all, key.id, &key.key).expect("signed")
    }

    /// Registers the issuer and a role `name` that trusts it; the provider's ARN.
    fn register(&self, server: &Server, role: &str, thumbprints: &[String]) -> String {
        let admin = server.admin();
        let input = json!({
            "Url": format!("https://{}", self.host), "ClientIDList": [AUDIENCE], "ThumbprintList": thumbprints,
        });
        let arn = server.ok(&admin, "iam", "CreateOpenIDConnectProvider", input).xml("OpenIDConnectProviderArn");
        let host = &self.host;
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": { "Federated": arn },
            "Condition": {
                "StringEquals": { (format!("{host}:aud")): AUDIENCE },
                "StringLike": { (format!("{host}:sub")): "repo:example/app:*" },
            },
        }]});
        let input = json!({ "RoleName": role, "AssumeRolePolicyDocument": trust.to_string() });
        server.ok(&admin, "iam", "CreateRole", input);
        arn
    }
}

fn assume(server: &Server, role: &str, token: &str) -> Answer {
    let role = format!("arn:aws:iam::{}:role/{role}", server.management());
    let input = json!({ "RoleArn": role, "RoleSessionName": "deploy", "WebIdentityToken": token });
    server.unsigned("sts", "AssumeRoleWithWebIdentity", &input)
}

/// Tries as SDKs do, which try again after `IDPCommunicationError` alone.
fn assume_patiently(server: &Server, role: &str, token: &str) -> Answer {
    eventually("the keys are fetched", || {
        let answer = assume(server, role, token);
        (answer.code() != "IDPCommunicationError").then_some(answer)
    })
}

#[test]
fn tokens_of_a_registered_issuer_open_sessions_and_its_new_keys_are_followed() {
    let internet = Internet::new();
    let issuer = internet.issuer("token.idp.example");
    let (first, second, stranger) = (Key::p256("k1"), Key::rsa("k2"), Key::p256("k1"));
    issuer.publish(&[&first]);
    let server = internet.server(&[]);
    let arn = issuer.register(&server, "deploy", &[issuer.thumbprint()]);

    let good = issuer.token(&first, &json!({}));
    // Not through tokens that meet no keys, which would use up what tokens may ask for in a minute.
    eventually("the keys are fetched", || server.log().contains("keys were fetched").then_some(()));
    let answer = assume(&server, "deploy", &good);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!((answer.xml("Provider"), answer.xml("Audience")), (arn, AUDIENCE.to_owned()));
    assert_eq!(answer.xml("SubjectFromWebIdentityToken"), SUBJECT);
    let session = crate::wire::Credentials::of_session(&answer);
    let identity = server.ok(&session, "sts", "GetCallerIdentity", json!({}));
    assert!(identity.xml("Arn").ends_with(":assumed-role/deploy/deploy"), "{}", identity.body);

    let refused = |claims: Value| assume(&server, "deploy", &issuer.token(&first, &claims)).refusal();
    assert_eq!(refused(json!({ "aud": "somebody" })), (400, "InvalidIdentityToken".to_owned()));
    assert_eq!(refused(json!({ "sub": "repo:other/app:x" })), (403, "AccessDenied".to_owned()));
    assert_eq!(refused(json!({ "iat": 1, "exp": 2 })), (400, "ExpiredTokenException".to_owned()));
    assert_eq!(refused(json!({ "iss": "https://other.idp.example" })), (400, "InvalidIdentityToken".to_owned()));

    issuer.publish(&[&first, &second]);
    let rotated = issuer.token(&second, &json!({}));
    assert_eq!(assume(&server, "deploy", &rotated).code(), "IDPCommunicationError");
    assert_eq!(assume_patiently(&server, "deploy", &rotated).status, 200);
    assert_eq!(assume(&server, "deploy", &good).status, 200);

    // Whoever makes up key ids has nothing fetched for another minute.
    let asked = issuer.asked();
    let unknown = Key { id: "k3", ..Key::p256("k3") };
    for _ in 0..3 {
        let answer = assume(&server, "deploy", &issuer.token(&unknown, &json!({})));
        assert_eq!(answer.refusal(), (400, "InvalidIdentityToken".to_owned()));
        assert!(answer.message().starts_with("Couldn't retrieve verification key"), "{}", answer.body);
    }
    let forged = assume(&server, "deploy", &issuer.token(&stranger, &json!({})));
    assert_eq!(forged.refusal(), (400, "InvalidIdentityToken".to_owned()));
    assert_eq!(issuer.asked(), asked);
}

#[test]
fn an_issuer_that_is_down_is_tried_again_until_it_is_up() {
    let internet = Internet::new();
    let issuer = internet.issuer("token.idp.example");
    let key = Key::p256("k1");
    issuer.publish(&[&key]);
    issuer.change(|site| site.is_up = false);
    let server = internet.server(&[]);
    issuer.register(&server, "deploy", &[issuer.thumbprint()]);
    eventually("a failure is logged", || server.log().contains("502 Bad Gateway").then_some(()));
    let answer = assume(&server, "deploy", &issuer.token(&key, &json!({})));
    assert_eq!(answer.refusal(), (400, "IDPCommunicationError".to_owned()));
    issuer.change(|site| site.is_up = true);
    assert_eq!(assume_patiently(&server, "deploy", &issuer.token(&key, &json!({}))).status, 200);
}

#[test]
fn a_certificate_is_trusted_by_its_thumbprint_or_its_authority() {
    let internet = Internet::new();
    let (pinned, known) = (internet.issuer("pinned.idp.example"), internet.issuer("known.idp.example"));
    let key = Key::p256("k1");
    pinned.publish(&[&key]);
    known.publish(&[&key]);
    let scratch = Scratch::new();
    let file = scratch.join("authorities.pem");
    std::fs::write(&file, &known.pem).expect("written");
    let server = internet.server(&["--oidc-ca-file", &file.display().to_string()]);
    known.register(&server, "known", &[]);
    assert_eq!(assume_patiently(&server, "known", &known.token(&key, &json!({}))).status, 200);

    let arn = pinned.register(&server, "pinned", &["00".repeat(20)]);
    eventually("the certificate is refused", || {
        server.log().contains("no TLS connection to pinned.idp.example:443").then_some(())
    });
    let token = pinned.token(&key, &json!({}));
    assert_eq!(assume(&server, "pinned", &token).code(), "IDPCommunicationError");
    let input = json!({ "OpenIDConnectProviderArn": arn, "ThumbprintList": [pinned.thumbprint()] });
    server.ok(&server.admin(), "iam", "UpdateOpenIDConnectProviderThumbprint", input);
    assert_eq!(assume_patiently(&server, "pinned", &token).status, 200);
}

#[test]
fn documents_that_prove_nothing_are_not_stored() {
    let internet = Internet::new();
    let key = Key::p256("k1");
    let server = internet.server(&[]);
    let discovery =
        |host: &str, jwks_uri: &str| json!({ "issuer": format!("https://{host}"), "jwks_uri": jwks_uri }).to_string();
    let cases = [
        (
            "issuer",
            "/.well-known/openid-configuration",
            discovery("other.idp.example", "https://issuer.idp.example/keys"),
            "is that of the issuer https://other.idp.example",
        ),
        (
            "scheme",
            "/.well-known/openid-configuration",
            discovery("scheme.idp.example", "http://scheme.idp.example/keys"),
            "is not an https URL",
        ),
        ("target", "/keys", "to http://target.idp.example/keys.json".to_owned(), "is not an https URL"),
        ("circle", "/keys", "to /keys".to_owned(), "redirects more than 3 times"),
        ("length", "/keys.json", " ".repeat((1 << 20) + 1), "longer than 1 MiB"),
        ("nokeys", "/keys.json", json!({ "keys": [] }).to_string(), "no key that can be used"),
        ("nojson", "/keys.json", "<html>".to_owned(), "not a JSON object"),
    ];
    for (name, path, document, reason) in cases {
        let issuer = internet.issuer(&format!("{name}.idp.example"));
        issuer.publish(&[&key]);
        issuer.set(path, document);
        issuer.register(&server, name, &[issuer.thumbprint()]);
        eventually(reason, || {
            let log = server.log();
            log.lines().any(|line| line.contains(&format!("{name}.idp.example")) && line.contains(reason)).then_some(())
        });
        let answer = assume(&server, name, &issuer.token(&key, &json!({})));
        assert_eq!(answer.code(), "IDPCommunicationError", "{name}");
    }
}
