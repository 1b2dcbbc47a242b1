//! Trusted access of services.

use crate::support::{app, failure, management, member, of, permissions, root_id, setup, start};
use kernel::testing::{Setup, TestApp};
use kernel::{Event, params};
use model::organizations::{
    CreateOrganizationRequest, DisableAWSServiceAccessRequest, EnableAWSServiceAccessRequest, EnablePolicyTypeRequest,
    EnabledServicePrincipal, ListAWSServiceAccessForOrganizationRequest, OrganizationFeatureSet, PolicyType, ops,
};

const SSO: &str = "sso.amazonaws.com";

pub fn enabling(service: &str) -> EnableAWSServiceAccessRequest {
    EnableAWSServiceAccessRequest { service_principal: service.to_owned() }
}

fn disabling(service: &str) -> DisableAWSServiceAccessRequest {
    DisableAWSServiceAccessRequest { service_principal: service.to_owned() }
}

fn services(app: &TestApp) -> Vec<EnabledServicePrincipal> {
    let input = ListAWSServiceAccessForOrganizationRequest::default();
    let listed = app.call::<ops::ListAWSServiceAccessForOrganization>(&management(), input).expect("listed");
    listed.enabled_service_principals.unwrap_or_default()
}

/// An application that keeps the events of trusted access as tags of nothing.
fn recording() -> TestApp {
    let effects = |cx: &mut kernel::WriteCx<'_>, event: &Event| {
        let (verb, service) = match event {
            Event::TrustedAccessEnabled { service, .. } => ("enabled", service),
            Event::TrustedAccessDisabled { service, .. } => ("disabled", service),
            _ => return Ok(()),
        };
        let sql = "insert into org_tag (resource_id, key, value) values ($1, $2, $3)";
        let id = cx.random.uuid();
        cx.write().exec_one(sql, params![id, verb, service])
    };
    crate::support::with_organization(Setup { effects, ..setup() })
}

#[test]
fn enabling_twice_changes_nothing_and_tells_nobody() {
    let app = recording();
    let enable = || app.call::<ops::EnableAWSServiceAccess>(&management(), enabling(SSO)).expect("enabled");
    enable();
    let since = services(&app)[0].date_enabled;
    app.clock.advance_seconds(60);
    enable();
    let listed = services(&app);
    assert_eq!((listed.len(), listed[0].service_principal.as_deref()), (1, Some(SSO)));
    assert_eq!(listed[0].date_enabled, since);
    assert_eq!(crate::support::count(&app, "select count(*) from org_tag where key = 'enabled'"), 1);
}

#[test]
fn disabling_what_is_not_enabled_is_harmless() {
    let app = recording();
    let disable = || app.call::<ops::DisableAWSServiceAccess>(&management(), disabling(SSO)).expect("disabled");
    disable();
    app.call::<ops::EnableAWSServiceAccess>(&management(), enabling(SSO)).expect("enabled");
    disable();
    disable();
    assert!(services(&app).is_empty());
    assert_eq!(crate::support::count(&app, "select count(*) from org_tag where key = 'disabled'"), 1);
}

#[test]
fn only_services_that_aws_knows_can_be_trusted() {
    let app = app();
    let unrecognized = "InvalidInputException UNRECOGNIZED_SERVICE_PRINCIPAL";
    let enable = app.call::<ops::EnableAWSServiceAccess>(&management(), enabling("nothing.amazonaws.com"));
    assert_eq!(failure(enable), unrecognized);
    let disable = app.call::<ops::DisableAWSServiceAccess>(&management(), disabling("nothing.amazonaws.com"));
    assert_eq!(failure(disable), unrecognized);
}

#[test]
fn only_the_management_account_switches_and_delegates_may_look() {
    let app = app();
    let account = member(&app, "dev");
    let caller = of(&account);
    assert_eq!(failure(app.call::<ops::EnableAWSServiceAccess>(&caller, enabling(SSO))), "AccessDeniedException");
    let stranger = of(crate::support::STRANGER);
    assert_eq!(
        failure(app.call::<ops::EnableAWSServiceAccess>(&stranger, enabling(SSO))),
        "AWSOrganizationsNotInUseException"
    );
    let list = ListAWSServiceAccessForOrganizationRequest::default;
    assert_eq!(failure(app.call::<ops::ListAWSServiceAccessForOrganization>(&caller, list())), "AccessDeniedException");
    crate::support::delegate(&app, &account);
    app.call::<ops::ListAWSServiceAccessForOrganization>(&caller, list()).expect("delegates read");
    assert_eq!(failure(app.call::<ops::EnableAWSServiceAccess>(&caller, enabling(SSO))), "AccessDeniedException");
}

#[test]
fn billing_organizations_trust_no_service() {
    let app = start(setup());
    let input = CreateOrganizationRequest { feature_set: Some(OrganizationFeatureSet::ConsolidatedBilling) };
    app.call::<ops::CreateOrganization>(&management(), input).expect("created");
    assert_eq!(
        failure(app.call::<ops::EnableAWSServiceAccess>(&management(), enabling(SSO))),
        "ConstraintViolationException ORGANIZATION_NOT_IN_ALL_FEATURES_MODE"
    );
}

#[test]
fn a_service_stays_trusted_while_a_policy_type_needs_it() {
    let app = app();
    let service = "securityhub.amazonaws.com";
    app.call::<ops::EnableAWSServiceAccess>(&management(), enabling(service)).expect("enabled");
    let input = EnablePolicyTypeRequest { policy_type: PolicyType::SecurityhubPolicy, root_id: root_id(&app) };
    app.call::<ops::EnablePolicyType>(&management(), input).expect("enabled");
    assert_eq!(
        failure(app.call::<ops::DisableAWSServiceAccess>(&management(), disabling(service))),
        "ConstraintViolationException POLICY_TYPE_ENABLED_FOR_THIS_SERVICE"
    );
}

#[test]
fn the_list_is_in_the_order_of_enabling_and_pages() {
    let app = app();
    let all: Vec<&str> = catalog::trusted_services().map(|service| service.service_principal).take(23).collect();
    for service in all.iter().rev() {
        app.clock.advance_seconds(1);
        app.call::<ops::EnableAWSServiceAccess>(&management(), enabling(service)).expect("enabled");
    }
    let mut input = ListAWSServiceAccessForOrganizationRequest::default();
    let mut names = Vec::new();
    for expected in [20, 3] {
        let page = app.call::<ops::ListAWSServiceAccessForOrganization>(&management(), input.clone()).expect("listed");
        let services = page.enabled_service_principals.unwrap_or_default();
        assert_eq!(services.len(), expected);
        names.extend(services.into_iter().filter_map(|service| service.service_principal));
        input.next_token = page.next_token;
    }
    assert_eq!(input.next_token, None);
    names.reverse();
    assert_eq!(names, all);
    input.next_token = Some("nonsense".to_owned());
    assert_eq!(
        failure(app.call::<ops::ListAWSServiceAccessForOrganization>(&management(), input)),
        "InvalidInputException INVALID_NEXT_TOKEN"
    );
}

#[test]
fn the_service_is_a_condition_key() {
    let wanted = permissions::<ops::EnableAWSServiceAccess>(&app(), &management(), &enabling(SSO));
    assert_eq!((wanted[0].action.as_str(), wanted[0].resource.as_str()), ("organizations:EnableAWSServiceAccess", "*"));
    assert_eq!(wanted[0].context, [("organizations:ServicePrincipal".to_owned(), vec![SSO.to_owned()])]);
}
