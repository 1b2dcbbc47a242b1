//! How an application proves who it is: a policy on which IAM principals may speak for it.

use super::{Application, on_application, required, restored, stored, touch, writable};
use crate::{messages, page};
use kernel::{Cx, Result, Route, Tx, WriteCx, params, route};
use model::sso_admin::{
    AuthenticationMethod, AuthenticationMethodItem, AuthenticationMethodType,
    DeleteApplicationAuthenticationMethodRequest, GetApplicationAuthenticationMethodRequest,
    GetApplicationAuthenticationMethodResponse, ListApplicationAuthenticationMethodsRequest,
    ListApplicationAuthenticationMethodsResponse, PutApplicationAuthenticationMethodRequest, ops,
};
use policy::PolicyKind;
use smithy::Document;
use smithy::schema::Unit;

/// Most bytes of an actor policy: as other resource policies of AWS.
const ACTOR_POLICY_BYTES_MAX: usize = 20_480;

/// The policy on who may call `CreateTokenWithIAM` for the application, as JSON; `None` while there is no such method.
///
/// # Errors
/// When the database fails.
pub fn actor_policy(tx: &mut Tx, application: &Application) -> Result<Option<String>> {
    let method = find(tx, application, AuthenticationMethodType::Iam)?;
    Ok(method.and_then(|method| method.iam).map(|iam| iam.actor_policy.as_json().to_owned()))
}

fn find(
    tx: &mut Tx,
    application: &Application,
    kind: AuthenticationMethodType,
) -> Result<Option<AuthenticationMethod>> {
    let sql = "select method from sso_application_authentication where application_id = $1 and type = $2";
    tx.opt(sql, params![application.id, kind.as_str()], |row| row.parse(0, restored))
}

/// Refuses what is no policy that names principals.
fn check_actor_policy(document: &Document) -> Result<()> {
    let text = document.as_json();
    if text.len() > ACTOR_POLICY_BYTES_MAX {
        return Err(messages::validation(format!("ActorPolicy must not exceed {ACTOR_POLICY_BYTES_MAX} bytes")));
    }
    if !text.trim_start().starts_with('{') {
        return Err(messages::validation("ActorPolicy must be a policy document: a JSON object"));
    }
    let findings = policy::validate::validate(PolicyKind::Resource, text);
    match findings.into_iter().find(policy::validate::Finding::is_error) {
        Some(finding) => Err(messages::validation(format!("ActorPolicy is not valid: {}", finding.message))),
        None => Ok(()),
    }
}

fn put(cx: &mut WriteCx<'_>, input: &PutApplicationAuthenticationMethodRequest) -> Result<Unit> {
    let (instance, application) = writable(cx, &input.application_arn)?;
    let Some(iam) = &input.authentication_method.iam else {
        return Err(messages::validation(
            "AuthenticationMethod must have the member that AuthenticationMethodType names",
        ));
    };
    check_actor_policy(&iam.actor_policy)?;
    let (kind, method) = (input.authentication_method_type.as_str(), stored(&input.authentication_method)?);
    cx.write().exec_one(
        "insert into sso_application_authentication (application_id, type, method) values ($1, $2, $3) \
         on conflict (application_id, type) do update set method = excluded.method",
        params![application.id, kind, method],
    )?;
    touch(cx, &instance);
    Ok(Unit)
}

fn no_method(kind: AuthenticationMethodType) -> kernel::Error {
    messages::not_found("ApplicationAuthenticationMethod", kind)
}

fn get(
    cx: &mut Cx<'_>,
    input: &GetApplicationAuthenticationMethodRequest,
) -> Result<GetApplicationAuthenticationMethodResponse> {
    let (_, application) = required(cx, &input.application_arn)?;
    let found = find(cx.tx, &application, input.authentication_method_type)?;
    let method = found.ok_or_else(|| no_method(input.authentication_method_type))?;
    Ok(GetApplicationAuthenticationMethodResponse { authentication_method: Some(method) })
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteApplicationAuthenticationMethodRequest) -> Result<Unit> {
    let (instance, application) = writable(cx, &input.application_arn)?;
    let sql = "delete from sso_application_authentication where application_id = $1 and type = $2";
    if cx.write().exec(sql, params![application.id, input.authentication_method_type.as_str()])? == 0 {
        return Err(no_method(input.authentication_method_type));
    }
    touch(cx, &instance);
    Ok(Unit)
}

fn list(
    cx: &mut Cx<'_>,
    input: &ListApplicationAuthenticationMethodsRequest,
) -> Result<ListApplicationAuthenticationMethodsResponse> {
    let (_, application) = required(cx, &input.application_arn)?;
    let about = ["ListApplicationAuthenticationMethods", input.application_arn.as_str()];
    // There are fewer kinds of methods than a page has rows.
    page::open(cx, &about, input.next_token.as_deref(), None)?;
    let sql = "select type, method from sso_application_authentication where application_id = $1 order by type";
    let methods = cx.tx.all(sql, params![application.id], |row| {
        Ok(AuthenticationMethodItem {
            authentication_method_type: Some(row.parse(0, AuthenticationMethodType::parse)?),
            authentication_method: Some(row.parse(1, restored)?),
        })
    })?;
    Ok(ListApplicationAuthenticationMethodsResponse { authentication_methods: Some(methods), next_token: None })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::PutApplicationAuthenticationMethod>(
            |cx, input| on_application::<ops::PutApplicationAuthenticationMethod>(cx, &input.application_arn),
            put,
        ),
        route::read::<ops::GetApplicationAuthenticationMethod>(
            |cx, input| on_application::<ops::GetApplicationAuthenticationMethod>(cx, &input.application_arn),
            get,
        ),
        route::write::<ops::DeleteApplicationAuthenticationMethod>(
            |cx, input| on_application::<ops::DeleteApplicationAuthenticationMethod>(cx, &input.application_arn),
            delete,
        ),
        route::read::<ops::ListApplicationAuthenticationMethods>(
            |cx, input| on_application::<ops::ListApplicationAuthenticationMethods>(cx, &input.application_arn),
            list,
        ),
    ]
}
