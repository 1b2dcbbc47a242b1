//! Durable jobs.

use crate::support::on_every_engine;

on_every_engine! {
    requests_for_the_same_key_are_one_job;
    a_request_keeps_its_instant_while_the_job_runs;
    a_request_during_the_last_try_saves_the_job;
    several_workers_run_each_job_once;
    a_job_whose_lease_ended_is_taken_over_and_the_first_worker_changes_nothing;
    a_worker_that_was_slow_skips_what_others_took;
    a_job_of_a_worker_that_is_known_to_be_gone_begins_anew_at_once;
    a_job_that_ends_its_worker_each_time_is_given_up;
    pauses_grow_until_the_job_is_dead_and_a_retry_revives_it;
    a_job_that_wants_to_look_again_keeps_its_tries;
    a_panic_is_a_failed_try;
    a_job_without_code_is_a_failed_try;
    what_was_asked_for_is_found_until_it_is_done_or_taken_back;
}

mod check {
    use crate::support::{Database, counter, root, with_counters};
    use base::Timestamp;
    use kernel::job::{self, ATTEMPTS_MAX, Job, JobHandler, JobKind, LEASE_SECONDS, Outcome};
    use kernel::store::Store;
    use kernel::testing::{START, Setup, TestApp};
    use kernel::{App, Error, Result, params};
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::sync::Arc;

    /// Adds one to the counter that the key names.
    const COUNT: JobKind = JobKind("test.count");
    /// Does what the thread's script says next.
    const SCRIPT: JobKind = JobKind("test.script");
    const FAIL: JobKind = JobKind("test.fail");

    type Step = Box<dyn FnOnce(&Arc<App>, &str) -> Result<Outcome>>;

    thread_local! {
        static STEPS: RefCell<VecDeque<Step>> = RefCell::default();
    }

    fn then(step: impl FnOnce(&Arc<App>, &str) -> Result<Outcome> + 'static) {
        STEPS.with_borrow_mut(|steps| steps.push_back(Box::new(step)));
    }

    fn steps_left() -> usize {
        STEPS.with_borrow(VecDeque::len)
    }

    fn script(app: &Arc<App>, key: &str) -> Result<Outcome> {
        let step = STEPS.with_borrow_mut(VecDeque::pop_front).expect("the script does not foresee another run");
        step(app, key)
    }

    fn count(app: &Arc<App>, key: &str) -> Result<Outcome> {
        let sql = "update counter set value = value + 1 where name = $1";
        app.store.write(|tx| tx.exec_one(sql, params![key]), |_| {})?;
        Ok(Outcome::Done)
    }

    fn test(database: &Database) -> TestApp {
        let jobs = vec![
            JobHandler { kind: COUNT, run: count },
            JobHandler { kind: SCRIPT, run: script },
            JobHandler { kind: FAIL, run: |_, _| Err(Error::internal("it does not work")) },
        ];
        database.app_with(Setup { jobs, ..Setup::default() })
    }

    fn enqueue(app: &Arc<App>, kind: JobKind, key: &str, at: Timestamp) {
        let request = kernel::RequestInfo::of_service(app, "test");
        app.write_as(&root(1), &request, |cx| cx.enqueue(kind, key, at)).expect("enqueued");
    }

    fn run(test: &TestApp) -> Option<Timestamp> {
        job::run_due(&test.app, "first").expect("run")
    }

    fn jobs(store: &Store) -> Vec<Job> {
        store.read(job::list).expect("listed")
    }

    fn only(test: &TestApp) -> Job {
        let mut jobs = jobs(&test.app.store);
        assert_eq!(jobs.len(), 1);
        jobs.remove(0)
    }

    fn exec(app: &Arc<App>, sql: &'static str) {
        app.store.write(|tx| tx.exec(sql, params![]), |_| {}).expect("changed");
    }

    pub fn requests_for_the_same_key_are_one_job(database: &Database) {
        let test = test(database);
        with_counters(&test.app.store, &["a"]);
        for seconds in [30, 10, 20] {
            enqueue(&test.app, COUNT, "a", START.plus_seconds(seconds));
        }
        assert_eq!(only(&test).run_at, START.plus_seconds(10));
        assert_eq!(run(&test), Some(START.plus_seconds(10)));
        assert_eq!(counter(&test.app.store, "a"), 0);
        test.clock.advance_seconds(10);
        assert_eq!(run(&test), None);
        assert_eq!((counter(&test.app.store, "a"), jobs(&test.app.store).len()), (1, 0));
    }

