//! An application whose directory is connected to a double of a controller, for tests.

use crate::ldap::Patience;
use crate::ldap::double::{HOST, Wire, closed_port, issued, listen};
use crate::{Directories, Options};
use base::{AccountId, DirectoryId, IdentityStoreId};
use kernel::Caller;
use kernel::app::Extensions;
use kernel::testing::{START, Setup, TestApp, root};
use model::ds::{ConnectDirectoryRequest, DirectoryConnectSettings, DirectorySize, RegisterCertificateRequest, ops};
use std::net::Ipv4Addr;
use std::time::Duration;

/// The application, an identity store of the account, and the directory, which is Active.
pub(crate) struct Connected {
    pub app: TestApp,
    pub store: IdentityStoreId,
    pub directory: DirectoryId,
}

fn account() -> AccountId {
    AccountId::parse("111122223333").expect("valid")
}

/// The root user of the account that has the directory.
pub(crate) fn administrator() -> Caller {
    root(&account())
}

/// The domain `corp.example.com`, each connection to whose controller is served by `serve`.
pub(crate) fn connected(serve: impl Fn(&mut dyn Wire) + Clone + Send + 'static) -> Connected {
    let (authority, config) = issued(HOST, false);
    let options = Options {
        ldaps_port: listen(Some(config), serve),
        ldap_port: closed_port(),
        controllers: [("corp.example.com".to_owned(), vec![(HOST.to_owned(), Ipv4Addr::LOCALHOST.into())])].into(),
        patience: Patience { connect: Duration::from_secs(5), operation: Duration::from_secs(60) },
        ..Options::default()
    };
    let app = TestApp::new(Setup {
        routes: crate::routes(),
        jobs: crate::jobs(),
        extensions: Extensions::default().with(Directories::new(options)),
        ..Setup::default()
    });
    let (root, account) = (administrator(), account());
    let write = |cx: &mut kernel::WriteCx<'_>| {
        let active = iam::account::AccountState::Active;
        iam::account::create(&mut cx.write(), &account, "root@example.com", "Example", active, START)?;
        identity::store::create(cx, &account)
    };
    let store = app.app.write_as(&root, &app.request(), write).expect("written").id;
    let connect = ConnectDirectoryRequest {
        name: "corp.example.com".to_owned(),
        password: "secret".to_owned(),
        size: DirectorySize::Small,
        connect_settings: DirectoryConnectSettings {
            customer_dns_ips: Some(vec!["127.0.0.1".to_owned()]),
            customer_user_name: "svc".to_owned(),
            subnet_ids: vec!["subnet-11111111".to_owned(), "subnet-22222222".to_owned()],
            vpc_id: "vpc-11111111".to_owned(),
            ..DirectoryConnectSettings::default()
        },
        ..ConnectDirectoryRequest::default()
    };
    let id = app.call::<ops::ConnectDirectory>(&root, connect).expect("accepted").directory_id.expect("an id");
    let directory = DirectoryId::parse(&id).expect("valid");
    let register = RegisterCertificateRequest {
        directory_id: id,
        certificate_data: authority,
        ..RegisterCertificateRequest::default()
    };
    app.call::<ops::RegisterCertificate>(&root, register).expect("registered");
    app.run_jobs();
    Connected { app, store, directory }
}
