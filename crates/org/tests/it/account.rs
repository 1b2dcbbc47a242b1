use crate::organization::{EVENTS, remember};
use crate::support::{self, MANAGEMENT, STRANGER, account_id, app, count, exec, failure, management, member, of};
use crate::support::{permissions, root_id};
use crate::tree::{move_account, unit};
use kernel::testing::{START, Setup, TestApp};
use kernel::{Event, Result, params};
use model::organizations::{
    Account, CloseAccountRequest, CreateOrganizationRequest, DescribeAccountRequest, ListAccountsForParentRequest,
    ListAccountsRequest, MoveAccountRequest, OrganizationFeatureSet, RemoveAccountFromOrganizationRequest, ops,
};
use smithy::schema::Unit;

const NOBODY: &str = "000000000000";
const DAY: i64 = 86_400;

fn describe(app: &TestApp, id: &str) -> Result<Account> {
    let input = DescribeAccountRequest { account_id: id.to_owned() };
    Ok(app.call::<ops::DescribeAccount>(&management(), input)?.account.expect("an account"))
}

/// `Status` and `State`.
fn state(app: &TestApp, id: &str) -> (String, String) {
    let account = describe(app, id).expect("described");
    (account.status.expect("a status").to_string(), account.state.expect("a state").to_string())
}

fn remove(app: &TestApp, id: &str) -> Result<()> {
    let input = RemoveAccountFromOrganizationRequest { account_id: id.to_owned() };
    app.call::<ops::RemoveAccountFromOrganization>(&management(), input).map(|_| ())
}

fn leave(app: &TestApp, id: &str) -> Result<()> {
    app.call::<ops::LeaveOrganization>(&of(id), Unit {}).map(|_| ())
}

fn close(app: &TestApp, id: &str) -> Result<()> {
    app.call::<ops::CloseAccount>(&management(), CloseAccountRequest { account_id: id.to_owned() }).map(|_| ())
}

/// Adds `number` members, `7…` and so on, that joined a second after one another, without the way of creation.
fn add_members(app: &TestApp, number: i64) {
    app.app
        .store
        .write(
            |tx| {
                tx.exec(
                    "with recursive n (i) as (select 1 union all select i + 1 from n where i < $1) \
                     insert into iam_account (id, email, email_key, name, state, created_at) \
                     select cast(700000000000 + i as text), cast(i as text), cast(i as text), 'many', 'ACTIVE', 0 from n",
                    params![number],
                )?;
                tx.exec(
                    "insert into org_account (account_id, org_id, parent_id, joined_method, joined_at) \
                     select a.id, o.id, o.root_id, 'CREATED', $1 + 1000000 * cast(a.email as bigint) \
                     from iam_account a, org_organization o where a.name = 'many'",
                    params![START],
                )
            },
            |_| {},
        )
        .expect("valid");
}

#[test]
fn an_account_is_described_with_its_path() {
    let app = app();
    let id = member(&app, "member");
    let account = describe(&app, &id).expect("described");
    assert_eq!(account.email.as_deref(), Some("member@example.com"));
    assert_eq!(account.name.as_deref(), Some("member"));
    assert_eq!(account.joined_method.map(|method| method.as_str()), Some("CREATED"));
    let path = account.paths.expect("paths").remove(0);
    assert!(path.ends_with(&format!("/{}/{id}/", root_id(&app))), "{path}");
    let org = path.split('/').next().expect("an organization");
    assert_eq!(account.arn, Some(format!("arn:aws:organizations::{MANAGEMENT}:account/{org}/{id}")));
    assert_eq!(state(&app, &id), ("ACTIVE".to_owned(), "ACTIVE".to_owned()));
    assert_eq!(failure(describe(&app, NOBODY)), "AccountNotFoundException");
    assert_eq!(failure(describe(&app, STRANGER)), "AccountNotFoundException");
}

