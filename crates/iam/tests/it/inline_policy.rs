use crate::support::{ALLOW_ALL, add_role, refusal, setup, user};
use model::iam::*;

fn put(name: &str, document: &str) -> PutUserPolicyRequest {
    PutUserPolicyRequest { user_name: "alice".into(), policy_name: name.into(), policy_document: document.into() }
}

/// A document of `length` characters.
fn document(length: usize) -> String {
    let empty = ALLOW_ALL.replace("\"*\",\"Resource\"", "\"s3:\",\"Resource\"");
    empty.replace("\"s3:\"", &format!("\"s3:{}\"", "x".repeat(length - empty.len())))
}

#[test]
fn policies_are_put_replaced_read_listed_and_deleted() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    for name in ["b", "a", "a"] {
        app.call::<ops::PutUserPolicy>(&root, put(name, ALLOW_ALL)).expect("put");
    }
    let list = ListUserPoliciesRequest { user_name: "alice".into(), ..Default::default() };
    assert_eq!(app.call::<ops::ListUserPolicies>(&root, list.clone()).expect("a list").policy_names, ["a", "b"]);
    let page = ListUserPoliciesRequest { max_items: Some(1), ..list };
    let page = app.call::<ops::ListUserPolicies>(&root, page).expect("a page");
    assert_eq!((page.policy_names, page.is_truncated), (vec!["a".to_owned()], Some(true)));
    let get = GetUserPolicyRequest { user_name: "ALICE".into(), policy_name: "a".into() };
    let shown = app.call::<ops::GetUserPolicy>(&root, get.clone()).expect("found");
    assert_eq!((shown.user_name.as_str(), shown.policy_name.as_str()), ("alice", "a"));
    assert!(shown.policy_document.starts_with("%7B%22Version%22"));
    let delete = DeleteUserPolicyRequest { user_name: "alice".into(), policy_name: "a".into() };
    app.call::<ops::DeleteUserPolicy>(&root, delete.clone()).expect("deleted");
    let missing = "NoSuchEntity: The user policy with name a cannot be found.";
    assert_eq!(refusal(app.call::<ops::DeleteUserPolicy>(&root, delete)), missing);
    assert_eq!(refusal(app.call::<ops::GetUserPolicy>(&root, get)), missing);
}

#[test]
fn the_total_size_is_limited_per_kind() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    add_role(&app, "/", "worker");
    app.call::<ops::PutUserPolicy>(&root, put("a", &document(1_500))).expect("fits");
    app.call::<ops::PutUserPolicy>(&root, put("a", &document(1_900))).expect("takes the place of the other");
    assert_eq!(
        refusal(app.call::<ops::PutUserPolicy>(&root, put("b", &document(149)))),
        "LimitExceeded: Maximum policy size of 2048 bytes exceeded for user alice"
    );
    app.call::<ops::PutUserPolicy>(&root, put("b", &document(148))).expect("fits exactly");
    let role = |length| PutRolePolicyRequest {
        role_name: "worker".into(),
        policy_name: "a".into(),
        policy_document: document(length),
    };
    app.call::<ops::PutRolePolicy>(&root, role(10_240)).expect("fits");
    assert_eq!(
        refusal(app.call::<ops::PutRolePolicy>(&root, role(10_241))),
        "LimitExceeded: Maximum policy size of 10240 bytes exceeded for role worker"
    );
}

#[test]
fn malformed_documents_are_refused() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    assert_eq!(
        refusal(app.call::<ops::PutUserPolicy>(&root, put("a", "not json"))),
        "MalformedPolicyDocument: Syntax errors in policy."
    );
}
