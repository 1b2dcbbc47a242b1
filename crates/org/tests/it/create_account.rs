use crate::organization::{EVENTS, remember};
use crate::support::{self, MANAGEMENT, account_id, app, count, exec, failure, management, member, of, permissions};
use kernel::testing::{START, Setup, TestApp};
use kernel::{Error, Event, Result, WriteCx, params};
use model::organizations::{
    CreateAccountRequest, CreateAccountState, CreateAccountStatus, CreateGovCloudAccountRequest,
    DescribeCreateAccountStatusRequest, ListCreateAccountStatusRequest, Tag, ops,
};

fn input(email: &str) -> CreateAccountRequest {
    CreateAccountRequest { email: email.to_owned(), account_name: "New".to_owned(), ..CreateAccountRequest::default() }
}

fn request(app: &TestApp, input: CreateAccountRequest) -> Result<CreateAccountStatus> {
    Ok(app.call::<ops::CreateAccount>(&management(), input)?.create_account_status.expect("a status"))
}

fn status(app: &TestApp, id: &str) -> Result<CreateAccountStatus> {
    let input = DescribeCreateAccountStatusRequest { create_account_request_id: id.to_owned() };
    let output = app.call::<ops::DescribeCreateAccountStatus>(&management(), input)?;
    Ok(output.create_account_status.expect("a status"))
}

/// How the request ended.
fn finished(app: &TestApp, input: CreateAccountRequest) -> CreateAccountStatus {
    let id = request(app, input).expect("accepted").id.expect("an id");
    app.run_jobs();
    status(app, &id).expect("known")
}

fn failure_reason(app: &TestApp, email: &str) -> Option<&'static str> {
    let status = finished(app, input(email));
    assert_eq!((status.state, status.account_id), (Some(CreateAccountState::Failed), None));
    assert!(status.completed_timestamp.is_some());
    status.failure_reason.map(|reason| reason.as_str())
}

#[test]
fn a_request_is_answered_at_once_and_finished_by_a_job() {
    let app = support::with_organization(Setup { effects: remember, ..support::setup() });
    let answer = request(&app, input("new@example.com")).expect("accepted");
    assert_eq!(answer.state, Some(CreateAccountState::InProgress));
    assert_eq!((answer.account_name.as_deref(), answer.requested_timestamp), (Some("New"), Some(START)));
    assert_eq!((&answer.account_id, answer.completed_timestamp), (&None, None));
    let id = answer.id.clone().expect("an id");
    assert_eq!(status(&app, &id).expect("known"), answer);
    assert_eq!(count(&app, "select count(*) from org_account"), 1);

    app.run_jobs();
    let done = status(&app, &id).expect("known");
    assert_eq!((done.state, done.completed_timestamp), (Some(CreateAccountState::Succeeded), Some(START)));
    let account = done.account_id.expect("an account");
    let joined = EVENTS.with_borrow(|events| events.last().cloned());
    assert!(
        matches!(joined, Some(Event::AccountJoinedOrganization { account: joined, .. }) if joined.as_str() == account)
    );
    app.run_jobs();
    assert_eq!(count(&app, "select count(*) from org_account"), 2);
}

#[test]
fn the_new_account_trusts_the_management_account_through_its_access_role() {
    let app = app();
    let named = CreateAccountRequest {
        role_name: Some("Administrators".to_owned()),
        tags: Some(vec![Tag { key: "team".to_owned(), value: "a".to_owned() }]),
        ..input("named@example.com")
    };
    let named = finished(&app, named).account_id.expect("an account");
    let usual = member(&app, "usual");
    for (account, name) in [(&named, "Administrators"), (&usual, "OrganizationAccountAccessRole")] {
        let role = app.app.store.read(|tx| iam::role::find(tx, &account_id(account), name)).expect("readable");
        let role = role.expect("the role exists");
        assert!(role.trust_policy.contains(&format!("\"AWS\":\"arn:aws:iam::{MANAGEMENT}:root\"")));
        assert_eq!((role.path.as_str(), role.max_session_seconds), ("/", 3_600));
        let attached: Vec<String> = app
            .app
            .store
            .read(|tx| {
                let sql = "select policy_arn from iam_attachment where entity_id = $1 and entity_kind = 'role'";
                tx.all(sql, params![role.id], |row| row.get(0))
            })
            .expect("readable");
        assert_eq!(attached, ["arn:aws:iam::aws:policy/AdministratorAccess"]);
    }
    let tags = "select count(*) from org_tag where key = 'team' and value = 'a'";
    assert_eq!(count(&app, tags), 1);
    let passwords = "select count(*) from iam_account where root_password_hash is not null";
    assert_eq!(count(&app, passwords), 0, "the root user has no usable password");
}

