//! An application with one account, whose directories are on a port where nobody listens.

use base::{AccountId, DirectoryId};
use directory::ldap::Patience;
use directory::{Directories, Options};
use kernel::app::Extensions;
use kernel::testing::{START, Setup, TestApp, root};
use kernel::{Caller, Event, Permission, Result};
use model::ds::{
    ConnectDirectoryRequest, DescribeDirectoriesRequest, DirectoryConnectSettings, DirectoryDescription, DirectorySize,
    ops,
};
use smithy::schema::Operation;
use std::net::Ipv4Addr;
use std::time::Duration;

/// A domain whose controller is known without DNS.
pub const REMOTE: &str = "other.example.net";

pub struct World {
    pub app: TestApp,
    pub root: Caller,
}

pub fn world() -> World {
    world_with(|extensions| extensions)
}

/// With what `extend` adds.
pub fn world_with(extend: impl FnOnce(Extensions) -> Extensions) -> World {
    let controller = ("dc1.corp.example.com".to_owned(), Ipv4Addr::LOCALHOST.into());
    let remote = (format!("dc9.{REMOTE}"), Ipv4Addr::new(127, 0, 0, 9).into());
    let second = Duration::from_secs(1);
    let options = Options {
        ldaps_port: 1,
        ldap_port: 1,
        controllers: [("corp.example.com".to_owned(), vec![controller]), (REMOTE.to_owned(), vec![remote])].into(),
        patience: Patience { connect: second, operation: second },
        ..Options::default()
    };
    let app = TestApp::new(Setup {
        routes: directory::routes().into_iter().chain(org::routes()).collect(),
        jobs: directory::jobs(),
        effects: |cx, event| match event {
            Event::AccountLeftOrganization { account, .. } => directory::share::on_account_left(cx, account),
            _ => Ok(()),
        },
        extensions: extend(Extensions::default().with(Directories::new(options))),
        ..Setup::default()
    });
    let account = AccountId::parse("111122223333").expect("valid");
    let root = root(&account);
    app.app
        .write_as(&root, &app.request(), |cx| {
            let active = iam::account::AccountState::Active;
            iam::account::create(&mut cx.write(), &account, "root@example.com", "Example", active, START)
        })
        .expect("a new account");
    World { app, root }
}

pub fn input() -> ConnectDirectoryRequest {
    ConnectDirectoryRequest {
        name: "Corp.Example.com".to_owned(),
        short_name: Some("CORP".to_owned()),
        password: "secret".to_owned(),
        size: DirectorySize::Small,
        connect_settings: DirectoryConnectSettings {
            customer_dns_ips: Some(vec!["127.0.0.1".to_owned()]),
            customer_dns_ips_v6: None,
            customer_user_name: "svc-idp".to_owned(),
            subnet_ids: vec!["subnet-11111111".to_owned(), "subnet-22222222".to_owned()],
            vpc_id: "vpc-11111111".to_owned(),
        },
        ..ConnectDirectoryRequest::default()
    }
}

impl World {
    pub fn call<O: Operation>(&self, input: O::In) -> Result<O::Out> {
        self.app.call::<O>(&self.root, input)
    }

    pub fn connect(&self) -> DirectoryId {
        let made = self.call::<ops::ConnectDirectory>(input()).expect("accepted");
        DirectoryId::parse(&made.directory_id.expect("an id")).expect("valid")
    }

    pub fn described(&self, id: &DirectoryId) -> DirectoryDescription {
        let input = DescribeDirectoriesRequest { directory_ids: Some(vec![id.to_string()]), ..Default::default() };
        let found = self.call::<ops::DescribeDirectories>(input).expect("described");
        found.directory_descriptions.and_then(|mut list| list.pop()).expect("one directory")
    }

    pub fn permission<O: Operation>(&self, input: &O::In) -> Permission {
        let route = self.app.app.registry().find(O::OP).expect("a route");
        let access = self.app.app.read_as(&self.root, &self.app.request(), |cx| route.access(cx, input));
        match access.expect("a rule") {
            kernel::Access::Permissions(mut permissions) => permissions.pop().expect("a permission"),
            other => panic!("{other:?}"),
        }
    }
}
