//! Who may use an application.

use super::configuration;
use crate::application_support::{World, failure, management, new_user, of};
use kernel::testing::code;
use kernel::{Result, WriteCx};
use model::sso_admin::{
    CreateApplicationAssignmentRequest, CreateApplicationAssignmentResponse, DeleteApplicationAssignmentRequest,
    DescribeApplicationAssignmentRequest, ListApplicationAssignmentsFilter,
    ListApplicationAssignmentsForPrincipalRequest, ListApplicationAssignmentsRequest, PrincipalType, ops,
};
use sso::application;

fn assign(
    world: &World,
    arn: &str,
    principal_type: PrincipalType,
    principal: &str,
) -> Result<CreateApplicationAssignmentResponse> {
    let input = CreateApplicationAssignmentRequest {
        application_arn: arn.to_owned(),
        principal_id: principal.to_owned(),
        principal_type,
    };
    world.call::<ops::CreateApplicationAssignment>(&management(), input)
}

pub(super) fn assign_user(world: &World, arn: &str, user: &str) -> Result<CreateApplicationAssignmentResponse> {
    assign(world, arn, PrincipalType::User, user)
}

pub(super) fn assign_group(world: &World, arn: &str, group: &str) -> Result<CreateApplicationAssignmentResponse> {
    assign(world, arn, PrincipalType::Group, group)
}

fn is_described(world: &World, arn: &str, principal_type: PrincipalType, principal: &str) -> bool {
    let input = DescribeApplicationAssignmentRequest {
        application_arn: arn.to_owned(),
        principal_id: principal.to_owned(),
        principal_type,
    };
    match world.call::<ops::DescribeApplicationAssignment>(&management(), input) {
        Ok(found) => {
            assert_eq!(found.application_arn.as_deref(), Some(arn));
            assert_eq!(found.principal_id.as_deref(), Some(principal));
            assert_eq!(found.principal_type, Some(principal_type));
            true
        }
        Err(error) => {
            assert_eq!(error.code(), "ResourceNotFoundException");
            false
        }
    }
}

#[test]
fn an_assignment_is_made_described_and_deleted() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let (user, group) = (world.user.as_str(), world.group.as_str());
    assert!(!is_described(&world, &arn, PrincipalType::User, user));
    assign_user(&world, &arn, user).expect("assigned");
    assign_user(&world, &arn, user).expect("a request may be sent again");
    assign_group(&world, &arn, group).expect("assigned");
    assert!(is_described(&world, &arn, PrincipalType::User, user));
    assert!(is_described(&world, &arn, PrincipalType::Group, group));
    assert!(!is_described(&world, &arn, PrincipalType::Group, user));
    let delete = |principal_type, principal: &str| {
        let input = DeleteApplicationAssignmentRequest {
            application_arn: arn.clone(),
            principal_id: principal.to_owned(),
            principal_type,
        };
        world.call::<ops::DeleteApplicationAssignment>(&management(), input)
    };
    assert_eq!(code(delete(PrincipalType::Group, user)), "ResourceNotFoundException");
    delete(PrincipalType::User, user).expect("deleted");
    assert_eq!(code(delete(PrincipalType::User, user)), "ResourceNotFoundException");
    assert!(!is_described(&world, &arn, PrincipalType::User, user));
    assert!(is_described(&world, &arn, PrincipalType::Group, group));
}

#[test]
fn principals_are_of_the_instances_store() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let nobody = "01234567-89ab-cdef-0123-456789abcdef";
    let failed = failure(assign_user(&world, &arn, nobody));
    assert_eq!(failed, format!("ResourceNotFoundException: Could not find User with id {nobody}"));
    let failed = failure(assign_group(&world, &arn, world.user.as_str()));
    assert_eq!(failed, format!("ResourceNotFoundException: Could not find Group with id {}", world.user));
    let elsewhere = new_user(&world.app, &world.account_instance, "carol");
    assert_eq!(code(assign_user(&world, &arn, elsewhere.as_str())), "ResourceNotFoundException");
    assert_eq!(code(assign_user(&world, &arn, "0123456789-no-uuid")), "ResourceNotFoundException");
    let missing = format!("{}0000", &arn[..arn.len() - 4]);
    assert_eq!(code(assign_user(&world, &missing, world.user.as_str())), "ResourceNotFoundException");
}

