//! Applications: what people sign in to besides accounts, who may use it, and how it gets tokens.
//!
//! An application belongs to the account that made it: the account of the instance, or a member of its organization.
//! Whoever administers the instance administers them all.

mod assignment;
mod authentication;
mod configuration;
mod grant;
mod operations;
mod provider;
mod scope;

pub use assignment::{is_assigned, on_group_deleted, on_user_deleted};
pub use authentication::actor_policy;
pub use grant::{grant, grants};
pub use scope::scopes;

use crate::access::{self, Standing};
use crate::instance::{Instance, touch};
use crate::{messages, tag};
use base::{AccountId, ApplicationId, IdentityUserId, InstanceId, Timestamp};
use kernel::store::Row;
use kernel::{Access, Cx, Error, Permission, Result, Route, Tx, WriteCx, params};
use model::sso_admin::{
    ApplicationStatus, ApplicationVisibility, PortalOptions, SignInOptions, SignInOrigin,
    UserBackgroundSessionApplicationStatus,
};
use smithy::schema::{Operation, Shape};
use std::collections::BTreeSet;

/// An application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Id.
    pub id: ApplicationId,
    /// The instance whose people use it.
    pub instance: InstanceId,
    /// The account that made it.
    pub account: AccountId,
    /// ARN of its provider: what kind of application it is.
    pub provider: String,
    /// Name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether people can sign in to it.
    pub status: ApplicationStatus,
    /// Whether the portal shows it.
    pub visibility: ApplicationVisibility,
    /// How a sign-in from the portal begins.
    pub sign_in: Option<SignIn>,
    /// Whether only those who are assigned may use it.
    pub is_assignment_required: bool,
    /// Whether it may go on working for a person who has left.
    pub background_sessions: UserBackgroundSessionApplicationStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// The region in which it was made.
    pub created_from: String,
}

/// How a sign-in from the portal begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// At Identity Center, or at the application's own address.
    pub origin: SignInOrigin,
    /// The address of the application.
    pub url: Option<String>,
}

impl Application {
    /// The application's ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:sso::{}:application/{}/{}", self.account, self.instance, self.id)
    }

    /// Whether people can sign in to it.
    pub fn is_enabled(&self) -> bool {
        self.status == ApplicationStatus::Enabled
    }

    fn portal_options(&self) -> PortalOptions {
        let sign_in_options = self
            .sign_in
            .as_ref()
            .map(|sign_in| SignInOptions { application_url: sign_in.url.clone(), origin: sign_in.origin });
        PortalOptions { sign_in_options, visibility: Some(self.visibility) }
    }
}

/// What the portal shows of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalApplication {
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Where the tile leads; `None` for an application that has no address of its own.
    pub url: Option<String>,
    /// Whether its tile is shown.
    pub is_visible: bool,
}

/// The columns of [`application`], in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, instance_id, account_id, provider_arn, name, description, status, visibility, sign_in_origin, \
             application_url, is_assignment_required, background_sessions, created_at, created_from \
             from sso_application ",
            $rest
        )
    };
}
use select;

fn application(row: &Row<'_>) -> Result<Application> {
    let sign_in = match row.get::<Option<String>>(8)? {
        Some(_) => Some(SignIn { origin: row.parse(8, SignInOrigin::parse)?, url: row.get(9)? }),
        None => None,
    };
    Ok(Application {
        id: row.get(0)?,
        instance: row.get(1)?,
        account: row.get(2)?,
        provider: row.get(3)?,
        name: row.get(4)?,
        description: row.get(5)?,
        status: row.parse(6, ApplicationStatus::parse)?,
        visibility: row.parse(7, ApplicationVisibility::parse)?,
        sign_in,
        is_assignment_required: row.get(10)?,
        background_sessions: row.parse(11, UserBackgroundSessionApplicationStatus::parse)?,
        created_at: row.get(12)?,
        created_from: row.get(13)?,
    })
}

/// The parts of an application's ARN.
pub(crate) fn parts(arn: &str) -> Option<(AccountId, InstanceId, ApplicationId)> {
    let (account, rest) = arn.strip_prefix("arn:aws:sso::")?.split_once(":application/")?;
    let (instance, id) = rest.split_once('/')?;
    Some((AccountId::parse(account)?, InstanceId::parse(instance)?, ApplicationId::parse(id)?))
}

/// The application of that ARN.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, arn: &str) -> Result<Option<Application>> {
    let Some((account, instance, id)) = parts(arn) else { return Ok(None) };
    let parameters = params![id, instance, account];
    tx.opt(select!("where id = $1 and instance_id = $2 and account_id = $3"), parameters, application)
}

/// Whether there is an application of that ARN.
///
/// # Errors
/// When the database fails.
pub fn exists(tx: &mut Tx, arn: &str) -> Result<bool> {
    Ok(find(tx, arn)?.is_some())
}

