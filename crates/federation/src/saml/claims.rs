//! What AWS reads from an assertion: roles, session name, tags, and the `saml:` condition keys.

use super::AWS_ATTRIBUTE_PREFIX;
use super::response::{Assertion, ResponseError, unverified_values};
use crate::rejection::{Rejection, RejectionCode};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Session durations that `SessionDuration` may ask for, in seconds.
pub const SESSION_DURATION_SECONDS: std::ops::RangeInclusive<u32> = 900..=43_200;
/// Most session tags of an assertion.
pub const MAXIMUM_TAGS: usize = 50;
/// Longest tag key, in characters.
const MAXIMUM_TAG_KEY: usize = 128;
/// Longest tag value, in characters.
const MAXIMUM_TAG_VALUE: usize = 256;

/// Why AWS's attributes in an assertion cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// No `RoleSessionName`.
    #[error("RoleSessionName is required in AuthnResponse")]
    RoleSessionNameMissing,
    /// A `RoleSessionName` of other characters or length, or several.
    #[error("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{{2,64}}")]
    RoleSessionName,
    /// A `SessionDuration` that is no number in range, or several.
    #[error("SessionDuration in AuthnResponse must be an integer between 900 and 43200")]
    SessionDuration,
    /// A `SourceIdentity` of other characters or length, or several.
    #[error("Source Identity must match [a-zA-Z_0-9+=,.@-]{{2,64}} and not begin with \"aws:\"")]
    SourceIdentity,
    /// Session tags against the rules for tags.
    #[error("The session tags in AuthnResponse are not valid: {0}")]
    Tags(&'static str),
    /// The requested pair of role and provider is not among the `Role` values.
    #[error("The requested role and provider are not among the Role attributes of the SAML assertion")]
    RoleNotOffered,
}

impl ClaimError {
    /// What `AssumeRoleWithSAML` answers.
    pub fn rejection(&self) -> Rejection {
        Rejection::new(RejectionCode::InvalidIdentityToken, self.to_string())
    }
}

/// One value of the `Role` attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleClaim {
    /// ARN of the role.
    pub role_arn: String,
    /// ARN of the SAML provider in the role's account.
    pub provider_arn: String,
}

/// AWS's own attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionClaims {
    /// The roles on offer.
    pub roles: Vec<RoleClaim>,
    /// The session's name.
    pub role_session_name: String,
    /// The wanted duration in seconds.
    pub session_duration: Option<u32>,
    /// Session tags.
    pub principal_tags: Vec<(String, String)>,
    /// Keys of session tags that pass on to chained roles.
    pub transitive_tag_keys: Vec<String>,
    /// The source identity.
    pub source_identity: Option<String>,
}

impl SessionClaims {
    /// Reads AWS's attributes; values of `Role` that are no pair of role and provider are passed over.
    pub fn from_assertion(assertion: &Assertion) -> Result<Self, ClaimError> {
        let values = |name: &str| assertion.values(&format!("{AWS_ATTRIBUTE_PREFIX}{name}"));
        let role_session_name = match values("RoleSessionName") {
            [] => return Err(ClaimError::RoleSessionNameMissing),
            [name] if is_session_name(name) => name.clone(),
            _ => return Err(ClaimError::RoleSessionName),
        };
        let session_duration = match values("SessionDuration") {
            [] => None,
            [text] => Some(duration(text).ok_or(ClaimError::SessionDuration)?),
            _ => return Err(ClaimError::SessionDuration),
        };
        let source_identity = match values("SourceIdentity") {
            [] => None,
            [identity] if is_session_name(identity) && !identity.starts_with("aws:") => Some(identity.clone()),
            _ => return Err(ClaimError::SourceIdentity),
        };
        let principal_tags = prefixed(assertion, "PrincipalTag:")?;
        let transitive_tag_keys = values("TransitiveTagKeys").to_vec();
        let is_tag = |key: &String| principal_tags.iter().any(|(tag, _)| tag.to_lowercase() == key.to_lowercase());
        if transitive_tag_keys.len() > MAXIMUM_TAGS || !transitive_tag_keys.iter().all(is_tag) {
            return Err(ClaimError::Tags("a transitive tag key is not the key of a session tag"));
        }
        let roles = values("Role").iter().filter_map(|value| role_claim(value)).collect();
        Ok(Self { roles, role_session_name, session_duration, principal_tags, transitive_tag_keys, source_identity })
    }

    /// The pairs that a response claims to offer, before anything of it was verified: they say which providers to ask.
    ///
    /// # Errors
    /// [`ResponseError`] for what is no response with one assertion.
    pub fn unverified_roles(response: &str) -> Result<Vec<RoleClaim>, ResponseError> {
        let values = unverified_values(response, &format!("{AWS_ATTRIBUTE_PREFIX}Role"))?;
        Ok(values.iter().filter_map(|value| role_claim(value)).collect())
    }

    /// Whether the requested pair is on offer.
    pub fn check_role(&self, role_arn: &str, provider_arn: &str) -> Result<(), ClaimError> {
        let offered = self.roles.iter().any(|claim| claim.role_arn == role_arn && claim.provider_arn == provider_arn);
        if offered { Ok(()) } else { Err(ClaimError::RoleNotOffered) }
    }
}

