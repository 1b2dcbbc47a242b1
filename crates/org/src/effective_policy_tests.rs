use super::*;
use serde_json::json;

const TAG: EffectivePolicyType = EffectivePolicyType::TagPolicy;

fn document(value: &Value) -> Document {
    Document::parse(TAG, &value.to_string()).expect("a valid tag policy")
}

fn merged(levels: &[&[Value]]) -> Value {
    let levels: Vec<Vec<Document>> = levels.iter().map(|level| level.iter().map(document).collect()).collect();
    let levels: Vec<Vec<&Document>> = levels.iter().map(|level| level.iter().collect()).collect();
    merge(TAG, &levels)
}

/// The root policy of the user guide's examples.
fn projects(tag_value: &Value) -> Value {
    json!({"tags": {
        "CostCenter": {
            "tag_key": {"@@assign": "CostCenter", CHILD_CONTROL: ["@@none"]},
            "tag_value": {"@@assign": ["Development", "Support"]}
        },
        "Project": {
            "tag_key": {"@@assign": "Project", CHILD_CONTROL: ["@@none"]},
            "tag_value": tag_value
        }
    }})
}

fn project(tag_value: &Value) -> Value {
    json!({"tags": {"Project": {"tag_value": tag_value}}})
}

fn values(effective: &Value, key: &str) -> Value {
    effective["tags"][key]["tag_value"].clone()
}

#[test]
fn a_child_overwrites_values_but_not_a_locked_key() {
    let root = projects(&json!({"@@assign": ["Maintenance", "Escalations"]}));
    let child = json!({"tags": {"Project": {
        "tag_key": {"@@assign": "PROJECT"},
        "tag_value": {"@@assign": ["Escalations - research"]}
    }}});
    let effective = merged(&[&[root], &[child]]);
    assert_eq!(
        effective,
        json!({"tags": {
            "CostCenter": {"tag_key": "CostCenter", "tag_value": ["Development", "Support"]},
            "Project": {"tag_key": "Project", "tag_value": ["Escalations - research"]}
        }})
    );
}

#[test]
fn a_child_appends_values_that_are_not_there_yet_in_their_order() {
    let root = projects(&json!({"@@assign": ["Maintenance", "Escalations"]}));
    let child = project(&json!({"@@append": ["Escalations - research", "Maintenance"]}));
    let effective = merged(&[&[root], &[], &[child]]);
    assert_eq!(values(&effective, "Project"), json!(["Maintenance", "Escalations", "Escalations - research"]));
}

#[test]
fn a_child_removes_values() {
    let root = projects(&json!({"@@assign": ["Maintenance", "Escalations"]}));
    let child = json!({"tags": {"CostCenter": {"tag_value": {"@@remove": ["Development", "unknown"]}}}});
    assert_eq!(values(&merged(&[&[root], &[child]]), "CostCenter"), json!(["Support"]));
}

#[test]
fn a_child_that_may_only_append_cannot_overwrite_or_remove() {
    let root = projects(&json!({"@@assign": ["Maintenance"], CHILD_CONTROL: ["@@append"]}));
    let overwrite = project(&json!({"@@assign": ["x"]}));
    let remove = project(&json!({"@@remove": ["Maintenance"]}));
    let append = project(&json!({"@@append": ["Escalations"]}));
    let effective = merged(&[&[root], &[overwrite, remove], &[append]]);
    assert_eq!(values(&effective, "Project"), json!(["Maintenance", "Escalations"]));
}

#[test]
fn of_conflicting_controls_at_one_level_the_common_part_holds() {
    let g = projects(&json!({"@@assign": ["Maintenance"], CHILD_CONTROL: ["@@append"]}));
    let h = project(&json!({"@@append": ["Escalations"], CHILD_CONTROL: ["@@append", "@@remove"]}));
    let child = project(&json!({"@@append": ["research"], "@@remove": ["Maintenance"]}));
    let effective = merged(&[&[g, h], &[child]]);
    assert_eq!(values(&effective, "Project"), json!(["Maintenance", "Escalations", "research"]));
}

