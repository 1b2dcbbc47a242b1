//! `AssumeRole`, by principals of accounts and by services.

use super::role_session::{self, Limits, Opened, Origin, RoleSessionRequest, parse_role_arn};
use super::session::{self, SessionTags};
use crate::role::Role;
use base::Timestamp;
use kernel::caller::Session;
use kernel::{Access, Caller, Cx, Error, Principal, PrincipalCaller, Result, WriteCx};
use model::sts::{AssumeRoleRequest, AssumeRoleResponse};
use std::sync::Arc;

const ACTION: &str = "sts:AssumeRole";

pub(super) fn rule(cx: &mut Cx<'_>, input: &AssumeRoleRequest) -> Result<Access> {
    session::check_caller(cx, "AssumeRole")?;
    let request = request(cx, input)?;
    match &cx.caller {
        Caller::Principal(caller) if caller.principal == Principal::Root => {
            return Err(Error::denied("Roles may not be assumed by root accounts."));
        }
        Caller::Principal(_) | Caller::Service(_) => {}
        // A trust policy may name everybody; without a signature that would be nobody in particular.
        Caller::Federated { .. } | Caller::Person(_) | Caller::Anonymous => {
            return Err(refused(cx, ACTION, &request));
        }
    }
    Ok(Access::Permissions(request.permissions(cx)?))
}

/// Whether the call uses up a one-time code.
pub(super) fn has_second_factor(input: &AssumeRoleRequest) -> bool {
    input.serial_number.is_some() || input.token_code.is_some()
}

pub(super) fn assume_role(cx: &mut Cx<'_>, input: &AssumeRoleRequest) -> Result<AssumeRoleResponse> {
    open(cx, input, None)
}

pub(super) fn assume_role_with_code(cx: &mut WriteCx<'_>, input: &AssumeRoleRequest) -> Result<AssumeRoleResponse> {
    // A role that the caller may not have is refused before a code is used up for it.
    let request = request(cx, input)?;
    assumable_role(cx, &request)?;
    let mfa_at = session::second_factor(cx, input.serial_number.as_deref(), input.token_code.as_deref())?;
    open(cx, input, mfa_at)
}

fn open(cx: &mut Cx<'_>, input: &AssumeRoleRequest, mfa_at: Option<Timestamp>) -> Result<AssumeRoleResponse> {
    let request = request(cx, input)?;
    let role = assumable_role(cx, &request)?;
    let limits = Limits {
        duration_seconds: input.duration_seconds.map(i64::from),
        is_chained: matches!(&cx.caller, Caller::Principal(caller) if matches!(caller.principal, Principal::Role(_))),
        policy: input.policy.as_deref(),
        policy_arns: input.policy_arns.as_deref(),
        minimum_token_size: input.minimum_session_token_size,
    };
    let source_identity = request.source_identity.clone();
    let sign_in = caller_session(cx).and_then(|session| session.sign_in.clone());
    let origin = Origin { mfa_at, sign_in, ..Origin::default() };
    let Opened { user, packed_policy_size, answer } = role_session::open(cx, request, &role, &limits, origin)?;
    Ok(AssumeRoleResponse {
        assumed_role_user: Some(user),
        credentials: Some(answer.credentials),
        packed_policy_size,
        session_token_size: Some(answer.token_size),
        session_token_utilization: Some(answer.token_utilization),
        source_identity,
    })
}

