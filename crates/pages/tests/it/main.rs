//! Every page, as a browser gets it.

mod large;

use base::{Secret, Timestamp};
use flate2::Compression;
use flate2::write::GzEncoder;
use pages::Html;
use pages::frame::Frame;
use pages::portal::{Account, Banner, Portal, Role};
use pages::sign_in::{Problem, Purpose, SignIn};
use pages::{consent, console, credentials, device, error, format, password, profile, recovery, sessions, sign_out};
use std::io::Write as _;

/// Breaks out of text, of attributes and of scripts wherever it is not escaped.
const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'&amp;";

const NOW: Timestamp = Timestamp::from_seconds(1_795_302_801);

fn frame() -> Frame<'static> {
    Frame { request_id: HOSTILE, user: Some(HOSTILE) }
}

fn account() -> Account {
    let role = |is_ready| Role { name: HOSTILE.to_owned(), description: Some(HOSTILE.to_owned()), is_ready };
    Account {
        id: HOSTILE.to_owned(),
        name: HOSTILE.to_owned(),
        email: HOSTILE.to_owned(),
        path: vec![HOSTILE.to_owned()],
        roles: (0..8).map(|at| role(at != 1)).collect(),
    }
}

fn site() -> profile::Site {
    profile::Site {
        name: HOSTILE.to_owned(),
        start_url: HOSTILE.to_owned(),
        sso_region: HOSTILE.to_owned(),
        region: HOSTILE.to_owned(),
        endpoint_url: HOSTILE.to_owned(),
        services: &["sso"],
    }
}

fn signing_in() -> Vec<(&'static str, Html)> {
    let purposes = [
        Purpose::Portal,
        Purpose::Device { user_code: None },
        Purpose::Device { user_code: Some(HOSTILE.to_owned()) },
        Purpose::Application { client_name: HOSTILE.to_owned(), redirect_host: HOSTILE.to_owned() },
    ];
    let problems = [
        None,
        Some(Problem::Refused),
        Some(Problem::ChangeElsewhere),
        Some(Problem::Throttled { minutes: 1 }),
        Some(Problem::Throttled { minutes: 15 }),
        Some(Problem::Unavailable),
        Some(Problem::Expired),
    ];
    let mut all = Vec::new();
    for purpose in &purposes {
        for problem in problems {
            let frame = Frame { user: None, ..frame() };
            for forgot in [None, Some("/signin/forgot?next=%2Fstart")] {
                let page = SignIn { frame, purpose, user_name: HOSTILE, next: HOSTILE, csrf: HOSTILE, problem, forgot };
                all.push(("sign-in", page.render()));
            }
        }
    }
    all.push(("sign-out", sign_out::SignOut { frame: frame(), csrf: HOSTILE }.render()));
    all.push(("signed out", sign_out::SignedOut { frame: Frame { user: None, ..frame() }, portal: "/start" }.render()));
    all
}

