//! `AssumeRoleWithWebIdentity`: an ID token of a registered OpenID Connect provider is the caller's only credential.
//!
//! Signatures are checked against the keys that were last fetched from the provider. Nothing is fetched while a request
//! waits. A token that meets no keys, keys older than a day or no key of its id has them fetched beside the requests, at
//! most once a minute for a provider (see [`crate::oidc_provider::keys`]); where the new keys may decide the answer is
//! `IDPCommunicationError`, which AWS's SDKs try again. Only addresses that an administrator registered as a provider are
//! called, never one that a token names. Keys that could not be fetched anew still count.

use super::proof::{self, WebIdentityProof};
use super::role_session::{self, Limits, Opened, Origin, RoleSessionRequest, parse_role_arn};
use super::session::SessionTags;
use crate::oidc_provider;
use crate::role::Role;
use base::AccountId;
use kernel::{Caller, Cx, Error, Result};
use model::sts::{AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse, InvalidIdentityTokenException};

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

pub(super) fn assume_role_with_web_identity(
    cx: &mut Cx<'_>,
    input: &AssumeRoleWithWebIdentityRequest,
) -> Result<AssumeRoleWithWebIdentityResponse> {
    let (account, role_arn) = parse_role_arn(&input.role_arn)?;
    if input.provider_id.is_some() {
        let text = "ProviderId is for access tokens of OAuth 2.0 providers, which are not supported.";
        return Err(Error::Validation(text.to_owned()));
    }
    let (provider, proof) = verify(cx, input, &account)?;
    let request = RoleSessionRequest {
        action: ACTION,
        role_arn,
        account,
        session_name: input.role_session_name.clone(),
        source_identity: proof.source_identity.clone(),
        tags: SessionTags::new(&proof.tags, &proof.transitive_tag_keys, None)?,
        context: proof.lists.clone(),
    };
    cx.caller = Caller::Federated { provider: provider.clone(), context: proof.context.clone() };
    let role = require_as_federated(cx, &request)?;
    let limits = Limits {
        duration_seconds: input.duration_seconds.map(i64::from),
        is_chained: false,
        policy: input.policy.as_deref(),
        policy_arns: input.policy_arns.as_deref(),
        minimum_token_size: input.minimum_session_token_size,
    };
    // Of the claims only these outlive the call, so that a token of many claims makes no long session token.
    let kept = proof.context.into_iter().filter(|(key, _)| key.ends_with(":sub") || key.ends_with(":aud")).collect();
    let origin = Origin { federated_provider: Some(provider.clone()), context: kept, ..Origin::default() };
    let Opened { user, packed_policy_size, answer } = role_session::open(cx, request, &role, &limits, origin)?;
    Ok(AssumeRoleWithWebIdentityResponse {
        assumed_role_user: Some(user),
        audience: Some(proof.audience),
        credentials: Some(answer.credentials),
        packed_policy_size,
        provider: Some(provider),
        session_token_size: Some(answer.token_size),
        session_token_utilization: Some(answer.token_utilization),
        source_identity: proof.source_identity,
        subject_from_web_identity_token: Some(proof.subject),
    })
}

/// Asks for what `request` takes in the name of the identity provider, and gives the role. Strangers learn no more than
/// that they are not let in.
///
/// # Errors
/// [`Error::Denied`] in AWS's short form.
pub(super) fn require_as_federated(cx: &mut Cx<'_>, request: &RoleSessionRequest) -> Result<Role> {
    let refused = || Error::denied(format!("Not authorized to perform {}", request.action));
    for permission in request.permissions(cx)? {
        cx.require(&permission).map_err(|error| match error {
            Error::Denied(_) => refused(),
            other => other,
        })?;
    }
    request.role(cx)?.filter(|role| role.linked_service.is_none()).ok_or_else(refused)
}

/// The ARN of the provider that issued the token, and what the token proves.
fn verify(
    cx: &mut Cx<'_>,
    input: &AssumeRoleWithWebIdentityRequest,
    account: &AccountId,
) -> Result<(String, WebIdentityProof)> {
    let issuer = proof::issuer_of(&input.web_identity_token)?;
    let no_provider =
        || InvalidIdentityTokenException::new(format!("No OpenIDConnect provider found in your account for {issuer}"));
    let provider = oidc_provider::find_by_issuer(cx.tx, account, &issuer)?.ok_or_else(no_provider)?;
    let proof = proof::verify_web_identity(cx, &provider, &input.web_identity_token)?;
    Ok((provider.arn, proof))
}
