//! Application providers.

use crate::application_support::{CUSTOM, World, of};
use kernel::testing::code;
use model::sso_admin::{DescribeApplicationProviderRequest, FederationProtocol, ListApplicationProvidersRequest, ops};

#[test]
fn providers_are_listed_in_pages() {
    let world = World::new();
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let input = ListApplicationProvidersRequest { max_results: Some(2), next_token: token };
        let page = world.call::<ops::ListApplicationProviders>(&of(&world.member), input).expect("listed");
        let providers = page.application_providers.unwrap_or_default();
        assert!(providers.len() <= 2);
        found.extend(providers.into_iter().map(|provider| provider.application_provider_arn));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{found:?}");
    assert!(found.iter().any(|arn| arn == CUSTOM));
    assert!(found.iter().any(|arn| arn == "arn:aws:sso::aws:applicationProvider/custom-saml"));
    let input = ListApplicationProvidersRequest { max_results: None, next_token: Some("x".to_owned()) };
    assert_eq!(code(world.call::<ops::ListApplicationProviders>(&of(&world.member), input)), "ValidationException");
}

#[test]
fn a_provider_is_described_with_its_protocol_and_scopes() {
    let world = World::new();
    let describe = |name: &str| {
        let application_provider_arn = format!("arn:aws:sso::aws:applicationProvider/{name}");
        let input = DescribeApplicationProviderRequest { application_provider_arn };
        world.call::<ops::DescribeApplicationProvider>(&of(&world.member), input)
    };
    let custom = describe("custom").expect("described");
    assert_eq!(custom.application_provider_arn, CUSTOM);
    assert_eq!(custom.federation_protocol, Some(FederationProtocol::Oauth));
    assert!(custom.resource_server_config.is_none());
    assert!(custom.display_data.is_some_and(|data| data.display_name.is_some()));
    let saml = describe("custom-saml").expect("described");
    assert_eq!(saml.federation_protocol, Some(FederationProtocol::Saml));
    let redshift = describe("redshift").expect("described");
    let scopes = redshift.resource_server_config.and_then(|config| config.scopes).expect("there are scopes");
    assert!(scopes.contains_key("redshift:connect"));
    assert_eq!(code(describe("nothing")), "ResourceNotFoundException");
}
