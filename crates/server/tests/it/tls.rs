//! TLS from files, and new files without a restart.

use crate::harness::{Scratch, Start, eventually};
use crate::wire::{Answer, Call};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

/// Writes a self-signed certificate for localhost and its key.
fn write_certificate(cert: &Path, key: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    std::fs::write(key, made.signing_key.serialize_pem()).expect("written");
    std::fs::write(cert, made.cert.pem()).expect("written");
}

/// A GET that trusts `cert` alone; `None` when the server shows another one.
fn get(address: SocketAddr, cert: &Path, path: &str) -> Option<Answer> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(cert).expect("PEM")).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let session = rustls::ClientConnection::new(Arc::new(config), name).expect("a session");
    let mut stream = rustls::StreamOwned::new(session, TcpStream::connect(address).ok()?);
    stream.write_all(&Call::get(path).bytes(address)).ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    Answer::parse(&answer)
}

#[test]
fn a_certificate_is_served_and_read_again_when_it_changes() {
    let scratch = Scratch::new();
    let (cert, key) = (scratch.join("cert.pem"), scratch.join("key.pem"));
    write_certificate(&cert, &key);
    let server = Start::ephemeral().tls(&cert, &key).server();
    assert_eq!(server.bootstrap["endpoint"], format!("https://{}", server.address));
    assert_eq!(get(server.address, &cert, "/readyz").expect("an answer").status, 200);
    assert!(
        Call::get("/readyz").send(server.address).is_none_or(|answer| answer.status >= 400),
        "plain HTTP on a TLS port"
    );

    let (newer_cert, newer_key) = (scratch.join("newer.pem"), scratch.join("newer-key.pem"));
    write_certificate(&newer_cert, &newer_key);
    assert!(get(server.address, &newer_cert, "/readyz").is_none());
    std::fs::copy(&newer_key, &key).expect("copied");
    std::fs::copy(&newer_cert, &cert).expect("copied");
    eventually("the new certificate is shown", || get(server.address, &newer_cert, "/readyz"));
}

#[test]
fn a_broken_new_certificate_leaves_the_old_one_in_use() {
    let scratch = Scratch::new();
    let (cert, key) = (scratch.join("cert.pem"), scratch.join("key.pem"));
    write_certificate(&cert, &key);
    let kept = scratch.join("kept.pem");
    std::fs::copy(&cert, &kept).expect("copied");
    let server = Start::ephemeral().tls(&cert, &key).server();
    std::fs::write(&cert, "no certificate").expect("written");
    // The files are looked at when somebody connects and enough time has passed: the complaint is the sign.
    eventually("the broken file is complained about", || {
        assert_eq!(get(server.address, &kept, "/readyz").expect("an answer").status, 200);
        server.log().contains("cert").then_some(())
    });
    assert_eq!(get(server.address, &kept, "/readyz").expect("an answer").status, 200);
}
