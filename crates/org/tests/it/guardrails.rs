use crate::support::{self, MANAGEMENT, STRANGER, account_id, app, exec, member, root_id};
use crate::tree::{move_account, unit};
use kernel::testing::TestApp;
use org::guardrails::{self, Level, Membership};

fn membership(app: &TestApp, account: &str) -> Option<Membership> {
    app.app.store.read(|tx| guardrails::membership(tx, &account_id(account))).expect("readable")
}

fn scp_levels(app: &TestApp, account: &str) -> Option<Vec<Level>> {
    app.app.store.read(|tx| guardrails::scp_levels(tx, &account_id(account))).expect("readable")
}

fn vouches(app: &TestApp, service: &str, account: &str) -> bool {
    app.app.store.read(|tx| guardrails::vouches(tx, service, &account_id(account))).expect("readable")
}

fn app_with_policies() -> TestApp {
    let mut setup = support::setup();
    setup.settings.organizations.is_scp_enabled_at_start = true;
    support::with_organization(setup)
}

#[test]
fn a_member_has_a_path_without_itself() {
    let app = app();
    let (root, account) = (root_id(&app), member(&app, "member"));
    let unit = unit(&app, &root, "unit");
    move_account(&app, &account, &root, &unit).expect("moved");
    let found = membership(&app, &account).expect("a member");
    let org = found.org_id.to_string();
    assert_eq!(found.path, [org.clone(), root.clone(), unit.clone()]);
    assert_eq!(found.org_path(), format!("{org}/{root}/{unit}/"));
    assert!(!found.is_management && found.management_account.as_str() == MANAGEMENT);
    assert!(membership(&app, MANAGEMENT).expect("a member").is_management);
    assert_eq!(membership(&app, STRANGER), None);
}

#[test]
fn every_level_starts_with_full_access_from_the_root_down() {
    let app = app_with_policies();
    let (root, account) = (root_id(&app), member(&app, "member"));
    let unit = unit(&app, &root, "unit");
    move_account(&app, &account, &root, &unit).expect("moved");
    let levels = scp_levels(&app, &account).expect("policies apply");
    let targets: Vec<&str> = levels.iter().map(|level| level.target_id.as_str()).collect();
    assert_eq!(targets, [root.as_str(), unit.as_str(), account.as_str()]);
    for level in &levels {
        let names: Vec<&str> = level.policies.iter().map(|policy| policy.name.as_str()).collect();
        assert_eq!(names, ["FullAWSAccess"]);
    }
    let content: serde_json::Value = serde_json::from_str(&levels[0].policies[0].content).expect("JSON");
    assert_eq!(content["Statement"][0]["Action"], "*");
}

#[test]
fn a_customer_policy_has_its_own_arn() {
    let app = app_with_policies();
    let account = member(&app, "member");
    exec(
        &app,
        "insert into org_policy (id, org_id, type, name, description, content, created_at) \
                select 'p-12345678', id, 'SERVICE_CONTROL_POLICY', 'mine', '', '{}', 0 from org_organization",
    );
    exec(
        &app,
        "insert into org_attachment (target_id, policy_id, org_id, type, attached_at) \
                select root_id, 'p-12345678', id, 'SERVICE_CONTROL_POLICY', 0 from org_organization",
    );
    let policy = scp_levels(&app, &account).expect("policies apply").remove(0).policies.remove(0);
    let org = membership(&app, &account).expect("a member").org_id;
    let arn = format!("arn:aws:organizations::{MANAGEMENT}:policy/{org}/service_control_policy/p-12345678");
    assert_eq!((policy.name.as_str(), policy.arn), ("mine", arn));
}

#[test]
fn no_policies_apply_to_the_management_account_to_strangers_or_while_the_type_is_off() {
    let app = app_with_policies();
    let account = member(&app, "member");
    assert_eq!(scp_levels(&app, MANAGEMENT), None);
    assert_eq!(scp_levels(&app, STRANGER), None);
    let rcp = app.app.store.read(|tx| guardrails::rcp_levels(tx, &account_id(&account))).expect("readable");
    assert_eq!(rcp, None);
    exec(&app, "delete from org_policy_type");
    assert_eq!(scp_levels(&app, &account), None);
}

#[test]
fn a_service_is_vouched_for_while_it_is_trusted_and_to_clean_up_after() {
    let app = app();
    let (early, late) = (member(&app, "early"), member(&app, "late"));
    let sso = "sso.amazonaws.com";
    assert!(!vouches(&app, sso, &early));
    support::trust_sso(&app);
    for account in [early.as_str(), MANAGEMENT] {
        assert!(vouches(&app, sso, account));
    }
    assert!(!vouches(&app, "config.amazonaws.com", &early) && !vouches(&app, sso, STRANGER));
    let leave = |account: &str| {
        app.call::<model::organizations::ops::LeaveOrganization>(&support::of(account), smithy::schema::Unit {})
            .expect("left")
    };
    leave(&early);
    exec(&app, "delete from org_trusted_service");
    leave(&late);
    assert!(vouches(&app, sso, &early), "trusted when the account left");
    assert!(!vouches(&app, sso, &late), "no longer trusted when the account left");
    assert!(!vouches(&app, "organizations.amazonaws.com", &early));
    assert!(vouches(&app, "organizations.amazonaws.com", MANAGEMENT));
}
