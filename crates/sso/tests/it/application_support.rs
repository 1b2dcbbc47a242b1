//! Instances of Identity Center with people, for applications.

use base::{AccountId, IdentityGroupId, IdentityUserId, InstanceId};
use iam::account::AccountState;
use identity::group::Group;
use identity::user::{Status, User};
use kernel::testing::{START, Setup, TestApp, root};
use kernel::{Access, Caller, Permission, Result, Tx, params};
use model::identitystore::Email;
use model::organizations::{
    CreateAccountRequest, CreateOrganizationRequest, DescribeCreateAccountStatusRequest, ops as org_ops,
};
use model::sso_admin::{CreateApplicationRequest, ops};
use smithy::schema::Operation;
use sso::instance::Instance;

pub const MANAGEMENT: &str = "111122223333";
pub const STRANGER: &str = "999988887777";
pub const CUSTOM: &str = "arn:aws:sso::aws:applicationProvider/custom";

/// An organization with an instance, and an account outside with an instance of its own.
pub struct World {
    pub app: TestApp,
    /// Instance of the organization.
    pub instance: Instance,
    /// Instance of [`STRANGER`].
    pub account_instance: Instance,
    /// Members of the organization.
    pub member: String,
    pub other: String,
    /// The delegated administrator.
    pub delegate: String,
    /// A user in the organization's store, in `group`.
    pub user: IdentityUserId,
    pub group: IdentityGroupId,
}

pub fn account_id(id: &str) -> AccountId {
    AccountId::parse(id).expect("valid")
}

/// The root user of the account.
pub fn of(id: &str) -> Caller {
    root(&account_id(id))
}

pub fn management() -> Caller {
    of(MANAGEMENT)
}

impl World {
    pub fn new() -> Self {
        let routes = org::routes().into_iter().chain(sso::routes()).collect();
        let app = TestApp::new(Setup { routes, jobs: org::jobs(), ..Setup::default() });
        for id in [MANAGEMENT, STRANGER] {
            let (email, name) = (format!("root@{id}.example.com"), format!("Account {id}"));
            let add = |tx: &mut kernel::WriteTx<'_>| {
                iam::account::create(tx, &account_id(id), &email, &name, AccountState::Active, START)
            };
            app.app.store.write(add, |_| {}).expect("the account is new");
        }
        let input = CreateOrganizationRequest::default();
        app.call::<org_ops::CreateOrganization>(&management(), input).expect("created");
        let (member, other, delegate) = (new_member(&app, "one"), new_member(&app, "two"), new_member(&app, "three"));
        let trust = "insert into org_trusted_service (org_id, service, enabled_at) \
                     select id, 'sso.amazonaws.com', 0 from org_organization";
        let delegation = "insert into org_delegated_administrator (org_id, account_id, service, enabled_at) \
                          select org_id, account_id, 'sso.amazonaws.com', 0 from org_account where account_id = $1";
        let write = |tx: &mut kernel::WriteTx<'_>| {
            tx.exec_one(trust, params![])?;
            tx.exec_one(delegation, params![delegate])
        };
        app.app.store.write(write, |_| {}).expect("valid");
        let instance = new_instance(&app, MANAGEMENT, "ORGANIZATION");
        let account_instance = new_instance(&app, STRANGER, "ACCOUNT");
        let user = new_user(&app, &instance, "alice");
        let group = new_group(&app, &instance, "Developers");
        join(&app, &instance, &group, &user);
        Self { app, instance, account_instance, member, other, delegate, user, group }
    }

    pub fn call<O: Operation>(&self, caller: &Caller, input: O::In) -> Result<O::Out> {
        self.app.call::<O>(caller, input)
    }

    pub fn read<T>(&self, work: impl FnOnce(&mut Tx) -> Result<T>) -> T {
        self.app.app.store.read(work).expect("readable")
    }

    /// A new application of the caller's account in the organization's instance: its ARN.
    pub fn application(&self, caller: &Caller, name: &str) -> String {
        let created = self.call::<ops::CreateApplication>(caller, self.creation(name)).expect("created");
        created.application_arn.expect("there is an ARN")
    }

    pub fn creation(&self, name: &str) -> CreateApplicationRequest {
        CreateApplicationRequest {
            instance_arn: self.instance.arn(),
            application_provider_arn: CUSTOM.to_owned(),
            name: name.to_owned(),
            ..CreateApplicationRequest::default()
        }
    }

    pub fn user(&self, name: &str) -> IdentityUserId {
        new_user(&self.app, &self.instance, name)
    }

    pub fn group(&self, name: &str) -> IdentityGroupId {
        new_group(&self.app, &self.instance, name)
    }

    /// Takes the organization's trust in the service back.
    pub fn distrust(&self) {
        let sql = "delete from org_trusted_service";
        self.app.app.store.write(|tx| tx.exec(sql, params![]), |_| {}).expect("valid");
    }

    /// The permissions that `O` takes.
    pub fn permissions<O: Operation>(&self, caller: &Caller, input: &O::In) -> Vec<Permission> {
        let route = self.app.app.registry().find(O::OP).expect("the operation has a route");
        let access = self.app.app.read_as(caller, &self.app.request(), |cx| route.access(cx, input));
        match access.expect("the rule answers") {
            Access::Open | Access::UnlessDenied(_) => Vec::new(),
            Access::Permissions(permissions) => permissions,
        }
    }

    pub fn count(&self, sql: &'static str) -> i64 {
        self.read(|tx| tx.count(sql, params![]))
    }
}

