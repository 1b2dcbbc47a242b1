//! The command line: what scripts and people rely on.

use crate::harness::{Scratch, Server, Start, eventually, free_port, program, run};
use crate::wire::{Call, Credentials, Signing};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
}

fn identity(server: &Server, credentials: &Credentials) -> String {
    server.ok(credentials, "sts", "GetCallerIdentity", json!({})).xml("Arn")
}

/// Runs the program with flags that it must refuse: one line, exit code 2. The line.
fn refused(arguments: &[&str]) -> String {
    let output = run(program().args(arguments));
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert!(!text.contains("panicked"), "{text}");
    text
}

fn refused_in_one_line(arguments: &[&str]) -> String {
    let text = refused(arguments);
    assert_eq!(text.trim_end().lines().count(), 1, "{arguments:?}: {text}");
    text
}

#[test]
fn the_first_start_tells_everything_in_private_files() {
    let scratch = Scratch::new();
    let server = Start::durable(&scratch.join("data")).server();
    let told = &server.bootstrap;
    assert_eq!(told["endpoint"], format!("http://{}", server.address));
    assert_eq!(told["region"], "us-east-1");
    let account = told["management_account_id"].as_str().expect("text");
    assert!(account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()), "{account}");
    assert!(told["root"]["email"].as_str().is_some_and(|email| email.contains('@')));
    assert_eq!(told["admin"]["user_name"], "admin");
    for secret in [&told["root"]["password"], &told["admin"]["password"], &told["admin"]["secret_access_key"]] {
        assert!(secret.as_str().is_some_and(|secret| secret.len() >= 20), "{told}");
    }
    for file in ["bootstrap.json", "master.key", "aws/credentials"] {
        assert_eq!(mode(&server.data.join(file)), 0o600, "{file}");
    }
    let config = std::fs::read_to_string(server.data.join("aws/config")).expect("aws/config");
    assert!(config.contains("[profile vestibule]"), "{config}");
    assert!(config.contains(&format!("endpoint_url = http://{}", server.address)), "{config}");
    assert_eq!(identity(&server, &server.admin()), format!("arn:aws:iam::{account}:user/admin"));
    let attached = server.ok(&server.admin(), "iam", "ListAttachedUserPolicies", json!({"UserName": "admin"}));
    assert_eq!(attached.xml("PolicyName"), "AdministratorAccess");
}

#[test]
fn a_second_start_changes_nothing_but_the_address_in_its_files() {
    let scratch = Scratch::new();
    let data = scratch.join("data");
    let files = ["bootstrap.json", "master.key", "aws/config", "aws/credentials"];
    // Each start has a free port.
    let content = |server: &Server| {
        let text = |file| std::fs::read_to_string(data.join(file)).expect("the file is there");
        files.map(|file| text(file).replace(&format!("http://{}", server.address), "ENDPOINT"))
    };
    let first = Start::durable(&data).server();
    first.ok(&first.admin(), "iam", "CreateUser", json!({"UserName": "kept"}));
    let before = content(&first);
    assert!(before[0].contains("ENDPOINT") && before[2].contains("endpoint_url = ENDPOINT\n"), "{before:?}");
    assert!(first.stop("TERM").success());
    let second = Start::durable(&data).with(&["--management-account-id", "999999999999"]).server();
    assert_eq!(content(&second), before);
    second.ok(&second.admin(), "iam", "GetUser", json!({"UserName": "kept"}));
}

#[test]
fn an_organization_is_the_users_first_act() {
    let server = Server::ephemeral();
    let answer = server.call(&server.admin(), "organizations", "DescribeOrganization", json!({}));
    assert_eq!(answer.refusal(), (400, "AWSOrganizationsNotInUseException".to_owned()));
}

#[test]
fn account_and_key_can_be_chosen_for_continuous_integration() {
    let flags = [
        "--management-account-id",
        "123456789012",
        "--admin-access-key-id",
        "AKIAIOSFODNN7EXAMPLE",
        "--admin-secret-access-key",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    ];
    let server = Start::ephemeral().with(&flags).server();
    let key = Credentials {
        id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        token: None,
    };
    assert_eq!(server.admin(), key);
    assert_eq!(identity(&server, &key), "arn:aws:iam::123456789012:user/admin");
}

