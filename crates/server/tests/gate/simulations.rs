//! What a simulation says is what the gate does, as far as no condition asks for what only a request has.

use crate::support::{World, policy};
use kernel::testing::root;
use model::iam::PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
use model::iam::{self as shapes, EvaluationResult, PolicyIdentifier, PolicyIdentifierPolicyType, ops};
use model::organizations::PolicyType;

/// Alice of the member asking for the user `bob`, simulated by the root user.
fn simulated(world: &World, exclusions: Option<Vec<PolicyIdentifier>>) -> EvaluationResult {
    let member = &world.member;
    let input = shapes::SimulatePrincipalPolicyRequest {
        policy_source_arn: format!("arn:aws:iam::{member}:user/alice"),
        action_names: vec!["iam:GetUser".to_owned()],
        resource_arns: Some(vec![format!("arn:aws:iam::{member}:user/bob")]),
        policy_exclusion_list: exclusions,
        ..Default::default()
    };
    let results = world.call::<ops::SimulatePrincipalPolicy>(&root(member), input).evaluation_results;
    results.and_then(|mut results| results.pop()).expect("a result")
}

fn by_organization(result: &EvaluationResult) -> Option<bool> {
    result.organizations_decision_detail.as_ref().and_then(|detail| detail.allowed_by_organizations)
}

#[test]
fn a_simulation_and_the_gate_agree() {
    let world = World::new();
    let alice = world.user(&world.member, "alice", None);
    let text = |action: &str, user: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},{{"Effect":"Deny","Action":"{action}","Resource":"arn:aws:iam::*:user/{user}"}}]}}"#
        )
    };
    let own = [
        policy("Allow", "iam:GetUser"),
        policy("Allow", "ec2:*"),
        policy("Deny", "*"),
        text("iam:Get*", "bob"),
        text("iam:Get*", "carol"),
        text("iam:List*", "bob"),
    ];
    // Nobody can simulate what not even the simulation is allowed: these leave it alone.
    let control = [policy("Deny", "iam:GetUser"), text("iam:GetUser", "bob"), text("iam:GetUser", "carol")];
    let control: Vec<String> = control
        .iter()
        .enumerate()
        .map(|(at, content)| world.policy(PolicyType::ServiceControlPolicy, &format!("control-{at}"), content))
        .collect();
    let mut seen = Vec::new();
    for own in &own {
        world.put_user_policy(&world.member, "alice", own);
        for control in [None].into_iter().chain(control.iter().map(Some)) {
            control.iter().for_each(|id| world.attach(id, &world.unit));
            let (result, answer) = (simulated(&world, None), world.ask(&alice));
            assert_eq!(result.eval_decision == Allowed, answer.is_ok(), "{own} {control:?}: {answer:?}");
            let is_by_organization = answer.as_ref().is_err_and(|text| text.contains("service control policy"));
            assert_eq!(by_organization(&result), Some(!is_by_organization), "{own} {control:?}: {answer:?}");
            let is_explicit = answer.is_err_and(|text| text.contains("explicit deny"));
            assert_eq!(result.eval_decision == ExplicitDeny, is_explicit, "{own} {control:?}");
            seen.push(result.eval_decision);
            control.iter().for_each(|id| world.detach(id, &world.unit));
        }
    }
    assert!([Allowed, ExplicitDeny, ImplicitDeny].iter().all(|decision| seen.contains(decision)));
}

#[test]
fn service_control_policies_can_be_left_out_of_a_simulation() {
    let world = World::new();
    world.user(&world.member, "alice", Some(&policy("Allow", "*")));
    let denying = world.policy(PolicyType::ServiceControlPolicy, "no-users", &policy("Deny", "iam:GetUser"));
    world.attach(&denying, &world.root_id);
    let refused = simulated(&world, None);
    assert_eq!((refused.eval_decision, by_organization(&refused)), (ExplicitDeny, Some(false)));
    assert!(refused.matched_statements.is_some_and(|statements| statements.is_empty()), "they are never shown");
    let by_type = PolicyIdentifier { policy_type: Some(PolicyIdentifierPolicyType::Scp), ..Default::default() };
    let pattern = format!("arn:aws:organizations::111122223333:policy/o-*/service_control_policy/{denying}");
    let by_pattern = PolicyIdentifier { policy_arn: Some(pattern), ..Default::default() };
    let malformed = shapes::SimulatePrincipalPolicyRequest {
        policy_source_arn: format!("arn:aws:iam::{}:user/alice", world.member),
        action_names: vec!["iam:GetUser".to_owned()],
        policy_exclusion_list: Some(vec![by_pattern]),
        ..Default::default()
    };
    let malformed = world.app.call::<ops::SimulatePrincipalPolicy>(&world.member_root(), malformed);
    assert_eq!(kernel::testing::code(malformed), "InvalidInput", "wildcards stand in names only");
    let left = simulated(&world, Some(vec![by_type]));
    assert_eq!((left.eval_decision, by_organization(&left)), (Allowed, Some(true)));
}
