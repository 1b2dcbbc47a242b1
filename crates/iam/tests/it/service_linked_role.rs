//! Service-linked roles.

use crate::support::{ACCOUNT, ALLOW_ALL, account_id, permissions, refusal};
use base::AccountId;
use iam::account::{self, Account, AccountState};
use iam::service_linked_role::{self, IDENTITY_CENTER, ServiceLinkage, Usage};
use kernel::app::Extensions;
use kernel::caller::{Principal, PrincipalCaller};
use kernel::settings::Settings;
use kernel::testing::{START, Setup, TestApp, code, root};
use kernel::{Caller, Result, Tx};
use model::iam::{
    AttachRolePolicyRequest, CreateServiceLinkedRoleRequest, DeleteRoleRequest, DeleteServiceLinkedRoleRequest,
    DeletionTaskStatusType, GetRoleRequest, GetServiceLinkedRoleDeletionStatusRequest,
    GetServiceLinkedRoleDeletionStatusResponse, ListAttachedRolePoliciesRequest, PutRolePolicyRequest, Role, Tag,
    TagRoleRequest, UpdateAssumeRolePolicyRequest, UpdateRoleDescriptionRequest, UpdateRoleRequest, ops,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const SSO_ROLE: &str = "AWSServiceRoleForSSO";

/// Says that every service is in use while the switch is on.
struct Switch(Arc<AtomicBool>);

impl ServiceLinkage for Switch {
    fn usage(&self, _tx: &mut Tx, account: &AccountId, _service: &str) -> Result<Usage> {
        if !self.0.load(Ordering::Relaxed) {
            return Ok(Usage::Free);
        }
        let arn = format!("arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_A_0");
        Ok(Usage::InUse {
            reason: "Trusted access is enabled.".to_owned(),
            resources: vec![("us-east-1".to_owned(), vec![arn])],
        })
    }
}

/// An application whose services are in use while the switch is on, and the root user of its account.
fn setup_with(settings: Settings) -> (TestApp, Caller, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(true));
    let linkage: Box<dyn ServiceLinkage> = Box::new(Switch(Arc::clone(&switch)));
    let extensions = Extensions::default().with(linkage);
    let app = TestApp::new(Setup { routes: iam::routes(), extensions, settings, ..Setup::default() });
    let caller = root(&account_id());
    let account = Account {
        id: account_id(),
        email: "root@example.com".to_owned(),
        name: "Example".to_owned(),
        alias: None,
        state: AccountState::Active,
        created_at: START,
    };
    app.app.write_as(&caller, &app.request(), |cx| account::insert(&mut cx.write(), &account)).expect("an account");
    (app, caller, switch)
}

fn setup() -> (TestApp, Caller, Arc<AtomicBool>) {
    setup_with(Settings::default())
}

fn create(app: &TestApp, caller: &Caller, service: &str) -> Result<Role> {
    let input = CreateServiceLinkedRoleRequest { aws_service_name: service.to_owned(), ..Default::default() };
    app.call::<ops::CreateServiceLinkedRole>(caller, input).map(|output| output.role.expect("shown"))
}

fn get(app: &TestApp, caller: &Caller, name: &str) -> Result<Role> {
    app.call::<ops::GetRole>(caller, GetRoleRequest { role_name: name.to_owned() }).map(|output| output.role)
}

fn attached(app: &TestApp, caller: &Caller, name: &str) -> Vec<String> {
    let input = ListAttachedRolePoliciesRequest { role_name: name.to_owned(), ..Default::default() };
    let policies = app.call::<ops::ListAttachedRolePolicies>(caller, input).expect("listed").attached_policies;
    policies.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn).collect()
}

fn delete(app: &TestApp, caller: &Caller, name: &str) -> Result<String> {
    let input = DeleteServiceLinkedRoleRequest { role_name: name.to_owned() };
    app.call::<ops::DeleteServiceLinkedRole>(caller, input).map(|output| output.deletion_task_id)
}

