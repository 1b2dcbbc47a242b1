//! What every answer is like, whatever was asked: protocol, statuses, ids, bounds, hostile input.

use crate::harness::{Server, Start};
use crate::wire::{Answer, Call, Credentials, Signing, exchange};
use serde_json::json;
use smithy::schema::Protocol;
use std::net::TcpStream;

fn signed(server: &Server, credentials: &Credentials, service: &str, mut call: Call) -> Answer {
    Signing::new(credentials, service).sign(&mut call, server.address);
    call.send(server.address).expect("an answer")
}

/// The answer is an error as a client of the service's protocol can read it.
fn is_spoken(protocol: Protocol, answer: &Answer) -> bool {
    let has_id = answer.header("x-amzn-requestid").is_some_and(|id| !id.is_empty());
    let content_type = answer.header("content-type").unwrap_or_default();
    let is_typed = match protocol {
        Protocol::Query => content_type.starts_with("text/xml"),
        Protocol::Json | Protocol::RestJson => content_type.contains("json"),
    };
    has_id && is_typed && !answer.code().is_empty()
}

#[test]
fn operations_that_nobody_serves_answer_in_their_protocol() {
    let server = Server::ephemeral();
    let admin = server.admin();
    let served: Vec<_> =
        server::routes().iter().filter(|r| r.is_served()).map(|r| (r.op.service.id, r.op.name)).collect();
    let mut count = 0;
    for op in model::SERVICES.iter().flat_map(|service| service.operations.iter()) {
        if served.contains(&(op.service.id, op.name)) {
            continue;
        }
        count += 1;
        let mut call = Call::of_op(op, &json!({}));
        if !op.unsigned {
            Signing::new(&admin, op.service.id).sign(&mut call, server.address);
        }
        let answer = call.send(server.address).expect("an answer");
        let name = format!("{}:{}", op.service.id, op.name);
        assert!((400..500).contains(&answer.status), "{name}: {} {}", answer.status, answer.body);
        assert!(is_spoken(op.service.protocol, &answer), "{name}: {answer:?}");
    }
    let output = crate::harness::run(crate::harness::program().arg("api-coverage"));
    let text = String::from_utf8(output.stdout).expect("text");
    let all: Vec<usize> =
        text.lines().last().expect("a row").split_whitespace().skip(1).map(|n| n.parse().expect("a number")).collect();
    assert_eq!(count, all[1] - all[0]);
}

#[test]
fn services_and_operations_that_do_not_exist_are_answered() {
    let server = Server::ephemeral();
    let admin = server.admin();
    let query = |action: &str| {
        let call = Call::post("/", "application/x-www-form-urlencoded", format!("Action={action}&Version=2010-05-08"));
        signed(&server, &admin, "iam", call)
    };
    assert_eq!(query("NoSuchThing").refusal(), (400, "InvalidAction".to_owned()));
    assert!((400..500).contains(&query("").status));
    let json = |target: &str| {
        let call = Call::post("/", "application/x-amz-json-1.1", "{}").header("x-amz-target", target);
        signed(&server, &admin, "organizations", call)
    };
    for target in ["AWSOrganizationsV20161128.NoSuchThing", "NoSuchService.List", ".", "AWSOrganizationsV20161128."] {
        let answer = json(target);
        assert_eq!(answer.status, 400, "{target}: {}", answer.body);
        assert!(is_spoken(Protocol::Json, &answer), "{target}: {answer:?}");
    }
    assert_eq!(json("AWSOrganizationsV20161128.NoSuchThing").code(), "UnknownOperationException");
    for path in ["/no/such/path", "/%00", "/../../etc/passwd", "/admin/v1/none"] {
        let answer = Call::get(path).send(server.address).expect("an answer");
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
        assert!(!answer.body.contains("<html"), "{path}");
    }
}

#[test]
fn operations_without_output_answer_nothing() {
    let server = Server::ephemeral();
    let admin = server.admin();
    server.organization();
    for _ in 0..2 {
        let input = json!({"ServicePrincipal": "sso.amazonaws.com"});
        let answer = server.ok(&admin, "organizations", "EnableAWSServiceAccess", input);
        assert_eq!((answer.body.as_str(), answer.header("content-length")), ("", Some("0")));
        assert_eq!(answer.header("content-type"), Some("application/x-amz-json-1.1"));
        assert!(answer.header("x-amzn-requestid").is_some());
    }
}

#[test]
fn the_host_name_of_aws_decides_too() {
    let server = Server::ephemeral();
    let admin = server.admin();
    let to = |host: &str, service: &str, call: Call| signed(&server, &admin, service, call.header("host", host));
    let form = |action: &str, version: &str| {
        Call::post("/", "application/x-www-form-urlencoded", format!("Action={action}&Version={version}"))
    };
    for host in ["sts.amazonaws.com", "sts.eu-west-1.amazonaws.com", "STS.us-east-1.amazonaws.com:443"] {
        let answer = to(host, "sts", form("GetCallerIdentity", "2011-06-15"));
        assert_eq!(answer.status, 200, "{host}: {}", answer.body);
    }
    assert_eq!(to("iam.amazonaws.com", "iam", form("ListUsers", "2010-05-08")).status, 200);
    let roots = Call::of("organizations", "CreateOrganization", &json!({}));
    assert_eq!(to("organizations.us-east-1.amazonaws.com", "organizations", roots).status, 200);
    let elsewhere = to("iam.amazonaws.com", "iam", form("GetCallerIdentity", "2011-06-15"));
    assert_eq!(elsewhere.refusal(), (400, "InvalidAction".to_owned()));
}

