//! Controllers that fail while they are used. What is between us and them is ours; they are real.

use crate::between::Between;
use crate::support::{Controller, World, world, world_with};
use base::IdentityStoreId;
use directory::ldap::Patience;
use directory::sync::{self, Kind};
use directory::{Authentication, Options};
use model::ds::DirectoryStage;
use serde_json::Value;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATIENCE: Patience = Patience { connect: Duration::from_secs(2), operation: Duration::from_secs(20) };

fn options(port: u16, addresses: &[IpAddr], patience: Patience) -> Options {
    let known = Controller::find();
    let controllers = addresses.iter().map(|address| (known.get("AD_FQDN").to_owned(), *address)).collect();
    let controllers = [(known.domain(), controllers)].into();
    Options { ldaps_port: port, ldap_port: 1, controllers, patience, ..Options::default() }
}

fn world_through(between: &Between) -> World {
    world_with(options(between.port, &[between.address], PATIENCE))
}

/// Synchronizes as the schedule does; the status that is shown of it.
fn synchronize(world: &World, store: &IdentityStoreId) -> Value {
    world.write(|cx| sync::run_soon(cx, store));
    world.app.run_jobs();
    let settings = world.app.app.store.read(|tx| sync::settings::get(tx, store)).expect("read").expect("synchronized");
    serde_json::from_str(&settings.result.expect("it has run")).expect("JSON")
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn a_controller_that_stops_while_people_are_read_changes_nothing() {
    const COUNT: usize = 300;
    let between = Between::new(Controller::find().address());
    let world = world_through(&between);
    let ad = &world.controller;
    let unit = ad.unit("Cut");
    let list: Vec<_> = (0..COUNT).map(|number| format!("cut{number:04}")).collect();
    ad.modify(&list.iter().map(|name| ad.user(&unit, name)).collect::<String>());
    let members: Vec<_> = list.iter().map(|name| format!("CN={name},{unit}")).collect();
    ad.modify(&ad.group(&unit, "cut-all", &members));
    let store = world.store(&world.connected());
    world.app.run_jobs();
    between.stop();
    world.choose(&store, Kind::Group, "cut-all");

    let (mut failures, mut bytes) = (0, 0);
    loop {
        between.cut_after(bytes);
        let status = synchronize(&world, &store);
        if status["status"] == "SUCCEEDED" {
            break;
        }
        assert_eq!(status["status"], "FAILED", "{status}");
        assert!(status["reason"].as_str().is_some_and(|reason| reason.contains("dc1.corp.example.com")), "{status}");
        assert!(world.users(&store).is_empty() && world.groups(&store).is_empty(), "half a directory after {bytes}");
        (failures, bytes) = (failures + 1, bytes.max(1_000) * 3 / 2);
    }
    assert!(failures > 5, "it was stopped in {failures} places only");
    between.mend();
    assert_eq!(world.users(&store).len(), COUNT);
    assert_eq!(world.groups(&store)["cut-all@corp.example.com"].len(), COUNT);

    // What is there already stays as it is, too.
    ad.delete(&format!("CN=cut0000,{unit}"));
    between.cut_after(bytes / 2);
    assert_eq!(synchronize(&world, &store)["status"], "FAILED");
    assert_eq!(world.users(&store).len(), COUNT);
    between.mend();
    let status = synchronize(&world, &store);
    assert_eq!((&status["status"], &status["usersDeleted"]), (&"SUCCEEDED".into(), &1.into()), "{status}");
    assert_eq!(world.users(&store).len(), COUNT - 1);
    ad.delete(&unit);
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn a_controller_that_stops_during_a_sign_in_is_no_wrong_password() {
    let between = Between::new(Controller::find().address());
    let world = world_through(&between);
    let id = world.connected();
    let sign_in = || world.sign_in(&id, "alice", world.controller.get("AD_USER_PW"));
    let (mut failures, mut bytes) = (0, 0);
    loop {
        between.stop();
        between.cut_after(bytes);
        match sign_in() {
            Authentication::Verified(_) => break,
            Authentication::Unreachable { reason } => assert!(reason.contains("dc1.corp.example.com"), "{reason}"),
            other => panic!("{other:?} after {bytes} bytes"),
        }
        (failures, bytes) = (failures + 1, bytes + 300);
    }
    assert!(failures > 8, "it was stopped in {failures} places only");
    between.mend();
    assert!(matches!(sign_in(), Authentication::Verified(_)), "nothing of it counts as a failure");
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn another_controller_takes_over_in_the_middle() {
    let controller = Controller::find().address();
    let first = Between::new(controller);
    let second = Between::at((Ipv4Addr::new(127, 0, 0, 2), first.port).into(), controller);
    let world = world_with(options(first.port, &[first.address, second.address], PATIENCE));
    let id = world.connected();
    let sign_in = || world.sign_in(&id, "bob", world.controller.get("AD_USER_PW"));
    assert!(matches!(sign_in(), Authentication::Verified(_)));
    for bytes in [0, 400, 1_500, 2_500] {
        first.stop();
        first.cut_after(bytes);
        assert!(matches!(sign_in(), Authentication::Verified(_)), "{:?}", sign_in());
        first.mend();
    }
    let store = world.store(&id);
    world.choose(&store, Kind::Group, "all-staff");
    first.stop();
    assert_eq!(synchronize(&world, &store)["status"], "SUCCEEDED");
    second.stop();
    assert!(matches!(sign_in(), Authentication::Unreachable { .. }));
    first.mend();
    assert!(matches!(sign_in(), Authentication::Verified(_)), "{:?}", sign_in());
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn a_silent_controller_is_given_up_and_the_directory_is_impaired() {
    let between = Between::new(Controller::find().address());
    let patience = Patience { operation: Duration::from_secs(3), ..PATIENCE };
    let world = world_with(options(between.port, &[between.address], patience));
    let id = world.connected();
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Active), "{:?}", world.described(&id).stage_reason);
    let sign_in = || world.sign_in(&id, "bob", world.controller.get("AD_USER_PW"));
    between.silence();
    let start = Instant::now();
    assert!(matches!(sign_in(), Authentication::Unreachable { .. }), "{:?}", sign_in());
    assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
    world.app.clock.advance_seconds(301);
    world.app.run_jobs();
    let impaired = world.described(&id);
    assert_eq!(impaired.stage, Some(DirectoryStage::Impaired));
    let reason = impaired.stage_reason.expect("a reason");
    assert!(reason.contains("did not answer in time"), "{reason}");
    between.mend();
    world.app.clock.advance_seconds(31);
    world.app.run_jobs();
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Active));
    assert!(matches!(sign_in(), Authentication::Verified(_)), "{:?}", sign_in());
}

