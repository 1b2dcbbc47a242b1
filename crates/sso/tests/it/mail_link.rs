//! Links in mails: invitations, forgotten passwords, addresses.

use crate::sign_in_support::{OWNER, Portal, portal};
use base::{AccountId, IdentityUserId, Secret, Timestamp};
use identity::password::{self, Checked, Problem};
use identity::user::{self, email};
use kernel::mail::{self, Message};
use kernel::{Caller, params};
use model::identitystore::Email;
use sso::mail_link::{self, Outcome, Purpose, Requested};

const GIVEN: &str = "Given-by-4dmin";
const NEW: &str = "My-0wn-password";
const BOB: &str = "22222222-2222-4333-8444-555555555555";

/// A portal where alice has a password and an address.
fn with_address() -> Portal {
    let portal = portal();
    set_address(&portal, &portal.user, "Alice@Example.com");
    give(&portal, GIVEN);
    portal
}

fn give(portal: &Portal, text: &str) {
    let (store, password) = (&portal.instance.store, Secret::new(text));
    let work = |cx: &mut kernel::WriteCx<'_>| password::give(cx, store, &portal.user, &password, false);
    let given = portal.app().write_as(&Caller::Anonymous, &portal.test.request(), work).expect("written");
    given.expect("a good password");
}

fn set_address(portal: &Portal, user: &IdentityUserId, address: &str) {
    let store = &portal.instance.store;
    let work = |tx: &mut kernel::WriteTx<'_>| {
        let mut user = user::get(tx, store, user)?.expect("a user");
        user.attributes.emails = Some(vec![Email { value: Some(address.to_owned()), ..Email::default() }]);
        user::update(tx, &user)
    };
    portal.app().store.write(work, |_| {}).expect("written");
}

fn ask(portal: &Portal, user_name: &str) -> Requested {
    mail_link::request_reset(portal.app(), &portal.test.request(), &portal.instance, user_name).expect("answered")
}

/// What was written to people, oldest first.
fn outbox(portal: &Portal) -> Vec<Message> {
    portal.test.run_jobs();
    let owner = AccountId::parse(OWNER).expect("valid");
    let beginning = (Timestamp::from_micros(i64::MIN), "");
    portal.app().store.read(|tx| mail::list(portal.app(), tx, &owner, beginning, 100)).expect("listed")
}

/// The token of the link in the newest mail.
fn token(portal: &Portal) -> String {
    portal.test.clock.advance_seconds(1);
    let mails = outbox(portal);
    let body = &mails.last().expect("a mail").body;
    let (_, rest) = body.split_once("?token=").expect("a link");
    rest.split_whitespace().next().expect("a token").to_owned()
}

/// The token of a link that alice has just asked for.
fn reset_token(portal: &Portal) -> String {
    portal.test.clock.advance_seconds(1);
    assert_eq!(ask(portal, "alice"), Requested::Accepted);
    token(portal)
}

fn is_good(portal: &Portal, token: &str) -> bool {
    mail_link::find(portal.app(), token, Purpose::PasswordReset).expect("readable").is_some()
}

fn set(portal: &Portal, token: &str, new: &str) -> Outcome {
    let (request, purpose) = (portal.test.request(), Purpose::PasswordReset);
    mail_link::set_password(portal.app(), &request, token, purpose, &Secret::new(new)).expect("answered")
}

fn signs_in(portal: &Portal, password: &str) -> bool {
    let password = Secret::new(password);
    let checked = password::check(portal.app(), &portal.instance.store, "alice", &password, "192.0.2.1");
    matches!(checked.expect("checked"), Checked::Verified(_))
}

#[test]
fn whoever_has_forgotten_the_password_sets_another_by_a_link_once() {
    let portal = with_address();
    let browser = portal.browser();
    let token = reset_token(&portal);
    let mail = outbox(&portal).pop().expect("a mail");
    assert_eq!((mail.recipient.as_str(), mail.subject.as_str()), ("Alice@Example.com", "Choose a new password"));
    let link = format!("\nhttp://127.0.0.1:4600/signin/reset?token={token}\n");
    assert!(mail.body.contains(&link), "{}", mail.body.as_str());

    let link = mail_link::find(portal.app(), &token, Purpose::PasswordReset).expect("readable").expect("good");
    assert_eq!(link.user.user_name, "alice");
    assert!(is_good(&portal, &token), "looking does not use it up");
    assert_eq!(set(&portal, &token, "short"), Outcome::Refused(Problem::Length));
    assert_eq!(set(&portal, &token, GIVEN), Outcome::Refused(Problem::Reused));
    assert!(signs_in(&portal, GIVEN) && portal.is_alive(&browser.id), "nothing has happened yet");

    assert_eq!(set(&portal, &token, NEW), Outcome::Set);
    assert!(!portal.is_alive(&browser.id), "whoever was signed in is out");
    assert!(signs_in(&portal, NEW) && !signs_in(&portal, GIVEN));
    assert_eq!(set(&portal, &token, "An0ther-password"), Outcome::Void, "it is used");
    assert!(signs_in(&portal, NEW));
    let notice = outbox(&portal).pop().expect("a mail");
    assert_eq!(
        (notice.recipient.as_str(), notice.subject.as_str()),
        ("Alice@Example.com", "Your password was changed")
    );
}

