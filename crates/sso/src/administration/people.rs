//! Passwords, status and sessions of users, and tools that are let in for them.

use super::center::allows_device_approval;
use super::{administered, named_user, on_everything, ours};
use crate::instance::{self, Instance};
use crate::session::{self, SessionKind as Kind, SessionSummary};
use crate::{device, mail_link, messages};
use base::Secret;
use identity::password::{self, Problem};
use identity::store::Source;
use identity::user::{self, Status, User};
use kernel::{Access, Cx, Permission, Result, Route, WriteCx, mail, route};
use model::vestibule::{
    ApproveDeviceRequest, ApproveDeviceResponse, DeleteUserSessionRequest, DeleteUserSessionResponse,
    DeleteUserSessionsRequest, DeleteUserSessionsResponse, ListUserSessionsRequest, ListUserSessionsResponse,
    SessionKind, SetUserPasswordRequest, SetUserPasswordResponse, SetUserStatusRequest, SetUserStatusResponse,
    UserSession, UserStatus, ops,
};

fn refused(problem: Problem) -> kernel::Error {
    messages::validation(match problem {
        Problem::Length => "Passwords must have 8 to 64 characters",
        Problem::Classes => {
            "Passwords must have a lower-case letter, an upper-case letter, a digit and a character that is none of these"
        }
        Problem::Reused => "The password must not be one of the user's last three",
        Problem::Guessable => "The password is too easy to guess",
    })
}

/// Refuses what only the directory that the people come from can do.
pub(super) fn require_own_directory(cx: &mut Cx<'_>, instance: &Instance) -> Result<()> {
    let store = identity::store::get(cx.tx, &instance.store)?;
    match store.map(|store| store.source) {
        Some(Source::IdentityCenter) => Ok(()),
        _ => Err(messages::conflict("The users of this instance are managed in Active Directory")),
    }
}

fn set_password(cx: &mut WriteCx<'_>, input: &SetUserPasswordRequest) -> Result<SetUserPasswordResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    require_own_directory(cx, &instance)?;
    let user = named_user(cx, &instance, &input.user)?;
    let generated = match &input.password {
        Some(_) => None,
        None => Some(password::generate_one_time(&mut cx.random)),
    };
    let is_one_time = generated.is_some() || input.one_time.unwrap_or(true);
    let given = generated.clone().or_else(|| input.password.clone().map(Secret::new)).unwrap_or_default();
    if let Err(problem) = password::give(cx, &user.store, &user.id, &given, is_one_time)? {
        return Err(refused(problem));
    }
    mail_link::forget_all_of_user(cx, &user.id)?;
    write_to(cx, &instance, &user, is_one_time)?;
    let now = cx.now;
    let sessions = session::list_of_user(cx.tx, &user.id, now)?.len();
    Ok(SetUserPasswordResponse {
        one_time: Some(is_one_time),
        one_time_password: generated.map(|password| password.expose().to_owned()),
        session_count: i64::try_from(sessions).ok(),
        user_id: Some(user.id.to_string()),
    })
}

/// Tells the user that the password is another one. Whoever reads the mail does not learn it.
fn write_to(cx: &mut WriteCx<'_>, instance: &Instance, user: &User, is_one_time: bool) -> Result<()> {
    let Some(address) = user.email() else { return Ok(()) };
    let portal = instance::address(cx, instance, "/start")?;
    let next = if is_one_time {
        "It is a one-time password: the administrator will tell it to you, and you choose a new one when you sign in."
    } else {
        "The administrator will tell it to you."
    };
    let body = format!(
        "Hello {},\n\nan administrator has set the password of your user {}.\n{next}\n\nSign in at {portal}\n\n\
         If you did not expect this, ask your administrator.\n",
        user.display_name.as_deref().unwrap_or(&user.user_name),
        user.user_name
    );
    mail::enqueue(cx, &instance.owner, address, "An administrator has set your password", &body)
}

fn set_status(cx: &mut WriteCx<'_>, input: &SetUserStatusRequest) -> Result<SetUserStatusResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    require_own_directory(cx, &instance)?;
    let user = named_user(cx, &instance, &input.user)?;
    let status = match input.status {
        UserStatus::Enabled => Status::Enabled,
        UserStatus::Disabled => Status::Disabled,
    };
    user::set_status(cx, &user.store, &user.id, status)?;
    Ok(SetUserStatusResponse { status: Some(input.status), user_id: Some(user.id.to_string()) })
}

