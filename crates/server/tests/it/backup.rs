//! The program's backup: made while it serves, restored elsewhere, and served again.

use crate::harness::{Scratch, Server, Start, eventually, program, run};
use crate::wire::{Call, Credentials, Signing};
use serde_json::json;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Runs the program; what it prints.
pub fn succeeds(arguments: &[&str]) -> String {
    let output = run(program().args(arguments));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Runs the program, which must refuse in one line; the line.
fn refused(arguments: &[&str]) -> String {
    let output = run(program().args(arguments));
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    text
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

fn users(server: &Server) -> BTreeSet<String> {
    let answer = server.ok(&server.admin(), "iam", "ListUsers", json!({"MaxItems": 1000}));
    answer.body.split("<UserName>").skip(1).filter_map(|rest| rest.split('<').next()).map(str::to_owned).collect()
}

/// Makes users as long as it is not over; how many have been made is told.
fn write(server: &Server, is_over: &Arc<AtomicBool>, made: &Arc<AtomicU32>) -> std::thread::JoinHandle<()> {
    let (address, admin) = (server.address, server.admin());
    let (is_over, made) = (Arc::clone(is_over), Arc::clone(made));
    std::thread::spawn(move || {
        while !is_over.load(Ordering::Acquire) {
            let name = format!("n{}", made.load(Ordering::Acquire));
            let mut call = Call::of("iam", "CreateUser", &json!({"UserName": name}));
            Signing::new(&admin, "iam").sign(&mut call, address);
            assert_eq!(call.send(address).expect("an answer").status, 200);
            made.fetch_add(1, Ordering::AcqRel);
        }
    })
}

fn events(server: &Server, name: &str) -> usize {
    let input = json!({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": name}]});
    let found = server.ok(&server.admin(), "cloudtrail", "LookupEvents", input).json();
    found["Events"].as_array().expect("a list").len()
}

fn arn(server: &Server, credentials: &Credentials) -> String {
    server.ok(credentials, "sts", "GetCallerIdentity", json!({})).xml("Arn")
}

#[test]
fn a_server_comes_back_from_a_backup_that_was_made_while_it_served() {
    let scratch = Scratch::new();
    let (data, other, file) = (scratch.join("data"), scratch.join("other"), scratch.join("backup.tar"));
    let hosts = format!("127.0.0.1:{}", crate::harness::free_port());
    let server = Start::durable(&data).with(&["--aws-hosts", &hosts]).server();
    server.organization();
    let member = server.account("one");
    let policy = json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}]});
    let key = server.user("kept", Some(&policy));
    let authority = std::fs::read(data.join("aws-hosts-ca.pem")).expect("there");

    let (is_over, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let writer = write(&server, &is_over, &made);
    eventually("users are made", || (made.load(Ordering::Acquire) > 10).then_some(()));
    let before = made.load(Ordering::Acquire);
    let told = succeeds(&["backup", "--data", text(&data), text(&file)]);
    let after = made.load(Ordering::Acquire);
    eventually("users are made all the time", || (made.load(Ordering::Acquire) > after + 10).then_some(()));
    is_over.store(true, Ordering::Release);
    writer.join().expect("it writes to the end");
    assert!(told.contains("0 domains"), "{told}");
    assert_eq!(std::fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    server.user("late", None);
    assert!(server.stop("TERM").success());

    // Whoever has `tar` can look at it.
    let listed = std::process::Command::new("tar").arg("-tf").arg(&file).output().expect("tar runs");
    let listed = String::from_utf8(listed.stdout).expect("text");
    assert!(listed.starts_with("vestibule-backup.json\nvestibule.db\nmaster.key\n"), "{listed}");

    assert!(refused(&["restore", text(&file), "--data", text(&data)]).contains("is not empty"));
    let told = succeeds(&["restore", text(&file), "--data", text(&other)]);
    assert!(told.contains("vestibule") || told.contains("has the"), "{told}");
    let server = Start::durable(&other).server();
    assert_eq!(arn(&server, &server.admin()).rsplit('/').next(), Some("admin"));
    assert!(arn(&server, &key).ends_with(":user/kept"));
    server.ok(&key, "iam", "GetUser", json!({"UserName": "kept"}));
    assert_eq!(server.call(&key, "iam", "ListUsers", json!({})).code(), "AccessDenied");
    assert!(arn(&server, &server.member_session(&member)).contains(&member));
    let found = users(&server);
    assert!((0..before).all(|number| found.contains(&format!("n{number}"))), "{before}: {found:?}");
    assert!(found.contains("kept") && !found.contains("late"), "{found:?}");
    // All of one moment: of those that were made meanwhile the first ones.
    let count = found.iter().filter(|name| name.starts_with('n')).count();
    assert!((0..count).all(|number| found.contains(&format!("n{number}"))), "{found:?}");
    assert_eq!(events(&server, "CreateOrganization"), 1);
    assert_eq!(std::fs::read(other.join("aws-hosts-ca.pem")).expect("there"), authority);
    server.user("further", None);
}

#[test]
fn a_master_key_that_is_kept_apart_is_asked_for() {
    let scratch = Scratch::new();
    let (data, other, file) = (scratch.join("data"), scratch.join("other"), scratch.join("backup.tar"));
    let server = Start::durable(&data).server();
    let told = succeeds(&["backup", "--data", text(&data), text(&file), "--without-master-key"]);
    assert!(told.contains("master key is not in it"), "{told}");
    assert!(server.stop("TERM").success());
    let told = succeeds(&["restore", text(&file), "--data", text(&other)]);
    assert!(told.contains("other/master.key"), "{told}");
    let error = refused(&["serve", "--listen", "127.0.0.1:0", "--data", text(&other)]);
    assert!(error.contains("master key") && error.contains("put it back"), "{error}");
    std::fs::copy(data.join("master.key"), other.join("master.key")).expect("copied");
    let server = Start::durable(&other).server();
    assert!(arn(&server, &server.admin()).ends_with(":user/admin"));
}

#[test]
fn mistakes_with_backups_are_told_in_one_line() {
    let scratch = Scratch::new();
    let (data, file) = (scratch.join("data"), scratch.join("backup.tar"));
    let error = refused(&["backup", "--data", text(&data), text(&file)]);
    assert!(error.contains("there is no database") && !data.exists(), "{error}");
    assert!(refused(&["restore", text(&file), "--data", text(&data)]).contains("cannot read"));
    std::fs::write(&file, "no backup").expect("written");
    let error = refused(&["restore", text(&file), "--data", text(&data)]);
    assert!(error.contains("no backup") && !data.exists(), "{error}");
}
