use crate::support::{ACCOUNT, account_id, add_role, permissions, refusal, setup, user};
use base::AccountId;
use iam::principal::compiled;
use iam::simulate::{AccountGuardrails, OrganizationGuardrails};
use kernel::app::Extensions;
use kernel::testing::{Setup, TestApp, root};
use kernel::{Caller, Result, Tx};
use model::iam::PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
use model::iam::*;
use policy::{Level, PolicyKind, PolicySource};

const ALICE: &str = "arn:aws:iam::111122223333:user/alice";
const BUCKET: &str = "arn:aws:s3:::pictures/*";
const OBJECT: &str = "arn:aws:s3:::pictures/cat";

fn statement(effect: &str, action: &str, resource: &str) -> String {
    format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"}}"#)
}

fn document(statements: &[String]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

fn allowing(action: &str, resource: &str) -> String {
    document(&[statement("Allow", action, resource)])
}

fn denying(action: &str) -> String {
    document(&[statement("Deny", action, "*")])
}

fn custom(policies: &[String], actions: &[&str], resources: &[&str]) -> SimulateCustomPolicyRequest {
    SimulateCustomPolicyRequest {
        policy_input_list: policies.to_vec(),
        action_names: actions.iter().map(ToString::to_string).collect(),
        resource_arns: Some(resources.iter().map(ToString::to_string).collect()),
        ..Default::default()
    }
}

fn simulated(app: &TestApp, caller: &Caller, input: SimulateCustomPolicyRequest) -> EvaluationResult {
    let mut results = app.call::<ops::SimulateCustomPolicy>(caller, input).expect("simulated").evaluation_results;
    results.as_mut().and_then(Vec::pop).expect("a result")
}

fn principal(arn: &str, actions: &[&str], resources: &[&str]) -> SimulatePrincipalPolicyRequest {
    SimulatePrincipalPolicyRequest {
        policy_source_arn: arn.to_owned(),
        action_names: actions.iter().map(ToString::to_string).collect(),
        resource_arns: Some(resources.iter().map(ToString::to_string).collect()),
        ..Default::default()
    }
}

fn of_principal(app: &TestApp, caller: &Caller, input: SimulatePrincipalPolicyRequest) -> EvaluationResult {
    let mut results = app.call::<ops::SimulatePrincipalPolicy>(caller, input).expect("simulated").evaluation_results;
    results.as_mut().and_then(Vec::pop).expect("a result")
}

fn sources(statements: Option<&Vec<Statement>>) -> Vec<String> {
    let id = |statement: &Statement| statement.source_policy_id.clone().unwrap_or_default();
    statements.into_iter().flatten().map(id).collect()
}

fn put_user_policy(app: &TestApp, root: &Caller, user: &str, name: &str, document: String) {
    let input =
        PutUserPolicyRequest { policy_document: document, policy_name: name.to_owned(), user_name: user.to_owned() };
    app.call::<ops::PutUserPolicy>(root, input).expect("put");
}

#[test]
fn each_action_has_a_result_and_each_resource_its_own() {
    let (app, root) = setup();
    let policy =
        document(&[statement("Allow", "s3:*", "arn:aws:s3:::pictures/*"), statement("Deny", "s3:DeleteObject", "*")]);
    let actions = ["s3:GetObject", "s3:DeleteObject"];
    let input = custom(std::slice::from_ref(&policy), &actions, &[OBJECT, "arn:aws:s3:::letters/one"]);
    let output = app.call::<ops::SimulateCustomPolicy>(&root, input).expect("simulated");
    assert_eq!(output.is_truncated, Some(false));
    let results = output.evaluation_results.expect("results");
    let decisions: Vec<_> = results.iter().map(|it| (it.eval_action_name.as_str(), it.eval_decision)).collect();
    assert_eq!(decisions, [("s3:GetObject", ImplicitDeny), ("s3:DeleteObject", ExplicitDeny)]);
    let read = &results[0];
    assert_eq!(read.eval_resource_name.as_deref(), Some("arn:${Partition}:s3:::${BucketName}/${ObjectName}"));
    let specific = read.resource_specific_results.as_deref().expect("specific results");
    let decisions: Vec<_> =
        specific.iter().map(|it| (it.eval_resource_name.as_str(), it.eval_resource_decision)).collect();
    assert_eq!(decisions, [(OBJECT, Allowed), ("arn:aws:s3:::letters/one", ImplicitDeny)]);
    assert_eq!(specific[0].eval_decision_details.as_ref().map(|details| details.len()), Some(0));
    assert_eq!(sources(specific[0].matched_statements.as_ref()), ["PolicyInputList.1"]);
    assert!(sources(specific[1].matched_statements.as_ref()).is_empty());
    // Only the Deny statement decides what a Deny statement decides.
    let denial = results[1].matched_statements.as_deref().expect("statements");
    let start = denial[0].start_position.clone().expect("a position");
    let end = denial[0].end_position.clone().expect("a position");
    let at = policy.find(r#"{"Effect":"Deny""#).expect("there");
    assert_eq!((denial.len(), start.line, start.column), (1, Some(1), i32::try_from(at + 2).ok()));
    assert_eq!((end.line, end.column), (Some(1), i32::try_from(policy.len() - 2 + 1).ok()));
}

#[test]
fn without_resources_the_resource_is_everything_and_needs_a_star() {
    let (app, root) = setup();
    for (resource, expected) in [("*", Allowed), (BUCKET, ImplicitDeny)] {
        let input = SimulateCustomPolicyRequest {
            resource_arns: None,
            ..custom(&[allowing("s3:GetObject", resource)], &["s3:GetObject"], &[])
        };
        let result = simulated(&app, &root, input);
        assert_eq!(result.eval_decision, expected);
        assert_eq!(result.eval_resource_name.as_deref(), Some("*"));
        assert!(result.resource_specific_results.is_none() && result.eval_decision_details.is_none());
        assert!(
            result.organizations_decision_detail.is_none() && result.permissions_boundary_decision_detail.is_none()
        );
    }
}

#[test]
fn context_keys_decide_and_missing_ones_are_named() {
    let (app, root) = setup();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject",
        "Resource":"arn:aws:s3:::home/${aws:username}/*",
        "Condition":{"NumericLessThan":{"s3:max-keys":"5"},"ForAnyValue:StringEquals":{"aws:TagKeys":"team"}}}}"#;
    let entry = |name: &str, kind, values: &[&str]| ContextEntry {
        context_key_name: Some(name.to_owned()),
        context_key_type: Some(kind),
        context_key_values: Some(values.iter().map(ToString::to_string).collect()),
    };
    let ask = |entries: Vec<ContextEntry>, resource: &str| {
        let input = custom(&[policy.to_owned()], &["s3:GetObject"], &[resource]);
        simulated(&app, &root, SimulateCustomPolicyRequest { context_entries: Some(entries), ..input })
    };
    let result = ask(Vec::new(), "arn:aws:s3:::home/ann/x");
    assert_eq!(result.eval_decision, ImplicitDeny);
    let missing = ["aws:TagKeys", "aws:username", "s3:max-keys"];
    assert_eq!(result.missing_context_values.expect("keys"), missing);
    let specific = result.resource_specific_results.and_then(|mut results| results.pop()).expect("a specific result");
    let mut keys = specific.missing_context_values.expect("keys");
    keys.sort();
    assert_eq!(keys, missing);
    let full = vec![
        entry("AWS:username", ContextKeyTypeEnum::String, &["ann"]),
        entry("s3:max-keys", ContextKeyTypeEnum::Numeric, &["4"]),
        entry("aws:TagKeys", ContextKeyTypeEnum::StringList, &["team", "cost"]),
    ];
    assert_eq!(ask(full.clone(), "arn:aws:s3:::home/bob/x").eval_decision, ImplicitDeny);
    let result = ask(full, "arn:aws:s3:::home/ann/x");
    assert_eq!((result.eval_decision, result.missing_context_values), (Allowed, Some(Vec::new())));
    let two = vec![entry("s3:max-keys", ContextKeyTypeEnum::Numeric, &["4", "5"])];
    let input = custom(&[policy.to_owned()], &["s3:GetObject"], &["*"]);
    let refused = app
        .call::<ops::SimulateCustomPolicy>(&root, SimulateCustomPolicyRequest { context_entries: Some(two), ..input });
    assert_eq!(kernel::testing::code(refused), "InvalidInput");
}

