//! AWS-managed policies and service-linked roles.

use catalog::{managed_policies, managed_policy, managed_policy_by_name, service_linked_role, service_linked_roles};
use serde_json::Value;

/// The policies that the behaviour tables of the product rely on, by path and name.
const RELIED_ON: &[&str] = &[
    "/AdministratorAccess",
    "/aws-service-role/AWSOrganizationsServiceTrustPolicy",
    "/aws-service-role/AWSSSOServiceRolePolicy",
    "/AWSIAMIdentityCenterAllowListForIdentityContext",
    "/AWSOrganizationsFullAccess",
    "/AWSOrganizationsReadOnlyAccess",
    "/AWSSSODirectoryAdministrator",
    "/AWSSSODirectoryReadOnly",
    "/AWSSSOMasterAccountAdministrator",
    "/AWSSSOMemberAccountAdministrator",
    "/AWSSSOReadOnly",
    "/IAMFullAccess",
    "/IAMReadOnlyAccess",
    "/IAMUserChangePassword",
    "/job-function/Billing",
    "/job-function/DatabaseAdministrator",
    "/job-function/DataScientist",
    "/job-function/NetworkAdministrator",
    "/job-function/SupportUser",
    "/job-function/SystemAdministrator",
    "/job-function/ViewOnlyAccess",
    "/PowerUserAccess",
    "/ReadOnlyAccess",
    "/root-task/IAMAuditRootUserCredentials",
    "/root-task/IAMCreateRootUserPassword",
    "/root-task/IAMDeleteRootUserCredentials",
    "/root-task/S3UnlockBucketPolicy",
    "/root-task/SQSUnlockQueuePolicy",
    "/SecurityAudit",
    "/service-role/AWSControlTowerIdentityCenterManagementPolicy",
    "/service-role/AWSIdentityCenterExternalManagementPolicy",
    "/SignInLocalDevelopmentAccess",
];

#[test]
fn every_policy_that_the_product_relies_on_is_present() {
    for path_and_name in RELIED_ON {
        let arn = format!("arn:aws:iam::aws:policy{path_and_name}");
        let policy = managed_policy(&arn).unwrap_or_else(|| panic!("{arn} is missing"));
        assert_eq!(format!("{}{}", policy.path, policy.name), *path_and_name);
        assert!(!policy.description.is_empty(), "{arn}");
    }
}

#[test]
fn every_document_is_a_policy_with_statements() {
    for policy in managed_policies() {
        let document: Value = serde_json::from_str(policy.document()).unwrap_or_else(|e| panic!("{}: {e}", policy.arn));
        assert!(document["Version"].is_string(), "{}", policy.arn);
        let statements = match &document["Statement"] {
            Value::Array(statements) => statements.len(),
            Value::Object(statement) => usize::from(!statement.is_empty()),
            _ => 0,
        };
        assert!(statements > 0, "{}", policy.arn);
    }
}

#[test]
fn every_policy_is_found_by_arn_and_by_name() {
    for policy in managed_policies() {
        assert_eq!(managed_policy(policy.arn), Some(policy));
        assert_eq!(managed_policy_by_name(policy.name), Some(policy));
    }
}

#[test]
fn the_metadata_of_every_policy_has_the_shape_that_iam_promises() {
    let mut ids = std::collections::HashSet::new();
    for policy in managed_policies() {
        let arn = policy.arn;
        let id = policy.policy_id;
        assert!(id.len() == 21 && id.starts_with("ANPA") && id.bytes().all(|b| b.is_ascii_alphanumeric()), "{arn}");
        assert!(ids.insert(id), "{arn} shares its id");
        assert!(policy.default_version.strip_prefix('v').is_some_and(|n| n.parse::<u32>().is_ok()), "{arn}");
        assert!(policy.create_date <= policy.update_date, "{arn}");
        assert!(policy.create_date.iso8601().as_str() > "2015", "{arn}");
        assert!(policy.path.starts_with('/') && policy.path.ends_with('/'), "{arn}");
        assert!(policy.name.len() <= 128 && policy.description.len() <= 1000, "{arn}");
    }
}

