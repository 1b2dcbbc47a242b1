//! The management policies that accounts inherit.

use crate::policy::{TAGS, attach, policy};
use crate::support::{MANAGEMENT, STRANGER, app, failure, management, member, of, permissions, root_id};
use kernel::testing::TestApp;
use kernel::{Caller, Result};
use model::organizations::{
    CreateOrganizationalUnitRequest, DescribeEffectivePolicyRequest, EffectivePolicy, EffectivePolicyType,
    ListAccountsWithInvalidEffectivePolicyRequest, ListEffectivePolicyValidationErrorsRequest, MoveAccountRequest,
    PolicyType, UpdatePolicyRequest, ops,
};
use serde_json::{Value, json};

const NOT_FOUND: &str = "EffectivePolicyNotFoundException";

fn describe(app: &TestApp, caller: &Caller, target: Option<&str>) -> Result<EffectivePolicy> {
    let input = DescribeEffectivePolicyRequest {
        policy_type: EffectivePolicyType::TagPolicy,
        target_id: target.map(str::to_owned),
    };
    let answer = app.call::<ops::DescribeEffectivePolicy>(caller, input)?;
    Ok(answer.effective_policy.expect("an effective policy"))
}

fn content(policy: EffectivePolicy) -> Value {
    serde_json::from_str(&policy.policy_content.expect("a document")).expect("JSON")
}

/// A member in a unit under the root.
fn member_in_unit(app: &TestApp) -> (String, String) {
    let root = root_id(app);
    let input = CreateOrganizationalUnitRequest { name: "u".to_owned(), parent_id: root.clone(), tags: None };
    let unit = app.call::<ops::CreateOrganizationalUnit>(&management(), input).expect("created").organizational_unit;
    let unit = unit.and_then(|unit| unit.id).expect("an id");
    let account = member(app, "dev");
    let input =
        MoveAccountRequest { account_id: account.clone(), source_parent_id: root, destination_parent_id: unit.clone() };
    app.call::<ops::MoveAccount>(&management(), input).expect("moved");
    (unit, account)
}

/// A tag policy that does `operation` to the values of the key `Team`.
fn values(operation: &str, values: &[&str]) -> String {
    json!({"tags": {"Team": {"tag_value": {operation: values}}}}).to_string()
}

#[test]
fn an_account_inherits_from_the_root_and_from_its_units() {
    let app = app();
    crate::policy_type::enable(&app, PolicyType::TagPolicy);
    let (unit, account) = member_in_unit(&app);
    for (name, document, target) in [
        ("key", TAGS.to_owned(), root_id(&app)),
        ("values", values("@@assign", &["a", "b"]), root_id(&app)),
        ("unit", values("@@append", &["c"]), unit),
        ("own", values("@@remove", &["a"]), account.clone()),
    ] {
        app.clock.advance_seconds(1);
        attach(&app, &policy(&app, PolicyType::TagPolicy, name, &document), &target);
    }
    let effective = describe(&app, &management(), Some(&account)).expect("described");
    assert_eq!(effective.last_updated_timestamp, Some(kernel::testing::START.plus_seconds(4)));
    assert_eq!(effective.target_id.as_deref(), Some(&*account));
    assert_eq!(content(effective), json!({"tags": {"Team": {"tag_key": "Team", "tag_value": ["b", "c"]}}}));
    let own = describe(&app, &of(&account), None).expect("a member asks for itself");
    assert_eq!(content(own)["tags"]["Team"]["tag_value"], json!(["b", "c"]));
    let of_management = describe(&app, &management(), None).expect("the management account inherits too");
    assert_eq!(content(of_management)["tags"]["Team"]["tag_value"], json!(["a", "b"]));
}

#[test]
fn the_policies_of_a_level_merge_in_the_order_of_their_attachment() {
    let app = app();
    crate::policy_type::enable(&app, PolicyType::TagPolicy);
    let ids = ["first", "second"].map(|name| policy(&app, PolicyType::TagPolicy, name, &values("@@assign", &[name])));
    for id in ids.iter().rev() {
        app.clock.advance_seconds(1);
        attach(&app, id, &root_id(&app));
    }
    let effective = content(describe(&app, &management(), None).expect("described"));
    assert_eq!(effective["tags"]["Team"]["tag_value"], json!(["second"]));
}