fn status(app: &TestApp, caller: &Caller, id: &str) -> Result<GetServiceLinkedRoleDeletionStatusResponse> {
    let input = GetServiceLinkedRoleDeletionStatusRequest { deletion_task_id: id.to_owned() };
    app.call::<ops::GetServiceLinkedRoleDeletionStatus>(caller, input)
}

/// Every structural change of the role of that name, by its operation.
fn structural_changes(app: &TestApp, caller: &Caller, name: &str) -> Vec<(&'static str, Result<()>)> {
    let role_name = name.to_owned();
    let trust = catalog::service_linked_role(IDENTITY_CENTER).expect("known").trust_policy();
    vec![
        (
            "UpdateAssumeRolePolicy",
            app.call::<ops::UpdateAssumeRolePolicy>(
                caller,
                UpdateAssumeRolePolicyRequest {
                    role_name: role_name.clone(),
                    policy_document: trust.replace("sso.amazonaws.com", "ec2.amazonaws.com"),
                },
            )
            .map(drop),
        ),
        (
            "UpdateRole",
            app.call::<ops::UpdateRole>(
                caller,
                UpdateRoleRequest {
                    role_name: role_name.clone(),
                    max_session_duration: Some(7_200),
                    ..Default::default()
                },
            )
            .map(drop),
        ),
        (
            "AttachRolePolicy",
            app.call::<ops::AttachRolePolicy>(
                caller,
                AttachRolePolicyRequest {
                    role_name: role_name.clone(),
                    policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess".to_owned(),
                },
            )
            .map(drop),
        ),
        (
            "PutRolePolicy",
            app.call::<ops::PutRolePolicy>(
                caller,
                PutRolePolicyRequest {
                    role_name: role_name.clone(),
                    policy_name: "mine".to_owned(),
                    policy_document: ALLOW_ALL.to_owned(),
                },
            )
            .map(drop),
        ),
        (
            "TagRole",
            app.call::<ops::TagRole>(
                caller,
                TagRoleRequest { role_name, tags: vec![Tag { key: "a".to_owned(), value: "b".to_owned() }] },
            )
            .map(drop),
        ),
    ]
}