#[test]
fn what_is_wrong_with_the_address_is_found_later() {
    let app = app();
    member(&app, "taken");
    assert_eq!(failure_reason(&app, "TAKEN@example.com"), Some("EMAIL_ALREADY_EXISTS"));
    assert_eq!(failure_reason(&app, "root@999988887777.example.com"), Some("EMAIL_ALREADY_EXISTS"));
    assert_eq!(failure_reason(&app, ".dot@example.com"), Some("INVALID_EMAIL"));
}

#[test]
fn of_two_requests_for_one_address_the_second_fails() {
    let app = app();
    let ids: Vec<String> =
        (0..2).map(|_| request(&app, input("same@example.com")).expect("accepted").id.expect("an id")).collect();
    app.run_jobs();
    let states: Vec<_> = ids.iter().map(|id| status(&app, id).expect("known").state.expect("a state")).collect();
    assert!(states.contains(&CreateAccountState::Succeeded) && states.contains(&CreateAccountState::Failed));
}

#[test]
fn reserved_role_names_and_bad_tags_are_refused_at_once() {
    let app = app();
    let named = |name: &str| CreateAccountRequest { role_name: Some(name.to_owned()), ..input("a@example.com") };
    assert_eq!(failure(request(&app, named("AWSServiceRoleForX"))), "InvalidInputException INVALID_ROLE_NAME");
    let tag = Tag { key: "aws:x".to_owned(), value: String::new() };
    let tagged = CreateAccountRequest { tags: Some(vec![tag]), ..input("a@example.com") };
    assert_eq!(failure(request(&app, tagged)), "InvalidInputException INVALID_SYSTEM_TAGS_PARAMETER");
    assert_eq!(count(&app, "select count(*) from org_create_account_request"), 0);
}

#[test]
fn five_requests_are_in_progress_at_a_time() {
    let app = app();
    for n in 0..5 {
        request(&app, input(&format!("{n}@example.com"))).expect("accepted");
    }
    let sixth = || request(&app, input("6@example.com"));
    assert_eq!(failure(sixth()), "TooManyRequestsException");
    app.run_jobs();
    sixth().expect("the others are finished");
}

#[test]
fn the_number_of_accounts_is_limited() {
    let mut setup = support::setup();
    setup.settings.organizations.accounts_max = 3;
    let app = support::with_organization(setup);
    member(&app, "second");
    request(&app, input("third@example.com")).expect("accepted");
    let fourth = || request(&app, input("fourth@example.com"));
    let expected = "ConstraintViolationException ACCOUNT_NUMBER_LIMIT_EXCEEDED";
    assert_eq!(failure(fourth()), expected, "accounts on their way count");
    app.run_jobs();
    assert_eq!(count(&app, "select count(*) from org_account"), 3);
    assert_eq!(failure(fourth()), expected);
}

#[test]
fn an_organization_that_filled_up_meanwhile_gets_no_account() {
    let mut setup = support::setup();
    setup.settings.organizations.accounts_max = 2;
    let app = support::with_organization(setup);
    let id = request(&app, input("second@example.com")).expect("accepted").id.expect("an id");
    exec(
        &app,
        "insert into org_account (account_id, org_id, parent_id, joined_method, joined_at) \
                select '999988887777', id, root_id, 'INVITED', 0 from org_organization",
    );
    app.run_jobs();
    let reason = status(&app, &id).expect("known").failure_reason;
    assert_eq!(reason.map(|reason| reason.as_str()), Some("ACCOUNT_LIMIT_EXCEEDED"));
}

#[test]
fn a_request_whose_organization_is_gone_creates_nothing() {
    let app = app();
    request(&app, input("late@example.com")).expect("accepted");
    app.call::<ops::DeleteOrganization>(&management(), smithy::schema::Unit {}).expect("deleted");
    app.run_jobs();
    assert_eq!(count(&app, "select count(*) from iam_account where email_key = 'late@example.com'"), 0);
    assert_eq!(count(&app, "select count(*) from job"), 0);
}

#[test]
fn a_request_that_keeps_failing_is_given_up_and_leaves_nothing_behind() {
    fn fail(_: &mut WriteCx<'_>, event: &Event) -> Result<()> {
        match event {
            Event::AccountJoinedOrganization { .. } => Err(Error::internal("broken")),
            _ => Ok(()),
        }
    }
    let app = support::with_organization(Setup { effects: fail, ..support::setup() });
    let id = request(&app, input("new@example.com")).expect("accepted").id.expect("an id");
    for _ in 0..10 {
        app.run_jobs();
        assert_eq!(count(&app, "select count(*) from iam_account where email_key = 'new@example.com'"), 0);
        app.clock.advance_seconds(40);
    }
    app.clock.advance_seconds(300);
    app.run_jobs();
    let status = status(&app, &id).expect("known");
    assert_eq!(status.failure_reason.map(|reason| reason.as_str()), Some("INTERNAL_FAILURE"));
    assert_eq!(count(&app, "select count(*) from job"), 0);
}

