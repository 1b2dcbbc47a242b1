//! Service-linked roles: made from AWS's templates, kept from the account's own hands, deleted through tasks.
//!
//! `role::guard_modifiable` says who may change them.

mod deletion;

use crate::role::{self, Role, SESSION_SECONDS_DEFAULT};
use crate::{access, attachment, entity::EntityKind, messages};
use base::{AccountId, RoleId};
use catalog::ServiceLinkedRoleTemplate;
use kernel::{Access, Cx, Result, Route, Tx, WriteCx, params, route};
use model::iam::{CreateServiceLinkedRoleRequest, CreateServiceLinkedRoleResponse, InvalidInputException, ops};

/// Service principal of IAM Identity Center.
pub const IDENTITY_CENTER: &str = "sso.amazonaws.com";
/// Longest name of a role.
const NAME_CHARACTERS_MAX: usize = 64;

/// Whether a service still needs its role in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usage {
    /// It does not.
    Free,
    /// It does.
    InUse {
        /// Why, for the administrator; at most 1,000 characters.
        reason: String,
        /// What uses the role: ARNs by region.
        resources: Vec<(String, Vec<String>)>,
    },
}

/// Knows which services act in which accounts; implemented where organizations are known. The binary puts it into the
/// application's extensions as `Box<dyn ServiceLinkage>`.
pub trait ServiceLinkage: Send + Sync {
    /// Whether the service still acts in the account (trusted access on and account in the organization), and what uses
    /// the role.
    ///
    /// # Errors
    /// When the database fails.
    fn usage(&self, tx: &mut Tx, account: &AccountId, service: &str) -> Result<Usage>;
}

/// Whether `service` needs its role in `account`; where nobody knows of organizations, no.
///
/// # Errors
/// When the database fails.
pub fn usage(cx: &mut Cx<'_>, account: &AccountId, service: &str) -> Result<Usage> {
    match cx.app.extension::<Box<dyn ServiceLinkage>>() {
        Some(linkage) => linkage.usage(cx.tx, account, service),
        None => Ok(Usage::Free),
    }
}

/// The role that `service` has in `account`, the one without a custom suffix.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, account: &AccountId, service: &str) -> Result<Option<Role>> {
    let Some(template) = catalog::service_linked_role(service) else { return Ok(None) };
    let role = role::find(tx, account, template.role_name)?;
    Ok(role.filter(|role| role.linked_service.as_deref() == Some(service)))
}

/// Makes sure that `service` has its role in `account`, and returns the role as it is. This is the store's side of
/// `CreateServiceLinkedRole`, for effects and jobs: nobody's permission is asked and nothing is written to the audit
/// trail. Where a record is due, call the operation as the principal that AWS would name.
///
/// # Errors
/// `InvalidInput` when the service has no such role, or when an ordinary role holds its name.
pub fn create_service_linked(cx: &mut WriteCx<'_>, account: &AccountId, service: &str) -> Result<Role> {
    if let Some(role) = find(cx.tx, account, service)? {
        return Ok(role);
    }
    let template = catalog::service_linked_role(service).ok_or_else(|| messages::no_service_linked_role(service))?;
    insert(cx, account, &template, template.role_name.to_owned(), template.description.map(str::to_owned))
}

/// Puts a service-linked role back into the form of its template: trust policy, its one policy, session length, and
/// neither boundary nor tags nor policies of others. The description stays.
///
/// # Errors
/// When the database fails.
pub fn ensure_canonical(cx: &mut WriteCx<'_>, role: &Role) -> Result<()> {
    let Some(template) = role.linked_service.as_deref().and_then(catalog::service_linked_role) else { return Ok(()) };
    let has_inline = "select 1 from iam_inline_policy where entity_id = $1 limit 1";
    let is_canonical = role.trust_policy == template.trust_policy()
        && role.max_session_seconds == SESSION_SECONDS_DEFAULT
        && role.boundary_arn.is_none()
        && attachment::attached(cx.tx, role.id.as_str())? == [template.policy_arn]
        && !cx.tx.exists(has_inline, params![role.id])?
        && crate::tag::of(cx.tx, role.id.as_str())?.is_empty();
    if is_canonical {
        return Ok(());
    }
    let now = cx.now;
    let mut tx = cx.write();
    role::strip(&mut tx, role)?;
    tx.exec_one("update iam_role set boundary_arn = null where id = $1", params![role.id])?;
    role::set_settings(&mut tx, role, role.description.as_deref(), SESSION_SECONDS_DEFAULT)?;
    role::set_trust_policy(&mut tx, role, &template.trust_policy())?;
    attachment::attach(&mut tx, &role.account, EntityKind::Role, role.id.as_str(), template.policy_arn, now)
}

