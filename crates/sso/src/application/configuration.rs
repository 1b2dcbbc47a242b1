//! Switches of an application: whether assignments are required, and background sessions.

use super::{on_application, required, touch, writable};
use kernel::{Cx, Result, Route, WriteCx, params, route};
use model::sso_admin::{
    GetApplicationAssignmentConfigurationRequest, GetApplicationAssignmentConfigurationResponse,
    GetApplicationSessionConfigurationRequest, GetApplicationSessionConfigurationResponse,
    PutApplicationAssignmentConfigurationRequest, PutApplicationAssignmentConfigurationResponse,
    PutApplicationSessionConfigurationRequest, PutApplicationSessionConfigurationResponse, ops,
};

fn put_assignment(
    cx: &mut WriteCx<'_>,
    input: &PutApplicationAssignmentConfigurationRequest,
) -> Result<PutApplicationAssignmentConfigurationResponse> {
    let (instance, application) = writable(cx, &input.application_arn)?;
    let sql = "update sso_application set is_assignment_required = $2 where id = $1";
    cx.write().exec_one(sql, params![application.id, input.assignment_required])?;
    touch(cx, &instance);
    Ok(PutApplicationAssignmentConfigurationResponse {})
}

fn get_assignment(
    cx: &mut Cx<'_>,
    input: &GetApplicationAssignmentConfigurationRequest,
) -> Result<GetApplicationAssignmentConfigurationResponse> {
    let (_, application) = required(cx, &input.application_arn)?;
    Ok(GetApplicationAssignmentConfigurationResponse { assignment_required: application.is_assignment_required })
}

fn put_session(
    cx: &mut WriteCx<'_>,
    input: &PutApplicationSessionConfigurationRequest,
) -> Result<PutApplicationSessionConfigurationResponse> {
    let (instance, application) = writable(cx, &input.application_arn)?;
    if let Some(status) = input.user_background_session_application_status {
        let sql = "update sso_application set background_sessions = $2 where id = $1";
        cx.write().exec_one(sql, params![application.id, status.as_str()])?;
        touch(cx, &instance);
    }
    Ok(PutApplicationSessionConfigurationResponse {})
}

fn get_session(
    cx: &mut Cx<'_>,
    input: &GetApplicationSessionConfigurationRequest,
) -> Result<GetApplicationSessionConfigurationResponse> {
    let (_, application) = required(cx, &input.application_arn)?;
    Ok(GetApplicationSessionConfigurationResponse {
        user_background_session_application_status: Some(application.background_sessions),
    })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::PutApplicationAssignmentConfiguration>(
            |cx, input| on_application::<ops::PutApplicationAssignmentConfiguration>(cx, &input.application_arn),
            put_assignment,
        ),
        route::read::<ops::GetApplicationAssignmentConfiguration>(
            |cx, input| on_application::<ops::GetApplicationAssignmentConfiguration>(cx, &input.application_arn),
            get_assignment,
        ),
        route::write::<ops::PutApplicationSessionConfiguration>(
            |cx, input| on_application::<ops::PutApplicationSessionConfiguration>(cx, &input.application_arn),
            put_session,
        ),
        route::read::<ops::GetApplicationSessionConfiguration>(
            |cx, input| on_application::<ops::GetApplicationSessionConfiguration>(cx, &input.application_arn),
            get_session,
        ),
    ]
}
