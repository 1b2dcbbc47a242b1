//! Connections that are lost or run out.

use crate::support::{Database, counter, with_counters};
use kernel::params;
use kernel::store::Store;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

fn increment(store: &Store) {
    let sql = "update counter set value = value + 1 where name = 'a'";
    store.write(|tx| tx.exec_one(sql, params![]), |_| {}).expect("written");
}

#[test]
fn idle_connections_that_were_lost_are_replaced() {
    let Some(database) = Database::postgres() else { return };
    let store = database.open_with(3);
    with_counters(&store, &["a"]);
    for round in 1..=3 {
        borrow_three_at_once(&store);
        database.terminate_connections();
        increment(&store);
        assert_eq!(counter(&store, "a"), round);
    }
    // No place in the pool was lost.
    borrow_three_at_once(&store);
}

fn borrow_three_at_once(store: &Store) {
    let barrier = std::sync::Barrier::new(3);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let read = store.read(|tx| {
                    barrier.wait();
                    tx.count("select value from counter where name = 'a'", params![])
                });
                read.expect("read")
            });
        }
    });
}

#[test]
fn a_write_whose_connection_is_lost_before_the_commit_is_run_again() {
    let Some(database) = Database::postgres() else { return };
    let store = database.open_with(2);
    with_counters(&store, &["a"]);
    let tries = AtomicU32::new(0);
    let written = store.write(
        |tx| {
            tx.exec_one("update counter set value = value + 1 where name = 'a'", params![])?;
            if tries.fetch_add(1, Ordering::SeqCst) == 0 {
                database.terminate_connections();
            }
            tx.exec_one("update counter set value = value + 10 where name = 'a'", params![])
        },
        |_| {},
    );
    written.expect("run again");
    assert_eq!((tries.load(Ordering::SeqCst), counter(&store, "a")), (2, 11));
}

#[test]
fn a_commit_without_an_answer_is_not_run_again() {
    let Some(database) = Database::postgres() else { return };
    let store = database.open_with(2);
    with_counters(&store, &["a"]);
    let tries = AtomicU32::new(0);
    let outcome = store.write(
        |tx| {
            tries.fetch_add(1, Ordering::SeqCst);
            tx.exec_one("update counter set value = value + 1 where name = 'a'", params![])?;
            database.terminate_connections();
            Ok(())
        },
        |_| {},
    );
    assert!(outcome.is_err());
    assert_eq!((tries.load(Ordering::SeqCst), counter(&store, "a")), (1, 0));
    increment(&store);
}

#[test]
fn who_finds_no_connection_waits_for_one() {
    let Some(database) = Database::postgres() else { return };
    let store = database.open_with(1);
    with_counters(&store, &["a"]);
    let (holding, held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let store = &store;
        scope.spawn(move || {
            store.read(|_| {
                holding.send(()).expect("heard");
                let _ = released.recv();
                Ok(())
            })
        });
        held.recv().expect("held");
        let waiting = scope.spawn(move || increment(store));
        let in_use = "select count(*) from pg_stat_activity where datname = current_database() \
                      and application_name = 'vestibule'";
        assert_eq!(database.client().query_one(in_use, &[]).expect("counted").get::<_, i64>(0), 1);
        assert!(!waiting.is_finished());
        release.send(()).expect("released");
        waiting.join().expect("written");
    });
    assert_eq!(counter(&store, "a"), 1);
}