/// The `AccessControl:<key>` attributes that Identity Center takes from an external identity provider.
pub fn access_control_attributes(assertion: &Assertion) -> Result<Vec<(String, String)>, ClaimError> {
    prefixed(assertion, "AccessControl:")
}

fn is_session_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    (2..=64).contains(&text.len()) && text.chars().all(allowed)
}

fn duration(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|seconds| SESSION_DURATION_SECONDS.contains(seconds))
}

fn role_claim(value: &str) -> Option<RoleClaim> {
    let (first, second) = value.split_once(',')?;
    let (first, second) = (first.trim(), second.trim());
    let is_role = |arn: &str| arn.starts_with("arn:") && arn.contains(":role/");
    let is_provider = |arn: &str| arn.starts_with("arn:") && arn.contains(":saml-provider/");
    let (role, provider) = if is_role(first) { (first, second) } else { (second, first) };
    let valid = is_role(role) && is_provider(provider);
    valid.then(|| RoleClaim { role_arn: role.to_owned(), provider_arn: provider.to_owned() })
}

/// The single-valued attributes whose name continues AWS's prefix and `kind` with a tag key.
fn prefixed(assertion: &Assertion, kind: &str) -> Result<Vec<(String, String)>, ClaimError> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for attribute in &assertion.attributes {
        let rest = attribute.name.strip_prefix(AWS_ATTRIBUTE_PREFIX).and_then(|rest| rest.strip_prefix(kind));
        let Some(key) = rest else { continue };
        let [value] = attribute.values.as_slice() else {
            return Err(ClaimError::Tags("a tag must have exactly one value"));
        };
        if key.is_empty() || key.chars().count() > MAXIMUM_TAG_KEY || value.chars().count() > MAXIMUM_TAG_VALUE {
            return Err(ClaimError::Tags("keys have 1 to 128 characters, values at most 256"));
        }
        if tags.len() >= MAXIMUM_TAGS {
            return Err(ClaimError::Tags("more than 50 tags"));
        }
        if tags.iter().any(|(other, _)| other.to_lowercase() == key.to_lowercase()) {
            return Err(ClaimError::Tags("tag keys are not case-sensitive and must be unique"));
        }
        tags.push((key.to_owned(), value.clone()));
    }
    Ok(tags)
}

/// `NameQualifier` of `AssumeRoleWithSAML`: tells apart equal subjects of different issuers, accounts and providers.
/// SHA-1 is AWS's definition; nothing rests on its strength.
pub fn name_qualifier(issuer: &str, account_id: &str, provider_name: &str) -> String {
    let input = format!("{issuer}{account_id}/{provider_name}");
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, input.as_bytes()))
}

/// Attributes that have a condition key, by the names identity providers use for them (IAM User Guide, "Mapping SAML
/// attributes to AWS trust policy context keys").
const CONTEXT_KEYS: [(&str, &str); 31] = [
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "eduPersonAffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.2", "eduPersonNickname"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.3", "eduPersonOrgDN"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.4", "eduPersonOrgUnitDN"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.5", "eduPersonPrimaryAffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "eduPersonPrincipalName"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.7", "eduPersonEntitlement"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.8", "eduPersonPrimaryOrgUnitDN"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.9", "eduPersonScopedAffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.10", "eduPersonTargetedID"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.11", "eduPersonAssurance"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.2", "eduOrgHomePageURI"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.3", "eduOrgIdentityAuthNPolicyURI"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.4", "eduOrgLegalName"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.5", "eduOrgSuperiorURI"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.6", "eduOrgWhitePagesURI"),
    ("urn:oid:2.5.4.3", "cn"),
    ("urn:oid:2.5.4.3", "commonName"),
    ("urn:oid:2.5.4.4", "surname"),
    ("urn:oid:2.5.4.42", "givenName"),
    ("urn:oid:2.5.4.45", "x500UniqueIdentifier"),
    ("urn:oid:0.9.2342.19200300.100.1.1", "uid"),
    ("urn:oid:0.9.2342.19200300.100.1.3", "mail"),
    ("urn:oid:0.9.2342.19200300.100.1.45", "organizationStatus"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "name"),
    ("http://schemas.xmlsoap.org/claims/CommonName", "commonName"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "givenName"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname", "surname"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "mail"),
    ("http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid", "primaryGroupSID"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/uid", "uid"),
];

/// The `saml:` condition keys of a role's trust policy, each with its values. `account_id` and `provider_name` are
/// those of the SAML provider.
pub fn context_keys(assertion: &Assertion, account_id: &str, provider_name: &str) -> Vec<(String, Vec<String>)> {
    let single = [
        ("aud", assertion.recipient.clone()),
        ("iss", assertion.issuer.clone()),
        ("sub", assertion.name_id.clone()),
        ("sub_type", assertion.subject_type().to_owned()),
        ("namequalifier", name_qualifier(&assertion.issuer, account_id, provider_name)),
        ("doc", format!("{account_id}/{provider_name}")),
    ];
    let mut keys: Vec<(String, Vec<String>)> =
        single.into_iter().map(|(key, value)| (format!("saml:{key}"), vec![value])).collect();
    for (name, key) in CONTEXT_KEYS {
        let values = assertion.values(name);
        if values.is_empty() {
            continue;
        }
        let key = format!("saml:{key}");
        match keys.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => known.extend_from_slice(values),
            None => keys.push((key, values.to_vec())),
        }
    }
    keys
}
