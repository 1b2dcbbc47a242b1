use crate::sts_support::{ACCOUNT, POLICY, Sts, account, message, tag, values};
use base::{AccessKeyId, AccountId, Random};
use iam::sts::{authorization_message, may_call};
use kernel::caller::Session;
use kernel::testing::{START, code};
use kernel::{Caller, Principal, PrincipalCaller};
use model::sts::*;

fn session_token(seconds: Option<i32>) -> GetSessionTokenRequest {
    GetSessionTokenRequest { duration_seconds: seconds, ..Default::default() }
}

fn federation_token() -> GetFederationTokenRequest {
    GetFederationTokenRequest { name: "bob".to_owned(), ..Default::default() }
}

fn caller(of: &Caller) -> PrincipalCaller {
    match of {
        Caller::Principal(caller) => caller.clone(),
        _ => panic!("a principal"),
    }
}

fn with_session(sts: &Sts, principal: Principal, mfa: bool) -> PrincipalCaller {
    let session = Session { is_session_token: true, mfa_at: mfa.then_some(START), ..Session::default() };
    caller(&sts.principal(principal, Some(session)))
}

#[test]
fn everybody_learns_who_he_is() {
    let sts = Sts::new();
    sts.deny("sts:GetCallerIdentity");
    let role = sts.role("Writer");
    for (caller, user_id, arn) in [
        (sts.ann(), sts.user.id.to_string(), format!("arn:aws:iam::{ACCOUNT}:user/ann")),
        (sts.root(), ACCOUNT.to_owned(), format!("arn:aws:iam::{ACCOUNT}:root")),
        (
            sts.writer(Session::default()),
            format!("{}:app", role.id),
            format!("arn:aws:sts::{ACCOUNT}:assumed-role/Writer/app"),
        ),
    ] {
        let answer = sts.call::<ops::GetCallerIdentity>(&caller, Default::default()).expect("known");
        assert_eq!(answer.account.as_deref(), Some(ACCOUNT));
        assert_eq!((answer.user_id, answer.arn), (Some(user_id), Some(arn)));
    }
    assert_eq!(code(sts.call::<ops::GetCallerIdentity>(&Caller::Anonymous, Default::default())), "AccessDenied");
}

#[test]
fn a_session_token_is_the_same_user_again() {
    let sts = Sts::new();
    let answer = sts.call::<ops::GetSessionToken>(&sts.ann(), session_token(None)).expect("issued");
    let opened = sts.open(answer.credentials.as_ref());
    assert_eq!(opened.principal, Principal::User(sts.user.identity()));
    let session = opened.session.expect("a session");
    assert!(session.is_session_token && session.mfa_at.is_none());
    assert_eq!(session.expires_at, START.plus_seconds(43_200));
    assert!(sts.asked().is_empty());
}

#[test]
fn a_root_users_sessions_end_after_an_hour() {
    let sts = Sts::new();
    for (caller, wanted, seconds) in [
        (sts.root(), None, 3_600),
        (sts.root(), Some(129_600), 3_600),
        (sts.root(), Some(900), 900),
        (sts.ann(), Some(129_600), 129_600),
    ] {
        let answer = sts.call::<ops::GetSessionToken>(&caller, session_token(wanted)).expect("issued");
        assert_eq!(answer.credentials.expect("credentials").expiration, START.plus_seconds(seconds));
        let input = GetFederationTokenRequest { duration_seconds: wanted, ..federation_token() };
        let answer = sts.call::<ops::GetFederationToken>(&caller, input).expect("issued");
        assert_eq!(answer.credentials.expect("credentials").expiration, START.plus_seconds(seconds));
    }
}

#[test]
fn session_credentials_make_no_further_ones() {
    let sts = Sts::new();
    let again = sts.principal(
        Principal::User(sts.user.identity()),
        Some(Session { is_session_token: true, ..Session::default() }),
    );
    for caller in [again, sts.writer(Session::default())] {
        assert_eq!(
            message(sts.call::<ops::GetSessionToken>(&caller, session_token(None))),
            "Cannot call GetSessionToken with session credentials"
        );
        assert_eq!(
            message(sts.call::<ops::GetFederationToken>(&caller, federation_token())),
            "Cannot call GetFederationToken with session credentials"
        );
    }
    for stranger in [Caller::Anonymous, Caller::Service("sso.amazonaws.com".to_owned())] {
        assert_eq!(code(sts.call::<ops::GetSessionToken>(&stranger, session_token(None))), "AccessDenied");
        assert_eq!(code(sts.call::<ops::GetFederationToken>(&stranger, federation_token())), "AccessDenied");
    }
}

#[test]
fn a_wrong_second_factor_gives_no_session_token() {
    let sts = Sts::new();
    let input = GetSessionTokenRequest {
        serial_number: Some("arn:aws:iam::111122223333:mfa/ann".to_owned()),
        token_code: Some("000000".to_owned()),
        ..Default::default()
    };
    assert_eq!(
        message(sts.call::<ops::GetSessionToken>(&sts.ann(), input)),
        "MultiFactorAuthentication failed with invalid MFA one time pass code."
    );
}

#[test]
fn a_second_factor_marks_the_session_token_and_counts_once() {
    let sts = Sts::new();
    let (serial_number, token_code) = sts.add_second_factor();
    let input = GetSessionTokenRequest { serial_number, token_code, ..Default::default() };
    assert_eq!(code(sts.call::<ops::GetSessionToken>(&sts.root(), input.clone())), "AccessDenied");
    let answer = sts.call::<ops::GetSessionToken>(&sts.ann(), input.clone()).expect("issued");
    assert!(sts.open(answer.credentials.as_ref()).session.expect("a session").mfa_at.is_some());
    assert_eq!(code(sts.call::<ops::GetSessionToken>(&sts.ann(), input)), "AccessDenied");
}

