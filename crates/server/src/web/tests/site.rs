//! A portal with a user, and browsers that visit it.

use crate::{effects, linkage};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use base::{AccountId, IdentityUserId, Secret};
use http::{Request, header};
use http_body_util::BodyExt as _;
use iam::account::AccountState;
use kernel::Caller;
use kernel::settings::Settings;
use kernel::testing::{START, Setup, TestApp, root};
use model::identitystore::{CreateUserRequest, Email, Name, ops as identity_ops};
use model::organizations::{CreateOrganizationRequest, ops as org_ops};
use sso::instance::Instance;
use sso::session::LastSeen;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

pub const MANAGEMENT: &str = "111122223333";
pub const PASSWORD: &str = "Correct-Horse-42-Battery";

/// A portal in an organization; alice may sign in.
pub struct Site {
    pub test: TestApp,
    pub instance: Instance,
    pub alice: IdentityUserId,
    router: Router,
    runtime: Runtime,
}

/// An answer.
pub struct Page {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// A browser: it keeps cookies and sends forms as they are.
pub struct Browser<'a> {
    site: &'a Site,
    address: SocketAddr,
    pub cookies: BTreeMap<String, String>,
}

impl Site {
    pub fn new() -> Self {
        Self::at("http://127.0.0.1:4600")
    }

    pub fn at(base_url: &str) -> Self {
        let test = TestApp::new(Setup {
            routes: crate::routes(),
            jobs: crate::jobs(),
            effects: effects::apply,
            extensions: linkage::extensions().with(LastSeen::default()),
            settings: Settings { base_url: base_url.to_owned(), ..Settings::default() },
            ..Setup::default()
        });
        let management = AccountId::parse(MANAGEMENT).expect("valid");
        let add = |tx: &mut kernel::WriteTx<'_>| {
            iam::account::create(tx, &management, "root@example.com", "Management", AccountState::Active, START)
        };
        test.app.store.write(add, |_| {}).expect("an account");
        let admin = root(&management);
        test.call::<org_ops::CreateOrganization>(&admin, CreateOrganizationRequest::default()).expect("created");
        let enabled = test.app.write_as(&admin, &test.request(), |cx| sso::instance::enable(cx, None));
        let instance = enabled.expect("enabled");
        let permits = Arc::new(Semaphore::new(4));
        let gate = Arc::new(crate::gate::Gate::default());
        let router = super::super::router(Arc::clone(&test.app), gate, permits);
        let runtime = Runtime::new().expect("threads");
        let alice = user(&test, &admin, &instance, "alice");
        let site = Self { test, instance, alice, router, runtime };
        site.give_password(PASSWORD, false);
        site
    }

    /// The root user of the management account.
    pub fn admin(&self) -> Caller {
        root(&AccountId::parse(MANAGEMENT).expect("valid"))
    }

    /// Gives alice a password, as an administrator.
    pub fn give_password(&self, password: &str, is_one_time: bool) {
        let password = Secret::new(password);
        let given = self.test.app.write_as(&self.admin(), &self.test.request(), |cx| {
            identity::password::give(cx, &self.instance.store, &self.alice, &password, is_one_time)
        });
        given.expect("writable").expect("a good password");
    }

    /// A browser that has never been here.
    pub fn browser(&self) -> Browser<'_> {
        Browser { site: self, address: ([127, 0, 0, 1], 50_000).into(), cookies: BTreeMap::new() }
    }

    /// A browser in which alice is signed in.
    pub fn signed_in(&self) -> Browser<'_> {
        let mut browser = self.browser();
        let page = browser.sign_in("alice", PASSWORD, "/start");
        assert_eq!((page.status, page.header("location")), (303, Some("/start")), "{}", page.body);
        browser
    }
}

