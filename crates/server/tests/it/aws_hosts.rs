//! The listener that answers under AWS's own host names.

use crate::harness::{Scratch, Server, Start, free_port};
use crate::wire::{Answer, Call, Signing, exchange};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

fn started(scratch: &Scratch) -> (Server, SocketAddr) {
    let address: SocketAddr = ([127, 0, 0, 1], free_port()).into();
    let server = Start::durable(&scratch.join("data")).with(&["--aws-hosts", &address.to_string()]).server();
    (server, address)
}

/// Sends `call` to `host` over TLS on `stream`, trusting the server's own authority alone; `None` when it is refused.
fn over_tls(server: &Server, mut stream: TcpStream, host: &str, call: &Call, address: SocketAddr) -> Option<Answer> {
    let mut roots = rustls::RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(server.data.join("aws-hosts-ca.pem")).expect("PEM");
    roots.add(authority).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).expect("a name");
    let mut session = rustls::ClientConnection::new(Arc::new(config), name).expect("a session");
    let mut stream = rustls::Stream::new(&mut session, &mut stream);
    stream.write_all(&call.bytes(address)).ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Answer::parse(&answer)
}

fn connected(address: SocketAddr, target: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.write_all(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n").as_bytes()).expect("written");
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).expect("text"))
}

fn signed(server: &Server, service: &str, operation: &str, host: &str, address: SocketAddr) -> Call {
    let mut call = Call::of(service, operation, &json!({})).header("host", host);
    Signing::new(&server.admin(), service).sign(&mut call, address);
    call
}

#[test]
fn clients_reach_the_apis_under_the_names_that_they_know() {
    let scratch = Scratch::new();
    let (server, address) = started(&scratch);
    for (file, expected) in [("aws-hosts-ca.key", 0o600), ("aws-hosts-ca.pem", 0o600)] {
        let mode = std::fs::metadata(server.data.join(file)).expect("made").permissions().mode();
        assert_eq!(mode & 0o777, expected, "{file}");
    }
    let host = "sts.us-east-1.amazonaws.com";
    let call = signed(&server, "sts", "GetCallerIdentity", host, address);
    let (stream, head) = connected(address, &format!("{host}:443"));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let answer = over_tls(&server, stream, host, &call, address).expect("an answer");
    assert_eq!(answer.xml("Arn"), format!("arn:aws:iam::{}:user/admin", server.management()));

    let direct = TcpStream::connect(address).expect("connected");
    let organizations = "organizations.us-east-1.amazonaws.com";
    let call = signed(&server, "organizations", "DescribeOrganization", organizations, address);
    let answer = over_tls(&server, direct, organizations, &call, address).expect("an answer");
    assert_eq!(answer.code(), "AWSOrganizationsNotInUseException");

    let oidc = "oidc.us-east-1.amazonaws.com";
    let direct = TcpStream::connect(address).expect("connected");
    let body = json!({"clientName": "old", "clientType": "public"});
    let call = Call::of("sso-oidc", "RegisterClient", &body).header("host", oidc);
    let answer = over_tls(&server, direct, oidc, &call, address).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn conditions_on_transport_see_these_connections_as_secure() {
    let scratch = Scratch::new();
    let (server, address) = started(&scratch);
    let admin = server.admin();
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }]});
    let input = json!({"UserName": "admin", "PolicyName": "tls", "PolicyDocument": policy.to_string()});
    server.ok(&admin, "iam", "PutUserPolicy", input);
    assert_eq!(server.call(&admin, "iam", "ListUsers", json!({})).status, 403);
    let call = signed(&server, "iam", "ListUsers", "iam.amazonaws.com", address);
    let direct = TcpStream::connect(address).expect("connected");
    assert_eq!(over_tls(&server, direct, "iam.amazonaws.com", &call, address).expect("an answer").status, 200);
}

#[test]
fn nothing_else_is_reached_through_the_listener() {
    let scratch = Scratch::new();
    let (server, address) = started(&scratch);
    for target in ["example.com:443", "sts.amazonaws.com:80", "169.254.169.254:443", "a.b.c.amazonaws.com:443"] {
        assert!(connected(address, target).1.starts_with("HTTP/1.1 403 "), "{target}");
    }
    let plain = exchange(TcpStream::connect(address).expect("connected"), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(plain.expect("an answer").status, 400);
    let direct = TcpStream::connect(address).expect("connected");
    let call = Call::get("/healthz");
    assert!(over_tls(&server, direct, "example.com", &call, address).is_none());
}

#[test]
fn the_authority_survives_a_restart() {
    let scratch = Scratch::new();
    let (server, _) = started(&scratch);
    let read = |server: &Server| std::fs::read(server.data.join("aws-hosts-ca.pem")).expect("there");
    let first = read(&server);
    server.stop("TERM");
    let (again, address) = started(&scratch);
    assert_eq!(read(&again), first);
    let direct = TcpStream::connect(address).expect("connected");
    let host = "iam.amazonaws.com";
    let call = Call::get("/healthz").header("host", host);
    assert_eq!(over_tls(&again, direct, host, &call, address).expect("an answer").status, 200);
}
