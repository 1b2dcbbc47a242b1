//! Against OpenLDAP: nothing depends on the ways of one vendor where there is a standard. `VESTIBULE_TEST_OPENLDAP` names a
//! file with the lines that say where the server is (`LDAP_PORT='…'`, …). `tools/test` starts one and runs these.

use crate::support::{Controller, World, world_of};
use base::{DirectoryId, Secret};
use directory::ldap::{Connection, Depth, Distrust, Endpoint, Filter, LdapError, Patience, Search, Trust, code};
use directory::sync::{Kind, Report};
use directory::{Authentication, Options};
use identity::user::Status;
use model::ds::{ConnectDirectoryRequest, DirectoryConnectSettings, DirectorySize, DirectoryStage};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::Duration;

const PATIENCE: Patience = Patience { connect: Duration::from_secs(5), operation: Duration::from_secs(20) };
const PERSON_PASSWORD: &str = "Person-Passw0rd1";

struct Server(Controller);

impl Server {
    fn find() -> Self {
        Self(Controller::named_by("VESTIBULE_TEST_OPENLDAP"))
    }

    fn port(&self, name: &str) -> u16 {
        self.0.get(name).parse().expect("a port")
    }

    fn authority(&self) -> String {
        std::fs::read_to_string(self.0.get("LDAP_CA")).expect("the authority's certificate can be read")
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            host: self.0.get("LDAP_FQDN").to_owned(),
            address: Ipv4Addr::LOCALHOST.into(),
            ldaps_port: self.port("LDAP_LDAPS_PORT"),
            ldap_port: self.port("LDAP_PORT"),
        }
    }

    fn trust(&self) -> Trust {
        Trust::new(&[self.authority()], false).expect("trust")
    }

    /// A connection of the account that may read everything.
    fn connection(&self) -> Connection {
        let mut connection = Connection::open(&self.endpoint(), &self.trust(), PATIENCE).expect("open");
        let password = Secret::new(self.0.get("LDAP_SVC_PW"));
        let bound = connection.bind(self.0.get("LDAP_SVC_DN"), &password).expect("an answer");
        assert_eq!(bound.code, code::SUCCESS, "{}", bound.message);
        connection
    }

    fn tool(&self, tool: &str, arguments: &[&str], ldif: &str) -> bool {
        let url = format!("ldaps://127.0.0.1:{}", self.0.get("LDAP_LDAPS_PORT"));
        let mut child = Command::new(tool)
            .args(["-x", "-H", &url, "-D", self.0.get("LDAP_ADMIN"), "-w", self.0.get("LDAP_ADMIN_PW")])
            .args(arguments)
            .env("LDAPTLS_CACERT", self.0.get("LDAP_CA"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the LDAP tools are installed with the server");
        child.stdin.take().expect("piped").write_all(ldif.as_bytes()).expect("the tool reads");
        child.wait().expect("the tool ends").success()
    }

    fn modify(&self, ldif: &str) {
        assert!(self.tool("ldapmodify", &[], ldif), "{ldif}");
    }

    /// An empty unit for one test.
    fn unit(&self, name: &str) -> String {
        let dn = format!("OU={name},{}", self.0.get("LDAP_BASE"));
        self.tool("ldapdelete", &["-r", &dn], "");
        self.modify(&format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\n"));
        dn
    }

    /// The LDIF of a user with an id of 16 bytes.
    fn user(&self, unit: &str, name: &str, account: &str, id: &str) -> String {
        assert_eq!(id.len(), 16);
        format!(
            "dn: CN={name},{unit}\nchangetype: add\nobjectClass: user\nobjectCategory: person\n\
             sAMAccountName: {account}\nobjectGUID: {id}\nuserAccountControl: 512\ndisplayName: Same Name\n\
             userPrincipalName: {account}@corp.example.com\nuserPassword: {PERSON_PASSWORD}\n\n"
        )
    }

    fn group(&self, unit: &str, name: &str, id: &str, members: &[String]) -> String {
        let members = members.iter().map(|dn| format!("member: {dn}\n")).collect::<String>();
        format!(
            "dn: CN={name},{unit}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}\nobjectGUID: {id}\n\
             {members}\n"
        )
    }

    fn options(&self) -> Options {
        let controllers = vec![(self.0.get("LDAP_FQDN").to_owned(), Ipv4Addr::LOCALHOST.into())];
        Options {
            ldaps_port: self.port("LDAP_LDAPS_PORT"),
            ldap_port: self.port("LDAP_PORT"),
            controllers: [(self.0.get("LDAP_DOMAIN").to_owned(), controllers)].into(),
            patience: PATIENCE,
            ..Options::default()
        }
    }

    /// An application that is connected to the server, by an account that is named by its distinguished name.
    fn connected(&self, options: Options) -> (World, DirectoryId) {
        let world = world_of(Self::find().0, options);
        let input = ConnectDirectoryRequest {
            name: self.0.get("LDAP_DOMAIN").to_owned(),
            short_name: Some("CORP".to_owned()),
            password: self.0.get("LDAP_SVC_PW").to_owned(),
            size: DirectorySize::Small,
            connect_settings: DirectoryConnectSettings {
                customer_dns_ips: Some(vec!["127.0.0.1".to_owned()]),
                customer_user_name: "svc-idp".to_owned(),
                subnet_ids: vec!["subnet-11111111".to_owned(), "subnet-22222222".to_owned()],
                vpc_id: "vpc-11111111".to_owned(),
                ..DirectoryConnectSettings::default()
            },
            ..ConnectDirectoryRequest::default()
        };
        let id = world.connect(input);
        world.register(&id, self.authority()).expect("registered");
        let password = Secret::new(self.0.get("LDAP_SVC_PW"));
        let dn = self.0.get("LDAP_SVC_DN");
        world.write(|cx| directory::set_service_account(cx, &id, dn, &password));
        world.app.run_jobs();
        (world, id)
    }
}

fn below(base: &str, filter: Filter, limit: u32) -> Search<'_> {
    Search { base, depth: Depth::Subtree, filter, attributes: &["sAMAccountName"], shows_deleted: false, limit }
}

#[test]
#[ignore = "needs an OpenLDAP server: tools/test runs it"]
fn pages_limits_and_results_are_those_of_the_standards() {
    const COUNT: usize = 250;
    let server = Server::find();
    let unit = server.unit("Pages");
    let person =
        |number| server.user(&unit, &format!("page{number}"), &format!("page{number}"), &format!("page-{number:011}"));
    server.modify(&(0..COUNT).map(person).collect::<String>());
    let mut connection = server.connection();
    // The server gives a hundred at once, and the rest to those who ask page by page.
    let all = connection.find(&below(&unit, Filter::is_user(), 0), COUNT).expect("found");
    let names: BTreeSet<_> = all.iter().filter_map(|entry| entry.text("sAMAccountName")).collect();
    assert_eq!(names.len(), COUNT);
    assert_eq!(connection.find(&below(&unit, Filter::is_user(), 7), 10).expect("found").len(), 7);
    assert!(matches!(connection.find(&below(&unit, Filter::is_user(), 0), 5), Err(LdapError::TooMuch(_))));

    let mut connection = server.connection();
    assert!(connection.entry(&format!("CN=nobody,{unit}"), &["cn"]).expect("an answer").is_none());
    let nowhere = connection.find(&below("DC=elsewhere,DC=example", Filter::is_user(), 0), 10);
    assert!(
        matches!(&nowhere, Err(LdapError::Refused(outcome)) if outcome.code == code::NO_SUCH_OBJECT),
        "{nowhere:?}"
    );
    // With the whole domain comes a reference to another server, which is not followed.
    let base = server.0.get("LDAP_BASE");
    assert!(connection.find(&below(base, Filter::is_user(), 0), 100_000).expect("found").len() >= COUNT);
    for (name, password) in [(server.0.get("LDAP_SVC_DN"), "wrong"), ("CN=nobody,DC=example,DC=com", "wrong")] {
        let bound = connection.bind(name, &Secret::new(password)).expect("an answer");
        assert_eq!(bound.code, code::INVALID_CREDENTIALS, "{name}");
    }
    server.tool("ldapdelete", &["-r", &unit], "");
}

#[test]
#[ignore = "needs an OpenLDAP server: tools/test runs it"]
fn filters_are_values_whatever_is_in_them() {
    let server = Server::find();
    let unit = server.unit("Filters");
    let names = ["star*", "paren)(objectClass=*", "back\\slash", "zoë ♥"];
    for (number, name) in names.iter().enumerate() {
        server.modify(&server.user(&unit, &format!("filter{number}"), name, &format!("filter\\()*-{number:05}")));
    }
    let mut connection = server.connection();
    for (number, name) in names.iter().enumerate() {
        let found = connection.find(&below(&unit, Filter::equal("sAMAccountName", name), 0), 10).expect("found");
        assert_eq!(found.iter().filter_map(|entry| entry.text("sAMAccountName")).collect::<Vec<_>>(), [*name]);
        let id = format!("filter\\()*-{number:05}").into_bytes();
        let found = connection.find(&below(&unit, Filter::Equal("objectGUID", id), 0), 10).expect("found");
        assert_eq!(found.len(), 1, "{name}");
    }
    for name in ["*", "star", "s*", "paren)(", "\\2a", "a\0b"] {
        let found = connection.find(&below(&unit, Filter::equal("sAMAccountName", name), 0), 10);
        assert!(found.as_ref().is_ok_and(Vec::is_empty), "{name}: {found:?}");
    }
    server.tool("ldapdelete", &["-r", &unit], "");
}

#[test]
#[ignore = "needs an OpenLDAP server: tools/test runs it"]
fn nothing_is_said_without_tls_to_the_right_server() {
    let server = Server::find();
    let open = |endpoint: &Endpoint, trust: &Trust| Connection::open(endpoint, trust, PATIENCE).map(drop);
    let start_tls = Endpoint { ldaps_port: 1, ..server.endpoint() };
    let plain = Endpoint { ldap_port: server.port("LDAP_PLAIN_PORT"), ..start_tls.clone() };
    open(&server.endpoint(), &server.trust()).expect("LDAPS");
    open(&start_tls, &server.trust()).expect("StartTLS");
    assert!(matches!(open(&plain, &server.trust()), Err(LdapError::OnlyPlain)));

    let nobody = Trust::new(&[], false).expect("trust");
    for endpoint in [server.endpoint(), start_tls] {
        let stranger = open(&endpoint, &nobody);
        assert!(matches!(stranger, Err(LdapError::Certificate(Distrust::UnknownAuthority, _))), "{stranger:?}");
        let other = open(&Endpoint { host: "dc9.corp.example.com".to_owned(), ..endpoint }, &server.trust());
        assert!(matches!(other, Err(LdapError::Certificate(Distrust::WrongName, _))), "{other:?}");
    }
}

#[test]
#[ignore = "needs an OpenLDAP server: tools/test runs it"]
fn a_server_without_tls_is_used_only_where_the_operator_says_so() {
    let server = Server::find();
    let plain = || Options { ldaps_port: 1, ldap_port: server.port("LDAP_PLAIN_PORT"), ..server.options() };
    let (world, id) = server.connected(plain());
    let failed = world.described(&id);
    assert_eq!(failed.stage, Some(DirectoryStage::Failed));
    let reason = failed.stage_reason.expect("a reason");
    assert!(reason.contains("neither LDAPS nor StartTLS"), "{reason}");
    let (world, id) = server.connected(Options { allows_plain_ldap: true, ..plain() });
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Active), "{:?}", world.described(&id).stage_reason);
}

