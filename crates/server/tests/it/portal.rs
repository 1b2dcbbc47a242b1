//! The pages on a real socket. What people do with them is tested beside the handlers, and with a real browser.

use crate::harness::Server;
use crate::wire::{Answer, Call};

fn get(server: &Server, path: &str) -> Answer {
    Call::get(path).send(server.address).expect("an answer")
}

#[test]
fn every_page_of_a_fresh_server_answers_in_html_under_a_strict_policy() {
    let server = Server::ephemeral();
    for path in ["/start", "/start/", "/signin", "/signout", "/device", "/authorize", "/console", "/start/nothing"] {
        let answer = get(&server, path);
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{path} has no policy"));
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        if answer.status != 303 {
            assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
            assert!(answer.body.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{path}: {}", answer.body);
        }
    }
}

#[test]
fn a_server_without_identity_center_says_so_instead_of_asking_for_a_password() {
    let server = Server::ephemeral();
    let answer = get(&server, "/signin");
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("IAM Identity Center is not enabled"), "{}", answer.body);
    assert!(!answer.body.contains("type=\"password\""), "{}", answer.body);
}

#[test]
fn a_form_of_another_site_is_refused_on_the_wire() {
    let server = Server::ephemeral();
    let form = Call::post("/signin", "application/x-www-form-urlencoded", "username=a&password=b");
    let answer = form.header("sec-fetch-site", "cross-site").send(server.address).expect("an answer");
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("It was sent by a page of another site."), "{}", answer.body);
}

#[test]
fn the_apis_keep_their_address_beside_the_pages() {
    let server = Server::ephemeral();
    let identity = server.ok(&server.admin(), "sts", "GetCallerIdentity", serde_json::json!({}));
    assert_eq!(identity.xml("Account"), server.management());
    assert_eq!(identity.header("content-security-policy"), None);
}

#[test]
fn whoever_opens_the_bare_address_in_a_browser_is_sent_to_the_portal() {
    let server = Server::ephemeral();
    let browser = Call::get("/").header("accept", "text/html,application/xhtml+xml;q=0.9");
    let answer = browser.send(server.address).expect("an answer");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/start")));
    let tool = get(&server, "/");
    assert!(tool.status >= 400, "{}", tool.status);
}

#[test]
fn a_browser_is_shown_a_page_where_nothing_is_and_a_tool_an_error_of_its_protocol() {
    let server = Server::ephemeral();
    let browser = |path: &str| Call::get(path).header("accept", "text/html").send(server.address).expect("an answer");
    let page = browser("/nothing");
    assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(
        page.header("content-security-policy").is_some() && page.body.contains("If you ask for help"),
        "{}",
        page.body
    );
    assert_ne!(get(&server, "/nothing").header("content-type"), page.header("content-type"));
    for path in ["/device/", "/console/"] {
        assert!(browser(path).status < 400, "{path}");
    }
}