fn setting_passwords() -> Vec<(&'static str, Html)> {
    use password::{NewPassword, Occasion, Problem as Rule};
    let (portal, expires_at) = (HOSTILE, NOW);
    let links = [Occasion::Invitation { portal, expires_at }, Occasion::Reset { portal, expires_at }];
    let problems = [
        None,
        Some(Rule::Length),
        Some(Rule::Classes),
        Some(Rule::Reused),
        Some(Rule::Guessable),
        Some(Rule::Mismatch),
        Some(Rule::Expired),
    ];
    let of_domains = [
        Some(Rule::Longer),
        Some(Rule::Simple),
        Some(Rule::Young),
        Some(Rule::Domain),
        Some(Rule::Present),
        Some(Rule::Throttled { minutes: 1 }),
        Some(Rule::Throttled { minutes: 2 }),
        Some(Rule::Unavailable),
    ];
    let mut all = Vec::new();
    for occasion in [Occasion::Given, Occasion::Domain].into_iter().chain(links) {
        let next = (!links.contains(&occasion)).then_some(HOSTILE);
        let more = of_domains.into_iter().filter(|_| occasion == Occasion::Domain);
        for problem in problems.into_iter().chain(more) {
            let (frame, ticket, user_name, csrf) = (frame(), HOSTILE, HOSTILE, HOSTILE);
            let page = NewPassword { frame, occasion, ticket, user_name, next, csrf, problem };
            all.push(("new password", page.render()));
        }
    }
    for problem in [
        None,
        Some(recovery::Problem::Empty),
        Some(recovery::Problem::Throttled { minutes: 1 }),
        Some(recovery::Problem::Throttled { minutes: 2 }),
        Some(recovery::Problem::Expired),
    ] {
        let page = recovery::ForgotPassword {
            frame: frame(),
            user_name: HOSTILE,
            next: HOSTILE,
            sign_in: "/signin",
            csrf: HOSTILE,
            problem,
        };
        all.push(("forgotten password", page.render()));
    }
    for has_expired in [false, true] {
        let page = recovery::VerifyEmail {
            frame: frame(),
            address: HOSTILE,
            user_name: HOSTILE,
            ticket: HOSTILE,
            csrf: HOSTILE,
            has_expired,
        };
        all.push(("verification", page.render()));
    }
    for is_for_password in [false, true] {
        all.push(("void link", recovery::LinkVoid { frame: frame(), is_for_password }.render()));
    }
    all.push(("link sent", recovery::LinkSent { frame: frame(), sign_in: "/signin" }.render()));
    all.push(("in the directory", recovery::InDirectory { frame: frame(), sign_in: "/signin" }.render()));
    all.push(("password set", recovery::PasswordSet { frame: frame(), sign_in: "/signin" }.render()));
    all.push(("address verified", recovery::EmailVerified { frame: frame(), portal: "/start" }.render()));
    all
}

fn letting_in() -> Vec<(&'static str, Html)> {
    let scopes = [HOSTILE.to_owned(), "sso:account:access".to_owned()];
    let approval = device::Approval {
        frame: frame(),
        user_name: HOSTILE,
        user_code: HOSTILE,
        client_name: HOSTILE,
        source_ip: HOSTILE,
        user_agent: HOSTILE,
        scopes: &scopes,
        requested_at: NOW,
        expires_at: NOW.plus_seconds(600),
        browser_ip: "192.0.2.7",
        now: NOW,
        csrf: HOSTILE,
    };
    let consent = consent::Consent {
        frame: frame(),
        user_name: HOSTILE,
        client_name: HOSTILE,
        redirect_host: HOSTILE,
        scopes: &[],
        query: HOSTILE,
        csrf: HOSTILE,
    };
    vec![
        ("code form", device::CodeForm { frame: frame(), rejected: None }.render()),
        ("rejected code", device::CodeForm { frame: frame(), rejected: Some(HOSTILE) }.render()),
        ("approval", approval.render()),
        ("approved", device::Decided { frame: frame(), is_allowed: true, client_name: HOSTILE }.render()),
        ("denied", device::Decided { frame: frame(), is_allowed: false, client_name: HOSTILE }.render()),
        ("consent", consent.render()),
    ]
}

