//! The pieces that every call goes through, each by itself.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base::{AccessKeyId, Random, RoleId, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};
use kernel::audit::{Call, Record};
use kernel::caller::{PrincipalCaller, RoleIdentity, Session, UserIdentity};
use kernel::seal::Seal;
use kernel::{Caller, Permission, Principal, RequestInfo};
use model::iam::{CreateRoleRequest, ListUsersResponse, User};
use model::organizations::{Account, ListAccountsResponse};
use server::config::Options;
use server::run::{Assembly, Mode, assemble};
use smithy::schema::Operation as _;
use smithy::sigv4::{SigningKeys, parse, verify};
use smithy::wire::WireRequest;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const NOW: Timestamp = Timestamp::from_seconds(1_795_219_200);
const FORM: &[u8] = b"Action=CreateRole&Version=2010-05-08&RoleName=reader&Path=%2Fteam%2F&MaxSessionDuration=3600&\
    AssumeRolePolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
    %22Principal%22%3A%7B%22AWS%22%3A%22111122223333%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D&\
    Tags.member.1.Key=team&Tags.member.1.Value=blue&Tags.member.2.Key=stage&Tags.member.2.Value=prod";
const JSON: &[u8] = br#"{"Email":"one@example.com","AccountName":"one","RoleName":"OrganizationAccountAccessRole",
    "IamUserAccessToBilling":"ALLOW","Tags":[{"Key":"team","Value":"blue"},{"Key":"stage","Value":"prod"}]}"#;

