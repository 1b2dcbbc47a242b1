//! Changing the password of a domain that is run here on the way in, as far as no domain is needed.

use crate::sign_in_support::{Portal, portal};
use aws_lc_rs::digest::{SHA256, digest};
use base::{DirectoryId, Secret};
use directory::record::{self, Kind, Requested};
use identity::password::Problem;
use identity::store::Source;
use kernel::{Caller, params};
use model::ds::DirectoryDescription;
use sso::sign_in::{self, Changed, Replaced};

const PRESENT: &str = "Pr3sent-in-domain";
const NEW: &str = "Wide-River-77";
const TICKET: &str = "a-ticket";

/// A portal whose people come from a directory that cannot be asked yet; alice has a ticket.
fn of_directory(kind: Kind) -> Portal {
    let portal = portal();
    let directory = DirectoryId::parse("d-0123456789").expect("valid");
    let details = DirectoryDescription { name: Some("corp.example.com".to_owned()), ..Default::default() };
    let ticket = digest(&SHA256, TICKET.as_bytes()).as_ref().to_vec();
    let work = |cx: &mut kernel::WriteCx<'_>| {
        let requested = Requested {
            id: &directory,
            account: &portal.instance.owner,
            kind,
            details: &details,
            sealed_password: &[],
            sealed_first_password: None,
        };
        let now = cx.now;
        record::insert(&mut cx.write(), &requested, now)?;
        identity::store::set_source(cx, &portal.instance.store, &Source::ActiveDirectory(directory.clone()))?;
        let account = "07070707-0707-0707-0707-070707070707";
        cx.write().exec_one("update ids_user set source_id = $2 where id = $1", params![portal.user, account])?;
        cx.write().exec_one(
            "insert into sso_password_ticket (ticket_hash, instance_id, user_id, expires_at) values ($1, $2, $3, $4)",
            params![ticket, portal.instance.id, portal.user, now.plus_seconds(600)],
        )
    };
    portal.app().write_as(&Caller::Anonymous, &portal.test.request(), work).expect("written");
    portal
}

fn change(portal: &Portal, ticket: &str, new: &str) -> Changed {
    let (request, present, new) = (portal.test.request(), Secret::new(PRESENT), Secret::new(new));
    sign_in::change_in_domain(portal.app(), &request, ticket, &present, &new).expect("answered")
}

#[test]
fn the_rules_of_identity_center_hold_before_the_domain_is_asked() {
    let portal = of_directory(Kind::Managed);
    for (new, expected) in
        [("Short-1", Problem::Length), ("wide-river-77", Problem::Classes), ("Alice-River-77", Problem::Guessable)]
    {
        let outcome = change(&portal, TICKET, new);
        assert!(matches!(outcome, Changed::Refused(problem) if problem == expected), "{new}: {outcome:?}");
    }
    let events = portal.events("sso-directory.amazonaws.com");
    assert_eq!(events.len(), 3);
    for (name, record) in events {
        assert_eq!(name, "UpdatePassword");
        assert!(record.contains(r#"{"UpdatePassword":"Failure"}"#), "{record}");
        assert!(record.contains(r#""FailureReason":"PasswordRules""#), "{record}");
        assert!(!record.contains("iver-77") && !record.contains(PRESENT), "{record}");
    }
    assert_eq!(portal.events("signin.amazonaws.com").len(), 0);
}

#[test]
fn the_ticket_outlives_a_domain_that_cannot_be_asked_and_ends_after_ten_minutes() {
    let portal = of_directory(Kind::Managed);
    for _ in 0..2 {
        assert!(matches!(change(&portal, TICKET, NEW), Changed::Unavailable));
    }
    let events = portal.events("signin.amazonaws.com");
    assert_eq!(events.len(), 2);
    for (name, record) in events {
        assert_eq!(name, "CredentialVerification");
        assert!(record.contains(r#""FailureReason":"DirectoryUnreachable""#), "{record}");
        assert!(!record.contains(PRESENT) && !record.contains(NEW), "{record}");
    }
    assert!(matches!(change(&portal, "another-ticket", NEW), Changed::Expired));
    portal.test.clock.advance_seconds(600);
    assert!(matches!(change(&portal, TICKET, NEW), Changed::Expired));
    assert_eq!(portal.count("select count(*) from sso_session"), 0);
}

#[test]
fn people_of_a_domain_of_the_customers_change_nothing_here() {
    let portal = of_directory(Kind::Connector);
    assert!(matches!(change(&portal, TICKET, NEW), Changed::Expired));
    assert!(matches!(change(&portal, TICKET, NEW), Changed::Expired), "the ticket is gone");
}

#[test]
fn whoever_is_disabled_meanwhile_changes_nothing() {
    let portal = of_directory(Kind::Managed);
    portal.disable(&portal.user);
    assert!(matches!(change(&portal, TICKET, NEW), Changed::Expired));
}

#[test]
fn a_ticket_is_good_where_the_password_is_kept_and_nowhere_else() {
    let portal = of_directory(Kind::Managed);
    let request = portal.test.request();
    let replaced = sign_in::replace_password(portal.app(), &request, TICKET, &Secret::new(NEW)).expect("answered");
    assert!(matches!(replaced, Replaced::Expired));
    let portal = of_directory(Kind::Managed);
    let set =
        |cx: &mut kernel::WriteCx<'_>| identity::store::set_source(cx, &portal.instance.store, &Source::IdentityCenter);
    portal.app().write_as(&Caller::Anonymous, &portal.test.request(), set).expect("written");
    assert!(matches!(change(&portal, TICKET, NEW), Changed::Expired));
}
