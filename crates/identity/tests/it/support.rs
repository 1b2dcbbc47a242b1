//! An application that serves the identity store, and an organization with stores in it.

use base::{AccountId, DirectoryId, IdentityStoreId, IdentityUserId};
use iam::account::AccountState;
use identity::store::Source;
use kernel::store::Store;
use kernel::testing::{START, Setup, TestApp, root};
use kernel::{Access, Caller, Error, Permission, Result, WriteCx, params};
use model::identitystore::{
    ConflictException, CreateGroupMembershipRequest, CreateGroupRequest, CreateUserRequest, Email, MemberId, Name,
    ResourceNotFoundException, ops,
};
use model::organizations::{CreateAccountRequest, CreateOrganizationRequest, DescribeCreateAccountStatusRequest};
use smithy::schema::Operation;
use std::sync::{Mutex, PoisonError};

pub const MANAGEMENT: &str = "111122223333";
pub const STRANGER: &str = "999988887777";
/// Events of the transactions, in their order; each test has a thread of its own.
static EVENTS: Mutex<Vec<(std::thread::ThreadId, String)>> = Mutex::new(Vec::new());

/// An application with an organization, its identity store, and the callers whom tests need.
pub struct World {
    pub app: TestApp,
    /// The organization's store.
    pub store: String,
    /// A member of the organization.
    pub member: Caller,
    /// A member that administers Identity Center.
    pub delegate: Caller,
}

pub fn account(id: &str) -> AccountId {
    AccountId::parse(id).expect("valid")
}

pub fn management() -> Caller {
    root(&account(MANAGEMENT))
}

pub fn stranger() -> Caller {
    root(&account(STRANGER))
}

/// What was told since this was asked last, in this test.
pub fn events() -> Vec<String> {
    let mut events = EVENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let own = std::thread::current().id();
    let mine = events.iter().filter(|(thread, _)| *thread == own).map(|(_, event)| event.clone()).collect();
    events.retain(|(thread, _)| *thread != own);
    mine
}

impl World {
    pub fn new() -> Self {
        Self::on(None)
    }

