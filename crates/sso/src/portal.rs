//! What a person may use: the accounts and roles that were assigned, and credentials for them.

use crate::attribute;
use crate::instance::{self, Instance, signer};
use crate::provision::blueprint;
use crate::provision::provisioned::{self, Provisioned};
use crate::session::{self, PortalSession};
use crate::{access, assignment, permission_set};
use base::{AccountId, Arn, PermissionSetId};
use iam::account::AccountState;
use iam::sts::PersonSession;
use identity::user::User;
use kernel::caller::{Caller, Person, SignIn};
use kernel::page::Cursor;
use kernel::route::{read, write};
use kernel::{Access, Cx, Error, Result, Route, Tx, WriteCx, params};
use model::sso::{
    AccountInfo, GetRoleCredentialsRequest, GetRoleCredentialsResponse, InvalidRequestException,
    ListAccountRolesRequest, ListAccountRolesResponse, ListAccountsRequest, ListAccountsResponse, LogoutRequest,
    RoleCredentials, RoleInfo, UnauthorizedException, ops,
};
use smithy::schema::Unit;
use std::collections::HashMap;

/// Rows of a page when the caller does not say.
const ROWS_DEFAULT: i64 = 100;
/// Most characters of a session's name.
const SESSION_NAME_MAX: usize = 64;
/// Levels of organizational units.
const UNIT_LEVELS_MAX: usize = 5;

/// An account in which the person has a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalAccount {
    /// Id.
    pub id: AccountId,
    /// Name.
    pub name: String,
    /// E-mail address of the owner.
    pub email: String,
    /// Names of the organizational units above it, from the root down.
    pub path: Vec<String>,
    /// The roles, by name.
    pub roles: Vec<PortalRole>,
}

/// A role that the person has in an account: a permission set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalRole {
    /// The permission set.
    pub permission_set: PermissionSetId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether the role stands in the account already.
    pub is_provisioned: bool,
}

/// The accounts of the session's user, by name; none while Organizations does not vouch for the service.
///
/// # Errors
/// When the database fails.
pub fn accounts(cx: &mut Cx<'_>, session: &PortalSession) -> Result<Vec<PortalAccount>> {
    let Some(instance) = instance::get(cx.tx, &session.instance)? else { return Ok(Vec::new()) };
    if !access::is_in_service(cx.tx, &instance)? {
        return Ok(Vec::new());
    }
    let units = units(cx.tx, &instance)?;
    let mut accounts: Vec<PortalAccount> = Vec::new();
    let rows = cx.tx.all(
        "select i.id, i.name, i.email, o.parent_id, s.id, s.name, s.description, coalesce(p.version, 0) \
         from (select account_id, permission_set_id from sso_assignment where principal_id = $1 union \
               select g.account_id, g.permission_set_id from ids_membership m \
               join sso_assignment g on g.principal_id = m.group_id where m.user_id = $1) a \
         join org_account o on o.account_id = a.account_id join iam_account i on i.id = a.account_id \
         join sso_permission_set s on s.id = a.permission_set_id \
         left join sso_provisioned p on p.account_id = a.account_id and p.permission_set_id = a.permission_set_id \
         where o.org_id = $2 and i.state = 'ACTIVE' and s.instance_id = $3 order by i.name, i.id, s.name",
        params![session.user, instance.org, instance.id],
        |row| {
            let role = PortalRole {
                permission_set: row.get(4)?,
                name: row.get(5)?,
                description: row.get(6)?,
                is_provisioned: row.get::<i64>(7)? > 0,
            };
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<String>(3)?, role))
        },
    )?;
    for (id, name, email, parent, role) in rows {
        match accounts.last_mut().filter(|account| account.id == id) {
            Some(account) => account.roles.push(role),
            None => {
                accounts.push(PortalAccount { id, name, email, path: path(&units, parent), roles: vec![role] });
            }
        }
    }
    Ok(accounts)
}

/// Organizational units by id: parent and name.
type Units = HashMap<String, (String, String)>;

