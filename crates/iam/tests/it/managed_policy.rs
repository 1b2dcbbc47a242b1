use crate::support::{ACCOUNT, ALLOW_ALL, add_role, permissions, refusal, setup, user};
use kernel::Caller;
use kernel::testing::TestApp;
use model::iam::*;

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn create(app: &TestApp, root: &Caller, path: &str, name: &str) -> Policy {
    let input = CreatePolicyRequest {
        description: Some("d".into()),
        path: Some(path.into()),
        policy_document: ALLOW_ALL.into(),
        policy_name: name.into(),
        tags: None,
    };
    app.call::<ops::CreatePolicy>(root, input).expect("a new policy").policy.expect("shown")
}

fn arn_of(policy: &Policy) -> String {
    policy.arn.clone().expect("shown")
}

fn new_version(arn: &str, set_as_default: bool) -> CreatePolicyVersionRequest {
    CreatePolicyVersionRequest {
        policy_arn: arn.into(),
        policy_document: ALLOW_ALL.replace("\"*\",\"Resource\"", "\"s3:*\",\"Resource\""),
        set_as_default: Some(set_as_default),
    }
}

fn version(arn: &str, id: &str) -> GetPolicyVersionRequest {
    GetPolicyVersionRequest { policy_arn: arn.into(), version_id: id.into() }
}

#[test]
fn a_policy_is_shown_as_it_was_created() {
    let (app, root) = setup();
    let policy = create(&app, &root, "/p/", "Own");
    assert_eq!(policy.arn, Some(format!("arn:aws:iam::{ACCOUNT}:policy/p/Own")));
    assert!(policy.policy_id.as_ref().is_some_and(|id| id.starts_with("ANPA")));
    assert_eq!(policy.default_version_id.as_deref(), Some("v1"));
    assert_eq!((policy.attachment_count, policy.is_attachable), (Some(0), Some(true)));
    let found = app.call::<ops::GetPolicy>(&root, GetPolicyRequest { policy_arn: arn_of(&policy) }).expect("found");
    assert_eq!(found.policy, Some(policy.clone()));
    let shown = app.call::<ops::GetPolicyVersion>(&root, version(&arn_of(&policy), "v1")).expect("found");
    let document = shown.policy_version.expect("shown").document.expect("shown");
    assert!(document.starts_with("%7B%22Version%22%3A%222012-10-17%22"), "{document}");
}

#[test]
fn names_are_unique_and_documents_checked() {
    let (app, root) = setup();
    create(&app, &root, "/p/", "Own");
    let input =
        CreatePolicyRequest { policy_document: ALLOW_ALL.into(), policy_name: "OWN".into(), ..Default::default() };
    assert_eq!(
        refusal(app.call::<ops::CreatePolicy>(&root, input.clone())),
        "EntityAlreadyExists: A policy called OWN already exists. Duplicate names are not allowed."
    );
    let bad = CreatePolicyRequest { policy_name: "x".into(), policy_document: "{}".into(), ..input.clone() };
    assert_eq!(refusal(app.call::<ops::CreatePolicy>(&root, bad)), "MalformedPolicyDocument: Syntax errors in policy.");
    let long = ALLOW_ALL.replace("\"*\",\"Resource\"", &format!("\"s3:{}\",\"Resource\"", "x".repeat(6_100)));
    let long = CreatePolicyRequest { policy_name: "x".into(), policy_document: long, ..input };
    assert_eq!(
        refusal(app.call::<ops::CreatePolicy>(&root, long)),
        "LimitExceeded: Cannot exceed quota for PolicySize: 6144"
    );
}

#[test]
fn versions_are_five_at_most_and_their_numbers_are_never_given_twice() {
    let (app, root) = setup();
    let arn = arn_of(&create(&app, &root, "/", "Own"));
    for number in 2..=5 {
        let made = app.call::<ops::CreatePolicyVersion>(&root, new_version(&arn, number == 3)).expect("a version");
        let made = made.policy_version.expect("shown");
        assert_eq!((made.version_id, made.is_default_version), (Some(format!("v{number}")), Some(number == 3)));
    }
    assert_eq!(
        refusal(app.call::<ops::CreatePolicyVersion>(&root, new_version(&arn, false))),
        "LimitExceeded: A managed policy can have up to 5 versions. Before you create a new version, you must delete \
         an existing version."
    );
    let delete = |id: &str| {
        let input = DeletePolicyVersionRequest { policy_arn: arn.clone(), version_id: id.into() };
        app.call::<ops::DeletePolicyVersion>(&root, input)
    };
    assert_eq!(refusal(delete("v3")), "DeleteConflict: Cannot delete the default version of a policy.");
    delete("v5").expect("deleted");
    assert_eq!(
        refusal(delete("v5")),
        format!("NoSuchEntity: Policy {arn} version v5 does not exist or is not attachable.")
    );
    let made = app.call::<ops::CreatePolicyVersion>(&root, new_version(&arn, false)).expect("a version");
    assert_eq!(made.policy_version.and_then(|version| version.version_id).as_deref(), Some("v6"));
    let input = ListPolicyVersionsRequest { policy_arn: arn.clone(), max_items: Some(3), marker: None };
    let page = app.call::<ops::ListPolicyVersions>(&root, input).expect("a page");
    let ids: Vec<_> = page.versions.iter().flatten().filter_map(|version| version.version_id.clone()).collect();
    assert_eq!((ids, page.is_truncated), (vec!["v6".into(), "v4".into(), "v3".into()], Some(true)));
}