#[test]
fn a_role_is_made_from_the_template_of_its_service() {
    let (app, root, _) = setup();
    let role = create(&app, &root, IDENTITY_CENTER).expect("a new role");
    assert_eq!(role.arn, format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/sso.amazonaws.com/{SSO_ROLE}"));
    assert_eq!(role.max_session_duration, Some(3_600));
    let policy = "arn:aws:iam::aws:policy/aws-service-role/AWSSSOServiceRolePolicy";
    assert_eq!(attached(&app, &root, SSO_ROLE), [policy]);
    let taken = "InvalidInput: Service role name AWSServiceRoleForSSO has been taken in this account, please try a \
                 different suffix.";
    assert_eq!(refusal(create(&app, &root, IDENTITY_CENTER)), taken);
}

#[test]
fn unknown_services_and_unwanted_suffixes_are_refused() {
    let (app, root, _) = setup();
    assert_eq!(code(create(&app, &root, "nothing.amazonaws.com")), "InvalidInput");
    let suffixed = |service: &str, suffix: &str| {
        let input = CreateServiceLinkedRoleRequest {
            aws_service_name: service.to_owned(),
            custom_suffix: Some(suffix.to_owned()),
            description: Some("mine".to_owned()),
        };
        app.call::<ops::CreateServiceLinkedRole>(&root, input)
    };
    let text = "InvalidInput: Custom suffix is not allowed for sso.amazonaws.com";
    assert_eq!(refusal(suffixed(IDENTITY_CENTER, "a")), text);
    let open = catalog::service_linked_roles().find(|it| it.allows_custom_suffix).expect("some service takes a suffix");
    let role = suffixed(open.service_principal, "a").expect("a new role").role.expect("shown");
    assert_eq!(role.role_name, format!("{}_a", open.role_name));
    assert_eq!(role.description.as_deref(), Some("mine"));
    assert_eq!(code(suffixed(open.service_principal, &"a".repeat(64))), "InvalidInput");
}

#[test]
fn the_permission_names_the_service_and_the_role() {
    let (app, root, _) = setup();
    let input = CreateServiceLinkedRoleRequest { aws_service_name: IDENTITY_CENTER.to_owned(), ..Default::default() };
    let asked = permissions::<ops::CreateServiceLinkedRole>(&app, &root, &input);
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/sso.amazonaws.com/{SSO_ROLE}");
    assert_eq!((asked[0].action.as_str(), &asked[0].resource), ("iam:CreateServiceLinkedRole", &arn));
    assert_eq!(asked[0].context, [("iam:AWSServiceName".to_owned(), vec![IDENTITY_CENTER.to_owned()])]);
    let input = GetServiceLinkedRoleDeletionStatusRequest {
        deletion_task_id: format!("task/aws-service-role/sso.amazonaws.com/{SSO_ROLE}/1"),
    };
    assert_eq!(permissions::<ops::GetServiceLinkedRoleDeletionStatus>(&app, &root, &input)[0].resource, arn);
}

#[test]
fn the_structure_is_locked_while_the_service_is_in_use() {
    let (app, root, switch) = setup();
    create(&app, &root, IDENTITY_CENTER).expect("a new role");
    let locked = "UnmodifiableEntity: Cannot perform the operation on the protected role 'AWSServiceRoleForSSO' - \
                  this role is only modifiable by AWS";
    for (operation, outcome) in structural_changes(&app, &root, SSO_ROLE) {
        assert_eq!(refusal(outcome), locked, "{operation}");
    }
    switch.store(false, Ordering::Relaxed);
    for (operation, outcome) in structural_changes(&app, &root, SSO_ROLE) {
        assert!(outcome.is_ok(), "{operation}");
    }
    let deletion = app.call::<ops::DeleteRole>(&root, DeleteRoleRequest { role_name: SSO_ROLE.to_owned() });
    assert_eq!(refusal(deletion), locked);
}

#[test]
fn other_services_and_strict_settings_keep_the_structure_locked() {
    let (app, root, switch) = setup();
    switch.store(false, Ordering::Relaxed);
    let name = create(&app, &root, "ssm.amazonaws.com").expect("a new role").role_name;
    for (operation, outcome) in structural_changes(&app, &root, &name) {
        assert_eq!(code(outcome), "UnmodifiableEntity", "{operation}");
    }
    let mut settings = Settings::default();
    settings.service_linked_roles.is_structure_always_locked = true;
    let (app, root, switch) = setup_with(settings);
    switch.store(false, Ordering::Relaxed);
    create(&app, &root, IDENTITY_CENTER).expect("a new role");
    for (operation, outcome) in structural_changes(&app, &root, SSO_ROLE) {
        assert_eq!(code(outcome), "UnmodifiableEntity", "{operation}");
    }
}

#[test]
fn the_description_stays_open_unless_the_operator_locks_it() {
    let describe = |app: &TestApp, root: &Caller| {
        let input = UpdateRoleDescriptionRequest { role_name: SSO_ROLE.to_owned(), description: "mine".to_owned() };
        app.call::<ops::UpdateRoleDescription>(root, input)
    };
    let (app, root, _) = setup();
    create(&app, &root, IDENTITY_CENTER).expect("a new role");
    describe(&app, &root).expect("described");
    let mut settings = Settings::default();
    settings.service_linked_roles.is_description_locked = true;
    let (app, root, switch) = setup_with(settings);
    create(&app, &root, IDENTITY_CENTER).expect("a new role");
    assert_eq!(code(describe(&app, &root)), "UnmodifiableEntity");
    switch.store(false, Ordering::Relaxed);
    describe(&app, &root).expect("described");
}

#[test]
fn a_role_in_use_is_not_deleted_and_the_task_says_why() {
    let (app, root, switch) = setup();
    create(&app, &root, IDENTITY_CENTER).expect("a new role");
    let id = delete(&app, &root, "awsserviceroleforsso").expect("a task");
    assert!(id.starts_with("task/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO/"));
    let failed = status(&app, &root, &id).expect("known");
    assert_eq!(failed.status, DeletionTaskStatusType::Failed);
    let reason = failed.reason.expect("a reason");
    assert_eq!(reason.reason.as_deref(), Some("Trusted access is enabled."));
    let usage = reason.role_usage_list.expect("a list");
    assert_eq!((usage[0].region.as_deref(), usage[0].resources.as_ref().map(Vec::len)), (Some("us-east-1"), Some(1)));
    get(&app, &root, SSO_ROLE).expect("still there");

    switch.store(false, Ordering::Relaxed);
    let id = delete(&app, &root, SSO_ROLE).expect("a task");
    let done = status(&app, &root, &id).expect("known");
    assert_eq!((done.status, done.reason), (DeletionTaskStatusType::Succeeded, None));
    assert_eq!(code(get(&app, &root, SSO_ROLE)), "NoSuchEntity");
    assert_eq!(code(delete(&app, &root, SSO_ROLE)), "NoSuchEntity");
    app.clock.advance_seconds(86_400);
    status(&app, &root, &id).expect("kept for a day");
    create(&app, &root, IDENTITY_CENTER).expect("made anew");
}

#[test]
fn tasks_are_asked_for_by_a_whole_id() {
    let (app, root, _) = setup();
    for id in [
        "x",
        "task/role/AWSServiceRoleForSSO/1",
        "task/aws-service-role/sso.amazonaws.com/1",
        "task/aws-service-role/a/b/",
    ] {
        assert_eq!(code(status(&app, &root, id)), "InvalidInput", "{id}");
    }
    let unknown = format!("task/aws-service-role/sso.amazonaws.com/{SSO_ROLE}/1");
    assert_eq!(code(status(&app, &root, &unknown)), "NoSuchEntity");
}

#[test]
fn a_service_deletes_its_own_role_whatever_uses_it() {
    let (app, root, _) = setup();
    create(&app, &root, IDENTITY_CENTER).expect("a new role");
    let found =
        app.app.read_as(&root, &app.request(), |cx| service_linked_role::find(cx.tx, &account_id(), IDENTITY_CENTER));
    let role = found.expect("readable").expect("exists");
    let service = Caller::Principal(PrincipalCaller {
        account: account_id(),
        principal: Principal::Role(role.identity("clean-up")),
        access_key_id: None,
        session: None,
        invoked_by: None,
    });
    let id = delete(&app, &service, SSO_ROLE).expect("a task");
    assert_eq!(status(&app, &root, &id).expect("known").status, DeletionTaskStatusType::Succeeded);
}

#[test]
fn the_store_makes_repairs_and_removes_roles() {
    let (app, root, switch) = setup();
    let account = account_id();
    let made = app.app.write_as(&root, &app.request(), |cx| {
        let first = service_linked_role::create_service_linked(cx, &account, IDENTITY_CENTER)?;
        let second = service_linked_role::create_service_linked(cx, &account, IDENTITY_CENTER)?;
        Ok((first, second))
    });
    let (first, second) = made.expect("made");
    assert_eq!(first.id, second.id);
    switch.store(false, Ordering::Relaxed);
    for (operation, outcome) in structural_changes(&app, &root, SSO_ROLE) {
        outcome.expect(operation);
    }
    let removed = app.app.write_as(&root, &app.request(), |cx| {
        let spoilt = service_linked_role::find(cx.tx, &account, IDENTITY_CENTER)?.expect("exists");
        service_linked_role::ensure_canonical(cx, &spoilt)
    });
    removed.expect("repaired");
    let policy = "arn:aws:iam::aws:policy/aws-service-role/AWSSSOServiceRolePolicy";
    assert_eq!(attached(&app, &root, SSO_ROLE), [policy]);
    let shown = get(&app, &root, SSO_ROLE).expect("shown");
    assert_eq!((shown.max_session_duration, shown.tags, shown.role_id), (Some(3_600), None, first.id.to_string()));
    let removed = app.app.write_as(&root, &app.request(), |cx| {
        let first = service_linked_role::remove_service_linked(cx, &account, IDENTITY_CENTER)?;
        Ok((first, service_linked_role::remove_service_linked(cx, &account, IDENTITY_CENTER)?))
    });
    assert_eq!(removed.expect("removed"), (true, false));
}