#[test]
fn assignments_are_listed_in_pages() {
    let world = World::new();
    let (arn, other) = (world.application(&management(), "App"), world.application(&management(), "Other"));
    let mut expected = Vec::new();
    for n in 0..5 {
        let user = world.user(&format!("user{n}"));
        assign_user(&world, &arn, user.as_str()).expect("assigned");
        expected.push(format!("USER {user}"));
    }
    assign_group(&world, &arn, world.group.as_str()).expect("assigned");
    assign_group(&world, &other, world.group.as_str()).expect("assigned");
    expected.push(format!("GROUP {}", world.group));
    let list = |arn: &str, token: Option<String>| {
        let application_arn = arn.to_owned();
        let input = ListApplicationAssignmentsRequest { application_arn, max_results: Some(4), next_token: token };
        world.call::<ops::ListApplicationAssignments>(&management(), input)
    };
    let first = list(&arn, None).expect("listed");
    let second = list(&arn, first.next_token.clone()).expect("listed");
    assert!(second.next_token.is_none());
    assert_eq!(code(list(&other, first.next_token)), "ValidationException");
    let pages = [first.application_assignments, second.application_assignments];
    assert_eq!(pages.iter().map(|page| page.as_ref().map_or(0, Vec::len)).collect::<Vec<_>>(), [4, 2]);
    let rows = pages.into_iter().flatten().flatten();
    let mut found: Vec<String> = rows
        .map(|row| {
            assert_eq!(row.application_arn, arn);
            format!("{} {}", row.principal_type, row.principal_id)
        })
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

fn for_principal(
    world: &World,
    principal_type: PrincipalType,
    principal: &str,
    only: Option<&str>,
) -> Result<Vec<(String, String)>> {
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let input = ListApplicationAssignmentsForPrincipalRequest {
            filter: only.map(|arn| ListApplicationAssignmentsFilter { application_arn: Some(arn.to_owned()) }),
            instance_arn: world.instance.arn(),
            max_results: Some(2),
            next_token: token,
            principal_id: principal.to_owned(),
            principal_type,
        };
        let page = world.call::<ops::ListApplicationAssignmentsForPrincipal>(&management(), input)?;
        let rows = page.application_assignments.unwrap_or_default();
        assert!(rows.len() <= 2);
        found.extend(rows.into_iter().map(|row| {
            let by = format!("{:?}/{}", row.principal_type.expect("a type"), row.principal_id.expect("an id"));
            (row.application_arn.expect("an ARN"), by)
        }));
        token = page.next_token;
        if token.is_none() {
            found.sort();
            return Ok(found);
        }
    }
}

#[test]
fn a_principals_assignments_come_with_those_of_its_groups() {
    let world = World::new();
    let arns: Vec<String> = (0..3).map(|n| world.application(&management(), &format!("App {n}"))).collect();
    let theirs = world.application(&of(&world.member), "Theirs");
    let (user, group) = (world.user.as_str(), world.group.as_str());
    for arn in &arns {
        assign_user(&world, arn, user).expect("assigned");
    }
    for arn in [&arns[0], &theirs] {
        assign_group(&world, arn, group).expect("assigned");
    }
    let (by_user, by_group) = (format!("USER/{user}"), format!("GROUP/{group}"));
    let groups = vec![(arns[0].clone(), by_group.clone()), (theirs.clone(), by_group)];
    let mut all: Vec<_> = arns.iter().map(|arn| (arn.clone(), by_user.clone())).chain(groups.clone()).collect();
    all.sort();
    let sorted = |mut rows: Vec<(String, String)>| {
        rows.sort();
        rows
    };
    assert_eq!(for_principal(&world, PrincipalType::User, user, None).expect("listed"), all);
    let found = for_principal(&world, PrincipalType::Group, group, None).expect("listed");
    assert_eq!(found, sorted(groups));
    let found = for_principal(&world, PrincipalType::User, user, Some(&arns[0])).expect("listed");
    assert_eq!(found, sorted(all.iter().filter(|(arn, _)| *arn == arns[0]).cloned().collect()));
    assert_eq!(code(for_principal(&world, PrincipalType::Group, user, None)), "ResourceNotFoundException");
    let missing = format!("{}0000", &theirs[..theirs.len() - 4]);
    assert_eq!(code(for_principal(&world, PrincipalType::User, user, Some(&missing))), "ResourceNotFoundException");
}

#[test]
fn an_assignment_counts_for_the_user_and_for_the_users_groups() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let is_assigned = |groups: &[base::IdentityGroupId]| {
        world.read(|tx| {
            let application = application::find(tx, &arn)?.expect("there is one");
            application::is_assigned(tx, &application, &world.user, groups)
        })
    };
    let groups = [world.group("Others"), world.group.clone()];
    assert!(!is_assigned(&groups));
    assign_group(&world, &arn, world.group.as_str()).expect("assigned");
    assert!(is_assigned(&groups));
    assert!(!is_assigned(&groups[..1]));
    assign_user(&world, &arn, world.user.as_str()).expect("assigned");
    assert!(is_assigned(&[]));
    let open = world.application(&management(), "Open");
    configuration::require_assignment(&world, &open, false);
    let is_open = world.read(|tx| {
        let application = application::find(tx, &open)?.expect("there is one");
        application::is_assigned(tx, &application, &world.user, &[])
    });
    assert!(is_open);
}

#[test]
fn assignments_go_with_their_principal() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    assign_user(&world, &arn, world.user.as_str()).expect("assigned");
    assign_group(&world, &arn, world.group.as_str()).expect("assigned");
    let count = || world.count("select count(*) from sso_application_assignment");
    let run = |work: &mut dyn FnMut(&mut WriteCx<'_>) -> Result<()>| {
        world.app.app.write_as(&management(), &world.app.request(), |cx| work(cx)).expect("removed");
    };
    let store = &world.instance.store;
    run(&mut |cx| sso::effects::on_user_deleted(cx, store, &world.user));
    assert_eq!(count(), 1);
    run(&mut |cx| sso::effects::on_group_deleted(cx, store, &world.group));
    assert_eq!(count(), 0);
}
