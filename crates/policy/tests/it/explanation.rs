//! What a person is told.

use policy::json::Node;
use policy::{
    Action, Caller, CompiledPolicy, Context, Decision, Issuer, Level, Mismatch, PolicyKind, PolicySet, PolicySource,
    PolicyType, Request, Resource, denial_message, evaluate, explain, json,
};
use std::sync::Arc;

fn policy(kind: PolicyKind, name: &str, statement: &str) -> Arc<CompiledPolicy> {
    let text = format!("{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {statement}\n  ]\n}}");
    CompiledPolicy::from_stored(&text, kind, PolicySource::named(name)).expect("valid")
}

const ALLOW_ALL: &str = "{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}";

#[test]
fn a_denial_by_an_scp_names_level_statement_and_values() {
    let identity = [policy(PolicyKind::Identity, "Admin", ALLOW_ALL)];
    let guard = "{\"Sid\": \"Region\", \"Effect\": \"Deny\", \"Action\": \"s3:*\", \"Resource\": \"*\", \"Condition\": \
                 {\"StringNotEquals\": {\"aws:RequestedRegion\": [\"eu-west-1\", \"${aws:PrincipalTag/home}\"]}}}";
    let level = |name: &str, policies| Level { name: name.to_owned(), policies };
    let full = policy(PolicyKind::ServiceControl, "FullAWSAccess", ALLOW_ALL);
    let levels = [
        level("r-ab12", vec![full.clone()]),
        level("ou-ab12-11111111", vec![full, policy(PolicyKind::ServiceControl, "Guard", guard)]),
    ];
    let mut context = Context::new();
    context.insert("aws:requestedregion", "us-east-1");
    let caller = Caller::role_session("arn:aws:sts::111122223333:assumed-role/Ops/me", Some("AROA1"));
    let action = Action::new("s3:GetObject");
    let mut request = Request::new(&caller, &action, Resource::new("arn:aws:s3:::b/k"), &context);
    let set = PolicySet { identity: &identity, service_control: Some(&levels), ..PolicySet::default() };

    let explanation = explain(&request, &set);
    assert_eq!(explanation.decision, Decision::ExplicitlyDenied(PolicyType::ServiceControl));
    assert_eq!(explanation.blocked_by, [PolicyType::ServiceControl]);
    let (by, statement) = explanation.deciding_statements().next().expect("one");
    assert_eq!((by.name.as_str(), by.level.clone()), ("Guard", Some((1, "ou-ab12-11111111".to_owned()))));
    assert_eq!((statement.sid.as_deref(), statement.index), (Some("Region"), 0));
    assert_eq!((statement.extent.start.line, statement.extent.start.column), (4, 5));
    assert_eq!(statement.extent.simulated_start(), (4, 6));
    let condition = &statement.conditions[0];
    assert_eq!(condition.policy_values, [Some("eu-west-1".to_owned()), None]);
    assert_eq!(condition.request_values.as_deref(), Some(&["us-east-1".to_owned()][..]));
    let node = json::parse(explanation.to_json().as_bytes(), json::DOCUMENT_LIMITS).expect("JSON");
    assert_eq!(node.get("deniedBy").and_then(Node::as_str), Some("scp"));
    assert_eq!(
        denial_message(caller.name(), action.as_str(), Some("arn:aws:s3:::b/k"), &explanation.decision),
        "User: arn:aws:sts::111122223333:assumed-role/Ops/me is not authorized to perform: s3:GetObject on resource: \
         arn:aws:s3:::b/k with an explicit deny in a service control policy"
    );

    request.caller_in_management_account = true;
    assert_eq!(evaluate(&request, &set), Decision::Allowed);
}

#[test]
fn what_is_missing_is_told() {
    let statement = "{\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::b/*\", \
                     \"Condition\": {\"Bool\": {\"aws:MultiFactorAuthPresent\": \"true\"}}}";
    let identity = [policy(PolicyKind::Identity, "Mfa", statement)];
    let boundary = [policy(PolicyKind::Boundary, "Edge", &ALLOW_ALL.replace("\"*\", \"Res", "\"ec2:*\", \"Res"))];
    let caller = Caller::user("arn:aws:iam::111122223333:user/alice", None);
    let (action, context) = (Action::new("s3:GetObject"), Context::new());
    let request = Request::new(&caller, &action, Resource::new("arn:aws:s3:::b/k"), &context);
    let set = PolicySet { identity: &identity, boundary: Some(&boundary), ..PolicySet::default() };
    let explanation = explain(&request, &set);
    assert_eq!(explanation.decision, Decision::ImplicitlyDenied(PolicyType::Identity));
    assert_eq!(explanation.blocked_by, [PolicyType::Identity, PolicyType::Boundary]);
    assert_eq!(explanation.missing_context_keys, ["aws:MultiFactorAuthPresent"]);
    assert_eq!(explanation.policies[0].statements[0].mismatch, Some(Mismatch::Condition));
    assert_eq!(explanation.policies[1].statements[0].mismatch, Some(Mismatch::Action));
    assert_eq!(explanation.deciding_statements().count(), 0);
}

