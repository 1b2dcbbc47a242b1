//! The pages through their router, with a real application behind them.

mod account_instance;
mod console;
mod domain_password;
mod recovery;
mod saml;
mod site;
mod tools;

use site::{Browser, MANAGEMENT, PASSWORD, Page, Site};

/// Whatever differs from page to page: ids and tokens.
fn without_ids(page: &Page) -> String {
    let is_id = |word: &&str| word.len() > 30 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    page.body
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| !is_id(word))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn a_person_signs_in_and_lands_where_the_link_led() {
    let site = Site::new();
    let mut browser = site.browser();
    let portal = browser.get("/start?q=shop");
    assert_eq!((portal.status, portal.header("location")), (303, Some("/signin?next=%2Fstart%3Fq%3Dshop")));
    let page = browser.sign_in("alice", PASSWORD, "/start?q=shop");
    assert_eq!((page.status, page.header("location")), (303, Some("/start?q=shop")));
    let portal = browser.get("/start");
    assert_eq!((portal.status, portal.heading()), (200, "Your AWS accounts"), "{}", portal.body);
    assert!(portal.body.contains("Signed in as <strong>alice Example</strong>"));
    assert_eq!(browser.get("/signin?next=%2Fdevice").header("location"), Some("/device"), "signed in already");
}

#[test]
fn nobody_learns_who_exists() {
    let site = Site::new();
    let refused: Vec<Page> =
        ["alice", "nobody"].iter().map(|name| site.browser().sign_in(name, "Wrong-Horse-42", "/start")).collect();
    assert!(refused[0].body.contains("User name or password is wrong."), "{}", refused[0].body);
    assert_eq!(refused[0].status, refused[1].status);
    assert_eq!(without_ids(&refused[0]).replace("alice", "nobody"), without_ids(&refused[1]));
    for page in refused {
        assert!(!page.cookies().iter().any(|cookie| cookie.contains("session")), "{:?}", page.cookies());
    }
}

#[test]
fn cookies_are_for_this_server_and_out_of_reach_of_scripts() {
    for (base_url, prefix, secure) in
        [("http://127.0.0.1:4600", "vestibule-", ""), ("https://sso.example.com", "__Host-vestibule-", "; Secure")]
    {
        let site = Site::at(base_url);
        let mut browser = site.browser();
        let form = browser.get("/signin");
        assert_eq!(form.cookies().len(), 1);
        let signed_in = browser.sign_in("alice", PASSWORD, "/start");
        for cookie in [form.cookies(), signed_in.cookies()].concat() {
            assert!(cookie.starts_with(prefix), "{cookie}");
            assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Lax; Max-Age="), "{cookie}");
            assert!(cookie.ends_with(secure) && !cookie.contains("Domain"), "{cookie}");
        }
        let seconds = signed_in.cookies()[0].split("Max-Age=").nth(1).expect("an age");
        assert!(seconds.starts_with("28800"), "as long as the session: {seconds}");
    }
}

#[test]
fn a_form_counts_only_from_the_browser_that_got_it() {
    let site = Site::new();
    let (mut victim, mut attacker) = (site.browser(), site.browser());
    let form = attacker.get("/signin");
    let fields = [("username", "alice"), ("password", PASSWORD)];
    victim.get("/signin");
    let page = victim.submit(&form, "/signin", &fields);
    assert_eq!(page.status, 403, "the token is another browser's");
    assert!(!victim.cookies.contains_key("vestibule-session"));
    assert_eq!(site.browser().post("/signin", &fields).status, 403, "there is no token");

    let mut browser = site.signed_in();
    for place in ["/signout", "/device", "/start/credentials", "/start/sessions/end", "/start/sessions/end-others"] {
        let fields = [("csrf", ""), ("decision", "allow"), ("role", "1/x")];
        assert_eq!(browser.post(place, &fields).status, 403, "{place}");
    }
    assert_eq!(browser.get("/start").status, 200, "still signed in");
}

