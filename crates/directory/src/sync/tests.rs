//! A generated domain of any size, on a double that has the limits of Windows: 1,000 entries a page, 1,500 values.

use super::{Kind, Report, settings};
use crate::ldap::ber::{self, OCTETS, SEQUENCE, SET};
use crate::ldap::double::{Wire, contains, message, reply, request, result};
use crate::testing::{Connected, administrator, connected};
use crate::{source, sync};
use base::IdentityStoreId;
use kernel::testing::{TestApp, code};
use model::ds::{DeleteDirectoryRequest, ops};
use std::fmt::Write as _;

const BASE: &str = "DC=corp,DC=example,DC=com";
const PAGE: usize = 1_000;
const VALUES: usize = 1_500;
const GROUP: u32 = u32::MAX;

fn object_id(number: u32) -> Vec<u8> {
    [&number.to_be_bytes()[..], &[7; 12]].concat()
}

fn dn(number: usize) -> String {
    format!("CN=Person {number:06},OU=People,{BASE}")
}

fn found(name: &str, attributes: &[(&str, Vec<Vec<u8>>)]) -> Vec<u8> {
    let attributes: Vec<_> = attributes
        .iter()
        .map(|(name, values)| {
            let values: Vec<_> = values.iter().map(|value| ber::value(OCTETS, value)).collect();
            ber::group(SEQUENCE, &[ber::text(name), ber::group(SET, &values)])
        })
        .collect();
    ber::group(0x64, &[ber::text(name), ber::group(SEQUENCE, &attributes)])
}

fn person(number: usize) -> Vec<u8> {
    let text = |text: String| vec![text.into_bytes()];
    found(
        &dn(number),
        &[
            ("objectGUID", vec![object_id(number as u32)]),
            ("sAMAccountName", text(format!("p{number:06}"))),
            ("userAccountControl", text("512".to_owned())),
            ("givenName", text("Same".to_owned())),
            ("sn", text("Name".to_owned())),
            ("displayName", text("Same Name".to_owned())),
            ("userPrincipalName", text(format!("p{number:06}@corp.example.com"))),
        ],
    )
}