fn using() -> Vec<(&'static str, Html)> {
    let accounts = [account()];
    let portal = |accounts, query, banner| Portal {
        frame: frame(),
        accounts,
        query,
        page: 1,
        banner,
        has_console: true,
        csrf: HOSTILE,
    };
    let keys = format::RoleCredentials {
        access_key_id: HOSTILE.to_owned(),
        secret_access_key: Secret::new(HOSTILE),
        session_token: Secret::new(HOSTILE),
        expires_at: NOW.plus_seconds(3_600),
        region: HOSTILE.to_owned(),
        endpoint_url: HOSTILE.to_owned(),
    };
    let site = site();
    let credentials = credentials::Credentials {
        frame: frame(),
        account_id: HOSTILE,
        account_name: HOSTILE,
        role_name: HOSTILE,
        keys: &keys,
        site: &site,
        now: NOW,
        csrf: HOSTILE,
    };
    let session = |is_current: bool| sessions::Session {
        id: HOSTILE.to_owned(),
        tool: (!is_current).then(|| HOSTILE.to_owned()),
        source_ip: HOSTILE.to_owned(),
        user_agent: HOSTILE.to_owned(),
        created_at: NOW,
        last_seen_at: NOW,
        expires_at: NOW,
        is_current,
    };
    let question = credentials::Question { frame: frame(), account_id: HOSTILE, role_name: HOSTILE, csrf: HOSTILE };
    let file = profile::File { count: 1, example: Some(HOSTILE.to_owned()), text: HOSTILE.to_owned() };
    let profiles =
        |outcome| profile::Profiles { frame: frame(), template: HOSTILE, query: HOSTILE, region: HOSTILE, outcome };
    let problem = profile::TemplateProblem { position: 1, message: HOSTILE.to_owned() };
    vec![
        ("portal", portal(&accounts, "", None).render()),
        ("portal without a match", portal(&accounts, "nothing has this", None).render()),
        ("portal searched", portal(&accounts, HOSTILE, None).render()),
        ("empty portal", portal(&[], "", None).render()),
        ("portal without trusted access", portal(&[], "", Some(Banner::TrustedAccessOff)).render()),
        ("credentials", credentials.render()),
        ("question", question.render()),
        ("profiles", profiles(Ok(file)).render()),
        ("bad template", profiles(Err(problem)).render()),
        (
            "sessions",
            sessions::Sessions { frame: frame(), sessions: &[session(true), session(false)], now: NOW, csrf: HOSTILE }
                .render(),
        ),
        (
            "one session",
            sessions::Sessions { frame: frame(), sessions: &[session(true)], now: NOW, csrf: HOSTILE }.render(),
        ),
        ("error", error::ErrorPage { frame: frame(), title: HOSTILE, text: HOSTILE }.render()),
    ]
}

fn in_console() -> Vec<(&'static str, Html)> {
    use console::{AsWhom, SignInProblem, Way};
    let landing = |way, color| console::Console {
        frame: frame(),
        arn: HOSTILE,
        account_id: HOSTILE,
        account_name: HOSTILE,
        account_alias: Some(HOSTILE),
        way,
        shown_name: HOSTILE,
        color,
        base_arn: Some(HOSTILE),
        has_second_factor: true,
        ends_at: NOW,
        now: NOW,
        destination: Some(HOSTILE),
        csrf: HOSTILE,
    };
    let sign_in = |as_whom, problem| console::ConsoleSignIn {
        frame: frame(),
        as_whom,
        account: HOSTILE,
        name: HOSTILE,
        purpose: Some(HOSTILE),
        next: HOSTILE,
        csrf: HOSTILE,
        problem,
    };
    let role = |color, problem| console::SwitchRole {
        frame: frame(),
        arn: HOSTILE,
        account: HOSTILE,
        role_name: HOSTILE,
        display_name: HOSTILE,
        color,
        csrf: HOSTILE,
        problem,
    };
    let code = |problem| console::Code { frame: frame(), ticket: HOSTILE, next: HOSTILE, csrf: HOSTILE, problem };
    let password = |problem| console::NewConsolePassword {
        frame: frame(),
        ticket: HOSTILE,
        next: HOSTILE,
        csrf: HOSTILE,
        problem,
    };
    let offered = console::OfferedAccount {
        id: HOSTILE.to_owned(),
        name: Some(HOSTILE.to_owned()),
        roles: vec![HOSTILE.to_owned(), "arn:aws:iam::111122223333:role/Reader".to_owned()],
    };
    let roles = vec!["arn:aws:iam::444455556666:role/Reader".to_owned()];
    let nameless = console::OfferedAccount { id: HOSTILE.to_owned(), name: None, roles };
    let picker = console::RolePicker {
        frame: frame(),
        accounts: &[offered, nameless],
        response: HOSTILE,
        relay_state: HOSTILE,
        problem: Some(HOSTILE),
    };
    let consent = |redirect_host| console::LoginConsent {
        frame: frame(),
        arn: HOSTILE,
        redirect_host,
        query: HOSTILE,
        csrf: HOSTILE,
    };
    vec![
        ("console", landing(Way::SwitchedRole, "99bce3").render()),
        ("console of a root user", landing(Way::Root, HOSTILE).render()),
        ("console sign-in", sign_in(AsWhom::User, None).render()),
        ("console sign-in refused", sign_in(AsWhom::User, Some(SignInProblem::Refused)).render()),
        ("root sign-in", sign_in(AsWhom::Root, Some(SignInProblem::Throttled { minutes: 2 })).render()),
        ("MFA code", code(None).render()),
        ("wrong MFA code", code(Some(SignInProblem::Refused)).render()),
        ("new console password", password(None).render()),
        ("bad console password", password(Some(HOSTILE)).render()),
        ("switch role", role("99bce3", None).render()),
        ("switch role refused", role(HOSTILE, Some(HOSTILE)).render()),
        ("role picker", picker.render()),
        ("aws login", consent(Some(HOSTILE)).render()),
        ("aws login elsewhere", consent(None).render()),
        ("aws login code", console::LoginCode { frame: frame(), code: Some(HOSTILE) }.render()),
        ("aws login denied", console::LoginCode { frame: frame(), code: None }.render()),
    ]
}

