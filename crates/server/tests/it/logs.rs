//! The log: JSON when asked for, and never a secret in it.

use crate::harness::{Scratch, Start};
use crate::wire::{Call, Credentials, Signing, encode};
use serde_json::{Value, json};

#[test]
fn json_lines_parse_and_hold_no_secret() {
    let scratch = Scratch::new();
    // Everything that can be logged is logged.
    let server = Start::durable(&scratch.join("data")).with(&["--log-format", "json", "--log", "trace"]).server();
    let admin = server.admin();
    let mut secrets = vec![
        ("the administrator's secret key", admin.secret.clone()),
        ("the administrator's password", server.bootstrap["admin"]["password"].as_str().expect("text").to_owned()),
        ("the root password", server.bootstrap["root"]["password"].as_str().expect("text").to_owned()),
        ("a chosen password", "Correct-Horse-42-Battery".to_owned()),
    ];
    let master = std::fs::read_to_string(server.data.join("master.key")).expect("the master key");
    secrets.push(("the master key", master.trim().to_owned()));

    let user = server.user("logged", None);
    secrets.push(("a new secret key", user.secret.clone()));
    let profile = json!({"UserName": "logged", "Password": "Correct-Horse-42-Battery"});
    server.ok(&admin, "iam", "CreateLoginProfile", profile);
    let change = json!({"OldPassword": "Correct-Horse-42-Battery", "NewPassword": "Other-Horse-43-Battery"});
    secrets.push(("another chosen password", "Other-Horse-43-Battery".to_owned()));
    server.call(&user, "iam", "ChangePassword", change);
    let session = Credentials::of_session(&server.ok(&admin, "sts", "GetSessionToken", json!({})));
    secrets.push(("a session's secret key", session.secret.clone()));
    secrets.push(("a session token", session.token.clone().expect("a token")));
    server.ok(&session, "sts", "GetCallerIdentity", json!({}));

    let mut call = Call::of("sts", "GetCallerIdentity", &json!({}));
    Signing::new(&session, "sts").sign(&mut call, server.address);
    let signature = call.value("authorization").rsplit('=').next().expect("a signature").to_owned();
    secrets.push(("a signature", signature));
    assert_eq!(call.send(server.address).expect("an answer").status, 200);

    let mut presigned = Call::get("/");
    presigned.query = "Action=GetCallerIdentity&Version=2011-06-15".to_owned();
    Signing::new(&session, "sts").presign(&mut presigned, server.address, 60);
    secrets.push(("a presigned signature", presigned.query.rsplit('=').next().expect("one").to_owned()));
    assert_eq!(presigned.send(server.address).expect("an answer").status, 200);

    // Refusals are logged more eagerly than successes.
    let wrong = Credentials { secret: "wrong-secret-wrong-secret-wrong-secret".to_owned(), ..admin.clone() };
    assert_eq!(server.call(&wrong, "iam", "ListUsers", json!({})).status, 403);
    server.unsigned("sts", "AssumeRoleWithWebIdentity", &json!({
        "RoleArn": "arn:aws:iam::123456789012:role/none", "RoleSessionName": "none", "WebIdentityToken": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2VjcmV0"
    }));
    secrets.push(("a web identity token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2VjcmV0".to_owned()));
    let answers = server.ok(&admin, "cloudtrail", "LookupEvents", json!({"MaxResults": 50}));

    let log = server.log();
    assert!(log.lines().count() > 5, "{log}");
    for line in log.lines() {
        let parsed: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(parsed["level"].is_string() && parsed["timestamp"].is_string(), "{line}");
    }
    for (what, secret) in &secrets {
        assert!(secret.len() >= 16, "{what} is too short to be searched for");
        assert!(!log.contains(secret.as_str()), "{what} is in the log");
        assert!(!log.contains(&encode(secret)), "{what} is in the log, encoded");
        assert!(!answers.body.contains(secret.as_str()), "{what} is in the audit trail");
    }
}
