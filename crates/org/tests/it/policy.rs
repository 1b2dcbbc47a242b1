//! Policies and their attachments.

use crate::support::{MANAGEMENT, account_id, app, failure, management, member, of, permissions, root_id};
use kernel::Permission;
use kernel::testing::TestApp;
use model::organizations::{
    AttachPolicyRequest, CreateOrganizationRequest, CreateOrganizationalUnitRequest, CreatePolicyRequest,
    DeletePolicyRequest, DescribePolicyRequest, DetachPolicyRequest, ListPoliciesForTargetRequest, ListPoliciesRequest,
    ListTagsForResourceRequest, ListTargetsForPolicyRequest, OrganizationFeatureSet, PolicySummary, PolicyType, Tag,
    UpdatePolicyRequest, ops,
};

pub const SCP: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}"#;
pub const TAGS: &str = r#"{"tags":{"Team":{"tag_key":{"@@assign":"Team"}}}}"#;

pub fn creation(policy_type: PolicyType, name: &str, content: &str) -> CreatePolicyRequest {
    CreatePolicyRequest {
        content: content.to_owned(),
        name: name.to_owned(),
        r#type: policy_type,
        ..CreatePolicyRequest::default()
    }
}

/// Creates a policy and gives its id.
pub fn policy(app: &TestApp, policy_type: PolicyType, name: &str, content: &str) -> String {
    let created = app.call::<ops::CreatePolicy>(&management(), creation(policy_type, name, content));
    let summary = created.expect("created").policy.and_then(|policy| policy.policy_summary);
    summary.and_then(|summary| summary.id).expect("there is an id")
}

fn scp(app: &TestApp, name: &str) -> String {
    policy(app, PolicyType::ServiceControlPolicy, name, SCP)
}

pub fn attachment(policy: &str, target: &str) -> AttachPolicyRequest {
    AttachPolicyRequest { policy_id: policy.to_owned(), target_id: target.to_owned() }
}

pub fn attach(app: &TestApp, policy: &str, target: &str) {
    app.call::<ops::AttachPolicy>(&management(), attachment(policy, target)).expect("attached");
}

fn detachment(policy: &str, target: &str) -> DetachPolicyRequest {
    DetachPolicyRequest { policy_id: policy.to_owned(), target_id: target.to_owned() }
}

fn with_scp() -> TestApp {
    let app = app();
    crate::policy_type::enable(&app, PolicyType::ServiceControlPolicy);
    app
}

pub fn attached(app: &TestApp, policy_type: PolicyType, target: &str) -> Vec<String> {
    let input = ListPoliciesForTargetRequest {
        filter: policy_type,
        target_id: target.to_owned(),
        ..ListPoliciesForTargetRequest::default()
    };
    let policies = app.call::<ops::ListPoliciesForTarget>(&management(), input).expect("listed").policies;
    policies.unwrap_or_default().into_iter().filter_map(|policy| policy.name).collect()
}

fn describe(app: &TestApp, id: &str) -> kernel::Result<(PolicySummary, String)> {
    let input = DescribePolicyRequest { policy_id: id.to_owned() };
    let policy = app.call::<ops::DescribePolicy>(&management(), input)?.policy.expect("a policy");
    Ok((policy.policy_summary.expect("a summary"), policy.content.expect("a document")))
}

#[test]
fn a_policy_is_created_without_its_type_being_enabled_and_keeps_its_text() {
    let app = app();
    let content = format!("  {SCP}\n");
    let mut input = creation(PolicyType::ServiceControlPolicy, "deny", &content);
    input.tags = Some(vec![Tag { key: "team".to_owned(), value: "a".to_owned() }]);
    let created = app.call::<ops::CreatePolicy>(&management(), input).expect("created").policy.expect("a policy");
    let summary = created.policy_summary.expect("a summary");
    let id = summary.id.clone().expect("an id");
    let arn = summary.arn.expect("an ARN");
    assert!(arn.starts_with(&format!("arn:aws:organizations::{MANAGEMENT}:policy/o-")), "{arn}");
    assert!(arn.ends_with(&format!("/service_control_policy/{id}")), "{arn}");
    assert_eq!((summary.aws_managed, summary.description.as_deref()), (Some(false), Some("")));
    assert_eq!(describe(&app, &id).expect("found").1, content);
    let tags = ListTagsForResourceRequest { resource_id: id, next_token: None };
    let tags = app.call::<ops::ListTagsForResource>(&management(), tags).expect("listed").tags.unwrap_or_default();
    assert_eq!((tags[0].key.as_str(), tags[0].value.as_str()), ("team", "a"));
}

