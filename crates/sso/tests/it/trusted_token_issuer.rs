//! Trusted token issuers.

use crate::application_support::{STRANGER, World, failure, management, of};
use kernel::params;
use kernel::testing::{START, code};
use model::sso_admin::{
    CreateTrustedTokenIssuerRequest, DeleteTrustedTokenIssuerRequest, DescribeTrustedTokenIssuerRequest,
    JwksRetrievalOption, ListTagsForResourceRequest, ListTrustedTokenIssuersRequest, OidcJwtConfiguration,
    OidcJwtUpdateConfiguration, Tag, TagResourceRequest, TrustedTokenIssuerConfiguration, TrustedTokenIssuerType,
    TrustedTokenIssuerUpdateConfiguration, UpdateTrustedTokenIssuerRequest, ops,
};
use sso::trusted_token_issuer;

fn creation(world: &World, name: &str) -> CreateTrustedTokenIssuerRequest {
    CreateTrustedTokenIssuerRequest {
        instance_arn: world.instance.arn(),
        name: name.to_owned(),
        trusted_token_issuer_configuration: TrustedTokenIssuerConfiguration {
            oidc_jwt_configuration: Some(OidcJwtConfiguration {
                claim_attribute_path: "email".to_owned(),
                identity_store_attribute_path: "emails.value".to_owned(),
                issuer_url: "https://issuer.example.com/tenant".to_owned(),
                jwks_retrieval_option: JwksRetrievalOption::OpenIdDiscovery,
            }),
        },
        trusted_token_issuer_type: TrustedTokenIssuerType::OidcJwt,
        ..CreateTrustedTokenIssuerRequest::default()
    }
}

/// A new issuer of the organization's instance: its ARN.
pub fn register(world: &World, name: &str) -> String {
    let created = world.call::<ops::CreateTrustedTokenIssuer>(&management(), creation(world, name)).expect("created");
    created.trusted_token_issuer_arn.expect("there is an ARN")
}

fn update(world: &World, input: UpdateTrustedTokenIssuerRequest) -> kernel::Result<()> {
    world.call::<ops::UpdateTrustedTokenIssuer>(&management(), input).map(|_| ())
}

#[test]
fn an_issuer_is_described_as_it_was_made() {
    let world = World::new();
    let input = creation(&world, "Okta");
    let arn = register(&world, "Okta");
    assert!(
        arn.starts_with(&format!("arn:aws:sso::111122223333:trustedTokenIssuer/{}/tti-", world.instance.id)),
        "{arn}"
    );
    let describe = DescribeTrustedTokenIssuerRequest { trusted_token_issuer_arn: arn.clone() };
    let described = world.call::<ops::DescribeTrustedTokenIssuer>(&management(), describe).expect("described");
    assert_eq!(described.trusted_token_issuer_arn.as_deref(), Some(arn.as_str()));
    assert_eq!(described.name.as_deref(), Some("Okta"));
    assert_eq!(described.trusted_token_issuer_type, Some(TrustedTokenIssuerType::OidcJwt));
    let configuration = described.trusted_token_issuer_configuration.expect("there is one");
    assert!(smithy::generated::equal(&configuration, &input.trusted_token_issuer_configuration));
}

#[test]
fn an_issuer_needs_a_configuration() {
    let world = World::new();
    let input = CreateTrustedTokenIssuerRequest {
        trusted_token_issuer_configuration: TrustedTokenIssuerConfiguration::default(),
        ..creation(&world, "Okta")
    };
    assert_eq!(code(world.call::<ops::CreateTrustedTokenIssuer>(&management(), input)), "ValidationException");
    let input = CreateTrustedTokenIssuerRequest { instance_arn: world.account_instance.arn(), ..creation(&world, "x") };
    assert_eq!(code(world.call::<ops::CreateTrustedTokenIssuer>(&management(), input)), "ResourceNotFoundException");
}

#[test]
fn a_request_that_is_sent_again_registers_nothing_twice() {
    let world = World::new();
    let input = CreateTrustedTokenIssuerRequest { client_token: Some("token".to_owned()), ..creation(&world, "Okta") };
    let create = |input: &CreateTrustedTokenIssuerRequest| {
        let created = world.call::<ops::CreateTrustedTokenIssuer>(&management(), input.clone())?;
        Ok(created.trusted_token_issuer_arn)
    };
    let first = create(&input).expect("created");
    assert_eq!(create(&input).expect("remembered"), first);
    let other = CreateTrustedTokenIssuerRequest { name: "Other".to_owned(), ..input };
    let failed = failure(create(&other));
    assert!(failed.starts_with("ConflictException: IdempotentParameterMismatch"), "{failed}");
}

