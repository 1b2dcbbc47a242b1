//! Switches of an application.

use crate::application_support::{World, management, of};
use kernel::testing::code;
use model::sso_admin::{
    GetApplicationAssignmentConfigurationRequest, GetApplicationSessionConfigurationRequest,
    PutApplicationAssignmentConfigurationRequest, PutApplicationSessionConfigurationRequest,
    UserBackgroundSessionApplicationStatus as Status, ops,
};

pub(super) fn require_assignment(world: &World, arn: &str, assignment_required: bool) {
    let input = PutApplicationAssignmentConfigurationRequest { application_arn: arn.to_owned(), assignment_required };
    world.call::<ops::PutApplicationAssignmentConfiguration>(&management(), input).expect("put");
}

#[test]
fn assignments_are_required_until_they_are_not() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let get = || {
        let input = GetApplicationAssignmentConfigurationRequest { application_arn: arn.clone() };
        world.call::<ops::GetApplicationAssignmentConfiguration>(&management(), input).expect("got").assignment_required
    };
    assert!(get());
    require_assignment(&world, &arn, false);
    assert!(!get());
    require_assignment(&world, &arn, true);
    assert!(get());
}

#[test]
fn background_sessions_are_off_until_they_are_on() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let put = |status| {
        let input = PutApplicationSessionConfigurationRequest {
            application_arn: arn.clone(),
            user_background_session_application_status: status,
        };
        world.call::<ops::PutApplicationSessionConfiguration>(&management(), input).expect("put");
    };
    let get = || {
        let input = GetApplicationSessionConfigurationRequest { application_arn: arn.clone() };
        let got = world.call::<ops::GetApplicationSessionConfiguration>(&management(), input).expect("got");
        got.user_background_session_application_status
    };
    assert_eq!(get(), Some(Status::Disabled));
    put(Some(Status::Enabled));
    put(None);
    assert_eq!(get(), Some(Status::Enabled));
}

#[test]
fn switches_of_an_application_that_is_missing_or_not_the_callers_are_refused() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let missing = format!("{}0000", &arn[..arn.len() - 4]);
    for (caller, arn, expected) in
        [(management(), &missing, "ResourceNotFoundException"), (of(&world.member), &arn, "AccessDeniedException")]
    {
        let application_arn = arn.clone();
        let input = PutApplicationAssignmentConfigurationRequest { application_arn, assignment_required: false };
        assert_eq!(code(world.call::<ops::PutApplicationAssignmentConfiguration>(&caller, input)), expected);
        let input = GetApplicationAssignmentConfigurationRequest { application_arn: arn.clone() };
        assert_eq!(code(world.call::<ops::GetApplicationAssignmentConfiguration>(&caller, input)), expected);
        let input = PutApplicationSessionConfigurationRequest {
            application_arn: arn.clone(),
            user_background_session_application_status: Some(Status::Enabled),
        };
        assert_eq!(code(world.call::<ops::PutApplicationSessionConfiguration>(&caller, input)), expected);
        let input = GetApplicationSessionConfigurationRequest { application_arn: arn.clone() };
        assert_eq!(code(world.call::<ops::GetApplicationSessionConfiguration>(&caller, input)), expected);
    }
}
