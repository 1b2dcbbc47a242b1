//! Roles for people who signed in through IAM Identity Center.
//!
//! Identity Center is an identity provider as any other: the role's trust policy and the SAML provider in the account
//! decide. Only the assertion is left out, since the one that would sign it and the one that would read it are the same
//! program: what it would say is put before the trust policy, and the SAML provider must hold the instance's certificate.

use super::role_session::{self, Limits, Opened, Origin, RoleSessionRequest};
use super::session::SessionTags;
use super::web_identity::require_as_federated;
use crate::saml_provider::{self, SamlProvider};
use base::{AccountId, Arn};
use federation::saml::claims;
use federation::saml::metadata::Metadata;
use kernel::caller::SignIn;
use kernel::{Caller, Cx, Error, Result};
use model::sts::{AssumeRoleWithSAMLRequest, AssumeRoleWithSAMLResponse, InvalidIdentityTokenException, Tag, ops};
use smithy::schema::Operation as _;
use std::collections::BTreeMap;
use std::sync::Arc;

const ACTION: &str = "sts:AssumeRoleWithSAML";
/// Where assertions for AWS go; what roles of Identity Center require as `saml:aud`.
const RECIPIENT: &str = "https://signin.aws.amazon.com/saml";

/// A wish for a session of a role of Identity Center.
pub struct PersonSession {
    /// The account.
    pub account: AccountId,
    /// The role.
    pub role_arn: Arn,
    /// ARN of the SAML provider in the account.
    pub provider_arn: String,
    /// The instance's certificate, in base64 without lines around it.
    pub certificate: String,
    /// The person, as the subject of an assertion.
    pub subject: String,
    /// Name of the session.
    pub session_name: String,
    /// How long it lasts, in seconds.
    pub duration_seconds: i64,
    /// Session tags.
    pub tags: Vec<(String, String)>,
    /// What it rests on.
    pub sign_in: SignIn,
}

/// Opens a session of a role for a person, on the conditions of `AssumeRoleWithSAML`, and records that call in the
/// role's account.
///
/// # Errors
/// [`Error::Denied`] when the trust policy, or what stands above it, does not let the person in;
/// `InvalidIdentityToken` when the SAML provider is missing, expired or not the instance's.
pub fn assume_role_for_person(cx: &mut Cx<'_>, wanted: PersonSession) -> Result<AssumeRoleWithSAMLResponse> {
    let input = AssumeRoleWithSAMLRequest {
        duration_seconds: i32::try_from(wanted.duration_seconds).ok(),
        principal_arn: wanted.provider_arn.clone(),
        role_arn: wanted.role_arn.to_string(),
        ..AssumeRoleWithSAMLRequest::default()
    };
    let person = cx.caller.clone();
    let outcome = open(cx, wanted);
    let caller = std::mem::replace(&mut cx.caller, person);
    let event_id = cx.random.bytes();
    cx.app.audit.push(
        &kernel::audit::Call {
            caller: &caller,
            request: &cx.request,
            op: ops::AssumeRoleWithSAML::OP,
            input: &input,
            output: outcome.as_ref().ok().map(|output| output as _),
            error: outcome.as_ref().err(),
            is_read_only: true,
            at: cx.now,
        },
        event_id,
    );
    outcome
}

fn open(cx: &mut Cx<'_>, wanted: PersonSession) -> Result<AssumeRoleWithSAMLResponse> {
    let (provider, issuer) = provider(cx, &wanted)?;
    let name_qualifier = claims::name_qualifier(&issuer, provider.account.as_str(), &provider.name);
    let context: BTreeMap<String, String> = [
        ("saml:aud", RECIPIENT.to_owned()),
        ("saml:iss", issuer.clone()),
        ("saml:sub", wanted.subject.clone()),
        ("saml:sub_type", "persistent".to_owned()),
        ("saml:namequalifier", name_qualifier.clone()),
        ("saml:doc", format!("{}/{}", provider.account, provider.name)),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    let tags: Vec<Tag> = wanted.tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
    let request = RoleSessionRequest {
        action: ACTION,
        role_arn: wanted.role_arn,
        account: wanted.account,
        session_name: wanted.session_name,
        source_identity: None,
        tags: SessionTags::new(&tags, &[], None)?,
        context: Vec::new(),
    };
    cx.caller = Caller::Federated { provider: provider.arn.clone(), context: context.clone() };
    let role = require_as_federated(cx, &request)?;
    let limits = Limits {
        duration_seconds: Some(wanted.duration_seconds),
        is_chained: false,
        policy: None,
        policy_arns: None,
        minimum_token_size: None,
    };
    let origin = Origin {
        federated_provider: Some(provider.arn),
        context,
        sign_in: Some(Arc::new(wanted.sign_in)),
        ..Origin::default()
    };
    let Opened { user, packed_policy_size, answer } = role_session::open(cx, request, &role, &limits, origin)?;
    Ok(AssumeRoleWithSAMLResponse {
        assumed_role_user: Some(user),
        audience: Some(RECIPIENT.to_owned()),
        credentials: Some(answer.credentials),
        issuer: Some(issuer),
        name_qualifier: Some(name_qualifier),
        packed_policy_size,
        session_token_size: Some(answer.token_size),
        session_token_utilization: Some(answer.token_utilization),
        source_identity: None,
        subject: Some(wanted.subject),
        subject_type: Some("persistent".to_owned()),
    })
}

/// The SAML provider that the session comes through, and the issuer that it knows the instance by.
fn provider(cx: &mut Cx<'_>, wanted: &PersonSession) -> Result<(SamlProvider, String)> {
    let refused = |text: &str| InvalidIdentityTokenException::new(text);
    let provider =
        saml_provider::find(cx.tx, &wanted.provider_arn)?.filter(|provider| provider.account == wanted.account);
    let provider = provider.ok_or_else(|| refused("Specified provider doesn't exist"))?;
    if provider.valid_until <= cx.now {
        return Err(refused("The metadata of the specified provider has expired").into());
    }
    let metadata = Metadata::parse(&provider.metadata)
        .map_err(|error| Error::internal(format!("the metadata of {} is not readable: {error}", provider.arn)))?;
    let own = metadata.identity_providers().iter().find(|identity_provider| {
        identity_provider.certificates.iter().any(|certificate| certificate.base64() == wanted.certificate)
    });
    let own = own.ok_or_else(|| refused("Response signature invalid"))?;
    let issuer = own.entity_id.clone();
    Ok((provider, issuer))
}
