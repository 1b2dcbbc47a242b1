//! Policy types of the root.

use crate::policy::{SCP, attach, attached, creation, policy};
use crate::support::{app, exec, failure, management, member, of, root_id};
use kernel::testing::TestApp;
use model::organizations::{
    DisablePolicyTypeRequest, EnablePolicyTypeRequest, ListRootsRequest, PolicyType, PolicyTypeStatus, Root, ops,
};

const SCP_TYPE: PolicyType = PolicyType::ServiceControlPolicy;

fn enabling(app: &TestApp, policy_type: PolicyType) -> EnablePolicyTypeRequest {
    EnablePolicyTypeRequest { policy_type, root_id: root_id(app) }
}

fn disabling(app: &TestApp, policy_type: PolicyType) -> DisablePolicyTypeRequest {
    DisablePolicyTypeRequest { policy_type, root_id: root_id(app) }
}

/// Enables a type and waits until it is.
pub fn enable(app: &TestApp, policy_type: PolicyType) {
    app.call::<ops::EnablePolicyType>(&management(), enabling(app, policy_type)).expect("accepted");
    app.run_jobs();
}

fn types_of(root: Option<Root>) -> Vec<(PolicyType, PolicyTypeStatus)> {
    let types = root.and_then(|root| root.policy_types).unwrap_or_default();
    types.into_iter().filter_map(|it| Some((it.r#type?, it.status?))).collect()
}

fn types(app: &TestApp) -> Vec<(PolicyType, PolicyTypeStatus)> {
    let roots = app.call::<ops::ListRoots>(&management(), ListRootsRequest::default()).expect("listed").roots;
    types_of(roots.unwrap_or_default().pop())
}

#[test]
fn a_type_is_pending_until_it_is_enabled_everywhere() {
    let app = app();
    let account = member(&app, "dev");
    let answer = app.call::<ops::EnablePolicyType>(&management(), enabling(&app, SCP_TYPE)).expect("accepted");
    assert_eq!(types_of(answer.root), []);
    assert_eq!(types(&app), [(SCP_TYPE, PolicyTypeStatus::PendingEnable)]);
    let again = app.call::<ops::EnablePolicyType>(&management(), enabling(&app, SCP_TYPE));
    assert_eq!(failure(again), "PolicyTypeAlreadyEnabledException");
    let disable = app.call::<ops::DisablePolicyType>(&management(), disabling(&app, SCP_TYPE));
    assert_eq!(failure(disable), "PolicyChangesInProgressException");
    app.run_jobs();
    assert_eq!(types(&app), [(SCP_TYPE, PolicyTypeStatus::Enabled)]);
    for target in [&root_id(&app), &account, &crate::support::MANAGEMENT.to_owned()] {
        assert_eq!(attached(&app, SCP_TYPE, target), ["FullAWSAccess"]);
    }
}

#[test]
fn disabling_detaches_everything_and_enabling_again_restores_the_default_only() {
    let app = app();
    enable(&app, SCP_TYPE);
    let (id, root) = (policy(&app, SCP_TYPE, "deny", SCP), root_id(&app));
    attach(&app, &id, &root);
    app.call::<ops::DisablePolicyType>(&management(), disabling(&app, SCP_TYPE)).expect("accepted");
    assert_eq!(types(&app), [(SCP_TYPE, PolicyTypeStatus::PendingDisable)]);
    let again = app.call::<ops::DisablePolicyType>(&management(), disabling(&app, SCP_TYPE));
    assert_eq!(failure(again), "PolicyTypeNotEnabledException");
    let enabling_now = app.call::<ops::EnablePolicyType>(&management(), enabling(&app, SCP_TYPE));
    assert_eq!(failure(enabling_now), "PolicyChangesInProgressException");
    app.run_jobs();
    assert_eq!(types(&app), []);
    assert!(attached(&app, SCP_TYPE, &root).is_empty());
    enable(&app, SCP_TYPE);
    assert_eq!(attached(&app, SCP_TYPE, &root), ["FullAWSAccess"]);
    let duplicate = app.call::<ops::CreatePolicy>(&management(), creation(SCP_TYPE, "deny", SCP));
    assert_eq!(failure(duplicate), "DuplicatePolicyException");
}

#[test]
fn every_type_of_the_model_can_be_enabled() {
    let app = app();
    exec(
        &app,
        "insert into org_trusted_service (org_id, service, enabled_at) \
         select id, 'securityhub.amazonaws.com', 0 from org_organization",
    );
    for policy_type in PolicyType::ALL {
        enable(&app, *policy_type);
    }
    assert_eq!(types(&app).len(), PolicyType::ALL.len());
    assert!(types(&app).iter().all(|(_, status)| *status == PolicyTypeStatus::Enabled));
}

#[test]
fn the_root_must_exist_and_the_service_must_be_trusted() {
    let app = app();
    let unknown = EnablePolicyTypeRequest { root_id: "r-0000".to_owned(), policy_type: SCP_TYPE };
    assert_eq!(failure(app.call::<ops::EnablePolicyType>(&management(), unknown)), "RootNotFoundException");
    let disabled = app.call::<ops::DisablePolicyType>(&management(), disabling(&app, SCP_TYPE));
    assert_eq!(failure(disabled), "PolicyTypeNotEnabledException");
    let input = enabling(&app, PolicyType::SecurityhubPolicy);
    assert_eq!(
        failure(app.call::<ops::EnablePolicyType>(&management(), input)),
        "ConstraintViolationException SERVICE_ACCESS_NOT_ENABLED"
    );
    let account = member(&app, "dev");
    let input = enabling(&app, SCP_TYPE);
    assert_eq!(failure(app.call::<ops::EnablePolicyType>(&of(&account), input)), "AccessDeniedException");
}
