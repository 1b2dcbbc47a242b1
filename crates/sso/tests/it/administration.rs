//! What AWS has in its console only: enabling, settings, passwords, sessions, device approval, the outbox.

use crate::support::{
    MANAGEMENT, STRANGER, admin, app, delegate, failure, member, of, permissions, trust, with_organization,
};
use base::Secret;
use identity::password::{self, Checked};
use kernel::testing::TestApp;
use model::identitystore::{CreateUserRequest, Email, Name, ops as store_ops};
use model::vestibule::{
    ApproveDeviceRequest, DeleteIdentityCenterRequest, DeleteUserSessionRequest, DeleteUserSessionsRequest,
    DescribeEmailVerificationRequest, DescribeIdentityCenterRequest, EnableIdentityCenterRequest, IdentityCenter,
    InstanceKind, InstanceStatus, ListMailRequest, ListUserSessionsRequest, PasswordLinkPurpose,
    SendEmailVerificationRequest, SendPasswordLinkRequest, SetUserPasswordRequest, SetUserStatusRequest,
    UpdateIdentityCenterSettingsRequest, UserStatus, ops,
};
use sso::instance::Instance;
use sso::mail_link::{self, Outcome, Purpose};

/// A user called `name` with a mail address; its id.
fn user(app: &TestApp, instance: &Instance, name: &str) -> String {
    let email = Email { value: Some(format!("{name}@example.com")), ..Email::default() };
    let input = CreateUserRequest {
        display_name: Some(name.to_uppercase()),
        emails: Some(vec![email]),
        identity_store_id: instance.store.to_string(),
        name: Some(Name {
            given_name: Some(name.to_owned()),
            family_name: Some("Example".to_owned()),
            ..Name::default()
        }),
        user_name: Some(name.to_owned()),
        ..CreateUserRequest::default()
    };
    app.call::<store_ops::CreateUser>(&admin(), input).expect("created").user_id
}

fn described(app: &TestApp, caller: &str) -> kernel::Result<IdentityCenter> {
    let input = DescribeIdentityCenterRequest::default();
    let output = app.call::<ops::DescribeIdentityCenter>(&of(caller), input)?;
    Ok(output.identity_center.expect("described"))
}

fn set_password(app: &TestApp, user: &str, password: Option<&str>, one_time: Option<bool>) -> kernel::Result<Secret> {
    let input = SetUserPasswordRequest {
        password: password.map(str::to_owned),
        one_time,
        user: user.to_owned(),
        ..SetUserPasswordRequest::default()
    };
    let output = app.call::<ops::SetUserPassword>(&admin(), input)?;
    let text = output.one_time_password.or(password.map(str::to_owned));
    Ok(Secret::new(text.expect("given or generated")))
}

fn checked(app: &TestApp, instance: &Instance, name: &str, password: &Secret) -> Checked {
    password::check(&app.app, &instance.store, name, password, "192.0.2.9").expect("checked")
}

#[test]
fn the_management_account_enables_and_sees_the_instance() {
    let app = with_organization();
    assert!(failure(described(&app, MANAGEMENT)).contains("is not enabled"));
    let enabled = app.call::<ops::EnableIdentityCenter>(&admin(), EnableIdentityCenterRequest {}).expect("enabled");
    let center = enabled.identity_center.expect("described");
    assert_eq!((center.kind, center.status), (Some(InstanceKind::Organization), Some(InstanceStatus::Active)));
    assert_eq!((center.owner_account_id.as_deref(), center.trusted_access_enabled), (Some(MANAGEMENT), Some(true)));
    let store = center.identity_store_id.clone().expect("a store");
    assert_eq!(center.start_url, Some(format!("https://{store}.awsapps.com/start")));
    assert_eq!(center.portal_url.as_deref(), Some("http://127.0.0.1:4600/start"));
    let settings = center.settings.expect("settings");
    assert_eq!((settings.session_duration_minutes, settings.device_approval_allowed), (Some(480), Some(false)));
    let again = app.call::<ops::EnableIdentityCenter>(&admin(), EnableIdentityCenterRequest {});
    assert!(failure(again).starts_with("ConflictException"));
    let stranger = app.call::<ops::EnableIdentityCenter>(&of(STRANGER), EnableIdentityCenterRequest {});
    assert!(failure(stranger).starts_with("ValidationException"), "it is in no organization");
}

