//! Grants.

use crate::application_support::{World, management, of};
use crate::trusted_token_issuer::register;
use kernel::Result;
use kernel::testing::code;
use model::sso_admin::{
    AuthorizationCodeGrant, AuthorizedTokenIssuer, DeleteApplicationGrantRequest, DeleteTrustedTokenIssuerRequest,
    GetApplicationGrantRequest, Grant, GrantType, JwtBearerGrant, ListApplicationGrantsRequest,
    PutApplicationGrantRequest, RefreshTokenGrant, TokenExchangeGrant, ops,
};
use smithy::generated::equal;
use sso::application;

const JWT_BEARER: GrantType = GrantType::UrnIetfParamsOauthGrantTypeJwtBearer;
const TOKEN_EXCHANGE: GrantType = GrantType::UrnIetfParamsOauthGrantTypeTokenExchange;

fn put(world: &World, arn: &str, grant_type: GrantType, grant: Grant) -> Result<()> {
    let input = PutApplicationGrantRequest { application_arn: arn.to_owned(), grant, grant_type };
    world.call::<ops::PutApplicationGrant>(&management(), input).map(|_| ())
}

fn get(world: &World, arn: &str, grant_type: GrantType) -> Result<Grant> {
    let input = GetApplicationGrantRequest { application_arn: arn.to_owned(), grant_type };
    Ok(world.call::<ops::GetApplicationGrant>(&management(), input)?.grant)
}

fn authorization_code(uris: &[&str]) -> Grant {
    let redirect_uris = Some(uris.iter().map(|uri| (*uri).to_owned()).collect());
    Grant { authorization_code: Some(AuthorizationCodeGrant { redirect_uris }), ..Grant::default() }
}

fn jwt_bearer(issuers: &[(Option<&str>, &[&str])]) -> Grant {
    let issuer = |(arn, audiences): &(Option<&str>, &[&str])| AuthorizedTokenIssuer {
        authorized_audiences: Some(audiences.iter().map(|audience| (*audience).to_owned()).collect()),
        trusted_token_issuer_arn: arn.map(str::to_owned),
    };
    let authorized_token_issuers = Some(issuers.iter().map(issuer).collect());
    Grant { jwt_bearer: Some(JwtBearerGrant { authorized_token_issuers }), ..Grant::default() }
}

fn refresh_token() -> Grant {
    Grant { refresh_token: Some(RefreshTokenGrant {}), ..Grant::default() }
}

fn token_exchange() -> Grant {
    Grant { token_exchange: Some(TokenExchangeGrant {}), ..Grant::default() }
}

fn everything(world: &World) -> Vec<(GrantType, Grant)> {
    let issuer = register(world, &format!("issuer-{}", world.app.app.with_random(base::Random::uuid)));
    vec![
        (
            GrantType::AuthorizationCode,
            authorization_code(&["http://127.0.0.1/oauth/callback", "https://a.example/cb"]),
        ),
        (GrantType::RefreshToken, refresh_token()),
        (JWT_BEARER, jwt_bearer(&[(Some(&issuer), &["one", "two"])])),
        (TOKEN_EXCHANGE, token_exchange()),
    ]
}

pub(super) fn put_everything(world: &World, arn: &str) {
    for (grant_type, grant) in everything(world) {
        put(world, arn, grant_type, grant).expect("put");
    }
}

#[test]
fn grants_are_given_back_as_they_were_put() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    for (grant_type, grant) in everything(&world) {
        assert_eq!(code(get(&world, &arn, grant_type)), "ResourceNotFoundException");
        put(&world, &arn, grant_type, grant.clone()).expect("put");
        assert!(equal(&get(&world, &arn, grant_type).expect("got"), &grant), "{grant_type}");
    }
    put(&world, &arn, GrantType::AuthorizationCode, authorization_code(&["com.example:/cb"])).expect("replaced");
    let got = get(&world, &arn, GrantType::AuthorizationCode).expect("got");
    assert!(equal(&got, &authorization_code(&["com.example:/cb"])));
    let found = world.read(|tx| {
        let application = application::find(tx, &arn)?.expect("there is one");
        let refresh = application::grant(tx, &application, GrantType::RefreshToken)?;
        Ok((application::grants(tx, &application)?.len(), refresh.is_some()))
    });
    assert_eq!(found, (4, true));
}

