//! What `CreateServiceLinkedRole` makes for a service.

use crate::table::Table;

const TABLE: Table = Table(include_str!("../data/service_linked_roles.tsv"));

/// The role that a service may have made in an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLinkedRoleTemplate {
    /// `AWSServiceName`: the service principal, the only one in the trust policy.
    pub service_principal: &'static str,
    /// `RoleName` without suffix, `AWSServiceRoleFor…`.
    pub role_name: &'static str,
    /// The one policy attached to the role, an AWS-managed policy under `/aws-service-role/`.
    pub policy_arn: &'static str,
    /// Whether `CustomSuffix` is accepted (the role is then named `<role name>_<suffix>`) or refused with `InvalidInput`.
    pub allows_custom_suffix: bool,
    /// The description that the service gives when it makes the role itself; none where none is known.
    pub description: Option<&'static str>,
}

impl ServiceLinkedRoleTemplate {
    /// The path of the role, `/aws-service-role/<service principal>/`.
    pub fn path(&self) -> String {
        format!("/aws-service-role/{}/", self.service_principal)
    }

    /// The trust policy of the role: the service principal may assume it, nobody else.
    pub fn trust_policy(&self) -> String {
        let principal = self.service_principal;
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{principal}"}},"Action":"sts:AssumeRole"}}]}}"#
        )
    }

    fn parse(line: &'static str) -> Option<Self> {
        let mut columns = line.split('\t');
        Some(Self {
            service_principal: columns.next()?,
            role_name: columns.next()?,
            policy_arn: columns.next()?,
            allows_custom_suffix: columns.next()? == "1",
            description: Some(columns.next()?).filter(|text| !text.is_empty()),
        })
    }
}

/// The role of the service with this principal; case-sensitive. `None`: the service has no service-linked role.
pub fn service_linked_role(service_principal: &str) -> Option<ServiceLinkedRoleTemplate> {
    TABLE.find_exact(service_principal).and_then(ServiceLinkedRoleTemplate::parse)
}

/// All roles, sorted by service principal.
pub fn service_linked_roles() -> impl Iterator<Item = ServiceLinkedRoleTemplate> {
    TABLE.lines().filter_map(ServiceLinkedRoleTemplate::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_the_table_is_skipped() {
        assert_eq!(service_linked_roles().count(), TABLE.lines().count());
    }
}
