//! A permission set's role and the instance's SAML provider in an account: what is there, and how it is changed.

use super::plan::{Actual, Change, RoleState};
use base::AccountId;
use kernel::{Result, Tx, WriteCx};
use model::iam::{self as shapes, ops};

/// Where something stands.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// The account.
    pub account: &'a AccountId,
    /// Name of the SAML provider.
    pub provider_name: &'a str,
    /// Name of the role.
    pub role_name: &'a str,
    /// Path of the role.
    pub path: &'a str,
}

impl Place<'_> {
    /// ARN of the SAML provider.
    pub fn provider_arn(&self) -> String {
        provider_arn(self.account, self.provider_name)
    }
}

/// ARN of a SAML provider.
pub fn provider_arn(account: &AccountId, name: &str) -> String {
    format!("arn:aws:iam::{account}:saml-provider/{name}")
}

/// What is there.
///
/// # Errors
/// When the database fails.
pub fn actual(tx: &mut Tx, place: &Place<'_>) -> Result<Actual> {
    let provider = iam::saml_provider::find(tx, &place.provider_arn())?.map(|provider| provider.metadata);
    let Some(role) = iam::role::find(tx, place.account, place.role_name)? else {
        return Ok(Actual { provider, role: None });
    };
    let inline = iam::inline_policy::of(tx, role.id.as_str())?;
    let role = RoleState {
        attached: iam::attachment::attached(tx, role.id.as_str())?.into_iter().collect(),
        inline: inline.into_iter().map(|policy| (policy.name, policy.document)).collect(),
        description: role.description.unwrap_or_default(),
        trust_policy: role.trust_policy,
        session_seconds: role.max_session_seconds,
        boundary: role.boundary_arn,
    };
    Ok(Actual { provider, role: Some(role) })
}

/// Makes one change, as the caller of `cx`.
///
/// # Errors
/// Those of the operation of IAM.
pub fn apply(cx: &mut WriteCx<'_>, place: &Place<'_>, change: Change) -> Result<()> {
    let role_name = place.role_name.to_owned();
    match change {
        Change::CreateProvider(metadata) => create_provider(cx, place, metadata),
        Change::UpdateProvider(metadata) => update_provider(cx, place, metadata),
        Change::DeleteProvider => {
            let input = shapes::DeleteSAMLProviderRequest { saml_provider_arn: place.provider_arn() };
            cx.call::<ops::DeleteSAMLProvider>(&input).map(drop)
        }
        Change::CreateRole { description, trust_policy, session_seconds, boundary } => {
            let input = shapes::CreateRoleRequest {
                assume_role_policy_document: trust_policy,
                description: Some(description).filter(|text| !text.is_empty()),
                max_session_duration: i32::try_from(session_seconds).ok(),
                path: Some(place.path.to_owned()),
                permissions_boundary: boundary,
                role_name,
                tags: None,
            };
            cx.call::<ops::CreateRole>(&input).map(drop)
        }
        Change::UpdateRole { description, session_seconds } => {
            let max_session_duration = i32::try_from(session_seconds).ok();
            let input = shapes::UpdateRoleRequest { description: Some(description), max_session_duration, role_name };
            cx.call::<ops::UpdateRole>(&input).map(drop)
        }
        Change::UpdateTrustPolicy(policy_document) => {
            let input = shapes::UpdateAssumeRolePolicyRequest { policy_document, role_name };
            cx.call::<ops::UpdateAssumeRolePolicy>(&input).map(drop)
        }
        Change::DeleteRole => cx.call::<ops::DeleteRole>(&shapes::DeleteRoleRequest { role_name }).map(drop),
        other => apply_policy(cx, role_name, other),
    }
}

fn create_provider(cx: &mut WriteCx<'_>, place: &Place<'_>, metadata: String) -> Result<()> {
    let input = shapes::CreateSAMLProviderRequest {
        name: place.provider_name.to_owned(),
        saml_metadata_document: metadata,
        ..shapes::CreateSAMLProviderRequest::default()
    };
    cx.call::<ops::CreateSAMLProvider>(&input).map(drop)
}

fn update_provider(cx: &mut WriteCx<'_>, place: &Place<'_>, metadata: String) -> Result<()> {
    let input = shapes::UpdateSAMLProviderRequest {
        saml_provider_arn: place.provider_arn(),
        saml_metadata_document: Some(metadata),
        ..shapes::UpdateSAMLProviderRequest::default()
    };
    cx.call::<ops::UpdateSAMLProvider>(&input).map(drop)
}

/// Changes of a role's policies.
fn apply_policy(cx: &mut WriteCx<'_>, role_name: String, change: Change) -> Result<()> {
    match change {
        Change::PutBoundary(permissions_boundary) => {
            let input = shapes::PutRolePermissionsBoundaryRequest { permissions_boundary, role_name };
            cx.call::<ops::PutRolePermissionsBoundary>(&input).map(drop)
        }
        Change::DeleteBoundary => {
            let input = shapes::DeleteRolePermissionsBoundaryRequest { role_name };
            cx.call::<ops::DeleteRolePermissionsBoundary>(&input).map(drop)
        }
        Change::Detach(policy_arn) => {
            cx.call::<ops::DetachRolePolicy>(&shapes::DetachRolePolicyRequest { policy_arn, role_name }).map(drop)
        }
        Change::DeleteInline(policy_name) => {
            cx.call::<ops::DeleteRolePolicy>(&shapes::DeleteRolePolicyRequest { policy_name, role_name }).map(drop)
        }
        Change::Attach(policy_arn) => {
            cx.call::<ops::AttachRolePolicy>(&shapes::AttachRolePolicyRequest { policy_arn, role_name }).map(drop)
        }
        Change::PutInline { name: policy_name, document: policy_document } => {
            let input = shapes::PutRolePolicyRequest { policy_document, policy_name, role_name };
            cx.call::<ops::PutRolePolicy>(&input).map(drop)
        }
        other => Err(kernel::Error::internal(format!("{other:?} does not change a role's policies"))),
    }
}
