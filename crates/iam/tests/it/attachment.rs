use crate::support::{add_role, permissions, refusal, setup, user};
use model::iam::*;

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const BILLING: &str = "arn:aws:iam::aws:policy/job-function/Billing";
const SERVICE: &str = "arn:aws:iam::aws:policy/aws-service-role/AWSSSOServiceRolePolicy";

fn to_user(arn: &str) -> AttachUserPolicyRequest {
    AttachUserPolicyRequest { user_name: "alice".into(), policy_arn: arn.into() }
}

#[test]
fn policies_are_attached_listed_and_detached() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    for arn in [READ_ONLY, BILLING, BILLING] {
        app.call::<ops::AttachUserPolicy>(&root, to_user(arn)).expect("attached");
    }
    let list = ListAttachedUserPoliciesRequest { user_name: "alice".into(), ..Default::default() };
    let listed = app.call::<ops::ListAttachedUserPolicies>(&root, list.clone()).expect("a list").attached_policies;
    let names: Vec<_> = listed.into_iter().flatten().filter_map(|policy| policy.policy_name).collect();
    assert_eq!(names, ["Billing", "ReadOnlyAccess"]);
    let below = ListAttachedUserPoliciesRequest { path_prefix: Some("/job-function/".into()), ..list.clone() };
    let below = app.call::<ops::ListAttachedUserPolicies>(&root, below).expect("a list").attached_policies;
    assert_eq!(below.map(|policies| policies.len()), Some(1));
    let page = ListAttachedUserPoliciesRequest { max_items: Some(1), ..list.clone() };
    let page = app.call::<ops::ListAttachedUserPolicies>(&root, page).expect("a page");
    let rest = ListAttachedUserPoliciesRequest { marker: page.marker, ..list };
    let rest = app.call::<ops::ListAttachedUserPolicies>(&root, rest).expect("a page").attached_policies;
    assert_eq!(rest.into_iter().flatten().next().and_then(|policy| policy.policy_arn).as_deref(), Some(READ_ONLY));
    let detach = DetachUserPolicyRequest { user_name: "alice".into(), policy_arn: BILLING.into() };
    app.call::<ops::DetachUserPolicy>(&root, detach.clone()).expect("detached");
    assert_eq!(
        refusal(app.call::<ops::DetachUserPolicy>(&root, detach)),
        format!("NoSuchEntity: Policy {BILLING} was not found.")
    );
}

#[test]
fn what_cannot_be_attached_is_refused() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let unknown = "arn:aws:iam::111122223333:policy/none";
    assert_eq!(
        refusal(app.call::<ops::AttachUserPolicy>(&root, to_user(unknown))),
        format!("NoSuchEntity: Policy {unknown} does not exist or is not attachable.")
    );
    assert_eq!(
        refusal(app.call::<ops::AttachUserPolicy>(&root, to_user("arn:aws:s3:::bucket/policy"))),
        "InvalidInput: ARN arn:aws:s3:::bucket/policy is not valid."
    );
    assert_eq!(
        refusal(app.call::<ops::AttachUserPolicy>(&root, to_user(SERVICE))),
        "PolicyNotAttachable: Cannot attach a Service Role Policy to a Customer Role."
    );
    let nobody = AttachUserPolicyRequest { user_name: "nobody".into(), policy_arn: READ_ONLY.into() };
    assert_eq!(
        refusal(app.call::<ops::AttachUserPolicy>(&root, nobody)),
        "NoSuchEntity: The user with name nobody cannot be found."
    );
}

#[test]
fn ten_policies_are_the_most() {
    let (app, root) = setup();
    add_role(&app, "/", "worker");
    let policies = catalog::managed_policies().filter(|policy| policy.attachable).take(11);
    let results: Vec<_> = policies
        .map(|policy| {
            let input = AttachRolePolicyRequest { role_name: "worker".into(), policy_arn: policy.arn.into() };
            app.call::<ops::AttachRolePolicy>(&root, input)
        })
        .collect();
    assert!(results[..10].iter().all(Result::is_ok));
    let last = results.into_iter().next_back().expect("eleven");
    assert_eq!(refusal(last), "LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10");
}

#[test]
fn protected_roles_keep_their_policies() {
    let (app, root) = setup();
    add_role(&app, "/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_x");
    let protected = "UnmodifiableEntity: Cannot perform the operation on the protected role 'AWSReservedSSO_x' - this \
                     role is only modifiable by AWS";
    let role = || "AWSReservedSSO_x".to_owned();
    let attach = AttachRolePolicyRequest { role_name: role(), policy_arn: READ_ONLY.into() };
    assert_eq!(refusal(app.call::<ops::AttachRolePolicy>(&root, attach)), protected);
    let detach = DetachRolePolicyRequest { role_name: role(), policy_arn: READ_ONLY.into() };
    assert_eq!(refusal(app.call::<ops::DetachRolePolicy>(&root, detach)), protected);
    let boundary = PutRolePermissionsBoundaryRequest { role_name: role(), permissions_boundary: READ_ONLY.into() };
    assert_eq!(refusal(app.call::<ops::PutRolePermissionsBoundary>(&root, boundary)), protected);
    let put = PutRolePolicyRequest {
        role_name: role(),
        policy_name: "p".into(),
        policy_document: crate::support::ALLOW_ALL.into(),
    };
    assert_eq!(refusal(app.call::<ops::PutRolePolicy>(&root, put)), protected);
}

#[test]
fn the_permission_says_which_policy_and_which_boundary() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let boundary =
        PutUserPermissionsBoundaryRequest { permissions_boundary: BILLING.into(), user_name: "alice".into() };
    app.call::<ops::PutUserPermissionsBoundary>(&root, boundary).expect("a boundary");
    let rule = permissions::<ops::AttachUserPolicy>(&app, &root, &to_user(READ_ONLY)).remove(0);
    assert_eq!(rule.resource, "arn:aws:iam::111122223333:user/alice");
    let expected = [("iam:PolicyARN", READ_ONLY), ("iam:PermissionsBoundary", BILLING)];
    let expected = expected.map(|(key, value)| (key.to_owned(), vec![value.to_owned()]));
    assert_eq!(rule.context, expected);
}