#[test]
fn enabling_again_gives_trusted_access_back() {
    let (app, instance) = app();
    trust(&app, false);
    assert_eq!(described(&app, MANAGEMENT).expect("described").trusted_access_enabled, Some(false));
    let enabled = app.call::<ops::EnableIdentityCenter>(&admin(), EnableIdentityCenterRequest {}).expect("enabled");
    let center = enabled.identity_center.expect("described");
    assert_eq!((center.instance_arn, center.trusted_access_enabled), (Some(instance.arn()), Some(true)));
}

#[test]
fn the_delegated_administrator_administers_and_other_members_do_not() {
    let (app, instance) = app();
    let (other, delegate) = (member(&app, "other"), delegate(&app));
    assert_eq!(described(&app, &delegate).expect("described").instance_arn, Some(instance.arn()));
    assert!(failure(described(&app, &other)).starts_with("AccessDeniedException"));
    assert!(failure(described(&app, STRANGER)).starts_with("ResourceNotFoundException"));
    let delete = DeleteIdentityCenterRequest { instance_arn: instance.arn() };
    assert!(failure(app.call::<ops::DeleteIdentityCenter>(&of(&delegate), delete)).starts_with("AccessDenied"));
}

#[test]
fn settings_change_one_by_one() {
    let (app, _) = app();
    let update = |input| app.call::<ops::UpdateIdentityCenterSettings>(&admin(), input);
    let none = UpdateIdentityCenterSettingsRequest::default;
    let input = UpdateIdentityCenterSettingsRequest {
        account_instances_allowed: Some(true),
        device_approval_allowed: Some(true),
        portal_alias: Some("acme".to_owned()),
        session_duration_minutes: Some(60),
        ..none()
    };
    let center = update(input).expect("updated").identity_center.expect("described");
    assert_eq!(center.start_url.as_deref(), Some("https://acme.awsapps.com/start"));
    let shorter = UpdateIdentityCenterSettingsRequest {
        session_duration_minutes: Some(15),
        session_idle_minutes: Some(20),
        ..none()
    };
    let settings = update(shorter).expect("updated").identity_center.and_then(|center| center.settings);
    let settings = settings.expect("settings");
    assert_eq!((settings.session_duration_minutes, settings.portal_alias.as_deref()), (Some(15), Some("acme")));
    assert_eq!(settings.session_idle_minutes, Some(20));
    assert_eq!((settings.account_instances_allowed, settings.device_approval_allowed), (Some(true), Some(true)));
    let other_alias = UpdateIdentityCenterSettingsRequest { portal_alias: Some("other".to_owned()), ..none() };
    let actions: Vec<String> = permissions::<ops::UpdateIdentityCenterSettings>(&app, &admin(), &other_alias)
        .into_iter()
        .map(|p| p.action)
        .collect();
    assert_eq!(actions, ["sso:UpdateSSOConfiguration", "sso-directory:CreateAlias"]);
    assert!(failure(update(other_alias)).starts_with("ConflictException"));
    trust(&app, false);
    assert!(failure(update(none())).starts_with("AccessDeniedException"));
}

