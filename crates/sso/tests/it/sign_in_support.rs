//! An instance with a user, browsers that are signed in, and tools that speak to the token service as clients of AWS do.

use aws_lc_rs::digest::{SHA256, digest};
use base::{AccountId, IdentityStoreId, IdentityUserId, InstanceId, Timestamp};
use identity::user::{Status, User};
use kernel::testing::{Setup, TestApp, root};
use kernel::{App, RequestInfo, dispatch, params};
use serde_json::Value;
use smithy::WireRequest;
use smithy::wire::WireResponse;
use sso::instance::{self, Instance};
use sso::session::{self, LastSeen, PortalSession};
use std::sync::Arc;

pub const OWNER: &str = "111122223333";
pub const INSTANCE: &str = "ssoins-1234567890abcdef";
pub const STORE: &str = "d-9067000000";
pub const USER: &str = "11111111-2222-4333-8444-555555555555";
pub const COOKIE: &str = "a-cookie";

/// A portal and its clock.
pub struct Portal {
    pub test: TestApp,
    pub instance: Instance,
    pub user: IdentityUserId,
}

/// An answer of the token service.
pub struct Answer {
    pub status: u16,
    /// The code of the error.
    pub code: String,
    pub body: Value,
}

impl Answer {
    pub fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.body)).to_owned()
    }
}

pub fn portal() -> Portal {
    let mut setup = Setup { routes: sso::routes(), jobs: sso::jobs(), ..Setup::default() };
    setup.extensions = setup.extensions.with(LastSeen::default());
    let test = TestApp::new(setup);
    let owner = AccountId::parse(OWNER).expect("valid");
    let instance = InstanceId::parse(INSTANCE).expect("valid");
    test.app
        .write_as(&root(&owner), &test.request(), |cx| {
            let (now, store) = (cx.now, IdentityStoreId::parse(STORE).expect("valid"));
            iam::account::create(
                &mut cx.write(),
                &owner,
                "root@example.com",
                "Owner",
                iam::account::AccountState::Active,
                now,
            )?;
            cx.write().exec_one(
                "insert into ids_store (id, owner_account_id, source, created_at) values ($1, $2, 'IDENTITY_CENTER', $3)",
                params![store, owner, now],
            )?;
            cx.write().exec_one(
                "insert into sso_instance (id, kind, owner_account_id, org_id, store_id, region, status, \
                   provider_suffix, certificate, private_key, session_seconds, session_idle_seconds, allows_account_instances, settings, \
                   created_at) \
                 values ($1, 'ORGANIZATION', $2, 'o-exampleorgid', $3, 'us-east-1', 'ACTIVE', '0123456789abcdef', '', \
                   $4, 28800, 28800, 1, '{}', $5)",
                params![instance, owner, store, Vec::<u8>::new(), now],
            )
        })
        .expect("an instance");
    let instance = test.app.store.read(|tx| instance::get(tx, &instance)).expect("readable").expect("made");
    let portal = Portal { test, instance, user: IdentityUserId::parse(USER).expect("valid") };
    portal.add_user(USER, "alice");
    portal
}

impl Portal {
    pub fn app(&self) -> &Arc<App> {
        &self.test.app
    }

    pub fn add_user(&self, id: &str, name: &str) -> IdentityUserId {
        let id = IdentityUserId::parse(id).expect("valid");
        let now = self.app().now();
        let user = User {
            id: id.clone(),
            store: self.instance.store.clone(),
            user_name: name.to_owned(),
            display_name: None,
            status: Status::Enabled,
            attributes: Default::default(),
            source_id: None,
            created_at: now,
            created_by: "test".to_owned(),
            updated_at: now,
            updated_by: "test".to_owned(),
            revision: 1,
        };
        self.app().store.write(|tx| identity::user::insert(tx, &user), |_| {}).expect("a user");
        id
    }

    pub fn disable(&self, user: &IdentityUserId) {
        let sql = "update ids_user set status = 'DISABLED' where id = $1";
        self.app().store.write(|tx| tx.exec_one(sql, params![user]), |_| {}).expect("disabled");
    }

    /// A browser of alice's that has just signed in.
    pub fn browser(&self) -> PortalSession {
        self.browser_of(&self.user, COOKIE, 28_800)
    }

