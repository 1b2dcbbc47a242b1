use crate::support::world;
use kernel::testing::code;
use model::ds::{
    CertificateState, CertificateType, DeregisterCertificateRequest, DescribeCertificateRequest, EnableLDAPSRequest,
    LDAPSType, ListCertificatesRequest, RegisterCertificateRequest, ops,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, date_time_ymd};

fn authority(name: &str, year: i32) -> String {
    let mut parameters = CertificateParams::new(Vec::new()).expect("parameters");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_after = date_time_ymd(year, 1, 2);
    parameters.self_signed(&KeyPair::generate().expect("a key")).expect("signed").pem()
}

#[test]
fn certificates_are_registered_shown_and_taken_back() {
    let world = world();
    let id = world.connect().to_string();
    let register = |certificate_data: &str| {
        let input = RegisterCertificateRequest {
            directory_id: id.clone(),
            certificate_data: certificate_data.to_owned(),
            ..RegisterCertificateRequest::default()
        };
        world.call::<ops::RegisterCertificate>(input)
    };
    let pem = authority("Corp CA", 2060);
    let certificate_id = register(&pem).expect("registered").certificate_id.expect("an id");
    assert_eq!(code(register(&format!("{pem}\n"))), "CertificateAlreadyExistsException");
    assert_eq!(code(register("no certificate")), "InvalidCertificateException");
    assert_eq!(code(register(&authority("Old", 2020))), "InvalidCertificateException");
    let both = format!("{}{}", authority("A", 2060), authority("B", 2060));
    assert_eq!(code(register(&both)), "InvalidCertificateException");

    let describe = || DescribeCertificateRequest { directory_id: id.clone(), certificate_id: certificate_id.clone() };
    let shown = world.call::<ops::DescribeCertificate>(describe()).expect("described").certificate.expect("one");
    assert_eq!(shown.common_name.as_deref(), Some("Corp CA"));
    assert_eq!(shown.expiry_date_time.map(base::Timestamp::iso8601).as_deref(), Some("2060-01-02T00:00:00Z"));
    assert_eq!((shown.state, shown.r#type), (Some(CertificateState::Registered), Some(CertificateType::ClientLDAPS)));
    for number in 0..4 {
        register(&authority(&format!("CA {number}"), 2060)).expect("registered");
    }
    assert_eq!(code(register(&authority("Sixth", 2060))), "CertificateLimitExceededException");
    let list = ListCertificatesRequest { directory_id: id.clone(), limit: Some(3), next_token: None };
    let page = world.call::<ops::ListCertificates>(list).expect("listed");
    assert_eq!(page.certificates_info.map(|list| list.len()), Some(3));
    assert!(page.next_token.is_some());

    let deregister =
        || DeregisterCertificateRequest { directory_id: id.clone(), certificate_id: certificate_id.clone() };
    world.call::<ops::DeregisterCertificate>(deregister()).expect("taken back");
    assert_eq!(code(world.call::<ops::DeregisterCertificate>(deregister())), "CertificateDoesNotExistException");
    assert_eq!(code(world.call::<ops::DescribeCertificate>(describe())), "CertificateDoesNotExistException");
}

#[test]
fn what_belongs_to_no_directory_or_is_too_early_is_refused() {
    let world = world();
    let id = world.connect().to_string();
    let enable = |directory_id: &str| {
        let input = EnableLDAPSRequest { directory_id: directory_id.to_owned(), r#type: LDAPSType::Client };
        world.call::<ops::EnableLDAPS>(input)
    };
    assert_eq!(code(enable("d-0000000000")), "DirectoryDoesNotExistException");
    assert_eq!(code(enable(&id)), "DirectoryUnavailableException");
    let smart_card = RegisterCertificateRequest {
        directory_id: id,
        certificate_data: authority("Corp CA", 2060),
        r#type: Some(CertificateType::ClientCertAuth),
        ..RegisterCertificateRequest::default()
    };
    assert_eq!(code(world.call::<ops::RegisterCertificate>(smart_card)), "UnsupportedOperationException");
}
