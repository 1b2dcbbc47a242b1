use crate::support::{refusal, setup, user};
use model::iam::*;

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn put(arn: &str) -> PutUserPermissionsBoundaryRequest {
    PutUserPermissionsBoundaryRequest { permissions_boundary: arn.into(), user_name: "alice".into() }
}

#[test]
fn a_boundary_is_put_shown_and_taken_away() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    app.call::<ops::PutUserPermissionsBoundary>(&root, put(READ_ONLY)).expect("put");
    let get = || GetUserRequest { user_name: Some("alice".into()) };
    let shown = app.call::<ops::GetUser>(&root, get()).expect("found").user.permissions_boundary.expect("shown");
    assert_eq!(shown.permissions_boundary_arn.as_deref(), Some(READ_ONLY));
    let kind = shown.permissions_boundary_type.map(PermissionsBoundaryAttachmentType::as_str);
    assert_eq!(kind, Some("PermissionsBoundaryPolicy"));
    let delete = || DeleteUserPermissionsBoundaryRequest { user_name: "alice".into() };
    app.call::<ops::DeleteUserPermissionsBoundary>(&root, delete()).expect("taken away");
    assert_eq!(app.call::<ops::GetUser>(&root, get()).expect("found").user.permissions_boundary, None);
    let again = app.call::<ops::DeleteUserPermissionsBoundary>(&root, delete());
    assert_eq!(kernel::testing::code(again), "NoSuchEntity");
}

#[test]
fn what_cannot_be_a_boundary_is_refused() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let codes = [
        (
            "arn:aws:iam::111122223333:policy/none",
            "NoSuchEntity: Policy arn:aws:iam::111122223333:policy/none does not exist or is not attachable.",
        ),
        ("arn:aws:iam::111122223333:role/none", "InvalidInput: ARN arn:aws:iam::111122223333:role/none is not valid."),
        (
            "arn:aws:iam::aws:policy/aws-service-role/AWSSSOServiceRolePolicy",
            "PolicyNotAttachable: Cannot attach a Service Role Policy to a Customer Role.",
        ),
    ];
    for (arn, expected) in codes {
        assert_eq!(refusal(app.call::<ops::PutUserPermissionsBoundary>(&root, put(arn))), expected);
        let create =
            CreateUserRequest { user_name: "bob".into(), permissions_boundary: Some(arn.into()), ..Default::default() };
        assert_eq!(refusal(app.call::<ops::CreateUser>(&root, create)), expected);
    }
}
