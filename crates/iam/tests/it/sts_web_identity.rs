use crate::sts_support::{ACCOUNT, ROLE, Sts, account, message, values};
use base::Timestamp;
use federation::jwt;
use federation::keys::SigningKey;
use iam::oidc_provider::{self, keys};
use kernel::testing::{START, code};
use kernel::{Caller, job};
use model::sts::{AssumeRoleWithWebIdentityRequest, ops};
use serde_json::{Value, json};

const ISSUER: &str = "https://oidc.example.com/id/1";
const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/oidc.example.com/id/1";

fn key() -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate_p256().expect("a key")).expect("a key")
}

fn register(sts: &Sts, key: Option<&SigningKey>) {
    let jwks = key.map(|key| jwt::key_set(&[("k1", key)]).expect("a key set").to_string());
    sts.write(|cx| {
        cx.write().exec_one(
            "insert into iam_oidc_provider (arn, account_id, url, client_ids, thumbprints, jwks, created_at) \
             values ($1, $2, $3, '[\"sts.amazonaws.com\"]', '[]', $4, 0)",
            kernel::params![PROVIDER, account(), ISSUER.trim_start_matches("https://"), jwks],
        )
    });
}

fn set_up() -> (Sts, SigningKey) {
    let (sts, key) = (Sts::new(), key());
    register(&sts, Some(&key));
    (sts, key)
}

/// A token with the usual claims, changed by `claims` (null removes one).
fn token(key: &SigningKey, claims: Value) -> String {
    let now = START.seconds();
    let mut all =
        json!({ "iss": ISSUER, "sub": "system:pod:app", "aud": "sts.amazonaws.com", "iat": now, "exp": now + 600 });
    let members = all.as_object_mut().expect("an object");
    for (claim, value) in claims.as_object().expect("an object") {
        members.insert(claim.clone(), value.clone());
    }
    members.retain(|_, value| !value.is_null());
    jwt::sign(members, "k1", key).expect("signed")
}

fn request(token: String) -> AssumeRoleWithWebIdentityRequest {
    AssumeRoleWithWebIdentityRequest {
        role_arn: ROLE.to_owned(),
        role_session_name: "app".to_owned(),
        web_identity_token: token,
        ..Default::default()
    }
}

#[test]
fn an_id_token_opens_a_session() {
    let (sts, key) = set_up();
    let claims = json!({
        "amr": ["authenticated", "pwd"],
        "repository": "example/app",
        "https://aws.amazon.com/tags": { "principal_tags": { "Cost": ["12"] }, "transitive_tag_keys": ["Cost"] },
        "https://aws.amazon.com/source_identity": "pod",
    });
    let input = AssumeRoleWithWebIdentityRequest { duration_seconds: Some(900), ..request(token(&key, claims)) };
    let answer = sts.call::<ops::AssumeRoleWithWebIdentity>(&Caller::Anonymous, input).expect("assumed");
    assert_eq!(
        answer.assumed_role_user.expect("a user").arn,
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/Reader/app")
    );
    assert_eq!(answer.subject_from_web_identity_token.as_deref(), Some("system:pod:app"));
    assert_eq!((answer.audience.as_deref(), answer.provider.as_deref()), (Some("sts.amazonaws.com"), Some(PROVIDER)));
    assert_eq!(answer.source_identity.as_deref(), Some("pod"));
    let session = sts.open(answer.credentials.as_ref()).session.expect("a session");
    assert_eq!((session.expires_at, session.federated_provider.as_deref()), (START.plus_seconds(900), Some(PROVIDER)));
    assert_eq!((session.tags.len(), session.transitive_tag_keys.as_slice()), (1, &["Cost".to_owned()][..]));
    assert_eq!(session.context.len(), 2);
    let asked = sts.asked();
    let actions: Vec<_> = asked.iter().map(|asked| asked.permission.action.as_str()).collect();
    assert_eq!(actions, ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]);
    let Caller::Federated { provider, context } = &asked[0].caller else { panic!("the provider asks") };
    assert_eq!(provider, PROVIDER);
    for (claim, value) in [("sub", "system:pod:app"), ("aud", "sts.amazonaws.com"), ("repository", "example/app")] {
        assert_eq!(context.get(&format!("oidc.example.com/id/1:{claim}")).map(String::as_str), Some(value));
    }
    let amr = values(&asked[0].permission, "oidc.example.com/id/1:amr");
    assert_eq!(amr, Some(vec!["authenticated", "pwd"]));
    assert_eq!(values(&asked[0].permission, "sts:RoleSessionName"), Some(vec!["app"]));
}