#[test]
fn a_one_time_password_is_told_once_and_must_be_changed() {
    let (app, instance) = app();
    let id = user(&app, &instance, "alice");
    let first = set_password(&app, "alice", None, None).expect("set");
    assert!(matches!(checked(&app, &instance, "alice", &first), Checked::MustChange(_)));
    let second = set_password(&app, &id, None, None).expect("set, by id");
    assert_ne!(first.expose(), second.expose());
    assert!(matches!(checked(&app, &instance, "alice", &first), Checked::Refused { .. }));
    let audited = app.app.store.read(|tx| tx.all("select record from audit", &[], |row| row.get::<String>(0)));
    for record in audited.expect("readable") {
        assert!(!record.contains(second.expose()), "{record}");
    }
}

#[test]
fn a_given_password_keeps_the_rules_and_may_stay() {
    let (app, instance) = app();
    user(&app, &instance, "alice");
    let kept = set_password(&app, "alice", Some("Correct-Horse-1"), Some(false)).expect("set");
    assert!(matches!(checked(&app, &instance, "alice", &kept), Checked::Verified(_)));
    let once = set_password(&app, "alice", Some("Correct-Horse-2"), None).expect("set");
    assert!(matches!(checked(&app, &instance, "alice", &once), Checked::MustChange(_)));
    assert!(failure(set_password(&app, "alice", Some("short"), None)).starts_with("ValidationException"));
    assert!(failure(set_password(&app, "nobody", None, None)).starts_with("ResourceNotFoundException"));
}

#[test]
fn whoever_gets_a_password_is_written_to_without_it() {
    let (app, instance) = app();
    user(&app, &instance, "alice");
    user(&app, &instance, "bob");
    let password = set_password(&app, "alice", None, None).expect("set");
    app.clock.advance_seconds(1);
    set_password(&app, "bob", Some("Correct-Horse-1"), Some(false)).expect("set");
    let page = |next_token| {
        let input = ListMailRequest { max_results: Some(1), next_token };
        app.call::<ops::ListMail>(&admin(), input).expect("listed")
    };
    let first = page(None);
    let messages = first.messages.expect("messages");
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].recipient.as_deref(), Some("alice@example.com"));
    let body = messages[0].body.clone().expect("a body");
    assert!(body.contains("ALICE") && body.contains("/start") && !body.contains(password.expose()), "{body}");
    let second = page(Some(first.next_token.expect("another page")));
    assert_eq!(second.messages.expect("messages")[0].recipient.as_deref(), Some("bob@example.com"));
    assert!(second.next_token.is_none());
    let foreign = app.call::<ops::ListMail>(&of(STRANGER), ListMailRequest::default()).expect("listed");
    assert!(foreign.messages.expect("a list").is_empty(), "an account sees its own mail alone");
    let bad = ListMailRequest { next_token: Some("x".to_owned()), ..ListMailRequest::default() };
    assert!(failure(app.call::<ops::ListMail>(&admin(), bad)).starts_with("ValidationException"));
}