/// Lets `service` into `role` on the product's own behalf, on the same conditions as anybody: the permission is asked
/// for, and no credentials come out. What the caller does, it does as the role.
///
/// # Errors
/// [`Error::Denied`] when the role's trust policy, or what stands above it, does not let the service in.
pub fn assume_for_service(
    cx: &mut WriteCx<'_>,
    service: &str,
    role: &Role,
    session_name: &str,
) -> Result<PrincipalCaller> {
    let request = RoleSessionRequest {
        action: ACTION,
        role_arn: role.arn(),
        account: role.account.clone(),
        session_name: session_name.to_owned(),
        source_identity: None,
        tags: SessionTags::default(),
        context: Vec::new(),
    };
    let mut as_service = cx.as_caller(Caller::Service(service.to_owned()));
    for permission in request.permissions(&mut as_service)? {
        as_service.require(&permission)?;
    }
    let role = assumable_role(&mut as_service, &request)?;
    let session = Session {
        issued_at: cx.now,
        expires_at: cx.now.truncated_to_seconds().plus_seconds(role_session::DEFAULT_SECONDS),
        ..Session::default()
    };
    Ok(PrincipalCaller {
        account: role.account.clone(),
        principal: Principal::Role(role.identity(session_name)),
        access_key_id: None,
        session: Some(Arc::new(session)),
        invoked_by: Some(service.to_owned()),
    })
}

/// The role, unless it does not exist or is kept for a service that does not call: nobody learns which.
fn assumable_role(cx: &mut Cx<'_>, request: &RoleSessionRequest) -> Result<Role> {
    let role = request.role(cx)?.filter(|role| match (&role.linked_service, &cx.caller) {
        (None, _) => true,
        (Some(linked), Caller::Service(service)) => linked == service,
        (Some(_), _) => false,
    });
    role.ok_or_else(|| refused(cx, ACTION, request))
}

fn caller_session<'c>(cx: &'c Cx<'_>) -> Option<&'c Session> {
    match &cx.caller {
        Caller::Principal(caller) => caller.session.as_deref(),
        _ => None,
    }
}

fn refused(cx: &Cx<'_>, action: &str, request: &RoleSessionRequest) -> Error {
    let caller = cx.caller.arn();
    Error::denied(format!("User: {caller} is not authorized to perform: {action} on resource: {}", request.role_arn))
}

fn request(cx: &Cx<'_>, input: &AssumeRoleRequest) -> Result<RoleSessionRequest> {
    let (account, role_arn) = parse_role_arn(&input.role_arn)?;
    if input.provided_contexts.as_ref().is_some_and(|contexts| !contexts.is_empty()) {
        return Err(Error::Validation("ProvidedContexts is not supported.".to_owned()));
    }
    let session = caller_session(cx);
    let tags = SessionTags::new(
        input.tags.as_deref().unwrap_or_default(),
        input.transitive_tag_keys.as_deref().unwrap_or_default(),
        session,
    )?;
    let mut request = RoleSessionRequest {
        action: ACTION,
        role_arn,
        account,
        session_name: input.role_session_name.clone(),
        source_identity: input.source_identity.clone(),
        tags,
        context: context(input),
    };
    if let Some(kept) = session.and_then(|session| session.source_identity.as_ref()) {
        if input.source_identity.as_ref().is_some_and(|identity| identity != kept) {
            return Err(refused(cx, "sts:SetSourceIdentity", &request));
        }
        request.source_identity = Some(kept.clone());
    }
    if request.source_identity.as_ref().is_some_and(|identity| identity.to_lowercase().starts_with("aws:")) {
        return Err(Error::Validation("The source identity must not begin with aws:.".to_owned()));
    }
    Ok(request)
}

/// Condition keys of the call itself. A second factor counts as given here, because the handler refuses the call when
/// it turns out not to be the caller's.
fn context(input: &AssumeRoleRequest) -> Vec<(String, Vec<String>)> {
    let mut context = Vec::new();
    let mut add = |key: &str, value: String| context.push((key.to_owned(), vec![value]));
    if let Some(id) = &input.external_id {
        add("sts:ExternalId", id.clone());
    }
    if let Some(seconds) = input.duration_seconds {
        add("sts:DurationSeconds", seconds.to_string());
    }
    if input.serial_number.is_some() && input.token_code.is_some() {
        add("aws:MultiFactorAuthPresent", "true".to_owned());
        add("aws:MultiFactorAuthAge", "0".to_owned());
    }
    context
}
