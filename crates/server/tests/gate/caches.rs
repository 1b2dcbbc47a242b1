//! What the gate remembers is what the database says: random changes and random requests from several threads, and a
//! second process on the same database.

use crate::support::{MANAGEMENT, World, account, application, policy, principal, trust};
use base::{AccountId, Random};
use iam::account::AccountState;
use kernel::app::Authorizer as _;
use kernel::caller::{Caller, Principal};
use kernel::changes::Follower;
use kernel::store::Store;
use kernel::testing::{TestApp, root};
use kernel::{Error, Permission};
use model::iam::{self as shapes, ops};
use model::organizations::{self as org_shapes, PolicyType, ops as org_ops};
use server::gate::Gate;
use smithy::schema::Operation;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const THREADS: u64 = 3;
const ROUNDS: u64 = 12;
const STEPS: usize = 12;
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const COMPUTE: &str = "arn:aws:iam::aws:policy/AmazonEC2FullAccess";
const TAGGED: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",
    "Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}}}"#;

/// What random changes work on.
struct Scene {
    world: World,
    callers: Vec<Caller>,
    permissions: Vec<Permission>,
    role: String,
    control: Vec<String>,
    resource_control: String,
    /// Changes of the tree are one at a time, so that a change knows where the account is.
    is_in_unit: Mutex<bool>,
}

