//! Tokens that applications get for people: `CreateTokenWithIAM`.

use crate::application_support::{MANAGEMENT, World, failure, management, of};
use aws_lc_rs::digest::{SHA256, digest};
use federation::certificate::Certificate;
use federation::jwt;
use federation::keys::SigningKey;
use kernel::seal::Purpose;
use kernel::{Caller, params};
use model::sso_admin::{
    AuthenticationMethod, AuthenticationMethodType, AuthorizationCodeGrant, AuthorizedTokenIssuer,
    CreateApplicationAssignmentRequest, CreateTrustedTokenIssuerRequest, Grant, GrantType, IamAuthenticationMethod,
    JwksRetrievalOption, JwtBearerGrant, OidcJwtConfiguration, PrincipalType, PutApplicationAccessScopeRequest,
    PutApplicationAuthenticationMethodRequest, PutApplicationGrantRequest, RefreshTokenGrant, TokenExchangeGrant,
    TrustedTokenIssuerConfiguration, TrustedTokenIssuerType, ops,
};
use model::sso_oidc::{CreateTokenWithIAMRequest, CreateTokenWithIAMResponse, ops as oidc_ops};
use serde_json::{Value, json};
use smithy::Document;
use sso::authorization::{self, AuthorizationQuery};
use sso::session::{self, PortalSession};
use sso::trusted_token_issuer;

const CALLBACK: &str = "https://app.example.com/callback";
const ISSUER: &str = "https://issuer.example.com/tenant";
const TYPE_ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// An application with every grant, which alice may use, and an issuer that it trusts.
struct Scene {
    world: World,
    arn: String,
    issuer_key: SigningKey,
}

fn scene() -> Scene {
    let world = World::new();
    give_key(&world);
    let arn = application(&world, "Reports");
    let issuer_key = SigningKey::from_pkcs8(&SigningKey::generate_p256().expect("a key")).expect("a key");
    let issuer = register_issuer(&world);
    let jwks = jwt::key_set(&[("k1", &issuer_key)]).expect("a key set").to_string();
    let now = world.app.app.now();
    let set = |tx: &mut kernel::WriteTx<'_>| trusted_token_issuer::set_jwks(tx, &issuer, &jwks, now);
    assert!(world.app.app.store.write(set, |_| {}).expect("stored"));
    let authorized = AuthorizedTokenIssuer {
        authorized_audiences: Some(vec!["reports".to_owned()]),
        trusted_token_issuer_arn: Some(issuer),
    };
    let bearer = Grant {
        jwt_bearer: Some(JwtBearerGrant { authorized_token_issuers: Some(vec![authorized]) }),
        ..Grant::default()
    };
    grant(&world, &arn, GrantType::UrnIetfParamsOauthGrantTypeJwtBearer, bearer);
    Scene { world, arn, issuer_key }
}

/// A key of the instance's own, which signs ID tokens.
fn give_key(world: &World) {
    let pkcs8 = SigningKey::generate_p256().expect("a key");
    let key = SigningKey::from_pkcs8(&pkcs8).expect("a key");
    let (app, id) = (&world.app.app, &world.instance.id);
    let now = app.now();
    let certificate = Certificate::self_signed(&key, id.as_str(), [1; 16], now, now.plus_seconds(86_400));
    let certificate = certificate.expect("a certificate").base64();
    let sealed = app.seal.seal(Purpose::SigningKey, id.as_str(), &pkcs8, &mut app.random()).expect("sealed");
    let sql = "update sso_instance set private_key = $2, certificate = $3 where id = $1";
    app.store.write(|tx| tx.exec_one(sql, params![id, sealed, certificate]), |_| {}).expect("written");
}

fn application(world: &World, name: &str) -> String {
    let arn = world.application(&management(), name);
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{MANAGEMENT}:root"}},"Action":"sso-oauth:CreateTokenWithIAM","Resource":"*"}}}}"#
    );
    let method = PutApplicationAuthenticationMethodRequest {
        application_arn: arn.clone(),
        authentication_method: AuthenticationMethod {
            iam: Some(IamAuthenticationMethod { actor_policy: Document::parse(&policy).expect("JSON") }),
        },
        authentication_method_type: AuthenticationMethodType::Iam,
    };
    world.call::<ops::PutApplicationAuthenticationMethod>(&management(), method).expect("put");
    let codes = AuthorizationCodeGrant { redirect_uris: Some(vec![CALLBACK.to_owned()]) };
    let codes = Grant { authorization_code: Some(codes), ..Grant::default() };
    grant(world, &arn, GrantType::AuthorizationCode, codes);
    let refresh = Grant { refresh_token: Some(RefreshTokenGrant::default()), ..Grant::default() };
    grant(world, &arn, GrantType::RefreshToken, refresh);
    let exchange = Grant { token_exchange: Some(TokenExchangeGrant::default()), ..Grant::default() };
    grant(world, &arn, GrantType::UrnIetfParamsOauthGrantTypeTokenExchange, exchange);
    scope(world, &arn, None);
    let assignment = CreateApplicationAssignmentRequest {
        application_arn: arn.clone(),
        principal_id: world.user.to_string(),
        principal_type: PrincipalType::User,
    };
    world.call::<ops::CreateApplicationAssignment>(&management(), assignment).expect("assigned");
    arn
}

