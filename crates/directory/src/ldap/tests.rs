//! The client against servers that misbehave.

use super::ber::{self, INTEGER, OCTETS, SEQUENCE};
use super::connection::{Connection, Endpoint};
use super::double::{
    Double, HOST, PATIENCE, Script, closed_port, contains, double, double_as, double_with, entry, issued,
    issued_by_itself, listen, message, reply, request, result, wait,
};
use super::error::{Distrust, LdapError};
use super::tls::Trust;
use super::{Depth, Filter, Search};
use base::Secret;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

fn everything() -> Search<'static> {
    Search {
        base: "DC=x",
        depth: Depth::Subtree,
        filter: Filter::Present("objectClass"),
        attributes: &["cn"],
        shows_deleted: false,
        limit: 0,
    }
}

#[test]
fn only_the_right_certificate_of_a_registered_authority_is_accepted() {
    let good = double(|wire| drop(request(wire)));
    good.open().map(drop).expect("the right certificate");
    let kind = |double: &Double| match double.open() {
        Err(LdapError::Certificate(kind, _)) => kind,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("accepted"),
    };
    assert_eq!(kind(&Double { authority: issued(HOST, false).0, ..good }), Distrust::UnknownAuthority);
    assert_eq!(kind(&double_as(HOST, true, |wire| drop(request(wire)))), Distrust::Expired);
    assert_eq!(kind(&double_with(issued_by_itself(), |wire| drop(request(wire)))), Distrust::IsAuthority);
    assert_eq!(kind(&double_as("other.example.com", false, |wire| drop(request(wire)))), Distrust::WrongName);
}

#[test]
fn a_server_without_tls_never_sees_a_password() {
    static SEEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    let ldap_port = listen(None, |wire| {
        while let Some((id, bytes)) = request(wire) {
            SEEN.lock().expect("no panic").extend(bytes);
            reply(wire, &message(id, &[result(0x78, 2)]));
        }
    });
    let (authority, _) = issued(HOST, false);
    let endpoint =
        Endpoint { host: HOST.to_owned(), address: Ipv4Addr::LOCALHOST.into(), ldaps_port: closed_port(), ldap_port };
    let refusing = Double { endpoint: endpoint.clone(), authority: authority.clone() };
    assert!(matches!(refusing.open().map(drop), Err(LdapError::OnlyPlain)));
    let seen = SEEN.lock().expect("no panic").clone();
    assert!(contains(&seen, "1.3.6.1.4.1.1466.20037") && !contains(&seen, "secret"));
    let trusting = Trust::new(&[authority], true).expect("trust");
    Connection::open(&endpoint, &trusting, PATIENCE).map(drop).expect("as the operator decided");
}

#[test]
fn a_bind_without_a_password_is_not_sent() {
    let double = double(|wire| {
        request(wire);
    });
    let mut connection = double.open().expect("open");
    assert_eq!(connection.bind("CN=a", &Secret::new("")).expect("an outcome").code, 49);
    assert_eq!(connection.bind("", &Secret::new("x")).expect("an outcome").code, 49);
    // The double ends the connection after its first request: this is it.
    assert!(matches!(connection.bind("CN=a", &Secret::new("x")), Err(LdapError::Closed(_))));
}

