//! One port, many services: which operation a request means.
//!
//! By AWS's host name when the request carries one, by `X-Amz-Target`, by `Action`, by the signing name and path.

use model::SERVICES;
use smithy::codec::{Named, named, service_of_target};
use smithy::query::Parameters;
use smithy::rest;
use smithy::schema::{Op, Protocol, Service};
use smithy::wire::WireRequest;

/// What a request means.
pub struct Meaning {
    /// The service, in whose protocol the answer is written.
    pub service: &'static Service,
    /// The operation; the name that the request gave when the service has none of that name.
    pub operation: Result<&'static Op, String>,
}

/// Finds out what `request` means; `scope_service` is the service of its credential scope.
pub fn meaning(request: &WireRequest<'_>, scope_service: Option<&str>) -> Meaning {
    let by_host = request.header("host").and_then(service_of_host);
    if let Named::Target { prefix, operation } = named(request) {
        let service = by_host.or_else(|| service_of_target(SERVICES, prefix));
        if let Some(service) = service.filter(|service| service.protocol == Protocol::Json) {
            return in_service(service, operation);
        }
        return unknown(&model::organizations::SERVICE, &format!("{prefix}.{operation}"));
    }
    if let Some(service) = by_host {
        return match service.protocol {
            Protocol::Json => unknown(service, ""),
            Protocol::Query => by_action(request, Some(service)),
            Protocol::RestJson => by_path(request, &[service]),
        };
    }
    let services: Vec<&'static Service> = SERVICES
        .iter()
        .copied()
        .filter(|service| service.protocol == Protocol::RestJson)
        .filter(|service| scope_service.is_none_or(|scope| scope == service.signing_name))
        .collect();
    if request.path != "/" && !services.is_empty() {
        return by_path(request, &services);
    }
    let by_scope = SERVICES
        .iter()
        .copied()
        .find(|service| service.protocol == Protocol::Query && scope_service == Some(service.signing_name));
    by_action(request, by_scope)
}

fn in_service(service: &'static Service, operation: &str) -> Meaning {
    Meaning { service, operation: service.operation(operation).ok_or_else(|| operation.to_owned()) }
}

fn unknown(service: &'static Service, name: &str) -> Meaning {
    Meaning { service, operation: Err(name.to_owned()) }
}

fn by_action(request: &WireRequest<'_>, service: Option<&'static Service>) -> Meaning {
    let fallback = service.unwrap_or(&model::sts::SERVICE);
    let Ok(parameters) = Parameters::of(request) else { return unknown(fallback, "") };
    let action = parameters.action().unwrap_or_default();
    let by_version = || {
        let version = parameters.version()?;
        SERVICES.iter().copied().find(|each| each.protocol == Protocol::Query && each.api_version == version)
    };
    in_service(service.or_else(by_version).unwrap_or(fallback), action)
}

fn by_path(request: &WireRequest<'_>, services: &[&'static Service]) -> Meaning {
    let found = services.iter().find_map(|service| {
        let op = rest::route(service.operations, request.method, request.path, request.query)?;
        Some(Meaning { service, operation: Ok(op) })
    });
    let fallback = services.first().copied().unwrap_or(&model::sso_oidc::SERVICE);
    found.unwrap_or_else(|| unknown(fallback, &format!("{} {}", request.method, request.path)))
}

/// The service behind a host name of AWS's: `organizations.us-east-1.amazonaws.com`, `iam.amazonaws.com`,
/// `us-east-1.signin.aws.amazon.com`.
fn service_of_host(host: &str) -> Option<&'static Service> {
    let host = host.split(':').next()?.to_ascii_lowercase();
    if host == "signin.aws.amazon.com" || host.ends_with(".signin.aws.amazon.com") {
        return Some(&model::signin::SERVICE);
    }
    let labels = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    SERVICES.iter().copied().find(|service| {
        labels.strip_prefix(service.endpoint_prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning_of(headers: &[(&str, &[u8])], path: &str, body: &[u8], scope: Option<&str>) -> String {
        let request = WireRequest { method: "POST", path, query: "", headers, body };
        let meaning = meaning(&request, scope);
        match meaning.operation {
            Ok(op) => format!("{}:{}", meaning.service.id, op.name),
            Err(name) => format!("{}?{name}", meaning.service.id),
        }
    }

    #[test]
    fn each_way_of_naming_an_operation_is_understood() {
        let target: &[(&str, &[u8])] = &[("x-amz-target", b"AWSOrganizationsV20161128.ListRoots")];
        assert_eq!(meaning_of(target, "/", b"{}", Some("organizations")), "organizations:ListRoots");
        for prefix in ["CloudTrail_20131101", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"] {
            let target = format!("{prefix}.LookupEvents");
            let target: &[(&str, &[u8])] = &[("x-amz-target", target.as_bytes())];
            assert_eq!(meaning_of(target, "/", b"{}", None), "cloudtrail:LookupEvents");
        }
        let form = b"Action=GetUser&Version=2010-05-08";
        assert_eq!(meaning_of(&[], "/", form, Some("iam")), "iam:GetUser");
        let unsigned = b"Action=AssumeRoleWithSAML&Version=2011-06-15";
        assert_eq!(meaning_of(&[], "/", unsigned, None), "sts:AssumeRoleWithSAML");
        assert_eq!(meaning_of(&[], "/client/register", b"{}", None), "sso-oidc:RegisterClient");
    }

    #[test]
    fn real_host_names_decide() {
        let host: &[(&str, &[u8])] = &[("host", b"iam.amazonaws.com")];
        assert_eq!(meaning_of(host, "/", b"Action=GetUser&Version=2010-05-08", None), "iam:GetUser");
        let portal: &[(&str, &[u8])] = &[("host", b"portal.sso.us-east-1.amazonaws.com")];
        assert_eq!(meaning_of(portal, "/logout", b"", None), "sso:Logout");
        let data: &[(&str, &[u8])] = &[("host", b"ds-data.eu-central-1.amazonaws.com")];
        assert_eq!(meaning_of(data, "/Users/CreateUser", b"{}", None), "ds-data:CreateUser");
        assert_eq!(meaning_of(&[], "/Users/CreateUser", b"{}", Some("ds-data")), "ds-data:CreateUser");
        let wrong: &[(&str, &[u8])] = &[("host", b"iam.amazonaws.com.evil.example")];
        assert_eq!(meaning_of(wrong, "/", b"Action=Nothing", None), "sts?Nothing");
    }

    #[test]
    fn what_is_unknown_is_answered_in_a_protocol_of_aws() {
        let target: &[(&str, &[u8])] = &[("x-amz-target", b"AmazonEC2ContainerServiceV20141113.ListClusters")];
        assert_eq!(
            meaning_of(target, "/", b"{}", None),
            "organizations?AmazonEC2ContainerServiceV20141113.ListClusters"
        );
        assert_eq!(meaning_of(&[], "/", b"Action=RunInstances&Version=2016-11-15", Some("ec2")), "sts?RunInstances");
    }
}
