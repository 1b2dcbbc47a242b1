use crate::support::{Controller, world, world_with};
use directory::{Authentication, Options};
use model::ds::{DirectoryStage, EnableLDAPSRequest, LDAPSStatus, LDAPSType, ops};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn a_directory_becomes_active_once_the_authority_is_registered() {
    let world = world();
    let id = world.connect(world.controller.input());
    let failed = world.described(&id);
    assert_eq!(failed.stage, Some(DirectoryStage::Failed));
    let reason = failed.stage_reason.expect("a reason");
    assert!(reason.contains("RegisterCertificate") && reason.contains(world.controller.get("AD_FQDN")), "{reason}");

    world.register(&id, world.controller.authority()).expect("registered");
    world.app.run_jobs();
    let active = world.described(&id);
    assert_eq!((active.stage, active.stage_reason), (Some(DirectoryStage::Active), None));
    let enable = EnableLDAPSRequest { directory_id: id.to_string(), r#type: LDAPSType::Client };
    world.app.call::<ops::EnableLDAPS>(&world.root, enable).expect("enabled");
    world.app.run_jobs();
    let settings = model::ds::DescribeLDAPSSettingsRequest { directory_id: id.to_string(), ..Default::default() };
    let settings = world.app.call::<ops::DescribeLDAPSSettings>(&world.root, settings).expect("described");
    assert_eq!(settings.ldaps_settings_info.expect("one")[0].ldaps_status, Some(LDAPSStatus::Enabled));
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn start_tls_serves_where_ldaps_is_not_offered() {
    let world = world_with(Options { ldaps_port: 1, ..Options::default() });
    let id = world.connected();
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Active), "{:?}", world.described(&id).stage_reason);
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn a_wrong_service_password_fails_with_a_reason() {
    let world = world_with(Options::default());
    let mut input = world.controller.input();
    input.password = "not the password".to_owned();
    let id = world.connect(input);
    world.register(&id, world.controller.authority()).expect("registered");
    world.app.run_jobs();
    let failed = world.described(&id);
    assert_eq!(failed.stage, Some(DirectoryStage::Failed));
    let reason = failed.stage_reason.expect("a reason");
    assert!(reason.contains("svc-idp@corp.example.com") && reason.contains("password is not correct"), "{reason}");
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn another_authority_and_an_unknown_domain_are_refused() {
    let world = world();
    let id = world.connect(world.controller.input());
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut other = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    other.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    world.register(&id, other.self_signed(&key).expect("signed").pem()).expect("registered");
    world.app.run_jobs();
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Failed));

    let mut input = world.controller.input();
    input.name = "nowhere.example.net".to_owned();
    let id = world.connect(input);
    // An outage of DNS is given some time.
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Creating));
    world.app.clock.advance_seconds(130);
    world.app.run_jobs();
    let failed = world.described(&id);
    assert_eq!(failed.stage, Some(DirectoryStage::Failed));
    let reason = failed.stage_reason.expect("a reason");
    assert!(reason.contains("_ldap._tcp.dc._msdcs.nowhere.example.net"), "{reason}");
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn a_controller_that_is_down_is_passed_over() {
    let down = Ipv4Addr::new(127, 9, 9, 9).into();
    let known = Controller::find();
    let controllers =
        vec![("dc0.corp.example.com".to_owned(), down), (known.get("AD_FQDN").to_owned(), known.address())];
    let world = world_with(Options { controllers: [(known.domain(), controllers)].into(), ..Options::default() });
    let id = world.connected();
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Active), "{:?}", world.described(&id).stage_reason);
    let start = Instant::now();
    assert!(matches!(world.sign_in(&id, "alice", known.get("AD_USER_PW")), Authentication::Verified(_)));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
#[ignore = "needs a domain controller: tools/test runs it"]
fn a_changed_service_password_impairs_the_directory_until_it_is_told() {
    let world = world();
    let ad = &world.controller;
    let unit = ad.unit("Rotate");
    let dn = format!("CN=svc-rotate,{unit}");
    ad.modify(&ad.user(&unit, "svc-rotate"));
    ad.modify(&ad.password(&dn, "First-Passw0rd"));
    let mut input = ad.input();
    input.connect_settings.customer_user_name = "svc-rotate".to_owned();
    input.password = "First-Passw0rd".to_owned();
    let id = world.connect(input);
    world.register(&id, ad.authority()).expect("registered");
    world.app.run_jobs();
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Active), "{:?}", world.described(&id).stage_reason);

    ad.modify(&ad.password(&dn, "Second-Passw0rd"));
    world.app.clock.advance_seconds(301);
    world.app.run_jobs();
    let impaired = world.described(&id);
    assert_eq!(impaired.stage, Some(DirectoryStage::Impaired));
    assert!(impaired.stage_reason.is_some_and(|reason| reason.contains("svc-rotate@corp.example.com")));
    let input = model::vestibule::SetDirectoryServiceAccountRequest {
        directory_id: id.to_string(),
        user_name: "svc-rotate".to_owned(),
        password: "Second-Passw0rd".to_owned(),
    };
    let set = world.app.call::<model::vestibule::ops::SetDirectoryServiceAccount>(&world.root, input);
    set.expect("the account may do that");
    world.app.run_jobs();
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Active));
    ad.delete(&unit);
}
