//! Signing in with a name and a password.

use crate::sign_in_support::{Portal, portal};
use base::Secret;
use identity::password::Problem;
use kernel::Caller;
use sso::session;
use sso::sign_in::{self, Outcome, Replaced};

const GIVEN: &str = "Given-by-4dmin";
const OWN: &str = "My-0wn-password";

fn with_password(is_one_time: bool) -> Portal {
    let portal = portal();
    give(&portal, is_one_time);
    portal
}

fn give(portal: &Portal, is_one_time: bool) {
    let (store, password) = (&portal.instance.store, Secret::new(GIVEN));
    let work = |cx: &mut kernel::WriteCx<'_>| identity::password::give(cx, store, &portal.user, &password, is_one_time);
    let given = portal.app().write_as(&Caller::Anonymous, &portal.test.request(), work).expect("written");
    given.expect("a good password");
}

fn attempt(portal: &Portal, name: &str, password: &str) -> Outcome {
    let request = portal.test.request();
    sign_in::sign_in(portal.app(), &request, &portal.instance, name, &Secret::new(password)).expect("answered")
}

fn ticket(portal: &Portal) -> Secret {
    match attempt(portal, "alice", GIVEN) {
        Outcome::MustChange(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

fn replace(portal: &Portal, ticket: &str, new: &str) -> Replaced {
    let request = portal.test.request();
    sign_in::replace_password(portal.app(), &request, ticket, &Secret::new(new)).expect("answered")
}

#[test]
fn the_right_password_begins_a_session_of_eight_hours_with_a_cookie_of_its_own() {
    let portal = with_password(false);
    let Outcome::SignedIn(first) = attempt(&portal, "ALICE", GIVEN) else { panic!("not signed in") };
    let Outcome::SignedIn(second) = attempt(&portal, "alice", GIVEN) else { panic!("not signed in") };
    assert_ne!(first.cookie.expose(), second.cookie.expose());
    assert_ne!(first.session.id, second.session.id);
    assert!(first.cookie.expose().len() >= 43);
    assert_eq!(first.session.expires_at, portal.app().now().plus_seconds(28_800));
    let found = session::of_cookie(portal.app(), first.cookie.expose()).expect("readable");
    assert_eq!(found, Some(first.session));
}

#[test]
fn a_sign_in_is_in_the_audit_trail_in_the_shapes_of_aws() {
    let portal = with_password(false);
    attempt(&portal, "alice", GIVEN);
    let events = portal.events("signin.amazonaws.com");
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["CredentialVerification", "UserAuthentication"]);
    for (name, record) in &events {
        assert!(record.contains(r#""type":"Unknown""#) && record.contains(r#""userName":"alice""#), "{record}");
        assert!(record.contains(r#""CredentialType":"PASSWORD""#) && record.contains("AuthWorkflowID"), "{record}");
        assert!(record.contains(&format!(r#""serviceEventDetails":{{"{name}":"Success"}}"#)), "{record}");
        assert!(!record.contains(GIVEN), "{record}");
    }
    let events = portal.events("sso.amazonaws.com");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].0, "Authenticate");
}

#[test]
fn nobody_learns_why_a_sign_in_is_refused_but_the_audit_trail_says_whose_it_was() {
    let portal = with_password(false);
    portal.add_user("22222222-2222-4333-8444-555555555555", "bob");
    for (name, password) in [("alice", "wrong"), ("nobody", GIVEN), ("bob", GIVEN), ("alice", ""), ("", "")] {
        assert!(matches!(attempt(&portal, name, password), Outcome::Refused), "{name}");
    }
    let records: Vec<String> = portal.events("signin.amazonaws.com").into_iter().map(|(_, record)| record).collect();
    assert_eq!(records.len(), 5);
    assert!(records.iter().all(|record| record.contains(r#"{"CredentialVerification":"Failure"}"#)));
    let naming = |text: &str| records.iter().filter(|record| record.contains(text)).count();
    assert_eq!(naming(r#""userName":"alice""#), 2);
    assert_eq!(naming(r#""userName":"bob""#), 1);
    assert_eq!(naming(r#""userName":"HIDDEN_DUE_TO_SECURITY_REASONS""#), 2);
    assert_eq!(naming("nobody"), 0);
    for (reason, count) in [("WrongPassword", 2), ("UserNotFound", 2), ("UserHasNoPassword", 1)] {
        assert_eq!(naming(&format!(r#""FailureReason":"{reason}""#)), count, "{reason}");
    }
}

#[test]
fn a_directory_that_cannot_be_asked_is_no_wrong_password() {
    let portal = with_password(false);
    let gone = identity::store::Source::ActiveDirectory(base::DirectoryId::parse("d-0123456789").expect("valid"));
    let set = |cx: &mut kernel::WriteCx<'_>| identity::store::set_source(cx, &portal.instance.store, &gone);
    portal.app().write_as(&Caller::Anonymous, &portal.test.request(), set).expect("written");
    for _ in 0..60 {
        assert!(matches!(attempt(&portal, "alice", GIVEN), Outcome::Unavailable), "it is nobody's failure");
    }
    let records = portal.events("signin.amazonaws.com");
    assert!(records.iter().all(|(_, record)| record.contains(r#""FailureReason":"DirectoryUnreachable""#)));
    assert!(records.iter().all(|(_, record)| record.contains("HIDDEN_DUE_TO_SECURITY_REASONS")));
}

#[test]
fn a_disabled_user_is_refused_like_anybody_else() {
    let portal = with_password(false);
    portal.disable(&portal.user);
    assert!(matches!(attempt(&portal, "alice", GIVEN), Outcome::Refused));
    assert_eq!(portal.count("select count(*) from sso_session"), 0);
}

#[test]
fn endless_names_and_passwords_cost_nothing() {
    let portal = with_password(false);
    assert!(matches!(attempt(&portal, &"a".repeat(200), GIVEN), Outcome::Refused));
    assert!(matches!(attempt(&portal, "alice", &"x".repeat(5_000)), Outcome::Refused));
    assert_eq!(portal.events("signin.amazonaws.com").len(), 0);
}

#[test]
fn guessing_is_slowed_down() {
    let portal = with_password(false);
    let mut throttled = None;
    for _ in 0..12 {
        if let Outcome::Throttled { retry_after_seconds } = attempt(&portal, "alice", "wrong") {
            throttled = Some(retry_after_seconds);
        }
    }
    assert!(throttled.is_some_and(|seconds| seconds > 0));
}

#[test]
fn people_of_a_directory_cannot_sign_in_while_it_cannot_be_asked() {
    let portal = with_password(false);
    let sql = "update ids_store set source = 'ACTIVE_DIRECTORY', directory_id = 'd-1234567890'";
    portal.app().store.write(|tx| tx.exec_one(sql, kernel::params![]), |_| {}).expect("changed");
    assert!(matches!(attempt(&portal, "alice", GIVEN), Outcome::Unavailable));
}

#[test]
fn a_password_of_an_administrator_is_replaced_before_anything_else() {
    let portal = with_password(true);
    let browser = portal.browser();
    let ticket = ticket(&portal);
    assert_eq!(portal.events("sso.amazonaws.com").len(), 0, "nobody is signed in yet");
    assert!(matches!(replace(&portal, ticket.expose(), "short"), Replaced::Refused(Problem::Length)));
    assert!(matches!(replace(&portal, ticket.expose(), GIVEN), Replaced::Refused(Problem::Reused)));
    let Replaced::SignedIn(new) = replace(&portal, ticket.expose(), OWN) else { panic!("not signed in") };
    assert!(session::of_cookie(portal.app(), new.cookie.expose()).expect("readable").is_some());
    assert!(!portal.is_alive(&browser.id), "whoever knew the old password is out");
    assert!(matches!(replace(&portal, ticket.expose(), "An0ther-password"), Replaced::Expired), "it is used");
    assert!(matches!(attempt(&portal, "alice", OWN), Outcome::SignedIn(_)));
    assert!(matches!(attempt(&portal, "alice", GIVEN), Outcome::Refused));
}

#[test]
fn a_ticket_is_good_for_ten_minutes_and_for_a_user_who_may_sign_in() {
    let portal = with_password(true);
    let late = ticket(&portal);
    portal.test.clock.advance_seconds(600);
    assert!(matches!(replace(&portal, late.expose(), OWN), Replaced::Expired));
    assert!(matches!(replace(&portal, "nonsense", OWN), Replaced::Expired));
    let ticket = ticket(&portal);
    portal.disable(&portal.user);
    assert!(matches!(replace(&portal, ticket.expose(), OWN), Replaced::Expired));
}

#[test]
fn a_user_whose_sessions_are_ended_holds_no_ticket_either() {
    let portal = with_password(true);
    let ticket = ticket(&portal);
    let work = |cx: &mut kernel::WriteCx<'_>| session::end_all_of_user(cx, &portal.user);
    portal.app().write_as(&Caller::Anonymous, &portal.test.request(), work).expect("ended");
    assert!(matches!(replace(&portal, ticket.expose(), OWN), Replaced::Expired));
}
