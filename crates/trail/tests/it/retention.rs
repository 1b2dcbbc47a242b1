//! The end of records.

use crate::support::{create, root, test};
use base::Timestamp;
use kernel::params;
use kernel::testing::START;

#[test]
fn records_are_deleted_after_ninety_days_in_every_account() {
    let test = test();
    for account in 1..=3 {
        create(&test, &root(account), "old");
    }
    test.clock.advance_seconds(1);
    create(&test, &root(2), "new");
    let enqueued =
        test.app.write_as(&root(1), &test.request(), |cx| cx.enqueue(trail::RETENTION, "", Timestamp::default()));
    enqueued.expect("enqueued");
    let count = || test.app.store.read(|tx| tx.count("select count(*) from audit", params![])).expect("read");
    test.clock.advance_seconds(trail::RETENTION_DAYS * 86_400 - 1);
    test.run_jobs();
    assert_eq!(count(), 4, "ninety days are kept");
    test.clock.advance_seconds(1);
    test.run_jobs();
    assert_eq!(count(), 4, "once a day is enough");
    let run_at = test.app.store.read(kernel::job::list).expect("listed")[0].run_at;
    assert_eq!(run_at, START.plus_seconds((trail::RETENTION_DAYS + 1) * 86_400));
    test.clock.advance_seconds(86_400 - 1);
    test.run_jobs();
    assert_eq!(count(), 0);
}
