//! An account with a user and roles, and a gate that remembers what it was asked.

use base::{AccessKeyId, AccountId, Random, RoleId, Timestamp, UserId};
use iam::account::{Account, AccountState};
use iam::oidc_provider::keys::WantedKeys;
use iam::role::Role;
use iam::sts::session_token;
use iam::user::User;
use kernel::app::{Authorizer, Extensions};
use kernel::caller::{RoleIdentity, Session};
use kernel::seal::Purpose;
use kernel::testing::{START, Setup, TestApp};
use kernel::{Caller, Cx, Error, Permission, Principal, PrincipalCaller, Result, WriteCx};
use model::sts::{Credentials, Tag};
use smithy::schema::Operation;
use std::sync::{Arc, Mutex};

pub const ACCOUNT: &str = "111122223333";
pub const ROLE: &str = "arn:aws:iam::111122223333:role/team/Reader";
pub const LINKED_ROLE: &str = "arn:aws:iam::111122223333:role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO";

/// What the gate was asked, and by whom.
pub struct Asked {
    pub caller: Caller,
    pub permission: Permission,
}

#[derive(Clone, Default)]
struct Gate {
    asked: Arc<Mutex<Vec<Asked>>>,
    denied: Arc<Mutex<Vec<String>>>,
}

impl Authorizer for Gate {
    fn authorize(&self, cx: &mut Cx<'_>, permission: &Permission) -> Result<()> {
        let asked = Asked { caller: cx.caller.clone(), permission: permission.clone() };
        self.asked.lock().expect("not poisoned").push(asked);
        if self.denied.lock().expect("not poisoned").contains(&permission.action) {
            return Err(Error::denied(format!("no policy allows {}", permission.action)));
        }
        Ok(())
    }

    fn refuse_explicit_deny(&self, _: &mut Cx<'_>, _: &Permission) -> Result<()> {
        Ok(())
    }
}

pub struct Sts {
    pub test: TestApp,
    pub user: User,
    gate: Gate,
}

/// A session policy.
pub const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}]}"#;

pub fn account() -> AccountId {
    AccountId::parse(ACCOUNT).expect("valid")
}

pub fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

impl Sts {
    pub fn new() -> Self {
        let gate = Gate::default();
        let extensions = Extensions::default().with(WantedKeys::default());
        let setup = Setup { routes: iam::routes(), authorizer: Box::new(gate.clone()), extensions, ..Setup::default() };
        let test = TestApp::new(setup);
        let random = &mut Random::from_seed(7);
        let user = User {
            id: UserId::random(&account(), random),
            account: account(),
            name: "ann".to_owned(),
            path: "/".to_owned(),
            boundary_arn: None,
            password_used_at: None,
            created_at: START,
        };
        let roles = [role("Reader", "/team/", None, random), role("Writer", "/", None, random)];
        let linked = role("AWSServiceRoleForSSO", "/aws-service-role/sso.amazonaws.com/", Some("sso"), random);
        let sts = Self { test, user, gate };
        sts.write(|cx| {
            let account = Account {
                id: account(),
                email: "root@example.com".to_owned(),
                name: "Test".to_owned(),
                alias: None,
                state: AccountState::Active,
                created_at: START,
            };
            iam::account::insert(&mut cx.write(), &account)?;
            iam::user::insert(&mut cx.write(), &sts.user)?;
            for role in roles.iter().chain([&linked]) {
                iam::role::insert(&mut cx.write(), role)?;
            }
            let tags = [model::iam::Tag { key: "Team".to_owned(), value: "blue".to_owned() }];
            iam::tag::set(&mut cx.write(), roles[0].id.as_str(), &tags)
        });
        sts
    }

    pub fn write<T>(&self, work: impl FnMut(&mut WriteCx<'_>) -> Result<T>) -> T {
        let request = self.test.request();
        self.test.app.write_as(&Caller::Anonymous, &request, work).expect("written")
    }

    pub fn role(&self, name: &str) -> Role {
        self.write(|cx| iam::role::find(cx.tx, &account(), name)).expect("exists")
    }

    pub fn call<O: Operation>(&self, caller: &Caller, input: O::In) -> Result<O::Out> {
        self.test.call::<O>(caller, input)
    }

    /// Has the gate refuse an action from now on.
    pub fn deny(&self, action: &str) {
        self.gate.denied.lock().expect("not poisoned").push(action.to_owned());
    }

    /// What the gate was asked since the last time.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.gate.asked.lock().expect("not poisoned"))
    }