    /// The same on that database.
    pub fn on(database: Option<Store>) -> Self {
        let routes = identity::routes().into_iter().chain(org::routes()).collect();
        let effects = |_: &mut WriteCx<'_>, event: &kernel::Event| {
            let mut events = EVENTS.lock().unwrap_or_else(PoisonError::into_inner);
            events.push((std::thread::current().id(), format!("{event:?}")));
            Ok(())
        };
        let app = TestApp::new(Setup { routes, jobs: org::jobs(), effects, store: database, ..Setup::default() });
        for id in [MANAGEMENT, STRANGER] {
            let (email, name) = (format!("root@{id}.example.com"), format!("Account {id}"));
            let add = |tx: &mut kernel::WriteTx<'_>| {
                iam::account::create(tx, &account(id), &email, &name, AccountState::Active, START)
            };
            app.app.store.write(add, |_| {}).expect("the account is new");
        }
        let input = CreateOrganizationRequest::default();
        app.call::<model::organizations::ops::CreateOrganization>(&management(), input).expect("created");
        let (member, delegate) = (new_member(&app, "member"), new_member(&app, "delegate"));
        let sql = "insert into org_delegated_administrator (org_id, account_id, service, enabled_at) \
                   select org_id, account_id, 'sso.amazonaws.com', 0 from org_account where account_id = $1";
        app.app.store.write(|tx| tx.exec_one(sql, params![delegate]), |_| {}).expect("a member");
        let store = new_store(&app, MANAGEMENT);
        events();
        Self { app, store, member: root(&member), delegate: root(&delegate) }
    }

    pub fn call<O: Operation>(&self, input: O::In) -> Result<O::Out> {
        self.app.call::<O>(&management(), input)
    }

    /// Does something that is not an operation, as the management account.
    pub fn write<T>(&self, work: impl FnMut(&mut WriteCx<'_>) -> Result<T>) -> T {
        self.app.app.write_as(&management(), &self.app.request(), work).expect("written")
    }

    pub fn store_id(&self) -> IdentityStoreId {
        IdentityStoreId::parse(&self.store).expect("valid")
    }

    /// Makes the store one whose people are in Active Directory.
    pub fn connect_directory(&self) {
        let source = Source::ActiveDirectory(DirectoryId::parse("d-0123456789").expect("valid"));
        self.write(|cx| identity::store::set_source(cx, &self.store_id(), &source));
    }

    /// Another store, of the account that stands alone.
    pub fn stranger_s_store(&self) -> String {
        new_store(&self.app, STRANGER)
    }

    /// A request for a user with what is needed.
    pub fn user_request(&self, name: &str) -> CreateUserRequest {
        CreateUserRequest {
            identity_store_id: self.store.clone(),
            user_name: Some(name.to_owned()),
            display_name: Some(format!("The {name}")),
            name: Some(Name {
                given_name: Some(name.to_owned()),
                family_name: Some("Example".to_owned()),
                ..Name::default()
            }),
            emails: Some(vec![Email { value: Some(format!("{name}@example.com")), ..Email::default() }]),
            ..CreateUserRequest::default()
        }
    }

    pub fn user(&self, name: &str) -> String {
        self.call::<ops::CreateUser>(self.user_request(name)).expect("created").user_id
    }

    pub fn user_id(&self, name: &str) -> IdentityUserId {
        IdentityUserId::parse(&self.user(name)).expect("valid")
    }

    pub fn group(&self, name: &str) -> String {
        let input = CreateGroupRequest {
            identity_store_id: self.store.clone(),
            display_name: Some(name.to_owned()),
            description: None,
        };
        self.call::<ops::CreateGroup>(input).expect("created").group_id
    }

    pub fn membership_request(&self, group: &str, user: &str) -> CreateGroupMembershipRequest {
        CreateGroupMembershipRequest {
            identity_store_id: self.store.clone(),
            group_id: group.to_owned(),
            member_id: member_id(user),
        }
    }

    pub fn membership(&self, group: &str, user: &str) -> String {
        self.call::<ops::CreateGroupMembership>(self.membership_request(group, user)).expect("created").membership_id
    }

    /// The permissions that `O` takes, as `action on resource`.
    pub fn permissions<O: Operation>(&self, input: &O::In) -> Vec<Permission> {
        let route = self.app.app.registry().find(O::OP).expect("the operation has a route");
        let access = self.app.app.read_as(&management(), &self.app.request(), |cx| route.access(cx, input));
        match access.expect("the rule answers") {
            Access::Open | Access::UnlessDenied(_) => Vec::new(),
            Access::Permissions(permissions) => permissions,
        }
    }

    /// The resources on which `O` takes its permission.
    pub fn resources<O: Operation>(&self, input: &O::In) -> Vec<String> {
        let permissions = self.permissions::<O>(input);
        let action = format!("identitystore:{}", O::OP.name);
        assert!(permissions.iter().all(|permission| permission.action == action));
        permissions.into_iter().map(|permission| permission.resource).collect()
    }

    pub fn count(&self, sql: &'static str) -> i64 {
        self.app.app.store.read(|tx| tx.count(sql, params![])).expect("a number")
    }
}

pub fn member_id(user: &str) -> MemberId {
    MemberId { user_id: Some(user.to_owned()) }
}

fn new_store(app: &TestApp, owner: &str) -> String {
    let owner = account(owner);
    let made = app.app.write_as(&root(&owner), &app.request(), |cx| identity::store::create(cx, &owner));
    made.expect("created").id.to_string()
}

fn new_member(app: &TestApp, name: &str) -> AccountId {
    use model::organizations::ops::{CreateAccount, DescribeCreateAccountStatus};
    let input = CreateAccountRequest {
        email: format!("{name}@example.com"),
        account_name: name.to_owned(),
        ..CreateAccountRequest::default()
    };
    let status = app.call::<CreateAccount>(&management(), input).expect("accepted").create_account_status;
    app.run_jobs();
    let input = DescribeCreateAccountStatusRequest {
        create_account_request_id: status.and_then(|status| status.id).expect("there is an id"),
    };
    let status = app.call::<DescribeCreateAccountStatus>(&management(), input).expect("known").create_account_status;
    account(&status.and_then(|status| status.account_id).expect("the account was created"))
}

/// The error that `result` must hold: its code, what it is about where it says so, and its text.
pub fn failure<T>(result: Result<T>) -> String {
    let Err(error) = result else { panic!("the call was expected to fail") };
    let about = match &error {
        Error::Modeled(shape) => {
            let missing = shape.as_any().downcast_ref::<ResourceNotFoundException>();
            let missing = missing.and_then(|error| error.resource_type).map(|kind| kind.as_str());
            let conflict = shape.as_any().downcast_ref::<ConflictException>();
            missing.or(conflict.and_then(|error| error.reason).map(|reason| reason.as_str()))
        }
        _ => None,
    };
    format!("{} {}: {}", error.code(), about.unwrap_or("-"), error.message())
}