#[test]
fn an_ephemeral_server_leaves_one_file_and_can_be_reset() {
    let scratch = Scratch::new();
    let server = Start::ephemeral().data(&scratch.join("data")).server();
    let admin = server.admin();
    server.organization();
    server.ok(&admin, "iam", "CreateUser", json!({"UserName": "gone"}));
    let reset = || Call::post("/admin/v1/reset", "application/json", "").send(server.address).expect("an answer");
    for _ in 0..3 {
        let answer = reset();
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        let user = server.call(&admin, "iam", "GetUser", json!({"UserName": "gone"}));
        assert_eq!(user.refusal(), (404, "NoSuchEntity".to_owned()));
        let organization = server.call(&admin, "organizations", "DescribeOrganization", json!({}));
        assert_eq!(organization.code(), "AWSOrganizationsNotInUseException");
        server.organization();
        server.ok(&admin, "iam", "CreateUser", json!({"UserName": "gone"}));
    }
    let files: Vec<_> = std::fs::read_dir(&server.data)
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    assert_eq!(files, ["bootstrap.json"]);
    assert_eq!(mode(&server.data.join("bootstrap.json")), 0o600);
}

#[test]
fn a_session_from_before_a_reset_is_good_for_nothing_that_is_gone() {
    let server = Server::ephemeral();
    server.organization();
    let account = server.account("one");
    let session = server.member_session(&account);
    let reset = Call::post("/admin/v1/reset", "application/json", "").send(server.address).expect("an answer");
    assert_eq!(reset.status, 204);
    let answer = server.call(&session, "iam", "ListUsers", json!({}));
    assert_eq!(answer.refusal(), (403, "InvalidClientTokenId".to_owned()));
}

#[test]
fn a_durable_server_cannot_be_reset() {
    let scratch = Scratch::new();
    let server = Start::durable(&scratch.join("data")).server();
    let answer = Call::post("/admin/v1/reset", "application/json", "").send(server.address).expect("an answer");
    assert_eq!(answer.status, 404);
    identity(&server, &server.admin());
}

