//! Delegated administrators.

use crate::support::{MANAGEMENT, app, count, exec, failure, management, member, of, permissions, trust_sso};
use kernel::testing::TestApp;
use model::organizations::{
    DelegatedAdministrator, DeregisterDelegatedAdministratorRequest, ListAccountsRequest,
    ListDelegatedAdministratorsRequest, ListDelegatedServicesForAccountRequest, RegisterDelegatedAdministratorRequest,
    ops,
};

const SSO: &str = "sso.amazonaws.com";

fn registration(account: &str, service: &str) -> RegisterDelegatedAdministratorRequest {
    RegisterDelegatedAdministratorRequest { account_id: account.to_owned(), service_principal: service.to_owned() }
}

fn register(app: &TestApp, account: &str, service: &str) -> kernel::Result<()> {
    app.call::<ops::RegisterDelegatedAdministrator>(&management(), registration(account, service)).map(drop)
}

fn deregister(app: &TestApp, account: &str, service: &str) -> kernel::Result<()> {
    let input = DeregisterDelegatedAdministratorRequest {
        account_id: account.to_owned(),
        service_principal: service.to_owned(),
    };
    app.call::<ops::DeregisterDelegatedAdministrator>(&management(), input).map(drop)
}

fn administrators(app: &TestApp, service: Option<&str>) -> Vec<DelegatedAdministrator> {
    let service_principal = service.map(str::to_owned);
    let input = ListDelegatedAdministratorsRequest { service_principal, ..Default::default() };
    let listed = app.call::<ops::ListDelegatedAdministrators>(&management(), input).expect("listed");
    listed.delegated_administrators.unwrap_or_default()
}

fn trust(app: &TestApp) {
    trust_sso(app);
    exec(
        app,
        "insert into org_trusted_service (org_id, service, enabled_at) \
         select id, 'iam.amazonaws.com', 0 from org_organization",
    );
}

#[test]
fn a_registered_member_is_listed_and_may_read_the_organization() {
    let app = app();
    trust(&app);
    let account = member(&app, "dev");
    let read = || app.call::<ops::ListAccounts>(&of(&account), ListAccountsRequest::default()).map(drop);
    assert_eq!(failure(read()), "AccessDeniedException");
    register(&app, &account, SSO).expect("registered");
    read().expect("a delegated administrator reads");
    let listed = administrators(&app, Some(SSO));
    assert_eq!((listed.len(), listed[0].id.as_deref(), listed[0].name.as_deref()), (1, Some(&*account), Some("dev")));
    assert_eq!(listed[0].delegation_enabled_date, Some(kernel::testing::START));
    assert!(administrators(&app, Some("iam.amazonaws.com")).is_empty());
    let input = ListDelegatedServicesForAccountRequest { account_id: account.clone(), ..Default::default() };
    let services = app.call::<ops::ListDelegatedServicesForAccount>(&of(&account), input).expect("listed");
    assert_eq!(services.delegated_services.unwrap_or_default()[0].service_principal.as_deref(), Some(SSO));
    deregister(&app, &account, SSO).expect("deregistered");
    assert_eq!(failure(read()), "AccessDeniedException");
}

#[test]
fn what_cannot_be_registered() {
    let app = app();
    let (first, second) = (member(&app, "first"), member(&app, "second"));
    let untrusted = "ConstraintViolationException SERVICE_ACCESS_NOT_ENABLED";
    assert_eq!(failure(register(&app, &first, SSO)), untrusted);
    trust(&app);
    assert_eq!(
        failure(register(&app, MANAGEMENT, SSO)),
        "ConstraintViolationException CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR"
    );
    let unrecognized = "InvalidInputException UNRECOGNIZED_SERVICE_PRINCIPAL";
    assert_eq!(failure(register(&app, &first, "nothing.amazonaws.com")), unrecognized);
    assert_eq!(failure(register(&app, &first, "tagpolicies.tag.amazonaws.com")), unrecognized);
    assert_eq!(failure(register(&app, "000000000001", SSO)), "AccountNotFoundException");
    register(&app, &first, SSO).expect("registered");
    assert_eq!(failure(register(&app, &first, SSO)), "AccountAlreadyRegisteredException");
    assert_eq!(
        failure(register(&app, &second, SSO)),
        "ConstraintViolationException MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED"
    );
    exec(&app, "update iam_account set state = 'SUSPENDED' where name = 'second'");
    assert_eq!(
        failure(register(&app, &second, "iam.amazonaws.com")),
        "ConstraintViolationException CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR"
    );
    let by_member = app.call::<ops::RegisterDelegatedAdministrator>(&of(&first), registration(&second, SSO));
    assert_eq!(failure(by_member), "AccessDeniedException");
}