#[test]
fn an_update_changes_what_it_names_and_never_the_url() {
    let world = World::new();
    let arn = register(&world, "Okta");
    update(
        &world,
        UpdateTrustedTokenIssuerRequest {
            name: Some("Entra".to_owned()),
            trusted_token_issuer_arn: arn.clone(),
            trusted_token_issuer_configuration: None,
        },
    )
    .expect("updated");
    update(
        &world,
        UpdateTrustedTokenIssuerRequest {
            name: None,
            trusted_token_issuer_arn: arn.clone(),
            trusted_token_issuer_configuration: Some(TrustedTokenIssuerUpdateConfiguration {
                oidc_jwt_configuration: Some(OidcJwtUpdateConfiguration {
                    claim_attribute_path: Some("sub".to_owned()),
                    identity_store_attribute_path: None,
                    jwks_retrieval_option: None,
                }),
            }),
        },
    )
    .expect("updated");
    let issuer = world.read(|tx| trusted_token_issuer::get(tx, &arn)).expect("there is one");
    assert_eq!(issuer.name, "Entra");
    assert_eq!(issuer.claim_attribute_path, "sub");
    assert_eq!(issuer.identity_store_attribute_path, "emails.value");
    assert_eq!(issuer.issuer_url, "https://issuer.example.com/tenant");
    let empty = UpdateTrustedTokenIssuerRequest {
        name: None,
        trusted_token_issuer_arn: arn,
        trusted_token_issuer_configuration: Some(TrustedTokenIssuerUpdateConfiguration::default()),
    };
    assert_eq!(code(update(&world, empty)), "ValidationException");
}

#[test]
fn what_is_missing_is_named() {
    let world = World::new();
    let id = "tti-01234567-89ab-cdef-0123-456789abcdef";
    let arn = format!("arn:aws:sso::111122223333:trustedTokenIssuer/{}/{id}", world.instance.id);
    let expected = format!("ResourceNotFoundException: Could not find TrustedTokenIssuer with id {id}");
    let input = DescribeTrustedTokenIssuerRequest { trusted_token_issuer_arn: arn.clone() };
    assert_eq!(failure(world.call::<ops::DescribeTrustedTokenIssuer>(&management(), input)), expected);
    let input = DeleteTrustedTokenIssuerRequest { trusted_token_issuer_arn: arn.clone() };
    assert_eq!(failure(world.call::<ops::DeleteTrustedTokenIssuer>(&management(), input)), expected);
    let input = UpdateTrustedTokenIssuerRequest { trusted_token_issuer_arn: arn, ..Default::default() };
    assert_eq!(failure(update(&world, input)), expected);
}

#[test]
fn issuers_are_ten_at_most_and_listed_in_pages() {
    let world = World::new();
    let arns: Vec<String> = (0..10).map(|n| register(&world, &format!("issuer{n}"))).collect();
    let failed = failure(world.call::<ops::CreateTrustedTokenIssuer>(&management(), creation(&world, "eleventh")));
    assert!(failed.starts_with("ServiceQuotaExceededException"), "{failed}");
    let (mut found, mut sizes, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let instance_arn = world.instance.arn();
        let input = ListTrustedTokenIssuersRequest { instance_arn, max_results: Some(4), next_token: token };
        let page = world.call::<ops::ListTrustedTokenIssuers>(&management(), input).expect("listed");
        let issuers = page.trusted_token_issuers.unwrap_or_default();
        sizes.push(issuers.len());
        for issuer in issuers {
            assert_eq!(issuer.trusted_token_issuer_type, Some(TrustedTokenIssuerType::OidcJwt));
            assert!(issuer.name.is_some());
            found.extend(issuer.trusted_token_issuer_arn);
        }
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [4, 4, 2]);
    found.sort();
    let mut expected = arns;
    expected.sort();
    assert_eq!(found, expected);
    let input = ListTrustedTokenIssuersRequest {
        instance_arn: world.instance.arn(),
        max_results: None,
        next_token: Some("x".to_owned()),
    };
    assert_eq!(code(world.call::<ops::ListTrustedTokenIssuers>(&management(), input)), "ValidationException");
}