#[test]
fn accounts_come_in_pages_in_the_order_in_which_they_joined() {
    let app = app();
    add_members(&app, 45);
    let mut seen = Vec::new();
    let mut next_token = None;
    loop {
        let input = ListAccountsRequest { next_token, max_results: None };
        let page = app.call::<ops::ListAccounts>(&management(), input).expect("listed");
        let accounts = page.accounts.expect("accounts");
        assert!(accounts.len() <= 20);
        seen.extend(accounts.into_iter().filter_map(|account| account.id));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
        // Whoever leaves between two pages neither shifts nor repeats the others.
        exec(&app, "delete from org_account where account_id = '700000000001'");
    }
    let mut expected = vec![MANAGEMENT.to_owned()];
    expected.extend((1..=45).map(|n| (700_000_000_000_u64 + n).to_string()));
    assert_eq!(seen, expected);
}

#[test]
fn a_page_late_in_a_long_list_is_found_through_the_index() {
    let app = app();
    if app.app.store.is_shared() {
        return; // The plan is SQLite's.
    }
    for (sql, index) in [
        (
            "explain query plan select account_id from org_account a where a.org_id = 'o' \
             and (a.joined_at, a.account_id) > (1, '2') order by a.joined_at, a.account_id limit 21",
            "org_account_by_org (org_id=? AND (joined_at,account_id)>(?,?))",
        ),
        (
            "explain query plan select account_id from org_account a where a.parent_id = 'o' \
             and (a.joined_at, a.account_id) > (1, '2') order by a.joined_at, a.account_id limit 21",
            "org_account_by_parent (parent_id=? AND (joined_at,account_id)>(?,?))",
        ),
        (
            "explain query plan select id from org_unit where parent_id = 'o' \
             and (created_at, id) > (1, '2') order by created_at, id limit 21",
            "org_unit_by_parent (parent_id=? AND (created_at,id)>(?,?))",
        ),
    ] {
        let plan: Vec<String> = app.app.store.read(|tx| tx.all(sql, params![], |row| row.get(3))).expect("a plan");
        assert!(plan.len() == 1 && plan[0].ends_with(index), "{plan:?}");
    }
}

#[test]
fn accounts_of_a_parent_are_the_direct_ones() {
    let app = app();
    let root = root_id(&app);
    let (outer, account) = (unit(&app, &root, "outer"), member(&app, "member"));
    let inner = unit(&app, &outer, "inner");
    move_account(&app, &account, &root, &inner).expect("moved");
    let list = |parent: &str| {
        let input = ListAccountsForParentRequest { parent_id: parent.to_owned(), ..Default::default() };
        let accounts = app.call::<ops::ListAccountsForParent>(&management(), input)?.accounts.expect("accounts");
        Ok(accounts.into_iter().filter_map(|account| account.id).collect::<Vec<_>>())
    };
    assert_eq!(list(&root).expect("listed"), [MANAGEMENT]);
    assert_eq!(list(&outer).expect("listed"), [""; 0]);
    assert_eq!(list(&inner).expect("listed"), [account]);
    assert_eq!(failure(list("ou-zzzz-zzzzzzzz")), "ParentNotFoundException");
    assert_eq!(failure(list(MANAGEMENT)), "InvalidInputException INVALID_PATTERN");
}

#[test]
fn a_move_must_name_where_the_account_is_and_another_place() {
    let app = app();
    let root = root_id(&app);
    let (unit_id, account) = (unit(&app, &root, "unit"), member(&app, "member"));
    let nowhere = "ou-zzzz-zzzzzzzz";
    assert_eq!(failure(move_account(&app, NOBODY, &root, &unit_id)), "AccountNotFoundException");
    assert_eq!(failure(move_account(&app, &account, nowhere, &unit_id)), "SourceParentNotFoundException");
    assert_eq!(failure(move_account(&app, &account, &root, nowhere)), "DestinationParentNotFoundException");
    assert_eq!(failure(move_account(&app, &account, &root, &root)), "DuplicateAccountException");
    assert_eq!(failure(move_account(&app, &account, &root, MANAGEMENT)), "InvalidInputException INVALID_PATTERN");
    move_account(&app, &account, &root, &unit_id).expect("moved");
    let other = unit(&app, &root, "other");
    assert_eq!(failure(move_account(&app, &account, &root, &other)), "AccountNotFoundException");
    move_account(&app, MANAGEMENT, &root, &unit_id).expect("the management account may be moved too");
    let input = MoveAccountRequest {
        account_id: account.clone(),
        source_parent_id: unit_id.clone(),
        destination_parent_id: root.clone(),
    };
    assert_eq!(failure(app.call::<ops::MoveAccount>(&of(&account), input.clone())), "AccessDeniedException");
    let permissions = permissions::<ops::MoveAccount>(&app, &management(), &input);
    let resources: Vec<&str> = permissions.iter().map(|permission| permission.resource.as_str()).collect();
    assert_eq!(resources.len(), 3);
    assert!(resources[0].ends_with(&account) && resources[1].ends_with(&unit_id) && resources[2].ends_with(&root));
}

