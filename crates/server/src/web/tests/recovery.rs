//! Invitations and forgotten passwords, as a browser sees them.

use super::site::{MANAGEMENT, PASSWORD, Page, Site};
use super::without_ids;
use base::{AccountId, DirectoryId, Timestamp};
use identity::store::Source;
use kernel::mail;
use model::vestibule::{PasswordLinkPurpose, SendEmailVerificationRequest, SendPasswordLinkRequest, ops};

const NEW: &str = "New-Password-77";

/// Place and query of the link in the newest mail, and the mail.
pub fn last_link(site: &Site, account: &str) -> (String, String) {
    site.test.clock.advance_seconds(1);
    site.test.run_jobs();
    let (account, beginning) = (AccountId::parse(account).expect("valid"), Timestamp::from_micros(i64::MIN));
    let listed = site.test.app.store.read(|tx| mail::list(&site.test.app, tx, &account, (beginning, ""), 100));
    let body = listed.expect("listed").pop().expect("a mail").body.to_string();
    let base_url = site.test.app.settings.base_url.clone();
    let (_, rest) = body.split_once(&format!("\n{base_url}/signin/")).unwrap_or_else(|| panic!("no link: {body}"));
    let link = format!("/signin/{}", rest.split_whitespace().next().expect("a link"));
    (link, body)
}

fn forget(site: &Site, user_name: &str) -> Page {
    let mut browser = site.browser();
    let form = browser.get("/signin/forgot?next=%2Fdevice");
    assert_eq!((form.status, form.heading()), (200, "Forgot your password?"), "{}", form.body);
    browser.submit(&form, "/signin/forgot", &[("username", user_name)])
}

fn send_link(site: &Site, purpose: PasswordLinkPurpose) {
    let input = SendPasswordLinkRequest { instance_arn: None, purpose: Some(purpose), user: "alice".to_owned() };
    site.test.call::<ops::SendPasswordLink>(&site.admin(), input).expect("sent");
}

