//! Two processes on one database.

use crate::support::{Database, account, root};
use kernel::changes::Follower;
use kernel::scope::{Scope, ScopedCache};
use kernel::testing::TestApp;
use std::sync::Arc;

fn touch(test: &TestApp, number: u64) {
    let written = test.app.write_as(&root(number), &test.request(), |cx| {
        cx.touch(Scope::account(&account(number)));
        Ok(())
    });
    written.expect("written");
}

fn cached(test: &TestApp, numbers: [u64; 2]) -> ScopedCache<u64, u64> {
    let cache = ScopedCache::new(8);
    for number in numbers {
        cache.put(number, Arc::new(number), test.app.scopes.depend(&[Scope::account(&account(number))]));
    }
    cache
}

#[test]
fn a_change_of_one_process_reaches_the_caches_of_the_other() {
    let Some(database) = Database::postgres() else { return };
    let (one, other) = (database.app(), database.app());
    let mut follower = Follower::default();
    follower.look(&other.app).expect("a look");
    let cache = cached(&other, [1, 2]);
    touch(&one, 1);
    follower.look(&other.app).expect("a look");
    assert!(cache.get(&other.app.scopes, &1).is_none());
    assert!(cache.get(&other.app.scopes, &2).is_some(), "what did not change stays");
    // The same change is applied once.
    let cache = cached(&other, [1, 2]);
    follower.look(&other.app).expect("a look");
    assert!(cache.get(&other.app.scopes, &1).is_some());
}

#[test]
fn changes_that_are_old_are_deleted() {
    let Some(database) = Database::postgres() else { return };
    let test = database.app();
    let mut follower = Follower::default();
    touch(&test, 1);
    test.clock.advance_seconds(3_600);
    follower.look(&test.app).expect("a look");
    let count = test.app.store.read(|tx| tx.count("select count(*) from change", &[])).expect("read");
    assert_eq!(count, 0);
}

#[test]
fn a_process_that_cannot_look_trusts_nothing_it_had() {
    let Some(database) = Database::postgres() else { return };
    let test = database.app();
    let mut follower = Follower::default();
    follower.look(&test.app).expect("a look");
    let cache = cached(&test, [1, 2]);
    let name = match &database {
        Database::Postgres { name, .. } => name.clone(),
        _ => unreachable!("a database of PostgreSQL"),
    };
    let mut server = database.server_client();
    server.batch_execute(&format!("alter database {name} allow_connections false")).expect("closed");
    database.terminate_connections();
    assert!(follower.look(&test.app).is_err());
    assert!(cache.get(&test.app.scopes, &1).is_none());
    server.batch_execute(&format!("alter database {name} allow_connections true")).expect("open");
    follower.look(&test.app).expect("a look");
    assert!(cache.get(&test.app.scopes, &1).is_none(), "it may have changed meanwhile");
    let cache = cached(&test, [1, 2]);
    assert!(cache.get(&test.app.scopes, &1).is_some());
}