#[test]
fn leaving_takes_everything_of_the_membership_and_remembers_who_must_clean_up() {
    let app = support::with_organization(Setup { effects: remember, ..support::setup() });
    let (removed, left) = (member(&app, "removed"), member(&app, "left"));
    support::trust_sso(&app);
    exec(
        &app,
        "insert into org_tag (resource_id, key, value) \
         select account_id, 'a', 'b' from org_account where joined_method = 'CREATED'",
    );
    exec(
        &app,
        "insert into org_attachment (target_id, policy_id, org_id, type, attached_at) \
                select account_id, 'p-12345678', org_id, 'TAG_POLICY', 0 from org_account \
                where joined_method = 'CREATED'",
    );
    remove(&app, &removed).expect("removed");
    leave(&app, &left).expect("left");
    assert_eq!(count(&app, "select count(*) from org_tag"), 0);
    assert_eq!(count(&app, "select count(*) from org_attachment"), 0);
    assert_eq!(count(&app, "select count(*) from org_account"), 1);
    assert_eq!(count(&app, "select count(*) from iam_role where name = 'OrganizationAccountAccessRole'"), 2);
    let departures =
        count(&app, "select count(*) from org_departure where service = 'sso.amazonaws.com' and is_vouched = 1");
    assert_eq!(departures, 2);
    let gone: Vec<String> = EVENTS.with_borrow(|events| {
        let gone = events.iter().filter_map(|event| match event {
            Event::AccountLeftOrganization { account, .. } => Some(account.to_string()),
            _ => None,
        });
        gone.collect()
    });
    assert_eq!(gone, [removed.clone(), left]);
    assert_eq!(failure(remove(&app, &removed)), "AccountNotFoundException");
}

#[test]
fn the_management_account_cannot_leave() {
    let app = app();
    assert_eq!(failure(leave(&app, MANAGEMENT)), "MasterCannotLeaveOrganizationException");
    assert_eq!(failure(remove(&app, MANAGEMENT)), "MasterCannotLeaveOrganizationException");
    assert_eq!(failure(remove(&app, NOBODY)), "AccountNotFoundException");
}

#[test]
fn a_member_removes_nobody_else() {
    let app = app();
    let (one, other) = (member(&app, "one"), member(&app, "other"));
    let input = RemoveAccountFromOrganizationRequest { account_id: other };
    assert_eq!(failure(app.call::<ops::RemoveAccountFromOrganization>(&of(&one), input)), "AccessDeniedException");
}

#[test]
fn a_delegated_administrator_stays_until_it_is_deregistered() {
    let app = app();
    let account = member(&app, "delegate");
    support::delegate(&app, &account);
    let expected = "ConstraintViolationException CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG";
    assert_eq!(failure(remove(&app, &account)), expected);
    assert_eq!(failure(leave(&app, &account)), expected);
}

#[test]
fn a_created_account_stays_for_the_days_that_the_operator_wants() {
    let mut setup = support::setup();
    setup.settings.organizations.account_age_days_min = 4;
    let app = support::with_organization(setup);
    let account = member(&app, "young");
    app.clock.advance_seconds(4 * DAY - 1);
    assert_eq!(failure(remove(&app, &account)), "ConstraintViolationException WAIT_PERIOD_ACTIVE");
    assert_eq!(failure(leave(&app, &account)), "ConstraintViolationException WAIT_PERIOD_ACTIVE");
    app.clock.advance_seconds(1);
    leave(&app, &account).expect("old enough");
}

#[test]
fn an_invited_account_leaves_whenever_it_wants() {
    let mut setup = support::setup();
    setup.settings.organizations.account_age_days_min = 4;
    let app = support::with_organization(setup);
    let account = member(&app, "young");
    exec(&app, "update org_account set joined_method = 'INVITED'");
    leave(&app, &account).expect("not a created account");
}