/// Code and text of the error that `result` must hold.
pub fn failure<T>(result: Result<T>) -> String {
    let Err(error) = result else { panic!("the call was expected to fail") };
    format!("{}: {}", error.code(), error.message())
}

fn new_member(app: &TestApp, name: &str) -> String {
    let input = CreateAccountRequest {
        email: format!("{name}@example.com"),
        account_name: name.to_owned(),
        ..CreateAccountRequest::default()
    };
    let status = app.call::<org_ops::CreateAccount>(&management(), input).expect("accepted").create_account_status;
    app.run_jobs();
    let input = DescribeCreateAccountStatusRequest {
        create_account_request_id: status.and_then(|status| status.id).expect("there is an id"),
    };
    let status = app.call::<org_ops::DescribeCreateAccountStatus>(&management(), input).expect("known");
    status.create_account_status.and_then(|status| status.account_id).expect("the account was created")
}

fn new_instance(app: &TestApp, owner: &str, kind: &str) -> Instance {
    let owner = account_id(owner);
    let make = |cx: &mut kernel::WriteCx<'_>| {
        let store = identity::store::create(cx, &owner)?;
        let (id, now) = (InstanceId::random(&mut cx.random), cx.now);
        let org: Option<String> =
            cx.tx.opt("select org_id from org_account where account_id = $1", params![owner], |row| row.get(0))?;
        cx.write().exec_one(
            "insert into sso_instance (id, kind, owner_account_id, org_id, store_id, region, status, provider_suffix, \
               certificate, private_key, session_seconds, session_idle_seconds, allows_account_instances, settings, created_at) \
             values ($1, $2, $3, $4, $5, 'us-east-1', 'ACTIVE', '0123456789abcdef', '', $6, 28800, 28800, 1, '{}', $7)",
            params![id, kind, owner, org, store.id, Vec::<u8>::new(), now],
        )?;
        sso::instance::get(cx.tx, &id)
    };
    app.app.write_as(&root(&owner), &app.request(), make).expect("valid").expect("inserted")
}

pub fn new_user(app: &TestApp, instance: &Instance, name: &str) -> IdentityUserId {
    let user = User {
        id: app.app.with_random(IdentityUserId::random),
        store: instance.store.clone(),
        user_name: name.to_owned(),
        display_name: None,
        status: Status::Enabled,
        attributes: model::identitystore::User {
            emails: Some(vec![Email { value: Some(format!("{name}@example.com")), ..Email::default() }]),
            ..model::identitystore::User::default()
        },
        source_id: None,
        created_at: START,
        created_by: String::new(),
        updated_at: START,
        updated_by: String::new(),
        revision: 1,
    };
    app.app.store.write(|tx| identity::user::insert(tx, &user), |_| {}).expect("a new user");
    user.id
}

pub fn new_group(app: &TestApp, instance: &Instance, name: &str) -> IdentityGroupId {
    let group = Group {
        id: app.app.with_random(IdentityGroupId::random),
        store: instance.store.clone(),
        display_name: name.to_owned(),
        description: None,
        source_id: None,
        created_at: START,
        created_by: String::new(),
        updated_at: START,
        updated_by: String::new(),
        revision: 1,
    };
    app.app.store.write(|tx| identity::group::insert(tx, &group), |_| {}).expect("a new group");
    group.id
}

fn join(app: &TestApp, instance: &Instance, group: &IdentityGroupId, user: &IdentityUserId) {
    let add = |cx: &mut kernel::WriteCx<'_>| identity::membership::add(cx, &instance.store, group, user);
    app.app.write_as(&management(), &app.request(), add).expect("valid").expect("a new member");
}
