//! Instances: how they come to be, who knows of them and how they end.

use crate::support::{
    MANAGEMENT, STRANGER, account_id, admin, app, count, delegate, enable, failure, member, of, permission_set,
    permissions, trust, with_organization_of, without_organization,
};
use kernel::Caller;
use kernel::app::Authorizer;
use kernel::testing::{Setup, TestApp, code};
use model::identitystore::{self, CreateUserRequest, Name};
use model::sso_admin::{
    CreateAccountAssignmentRequest, CreateInstanceRequest, DeleteInstanceRequest, DescribeInstanceRequest,
    EncryptionConfiguration, InstanceStatus, KmsKeyType, ListInstancesRequest, ListPermissionSetsRequest,
    PrincipalType, Tag, TargetType, UpdateInstanceRequest, ops,
};
use sso::instance::Instance;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn list(app: &TestApp, caller: &Caller) -> Vec<String> {
    let listed = app.call::<ops::ListInstances>(caller, ListInstancesRequest::default()).expect("listed");
    listed.instances.unwrap_or_default().into_iter().filter_map(|instance| instance.instance_arn).collect()
}

fn describe(app: &TestApp, caller: &Caller, arn: &str) -> kernel::Result<model::sso_admin::DescribeInstanceResponse> {
    app.call::<ops::DescribeInstance>(caller, DescribeInstanceRequest { instance_arn: arn.to_owned() })
}

fn create(app: &TestApp, caller: &Caller) -> kernel::Result<String> {
    let created = app.call::<ops::CreateInstance>(caller, CreateInstanceRequest::default())?;
    Ok(created.instance_arn.expect("there is an ARN"))
}

fn update(app: &TestApp, caller: &Caller, input: UpdateInstanceRequest) -> kernel::Result<()> {
    app.call::<ops::UpdateInstance>(caller, input).map(|_| ())
}