#[test]
fn closing_goes_from_pending_to_closed_to_gone() {
    let app = support::with_organization(Setup { effects: remember, ..support::setup() });
    let account = member(&app, "member");
    close(&app, &account).expect("accepted");
    assert_eq!(state(&app, &account), ("PENDING_CLOSURE".to_owned(), "PENDING_CLOSURE".to_owned()));
    assert_eq!(failure(close(&app, &account)), "AccountAlreadyClosedException");
    app.run_jobs();
    assert_eq!(state(&app, &account).1, "PENDING_CLOSURE");
    app.clock.advance_seconds(60);
    app.run_jobs();
    assert_eq!(state(&app, &account), ("SUSPENDED".to_owned(), "CLOSED".to_owned()));
    assert_eq!(failure(close(&app, &account)), "AccountAlreadyClosedException");
    assert_eq!(failure(app.call::<ops::DeleteOrganization>(&management(), Unit {})), "OrganizationNotEmptyException");
    app.clock.advance_seconds(90 * DAY - 1);
    app.run_jobs();
    assert_eq!(state(&app, &account).1, "CLOSED");
    app.clock.advance_seconds(1);
    app.run_jobs();
    assert_eq!(failure(describe(&app, &account)), "AccountNotFoundException");
    let id = account_id(&account);
    let row = app.app.store.read(|tx| iam::account::get(tx, &id)).expect("readable");
    assert!(row.is_some(), "neither id nor e-mail address may be used again");
    assert!(matches!(EVENTS.with_borrow(|events| events.last().cloned()), Some(Event::AccountLeftOrganization { .. })));
}

#[test]
fn an_account_that_is_removed_while_it_closes_is_closed_all_the_same() {
    let app = app();
    let account = member(&app, "member");
    close(&app, &account).expect("accepted");
    remove(&app, &account).expect("removed");
    app.clock.advance_seconds(60);
    app.run_jobs();
    let id = account_id(&account);
    let row = app.app.store.read(|tx| iam::account::get(tx, &id)).expect("readable").expect("kept");
    assert_eq!(row.state, iam::account::AccountState::Closed);
    assert_eq!(count(&app, "select count(*) from job"), 0);
}

#[test]
fn the_management_account_is_not_closed_as_a_member() {
    let app = app();
    let expected = "ConstraintViolationException CANNOT_CLOSE_MANAGEMENT_ACCOUNT";
    assert_eq!(failure(close(&app, MANAGEMENT)), expected);
    assert_eq!(failure(close(&app, NOBODY)), "AccountNotFoundException");
}

#[test]
fn an_organization_for_billing_closes_no_accounts() {
    let app = support::start(support::setup());
    let input = CreateOrganizationRequest { feature_set: Some(OrganizationFeatureSet::ConsolidatedBilling) };
    app.call::<ops::CreateOrganization>(&management(), input).expect("created");
    let account = member(&app, "member");
    assert_eq!(failure(close(&app, &account)), "ConstraintViolationException ORGANIZATION_NOT_IN_ALL_FEATURES_MODE");
}

#[test]
fn three_accounts_close_at_a_time() {
    let app = app();
    add_members(&app, 4);
    for n in 1..=3 {
        close(&app, &format!("70000000000{n}")).expect("accepted");
    }
    let fourth = || close(&app, "700000000004");
    assert_eq!(failure(fourth()), "ConstraintViolationException CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED");
    app.clock.advance_seconds(60);
    app.run_jobs();
    fourth().expect("the others are closed");
}

#[test]
fn closures_of_thirty_days_are_limited() {
    let app = app();
    add_members(&app, 251);
    exec(&app, "update iam_account set state = 'CLOSED' where name = 'many' and id <> '700000000251'");
    app.app
        .store
        .write(
            |tx| {
                tx.exec(
                    "update org_account set closing_at = $1 where account_id < '700000000251' and account_id > '7'",
                    params![START],
                )
            },
            |_| {},
        )
        .expect("valid");
    let last = || close(&app, "700000000251");
    assert_eq!(failure(last()), "ConstraintViolationException CLOSE_ACCOUNT_QUOTA_EXCEEDED");
    app.clock.advance_seconds(30 * DAY);
    last().expect("a month later");
}
