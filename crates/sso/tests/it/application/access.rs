//! Who may administer which application, and the permissions that it takes.

use super::tags;
use crate::application_support::{CUSTOM, World, management, of};
use kernel::testing::code;
use kernel::{Caller, Permission};
use model::sso_admin::{
    CreateApplicationRequest, DeleteApplicationRequest, DescribeApplicationProviderRequest, DescribeApplicationRequest,
    ListApplicationAssignmentsFilter, ListApplicationAssignmentsForPrincipalRequest, ListApplicationProvidersRequest,
    ListApplicationsFilter, ListApplicationsRequest, PrincipalType, UpdateApplicationRequest, ops,
};

fn describe(world: &World, caller: &Caller, arn: &str) -> kernel::Result<()> {
    let input = DescribeApplicationRequest { application_arn: arn.to_owned() };
    world.call::<ops::DescribeApplication>(caller, input).map(|_| ())
}

fn rename(world: &World, caller: &Caller, arn: &str) -> kernel::Result<()> {
    let input = UpdateApplicationRequest {
        application_arn: arn.to_owned(),
        name: Some("Renamed".to_owned()),
        ..UpdateApplicationRequest::default()
    };
    world.call::<ops::UpdateApplication>(caller, input).map(|_| ())
}

fn list(world: &World, caller: &Caller, account: Option<&str>) -> kernel::Result<usize> {
    let filter = account.map(|account| ListApplicationsFilter {
        application_account: Some(account.to_owned()),
        application_provider: None,
    });
    let input = ListApplicationsRequest { filter, instance_arn: world.instance.arn(), ..Default::default() };
    Ok(world.call::<ops::ListApplications>(caller, input)?.applications.unwrap_or_default().len())
}

#[test]
fn a_member_administers_its_own_applications_in_the_organizations_instance() {
    let world = World::new();
    let (member, other) = (of(&world.member), of(&world.other));
    let theirs = world.application(&member, "Theirs");
    assert!(theirs.contains(&world.member));
    for entitled in [&member, &management(), &of(&world.delegate)] {
        describe(&world, entitled, &theirs).expect("entitled");
        rename(&world, entitled, &theirs).expect("entitled");
    }
    assert_eq!(code(describe(&world, &other, &theirs)), "AccessDeniedException");
    assert_eq!(code(rename(&world, &other, &theirs)), "AccessDeniedException");
    // Whether there is such an application is not told either.
    let missing = format!("{}0000", &theirs[..theirs.len() - 4]);
    assert_eq!(code(describe(&world, &other, &missing)), "AccessDeniedException");
    assert_eq!(code(describe(&world, &member, &missing)), "ResourceNotFoundException");
    let outsider = of(crate::application_support::STRANGER);
    assert_eq!(code(describe(&world, &outsider, &theirs)), "ResourceNotFoundException");
    let input = DeleteApplicationRequest { application_arn: theirs };
    assert_eq!(code(world.call::<ops::DeleteApplication>(&other, input.clone())), "AccessDeniedException");
    world.call::<ops::DeleteApplication>(&member, input).expect("its own");
}

#[test]
fn a_member_lists_its_own_applications_and_says_so() {
    let world = World::new();
    let member = of(&world.member);
    world.application(&member, "Theirs");
    world.application(&management(), "Ours");
    assert_eq!(list(&world, &member, Some(&world.member)).expect("its own"), 1);
    assert_eq!(code(list(&world, &member, None)), "AccessDeniedException");
    assert_eq!(code(list(&world, &member, Some("111122223333"))), "AccessDeniedException");
    assert_eq!(list(&world, &of(&world.delegate), None).expect("an administrator"), 2);
}

#[test]
fn a_member_asks_for_assignments_of_its_own_applications() {
    let world = World::new();
    let member = of(&world.member);
    let theirs = world.application(&member, "Theirs");
    let ours = world.application(&management(), "Ours");
    let ask = |caller: &Caller, arn: Option<&str>| {
        let input = ListApplicationAssignmentsForPrincipalRequest {
            filter: arn.map(|arn| ListApplicationAssignmentsFilter { application_arn: Some(arn.to_owned()) }),
            instance_arn: world.instance.arn(),
            principal_id: world.user.to_string(),
            principal_type: PrincipalType::User,
            ..Default::default()
        };
        world.call::<ops::ListApplicationAssignmentsForPrincipal>(caller, input)
    };
    ask(&member, Some(&theirs)).expect("its own");
    assert_eq!(code(ask(&member, None)), "AccessDeniedException");
    assert_eq!(code(ask(&member, Some(&ours))), "AccessDeniedException");
    ask(&management(), None).expect("an administrator");
    ask(&of(&world.delegate), Some(&theirs)).expect("an administrator");
}