#[test]
fn a_deleted_issuer_is_gone_with_its_tags() {
    let world = World::new();
    let arn = register(&world, "Okta");
    let tag = Tag { key: "team".to_owned(), value: "blue".to_owned() };
    let input = TagResourceRequest { resource_arn: arn.clone(), tags: vec![tag], ..Default::default() };
    world.call::<ops::TagResource>(&management(), input).expect("tagged");
    let list = || {
        let input = ListTagsForResourceRequest { resource_arn: arn.clone(), ..Default::default() };
        world.call::<ops::ListTagsForResource>(&management(), input)
    };
    assert_eq!(list().expect("listed").tags.map(|tags| tags.len()), Some(1));
    let input = DeleteTrustedTokenIssuerRequest { trusted_token_issuer_arn: arn.clone() };
    world.call::<ops::DeleteTrustedTokenIssuer>(&management(), input).expect("deleted");
    assert!(!world.read(|tx| trusted_token_issuer::exists(tx, &arn)));
    assert_eq!(world.count("select count(*) from sso_tag"), 0);
    assert_eq!(code(list()), "ResourceNotFoundException");
}

#[test]
fn issuers_are_the_administrators() {
    let world = World::new();
    let arn = register(&world, "Okta");
    let describe = |caller| {
        let input = DescribeTrustedTokenIssuerRequest { trusted_token_issuer_arn: arn.clone() };
        world.call::<ops::DescribeTrustedTokenIssuer>(&caller, input)
    };
    describe(of(&world.delegate)).expect("an administrator");
    assert_eq!(code(describe(of(&world.member))), "AccessDeniedException");
    assert_eq!(code(describe(of(STRANGER))), "ResourceNotFoundException");
    let created = world.call::<ops::CreateTrustedTokenIssuer>(&of(&world.member), creation(&world, "x"));
    assert_eq!(code(created), "AccessDeniedException");
    world.distrust();
    describe(management()).expect("reads go on");
    let created = world.call::<ops::CreateTrustedTokenIssuer>(&management(), creation(&world, "x"));
    assert_eq!(code(created), "AccessDeniedException");
}

#[test]
fn registering_takes_the_permission_for_the_instance_and_the_issuer() {
    let world = World::new();
    let tag = Tag { key: "team".to_owned(), value: "blue".to_owned() };
    let input = CreateTrustedTokenIssuerRequest { tags: Some(vec![tag]), ..creation(&world, "Okta") };
    let permissions = world.permissions::<ops::CreateTrustedTokenIssuer>(&management(), &input);
    let resources: Vec<&str> = permissions.iter().map(|permission| permission.resource.as_str()).collect();
    let made = format!("arn:aws:sso::111122223333:trustedTokenIssuer/{}/*", world.instance.id);
    assert_eq!(resources, [world.instance.arn().as_str(), &made]);
    for permission in &permissions {
        assert!(permission.context.contains(&("aws:RequestTag/team".to_owned(), vec!["blue".to_owned()])));
    }
    let arn = register(&world, "Okta");
    let input = DescribeTrustedTokenIssuerRequest { trusted_token_issuer_arn: arn.clone() };
    let permissions = world.permissions::<ops::DescribeTrustedTokenIssuer>(&management(), &input);
    let [permission] = permissions.as_slice() else { panic!("one permission") };
    assert_eq!(permission.action, "sso:DescribeTrustedTokenIssuer");
    assert_eq!(permission.resource, arn);
    assert!(permission.context.contains(&("sso:PrimaryRegion".to_owned(), vec!["us-east-1".to_owned()])));
}

