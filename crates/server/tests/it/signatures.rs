//! Signature Version 4 from outside: what is let in, and how each defect is answered in each protocol.

use crate::harness::Server;
use crate::wire::{Answer, Call, Credentials, Signing};
use base::{Clock as _, SystemClock};
use serde_json::{Value, json};

/// An operation that any caller may use, for each protocol that is served.
const PROBES: [(&str, &str); 3] = [("sts", "GetCallerIdentity"), ("iam", "ListUsers"), ("organizations", "ListRoots")];

struct Bench {
    server: Server,
}

impl Bench {
    fn new() -> Self {
        let server = Server::ephemeral();
        server.organization();
        Self { server }
    }

    /// Signs each probe as `signing` says, lets `alter` touch it, and gives the answers with the service.
    fn each(
        &self,
        credentials: &Credentials,
        signing: impl Fn(&mut Signing),
        alter: impl Fn(&mut Call),
    ) -> Vec<(&'static str, Answer)> {
        let probe = |(service, operation): (&'static str, &str)| {
            let mut call = Call::of(service, operation, &json!({}));
            let mut how = Signing::new(credentials, service);
            signing(&mut how);
            how.sign(&mut call, self.server.address);
            alter(&mut call);
            (service, call.send(self.server.address).expect("an answer"))
        };
        PROBES.into_iter().map(probe).collect()
    }

    fn refused(&self, what: &str, answers: Vec<(&'static str, Answer)>, query: (u16, &str), json: (u16, &str)) {
        for (service, answer) in answers {
            let (status, code) = if service == "organizations" { json } else { query };
            assert_eq!(answer.refusal(), (status, code.to_owned()), "{what}: {service}: {}", answer.body);
            assert!(answer.header("x-amzn-requestid").is_some(), "{what}: {service}");
        }
    }
}

const MISMATCH_QUERY: (u16, &str) = (403, "SignatureDoesNotMatch");
const MISMATCH_JSON: (u16, &str) = (400, "InvalidSignatureException");
const UNKNOWN_QUERY: (u16, &str) = (403, "InvalidClientTokenId");
const UNKNOWN_JSON: (u16, &str) = (400, "UnrecognizedClientException");

#[test]
fn a_right_signature_is_let_in_from_any_region() {
    let bench = Bench::new();
    let admin = bench.server.admin();
    for region in ["us-east-1", "eu-central-1", "aws-global", "anything-9"] {
        for (service, answer) in bench.each(&admin, |how| how.region = region.to_owned(), |_| {}) {
            assert_eq!(answer.status, 200, "{service} in {region}: {}", answer.body);
        }
    }
}

#[test]
fn every_defect_has_the_code_of_its_protocol() {
    let bench = Bench::new();
    let admin = bench.server.admin();
    let unknown = Credentials { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), ..admin.clone() };
    bench.refused("unknown key", bench.each(&unknown, |_| {}, |_| {}), UNKNOWN_QUERY, UNKNOWN_JSON);
    let odd = Credentials { id: "'; drop table iam_user; --".to_owned(), ..admin.clone() };
    for (service, answer) in bench.each(&odd, |_| {}, |_| {}) {
        assert!(matches!(answer.status, 400 | 403), "{service}: {}", answer.body);
    }
    let wrong = Credentials { secret: "w".repeat(40), ..admin.clone() };
    bench.refused("wrong secret", bench.each(&wrong, |_| {}, |_| {}), MISMATCH_QUERY, MISMATCH_JSON);
    let now = SystemClock.now();
    for (what, shift) in [("expired", -301), ("long expired", -86_400), ("not yet", 330), ("tomorrow", 86_400)] {
        let answers = bench.each(&admin, |how| how.at = now.plus_seconds(shift), |_| {});
        bench.refused(what, answers, MISMATCH_QUERY, MISMATCH_JSON);
    }
    let scope = bench.each(&admin, |how| how.service = "s3".to_owned(), |_| {});
    for (service, answer) in scope {
        let code = answer.code();
        assert!(code == "SignatureDoesNotMatch" || code == "InvalidSignatureException", "{service}: {}", answer.body);
    }
    let no_host = bench.each(&admin, |how| how.signed.retain(|name| *name != "host"), |_| {});
    bench.refused("host is not signed", no_host, MISMATCH_QUERY, MISMATCH_JSON);
    let body = bench.each(
        &admin,
        |_| {},
        |call| call.body.extend_from_slice(if call.body.starts_with(b"{") { b" " } else { b"&a=b" }),
    );
    bench.refused("body", body, MISMATCH_QUERY, MISMATCH_JSON);
    let header = bench.each(&admin, |_| {}, |call| call.set("content-type", "application/x-www-form-urlencoded"));
    for (service, answer) in header {
        assert!((400..500).contains(&answer.status), "{service}: {}", answer.body);
    }
    let query = bench.each(&admin, |_| {}, |call| call.query = "added=1".to_owned());
    bench.refused("query", query, MISMATCH_QUERY, MISMATCH_JSON);
}

#[test]
fn a_missing_or_broken_authorization_header_says_what_is_missing() {
    let bench = Bench::new();
    for (service, operation) in PROBES {
        let answer = bench.server.unsigned(service, operation, &json!({}));
        let expected = if service == "organizations" {
            (400, "MissingAuthenticationTokenException".to_owned())
        } else {
            (403, "MissingAuthenticationToken".to_owned())
        };
        assert_eq!(answer.refusal(), expected, "{service}");
    }
    let admin = bench.server.admin();
    let broken =
        ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a", "AWS4-HMAC-SHA256 Credential=AKIA/b, SignedHeaders=host"];
    for header in broken {
        let answers = bench.each(&admin, |_| {}, |call| call.set("authorization", header));
        for (service, answer) in answers {
            assert!(answer.code().starts_with("IncompleteSignature"), "{header}: {service}: {}", answer.body);
            assert_eq!(answer.status, 400);
        }
    }
    for header in ["Basic dXNlcjpwYXNz", "Bearer token", ""] {
        for (service, answer) in bench.each(&admin, |_| {}, |call| call.set("authorization", header)) {
            assert!((400..404).contains(&answer.status), "{header:?}: {service}: {}", answer.body);
        }
    }
}

