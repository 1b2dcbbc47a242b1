//! What is found, in which order, and what is refused.

use crate::support::{account, all, by, create, flush, get, lookup, root, test, user};
use base::Timestamp;
use kernel::params;
use kernel::route::{Access, Permission};
use kernel::testing::{START, TestApp, code};
use model::cloudtrail::{EventCategory, LookupAttributeKey as Key, LookupEventsRequest, ops};
use smithy::schema::Operation as _;
use std::collections::BTreeSet;

fn request() -> LookupEventsRequest {
    LookupEventsRequest::default()
}

#[test]
fn an_event_tells_who_did_what_when() {
    let test = test();
    create(&test, &user(1, "ada"), "bob");
    let answer = lookup(&test, &root(1), request()).expect("found");
    assert_eq!(answer.next_token, None);
    let events = answer.events.expect("a list");
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(event.event_name.as_deref(), Some("CreateUser"));
    assert_eq!(event.event_source.as_deref(), Some("iam.amazonaws.com"));
    assert_eq!(event.read_only.as_deref(), Some("false"));
    assert_eq!(event.username.as_deref(), Some("ada"));
    assert_eq!(event.access_key_id.as_deref(), Some("AKIAAAAAAAAAAAAAAAAA"));
    assert_eq!(event.event_time, Some(START));
    let resource = &event.resources.as_ref().expect("a list")[0];
    assert_eq!(resource.resource_type.as_deref(), Some("AWS::IAM::User"));
    assert_eq!(resource.resource_name.as_deref(), Some("bob"));
    let record = event.cloud_trail_event.as_deref().expect("a record");
    let record: serde_json::Value = serde_json::from_str(record).expect("JSON");
    assert_eq!(record["eventTime"], START.iso8601());
    assert_eq!(record["eventID"].as_str(), event.event_id.as_deref());
    assert!(record["requestID"].as_str().is_some_and(|id| id.len() == 36));
    assert_eq!(record["requestParameters"]["userName"], "bob");
    assert_eq!(record["userIdentity"]["userName"], "ada");
}

#[test]
fn names_that_look_like_parts_of_a_record_do_not_mislead() {
    let test = test();
    create(&test, &root(1), "x\",\"eventSource\":\"y\",\"readOnly\":\"z\nAWS::IAM::Role admin");
    let (events, _) = all(&test, &request());
    let record = events[0].cloud_trail_event.as_deref().expect("a record");
    let record: serde_json::Value = serde_json::from_str(record).expect("JSON");
    assert_eq!(record["eventSource"], "iam.amazonaws.com");
    assert_eq!(record["eventID"].as_str(), events[0].event_id.as_deref());
    assert_eq!(events[0].resources.as_ref().map(Vec::len), Some(1), "a name makes up no resource");
}

#[test]
fn only_events_of_the_callers_account_are_found() {
    let test = test();
    create(&test, &root(2), "bob");
    assert!(all(&test, &request()).0.is_empty());
    create(&test, &root(1), "ada");
    assert_eq!(all(&test, &request()).0.len(), 1);
}

/// Writes and folded reads of several seconds, some at the same instant; gives the number of events.
fn busy(test: &TestApp) -> usize {
    let mut count = 0;
    for second in 0..6 {
        for name in ["ada", "bob", "eve"] {
            create(test, &root(1), name);
            count += 1;
            for _ in 0..(7 * second) {
                get(test, &root(1), name);
                count += 1;
            }
        }
        if second % 2 == 1 {
            flush(test);
        }
        test.clock.advance_seconds(1);
    }
    count
}

fn ids(events: &[model::cloudtrail::Event]) -> BTreeSet<String> {
    events.iter().filter_map(|event| event.event_id.clone()).collect()
}

#[test]
fn every_event_is_given_once_and_the_newest_first_whatever_the_page() {
    let test = test();
    let count = busy(&test);
    for limit in [1, 2, 7, 50] {
        let (events, pages) = all(&test, &LookupEventsRequest { max_results: Some(limit), ..request() });
        assert_eq!((events.len(), ids(&events).len()), (count, count), "pages of {limit}");
        assert_eq!(pages, count.div_ceil(limit as usize));
        assert!(events.is_sorted_by(|newer, older| newer.event_time >= older.event_time));
    }
}