#[test]
fn signing_keys_are_kept_for_an_issuer_that_is_still_there() {
    let world = World::new();
    let arn = register(&world, "Okta");
    let set = |arn: &str| {
        let store = |tx: &mut kernel::WriteTx<'_>| trusted_token_issuer::set_jwks(tx, arn, r#"{"keys":[]}"#, START);
        world.app.app.store.write(store, |_| {}).expect("stored")
    };
    assert!(set(&arn));
    let issuer = world.read(|tx| trusted_token_issuer::get(tx, &arn)).expect("there is one");
    assert_eq!((issuer.jwks.as_deref(), issuer.jwks_fetched_at), (Some(r#"{"keys":[]}"#), Some(START)));
    assert!(!set(&format!("{}0000", &arn[..arn.len() - 4])));
}

#[test]
fn signing_keys_are_fetched_when_an_issuer_is_new_or_its_keys_are_old() {
    let world = World::new();
    let arn = register(&world, "Okta");
    let waiting = || world.count("select count(*) from job where kind = 'sso.fetch_issuer_keys'");
    let fetched = || {
        let fetch = |tx: &mut kernel::WriteTx<'_>| {
            trusted_token_issuer::set_jwks(tx, &arn, r#"{"keys":[]}"#, world.app.app.now())?;
            tx.exec("delete from job where kind = 'sso.fetch_issuer_keys'", params![])
        };
        world.app.app.store.write(fetch, |_| {}).expect("stored");
    };
    let refresh = |is_key_missing| {
        let ask = |cx: &mut kernel::WriteCx<'_>| {
            let issuer = trusted_token_issuer::get(cx.tx, &arn)?.expect("there is one");
            trusted_token_issuer::refresh_keys(cx, &issuer, is_key_missing)
        };
        world.app.app.write_as(&management(), &world.app.request(), ask).expect("asked");
        waiting()
    };
    assert_eq!(waiting(), 1);
    fetched();
    assert_eq!(refresh(true), 0);
    world.app.clock.advance_seconds(60);
    assert_eq!((refresh(false), refresh(true)), (0, 1));
    fetched();
    world.app.clock.advance_seconds(86_400);
    assert_eq!(refresh(false), 1);
}

#[test]
fn keys_are_not_fetched_without_tls() {
    let world = World::new();
    let mut input = creation(&world, "Plain");
    let configuration = input.trusted_token_issuer_configuration.oidc_jwt_configuration.as_mut();
    configuration.expect("there is one").issuer_url = "http://issuer.example.com".to_owned();
    world.call::<ops::CreateTrustedTokenIssuer>(&management(), input).expect("created");
    assert_eq!(world.count("select count(*) from job where kind = 'sso.fetch_issuer_keys'"), 0);
}

#[test]
fn the_claim_of_an_issuer_says_whom_a_token_is_about() {
    let world = World::new();
    let arn = register(&world, "Okta");
    let mut issuer = world.read(|tx| trusted_token_issuer::get(tx, &arn)).expect("there is one");
    let claims = serde_json::json!({
        "email": "alice@example.com",
        "act": {"user": {"name": "alice"}},
        "a.b": "whole",
        "a": {"b": "part"},
        "number": 1
    });
    let claims = claims.as_object().expect("an object");
    let mut subject = |path: &str| {
        issuer.claim_attribute_path = path.to_owned();
        issuer.subject(claims).map(str::to_owned)
    };
    assert_eq!(subject("email").as_deref(), Some("alice@example.com"));
    assert_eq!(subject("act.user.name").as_deref(), Some("alice"));
    assert_eq!(subject("a.b").as_deref(), Some("whole"));
    for missing in ["number", "act", "act.user", "act.user.name.more", "email.value", "nothing"] {
        assert_eq!(subject(missing), None, "{missing}");
    }
}

#[test]
fn an_instance_that_is_being_deleted_gets_nothing_new() {
    let world = World::new();
    let sql = "update sso_instance set status = 'DELETE_IN_PROGRESS'";
    world.app.app.store.write(|tx| tx.exec(sql, params![]), |_| {}).expect("valid");
    let created = world.call::<ops::CreateTrustedTokenIssuer>(&management(), creation(&world, "x"));
    assert_eq!(code(created), "ConflictException");
    let created = world.call::<ops::CreateApplication>(&management(), world.creation("App"));
    assert_eq!(code(created), "ConflictException");
}

#[test]
fn the_user_of_a_token_is_found_by_name_or_address() {
    let world = World::new();
    let arn = register(&world, "Okta");
    let mut issuer = world.read(|tx| trusted_token_issuer::get(tx, &arn)).expect("there is one");
    let mut find = |path: &str, value: &str| {
        issuer.identity_store_attribute_path = path.to_owned();
        let found = world.read(|tx| trusted_token_issuer::find_user(tx, &world.instance.store, &issuer, value));
        found.map(|user| user.id)
    };
    assert_eq!(find("userName", "Alice"), Some(world.user.clone()));
    assert_eq!(find("emails.value", "alice@example.com"), Some(world.user.clone()));
    assert_eq!(find("emails.value", "bob@example.com"), None);
    assert_eq!(find("nickName", "alice"), None);
    let elsewhere =
        world.read(|tx| trusted_token_issuer::find_user(tx, &world.account_instance.store, &issuer, "alice"));
    assert!(elsewhere.is_none());
}
