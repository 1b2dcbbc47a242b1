//! Where the controller is, and an application that is connected to it.

use base::{AccountId, DirectoryId, IdentityStoreId, Secret};
use base64::Engine as _;
use directory::ldap::Patience;
use directory::sync::{self, Kind, Report};
use directory::{Authentication, Directories, Options};
use identity::user::User;
use kernel::app::Extensions;
use kernel::testing::{START, Setup, TestApp, root};
use kernel::{Caller, Result, WriteCx};
use model::ds::{
    ConnectDirectoryRequest, DescribeDirectoriesRequest, DirectoryConnectSettings, DirectoryDescription, DirectorySize,
    RegisterCertificateRequest, ops,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

pub struct Controller(HashMap<String, String>);

impl Controller {
    pub fn find() -> Self {
        Self::named_by("VESTIBULE_TEST_AD")
    }

    /// That of the file which the variable names.
    pub fn named_by(variable: &str) -> Self {
        let path = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} names the file of a server"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{variable}: {path}: {error}"));
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Self(pairs.map(|(key, value)| (key.to_owned(), value.trim_matches('\'').to_owned())).collect())
    }

    pub fn get(&self, key: &str) -> &str {
        self.0.get(key).unwrap_or_else(|| panic!("the file of the server has no {key}"))
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
    world_of(Controller::find(), options)
}

pub fn world_of(controller: Controller, options: Options) -> World {
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
    World { app, root, controller }
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

impl Controller {
    /// What a tool says.
    pub fn output(&self, tool: &str, arguments: &[&str]) -> String {
        let output = Command::new(tool)
            .args(["-x", "-H", self.get("AD_LDAPS_URL"), "-D", self.get("AD_ADMIN"), "-w", self.get("AD_ADMIN_PW")])
            .args(arguments)
            .env("LDAPTLS_CACERT", self.get("AD_CA"))
            .output()
            .expect("the LDAP tools are installed with the controller");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Has a tool of OpenLDAP do something as the domain's administrator; whether it did.
    pub fn tool(&self, tool: &str, arguments: &[&str], ldif: &str) -> bool {
        let mut child = Command::new(tool)
            .args(["-x", "-H", self.get("AD_LDAPS_URL"), "-D", self.get("AD_ADMIN"), "-w", self.get("AD_ADMIN_PW")])
            .args(arguments)
            .env("LDAPTLS_CACERT", self.get("AD_CA"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the LDAP tools are installed with the controller");
        child.stdin.take().expect("piped").write_all(ldif.as_bytes()).expect("the tool reads");
        child.wait().expect("the tool ends").success()
    }

    /// An attribute of an entry, as its administrator reads it.
    pub fn attribute(&self, dn: &str, name: &str) -> Option<String> {
        let output = Command::new("ldapsearch")
            .args(["-x", "-LLL", "-o", "ldif-wrap=no", "-H", self.get("AD_LDAPS_URL"), "-D", self.get("AD_ADMIN")])
            .args(["-w", self.get("AD_ADMIN_PW"), "-s", "base", "-b", dn, name])
            .env("LDAPTLS_CACERT", self.get("AD_CA"))
            .output()
            .expect("the LDAP tools are installed with the controller");
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(str::to_owned)
    }

    /// Changes the directory as its administrator.
    pub fn modify(&self, ldif: &str) {
        assert!(self.tool("ldapmodify", &[], ldif), "{ldif}");
    }

    /// Deletes an entry and those below it, if it is there.
    pub fn delete(&self, dn: &str) {
        self.tool("ldapdelete", &["-r", dn], "");
    }

    /// An empty organizational unit for one test.
    pub fn unit(&self, name: &str) -> String {
        let dn = format!("OU={name},{}", self.get("AD_BASE"));
        self.delete(&dn);
        self.modify(&format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\n"));
        dn
    }

    /// The LDIF of a user without a password.
    pub fn user(&self, unit: &str, name: &str) -> String {
        format!(
            "dn: CN={name},{unit}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\n\
             userPrincipalName: {name}@{}\ndisplayName: Same Name\nuserAccountControl: 544\n\n",
            self.domain()
        )
    }

    /// The LDIF that gives an entry a password.
    pub fn password(&self, dn: &str, password: &str) -> String {
        let quoted: Vec<u8> = format!("\"{password}\"").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let value = base64::engine::general_purpose::STANDARD.encode(quoted);
        format!("dn: {dn}\nchangetype: modify\nreplace: unicodePwd\nunicodePwd:: {value}\n\n")
    }

    /// The LDIF of a group with members.
    pub fn group(&self, unit: &str, name: &str, members: &[String]) -> String {
        let members = members.iter().map(|dn| format!("member: {dn}\n")).collect::<String>();
        format!(
            "dn: CN={name},{unit}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}\n\
             groupType: -2147483646\n{members}\n"
        )
    }
}

impl World {
    pub fn write<T>(&self, work: impl FnMut(&mut WriteCx<'_>) -> Result<T>) -> T {
        self.app.app.write_as(&self.root, &self.app.request(), work).expect("written")
    }

    /// An identity store that takes its people from the directory.
    pub fn store(&self, directory: &DirectoryId) -> IdentityStoreId {
        let store = self.write(|cx| identity::store::create(cx, &account()));
        let set = self.write(|cx| directory::source::set_active_directory(cx, &store.id, directory));
        set.expect("the directory is usable");
        store.id
    }

    pub fn choose(&self, store: &IdentityStoreId, kind: Kind, name: &str) {
        self.write(|cx| sync::choose(cx, store, kind, name));
    }

    pub fn run(&self, store: &IdentityStoreId) -> Report {
        sync::run(&self.app.app, store).expect("works").expect("reachable")
    }

    /// The users of the store by name.
    pub fn users(&self, store: &IdentityStoreId) -> BTreeMap<String, User> {
        let users = self.app.app.store.read(|tx| identity::user::list(tx, store, START_OF_TIME, 10_000));
        users.expect("listed").into_iter().map(|user| (user.user_name.clone(), user)).collect()
    }

    /// The groups of the store by name, each with the names of its members.
    pub fn groups(&self, store: &IdentityStoreId) -> BTreeMap<String, BTreeSet<String>> {
        let names: BTreeMap<_, _> = self.users(store).into_values().map(|user| (user.id, user.user_name)).collect();
        let read = self.app.app.store.read(|tx| {
            let groups = identity::group::list(tx, store, START_OF_TIME, 10_000)?;
            let members = |tx: &mut kernel::Tx, group: &identity::group::Group| {
                let ids = identity::membership::members_of(tx, &group.id, None, 10_000)?;
                Ok((group.display_name.clone(), ids.iter().map(|id| names[id].clone()).collect()))
            };
            groups.iter().map(|group| members(tx, group)).collect()
        });
        read.expect("read")
    }
}

const START_OF_TIME: (base::Timestamp, &str) = (base::Timestamp::from_micros(0), "");
