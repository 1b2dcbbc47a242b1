//! Where the controller is, and an application that is connected to it.

use base::{AccountId, DirectoryId, Secret};
use directory::ldap::Patience;
use directory::{Authentication, Directories, Options};
use kernel::app::Extensions;
use kernel::testing::{START, Setup, TestApp, root};
use kernel::{Caller, Result};
use model::ds::{
    ConnectDirectoryRequest, DescribeDirectoriesRequest, DirectoryConnectSettings, DirectoryDescription, DirectorySize,
    RegisterCertificateRequest, ops,
};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

pub struct Controller(HashMap<String, String>);

impl Controller {
    pub fn find() -> Self {
        let path = std::env::var("VESTIBULE_TEST_AD").expect("VESTIBULE_TEST_AD names the file of a domain controller");
        let text = std::fs::read_to_string(&path).expect("the file of VESTIBULE_TEST_AD can be read");
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Self(pairs.map(|(key, value)| (key.to_owned(), value.trim_matches('\'').to_owned())).collect())
    }

    pub fn get(&self, key: &str) -> &str {
        self.0.get(key).unwrap_or_else(|| panic!("the file of VESTIBULE_TEST_AD has no {key}"))
    }

    pub fn authority(&self) -> String {
        std::fs::read_to_string(self.get("AD_CA")).expect("the authority's certificate can be read")
    }

    pub fn address(&self) -> IpAddr {
        let url = self.get("AD_LDAPS_URL").trim_start_matches("ldaps://");
        url.split(':').next().and_then(|address| address.parse().ok()).expect("an address")
    }

    pub fn domain(&self) -> String {
        self.get("AD_REALM").to_lowercase()
    }

    pub fn user_password(&self) -> Secret {
        Secret::new(self.get("AD_USER_PW"))
    }

    pub fn input(&self) -> ConnectDirectoryRequest {
        ConnectDirectoryRequest {
            name: self.domain(),
            short_name: Some(self.get("AD_NB").to_owned()),
            password: self.get("AD_SVC_PW").to_owned(),
            size: DirectorySize::Small,
            connect_settings: DirectoryConnectSettings {
                customer_dns_ips: Some(vec![self.address().to_string()]),
                customer_dns_ips_v6: None,
                customer_user_name: "svc-idp".to_owned(),
                subnet_ids: vec!["subnet-11111111".to_owned(), "subnet-22222222".to_owned()],
                vpc_id: "vpc-11111111".to_owned(),
            },
            ..ConnectDirectoryRequest::default()
        }
    }
}

pub struct World {
    pub app: TestApp,
    pub root: Caller,
    pub controller: Controller,
}

pub fn account() -> AccountId {
    AccountId::parse("111122223333").expect("valid")
}

pub fn world() -> World {
    world_with(Options {
        patience: Patience { connect: Duration::from_secs(5), operation: Duration::from_secs(30) },
        ..Options::default()
    })
}

pub fn world_with(options: Options) -> World {
    let setup = Setup {
        routes: directory::routes(),
        jobs: directory::jobs(),
        extensions: Extensions::default().with(Directories::new(options)),
        ..Setup::default()
    };
    let app = TestApp::new(setup);
    let root = root(&account());
    app.app
        .write_as(&root, &app.request(), |cx| {
            let active = iam::account::AccountState::Active;
            iam::account::create(&mut cx.write(), &account(), "root@example.com", "Example", active, START)
        })
        .expect("a new account");
    World { app, root, controller: Controller::find() }
}

impl World {
    pub fn connect(&self, input: ConnectDirectoryRequest) -> DirectoryId {
        let made = self.app.call::<ops::ConnectDirectory>(&self.root, input).expect("accepted");
        let id = DirectoryId::parse(&made.directory_id.expect("an id")).expect("valid");
        self.app.run_jobs();
        id
    }

    /// A directory with the right certificate.
    pub fn connected(&self) -> DirectoryId {
        let id = self.connect(self.controller.input());
        self.register(&id, self.controller.authority()).expect("registered");
        self.app.run_jobs();
        id
    }

    pub fn register(&self, id: &DirectoryId, certificate_data: String) -> Result<String> {
        let input = RegisterCertificateRequest {
            directory_id: id.to_string(),
            certificate_data,
            ..RegisterCertificateRequest::default()
        };
        let made = self.app.call::<ops::RegisterCertificate>(&self.root, input)?;
        Ok(made.certificate_id.expect("an id"))
    }

    pub fn described(&self, id: &DirectoryId) -> DirectoryDescription {
        let input = DescribeDirectoriesRequest { directory_ids: Some(vec![id.to_string()]), ..Default::default() };
        let found = self.app.call::<ops::DescribeDirectories>(&self.root, input).expect("described");
        found.directory_descriptions.and_then(|mut list| list.pop()).expect("one directory")
    }

    pub fn sign_in(&self, id: &DirectoryId, name: &str, password: &str) -> Authentication {
        directory::authenticate(&self.app.app, id, name, &Secret::new(password)).expect("an outcome")
    }
}