#[test]
fn the_form_of_a_second_tab_leads_on_once_the_first_has_signed_in() {
    let site = Site::new();
    let mut browser = site.browser();
    let (first, second) = (browser.get("/signin?next=%2Fstart"), browser.get("/signin?next=%2Fdevice"));
    let fields = [("username", "alice"), ("password", PASSWORD)];
    assert_eq!(browser.submit(&first, "/signin", &fields).header("location"), Some("/start"));
    let page = browser.submit(&second, "/signin", &fields);
    assert_eq!((page.status, page.header("location")), (303, Some("/device")), "{}", page.body);
    browser.cookies.clear();
    assert_eq!(browser.submit(&second, "/signin", &fields).status, 403, "nobody is signed in");
}

#[test]
fn other_sites_cannot_send_forms_even_with_the_token() {
    let site = Site::new();
    let mut browser = site.browser();
    let form = browser.get("/signin");
    let token = form.hidden("/signin").into_iter().find(|(name, _)| name == "csrf").expect("a token").1;
    let fields = [("csrf", token.as_str()), ("username", "alice"), ("password", PASSWORD)];
    for headers in [&[("sec-fetch-site", "cross-site")][..], &[("origin", "https://evil.example")]] {
        let page = browser.post_with("/signin", &fields, headers);
        assert_eq!((page.status, page.heading()), (403, "The form was refused"));
    }
    assert_eq!(browser.post_with("/signin", &fields, &[("origin", "http://127.0.0.1:4600")]).status, 303);
}

#[test]
fn every_answer_carries_the_policy() {
    let site = Site::new();
    let mut browser = site.signed_in();
    let visit = |browser: &mut Browser<'_>, method: &str, place: &str| {
        let page = browser.send(method, place, &[], "");
        let policy = page.header("content-security-policy").unwrap_or_else(|| panic!("{method} {place}: no policy"));
        for directive in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(directive), "{method} {place}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{place}");
        assert_eq!(page.header("referrer-policy"), Some("same-origin"), "{place}");
        assert_eq!(page.header("cross-origin-opener-policy"), Some("same-origin"), "{place}");
        let is_kept = place.starts_with("/assets/style") && page.status == 200;
        assert_eq!(page.header("cache-control") == Some("no-store"), !is_kept, "{method} {place}");
        page
    };
    let style = pages::assets::STYLE.path();
    let places = [
        "/signin",
        "/signin/password",
        "/signin/domain-password",
        "/signin/forgot",
        "/signin/invitation",
        "/signin/reset?token=x",
        "/signin/verify-email",
        "/signin/password-set",
        "/signout",
        "/device",
        "/device?user_code=BCDF-GHJK",
        "/authorize",
        "/authorize?client_id=x",
        "/start",
        "/start/",
        "/start?q=x&page=9",
        "/start/credentials?account_id=1&role_name=x",
        "/start/profiles",
        "/start/profiles?template=%7Bx",
        "/start/profiles?download=1",
        "/start/sessions",
        "/start/sessions/end",
        "/start/console?account_id=1&role_name=x",
        "/start/nothing/here",
        "/console",
        "/assets/nothing.css",
        &style,
    ];
    for place in places {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            visit(&mut browser, method, place);
        }
    }
    let mut stranger = site.browser();
    for place in places {
        visit(&mut stranger, "GET", place);
    }
}