fn grant(world: &World, arn: &str, grant_type: GrantType, grant: Grant) {
    let input = PutApplicationGrantRequest { application_arn: arn.to_owned(), grant, grant_type };
    world.call::<ops::PutApplicationGrant>(&management(), input).expect("put");
}

fn scope(world: &World, arn: &str, target: Option<&str>) {
    let input = PutApplicationAccessScopeRequest {
        application_arn: arn.to_owned(),
        scope: "reports:read".to_owned(),
        authorized_targets: target.map(|target| vec![target.to_owned()]),
    };
    world.call::<ops::PutApplicationAccessScope>(&management(), input).expect("put");
}

fn register_issuer(world: &World) -> String {
    let input = CreateTrustedTokenIssuerRequest {
        instance_arn: world.instance.arn(),
        name: "Issuer".to_owned(),
        trusted_token_issuer_configuration: TrustedTokenIssuerConfiguration {
            oidc_jwt_configuration: Some(OidcJwtConfiguration {
                claim_attribute_path: "profile.login".to_owned(),
                identity_store_attribute_path: "userName".to_owned(),
                issuer_url: ISSUER.to_owned(),
                jwks_retrieval_option: JwksRetrievalOption::OpenIdDiscovery,
            }),
        },
        trusted_token_issuer_type: TrustedTokenIssuerType::OidcJwt,
        ..CreateTrustedTokenIssuerRequest::default()
    };
    let created = world.call::<ops::CreateTrustedTokenIssuer>(&management(), input).expect("created");
    created.trusted_token_issuer_arn.expect("there is an ARN")
}

impl Scene {
    fn request(&self, grant_type: &str) -> CreateTokenWithIAMRequest {
        CreateTokenWithIAMRequest {
            client_id: self.arn.clone(),
            grant_type: grant_type.to_owned(),
            ..CreateTokenWithIAMRequest::default()
        }
    }

    fn call(&self, input: CreateTokenWithIAMRequest) -> kernel::Result<CreateTokenWithIAMResponse> {
        self.world.call::<oidc_ops::CreateTokenWithIAM>(&management(), input)
    }

    fn assertion(&self, login: &str, audience: &str) -> String {
        self.assertion_with_key(login, audience, "k1")
    }

    fn assertion_with_key(&self, login: &str, audience: &str, key_id: &str) -> String {
        let now = self.world.app.app.now().seconds();
        let claims = json!({
            "iss": ISSUER, "sub": "somebody", "aud": audience, "iat": now, "exp": now + 300,
            "profile": { "login": login },
        });
        let Value::Object(claims) = claims else { unreachable!("an object") };
        jwt::sign(&claims, key_id, &self.issuer_key).expect("signed")
    }

    fn bearer(&self, login: &str, audience: &str) -> kernel::Result<CreateTokenWithIAMResponse> {
        let request = self.request("urn:ietf:params:oauth:grant-type:jwt-bearer");
        self.call(CreateTokenWithIAMRequest { assertion: Some(self.assertion(login, audience)), ..request })
    }

    fn browser(&self) -> PortalSession {
        let hash = digest(&SHA256, b"a cookie").as_ref().to_vec();
        let app = &self.world.app.app;
        let (now, expires_at) = (app.now(), app.now().plus_seconds(28_800));
        let sql = "insert into sso_session (id, instance_id, user_id, cookie_hash, created_at, last_seen_at, \
                     expires_at, source_ip, user_agent, wrong_codes, wrong_codes_since) \
                   values ('browser', $1, $2, $3, $4, $4, $5, '192.0.2.1', 'Browser/1.0', 0, 0)";
        let insert = params![self.world.instance.id, self.world.user, hash, now, expires_at];
        app.store.write(|tx| tx.exec_one(sql, insert), |_| {}).expect("a session");
        session::of_cookie(app, "a cookie").expect("readable").expect("alive")
    }

    fn query(&self) -> AuthorizationQuery {
        AuthorizationQuery {
            response_type: Some("code".to_owned()),
            client_id: Some(self.arn.clone()),
            redirect_uri: Some(CALLBACK.to_owned()),
            ..AuthorizationQuery::default()
        }
    }