#[test]
fn only_the_management_account_creates_accounts() {
    let app = app();
    let account = member(&app, "delegate");
    support::delegate(&app, &account);
    let refused = app.call::<ops::CreateAccount>(&of(&account), input("x@example.com"));
    assert_eq!(failure(refused), "AccessDeniedException");
    let alone = app.call::<ops::CreateAccount>(&of(support::STRANGER), input("x@example.com"));
    assert_eq!(failure(alone), "AWSOrganizationsNotInUseException");
}

#[test]
fn accounts_in_govcloud_are_not_to_be_had() {
    let app = app();
    let input = CreateGovCloudAccountRequest {
        email: "gov@example.com".to_owned(),
        account_name: "Gov".to_owned(),
        ..CreateGovCloudAccountRequest::default()
    };
    let refused = app.call::<ops::CreateGovCloudAccount>(&management(), input);
    assert_eq!(failure(refused), "ConstraintViolationException MASTER_ACCOUNT_NOT_GOVCLOUD_ENABLED");
}

#[test]
fn requests_are_listed_by_state_in_pages() {
    let app = app();
    let done: Vec<String> = (0..3)
        .map(|n| {
            app.clock.advance_seconds(1);
            finished(&app, input(&format!("{n}@example.com"))).id.expect("an id")
        })
        .collect();
    let failed = finished(&app, input("0@example.com")).id.expect("an id");
    let open = request(&app, input("open@example.com")).expect("accepted").id.expect("an id");
    let list = |states: Option<Vec<CreateAccountState>>, next_token: Option<String>| {
        let input = ListCreateAccountStatusRequest { states, next_token, max_results: Some(2) };
        let page = app.call::<ops::ListCreateAccountStatus>(&management(), input)?;
        let ids: Vec<_> = page.create_account_statuses.expect("statuses").into_iter().filter_map(|s| s.id).collect();
        Ok((ids, page.next_token))
    };
    let succeeded = || Some(vec![CreateAccountState::Succeeded]);
    let (ids, token) = list(succeeded(), None).expect("listed");
    assert_eq!(ids, done[..2]);
    assert_eq!(failure(list(None, token.clone())), "InvalidInputException INVALID_NEXT_TOKEN");
    assert_eq!(list(succeeded(), token).expect("listed"), (vec![done[2].clone()], None));
    assert_eq!(list(Some(vec![CreateAccountState::InProgress]), None).expect("listed").0, [open]);
    assert_eq!(list(Some(vec![CreateAccountState::Failed]), None).expect("listed").0, [failed]);
    assert_eq!(list(Some(vec![]), None).expect("listed").0, done[..2], "no states: all states");
}

#[test]
fn unknown_and_foreign_requests_do_not_exist() {
    let app = app();
    assert_eq!(failure(status(&app, "car-00000000")), "CreateAccountStatusNotFoundException");
    assert_eq!(failure(status(&app, "no id")), "InvalidInputException INVALID_PATTERN");
    let id = request(&app, input("mine@example.com")).expect("accepted").id.expect("an id");
    let other = of(support::STRANGER);
    app.call::<ops::CreateOrganization>(&other, Default::default()).expect("created");
    let input = DescribeCreateAccountStatusRequest { create_account_request_id: id };
    let foreign = app.call::<ops::DescribeCreateAccountStatus>(&other, input);
    assert_eq!(failure(foreign), "CreateAccountStatusNotFoundException");
}

#[test]
fn finished_requests_are_forgotten_after_ninety_days() {
    let app = app();
    let old = finished(&app, input("old@example.com")).id.expect("an id");
    app.clock.advance_seconds(90 * 86_400 + 1);
    request(&app, input("new@example.com")).expect("accepted");
    assert_eq!(failure(status(&app, &old)), "CreateAccountStatusNotFoundException");
}

#[test]
fn the_permission_carries_the_tags() {
    let app = app();
    let tagged = CreateAccountRequest {
        tags: Some(vec![Tag { key: "k".to_owned(), value: "v".to_owned() }]),
        ..input("a@example.com")
    };
    let permission = permissions::<ops::CreateAccount>(&app, &management(), &tagged).remove(0);
    assert_eq!((permission.action.as_str(), permission.resource.as_str()), ("organizations:CreateAccount", "*"));
    assert_eq!(permission.context[0], ("aws:RequestTag/k".to_owned(), vec!["v".to_owned()]));
}
