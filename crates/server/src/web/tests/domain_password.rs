//! Changing the password of a domain that is run here on the way in, as far as no domain is needed.

use super::site::{Browser, Page, Site};
use aws_lc_rs::digest::{SHA256, digest};
use base::DirectoryId;
use directory::record::{self, Kind, Requested};
use identity::store::Source;
use kernel::params;
use model::ds::DirectoryDescription;

const NEW: &str = "Wide-River-77";

/// A site whose people come from a domain that is run here and does not run yet; alice has the ticket "a-ticket".
fn site() -> Site {
    let site = Site::new();
    let directory = DirectoryId::parse("d-0123456789").expect("valid");
    let details = DirectoryDescription { name: Some("corp.example.com".to_owned()), ..Default::default() };
    let ticket = digest(&SHA256, b"a-ticket").as_ref().to_vec();
    let work = |cx: &mut kernel::WriteCx<'_>| {
        let requested = Requested {
            id: &directory,
            account: &site.instance.owner,
            kind: Kind::Managed,
            details: &details,
            sealed_password: &[],
            sealed_first_password: None,
        };
        let now = cx.now;
        record::insert(&mut cx.write(), &requested, now)?;
        identity::store::set_source(cx, &site.instance.store, &Source::ActiveDirectory(directory.clone()))?;
        let account = "07070707-0707-0707-0707-070707070707";
        cx.write().exec_one("update ids_user set source_id = $2 where id = $1", params![site.alice, account])?;
        cx.write().exec_one(
            "insert into sso_password_ticket (ticket_hash, instance_id, user_id, expires_at) values ($1, $2, $3, $4)",
            params![ticket, site.instance.id, site.alice, now.plus_seconds(600)],
        )
    };
    site.test.app.write_as(&site.admin(), &site.test.request(), work).expect("written");
    site
}

/// Sends the form as the page of that ticket has it.
fn change(browser: &mut Browser<'_>, ticket: &str, present: &str, new: &str, again: &str) -> Page {
    let form = browser.get("/signin?next=/start/sessions");
    let token = form.hidden("/signin").into_iter().find(|(name, _)| name == "csrf").expect("a token").1;
    let own = [("csrf", token.as_str()), ("ticket", ticket), ("next", "/start/sessions"), ("username", "CORP\\alice")];
    let typed = [("present", present), ("new", new), ("again", again)];
    browser.post("/signin/domain-password", &[&own[..], &typed].concat())
}

#[test]
fn what_is_wrong_with_a_new_password_is_told_on_the_page_that_asks_for_the_present_one() {
    let site = site();
    let mut browser = site.browser();
    for (new, again, status, sentence) in [
        (NEW, "Wide-River-78", 200, "The two passwords differ."),
        ("short", "short", 200, "8 to 64 characters (not met)"),
        (NEW, NEW, 503, "The domain does not answer at present."),
    ] {
        let page = change(&mut browser, "a-ticket", "Pr3sent-in-domain", new, again);
        assert_eq!((page.status, page.heading()), (status, "Choose a new password"), "{}", page.body);
        assert!(page.body.contains(sentence), "{}", page.body);
        assert!(page.body.contains("Current password") && page.body.contains("that the domain remembers"));
        assert!(!page.body.contains("Pr3sent-in-domain") && !page.body.contains("Wide-River"), "{}", page.body);
        let hidden = page.hidden("/signin/domain-password");
        for (name, value) in [("ticket", "a-ticket"), ("next", "/start/sessions"), ("username", "CORP\\alice")] {
            assert!(hidden.contains(&(name.to_owned(), value.to_owned())), "{hidden:?}");
        }
        assert!(!browser.cookies.contains_key("vestibule-session"));
    }
}

#[test]
fn without_a_ticket_or_from_elsewhere_somebody_signs_in_anew() {
    let site = site();
    let mut browser = site.browser();
    let page = change(&mut browser, "another-ticket", "Pr3sent-in-domain", NEW, NEW);
    assert_eq!((page.status, page.heading()), (403, "Sign in"), "{}", page.body);
    let fields = [("ticket", "a-ticket"), ("present", "Pr3sent-in-domain"), ("new", NEW), ("again", NEW)];
    let page = site.browser().post("/signin/domain-password", &fields);
    assert_eq!((page.status, page.heading()), (403, "Sign in"), "{}", page.body);
    assert_eq!(site.browser().get("/signin/domain-password").header("location"), Some("/signin"));
}