#[test]
fn a_password_of_an_administrators_is_replaced_first() {
    let site = Site::new();
    site.give_password("One-Time-Pass-1", true);
    let mut browser = site.browser();
    let page = browser.sign_in("alice", "One-Time-Pass-1", "/start/sessions");
    assert_eq!(page.heading(), "Choose a new password", "{}", page.body);
    assert!(!browser.cookies.contains_key("vestibule-session"));
    let mut attempt = |page: &Page, new: &str, again: &str| {
        browser.submit(page, "/signin/password", &[("new", new), ("again", again)])
    };
    let page = attempt(&page, "short", "short");
    assert!(page.body.contains("8 to 64 characters (not met)"), "{}", page.body);
    let page = attempt(&page, "New-Password-77", "New-Password-78");
    assert!(page.body.contains("The two passwords differ."), "{}", page.body);
    let page = attempt(&page, "One-Time-Pass-1", "One-Time-Pass-1");
    assert!(page.body.contains("not one of your last three passwords (not met)"), "{}", page.body);
    let done = attempt(&page, "New-Password-77", "New-Password-77");
    assert_eq!((done.status, done.header("location")), (303, Some("/start/sessions")), "{}", done.body);
    let again = browser.submit(&page, "/signin/password", &[("new", "Other-Pass-88"), ("again", "Other-Pass-88")]);
    assert_eq!(again.status, 403, "a ticket is good once");
    assert_eq!(site.browser().sign_in("alice", "New-Password-77", "/start").status, 303);
    assert_eq!(site.browser().sign_in("alice", "One-Time-Pass-1", "/start").status, 200);
}

#[test]
fn whoever_guesses_is_slowed_down_whether_or_not_the_name_exists() {
    let site = Site::new();
    for name in ["alice", "nobody"] {
        let mut browser = site.browser();
        let throttled =
            (0..40).map(|_| browser.sign_in(name, "Wrong-Horse-42", "/start")).find(|page| page.status == 429);
        let page = throttled.unwrap_or_else(|| panic!("{name} may guess for ever"));
        assert!(page.body.contains("Too many attempts. Try again in"), "{}", page.body);
        assert!(
            page.header("retry-after").and_then(|value| value.parse().ok()).is_some_and(|seconds: i64| seconds > 0)
        );
    }
}

#[test]
fn signing_out_ends_the_session_on_the_server() {
    let site = Site::new();
    let mut browser = site.signed_in();
    let stolen = browser.cookies.clone();
    let page = browser.get("/signout");
    let page = browser.submit(&page, "/signout", &[]);
    assert_eq!((page.status, page.heading()), (200, "You are signed out"));
    assert!(browser.cookies.is_empty());
    let mut thief = site.browser();
    thief.cookies = stolen;
    assert_eq!(thief.get("/start").status, 303);
}