#[test]
fn a_new_password_makes_every_other_link_of_the_user_void() {
    let portal = with_address();
    let (first, second) = (reset_token(&portal), reset_token(&portal));
    assert!(is_good(&portal, &first) && is_good(&portal, &second));
    assert_eq!(set(&portal, &first, NEW), Outcome::Set);
    assert!(!is_good(&portal, &second));
    assert_eq!(portal.count("select count(*) from sso_mail_link"), 0);
}

#[test]
fn a_link_is_good_for_one_hour_one_purpose_one_address_and_whoever_may_sign_in() {
    let portal = with_address();
    let find = |token: &str, purpose| mail_link::find(portal.app(), token, purpose).expect("readable").is_some();
    let token = reset_token(&portal);
    assert!(!find(&token, Purpose::Invitation) && !find(&token, Purpose::EmailVerification));
    let confirmed = mail_link::verify_email(portal.app(), &portal.test.request(), &token);
    assert!(!confirmed.expect("answered"), "not for this");
    assert!(!find("", Purpose::PasswordReset) && !find(&"x".repeat(10_000), Purpose::PasswordReset));

    let source = |sql| portal.app().store.write(|tx| tx.exec_one(sql, params![]), |_| {}).expect("changed");
    source("update ids_store set source = 'ACTIVE_DIRECTORY', directory_id = 'd-1234567890'");
    assert!(!is_good(&portal, &token));
    source("update ids_store set source = 'IDENTITY_CENTER', directory_id = null");
    source("update ids_user set status = 'DISABLED'");
    assert!(!is_good(&portal, &token));
    source("update ids_user set status = 'ENABLED'");
    set_address(&portal, &portal.user, "other@example.com");
    assert!(!is_good(&portal, &token), "the mail went to somebody else");
    assert_eq!(set(&portal, &token, NEW), Outcome::Void);
    set_address(&portal, &portal.user, "alice@example.com");
    assert!(is_good(&portal, &token));

    portal.test.clock.advance_seconds(3_598);
    assert!(is_good(&portal, &token));
    portal.test.clock.advance_seconds(2);
    assert!(!is_good(&portal, &token));
    portal.test.clock.advance_seconds(7_200);
    portal.test.run_jobs();
    assert_eq!(portal.count("select count(*) from sso_mail_link"), 0, "it is forgotten");
}

