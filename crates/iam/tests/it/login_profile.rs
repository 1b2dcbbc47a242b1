use crate::support::{permissions, refusal, setup, user};
use kernel::Caller;
use kernel::testing::TestApp;
use model::iam::*;

fn create(app: &TestApp, root: &Caller, password: &str) -> kernel::Result<CreateLoginProfileResponse> {
    let input = CreateLoginProfileRequest {
        user_name: Some("alice".into()),
        password: Some(password.into()),
        password_reset_required: Some(true),
    };
    app.call::<ops::CreateLoginProfile>(root, input)
}

fn set_policy(app: &TestApp, root: &Caller, policy: UpdateAccountPasswordPolicyRequest) {
    app.call::<ops::UpdateAccountPasswordPolicy>(root, policy).expect("set");
}

fn change(old: &str, new: &str) -> ChangePasswordRequest {
    ChangePasswordRequest { old_password: old.into(), new_password: new.into() }
}

#[test]
fn a_profile_is_created_once_shown_changed_and_deleted() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let get = || GetLoginProfileRequest { user_name: Some("alice".into()) };
    let missing = "NoSuchEntity: Login Profile for User alice cannot be found.";
    assert_eq!(refusal(app.call::<ops::GetLoginProfile>(&root, get())), missing);
    let made = create(&app, &root, "Test-Passw0rd").expect("created").login_profile;
    assert_eq!((made.user_name.as_str(), made.password_reset_required), ("alice", Some(true)));
    assert_eq!(app.call::<ops::GetLoginProfile>(&root, get()).expect("found").login_profile, made);
    assert_eq!(
        refusal(create(&app, &root, "Test-Passw0rd")),
        "EntityAlreadyExists: Login Profile for user alice already exists."
    );
    let update =
        UpdateLoginProfileRequest { user_name: "alice".into(), password_reset_required: Some(false), password: None };
    app.call::<ops::UpdateLoginProfile>(&root, update.clone()).expect("changed");
    let shown = app.call::<ops::GetLoginProfile>(&root, get()).expect("found").login_profile;
    assert_eq!(shown.password_reset_required, Some(false));
    let delete = || DeleteLoginProfileRequest { user_name: Some("alice".into()) };
    assert_eq!(
        refusal(app.call::<ops::DeleteUser>(&root, DeleteUserRequest { user_name: "alice".into() })),
        "DeleteConflict: Cannot delete entity, must delete login profile first."
    );
    app.call::<ops::DeleteLoginProfile>(&root, delete()).expect("deleted");
    assert_eq!(refusal(app.call::<ops::DeleteLoginProfile>(&root, delete())), missing);
    assert_eq!(refusal(app.call::<ops::UpdateLoginProfile>(&root, update)), missing);
}

#[test]
fn passwords_follow_the_default_rule_or_the_account_policy() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    for (password, lack) in [
        ("Ab1!", "a minimum length of 8"),
        ("lowercaseonly", "at least three of: uppercase letter, lowercase letter, number, symbol"),
    ] {
        assert_eq!(
            refusal(create(&app, &root, password)),
            format!("PasswordPolicyViolation: Password should have {lack}")
        );
    }
    let policy = UpdateAccountPasswordPolicyRequest {
        minimum_password_length: Some(10),
        require_symbols: Some(true),
        require_numbers: Some(true),
        ..Default::default()
    };
    set_policy(&app, &root, policy);
    for (password, lack) in [
        ("Abcd123!", "a minimum length of 10"),
        ("Abcdefghijk!", "at least one number"),
        ("Abcdefghijk1", "at least one symbol"),
    ] {
        assert_eq!(
            refusal(create(&app, &root, password)),
            format!("PasswordPolicyViolation: Password should have {lack}")
        );
    }
    create(&app, &root, "abcdefgh1!").expect("what the policy asks for");
}

#[test]
fn users_change_their_own_passwords_where_they_may() {
    let (app, root) = setup();
    let alice = user(&app, &root, "alice");
    create(&app, &root, "Test-Passw0rd").expect("created");
    let input = change("Test-Passw0rd", "Other-Passw0rd");
    let rule = permissions::<ops::ChangePassword>(&app, &alice, &input);
    assert_eq!(rule[0].resource, "arn:aws:iam::111122223333:user/alice");
    let wrong = app.call::<ops::ChangePassword>(&alice, change("Wrong-Passw0rd", "Other-Passw0rd"));
    assert_eq!(refusal(wrong), "AccessDenied: The old password was incorrect.");
    app.call::<ops::ChangePassword>(&alice, input).expect("changed");
    let policy = UpdateAccountPasswordPolicyRequest {
        allow_users_to_change_password: Some(true),
        password_reuse_prevention: Some(2),
        ..Default::default()
    };
    set_policy(&app, &root, policy);
    assert!(permissions::<ops::ChangePassword>(&app, &alice, &change("a", "b")).is_empty());
    app.clock.advance_seconds(1);
    assert_eq!(
        refusal(app.call::<ops::ChangePassword>(&alice, change("Other-Passw0rd", "Other-Passw0rd"))),
        "PasswordPolicyViolation: Policy constraint violation with password reuse prevention during password change."
    );
    assert_eq!(
        refusal(app.call::<ops::ChangePassword>(&root, change("a", "b"))),
        "InvalidUserType: Only IAM Users can change their own password"
    );
}

#[test]
fn a_hard_expired_password_is_changed_by_an_administrator_only() {
    let (app, root) = setup();
    let alice = user(&app, &root, "alice");
    create(&app, &root, "Test-Passw0rd").expect("created");
    let policy =
        UpdateAccountPasswordPolicyRequest { max_password_age: Some(1), hard_expiry: Some(true), ..Default::default() };
    set_policy(&app, &root, policy);
    app.clock.advance_seconds(86_400);
    let late = app.call::<ops::ChangePassword>(&alice, change("Test-Passw0rd", "Other-Passw0rd"));
    assert_eq!(kernel::testing::code(late), "AccessDenied");
    let update = UpdateLoginProfileRequest {
        user_name: "alice".into(),
        password: Some("Other-Passw0rd".into()),
        password_reset_required: None,
    };
    app.call::<ops::UpdateLoginProfile>(&root, update).expect("an administrator may");
    app.call::<ops::ChangePassword>(&alice, change("Other-Passw0rd", "Third-Passw0rd")).expect("no longer expired");
}
