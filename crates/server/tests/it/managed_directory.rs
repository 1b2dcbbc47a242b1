//! A domain that the server runs: made, signed in to, ended and started again with real processes.
//!
//! It takes Samba's domain controller on this machine and ports below 1024: `make test` has both, and runs this.

use crate::administration::done;
use crate::aws_cli::Aws;
use crate::backup::{succeeds, text};
use crate::harness::{Scratch, Server, Start, eventually, forget_settings, run};
use crate::wire::{Answer, Call, encode};
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const ADMIN_PASSWORD: &str = "Secret-Passw0rd-1";
const PASSWORD: &str = "Alice-Passw0rd-1";
const UNIT: &str = "OU=CORP,DC=corp,DC=example,DC=com";
/// How long making a domain may take beside the tests that run at the same time.
const MAKING_TIME_MAX: Duration = Duration::from_secs(600);

/// A server that runs a domain.
struct Day {
    scratch: Scratch,
    data: PathBuf,
    network: String,
}

impl Day {
    fn new() -> Self {
        let network = format!("127.91.{}.0/24", std::process::id() % 250);
        let scratch = Scratch::new();
        Self { data: scratch.join("data"), scratch, network }
    }

    fn server(&self) -> Server {
        Start::durable(&self.data).with(&["--directory-addresses", &self.network]).server()
    }

    /// The ids of the processes that work in the data of domains: Samba overwrites its command line.
    fn controllers(&self) -> Vec<u32> {
        let domains = self.data.join("directories");
        let is_controller =
            |id: &u32| std::fs::read_link(format!("/proc/{id}/cwd")).is_ok_and(|place| place.starts_with(&domains));
        let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_controller).collect()
    }
}

fn kill(process: u32) {
    let status = Command::new("kill").args(["-9", &process.to_string()]).status().expect("kill runs");
    assert!(status.success());
}