#[test]
fn policies_come_sorted_by_name() {
    assert!(managed_policies().map(|policy| policy.name).is_sorted());
}

#[test]
fn a_wrong_path_case_partition_or_account_finds_nothing() {
    for arn in [
        "arn:aws:iam::aws:policy/job-function/AdministratorAccess",
        "arn:aws:iam::aws:policy/administratoraccess",
        "arn:aws-cn:iam::aws:policy/AdministratorAccess",
        "arn:aws:iam::123456789012:policy/AdministratorAccess",
        "arn:aws:iam::aws:policy/",
        "AdministratorAccess",
        "",
    ] {
        assert_eq!(managed_policy(arn), None, "{arn}");
    }
}

#[test]
fn administrator_access_carries_what_aws_documents() {
    let policy = managed_policy("arn:aws:iam::aws:policy/AdministratorAccess").unwrap();
    assert_eq!(policy.policy_id, "ANPAIWMBCKSKIEE64ZLYK");
    assert_eq!(policy.default_version, "v1");
    assert_eq!(policy.create_date.iso8601(), "2015-02-06T18:39:46Z");
    assert_eq!(policy.description, "Provides full access to AWS services and resources.");
    assert_eq!(
        policy.document(),
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#
    );
}

#[test]
fn only_policies_of_service_linked_roles_cannot_be_attached() {
    for policy in managed_policies() {
        assert_eq!(policy.attachable, policy.path != "/aws-service-role/", "{}", policy.arn);
    }
    assert!(!managed_policy_by_name("AWSSSOServiceRolePolicy").unwrap().attachable);
}

#[test]
fn the_policy_of_every_service_linked_role_exists_and_is_reserved_for_such_roles() {
    for role in service_linked_roles() {
        let policy = managed_policy(role.policy_arn).unwrap_or_else(|| panic!("{}", role.policy_arn));
        assert!(!policy.attachable, "{}", role.policy_arn);
    }
}

#[test]
fn every_service_linked_role_is_found_and_well_formed() {
    for role in service_linked_roles() {
        assert_eq!(service_linked_role(role.service_principal), Some(role));
        assert!(role.service_principal.ends_with(".amazonaws.com"), "{}", role.service_principal);
        assert!(role.role_name.starts_with("AWSServiceRoleFor") && role.role_name.len() <= 64, "{}", role.role_name);
        serde_json::from_str::<Value>(&role.trust_policy()).unwrap();
    }
    assert_eq!(service_linked_role("nothing.amazonaws.com"), None);
}

#[test]
fn the_role_of_identity_center_is_as_aws_creates_it() {
    let role = service_linked_role("sso.amazonaws.com").unwrap();
    assert_eq!(role.role_name, "AWSServiceRoleForSSO");
    assert_eq!(role.path(), "/aws-service-role/sso.amazonaws.com/");
    assert_eq!(role.policy_arn, "arn:aws:iam::aws:policy/aws-service-role/AWSSSOServiceRolePolicy");
    assert!(!role.allows_custom_suffix);
    assert_eq!(
        role.description,
        Some(
            "Service-linked role used by AWS SSO to manage AWS resources, including IAM roles, policies and SAML IdP on \
             your behalf."
        )
    );
    let trust: Value = serde_json::from_str(&role.trust_policy()).unwrap();
    assert_eq!(trust["Statement"][0]["Principal"]["Service"], "sso.amazonaws.com");
}

#[test]
fn only_some_services_take_a_custom_suffix() {
    assert!(service_linked_role("autoscaling.amazonaws.com").unwrap().allows_custom_suffix);
    assert!(!service_linked_role("organizations.amazonaws.com").unwrap().allows_custom_suffix);
}