#[test]
fn boundaries_and_organization_policies_have_their_own_details() {
    let (app, root) = setup();
    let everything = allowing("*", "*");
    let ask = |boundary: Option<String>, levels: &[String]| {
        let input = SimulateCustomPolicyRequest {
            permissions_boundary_policy_input_list: boundary.map(|boundary| vec![boundary]),
            ordered_organization_policy_input_list: Some(
                levels
                    .iter()
                    .map(|level| OrderedOrganizationPolicyType {
                        service_control_policy_input_list: Some(vec![level.clone()]),
                    })
                    .collect(),
            ),
            ..custom(std::slice::from_ref(&everything), &["s3:GetObject"], &[OBJECT])
        };
        let result = simulated(&app, &root, input);
        let boundary = result.permissions_boundary_decision_detail.and_then(|it| it.allowed_by_permissions_boundary);
        let organization = result.organizations_decision_detail.and_then(|it| it.allowed_by_organizations);
        (result.eval_decision, boundary, organization, sources(result.matched_statements.as_ref()))
    };
    let own = vec!["PolicyInputList.1".to_owned()];
    assert_eq!(ask(None, &[]), (Allowed, None, None, own.clone()));
    assert_eq!(ask(Some(allowing("ec2:*", "*")), &[]), (ImplicitDeny, Some(false), None, Vec::new()));
    let by_boundary = vec!["PermissionsBoundaryPolicyInputList.1".to_owned()];
    assert_eq!(ask(Some(denying("s3:*")), &[]), (ExplicitDeny, Some(false), None, by_boundary.clone()));
    let both = [own.clone(), by_boundary].concat();
    assert_eq!(
        ask(Some(everything.clone()), std::slice::from_ref(&everything)),
        (Allowed, Some(true), Some(true), both)
    );
    let nothing_matching = [everything.clone(), allowing("ec2:*", "*")];
    assert_eq!(ask(None, &nothing_matching), (ImplicitDeny, None, Some(false), Vec::new()));
    assert_eq!(ask(None, &[everything.clone(), denying("s3:*")]), (ExplicitDeny, None, Some(false), Vec::new()));
}