#[test]
fn nothing_changes_while_trusted_access_is_off() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    world.distrust();
    describe(&world, &management(), &arn).expect("reads go on");
    assert_eq!(list(&world, &management(), None).expect("reads go on"), 1);
    assert_eq!(code(rename(&world, &management(), &arn)), "AccessDeniedException");
    let created = world.call::<ops::CreateApplication>(&management(), world.creation("New"));
    assert_eq!(code(created), "AccessDeniedException");
    let input = DeleteApplicationRequest { application_arn: arn };
    assert_eq!(code(world.call::<ops::DeleteApplication>(&management(), input)), "AccessDeniedException");
}

fn key<'a>(permission: &'a Permission, name: &str) -> Option<&'a str> {
    let found = permission.context.iter().find(|(key, _)| key == name)?;
    found.1.first().map(String::as_str)
}

#[test]
fn making_an_application_takes_three_permissions() {
    let world = World::new();
    let input = CreateApplicationRequest { tags: Some(tags(&[("team", "blue")])), ..world.creation("App") };
    let permissions = world.permissions::<ops::CreateApplication>(&of(&world.member), &input);
    let resources: Vec<&str> = permissions.iter().map(|permission| permission.resource.as_str()).collect();
    let made = format!("arn:aws:sso::{}:application/{}/*", world.member, world.instance.id);
    assert_eq!(resources, [world.instance.arn().as_str(), CUSTOM, &made]);
    for permission in &permissions {
        assert_eq!(permission.action, "sso:CreateApplication");
        assert_eq!(key(permission, "aws:RequestTag/team"), Some("blue"));
        assert_eq!(key(permission, "aws:TagKeys"), Some("team"));
    }
    assert_eq!(key(&permissions[2], "sso:PrimaryRegion"), Some("us-east-1"));
}

#[test]
fn permissions_name_the_application_and_its_account() {
    let world = World::new();
    let input = CreateApplicationRequest { tags: Some(tags(&[("team", "blue")])), ..world.creation("App") };
    let arn = world.call::<ops::CreateApplication>(&of(&world.member), input).expect("created").application_arn;
    let arn = arn.expect("there is an ARN");
    let input = DescribeApplicationRequest { application_arn: arn.clone() };
    let permissions = world.permissions::<ops::DescribeApplication>(&management(), &input);
    let [permission] = permissions.as_slice() else { panic!("one permission") };
    assert_eq!((permission.action.as_str(), permission.resource.as_str()), ("sso:DescribeApplication", arn.as_str()));
    assert_eq!(key(permission, "sso:ApplicationAccount"), Some(world.member.as_str()));
    assert_eq!(key(permission, "sso:PrimaryRegion"), Some("us-east-1"));
    assert_eq!(key(permission, "aws:ResourceTag/team"), Some("blue"));
    // The caller's policies decide, whoever made the application.
    assert_eq!(permission.resource_account, None);
}

#[test]
fn permissions_of_lists_and_providers_name_what_they_are_about() {
    let world = World::new();
    let resource = |permissions: Vec<Permission>| permissions.into_iter().map(|p| p.resource).collect::<Vec<_>>();
    let input = ListApplicationsRequest { instance_arn: world.instance.arn(), ..Default::default() };
    assert_eq!(resource(world.permissions::<ops::ListApplications>(&management(), &input)), ["*"]);
    let input = ListApplicationProvidersRequest::default();
    let found = resource(world.permissions::<ops::ListApplicationProviders>(&management(), &input));
    assert_eq!(found, ["arn:aws:sso::aws:applicationProvider/*"]);
    let input = DescribeApplicationProviderRequest { application_provider_arn: CUSTOM.to_owned() };
    let found = resource(world.permissions::<ops::DescribeApplicationProvider>(&management(), &input));
    assert_eq!(found, [CUSTOM]);
    let theirs = world.application(&of(&world.member), "Theirs");
    let input = ListApplicationAssignmentsForPrincipalRequest {
        filter: Some(ListApplicationAssignmentsFilter { application_arn: Some(theirs) }),
        instance_arn: world.instance.arn(),
        ..Default::default()
    };
    let permissions = world.permissions::<ops::ListApplicationAssignmentsForPrincipal>(&management(), &input);
    assert_eq!(permissions[0].resource, world.instance.arn());
    assert_eq!(key(&permissions[0], "sso:ApplicationAccount"), Some(world.member.as_str()));
}