/// The digits after `mark` in a request.
fn number_after(bytes: &[u8], mark: &str) -> Option<usize> {
    let at = bytes.windows(mark.len()).position(|window| window == mark.as_bytes())? + mark.len();
    let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

fn members(count: usize, start: usize) -> Vec<u8> {
    let end = (start + VALUES).min(count);
    let last = if end == count { "*".to_owned() } else { (end - 1).to_string() };
    let values = (start..end).map(|number| dn(number).into_bytes()).collect();
    found(
        &format!("CN=everybody,{BASE}"),
        &[("objectGUID", vec![object_id(GROUP)]), (&format!("member;range={start}-{last}"), values)],
    )
}

fn serve(wire: &mut dyn Wire, count: usize) {
    while let Some((id, bytes)) = request(wire) {
        if contains(&bytes, "svc@") {
            reply(wire, &message(id, &[result(0x61, 0)]));
            continue;
        }
        let mut out = Vec::new();
        let mut cookie = String::new();
        if contains(&bytes, "defaultNamingContext") {
            let text = |text: &str| vec![text.as_bytes().to_vec()];
            let root = [
                ("defaultNamingContext", text(BASE)),
                ("dsServiceName", text("CN=NTDS Settings")),
                ("highestCommittedUSN", text("5")),
            ];
            out.extend(message(id, &[found("", &root)]));
        } else if contains(&bytes, "isDeleted") {
            // Deleted objects are not shown to this account.
        } else if contains(&bytes, "lockoutThreshold") {
            out.extend(message(id, &[found(BASE, &[("lockoutThreshold", vec![b"5".to_vec()])])]));
        } else if let Some(start) = number_after(&bytes, "member;range=") {
            out.extend(message(id, &[members(count, start)]));
        } else if contains(&bytes, "member") {
            out.extend(message(id, &[members(count, 0)]));
        } else if contains(&bytes, "person") {
            let start = number_after(&bytes, "from:").unwrap_or(0);
            let end = (start + PAGE).min(count);
            (start..end).for_each(|number| out.extend(message(id, &[person(number)])));
            if end < count {
                write!(cookie, "from:{end}").expect("text");
            }
        } else if contains(&bytes, "group") {
            let name = vec![b"everybody".to_vec()];
            let group = [("objectGUID", vec![object_id(GROUP)]), ("sAMAccountName", name)];
            out.extend(message(id, &[found(&format!("CN=everybody,{BASE}"), &group)]));
        }
        let value = ber::group(SEQUENCE, &[ber::integer(ber::INTEGER, 0), ber::text(&cookie)]);
        let control = ber::group(SEQUENCE, &[ber::text("1.2.840.113556.1.4.319"), ber::value(OCTETS, &value)]);
        out.extend(message(id, &[result(0x65, 0), ber::group(0xa0, &[control])]));
        reply(wire, &out);
    }
}

/// An application with an identity store whose people come from a domain of `count` people, all in one group.
fn domain_of(count: usize) -> (TestApp, IdentityStoreId) {
    let Connected { app, store, directory } = connected(move |wire| serve(wire, count));
    app.app
        .write_as(&administrator(), &app.request(), |cx| {
            source::set_active_directory(cx, &store, &directory)?.expect("the directory is Active");
            sync::choose(cx, &store, Kind::Group, "everybody@corp.example.com")
        })
        .expect("written");
    (app, store)
}

fn run(app: &TestApp, store: &IdentityStoreId) -> sync::Difference {
    match sync::run(&app.app, store).expect("works").expect("reachable") {
        Report::Changed(difference) => *difference,
        Report::Unchanged => panic!("the directory was not read"),
    }
}

#[test]
fn pages_and_ranges_of_windows_are_read_to_their_end() {
    let count = 3_200;
    let (app, store) = domain_of(count);
    let difference = run(&app, &store);
    assert_eq!((difference.create_users.len(), difference.add_members.len()), (count, count));
    assert!(run(&app, &store).is_empty());
}

#[test]
fn a_directory_is_free_once_the_store_is_gone() {
    let (app, store) = domain_of(1);
    let root = administrator();
    let settings = app.app.store.read(|tx| sync::settings::get(tx, &store)).expect("read").expect("synchronized");
    let delete = || {
        let input = DeleteDirectoryRequest { directory_id: settings.directory.to_string() };
        app.call::<ops::DeleteDirectory>(&root, input)
    };
    assert_eq!(code(delete()), "ClientException");
    app.app.write_as(&root, &app.request(), |cx| identity::store::delete(cx, &store)).expect("deleted");
    delete().expect("nobody needs it");
}

/// What is remembered of the last run.
fn last_result(app: &TestApp, store: &IdentityStoreId) -> serde_json::Value {
    let settings = app.app.store.read(|tx| sync::settings::get(tx, store)).expect("read").expect("synchronized");
    serde_json::from_str(&settings.result.expect("it has run")).expect("JSON")
}

#[test]
fn the_run_that_changed_something_is_still_seen_after_runs_that_change_nothing() {
    let (app, store) = domain_of(2);
    run(&app, &store);
    let first = last_result(&app, &store);
    assert_eq!((&first["usersCreated"], &first["lastChange"]), (&2.into(), &serde_json::Value::Null));
    let at = app.app.now().iso8601();
    for _ in 0..2 {
        app.clock.advance_seconds(60);
        assert!(run(&app, &store).is_empty());
        let next = last_result(&app, &store);
        assert_eq!(next["usersCreated"], 0);
        assert_eq!((&next["lastChange"]["usersCreated"], &next["lastChange"]["at"]), (&2.into(), &at.as_str().into()));
    }
}

#[test]
fn what_is_chosen_while_everything_is_read_has_everything_read_once_more() {
    let (app, store) = domain_of(1);
    let root = administrator();
    let server_after = |chosen: Option<&str>| {
        let work = |cx: &mut kernel::WriteCx<'_>| {
            let now = cx.now;
            settings::read_everything(&mut cx.write(), &store)?;
            settings::begin(&mut cx.write(), &store)?;
            if let Some(name) = chosen {
                settings::choose(&mut cx.write(), &store, Kind::User, name, now)?;
            }
            let mark = settings::Mark { server: "dc1".to_owned(), usn: 7, is_full: true };
            settings::ran(&mut cx.write(), &store, Some(&mark), "{}", now)?;
            Ok(settings::get(cx.tx, &store)?.and_then(|settings| settings.server))
        };
        app.app.write_as(&root, &app.request(), work).expect("written")
    };
    assert_eq!(server_after(None).as_deref(), Some("dc1"));
    assert_eq!(server_after(Some("ann")), None);
}