#[test]
fn sessions_are_listed_and_ended() {
    let site = Site::new();
    let (mut here, mut there) = (site.signed_in(), site.signed_in());
    let page = here.get("/start/sessions");
    assert_eq!(page.body.matches("<tr>").count(), 3, "a head and two sessions: {}", page.body);
    let ids: Vec<&str> =
        page.body.split("name=\"session\" value=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(ids.len(), 1, "this one is ended by signing out");
    let done = here.submit(&page, "/start/sessions/end", &[("session", ids[0])]);
    assert_eq!((done.status, done.header("location")), (303, Some("/start/sessions")));
    assert_eq!((here.get("/start").status, there.get("/start").status), (200, 303));
    assert_eq!(here.submit(&page, "/start/sessions/end", &[("session", ids[0])]).status, 404, "it has ended");

    let mut other = site.signed_in();
    let page = here.get("/start/sessions");
    assert_eq!(here.submit(&page, "/start/sessions/end-others", &[]).status, 303);
    assert_eq!((here.get("/start").status, other.get("/start").status), (200, 303));
}

#[test]
fn tools_that_ask_for_the_start_url_are_told_the_name_of_the_instance() {
    let site = Site::new();
    let expected = format!("https://{}.portal.us-east-1.app.aws", site.instance.id);
    let page = site.browser().send("HEAD", "/start", &[], "");
    assert_eq!((page.status, page.header("location")), (302, Some(expected.as_str())));
    let host = format!("{}.awsapps.com", site.instance.store);
    assert_eq!(site.browser().send("HEAD", "/start", &[("host", &host)], "").status, 302);
}

#[test]
fn the_portal_is_compressed_and_assets_are_kept() {
    let site = Site::new();
    let mut browser = site.signed_in();
    let page = browser.send("GET", "/start", &[("accept-encoding", "gzip, br")], "");
    assert_eq!((page.header("content-encoding"), page.header("vary")), (Some("gzip"), Some("accept-encoding")));
    assert_eq!(browser.get("/start").header("content-encoding"), None);
    for asset in pages::assets::ALL {
        let page = browser.get(&asset.path());
        assert_eq!((page.status, page.body.as_str()), (200, asset.body));
        assert_eq!(page.header("content-type"), Some(asset.content_type));
        assert_eq!(page.header("cache-control"), Some("public, max-age=31536000, immutable"));
    }
}

#[test]
fn without_identity_center_the_portal_says_so() {
    let test = kernel::testing::TestApp::new(kernel::testing::Setup::default());
    let permits = std::sync::Arc::new(tokio::sync::Semaphore::new(1));
    let router: axum::Router = super::router(test.app, std::sync::Arc::default(), permits);
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let request = http::Request::get("/signin").body(axum::body::Body::empty()).expect("valid");
    let response = runtime.block_on(tower::ServiceExt::oneshot(router, request)).expect("an answer");
    assert_eq!(response.status(), 404);
}

#[test]
fn forms_are_bounded() {
    let site = Site::new();
    let page = site.browser().post("/signin", &[("username", &"x".repeat(super::FORM_BYTES_MAX))]);
    assert_eq!((page.status, page.heading()), (413, "Too much at once"));
}

#[test]
fn roles_are_used_with_keys_that_are_never_kept() {
    let site = Site::new();
    let account = tools::assign(&site, "Reader");
    let mut browser = site.signed_in();
    let portal = browser.get("/start");
    assert!(portal.body.contains("1 account, 1 role"), "{}", portal.body);
    assert!(browser.get("/start?q=nothing").body.contains("0 accounts, 0 roles"));
    let role = format!("{account}/Reader");
    let keys = browser.submit(&portal, "/start/credentials", &[("role", &role)]);
    assert_eq!((keys.status, keys.heading()), (200, "Access keys for Reader"), "{}", keys.body);
    assert_eq!((keys.header("cache-control"), keys.header("content-encoding")), (Some("no-store"), None));
    for text in [
        "export AWS_ACCESS_KEY_ID=",
        "AWS_ENDPOINT_URL",
        "set -gx ",
        "$Env:AWS_SESSION_TOKEN",
        "&quot;Version&quot;: 1",
    ] {
        assert!(keys.body.contains(text), "{text}: {}", keys.body);
    }
    let denied = browser.submit(&portal, "/start/credentials", &[("role", &format!("{account}/Admin"))]);
    assert_eq!((denied.status, denied.heading()), (403, "No access"));
    let denied = browser.submit(&portal, "/start/credentials", &[("role", &format!("{MANAGEMENT}/Reader"))]);
    assert_eq!((denied.status, denied.heading()), (403, "No access"));

    let question = browser.get(&format!("/start/credentials?account_id={account}&role_name=Reader"));
    assert!(!question.body.contains("AWS_SECRET"), "a link makes no keys");
    assert_eq!(browser.submit(&question, "/start/credentials", &[("role", &role)]).status, 200);

    let file = browser.get("/start/profiles?download=1&template=%7Baccount_id%7D.%7Brole%7D&region=eu-west-1");
    assert_eq!(file.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(file.body.contains(&format!("[profile {account}.Reader]\n")), "{}", file.body);
    assert!(file.body.contains(&format!("sso_start_url = {}\n", site.instance.start_url())), "{}", file.body);
    assert!(file.body.contains("region = eu-west-1\n"), "{}", file.body);

    tools::trust(&site, false);
    let page = browser.get("/start");
    assert!(page.body.contains("Your accounts cannot be reached at present"), "{}", page.body);
    assert_eq!(browser.submit(&portal, "/start/credentials", &[("role", &role)]).status, 403);
    tools::trust(&site, true);
    assert!(browser.get("/start").body.contains("1 account, 1 role"));
}