#[test]
fn calls_that_come_in_between_pages_neither_repeat_nor_hide_any() {
    let test = test();
    let count = busy(&test);
    let (mut events, mut token) = (Vec::new(), None);
    loop {
        let input = LookupEventsRequest { max_results: Some(9), next_token: token, ..request() };
        let answer = lookup(&test, &root(1), input).expect("a page");
        events.extend(answer.events.expect("a list"));
        token = answer.next_token;
        if token.is_none() {
            break;
        }
        create(&test, &root(1), "new");
        get(&test, &root(1), "new");
        flush(&test);
        test.clock.advance_seconds(1);
    }
    assert_eq!((events.len(), ids(&events).len()), (count, count));
}

#[test]
fn each_attribute_selects() {
    let test = test();
    create(&test, &user(1, "ada"), "bob");
    test.clock.advance_seconds(1);
    get(&test, &root(1), "eve");
    flush(&test);
    let (events, _) = all(&test, &request());
    let written = events.iter().find(|event| event.event_name.as_deref() == Some("CreateUser")).expect("the write");
    let id = written.event_id.clone().expect("an id");
    for (key, value) in [
        (Key::EventId, id.as_str()),
        (Key::EventName, "CreateUser"),
        (Key::ReadOnly, "false"),
        (Key::Username, "ada"),
        (Key::ResourceName, "bob"),
        (Key::AccessKeyId, "AKIAAAAAAAAAAAAAAAAA"),
    ] {
        let (found, _) = all(&test, &by(key, value));
        assert_eq!(ids(&found), BTreeSet::from([id.clone()]), "{value}");
    }
    for (key, value) in [(Key::ResourceType, "AWS::IAM::User"), (Key::EventSource, "iam.amazonaws.com")] {
        assert_eq!(all(&test, &by(key, value)).0.len(), 2, "{value}");
    }
    assert_eq!(all(&test, &by(Key::ReadOnly, "true")).0.len(), 1);
    for (key, value) in [
        (Key::EventId, "00000000-0000-4000-8000-000000000000"),
        (Key::EventId, "no id"),
        (Key::EventName, "createuser"),
        (Key::ResourceType, "AWS::IAM"),
        (Key::Username, "nobody"),
    ] {
        assert!(all(&test, &by(key, value)).0.is_empty(), "{value}");
    }
}

#[test]
fn a_range_of_time_includes_both_its_seconds() {
    let test = test();
    for name in ["a", "b", "c", "d"] {
        create(&test, &root(1), name);
        test.clock.advance_seconds(10);
    }
    let names = |start: Option<i64>, end: Option<i64>| -> Vec<String> {
        let at = |seconds| START.plus_seconds(seconds);
        let input = LookupEventsRequest { start_time: start.map(at), end_time: end.map(at), ..request() };
        let (events, _) = all(&test, &input);
        events.iter().filter_map(|event| event.resources.as_ref()?.first()?.resource_name.clone()).collect()
    };
    assert_eq!(names(None, None), ["d", "c", "b", "a"]);
    assert_eq!(names(Some(10), Some(20)), ["c", "b"]);
    assert_eq!(names(Some(11), None), ["d", "c"]);
    assert_eq!(names(None, Some(9)), ["a"]);
    assert_eq!(names(Some(1), Some(9)), [""; 0]);
}

#[test]
fn events_older_than_ninety_days_are_not_found() {
    let test = test();
    create(&test, &root(1), "a");
    test.clock.advance_seconds(trail::RETENTION_DAYS * 86_400);
    assert_eq!(all(&test, &request()).0.len(), 1);
    test.clock.advance_seconds(1);
    let since = LookupEventsRequest { start_time: Some(START), ..request() };
    assert!(all(&test, &since).0.is_empty());
}