fn write<T>(
    app: &TestApp,
    caller: &Caller,
    work: impl FnMut(&mut kernel::WriteCx<'_>) -> kernel::Result<T>,
) -> kernel::Result<T> {
    app.app.write_as(caller, &app.request(), work)
}

fn current(app: &TestApp, instance: &Instance) -> Instance {
    let found = app.app.store.read(|tx| sso::instance::get(tx, &instance.id)).expect("read");
    found.expect("the instance is there")
}

#[test]
fn enabling_gives_the_service_trusted_access_and_makes_an_instance_with_a_store() {
    let (app, instance) = app();
    assert_eq!(count(&app, "select count(*) from org_trusted_service where service = 'sso.amazonaws.com'"), 1);
    let role = app.app.store.read(|tx| iam::service_linked_role::find(tx, &account_id(MANAGEMENT), sso::SERVICE));
    assert_eq!(role.expect("read").map(|role| role.name).as_deref(), Some("AWSServiceRoleForSSO"));
    let described = describe(&app, &admin(), &instance.arn()).expect("described");
    assert_eq!(described.status, Some(InstanceStatus::Active));
    assert_eq!(described.name.as_deref(), Some("main"));
    assert_eq!(described.owner_account_id.as_deref(), Some(MANAGEMENT));
    assert_eq!(described.identity_store_id, Some(instance.store.to_string()));
    assert!(instance.start_url().starts_with("https://d-"));
    let store = app.app.store.read(|tx| identity::store::get(tx, &instance.store)).expect("read");
    assert_eq!(store.map(|store| store.owner), Some(account_id(MANAGEMENT)));
}

#[test]
fn enabling_is_for_the_management_account_of_an_organization_and_only_once() {
    let alone = without_organization();
    let refused = failure(enable(&alone, &admin()));
    assert!(refused.starts_with("ValidationException: "), "{refused}");
    assert!(refused.contains("aws organizations create-organization"), "{refused}");
    let (app, _) = app();
    assert_eq!(code(enable(&app, &admin())), "ConflictException");
    let member = member(&app, "member");
    assert_eq!(code(enable(&app, &of(&member))), "AccessDeniedException");
}

#[test]
fn enabling_takes_the_callers_own_permission_for_trusted_access() {
    /// Refuses one action once it is told to.
    struct Without(&'static str, Arc<AtomicBool>);
    impl Authorizer for Without {
        fn authorize(&self, _: &mut kernel::Cx<'_>, permission: &kernel::Permission) -> kernel::Result<()> {
            let refuses = self.1.load(Ordering::SeqCst) && permission.action == self.0;
            if refuses { Err(kernel::Error::denied(self.0)) } else { Ok(()) }
        }
        fn refuse_explicit_deny(&self, _: &mut kernel::Cx<'_>, _: &kernel::Permission) -> kernel::Result<()> {
            Ok(())
        }
    }
    for action in ["organizations:EnableAWSServiceAccess", "iam:CreateServiceLinkedRole"] {
        let is_told = Arc::new(AtomicBool::new(false));
        let authorizer = Box::new(Without(action, Arc::clone(&is_told)));
        let app = with_organization_of(Setup { authorizer, ..crate::support::setup() });
        is_told.store(true, Ordering::SeqCst);
        assert_eq!(failure(enable(&app, &admin())), format!("AccessDenied: {action}"));
        assert_eq!(count(&app, "select count(*) from sso_instance"), 0);
        assert_eq!(count(&app, "select count(*) from org_trusted_service"), 0);
    }
}

#[test]
fn members_see_the_instance_of_the_organization_and_strangers_do_not() {
    let (app, instance) = app();
    let member = member(&app, "member");
    assert_eq!(list(&app, &of(&member)), [instance.arn()]);
    assert!(describe(&app, &of(&member), &instance.arn()).is_ok());
    assert!(list(&app, &of(STRANGER)).is_empty());
    let message = format!("ResourceNotFoundException: Could not find Instance with id {}", instance.id);
    assert_eq!(failure(describe(&app, &of(STRANGER), &instance.arn())), message);
    let unknown = "arn:aws:sso:::instance/ssoins-0000000000000000";
    assert_eq!(code(describe(&app, &admin(), unknown)), "ResourceNotFoundException");
}

#[test]
fn members_do_not_administer_the_instance_and_the_delegate_does_while_the_service_is_trusted() {
    let (app, instance) = app();
    let (member, delegate) = (member(&app, "member"), delegate(&app));
    let read = |account: &str| {
        let input = ListPermissionSetsRequest { instance_arn: instance.arn(), ..Default::default() };
        app.call::<ops::ListPermissionSets>(&of(account), input).map(|_| ())
    };
    assert_eq!(code(read(&member)), "AccessDeniedException");
    assert!(read(&delegate).is_ok());
    trust(&app, false);
    assert_eq!(code(read(&delegate)), "AccessDeniedException");
    assert!(read(MANAGEMENT).is_ok());
    trust(&app, true);
    assert!(read(&delegate).is_ok());
}

#[test]
fn nothing_is_changed_while_trusted_access_is_off() {
    let (app, instance) = app();
    trust(&app, false);
    let input = UpdateInstanceRequest {
        instance_arn: instance.arn(),
        name: Some("other".to_owned()),
        ..UpdateInstanceRequest::default()
    };
    let message = "AccessDeniedException: AWS SSO is not able to access the organization: trusted access is disabled";
    assert_eq!(failure(update(&app, &admin(), input.clone())), message);
    assert!(describe(&app, &admin(), &instance.arn()).is_ok());
    trust(&app, true);
    update(&app, &admin(), input).expect("updated");
    assert_eq!(current(&app, &instance).name.as_deref(), Some("other"));
}

#[test]
fn keys_of_customers_are_refused() {
    let (app, instance) = app();
    let with = |key_type, kms_key_arn: Option<&str>| {
        let kms_key_arn = kms_key_arn.map(str::to_owned);
        let input = UpdateInstanceRequest {
            instance_arn: instance.arn(),
            encryption_configuration: Some(EncryptionConfiguration { key_type, kms_key_arn }),
            ..UpdateInstanceRequest::default()
        };
        update(&app, &admin(), input)
    };
    let arn = "arn:aws:kms:us-east-1:111122223333:key/a";
    assert!(with(KmsKeyType::AwsOwnedKmsKey, None).is_ok());
    assert_eq!(code(with(KmsKeyType::AwsOwnedKmsKey, Some(arn))), "ValidationException");
    assert_eq!(code(with(KmsKeyType::CustomerManagedKey, None)), "ValidationException");
    assert_eq!(code(with(KmsKeyType::CustomerManagedKey, Some(arn))), "ResourceNotFoundException");
}

#[test]
fn an_account_that_stands_alone_may_have_one_instance_and_delete_it() {
    let app = without_organization();
    let input = CreateInstanceRequest {
        client_token: Some("token".to_owned()),
        name: Some("mine".to_owned()),
        tags: Some(vec![Tag { key: "Team".to_owned(), value: "a".to_owned() }]),
    };
    let permission = permissions::<ops::CreateInstance>(&app, &of(STRANGER), &input).remove(0);
    assert_eq!(permission.resource, "arn:aws:sso:::instance/*");
    assert!(permission.context.contains(&("aws:RequestTag/Team".to_owned(), vec!["a".to_owned()])));
    let created = app.call::<ops::CreateInstance>(&of(STRANGER), input.clone()).expect("created");
    let again = app.call::<ops::CreateInstance>(&of(STRANGER), input).expect("the same");
    assert_eq!(created.instance_arn, again.instance_arn);
    assert_eq!(code(create(&app, &of(STRANGER))), "ConflictException");
    let arn = created.instance_arn.expect("there is an ARN");
    assert_eq!(list(&app, &of(STRANGER)), std::slice::from_ref(&arn));
    let listing = ListPermissionSetsRequest { instance_arn: arn.clone(), ..Default::default() };
    assert_eq!(code(app.call::<ops::ListPermissionSets>(&of(STRANGER), listing)), "ValidationException");
    let delete = || app.call::<ops::DeleteInstance>(&of(STRANGER), DeleteInstanceRequest { instance_arn: arn.clone() });
    delete().expect("deleted");
    assert_eq!(code(delete()), "ResourceNotFoundException");
    for sql in [
        "select count(*) from sso_instance",
        "select count(*) from ids_store",
        "select count(*) from sso_tag",
        "select count(*) from sso_region",
    ] {
        assert_eq!(count(&app, sql), 0, "{sql}");
    }
}

#[test]
fn members_have_instances_of_their_own_when_the_administrator_lets_them() {
    let (app, instance) = app();
    let member = member(&app, "member");
    assert_eq!(code(create(&app, &admin())), "ValidationException");
    assert_eq!(code(create(&app, &of(&member))), "AccessDeniedException");
    write(&app, &admin(), |cx| sso::instance::set_allows_account_instances(cx, &instance, true)).expect("set");
    let own = create(&app, &of(&member)).expect("created");
    let mut seen = list(&app, &of(&member));
    seen.sort();
    let mut expected = vec![instance.arn(), own];
    expected.sort();
    assert_eq!(seen, expected);
    assert_eq!(list(&app, &admin()), [instance.arn()]);
}

#[test]
fn the_instance_of_an_organization_is_not_deleted_by_the_api() {
    let (app, instance) = app();
    let delegate = delegate(&app);
    let delete = |caller: &Caller| {
        app.call::<ops::DeleteInstance>(caller, DeleteInstanceRequest { instance_arn: instance.arn() }).map(|_| ())
    };
    assert_eq!(code(delete(&admin())), "ValidationException");
    assert_eq!(code(delete(&of(&delegate))), "AccessDeniedException");
}

#[test]
fn deleting_the_configuration_removes_everything_but_trusted_access() {
    let (app, instance) = app();
    let delegate = delegate(&app);
    permission_set(&app, &instance, "Admin");
    let delete = |caller: &Caller| write(&app, caller, |cx| sso::instance::delete_organization_instance(cx, &instance));
    assert_eq!(code(delete(&of(&delegate))), "AccessDeniedException");
    delete(&admin()).expect("accepted");
    let status = describe(&app, &admin(), &instance.arn()).expect("described").status;
    assert_eq!(status, Some(InstanceStatus::DeleteInProgress));
    let input = UpdateInstanceRequest { instance_arn: instance.arn(), ..UpdateInstanceRequest::default() };
    assert_eq!(code(update(&app, &admin(), input)), "ConflictException");
    app.run_jobs();
    assert!(list(&app, &admin()).is_empty());
    for sql in ["select count(*) from sso_permission_set", "select count(*) from ids_store"] {
        assert_eq!(count(&app, sql), 0, "{sql}");
    }
    assert_eq!(count(&app, "select count(*) from org_trusted_service"), 1);
    assert_ne!(enable(&app, &admin()).expect("enabled again").id, instance.id);
}

#[test]
fn lists_of_instances_go_on_where_they_ended() {
    let (app, instance) = app();
    let member = member(&app, "member");
    write(&app, &admin(), |cx| sso::instance::set_allows_account_instances(cx, &instance, true)).expect("set");
    create(&app, &of(&member)).expect("created");
    let page = |next_token| {
        let input = ListInstancesRequest { max_results: Some(1), next_token, region_scope: None };
        app.call::<ops::ListInstances>(&of(&member), input)
    };
    let first = page(None).expect("listed");
    let second = page(first.next_token.clone()).expect("listed");
    let arn =
        |list: &Option<Vec<model::sso_admin::InstanceMetadata>>| list.as_ref().map(|all| all[0].instance_arn.clone());
    assert_ne!(arn(&first.instances), arn(&second.instances));
    assert!(first.next_token.is_some() && second.next_token.is_none());
    assert_eq!(code(page(Some("bad".to_owned()))), "ValidationException");
}

#[test]
fn the_start_url_gets_a_name_once() {
    let (app, instance) = app();
    let set = |alias: &str| {
        let instance = current(&app, &instance);
        write(&app, &admin(), |cx| sso::instance::set_alias(cx, &instance, alias))
    };
    for alias in ["", "d-1234567890", "Acme", "acme.corp", "-acme", "acme-", &"a".repeat(64)] {
        assert_eq!(code(set(alias)), "ValidationException", "{alias}");
    }
    set("acme").expect("set");
    assert_eq!(current(&app, &instance).start_url(), "https://acme.awsapps.com/start");
    assert_eq!(code(set("other")), "ConflictException");
}

#[test]
fn sessions_last_from_a_quarter_of_an_hour_to_ninety_days() {
    let (app, instance) = app();
    let set = |seconds| write(&app, &admin(), |cx| sso::instance::set_session_seconds(cx, &instance, seconds));
    assert_eq!(instance.session_seconds, 28_800);
    for seconds in [0, 899, 90 * 86_400 + 1] {
        assert_eq!(code(set(seconds)), "ValidationException", "{seconds}");
    }
    set(900).expect("set");
    set(90 * 86_400).expect("set");
    assert_eq!(current(&app, &instance).session_seconds, 90 * 86_400);
}

#[test]
fn settings_are_kept_by_their_name() {
    let (app, instance) = app();
    let get = |name: &str| app.app.store.read(|tx| sso::instance::setting(tx, &instance, name)).expect("read");
    assert_eq!(get("mfa"), None);
    write(&app, &admin(), |cx| sso::instance::set_setting(cx, &instance, "mfa", "always".into())).expect("set");
    write(&app, &admin(), |cx| sso::instance::set_setting(cx, &instance, "other", 1.into())).expect("set");
    assert_eq!(get("mfa"), Some("always".into()));
}

#[test]
fn the_instance_describes_itself_to_an_account_with_the_key_that_signs() {
    let (app, instance) = app();
    let account = account_id(STRANGER);
    let read = |account: &base::AccountId| {
        let certificate = app.app.store.read(|tx| sso::instance::signer::certificate(tx, &instance)).expect("read");
        sso::instance::saml_metadata(&certificate, &instance, account).expect("made")
    };
    let metadata = read(&account);
    let signer = app.app.store.read(|tx| sso::instance::signing_key(&app.app, tx, &instance)).expect("opened");
    assert!(metadata.contains(&signer.certificate.base64()));
    assert!(metadata.contains(&sso::instance::entity_id(&instance, &account)));
    assert_eq!(signer.certificate.key(), signer.key.public());
    let years = (signer.certificate.not_after().seconds() - app.app.now().seconds()) / (365 * 86_400);
    assert_eq!(years, 100);
    assert_ne!(read(&account_id(MANAGEMENT)), metadata);
}

#[test]
fn the_instance_goes_with_its_organization() {
    let (app, instance) = app();
    permission_set(&app, &instance, "Admin");
    app.call::<model::organizations::ops::DeleteOrganization>(&admin(), smithy::schema::Unit {}).expect("deleted");
    assert!(list(&app, &admin()).is_empty());
    assert_eq!(count(&app, "select count(*) from sso_instance"), 0);
    assert_eq!(count(&app, "select count(*) from ids_store"), 0);
}

#[test]
fn an_instance_that_is_being_deleted_has_no_portal() {
    let (app, instance) = app();
    let find = || {
        let settings = app.app.settings.clone();
        app.app.store.read(|tx| sso::instance::of_start_url(tx, &settings, &instance.start_url())).expect("read")
    };
    assert_eq!(find().map(|found| found.id), Some(instance.id.clone()));
    write(&app, &admin(), |cx| sso::instance::delete_organization_instance(cx, &instance)).expect("accepted");
    assert_eq!(find(), None);
}

/// Roles of the service in any account.
fn roles(app: &TestApp) -> i64 {
    count(app, "select count(*) from iam_role where path like '/aws-reserved/sso.amazonaws.com/%'")
}

#[test]
fn deleting_the_configuration_removes_the_roles_from_every_account_first() {
    let (app, instance) = app();
    let member = member(&app, "member");
    let permission_set_arn = permission_set(&app, &instance, "Admin");
    let input = CreateUserRequest {
        identity_store_id: instance.store.to_string(),
        user_name: Some("ada".to_owned()),
        display_name: Some("Ada".to_owned()),
        name: Some(Name {
            given_name: Some("Ada".to_owned()),
            family_name: Some("Lovelace".to_owned()),
            ..Name::default()
        }),
        ..CreateUserRequest::default()
    };
    let user = app.call::<identitystore::ops::CreateUser>(&admin(), input).expect("created");
    let input = CreateAccountAssignmentRequest {
        instance_arn: instance.arn(),
        permission_set_arn,
        principal_id: user.user_id,
        principal_type: PrincipalType::User,
        target_id: member,
        target_type: TargetType::AwsAccount,
    };
    app.call::<ops::CreateAccountAssignment>(&admin(), input).expect("accepted");
    app.run_jobs();
    assert_eq!(roles(&app), 1);
    write(&app, &admin(), |cx| sso::instance::delete_organization_instance(cx, &instance)).expect("accepted");
    app.run_jobs();
    app.clock.advance_seconds(60);
    app.run_jobs();
    assert_eq!(roles(&app), 0);
    assert_eq!(count(&app, "select count(*) from iam_saml_provider"), 0);
    assert_eq!(count(&app, "select count(*) from sso_instance"), 0);
    assert_eq!(count(&app, "select count(*) from ids_user"), 0);
}

#[test]
fn roles_that_the_service_cannot_reach_keep_the_configuration() {
    let (app, instance) = app();
    permission_set(&app, &instance, "Admin");
    let sql = "insert into sso_provisioned (instance_id, account_id, permission_set_id, role_name, version, \
               provisioned_at) select instance_id, '111122223333', id, 'r', 1, 0 from sso_permission_set";
    app.app.store.write(|tx| tx.exec_one(sql, kernel::params![]), |_| {}).expect("provisioned");
    trust(&app, false);
    let delete = || write(&app, &admin(), |cx| sso::instance::delete_organization_instance(cx, &instance));
    assert_eq!(code(delete()), "AccessDeniedException");
    assert!(current(&app, &instance).is_active());
}