/// The applications that the user may use, by name: those that are enabled and either open to everybody or assigned to
/// the user or to a group that the user is in. None while Organizations does not let the service work.
///
/// # Errors
/// When the database fails.
pub fn for_user(tx: &mut Tx, instance: &Instance, user: &IdentityUserId) -> Result<Vec<PortalApplication>> {
    if !access::is_in_service(tx, instance)? {
        return Ok(Vec::new());
    }
    let mut assigned: BTreeSet<ApplicationId> = assignment::applications_of(tx, user.as_str())?;
    for group in identity::membership::groups_of(tx, user)? {
        assigned.extend(assignment::applications_of(tx, group.as_str())?);
    }
    let sql = select!("where instance_id = $1 and status = 'ENABLED' order by name, id");
    let mut applications = tx.all(sql, params![instance.id], application)?;
    applications.retain(|application| !application.is_assignment_required || assigned.contains(&application.id));
    Ok(applications.into_iter().map(portal_application).collect())
}

fn portal_application(application: Application) -> PortalApplication {
    PortalApplication {
        arn: application.arn(),
        is_visible: application.visibility == ApplicationVisibility::Enabled,
        url: application.sign_in.and_then(|sign_in| sign_in.url),
        name: application.name,
        description: application.description,
    }
}

/// Removes everything that the applications of an instance are, when the instance goes.
///
/// # Errors
/// When the database fails.
pub fn on_instance_deleted(cx: &mut WriteCx<'_>, instance: &InstanceId) -> Result<()> {
    let applications = cx.tx.all(select!("where instance_id = $1 order by id"), params![instance], application)?;
    applications.iter().try_for_each(|application| remove(cx, application))
}

/// Removes an application with all that it has.
fn remove(cx: &mut WriteCx<'_>, application: &Application) -> Result<()> {
    let (id, mut tx) = (&application.id, cx.write());
    tx.exec("delete from sso_application_assignment where application_id = $1", params![id])?;
    tx.exec("delete from sso_application_scope where application_id = $1", params![id])?;
    tx.exec("delete from sso_application_authentication where application_id = $1", params![id])?;
    tx.exec("delete from sso_application_grant_issuer where application_id = $1", params![id])?;
    tx.exec("delete from sso_application_grant where application_id = $1", params![id])?;
    tag::clear(&mut tx, &application.arn())?;
    tx.exec_one("delete from sso_application where id = $1", params![id])
}

/// The application of that ARN with its instance, when the caller's account made it or administers the instance.
///
/// # Errors
/// `ResourceNotFoundException`; `AccessDeniedException` for a member that asks for an application of another account,
/// be there one or not.
pub fn required(cx: &mut Cx<'_>, arn: &str) -> Result<(Instance, Application)> {
    let missing = || messages::not_found("Application", arn.rsplit('/').next().unwrap_or_default());
    let Some((account, instance, _)) = parts(arn) else { return Err(missing()) };
    let (instance, standing) = access::known_instance(cx, &instance_arn(instance.as_str()))?;
    match standing {
        Standing::Owner => {}
        Standing::Delegate => access::require_service(cx, &instance)?,
        Standing::Member if cx.account()? == account => {}
        Standing::Member => return Err(messages::not_an_administrator()),
    }
    let application = find(cx.tx, arn)?.ok_or_else(missing)?;
    Ok((instance, application))
}

/// As [`required`], for what changes the application.
///
/// # Errors
/// As [`required`], and `AccessDeniedException` while the organization does not trust the service.
pub fn writable(cx: &mut Cx<'_>, arn: &str) -> Result<(Instance, Application)> {
    let found = required(cx, arn)?;
    access::require_service(cx, &found.0)?;
    Ok(found)
}

fn instance_arn(instance: &str) -> String {
    format!("arn:aws:sso:::instance/{instance}")
}

/// The permission for `O` on the application of that ARN.
fn permission<O: Operation>(cx: &mut Cx<'_>, arn: &str) -> Result<Permission> {
    let named = parts(arn);
    let instance = named.as_ref().map(|(_, instance, _)| instance_arn(instance.as_str())).unwrap_or_default();
    let permission = access::permission(cx, O::OP.name, arn, &instance)?;
    Ok(match named {
        Some((account, ..)) => permission.with("sso:ApplicationAccount", account.as_str()),
        None => permission,
    })
}

/// The rule of an operation on an application.
fn on_application<O: Operation>(cx: &mut Cx<'_>, arn: &str) -> Result<Access> {
    Ok(permission::<O>(cx, arn)?.into())
}

/// A shape as the JSON text in which it is stored.
fn stored(shape: &dyn Shape) -> Result<String> {
    let mut json = Vec::new();
    smithy::json::write(shape, &mut json);
    String::from_utf8(json).map_err(|_| Error::internal("JSON is not UTF-8"))
}

/// The shape that was [`stored`].
fn restored<T: Shape + Default>(json: &str) -> Option<T> {
    let mut shape = T::default();
    smithy::json::read(json.as_bytes(), &mut shape).ok()?;
    Some(shape)
}

pub(crate) fn routes() -> Vec<Route> {
    [
        operations::routes(),
        provider::routes(),
        assignment::routes(),
        configuration::routes(),
        scope::routes(),
        authentication::routes(),
        grant::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
