use super::*;
use smithy::schema::{Protocol, Service, UNIT, Unit};

static SERVICE: Service = Service {
    id: "iam",
    protocol: Protocol::Query,
    signing_name: "iam",
    endpoint_prefix: "iam",
    target_prefix: "",
    api_version: "2010-05-08",
    xml_namespace: "",
    operations: &[&GET],
};
static GET: Op = Op {
    service: &SERVICE,
    name: "GetThing",
    method: "POST",
    path: "/",
    status: 200,
    unsigned: false,
    input: &UNIT,
    output: None,
    result_wrapper: "",
    errors: &[],
    paging: None,
};

fn caller() -> Caller {
    Caller::root_of(&base::AccountId::parse("111122223333").expect("valid"))
}

fn info(source_ip: &str, user_agent: &str) -> RequestInfo {
    RequestInfo {
        request_id: "01234567-89ab-4def-8123-456789abcdef".to_owned(),
        source_ip: source_ip.to_owned(),
        user_agent: user_agent.to_owned(),
        region: "us-east-1".to_owned(),
        is_secure: false,
        dpop: None,
    }
}

fn push(buffer: &Buffer, request: &RequestInfo, error: Option<&Error>, second: i64) {
    let caller = caller();
    let at = Timestamp::from_seconds(second);
    let call = Call { caller: &caller, request, op: &GET, input: &Unit, output: None, error, is_read_only: true, at };
    buffer.push(&call, [7; 16]);
}

/// Occurrences and last instant of every row, in the order of their records.
fn rows(buffer: &Buffer) -> Vec<(usize, i64)> {
    let store = Store::open_memory().expect("opened");
    buffer.flush(&store, &mut Random::from_seed(1)).expect("written");
    let sql = "select occurrences, last_at from audit order by record";
    let rows = store.read(|tx| {
        tx.all(sql, params![], |row| {
            let occurrences = row.get::<Vec<u8>>(0)?.len() / OCCURRENCE_BYTES;
            Ok((occurrences, row.get::<Timestamp>(1)?.seconds()))
        })
    });
    rows.expect("read")
}

#[test]
fn equal_calls_are_one_row_with_many_occurrences() {
    let buffer = Buffer::default();
    for _ in 0..3 {
        push(&buffer, &info("192.0.2.1", "cli"), None, 5);
    }
    assert_eq!(rows(&buffer), [(3, 5)]);
    assert_eq!(rows(&buffer), [], "what was written waits no longer");
}

#[test]
fn calls_that_differ_in_a_single_fact_stay_apart() {
    let buffer = Buffer::default();
    push(&buffer, &info("192.0.2.1", "cli"), None, 1);
    push(&buffer, &info("192.0.2.2", "cli"), None, 1);
    push(&buffer, &info("192.0.2.1", "sdk"), None, 1);
    // The same bytes, cut elsewhere.
    push(&buffer, &info("192.0.2.1c", "li"), None, 1);
    push(&buffer, &info("192.0.2.1", "cli"), Some(&Error::denied("no")), 1);
    push(&buffer, &info("192.0.2.1", "cli"), Some(&Error::denied("never")), 1);
    assert_eq!(rows(&buffer), [(1, 1); 6]);
}

#[test]
fn text_is_written_as_json() {
    let mut out = String::new();
    string(&mut out, "a\"b\\c\nd\u{1}\té\u{7f}");
    assert_eq!(out, "\"a\\\"b\\\\c\\nd\\u0001\\u0009é\u{7f}\"");
}
