//! An application with CloudTrail, and two operations of IAM that do nothing but get recorded.

use base::AccountId;
use kernel::caller::{Caller, Principal, PrincipalCaller, UserIdentity};
use kernel::route::{self, Access};
use kernel::testing::{Setup, TestApp};
use model::cloudtrail::{Event, LookupAttribute, LookupAttributeKey, LookupEventsRequest, LookupEventsResponse, ops};
use model::iam::{CreateUserRequest, CreateUserResponse, GetUserRequest, GetUserResponse};

pub fn test() -> TestApp {
    let mut routes = trail::routes();
    routes.push(route::write::<model::iam::ops::CreateUser>(
        |_, _| Ok(Access::Open),
        |_, _| Ok(CreateUserResponse::default()),
    ));
    routes
        .push(route::read::<model::iam::ops::GetUser>(|_, _| Ok(Access::Open), |_, _| Ok(GetUserResponse::default())));
    TestApp::new(Setup { routes, jobs: trail::jobs(), ..Setup::default() })
}

pub fn account(number: u64) -> AccountId {
    AccountId::parse(&format!("{number:012}")).expect("an account id")
}

pub fn root(number: u64) -> Caller {
    kernel::testing::root(&account(number))
}

pub fn user(number: u64, name: &str) -> Caller {
    let id = base::UserId::parse("AIDAAAAAAAAAAAAAAAAAA").expect("a user id");
    let key = base::AccessKeyId::parse("AKIAAAAAAAAAAAAAAAAA").expect("a key id");
    Caller::Principal(PrincipalCaller {
        account: account(number),
        principal: Principal::User(UserIdentity { id, name: name.to_owned(), path: "/".to_owned() }),
        access_key_id: Some(key),
        session: None,
        invoked_by: None,
    })
}

pub fn create(test: &TestApp, caller: &Caller, name: &str) {
    let input = CreateUserRequest { user_name: name.to_owned(), ..Default::default() };
    test.call::<model::iam::ops::CreateUser>(caller, input).expect("created");
}

pub fn get(test: &TestApp, caller: &Caller, name: &str) {
    test.call::<model::iam::ops::GetUser>(caller, GetUserRequest { user_name: Some(name.to_owned()) }).expect("read");
}

pub fn flush(test: &TestApp) {
    test.app.audit.flush(&test.app.store, &mut test.app.random()).expect("flushed");
}

/// Calls `LookupEvents`, without its own records in the way.
pub fn lookup(test: &TestApp, caller: &Caller, input: LookupEventsRequest) -> kernel::Result<LookupEventsResponse> {
    let answer = test.call::<ops::LookupEvents>(caller, input);
    test.app.audit.clear();
    answer
}

/// Every event, page after page, with the number of pages.
pub fn all(test: &TestApp, input: &LookupEventsRequest) -> (Vec<Event>, usize) {
    let (mut events, mut token, mut pages) = (Vec::new(), None, 0);
    loop {
        let answer =
            lookup(test, &root(1), LookupEventsRequest { next_token: token, ..input.clone() }).expect("a page");
        events.extend(answer.events.expect("a list"));
        (token, pages) = (answer.next_token, pages + 1);
        assert!(pages < 1_000, "the list does not end");
        if token.is_none() {
            return (events, pages);
        }
    }
}

pub fn by(key: LookupAttributeKey, value: &str) -> LookupEventsRequest {
    let attribute = LookupAttribute { attribute_key: key, attribute_value: value.to_owned() };
    LookupEventsRequest { lookup_attributes: Some(vec![attribute]), ..Default::default() }
}
