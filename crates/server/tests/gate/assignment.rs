//! Requests for account assignments, and what they come to.

use crate::single_sign_on::{Center, management};
use crate::support::{account, policy};
use kernel::testing::code;
use kernel::{Error, params};
use model::sso_admin::{self as shapes, PrincipalType, ProvisioningStatus, StatusValues, ops};

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const SUCCEEDED: (StatusValues, Option<String>) = (StatusValues::Succeeded, None);

fn failed(reason: impl Into<String>) -> (StatusValues, Option<String>) {
    (StatusValues::Failed, Some(reason.into()))
}

#[test]
fn an_assignment_is_in_progress_until_its_role_stands_in_the_account() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    center.attach_managed(&set, READ_ONLY);
    let id = center.begin(&center.management(), &set, (PrincipalType::User, &ann), &center.member).expect("taken");
    assert_eq!(center.creation_status(&id), (StatusValues::InProgress, None));
    assert!(center.roles(&center.member).is_empty());
    center.app.run_jobs();
    assert_eq!(center.creation_status(&id), SUCCEEDED);

    let [role] = center.roles(&center.member).try_into().expect("one role");
    let suffix = role.name.strip_prefix("AWSReservedSSO_Auditor_").expect("the name of a role of Identity Center");
    assert!(suffix.len() == 16 && suffix.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    assert_eq!(role.path, "/aws-reserved/sso.amazonaws.com/");
    assert_eq!((role.max_session_seconds, role.description.as_deref()), (43_200, Some("for Auditor")));
    let provider = format!("AWSSSO_{}_DO_NOT_DELETE", center.instance.provider_suffix);
    assert_eq!(center.providers(&center.member), [provider.as_str()]);
    let trust: serde_json::Value = serde_json::from_str(&role.trust_policy).expect("JSON");
    let statement = &trust["Statement"][0];
    let provider_arn = format!("arn:aws:iam::{}:saml-provider/{provider}", center.member);
    assert_eq!(statement["Principal"]["Federated"], provider_arn.as_str());
    assert_eq!(statement["Action"], serde_json::json!(["sts:AssumeRoleWithSAML", "sts:TagSession"]));
    let attached = center.app.app.store.read(|tx| iam::attachment::attached(tx, role.id.as_str())).expect("readable");
    assert_eq!(attached, [READ_ONLY]);
}

#[test]
fn what_the_service_does_in_an_account_is_told_there_under_its_role() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    center.assign_user(&set, &ann, &center.member);
    let like = "%assumed-role/AWSServiceRoleForSSO/AWS-SSO%\"invokedBy\":\"sso.amazonaws.com\"%";
    for name in ["CreateSAMLProvider", "CreateRole"] {
        let sql = "select count(*) from audit where account_id = $1 and event_name = $2 and record like $3";
        assert_eq!(center.count(sql, params![center.member, name, like]), 1, "{name}");
    }
}

#[test]
fn assigning_again_succeeds_and_changes_nothing() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    center.assign_user(&set, &ann, &center.member);
    let before = (
        center.roles(&center.member),
        center.count("select count(*) from audit where account_id = $1", params![center.member]),
    );
    center.assign_user(&set, &ann, &center.member);
    let after = (
        center.roles(&center.member),
        center.count("select count(*) from audit where account_id = $1", params![center.member]),
    );
    assert_eq!(before, after);
}

#[test]
fn the_last_assignment_takes_the_role_with_it_and_the_last_role_the_provider() {
    let center = Center::new();
    let (ann, bob) = (center.user_called("ann"), center.user_called("bob"));
    let (one, other) = (center.set("One"), center.set("Other"));
    for (set, user) in [(&one, &ann), (&one, &bob), (&other, &ann)] {
        center.assign_user(set, user, &center.member);
    }
    let names = |center: &Center| center.roles(&center.member).into_iter().map(|role| role.name).collect::<Vec<_>>();
    let before = names(&center);
    assert_eq!(before.len(), 2);
    assert_eq!(center.unassign(&one, (PrincipalType::User, &ann), &center.member), SUCCEEDED);
    assert_eq!(names(&center), before);
    assert_eq!(center.unassign(&one, (PrincipalType::User, &bob), &center.member), SUCCEEDED);
    assert_eq!(names(&center), before[1..]);
    assert_eq!(center.providers(&center.member).len(), 1);
    assert_eq!(center.unassign(&other, (PrincipalType::User, &ann), &center.member), SUCCEEDED);
    assert!(names(&center).is_empty() && center.providers(&center.member).is_empty());
    center.assign_user(&one, &ann, &center.member);
    assert_ne!(names(&center)[0], before[0], "a new role has a new name");
}

