//! A server on loopback that answers as a test says.

use super::ber::{self, ENUMERATED, INTEGER, Reader, SEQUENCE, SET};
use super::connection::{Connection, Endpoint, Patience};
use super::error::LdapError;
use super::tls::Trust;
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, mpsc};
use std::time::Duration;

pub(crate) const HOST: &str = "dc1.corp.example.com";
pub(crate) const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(2), operation: Duration::from_millis(700) };

pub(crate) trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

/// What the double does with a connection.
pub(crate) type Script = fn(&mut dyn Wire);

pub(crate) struct Double {
    pub(crate) endpoint: Endpoint,
    pub(crate) authority: String,
}

impl Double {
    pub(crate) fn open(&self) -> Result<Connection, LdapError> {
        let trust = Trust::new(std::slice::from_ref(&self.authority), false).expect("trust");
        Connection::open(&self.endpoint, &trust, PATIENCE)
    }
}

pub(crate) fn issued(host: &str, is_expired: bool) -> (String, Arc<ServerConfig>) {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("signed");
    let key = KeyPair::generate().expect("a key");
    let mut leaf = CertificateParams::new(vec![host.to_owned()]).expect("parameters");
    if is_expired {
        (leaf.not_before, leaf.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    }
    let leaf = leaf.signed_by(&key, &authority).expect("signed");
    (authority.pem(), server(&leaf, &key))
}

/// A certificate of a server that is its own authority, and the configuration of that server.
pub(crate) fn issued_by_itself() -> (String, Arc<ServerConfig>) {
    let key = KeyPair::generate().expect("a key");
    let mut own = CertificateParams::new(vec![HOST.to_owned()]).expect("parameters");
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = own.self_signed(&key).expect("signed");
    (own.pem(), server(&own, &key))
}

fn server(certificate: &Certificate, key: &KeyPair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("a certificate with its key");
    Arc::new(config)
}

/// A port on which nobody listens.
pub(crate) fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A port on which each connection is served by `script`.
pub(crate) fn listen(tls: Option<Arc<ServerConfig>>, script: impl Fn(&mut dyn Wire) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let (tls, script) = (tls.clone(), script.clone());
            std::thread::spawn(move || match tls {
                Some(config) => {
                    stream.set_nodelay(true).expect("a socket");
                    let connection = ServerConnection::new(config).expect("a connection");
                    script(&mut StreamOwned::new(connection, stream));
                }
                None => script(&mut stream),
            });
        }
    });
    port
}

pub(crate) fn double_as(host: &str, is_expired: bool, script: Script) -> Double {
    double_with(issued(host, is_expired), script)
}

/// A double with a certificate, and the authority that stands for it.
pub(crate) fn double_with((authority, config): (String, Arc<ServerConfig>), script: Script) -> Double {
    let ldaps_port = listen(Some(config), script);
    let address = Ipv4Addr::LOCALHOST.into();
    Double { endpoint: Endpoint { host: HOST.to_owned(), address, ldaps_port, ldap_port: closed_port() }, authority }
}

pub(crate) fn double(script: Script) -> Double {
    double_as(HOST, false, script)
}

/// Id and operation of the next request.
pub(crate) fn request(wire: &mut dyn Wire) -> Option<(u32, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    loop {
        if let Some(content) = Reader::new(&bytes).expect(SEQUENCE) {
            let mut reader = Reader::new(content);
            let id = reader.integer(INTEGER)?;
            return Some((u32::try_from(id).ok()?, content.to_vec()));
        }
        if wire.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
}

pub(crate) fn message(id: u32, parts: &[Vec<u8>]) -> Vec<u8> {
    ber::group(SEQUENCE, &[&[ber::integer(INTEGER, id)], parts].concat())
}

pub(crate) fn result(tag: u8, code: u32) -> Vec<u8> {
    ber::group(tag, &[ber::integer(ENUMERATED, code), ber::text(""), ber::text("")])
}

pub(crate) fn entry(dn: &str, attribute: &str, values: &[&str]) -> Vec<u8> {
    let values: Vec<_> = values.iter().map(|value| ber::text(value)).collect();
    let attribute = ber::group(SEQUENCE, &[ber::text(attribute), ber::group(SET, &values)]);
    ber::group(0x64, &[ber::text(dn), ber::group(SEQUENCE, &[attribute])])
}

pub(crate) fn reply(wire: &mut dyn Wire, bytes: &[u8]) {
    wire.write_all(bytes).and_then(|()| wire.flush()).ok();
}

/// Stands still without being asked anything.
pub(crate) fn wait(time: Duration) {
    let (_keep, never) = mpsc::channel::<()>();
    never.recv_timeout(time).ok();
}

pub(crate) fn contains(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}