#[test]
fn a_resource_policy_counts_for_users_and_sides_are_told_across_accounts() {
    let (app, root) = setup();
    let resource_policy = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{ALICE}"}},"Action":"s3:GetObject","Resource":"{BUCKET}"}}}}"#
    );
    let ask = |policies: &[String], owner: Option<&str>| SimulateCustomPolicyRequest {
        caller_arn: Some(ALICE.to_owned()),
        resource_policy: Some(resource_policy.clone()),
        resource_owner: owner.map(str::to_owned),
        ..custom(policies, &["s3:GetObject"], &[OBJECT])
    };
    let nothing = [allowing("ec2:RunInstances", "*")];
    let result = simulated(&app, &root, ask(&nothing, None));
    assert_eq!(result.eval_decision, Allowed);
    assert_eq!(sources(result.matched_statements.as_ref()), ["ResourcePolicy"]);
    let result = simulated(&app, &root, ask(&nothing, Some("arn:aws:iam::999988887777:root")));
    assert_eq!(result.eval_decision, ImplicitDeny);
    let details = result.eval_decision_details.expect("both sides");
    assert_eq!(details.get("IAM Policy"), Some(&ImplicitDeny));
    assert_eq!(details.get("Resource Policy"), Some(&Allowed));
    let result = simulated(&app, &root, ask(&[allowing("s3:*", "*")], Some("arn:aws:iam::999988887777:root")));
    assert_eq!(result.eval_decision, Allowed);
    let role = SimulateCustomPolicyRequest {
        caller_arn: Some("arn:aws:iam::111122223333:role/worker".to_owned()),
        ..ask(&nothing, None)
    };
    assert_eq!(kernel::testing::code(app.call::<ops::SimulateCustomPolicy>(&root, role)), "InvalidInput");
    let nobody = SimulateCustomPolicyRequest { caller_arn: None, ..ask(&nothing, None) };
    assert_eq!(
        refusal(app.call::<ops::SimulateCustomPolicy>(&root, nobody)),
        "InvalidInput: CallerArn is required when ResourcePolicy is given."
    );
}