fn every_page() -> Vec<(&'static str, Html)> {
    [signing_in(), setting_passwords(), letting_in(), using(), in_console()].concat()
}

/// The tags of a document, without comments (there are none): what is between `<` and `>`.
fn tags(html: &str) -> Vec<&str> {
    html.split('<').skip(1).map(|rest| rest.split_once('>').map_or(rest, |(tag, _)| tag)).collect()
}

/// Names of a tag's attributes.
fn attributes(tag: &str) -> Vec<&str> {
    // Values are quoted and hold no quote: every second piece is outside of a value.
    let outside = tag.split('"').step_by(2);
    outside.flat_map(str::split_whitespace).map(|name| name.trim_end_matches('=')).skip(1).collect()
}

fn value<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

#[test]
fn hostile_names_stay_text() {
    for (name, html) in every_page() {
        let html = html.as_str();
        assert!(html.contains("&lt;script&gt;"), "{name} shows nothing hostile: the test is void");
        assert!(!html.contains("<script>"), "{name}");
        assert!(!html.contains("<img"), "{name}");
        for tag in tags(html) {
            assert!(tag.matches('"').count().is_multiple_of(2), "{name}: {tag}");
        }
    }
}

#[test]
fn nothing_is_inline() {
    for (name, html) in every_page() {
        for tag in tags(html.as_str()) {
            assert!(!tag.starts_with("style"), "{name} has a style element");
            if tag.starts_with("script") {
                assert!(value(tag, "src").is_some_and(|src| src.starts_with("/assets/")), "{name}: {tag}");
            }
            for attribute in attributes(tag) {
                assert!(attribute != "style" && !attribute.starts_with("on"), "{name}: {tag}");
            }
            for link in ["href", "action", "src"].into_iter().filter_map(|attribute| value(tag, attribute)) {
                assert!(["/", "#", "data:,"].iter().any(|start| link.starts_with(start)), "{name}: {tag}");
            }
        }
    }
}

