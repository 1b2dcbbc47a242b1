//! Changing the password of a domain that is run here on the way in, as far as no domain is needed.

use super::site::{Browser, Page, Site};
use base::{DirectoryId, IdentityUserId, Secret};
use directory::record::{self, Kind, Requested};
use identity::store::Source;
use identity::user::{self, User};
use model::ds::DirectoryDescription;

const WES: &str = "wes@corp.example.com";
const GIVEN: &str = "Given-By-An-Adm1n";
const NEW: &str = "Wide-River-77";

/// A site whose people come from a domain that is run here and does not run yet, and the ticket of one of them.
fn site() -> (Site, String) {
    let site = Site::new();
    let (store, alice) = (&site.instance.store, &site.alice);
    let add = |cx: &mut kernel::WriteCx<'_>| {
        let alice = user::get(cx.tx, store, alice)?.expect("she is there");
        let id = IdentityUserId::parse("07070707-0000-4000-8000-070707070707").expect("valid");
        let source_id = Some("07070707-0707-0707-0707-070707070707".to_owned());
        let wes = User { id: id.clone(), user_name: WES.to_owned(), source_id, ..alice };
        user::insert(&mut cx.write(), &wes)?;
        identity::password::give(cx, store, &id, &Secret::new(GIVEN), true)
    };
    let added = site.test.app.write_as(&site.admin(), &site.test.request(), add).expect("written");
    added.expect("the password keeps the rules");
    let page = site.browser().sign_in(WES, GIVEN, "/start");
    let ticket = page.hidden("/signin/password").into_iter().find(|(name, _)| name == "ticket").expect("a ticket").1;
    let directory = DirectoryId::parse("d-0123456789").expect("valid");
    let details = DirectoryDescription { name: Some("corp.example.com".to_owned()), ..Default::default() };
    let change = |cx: &mut kernel::WriteCx<'_>| {
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
        identity::store::set_source(cx, store, &Source::ActiveDirectory(directory.clone()))
    };
    site.test.app.write_as(&site.admin(), &site.test.request(), change).expect("written");
    (site, ticket)
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
    let (site, ticket) = site();
    let mut browser = site.browser();
    for (new, again, status, sentence) in [
        (NEW, "Wide-River-78", 200, "The two passwords differ."),
        ("short", "short", 200, "8 to 64 characters (not met)"),
        (NEW, NEW, 503, "The domain does not answer at present."),
    ] {
        let page = change(&mut browser, &ticket, "Pr3sent-in-domain", new, again);
        assert_eq!((page.status, page.heading()), (status, "Choose a new password"), "{}", page.body);
        assert!(page.body.contains(sentence), "{}", page.body);
        assert!(page.body.contains("Current password") && page.body.contains("that the domain remembers"));
        assert!(!page.body.contains("Pr3sent-in-domain") && !page.body.contains("Wide-River"), "{}", page.body);
        let hidden = page.hidden("/signin/domain-password");
        for (name, value) in [("ticket", ticket.as_str()), ("next", "/start/sessions"), ("username", "CORP\\alice")] {
            assert!(hidden.contains(&(name.to_owned(), value.to_owned())), "{hidden:?}");
        }
        assert!(!browser.cookies.contains_key("vestibule-session"));
    }
}

#[test]
fn without_a_ticket_or_from_elsewhere_somebody_signs_in_anew() {
    let (site, ticket) = site();
    let mut browser = site.browser();
    let page = change(&mut browser, "another-ticket", "Pr3sent-in-domain", NEW, NEW);
    assert_eq!((page.status, page.heading()), (403, "Sign in"), "{}", page.body);
    let fields = [("ticket", ticket.as_str()), ("present", "Pr3sent-in-domain"), ("new", NEW), ("again", NEW)];
    let page = site.browser().post("/signin/domain-password", &fields);
    assert_eq!((page.status, page.heading()), (403, "Sign in"), "{}", page.body);
    assert_eq!(site.browser().get("/signin/domain-password").header("location"), Some("/signin"));
}