#[test]
fn health_readiness_and_metrics_are_served() {
    let server = Server::ephemeral();
    server.ok(&server.admin(), "sts", "GetCallerIdentity", json!({}));
    server.unsigned("sts", "GetCallerIdentity", &json!({}));
    let get = |path: &str| Call::get(path).send(server.address).expect("an answer");
    assert_eq!(get("/healthz").status, 200);
    assert_eq!(get("/readyz").status, 200);
    let metrics = get("/metrics");
    assert!(metrics.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    let counted = |status: &str| {
        format!("vestibule_requests_total{{service=\"sts\",operation=\"GetCallerIdentity\",status=\"{status}\"}} 1")
    };
    for line in [&counted("2xx"), &counted("4xx"), "vestibule_jobs{state=\"queued\"} "] {
        assert!(metrics.body.contains(line), "{line} is not in\n{}", metrics.body);
    }
    for line in metrics.body.lines().filter(|line| !line.starts_with('#')) {
        let value = line.rsplit(' ').next().unwrap_or_default();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn sigterm_finishes_the_request_under_way_and_exits_0() {
    let mut server = Server::ephemeral();
    let mut call = Call::of("iam", "CreateUser", &json!({"UserName": "late"}));
    Signing::new(&server.admin(), "iam").sign(&mut call, server.address);
    let bytes = call.bytes(server.address);
    let (first, rest) = bytes.split_at(bytes.len() - 5);
    let mut stream = TcpStream::connect(server.address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    stream.write_all(first).expect("sent");
    // The server has the request once it counts the connection: a second one that was sent later is answered.
    assert_eq!(Call::get("/healthz").send(server.address).expect("an answer").status, 200);
    server.signal("TERM");
    eventually("no new connection is taken", || TcpStream::connect(server.address).is_err().then_some(()));
    stream.write_all(rest).expect("sent");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn mistakes_end_in_one_line_and_exit_code_2() {
    let scratch = Scratch::new();
    let data = scratch.join("data").display().to_string();
    let serve = |more: &[&str]| {
        let arguments = [&["serve", "--data", &data, "--listen", "127.0.0.1:0"], more].concat();
        refused_in_one_line(&arguments)
    };
    assert!(serve(&["--management-account-id", "12"]).contains("12 digits"));
    assert!(serve(&["--database-url", "mysql://localhost/x"]).contains("postgres://"));
    assert!(serve(&["--tls-cert", "/nonexistent.pem"]).contains("--tls-key"));
    assert!(serve(&["--tls-cert", "/nonexistent.pem", "--tls-key", "/nonexistent.pem"]).contains("/nonexistent.pem"));
    assert!(serve(&["--admin-access-key-id", "AKIAIOSFODNN7EXAMPLE"]).contains("--admin-secret-access-key"));
    assert!(serve(&["--config", "/nonexistent.toml"]).contains("/nonexistent.toml"));
    assert!(serve(&["--log", "=!"]).contains("--log"));
    assert!(serve(&["--ephemeral", "--database-url", "postgres://localhost/x"]).contains("--ephemeral"));
    let file = scratch.join("wrong.toml");
    std::fs::write(&file, "lisen = \"127.0.0.1:1\"\n").expect("written");
    assert!(serve(&["--config", &file.display().to_string()]).contains("lisen"));
    let unreachable = format!("postgres://nobody@127.0.0.1:{}/x", free_port());
    assert!(serve(&["--database-url", &unreachable]).contains("database"));
    assert!(refused(&["serve", "--no-such-flag"]).contains("--no-such-flag"));
    assert!(refused(&["no-such-command"]).contains("no-such-command"));
}

#[test]
fn a_data_directory_that_cannot_be_used_is_said() {
    let scratch = Scratch::new();
    let file = scratch.join("file");
    std::fs::write(&file, "").expect("written");
    let text = refused_in_one_line(&["serve", "--listen", "127.0.0.1:0", "--data", &file.display().to_string()]);
    assert!(text.contains("directory"), "{text}");
}

#[test]
fn a_port_in_use_is_said() {
    let server = Server::ephemeral();
    let address = server.address.to_string();
    let text = refused_in_one_line(&["serve", "--ephemeral", "--listen", &address]);
    assert!(text.contains(&address) && text.contains("--listen"), "{text}");
}

#[test]
fn a_data_directory_serves_one_process() {
    let scratch = Scratch::new();
    let server = Start::durable(&scratch.join("data")).server();
    let data = server.data.display().to_string();
    let text = refused_in_one_line(&["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    assert!(text.contains(&data) && text.contains("in use"), "{text}");
    identity(&server, &server.admin());
}

#[test]
fn a_master_key_that_is_lost_or_wrong_is_said_and_changes_nothing() {
    let scratch = Scratch::new();
    let data = scratch.join("data");
    let server = Start::durable(&data).server();
    let admin = server.admin();
    assert!(server.stop("TERM").success());
    let key = std::fs::read(data.join("master.key")).expect("the key");
    std::fs::write(data.join("master.key"), "not base64\n").expect("written");
    let text = refused_in_one_line(&["serve", "--listen", "127.0.0.1:0", "--data", &data.display().to_string()]);
    assert!(text.contains("master key"), "{text}");
    std::fs::write(data.join("master.key"), key).expect("written");
    let server = Start::durable(&data).server();
    identity(&server, &admin);
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let scratch = Scratch::new();
    let file = scratch.join("vestibule.toml");
    std::fs::write(&file, "region = \"eu-west-1\"\nmanagement-account-id = \"111111111111\"\nlog = \"warn\"\n")
        .expect("written");
    let file = file.display().to_string();
    let from_file = Start::ephemeral().with(&["--config", &file]).server();
    assert_eq!(from_file.management(), "111111111111");
    assert_eq!(from_file.bootstrap["region"], "eu-west-1");
    let from_environment = Start::ephemeral()
        .env("VESTIBULE_CONFIG", &file)
        .env("VESTIBULE_MANAGEMENT_ACCOUNT_ID", "222222222222")
        .env("VESTIBULE_REGION", "eu-west-2")
        .with(&["--region", "eu-west-3"])
        .server();
    assert_eq!(from_environment.management(), "222222222222");
    assert_eq!(from_environment.bootstrap["region"], "eu-west-3");
}

#[test]
fn check_config_says_what_would_be_served_and_touches_nothing() {
    let scratch = Scratch::new();
    let data = scratch.join("data");
    let output = run(program().args(["check-config", "--region", "eu-west-1", "--data"]).arg(&data));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && text.contains("eu-west-1") && text.contains("SQLite"), "{text}");
    assert!(!data.exists());
    let secret = "postgres://me:hunter2hunter2@localhost/x";
    let output = run(program().args(["check-config", "--database-url", secret]));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("PostgreSQL") && !text.contains("hunter2"), "{text}");
    assert!(refused_in_one_line(&["check-config", "--listen", "nowhere"]).contains("nowhere"));
    let controllers = ["check-config", "--directory-controllers", "dc1.corp.example.com"];
    assert!(refused_in_one_line(&controllers).contains("DOMAIN=HOST@ADDRESS"));
    let output = run(program().args(["check-config", "--directory-allow-plain-ldap"]));
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("plain LDAP"), "{output:?}");
}

#[test]
fn help_and_version_are_told() {
    let help = run(program().arg("--help"));
    let text = String::from_utf8(help.stdout).expect("text");
    assert!(help.status.success());
    for command in ["serve", "check-config", "api-coverage", "jobs"] {
        assert!(text.contains(command), "{command}");
    }
    let version = run(program().arg("--version"));
    assert!(version.status.success());
    assert!(String::from_utf8_lossy(&version.stdout).contains(env!("CARGO_PKG_VERSION")));
    let serve = String::from_utf8(run(program().args(["serve", "--help"])).stdout).expect("text");
    for flag in ["--data", "--listen", "--config", "--database-url", "--base-url", "--tls-cert", "--tls-key", "--demo"]
    {
        assert!(serve.contains(flag), "{flag}");
    }
}

#[test]
fn api_coverage_counts_the_router() {
    let output = run(program().args(["api-coverage", "--missing"]));
    let text = String::from_utf8(output.stdout).expect("text");
    let row = |name: &str| -> (usize, usize) {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(name)).expect("a row");
        let numbers: Vec<usize> = line.split_whitespace().skip(1).map(|n| n.parse().expect("a number")).collect();
        (numbers[0], numbers[1])
    };
    let is_of = |route: &kernel::Route, service: &str| route.is_served() && route.op.service.id == service;
    let served = |service: &str| server::routes().iter().filter(|route| is_of(route, service)).count();
    for service in model::SERVICES {
        assert_eq!(row(service.id), (served(service.id), service.operations.len()), "{}", service.id);
    }
    let missing = text.lines().filter(|line| line.starts_with("  ")).count();
    let (served, total) = row("all");
    assert_eq!(missing, total - served);
}

#[test]
fn jobs_are_listed() {
    let scratch = Scratch::new();
    let server = Start::durable(&scratch.join("data")).server();
    let output = run(program().args(["jobs", "list", "--data"]).arg(&server.data));
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success() && text.starts_with("ID"), "{text}");
    let nowhere = scratch.join("nowhere").display().to_string();
    assert!(refused_in_one_line(&["jobs", "list", "--data", &nowhere]).contains("--data"));
}

#[test]
fn the_demo_is_a_small_organization_made_once() {
    let scratch = Scratch::new();
    let data = scratch.join("data");
    let accounts = |server: &Server| -> Vec<Value> {
        let answer = server.ok(&server.admin(), "organizations", "ListAccounts", json!({})).json();
        answer["Accounts"].as_array().expect("a list").clone()
    };
    let server = Start::durable(&data).with(&["--demo"]).server();
    let made = accounts(&server);
    assert_eq!(made.len(), 6);
    assert!(made.iter().all(|account| account["Status"] == "ACTIVE"), "{made:?}");
    let admin = server.admin();
    let roots = server.ok(&admin, "organizations", "ListRoots", json!({})).json();
    let root = roots["Roots"][0]["Id"].clone();
    let units = |parent: &Value| -> Vec<(String, Value)> {
        let input = json!({"ParentId": parent});
        let answer = server.ok(&admin, "organizations", "ListOrganizationalUnitsForParent", input).json();
        let units = answer["OrganizationalUnits"].as_array().expect("a list").clone();
        let mut units: Vec<_> = units
            .into_iter()
            .map(|unit| (unit["Name"].as_str().expect("text").to_owned(), unit["Id"].clone()))
            .collect();
        units.sort_by(|a, b| a.0.cmp(&b.0));
        units
    };
    let top = units(&root);
    assert_eq!(top.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Security", "Workloads"]);
    assert_eq!(units(&top[1].1).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Dev", "Prod"]);
    let services = server.ok(&admin, "organizations", "ListAWSServiceAccessForOrganization", json!({})).json();
    assert_eq!(services["EnabledServicePrincipals"][0]["ServicePrincipal"], "sso.amazonaws.com");
    assert!(server.stop("TERM").success());
    let again = Start::durable(&data).with(&["--demo"]).server();
    assert_eq!(accounts(&again), made);
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let scratch = Scratch::new();
    let data = scratch.join("data");
    assert!(Start::durable(&data).server().stop("TERM").success());
    age_database(&data.join("vestibule.db"));
    let text = refused_in_one_line(&["serve", "--listen", "127.0.0.1:0", "--data", &data.display().to_string()]);
    assert!(text.contains("version 9999") && text.contains("newer"), "{text}");
}

/// Makes the database look as if a later version of the program had migrated it.
fn age_database(path: &Path) {
    let database = rusqlite::Connection::open(path).expect("the database");
    let changed = database.execute("insert into migration (version, name) values (9999, 'future')", []);
    assert_eq!(changed.expect("the table of versions"), 1);
}