#[test]
fn whoever_has_no_password_is_invited_and_others_get_a_link_for_another() {
    let (app, instance) = app();
    user(&app, &instance, "alice");
    let send = |user: &str, purpose| {
        let input = SendPasswordLinkRequest { purpose, user: user.to_owned(), ..SendPasswordLinkRequest::default() };
        let taken = permissions::<ops::SendPasswordLink>(&app, &admin(), &input);
        assert_eq!(taken[0].action, "sso-directory:UpdatePassword");
        app.clock.advance_seconds(1);
        app.call::<ops::SendPasswordLink>(&admin(), input)
    };
    let last = || {
        let listed = app.call::<ops::ListMail>(&admin(), ListMailRequest::default()).expect("listed");
        let mail = listed.messages.and_then(|mut all| all.pop()).expect("a mail");
        let body = mail.body.expect("a body");
        let token = body.split("?token=").nth(1).and_then(|rest| rest.split_whitespace().next()).map(str::to_owned);
        (mail.subject.expect("a subject"), token.expect("a link"))
    };
    let sent = send("alice", None).expect("sent");
    assert_eq!(sent.purpose, Some(PasswordLinkPurpose::Invitation));
    assert_eq!(sent.recipient.as_deref(), Some("alice@example.com"));
    assert_eq!(sent.expiration_date, Some(app.app.now().plus_seconds(7 * 86_400)));
    let (subject, invitation) = last();
    assert_eq!(subject, "Invitation to join AWS IAM Identity Center");
    let chosen = Secret::new("Correct-Horse-1");
    let set = |token: &str, purpose| {
        mail_link::set_password(&app.app, &app.request(), token, purpose, &chosen).expect("answered")
    };
    assert_eq!(set(&invitation, Purpose::Invitation), Outcome::Set);
    assert!(matches!(checked(&app, &instance, "alice", &chosen), Checked::Verified(_)));

    let again = send("alice", Some(PasswordLinkPurpose::Invitation));
    assert_eq!(failure(again), "ConflictException: The user alice has a password already");
    assert_eq!(send("alice", None).expect("sent").purpose, Some(PasswordLinkPurpose::PasswordReset));
    let (_, reset) = last();
    set_password(&app, "alice", None, None).expect("set");
    assert_eq!(set(&reset, Purpose::PasswordReset), Outcome::Void, "an administrator has decided meanwhile");

    let input = SetUserStatusRequest { status: UserStatus::Disabled, user: "alice".to_owned(), ..Default::default() };
    app.call::<ops::SetUserStatus>(&admin(), input).expect("set");
    assert_eq!(failure(send("alice", None)), "ConflictException: The user alice is disabled");
    assert!(failure(send("nobody", None)).starts_with("ResourceNotFoundException"));
    let input = CreateUserRequest {
        display_name: Some("B".to_owned()),
        identity_store_id: instance.store.to_string(),
        name: Some(Name { given_name: Some("B".to_owned()), family_name: Some("B".to_owned()), ..Name::default() }),
        user_name: Some("bob".to_owned()),
        ..CreateUserRequest::default()
    };
    app.call::<store_ops::CreateUser>(&admin(), input).expect("created");
    assert_eq!(failure(send("bob", None)), "ConflictException: The user bob has no e-mail address");
}

#[test]
fn an_address_is_verified_by_a_link() {
    let (app, instance) = app();
    user(&app, &instance, "alice");
    let described = || {
        let user = "alice".to_owned();
        let input = DescribeEmailVerificationRequest { user, ..DescribeEmailVerificationRequest::default() };
        let output = app.call::<ops::DescribeEmailVerification>(&admin(), input).expect("described");
        assert_eq!(output.email_address.as_deref(), Some("alice@example.com"));
        output.verified.expect("told")
    };
    assert!(!described());
    let user = "alice".to_owned();
    let input = SendEmailVerificationRequest { user, ..SendEmailVerificationRequest::default() };
    app.call::<ops::SendEmailVerification>(&admin(), input).expect("sent");
    let listed = app.call::<ops::ListMail>(&admin(), ListMailRequest::default()).expect("listed");
    let body = listed.messages.and_then(|mut all| all.pop()).and_then(|mail| mail.body).expect("a mail");
    let token = body.split("/signin/verify-email?token=").nth(1).and_then(|rest| rest.split_whitespace().next());
    let token = token.expect("a link");
    let chosen = Secret::new("Correct-Horse-1");
    let set = mail_link::set_password(&app.app, &app.request(), token, Purpose::EmailVerification, &chosen);
    assert_eq!(set.expect("answered"), Outcome::Void, "it is not for passwords");
    let verify = || mail_link::verify_email(&app.app, &app.request(), token).expect("answered");
    assert!(verify() && described());
    assert!(!verify(), "it is used");
}

