//! Services that Organizations can trust.

use catalog::{DelegatedAdministrators, trusted_service, trusted_services};

#[test]
fn every_service_is_found_by_its_principal() {
    for service in trusted_services() {
        assert_eq!(trusted_service(service.service_principal), Some(service));
        assert!(service.service_principal.ends_with(".amazonaws.com"), "{}", service.service_principal);
        assert!(!service.display_name.is_empty(), "{}", service.service_principal);
    }
}

#[test]
fn identity_center_is_named_single_sign_on_and_has_one_delegated_administrator() {
    let service = trusted_service("sso.amazonaws.com").unwrap();
    assert_eq!(service.display_name, "AWS Single Sign-On");
    assert_eq!(service.delegated_administrators, DelegatedAdministrators::AtMost(1));
}

#[test]
fn a_service_that_organizations_does_not_know_is_none() {
    for principal in ["ec2.amazonaws.com", "sso", "SSO.amazonaws.com", ""] {
        assert_eq!(trusted_service(principal), None, "{principal}");
    }
}

#[test]
fn some_trusted_services_have_no_delegated_administrators() {
    let ram = trusted_service("ram.amazonaws.com").unwrap();
    assert_eq!(ram.delegated_administrators, DelegatedAdministrators::Unsupported);
}