#[test]
fn garbage_is_no_answer() {
    let garbage: [Script; 5] = [
        |wire| {
            request(wire);
            reply(wire, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        },
        |wire| {
            request(wire);
            reply(wire, &[0x30, 0x80, 0, 0]);
        },
        |wire| {
            request(wire);
            reply(wire, &[0x30, 5, 2, 1, 1, 0x65, 9]);
        },
        |wire| {
            let Some((id, _)) = request(wire) else { return };
            reply(wire, &message(id + 1, &[result(0x61, 0)]));
        },
        |wire| {
            let Some((id, _)) = request(wire) else { return };
            reply(wire, &message(id, &[result(0x65, 0)]));
        },
    ];
    for script in garbage {
        let mut connection = double(script).open().expect("open");
        let outcome = connection.bind("CN=a", &Secret::new("x"));
        assert!(matches!(outcome, Err(LdapError::Protocol(_))), "{outcome:?}");
    }
}

#[test]
fn a_message_without_end_is_cut_off() {
    let mut connection = double(|wire| {
        request(wire);
        reply(wire, &[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]);
        wait(Duration::from_secs(2));
    })
    .open()
    .expect("open");
    assert!(matches!(connection.bind("CN=a", &Secret::new("x")), Err(LdapError::TooMuch(_))));
}

#[test]
fn a_server_that_is_silent_or_drips_is_given_up_in_time() {
    let slow: [Script; 2] = [
        |wire| {
            request(wire);
            wait(Duration::from_secs(5));
        },
        |wire| {
            request(wire);
            for byte in [0x30, 0x82, 0x10, 0].into_iter().chain(std::iter::repeat_n(0, 100)) {
                reply(wire, &[byte]);
                wait(Duration::from_millis(100));
            }
        },
    ];
    for script in slow {
        let mut connection = double(script).open().expect("open");
        let start = Instant::now();
        assert!(matches!(connection.bind("CN=a", &Secret::new("x")), Err(LdapError::TooSlow)));
        assert!(start.elapsed() < PATIENCE.operation * 4, "{:?}", start.elapsed());
    }
}

#[test]
fn every_page_is_fetched_and_referrals_are_passed_over() {
    fn page(id: u32, name: &str, cookie: &str) -> Vec<u8> {
        let value = ber::group(SEQUENCE, &[ber::integer(INTEGER, 0), ber::text(cookie)]);
        let control = ber::group(SEQUENCE, &[ber::text("1.2.840.113556.1.4.319"), ber::value(OCTETS, &value)]);
        let reference = ber::group(0x73, &[ber::text("ldap://elsewhere.example/DC=y")]);
        [
            message(id, &[entry(name, "cn", &["a"])]),
            message(id, &[reference]),
            message(id, &[result(0x65, 0), ber::group(0xa0, &[control])]),
        ]
        .concat()
    }
    let mut connection = double(|wire| {
        while let Some((id, bytes)) = request(wire) {
            let is_second = contains(&bytes, "more");
            let bytes = if is_second { page(id, "CN=b", "") } else { page(id, "CN=a", "more") };
            reply(wire, &bytes);
        }
    })
    .open()
    .expect("open");
    let found = connection.find(&everything(), 10).expect("found");
    assert_eq!(found.iter().map(|entry| entry.dn.as_str()).collect::<Vec<_>>(), ["CN=a", "CN=b"]);
    assert!(matches!(connection.find(&everything(), 1), Err(LdapError::TooMuch(_))));
}

#[test]
fn a_sorted_page_is_asked_for_once_and_has_no_more_than_was_asked_for() {
    let mut connection = double(|wire| {
        let Some((id, bytes)) = request(wire) else { return };
        assert!(contains(&bytes, "1.2.840.113556.1.4.473") && contains(&bytes, "1.2.840.113556.1.4.319"));
        let entries = ["CN=a", "CN=b", "CN=c"].map(|name| message(id, &[entry(name, "cn", &["a"])])).concat();
        reply(wire, &[entries, message(id, &[result(0x65, 0)])].concat());
        if let Some((id, _)) = request(wire) {
            reply(wire, &message(id, &[result(0x65, 12)]));
        }
    })
    .open()
    .expect("open");
    let found = connection.first_sorted(&everything(), "cn", 2).expect("found");
    assert_eq!(found.iter().map(|entry| entry.dn.as_str()).collect::<Vec<_>>(), ["CN=a", "CN=b"]);
    // A server that does not sort says so, for the control is critical.
    let refused = connection.first_sorted(&everything(), "cn", 2).expect_err("refused");
    assert!(matches!(refused, LdapError::Refused(outcome) if outcome.code == 12));
}

#[test]
fn members_that_come_in_ranges_are_put_together() {
    let mut connection = double(|wire| {
        while let Some((id, bytes)) = request(wire) {
            let (name, values): (_, &[&str]) = if contains(&bytes, "range=4-*") {
                ("member;range=4-*", &["5"])
            } else if contains(&bytes, "range=2-*") {
                ("member;range=2-3", &["3", "4"])
            } else {
                ("member;range=0-1", &["1", "2"])
            };
            reply(wire, &[message(id, &[entry("CN=g", name, values)]), message(id, &[result(0x65, 0)])].concat());
        }
    })
    .open()
    .expect("open");
    let group = connection.entry("CN=g", &["member"]).expect("found").expect("there");
    let members = connection.all_values(&group, "member").expect("all");
    assert_eq!(members, ["1", "2", "3", "4", "5"].map(|text| text.as_bytes().to_vec()));
}

#[test]
fn ranges_that_never_end_are_refused() {
    let mut connection = double(|wire| {
        while let Some((id, _)) = request(wire) {
            let group = entry("CN=g", "member;range=0-1", &["1", "2"]);
            reply(wire, &[message(id, &[group]), message(id, &[result(0x65, 0)])].concat());
        }
    })
    .open()
    .expect("open");
    let group = connection.entry("CN=g", &["member"]).expect("found").expect("there");
    assert!(matches!(connection.all_values(&group, "member"), Err(LdapError::Protocol(_))));
}

#[test]
fn a_notice_of_disconnection_ends_the_connection() {
    let mut connection = double(|wire| {
        request(wire);
        reply(wire, &message(0, &[result(0x78, 52)]));
    })
    .open()
    .expect("open");
    assert!(matches!(connection.bind("CN=a", &Secret::new("x")), Err(LdapError::Closed(_))));
}