#[test]
fn the_version_in_force_can_be_switched() {
    let (app, root) = setup();
    let arn = arn_of(&create(&app, &root, "/", "Own"));
    app.call::<ops::CreatePolicyVersion>(&root, new_version(&arn, false)).expect("a version");
    let switch = |id: &str| {
        let input = SetDefaultPolicyVersionRequest { policy_arn: arn.clone(), version_id: id.into() };
        app.call::<ops::SetDefaultPolicyVersion>(&root, input)
    };
    switch("v2").expect("switched");
    let shown = app.call::<ops::GetPolicyVersion>(&root, version(&arn, "v2")).expect("found").policy_version;
    assert_eq!(shown.and_then(|version| version.is_default_version), Some(true));
    let missing = format!("NoSuchEntity: Policy {arn} version v9 does not exist or is not attachable.");
    assert_eq!(refusal(switch("v9")), missing);
    assert_eq!(refusal(app.call::<ops::GetPolicyVersion>(&root, version(&arn, "v9"))), missing);
}

#[test]
fn a_policy_goes_when_it_has_one_version_and_no_users() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let arn = arn_of(&create(&app, &root, "/", "Own"));
    let delete = || app.call::<ops::DeletePolicy>(&root, DeletePolicyRequest { policy_arn: arn.clone() });
    let boundary = PutUserPermissionsBoundaryRequest { permissions_boundary: arn.clone(), user_name: "alice".into() };
    app.call::<ops::PutUserPermissionsBoundary>(&root, boundary).expect("a boundary");
    assert_eq!(refusal(delete()), "DeleteConflict: Cannot delete a policy attached to entities.");
    let boundary = DeleteUserPermissionsBoundaryRequest { user_name: "alice".into() };
    app.call::<ops::DeleteUserPermissionsBoundary>(&root, boundary).expect("no boundary");
    app.call::<ops::CreatePolicyVersion>(&root, new_version(&arn, true)).expect("a version");
    assert!(refusal(delete()).starts_with("DeleteConflict: This policy has more than one version."));
    let old = DeletePolicyVersionRequest { policy_arn: arn.clone(), version_id: "v1".into() };
    app.call::<ops::DeletePolicyVersion>(&root, old).expect("deleted");
    delete().expect("deleted");
    assert_eq!(refusal(delete()), format!("NoSuchEntity: Policy {arn} was not found."));
}

#[test]
fn policies_of_aws_can_be_read_but_not_changed() {
    let (app, root) = setup();
    let policy = app.call::<ops::GetPolicy>(&root, GetPolicyRequest { policy_arn: READ_ONLY.into() });
    let policy = policy.expect("found").policy.expect("shown");
    let id = policy.default_version_id.expect("shown");
    let shown = app.call::<ops::GetPolicyVersion>(&root, version(READ_ONLY, &id)).expect("found").policy_version;
    assert!(shown.and_then(|version| version.document).is_some_and(|text| text.contains("%22Version%22")));
    let result = app.call::<ops::CreatePolicyVersion>(&root, new_version(READ_ONLY, true));
    assert_eq!(kernel::testing::code(result), "AccessDenied");
    let result = app.call::<ops::DeletePolicy>(&root, DeletePolicyRequest { policy_arn: READ_ONLY.into() });
    assert_eq!(kernel::testing::code(result), "AccessDenied");
    let odd = GetPolicyRequest { policy_arn: "arn:aws:iam::aws:role/ReadOnlyAccess".into() };
    assert_eq!(
        refusal(app.call::<ops::GetPolicy>(&root, odd)),
        "InvalidInput: ARN arn:aws:iam::aws:role/ReadOnlyAccess is not valid."
    );
    let rule = permissions::<ops::GetPolicy>(&app, &root, &GetPolicyRequest { policy_arn: READ_ONLY.into() });
    assert_eq!((rule[0].action.as_str(), rule[0].resource.as_str()), ("iam:GetPolicy", READ_ONLY));
}

