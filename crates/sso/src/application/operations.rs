//! Applications themselves: made, described, changed, listed, deleted.

use super::{Application, SignIn, application, on_application, provider, remove, select, touch};
use crate::access::{self, Standing};
use crate::instance::Instance;
use crate::{client_token, messages, page, tag};
use base::{AccountId, ApplicationId};
use kernel::page::Cursor;
use kernel::{Access, Cx, Permission, Result, Route, WriteCx, params, route};
use model::sso_admin::{
    self as shapes, ApplicationStatus, ApplicationVisibility, CreateApplicationRequest, CreateApplicationResponse,
    DeleteApplicationRequest, DeleteApplicationResponse, DescribeApplicationRequest, DescribeApplicationResponse,
    ListApplicationsRequest, ListApplicationsResponse, SignInOptions, SignInOrigin, UpdateApplicationRequest,
    UpdateApplicationResponse, UserBackgroundSessionApplicationStatus, ops,
};

/// Applications that an instance may have. AWS counts accounts, too.
const APPLICATIONS_QUOTA: i64 = 3_000;
/// Most applications of a page: what the model's list holds.
const PAGE_MAX: i32 = 50;

fn create(cx: &mut WriteCx<'_>, input: &CreateApplicationRequest) -> Result<CreateApplicationResponse> {
    let (instance, _) = access::known_instance(cx, &input.instance_arn)?;
    access::require_service(cx, &instance)?;
    if !instance.is_active() {
        return Err(messages::instance_not_active(&instance.id));
    }
    let account = cx.account()?;
    let asked = CreateApplicationRequest { client_token: None, ..input.clone() };
    let fingerprint = client_token::fingerprint(&asked);
    if let Some(made) = made_before(cx, &account, input.client_token.as_deref(), &fingerprint)? {
        return Ok(created(&instance, &made));
    }
    provider::require_creatable(&input.application_provider_arn)?;
    let count = cx.tx.count("select count(*) from sso_application where instance_id = $1", params![instance.id])?;
    if count >= APPLICATIONS_QUOTA {
        return Err(messages::quota_exceeded("Application", APPLICATIONS_QUOTA, &instance.id));
    }
    let portal = input.portal_options.clone().unwrap_or_default();
    let made = Application {
        id: ApplicationId::random(&mut cx.random),
        instance: instance.id.clone(),
        account,
        provider: input.application_provider_arn.clone(),
        name: input.name.clone(),
        description: input.description.clone(),
        status: input.status.unwrap_or(ApplicationStatus::Enabled),
        visibility: portal.visibility.unwrap_or(ApplicationVisibility::Enabled),
        sign_in: portal.sign_in_options.map(sign_in).transpose()?,
        is_assignment_required: true,
        background_sessions: UserBackgroundSessionApplicationStatus::Disabled,
        created_at: cx.now,
        created_from: instance.region.clone(),
    };
    insert(cx, &made, input.client_token.as_deref(), &fingerprint)?;
    tag::add(&mut cx.write(), &made.arn(), input.tags.as_deref().unwrap_or_default())?;
    touch(cx, &instance);
    Ok(created(&instance, &made))
}

/// The application that an earlier request with the same token made.
fn made_before(
    cx: &mut Cx<'_>,
    account: &AccountId,
    token: Option<&str>,
    fingerprint: &[u8],
) -> Result<Option<Application>> {
    let Some(token) = token else { return Ok(None) };
    let sql = "select client_fingerprint from sso_application where account_id = $1 and client_token = $2";
    let earlier: Option<Vec<u8>> = cx.tx.opt(sql, params![account, token], |row| row.get(0))?;
    client_token::compare(earlier.as_deref(), fingerprint)?;
    cx.tx.opt(select!("where account_id = $1 and client_token = $2"), params![account, token], application)
}

fn insert(cx: &mut WriteCx<'_>, made: &Application, token: Option<&str>, fingerprint: &[u8]) -> Result<()> {
    let (origin, url) = columns(made.sign_in.as_ref());
    cx.write().exec_one(
        "insert into sso_application (id, instance_id, account_id, provider_arn, name, description, status, \
           visibility, sign_in_origin, application_url, is_assignment_required, background_sessions, created_at, \
           created_from, client_token, client_fingerprint) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        params![
            made.id,
            made.instance,
            made.account,
            made.provider,
            made.name,
            made.description,
            made.status.as_str(),
            made.visibility.as_str(),
            origin,
            url,
            made.is_assignment_required,
            made.background_sessions.as_str(),
            made.created_at,
            made.created_from,
            token,
            token.map(|_| fingerprint)
        ],
    )
}

fn columns(sign_in: Option<&SignIn>) -> (Option<&'static str>, Option<&str>) {
    (sign_in.map(|sign_in| sign_in.origin.as_str()), sign_in.and_then(|sign_in| sign_in.url.as_deref()))
}

/// A sign-in that begins at the application needs to know where that is.
fn sign_in(options: SignInOptions) -> Result<SignIn> {
    if options.origin == SignInOrigin::Application && options.application_url.is_none() {
        return Err(messages::validation("ApplicationUrl is required when Origin is APPLICATION"));
    }
    Ok(SignIn { origin: options.origin, url: options.application_url })
}

fn created(instance: &Instance, made: &Application) -> CreateApplicationResponse {
    CreateApplicationResponse {
        application_arn: Some(made.arn()),
        identity_store_arn: Some(store_arn(instance)),
        instance_arn: Some(instance.arn()),
    }
}

fn store_arn(instance: &Instance) -> String {
    format!("arn:aws:identitystore::{}:identitystore/{}", instance.owner, instance.store)
}

