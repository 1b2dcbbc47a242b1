//! Application providers: the kinds of applications that there can be.
//!
//! AWS's catalogue has hundreds of entries for applications of other vendors; here are those for customers' own
//! applications and the AWS services that people most often meet. Only the first can be made through the API.

use crate::{messages, page};
use kernel::{Access, Cx, Permission, Result, Route, route};
use model::sso_admin::{
    ApplicationProvider, DescribeApplicationProviderRequest, DescribeApplicationProviderResponse, DisplayData,
    FederationProtocol, ListApplicationProvidersRequest, ListApplicationProvidersResponse, ResourceServerConfig,
    ResourceServerScopeDetails, ops,
};

const PREFIX: &str = "arn:aws:sso::aws:applicationProvider/";

/// A kind of application.
struct Provider {
    id: &'static str,
    protocol: FederationProtocol,
    name: &'static str,
    description: &'static str,
    /// Access scopes of the service, each with its title and what it allows.
    scopes: &'static [(&'static str, &'static str, &'static str)],
}

/// The kind that customers make through the API.
const CUSTOM: &str = "custom";

/// Every kind, by id.
const PROVIDERS: &[Provider] = &[
    Provider {
        id: "codewhisperer",
        protocol: FederationProtocol::Oauth,
        name: "Amazon Q Developer",
        description: "Generative AI assistant for software development",
        scopes: &[
            ("codewhisperer:analysis", "Analyze code", "Start analyses of code and read their findings"),
            ("codewhisperer:completions", "Complete code", "Get recommendations for code"),
            ("codewhisperer:conversations", "Converse", "Hold conversations about code"),
        ],
    },
    Provider {
        id: CUSTOM,
        protocol: FederationProtocol::Oauth,
        name: "Custom application",
        description: "Customer managed application that uses OAuth 2.0",
        scopes: &[],
    },
    Provider {
        id: "custom-saml",
        protocol: FederationProtocol::Saml,
        name: "Custom SAML 2.0 application",
        description: "Customer managed application that uses SAML 2.0",
        scopes: &[],
    },
    Provider {
        id: "qbusiness",
        protocol: FederationProtocol::Oauth,
        name: "Amazon Q Business",
        description: "Generative AI assistant for the data of an enterprise",
        scopes: &[],
    },
    Provider {
        id: "redshift",
        protocol: FederationProtocol::Oauth,
        name: "Amazon Redshift",
        description: "Data warehouse",
        scopes: &[("redshift:connect", "Connect", "Connect to databases of Amazon Redshift")],
    },
];

fn find(arn: &str) -> Result<&'static Provider> {
    let id = arn.strip_prefix(PREFIX).unwrap_or_default();
    let found = PROVIDERS.iter().find(|provider| provider.id == id);
    found.ok_or_else(|| messages::not_found("ApplicationProvider", arn))
}

/// Refuses providers of whose kind the API makes no applications.
///
/// # Errors
/// `ResourceNotFoundException`, `ValidationException`.
pub(super) fn require_creatable(arn: &str) -> Result<()> {
    match find(arn)?.id {
        CUSTOM => Ok(()),
        _ => Err(messages::validation(format!(
            "CreateApplication supports OAuth 2.0 customer managed applications only, of the provider {PREFIX}{CUSTOM}; \
             {arn} is not supported for this action."
        ))),
    }
}

fn shown(provider: &Provider) -> ApplicationProvider {
    let scope = |(name, title, text): &(&str, &str, &str)| {
        let details = ResourceServerScopeDetails {
            detailed_title: Some((*title).to_owned()),
            long_description: Some((*text).to_owned()),
        };
        ((*name).to_owned(), details)
    };
    let scopes = (!provider.scopes.is_empty()).then(|| provider.scopes.iter().map(scope).collect());
    ApplicationProvider {
        application_provider_arn: format!("{PREFIX}{}", provider.id),
        display_data: Some(DisplayData {
            description: Some(provider.description.to_owned()),
            display_name: Some(provider.name.to_owned()),
            icon_url: None,
        }),
        federation_protocol: Some(provider.protocol),
        resource_server_config: scopes.map(|scopes| ResourceServerConfig { scopes: Some(scopes) }),
    }
}

fn describe(
    _cx: &mut Cx<'_>,
    input: &DescribeApplicationProviderRequest,
) -> Result<DescribeApplicationProviderResponse> {
    let shown = shown(find(&input.application_provider_arn)?);
    Ok(DescribeApplicationProviderResponse {
        application_provider_arn: shown.application_provider_arn,
        display_data: shown.display_data,
        federation_protocol: shown.federation_protocol,
        resource_server_config: shown.resource_server_config,
    })
}

fn list(cx: &mut Cx<'_>, input: &ListApplicationProvidersRequest) -> Result<ListApplicationProvidersResponse> {
    let cursor = page::open(cx, &["ListApplicationProviders"], input.next_token.as_deref(), input.max_results)?;
    let fetch = usize::try_from(cursor.fetch).unwrap_or(usize::MAX);
    let rows: Vec<&Provider> =
        PROVIDERS.iter().filter(|provider| provider.id > cursor.after.as_str()).take(fetch).collect();
    let (rows, next_token) = cursor.close(cx, rows, |last| last.id.to_owned())?;
    let application_providers = Some(rows.into_iter().map(shown).collect());
    Ok(ListApplicationProvidersResponse { application_providers, next_token })
}

fn describe_access(_cx: &mut Cx<'_>, input: &DescribeApplicationProviderRequest) -> Result<Access> {
    Ok(Permission::new("sso:DescribeApplicationProvider", &input.application_provider_arn).into())
}

fn list_access(_cx: &mut Cx<'_>, _input: &ListApplicationProvidersRequest) -> Result<Access> {
    Ok(Permission::new("sso:ListApplicationProviders", format!("{PREFIX}*")).into())
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::read::<ops::DescribeApplicationProvider>(describe_access, describe),
        route::read::<ops::ListApplicationProviders>(list_access, list),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_stand_in_the_order_of_their_pages() {
        assert!(PROVIDERS.windows(2).all(|pair| pair[0].id < pair[1].id));
    }
}