#[test]
fn what_cannot_be_simulated_is_invalid_input() {
    let (app, root) = setup();
    let fine = || custom(&[allowing("s3:*", "*")], &["s3:GetObject"], &["*"]);
    let bad = [
        SimulateCustomPolicyRequest { action_names: vec!["s3:Get*".into()], ..fine() },
        SimulateCustomPolicyRequest { action_names: vec!["s3:NoSuchThing".into()], ..fine() },
        SimulateCustomPolicyRequest { policy_input_list: vec!["{".into()], ..fine() },
        SimulateCustomPolicyRequest { resource_arns: Some(vec!["pictures".into()]), ..fine() },
        SimulateCustomPolicyRequest { resource_owner: Some("somebody".into()), ..fine() },
        SimulateCustomPolicyRequest {
            caller_arn: Some("arn:aws:sts::111122223333:assumed-role/worker/session".into()),
            ..fine()
        },
        SimulateCustomPolicyRequest { resource_handling_option: Some("EC2-Mainframe".into()), ..fine() },
        SimulateCustomPolicyRequest {
            permissions_boundary_policy_input_list: Some(vec![allowing("*", "*"), allowing("*", "*")]),
            ..fine()
        },
    ];
    for input in bad {
        assert_eq!(kernel::testing::code(app.call::<ops::SimulateCustomPolicy>(&root, input)), "InvalidInput");
    }
    // Policies of 2008 are still in force somewhere.
    let old = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    assert_eq!(simulated(&app, &root, custom(&[old.into()], &["s3:GetObject"], &["*"])).eval_decision, Allowed);
}

#[test]
fn results_come_in_pages_bound_to_the_request() {
    let (app, root) = setup();
    let ask = |marker: Option<String>, policy: &str| SimulateCustomPolicyRequest {
        marker,
        max_items: Some(2),
        ..custom(&[allowing(policy, "*")], &["s3:GetObject", "s3:PutObject", "s3:ListBucket"], &["*"])
    };
    let first = app.call::<ops::SimulateCustomPolicy>(&root, ask(None, "s3:*")).expect("a page");
    assert_eq!((first.evaluation_results.map(|it| it.len()), first.is_truncated), (Some(2), Some(true)));
    let foreign = app.call::<ops::SimulateCustomPolicy>(&root, ask(first.marker.clone(), "ec2:*"));
    assert_eq!(refusal(foreign), "ValidationError: Invalid Marker.");
    let last = app.call::<ops::SimulateCustomPolicy>(&root, ask(first.marker, "s3:*")).expect("a page");
    let names: Vec<_> = last.evaluation_results.into_iter().flatten().map(|it| it.eval_action_name).collect();
    assert_eq!((names, last.is_truncated), (vec!["s3:ListBucket".to_owned()], Some(false)));
}