#[test]
fn what_has_no_effective_policy_and_who_may_not_ask() {
    let app = app();
    let account = member(&app, "dev");
    assert_eq!(failure(describe(&app, &management(), Some(&account))), NOT_FOUND);
    crate::policy_type::enable(&app, PolicyType::TagPolicy);
    assert_eq!(failure(describe(&app, &management(), Some(&account))), NOT_FOUND);
    attach(&app, &policy(&app, PolicyType::TagPolicy, "t", TAGS), MANAGEMENT);
    assert_eq!(failure(describe(&app, &management(), Some(&account))), NOT_FOUND);
    describe(&app, &management(), None).expect("described");
    assert_eq!(failure(describe(&app, &of(&account), Some(MANAGEMENT))), "AccessDeniedException");
    let root = root_id(&app);
    let unsupported = "InvalidInputException TARGET_NOT_SUPPORTED";
    assert_eq!(failure(describe(&app, &management(), Some(&root))), unsupported);
    let malformed = "InvalidInputException INVALID_PATTERN_TARGET_ID";
    assert_eq!(failure(describe(&app, &management(), Some("x"))), malformed);
    assert_eq!(failure(describe(&app, &management(), Some(STRANGER))), "TargetNotFoundException");
    let input = DescribeEffectivePolicyRequest { policy_type: EffectivePolicyType::TagPolicy, target_id: None };
    let wanted = permissions::<ops::DescribeEffectivePolicy>(&app, &of(&account), &input);
    assert!(wanted[0].resource.ends_with(&format!("/{account}")), "{wanted:?}");
}

#[test]
fn a_changed_document_changes_what_is_inherited_and_since_when() {
    let app = app();
    crate::policy_type::enable(&app, PolicyType::TagPolicy);
    let id = policy(&app, PolicyType::TagPolicy, "t", &values("@@assign", &["a"]));
    attach(&app, &id, &root_id(&app));
    app.clock.advance_seconds(7);
    let content = Some(values("@@assign", &["b"]));
    let update = UpdatePolicyRequest { policy_id: id, content, ..UpdatePolicyRequest::default() };
    app.call::<ops::UpdatePolicy>(&management(), update).expect("updated");
    let effective = describe(&app, &management(), None).expect("described");
    assert_eq!(effective.last_updated_timestamp, Some(kernel::testing::START.plus_seconds(7)));
    assert_eq!(self::content(effective)["tags"]["Team"]["tag_value"], json!(["b"]));
}

/// A backup policy with the rules `from..to` in one plan.
fn rules(from: usize, to: usize) -> String {
    let rule = json!({"schedule_expression": {"@@assign": "cron(0 5 ? * * *)"}});
    let rules: serde_json::Map<String, Value> = (from..to).map(|at| (format!("r{at}"), rule.clone())).collect();
    json!({"plans": {"p": {"rules": rules}}}).to_string()
}

#[test]
fn accounts_with_too_many_backup_rules_are_listed_with_what_is_wrong() {
    let app = app();
    let list = |max_results, next_token| {
        let policy_type = EffectivePolicyType::BackupPolicy;
        let input = ListAccountsWithInvalidEffectivePolicyRequest { max_results, next_token, policy_type };
        app.call::<ops::ListAccountsWithInvalidEffectivePolicy>(&management(), input)
    };
    assert_eq!(failure(list(None, None)), NOT_FOUND);
    crate::policy_type::enable(&app, PolicyType::BackupPolicy);
    let (unit, account) = member_in_unit(&app);
    let root_policy = policy(&app, PolicyType::BackupPolicy, "root", &rules(0, 6));
    let unit_policy = policy(&app, PolicyType::BackupPolicy, "unit", &rules(6, 11));
    attach(&app, &root_policy, &root_id(&app));
    assert!(list(None, None).expect("listed").accounts.unwrap_or_default().is_empty());
    attach(&app, &unit_policy, &unit);
    let found = list(None, None).expect("listed").accounts.unwrap_or_default();
    assert_eq!(found.iter().filter_map(|it| it.id.as_deref()).collect::<Vec<_>>(), [&*account]);
    let errors = |account: &str| {
        let input = ListEffectivePolicyValidationErrorsRequest {
            account_id: account.to_owned(),
            policy_type: EffectivePolicyType::BackupPolicy,
            ..ListEffectivePolicyValidationErrorsRequest::default()
        };
        app.call::<ops::ListEffectivePolicyValidationErrors>(&management(), input)
    };
    let answer = errors(&account).expect("listed");
    let wrong = answer.effective_policy_validation_errors.unwrap_or_default();
    assert_eq!(wrong[0].error_code.as_deref(), Some("ELEMENTS_TOO_MANY"));
    assert_eq!(wrong[0].contributing_policies, Some(vec![root_policy, unit_policy.clone()]));
    assert!(answer.path.is_some_and(|path| path.ends_with(&format!("/{unit}/{account}/"))));
    assert_eq!(errors(MANAGEMENT).expect("listed").effective_policy_validation_errors.map(|it| it.len()), Some(0));
    assert_eq!(failure(errors(STRANGER)), "AccountNotFoundException");
    attach(&app, &unit_policy, MANAGEMENT);
    let first = list(Some(1), None).expect("listed");
    let second = list(Some(1), first.next_token).expect("listed");
    let id = |accounts: Option<Vec<model::organizations::Account>>| accounts.unwrap_or_default().pop()?.id;
    assert_eq!((id(first.accounts).as_deref(), id(second.accounts)), (Some(MANAGEMENT), Some(account)));
    assert_eq!(second.next_token, None);
}