#[test]
fn an_issuer_cannot_pass_its_claims_off_as_keys_of_aws() {
    let (sts, key) = (Sts::new(), key());
    let jwks = jwt::key_set(&[("k1", &key)]).expect("a key set").to_string();
    sts.write(|cx| {
        cx.write().exec_one(
            "insert into iam_oidc_provider (arn, account_id, url, client_ids, thumbprints, jwks, created_at) values \
             ('arn:aws:iam::111122223333:oidc-provider/aws', $1, 'aws', '[\"sts.amazonaws.com\"]', '[]', $2, 0)",
            kernel::params![account(), jwks],
        )
    });
    let input = request(token(&key, json!({ "iss": "https://aws", "SourceIp": "10.0.0.1" })));
    sts.call::<ops::AssumeRoleWithWebIdentity>(&Caller::Anonymous, input).expect("assumed");
    let Caller::Federated { context, .. } = &sts.asked()[0].caller else { panic!("the provider asks") };
    assert_eq!(context.keys().collect::<Vec<_>>(), ["aws:aud", "aws:sub"]);
}

#[test]
fn a_trust_policy_that_refuses_and_a_role_that_is_missing_look_alike() {
    let (sts, key) = set_up();
    let missing = format!("arn:aws:iam::{ACCOUNT}:role/Nobody");
    let input = AssumeRoleWithWebIdentityRequest { role_arn: missing, ..request(token(&key, json!({}))) };
    let text = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    assert_eq!(message(sts.call::<ops::AssumeRoleWithWebIdentity>(&Caller::Anonymous, input)), text);
    sts.deny("sts:AssumeRoleWithWebIdentity");
    let input = request(token(&key, json!({})));
    assert_eq!(message(sts.call::<ops::AssumeRoleWithWebIdentity>(&Caller::Anonymous, input)), text);
}

#[test]
fn tokens_that_prove_nothing_are_refused_with_the_service_s_codes() {
    let (sts, good) = set_up();
    let call = |token: String| sts.call::<ops::AssumeRoleWithWebIdentity>(&Caller::Anonymous, request(token));
    assert_eq!(
        message(call("an access token".to_owned())),
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
    );
    assert_eq!(
        message(call(token(&good, json!({ "iss": "https://other.example.com" })))),
        "No OpenIDConnect provider found in your account for https://other.example.com"
    );
    assert_eq!(message(call(token(&good, json!({ "aud": "somebody" })))), "Incorrect token audience");
    for refused in [
        token(&key(), json!({})),
        token(&good, json!({ "sub": null })),
        token(&good, json!({ "iss": "http://oidc.example.com/id/1" })),
        token(&good, json!({ "https://aws.amazon.com/tags": { "principal_tags": { "a": ["1", "2"] } } })),
        token(&good, json!({ "https://aws.amazon.com/source_identity": "aws:x" })),
    ] {
        assert_eq!(code(call(refused)), "InvalidIdentityToken");
    }
    let expired = token(&good, json!({ "exp": START.seconds() - 600 }));
    assert_eq!(code(call(expired)), "ExpiredTokenException");
    assert!(sts.asked().is_empty());
    let with_provider = AssumeRoleWithWebIdentityRequest {
        provider_id: Some("www.amazon.com".to_owned()),
        ..request(token(&good, json!({})))
    };
    let refused = sts.call::<ops::AssumeRoleWithWebIdentity>(&Caller::Anonymous, with_provider);
    assert_eq!(code(refused), "ValidationError");
}