#[test]
fn of_conflicting_assignments_at_one_level_the_first_attached_wins() {
    let first = project(&json!({"@@assign": ["first"]}));
    let second = project(&json!({"@@assign": ["second"]}));
    assert_eq!(values(&merged(&[&[first.clone(), second.clone()]]), "Project"), json!(["first"]));
    assert_eq!(values(&merged(&[&[second, first]]), "Project"), json!(["second"]));
}

#[test]
fn a_control_does_not_bind_its_own_level_and_cannot_be_loosened_below() {
    let root = project(&json!({"@@assign": ["a"], CHILD_CONTROL: ["@@none"]}));
    let beside = project(&json!({"@@append": ["b"]}));
    let loosen = project(&json!({"@@append": ["c"], CHILD_CONTROL: ["@@all"]}));
    let account = project(&json!({"@@append": ["d"]}));
    assert_eq!(values(&merged(&[&[root, beside], &[loosen], &[account]]), "Project"), json!(["a", "b"]));
}

#[test]
fn a_locked_container_takes_no_new_elements() {
    let root = json!({"tags": {CHILD_CONTROL: ["@@none"], "a": {"tag_key": {"@@assign": "A"}}}});
    let child = json!({"tags": {"b": {"tag_key": {"@@assign": "B"}}, "a": {"tag_value": {"@@assign": ["x"]}}}});
    assert_eq!(merged(&[&[root], &[child]]), json!({"tags": {"a": {"tag_key": "A"}}}));
}

#[test]
fn tag_keys_are_one_whatever_their_case() {
    let root = json!({"tags": {"CostCenter": {"tag_key": {"@@assign": "CostCenter"}}}});
    let child = json!({"tags": {"costcenter": {"tag_key": {"@@assign": "COSTCENTER"}}}});
    assert_eq!(merged(&[&[root], &[child]]), json!({"tags": {"CostCenter": {"tag_key": "COSTCENTER"}}}));
}

