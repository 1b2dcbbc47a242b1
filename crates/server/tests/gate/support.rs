//! An application with an organization: a management account, a unit, and a member in it.

use base::{AccessKeyId, AccountId};
use iam::account::AccountState;
use kernel::caller::{Caller, Principal, PrincipalCaller, Session};
use kernel::store::Store;
use kernel::testing::{START, Setup, TestApp, root};
use kernel::{Error, Result};
use model::iam::{self as iam_shapes, ops as iam_ops};
use model::organizations::{self as org_shapes, PolicyType, ops as org_ops};
use model::sts::{AssumeRoleRequest, ops as sts_ops};
use server::gate::{Gate, SharedGate};
use std::sync::Arc;

pub const MANAGEMENT: &str = "111122223333";

pub struct World {
    pub app: TestApp,
    pub root_id: String,
    pub unit: String,
    pub member: AccountId,
}

/// The application as the server puts it together, on `store` or in memory.
pub fn application(store: Option<Store>) -> TestApp {
    TestApp::new(Setup {
        routes: server::routes(),
        jobs: server::jobs(),
        effects: server::effects::apply,
        authorizer: Box::new(SharedGate(Arc::new(Gate::default()))),
        extensions: server::linkage::extensions(),
        store,
        ..Setup::default()
    })
}

impl World {
    pub fn new() -> Self {
        Self::on(None)
    }

    pub fn on(store: Option<Store>) -> Self {
        let app = application(store);
        let management = account(MANAGEMENT);
        app.app
            .write_as(&root(&management), &app.request(), |cx| {
                let tx = &mut cx.write();
                iam::account::create(tx, &management, "root@example.com", "management", AccountState::Active, START)
            })
            .expect("a new account");
        let mut world = Self { app, root_id: String::new(), unit: String::new(), member: management };
        world.organize();
        world
    }

    fn organize(&mut self) {
        let management = self.management();
        self.call::<org_ops::CreateOrganization>(&management, Default::default());
        let roots = self.call::<org_ops::ListRoots>(&management, Default::default()).roots.expect("roots");
        self.root_id = roots[0].id.clone().expect("an id");
        for policy_type in [PolicyType::ServiceControlPolicy, PolicyType::ResourceControlPolicy] {
            let root_id = self.root_id.clone();
            let input = org_shapes::EnablePolicyTypeRequest { policy_type, root_id };
            self.call::<org_ops::EnablePolicyType>(&management, input);
            self.app.run_jobs();
        }
        let root_id = self.root_id.clone();
        self.unit = self.unit_below(&root_id, "workloads");
        self.member = self.new_member("member");
        let unit = self.unit.clone();
        self.move_member(&root_id, &unit);
    }

    pub fn management(&self) -> Caller {
        root(&account(MANAGEMENT))
    }

    /// The root user of the member.
    pub fn member_root(&self) -> Caller {
        root(&self.member)
    }

    pub fn unit_below(&self, parent: &str, name: &str) -> String {
        let input = org_shapes::CreateOrganizationalUnitRequest {
            parent_id: parent.to_owned(),
            name: name.to_owned(),
            tags: None,
        };
        let unit = self.call::<org_ops::CreateOrganizationalUnit>(&self.management(), input).organizational_unit;
        unit.and_then(|unit| unit.id).expect("an id")
    }

    pub fn new_member(&self, name: &str) -> AccountId {
        let input = org_shapes::CreateAccountRequest {
            email: format!("{name}@example.com"),
            account_name: name.to_owned(),
            ..Default::default()
        };
        let status = self.call::<org_ops::CreateAccount>(&self.management(), input).create_account_status;
        self.app.run_jobs();
        let id = status.and_then(|status| status.id).expect("an id");
        let input = org_shapes::DescribeCreateAccountStatusRequest { create_account_request_id: id };
        let status = self.call::<org_ops::DescribeCreateAccountStatus>(&self.management(), input);
        account(&status.create_account_status.and_then(|status| status.account_id).expect("an account"))
    }

    pub fn move_member(&self, from: &str, to: &str) {
        let input = org_shapes::MoveAccountRequest {
            account_id: self.member.to_string(),
            source_parent_id: from.to_owned(),
            destination_parent_id: to.to_owned(),
        };
        self.call::<org_ops::MoveAccount>(&self.management(), input);
    }

    /// A new policy of the organization; its id.
    pub fn policy(&self, policy_type: PolicyType, name: &str, content: &str) -> String {
        let input = org_shapes::CreatePolicyRequest {
            content: content.to_owned(),
            description: String::new(),
            name: name.to_owned(),
            tags: None,
            r#type: policy_type,
        };
        let policy = self.call::<org_ops::CreatePolicy>(&self.management(), input).policy;
        policy.and_then(|policy| policy.policy_summary).and_then(|summary| summary.id).expect("an id")
    }