/// A user of `instance`, made by `admin`.
pub fn user(test: &TestApp, admin: &Caller, instance: &Instance, name: &str) -> IdentityUserId {
    let input = CreateUserRequest {
        identity_store_id: instance.store.to_string(),
        user_name: Some(name.to_owned()),
        display_name: Some(format!("{name} Example")),
        emails: Some(vec![Email { value: Some(format!("{name}@example.com")), ..Email::default() }]),
        name: Some(Name {
            given_name: Some(name.to_owned()),
            family_name: Some("Example".to_owned()),
            ..Name::default()
        }),
        ..CreateUserRequest::default()
    };
    let made = test.call::<identity_ops::CreateUser>(admin, input).expect("a user");
    IdentityUserId::parse(&made.user_id).expect("valid")
}

impl Browser<'_> {
    pub fn get(&mut self, place: &str) -> Page {
        self.send("GET", place, &[], "")
    }

    /// Sends `fields` as a page of the portal would.
    pub fn post(&mut self, place: &str, fields: &[(&str, &str)]) -> Page {
        self.post_with(place, fields, &[("sec-fetch-site", "same-origin")])
    }

    pub fn post_with(&mut self, place: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let form = [("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", place, &[&form, headers].concat(), &body)
    }

    pub fn send(&mut self, method: &str, place: &str, headers: &[(&str, &str)], body: &str) -> Page {
        let mut request = Request::builder().method(method).uri(place).header(header::HOST, "127.0.0.1:4600");
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.extension(ConnectInfo(self.address)).body(Body::from(body.to_owned())).expect("valid");
        let (head, body) = self.site.runtime.block_on(async {
            let response = self.site.router.clone().oneshot(request).await.expect("an answer");
            let (head, body) = response.into_parts();
            (head, body.collect().await.expect("a body").to_bytes())
        });
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().expect("text").to_owned()));
        let page = Page {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        for cookie in page.cookies() {
            let (name, value) = cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        page
    }

    /// Opens the sign-in form and sends it.
    pub fn sign_in(&mut self, user_name: &str, password: &str, next: &str) -> Page {
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let form = self.get(&format!("/signin?next={next}"));
        assert_eq!(form.status, 200, "{}", form.body);
        self.submit(&form, "/signin", &[("username", user_name), ("password", password)])
    }

    /// Sends the form of `page` that goes to `action`, with its hidden fields and `fields`.
    pub fn submit(&mut self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let hidden = page.hidden(action);
        let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let given = |name: &str| fields.iter().any(|(each, _)| *each == name);
        let all: Vec<(&str, &str)> = hidden.filter(|(name, _)| !given(name)).chain(fields.iter().copied()).collect();
        self.post(action, &all)
    }
}

impl Page {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str())
    }

    pub fn cookies(&self) -> Vec<&str> {
        self.headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str()).collect()
    }

    /// Names and values of the fields that nobody fills in, of the form that goes to `action`.
    pub fn hidden(&self, action: &str) -> Vec<(String, String)> {
        let forms = self.body.split("<form").skip(1).filter_map(|rest| rest.split("</form>").next());
        let mut forms = forms.filter(|form| form.contains(&format!("action=\"{action}\"")));
        let form = forms.next().unwrap_or_else(|| panic!("no form goes to {action}: {}", self.body));
        let value = |tag: &str, name: &str| {
            let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
            Some(
                rest.split('"')
                    .next()?
                    .replace("&quot;", "\"")
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&amp;", "&"),
            )
        };
        let inputs = form.split("<input").skip(1).filter_map(|rest| rest.split('>').next());
        inputs
            .filter(|tag| tag.contains("type=\"hidden\"") || tag.contains(" readonly"))
            .filter_map(|tag| Some((value(tag, "name")?, value(tag, "value")?)))
            .collect()
    }

    /// The heading.
    pub fn heading(&self) -> &str {
        let (_, rest) = self.body.split_once("<h1>").unwrap_or_else(|| panic!("no heading: {}", self.body));
        rest.split("</h1>").next().expect("split")
    }
}
