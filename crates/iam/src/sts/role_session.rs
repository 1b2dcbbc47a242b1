//! Sessions of roles: what the three operations that assume roles have in common.

use super::session::{self, Answer, SessionPolicies, SessionTags};
use crate::role::{self, Role};
use crate::tag;
use base::{AccountId, Arn, Timestamp};
use kernel::caller::{Session, SignIn};
use kernel::{Cx, Error, Permission, Principal, Result};
use model::sts::{AssumedRoleUser, PolicyDescriptorType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds of a session whose caller did not say.
pub(super) const DEFAULT_SECONDS: i64 = 3_600;
/// Longest session of a role that a session of a role assumes, in seconds.
const CHAINED_SECONDS_MAX: i64 = 3_600;

/// A wish for a session of a role.
pub(super) struct RoleSessionRequest {
    /// Operation, as an action of policies.
    pub action: &'static str,
    /// The role, which need not exist.
    pub role_arn: Arn,
    /// Owner of that role.
    pub account: AccountId,
    /// Name of the session.
    pub session_name: String,
    /// Source identity, given now or kept from the session that calls.
    pub source_identity: Option<String>,
    /// Session tags.
    pub tags: SessionTags,
    /// Condition keys of the operation.
    pub context: Vec<(String, Vec<String>)>,
}

/// The account and the ARN of a role.
///
/// # Errors
/// [`Error::Validation`] for texts that are no role's ARN.
pub(super) fn parse_role_arn(text: &str) -> Result<(AccountId, Arn)> {
    let arn = Arn::parse(text).filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"));
    arn.and_then(|arn| AccountId::parse(arn.account()).map(|account| (account, arn)))
        .ok_or_else(|| Error::Validation("Request ARN is invalid".to_owned()))
}

impl RoleSessionRequest {
    /// The role, when there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn role(&self, cx: &mut Cx<'_>) -> Result<Option<Role>> {
        role::find_by_arn(cx.tx, &self.role_arn)
    }

    /// What the caller must be allowed: the operation itself, and to pass tags and a source identity if the session has
    /// them, be it that they come from the session that calls.
    ///
    /// # Errors
    /// When the database fails.
    pub fn permissions(&self, cx: &mut Cx<'_>) -> Result<Vec<Permission>> {
        let mut first = Permission::new(self.action, self.role_arn.as_str())
            .owned_by(self.account.clone())
            .with("sts:RoleSessionName", &self.session_name);
        first.context.extend(self.context.iter().cloned());
        if let Some(identity) = &self.source_identity {
            first = first.with("sts:SourceIdentity", identity);
        }
        for (key, value) in &self.tags.own {
            first = first.with(format!("aws:RequestTag/{key}"), value);
        }
        if !self.tags.own.is_empty() {
            first = first.with_all("aws:TagKeys", self.tags.own.keys().cloned().collect());
        }
        if !self.tags.own_transitive.is_empty() {
            first = first.with_all("sts:TransitiveTagKeys", self.tags.own_transitive.clone());
        }
        if let Some(role) = self.role(cx)? {
            first = tag::with_resource_tags(first, cx.tx, role.id.as_str())?;
        }
        let also = |action: &str| Permission { action: action.to_owned(), ..first.clone() };
        let mut permissions = vec![first.clone()];
        if !self.tags.is_empty() {
            permissions.push(also("sts:TagSession"));
        }
        if self.source_identity.is_some() {
            permissions.push(also("sts:SetSourceIdentity"));
        }
        Ok(permissions)
    }
}

/// Limits that a call sets to the session.
pub(super) struct Limits<'a> {
    /// `DurationSeconds`, or what stands in for it.
    pub duration_seconds: Option<i64>,
    /// Whether another session of a role calls.
    pub is_chained: bool,
    /// The inline session policy.
    pub policy: Option<&'a str>,
    /// The managed ones.
    pub policy_arns: Option<&'a [PolicyDescriptorType]>,
    /// `MinimumSessionTokenSize`.
    pub minimum_token_size: Option<i32>,
}

/// What a session has from the way in which it came about.
#[derive(Default)]
pub(super) struct Origin {
    /// When a second factor was given.
    pub mfa_at: Option<Timestamp>,
    /// The identity provider.
    pub federated_provider: Option<String>,
    /// Condition keys that stay with the session.
    pub context: BTreeMap<String, String>,
    /// When the identity provider ends the session at the latest.
    pub ends_at: Option<Timestamp>,
    /// What the session rests on, when it comes from Identity Center.
    pub sign_in: Option<Arc<SignIn>>,
}

/// An opened session.
pub(super) struct Opened {
    pub user: AssumedRoleUser,
    pub packed_policy_size: Option<i32>,
    pub answer: Answer,
}

/// Opens the session and issues its credentials. The caller was allowed to.
///
/// # Errors
/// [`Error::Validation`], `MalformedPolicyDocument`, `PackedPolicyTooLarge`.
pub(super) fn open(
    cx: &mut Cx<'_>,
    request: RoleSessionRequest,
    role: &Role,
    limits: &Limits<'_>,
    origin: Origin,
) -> Result<Opened> {
    let seconds = seconds(role, limits)?;
    let policies = SessionPolicies::load(cx.tx, &role.account, limits.policy, limits.policy_arns)?;
    let packed_policy_size = session::packed_size(&policies, &request.tags)?;
    let mut expires_at = cx.now.truncated_to_seconds().plus_seconds(seconds);
    if let Some(end) = origin.ends_at {
        expires_at = expires_at.min(end.truncated_to_seconds());
    }
    let session = Session {
        issued_at: cx.now,
        expires_at,
        mfa_at: origin.mfa_at,
        source_identity: request.source_identity,
        tags: request.tags.all(),
        transitive_tag_keys: request.tags.transitive(),
        policy: policies.policy,
        policy_arns: policies.arns,
        federated_provider: origin.federated_provider,
        is_chained: limits.is_chained,
        is_session_token: false,
        context: origin.context,
        sign_in: origin.sign_in,
    };
    let principal = Principal::Role(role.identity(&request.session_name));
    let answer = session::issue(cx, &role.account, &principal, &session, limits.minimum_token_size)?;
    let user = AssumedRoleUser {
        arn: principal.arn(&role.account),
        assumed_role_id: format!("{}:{}", role.id, request.session_name),
    };
    Ok(Opened { user, packed_policy_size, answer })
}

fn seconds(role: &Role, limits: &Limits<'_>) -> Result<i64> {
    let seconds = limits.duration_seconds.unwrap_or(DEFAULT_SECONDS);
    let refuse = |text: &str| Err(Error::Validation(text.to_owned()));
    if limits.is_chained && seconds > CHAINED_SECONDS_MAX {
        return refuse(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        );
    }
    if seconds > role.max_session_seconds {
        return refuse("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    }
    Ok(seconds)
}
