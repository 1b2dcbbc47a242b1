//! AWS's attributes are held to AWS's rules.

use crate::fixtures::{check, read};
use federation::saml::claims::{ClaimError, RoleClaim, SessionClaims, access_control_attributes};
use federation::saml::response::{Assertion, Attribute};
use federation::saml::{AWS_ATTRIBUTE_PREFIX, FORMAT_EMAIL_ADDRESS, FORMAT_TRANSIENT};

/// A valid assertion with one of AWS's attributes set to these values, or removed when there are none.
fn with(name: &str, values: &[&str]) -> Assertion {
    let mut assertion = check(&read("good-assertion-lxml.xml")).expect("accepted");
    let name = format!("{AWS_ATTRIBUTE_PREFIX}{name}");
    assertion.attributes.retain(|attribute| attribute.name != name);
    if !values.is_empty() {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        assertion.attributes.push(Attribute { name, values });
    }
    assertion
}

fn claims(name: &str, values: &[&str]) -> Result<SessionClaims, ClaimError> {
    SessionClaims::from_assertion(&with(name, values))
}

#[test]
fn the_session_name_is_required_and_restricted() {
    assert_eq!(claims("RoleSessionName", &[]), Err(ClaimError::RoleSessionNameMissing));
    for name in ["", "a", "a b", "a/b", "é-é", &"a".repeat(65)] {
        assert_eq!(claims("RoleSessionName", &[name]), Err(ClaimError::RoleSessionName), "{name}");
    }
    assert_eq!(claims("RoleSessionName", &["one", "two"]), Err(ClaimError::RoleSessionName));
    for name in ["ab", "A_z0+=,.@-", &"a".repeat(64)] {
        assert_eq!(claims("RoleSessionName", &[name]).map(|claims| claims.role_session_name).as_deref(), Ok(name));
    }
    let rejection = ClaimError::RoleSessionName.rejection();
    assert_eq!(rejection.message, "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}");
}

#[test]
fn the_session_duration_is_a_number_of_seconds_in_range() {
    for text in ["899", "43201", "", "+900", "-900", "900.0", "0x384", " 900", "99999999999999999999"] {
        assert_eq!(claims("SessionDuration", &[text]), Err(ClaimError::SessionDuration), "{text}");
    }
    assert_eq!(claims("SessionDuration", &["900", "901"]), Err(ClaimError::SessionDuration));
    for (text, seconds) in [("900", 900), ("43200", 43_200), ("0900", 900)] {
        assert_eq!(claims("SessionDuration", &[text]).map(|claims| claims.session_duration), Ok(Some(seconds)));
    }
    assert_eq!(claims("SessionDuration", &[]).map(|claims| claims.session_duration), Ok(None));
}

#[test]
fn the_source_identity_is_restricted() {
    for identity in ["a", "aws:alice", "a:b", &"a".repeat(65)] {
        assert_eq!(claims("SourceIdentity", &[identity]), Err(ClaimError::SourceIdentity), "{identity}");
    }
    assert_eq!(claims("SourceIdentity", &[]).map(|claims| claims.source_identity), Ok(None));
}

#[test]
fn session_tags_are_restricted() {
    let long_key = format!("PrincipalTag:{}", "k".repeat(129));
    let long_value = "v".repeat(257);
    let refused: [(&str, &[&str]); 5] = [
        ("PrincipalTag:", &["v"]),
        (&long_key, &["v"]),
        ("PrincipalTag:K", &[&long_value]),
        ("PrincipalTag:K", &["v", "w"]),
        ("PrincipalTag:TEAM", &["v"]),
    ];
    for (name, values) in refused {
        assert!(matches!(claims(name, values), Err(ClaimError::Tags(_))), "{name}");
    }
    assert!(matches!(claims("TransitiveTagKeys", &["Other"]), Err(ClaimError::Tags(_))));
    let mut assertion = with("PrincipalTag:Team", &[]);
    for n in 0..51 {
        let name = format!("{AWS_ATTRIBUTE_PREFIX}PrincipalTag:k{n}");
        assertion.attributes.push(Attribute { name, values: vec![String::new()] });
    }
    assert_eq!(SessionClaims::from_assertion(&assertion), Err(ClaimError::Tags("more than 50 tags")));
}

#[test]
fn role_values_that_are_no_pair_are_passed_over() {
    let role = "arn:aws-cn:iam::123456789012:role/a";
    let provider = "arn:aws-cn:iam::123456789012:saml-provider/p";
    let pair = format!("{provider} , {role}");
    let values = [role, "x,y", &format!("{role},{role}"), &format!("{provider},{provider}"), &pair];
    let roles = claims("Role", &values).expect("valid").roles;
    assert_eq!(roles, [RoleClaim { role_arn: role.to_owned(), provider_arn: provider.to_owned() }]);
    let none = claims("Role", &[]).expect("valid");
    assert_eq!(none.check_role(role, provider), Err(ClaimError::RoleNotOffered));
}

#[test]
fn access_control_attributes_are_read_for_identity_center() {
    let assertion = with("AccessControl:CostCenter", &["7"]);
    assert_eq!(access_control_attributes(&assertion), Ok(vec![("CostCenter".to_owned(), "7".to_owned())]));
}

#[test]
fn the_subject_type_follows_the_format() {
    let mut assertion = with("SourceIdentity", &[]);
    assertion.name_id_format = FORMAT_TRANSIENT.to_owned();
    assert_eq!(assertion.subject_type(), "transient");
    assertion.name_id_format = FORMAT_EMAIL_ADDRESS.to_owned();
    assert_eq!(assertion.subject_type(), FORMAT_EMAIL_ADDRESS);
}
