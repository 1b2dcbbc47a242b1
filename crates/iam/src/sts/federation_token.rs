//! `GetFederationToken`: credentials for somebody whom a user's own broker let in.

use super::session::{self, SessionPolicies, SessionTags};
use base::Arn;
use kernel::caller::Session;
use kernel::{Access, Cx, Error, Permission, Principal, Result};
use model::sts::{FederatedUser, GetFederationTokenRequest, GetFederationTokenResponse};

pub(super) fn rule(cx: &mut Cx<'_>, input: &GetFederationTokenRequest) -> Result<Access> {
    session::check_caller(cx, "GetFederationToken")?;
    let tags = SessionTags::new(input.tags.as_deref().unwrap_or_default(), &[], None)?;
    let account = cx.account()?;
    let resource = Arn::new("sts", "", account.as_str(), &format!("federated-user/{}", input.name));
    let permission = |action: &str| {
        let mut permission = Permission::new(action, resource.as_str());
        for (key, value) in &tags.own {
            permission = permission.with(format!("aws:RequestTag/{key}"), value);
        }
        if tags.is_empty() {
            return permission;
        }
        permission.with_all("aws:TagKeys", tags.own.keys().cloned().collect())
    };
    let mut permissions = vec![permission("sts:GetFederationToken")];
    if !tags.is_empty() {
        permissions.push(permission("sts:TagSession"));
    }
    Ok(Access::Permissions(permissions))
}

pub(super) fn get_federation_token(
    cx: &mut Cx<'_>,
    input: &GetFederationTokenRequest,
) -> Result<GetFederationTokenResponse> {
    let caller = cx.principal()?.clone();
    let issuer = match &caller.principal {
        Principal::User(user) => Some(user.clone()),
        Principal::Root => None,
        _ => return Err(Error::denied("Cannot call GetFederationToken with session credentials")),
    };
    let tags = SessionTags::new(input.tags.as_deref().unwrap_or_default(), &[], None)?;
    let policies =
        SessionPolicies::load(cx.tx, &caller.account, input.policy.as_deref(), input.policy_arns.as_deref())?;
    let packed_policy_size = session::packed_size(&policies, &tags)?;
    let seconds = session::user_session_seconds(&caller.principal, input.duration_seconds);
    let principal = Principal::FederatedUser { name: input.name.clone(), issuer };
    let session = Session {
        issued_at: cx.now,
        expires_at: cx.now.truncated_to_seconds().plus_seconds(seconds),
        tags: tags.all(),
        policy: policies.policy,
        policy_arns: policies.arns,
        ..Session::default()
    };
    let answer = session::issue(cx, &caller.account, &principal, &session, input.minimum_session_token_size)?;
    Ok(GetFederationTokenResponse {
        credentials: Some(answer.credentials),
        federated_user: Some(FederatedUser {
            arn: principal.arn(&caller.account),
            federated_user_id: format!("{}:{}", caller.account, input.name),
        }),
        packed_policy_size,
        session_token_size: Some(answer.token_size),
        session_token_utilization: Some(answer.token_utilization),
    })
}