    pub fn attach(&self, policy: &str, target: &str) {
        let input = org_shapes::AttachPolicyRequest { policy_id: policy.to_owned(), target_id: target.to_owned() };
        self.call::<org_ops::AttachPolicy>(&self.management(), input);
    }

    pub fn detach(&self, policy: &str, target: &str) {
        let input = org_shapes::DetachPolicyRequest { policy_id: policy.to_owned(), target_id: target.to_owned() };
        self.call::<org_ops::DetachPolicy>(&self.management(), input);
    }

    /// A new user of the account with an inline policy.
    pub fn user(&self, account: &AccountId, name: &str, policy: Option<&str>) -> Caller {
        let input = iam_shapes::CreateUserRequest { user_name: name.to_owned(), ..Default::default() };
        self.call::<iam_ops::CreateUser>(&root(account), input);
        if let Some(policy) = policy {
            self.put_user_policy(account, name, policy);
        }
        let found = self.app.app.store.read(|tx| iam::user::find(tx, account, name)).expect("readable");
        principal(account, Principal::User(found.expect("created").identity()), None)
    }

    pub fn put_user_policy(&self, account: &AccountId, name: &str, policy: &str) {
        let input = iam_shapes::PutUserPolicyRequest {
            user_name: name.to_owned(),
            policy_name: "own".to_owned(),
            policy_document: policy.to_owned(),
        };
        self.call::<iam_ops::PutUserPolicy>(&root(account), input);
    }

    /// A new role with an inline policy; its ARN.
    pub fn role(&self, account: &AccountId, name: &str, trust: &str, policy: Option<&str>) -> String {
        let input = iam_shapes::CreateRoleRequest {
            role_name: name.to_owned(),
            assume_role_policy_document: trust.to_owned(),
            ..Default::default()
        };
        let arn = self.call::<iam_ops::CreateRole>(&root(account), input).role.arn;
        if let Some(policy) = policy {
            let input = iam_shapes::PutRolePolicyRequest {
                role_name: name.to_owned(),
                policy_name: "own".to_owned(),
                policy_document: policy.to_owned(),
            };
            self.call::<iam_ops::PutRolePolicy>(&root(account), input);
        }
        arn
    }

    /// The session that assuming a role opens.
    pub fn assume(&self, caller: &Caller, input: AssumeRoleRequest) -> Result<Caller> {
        let credentials = self.app.call::<sts_ops::AssumeRole>(caller, input)?.credentials.expect("credentials");
        let id = AccessKeyId::parse(&credentials.access_key_id).expect("a key");
        let opened = iam::sts::session_token::open(&self.app.app.seal, &id, &credentials.session_token);
        Ok(Caller::Principal(opened.expect("a token of this application").0))
    }

    /// What comes of a call that must succeed.
    pub fn call<O: smithy::schema::Operation>(&self, caller: &Caller, input: O::In) -> O::Out {
        self.app.call::<O>(caller, input).unwrap_or_else(|error| panic!("{}: {error}", O::OP.name))
    }

    /// Asks for the user `bob` of the caller's account, who need not exist.
    pub fn ask(&self, caller: &Caller) -> Result<(), String> {
        let input = iam_shapes::GetUserRequest { user_name: Some("bob".to_owned()) };
        match self.app.call::<iam_ops::GetUser>(caller, input) {
            Err(Error::Denied(denial)) => Err(denial.message),
            Err(error) if error.code() != "NoSuchEntity" => panic!("{error}"),
            _ => Ok(()),
        }
    }
}

/// The sentence with which [`World::ask`] is refused.
pub fn refusal(caller: &Caller, reason: &str) -> Result<(), String> {
    let account = caller.account().expect("a principal");
    Err(format!(
        "User: {} is not authorized to perform: iam:GetUser on resource: arn:aws:iam::{account}:user/bob {reason}",
        caller.arn()
    ))
}

pub fn assumption(arn: &str) -> AssumeRoleRequest {
    AssumeRoleRequest { role_arn: arn.to_owned(), role_session_name: "session".to_owned(), ..Default::default() }
}

pub fn account(id: &str) -> AccountId {
    AccountId::parse(id).expect("valid")
}

pub fn principal(account: &AccountId, principal: Principal, session: Option<Session>) -> Caller {
    let session = session.map(Arc::new);
    Caller::Principal(PrincipalCaller {
        account: account.clone(),
        principal,
        access_key_id: None,
        session,
        invoked_by: None,
    })
}

/// An identity-based or service control policy of one statement.
pub fn policy(effect: &str, action: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}]}}"#)
}

/// A trust policy for a principal, with a condition block.
pub fn trust(principal: &str, action: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":{action},"Condition":{condition}}}]}}"#
    )
}