#[test]
fn nobody_learns_whether_there_is_such_a_user() {
    let portal = with_address();
    let bob = portal.add_user(BOB, "bob");
    set_address(&portal, &bob, "bob@example.com");
    portal.disable(&bob);
    portal.add_user("33333333-2222-4333-8444-555555555555", "carol");
    let jobs = "select count(*) from job where kind = 'sso.send_password_reset'";
    for (count, name) in ["alice", "bob", "carol", "nobody", "no\0body"].into_iter().enumerate() {
        assert_eq!(ask(&portal, name), Requested::Accepted, "{name}");
        assert_eq!(portal.count(jobs), count as i64 + 1, "the same is done for {name}");
    }
    assert_eq!(ask(&portal, &"x".repeat(200)), Requested::Accepted);
    let recipients: Vec<String> = outbox(&portal).into_iter().map(|mail| mail.recipient).collect();
    assert_eq!(recipients, ["Alice@Example.com"], "bob may not sign in, carol has no address");
    let events = portal.events("signin.amazonaws.com");
    assert_eq!(events.len(), 5);
    assert!(events.iter().all(|(name, _)| name == "PasswordRecoveryRequested"));
    let naming = |text: &str| events.iter().filter(|(_, record)| record.contains(text)).count();
    assert_eq!((naming(r#""userName":"alice""#), naming(r#""userName":"HIDDEN_DUE_TO_SECURITY_REASONS""#)), (1, 2));
    assert_eq!(naming("nobody"), 0);
}

#[test]
fn wishes_are_slowed_down_by_name_and_by_address_and_keep_nobody_from_signing_in() {
    let portal = with_address();
    for name in ["alice", "nobody"] {
        let came: Vec<Requested> = (0..4).map(|_| ask(&portal, name)).collect();
        assert!(came[..3].iter().all(|each| *each == Requested::Accepted), "{name}");
        assert_eq!(came[3], Requested::Throttled { retry_after_seconds: 60 }, "{name}");
    }
    assert!(signs_in(&portal, GIVEN), "failures are counted apart");
    assert!(matches!(ask(&portal, "ALICE"), Requested::Throttled { .. }), "signing in does not end it");
    portal.test.clock.advance_seconds(60);
    assert_eq!(ask(&portal, "alice"), Requested::Accepted);
    assert_eq!(ask(&portal, "alice"), Requested::Throttled { retry_after_seconds: 120 });
    let mut many = (0..30).map(|number| ask(&portal, &format!("name-{number}")));
    assert!(many.any(|each| matches!(each, Requested::Throttled { .. })), "from one address");
    assert!(portal.count("select count(*) from ids_throttle where key like 'mail-%'") > 2, "rows survive a restart");

    let token = token(&portal);
    portal.test.clock.advance_seconds(3_000);
    assert_eq!(set(&portal, &token, NEW), Outcome::Set);
    assert_eq!(ask(&portal, "alice"), Requested::Accepted, "the name starts anew");
}

#[test]
fn people_of_a_directory_get_no_link() {
    let portal = with_address();
    let sql = "update ids_store set source = 'ACTIVE_DIRECTORY', directory_id = 'd-1234567890'";
    let waiting = ask(&portal, "alice");
    portal.app().store.write(|tx| tx.exec_one(sql, params![]), |_| {}).expect("changed");
    assert_eq!((waiting, ask(&portal, "alice")), (Requested::Accepted, Requested::Elsewhere));
    assert!(outbox(&portal).is_empty(), "nor what was asked for before");
}

#[test]
fn setting_a_password_by_a_link_is_in_the_audit_trail_and_no_token_is_anywhere() {
    let portal = with_address();
    let token = reset_token(&portal);
    assert_eq!(set(&portal, &token, NEW), Outcome::Set);
    let names = |source| -> Vec<String> { portal.events(source).into_iter().map(|(name, _)| name).collect() };
    assert_eq!(names("signin.amazonaws.com"), ["PasswordRecoveryRequested", "PasswordRecoveryCompleted"]);
    assert_eq!(names("sso-directory.amazonaws.com"), ["UpdatePassword", "VerifyEmail"]);
    let (_, record) = portal.events("sso-directory.amazonaws.com").remove(0);
    assert!(record.contains(r#""type":"IdentityCenterUser""#) && record.contains(r#""userName":"alice""#), "{record}");
    for source in ["signin.amazonaws.com", "sso-directory.amazonaws.com"] {
        for (_, record) in portal.events(source) {
            assert!(!record.contains(&token) && !record.contains(NEW), "{record}");
        }
    }
    let token = reset_token(&portal);
    let read = |row: &kernel::store::Row<'_>| row.get::<Vec<u8>>(0);
    for sql in ["select token_hash from sso_mail_link", "select body from mail_message"] {
        let stored = portal.app().store.read(|tx| tx.all(sql, params![], read)).expect("read");
        assert!(!stored.is_empty());
        let is_there = |bytes: &Vec<u8>| bytes.windows(token.len()).any(|window| window == token.as_bytes());
        assert!(!stored.iter().any(is_there), "{sql}");
    }
}

#[test]
fn of_two_who_follow_a_link_at_once_one_sets_the_password() {
    let portal = with_address();
    let token = reset_token(&portal);
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let one = |new: &'static str| {
            let (portal, token) = (&portal, &token);
            scope.spawn(move || set(portal, token, new))
        };
        [one(NEW), one("An0ther-password")].map(|thread| thread.join().expect("no panic")).to_vec()
    });
    assert!(outcomes.contains(&Outcome::Set) && outcomes.contains(&Outcome::Void), "{outcomes:?}");
    assert!(signs_in(&portal, NEW) != signs_in(&portal, "An0ther-password"));
}

#[test]
fn following_a_link_shows_that_mail_arrives_until_the_address_changes() {
    let portal = with_address();
    let verified = || {
        let work = |tx: &mut kernel::Tx| {
            let user = user::get(tx, &portal.instance.store, &portal.user)?.expect("a user");
            email::verified_at(tx, &user)
        };
        portal.app().store.read(work).expect("readable")
    };
    assert_eq!(verified(), None);
    let token = reset_token(&portal);
    assert_eq!(set(&portal, &token, NEW), Outcome::Set);
    assert_eq!(verified(), Some(portal.app().now()));
    set_address(&portal, &portal.user, "other@example.com");
    assert_eq!(verified(), None);
}