#[test]
fn every_page_can_be_found_ones_way_in() {
    for (name, html) in every_page() {
        let html = html.as_str();
        let tags = tags(html);
        let count = |start: &str| tags.iter().filter(|tag| tag.split([' ', '>']).next() == Some(start)).count();
        assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{name}");
        for once in ["h1", "main", "title", "header", "footer"] {
            assert_eq!(count(once), 1, "{name}: {once}");
        }
        let mut ids: Vec<&str> = tags.iter().filter_map(|tag| value(tag, "id")).collect();
        let references = ["for", "aria-describedby"];
        for reference in references.iter().flat_map(|name| tags.iter().filter_map(move |tag| value(tag, name))) {
            assert!(ids.contains(&reference), "{name} refers to {reference}");
        }
        for tag in &tags {
            if tag.starts_with("input") && value(tag, "type") != Some("hidden") {
                let id = value(tag, "id").unwrap_or_else(|| panic!("{name}: {tag} has no id"));
                assert!(html.contains(&format!("<label for=\"{id}\">")), "{name}: {id} has no label");
            }
            if let Some(anchor) = value(tag, "href").and_then(|href| href.strip_prefix('#')) {
                assert!(ids.contains(&anchor), "{name}: nothing has the id {anchor}");
            }
        }
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all, "{name} uses an id twice");
    }
}

#[test]
fn every_form_that_changes_something_carries_the_token_and_nothing_chooses_for_the_user() {
    for (name, html) in every_page() {
        let html = html.as_str();
        for form in html.split("<form").skip(1).filter_map(|rest| rest.split("</form>").next()) {
            // A SAML response proves what its form does, wherever the form comes from.
            let posts = form.contains("method=\"post\"") && !form.contains("action=\"/saml\"");
            assert_eq!(form.contains("name=\"csrf\""), posts, "{name}: {form}");
        }
        for button in tags(html).iter().filter(|tag| tag.starts_with("button")) {
            assert!(!button.contains("autofocus"), "{name}: {button}");
        }
    }
}

#[test]
fn a_request_from_another_address_is_pointed_out() {
    let approval = |source_ip| {
        device::Approval {
            frame: Frame { request_id: "r", user: Some("alice") },
            user_name: "alice",
            user_code: "ABCD-EFGH",
            client_name: "aws-cli",
            source_ip,
            user_agent: "aws-cli/2",
            scopes: &[],
            requested_at: NOW.plus_seconds(-12),
            expires_at: NOW.plus_seconds(588),
            browser_ip: "192.0.2.7",
            now: NOW,
            csrf: "t",
        }
        .render()
    };
    assert!(approval("203.0.113.9").as_str().contains("from another address"));
    let same = approval("192.0.2.7");
    assert!(!same.as_str().contains("from another address"));
    assert!(same.as_str().contains("12 seconds ago") && same.as_str().contains("A B C D , E F G H"));
}

#[test]
fn the_portal_of_500_accounts_and_1000_roles_is_small_on_the_wire() {
    let accounts = large::accounts();
    let html = Portal {
        frame: Frame { request_id: "0f0e0d0c-0b0a-4908-8706-050403020100", user: Some("alice") },
        accounts: &accounts,
        query: "",
        page: 1,
        banner: None,
        has_console: true,
        csrf: "MUQ4NTU5QjE0RkE2N0U5OEY3QUE3Q0U5RkQ2RjE0NkQ",
    }
    .render();
    assert!(html.as_str().contains("500 accounts, 1000 roles"));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(html.as_str().as_bytes()).expect("written to memory");
    let compressed = encoder.finish().expect("written to memory").len();
    println!("{} bytes, {compressed} compressed", html.as_str().len());
    assert!(compressed < 15 << 10, "{compressed} bytes");
}

#[test]
fn wherever_a_profile_signs_in_stands_how_it_signs_out() {
    let mut signing_in = 0;
    for (name, html) in every_page() {
        let html = html.as_str();
        let signs_in = html.contains("aws sso login --profile ");
        assert_eq!(html.contains("aws sso logout --profile "), signs_in, "{name}");
        signing_in += usize::from(signs_in);
    }
    assert_eq!(signing_in, 2, "the keys of a role and the profiles");
}