    pub fn browser_of(&self, user: &IdentityUserId, cookie: &str, seconds: i64) -> PortalSession {
        let hash = digest(&SHA256, cookie.as_bytes()).as_ref().to_vec();
        let now = self.app().now();
        let sql = "insert into sso_session (id, instance_id, user_id, cookie_hash, created_at, last_seen_at, \
                     expires_at, source_ip, user_agent, wrong_codes, wrong_codes_since) \
                   values ($1, $2, $3, $4, $5, $5, $6, '192.0.2.1', 'Browser/1.0', 0, 0)";
        let id = format!("session of {cookie}");
        let expires_at = now.plus_seconds(seconds);
        let insert = params![id, self.instance.id, user, hash, now, expires_at];
        self.app().store.write(|tx| tx.exec_one(sql, insert), |_| {}).expect("a session");
        session::of_cookie(self.app(), cookie).expect("readable").expect("alive")
    }

    /// Sends a body to the token service as a client does: through the codec, the dispatcher, and back.
    pub fn send(&self, path: &str, body: &str) -> Answer {
        self.send_from("192.0.2.7", path, body)
    }

    pub fn send_from(&self, address: &str, path: &str, body: &str) -> Answer {
        let request = Arc::new(RequestInfo {
            source_ip: address.to_owned(),
            user_agent: "aws-cli/2.36.7".to_owned(),
            ..(*self.test.request()).clone()
        });
        let headers = [("content-type", &b"application/json"[..])];
        let wire = WireRequest { method: "POST", path, query: "", headers: &headers, body: body.as_bytes() };
        let service = &model::sso_oidc::SERVICE;
        let op = smithy::rest::route(service.operations, "POST", path, "").expect("an operation");
        let route = self.app().registry().find(op).expect("served");
        let mut input = route.new_input();
        let violations = smithy::read_input(op, &wire, input.as_mut()).expect("decoded");
        let response = if violations.is_empty() {
            let caller = kernel::Caller::Anonymous;
            match dispatch::call(self.app(), route, &caller, &request, input.as_ref()) {
                Ok(output) => smithy::write_output(op, output.as_ref(), "id"),
                Err(kernel::Error::Modeled(error)) => smithy::render::error(service, error.as_ref(), "id"),
                Err(error) => panic!("{error:?}"),
            }
        } else {
            smithy::render::violations(service, &violations, "id")
        };
        answer(&response)
    }

    /// Registers a tool as the AWS CLI does, for the device grant or for redirection.
    pub fn register(&self, body: &str) -> (String, String) {
        let answer = self.send("/client/register", body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        (answer.text("clientId"), answer.text("clientSecret"))
    }

    /// `(event name, record)` of what the audit trail of the owner holds of that source.
    pub fn events(&self, source: &str) -> Vec<(String, String)> {
        self.app().audit.flush(&self.app().store, &mut self.app().random()).expect("flushed");
        let sql = "select event_name, record from audit where account_id = $1 and event_source = $2 \
                   order by first_at, event_name";
        let read = |row: &kernel::store::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.app().store.read(|tx| tx.all(sql, params![OWNER, source], read)).expect("readable")
    }

    pub fn count(&self, sql: &'static str) -> i64 {
        self.app().store.read(|tx| tx.count(sql, params![])).expect("counted")
    }

    /// The id of alice's browser's session.
    pub fn browser_id(&self) -> String {
        format!("session of {COOKIE}")
    }

    pub fn is_alive(&self, id: &str) -> bool {
        let now: Timestamp = self.app().now();
        self.app().store.read(|tx| session::is_alive(tx, id, now)).expect("readable")
    }

    /// The session behind an access token.
    pub fn of_token(&self, token: &str) -> Option<PortalSession> {
        let caller = kernel::Caller::Anonymous;
        self.app().read_as(&caller, &self.test.request(), |cx| session::of_access_token(cx, token)).expect("readable")
    }
}

fn answer(response: &WireResponse) -> Answer {
    let code = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-amzn-errortype"));
    Answer {
        status: response.status,
        code: code.map(|(_, value)| value.clone()).unwrap_or_default(),
        body: serde_json::from_slice(&response.body).expect("JSON"),
    }
}