#[test]
fn session_tokens_must_be_there_whole_and_belong_to_their_key() {
    let bench = Bench::new();
    let server = &bench.server;
    let role = json!({
        "RoleName": "tester",
        "AssumeRolePolicyDocument": json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": server.management()}, "Action": "sts:AssumeRole"}]}).to_string(),
    });
    server.ok(&server.admin(), "iam", "CreateRole", role);
    let attach = json!({"RoleName": "tester", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"});
    server.ok(&server.admin(), "iam", "AttachRolePolicy", attach);
    let arn = format!("arn:aws:iam::{}:role/tester", server.management());
    let session = server.session(&server.admin(), &arn);
    for (service, answer) in bench.each(&session, |_| {}, |_| {}) {
        assert_eq!(answer.status, 200, "{service}: {}", answer.body);
    }
    let token = session.token.clone().expect("a token");
    let with = |token: Option<String>| Credentials { token, ..session.clone() };
    let middle = token.len() / 2;
    let swapped = if token.as_bytes()[middle] == b'A' { "B" } else { "A" };
    let altered = format!("{}{swapped}{}", &token[..middle], &token[middle + 1..]);
    let other = server.session(&server.admin(), &arn).token;
    let admin_with_token = Credentials { token: Some(token.clone()), ..server.admin() };
    let cases = [
        ("missing", with(None)),
        ("altered", with(Some(altered))),
        ("cut", with(Some(token[..token.len() - 4].to_owned()))),
        ("of another session", with(other)),
        ("with a long-term key", admin_with_token),
    ];
    for (what, credentials) in cases {
        bench.refused(what, bench.each(&credentials, |_| {}, |_| {}), UNKNOWN_QUERY, UNKNOWN_JSON);
    }
    server.ok(
        &server.admin(),
        "iam",
        "DetachRolePolicy",
        json!({"RoleName": "tester", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    );
    server.ok(&server.admin(), "iam", "DeleteRole", json!({"RoleName": "tester"}));
    bench.refused("of a role that is gone", bench.each(&session, |_| {}, |_| {}), UNKNOWN_QUERY, UNKNOWN_JSON);
}

#[test]
fn an_inactive_or_deleted_key_is_refused_at_once() {
    let bench = Bench::new();
    let server = &bench.server;
    let allow_all: Value =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let user = server.user("someone", Some(&allow_all));
    for (service, answer) in bench.each(&user, |_| {}, |_| {}) {
        assert_eq!(answer.status, 200, "{service}: {}", answer.body);
    }
    let update = |status: &str| {
        let input = json!({"UserName": "someone", "AccessKeyId": user.id, "Status": status});
        server.ok(&server.admin(), "iam", "UpdateAccessKey", input);
    };
    update("Inactive");
    bench.refused("inactive", bench.each(&user, |_| {}, |_| {}), UNKNOWN_QUERY, UNKNOWN_JSON);
    update("Active");
    assert!(bench.each(&user, |_| {}, |_| {}).iter().all(|(_, answer)| answer.status == 200));
    server.ok(&server.admin(), "iam", "DeleteAccessKey", json!({"UserName": "someone", "AccessKeyId": user.id}));
    bench.refused("deleted", bench.each(&user, |_| {}, |_| {}), UNKNOWN_QUERY, UNKNOWN_JSON);
}

fn presigned(server: &Server, credentials: &Credentials, seconds: u32, shift: i64) -> Call {
    let mut call = Call::get("/");
    call.query = "Action=GetCallerIdentity&Version=2011-06-15".to_owned();
    let mut how = Signing::new(credentials, "sts");
    how.at = how.at.plus_seconds(shift);
    how.presign(&mut call, server.address, seconds);
    call
}

#[test]
fn presigned_urls_are_let_in_while_they_last() {
    let server = Server::ephemeral();
    let session = Credentials::of_session(&server.ok(&server.admin(), "sts", "GetSessionToken", json!({})));
    for credentials in [server.admin(), session] {
        let answer = presigned(&server, &credentials, 60, 0).send(server.address).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.xml("Arn").ends_with(":user/admin"));
    }
    let late = presigned(&server, &server.admin(), 60, -3_600).send(server.address).expect("an answer");
    assert_eq!(late.status, 403, "{}", late.body);
    assert_eq!(late.code(), "SignatureDoesNotMatch");
    let early = presigned(&server, &server.admin(), 60, 3_600).send(server.address).expect("an answer");
    assert_eq!(early.code(), "SignatureDoesNotMatch");
    let mut altered = presigned(&server, &server.admin(), 60, 0);
    altered.query = altered.query.replace("X-Amz-Expires=60", "X-Amz-Expires=600");
    assert_eq!(altered.send(server.address).expect("an answer").code(), "SignatureDoesNotMatch");
    let mut action = presigned(&server, &server.admin(), 60, 0);
    action.query = action.query.replace("GetCallerIdentity", "GetSessionToken");
    assert_eq!(action.send(server.address).expect("an answer").code(), "SignatureDoesNotMatch");
}