#[test]
fn a_principal_is_simulated_with_everything_it_has() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    put_user_policy(&app, &root, "alice", "own", allowing("s3:GetObject", BUCKET));
    app.call::<ops::CreateGroup>(&root, CreateGroupRequest { group_name: "staff".into(), path: None }).expect("made");
    let member = AddUserToGroupRequest { group_name: "staff".into(), user_name: "alice".into() };
    app.call::<ops::AddUserToGroup>(&root, member).expect("added");
    let group = PutGroupPolicyRequest {
        group_name: "staff".into(),
        policy_name: "shared".into(),
        policy_document: allowing("s3:GetObject", "*"),
    };
    app.call::<ops::PutGroupPolicy>(&root, group).expect("put");
    let attach = AttachUserPolicyRequest {
        user_name: "alice".into(),
        policy_arn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess".into(),
    };
    app.call::<ops::AttachUserPolicy>(&root, attach).expect("attached");
    let result = of_principal(&app, &root, principal(ALICE, &["s3:GetObject"], &[OBJECT]));
    assert_eq!(result.eval_decision, Allowed);
    let statements = result.matched_statements.expect("statements");
    let mut shown: Vec<_> = statements
        .iter()
        .map(|it| (it.source_policy_id.as_deref().unwrap_or_default(), it.source_policy_type))
        .collect();
    shown.sort();
    let expected = [
        ("AmazonS3ReadOnlyAccess", Some(PolicySourceType::AwsManaged)),
        ("group_staff_shared", Some(PolicySourceType::Group)),
        ("user_alice_own", Some(PolicySourceType::User)),
    ];
    assert_eq!(shown, expected);
    let boundary = PutUserPermissionsBoundaryRequest {
        user_name: "alice".into(),
        permissions_boundary: "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess".into(),
    };
    app.call::<ops::PutUserPermissionsBoundary>(&root, boundary).expect("bounded");
    let result = of_principal(&app, &root, principal(ALICE, &["s3:GetObject"], &[OBJECT]));
    let allowed = result.permissions_boundary_decision_detail.and_then(|it| it.allowed_by_permissions_boundary);
    assert_eq!((result.eval_decision, allowed), (ImplicitDeny, Some(false)));
    // A boundary of the request stands in for the user's own.
    let input = SimulatePrincipalPolicyRequest {
        permissions_boundary_policy_input_list: Some(vec![allowing("s3:*", "*")]),
        ..principal(ALICE, &["s3:GetObject"], &[OBJECT])
    };
    assert_eq!(of_principal(&app, &root, input).eval_decision, Allowed);
}

#[test]
fn policies_can_be_left_out() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    put_user_policy(&app, &root, "alice", "readers", allowing("s3:GetObject", "*"));
    let attach = AttachUserPolicyRequest {
        user_name: "alice".into(),
        policy_arn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess".into(),
    };
    app.call::<ops::AttachUserPolicy>(&root, attach).expect("attached");
    let left = |exclusions: Vec<PolicyIdentifier>| {
        let input = SimulatePrincipalPolicyRequest {
            policy_exclusion_list: Some(exclusions),
            ..principal(ALICE, &["s3:GetObject"], &[OBJECT])
        };
        sources(of_principal(&app, &root, input).matched_statements.as_ref())
    };
    let by_type = |kind| PolicyIdentifier { policy_type: Some(kind), ..Default::default() };
    let by_arn = |arn: &str| PolicyIdentifier { policy_arn: Some(arn.into()), ..Default::default() };
    let inline = |name: &str| PolicyIdentifier {
        inline_policy_identifier: Some(InlinePolicyIdentifierType {
            attachment_name: "al?ce".into(),
            attachment_type: AttachmentType::User,
            policy_name: name.into(),
        }),
        ..Default::default()
    };
    let (own, aws) = ("user_alice_readers", "AmazonS3ReadOnlyAccess");
    assert_eq!(left(Vec::new()), [own, aws]);
    assert_eq!(left(vec![by_type(PolicyIdentifierPolicyType::Inline)]), [aws]);
    assert_eq!(left(vec![by_type(PolicyIdentifierPolicyType::AwsManaged)]), [own]);
    assert_eq!(left(vec![by_type(PolicyIdentifierPolicyType::UserManaged)]), [own, aws]);
    assert_eq!(left(vec![by_type(PolicyIdentifierPolicyType::Rcp)]), [own, aws]);
    assert_eq!(left(vec![by_arn("arn:aws:iam::aws:policy/AmazonS3Read*")]), [own]);
    assert_eq!(left(vec![inline("r*")]), [aws]);
    assert_eq!(left(vec![inline("writers")]), [own, aws]);
    for malformed in [by_arn("arn:aws:iam::*:policy/x"), by_arn("arn:aws:iam::aws:policy/*x*"), inline("*a*")] {
        let input = SimulatePrincipalPolicyRequest {
            policy_exclusion_list: Some(vec![malformed]),
            ..principal(ALICE, &["s3:GetObject"], &[OBJECT])
        };
        assert_eq!(kernel::testing::code(app.call::<ops::SimulatePrincipalPolicy>(&root, input)), "InvalidInput");
    }
}

