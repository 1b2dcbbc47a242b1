//! A domain of one person, on a double that keeps the person's password.

use super::{NotChanged, Rule, change, is_offered, quoted};
use crate::ldap::ber::{self, ENUMERATED, OCTETS, SEQUENCE, SET};
use crate::ldap::double::{Wire, contains, message, reply, request, result};
use crate::object_id::ObjectId;
use crate::sign_in::{Because, Checked, check};
use crate::source;
use crate::testing::{Connected, administrator, connected};
use base::{DirectoryId, IdentityStoreId, IdentityUserId, Secret};
use identity::user::{Status, User};
use kernel::testing::{START, TestApp};
use std::sync::{Arc, Mutex};

const BASE: &str = "DC=corp,DC=example,DC=com";
const DN: &str = "CN=Wes,OU=Users,OU=CORP,DC=corp,DC=example,DC=com";
const ID: [u8; 16] = [7; 16];
const GIVEN: &str = "Given-Passw0rd-1";
const OWN: &str = "Wide-River-77";
const ADDRESS: &str = "192.0.2.1";

/// What the controller knows of the person.
struct Person {
    password: String,
    /// The code behind `data` with which a right password is refused.
    state: Option<&'static str>,
    /// What the domain says to every new password.
    refusal: Option<&'static str>,
    changes: usize,
}

fn found(name: &str, attributes: &[(&str, &[u8])]) -> Vec<u8> {
    let attribute = |(name, value): &(&str, &[u8])| {
        ber::group(SEQUENCE, &[ber::text(name), ber::group(SET, &[ber::value(OCTETS, value)])])
    };
    let attributes: Vec<_> = attributes.iter().map(attribute).collect();
    ber::group(0x64, &[ber::text(name), ber::group(SEQUENCE, &attributes)])
}

fn said(tag: u8, code: u32, text: &str) -> Vec<u8> {
    ber::group(tag, &[ber::integer(ENUMERATED, code), ber::text(""), ber::text(text)])
}

fn place(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

impl Person {
    fn bound(&self, bytes: &[u8]) -> Vec<u8> {
        let data = match self.state {
            _ if !contains(bytes, &self.password) => "52e",
            None => return result(0x61, 0),
            Some(state) => state,
        };
        said(
            0x61,
            49,
            &format!("80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1"),
        )
    }

    /// Takes what removes the present password and then adds another one, and nothing else.
    fn changed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let edit = |edit, password: &[u8]| {
            let values = ber::group(SET, &[ber::value(OCTETS, password)]);
            let attribute = ber::group(SEQUENCE, &[ber::text("unicodePwd"), values]);
            ber::group(SEQUENCE, &[ber::integer(ENUMERATED, edit), attribute])
        };
        let removed = place(bytes, &edit(1, &quoted(&Secret::new(self.password.as_str()))));
        let added = place(bytes, &edit(0, &quoted(&Secret::new(OWN))));
        let refused = |text: &str| said(0x67, 19, &format!("00000000: Constraint violation - {text}"));
        match (removed, added) {
            (Some(removed), Some(added)) if removed < added && contains(bytes, DN) => {}
            _ => return refused("check_password_restrictions: The old password specified doesn't match!"),
        }
        if let Some(text) = self.refusal {
            return refused(text);
        }
        (self.password, self.state) = (OWN.to_owned(), None);
        self.changes += 1;
        result(0x67, 0)
    }
}

fn serve(wire: &mut dyn Wire, person: &Mutex<Person>) {
    while let Some((id, bytes)) = request(wire) {
        let mut person = person.lock().expect("no panic");
        let mut out = Vec::new();
        if contains(&bytes, "svc@") {
            out.extend(message(id, &[result(0x61, 0)]));
        } else if contains(&bytes, "unicodePwd") {
            out.extend(message(id, &[person.changed(&bytes)]));
        } else if contains(&bytes, DN) {
            out.extend(message(id, &[person.bound(&bytes)]));
        } else {
            if contains(&bytes, "defaultNamingContext") {
                out.extend(message(id, &[found("", &[("defaultNamingContext", BASE.as_bytes())])]));
            } else if contains(&bytes, "person") {
                let attributes = [("objectGUID", &ID[..]), ("sAMAccountName", b"wes"), ("badPwdCount", b"0")];
                out.extend(message(id, &[found(DN, &attributes)]));
            }
            out.extend(message(id, &[result(0x65, 0)]));
        }
        reply(wire, &out);
    }
}

struct World {
    app: TestApp,
    store: IdentityStoreId,
    directory: DirectoryId,
    user: User,
    person: Arc<Mutex<Person>>,
}

