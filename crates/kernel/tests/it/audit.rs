//! The audit trail.

use crate::support::on_every_engine;

on_every_engine! {
    a_change_and_its_record_are_committed_together;
    identical_reads_share_a_row_within_a_second;
    what_cannot_be_written_waits_on;
    secrets_are_not_recorded;
}

mod check {
    use crate::support::{Database, account, counter, root, with_counters};
    use base::Timestamp;
    use kernel::audit::{Call, Occurrence, Record, complete, occurrences};
    use kernel::route::{self, Access};
    use kernel::store::Store;
    use kernel::testing::{Setup, TestApp, code};
    use kernel::{Error, WriteCx, params};
    use model::iam::{
        AccessKey, CreateAccessKeyRequest, CreateAccessKeyResponse, CreateLoginProfileRequest,
        CreateLoginProfileResponse, CreateUserRequest, CreateUserResponse, GetUserRequest, GetUserResponse, ops,
    };
    use smithy::schema::{Operation, Shape};

    struct Row {
        first_at: Timestamp,
        last_at: Timestamp,
        name: String,
        record: String,
        occurrences: Vec<Occurrence>,
    }

    fn rows(store: &Store) -> Vec<Row> {
        let sql = "select first_at, last_at, event_name, record, occurrences from audit order by first_at, id";
        let rows = store.read(|tx| {
            tx.all(sql, params![], |row| {
                Ok(Row {
                    first_at: row.get(0)?,
                    last_at: row.get(1)?,
                    name: row.get(2)?,
                    record: row.get(3)?,
                    occurrences: occurrences(&row.get::<Vec<u8>>(4)?).collect(),
                })
            })
        });
        rows.expect("read")
    }

    fn create_user(cx: &mut WriteCx<'_>, input: &CreateUserRequest) -> kernel::Result<CreateUserResponse> {
        cx.write().exec_one("update counter set value = value + 1 where name = 'a'", params![])?;
        match input.user_name.as_str() {
            "refused" => Err(Error::Validation("no".to_owned())),
            "endless" => {
                cx.emit(kernel::Event::TrustedAccessEnabled {
                    org: base::OrgId::parse("o-aaaaaaaaaa").expect("an id"),
                    service: "x".to_owned(),
                });
                Ok(CreateUserResponse::default())
            }
            _ => Ok(CreateUserResponse::default()),
        }
    }

    fn test(database: &Database) -> TestApp {
        let routes = vec![
            route::write::<ops::CreateUser>(|_, _| Ok(Access::Open), create_user),
            route::read::<ops::GetUser>(|_, _| Ok(Access::Open), |_, _| Ok(GetUserResponse::default())),
        ];
        let effects = |_: &mut WriteCx<'_>, _: &kernel::Event| Err(Error::internal("an effect that fails"));
        let test = database.app_with(Setup { routes, effects, ..Setup::default() });
        with_counters(&test.app.store, &["a"]);
        test
    }

    fn create(test: &TestApp, name: &str) -> kernel::Result<CreateUserResponse> {
        test.call::<ops::CreateUser>(&root(1), CreateUserRequest { user_name: name.to_owned(), ..Default::default() })
    }

    fn get(test: &TestApp, name: &str) {
        let input = GetUserRequest { user_name: Some(name.to_owned()) };
        test.call::<ops::GetUser>(&root(1), input).expect("read");
    }

    fn flush(test: &TestApp) -> kernel::Result<()> {
        test.app.audit.flush(&test.app.store, &mut test.app.random())
    }

    pub fn a_change_and_its_record_are_committed_together(database: &Database) {
        let test = test(database);
        create(&test, "ada").expect("created");
        assert_eq!((counter(&test.app.store, "a"), rows(&test.app.store).len()), (1, 1));
        // An effect fails after the record was written: both are undone.
        assert_eq!(code(create(&test, "endless")), "InternalFailure");
        assert_eq!((counter(&test.app.store, "a"), rows(&test.app.store).len()), (1, 1));
        assert_eq!(code(create(&test, "refused")), "ValidationError");
        flush(&test).expect("flushed");
        let rows = rows(&test.app.store);
        assert_eq!((counter(&test.app.store, "a"), rows.len()), (1, 3), "failed calls are recorded as failed");
        let failed: Vec<_> = rows.iter().filter(|row| row.record.contains("\"errorCode\"")).collect();
        assert_eq!(failed.len(), 2);
    }