impl Scene {
    fn new(store: Option<Store>) -> Self {
        let world = World::on(store);
        let member = world.member.clone();
        let alice = world.user(&member, "alice", Some(&policy("Allow", "iam:*")));
        let bob = world.user(&account(MANAGEMENT), "bob", Some(&policy("Allow", "sts:*")));
        let role = world.role(&member, "worker", &trust("*", r#""sts:*""#, "{}"), Some(TAGGED));
        let group = shapes::CreateGroupRequest { group_name: "staff".into(), path: None };
        world.call::<ops::CreateGroup>(&root(&member), group);
        let input = shapes::PutGroupPolicyRequest {
            group_name: "staff".into(),
            policy_name: "own".into(),
            policy_document: policy("Allow", "*"),
        };
        world.call::<ops::PutGroupPolicy>(&root(&member), input);
        let found = world.app.app.store.read(|tx| iam::role::find(tx, &member, "worker")).expect("readable");
        let session = principal(&member, Principal::Role(found.expect("created").identity("session")), None);
        let control = [("no-iam", policy("Deny", "iam:*")), ("no-compute", policy("Deny", "ec2:*"))]
            .map(|(name, text)| world.policy(PolicyType::ServiceControlPolicy, name, &text));
        let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:*","Resource":"*"}]}"#;
        let resource_control = world.policy(PolicyType::ResourceControlPolicy, "no-sessions", text);
        let on = |action: &str, arn: String| Permission::new(action, arn).owned_by(member.clone());
        let permissions = vec![
            on("iam:GetUser", format!("arn:aws:iam::{member}:user/alice")),
            on("ec2:RunInstances", format!("arn:aws:ec2:us-east-1:{member}:instance/*")),
            on("sts:AssumeRole", role.clone()),
        ];
        Self {
            callers: vec![alice, session, root(&member), bob, Caller::Anonymous],
            permissions,
            role,
            control: control.to_vec(),
            resource_control,
            is_in_unit: Mutex::new(true),
            world,
        }
    }

    /// A change that another may have made or undone already; that is no failure.
    fn attempt<O: Operation>(&self, caller: &Caller, input: O::In) {
        match self.world.app.call::<O>(caller, input) {
            Ok(_) | Err(Error::Modeled(_) | Error::Denied(_) | Error::Busy) => {}
            Err(error) => panic!("{}: {error}", O::OP.name),
        }
    }

    fn change(&self, random: &mut Random) {
        let management = self.world.management();
        match random.below(5) {
            0 => self.change_organization(&management, random),
            1 => self.change_state(random),
            2 => self.change_role(random),
            _ => self.change_user(random),
        }
    }

    /// As the member's root user, whom the organization may bind just now.
    fn as_member<O: Operation>(&self, input: O::In) {
        self.attempt::<O>(&self.world.member_root(), input);
    }

    fn change_user(&self, random: &mut Random) {
        let user = || "alice".to_owned();
        let arn = if random.below(2) == 0 { READ_ONLY } else { COMPUTE }.to_owned();
        match random.below(9) {
            0 => self.as_member::<ops::PutUserPolicy>(shapes::PutUserPolicyRequest {
                user_name: user(),
                policy_name: "own".into(),
                policy_document: policy(if random.below(2) == 0 { "Allow" } else { "Deny" }, "iam:*"),
            }),
            1 => self.as_member::<ops::DeleteUserPolicy>(shapes::DeleteUserPolicyRequest {
                user_name: user(),
                policy_name: "own".into(),
            }),
            2 => self.as_member::<ops::AttachUserPolicy>(shapes::AttachUserPolicyRequest {
                user_name: user(),
                policy_arn: arn,
            }),
            3 => self.as_member::<ops::DetachUserPolicy>(shapes::DetachUserPolicyRequest {
                user_name: user(),
                policy_arn: arn,
            }),
            4 => self.as_member::<ops::AddUserToGroup>(shapes::AddUserToGroupRequest {
                group_name: "staff".into(),
                user_name: user(),
            }),
            5 => self.as_member::<ops::RemoveUserFromGroup>(shapes::RemoveUserFromGroupRequest {
                group_name: "staff".into(),
                user_name: user(),
            }),
            6 => self.as_member::<ops::PutUserPermissionsBoundary>(shapes::PutUserPermissionsBoundaryRequest {
                user_name: user(),
                permissions_boundary: arn,
            }),
            7 => self.as_member::<ops::DeleteUserPermissionsBoundary>(shapes::DeleteUserPermissionsBoundaryRequest {
                user_name: user(),
            }),
            _ => self.as_member::<ops::PutGroupPolicy>(shapes::PutGroupPolicyRequest {
                group_name: "staff".into(),
                policy_name: "own".into(),
                policy_document: policy(if random.below(2) == 0 { "Allow" } else { "Deny" }, "ec2:*"),
            }),
        }
    }

    fn change_role(&self, random: &mut Random) {
        let role = || "worker".to_owned();
        match random.below(4) {
            0 => self.as_member::<ops::TagRole>(shapes::TagRoleRequest {
                role_name: role(),
                tags: vec![shapes::Tag {
                    key: "team".into(),
                    value: if random.below(2) == 0 { "blue" } else { "red" }.into(),
                }],
            }),
            1 => self.as_member::<ops::UntagRole>(shapes::UntagRoleRequest {
                role_name: role(),
                tag_keys: vec!["team".into()],
            }),
            2 => self.as_member::<ops::PutRolePermissionsBoundary>(shapes::PutRolePermissionsBoundaryRequest {
                role_name: role(),
                permissions_boundary: READ_ONLY.into(),
            }),
            _ => {
                let who = if random.below(2) == 0 { "*" } else { MANAGEMENT };
                self.as_member::<ops::UpdateAssumeRolePolicy>(shapes::UpdateAssumeRolePolicyRequest {
                    role_name: role(),
                    policy_document: trust(who, r#""sts:AssumeRole""#, "{}"),
                });
            }
        }
    }

    fn change_organization(&self, management: &Caller, random: &mut Random) {
        let targets = [&self.world.root_id, &self.world.unit, &self.world.member.to_string()].map(String::clone);
        let target_id = targets[usize::try_from(random.below(3)).expect("small")].clone();
        let control = &self.control[usize::try_from(random.below(2)).expect("small")];
        let policy_id = if random.below(3) == 0 { self.resource_control.clone() } else { control.clone() };
        match random.below(3) {
            0 => self
                .attempt::<org_ops::AttachPolicy>(management, org_shapes::AttachPolicyRequest { policy_id, target_id }),
            1 => self
                .attempt::<org_ops::DetachPolicy>(management, org_shapes::DetachPolicyRequest { policy_id, target_id }),
            _ => {
                let mut is_in_unit = self.is_in_unit.lock().expect("not poisoned");
                let (unit, root_id) = (self.world.unit.clone(), self.world.root_id.clone());
                let (from, to) = if *is_in_unit { (unit, root_id) } else { (root_id, unit) };
                self.world.move_member(&from, &to);
                *is_in_unit = !*is_in_unit;
            }
        }
    }

    /// As suspending and reinstating an account does.
    fn change_state(&self, random: &mut Random) {
        let state = if random.below(4) == 0 { AccountState::Suspended } else { AccountState::Active };
        set_state(&self.world.app, &self.world.member, state);
    }

    /// Asks the gate of `app`, with what it remembers.
    fn ask(&self, app: &TestApp, caller: &Caller, permission: &Permission) -> String {
        let answer = app.app.read_as(caller, &app.request(), |cx| cx.require(permission));
        shown(answer)
    }

    /// Every question whose remembered answer is not the database's.
    fn differences(&self, app: &TestApp) -> Vec<String> {
        let mut differences = Vec::new();
        for (caller, permission) in self.callers.iter().flat_map(|it| self.permissions.iter().map(move |p| (it, p))) {
            let remembered = self.ask(app, caller, permission);
            let fresh = app
                .app
                .read_as(caller, &app.request(), |cx| Ok(shown(Gate::default().authorize(cx, permission))))
                .expect("readable");
            if remembered != fresh {
                differences.push(format!("remembered: {remembered}\n     fresh: {fresh}"));
            }
        }
        differences
    }
}

fn set_state(app: &TestApp, id: &AccountId, state: AccountState) {
    app.app
        .write_as(&Caller::Anonymous, &app.request(), |cx| iam::account::set_state(&mut cx.write(), id, state))
        .expect("written");
}

fn shown(answer: kernel::Result<()>) -> String {
    match answer {
        Ok(()) => "allowed".to_owned(),
        Err(Error::Denied(denial)) => denial.message,
        Err(error) => panic!("{error}"),
    }
}

fn run(scene: &Scene, seed: u64, check: impl Fn(&str)) {
    let mut answers = std::collections::HashSet::new();
    for round in 0..ROUNDS {
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                scope.spawn(move || {
                    let mut random = Random::from_seed(seed * 1_000 + round * 10 + thread);
                    for _ in 0..STEPS {
                        if random.below(3) == 0 {
                            scene.change(&mut random);
                        } else {
                            let caller = &scene.callers[usize::try_from(random.below(5)).expect("small")];
                            let permission = &scene.permissions[usize::try_from(random.below(3)).expect("small")];
                            scene.ask(&scene.world.app, caller, permission);
                        }
                    }
                });
            }
        });
        let differences = scene.differences(&scene.world.app);
        assert!(differences.is_empty(), "seed {seed}, round {round}:\n{}", differences.join("\n"));
        check(&format!("seed {seed}, round {round}"));
        answers.extend(scene.callers.iter().map(|caller| scene.ask(&scene.world.app, caller, &scene.permissions[0])));
        set_state(&scene.world.app, &scene.world.member, AccountState::Active);
    }
    // A run in which nothing ever changed an answer would prove nothing.
    assert!(answers.len() > 4, "{answers:?} for {}", scene.role);
}

