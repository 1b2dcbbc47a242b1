//! Sessions of people and of their tools.

use crate::sign_in_support::{COOKIE, Portal, portal};
use kernel::Caller;
use sso::device::{self, Decision};
use sso::session::{self, PortalSession, SessionKind};

/// An access token of a tool that `browser` let in.
fn tool(portal: &Portal, browser: &PortalSession) -> String {
    let (id, secret) = portal.register(r#"{"clientName":"a tool","clientType":"public"}"#);
    let body = format!(
        r#"{{"clientId":"{id}","clientSecret":"{secret}","startUrl":"https://d-9067000000.awsapps.com/start"}}"#
    );
    let started = portal.send("/device_authorization", &body);
    let code = started.text("userCode");
    let request = portal.test.request();
    assert!(device::decide(portal.app(), &request, browser, &code, Decision::Allow).expect("answered"));
    let body = format!(
        r#"{{"grantType":"urn:ietf:params:oauth:grant-type:device_code","clientId":"{id}","clientSecret":"{secret}","deviceCode":"{}"}}"#,
        started.text("deviceCode")
    );
    portal.send("/token", &body).text("accessToken")
}

fn end_all(portal: &Portal) {
    let work = |cx: &mut kernel::WriteCx<'_>| session::end_all_of_user(cx, &portal.user);
    portal.app().write_as(&Caller::Anonymous, &portal.test.request(), work).expect("ended");
}

#[test]
fn a_session_ends_at_its_time_however_much_it_is_used() {
    let portal = portal();
    portal.browser_of(&portal.user, COOKIE, 600);
    for _ in 0..9 {
        portal.test.clock.advance_seconds(60);
        assert!(session::of_cookie(portal.app(), COOKIE).expect("readable").is_some());
    }
    portal.test.clock.advance_seconds(60);
    assert!(session::of_cookie(portal.app(), COOKIE).expect("readable").is_none());
    assert!(!portal.is_alive(&portal.browser_id()));
    assert!(session::of_cookie(portal.app(), "another cookie").expect("readable").is_none());
}

#[test]
fn a_browser_that_rested_for_too_long_proves_nothing_and_its_tools_go_on() {
    let portal = portal();
    let browser = portal.browser_of(&portal.user, COOKIE, 86_400);
    let token = tool(&portal, &browser);
    portal
        .test
        .app
        .store
        .write(|tx| tx.exec("update sso_instance set session_idle_seconds = 900", &[]), |_| {})
        .expect("set");
    let is_known = || session::of_cookie(portal.app(), COOKIE).expect("readable").is_some();
    for _ in 0..4 {
        portal.test.clock.advance_seconds(899);
        assert!(is_known(), "it is used");
    }
    portal.test.clock.advance_seconds(900);
    assert!(!is_known());
    assert!(portal.of_token(&token).is_some());
    let kinds: Vec<_> =
        session::list(portal.app(), &browser).expect("listed").into_iter().map(|each| each.kind).collect();
    assert_eq!(kinds, [SessionKind::Tool { client_name: "a tool".to_owned() }]);
}

#[test]
fn a_session_is_seen_once_a_minute() {
    let portal = portal();
    let browser = portal.browser();
    let seen = || session::list(portal.app(), &browser).expect("listed")[0].last_seen_at;
    portal.test.clock.advance_seconds(59);
    session::of_cookie(portal.app(), COOKIE).expect("readable");
    assert_eq!(seen(), browser.created_at);
    portal.test.clock.advance_seconds(1);
    session::of_cookie(portal.app(), COOKIE).expect("readable");
    assert_eq!(seen(), browser.created_at.plus_seconds(60));
}

#[test]
fn a_tool_is_seen_when_the_worker_has_written_it() {
    let portal = portal();
    let token = tool(&portal, &portal.browser());
    let created_at = portal.app().now();
    portal.test.clock.advance_seconds(61);
    let session = portal.of_token(&token).expect("alive");
    let seen = || session::list(portal.app(), &session).expect("listed")[0].last_seen_at;
    assert_eq!(seen(), created_at);
    portal.app().extension::<session::LastSeen>().expect("there").flush(portal.app()).expect("written");
    assert_eq!(seen(), created_at.plus_seconds(61));
}

#[test]
fn a_person_sees_browsers_and_tools_and_which_one_is_used() {
    let portal = portal();
    let browser = portal.browser();
    portal.test.clock.advance_seconds(1);
    tool(&portal, &browser);
    let other = portal.add_user("22222222-2222-4333-8444-555555555555", "bob");
    portal.browser_of(&other, "bob's cookie", 600);
    let sessions = session::list(portal.app(), &browser).expect("listed");
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0].kind, SessionKind::Tool { client_name: "a tool".to_owned() });
    assert_eq!((sessions[0].source_ip.as_str(), sessions[0].user_agent.as_str()), ("192.0.2.7", "aws-cli/2.36.7"));
    assert_eq!(sessions[1].kind, SessionKind::Browser);
    assert_eq!((sessions[0].is_current, sessions[1].is_current), (false, true));
}