#[test]
fn a_federated_user_has_the_name_tags_and_policies_that_the_broker_gave() {
    let sts = Sts::new();
    let input = GetFederationTokenRequest {
        policy: Some(POLICY.to_owned()),
        tags: Some(vec![tag("Team", "red")]),
        ..federation_token()
    };
    let answer = sts.call::<ops::GetFederationToken>(&sts.ann(), input).expect("issued");
    let user = answer.federated_user.expect("a user");
    assert_eq!(user.arn, format!("arn:aws:sts::{ACCOUNT}:federated-user/bob"));
    assert_eq!(user.federated_user_id, format!("{ACCOUNT}:bob"));
    let opened = sts.open(answer.credentials.as_ref());
    let issuer = Some(sts.user.identity());
    assert_eq!(opened.principal, Principal::FederatedUser { name: "bob".to_owned(), issuer });
    let session = opened.session.expect("a session");
    assert_eq!((session.policy.as_deref(), session.tags.len()), (Some(POLICY), 1));
    let asked = sts.asked();
    let actions: Vec<_> = asked.iter().map(|asked| asked.permission.action.as_str()).collect();
    assert_eq!(actions, ["sts:GetFederationToken", "sts:TagSession"]);
    assert_eq!(asked[0].permission.resource, user.arn);
    assert_eq!(values(&asked[1].permission, "aws:RequestTag/Team"), Some(vec!["red"]));
    sts.deny("sts:GetFederationToken");
    assert_eq!(code(sts.call::<ops::GetFederationToken>(&sts.ann(), federation_token())), "AccessDenied");
}

#[test]
fn kinds_of_sessions_call_only_what_is_theirs() {
    let sts = Sts::new();
    let user = || Principal::User(sts.user.identity());
    let federated = Principal::FederatedUser { name: "bob".to_owned(), issuer: None };
    let federated = caller(&sts.principal(federated, Some(Session::default())));
    let (plain, with_mfa) = (with_session(&sts, user(), false), with_session(&sts, user(), true));
    let root = with_session(&sts, Principal::Root, false);
    let (long_term, role) = (caller(&sts.ann()), caller(&sts.writer(Session::default())));
    let everybody = [&long_term, &role, &plain, &with_mfa, &root, &federated];
    for (service, operation, allowed) in [
        ("sts", "GetCallerIdentity", [true, true, true, true, true, true]),
        ("sts", "AssumeRole", [true, true, true, true, true, false]),
        ("sts", "TagSession", [true, true, true, true, true, false]),
        ("sts", "SetSourceIdentity", [true, true, true, true, true, false]),
        ("iam", "PassRole", [true, true, true, true, true, true]),
        ("sts", "GetAccessKeyInfo", [true, true, false, false, false, false]),
        ("sts", "GetSessionToken", [true, false, false, false, false, false]),
        ("sts", "GetFederationToken", [true, false, false, false, false, false]),
        ("iam", "ListUsers", [true, true, false, true, false, false]),
        ("organizations", "DescribeOrganization", [true, true, true, true, true, true]),
    ] {
        for (caller, allowed) in everybody.iter().zip(allowed) {
            assert_eq!(may_call(caller, service, operation).is_ok(), allowed, "{operation} {}", caller.arn());
        }
    }
}

#[test]
fn an_access_key_tells_its_account() {
    let sts = Sts::new();
    let info = |key: &str| {
        let input = GetAccessKeyInfoRequest { access_key_id: key.to_owned() };
        sts.call::<ops::GetAccessKeyInfo>(&sts.ann(), input).map(|answer| answer.account)
    };
    let other = AccountId::parse("999999999999").expect("valid");
    let key = AccessKeyId::session(&other, &mut Random::from_seed(1));
    assert_eq!(info(key.as_str()).expect("known").as_deref(), Some("999999999999"));
    assert_eq!(sts.asked_actions(), ["sts:GetAccessKeyInfo"]);
    assert_eq!(code(info("ABCDEFGHIJKLMNOP")), "ValidationError");
    sts.write(|cx| {
        cx.write().exec_one(
            "insert into iam_access_key (id, account_id, sealed_secret, is_active, created_at) \
             values ('imported_key_0001', $1, $2, 1, 0)",
            kernel::params![account(), b"x".to_vec()],
        )
    });
    assert_eq!(info("imported_key_0001").expect("known").as_deref(), Some(ACCOUNT));
}

#[test]
fn an_authorization_message_is_read_only_in_the_account_that_it_concerns() {
    let sts = Sts::new();
    let message = authorization_message::encode(&sts.test.app, &account(), "{\"allowed\":false}").expect("fits");
    let decode = |caller: &Caller, message: &str| {
        let input = DecodeAuthorizationMessageRequest { encoded_message: message.to_owned() };
        sts.call::<ops::DecodeAuthorizationMessage>(caller, input)
    };
    let decoded = decode(&sts.ann(), &message).expect("decoded").decoded_message;
    assert_eq!(decoded.as_deref(), Some("{\"allowed\":false}"));
    assert_eq!(sts.asked_actions(), ["sts:DecodeAuthorizationMessage"]);
    let other = kernel::testing::root(&AccountId::parse("999999999999").expect("valid"));
    for refused in [decode(&other, &message), decode(&sts.ann(), "!"), decode(&sts.ann(), &message[1..])] {
        assert_eq!(code(refused), "InvalidAuthorizationMessageException");
    }
    let longest = "x".repeat(7_648);
    let fits = authorization_message::encode(&sts.test.app, &account(), &longest).expect("fits");
    assert!(fits.len() <= 10_240);
    assert!(authorization_message::encode(&sts.test.app, &account(), &format!("{longest}x")).is_none());
}