#[test]
fn documents_that_do_not_fit_their_type_are_refused() {
    let app = app();
    let create = |policy_type, content: &str| {
        failure(app.call::<ops::CreatePolicy>(&management(), creation(policy_type, "x", content)))
    };
    let malformed = "MalformedPolicyDocumentException";
    assert_eq!(create(PolicyType::ServiceControlPolicy, "{"), malformed);
    assert_eq!(create(PolicyType::ServiceControlPolicy, TAGS), malformed);
    let with_principal = SCP.replace(r#""Action""#, r#""Principal":"*","Action""#);
    assert_eq!(create(PolicyType::ServiceControlPolicy, &with_principal), malformed);
    let allows = with_principal.replace("Deny", "Allow");
    assert_eq!(create(PolicyType::ResourceControlPolicy, &allows), malformed);
    assert_eq!(create(PolicyType::TagPolicy, SCP), malformed);
    let large = format!("{SCP}{}", " ".repeat(10_240));
    let too_large = "ConstraintViolationException POLICY_CONTENT_LIMIT_EXCEEDED";
    assert_eq!(create(PolicyType::ServiceControlPolicy, &large), too_large);
    assert_eq!(create(PolicyType::AiservicesOptOutPolicy, &" ".repeat(2_501)), too_large);
    let rcp = creation(PolicyType::ResourceControlPolicy, "rcp", &with_principal);
    app.call::<ops::CreatePolicy>(&management(), rcp).expect("a valid resource control policy");
}

#[test]
fn names_are_unique_within_a_type() {
    let app = app();
    let first = scp(&app, "same");
    let again = creation(PolicyType::ServiceControlPolicy, "same", SCP);
    assert_eq!(failure(app.call::<ops::CreatePolicy>(&management(), again)), "DuplicatePolicyException");
    let of_aws = creation(PolicyType::ServiceControlPolicy, "FullAWSAccess", SCP);
    assert_eq!(failure(app.call::<ops::CreatePolicy>(&management(), of_aws)), "DuplicatePolicyException");
    policy(&app, PolicyType::TagPolicy, "same", TAGS);
    scp(&app, "other");
    let rename = |name: &str| UpdatePolicyRequest {
        policy_id: first.clone(),
        name: Some(name.to_owned()),
        ..UpdatePolicyRequest::default()
    };
    assert_eq!(failure(app.call::<ops::UpdatePolicy>(&management(), rename("other"))), "DuplicatePolicyException");
    app.call::<ops::UpdatePolicy>(&management(), rename("same")).expect("its own name is free");
}

#[test]
fn an_update_changes_what_it_names_only() {
    let app = app();
    let id = scp(&app, "a");
    let content = SCP.replace("s3", "ec2");
    let input =
        UpdatePolicyRequest { policy_id: id.clone(), content: Some(content.clone()), ..UpdatePolicyRequest::default() };
    app.call::<ops::UpdatePolicy>(&management(), input.clone()).expect("updated");
    let (summary, stored) = describe(&app, &id).expect("found");
    assert_eq!((summary.name.as_deref(), stored), (Some("a"), content));
    let malformed = UpdatePolicyRequest { content: Some("{}".to_owned()), ..input };
    assert_eq!(failure(app.call::<ops::UpdatePolicy>(&management(), malformed)), "MalformedPolicyDocumentException");
}

#[test]
fn the_policies_of_aws_can_be_read_but_not_changed() {
    let app = app();
    for (id, policy_type) in [
        ("p-FullAWSAccess", PolicyType::ServiceControlPolicy),
        ("p-RCPFullAWSAccess", PolicyType::ResourceControlPolicy),
    ] {
        let (summary, content) = describe(&app, id).expect("found");
        assert_eq!((summary.aws_managed, summary.r#type), (Some(true), Some(policy_type)));
        assert!(content.contains("\"Allow\""));
        let update = UpdatePolicyRequest { policy_id: id.to_owned(), ..UpdatePolicyRequest::default() };
        let immutable = "InvalidInputException IMMUTABLE_POLICY";
        assert_eq!(failure(app.call::<ops::UpdatePolicy>(&management(), update)), immutable);
        let delete = DeletePolicyRequest { policy_id: id.to_owned() };
        assert_eq!(failure(app.call::<ops::DeletePolicy>(&management(), delete)), immutable);
    }
}

#[test]
fn a_policy_is_deleted_once_it_is_detached_everywhere() {
    let app = with_scp();
    let (id, root) = (scp(&app, "a"), root_id(&app));
    attach(&app, &id, &root);
    let delete = || DeletePolicyRequest { policy_id: id.clone() };
    assert_eq!(failure(app.call::<ops::DeletePolicy>(&management(), delete())), "PolicyInUseException");
    app.call::<ops::DetachPolicy>(&management(), detachment(&id, &root)).expect("detached");
    app.call::<ops::DeletePolicy>(&management(), delete()).expect("deleted");
    assert_eq!(failure(app.call::<ops::DeletePolicy>(&management(), delete())), "PolicyNotFoundException");
    assert_eq!(failure(describe(&app, &id)), "PolicyNotFoundException");
    assert_eq!(failure(describe(&app, "q-1")), "InvalidInputException INVALID_SYNTAX_POLICY_ID");
}

#[test]
fn lists_begin_with_the_policies_of_aws_and_page() {
    let app = app();
    for at in 0..24 {
        scp(&app, &format!("n{at:02}"));
    }
    let mut input = ListPoliciesRequest { filter: PolicyType::ServiceControlPolicy, ..ListPoliciesRequest::default() };
    let (mut names, mut pages) = (Vec::new(), Vec::new());
    loop {
        let page = app.call::<ops::ListPolicies>(&management(), input.clone()).expect("listed");
        let policies = page.policies.unwrap_or_default();
        pages.push(policies.len());
        names.extend(policies.into_iter().filter_map(|policy| policy.name));
        input.next_token = page.next_token;
        if input.next_token.is_none() {
            break;
        }
    }
    assert_eq!(pages, [20, 5]);
    assert_eq!(names[0], "FullAWSAccess");
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 25);
    let one = ListPoliciesRequest { max_results: Some(1), ..input.clone() };
    let first = app.call::<ops::ListPolicies>(&management(), one.clone()).expect("listed");
    let second = ListPoliciesRequest { next_token: first.next_token.clone(), ..one };
    let second = app.call::<ops::ListPolicies>(&management(), second).expect("listed").policies.unwrap_or_default();
    assert_ne!(second[0].name.as_deref(), Some("FullAWSAccess"));
    let other = ListPoliciesRequest { filter: PolicyType::TagPolicy, next_token: first.next_token, ..input };
    let bad_token = "InvalidInputException INVALID_NEXT_TOKEN";
    assert_eq!(failure(app.call::<ops::ListPolicies>(&management(), other)), bad_token);
}

#[test]
fn attaching_needs_an_enabled_type_and_existing_things() {
    let app = app();
    let (id, root) = (scp(&app, "a"), root_id(&app));
    let attach =
        |policy: &str, target: &str| failure(app.call::<ops::AttachPolicy>(&management(), attachment(policy, target)));
    assert_eq!(attach(&id, &root), "PolicyTypeNotEnabledException");
    crate::policy_type::enable(&app, PolicyType::ServiceControlPolicy);
    assert_eq!(attach("p-00000000", &root), "PolicyNotFoundException");
    assert_eq!(attach(&id, "r-0000"), "TargetNotFoundException");
    assert_eq!(attach(&id, "nothing"), "InvalidInputException INVALID_PATTERN_TARGET_ID");
    assert_eq!(attach("p-FullAWSAccess", &root), "DuplicatePolicyAttachmentException");
}

#[test]
fn a_target_takes_ten_service_control_policies_and_keeps_one() {
    let app = with_scp();
    let root = root_id(&app);
    let ids: Vec<String> = (0..10).map(|at| scp(&app, &format!("n{at}"))).collect();
    ids[..9].iter().for_each(|id| attach(&app, id, &root));
    assert_eq!(
        failure(app.call::<ops::AttachPolicy>(&management(), attachment(&ids[9], &root))),
        "ConstraintViolationException MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    );
    let detach = |id: &str| app.call::<ops::DetachPolicy>(&management(), detachment(id, &root));
    assert_eq!(failure(detach(&ids[9])), "PolicyNotAttachedException");
    for id in &ids[..9] {
        detach(id).expect("detached");
    }
    let last = "ConstraintViolationException MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED";
    assert_eq!(failure(detach("p-FullAWSAccess")), last);
}

#[test]
fn the_last_management_policy_may_go() {
    let app = app();
    crate::policy_type::enable(&app, PolicyType::TagPolicy);
    let (id, root) = (policy(&app, PolicyType::TagPolicy, "t", TAGS), root_id(&app));
    attach(&app, &id, &root);
    app.call::<ops::DetachPolicy>(&management(), detachment(&id, &root)).expect("detached");
    assert!(attached(&app, PolicyType::TagPolicy, &root).is_empty());
}

#[test]
fn the_resource_control_policy_of_aws_stays_attached() {
    let app = app();
    crate::policy_type::enable(&app, PolicyType::ResourceControlPolicy);
    let root = root_id(&app);
    let detach = app.call::<ops::DetachPolicy>(&management(), detachment("p-RCPFullAWSAccess", &root));
    assert_eq!(failure(detach), "InvalidInputException NON_DETACHABLE_POLICY");
}

#[test]
fn targets_of_a_policy_are_named_and_paged() {
    let app = with_scp();
    let (id, root, account) = (scp(&app, "a"), root_id(&app), member(&app, "dev"));
    let unit = CreateOrganizationalUnitRequest {
        name: "unit".to_owned(),
        parent_id: root.clone(),
        ..CreateOrganizationalUnitRequest::default()
    };
    let unit = app.call::<ops::CreateOrganizationalUnit>(&management(), unit).expect("created");
    let unit = unit.organizational_unit.and_then(|unit| unit.id).expect("an id");
    for target in [&unit, &account, &root] {
        app.clock.advance_seconds(1);
        attach(&app, &id, target);
    }
    let mut input =
        ListTargetsForPolicyRequest { policy_id: id, max_results: Some(2), ..ListTargetsForPolicyRequest::default() };
    let mut seen = Vec::new();
    for expected in [2, 1] {
        let page = app.call::<ops::ListTargetsForPolicy>(&management(), input.clone()).expect("listed");
        let targets = page.targets.unwrap_or_default();
        assert_eq!(targets.len(), expected);
        seen.extend(targets.into_iter().map(|it| (it.target_id.expect("id"), it.name.expect("name"))));
        input.next_token = page.next_token;
    }
    let expected = [(unit, "unit"), (account, "dev"), (root, "Root")].map(|(id, name)| (id, name.to_owned()));
    assert_eq!(seen, expected);
}

#[test]
fn new_units_and_accounts_get_the_defaults_of_enabled_types() {
    let app = with_scp();
    let org = app.app.store.read(|tx| org::organization::of_account(tx, &account_id(MANAGEMENT)));
    let org = org.expect("read").expect("an organization");
    let account = member(&app, "dev");
    app.app
        .write_as(&management(), &app.request(), |cx| {
            org::policy::attach_defaults_to_account(cx, &org.id, &account_id(&account))
        })
        .expect("attached");
    assert_eq!(attached(&app, PolicyType::ServiceControlPolicy, &account), ["FullAWSAccess"]);
    assert!(attached(&app, PolicyType::ResourceControlPolicy, &account).is_empty());
}

#[test]
fn members_may_not_touch_policies() {
    let app = app();
    let account = member(&app, "dev");
    let input = creation(PolicyType::ServiceControlPolicy, "x", SCP);
    assert_eq!(failure(app.call::<ops::CreatePolicy>(&of(&account), input)), "AccessDeniedException");
    let list = ListPoliciesRequest::default();
    assert_eq!(failure(app.call::<ops::ListPolicies>(&of(&account), list.clone())), "AccessDeniedException");
    crate::support::delegate(&app, &account);
    app.call::<ops::ListPolicies>(&of(&account), list).expect("delegated administrators read");
    let input = creation(PolicyType::ServiceControlPolicy, "x", SCP);
    assert_eq!(failure(app.call::<ops::CreatePolicy>(&of(&account), input)), "AccessDeniedException");
}

#[test]
fn billing_organizations_have_no_policies() {
    let app = crate::support::start(crate::support::setup());
    let input = CreateOrganizationRequest { feature_set: Some(OrganizationFeatureSet::ConsolidatedBilling) };
    app.call::<ops::CreateOrganization>(&management(), input).expect("created");
    let input = creation(PolicyType::ServiceControlPolicy, "x", SCP);
    let refused = "PolicyTypeNotAvailableForOrganizationException";
    assert_eq!(failure(app.call::<ops::CreatePolicy>(&management(), input)), refused);
}

#[test]
fn attaching_takes_permission_on_the_policy_and_on_the_target() {
    let app = app();
    let (id, root) = (scp(&app, "a"), root_id(&app));
    let wanted = permissions::<ops::AttachPolicy>(&app, &management(), &attachment(&id, &root));
    let arns: Vec<&str> = wanted.iter().map(|permission| permission.resource.as_str()).collect();
    assert_eq!(arns.len(), 2);
    assert!(arns[0].ends_with(&format!("/service_control_policy/{id}")), "{arns:?}");
    assert!(arns[1].ends_with(&format!("/{root}")), "{arns:?}");
    let has_type = |permission: &Permission| {
        permission.context.contains(&("organizations:PolicyType".to_owned(), vec!["SERVICE_CONTROL_POLICY".to_owned()]))
    };
    assert!(wanted.iter().all(has_type));
    let input = creation(PolicyType::TagPolicy, "t", TAGS);
    let create = permissions::<ops::CreatePolicy>(&app, &management(), &input);
    assert!(create[0].resource.ends_with("/tag_policy/*"), "{create:?}");
}
