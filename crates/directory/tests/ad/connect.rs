use crate::support::{world, world_with};
use directory::Options;
use model::ds::{DirectoryStage, EnableLDAPSRequest, LDAPSStatus, LDAPSType, ops};

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