#[test]
fn tools_end_with_the_browser_that_let_them_in_and_not_the_other_way_round() {
    let portal = portal();
    let browser = portal.browser();
    let (first, second) = (tool(&portal, &browser), tool(&portal, &browser));
    let request = portal.test.request();
    let first_id = portal.of_token(&first).expect("alive").id;
    assert!(session::end(portal.app(), &request, &browser, &first_id).expect("ended"));
    assert!(portal.of_token(&first).is_none() && portal.of_token(&second).is_some());
    assert!(!session::end(portal.app(), &request, &browser, &first_id).expect("answered"));
    session::sign_out(portal.app(), &request, &browser).expect("signed out");
    assert!(portal.of_token(&second).is_none());
    assert!(session::of_cookie(portal.app(), COOKIE).expect("readable").is_none());
    assert_eq!(portal.count("select count(*) from sso_access_token"), 0);
    let names: Vec<String> = portal.events("sso.amazonaws.com").into_iter().map(|(name, _)| name).collect();
    assert!(names.contains(&"DeleteSession".to_owned()) && names.contains(&"Logout".to_owned()), "{names:?}");
}

#[test]
fn nobody_ends_the_session_of_another_person() {
    let portal = portal();
    let browser = portal.browser();
    let bob = portal.add_user("22222222-2222-4333-8444-555555555555", "bob");
    let bobs = portal.browser_of(&bob, "bob's cookie", 600);
    let request = portal.test.request();
    assert!(!session::end(portal.app(), &request, &bobs, &browser.id).expect("answered"));
    session::end_others(portal.app(), &request, &bobs).expect("ended");
    assert!(portal.is_alive(&browser.id) && portal.is_alive(&bobs.id));
}

#[test]
fn all_others_end_at_once() {
    let portal = portal();
    let (browser, other) = (portal.browser(), portal.browser_of(&portal.user, "another cookie", 600));
    let token = tool(&portal, &other);
    session::end_others(portal.app(), &portal.test.request(), &browser).expect("ended");
    assert!(portal.is_alive(&browser.id) && !portal.is_alive(&other.id));
    assert!(portal.of_token(&token).is_none());
}

#[test]
fn sessions_of_a_user_who_may_not_sign_in_are_dead_before_they_are_ended() {
    let portal = portal();
    let browser = portal.browser();
    let token = tool(&portal, &browser);
    portal.disable(&portal.user);
    assert!(!portal.is_alive(&browser.id));
    assert!(portal.of_token(&token).is_none());
    assert!(session::of_cookie(portal.app(), COOKIE).expect("readable").is_none());
    end_all(&portal);
    assert_eq!(portal.count("select count(*) from sso_session"), 0);
}

#[test]
fn logging_out_a_tool_leaves_the_browser_alone() {
    let portal = portal();
    let browser = portal.browser();
    let token = tool(&portal, &browser);
    let logout = || {
        let input = model::sso::LogoutRequest { access_token: token.clone() };
        portal.test.call::<model::sso::ops::Logout>(&Caller::Anonymous, input)
    };
    logout().expect("logged out");
    assert!(portal.of_token(&token).is_none() && portal.is_alive(&browser.id));
    assert_eq!(kernel::testing::code(logout()), "UnauthorizedException");
}

#[test]
fn what_has_run_out_is_forgotten_and_the_job_ends_with_the_last_of_it() {
    let portal = portal();
    tool(&portal, &portal.browser());
    portal.test.clock.advance_seconds(28_800);
    portal.test.run_jobs();
    assert_eq!(portal.count("select count(*) from sso_access_token"), 0);
    assert_eq!(portal.count("select count(*) from sso_session"), 2, "credentials may still rest on them");
    assert_eq!(portal.count("select count(*) from sso_device_grant"), 1, "tools may still ask what became of it");
    portal.test.clock.advance_seconds(86_400 + 600);
    portal.test.run_jobs();
    assert_eq!(portal.count("select count(*) from sso_session"), 0);
    assert_eq!(portal.count("select count(*) from sso_device_grant"), 0);
    assert_eq!(portal.count("select count(*) from job"), 1, "the client lives on");
    portal.test.clock.advance_seconds(90 * 86_400);
    portal.test.run_jobs();
    assert_eq!(portal.count("select count(*) from sso_client"), 0);
    assert_eq!(portal.count("select count(*) from job"), 0);
}

#[test]
fn an_instance_can_be_deleted_once_its_sessions_are_forgotten() {
    let portal = portal();
    tool(&portal, &portal.browser());
    portal.register(r#"{"clientName":"x","clientType":"public","issuerUrl":"https://d-9067000000.awsapps.com/start"}"#);
    let instance = &portal.instance.id;
    portal
        .app()
        .write_as(&Caller::Anonymous, &portal.test.request(), |cx| {
            session::end_all_of_instance(cx, instance)?;
            cx.write().exec_one("delete from sso_instance where id = $1", kernel::params![instance])
        })
        .expect("deleted");
}

#[test]
fn a_form_token_is_that_of_the_browser() {
    let portal = portal();
    let token = session::csrf_token(portal.app(), COOKIE);
    assert!(session::is_csrf_token(portal.app(), COOKIE, &token));
    assert!(!session::is_csrf_token(portal.app(), "another cookie", &token));
    assert!(!session::is_csrf_token(portal.app(), COOKIE, ""));
    assert!(!session::is_csrf_token(portal.app(), COOKIE, &token[1..]));
}
