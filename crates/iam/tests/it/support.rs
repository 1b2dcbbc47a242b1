//! An application with one account.

use base::{AccountId, RoleId};
use iam::account::{self, AccountState};
use iam::role::{self, Role};
use kernel::caller::{Principal, PrincipalCaller};
use kernel::testing::{START, Setup, TestApp, root};
use kernel::{Access, Caller, Permission, Result};
use model::iam::{CreateUserRequest, ops};
use smithy::schema::Operation;

pub const ACCOUNT: &str = "111122223333";
pub const ALLOW_ALL: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
pub const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}}"#;

pub fn account_id() -> AccountId {
    AccountId::parse(ACCOUNT).expect("valid")
}

/// The application and the root user of its account.
pub fn setup() -> (TestApp, Caller) {
    let app = TestApp::new(Setup { routes: iam::routes(), ..Setup::default() });
    let root = root(&account_id());
    add_account(&app, ACCOUNT, "root@example.com");
    (app, root)
}

pub fn add_account(app: &TestApp, id: &str, email: &str) {
    let id = AccountId::parse(id).expect("valid");
    app.app
        .write_as(&root(&id), &app.request(), |cx| {
            account::create(&mut cx.write(), &id, email, "Example", AccountState::Active, START)
        })
        .expect("a new account");
}

/// Creates a user.
pub fn user(app: &TestApp, root: &Caller, name: &str) -> Caller {
    let input = CreateUserRequest { user_name: name.to_owned(), ..Default::default() };
    app.call::<ops::CreateUser>(root, input).expect("a new user");
    let user = app
        .app
        .read_as(root, &app.request(), |cx| iam::user::find(cx.tx, &account_id(), name))
        .expect("readable")
        .expect("created");
    Caller::Principal(PrincipalCaller {
        account: account_id(),
        principal: Principal::User(user.identity()),
        access_key_id: None,
        session: None,
        invoked_by: None,
    })
}

/// Adds a role and gives a session of it.
pub fn add_role(app: &TestApp, path: &str, name: &str) -> Caller {
    let account = account_id();
    let role = Role {
        id: app.app.with_random(|random| RoleId::random(&account, random)),
        account: account.clone(),
        name: name.to_owned(),
        path: path.to_owned(),
        trust_policy: TRUST.to_owned(),
        description: None,
        max_session_seconds: 3_600,
        boundary_arn: None,
        linked_service: None,
        last_used: None,
        created_at: START,
    };
    let caller = root(&account);
    app.app.write_as(&caller, &app.request(), |cx| role::insert(&mut cx.write(), &role)).expect("a new role");
    Caller::Principal(PrincipalCaller {
        account,
        principal: Principal::Role(role.identity("session")),
        access_key_id: None,
        session: None,
        invoked_by: None,
    })
}

/// The text of the error that `result` must hold, after its code.
pub fn refusal<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("the call was expected to fail"),
        Err(error) => format!("{}: {}", error.code(), error.message()),
    }
}

/// The permissions that a call takes.
pub fn permissions<O: Operation>(app: &TestApp, caller: &Caller, input: &O::In) -> Vec<Permission> {
    let route = app.app.registry().find(O::OP).expect("the operation has a route");
    let access = app.app.read_as(caller, &app.request(), |cx| route.access(cx, input)).expect("a rule that knows");
    match access {
        Access::Open | Access::UnlessDenied(_) => Vec::new(),
        Access::Permissions(permissions) => permissions,
    }
}