/// An organization that allows EC2 alone.
struct OnlyCompute;

impl OrganizationGuardrails for OnlyCompute {
    fn guardrails(&self, _: &mut Tx, _: &AccountId) -> Result<Option<AccountGuardrails>> {
        let source =
            PolicySource::with_arn("compute", "arn:aws:organizations::1:policy/o-a/service_control_policy/p-b");
        let policy = compiled(&allowing("ec2:*", "*"), PolicyKind::ServiceControl, source);
        let level = Level { name: "r-abcd".to_owned(), policies: vec![policy] };
        Ok(Some(AccountGuardrails { service_control: Some(vec![level]) }))
    }
}

#[test]
fn the_organization_of_the_account_is_asked() {
    let guardrails: Box<dyn OrganizationGuardrails> = Box::new(OnlyCompute);
    let app = TestApp::new(Setup {
        routes: iam::routes(),
        extensions: Extensions::default().with(guardrails),
        ..Setup::default()
    });
    crate::support::add_account(&app, ACCOUNT, "root@example.com");
    let root = root(&account_id());
    user(&app, &root, "alice");
    put_user_policy(&app, &root, "alice", "all", allowing("*", "*"));
    let ask = |action: &str, exclusions: Option<Vec<PolicyIdentifier>>| {
        let input =
            SimulatePrincipalPolicyRequest { policy_exclusion_list: exclusions, ..principal(ALICE, &[action], &["*"]) };
        let result = of_principal(&app, &root, input);
        (result.eval_decision, result.organizations_decision_detail.and_then(|it| it.allowed_by_organizations))
    };
    assert_eq!(ask("ec2:RunInstances", None), (Allowed, Some(true)));
    assert_eq!(ask("s3:GetObject", None), (ImplicitDeny, Some(false)));
    let scp = PolicyIdentifier { policy_type: Some(PolicyIdentifierPolicyType::Scp), ..Default::default() };
    assert_eq!(ask("s3:GetObject", Some(vec![scp])), (Allowed, Some(true)));
}

#[test]
fn only_entities_of_the_account_can_be_asked_about() {
    let (app, root) = setup();
    add_role(&app, "/teams/", "worker");
    let role = "arn:aws:iam::111122223333:role/teams/worker";
    let input = principal(role, &["s3:GetObject"], &["*"]);
    assert_eq!(permissions::<ops::SimulatePrincipalPolicy>(&app, &root, &input)[0].resource, role);
    assert_eq!(of_principal(&app, &root, input).eval_decision, ImplicitDeny);
    let ask =
        |arn: &str| refusal(app.call::<ops::SimulatePrincipalPolicy>(&root, principal(arn, &["s3:GetObject"], &["*"])));
    assert_eq!(
        ask("arn:aws:iam::111122223333:role/worker"),
        "NoSuchEntity: The role with name worker cannot be found."
    );
    let session = "arn:aws:sts::111122223333:assumed-role/worker/session";
    assert_eq!(
        ask(session),
        format!("InvalidInput: Invalid Entity Arn: {session} does not clearly define entity type and name.")
    );
    let foreign = principal("arn:aws:iam::999988887777:user/bob", &["s3:GetObject"], &["*"]);
    let permission = permissions::<ops::SimulatePrincipalPolicy>(&app, &root, &foreign).remove(0);
    assert_eq!(permission.resource_account, AccountId::parse("999988887777"));
}