    fn portal_knows(&self, token: &str) -> bool {
        let app = &self.world.app;
        let read = |cx: &mut kernel::Cx<'_>| session::of_access_token(cx, token);
        app.app.read_as(&Caller::Anonymous, &app.request(), read).expect("readable").is_some()
    }
}

fn text(value: Option<String>) -> String {
    value.expect("it is given")
}

#[test]
fn a_token_of_a_trusted_issuer_becomes_tokens_for_its_user() {
    let scene = scene();
    let answer = scene.bearer("alice", "reports").expect("granted");
    assert_eq!((answer.expires_in, answer.token_type.as_deref()), (Some(3_600), Some("Bearer")));
    assert_eq!(answer.issued_token_type.as_deref(), Some(TYPE_ACCESS_TOKEN));
    assert_eq!(answer.scope, Some(vec!["reports:read".to_owned()]));
    assert!(!scene.portal_knows(&text(answer.access_token)), "it is for the application alone");
    let id_token = text(answer.id_token);
    let signer = scene.world.read(|tx| sso::instance::signing_key(&scene.world.app.app, tx, &scene.world.instance)).key;
    let keys = jwt::key_set(&[(&jwt::thumbprint(&signer).expect("a key"), &signer)]).expect("a key set");
    let keys = jwt::KeySet::parse(&keys.to_string()).expect("a key set");
    let issuer = format!("https://identitycenter.amazonaws.com/{}", scene.world.instance.id);
    let expected = jwt::Expectations {
        issuer: &issuer,
        audiences: &[&scene.arn],
        now: scene.world.app.app.now(),
        clock_skew_seconds: 0,
    };
    let verified = jwt::verify(&id_token, &keys, &expected).expect("our own");
    assert_eq!(verified.subject, scene.world.user.as_str());
}

#[test]
fn assertions_that_do_not_fit_are_refused() {
    let scene = scene();
    scene.world.user("bob");
    for (login, audience, error) in [
        ("nobody", "reports", "InvalidGrantException"),
        ("alice", "another", "InvalidGrantException"),
        ("bob", "reports", "AccessDeniedException"),
    ] {
        assert!(failure(scene.bearer(login, audience)).starts_with(error), "{login} {audience}");
    }
    for assertion in ["", "a.b.c", &scene.assertion("alice", "reports")[..100]] {
        let request = scene.request("urn:ietf:params:oauth:grant-type:jwt-bearer");
        let refused = scene.call(CreateTokenWithIAMRequest { assertion: Some(assertion.to_owned()), ..request });
        assert!(failure(refused).starts_with("InvalidGrantException"));
    }
    assert_eq!(scene.world.count("select count(*) from sso_session"), 0);
}

#[test]
fn a_key_that_is_not_known_yet_is_asked_for_although_the_assertion_is_refused() {
    let scene = scene();
    scene.world.app.clock.advance_seconds(120);
    let jobs = "select count(*) from job where kind = 'sso.fetch_issuer_keys'";
    scene.world.app.app.store.write(|tx| tx.exec("delete from job", params![]), |_| {}).expect("deleted");
    let assertion = scene.assertion_with_key("alice", "reports", "k2");
    let request = scene.request("urn:ietf:params:oauth:grant-type:jwt-bearer");
    let refused = scene.call(CreateTokenWithIAMRequest { assertion: Some(assertion), ..request });
    assert!(failure(refused).starts_with("InvalidGrantException"));
    assert_eq!(scene.world.count(jobs), 1);
}

#[test]
fn only_whom_the_actor_policy_names_may_speak_for_the_application() {
    let scene = scene();
    let assertion = scene.assertion("alice", "reports");
    let ask = |caller: &Caller, client_id: &str| {
        let request = scene.request("urn:ietf:params:oauth:grant-type:jwt-bearer");
        let input = CreateTokenWithIAMRequest {
            assertion: Some(assertion.clone()),
            client_id: client_id.to_owned(),
            ..request
        };
        scene.world.call::<oidc_ops::CreateTokenWithIAM>(caller, input)
    };
    assert!(failure(ask(&of(&scene.world.member), &scene.arn)).starts_with("AccessDeniedException"));
    assert!(failure(ask(&management(), "arn:aws:sso::1:application/x/y")).starts_with("InvalidClientException"));
    let bare = scene.world.application(&management(), "Bare");
    assert!(failure(ask(&management(), &bare)).starts_with("AccessDeniedException"), "it has no actor policy");
    assert!(ask(&management(), &scene.arn).is_ok());
    let permissions =
        scene.world.permissions::<oidc_ops::CreateTokenWithIAM>(&management(), &scene.request("refresh_token"));
    assert_eq!(permissions.len(), 1);
    assert_eq!(
        (permissions[0].action.as_str(), permissions[0].resource.as_str()),
        ("sso-oauth:CreateTokenWithIAM", scene.arn.as_str())
    );
}