/// Waits until the directory is in a stage; what it is then. It asks often, to see what lasts for a second.
fn await_stage(server: &Server, id: &str, stage: &str) -> Value {
    let (admin, started) = (server.admin(), Instant::now());
    loop {
        let input = serde_json::json!({"DirectoryIds": [id]});
        let found = server.ok(&admin, "ds", "DescribeDirectories", input).json()["DirectoryDescriptions"][0].clone();
        assert_ne!(found["Stage"], "Failed", "{found}");
        if found["Stage"] == stage {
            return found;
        }
        assert!(started.elapsed() < MAKING_TIME_MAX, "not {stage}: {found}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn create(aws: &Aws) -> String {
    let vpc = "VpcId=vpc-11111111,SubnetIds=subnet-11111111,subnet-22222222";
    let words = ["ds", "create-microsoft-ad", "--name", "corp.example.com", "--short-name", "CORP"];
    let words = [&words[..], &["--password", ADMIN_PASSWORD, "--vpc-settings", vpc, "--edition", "Standard"]].concat();
    aws.json_of(&words)["DirectoryId"].as_str().expect("an id").to_owned()
}

/// The domain as its customer sees it: LDAP over TLS, as `Admin`.
struct Domain {
    url: String,
    authority: PathBuf,
}

impl Domain {
    fn of(data: &Path, id: &str, address: &str) -> Self {
        let authority = data.join("directories").join(id).join("tls/ca.pem");
        Self { url: format!("ldaps://{address}"), authority }
    }

    fn tool(&self, tool: &str, password: &str, words: &[&str], input: &str) -> Output {
        let mut command = Command::new(tool);
        forget_settings(&mut command);
        let mut child = command
            .args(["-x", "-H", &self.url, "-D", "Admin@corp.example.com", "-w", password])
            .args(words)
            .env("LDAPTLS_CACERT", &self.authority)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the LDAP tools are installed with the controller");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("the tool reads");
        child.wait_with_output().expect("the tool ends")
    }

    fn modify(&self, ldif: &str) -> bool {
        self.tool("ldapmodify", ADMIN_PASSWORD, &[], ldif).status.success()
    }

    fn lets_in(&self, password: &str) -> bool {
        self.tool("ldapsearch", password, &["-s", "base", "-b", UNIT], "").status.success()
    }

    fn add_user(&self, place: &str, name: &str) -> bool {
        self.modify(&format!(
            "dn: CN={name},{place}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\n\
             userPrincipalName: {name}@corp.example.com\ngivenName: {name}\nsn: Example\ndisplayName: {name} Example\n\
             userAccountControl: 544\n"
        ))
    }
}

/// A browser with a form of the portal's.
struct Form {
    cookie: String,
    token: String,
}

impl Form {
    fn of(page: &Answer) -> Self {
        let cookie = page.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("a cookie");
        Self { cookie: cookie.to_owned(), token: hidden(page, "csrf") }
    }

    fn submit(&self, server: &Server, place: &str, fields: &[(&str, &str)]) -> Answer {
        let own = ("csrf", self.token.as_str());
        let all = std::iter::once(&own).chain(fields);
        let body: Vec<String> = all.map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let call = Call::post(place, "application/x-www-form-urlencoded", body.join("&"));
        call.header("cookie", &self.cookie).send(server.address).expect("an answer")
    }
}

/// The value of a hidden field.
fn hidden(page: &Answer, name: &str) -> String {
    let (_, rest) = page.body.split_once(&format!("name=\"{name}\" value=\"")).expect("a field");
    rest.split('"').next().expect("its end").to_owned()
}

/// What the portal answers to a name and a password.
fn sign_in(server: &Server, name: &str, password: &str) -> Answer {
    let form = Form::of(&Call::get("/signin").send(server.address).expect("a form"));
    form.submit(server, "/signin", &[("username", name), ("password", password), ("next", "")])
}

/// Whether somebody can sign in at the portal: `None` when the directory cannot be asked.
fn signs_in(server: &Server, name: &str, password: &str) -> Option<bool> {
    let answer = sign_in(server, name, password);
    match answer.status {
        303 => Some(true),
        200 => Some(false),
        503 => None,
        other => panic!("{other}: {}", answer.body),
    }
}

/// Identity Center takes alice from the directory; the id of its store.
fn take_people(server: &Server, aws: &Aws, id: &str) -> String {
    server.organization();
    done(server, &["identity-center", "enable"]);
    done(server, &["identity-center", "set-identity-source", "--active-directory", id, "--accept"]);
    done(server, &["identity-center", "sync", "add", "--user", "alice"]);
    done(server, &["identity-center", "sync", "run"]);
    let instances = aws.json("sso-admin list-instances");
    let store = instances["Instances"][0]["IdentityStoreId"].as_str().expect("a store").to_owned();
    becomes_known(aws, &store, "alice");
    store
}

fn becomes_known(aws: &Aws, store: &str, name: &str) {
    let name = format!("{name}@corp.example.com");
    eventually("the user is known", || {
        let users = aws.json(&format!("identitystore list-users --identity-store-id {store}"));
        let users = users["Users"].as_array().expect("a list").clone();
        users.iter().any(|user| user["UserName"] == name.as_str()).then_some(())
    });
}

/// Somebody whose password must be changed does so on the way in, by the rules of the domain.
fn changes_on_the_way_in(server: &Server, aws: &Aws, id: &str, store: &str, domain: &Domain) {
    const FORMER: &str = "Former-Passw0rd-1";
    const OWN: &str = "Wide-River-77";
    assert!(domain.add_user(&format!("OU=Users,{UNIT}"), "wes"));
    for password in [FORMER, PASSWORD] {
        reset_password(aws, id, "wes", password).expect("reset");
    }
    done(server, &["identity-center", "sync", "add", "--user", "wes"]);
    done(server, &["identity-center", "sync", "run"]);
    becomes_known(aws, store, "wes");
    assert_eq!(signs_in(server, "wes", PASSWORD), Some(true));
    let dn = format!("CN=wes,OU=Users,{UNIT}");
    assert!(domain.modify(&format!("dn: {dn}\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: 0\n")));

    let page = sign_in(server, "CORP\\wes", PASSWORD);
    assert!(page.status == 200 && page.body.contains("Choose a new password"), "{}", page.body);
    let (form, ticket) = (Form::of(&page), hidden(&page, "ticket"));
    let change = |present: &str, new: &str| {
        let fields = [("ticket", ticket.as_str()), ("present", present), ("new", new), ("again", new), ("next", "")];
        form.submit(server, "/signin/domain-password", &fields)
    };
    for (present, new, sentence) in [
        (PASSWORD, "short", "8 to 64 characters (not met)"),
        ("Wrong-Passw0rd-1", OWN, "The current password is wrong."),
        (PASSWORD, FORMER, "that the domain remembers (not met)"),
        (PASSWORD, PASSWORD, "that the domain remembers (not met)"),
    ] {
        let page = change(present, new);
        assert!(page.status == 200 && page.body.contains(sentence), "{sentence}: {}", page.body);
    }
    let changed = change(PASSWORD, OWN);
    assert_eq!(changed.status, 303, "{}", changed.body);
    assert!(changed.header("set-cookie").is_some_and(|cookie| cookie.starts_with("vestibule-session=")));
    assert_eq!(change(OWN, "Other-River-78").status, 403, "the ticket was good once");
    assert_eq!((signs_in(server, "wes", OWN), signs_in(server, "wes", PASSWORD)), (Some(true), Some(false)));

    let which = "--lookup-attributes AttributeKey=EventName,AttributeValue=UpdatePassword";
    let events = aws.json(&format!("cloudtrail lookup-events {which}"))["Events"].clone();
    assert_eq!(events.as_array().map(Vec::len), Some(4), "three refusals and the change: {events}");
    let events = events.to_string();
    let count = |text: &str| events.matches(text).count();
    assert_eq!((count("PasswordUsedBefore"), count("PasswordRules")), (2, 1), "{events}");
    assert!([PASSWORD, FORMER, OWN].iter().all(|password| count(password) == 0), "{events}");
}

fn reset_password(aws: &Aws, id: &str, name: &str, password: &str) -> Result<(), String> {
    let words = ["ds", "reset-user-password", "--directory-id", id, "--user-name", name, "--new-password", password];
    let output = aws.run_words(&words);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(error) }
}

#[test]
#[ignore = "needs Samba and ports below 1024"]
fn a_domain_is_made_watched_and_ended_with_the_server() {
    let mut day = Day::new();
    let server = day.server();
    let aws = Aws::of_profile(&server);
    let id = create(&aws);
    let active = await_stage(&server, &id, "Active");
    assert_eq!((&active["Type"], &active["Edition"]), (&"MicrosoftAD".into(), &"Standard".into()));
    let address = active["DnsIpAddrs"][0].as_str().expect("an address").to_owned();
    let controllers = aws.json(&format!("ds describe-domain-controllers --directory-id {id}"));
    assert_eq!(controllers["DomainControllers"][0]["Status"], "Active");
    assert_eq!(controllers["DomainControllers"][0]["DnsIpAddr"], address.as_str());

    // Admin has the password that was given, and the unit, but not the domain.
    let domain = Domain::of(&server.data, &id, &address);
    assert!(domain.add_user(&format!("OU=Users,{UNIT}"), "alice"));
    assert!(!domain.add_user("CN=Users,DC=corp,DC=example,DC=com", "mallory"));
    assert!(!domain.modify(&format!("dn: {UNIT}\nchangetype: delete\n")));

    reset_password(&aws, &id, "alice", PASSWORD).expect("reset");
    let refused = |name: &str, password: &str| reset_password(&aws, &id, name, password).expect_err("refused");
    assert!(refused("alice", "short").contains("InvalidPasswordException"));
    assert!(refused("nobody", PASSWORD).contains("UserDoesNotExistException"));
    // One of the domain's own, outside of the unit.
    assert!(refused("Administrator", PASSWORD).contains("UserDoesNotExistException"));
    let store = take_people(&server, &aws, &id);
    for name in ["alice", "CORP\\alice", "alice@corp.example.com"] {
        assert_eq!(signs_in(&server, name, PASSWORD), Some(true), "{name}");
    }
    assert_eq!(signs_in(&server, "alice", "Wrong-Passw0rd-1"), Some(false));
    changes_on_the_way_in(&server, &aws, &id, &store, &domain);

    // The administrator's password is the customer's business: nothing depends on it.
    reset_password(&aws, &id, "Admin", "Other-Passw0rd-1").expect("reset");
    assert!(domain.lets_in("Other-Passw0rd-1") && !domain.lets_in(ADMIN_PASSWORD));
    reset_password(&aws, &id, "Admin", ADMIN_PASSWORD).expect("reset");

    comes_back(&day, &server, &id);
    goes_back(&server, &aws, &id, &domain);
    let server = comes_back_elsewhere(&mut day, server, &id, &domain);
    ends_and_starts(&day, server, &id);
}

/// A controller that is killed is noticed, and started again.
fn comes_back(day: &Day, server: &Server, id: &str) {
    let before = day.controllers();
    assert_eq!(before.len(), 1, "one process");
    kill(before[0]);
    let impaired = await_stage(server, id, "Impaired");
    assert!(impaired["StageReason"].as_str().is_some_and(|reason| !reason.is_empty()), "{impaired}");
    await_stage(server, id, "Active");
    assert_ne!(day.controllers(), before);
    assert_eq!(signs_in(server, "alice", PASSWORD), Some(true));
}

fn take_snapshot(aws: &Aws, id: &str) -> String {
    let taken = aws.json(&format!("ds create-snapshot --directory-id {id} --name before"));
    let snapshot = taken["SnapshotId"].as_str().expect("an id").to_owned();
    eventually("the snapshot", || {
        let found = aws.json(&format!("ds describe-snapshots --snapshot-ids {snapshot}"));
        assert_ne!(found["Snapshots"][0]["Status"], "Failed", "{found}");
        (found["Snapshots"][0]["Status"] == "Completed").then_some(())
    });
    snapshot
}

/// A snapshot has what was there when it was taken.
fn goes_back(server: &Server, aws: &Aws, id: &str, domain: &Domain) {
    let snapshot = take_snapshot(aws, id);
    await_stage(server, id, "Active");
    eventually("alice is deleted", || {
        domain.modify(&format!("dn: CN=alice,OU=Users,{UNIT}\nchangetype: delete\n")).then_some(())
    });
    assert_eq!(signs_in(server, "alice", PASSWORD), Some(false));
    aws.text(&format!("ds restore-from-snapshot --snapshot-id {snapshot}"));
    await_stage(server, id, "Active");
    assert_eq!(signs_in(server, "alice", PASSWORD), Some(true));
    aws.text(&format!("ds delete-snapshot --snapshot-id {snapshot}"));
}

/// A backup that was made while the domain ran, and another one after the server has ended. The first is restored: it
/// has whoever was there then. Returns its server, with which the day goes on.
fn comes_back_elsewhere(day: &mut Day, server: Server, id: &str, domain: &Domain) -> Server {
    let (first, second) = (day.scratch.join("first.tar"), day.scratch.join("second.tar"));
    let snapshot = take_snapshot(&Aws::of_credentials(&server, &server.admin()), id);
    await_stage(&server, id, "Active");
    let told = succeeds(&["backup", "--data", text(&day.data), text(&first)]);
    assert!(told.contains("1 domain.") && told.lines().count() == 1, "{told}");
    assert!(!day.data.join("backup").exists(), "nothing is left");
    await_stage(&server, id, "Active");
    eventually("alice is deleted", || {
        domain.modify(&format!("dn: CN=alice,OU=Users,{UNIT}\nchangetype: delete\n")).then_some(())
    });
    assert_eq!(signs_in(&server, "alice", PASSWORD), Some(false));
    assert!(server.stop("TERM").success());
    let told = succeeds(&["backup", "--data", text(&day.data), text(&second)]);
    assert!(told.contains("1 domain."), "{told}");

    for (file, data, has_alice) in [(&second, "later", false), (&first, "other", true)] {
        day.data = day.scratch.join(data);
        succeeds(&["restore", text(file), "--data", text(&day.data)]);
        let server = day.server();
        await_stage(&server, id, "Active");
        assert_eq!(signs_in(&server, "alice", PASSWORD), Some(has_alice), "{data}");
        assert!(!day.data.join("restored").exists(), "it was taken note of");
        let aws = Aws::of_credentials(&server, &server.admin());
        let snapshots = aws.json(&format!("ds describe-snapshots --directory-id {id}"));
        assert_eq!(snapshots["Snapshots"][0]["SnapshotId"], snapshot.as_str());
        assert!(day.data.join(format!("directories/{id}/snapshots/{snapshot}/private/sam.ldb")).exists());
        if has_alice {
            return server;
        }
        assert!(server.stop("TERM").success());
    }
    unreachable!("the first has alice");
}

/// No controller outlives the server, and the next server starts it again.
fn ends_and_starts(day: &Day, server: Server, id: &str) {
    assert!(server.stop("TERM").success());
    assert_eq!(day.controllers(), [] as [u32; 0]);

    let server = day.server();
    await_stage(&server, id, "Active");
    assert_eq!(signs_in(&server, "alice", PASSWORD), Some(true));
    assert_eq!(day.controllers().len(), 1);
    server.kill();
    eventually("the controller ends with the server", || day.controllers().is_empty().then_some(()));

    let server = day.server();
    let aws = Aws::of_credentials(&server, &server.admin());
    await_stage(&server, id, "Active");
    let delete = format!("ds delete-directory --directory-id {id}");
    assert_eq!(aws.code(&delete), "ClientException");
    done(&server, &["identity-center", "set-identity-source", "--identity-center-directory", "--accept"]);
    aws.text(&delete);
    eventually("the directory is gone", || {
        let all = aws.json("ds describe-directories");
        all["DirectoryDescriptions"].as_array().expect("a list").is_empty().then_some(())
    });
    assert_eq!(day.controllers(), [] as [u32; 0]);
    assert!(!server.data.join("directories").join(id).exists());
}

#[test]
fn a_server_without_a_data_directory_says_why_it_runs_no_domain() {
    let server = Server::ephemeral();
    let vpc = serde_json::json!({"VpcId": "vpc-11111111", "SubnetIds": ["subnet-11111111", "subnet-22222222"]});
    let input = serde_json::json!({"Name": "corp.example.com", "Password": ADMIN_PASSWORD, "VpcSettings": vpc});
    let answer = server.call(&server.admin(), "ds", "CreateMicrosoftAD", input);
    assert_eq!(answer.code(), "UnsupportedOperationException");
    assert!(answer.message().contains("--data"), "{}", answer.message());
}

#[test]
fn a_network_that_is_none_is_refused_at_the_start() {
    let output = run(crate::harness::program().args(["check-config", "--directory-addresses", "10.0.0.0/99"]));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("--directory-addresses 10.0.0.0/99"), "{error}");
}