    pub fn identical_reads_share_a_row_within_a_second(database: &Database) {
        let test = test(database);
        for _ in 0..2_000 {
            get(&test, "ada");
        }
        get(&test, "bob");
        test.clock.advance_seconds(1);
        get(&test, "ada");
        flush(&test).expect("flushed");
        flush(&test).expect("nothing is written twice");
        let rows = rows(&test.app.store);
        let counts: Vec<usize> = rows.iter().map(|row| row.occurrences.len()).collect();
        let mut sorted = counts.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [1, 1, 976, 1_024], "at most so many a row");
        let mut ids: Vec<_> = rows.iter().flat_map(|row| row.occurrences.iter().map(|each| each.event_id)).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 2_002, "each call has its own id");
        for row in rows {
            assert_eq!(row.name, "GetUser");
            assert_eq!(row.first_at, row.occurrences[0].at);
            assert_eq!(row.last_at, row.occurrences[row.occurrences.len() - 1].at);
            assert_eq!(row.first_at.seconds(), row.last_at.seconds(), "a row stays within its second");
            let event = complete(&row.record, &row.occurrences[0]);
            let event: serde_json::Value = serde_json::from_str(&event).expect("JSON");
            assert_eq!(event["eventTime"], row.first_at.iso8601());
            assert_eq!(event["eventID"], row.occurrences[0].event_id.to_string());
            assert_eq!(event["requestID"], row.occurrences[0].request_id.to_string());
            assert_eq!(event["recipientAccountId"], account(1).as_str());
        }
    }

    pub fn what_cannot_be_written_waits_on(database: &Database) {
        let test = test(database);
        let store = &test.app.store;
        get(&test, "ada");
        store.write(|tx| tx.exec("alter table audit rename to audit_away", params![]), |_| {}).expect("renamed");
        assert!(flush(&test).is_err());
        test.clock.advance_seconds(1);
        get(&test, "ada");
        assert!(flush(&test).is_err());
        store.write(|tx| tx.exec("alter table audit_away rename to audit", params![]), |_| {}).expect("renamed");
        flush(&test).expect("flushed");
        let times: Vec<_> = rows(store).iter().map(|row| (row.first_at, row.occurrences.len())).collect();
        let start = kernel::testing::START;
        assert_eq!(times, [(start, 1), (start.plus_seconds(1), 1)]);
        get(&test, "ada");
        test.app.audit.clear();
        flush(&test).expect("flushed");
        assert_eq!(rows(store).len(), 2, "what was cleared is gone");
    }

    /// Fills every text of `shape` with `text`, a few structures deep; lists and maps get one element.
    fn fill(shape: &mut dyn Shape, text: &str, depth: usize) {
        for index in 0..shape.schema().members().len() {
            fill_value(shape.member_mut(index), text, depth);
        }
    }

    fn fill_value(value: &mut dyn smithy::schema::Val, text: &str, depth: usize) {
        use smithy::schema::Slot;
        if depth == 0 {
            return;
        }
        match value.slot() {
            Slot::Text(slot) => text.clone_into(slot),
            Slot::Blob(slot) => text.as_bytes().clone_into(slot),
            Slot::Structure(shape) => fill(shape, text, depth - 1),
            Slot::List(list) => fill_value(list.push(), text, depth - 1),
            Slot::Map(map) => fill_value(map.insert("key".to_owned()), text, depth - 1),
            _ => {}
        }
    }

    fn recorded<O: Operation>(test: &TestApp, input: &O::In, output: &O::Out) -> String {
        let caller = root(1);
        let record = Record::of(&Call {
            caller: &caller,
            request: &test.request(),
            op: O::OP,
            input,
            output: Some(output),
            error: None,
            is_read_only: false,
            at: test.app.now(),
        });
        let (record, mut random) = (record.expect("an account is concerned"), test.app.random());
        test.app.store.write(|tx| tx.exec("delete from audit", params![]), |_| {}).expect("emptied");
        test.app.store.write(|tx| record.write(tx, &mut random), |_| {}).expect("written");
        rows(&test.app.store).remove(0).record
    }

    /// Members of the record's input and output that hold `text`.
    fn leaks<O: Operation>(test: &TestApp, text: &str) -> Vec<String> {
        let (mut input, mut output) = (O::In::default(), O::Out::default());
        fill(&mut input, text, 5);
        fill(&mut output, text, 5);
        let record: serde_json::Value = serde_json::from_str(&recorded::<O>(test, &input, &output)).expect("JSON");
        let mut found = Vec::new();
        for part in ["requestParameters", "responseElements"] {
            collect(&record[part], text, part, &mut found);
        }
        found
    }

    fn collect(value: &serde_json::Value, text: &str, name: &str, found: &mut Vec<String>) {
        match value {
            serde_json::Value::String(held) if held == text => found.push(name.to_owned()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, text, name, found)),
            serde_json::Value::Object(members) => {
                members.iter().for_each(|(name, value)| collect(value, text, name, found));
            }
            _ => {}
        }
    }

    pub fn secrets_are_not_recorded(database: &Database) {
        let test = test(database);
        let key = AccessKey { secret_access_key: "wJalrXUtnFEMI".into(), ..Default::default() };
        let output = CreateAccessKeyResponse { access_key: key };
        let record = recorded::<ops::CreateAccessKey>(&test, &CreateAccessKeyRequest::default(), &output);
        assert!(record.contains("secretAccessKey") && !record.contains("wJalrXUtnFEMI"), "{record}");
        let input = CreateLoginProfileRequest { password: Some("hunter2-hunter2".into()), ..Default::default() };
        let record = recorded::<ops::CreateLoginProfile>(&test, &input, &CreateLoginProfileResponse::default());
        assert!(!record.contains("hunter2"), "{record}");

        let secret = "S3cr3t-value";
        let mut found = leaks::<ops::ChangePassword>(&test, secret);
        found.extend(leaks::<ops::CreateVirtualMFADevice>(&test, secret));
        found.extend(leaks::<ops::EnableMFADevice>(&test, secret));
        found.extend(leaks::<ops::CreateServiceSpecificCredential>(&test, secret));
        found.extend(leaks::<ops::UpdateSAMLProvider>(&test, secret));
        found.extend(leaks::<ops::UploadServerCertificate>(&test, secret));
        found.extend(leaks::<model::sts::ops::AssumeRole>(&test, secret));
        found.extend(leaks::<model::sts::ops::AssumeRoleWithSAML>(&test, secret));
        found.extend(leaks::<model::sts::ops::AssumeRoleWithWebIdentity>(&test, secret));
        found.extend(leaks::<model::sts::ops::GetFederationToken>(&test, secret));
        found.extend(leaks::<model::sso_oidc::ops::CreateToken>(&test, secret));
        found.extend(leaks::<model::sso_oidc::ops::CreateTokenWithIAM>(&test, secret));
        found.extend(leaks::<model::sso_oidc::ops::RegisterClient>(&test, secret));
        found.extend(leaks::<model::sso_oidc::ops::StartDeviceAuthorization>(&test, secret));
        found.extend(leaks::<model::sso::ops::GetRoleCredentials>(&test, secret));
        found.extend(leaks::<model::signin::ops::CreateOAuth2Token>(&test, secret));
        found.extend(leaks::<model::ds::ops::CreateDirectory>(&test, secret));
        found.extend(leaks::<model::ds::ops::ResetUserPassword>(&test, secret));
        found.extend(leaks::<model::ds::ops::EnableRadius>(&test, secret));
        let is_secret = |name: &str| {
            let name = name.to_ascii_lowercase();
            ["secret", "password", "token", "code", "assertion", "privatekey", "seed", "png", "verifier"]
                .iter()
                .any(|word| name.ends_with(word))
        };
        found.retain(|name| is_secret(name));
        found.sort_unstable();
        found.dedup();
        // The private key to be removed is named by its id; the subject is who the token speaks of.
        assert_eq!(found, ["removePrivateKey", "subjectFromWebIdentityToken"]);
    }
}