#[test]
fn context_keys_of_policies_are_listed_once() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let own = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*",
        "Resource":"arn:aws:s3:::${aws:username}","Condition":{"Bool":{"aws:SecureTransport":"true"}}}}"#;
    put_user_policy(&app, &root, "alice", "own", own.to_owned());
    let more = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*",
        "Condition":{"StringEquals":{"AWS:UserName":"x","aws:PrincipalTag/team":"${saml:sub}"}}}}"#;
    let input = GetContextKeysForCustomPolicyRequest { policy_input_list: vec![more.to_owned()] };
    let keys = app.call::<ops::GetContextKeysForCustomPolicy>(&root, input).expect("keys").context_key_names;
    assert_eq!(keys.expect("keys"), ["AWS:UserName", "aws:PrincipalTag/team", "saml:sub"]);
    let input = GetContextKeysForPrincipalPolicyRequest {
        policy_source_arn: ALICE.to_owned(),
        policy_input_list: Some(vec![more.to_owned()]),
    };
    let keys = app.call::<ops::GetContextKeysForPrincipalPolicy>(&root, input).expect("keys").context_key_names;
    assert_eq!(keys.expect("keys"), ["aws:username", "aws:SecureTransport", "aws:PrincipalTag/team", "saml:sub"]);
    let bad = GetContextKeysForCustomPolicyRequest { policy_input_list: vec!["[]".to_owned()] };
    assert_eq!(kernel::testing::code(app.call::<ops::GetContextKeysForCustomPolicy>(&root, bad)), "InvalidInput");
}

#[test]
fn policies_that_grant_a_service_are_listed_for_each_service() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    put_user_policy(&app, &root, "alice", "storage", allowing("s3:Get*", "arn:aws:s3:::pictures"));
    put_user_policy(&app, &root, "alice", "nothing", denying("*"));
    let all_but =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":["s3:*","iam:*"],"Resource":"*"}}"#;
    put_user_policy(&app, &root, "alice", "power", all_but.to_owned());
    let attach = AttachUserPolicyRequest {
        user_name: "alice".into(),
        policy_arn: "arn:aws:iam::aws:policy/IAMReadOnlyAccess".into(),
    };
    app.call::<ops::AttachUserPolicy>(&root, attach).expect("attached");
    let ask = |services: &[&str]| ListPoliciesGrantingServiceAccessRequest {
        arn: ALICE.to_owned(),
        service_namespaces: services.iter().map(ToString::to_string).collect(),
        marker: None,
    };
    let output = app.call::<ops::ListPoliciesGrantingServiceAccess>(&root, ask(&["s3", "iam", "ec2"])).expect("listed");
    let listed: Vec<(String, Vec<String>)> = output
        .policies_granting_service_access
        .iter()
        .map(|entry| {
            let names = entry.policies.iter().flatten().map(|policy| policy.policy_name.clone()).collect();
            (entry.service_namespace.clone().unwrap_or_default(), names)
        })
        .collect();
    let expected = [("s3", vec!["storage"]), ("iam", vec!["IAMReadOnlyAccess"]), ("ec2", vec!["power"])];
    assert_eq!(listed.len(), 3);
    for ((service, names), (expected_service, expected_names)) in listed.iter().zip(expected) {
        assert_eq!(
            (service.as_str(), names.clone()),
            (expected_service, expected_names.iter().map(ToString::to_string).collect())
        );
    }
    let inline = &output.policies_granting_service_access[0].policies.as_ref().expect("policies")[0];
    assert_eq!(inline.policy_type, policyType::Inline);
    assert_eq!(inline.entity_type, Some(policyOwnerEntityType::User));
    assert_eq!((inline.entity_name.as_deref(), inline.policy_arn.as_deref()), (Some("alice"), None));
    let unknown = app.call::<ops::ListPoliciesGrantingServiceAccess>(&root, ask(&["mainframe"]));
    assert_eq!(kernel::testing::code(unknown), "InvalidInput");
}