/// Decides for a resource policy in the caller's own account without any other policy.
fn by_resource_policy(caller: &Caller, policy: &CompiledPolicy) -> Decision {
    let (action, context) = (Action::new("s3:GetObject"), Context::new());
    let request = Request::new(caller, &action, Resource::new("arn:aws:s3:::b/k"), &context);
    evaluate(&request, &PolicySet { resource: Some(policy), ..PolicySet::default() })
}

#[test]
fn pinned_principals_mean_the_entity_and_not_its_name() {
    let user = "arn:aws:iam::111122223333:user/alice";
    let statement = format!(
        "{{\"Effect\": \"Allow\", \"Principal\": {{\"AWS\": \"{user}\"}}, \"Action\": \"*\", \"Resource\": \"*\"}}"
    );
    let document = policy(PolicyKind::Resource, "Bucket", &statement).document().clone();
    let pin = |arn: &str| (arn == user).then(|| "AIDAOLD".to_owned());
    let pinned = CompiledPolicy::compile_pinned(document, PolicyKind::Resource, PolicySource::default(), &pin);
    assert!(by_resource_policy(&Caller::user(user, Some("AIDAOLD")), &pinned).is_allowed());
    assert!(!by_resource_policy(&Caller::user(user, Some("AIDANEW")), &pinned).is_allowed());
}

#[test]
fn other_names_of_a_caller_are_known() {
    let grants = |principal: &str| {
        let statement = format!(
            "{{\"Effect\": \"Allow\", \"Principal\": {{{principal}}}, \"Action\": \"*\", \"Resource\": \"*\"}}"
        );
        policy(PolicyKind::Resource, "Bucket", &statement)
    };
    let by_role_id = grants("\"AWS\": \"AROAROLE\"");
    let session = "arn:aws:sts::111122223333:assumed-role/Ops/me";
    assert!(by_resource_policy(&Caller::role_session(session, Some("AROAROLE")), &by_role_id).is_allowed());
    assert!(!by_resource_policy(&Caller::role_session(session, Some("AROAELSE")), &by_role_id).is_allowed());

    let by_issuer = grants("\"AWS\": \"arn:aws:iam::111122223333:user/alice\"");
    let issuer = Issuer { arn: "arn:aws:iam::111122223333:user/alice".to_owned(), unique_id: None };
    let federated = Caller::federated_user("arn:aws:sts::111122223333:federated-user/alice", Some(issuer));
    // The grant is to the issuer: without session policies the session has no part in it.
    assert_eq!(by_resource_policy(&federated, &by_issuer), Decision::ImplicitlyDenied(PolicyType::Session));

    let canonical = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
    let by_canonical = grants(&format!("\"CanonicalUser\": \"{canonical}\""));
    let root = Caller::root("arn:aws:iam::111122223333:root").with_canonical_user_id(canonical);
    let (action, context) = (Action::new("s3:GetObject"), Context::new());
    let mut request = Request::new(&root, &action, Resource::new("arn:aws:s3:::b/k"), &context);
    request.resource_account = Some("444455556666");
    let set = PolicySet { resource: Some(&by_canonical), ..PolicySet::default() };
    assert!(evaluate(&request, &set).is_allowed());
    assert_eq!(evaluate(&request, &PolicySet::default()), Decision::ImplicitlyDenied(PolicyType::Resource));
}

#[test]
fn trust_is_named_as_trust() {
    let trust = policy(
        PolicyKind::Trust,
        "Trust",
        "{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"arn:aws:iam::111122223333:user/bob\"}, \"Action\": \
         \"sts:AssumeRole\"}",
    );
    let identity = [policy(PolicyKind::Identity, "Admin", ALLOW_ALL)];
    let caller = Caller::user("arn:aws:iam::111122223333:user/alice", None);
    let (action, context) = (Action::new("sts:AssumeRole"), Context::new());
    let role = Resource::new("arn:aws:iam::111122223333:role/Target");
    let mut request = Request::new(&caller, &action, role, &context);
    request.resource_demands_its_policy = true;
    let set = PolicySet { identity: &identity, resource: Some(&trust), ..PolicySet::default() };
    let decision = evaluate(&request, &set);
    assert_eq!(decision, Decision::ImplicitlyDenied(PolicyType::Trust));
    assert!(
        denial_message(caller.name(), "sts:AssumeRole", None, &decision)
            .ends_with("because no role trust policy allows the sts:AssumeRole action")
    );
}

#[test]
fn an_endpoint_policy_must_allow_too() {
    let identity = [policy(PolicyKind::Identity, "Admin", ALLOW_ALL)];
    let statement = "{\"Effect\": \"Allow\", \"Principal\": \"*\", \"Action\": \"s3:Put*\", \"Resource\": \"*\"}";
    let endpoint = [policy(PolicyKind::Endpoint, "Endpoint", statement)];
    let caller = Caller::user("arn:aws:iam::111122223333:user/alice", None);
    let context = Context::new();
    let set = PolicySet { identity: &identity, endpoint: Some(&endpoint), ..PolicySet::default() };
    let decide = |name: &str| {
        let action = Action::new(name);
        evaluate(&Request::new(&caller, &action, Resource::new("arn:aws:s3:::b/k"), &context), &set)
    };
    assert_eq!(decide("s3:PutObject"), Decision::Allowed);
    assert_eq!(decide("s3:GetObject"), Decision::ImplicitlyDenied(PolicyType::Endpoint));
}