#[test]
fn constraints_of_the_model_are_refused_in_the_words_of_aws() {
    let server = Server::ephemeral();
    let admin = server.admin();
    let long = server.call(&admin, "iam", "CreateUser", json!({"UserName": "x".repeat(65)}));
    assert_eq!(long.refusal(), (400, "ValidationError".to_owned()));
    assert!(long.message().starts_with("1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must have length less than or equal to 64")
        || long.message().starts_with("1 validation error detected: Value '"), "{}", long.message());
    let missing = server.call(&admin, "iam", "CreateGroup", json!({}));
    assert_eq!(missing.status, 400);
    let input = json!({"ServicePrincipal": "no spaces allowed!"});
    let wrong = server.call(&admin, "organizations", "EnableAWSServiceAccess", input);
    assert_eq!(wrong.status, 400);
    assert!(["InvalidInputException", "ValidationException"].contains(&wrong.code().as_str()), "{}", wrong.body);
    let kind = Call::post("/", "application/x-amz-json-1.1", r#"{"ServicePrincipal":7}"#)
        .header("x-amz-target", "AWSOrganizationsV20161128.EnableAWSServiceAccess");
    assert_eq!(signed(&server, &admin, "organizations", kind).refusal(), (400, "SerializationException".to_owned()));
}

#[test]
fn hostile_bodies_get_a_400_of_the_protocol() {
    let server = Start::ephemeral().with(&["--log", "warn"]).server();
    let admin = server.admin();
    let json = |body: Vec<u8>| {
        let call = Call::post("/", "application/x-amz-json-1.1", body)
            .header("x-amz-target", "AWSOrganizationsV20161128.CreatePolicy");
        signed(&server, &admin, "organizations", call)
    };
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    let deep_object = [br#"{"a":"#.repeat(50_000), b"1".to_vec(), b"}".repeat(50_000)].concat();
    let bodies: [&[u8]; 10] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\"text\"",
        b"{\"Name\":\"\xff\xfe\"}",
        b"{\"Name\":\"\\ud800\"}",
        b"{\"Name\":\"a\",\"Name\":\"b\"}",
        b"\x00\x01\x02",
        b"{\"Name\":1e999999}",
    ];
    for body in bodies.into_iter().map(<[u8]>::to_vec).chain([deep, deep_object]) {
        let answer = json(body.clone());
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(answer.status, 400, "{shown}: {}", answer.body);
        assert!(is_spoken(Protocol::Json, &answer), "{shown}: {answer:?}");
    }
    let form =
        |body: Vec<u8>| signed(&server, &admin, "iam", Call::post("/", "application/x-www-form-urlencoded", body));
    let create = "Action=CreateUser&Version=2010-05-08&UserName=a";
    let indexed = (1..20_000).map(|n| format!("&Tags.member.{n}.Key=k")).collect::<String>();
    let forms: Vec<Vec<u8>> = vec![
        b"Action=CreateUser&Version=2010-05-08&UserName=%ff%fe".to_vec(),
        b"Action=CreateUser&Version=2010-05-08&UserName=%".to_vec(),
        b"Action=CreateUser&Version=2010-05-08&UserName=a&UserName=b".to_vec(),
        format!("{create}{indexed}").into_bytes(),
        format!("{create}&{}=x", "Tags.member.1.".repeat(5_000)).into_bytes(),
        b"\x00\xff&&&===".to_vec(),
    ];
    for body in forms {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = form(body);
        assert!((400..414).contains(&answer.status), "{shown}: {} {}", answer.status, answer.body);
        assert!(is_spoken(Protocol::Query, &answer), "{shown}: {answer:?}");
    }
    // What names no member is passed over, as AWS does.
    let strange = form(format!("{create}&Tags.member.99999999999999999999.Key=x&Nothing.member.1=y").into_bytes());
    assert!(strange.status < 500, "{}", strange.body);
    assert!(!server.log().contains("panicked"), "{}", server.log());
    server.ok(&admin, "sts", "GetCallerIdentity", json!({}));
}

#[test]
fn more_than_a_mebibyte_is_refused_and_a_mebibyte_is_read() {
    let server = Server::ephemeral();
    let admin = server.admin();
    let sized = |bytes: usize| {
        let start = r#"{"Name":"n","Description":""#;
        let body = format!("{start}{}\"}}", "x".repeat(bytes - start.len() - 2));
        let call = Call::post("/", "application/x-amz-json-1.1", body)
            .header("x-amz-target", "AWSOrganizationsV20161128.CreatePolicy");
        signed(&server, &admin, "organizations", call)
    };
    let most = sized(1 << 20);
    assert!(most.status == 400 && most.code() != "RequestEntityTooLargeException", "{}", most.body);
    let more = sized((1 << 20) + 1);
    assert_eq!(more.status, 413, "{}", more.body);
    assert!(is_spoken(Protocol::Json, &more), "{more:?}");
}

#[test]
fn a_huge_or_broken_head_does_not_harm_the_server() {
    let server = Server::ephemeral();
    let heads: Vec<Vec<u8>> = vec![
        format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "y".repeat(1 << 20)).into_bytes(),
        format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "z".repeat(1 << 20)).into_bytes(),
        format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x-many: 1\r\n".repeat(10_000)).into_bytes(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!".to_vec(),
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nZZZ\r\n".to_vec(),
    ];
    for head in heads {
        let stream = TcpStream::connect(server.address).expect("a connection");
        if let Some(answer) = exchange(stream, &head) {
            assert!((400..500).contains(&answer.status), "{answer:?}");
        }
    }
    server.ok(&server.admin(), "sts", "GetCallerIdentity", json!({}));
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[test]
fn it_is_ready_quickly() {
    // The bound for release builds is a tenth of this; a debug build on a busy machine gets more time.
    let fastest = (0..5).map(|_| Server::ephemeral().ready_after).min().expect("five starts");
    assert!(fastest.as_millis() < 2_000, "{fastest:?}");
}