#[test]
fn what_the_gate_remembers_is_what_the_database_says() {
    for seed in 1..=2 {
        run(&Scene::new(None), seed, |_| {});
    }
}

/// A change is committed while a request still reads the state before it, and asks the gate only then.
fn ask_from_the_past(scene: &Scene) {
    let (alice, permission) = (&scene.callers[0], &scene.permissions[0]);
    let app = &scene.world.app;
    for text in [policy("Deny", "*"), policy("Allow", "*"), policy("Deny", "*")] {
        app.app
            .read_as(alice, &app.request(), |cx| {
                iam::user::find(cx.tx, &scene.world.member, "alice")?;
                std::thread::scope(|scope| {
                    scope.spawn(|| scene.world.put_user_policy(&scene.world.member, "alice", &text));
                });
                let _of_the_past = cx.require(permission);
                Ok(())
            })
            .expect("readable");
        let differences = scene.differences(app);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

#[test]
fn what_was_read_from_an_old_snapshot_is_not_remembered() {
    let folder = std::env::temp_dir().join(format!("gate-{}", Random::from_system().uuid()));
    std::fs::create_dir(&folder).expect("a folder");
    ask_from_the_past(&Scene::new(Some(Store::open_sqlite(&folder.join("gate.db")).expect("a database"))));
    std::fs::remove_dir_all(&folder).expect("removed");
    if let Some(database) = Database::new() {
        ask_from_the_past(&Scene::new(Some(database.open())));
    }
}

/// A database of its own on the server of `TEST_DATABASE_URL`, dropped at the end.
struct Database {
    server: String,
    name: String,
}

impl Database {
    fn new() -> Option<Self> {
        let server = std::env::var("TEST_DATABASE_URL").ok()?;
        let name = format!("gate_{}", Random::from_system().uuid().replace('-', ""));
        let mut client = postgres::Client::connect(&server, postgres::NoTls).expect("the server");
        client.batch_execute(&format!("create database {name}")).expect("a database");
        Some(Self { server, name })
    }

    fn open(&self) -> Store {
        let (start, rest) = self.server.split_once("://").expect("a URL");
        let authority = rest.split(['/', '?']).next().expect("an authority");
        Store::open_postgres(&format!("{start}://{authority}/{}", self.name), 6).expect("the database opens")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Ok(mut client) = postgres::Client::connect(&self.server, postgres::NoTls) {
            let dropped = client.batch_execute(&format!("drop database if exists {} with (force)", self.name));
            assert!(dropped.is_ok() || std::thread::panicking(), "the database is dropped");
        }
    }
}

#[test]
fn another_process_on_the_same_database_follows_within_a_second() {
    let Some(database) = Database::new() else { return };
    let scene = Scene::new(Some(database.open()));
    let other = application(Some(database.open()));
    let follower = Mutex::new(Follower::default());
    follower.lock().expect("not poisoned").look(&other.app).expect("followed");
    run(&scene, 3, |round| {
        let started = Instant::now();
        follower.lock().expect("not poisoned").look(&other.app).expect("followed");
        let differences = scene.differences(&other);
        assert!(differences.is_empty(), "{round}:\n{}", differences.join("\n"));
        assert!(started.elapsed() < Duration::from_secs(1), "{round}: {:?}", started.elapsed());
    });
}
