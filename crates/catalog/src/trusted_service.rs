//! The services that `EnableAWSServiceAccess` of Organizations accepts.

use crate::table::Table;

const TABLE: Table = Table(include_str!("../data/trusted_services.tsv"));

/// A service that can be given trusted access to an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedService {
    /// `ServicePrincipal`.
    pub service_principal: &'static str,
    /// The name on the Services page of the console.
    pub display_name: &'static str,
    /// Whether member accounts can be registered as its delegated administrators.
    pub delegated_administrators: DelegatedAdministrators,
}

/// How many delegated administrators `RegisterDelegatedAdministrator` allows for a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DelegatedAdministrators {
    /// The service has none.
    Unsupported,
    /// At most this many; 1 for IAM Identity Center.
    AtMost(u16),
    /// No limit is documented for the service.
    Unlimited,
}

impl TrustedService {
    fn parse(line: &'static str) -> Option<Self> {
        let mut columns = line.split('\t');
        let (service_principal, display_name) = (columns.next()?, columns.next()?);
        let delegated_administrators = match columns.next()? {
            "0" => DelegatedAdministrators::Unsupported,
            "*" => DelegatedAdministrators::Unlimited,
            limit => DelegatedAdministrators::AtMost(limit.parse().ok()?),
        };
        Some(Self { service_principal, display_name, delegated_administrators })
    }
}

/// The service with this principal; `None` is Organizations' `UNRECOGNIZED_SERVICE_PRINCIPAL`.
pub fn trusted_service(service_principal: &str) -> Option<TrustedService> {
    TABLE.find_exact(service_principal).and_then(TrustedService::parse)
}

/// All services, sorted by service principal.
pub fn trusted_services() -> impl Iterator<Item = TrustedService> {
    TABLE.lines().filter_map(TrustedService::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_the_table_is_skipped() {
        assert_eq!(trusted_services().count(), TABLE.lines().count());
    }
}