/// Removes the role that `service` has in `account`, whatever uses it; false when there is none. For clean-up that has
/// decided already; no audit record, as with [`create_service_linked`].
///
/// # Errors
/// When the database fails.
pub fn remove_service_linked(cx: &mut WriteCx<'_>, account: &AccountId, service: &str) -> Result<bool> {
    match find(cx.tx, account, service)? {
        Some(role) => role::delete(&mut cx.write(), &role).map(|()| true),
        None => Ok(false),
    }
}

fn insert(
    cx: &mut WriteCx<'_>,
    account: &AccountId,
    template: &ServiceLinkedRoleTemplate,
    name: String,
    description: Option<String>,
) -> Result<Role> {
    if role::find(cx.tx, account, &name)?.is_some() {
        return Err(messages::service_linked_role_exists(&name).into());
    }
    let role = Role {
        id: RoleId::random(account, &mut cx.random),
        account: account.clone(),
        name,
        path: template.path(),
        trust_policy: template.trust_policy(),
        description,
        max_session_seconds: SESSION_SECONDS_DEFAULT,
        boundary_arn: None,
        linked_service: Some(template.service_principal.to_owned()),
        last_used: None,
        created_at: cx.now,
    };
    let now = cx.now;
    let mut tx = cx.write();
    role::insert(&mut tx, &role)?;
    attachment::attach(&mut tx, account, EntityKind::Role, role.id.as_str(), template.policy_arn, now)?;
    Ok(role)
}

/// The role's name: that of the template, and the suffix after an underscore.
fn name_of(template: &ServiceLinkedRoleTemplate, suffix: Option<&str>) -> String {
    match suffix {
        Some(suffix) => format!("{}_{suffix}", template.role_name),
        None => template.role_name.to_owned(),
    }
}

fn may_create(cx: &mut Cx<'_>, input: &CreateServiceLinkedRoleRequest) -> Result<Access> {
    let account = cx.account()?;
    let service = &input.aws_service_name;
    let name = catalog::service_linked_role(service).map(|it| name_of(&it, input.custom_suffix.as_deref()));
    let name = name.as_deref().unwrap_or("AWSServiceRoleFor");
    let arn = format!("arn:aws:iam::{account}:role/aws-service-role/{service}/{name}");
    Ok(access::permission::<ops::CreateServiceLinkedRole>(arn).with("iam:AWSServiceName", service).into())
}

fn create(cx: &mut WriteCx<'_>, input: &CreateServiceLinkedRoleRequest) -> Result<CreateServiceLinkedRoleResponse> {
    let account = cx.account()?;
    let service = &input.aws_service_name;
    let template = catalog::service_linked_role(service).ok_or_else(|| messages::no_service_linked_role(service))?;
    if input.custom_suffix.is_some() && !template.allows_custom_suffix {
        return Err(messages::no_custom_suffix(service).into());
    }
    let name = name_of(&template, input.custom_suffix.as_deref());
    if name.chars().count() > NAME_CHARACTERS_MAX {
        let text = format!("The role name {name} is longer than {NAME_CHARACTERS_MAX} characters.");
        return Err(InvalidInputException::new(text).into());
    }
    let description = input.description.clone().or_else(|| template.description.map(str::to_owned));
    let role = insert(cx, &account, &template, name, description)?;
    Ok(CreateServiceLinkedRoleResponse { role: Some(role::shape(&role, &role.trust_policy)) })
}

pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![route::write::<ops::CreateServiceLinkedRole>(may_create, create)];
    routes.extend(deletion::routes());
    routes
}
