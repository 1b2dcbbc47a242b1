//! Operations that wait for another machine.

use crate::support::on_every_engine;

on_every_engine! {
    the_work_is_done_in_no_transaction_and_settled_with_its_record;
    what_is_refused_before_or_fails_outside_settles_nothing;
    a_running_transaction_cannot_wait;
}

mod check {
    use crate::support::{Database, counter, root, with_counters};
    use kernel::route::{self, Access};
    use kernel::testing::{Setup, TestApp, code};
    use kernel::{App, Cx, Error, Result, WriteCx, params};
    use model::iam::{
        CreateGroupRequest, CreateGroupResponse, CreateUserRequest, CreateUserResponse, GetUserRequest,
        GetUserResponse, ops,
    };
    use std::sync::Arc;

    fn count(cx: &mut WriteCx<'_>, name: &'static str) -> Result<()> {
        cx.write().exec_one("update counter set value = value + 1 where name = $1", params![name])
    }

    fn rule(cx: &mut Cx<'_>, input: &CreateUserRequest) -> Result<Access> {
        if input.user_name == "denied" { Err(Error::denied("no")) } else { cx.account().map(|_| Access::Open) }
    }

    fn prepare(_cx: &mut Cx<'_>, input: &CreateUserRequest) -> Result<String> {
        match input.user_name.as_str() {
            "unprepared" => Err(Error::Validation("no".to_owned())),
            name => Ok(format!("prepared {name}")),
        }
    }

    /// Takes the only connection: there is none when the preparation still holds it.
    fn work(app: &Arc<App>, prepared: String, input: &CreateUserRequest) -> Result<CreateUserResponse> {
        assert_eq!(prepared, format!("prepared {}", input.user_name));
        let sql = "update counter set value = value + 1 where name = 'work'";
        app.store.write(|tx| tx.exec_one(sql, params![]), |_| {})?;
        if input.user_name == "failing" {
            Err(Error::Validation("no".to_owned()))
        } else {
            Ok(CreateUserResponse::default())
        }
    }

    fn settle(cx: &mut WriteCx<'_>, input: &CreateUserRequest, _: &CreateUserResponse) -> Result<()> {
        count(cx, "settled")?;
        if input.user_name == "unsettled" { Err(Error::internal("no")) } else { Ok(()) }
    }

    fn start(database: &Database) -> TestApp {
        let routes = vec![
            route::write_outside::<ops::CreateUser, _>(rule, prepare, work, settle),
            route::read_outside::<ops::GetUser, _>(
                |_, _| Ok(Access::Open),
                |_, _| Ok(()),
                |app, (), _| {
                    app.store.read(|tx| tx.count("select value from counter where name = 'work'", params![]))?;
                    Ok(GetUserResponse::default())
                },
            ),
            route::write::<ops::CreateGroup>(
                |_, _| Ok(Access::Open),
                |cx, _| {
                    cx.call::<ops::CreateUser>(&CreateUserRequest::default()).map(|_| CreateGroupResponse::default())
                },
            ),
        ];
        let test = TestApp::new(Setup { routes, store: Some(database.open_with(1)), ..Setup::default() });
        with_counters(&test.app.store, &["work", "settled"]);
        test
    }

    fn create(test: &TestApp, name: &str) -> Result<CreateUserResponse> {
        test.call::<ops::CreateUser>(&root(1), CreateUserRequest { user_name: name.to_owned(), ..Default::default() })
    }

    /// How often something was done outside, how often it was settled, and the records with and without an error.
    fn seen(test: &TestApp) -> (i64, i64, i64, i64) {
        let store = &test.app.store;
        test.app.audit.flush(store, &mut test.app.random()).expect("flushed");
        let failed = "select count(*) from audit where record like '%\"errorCode\"%'";
        let failed = store.read(|tx| tx.count(failed, params![])).expect("counted");
        let all = store.read(|tx| tx.count("select count(*) from audit", params![])).expect("counted");
        (counter(store, "work"), counter(store, "settled"), all - failed, failed)
    }

    pub fn the_work_is_done_in_no_transaction_and_settled_with_its_record(database: &Database) {
        let test = start(database);
        create(&test, "ada").expect("created");
        assert_eq!(seen(&test), (1, 1, 1, 0));
        test.call::<ops::GetUser>(&root(1), GetUserRequest::default()).expect("read");
        assert_eq!(seen(&test), (1, 1, 2, 0));
        let is_read = |name: &str| {
            let sql = "select is_read_only from audit where event_name = $1";
            test.app.store.read(|tx| tx.count(sql, params![name])).expect("one")
        };
        assert_eq!((is_read("CreateUser"), is_read("GetUser")), (0, 1));
    }

    pub fn what_is_refused_before_or_fails_outside_settles_nothing(database: &Database) {
        let test = start(database);
        assert_eq!(code(create(&test, "denied")), "AccessDenied");
        assert_eq!(code(create(&test, "unprepared")), "ValidationError");
        assert_eq!(seen(&test), (0, 0, 0, 2));
        assert_eq!(code(create(&test, "failing")), "ValidationError");
        assert_eq!(seen(&test), (1, 0, 0, 3));
        // Done, but what follows from it cannot be written: the caller and the trail are told so.
        assert_eq!(code(create(&test, "unsettled")), "InternalFailure");
        assert_eq!(seen(&test), (2, 0, 0, 4));
    }

    pub fn a_running_transaction_cannot_wait(database: &Database) {
        let test = start(database);
        let group = CreateGroupRequest { group_name: "a".to_owned(), ..Default::default() };
        assert_eq!(code(test.call::<ops::CreateGroup>(&root(1), group)), "InternalFailure");
        assert_eq!(seen(&test).0, 0);
    }
}
