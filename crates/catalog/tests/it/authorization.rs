//! The service-authorization tables, and the size of all data together.

use catalog::{
    AccessLevel, ConditionKeyType, action, action_names, actions, condition_key, condition_key_type, condition_keys,
    rcp_supported, resource_type, resource_types, service, service_exists, services,
};

/// The services whose operations the product implements.
const IMPLEMENTED: &[&str] = &[
    "account",
    "cloudtrail",
    "ds",
    "ds-data",
    "iam",
    "identity-sync",
    "identitystore",
    "identitystore-auth",
    "organizations",
    "signin",
    "sso",
    "sso-directory",
    "sso-oauth",
    "sts",
];

#[test]
fn every_action_of_an_implemented_service_is_described() {
    for prefix in IMPLEMENTED {
        assert!(actions(prefix).count() > 0, "{prefix}");
        for action in actions(prefix) {
            assert!(!action.description.is_empty(), "{prefix}:{}", action.name);
        }
    }
}

#[test]
fn every_resource_type_that_an_action_of_an_implemented_service_names_exists() {
    for prefix in IMPLEMENTED {
        for action in actions(prefix) {
            for resource in action.resource_types {
                assert!(resource_type(prefix, resource.name).is_some(), "{prefix}:{} {}", action.name, resource.name);
            }
        }
    }
}

#[test]
fn every_condition_key_that_an_action_of_an_implemented_service_names_has_a_type() {
    for prefix in IMPLEMENTED {
        for action in actions(prefix) {
            for key in action.condition_keys {
                assert!(condition_key(key).is_some(), "{prefix}:{} {key}", action.name);
            }
        }
        for key in condition_keys(prefix) {
            assert_eq!(condition_key_type(key.key), Some(key.key_type), "{}", key.key);
        }
    }
}

#[test]
fn an_action_carries_its_row_of_the_reference() {
    let pass_role = action("IAM", "passrole").unwrap();
    assert_eq!(pass_role.name, "PassRole");
    assert_eq!(pass_role.access_level, AccessLevel::Write);
    assert_eq!(pass_role.condition_keys, ["iam:AssociatedResourceArn", "iam:PassedToService"]);
    assert_eq!(pass_role.resource_types.len(), 1);
    assert_eq!((pass_role.resource_types[0].name, pass_role.resource_types[0].required), ("role", true));
    let attach = action("organizations", "AttachPolicy").unwrap();
    assert_eq!(attach.access_level, AccessLevel::PermissionsManagement);
    assert_eq!(attach.access_level.as_str(), "Permissions management");
}

#[test]
fn resource_types_carry_arn_patterns() {
    let account = resource_type("organizations", "account").unwrap();
    assert_eq!(
        account.arn_pattern,
        "arn:${Partition}:organizations::${Account}:account/o-${OrganizationId}/${AccountId}"
    );
    assert_eq!(account.condition_keys, ["aws:ResourceTag/${TagKey}"]);
    assert!(resource_types("iam").any(|kind| kind.name == "role"));
}

#[test]
fn other_services_are_known_with_all_their_actions() {
    assert!(services().count() > 400);
    assert!(action("s3", "GetObject").is_some());
    assert!(action_names("ec2").any(|name| name == "RunInstances"));
    assert_eq!(service("organizations").unwrap().name, "AWS Organizations");
}

#[test]
fn unknown_services_and_actions_are_none_and_empty() {
    assert!(!service_exists("nosuchservice"));
    assert!(action("nosuchservice", "Do").is_none());
    assert!(action("iam", "CreateRol").is_none());
    assert_eq!(actions("nosuchservice").count() + resource_types("").count(), 0);
    assert!(!rcp_supported("nosuchservice"));
}

#[test]
fn resource_control_policies_apply_to_sts_and_s3_but_not_to_iam() {
    assert!(rcp_supported("sts") && rcp_supported("s3") && rcp_supported("STS"));
    assert!(!rcp_supported("iam") && !rcp_supported("organizations"));
}

#[test]
fn global_condition_keys_have_types_in_any_case_and_with_variables_filled_in() {
    assert_eq!(condition_key_type("aws:SourceIp"), Some(ConditionKeyType::IpAddress));
    assert_eq!(condition_key_type("AWS:sourceip"), Some(ConditionKeyType::IpAddress));
    assert_eq!(condition_key_type("aws:PrincipalArn"), Some(ConditionKeyType::Arn));
    assert_eq!(condition_key_type("aws:CurrentTime"), Some(ConditionKeyType::Date));
    assert_eq!(condition_key_type("aws:PrincipalOrgMasterAccountId"), Some(ConditionKeyType::String));
    assert_eq!(condition_key("aws:requesttag/Team").map(|key| key.key), Some("aws:RequestTag/${TagKey}"));
    assert!(condition_key_type("aws:PrincipalOrgPaths").is_some_and(ConditionKeyType::is_multivalued));
    assert!(condition_key_type("aws:TagKeys").is_some_and(ConditionKeyType::is_multivalued));
    assert!(condition_key("aws:RequestTag/").is_none());
    assert!(condition_key("aws:Nonsense").is_none());
}

#[test]
fn keys_of_services_and_identity_providers_have_types() {
    assert_eq!(condition_key_type("iam:PermissionsBoundary"), Some(ConditionKeyType::Arn));
    assert_eq!(condition_key_type("iam:ResourceTag/Team"), Some(ConditionKeyType::String));
    assert_eq!(condition_key_type("sts:ExternalId"), Some(ConditionKeyType::String));
    assert_eq!(condition_key_type("SAML:aud"), Some(ConditionKeyType::String));
    assert_eq!(condition_key_type("identitycenter:InstanceArn"), Some(ConditionKeyType::Arn));
    assert_eq!(condition_key_type("token.actions.githubusercontent.com:actor"), Some(ConditionKeyType::String));
    assert_eq!(condition_key_type("token.actions.octo.ghe.com:actor"), Some(ConditionKeyType::String));
    assert_eq!(condition_key_type("s3:ExistingObjectTag/security"), Some(ConditionKeyType::String));
    assert_eq!(condition_key_type("nocolon"), None);
    assert_eq!(condition_key_type("unknown.example.com:sub"), None);
}

#[test]
fn the_data_in_the_repository_stays_below_two_and_a_half_megabytes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    let total: u64 = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(total < 2_500_000, "{total}");
}
