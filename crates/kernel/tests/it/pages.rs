//! Pages of lists that change while they are read.

use crate::support::{account, root, with_counters};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::caller::Caller;
use kernel::page::Cursor;
use kernel::params;
use kernel::testing::TestApp;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A page of the names in the table of counters; `None` when the token is refused.
fn page(
    test: &TestApp,
    caller: &Caller,
    list: &[&str],
    token: Option<&str>,
    limit: i64,
) -> Option<(Vec<String>, Option<String>)> {
    let read = test.app.read_as(caller, &test.request(), |cx| {
        let Some(cursor) = Cursor::open(cx, list, token, limit) else { return Ok(None) };
        let sql = "select name from counter where name > $1 order by name limit $2";
        let names = cx.tx.all(sql, params![cursor.after, cursor.fetch], |row| row.get::<String>(0))?;
        cursor.close(cx, names, Clone::clone).map(Some)
    });
    read.expect("read")
}

fn insert(test: &TestApp, name: &str) {
    let sql = "insert into counter (name, value) values ($1, 0) on conflict (name) do nothing";
    test.app.store.write(|tx| tx.exec(sql, params![name]), |_| {}).expect("inserted");
}

fn delete(test: &TestApp, name: &str) {
    test.app.store.write(|tx| tx.exec("delete from counter where name = $1", params![name]), |_| {}).expect("deleted");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_exists_throughout_is_given_exactly_once(
        names in prop::collection::btree_set("[a-z]{1,3}", 0..40),
        limit in 1_i64..7,
        changes in prop::collection::vec(prop::collection::vec((any::<bool>(), "[a-z]{1,3}"), 0..4), 0..60),
    ) {
        let test = TestApp::new(kernel::testing::Setup::default());
        with_counters(&test.app.store, &names.iter().map(String::as_str).collect::<Vec<_>>());
        let (mut throughout, mut ever) = (names.clone(), names);
        let (mut given, mut token): (Vec<String>, _) = (Vec::new(), None);
        let mut changes = changes.into_iter();
        loop {
            let (names, next) = page(&test, &root(1), &["list"], token.as_deref(), limit).expect("the token is good");
            prop_assert!(names.len() <= limit as usize);
            prop_assert!(next.is_none() || names.len() == limit as usize);
            given.extend(names);
            token = next;
            if token.is_none() {
                break;
            }
            for (is_insert, name) in changes.next().unwrap_or_default() {
                if is_insert {
                    insert(&test, &name);
                    ever.insert(name);
                } else {
                    delete(&test, &name);
                    throughout.remove(&name);
                }
            }
        }
        let unique: BTreeSet<String> = given.iter().cloned().collect();
        prop_assert_eq!(unique.len(), given.len(), "nothing twice");
        prop_assert!(throughout.is_subset(&unique), "nothing lost");
        prop_assert!(unique.is_subset(&ever), "nothing made up");
    }
}

fn three() -> (TestApp, String) {
    let test = TestApp::new(kernel::testing::Setup::default());
    with_counters(&test.app.store, &["a", "b", "c"]);
    let (_, token) = page(&test, &root(1), &["list", "x", "y"], None, 1).expect("the first page");
    (test, token.expect("there is more"))
}

#[test]
fn a_token_opens_only_the_list_that_it_was_given_out_for() {
    let (test, token) = three();
    let is_good = |caller: &Caller, list: &[&str]| page(&test, caller, list, Some(&token), 1).is_some();
    assert!(is_good(&root(1), &["list", "x", "y"]));
    assert!(!is_good(&root(1), &["list", "x", "z"]));
    assert!(!is_good(&root(1), &["list", "x"]));
    assert!(!is_good(&root(1), &["list", "x", "y", ""]));
    assert!(!is_good(&root(1), &["list", "x\ny"]), "parts cannot be shifted");
    assert!(!is_good(&root(1), &["list", "x\n1:y"]), "parts cannot be shifted");
    assert!(!is_good(&root(2), &["list", "x", "y"]));
    assert!(!is_good(&Caller::Anonymous, &["list", "x", "y"]));
    assert_ne!(account(1), account(2));
}

#[test]
fn a_token_that_was_tampered_with_is_refused() {
    let (test, token) = three();
    let list = ["list", "x", "y"];
    let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64");
    for index in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[index] ^= 1;
        let altered = URL_SAFE_NO_PAD.encode(altered);
        assert!(page(&test, &root(1), &list, Some(&altered), 1).is_none(), "byte {index}");
        let cut = URL_SAFE_NO_PAD.encode(&bytes[..index]);
        assert!(page(&test, &root(1), &list, Some(&cut), 1).is_none(), "cut at {index}");
    }
    for text in ["", "%", "null", "AAAA"] {
        assert!(page(&test, &root(1), &list, Some(text), 1).is_none(), "{text}");
    }
}
