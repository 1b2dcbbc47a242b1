//! The administration of Identity Center as people do it: the program's own commands against a running server.

use crate::harness::{Server, program, run};
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// A command with the environment that the first start wrote down.
fn command(server: &Server, words: &[&str]) -> Command {
    let admin = server.admin();
    let mut command = program();
    command
        .env("AWS_ENDPOINT_URL", format!("http://{}", server.address))
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", &admin.id)
        .env("AWS_SECRET_ACCESS_KEY", &admin.secret)
        .env("AWS_CONFIG_FILE", server.data.join("none"))
        .env("AWS_SHARED_CREDENTIALS_FILE", server.data.join("none"))
        .args(words);
    command
}

fn text(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(text).expect("text")
}

pub fn done(server: &Server, words: &[&str]) -> String {
    let output = run(&mut command(server, words));
    assert!(output.status.success(), "{words:?}: {}", text(&output));
    text(&output)
}

/// A command that the server refuses: its one line.
fn refused(server: &Server, words: &[&str]) -> String {
    let output = run(&mut command(server, words));
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{words:?}: {text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    text
}

fn json_of(server: &Server, words: &[&str]) -> Value {
    let words: Vec<&str> = words.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&done(server, &words)).expect("JSON")
}

#[test]
fn an_administrator_enables_the_service_and_gives_a_user_a_password() {
    let server = Server::ephemeral();
    assert!(refused(&server, &["identity-center", "describe"]).contains("ResourceNotFoundException"));
    server.organization();
    let center = json_of(&server, &["identity-center", "enable"])["IdentityCenter"].clone();
    let store = center["IdentityStoreId"].as_str().expect("a store").to_owned();
    let shown = done(&server, &["identity-center", "describe"]);
    assert!(shown.contains(&format!("https://{store}.awsapps.com/start")), "{shown}");
    assert!(shown.contains(&format!("http://{}/start", server.address)), "{shown}");
    let input = json!({
        "IdentityStoreId": store, "UserName": "alice", "DisplayName": "Alice",
        "Name": {"GivenName": "Alice", "FamilyName": "Example"},
        "Emails": [{"Value": "alice@example.com", "Primary": true}],
    });
    server.ok(&server.admin(), "identitystore", "CreateUser", input);

    let one_time = done(&server, &["user", "set-password", "alice", "--one-time"]);
    assert!(one_time.trim().len() >= 8 && one_time.lines().count() == 1, "{one_time}");
    let mut child = command(&server, &["user", "set-password", "alice", "--password-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("piped").write_all(b"Correct-Horse-77\n").expect("written");
    assert!(child.wait_with_output().expect("ended").status.success());
    let outbox = done(&server, &["outbox"]);
    assert!(outbox.contains("alice@example.com") && !outbox.contains(one_time.trim()), "{outbox}");
    let log = server.log();
    assert!(!log.contains("Correct-Horse-77") && !log.contains(one_time.trim()));

    done(&server, &["user", "disable", "alice"]);
    done(&server, &["user", "enable", "alice"]);
    assert!(done(&server, &["user", "sessions", "alice"]).starts_with("ID"));
    assert!(done(&server, &["user", "end-sessions", "alice"]).contains('0'));
    assert!(refused(&server, &["user", "disable", "nobody"]).contains("nobody"));
}

#[test]
fn devices_are_approved_where_the_settings_say_so() {
    let server = Server::ephemeral();
    server.organization();
    let center = json_of(&server, &["identity-center", "enable"])["IdentityCenter"].clone();
    let input = json!({
        "IdentityStoreId": center["IdentityStoreId"], "UserName": "ci", "DisplayName": "CI",
        "Name": {"GivenName": "C", "FamilyName": "I"},
    });
    server.ok(&server.admin(), "identitystore", "CreateUser", input);
    let registered =
        server.unsigned("sso-oidc", "RegisterClient", &json!({"clientName": "ci-tool", "clientType": "public"}));
    let client = registered.json();
    let start = json!({
        "clientId": client["clientId"], "clientSecret": client["clientSecret"], "startUrl": center["StartUrl"],
    });
    let device = server.unsigned("sso-oidc", "StartDeviceAuthorization", &start).json();
    let code = device["userCode"].as_str().expect("a code");
    let approve = ["device", "approve", code, "--user", "ci"];
    assert!(refused(&server, &approve).contains("DeviceApprovalAllowed"));
    done(&server, &["identity-center", "settings", "--device-approval", "allow"]);
    assert!(done(&server, &approve).contains("ci-tool"));
    let token = json!({
        "grantType": "urn:ietf:params:oauth:grant-type:device_code", "deviceCode": device["deviceCode"],
        "clientId": client["clientId"], "clientSecret": client["clientSecret"],
    });
    let token = server.unsigned("sso-oidc", "CreateToken", &token);
    assert_eq!(token.status, 200, "{}", token.body);
    assert!(done(&server, &["user", "sessions", "ci"]).contains("ci-tool"));
    assert!(done(&server, &["user", "end-sessions", "ci"]).contains('1'));
}

#[test]
fn mistakes_end_with_two_and_a_sentence() {
    let server = Server::ephemeral();
    for (words, part) in [
        (&["identity-center", "delete"][..], "--instance-arn"),
        (&["identity-center", "settings"], "setting"),
        (&["user", "set-password", "alice", "--password-stdin"], "standard input"),
        (&["user", "enable", "alice", "--profile", "nobody"], "nobody"),
    ] {
        let output = run(&mut command(&server, words));
        let text = text(&output);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {text}");
        assert!(text.contains(part), "{words:?}: {text}");
    }
    let mut unreachable = command(&server, &["identity-center", "describe", "--endpoint-url", "http://127.0.0.1:1"]);
    assert_eq!(run(&mut unreachable).status.code(), Some(1));
}
