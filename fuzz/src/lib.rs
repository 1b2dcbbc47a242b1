//! What the fuzz targets do with their bytes: each is a function, so that libFuzzer and a plain loop run the same.
//!
//! A target fails by panicking: on a panic of the product, and when something that must always hold does not.

mod shapes;

use base::{AccessKeyId, AccountId, Random, RoleId, Timestamp, UserId};
use kernel::audit::{Call, Record};
use kernel::caller::{RoleIdentity, Session, UserIdentity};
use kernel::seal::{Purpose, Seal};
use kernel::{Caller, Principal, PrincipalCaller, RequestInfo};
use shapes::{Decoded, JSON, QUERY, REST};
use smithy::query::Parameters;
use smithy::sigv4::{self, SigningKeys};
use smithy::wire::WireRequest;
use std::sync::{Arc, LazyLock};

/// Every target by its name.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("sigv4", sigv4),
    ("query", query),
    ("json", json),
    ("rest", rest),
    ("session_token", session_token),
    ("audit", audit),
];

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

static KEYS: LazyLock<SigningKeys> = LazyLock::new(|| SigningKeys::new(64));
static SEAL: LazyLock<Seal> = LazyLock::new(|| {
    Seal::from_text(&Seal::generate(&mut Random::from_seed(1))).expect("a generated key is a key")
});

/// A request as text: `METHOD path?query`, headers, an empty line, the body.
fn with_request(data: &[u8], work: impl FnOnce(&WireRequest<'_>)) {
    let (head, body) = match data.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, &[][..]),
    };
    let Ok(head) = std::str::from_utf8(head) else { return };
    let (line, rest) = head.split_once('\n').unwrap_or((head, ""));
    let (method, target) = line.split_once(' ').unwrap_or(("POST", line));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(&str, &[u8])> =
        rest.lines().filter_map(|line| line.split_once(": ")).map(|(name, value)| (name, value.as_bytes())).collect();
    work(&WireRequest { method, path, query, headers: &headers, body });
}

/// SigV4: taking a signature apart and verifying it. Whatever verifies must no longer do so with another body.
pub fn sigv4(data: &[u8]) {
    with_request(data, |request| {
        let Ok(parsed) = sigv4::parse(request) else { return };
        let verify = |request: &WireRequest<'_>| {
            sigv4::verify(&parsed, request, SECRET, &KEYS, parsed.date, &["iam", "sts", "organizations", "sso"])
        };
        if verify(request).is_ok() {
            let other = [request.body, b"x"].concat();
            assert!(verify(&WireRequest { body: &other, ..*request }).is_err(), "a changed body still verifies");
        }
    });
}

/// The query protocol over IAM's and STS's shapes: a form body.
pub fn query(data: &[u8]) {
    let request = WireRequest { method: "POST", path: "/", query: "", headers: &[], body: data };
    let Ok(parameters) = Parameters::of(&request) else { return };
    let action = parameters.action().unwrap_or_default();
    if let Some(decoded) = Decoded::of(QUERY, action, &request) {
        decoded.check();
    }
}

/// awsJson1.1 over shapes of Organizations and IAM Identity Center: the operation's name, a line feed, the body.
pub fn json(data: &[u8]) {
    let (name, body) = split_line(data);
    let request = WireRequest { method: "POST", path: "/", query: "", headers: &[], body };
    if let Some(decoded) = Decoded::of(JSON, name, &request) {
        decoded.check();
    }
}

/// restJson1 over the shapes of the portal and of the sign-in: a request as text.
pub fn rest(data: &[u8]) {
    with_request(data, |request| {
        for service in [&model::sso::SERVICE, &model::sso_oidc::SERVICE, &model::signin::SERVICE] {
            let op = smithy::rest::route(service.operations, request.method, request.path, request.query);
            if let Some(op) = op
                && let Some(decoded) = Decoded::of(REST, op.name, request)
            {
                decoded.check();
            }
        }
    });
}

fn split_line(data: &[u8]) -> (&str, &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let name = std::str::from_utf8(&data[..at]).unwrap_or_default();
    (name, data.get(at + 1..).unwrap_or_default())
}

