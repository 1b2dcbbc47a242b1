use crate::support::{refusal, setup};
use model::iam::*;
use smithy::schema::Unit;

#[test]
fn a_policy_is_absent_until_set_and_omitted_members_return_to_their_defaults() {
    let (app, root) = setup();
    let absent = "NoSuchEntity: The Password Policy with domain name 111122223333 cannot be found.";
    assert_eq!(refusal(app.call::<ops::GetAccountPasswordPolicy>(&root, Unit)), absent);
    assert_eq!(
        refusal(app.call::<ops::DeleteAccountPasswordPolicy>(&root, Unit)),
        "NoSuchEntity: The account policy with name PasswordPolicy cannot be found."
    );
    let strict = UpdateAccountPasswordPolicyRequest {
        minimum_password_length: Some(12),
        require_symbols: Some(true),
        max_password_age: Some(90),
        password_reuse_prevention: Some(3),
        ..Default::default()
    };
    app.call::<ops::UpdateAccountPasswordPolicy>(&root, strict).expect("set");
    let shown = app.call::<ops::GetAccountPasswordPolicy>(&root, Unit).expect("found").password_policy;
    assert_eq!(
        (shown.minimum_password_length, shown.require_symbols, shown.expire_passwords, shown.max_password_age),
        (Some(12), Some(true), Some(true), Some(90))
    );
    app.call::<ops::UpdateAccountPasswordPolicy>(&root, Default::default()).expect("set");
    let shown = app.call::<ops::GetAccountPasswordPolicy>(&root, Unit).expect("found").password_policy;
    assert_eq!(
        (shown.minimum_password_length, shown.require_symbols, shown.expire_passwords, shown.max_password_age),
        (Some(6), Some(false), Some(false), None)
    );
    app.call::<ops::DeleteAccountPasswordPolicy>(&root, Unit).expect("deleted");
    assert_eq!(refusal(app.call::<ops::GetAccountPasswordPolicy>(&root, Unit)), absent);
}