    pub fn a_request_keeps_its_instant_while_the_job_runs(database: &Database) {
        let test = test(database);
        let outcomes: [fn() -> Result<Outcome>; 3] = [
            || Ok(Outcome::Done),
            || Ok(Outcome::Again(START.plus_seconds(1_000_000))),
            || Err(Error::internal("it does not work")),
        ];
        for outcome in outcomes {
            let now = test.app.now();
            then(move |app, key| {
                for seconds in [70, 1, 60] {
                    enqueue(app, SCRIPT, key, now.plus_seconds(seconds));
                }
                outcome()
            });
            enqueue(&test.app, SCRIPT, "a", now);
            assert_eq!(run(&test), Some(now.plus_seconds(1)));
            assert_eq!((only(&test).state.as_str(), only(&test).attempt), ("queued", 0));
            test.clock.advance_seconds(1);
            then(|_, _| Ok(Outcome::Done));
            assert_eq!(run(&test), None);
            assert_eq!((steps_left(), jobs(&test.app.store).len()), (0, 0));
        }
    }

    pub fn a_request_during_the_last_try_saves_the_job(database: &Database) {
        let test = test(database);
        enqueue(&test.app, SCRIPT, "a", START);
        let tried = "update job set attempt = $1";
        test.app.store.write(|tx| tx.exec(tried, params![ATTEMPTS_MAX - 1]), |_| {}).expect("changed");
        then(|app, key| {
            enqueue(app, SCRIPT, key, START.plus_seconds(1));
            Err(Error::internal("it does not work"))
        });
        assert_eq!(run(&test), Some(START.plus_seconds(1)));
        assert_eq!((only(&test).state.as_str(), only(&test).attempt), ("queued", 0));
    }

    pub fn what_was_asked_for_is_found_until_it_is_done_or_taken_back(database: &Database) {
        let test = test(database);
        let store = &test.app.store;
        let find = |key: &str| store.read(|tx| job::find(tx, SCRIPT, key)).expect("read").map(|job| job.state);
        let withdraw = |key: &str| store.write(|tx| job::withdraw(tx, SCRIPT, key), |_| {}).expect("withdrawn");
        for key in ["a", "b", "c"] {
            enqueue(&test.app, SCRIPT, key, START);
        }
        withdraw("a");
        withdraw("none");
        assert_eq!((find("a"), find("b").as_deref()), (None, Some("queued")));
        for _ in ["b", "c"] {
            then(|app, key| {
                if key == "c" {
                    app.store.write(|tx| job::withdraw(tx, SCRIPT, key), |_| {})?;
                }
                let state = app.store.read(|tx| job::find(tx, SCRIPT, key))?.map(|job| job.state);
                assert_eq!(state.as_deref(), (key == "b").then_some("running"));
                Err(Error::internal("it does not work"))
            });
        }
        run(&test);
        assert_eq!((find("b").as_deref(), find("c")), (Some("queued"), None));
    }