#[test]
fn a_grant_has_the_one_member_that_its_type_names() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let both = Grant { token_exchange: Some(TokenExchangeGrant {}), ..refresh_token() };
    for bad in [Grant::default(), both, token_exchange()] {
        assert_eq!(code(put(&world, &arn, GrantType::RefreshToken, bad)), "ValidationException");
    }
}

#[test]
fn codes_are_sent_to_absolute_addresses() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    for bad in [&[][..], &["https://a.example/", "/cb"], &["https://a.example/#x"]] {
        let failed = put(&world, &arn, GrantType::AuthorizationCode, authorization_code(bad));
        assert_eq!(code(failed), "ValidationException");
    }
}

#[test]
fn issuers_exist_in_the_instance_and_have_audiences() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let issuer = register(&world, "issuer");
    let missing = format!("{}0000", &issuer[..issuer.len() - 4]);
    let refused = |issuers: &[(Option<&str>, &[&str])]| code(put(&world, &arn, JWT_BEARER, jwt_bearer(issuers)));
    assert_eq!(refused(&[]), "ValidationException");
    assert_eq!(refused(&[(None, &["a"])]), "ValidationException");
    assert_eq!(refused(&[(Some(&issuer), &[])]), "ValidationException");
    assert_eq!(refused(&[(Some(&issuer), &["a"]), (Some(&issuer), &["b"])]), "ValidationException");
    assert_eq!(refused(&[(Some(&missing), &["a"])]), "ResourceNotFoundException");
    assert_eq!(code(get(&world, &arn, JWT_BEARER)), "ResourceNotFoundException");
}

#[test]
fn an_issuer_stays_while_a_grant_names_it() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let (first, second) = (register(&world, "first"), register(&world, "second"));
    put(&world, &arn, JWT_BEARER, jwt_bearer(&[(Some(&first), &["a"])])).expect("put");
    let delete = |issuer: &str| {
        let input = DeleteTrustedTokenIssuerRequest { trusted_token_issuer_arn: issuer.to_owned() };
        world.call::<ops::DeleteTrustedTokenIssuer>(&management(), input)
    };
    assert_eq!(code(delete(&first)), "ConflictException");
    put(&world, &arn, JWT_BEARER, jwt_bearer(&[(Some(&second), &["a"])])).expect("replaced");
    delete(&first).expect("no longer named");
    assert_eq!(code(delete(&second)), "ConflictException");
    let input = DeleteApplicationGrantRequest { application_arn: arn, grant_type: JWT_BEARER };
    world.call::<ops::DeleteApplicationGrant>(&management(), input).expect("deleted");
    delete(&second).expect("no longer named");
}

#[test]
fn grants_are_listed_and_deleted() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let grants = everything(&world);
    for (grant_type, grant) in &grants {
        put(&world, &arn, *grant_type, grant.clone()).expect("put");
    }
    let list = |token: Option<String>| {
        let input = ListApplicationGrantsRequest { application_arn: arn.clone(), next_token: token };
        world.call::<ops::ListApplicationGrants>(&management(), input)
    };
    let listed = list(None).expect("listed");
    assert!(listed.next_token.is_none());
    assert_eq!(listed.grants.len(), grants.len());
    for (grant_type, grant) in &grants {
        let item = listed.grants.iter().find(|item| item.grant_type == *grant_type).expect("listed");
        assert!(equal(&item.grant, grant), "{grant_type}");
    }
    assert_eq!(code(list(Some("x".to_owned()))), "ValidationException");
    let delete = || {
        let grant_type = GrantType::RefreshToken;
        let input = DeleteApplicationGrantRequest { application_arn: arn.clone(), grant_type };
        world.call::<ops::DeleteApplicationGrant>(&management(), input)
    };
    delete().expect("deleted");
    assert_eq!(code(delete()), "ResourceNotFoundException");
    assert_eq!(list(None).expect("listed").grants.len(), 3);
}

#[test]
fn grants_of_another_accounts_application_are_out_of_reach() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let input = PutApplicationGrantRequest {
        application_arn: arn,
        grant: refresh_token(),
        grant_type: GrantType::RefreshToken,
    };
    let failed = world.call::<ops::PutApplicationGrant>(&of(&world.member), input);
    assert_eq!(code(failed), "AccessDeniedException");
}