#[test]
fn what_cannot_be_assigned_or_ended_fails_with_the_reason() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    let nobody = "11111111-2222-4333-8444-555555555555";
    let store = &center.instance.store;
    assert_eq!(
        center.assign(&set, (PrincipalType::User, nobody), &center.member),
        failed(format!("Received a 404 status error: the USER assignee {nobody} was not found in directory {store}."))
    );
    assert_eq!(center.count("select count(*) from sso_provisioned", params![]), 0);
    let missing = failed("Received a 404 status error: Assignment not found.");
    assert_eq!(center.unassign(&set, (PrincipalType::User, &ann), &center.member), missing);
    center.assign_user(&set, &ann, &center.member);
    assert_eq!(center.unassign(&set, (PrincipalType::Group, &ann), &center.member), missing);
    let stranger = account("999999999999");
    let refused = center.begin(&center.management(), &set, (PrincipalType::User, &ann), &stranger);
    assert_eq!(code(refused), "ResourceNotFoundException");
    center.write("update iam_account set state = 'SUSPENDED' where id = $1", params![center.member]);
    let (status, reason) = center.assign(&set, (PrincipalType::User, &ann), &center.member);
    assert_eq!(status, StatusValues::Failed);
    assert!(reason.expect("a reason").contains("is suspended"));
}

#[test]
fn ten_creations_may_be_outstanding() {
    let center = Center::new();
    let set = center.set("Auditor");
    let users: Vec<String> = (0..11).map(|number| center.user_called(&format!("user-{number}"))).collect();
    for user in &users[..10] {
        center.begin(&center.management(), &set, (PrincipalType::User, user), &center.member).expect("taken");
    }
    let eleventh = || center.begin(&center.management(), &set, (PrincipalType::User, &users[10]), &center.member);
    assert_eq!(code(eleventh()), "ConflictException");
    let input = shapes::ListAccountAssignmentCreationStatusRequest {
        instance_arn: center.instance.arn(),
        filter: Some(shapes::OperationStatusFilter { status: Some(StatusValues::InProgress) }),
        max_results: Some(7),
        next_token: None,
    };
    let page = center.call::<ops::ListAccountAssignmentCreationStatus>(&center.management(), input.clone());
    assert_eq!(page.account_assignments_creation_status.expect("rows").len(), 7);
    let rest = shapes::ListAccountAssignmentCreationStatusRequest { next_token: page.next_token, ..input };
    let page = center.call::<ops::ListAccountAssignmentCreationStatus>(&center.management(), rest);
    assert_eq!((page.account_assignments_creation_status.expect("rows").len(), page.next_token), (3, None));
    center.app.run_jobs();
    eleventh().expect("taken, now that there is room");
}

#[test]
fn assignments_are_listed_by_account_and_by_principal() {
    let center = Center::new();
    let (ann, set, other) = (center.user_called("ann"), center.set("Auditor"), center.set("Other"));
    let group = center.group_of("auditors", &ann);
    center.assign_user(&other, &ann, &center.member);
    assert_eq!(center.assign(&set, (PrincipalType::Group, &group), &center.member), SUCCEEDED);
    let input = shapes::ListAccountAssignmentsRequest {
        account_id: center.member.to_string(),
        instance_arn: center.instance.arn(),
        permission_set_arn: set.clone(),
        ..Default::default()
    };
    let listed = center.call::<ops::ListAccountAssignments>(&center.management(), input).account_assignments;
    let listed = listed.expect("rows");
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].principal_type, listed[0].principal_id.as_deref()),
        (Some(PrincipalType::Group), Some(group.as_str()))
    );
    let of = |kind: PrincipalType, id: &str, filter: Option<&str>| {
        let input = shapes::ListAccountAssignmentsForPrincipalRequest {
            filter: filter.map(|id| shapes::ListAccountAssignmentsFilter { account_id: Some(id.to_owned()) }),
            instance_arn: center.instance.arn(),
            principal_id: id.to_owned(),
            principal_type: kind,
            ..Default::default()
        };
        let rows = center.call::<ops::ListAccountAssignmentsForPrincipal>(&center.management(), input);
        let rows = rows.account_assignments.expect("rows").into_iter();
        let mut rows: Vec<_> =
            rows.map(|row| (row.principal_type.expect("a type"), row.permission_set_arn.expect("an ARN"))).collect();
        rows.sort_by(|a, b| a.1.cmp(&b.1));
        rows
    };
    let mut both = vec![(PrincipalType::User, other), (PrincipalType::Group, set.clone())];
    both.sort_by(|a, b| a.1.cmp(&b.1));
    assert_eq!(of(PrincipalType::User, &ann, None), both);
    assert_eq!(of(PrincipalType::Group, &group, Some(center.member.as_str())), [(PrincipalType::Group, set)]);
    assert!(of(PrincipalType::User, &ann, Some("999999999999")).is_empty());
}