fn status_access(_: &mut Cx<'_>, input: &SetUserStatusRequest) -> Result<Access> {
    on_everything(match input.status {
        UserStatus::Enabled => &["sso-directory:EnableUser"],
        UserStatus::Disabled => &["sso-directory:DisableUser"],
    })
}

fn shown(summary: SessionSummary) -> UserSession {
    let (kind, client_name) = match summary.kind {
        Kind::Browser => (SessionKind::Browser, None),
        Kind::Tool { client_name } => (SessionKind::Tool, Some(client_name)),
    };
    UserSession {
        client_name,
        created_date: Some(summary.created_at),
        expiration_date: Some(summary.expires_at),
        kind: Some(kind),
        last_seen_date: Some(summary.last_seen_at),
        session_id: Some(summary.id),
        source_ip_address: Some(summary.source_ip),
        user_agent: Some(summary.user_agent),
    }
}

fn list_sessions(cx: &mut Cx<'_>, input: &ListUserSessionsRequest) -> Result<ListUserSessionsResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    let user = named_user(cx, &instance, &input.user)?;
    let now = cx.now;
    let sessions = session::list_of_user(cx.tx, &user.id, now)?.into_iter().map(shown).collect();
    Ok(ListUserSessionsResponse { sessions: Some(sessions), user_id: Some(user.id.to_string()) })
}

fn delete_session(cx: &mut WriteCx<'_>, input: &DeleteUserSessionRequest) -> Result<DeleteUserSessionResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    let user = named_user(cx, &instance, &input.user)?;
    match session::end_of_user(cx, &user.id, &input.session_id)? {
        true => Ok(DeleteUserSessionResponse {}),
        false => Err(messages::not_found("Session", &input.session_id)),
    }
}

fn delete_sessions(cx: &mut WriteCx<'_>, input: &DeleteUserSessionsRequest) -> Result<DeleteUserSessionsResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    let user = named_user(cx, &instance, &input.user)?;
    let now = cx.now;
    let count = session::list_of_user(cx.tx, &user.id, now)?.len();
    session::end_all_of_user(cx, &user.id)?;
    Ok(DeleteUserSessionsResponse { deleted_count: i64::try_from(count).ok(), user_id: Some(user.id.to_string()) })
}

/// Lets a tool in as a user, for work that runs without anybody who could open a browser.
fn approve_device(cx: &mut WriteCx<'_>, input: &ApproveDeviceRequest) -> Result<ApproveDeviceResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    if !allows_device_approval(cx, &instance)? {
        let message = "Administrators may not approve devices: the setting DeviceApprovalAllowed is off";
        return Err(messages::denied(message));
    }
    let user = named_user(cx, &instance, &input.user)?;
    if user.status == Status::Disabled {
        return Err(messages::conflict(format!("The user {} is disabled", user.user_name)));
    }
    let approved = device::approve_for(cx, &instance.id, &input.user_code, &user.id)?;
    let request = approved.ok_or_else(|| messages::not_found("device request", &input.user_code))?;
    Ok(ApproveDeviceResponse {
        client_name: Some(request.client_name),
        requested_date: Some(request.requested_at),
        scopes: Some(request.scopes),
        source_ip_address: Some(request.source_ip),
        user_agent: Some(request.user_agent),
        user_id: Some(user.id.to_string()),
    })
}

pub(super) fn routes() -> Vec<Route> {
    let list_access = |_: &mut Cx<'_>, _: &ListUserSessionsRequest| on_everything(&["identitystore-auth:ListSessions"]);
    vec![
        route::write::<ops::SetUserPassword>(
            |_, _| Ok(Permission::new("sso-directory:UpdatePassword", "*").into()),
            |cx, input| ours(set_password(cx, input)),
        ),
        route::write::<ops::SetUserStatus>(status_access, |cx, input| ours(set_status(cx, input))),
        route::read::<ops::ListUserSessions>(list_access, |cx, input| ours(list_sessions(cx, input))),
        route::write::<ops::DeleteUserSession>(
            |_, _| on_everything(&["identitystore-auth:BatchDeleteSession"]),
            |cx, input| ours(delete_session(cx, input)),
        ),
        route::write::<ops::DeleteUserSessions>(
            |_, _| on_everything(&["identitystore-auth:BatchDeleteSession"]),
            |cx, input| ours(delete_sessions(cx, input)),
        ),
        route::write::<ops::ApproveDevice>(
            |_, _| on_everything(&["vestibule:ApproveDevice"]),
            |cx, input| ours(approve_device(cx, input)),
        ),
    ]
}