#[test]
fn a_refresh_token_is_good_once_and_for_its_application() {
    let scene = scene();
    let first = text(scene.bearer("alice", "reports").expect("granted").refresh_token);
    let refresh = |client_id: &str, token: &str| {
        let request = scene.request("refresh_token");
        scene.call(CreateTokenWithIAMRequest {
            refresh_token: Some(token.to_owned()),
            client_id: client_id.to_owned(),
            ..request
        })
    };
    let other = application(&scene.world, "Other");
    assert!(failure(refresh(&other, &first)).starts_with("InvalidGrantException"));
    let second = text(refresh(&scene.arn, &first).expect("granted").refresh_token);
    // Processes that renew it beside each other have a minute.
    scene.world.app.clock.advance_seconds(60);
    assert!(failure(refresh(&scene.arn, &first)).starts_with("InvalidGrantException"));
    assert!(failure(refresh(&scene.arn, &second)).starts_with("InvalidGrantException"), "the session has ended");
    assert_eq!(scene.world.count("select count(*) from sso_session"), 0);
}

#[test]
fn a_person_sent_back_by_the_portal_brings_a_code() {
    let scene = scene();
    let (app, browser) = (&scene.world.app.app, scene.browser());
    let request = authorization::check(app, &scene.query()).expect("readable").expect("fine");
    assert_eq!(
        (request.client_name.as_str(), request.redirect_origin.as_str()),
        ("Reports", "https://app.example.com")
    );
    let url = authorization::allow(app, &scene.world.app.request(), &browser, &request).expect("answered");
    let code = url.strip_prefix(&format!("{CALLBACK}?code=")).expect("a code").to_owned();
    let exchange = || {
        let request = scene.request("authorization_code");
        scene.call(CreateTokenWithIAMRequest {
            code: Some(code.clone()),
            redirect_uri: Some(CALLBACK.to_owned()),
            ..request
        })
    };
    assert!(exchange().is_ok());
    let sessions = session::list(app, &browser).expect("listed");
    assert_eq!(sessions.len(), 2, "the person sees what the application holds");
    assert!(failure(exchange()).starts_with("InvalidGrantException"));
    assert_eq!(session::list(app, &browser).expect("listed").len(), 1, "a stolen code ends what it gave");
}

#[test]
fn a_person_is_sent_only_where_the_application_registered_and_only_when_it_is_assigned() {
    let scene = scene();
    let app = &scene.world.app.app;
    let elsewhere = AuthorizationQuery { redirect_uri: Some(format!("{CALLBACK}/x")), ..scene.query() };
    assert!(authorization::check(app, &elsewhere).expect("readable").is_err());
    let browser = scene.browser();
    let request = authorization::check(app, &scene.query()).expect("readable").expect("fine");
    let forget = "delete from sso_application_assignment";
    app.store.write(|tx| tx.exec(forget, params![]), |_| {}).expect("deleted");
    let url = authorization::allow(app, &scene.world.app.request(), &browser, &request).expect("answered");
    assert!(url.contains("error=access_denied"), "{url}");
}

#[test]
fn a_token_is_exchanged_where_its_scope_names_the_other_application() {
    let scene = scene();
    let other = application(&scene.world, "Other");
    let subject = text(scene.bearer("alice", "reports").expect("granted").access_token);
    let exchange = || {
        let request = scene.request("urn:ietf:params:oauth:grant-type:token-exchange");
        scene.call(CreateTokenWithIAMRequest {
            client_id: other.clone(),
            subject_token: Some(subject.clone()),
            subject_token_type: Some(TYPE_ACCESS_TOKEN.to_owned()),
            ..request
        })
    };
    assert!(failure(exchange()).starts_with("InvalidGrantException"));
    scope(&scene.world, &scene.arn, Some(&other));
    assert!(exchange().is_ok());
    assert_eq!(scene.world.count("select count(*) from sso_session"), 2);
    let user = scene.world.user.clone();
    let end = |cx: &mut kernel::WriteCx<'_>| {
        let sql = "select id from sso_session where parent_id is null";
        let first: String = cx.tx.one(sql, params![], |row| row.get(0))?;
        session::end_of_user(cx, &user, &first)
    };
    let app = &scene.world.app;
    assert!(app.app.write_as(&Caller::Anonymous, &app.request(), end).expect("ended"));
    assert_eq!(scene.world.count("select count(*) from sso_session"), 0, "what was passed on ends, too");
}
