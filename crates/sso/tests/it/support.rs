//! An application with an organization, for which IAM Identity Center is enabled.

use base::AccountId;
use iam::account::AccountState;
use kernel::testing::{START, Setup, TestApp, root};
use kernel::{Access, Caller, Event, Permission, Result, WriteCx, params};
use model::organizations::{
    CreateAccountRequest, CreateOrganizationRequest, DescribeCreateAccountStatusRequest,
    DisableAWSServiceAccessRequest, EnableAWSServiceAccessRequest, RegisterDelegatedAdministratorRequest,
    ops as org_ops,
};
use model::sso_admin::{CreatePermissionSetRequest, ops};
use smithy::schema::Operation;
use sso::instance::Instance;

pub const MANAGEMENT: &str = "111122223333";
pub const STRANGER: &str = "999988887777";

/// What the binary puts together, as far as single sign-on needs it.
pub fn setup() -> Setup {
    let routes = [iam::routes(), org::routes(), identity::routes(), sso::routes()];
    let jobs = [org::jobs(), sso::jobs()];
    Setup {
        routes: routes.into_iter().flatten().collect(),
        jobs: jobs.into_iter().flatten().collect(),
        effects,
        ..Setup::default()
    }
}

fn effects(cx: &mut WriteCx<'_>, event: &Event) -> Result<()> {
    match event {
        Event::OrganizationCreated { management, .. } => {
            org::service_linked_roles::ensure(cx, management, org::service_linked_roles::SERVICE)
        }
        Event::AccountJoinedOrganization { org, account } => {
            org::service_linked_roles::on_account_joined(cx, org, account)
        }
        Event::TrustedAccessEnabled { org, service } => {
            org::service_linked_roles::on_trusted_access_enabled(cx, org, service)?;
            if service == sso::SERVICE { sso::provision::on_trusted_access_enabled(cx, org) } else { Ok(()) }
        }
        Event::IdentityUserDeleted { store, user } => sso::effects::on_user_deleted(cx, store, user),
        Event::IdentityUserDisabled { store, user } => sso::effects::on_user_disabled(cx, store, user),
        Event::IdentityGroupDeleted { store, group } => sso::effects::on_group_deleted(cx, store, group),
        Event::OrganizationDeleted { org, .. } => sso::instance::on_organization_deleted(cx, org),
        _ => Ok(()),
    }
}

/// The accounts [`MANAGEMENT`] and [`STRANGER`], standing alone.
pub fn without_organization() -> TestApp {
    without_organization_of(setup())
}

fn without_organization_of(setup: Setup) -> TestApp {
    let app = TestApp::new(setup);
    for id in [MANAGEMENT, STRANGER] {
        let (email, name) = (format!("root@{id}.example.com"), format!("Account {id}"));
        let add = |tx: &mut kernel::WriteTx<'_>| {
            iam::account::create(tx, &account_id(id), &email, &name, AccountState::Active, START)
        };
        app.app.store.write(add, |_| {}).expect("the account is new");
    }
    app
}

/// [`MANAGEMENT`] manages an organization without Identity Center.
pub fn with_organization() -> TestApp {
    with_organization_of(setup())
}

/// The same in an application of that make.
pub fn with_organization_of(setup: Setup) -> TestApp {
    let app = without_organization_of(setup);
    app.call::<org_ops::CreateOrganization>(&admin(), CreateOrganizationRequest::default()).expect("created");
    app
}

/// An organization with Identity Center, and its instance.
pub fn app() -> (TestApp, Instance) {
    let app = with_organization();
    let instance = enable(&app, &admin()).expect("enabled");
    (app, instance)
}

/// Enables Identity Center as `caller`.
pub fn enable(app: &TestApp, caller: &Caller) -> Result<Instance> {
    app.app.write_as(caller, &app.request(), |cx| sso::instance::enable(cx, Some("main")))
}

pub fn account_id(id: &str) -> AccountId {
    AccountId::parse(id).expect("valid")
}

/// The root user of the management account.
pub fn admin() -> Caller {
    root(&account_id(MANAGEMENT))
}

/// The root user of the account.
pub fn of(id: &str) -> Caller {
    root(&account_id(id))
}

/// A new member of the organization.
pub fn member(app: &TestApp, name: &str) -> String {
    let input = CreateAccountRequest {
        email: format!("{name}@example.com"),
        account_name: name.to_owned(),
        ..CreateAccountRequest::default()
    };
    let status = app.call::<org_ops::CreateAccount>(&admin(), input).expect("accepted").create_account_status;
    app.run_jobs();
    let input = DescribeCreateAccountStatusRequest {
        create_account_request_id: status.and_then(|status| status.id).expect("there is an id"),
    };
    let status = app.call::<org_ops::DescribeCreateAccountStatus>(&admin(), input).expect("known");
    status.create_account_status.and_then(|status| status.account_id).expect("the account was created")
}

/// A new member that is the delegated administrator of Identity Center.
pub fn delegate(app: &TestApp) -> String {
    let account_id = member(app, "delegate");
    let service_principal = sso::SERVICE.to_owned();
    let input = RegisterDelegatedAdministratorRequest { account_id: account_id.clone(), service_principal };
    app.call::<org_ops::RegisterDelegatedAdministrator>(&admin(), input).expect("registered");
    account_id
}

/// Switches trusted access on or off.
pub fn trust(app: &TestApp, is_on: bool) {
    let service_principal = sso::SERVICE.to_owned();
    if is_on {
        let input = EnableAWSServiceAccessRequest { service_principal };
        app.call::<org_ops::EnableAWSServiceAccess>(&admin(), input).expect("enabled");
    } else {
        let input = DisableAWSServiceAccessRequest { service_principal };
        app.call::<org_ops::DisableAWSServiceAccess>(&admin(), input).expect("disabled");
    }
}

/// A new permission set; its ARN.
pub fn permission_set(app: &TestApp, instance: &Instance, name: &str) -> String {
    let input = CreatePermissionSetRequest {
        instance_arn: instance.arn(),
        name: name.to_owned(),
        ..CreatePermissionSetRequest::default()
    };
    let created = app.call::<ops::CreatePermissionSet>(&admin(), input).expect("created").permission_set;
    created.and_then(|set| set.permission_set_arn).expect("there is an ARN")
}

/// Code and message of the error that `result` must hold.
pub fn failure<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("the call was expected to fail"),
        Err(error) => format!("{}: {}", error.code(), error.message()),
    }
}

/// The permissions that `O` takes.
pub fn permissions<O: Operation>(app: &TestApp, caller: &Caller, input: &O::In) -> Vec<Permission> {
    let route = app.app.registry().find(O::OP).expect("the operation has a route");
    match app.app.read_as(caller, &app.request(), |cx| route.access(cx, input)).expect("the rule answers") {
        Access::Open | Access::UnlessDenied(_) => Vec::new(),
        Access::Permissions(permissions) => permissions,
    }
}

/// The number that `sql` gives.
pub fn count(app: &TestApp, sql: &'static str) -> i64 {
    app.app.store.read(|tx| tx.count(sql, params![])).expect("a number")
}