/// A server that is no controller.
fn impostor(serve: impl Fn(TcpStream) + Send + 'static) -> World {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || listener.incoming().flatten().for_each(&serve));
    world_with(options(port, &[Ipv4Addr::LOCALHOST.into()], PATIENCE))
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn garbage_in_place_of_a_controller_fails_with_a_reason() {
    let world = impostor(|mut stream| {
        stream.write_all(b"220 mail.example.com ESMTP\r\n").ok();
        std::io::copy(&mut stream, &mut std::io::sink()).ok();
    });
    let id = world.connected();
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Creating), "an outage is given some time");
    world.app.clock.advance_seconds(130);
    world.app.run_jobs();
    let failed = world.described(&id);
    assert_eq!(failed.stage, Some(DirectoryStage::Failed));
    let reason = failed.stage_reason.expect("a reason");
    assert!(reason.contains(world.controller.get("AD_FQDN")) && reason.contains("TLS"), "{reason}");
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn an_expired_certificate_fails_with_a_reason() {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("signed");
    let key = KeyPair::generate().expect("a key");
    let mut leaf = CertificateParams::new(vec![Controller::find().get("AD_FQDN").to_owned()]).expect("parameters");
    (leaf.not_before, leaf.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let leaf = leaf.signed_by(&key, &authority).expect("signed");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("a certificate with its key");
    let config = Arc::new(config);
    let world = impostor(move |mut stream| {
        let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).expect("a connection");
        while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
    });
    let id = world.connect(world.controller.input());
    world.register(&id, authority.pem()).expect("registered");
    world.app.run_jobs();
    let failed = world.described(&id);
    assert_eq!(failed.stage, Some(DirectoryStage::Failed));
    let reason = failed.stage_reason.expect("a reason");
    assert!(reason.contains("the certificate has expired"), "{reason}");
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn names_beyond_ascii_and_names_that_several_have_work_like_others() {
    let world = world();
    let id = world.connected();
    let ad = &world.controller;
    let unit = ad.unit("Grüße");
    // All of them have the same display name.
    let list = ["müller", "straße", "łukasz"];
    ad.modify(&list.iter().map(|name| ad.user(&unit, name)).collect::<String>());
    for name in list {
        ad.modify(&ad.password(&format!("CN={name},{unit}"), "Pässwörd-€-1"));
    }
    let members: Vec<_> = list.iter().map(|name| format!("CN={name},{unit}")).collect();
    ad.modify(&ad.group(&unit, "grüße-all", &members));
    let store = world.store(&id);
    world.choose(&store, Kind::Group, "grüße-all");
    world.choose(&store, Kind::User, "*");
    world.choose(&store, Kind::User, "alice)(objectClass=*");
    let report = synchronize(&world, &store);
    assert_eq!(report["notFound"].as_array().map(Vec::len), Some(2), "{report}");
    let users = world.users(&store);
    assert_eq!(users.len(), list.len(), "{:?}", users.keys());
    assert!(users.values().all(|user| user.display_name.as_deref() == Some("Same Name")));
    assert_eq!(world.groups(&store)["grüße-all@corp.example.com"].len(), list.len());
    for name in ["müller", "CORP\\MÜLLER", "straße@corp.example.com", "Łukasz"] {
        let outcome = world.sign_in(&id, name, "Pässwörd-€-1");
        assert!(matches!(outcome, Authentication::Verified(_)), "{name}: {outcome:?}");
    }
    ad.delete(&unit);
}