#[test]
fn a_forgotten_password_is_replaced_by_a_link() {
    let site = Site::new();
    let mut signed_in = site.signed_in();
    let form = site.browser().get("/signin?next=%2Fdevice");
    assert!(form.body.contains("href=\"/signin/forgot?next=%2Fdevice\""), "{}", form.body);
    let sent = forget(&site, "alice");
    assert_eq!((sent.status, sent.heading()), (200, "Look into your mail"));
    assert!(sent.body.contains("href=\"/signin?next=%2Fdevice\""));
    let (link, mail) = last_link(&site, MANAGEMENT);
    assert!(mail.contains("alice"), "{mail}");

    let mut browser = site.browser();
    for method in ["HEAD", "GET", "GET"] {
        assert_eq!(browser.send(method, &link, &[], "").status, 200, "looking does not use it up");
    }
    let page = browser.get(&link);
    assert_eq!(page.heading(), "Choose a new password");
    for text in
        ["value=\"alice\"", "http://127.0.0.1:4600/start", "The link is good until", "autocomplete=\"new-password\""]
    {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert_eq!(page.header("referrer-policy"), Some("same-origin"), "the address holds the token");
    let mut attempt =
        |page: &Page, new: &str, again: &str| browser.submit(page, "/signin/reset", &[("new", new), ("again", again)]);
    assert!(attempt(&page, NEW, "Other-Password-77").body.contains("The two passwords differ."));
    assert!(attempt(&page, "short", "short").body.contains("8 to 64 characters (not met)"));
    let page = attempt(&page, PASSWORD, PASSWORD);
    assert!(page.body.contains("not one of your last three passwords (not met)"), "{}", page.body);
    let done = attempt(&page, NEW, NEW);
    assert_eq!(
        (done.status, done.header("location")),
        (303, Some("/signin/password-set?next=%2Fstart")),
        "{}",
        done.body
    );
    let used = attempt(&page, "Other-Pass-88", "Other-Pass-88");
    assert_eq!((used.status, used.heading()), (410, "This link is no longer good"));
    assert!(used.body.contains("href=\"/signin/forgot\""), "another can be had");
    assert!(!browser.cookies.contains_key("vestibule-session"), "a link signs nobody in");
    assert_eq!(browser.get("/signin/password-set").heading(), "Your password is set");
    assert_eq!(browser.get(&link).status, 410);

    assert_eq!(signed_in.get("/start").status, 303, "whoever was signed in is out");
    assert_eq!(site.browser().sign_in("alice", NEW, "/start").status, 303);
    assert_eq!(site.browser().sign_in("alice", PASSWORD, "/start").status, 200);
}

#[test]
fn an_invitation_leads_to_the_first_password() {
    let site = Site::at("https://sso.example.com");
    let removed = |tx: &mut kernel::WriteTx<'_>| identity::password::remove(tx, &site.alice);
    site.test.app.store.write(removed, |_| {}).expect("removed");
    send_link(&site, PasswordLinkPurpose::Invitation);
    let (link, mail) = last_link(&site, MANAGEMENT);
    assert!(link.starts_with("/signin/invitation?token="), "{link}");
    assert!(!mail.contains("127.0.0.1"), "whatever the request calls the server: {mail}");
    let mut browser = site.browser();
    let page = browser.get(&link);
    assert_eq!(page.heading(), "Accept the invitation", "{}", page.body);
    assert!(page.body.contains("https://sso.example.com/start"));
    let reset = link.replace("/signin/invitation", "/signin/reset");
    assert_eq!(browser.get(&reset).status, 410, "it is for this page");
    let done = browser.submit(&page, "/signin/invitation", &[("new", NEW), ("again", NEW)]);
    assert_eq!(
        (done.status, done.header("location")),
        (303, Some("/signin/password-set?next=%2Fstart")),
        "{}",
        done.body
    );
    assert_eq!(site.browser().sign_in("alice", NEW, "/start").status, 303);
}

#[test]
fn the_answer_is_the_same_for_everybody() {
    let site = Site::new();
    let pages: Vec<Page> = ["alice", "nobody"].iter().map(|name| forget(&site, name)).collect();
    assert_eq!((pages[0].status, pages[0].heading()), (200, "Look into your mail"));
    assert_eq!(without_ids(&pages[0]), without_ids(&pages[1]));
    for name in ["alice", "nobody"] {
        let throttled = (0..3).map(|_| forget(&site, name)).find(|page| page.status == 429);
        let page = throttled.unwrap_or_else(|| panic!("{name} may ask for ever"));
        assert!(page.body.contains("Too many attempts. Try again in 1 minute."), "{}", page.body);
        assert_eq!(page.header("retry-after"), Some("60"));
    }
}

#[test]
fn forms_of_links_count_only_from_the_browser_that_got_them() {
    let site = Site::new();
    assert_eq!(site.browser().post("/signin/forgot", &[("username", "alice")]).status, 403);
    send_link(&site, PasswordLinkPurpose::PasswordReset);
    let (link, _) = last_link(&site, MANAGEMENT);
    let (mut victim, mut attacker) = (site.browser(), site.browser());
    let page = attacker.get(&link);
    victim.get("/signin");
    let forged = victim.submit(&page, "/signin/reset", &[("new", NEW), ("again", NEW)]);
    assert_eq!(forged.status, 403);
    assert!(forged.body.contains("Try once more."), "{}", forged.body);
    let done = victim.submit(&forged, "/signin/reset", &[("new", NEW), ("again", NEW)]);
    assert_eq!(done.status, 303, "the page that came back is the victim's own");
}

#[test]
fn people_of_a_directory_are_sent_there() {
    let site = Site::new();
    let source = Source::ActiveDirectory(DirectoryId::parse("d-1234567890").expect("valid"));
    let work = |cx: &mut kernel::WriteCx<'_>| identity::store::set_source(cx, &site.instance.store, &source);
    site.test.app.write_as(&site.admin(), &site.test.request(), work).expect("changed");
    let page = site.browser().get("/signin");
    assert!(!page.body.contains("/signin/forgot"), "{}", page.body);
    assert!(page.body.contains("Passwords are changed in your organization's own directory"), "{}", page.body);
    assert_eq!(site.browser().get("/signin/forgot").heading(), "Passwords are changed elsewhere");
}

#[test]
fn an_address_is_confirmed_by_a_form_behind_its_link() {
    let site = Site::new();
    let input = SendEmailVerificationRequest { instance_arn: None, user: "alice".to_owned() };
    site.test.call::<ops::SendEmailVerification>(&site.admin(), input).expect("sent");
    let (link, _) = last_link(&site, MANAGEMENT);
    let mut browser = site.browser();
    let page = browser.get(&link);
    assert!(page.body.contains("alice@example.com"), "{}", page.body);
    assert_eq!(site.browser().post("/signin/verify-email", &[("ticket", "x")]).status, 410);
    let done = browser.submit(&page, "/signin/verify-email", &[]);
    assert_eq!((done.status, done.heading()), (200, "Your e-mail address is confirmed"));
    let again = browser.submit(&page, "/signin/verify-email", &[]);
    assert_eq!((again.status, again.heading()), (410, "This link is no longer good"));
}