#[test]
#[ignore = "needs an OpenLDAP server: tools/test runs it"]
fn people_and_groups_are_synchronized_and_sign_in() {
    let server = Server::find();
    let unit = server.unit("People");
    let people = [("O'Hara\\, Zoë (ext) #1", "ol-zoe"), ("Ann", "ol-ann"), ("Ben", "ol-ben")];
    for (number, (name, account)) in people.iter().enumerate() {
        server.modify(&server.user(&unit, name, account, &format!("person-{number:09}")));
    }
    let dn = |name: &str| format!("CN={name},{unit}");
    server.modify(&server.group(
        &unit,
        "ol-inner",
        "group-0000000001",
        &[dn("O'Hara\\, Zoë (ext) #1"), dn("ol-outer")],
    ));
    server.modify(&server.group(&unit, "ol-outer", "group-0000000002", &[dn("Ann"), dn("Ben"), dn("ol-inner")]));
    let (world, id) = server.connected(server.options());
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Active), "{:?}", world.described(&id).stage_reason);
    let store = world.store(&id);
    world.choose(&store, Kind::Group, "ol-outer");
    world.run(&store);
    let names = |short: &[&str]| short.iter().map(|name| format!("{name}@corp.example.com")).collect::<BTreeSet<_>>();
    let everybody = names(&["ol-zoe", "ol-ann", "ol-ben"]);
    assert_eq!(world.users(&store).into_keys().collect::<BTreeSet<_>>(), everybody);
    assert_eq!(world.groups(&store)["ol-outer@corp.example.com"], everybody);
    assert_eq!(world.groups(&store)["ol-inner@corp.example.com"], everybody, "in a circle");
    // The server counts no changes, and is read again as a whole.
    assert!(matches!(world.run(&store), Report::Changed(difference) if difference.is_empty()));

    let sign_in = |name: &str, password: &str| world.sign_in(&id, name, password);
    for name in ["ol-zoe", "CORP\\OL-ANN", "ol-ben@corp.example.com"] {
        let outcome = sign_in(name, PERSON_PASSWORD);
        assert!(matches!(outcome, Authentication::Verified(_)), "{name}: {outcome:?}");
    }
    assert!(matches!(sign_in("ol-ann", "wrong"), Authentication::WrongPassword(_)));
    assert_eq!(sign_in("ol-nobody", PERSON_PASSWORD), Authentication::Unknown);

    let before = world.users(&store)["ol-ann@corp.example.com"].id.clone();
    server.modify(&format!("dn: {}\nchangetype: modrdn\nnewrdn: CN=Anna\ndeleteoldrdn: 1\n", dn("Ann")));
    let rename = "changetype: modify\nreplace: sAMAccountName\nsAMAccountName: ol-anna\n";
    server.modify(&format!("dn: {}\n{rename}", dn("Anna")));
    // The server leaves references as they are.
    let members =
        format!("changetype: modify\ndelete: member\nmember: {}\n-\nadd: member\nmember: {}\n", dn("Ann"), dn("Anna"));
    server.modify(&format!("dn: {}\n{members}", dn("ol-outer")));
    let disable = "changetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n";
    server.modify(&format!("dn: {}\n{disable}", dn("Ben")));
    assert!(server.tool("ldapdelete", &[&dn("O'Hara\\, Zoë (ext) #1")], ""));
    world.run(&store);
    let users = world.users(&store);
    assert_eq!(users.keys().cloned().collect::<BTreeSet<_>>(), names(&["ol-anna", "ol-ben"]));
    assert_eq!(users["ol-anna@corp.example.com"].id, before);
    assert_eq!(users["ol-ben@corp.example.com"].status, Status::Disabled);
    server.tool("ldapdelete", &["-r", &unit], "");
}