#[test]
fn a_rare_event_is_found_by_pages_of_bounded_work() {
    let test = test();
    create(&test, &root(1), "needle");
    let insert = "insert into audit (id, account_id, first_at, last_at, event_source, event_name, is_read_only, \
                  user_name, access_key_id, resources, record, occurrences) \
                  select $1 || x.n, account_id, last_at + (x.n + 1) * 1000, last_at + (x.n + 1) * 1000, event_source, \
                  'Other', is_read_only, user_name, access_key_id, resources, record, occurrences \
                  from audit join (with recursive c(n) as (select 0 union all select n + 1 from c where n < 8999) \
                  select n from c) x on 1 = 1 where event_name = 'CreateUser'";
    test.app.store.write(|tx| tx.exec(insert, params!["hay-"]), |_| {}).expect("inserted");
    let (events, pages) = all(&test, &by(Key::EventName, "CreateUser"));
    assert_eq!(events.len(), 1);
    assert_eq!(pages, 3, "4,000 rows a page");
}

#[test]
fn what_is_asked_for_wrongly_is_refused() {
    let test = test();
    create(&test, &root(1), "a");
    create(&test, &root(1), "b");
    let refused = |input: LookupEventsRequest| code(lookup(&test, &root(1), input).map(|_| ()));
    for max_results in [0, -1, 51] {
        let input = LookupEventsRequest { max_results: Some(max_results), ..request() };
        assert_eq!(refused(input), "InvalidMaxResultsException");
    }
    let (start_time, end_time) = (Some(START.plus_seconds(1)), Some(START));
    assert_eq!(refused(LookupEventsRequest { start_time, end_time, ..request() }), "InvalidTimeRangeException");
    let end_time = Some(Timestamp::from_micros(i64::MAX));
    assert_eq!(refused(LookupEventsRequest { end_time, ..request() }), "InvalidTimeRangeException");
    let mut two = by(Key::EventName, "CreateUser");
    two.lookup_attributes.as_mut().expect("one").extend(by(Key::ReadOnly, "true").lookup_attributes.expect("one"));
    assert_eq!(refused(two), "InvalidLookupAttributesException");
    assert_eq!(refused(by(Key::ReadOnly, "maybe")), "InvalidLookupAttributesException");
    assert_eq!(refused(by(Key::EventName, "")), "InvalidLookupAttributesException");

    let first = lookup(&test, &root(1), LookupEventsRequest { max_results: Some(1), ..request() }).expect("a page");
    let next_token = first.next_token;
    assert!(next_token.is_some());
    let token = || next_token.clone();
    assert_eq!(
        refused(LookupEventsRequest { next_token: Some("made up".into()), ..request() }),
        "InvalidNextTokenException"
    );
    assert_eq!(
        refused(LookupEventsRequest { next_token: token(), ..by(Key::ReadOnly, "false") }),
        "InvalidNextTokenException"
    );
    let other_range = LookupEventsRequest { next_token: token(), start_time: Some(START), ..request() };
    assert_eq!(refused(other_range), "InvalidNextTokenException");
    let of_another = lookup(&test, &root(2), LookupEventsRequest { next_token: token(), ..request() });
    assert_eq!(code(of_another.map(|_| ())), "InvalidNextTokenException");
    // The size of the page may change.
    let page = lookup(&test, &root(1), LookupEventsRequest { next_token: token(), max_results: Some(5), ..request() });
    assert_eq!(page.expect("a page").events.map(|events| events.len()), Some(1));
}

#[test]
fn there_are_no_insights() {
    let test = test();
    create(&test, &root(1), "a");
    let input = LookupEventsRequest { event_category: Some(EventCategory::Insight), ..request() };
    assert!(all(&test, &input).0.is_empty());
}

#[test]
fn the_permission_is_that_of_the_operation_on_everything() {
    let test = test();
    let route = test.app.registry().find(ops::LookupEvents::OP).expect("served");
    let access = test.app.read_as(&root(1), &test.request(), |cx| route.access(cx, &request()));
    let permission = Permission::new("cloudtrail:LookupEvents", "*");
    assert_eq!(access.expect("known"), Access::Permissions(vec![permission]));
    assert_ne!(account(1), account(2));
}
