//! PostgreSQL behind the server, and two servers on one database.

use crate::backup::{succeeds, text};
use crate::harness::{Scratch, Server, Start, eventually};
use crate::wire::Credentials;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How old an answer of one server may be after another one made a change.
const STALENESS_MAX: Duration = Duration::from_secs(1);

/// A database of its own on the test server, dropped at the end.
struct Database {
    name: String,
    url: String,
}

impl Database {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vestibule_it_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let (base, _) =
            server_url().rsplit_once('/').map(|(base, name)| (base.to_owned(), name.to_owned())).expect("a URL");
        administer(&format!("create database {name}"));
        Self { url: format!("{base}/{name}"), name }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        administer(&format!("drop database if exists {} with (force)", self.name));
    }
}

fn server_url() -> String {
    std::env::var("TEST_DATABASE_URL")
        .expect("TEST_DATABASE_URL is not set: `make test` starts PostgreSQL and runs these tests")
}

fn administer(sql: &str) {
    let mut client = postgres::Client::connect(&server_url(), postgres::NoTls).expect("PostgreSQL answers");
    client.batch_execute(sql).expect("done");
}

/// Both servers need the same master key; the files of the first start are the first server's.
fn two_servers(database: &Database, scratch: &Scratch) -> (Server, Server, Credentials) {
    let start = |name: &str| Start::durable(&scratch.join(name)).with(&["--database-url", &database.url]);
    let first = start("first").server();
    let admin = first.admin();
    let (from, to) = (scratch.join("first"), scratch.join("second"));
    std::fs::create_dir(&to).expect("made");
    for file in ["master.key", "bootstrap.json"] {
        std::fs::copy(from.join(file), to.join(file)).expect("copied");
    }
    let second = start("second").server();
    (first, second, admin)
}

#[test]
fn the_story_of_trusted_access_holds_on_postgresql() {
    let (database, scratch) = (Database::new(), Scratch::new());
    let server = Start::durable(&scratch.join("data")).with(&["--database-url", &database.url]).server();
    let admin = server.admin();
    server.organization();
    let account = server.account("one");
    let inside = server.member_session(&account);
    let role = json!({"RoleName": "AWSServiceRoleForSSO"});
    let service = json!({"ServicePrincipal": "sso.amazonaws.com"});
    assert_eq!(server.call(&admin, "iam", "GetRole", role.clone()).code(), "NoSuchEntity");
    server.ok(&admin, "organizations", "EnableAWSServiceAccess", service.clone());
    let id = server.ok(&admin, "iam", "GetRole", role.clone()).xml("RoleId");
    eventually("the member has the role", || {
        (server.call(&inside, "iam", "GetRole", role.clone()).status == 200).then_some(())
    });
    assert_eq!(server.call(&inside, "iam", "DeleteRole", role.clone()).code(), "UnmodifiableEntity");
    server.ok(&admin, "organizations", "DisableAWSServiceAccess", service.clone());
    assert_eq!(server.ok(&admin, "iam", "GetRole", role.clone()).xml("RoleId"), id);
    server.ok(&admin, "organizations", "EnableAWSServiceAccess", service);
    server.ok(&admin, "organizations", "RemoveAccountFromOrganization", json!({"AccountId": account}));
    eventually("the account is cleaned up", || {
        (server.call(&inside, "iam", "GetRole", role.clone()).code() == "NoSuchEntity").then_some(())
    });
    // A second start finds everything in the database.
    assert!(server.stop("TERM").success());
    let again = Start::durable(&scratch.join("data")).with(&["--database-url", &database.url]).server();
    assert_eq!(again.ok(&admin, "iam", "GetRole", role).xml("RoleId"), id);
    assert!(!scratch.join("data").join("vestibule.db").exists());
}

#[test]
fn a_change_on_one_server_decides_on_the_other_within_a_second() {
    let (database, scratch) = (Database::new(), Scratch::new());
    let (first, second, admin) = two_servers(&database, &scratch);
    let policy =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:List*", "Resource": "*"}]});
    let user = first.user("someone", Some(&policy));
    let decides = |what: &str, allowed: bool| {
        let changed_at = Instant::now();
        eventually(what, || {
            let answer = second.call(&user, "iam", "ListUsers", json!({}));
            ((answer.status == 200) == allowed).then_some(())
        });
        let took = changed_at.elapsed();
        assert!(took <= STALENESS_MAX + Duration::from_millis(500), "{what}: {took:?}");
    };
    decides("a new user is let in", true);
    let named = json!({"UserName": "someone", "PolicyName": "only"});
    for _ in 0..3 {
        first.ok(&admin, "iam", "DeleteUserPolicy", named.clone());
        decides("a permission that was taken", false);
        let mut put = named.clone();
        put["PolicyDocument"] = Value::String(policy.to_string());
        first.ok(&admin, "iam", "PutUserPolicy", put);
        decides("a permission that was given", true);
    }
    let key = json!({"UserName": "someone", "AccessKeyId": user.id, "Status": "Inactive"});
    first.ok(&admin, "iam", "UpdateAccessKey", key);
    decides("a key that was switched off", false);
}

#[test]
fn two_servers_share_the_work_and_create_every_account_once() {
    let (database, scratch) = (Database::new(), Scratch::new());
    let (first, second, admin) = two_servers(&database, &scratch);
    first.organization();
    let servers = [&first, &second];
    std::thread::scope(|scope| {
        for (number, server) in servers.into_iter().enumerate() {
            scope.spawn(move || {
                for account in 0..4 {
                    server.account(&format!("a{number}-{account}"));
                }
            });
        }
    });
    let lists = servers.map(|server| server.ok(&admin, "organizations", "ListAccounts", json!({})).json());
    for list in lists {
        assert_eq!(list["Accounts"].as_array().map(Vec::len), Some(9), "{list}");
    }
}

#[test]
fn a_backup_has_everything_but_the_database_and_says_so() {
    let (database, scratch) = (Database::new(), Scratch::new());
    let (data, other, file) = (scratch.join("data"), scratch.join("other"), scratch.join("backup.tar"));
    let start = |data: &std::path::Path| Start::durable(data).with(&["--database-url", &database.url]).server();
    let server = start(&data);
    let key = server.user("kept", None);
    let told = succeeds(&["backup", "--data", text(&data), "--database-url", &database.url, text(&file)]);
    assert!(told.contains("pg_dump"), "{told}");
    assert!(server.stop("TERM").success());
    let told = succeeds(&["restore", text(&file), "--data", text(&other)]);
    assert!(told.contains("dump"), "{told}");
    assert!(!other.join("vestibule.db").exists());
    let server = start(&other);
    assert!(server.ok(&key, "sts", "GetCallerIdentity", json!({})).xml("Arn").ends_with(":user/kept"));
}