#[test]
fn lists_follow_scope_path_and_use() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let own = arn_of(&create(&app, &root, "/p/", "Own"));
    create(&app, &root, "/", "Another");
    for arn in [own.as_str(), READ_ONLY] {
        let attach = AttachUserPolicyRequest { user_name: "alice".into(), policy_arn: arn.into() };
        app.call::<ops::AttachUserPolicy>(&root, attach).expect("attached");
    }
    let names = |input: ListPoliciesRequest| -> Vec<String> {
        let policies = app.call::<ops::ListPolicies>(&root, input).expect("a list").policies;
        policies.into_iter().flatten().filter_map(|policy| policy.policy_name).collect()
    };
    let local = || ListPoliciesRequest { scope: Some(policyScopeType::Local), ..Default::default() };
    assert_eq!(names(local()), ["Another", "Own"]);
    assert_eq!(names(ListPoliciesRequest { path_prefix: Some("/p/".into()), ..local() }), ["Own"]);
    let attached = ListPoliciesRequest { only_attached: Some(true), ..Default::default() };
    assert_eq!(names(attached), ["Own", "ReadOnlyAccess"]);
    let bounding =
        ListPoliciesRequest { policy_usage_filter: Some(PolicyUsageType::PermissionsBoundary), ..Default::default() };
    assert!(names(bounding).is_empty());
    let aws = ListPoliciesRequest { scope: Some(policyScopeType::Aws), max_items: Some(1_000), ..Default::default() };
    assert_eq!(names(aws).len(), 1_000);
    let mut all = 0;
    let mut marker = None;
    loop {
        let input = ListPoliciesRequest { max_items: Some(500), marker, ..Default::default() };
        let page = app.call::<ops::ListPolicies>(&root, input).expect("a page");
        all += page.policies.map_or(0, |policies| policies.len());
        marker = page.marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(all, 2 + catalog::managed_policies().count());
}

#[test]
fn counts_and_users_of_a_policy_are_true() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    add_role(&app, "/r/", "worker");
    let group = CreateGroupRequest { group_name: "g".into(), path: None };
    app.call::<ops::CreateGroup>(&root, group).expect("a group");
    let arn = arn_of(&create(&app, &root, "/", "Own"));
    let attach = AttachUserPolicyRequest { user_name: "alice".into(), policy_arn: arn.clone() };
    app.call::<ops::AttachUserPolicy>(&root, attach).expect("attached");
    let attach = AttachGroupPolicyRequest { group_name: "g".into(), policy_arn: arn.clone() };
    app.call::<ops::AttachGroupPolicy>(&root, attach).expect("attached");
    let boundary = PutRolePermissionsBoundaryRequest { role_name: "worker".into(), permissions_boundary: arn.clone() };
    app.call::<ops::PutRolePermissionsBoundary>(&root, boundary).expect("a boundary");
    let policy = app.call::<ops::GetPolicy>(&root, GetPolicyRequest { policy_arn: arn.clone() }).expect("found");
    let policy = policy.policy.expect("shown");
    assert_eq!((policy.attachment_count, policy.permissions_boundary_usage_count), (Some(2), Some(1)));
    let entities = |input: ListEntitiesForPolicyRequest| {
        let input = ListEntitiesForPolicyRequest { policy_arn: arn.clone(), ..input };
        let found = app.call::<ops::ListEntitiesForPolicy>(&root, input).expect("a list");
        let count = |length: Option<usize>| length.unwrap_or_default();
        (
            count(found.policy_users.map(|list| list.len())),
            count(found.policy_groups.map(|list| list.len())),
            count(found.policy_roles.map(|list| list.len())),
        )
    };
    assert_eq!(entities(Default::default()), (1, 1, 1));
    let filter = |usage| ListEntitiesForPolicyRequest { policy_usage_filter: Some(usage), ..Default::default() };
    assert_eq!(entities(filter(PolicyUsageType::PermissionsPolicy)), (1, 1, 0));
    assert_eq!(entities(filter(PolicyUsageType::PermissionsBoundary)), (0, 0, 1));
    let roles = ListEntitiesForPolicyRequest { entity_filter: Some(EntityType::Role), ..Default::default() };
    assert_eq!(entities(roles), (0, 0, 1));
    let below = ListEntitiesForPolicyRequest { path_prefix: Some("/r/".into()), ..Default::default() };
    assert_eq!(entities(below), (0, 0, 1));
    let page = ListEntitiesForPolicyRequest { policy_arn: arn.clone(), max_items: Some(2), ..Default::default() };
    let page = app.call::<ops::ListEntitiesForPolicy>(&root, page).expect("a page");
    assert_eq!((page.is_truncated, page.policy_roles), (Some(true), Some(Vec::new())));
}

#[test]
fn policies_are_tagged() {
    let (app, root) = setup();
    let arn = arn_of(&create(&app, &root, "/", "Own"));
    let tags = vec![Tag { key: "k".into(), value: "v".into() }];
    app.call::<ops::TagPolicy>(&root, TagPolicyRequest { policy_arn: arn.clone(), tags: tags.clone() })
        .expect("tagged");
    let list = ListPolicyTagsRequest { policy_arn: arn.clone(), ..Default::default() };
    assert_eq!(app.call::<ops::ListPolicyTags>(&root, list.clone()).expect("a list").tags, tags);
    let untag = UntagPolicyRequest { policy_arn: arn, tag_keys: vec!["K".into()] };
    app.call::<ops::UntagPolicy>(&root, untag).expect("untagged");
    assert!(app.call::<ops::ListPolicyTags>(&root, list).expect("a list").tags.is_empty());
}