fn world() -> World {
    let person = Person { password: GIVEN.to_owned(), state: Some("773"), refusal: None, changes: 0 };
    let person = Arc::new(Mutex::new(person));
    let served = Arc::clone(&person);
    let Connected { app, store, directory } = connected(move |wire| serve(wire, &served));
    let user = User {
        id: IdentityUserId::parse("11111111-2222-4333-8444-555555555555").expect("valid"),
        store: store.clone(),
        // What the account was called when it was read last.
        user_name: "wesley@corp.example.com".to_owned(),
        display_name: None,
        status: Status::Enabled,
        attributes: Default::default(),
        source_id: Some(ObjectId::from(ID).to_string()),
        created_at: START,
        created_by: "test".to_owned(),
        updated_at: START,
        updated_by: "test".to_owned(),
        revision: 1,
    };
    let take = |cx: &mut kernel::WriteCx<'_>| {
        source::set_active_directory(cx, &store, &directory)?.expect("the directory is Active");
        identity::user::insert(&mut cx.write(), &user)
    };
    app.app.write_as(&administrator(), &app.request(), take).expect("written");
    World { app, store, directory, user, person }
}

impl World {
    fn change(&self, present: &str, new: &str) -> Result<(), NotChanged> {
        let (present, new) = (Secret::new(present), Secret::new(new));
        change(&self.app.app, &self.store, &self.directory, &self.user, &present, &new, ADDRESS).expect("an outcome")
    }

    fn signs_in(&self, password: &str) -> Checked {
        let password = Secret::new(password);
        check(&self.app.app, &self.store, &self.directory, "wes", &password, ADDRESS).expect("an outcome")
    }

    fn changes(&self) -> usize {
        self.person.lock().expect("no panic").changes
    }
}

#[test]
fn whoever_must_change_a_password_or_has_an_expired_one_changes_it_with_the_present_one() {
    for (state, has_expired) in [("773", false), ("532", true)] {
        let world = world();
        world.person.lock().expect("no panic").state = Some(state);
        let user = world.user.id.clone();
        assert_eq!(world.signs_in(GIVEN), Checked::ChangeInDirectory { user: user.clone(), has_expired });
        assert_eq!(world.change(GIVEN, OWN), Ok(()));
        assert_eq!((world.signs_in(OWN), world.changes()), (Checked::Verified(user), 1));
    }
}

#[test]
fn a_wrong_password_changes_nothing_and_counts_as_at_a_sign_in() {
    let world = world();
    let refused = Checked::Refused { user: Some(world.user.id.clone()), because: Because::WrongPassword };
    assert_eq!(world.change("", OWN), Err(NotChanged::Unproved(refused.clone())));
    for _ in 0..4 {
        assert_eq!(world.change("Wrong-Passw0rd-1", OWN), Err(NotChanged::Unproved(refused.clone())));
    }
    let throttled = |checked: &Checked| matches!(checked, Checked::Throttled { retry_after_seconds: 1.. });
    assert!(matches!(world.change(GIVEN, OWN), Err(NotChanged::Unproved(checked)) if throttled(&checked)));
    assert!(throttled(&world.signs_in(GIVEN)), "it is the same count");
    assert_eq!(world.changes(), 0);
}

#[test]
fn an_account_that_may_not_sign_in_changes_nothing() {
    for (state, because) in [("533", Because::Disabled), ("701", Because::Expired), ("775", Because::Locked)] {
        let world = world();
        world.person.lock().expect("no panic").state = Some(state);
        let refused = Checked::Refused { user: Some(world.user.id.clone()), because };
        assert_eq!(world.change(GIVEN, OWN), Err(NotChanged::Unproved(refused)));
        assert_eq!(world.changes(), 0);
    }
}

#[test]
fn the_rule_that_the_domain_names_is_told() {
    let world = world();
    for (text, rule) in [
        ("check_password_restrictions: the password is too short. It should be equal or longer than 12!", Rule::Length),
        ("check_password_restrictions: the password does not meet the complexity criteria!", Rule::Complexity),
        ("check_password_restrictions: the password was already used (in history)!", Rule::History),
        ("check_password_restrictions: password is too young to change!", Rule::Age),
        ("0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0", Rule::Other),
    ] {
        world.person.lock().expect("no panic").refusal = Some(text);
        assert_eq!(world.change(GIVEN, OWN), Err(NotChanged::Refused(rule)), "{text}");
    }
    assert_eq!(world.change(GIVEN, GIVEN), Err(NotChanged::Refused(Rule::History)), "whatever the domain remembers");
    assert_eq!(world.change(GIVEN, "Wide\0River-77"), Err(NotChanged::Refused(Rule::Other)));
    assert_eq!(world.changes(), 0);
    // What another change has overtaken is a wrong password.
    let overtaken = Some("check_password_restrictions: The old password specified doesn't match!");
    world.person.lock().expect("no panic").refusal = overtaken;
    let because = Because::WrongPassword;
    let refused = NotChanged::Unproved(Checked::Refused { user: Some(world.user.id.clone()), because });
    assert_eq!(world.change(GIVEN, OWN), Err(refused));
}

#[test]
fn only_people_of_a_domain_that_is_run_here_change_passwords_here() {
    let world = world();
    let is_offered = || world.app.app.store.read(|tx| is_offered(tx, &world.directory)).expect("read");
    assert!(!is_offered(), "an AD Connector");
    let sql = "update dir_directory set type = 'MicrosoftAD'";
    world.app.app.store.write(|tx| tx.exec_one(sql, kernel::params![]), |_| {}).expect("written");
    assert!(is_offered());
}
