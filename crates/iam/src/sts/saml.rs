//! `AssumeRoleWithSAML`: the assertion of a registered identity provider is the caller's only credential.

use super::proof::{self, SamlProof};
use super::role_session::{self, Limits, Opened, Origin, RoleSessionRequest, parse_role_arn};
use super::session::SessionTags;
use super::web_identity::require_as_federated;
use crate::saml_provider;
use base::AccountId;
use federation::saml::claims::{RoleClaim, SessionClaims};
use kernel::{Caller, Cx, Error, Result};
use model::sts::{AssumeRoleWithSAMLRequest, AssumeRoleWithSAMLResponse, InvalidIdentityTokenException};

/// Providers of a response that are asked at most: each costs the check of a signature.
const PROVIDERS_MAX: usize = 10;
const ACTION: &str = "sts:AssumeRoleWithSAML";

pub(super) fn assume_role_with_saml(
    cx: &mut Cx<'_>,
    input: &AssumeRoleWithSAMLRequest,
) -> Result<AssumeRoleWithSAMLResponse> {
    let (account, role_arn) = parse_role_arn(&input.role_arn)?;
    let proof = verify(cx, input, &account)?;
    let request = RoleSessionRequest {
        action: ACTION,
        role_arn,
        account,
        session_name: proof.session_name.clone(),
        source_identity: proof.source_identity.clone(),
        tags: SessionTags::new(&proof.tags, &proof.transitive_tag_keys, None)?,
        context: proof.lists.clone(),
    };
    cx.caller = Caller::Federated { provider: input.principal_arn.clone(), context: proof.context.clone() };
    let role = require_as_federated(cx, &request)?;
    let limits = Limits {
        duration_seconds: input.duration_seconds.map(i64::from).or(proof.duration_seconds),
        is_chained: false,
        policy: input.policy.as_deref(),
        policy_arns: input.policy_arns.as_deref(),
        minimum_token_size: input.minimum_session_token_size,
    };
    let origin = Origin {
        mfa_at: None,
        federated_provider: Some(input.principal_arn.clone()),
        context: proof.context,
        ends_at: proof.ends_at,
        sign_in: None,
    };
    let Opened { user, packed_policy_size, answer } = role_session::open(cx, request, &role, &limits, origin)?;
    Ok(AssumeRoleWithSAMLResponse {
        assumed_role_user: Some(user),
        audience: Some(proof.recipient),
        credentials: Some(answer.credentials),
        issuer: Some(proof.issuer),
        name_qualifier: Some(proof.name_qualifier),
        packed_policy_size,
        session_token_size: Some(answer.token_size),
        session_token_utilization: Some(answer.token_utilization),
        source_identity: proof.source_identity,
        subject: Some(proof.subject),
        subject_type: Some(proof.subject_type),
    })
}

/// The roles that a SAML response offers, as far as a registered provider vouches for it. Whether a role lets the person
/// in is found out when it is assumed.
///
/// # Errors
/// `InvalidIdentityToken`, `ExpiredTokenException`, `IDPRejectedClaim` when no provider that the response names vouches.
pub fn offered_roles(cx: &mut Cx<'_>, response: &str) -> Result<Vec<RoleClaim>> {
    let claimed = SessionClaims::unverified_roles(response)
        .map_err(|error| InvalidIdentityTokenException::new(error.rejection().message))?;
    let mut providers: Vec<&str> = Vec::new();
    for claim in &claimed {
        if !providers.contains(&claim.provider_arn.as_str()) && providers.len() < PROVIDERS_MAX {
            providers.push(&claim.provider_arn);
        }
    }
    let mut offered = Vec::new();
    let mut refusal = InvalidIdentityTokenException::new("Specified provider doesn't exist").into();
    for arn in providers {
        let Some(provider) = saml_provider::find(cx.tx, arn)? else { continue };
        let of_provider: Vec<&RoleClaim> = claimed.iter().filter(|claim| claim.provider_arn == arn).collect();
        let Some(first) = of_provider.first() else { continue };
        match proof::verify_saml(cx, &provider, &first.role_arn, response) {
            Ok(_) => offered.extend(of_provider.into_iter().cloned()),
            Err(error @ Error::Modeled(_)) => refusal = error,
            Err(other) => return Err(other),
        }
    }
    if offered.is_empty() { Err(refusal) } else { Ok(offered) }
}

fn verify(cx: &mut Cx<'_>, input: &AssumeRoleWithSAMLRequest, account: &AccountId) -> Result<SamlProof> {
    let provider = saml_provider::find(cx.tx, &input.principal_arn)?.filter(|provider| provider.account == *account);
    let provider = provider.ok_or_else(|| InvalidIdentityTokenException::new("Specified provider doesn't exist"))?;
    proof::verify_saml(cx, &provider, &input.role_arn, &input.saml_assertion)
}