#[test]
fn a_permission_set_is_provisioned_where_it_is_assigned_and_out_of_date_after_a_change() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    assert_eq!(center.provision(&center.management(), &set, None), SUCCEEDED, "no account is left to be done");
    assert_eq!(
        center.provision(&center.management(), &set, Some(&center.member)),
        failed(format!(
            "Received a 404 status error: Permission set provision not found in AWS account {}.",
            center.member
        ))
    );
    center.assign_user(&set, &ann, &center.member);
    let accounts = |status: ProvisioningStatus| {
        let input = shapes::ListAccountsForProvisionedPermissionSetRequest {
            instance_arn: center.instance.arn(),
            permission_set_arn: set.clone(),
            provisioning_status: Some(status),
            ..Default::default()
        };
        center.call::<ops::ListAccountsForProvisionedPermissionSet>(&center.management(), input).account_ids
    };
    let sets = |status: ProvisioningStatus| {
        let input = shapes::ListPermissionSetsProvisionedToAccountRequest {
            account_id: center.member.to_string(),
            instance_arn: center.instance.arn(),
            provisioning_status: Some(status),
            ..Default::default()
        };
        center.call::<ops::ListPermissionSetsProvisionedToAccount>(&center.management(), input).permission_sets
    };
    let (latest, outdated) =
        (ProvisioningStatus::LatestPermissionSetProvisioned, ProvisioningStatus::LatestPermissionSetNotProvisioned);
    let here = Some(vec![center.member.to_string()]);
    assert_eq!((accounts(latest), accounts(outdated)), (here.clone(), Some(vec![])));
    center.attach_managed(&set, READ_ONLY);
    assert_eq!((accounts(latest), accounts(outdated)), (Some(vec![]), here));
    assert_eq!((sets(latest), sets(outdated)), (Some(vec![]), Some(vec![set.clone()])));
    assert_eq!(center.provision(&center.management(), &set, None), SUCCEEDED);
    assert_eq!(sets(latest), Some(vec![set]));
}

#[test]
fn assigning_takes_the_permission_for_instance_permission_set_and_account() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    let of = |resources: &str| {
        let statement = r#"{"Effect":"Allow","Action":"sso:CreateAccountAssignment","Resource":"#;
        format!(r#"{{"Version":"2012-10-17","Statement":[{statement}[{resources}]}}]}}"#)
    };
    let all = format!(r#""{}","{set}","arn:aws:sso:::account/{}""#, center.instance.arn(), center.member);
    let administrator = center.user(&management(), "administrator", Some(&of(&all)));
    center.begin(&administrator, &set, (PrincipalType::User, &ann), &center.member).expect("allowed");
    for missing in [center.instance.arn(), set.clone(), format!("arn:aws:sso:::account/{}", center.member)] {
        center.put_user_policy(&management(), "administrator", &of(&all.replace(&missing, "arn:aws:sso:::nothing")));
        let refused = center.begin(&administrator, &set, (PrincipalType::User, &ann), &center.member);
        assert!(matches!(refused, Err(Error::Denied(_))), "{missing}");
    }
    center.put_user_policy(&management(), "administrator", &policy("Allow", "sso:*"));
    center.begin(&administrator, &set, (PrincipalType::User, &ann), &center.member).expect("allowed");
    let refused = center.begin(&center.member_root(), &set, (PrincipalType::User, &ann), &center.member);
    assert_eq!(code(refused), "AccessDeniedException");
}