fn signatures(c: &mut Criterion) {
    let headers = [("host", "127.0.0.1:4600"), ("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let identity = Credentials::new("AKIAIOSFODNN7EXAMPLE", SECRET, None, None, "bench").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("iam")
        .time(UNIX_EPOCH + Duration::from_secs(1_795_219_200))
        .settings(SigningSettings::default())
        .build()
        .expect("complete")
        .into();
    let body = SignableBody::Bytes(FORM);
    let signable = SignableRequest::new("POST", "http://127.0.0.1:4600/", headers.into_iter(), body).expect("valid");
    let (instructions, _) = sign(signable, &params).expect("signed").into_parts();
    let headers: Vec<(&str, &[u8])> =
        headers.into_iter().chain(instructions.headers()).map(|(name, value)| (name, value.as_bytes())).collect();
    let request = WireRequest { method: "POST", path: "/", query: "", headers: &headers, body: FORM };
    let keys = SigningKeys::new(16);
    c.bench_function("sigv4: parse and verify, key known", |b| {
        b.iter(|| {
            let parsed = parse(black_box(&request)).expect("well formed");
            verify(&parsed, &request, SECRET, &keys, NOW, &["iam"]).expect("verifies");
        });
    });
}

fn codecs(c: &mut Criterion) {
    let request = |body| WireRequest { method: "POST", path: "/", query: "", headers: &[], body };
    c.bench_function("query: read and validate CreateRole", |b| {
        b.iter(|| smithy::read_typed::<model::iam::ops::CreateRole>(black_box(&request(FORM))));
    });
    c.bench_function("json: read and validate CreateAccount", |b| {
        b.iter(|| smithy::read_typed::<model::organizations::ops::CreateAccount>(black_box(&request(JSON))));
    });
    let user = User {
        path: "/team/".into(),
        user_name: "someone@example.com".into(),
        user_id: "AIDAIOSFODNN7EXAMPLE1".into(),
        arn: "arn:aws:iam::111122223333:user/team/someone@example.com".into(),
        create_date: NOW,
        ..User::default()
    };
    let users = ListUsersResponse { users: vec![user; 100], ..ListUsersResponse::default() };
    c.bench_function("xml: write ListUsers of 100", |b| {
        b.iter(|| smithy::write_output(model::iam::ops::ListUsers::OP, black_box(&users), "id"));
    });
    let account = Account {
        id: Some("111122223333".into()),
        arn: Some("arn:aws:organizations::111122223333:account/o-exampleorgid/111122223333".into()),
        email: Some("account@example.com".into()),
        name: Some("account".into()),
        joined_timestamp: Some(NOW),
        ..Account::default()
    };
    let accounts = ListAccountsResponse { accounts: Some(vec![account; 20]), ..ListAccountsResponse::default() };
    c.bench_function("json: write ListAccounts of 20", |b| {
        b.iter(|| smithy::write_output(model::organizations::ops::ListAccounts::OP, black_box(&accounts), "id"));
    });
}

/// An application in memory, its administrator as caller, and a request of his.
fn application() -> (Assembly, Caller, Arc<RequestInfo>) {
    let config = Options::default().checked().expect("the defaults are valid");
    let assembly = assemble(&config, Mode::Ephemeral).expect("it starts");
    let admin = &assembly.bootstrap.as_ref().expect("a first start").admin;
    let key = AccessKeyId::parse(&admin.access_key_id).expect("a key id");
    let app = &assembly.app;
    let credential = app.store.read(|tx| iam::credential::load(tx, &app.seal, &key)).expect("read").expect("exists");
    let caller = Caller::Principal(credential.caller);
    let info = Arc::new(RequestInfo {
        request_id: "01234567-89ab-4def-8123-456789abcdef".into(),
        source_ip: "127.0.0.1".into(),
        user_agent: "aws-cli/2.31.0 md/awscrt#0.27.6 ua/2.1 os/linux#6.8.0 lang/python#3.13.7".into(),
        region: "us-east-1".into(),
        is_secure: false,
        dpop: None,
    });
    (assembly, caller, info)
}

fn decisions(c: &mut Criterion) {
    let (assembly, caller, info) = application();
    let account = caller.account().expect("an administrator has an account").to_string();
    let permission = Permission::new("iam:GetUser", format!("arn:aws:iam::{account}:user/someone"));
    c.bench_function("gate: decide iam:GetUser in a transaction", |b| {
        b.iter(|| assembly.app.read_as(&caller, &info, |cx| cx.require(black_box(&permission))).expect("allowed"));
    });
    c.bench_function("store: begin and end a read", |b| {
        b.iter(|| assembly.app.store.read(|_| Ok(())).expect("read"));
    });
    let input = CreateRoleRequest { role_name: "reader".into(), ..CreateRoleRequest::default() };
    c.bench_function("audit: render a record", |b| {
        b.iter(|| {
            Record::of(black_box(&Call {
                caller: &caller,
                request: &info,
                op: model::iam::ops::CreateRole::OP,
                input: &input,
                output: None,
                error: None,
                is_read_only: true,
                at: NOW,
            }))
        });
    });
}

fn sessions(c: &mut Criterion) {
    let random = &mut Random::from_seed(1);
    let seal = Seal::from_text(&Seal::generate(random)).expect("a key");
    let account = base::AccountId::parse("111122223333").expect("valid");
    let role = Principal::Role(RoleIdentity {
        id: RoleId::random(&account, random),
        name: "reader".into(),
        path: "/".into(),
        session_name: "someone@example.com".into(),
    });
    let tags = [("team".to_owned(), "blue".to_owned()), ("stage".to_owned(), "prod".to_owned())].into();
    let session = Session { issued_at: NOW, expires_at: NOW.plus_seconds(3_600), tags, ..Session::default() };
    let issued = iam::sts::session_token::issue(&seal, &account, &role, &session, random).expect("issued");
    c.bench_function("session token: open", |b| {
        b.iter(|| -> Option<(PrincipalCaller, base::Secret)> {
            iam::sts::session_token::open(&seal, &issued.access_key_id, black_box(&issued.token))
        });
    });
    let user = UserIdentity { id: base::UserId::random(&account, random), name: "u".into(), path: "/".into() };
    c.bench_function("session token: issue", |b| {
        let principal = Principal::User(user.clone());
        b.iter(|| iam::sts::session_token::issue(&seal, &account, black_box(&principal), &session, random));
    });
}

criterion_group! {
    name = pieces;
    config = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = signatures, codecs, decisions, sessions
}
criterion_main!(pieces);
