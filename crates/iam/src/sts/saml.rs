//! `AssumeRoleWithSAML`: the assertion of a registered identity provider is the caller's only credential.

use super::proof::{self, SamlProof};
use super::role_session::{self, Limits, Opened, Origin, RoleSessionRequest, parse_role_arn};
use super::session::SessionTags;
use super::web_identity::require_as_federated;
use crate::saml_provider;
use base::AccountId;
use kernel::{Caller, Cx, Result};
use model::sts::{AssumeRoleWithSAMLRequest, AssumeRoleWithSAMLResponse, InvalidIdentityTokenException};

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

fn verify(cx: &mut Cx<'_>, input: &AssumeRoleWithSAMLRequest, account: &AccountId) -> Result<SamlProof> {
    let provider = saml_provider::find(cx.tx, &input.principal_arn)?.filter(|provider| provider.account == *account);
    let provider = provider.ok_or_else(|| InvalidIdentityTokenException::new("Specified provider doesn't exist"))?;
    proof::verify_saml(cx, &provider, &input.role_arn, &input.saml_assertion)
}
