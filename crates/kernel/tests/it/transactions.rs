//! Commit, rollback, snapshots, lost races.

use crate::support::on_every_engine;

on_every_engine! {
    what_is_committed_stays;
    what_fails_is_undone;
    a_panic_undoes_and_gives_the_connection_back;
    a_read_does_not_see_what_commits_after_it_began;
    increments_are_never_lost;
    two_that_read_each_others_rows_do_not_both_write;
    a_swallowed_conflict_is_not_committed;
    a_swallowed_failure_is_not_committed;
    a_duplicate_key_changes_nothing;
    an_inner_failure_is_undone_and_the_outer_part_kept;
    a_refusal_keeps_what_was_written_and_is_audited_as_a_failure;
    an_unreadable_column_is_named;
    a_missing_or_surplus_parameter_is_refused;
    text_with_a_nul_is_refused_before_the_engine_sees_it;
    an_image_brings_a_memory_database_back;
}

mod check {
    use crate::support::{Database, account, counter, root, with_counters};
    use kernel::route::{self, Access};
    use kernel::scope::Scope;
    use kernel::store::Store;
    use kernel::testing::{Setup, code};
    use kernel::{Cx, Error, Result, WriteCx, params};
    use model::iam::{CreateGroupRequest, CreateGroupResponse, CreateUserRequest, CreateUserResponse, ops};
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn set(store: &Store, name: &'static str, value: i64) -> Result<()> {
        store.write(|tx| tx.exec_one("update counter set value = $2 where name = $1", params![name, value]), |_| {})
    }

    pub fn what_is_committed_stays(database: &Database) {
        let store = database.open();
        with_counters(&store, &["a"]);
        let mut told = None;
        let scope = Scope::account(&account(1));
        store
            .write(
                |tx| {
                    tx.touch(scope.clone());
                    tx.exec_one("update counter set value = 7 where name = 'a'", params![])
                },
                |touched| told = Some(touched.scopes.clone()),
            )
            .expect("written");
        assert_eq!((counter(&store, "a"), told), (7, Some(vec![scope])));
        if database.is_durable() {
            drop(store);
            assert_eq!(counter(&database.open(), "a"), 7);
        }
    }

    pub fn what_fails_is_undone(database: &Database) {
        let store = database.open();
        with_counters(&store, &["a"]);
        let failed: Result<()> = store.write(
            |tx| {
                tx.exec_one("update counter set value = 7 where name = 'a'", params![])?;
                Err(Error::Validation("no".to_owned()))
            },
            |_| panic!("nothing was committed"),
        );
        assert_eq!(code(failed), "ValidationError");
        assert_eq!(counter(&store, "a"), 0);
    }

