//! An application that serves Organizations, and accounts in it.

use base::AccountId;
use iam::account::AccountState;
use kernel::testing::{START, Setup, TestApp, root};
use kernel::{Access, Caller, Error, Permission, params};
use model::organizations::{
    ConstraintViolationException, CreateAccountRequest, CreateOrganizationRequest, DescribeCreateAccountStatusRequest,
    InvalidInputException, ListRootsRequest, ops,
};
use smithy::schema::{ErrorShape, Operation};
use std::any::Any;

pub const MANAGEMENT: &str = "111122223333";
pub const STRANGER: &str = "999988887777";

pub fn setup() -> Setup {
    Setup { routes: org::routes(), jobs: org::jobs(), ..Setup::default() }
}

/// An application in which the accounts [`MANAGEMENT`] and [`STRANGER`] stand alone.
pub fn start(setup: Setup) -> TestApp {
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

/// An application in which [`MANAGEMENT`] manages an organization.
pub fn app() -> TestApp {
    with_organization(setup())
}

pub fn with_organization(setup: Setup) -> TestApp {
    let app = start(setup);
    app.call::<ops::CreateOrganization>(&management(), CreateOrganizationRequest::default()).expect("created");
    app
}

pub fn account_id(id: &str) -> AccountId {
    AccountId::parse(id).expect("valid")
}

pub fn management() -> Caller {
    root(&account_id(MANAGEMENT))
}

/// The root user of the account.
pub fn of(id: &str) -> Caller {
    root(&account_id(id))
}

pub fn root_id(app: &TestApp) -> String {
    let roots = app.call::<ops::ListRoots>(&management(), ListRootsRequest::default()).expect("listed").roots;
    roots.and_then(|mut roots| roots.pop()).and_then(|root| root.id).expect("there is a root")
}

/// A new member, with its e-mail address under example.com.
pub fn member(app: &TestApp, name: &str) -> String {
    let input = CreateAccountRequest {
        email: format!("{name}@example.com"),
        account_name: name.to_owned(),
        ..CreateAccountRequest::default()
    };
    let status = app.call::<ops::CreateAccount>(&management(), input).expect("accepted").create_account_status;
    app.run_jobs();
    let input = DescribeCreateAccountStatusRequest {
        create_account_request_id: status.and_then(|status| status.id).expect("there is an id"),
    };
    let status = app.call::<ops::DescribeCreateAccountStatus>(&management(), input).expect("known");
    status.create_account_status.and_then(|status| status.account_id).expect("the account was created")
}

/// Makes the member a delegated administrator.
pub fn delegate(app: &TestApp, account: &str) {
    let sql = "insert into org_delegated_administrator (org_id, account_id, service, enabled_at) \
               select org_id, account_id, 'config.amazonaws.com', 0 from org_account where account_id = $1";
    app.app.store.write(|tx| tx.exec_one(sql, params![account]), |_| {}).expect("a member");
}

/// Code and reason of the error that `result` must hold, such as `InvalidInputException INVALID_PATTERN`.
pub fn failure<T>(result: kernel::Result<T>) -> String {
    let Err(error) = result else { panic!("the call was expected to fail") };
    let reason = match &error {
        Error::Modeled(shape) => reason(shape.as_ref()),
        _ => None,
    };
    reason.map_or_else(|| error.code().to_owned(), |reason| format!("{} {reason}", error.code()))
}

fn reason(error: &dyn ErrorShape) -> Option<&'static str> {
    let error: &dyn Any = error.as_any();
    let invalid = error.downcast_ref::<InvalidInputException>().and_then(|e| e.reason).map(|reason| reason.as_str());
    let constraint = error.downcast_ref::<ConstraintViolationException>().and_then(|e| e.reason);
    invalid.or(constraint.map(|reason| reason.as_str()))
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

/// Changes the database behind the product's back.
pub fn exec(app: &TestApp, sql: &'static str) {
    app.app.store.write(|tx| tx.exec(sql, params![]), |_| {}).expect("valid");
}

/// Gives Identity Center trusted access.
pub fn trust_sso(app: &TestApp) {
    exec(
        app,
        "insert into org_trusted_service (org_id, service, enabled_at) \
         select id, 'sso.amazonaws.com', 0 from org_organization",
    );
}