    pub fn asked_actions(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.permission.action).collect()
    }

    /// The user with long-term credentials.
    pub fn ann(&self) -> Caller {
        self.principal(Principal::User(self.user.identity()), None)
    }

    pub fn root(&self) -> Caller {
        self.principal(Principal::Root, None)
    }

    /// A session of the role Writer.
    pub fn writer(&self, session: Session) -> Caller {
        let role: RoleIdentity = self.role("Writer").identity("app");
        self.principal(Principal::Role(role), Some(session))
    }

    pub fn principal(&self, principal: Principal, session: Option<Session>) -> Caller {
        Caller::Principal(PrincipalCaller {
            account: account(),
            principal,
            access_key_id: None,
            session: session.map(Arc::new),
            invoked_by: None,
        })
    }

    /// The caller whom credentials make.
    pub fn open(&self, credentials: Option<&Credentials>) -> PrincipalCaller {
        let credentials = credentials.expect("credentials are issued");
        let key = AccessKeyId::parse(&credentials.access_key_id).expect("an access key id");
        let opened = session_token::open(&self.test.app.seal, &key, &credentials.session_token);
        let (caller, secret) = opened.expect("the token opens");
        assert_eq!(secret.expose(), credentials.secret_access_key);
        assert_eq!(caller.session.as_ref().expect("a session").expires_at, credentials.expiration);
        caller
    }

    /// The audit records so far.
    pub fn audit_records(&self) -> Vec<String> {
        let app = &self.test.app;
        app.audit.flush(&app.store, &mut app.random()).expect("flushed");
        app.store.read(|tx| tx.all("select record from audit", &[], |row| row.get(0))).expect("read")
    }

    /// Gives the user a device with the seed of RFC 6238's test vectors and sets the clock to one of their times.
    /// The device's serial number and its present code.
    pub fn add_second_factor(&self) -> (Option<String>, Option<String>) {
        let serial = format!("arn:aws:iam::{ACCOUNT}:mfa/ann");
        let at = Timestamp::from_seconds(2_000_000_000);
        self.test.clock.advance_seconds(at.seconds() - START.seconds());
        self.write(|cx| {
            let mut random = cx.random.fork();
            let sealed = cx.app.seal.seal(Purpose::AccessKeySecret, &serial, b"12345678901234567890", &mut random)?;
            cx.write().exec_one(
                "insert into iam_mfa_device (serial, account_id, assigned_to, sealed_seed, last_step, enabled_at, \
                 created_at) values ($1, $2, $3, $4, 0, 0, 0)",
                kernel::params![serial, account(), self.user.id, sealed],
            )
        });
        (Some(serial), Some("279037".to_owned()))
    }

    /// A customer managed policy of the account.
    pub fn add_policy(&self, name: &str) -> String {
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/{name}");
        self.write(|cx| {
            cx.write().exec_one(
                "insert into iam_policy (id, account_id, arn, name, name_key, path, default_version, newest_version, \
                 created_at, updated_at) values ($1, $2, $3, $4, $5, '/', 1, 1, 0, 0)",
                kernel::params!["ANPA00000000000000001", account(), arn, name, name.to_lowercase()],
            )
        });
        arn
    }
}

fn role(name: &str, path: &str, linked: Option<&str>, random: &mut Random) -> Role {
    Role {
        id: RoleId::random(&account(), random),
        account: account(),
        name: name.to_owned(),
        path: path.to_owned(),
        trust_policy: "{}".to_owned(),
        description: None,
        max_session_seconds: 7_200,
        boundary_arn: None,
        linked_service: linked.map(|service| format!("{service}.amazonaws.com")),
        last_used: None,
        created_at: START,
    }
}

/// The text of the error that `result` must hold.
pub fn message<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("the call was expected to fail"),
        Err(error) => error.message().to_owned(),
    }
}

/// The values of a condition key.
pub fn values<'a>(permission: &'a Permission, key: &str) -> Option<Vec<&'a str>> {
    let found = permission.context.iter().find(|(name, _)| name == key)?;
    Some(found.1.iter().map(String::as_str).collect())
}