    pub fn a_panic_undoes_and_gives_the_connection_back(database: &Database) {
        let store = database.open_with(1);
        with_counters(&store, &["a"]);
        for _ in 0..10 {
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                store.write::<()>(
                    |tx| {
                        tx.exec_one("update counter set value = 7 where name = 'a'", params![])?;
                        std::panic::resume_unwind(Box::new(()))
                    },
                    |_| {},
                )
            }));
            assert!(panicked.is_err());
        }
        assert_eq!(counter(&store, "a"), 0);
        set(&store, "a", 1).expect("the store still writes");
    }

    pub fn a_read_does_not_see_what_commits_after_it_began(database: &Database) {
        if !database.is_durable() {
            return; // In memory there is one connection: reads and writes take turns.
        }
        let store = database.open();
        with_counters(&store, &["a"]);
        let seen = store.read(|tx| {
            let before = tx.count("select value from counter where name = 'a'", params![])?;
            std::thread::scope(|scope| scope.spawn(|| set(&store, "a", 7)).join().expect("no panic"))?;
            Ok((before, tx.count("select value from counter where name = 'a'", params![])?))
        });
        assert_eq!(seen.expect("read"), (0, 0));
        assert_eq!(counter(&store, "a"), 7);
    }

    pub fn increments_are_never_lost(database: &Database) {
        const THREADS: i64 = 6;
        const EACH: i64 = 20;
        let store = database.open();
        with_counters(&store, &["a"]);
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        let done = store.write(
                            |tx| {
                                let value = tx.count("select value from counter where name = 'a'", params![])?;
                                tx.exec_one("update counter set value = $1 where name = 'a'", params![value + 1])
                            },
                            |_| {},
                        );
                        done.expect("a busy counter is still written");
                    }
                });
            }
        });
        assert_eq!(counter(&store, "a"), THREADS * EACH);
    }

    /// Each of two may take the last place only if the other has not: serializability, not just snapshots.
    pub fn two_that_read_each_others_rows_do_not_both_write(database: &Database) {
        let store = database.open();
        with_counters(&store, &["a", "b"]);
        let barrier = Barrier::new(2);
        let take = |own: &'static str, other: &'static str| {
            let mut is_first = true;
            store.write(
                |tx| {
                    let taken = tx.count("select value from counter where name = $1", params![other])?;
                    if std::mem::take(&mut is_first) && database.is_postgres() {
                        barrier.wait();
                    }
                    if taken == 0 {
                        tx.exec_one("update counter set value = 1 where name = $1", params![own])?;
                    }
                    Ok(())
                },
                |_| {},
            )
        };
        std::thread::scope(|scope| {
            scope.spawn(|| take("a", "b").expect("written"));
            scope.spawn(|| take("b", "a").expect("written"));
        });
        assert_eq!(counter(&store, "a") + counter(&store, "b"), 1);
    }

    pub fn a_swallowed_conflict_is_not_committed(database: &Database) {
        if !database.is_postgres() {
            return; // One writer at a time: nobody loses.
        }
        let store = database.open();
        with_counters(&store, &["a", "b"]);
        let tries = AtomicU32::new(0);
        let written = store.write(
            |tx| {
                let is_first = tries.fetch_add(1, Ordering::SeqCst) == 0;
                tx.count("select value from counter where name = 'a'", params![])?;
                if is_first {
                    std::thread::scope(|scope| scope.spawn(|| set(&store, "a", 1)).join().expect("no panic"))?;
                }
                let _ = tx.exec("update counter set value = value + 10 where name = 'a'", params![]);
                let _ = tx.exec("update counter set value = value + 10 where name = 'b'", params![]);
                Ok(())
            },
            |_| {},
        );
        written.expect("run again");
        assert_eq!(tries.load(Ordering::SeqCst), 2);
        assert_eq!((counter(&store, "a"), counter(&store, "b")), (11, 10));
    }

    pub fn a_swallowed_failure_is_not_committed(database: &Database) {
        let store = database.open();
        with_counters(&store, &["a"]);
        let written = store.write(
            |tx| {
                tx.exec_one("update counter set value = 7 where name = 'a'", params![])?;
                let _ = tx.exec("update no_such_table set value = 1", params![]);
                Ok(())
            },
            |_| panic!("nothing was committed"),
        );
        assert_eq!(code(written), "InternalFailure");
        assert_eq!(counter(&store, "a"), 0);
    }

    pub fn a_duplicate_key_changes_nothing(database: &Database) {
        let store = database.open();
        with_counters(&store, &["a"]);
        let tries = AtomicU32::new(0);
        let failed = store.write(
            |tx| {
                tries.fetch_add(1, Ordering::SeqCst);
                tx.exec_one("update counter set value = 7 where name = 'a'", params![])?;
                tx.exec_one("insert into counter (name, value) values ('a', 1)", params![])
            },
            |_| {},
        );
        // With several writers it may mean a lost race, so it is tried again; with one it is a mistake of the code.
        let (code, count) = match failed {
            Err(Error::Busy) => ("busy", tries.load(Ordering::SeqCst)),
            Err(Error::Internal(_)) => ("internal", tries.load(Ordering::SeqCst)),
            other => panic!("{other:?}"),
        };
        let attempts = base::limits::TRANSACTION_ATTEMPTS_MAX;
        assert_eq!((code, count), if database.is_postgres() { ("busy", attempts) } else { ("internal", 1) });
        assert_eq!(counter(&store, "a"), 0);
    }

    fn open(_: &mut Cx<'_>, _: &CreateUserRequest) -> Result<Access> {
        Ok(Access::Open)
    }

    fn create_user(cx: &mut WriteCx<'_>, input: &CreateUserRequest) -> Result<CreateUserResponse> {
        cx.write().exec_one("update counter set value = value + 1 where name = 'outer'", params![])?;
        let inner = CreateGroupRequest { group_name: input.user_name.clone(), ..Default::default() };
        let failed = cx.call::<ops::CreateGroup>(&inner);
        assert_eq!(
            code(failed.map(|_| ())),
            if input.user_name == "bad" { "InternalFailure" } else { "ValidationError" }
        );
        cx.write().exec_one("update counter set value = value + 1 where name = 'outer'", params![])?;
        Ok(CreateUserResponse::default())
    }

    fn create_group(cx: &mut WriteCx<'_>, input: &CreateGroupRequest) -> Result<CreateGroupResponse> {
        cx.write().exec_one("update counter set value = 7 where name = 'inner'", params![])?;
        if input.group_name == "bad" {
            cx.write().exec("update no_such_table set value = 1", params![])?;
        }
        Err(Error::Validation("no".to_owned()))
    }

    fn refuse_group(cx: &mut WriteCx<'_>, _: &CreateGroupRequest) -> Result<CreateGroupResponse> {
        cx.write().exec_one("update counter set value = value + 1 where name = 'attempts'", params![])?;
        cx.refuse(model::iam::LimitExceededException::new("too many"))
    }

    fn call_group(cx: &mut WriteCx<'_>, _: &CreateUserRequest) -> Result<CreateUserResponse> {
        let input = CreateGroupRequest { group_name: "inner".to_owned(), ..Default::default() };
        assert_eq!(code(cx.call::<ops::CreateGroup>(&input)), "LimitExceeded");
        Ok(CreateUserResponse::default())
    }

    pub fn a_refusal_keeps_what_was_written_and_is_audited_as_a_failure(database: &Database) {
        let routes = vec![
            route::write::<ops::CreateUser>(|_, _| Ok(Access::Open), call_group),
            route::write::<ops::CreateGroup>(|_, _| Ok(Access::Open), refuse_group),
        ];
        let test = database.app_with(Setup { routes, ..Setup::default() });
        with_counters(&test.app.store, &["attempts"]);
        let input = CreateGroupRequest { group_name: "group".to_owned(), ..Default::default() };
        assert_eq!(code(test.call::<ops::CreateGroup>(&root(1), input)), "LimitExceeded");
        assert_eq!(counter(&test.app.store, "attempts"), 1);
        test.app.audit.flush(&test.app.store, &mut test.app.random()).expect("written");
        let sql = "select record from audit";
        let records: Vec<String> = test.app.store.read(|tx| tx.all(sql, params![], |row| row.get(0))).expect("read");
        assert_eq!(records.len(), 1);
        assert!(records[0].contains(r#""errorCode":"LimitExceeded""#), "{}", records[0]);
        // Whoever calls an operation from another one sees it fail like any: nothing of it stays.
        let input = CreateUserRequest { user_name: "outer".to_owned(), ..Default::default() };
        test.call::<ops::CreateUser>(&root(1), input).expect("the outer call succeeds");
        assert_eq!(counter(&test.app.store, "attempts"), 1);
    }

    pub fn an_inner_failure_is_undone_and_the_outer_part_kept(database: &Database) {
        let routes = vec![
            route::write::<ops::CreateUser>(open, create_user),
            route::write::<ops::CreateGroup>(|_, _| Ok(Access::Open), create_group),
        ];
        let test = database.app_with(Setup { routes, ..Setup::default() });
        with_counters(&test.app.store, &["outer", "inner"]);
        for name in ["good", "bad"] {
            let input = CreateUserRequest { user_name: name.to_owned(), ..Default::default() };
            test.call::<ops::CreateUser>(&root(1), input).expect("the outer call succeeds");
        }
        assert_eq!((counter(&test.app.store, "outer"), counter(&test.app.store, "inner")), (4, 0));
    }

    pub fn an_unreadable_column_is_named(database: &Database) {
        let store = database.open();
        with_counters(&store, &["a"]);
        let failed = store.read(|tx| tx.one("select value, name from counter", params![], |row| row.get::<i64>(1)));
        let text = failed.expect_err("text is no number").to_string();
        assert!(text.contains("column 1 (name)") && text.contains("i64"), "{text}");
        let failed =
            store.read(|tx| tx.one("select name from counter", params![], |row| row.get::<base::AccountId>(0)));
        let text = failed.expect_err("no account id").to_string();
        assert!(text.contains("column 0 (name)") && text.contains("AccountId"), "{text}");
        assert_eq!(
            code(store.read(|tx| tx.one("select name from counter", params![], |row| row.get::<i64>(5)))),
            "InternalFailure"
        );
    }

    pub fn a_missing_or_surplus_parameter_is_refused(database: &Database) {
        let store = database.open();
        with_counters(&store, &["a"]);
        let sql = "select value from counter where name = $1";
        assert_eq!(code(store.read(|tx| tx.exists(sql, params![]))), "InternalFailure");
        assert_eq!(code(store.read(|tx| tx.exists(sql, params!["a", "b"]))), "InternalFailure");
        assert!(store.read(|tx| tx.exists(sql, params!["a"])).expect("read"));
    }

    pub fn text_with_a_nul_is_refused_before_the_engine_sees_it(database: &Database) {
        let store = database.open();
        with_counters(&store, &["a"]);
        let refused = store.read(|tx| tx.exists("select 1 from counter where name = $1", params!["a\0"]));
        assert_eq!(code(refused), "ValidationError");
    }

    pub fn an_image_brings_a_memory_database_back(database: &Database) {
        let store = database.open();
        with_counters(&store, &["a"]);
        if database.is_durable() {
            assert_eq!(code(store.image().map(|_| ())), "InternalFailure");
            return;
        }
        set(&store, "a", 1).expect("written");
        let image = store.image().expect("an image");
        for round in 0..50 {
            // Statements are cached on both sides of the restore, also for a table that the image does not have.
            set(&store, "a", 2 + round).expect("written");
            let create = "create table later (name text primary key, value bigint not null)";
            store.write(|tx| tx.exec(create, params![]), |_| {}).expect("created");
            store
                .write(|tx| tx.exec("insert into later (name, value) values ('x', 1)", params![]), |_| {})
                .expect("row");
            store.restore(&image).expect("restored");
            assert_eq!(counter(&store, "a"), 1);
            assert_eq!(code(store.read(|tx| tx.exists("select 1 from later", params![]))), "InternalFailure");
            // A second generation of the same table has another shape.
            store.write(|tx| tx.exec("create table later (other bigint)", params![]), |_| {}).expect("created");
            assert!(
                store
                    .write(|tx| tx.exec("insert into later (name, value) values ('x', 1)", params![]), |_| {})
                    .is_err()
            );
            store.restore(&image).expect("restored");
            let orphan = "insert into iam_attachment (entity_id, policy_arn, account_id, entity_kind, attached_at) \
                          values ('x', 'y', '1', 'user', 0)";
            assert!(store.write(|tx| tx.exec(orphan, params![]), |_| {}).is_err(), "foreign keys stay enforced");
        }
    }
}