#[test]
fn documents_of_each_type_are_accepted() {
    for (policy_type, text) in [
        ("TAG_POLICY", r#"{"tags":{"P":{"tag_key":{"@@assign":"P"},"enforced_for":{"@@assign":["ec2:instance"]}}}}"#),
        (
            "AISERVICES_OPT_OUT_POLICY",
            r#"{"services":{"@@operators_allowed_for_child_policies":["@@none"],"default":{"opt_out_policy":{"@@assign":"optOut"}}}}"#,
        ),
        (
            "BACKUP_POLICY",
            r#"{"plans":{"p":{"regions":{"@@assign":["us-east-1"]},"rules":{"h":{"schedule_expression":{"@@assign":"cron(0 5/1 ? * * *)"},"target_backup_vault_name":{"@@assign":"v"},"lifecycle":{"delete_after_days":{"@@assign":"270"}},"copy_actions":{"arn:aws:backup:us-west-2:$account:backup-vault:s":{"target_backup_vault_arn":{"@@assign":"arn:aws:backup:us-west-2:$account:backup-vault:s"}}}}},"selections":{"tags":{"d":{"iam_role_arn":{"@@assign":"arn:aws:iam::$account:role/R"},"tag_key":{"@@assign":"d"},"tag_value":{"@@assign":["PII"]}}}}}}}"#,
        ),
        ("DECLARATIVE_POLICY_EC2", r#"{"ec2_attributes":{"exception_message":{"@@assign":"no"}}}"#),
        (
            "SECURITYHUB_POLICY",
            r#"{"securityhub":{"enable_in_regions":{"@@assign":["ALL_SUPPORTED"]},"disable_in_regions":{"@@assign":[]}}}"#,
        ),
        ("S3_POLICY", r#"{"s3_attributes":{"public_access_block_configuration":{"@@assign":"all"}}}"#),
    ] {
        let policy_type = EffectivePolicyType::parse(policy_type).expect("a type");
        assert!(Document::parse(policy_type, text).is_some(), "{policy_type}");
    }
}

#[test]
fn documents_that_do_not_meet_their_type_are_refused() {
    for (policy_type, text) in [
        ("TAG_POLICY", "{"),
        ("TAG_POLICY", "[]"),
        ("TAG_POLICY", r#"{"plans":{}}"#),
        ("TAG_POLICY", r#"{"tags":{"P":{"tag_key":"P"}}}"#),
        ("TAG_POLICY", r#"{"tags":{"P":{"tag_key":{"@@set":"P"}}}}"#),
        ("TAG_POLICY", r#"{"tags":{"P":{"tag_key":{"@@assign":["P"]}}}}"#),
        ("TAG_POLICY", r#"{"tags":{"P":{"tag_value":{"@@assign":["*a*"]}}}}"#),
        ("TAG_POLICY", r#"{"tags":{"P":{"enforced_for":{"@@assign":["ec2"]}}}}"#),
        ("TAG_POLICY", r#"{"tags":{"P":{"other":{"@@assign":"x"}}}}"#),
        ("TAG_POLICY", r#"{"tags":{"P":{"@@assign":"x","tag_key":{"@@assign":"x"}}}}"#),
        ("TAG_POLICY", r#"{"tags":{"@@operators_allowed_for_child_policies":["@@none","@@append"]}}"#),
        ("AISERVICES_OPT_OUT_POLICY", r#"{"services":{"default":{"opt_out_policy":{"@@assign":"optout"}}}}"#),
        ("BACKUP_POLICY", r#"{"plans":{"p":{"rules":{"h":{"start_backup_window_minutes":{"@@assign":60}}}}}}"#),
        ("INSPECTOR_POLICY", r#"{"Version":"2012-10-17","Statement":[]}"#),
    ] {
        let policy_type = EffectivePolicyType::parse(policy_type).expect("a type");
        assert!(Document::parse(policy_type, text).is_none(), "{text}");
    }
    let deep = format!("{}{}", r#"{"a":"#.repeat(100), "}".repeat(100));
    assert!(Document::parse(EffectivePolicyType::S3Policy, &deep).is_none());
}

#[test]
fn a_backup_plan_with_too_many_rules_is_a_violation() {
    let plan = |count: usize| {
        let rules: Map<String, Value> = (0..count).map(|at| (format!("r{at}"), json!({"x": "y"}))).collect();
        violations(EffectivePolicyType::BackupPolicy, &json!({"plans": {"p": {"rules": rules}}}))
    };
    assert_eq!(plan(10), []);
    let found = plan(11);
    assert_eq!((found[0].code, found[0].path.as_str()), ("ELEMENTS_TOO_MANY", "plans/p/rules"));
}

#[test]
fn an_enforced_tag_has_one_spelling_and_only_the_listed_values() {
    let effective = json!({"tags": {
        "Team": {"tag_key": "Team", "tag_value": ["a", "b-*"], "enforced_for": ["organizations:account"]},
        "free": {"tag_key": "Free", "tag_value": ["x"]}
    }});
    let forbidden = |key, value| forbidden_tag(&effective, "organizations:account", &[("other", ""), (key, value)]);
    assert_eq!(forbidden("Team", "a"), None);
    assert_eq!(forbidden("Team", "b-1"), None);
    assert_eq!(forbidden("Team", "c"), Some("Team"));
    assert_eq!(forbidden("team", "a"), Some("team"));
    assert_eq!(forbidden("Free", "y"), None);
    assert_eq!(forbidden_tag(&effective, "organizations:ou", &[("Team", "c")]), None);
    let whole = json!({"tags": {"Team": {"tag_key": "Team", "enforced_for": ["organizations:*"]}}});
    assert_eq!(forbidden_tag(&whole, "organizations:ou", &[("TEAM", "c")]), Some("TEAM"));
    assert_eq!(forbidden_tag(&whole, "organizations:ou", &[("Team", "anything")]), None);
}