fn units(tx: &mut Tx, instance: &Instance) -> Result<Units> {
    let sql = "select id, parent_id, name from org_unit where org_id = $1";
    let rows = tx.all(sql, params![instance.org], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    Ok(rows.into_iter().collect())
}

fn path(units: &Units, mut parent: String) -> Vec<String> {
    let mut names = Vec::new();
    while let Some((above, name)) = units.get(&parent).filter(|_| names.len() < UNIT_LEVELS_MAX) {
        names.push(name.clone());
        parent.clone_from(above);
    }
    names.reverse();
    names
}

/// Whether credentials that rest on `sign_in` are still good: the session was not ended, the user may sign in, and the
/// permission set is assigned. That Organizations does not vouch for the service any more ends no credentials that were
/// given out before.
///
/// # Errors
/// When the database fails.
pub fn is_good(tx: &mut Tx, sign_in: &SignIn) -> Result<bool> {
    let enabled = "select 1 from ids_user where id = $1 and status = 'ENABLED'";
    Ok(session::is_alive(tx, &sign_in.session_id, sign_in.at)?
        && tx.exists(enabled, params![sign_in.user])?
        && assignment::holds(tx, &sign_in.user, &sign_in.account, &sign_in.permission_set)?)
}

/// Whose access token came with a request.
struct Visitor {
    session: PortalSession,
    instance: Instance,
    user: User,
}

/// Finds out who calls, and says so in the audit trail.
fn visitor(cx: &mut Cx<'_>, access_token: &str) -> Result<Visitor> {
    let refused = || Error::from(UnauthorizedException::new("Session token not found or invalid"));
    let session = session::of_access_token(cx, access_token)?.ok_or_else(refused)?;
    let instance = instance::get(cx.tx, &session.instance)?.ok_or_else(refused)?;
    let user = identity::user::get(cx.tx, &instance.store, &session.user)?.ok_or_else(refused)?;
    cx.caller = Caller::Person(Person {
        owner: instance.owner.clone(),
        store: instance.store.clone(),
        user: user.id.clone(),
        user_name: user.user_name.clone(),
    });
    Ok(Visitor { session, instance, user })
}

/// What the caller may not have, or what is not there: nobody learns which.
fn no_access() -> Error {
    Error::denied("No access")
}

fn open_page(cx: &Cx<'_>, list: &[&str], token: Option<&str>, max_results: Option<i32>) -> Result<Cursor> {
    let limit = max_results.map_or(ROWS_DEFAULT, i64::from);
    Cursor::open(cx, list, token, limit)
        .ok_or_else(|| InvalidRequestException::new("The next_token is not valid").into())
}

fn list_accounts(cx: &mut Cx<'_>, input: &ListAccountsRequest) -> Result<ListAccountsResponse> {
    let Visitor { instance, user, .. } = visitor(cx, &input.access_token)?;
    if !access::is_in_service(cx.tx, &instance)? {
        return Ok(ListAccountsResponse { account_list: Some(Vec::new()), next_token: None });
    }
    let cursor = open_page(cx, &["ListAccounts", user.id.as_str()], input.next_token.as_deref(), input.max_results)?;
    let rows: Vec<(String, String, String)> = cx.tx.all(
        "select i.id, i.name, i.email \
         from (select account_id from sso_assignment where principal_id = $1 union \
               select g.account_id from ids_membership m join sso_assignment g on g.principal_id = m.group_id \
               where m.user_id = $1) a \
         join org_account o on o.account_id = a.account_id join iam_account i on i.id = a.account_id \
         where o.org_id = $2 and i.state = 'ACTIVE' and i.id > $3 order by i.id limit $4",
        params![user.id, instance.org, cursor.after, cursor.fetch],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let (rows, next_token) = cursor.close(cx, rows, |(id, _, _)| id.clone())?;
    let shown =
        |(id, name, email)| AccountInfo { account_id: Some(id), account_name: Some(name), email_address: Some(email) };
    Ok(ListAccountsResponse { account_list: Some(rows.into_iter().map(shown).collect()), next_token })
}

/// The account of that id in which roles can be used now.
fn usable_account(cx: &mut Cx<'_>, instance: &Instance, id: &str) -> Result<AccountId> {
    let account = AccountId::parse(id).ok_or_else(no_access)?;
    let member = "select 1 from org_account where account_id = $1 and org_id = $2";
    let is_usable = access::is_in_service(cx.tx, instance)?
        && cx.tx.exists(member, params![account, instance.org])?
        && iam::account::get(cx.tx, &account)?.is_some_and(|account| account.state == AccountState::Active);
    if is_usable { Ok(account) } else { Err(no_access()) }
}

fn list_account_roles(cx: &mut Cx<'_>, input: &ListAccountRolesRequest) -> Result<ListAccountRolesResponse> {
    let Visitor { instance, user, .. } = visitor(cx, &input.access_token)?;
    let account = usable_account(cx, &instance, &input.account_id)?;
    let list = ["ListAccountRoles", user.id.as_str(), account.as_str()];
    let cursor = open_page(cx, &list, input.next_token.as_deref(), input.max_results)?;
    let rows: Vec<String> = cx.tx.all(
        "select name from sso_permission_set where instance_id = $1 and name > $2 and id in \
           (select permission_set_id from sso_assignment where account_id = $3 and principal_id in \
             (select id from ids_user where id = $4 union all \
              select group_id from ids_membership where user_id = $4)) \
         order by name limit $5",
        params![instance.id, cursor.after, account, user.id, cursor.fetch],
        |row| row.get(0),
    )?;
    if rows.is_empty() && input.next_token.is_none() {
        return Err(no_access());
    }
    let (rows, next_token) = cursor.close(cx, rows, String::clone)?;
    let shown = |name| RoleInfo { account_id: Some(account.to_string()), role_name: Some(name) };
    Ok(ListAccountRolesResponse { next_token, role_list: Some(rows.into_iter().map(shown).collect()) })
}

fn get_role_credentials(cx: &mut Cx<'_>, input: &GetRoleCredentialsRequest) -> Result<GetRoleCredentialsResponse> {
    let visitor = visitor(cx, &input.access_token)?;
    let credentials = credentials(cx, &visitor.session, &input.account_id, &input.role_name)?;
    let shown = RoleCredentials {
        access_key_id: Some(credentials.access_key_id),
        expiration: Some(credentials.expiration.seconds().saturating_mul(1_000)),
        secret_access_key: Some(credentials.secret_access_key),
        session_token: Some(credentials.session_token),
    };
    Ok(GetRoleCredentialsResponse { role_credentials: Some(shown) })
}

/// Credentials of the session's person for the permission set of that name in the account of that id. They come through
/// the role and the SAML provider as they stand in the account, and end with what they rest on: see [`is_good`].
///
/// # Errors
/// [`Error::Denied`] when the person may not have them.
pub fn credentials(
    cx: &mut Cx<'_>,
    session: &PortalSession,
    account: &str,
    role_name: &str,
) -> Result<model::sts::Credentials> {
    let instance = instance::get(cx.tx, &session.instance)?.ok_or_else(no_access)?;
    let user = identity::user::get(cx.tx, &instance.store, &session.user)?.ok_or_else(no_access)?;
    let account = usable_account(cx, &instance, account)?;
    let set = permission_set::find_by_name(cx.tx, &instance.id, role_name)?.ok_or_else(no_access)?;
    if !assignment::holds(cx.tx, &user.id, &account, &set.id)? {
        return Err(no_access());
    }
    let Some(Provisioned { role_name, .. }) =
        provisioned::get(cx.tx, &account, &set.id)?.filter(|provisioned| provisioned.version > 0)
    else {
        return Err(no_access());
    };
    let path = blueprint::role_path(&instance);
    let provider_name = blueprint::provider_name(&instance);
    let wanted = PersonSession {
        role_arn: Arn::new("iam", "", account.as_str(), &format!("role{path}{role_name}")),
        provider_arn: format!("arn:aws:iam::{account}:saml-provider/{provider_name}"),
        certificate: signer::certificate(cx.tx, &instance)?.base64(),
        subject: user.user_name.clone(),
        session_name: session_name(&user.user_name),
        duration_seconds: permission_set::session_seconds(&set),
        tags: attribute::session_tags(cx.tx, &instance, &user)?.into_iter().collect(),
        sign_in: SignIn {
            session_id: session.id.clone(),
            at: cx.now,
            instance: instance.id,
            user: user.id,
            account: account.clone(),
            permission_set: set.id,
        },
        account,
    };
    let answer = iam::sts::assume_role_for_person(cx, wanted).map_err(|error| match error {
        Error::Denied(_) | Error::Modeled(_) | Error::Validation(_) => {
            tracing::info!(%error, "a role of Identity Center could not be assumed");
            no_access()
        }
        other => other,
    })?;
    answer.credentials.ok_or_else(|| Error::internal("a role was assumed without credentials"))
}

/// The name of a person's sessions: the name by which the person signs in, as far as sessions may be called so.
fn session_name(user_name: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '_' };
    let mut name: String = user_name.chars().map(allowed).take(SESSION_NAME_MAX).collect();
    while name.len() < 2 {
        name.push('_');
    }
    name
}

fn logout(cx: &mut WriteCx<'_>, input: &LogoutRequest) -> Result<Unit> {
    let Visitor { session, .. } = visitor(cx, &input.access_token)?;
    session::end_of_user(cx, &session.user, &session.id)?;
    Ok(Unit)
}

/// The access token in the request is the proof, and the handlers check it.
fn open<I>(_cx: &mut Cx<'_>, _input: &I) -> Result<Access> {
    Ok(Access::Open)
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        read::<ops::GetRoleCredentials>(open, get_role_credentials).recording_output(),
        read::<ops::ListAccountRoles>(open, list_account_roles),
        read::<ops::ListAccounts>(open, list_accounts),
        write::<ops::Logout>(open, logout),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_the_name_of_the_person_as_far_as_sessions_can() {
        assert_eq!(session_name("ann@example.com"), "ann@example.com");
        assert_eq!(session_name("ann/müller"), "ann_m_ller");
        assert_eq!(session_name("x"), "x_");
        assert_eq!(session_name(&"x".repeat(128)).len(), 64);
    }
}