fn shown(instance: &Instance, application: Application) -> shapes::Application {
    shapes::Application {
        application_account: Some(application.account.to_string()),
        application_arn: Some(application.arn()),
        created_date: Some(application.created_at),
        identity_store_arn: Some(store_arn(instance)),
        instance_arn: Some(instance.arn()),
        portal_options: Some(application.portal_options()),
        status: Some(application.status),
        application_provider_arn: Some(application.provider),
        created_from: Some(application.created_from),
        description: application.description,
        name: Some(application.name),
    }
}

fn describe(cx: &mut Cx<'_>, input: &DescribeApplicationRequest) -> Result<DescribeApplicationResponse> {
    let (instance, found) = super::required(cx, &input.application_arn)?;
    let shown = shown(&instance, found);
    Ok(DescribeApplicationResponse {
        application_account: shown.application_account,
        application_arn: shown.application_arn,
        application_provider_arn: shown.application_provider_arn,
        created_date: shown.created_date,
        created_from: shown.created_from,
        description: shown.description,
        identity_store_arn: shown.identity_store_arn,
        instance_arn: shown.instance_arn,
        name: shown.name,
        portal_options: shown.portal_options,
        status: shown.status,
    })
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateApplicationRequest) -> Result<UpdateApplicationResponse> {
    let (instance, mut changed) = super::writable(cx, &input.application_arn)?;
    if let Some(name) = &input.name {
        changed.name.clone_from(name);
    }
    if input.description.is_some() {
        changed.description.clone_from(&input.description);
    }
    if let Some(status) = input.status {
        changed.status = status;
    }
    if let Some(options) = input.portal_options.as_ref().and_then(|portal| portal.sign_in_options.clone()) {
        changed.sign_in = Some(sign_in(options)?);
    }
    let (origin, url) = columns(changed.sign_in.as_ref());
    cx.write().exec_one(
        "update sso_application set name = $2, description = $3, status = $4, sign_in_origin = $5, \
           application_url = $6 where id = $1",
        params![changed.id, changed.name, changed.description, changed.status.as_str(), origin, url],
    )?;
    touch(cx, &instance);
    Ok(UpdateApplicationResponse {})
}

fn delete(cx: &mut WriteCx<'_>, input: &DeleteApplicationRequest) -> Result<DeleteApplicationResponse> {
    let (instance, found) = super::writable(cx, &input.application_arn)?;
    remove(cx, &found)?;
    touch(cx, &instance);
    Ok(DeleteApplicationResponse {})
}

fn list(cx: &mut Cx<'_>, input: &ListApplicationsRequest) -> Result<ListApplicationsResponse> {
    let (instance, standing) = access::known_instance(cx, &input.instance_arn)?;
    let filter = input.filter.clone().unwrap_or_default();
    match standing {
        Standing::Owner => {}
        Standing::Delegate => access::require_service(cx, &instance)?,
        // A member sees its own applications alone, and has to say so.
        Standing::Member if filter.application_account.as_deref() == Some(cx.account()?.as_str()) => {}
        Standing::Member => return Err(messages::not_an_administrator()),
    }
    let account = filter.application_account.unwrap_or_default();
    let provider = filter.application_provider.unwrap_or_default();
    let about = ["ListApplications", input.instance_arn.as_str(), &account, &provider];
    let limit = input.max_results.unwrap_or(PAGE_MAX).min(PAGE_MAX);
    let cursor: Cursor = page::open(cx, &about, input.next_token.as_deref(), Some(limit))?;
    let (at, id) = cursor.position();
    let rows = cx.tx.all(
        select!(
            "where instance_id = $1 and ($2 = '' or account_id = $2) and ($3 = '' or provider_arn = $3) \
             and (created_at > $4 or (created_at = $4 and id > $5)) order by created_at, id limit $6"
        ),
        params![instance.id, account, provider, at, id, cursor.fetch],
        application,
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |last| page::key(last.created_at, last.id.as_str()))?;
    let applications = rows.into_iter().map(|row| shown(&instance, row)).collect();
    Ok(ListApplicationsResponse { applications: Some(applications), next_token })
}

/// Making an application takes the permission for the instance, for the provider and for the application to be.
fn create_access(cx: &mut Cx<'_>, input: &CreateApplicationRequest) -> Result<Access> {
    let id = access::instance_id(&input.instance_arn).map_or_else(|| "*".to_owned(), |id| id.to_string());
    let account = cx.caller.account().map(ToString::to_string).unwrap_or_default();
    let arn = format!("arn:aws:sso::{account}:application/{id}/*");
    let made = access::permission(cx, "CreateApplication", &arn, &input.instance_arn)?;
    let instance = access::permission(cx, "CreateApplication", &input.instance_arn, &input.instance_arn)?;
    let provider = Permission::new("sso:CreateApplication", &input.application_provider_arn);
    let with_tags = |permission| tag::with_request_tags(permission, input.tags.as_deref());
    Ok(Access::Permissions(vec![with_tags(instance), with_tags(provider), with_tags(made)]))
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::write::<ops::CreateApplication>(create_access, create),
        route::read::<ops::DescribeApplication>(
            |cx, input| on_application::<ops::DescribeApplication>(cx, &input.application_arn),
            describe,
        ),
        route::write::<ops::UpdateApplication>(
            |cx, input| on_application::<ops::UpdateApplication>(cx, &input.application_arn),
            update,
        ),
        route::write::<ops::DeleteApplication>(
            |cx, input| on_application::<ops::DeleteApplication>(cx, &input.application_arn),
            delete,
        ),
        route::read::<ops::ListApplications>(|_, _| Ok(Permission::new("sso:ListApplications", "*").into()), list),
    ]
}