#[test]
fn only_registered_accounts_have_services_and_can_be_deregistered() {
    let app = app();
    trust(&app);
    let account = member(&app, "dev");
    assert_eq!(failure(deregister(&app, &account, SSO)), "AccountNotRegisteredException");
    assert_eq!(failure(deregister(&app, "000000000001", SSO)), "AccountNotFoundException");
    let services = |account: &str| {
        let input = ListDelegatedServicesForAccountRequest { account_id: account.to_owned(), ..Default::default() };
        failure(app.call::<ops::ListDelegatedServicesForAccount>(&management(), input))
    };
    assert_eq!(services(&account), "AccountNotRegisteredException");
    assert_eq!(services("000000000001"), "AccountNotFoundException");
    register(&app, &account, SSO).expect("registered");
    assert_eq!(failure(deregister(&app, &account, "iam.amazonaws.com")), "AccountNotRegisteredException");
    assert_eq!(count(&app, "select count(*) from org_delegated_administrator"), 1);
}

#[test]
fn an_account_with_several_services_is_listed_once_since_the_first() {
    let app = app();
    trust(&app);
    let account = member(&app, "dev");
    register(&app, &account, SSO).expect("registered");
    app.clock.advance_seconds(5);
    register(&app, &account, "iam.amazonaws.com").expect("registered");
    let listed = administrators(&app, None);
    assert_eq!((listed.len(), listed[0].delegation_enabled_date), (1, Some(kernel::testing::START)));
    let mut input =
        ListDelegatedServicesForAccountRequest { account_id: account, max_results: Some(1), ..Default::default() };
    for expected in [SSO, "iam.amazonaws.com"] {
        let page = app.call::<ops::ListDelegatedServicesForAccount>(&management(), input.clone()).expect("listed");
        let services = page.delegated_services.unwrap_or_default();
        assert_eq!((services.len(), services[0].service_principal.as_deref()), (1, Some(expected)));
        input.next_token = page.next_token;
    }
    assert_eq!(input.next_token, None);
}

#[test]
fn administrators_page() {
    let app = app();
    trust(&app);
    let mut accounts: Vec<String> = (0..3).map(|at| member(&app, &format!("n{at}"))).collect();
    accounts.iter().for_each(|account| register(&app, account, "iam.amazonaws.com").expect("registered"));
    accounts.sort();
    let mut input = ListDelegatedAdministratorsRequest { max_results: Some(2), ..Default::default() };
    let mut seen = Vec::new();
    for expected in [2, 1] {
        let page = app.call::<ops::ListDelegatedAdministrators>(&management(), input.clone()).expect("listed");
        let administrators = page.delegated_administrators.unwrap_or_default();
        assert_eq!(administrators.len(), expected);
        seen.extend(administrators.into_iter().filter_map(|it| it.id));
        input.next_token = page.next_token;
    }
    assert_eq!(seen, accounts);
}

#[test]
fn registering_takes_permission_on_the_account_for_the_service() {
    let input = registration("123456789012", SSO);
    let wanted = permissions::<ops::RegisterDelegatedAdministrator>(&app(), &management(), &input);
    assert!(wanted[0].resource.ends_with("/123456789012") && wanted[0].resource.contains(":account/o-"));
    assert_eq!(wanted[0].context, [("organizations:ServicePrincipal".to_owned(), vec![SSO.to_owned()])]);
}