#[test]
fn a_disabled_user_cannot_sign_in_until_enabled() {
    let (app, instance) = app();
    user(&app, &instance, "alice");
    let password = set_password(&app, "alice", Some("Correct-Horse-1"), Some(false)).expect("set");
    let set = |status| {
        let input = SetUserStatusRequest { status, user: "Alice".to_owned(), ..SetUserStatusRequest::default() };
        let actions = permissions::<ops::SetUserStatus>(&app, &admin(), &input);
        app.call::<ops::SetUserStatus>(&admin(), input).expect("set");
        actions[0].action.clone()
    };
    assert_eq!(set(UserStatus::Disabled), "sso-directory:DisableUser");
    assert!(matches!(checked(&app, &instance, "alice", &password), Checked::Refused { .. }));
    assert_eq!(set(UserStatus::Enabled), "sso-directory:EnableUser");
    assert!(matches!(checked(&app, &instance, "alice", &password), Checked::Verified(_)));
}

#[test]
fn sessions_are_listed_and_ended() {
    let portal = crate::sign_in_support::portal();
    let caller = of(crate::sign_in_support::OWNER);
    let first = portal.browser();
    portal.browser_of(&portal.user, "another", 28_800);
    let instance_arn = Some(portal.instance.arn());
    // The instance stands without its organization here, so its owner is told from its account alone.
    portal
        .app()
        .store
        .write(|tx| tx.exec_one("update sso_instance set org_id = null, kind = 'ACCOUNT'", &[]), |_| {})
        .expect("set");
    let user = "alice".to_owned();
    let listed = || {
        let input = ListUserSessionsRequest { instance_arn: instance_arn.clone(), user: user.clone() };
        let output = portal.test.call::<ops::ListUserSessions>(&caller, input).expect("listed");
        output.sessions.expect("sessions")
    };
    let input = SetUserPasswordRequest { instance_arn: instance_arn.clone(), user: user.clone(), ..Default::default() };
    let given = portal.test.call::<ops::SetUserPassword>(&caller, input).expect("set");
    assert_eq!(given.session_count, Some(2), "a password ends no session, and whoever gives one is told");
    assert_eq!(listed().len(), 2);
    let end = |session_id: &str| {
        let session_id = session_id.to_owned();
        let input = DeleteUserSessionRequest { instance_arn: instance_arn.clone(), session_id, user: user.clone() };
        portal.test.call::<ops::DeleteUserSession>(&caller, input)
    };
    end(&first.id).expect("ended");
    assert!(failure(end(&first.id)).starts_with("ResourceNotFoundException"));
    let input = DeleteUserSessionsRequest { instance_arn: instance_arn.clone(), user: user.clone() };
    let ended = portal.test.call::<ops::DeleteUserSessions>(&caller, input).expect("ended");
    assert_eq!(ended.deleted_count, Some(1));
    assert!(listed().is_empty());
}

#[test]
fn a_device_is_approved_only_where_the_setting_allows_it() {
    let (app, instance) = app();
    user(&app, &instance, "alice");
    let approve = || {
        let input =
            ApproveDeviceRequest { user: "alice".to_owned(), user_code: "ABCD-EFGH".to_owned(), instance_arn: None };
        failure(app.call::<ops::ApproveDevice>(&admin(), input))
    };
    assert!(approve().contains("DeviceApprovalAllowed is off"));
    let input = UpdateIdentityCenterSettingsRequest { device_approval_allowed: Some(true), ..Default::default() };
    app.call::<ops::UpdateIdentityCenterSettings>(&admin(), input).expect("updated");
    assert!(approve().starts_with("ResourceNotFoundException"), "no request waits under that code");
}

#[test]
fn deleting_takes_the_arn_and_its_permission() {
    let (app, instance) = app();
    let input = DeleteIdentityCenterRequest { instance_arn: instance.arn() };
    let taken = permissions::<ops::DeleteIdentityCenter>(&app, &admin(), &input);
    assert_eq!((taken[0].action.as_str(), taken[0].resource.clone()), ("sso:DeleteInstance", instance.arn()));
    app.call::<ops::DeleteIdentityCenter>(&admin(), input).expect("accepted");
    app.run_jobs();
    assert!(failure(described(&app, MANAGEMENT)).contains("is not enabled"));
}