#[test]
fn a_provider_without_registered_keys_says_what_to_do() {
    let (sts, key) = (Sts::new(), key());
    register(&sts, None);
    let call = || sts.call::<ops::AssumeRoleWithWebIdentity>(&Caller::Anonymous, request(token(&key, json!({}))));
    assert_eq!(code(call()), "IDPCommunicationError");
    assert!(message(call()).contains(PROVIDER));
}

fn fetched(sts: &Sts, id: &str, key: &SigningKey, at: Timestamp) {
    let jwks = jwt::key_set(&[(id, key)]).expect("a key set").to_string();
    sts.write(|cx| oidc_provider::set_jwks(&mut cx.write(), PROVIDER, &jwks, at));
}

/// The providers whose keys are to be fetched.
fn to_fetch(sts: &Sts) -> Vec<String> {
    keys::enqueue_wanted(&sts.test.app).expect("enqueued");
    let jobs = sts.test.app.store.read(job::list).expect("listed");
    assert!(jobs.iter().all(|job| job.kind == keys::FETCH.0));
    jobs.into_iter().map(|job| job.key).collect()
}

#[test]
fn keys_of_a_day_still_count_and_are_fetched_anew() {
    let (sts, key) = set_up();
    fetched(&sts, "k1", &key, START);
    let input = || request(token(&key, json!({ "exp": START.seconds() + 200_000 })));
    let call = || sts.call::<ops::AssumeRoleWithWebIdentity>(&Caller::Anonymous, input()).expect("assumed");
    sts.test.clock.advance_seconds(86_399);
    call();
    assert!(to_fetch(&sts).is_empty());
    sts.test.clock.advance_seconds(1);
    call();
    assert_eq!(to_fetch(&sts), [PROVIDER]);
}

#[test]
fn a_key_that_is_not_known_is_awaited_until_the_keys_are_fetched_anew() {
    let (sts, key) = set_up();
    fetched(&sts, "k0", &key, START);
    let call = || sts.call::<ops::AssumeRoleWithWebIdentity>(&Caller::Anonymous, request(token(&key, json!({}))));
    sts.test.clock.advance_seconds(10);
    assert_eq!(code(call()), "IDPCommunicationError");
    assert_eq!(to_fetch(&sts), [PROVIDER]);
    fetched(&sts, "k0", &key, sts.test.app.now());
    assert_eq!(code(call()), "InvalidIdentityToken");
    fetched(&sts, "k1", &key, sts.test.app.now());
    call().expect("assumed");
}

#[test]
fn a_fetch_that_failed_keeps_its_pause() {
    let (sts, key) = (Sts::new(), key());
    register(&sts, None);
    let later = START.plus_seconds(300);
    sts.write(|cx| cx.enqueue(keys::FETCH, PROVIDER, later));
    let refused = sts.call::<ops::AssumeRoleWithWebIdentity>(&Caller::Anonymous, request(token(&key, json!({}))));
    assert_eq!(code(refused), "IDPCommunicationError");
    assert_eq!(to_fetch(&sts), [PROVIDER]);
    assert_eq!(sts.test.app.store.read(job::list).expect("listed")[0].run_at, later);
}

#[test]
fn the_audit_trail_names_the_subject_even_when_it_is_refused() {
    let (sts, key) = set_up();
    sts.deny("sts:AssumeRoleWithWebIdentity");
    let refused = sts.call::<ops::AssumeRoleWithWebIdentity>(&Caller::Anonymous, request(token(&key, json!({}))));
    assert_eq!(code(refused), "AccessDenied");
    let identity = format!(
        "\"userIdentity\":{{\"type\":\"WebIdentityUser\",\
         \"principalId\":\"{PROVIDER}:sts.amazonaws.com:system:pod:app\",\"userName\":\"system:pod:app\",\
         \"identityProvider\":\"{PROVIDER}\"}}"
    );
    let records = sts.audit_records();
    assert!(records.iter().any(|record| record.contains(&identity)), "{records:?}");
}