/// Session tokens: bytes as a token, and bytes as the sealed content of a genuine one.
pub fn session_token(data: &[u8]) {
    let key = AccessKeyId::parse("ASIAIOSFODNN7EXAMPLE").expect("valid");
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(iam::sts::session_token::open(&SEAL, &key, text).is_none(), "a token that was never issued opens");
    }
    let mut random = Random::from_seed(2);
    let sealed = SEAL.seal(Purpose::SessionToken, key.as_str(), data, &mut random).expect("short enough");
    let token = smithy::encoding::base64(&sealed);
    if let Some((caller, _)) = iam::sts::session_token::open(&SEAL, &key, &token) {
        assert_eq!(caller.access_key_id.as_ref(), Some(&key));
        let _ = (caller.arn(), caller.user_id());
    }
    round_trip(data, &mut random);
}

/// A session of a caller's texts, issued and opened again, is the same session.
fn round_trip(data: &[u8], random: &mut Random) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines().map(str::to_owned);
    let mut next = || lines.next();
    let session = Session {
        issued_at: Timestamp::from_seconds(data.len() as i64),
        mfa_at: data.first().map(|byte| Timestamp::from_micros(i64::from(*byte))),
        source_identity: next(),
        policy: next(),
        federated_provider: next(),
        is_chained: data.len() % 2 == 0,
        policy_arns: next().into_iter().collect(),
        tags: next().into_iter().zip(next()).collect(),
        transitive_tag_keys: lines.collect(),
        ..Session::default()
    };
    let Caller::Principal(caller) = &callers("name")[1] else { unreachable!("a role is a principal") };
    let issued = iam::sts::session_token::issue(&SEAL, &caller.account, &caller.principal, &session, random);
    let Ok(issued) = issued else { return };
    let opened = iam::sts::session_token::open(&SEAL, &issued.access_key_id, &issued.token);
    let (opened, secret) = opened.expect("what was issued opens");
    assert_eq!(opened.session.as_deref(), Some(&session));
    assert_eq!(secret.expose(), issued.secret.expose());
}

/// Audit records: the operation's name, a name that the caller chose, the input as JSON. The record must be JSON.
pub fn audit(data: &[u8]) {
    let (name, rest) = split_line(data);
    let (text, body) = split_line(rest);
    let request = WireRequest { method: "POST", path: "/", query: "", headers: &[], body };
    let Some(decoded) = Decoded::of(JSON, name, &request) else { return };
    let info = RequestInfo {
        request_id: "01234567-89ab-4def-8123-456789abcdef".to_owned(),
        source_ip: text.to_owned(),
        user_agent: text.to_owned(),
        region: text.to_owned(),
        is_secure: false,
        dpop: None,
    };
    for caller in callers(text) {
        let call = Call {
            caller: &caller,
            request: &info,
            op: decoded.op,
            input: decoded.input.as_ref(),
            output: Some(decoded.input.as_ref()),
            error: None,
            is_read_only: true,
            at: Timestamp::from_seconds(1_795_219_200),
        };
        if let Some(record) = Record::of(&call) {
            let text = record.json();
            assert!(smithy::json::is_well_formed(text.as_bytes()), "not JSON: {text}");
        }
    }
}

fn callers(text: &str) -> [Caller; 4] {
    let account = AccountId::parse("111122223333").expect("valid");
    let mut random = Random::from_seed(3);
    let (user, role) = (UserId::random(&account, &mut random), RoleId::random(&account, &mut random));
    let path = "/".to_owned();
    let principal = |principal, session| {
        Caller::Principal(PrincipalCaller {
            account: account.clone(),
            principal,
            access_key_id: AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE"),
            session,
            invoked_by: Some(text.to_owned()),
        })
    };
    let session = Session { source_identity: Some(text.to_owned()), ..Session::default() };
    let name = text.to_owned();
    [
        principal(Principal::User(UserIdentity { id: user, name: name.clone(), path: path.clone() }), None),
        principal(
            Principal::Role(RoleIdentity { id: role, name: name.clone(), path, session_name: name.clone() }),
            Some(Arc::new(session)),
        ),
        principal(Principal::FederatedUser { name: name.clone(), issuer: None }, None),
        Caller::Federated { provider: name.clone(), context: [(format!("{name}:sub"), name)].into() },
    ]
}
