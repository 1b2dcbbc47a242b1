//! Access scopes of an application: what its tokens may be for.

use super::{Application, on_application, required, touch, writable};
use crate::instance::Instance;
use crate::{messages, page};
use base::ApplicationId;
use kernel::store::Row;
use kernel::{Cx, Result, Route, Tx, WriteCx, params, route};
use model::sso_admin::{
    DeleteApplicationAccessScopeRequest, GetApplicationAccessScopeRequest, GetApplicationAccessScopeResponse,
    ListApplicationAccessScopesRequest, ListApplicationAccessScopesResponse, PutApplicationAccessScopeRequest,
    ScopeDetails, ops,
};
use smithy::schema::Unit;

/// Scopes that an application may have.
const SCOPES_QUOTA: i64 = 25;
/// Most scopes of a page: what the model's list holds.
const PAGE_MAX: i32 = 10;

fn details(row: &Row<'_>) -> Result<ScopeDetails> {
    let authorized_targets = match row.get::<Option<String>>(1)? {
        Some(_) => Some(row.parse(1, |json| serde_json::from_str(json).ok())?),
        None => None,
    };
    Ok(ScopeDetails { scope: row.get(0)?, authorized_targets })
}

/// The scopes of an application, by name.
///
/// # Errors
/// When the database fails.
pub fn scopes(tx: &mut Tx, application: &Application) -> Result<Vec<ScopeDetails>> {
    let sql = "select scope, targets from sso_application_scope where application_id = $1 order by scope";
    tx.all(sql, params![application.id], details)
}

fn find(tx: &mut Tx, application: &ApplicationId, scope: &str) -> Result<Option<ScopeDetails>> {
    let sql = "select scope, targets from sso_application_scope where application_id = $1 and scope = $2";
    tx.opt(sql, params![application, scope], details)
}

/// A target is the instance itself or an application of it.
fn require_target(cx: &mut Cx<'_>, instance: &Instance, target: &str) -> Result<()> {
    let is_known = target == instance.arn()
        || super::find(cx.tx, target)?.is_some_and(|application| application.instance == instance.id);
    if is_known { Ok(()) } else { Err(messages::not_found("AuthorizedTarget", target)) }
}

fn put(cx: &mut WriteCx<'_>, input: &PutApplicationAccessScopeRequest) -> Result<Unit> {
    let (instance, application) = writable(cx, &input.application_arn)?;
    for target in input.authorized_targets.as_deref().unwrap_or_default() {
        require_target(cx, &instance, target)?;
    }
    let sql = "select count(*) from sso_application_scope where application_id = $1 and scope <> $2";
    if cx.tx.count(sql, params![application.id, input.scope])? >= SCOPES_QUOTA {
        let text = format!("An application can have at most {SCOPES_QUOTA} access scopes");
        return Err(messages::validation(text));
    }
    let targets = input.authorized_targets.as_ref().map(|targets| serde_json::json!(targets).to_string());
    cx.write().exec_one(
        "insert into sso_application_scope (application_id, scope, targets) values ($1, $2, $3) \
         on conflict (application_id, scope) do update set targets = excluded.targets",
        params![application.id, input.scope, targets],
    )?;
    touch(cx, &instance);
    Ok(Unit)
}

fn get(cx: &mut Cx<'_>, input: &GetApplicationAccessScopeRequest) -> Result<GetApplicationAccessScopeResponse> {
    let (_, application) = required(cx, &input.application_arn)?;
    let found = find(cx.tx, &application.id, &input.scope)?;
    let found = found.ok_or_else(|| messages::not_found("ApplicationAccessScope", &input.scope))?;
    Ok(GetApplicationAccessScopeResponse { authorized_targets: found.authorized_targets, scope: found.scope })
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteApplicationAccessScopeRequest) -> Result<Unit> {
    let (instance, application) = writable(cx, &input.application_arn)?;
    let sql = "delete from sso_application_scope where application_id = $1 and scope = $2";
    if cx.write().exec(sql, params![application.id, input.scope])? == 0 {
        return Err(messages::not_found("ApplicationAccessScope", &input.scope));
    }
    touch(cx, &instance);
    Ok(Unit)
}

fn list(cx: &mut Cx<'_>, input: &ListApplicationAccessScopesRequest) -> Result<ListApplicationAccessScopesResponse> {
    let (_, application) = required(cx, &input.application_arn)?;
    let about = ["ListApplicationAccessScopes", input.application_arn.as_str()];
    let limit = input.max_results.unwrap_or(PAGE_MAX).min(PAGE_MAX);
    let cursor = page::open(cx, &about, input.next_token.as_deref(), Some(limit))?;
    let rows = cx.tx.all(
        "select scope, targets from sso_application_scope where application_id = $1 and scope > $2 \
         order by scope limit $3",
        params![application.id, cursor.after, cursor.fetch],
        details,
    )?;
    let (scopes, next_token) = cursor.close(cx, rows, |last| last.scope.clone())?;
    Ok(ListApplicationAccessScopesResponse { next_token, scopes })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::PutApplicationAccessScope>(
            |cx, input| on_application::<ops::PutApplicationAccessScope>(cx, &input.application_arn),
            put,
        ),
        route::read::<ops::GetApplicationAccessScope>(
            |cx, input| on_application::<ops::GetApplicationAccessScope>(cx, &input.application_arn),
            get,
        ),
        route::write::<ops::DeleteApplicationAccessScope>(
            |cx, input| on_application::<ops::DeleteApplicationAccessScope>(cx, &input.application_arn),
            delete,
        ),
        route::read::<ops::ListApplicationAccessScopes>(
            |cx, input| on_application::<ops::ListApplicationAccessScopes>(cx, &input.application_arn),
            list,
        ),
    ]
}