    pub fn several_workers_run_each_job_once(database: &Database) {
        let test = test(database);
        let names: Vec<String> = (0..60).map(|number| format!("key-{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        with_counters(&test.app.store, &names);
        for name in &names {
            enqueue(&test.app, COUNT, name, START);
        }
        std::thread::scope(|scope| {
            for worker in ["w1", "w2", "w3"] {
                let app = &test.app;
                scope.spawn(move || job::run_due(app, worker).expect("run"));
            }
        });
        for name in names {
            assert_eq!(counter(&test.app.store, name), 1, "{name}");
        }
        assert!(jobs(&test.app.store).is_empty());
    }

    pub fn a_job_whose_lease_ended_is_taken_over_and_the_first_worker_changes_nothing(database: &Database) {
        let outcomes: [fn() -> Result<Outcome>; 3] = [
            || Ok(Outcome::Done),
            || Ok(Outcome::Again(START.plus_seconds(1_000_000))),
            || Err(Error::internal("it does not work")),
        ];
        let test = test(database);
        for outcome in outcomes {
            let now = test.app.now();
            enqueue(&test.app, SCRIPT, "a", now);
            let clock = Arc::clone(&test.clock);
            then(move |app, _| {
                clock.advance_seconds(LEASE_SECONDS - 1);
                job::run_due(app, "second")?;
                assert_eq!(steps_left(), 1, "the lease still holds");
                clock.advance_seconds(1);
                job::run_due(app, "second")?;
                assert_eq!(steps_left(), 0, "the lease has ended");
                outcome()
            });
            let later = now.plus_seconds(500);
            then(move |_, _| Ok(Outcome::Again(later)));
            assert_eq!(run(&test), Some(later));
            let job = only(&test);
            assert_eq!((job.state.as_str(), job.run_at, job.last_error), ("queued", later, None));
            exec(&test.app, "delete from job");
        }
    }

    pub fn a_worker_that_was_slow_skips_what_others_took(database: &Database) {
        let test = test(database);
        enqueue(&test.app, SCRIPT, "a", START);
        enqueue(&test.app, SCRIPT, "b", START);
        let clock = Arc::clone(&test.clock);
        then(move |app, _| {
            clock.advance_seconds(LEASE_SECONDS / 2);
            exec(app, "update job set lease_owner = 'second', attempt = attempt + 1");
            Ok(Outcome::Done)
        });
        run(&test);
        assert_eq!(steps_left(), 0);
        assert_eq!(jobs(&test.app.store).len(), 2, "both are the other worker's");
        // And one that is slow but alone keeps what it has, with a longer lease.
        exec(&test.app, "update job set state = 'queued', run_at = 0");
        for _ in 0..2 {
            let clock = Arc::clone(&test.clock);
            then(move |app, _| {
                clock.advance_seconds(LEASE_SECONDS - 1);
                job::run_due(app, "second")?;
                Ok(Outcome::Done)
            });
        }
        assert_eq!(run(&test), None);
        assert_eq!(steps_left(), 0);
    }

    pub fn a_job_of_a_worker_that_is_known_to_be_gone_begins_anew_at_once(database: &Database) {
        let test = test(database);
        enqueue(&test.app, SCRIPT, "a", START);
        then(|app, _| {
            exec(app, "update job set lease_owner = 'killed'");
            Ok(Outcome::Done)
        });
        run(&test);
        assert_eq!(only(&test).state, "running");
        job::end_leases(&test.app).expect("written");
        then(|_, _| Ok(Outcome::Done));
        run(&test);
        assert_eq!((steps_left(), jobs(&test.app.store).len()), (0, 0));
    }

    pub fn a_job_that_ends_its_worker_each_time_is_given_up(database: &Database) {
        let test = test(database);
        enqueue(&test.app, SCRIPT, "a", START);
        for _ in 0..ATTEMPTS_MAX {
            // What remains of a worker that was killed: a job that runs and a lease that ends.
            then(|app, _| {
                exec(app, "update job set lease_owner = 'killed'");
                Ok(Outcome::Done)
            });
            run(&test);
            test.clock.advance_seconds(LEASE_SECONDS);
        }
        assert_eq!((only(&test).state.as_str(), only(&test).attempt), ("running", ATTEMPTS_MAX));
        assert_eq!(run(&test), None);
        let job = only(&test);
        assert_eq!((job.state.as_str(), job.last_error.as_deref()), ("dead", Some("the worker ended")));
    }

    pub fn pauses_grow_until_the_job_is_dead_and_a_retry_revives_it(database: &Database) {
        let test = test(database);
        enqueue(&test.app, FAIL, "a", START);
        for attempt in 1..ATTEMPTS_MAX {
            let now = test.app.now();
            let next = run(&test).expect("another try");
            let pause = (next.micros() - now.micros()) / 1_000_000;
            let longest = (1 << attempt).min(300);
            assert!((longest / 2..=longest).contains(&pause), "{pause} seconds after try {attempt}");
            assert_eq!((only(&test).attempt, only(&test).state.as_str()), (attempt, "queued"));
            assert_eq!(only(&test).last_error.as_deref(), Some("it does not work"));
            test.clock.advance_seconds(pause);
        }
        assert_eq!(run(&test), None);
        let dead = only(&test);
        assert_eq!((dead.attempt, dead.state.as_str()), (ATTEMPTS_MAX, "dead"));
        assert_eq!(test.app.store.read(job::counts).expect("counts"), [("dead".to_owned(), 1)]);
        let retry = |id: &str| test.app.store.write(|tx| job::retry(tx, id, START), |_| {}).expect("asked");
        assert!(!retry("another"));
        assert!(retry(&dead.id));
        assert!(!retry(&dead.id), "it is not dead any more");
        run(&test);
        assert_eq!((only(&test).attempt, only(&test).state.as_str()), (1, "queued"));
    }

    pub fn a_job_that_wants_to_look_again_keeps_its_tries(database: &Database) {
        let test = test(database);
        enqueue(&test.app, SCRIPT, "a", START);
        for _ in 0..2 * ATTEMPTS_MAX {
            let at = test.app.now().plus_seconds(100);
            then(move |_, _| Ok(Outcome::Again(at)));
            assert_eq!(run(&test), Some(at));
            assert_eq!((only(&test).attempt, only(&test).state.as_str()), (0, "queued"));
            test.clock.advance_seconds(100);
        }
    }

    pub fn a_panic_is_a_failed_try(database: &Database) {
        let test = test(database);
        with_counters(&test.app.store, &["a", "b"]);
        enqueue(&test.app, SCRIPT, "a", START);
        enqueue(&test.app, COUNT, "b", START);
        then(|app, _| {
            app.store.write(
                |tx| {
                    tx.exec_one("update counter set value = 7 where name = 'a'", params![])?;
                    std::panic::resume_unwind(Box::new("on purpose"))
                },
                |_| {},
            )
        });
        assert!(run(&test).is_some_and(|next| next > START));
        assert_eq!((counter(&test.app.store, "a"), counter(&test.app.store, "b")), (0, 1));
        assert_eq!((only(&test).attempt, only(&test).state.as_str()), (1, "queued"));
    }

    pub fn a_job_without_code_is_a_failed_try(database: &Database) {
        let test = test(database);
        enqueue(&test.app, JobKind("test.unknown"), "a", START);
        assert!(run(&test).is_some_and(|next| next > START));
        assert!(only(&test).last_error.is_some_and(|error| error.contains("test.unknown")));
    }
}
