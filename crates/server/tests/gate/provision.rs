//! Roles of permission sets in accounts: made, kept as they should be, and taken away.

use crate::single_sign_on::{Center, management};
use crate::support::policy;
use base::AccountId;
use iam::attachment::attached;
use iam::inline_policy;
use kernel::params;
use kernel::testing::root;
use model::iam::{self as iam_shapes, ops as iam_ops};
use model::organizations::{self as org_shapes, ops as org_ops};
use model::sso_admin::{self as shapes, PrincipalType, StatusValues, ops};

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const BILLING: &str = "arn:aws:iam::aws:policy/job-function/Billing";
const SUCCEEDED: (StatusValues, Option<String>) = (StatusValues::Succeeded, None);

fn customer_policy(center: &Center, account: &AccountId, name: &str) -> String {
    let input = iam_shapes::CreatePolicyRequest {
        policy_name: name.to_owned(),
        policy_document: policy("Allow", "s3:*"),
        path: Some("/own/".to_owned()),
        ..Default::default()
    };
    center.call::<iam_ops::CreatePolicy>(&root(account), input).policy.and_then(|policy| policy.arn).expect("an ARN")
}

fn attach_customer_policy(center: &Center, set: &str, name: &str) {
    let input = shapes::AttachCustomerManagedPolicyReferenceToPermissionSetRequest {
        instance_arn: center.instance.arn(),
        permission_set_arn: set.to_owned(),
        customer_managed_policy_reference: shapes::CustomerManagedPolicyReference {
            name: name.to_owned(),
            path: Some("/own/".to_owned()),
        },
    };
    center.call::<ops::AttachCustomerManagedPolicyReferenceToPermissionSet>(&center.management(), input);
}

fn put_boundary(center: &Center, set: &str, arn: &str) {
    let input = shapes::PutPermissionsBoundaryToPermissionSetRequest {
        instance_arn: center.instance.arn(),
        permission_set_arn: set.to_owned(),
        permissions_boundary: shapes::PermissionsBoundary {
            managed_policy_arn: Some(arn.to_owned()),
            customer_managed_policy_reference: None,
        },
    };
    center.call::<ops::PutPermissionsBoundaryToPermissionSet>(&center.management(), input);
}

/// Attached and inline policies of the account's only role, and its boundary.
fn policies(center: &Center, account: &AccountId) -> (Vec<String>, Vec<(String, String)>, Option<String>) {
    let [role] = center.roles(account).try_into().expect("one role");
    let store = &center.app.app.store;
    let inline = store.read(|tx| inline_policy::of(tx, role.id.as_str())).expect("readable");
    let inline = inline.into_iter().map(|policy| (policy.name, policy.document)).collect();
    (store.read(|tx| attached(tx, role.id.as_str())).expect("readable"), inline, role.boundary_arn)
}

#[test]
fn a_role_has_exactly_what_the_permission_set_has_once_it_is_provisioned() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    let own = customer_policy(&center, &center.member, "storage");
    center.attach_managed(&set, READ_ONLY);
    attach_customer_policy(&center, &set, "storage");
    center.put_inline(&set, &policy("Allow", "ec2:*"));
    put_boundary(&center, &set, BILLING);
    center.assign_user(&set, &ann, &center.member);
    let inline = |action: &str| vec![("AwsSSOInlinePolicy".to_owned(), policy("Allow", action))];
    let mut both = vec![own, READ_ONLY.to_owned()];
    both.sort();
    let first = (both.clone(), inline("ec2:*"), Some(BILLING.to_owned()));
    assert_eq!(policies(&center, &center.member), first);

    let input = shapes::DetachManagedPolicyFromPermissionSetRequest {
        instance_arn: center.instance.arn(),
        permission_set_arn: set.clone(),
        managed_policy_arn: READ_ONLY.to_owned(),
    };
    center.call::<ops::DetachManagedPolicyFromPermissionSet>(&center.management(), input);
    center.put_inline(&set, &policy("Allow", "sqs:*"));
    center.app.run_jobs();
    assert_eq!(policies(&center, &center.member), first, "a change waits until it is provisioned");
    assert_eq!(center.provision(&center.management(), &set, Some(&center.member)), SUCCEEDED);
    both.retain(|arn| arn != READ_ONLY);
    assert_eq!(policies(&center, &center.member), (both, inline("sqs:*"), Some(BILLING.to_owned())));
}

#[test]
fn a_missing_policy_fails_its_account_and_no_other() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    let other = center.new_member("other");
    for account in [&center.member, &other] {
        center.assign_user(&set, &ann, account);
    }
    customer_policy(&center, &other, "storage");
    attach_customer_policy(&center, &set, "storage");
    let (status, reason) = center.provision(&center.management(), &set, None);
    let reason = reason.expect("a reason");
    let arn = format!("arn:aws:iam::{}:policy/own/storage", center.member);
    assert_eq!(status, StatusValues::Failed);
    assert!(
        reason.contains(&arn) && reason.contains("Received a 404 status error") && !reason.contains(other.as_str()),
        "{reason}"
    );
    assert_eq!(policies(&center, &center.member).0, Vec::<String>::new());
    assert_eq!(policies(&center, &other).0, [format!("arn:aws:iam::{other}:policy/own/storage")]);
    let bob = center.user_called("bob");
    let (status, _) = center.assign(&set, (PrincipalType::User, &bob), &center.member);
    assert_eq!(status, StatusValues::Failed);
    let assigned = "select count(*) from sso_assignment where account_id = $1";
    assert_eq!(center.count(assigned, params![center.member]), 1, "what failed was not assigned");
}

#[test]
fn drift_is_repaired_within_a_day_and_nothing_else_is_written() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    center.attach_managed(&set, READ_ONLY);
    center.assign_user(&set, &ann, &center.member);
    let (before, role) = (policies(&center, &center.member), center.roles(&center.member).remove(0));
    let audited = || center.count("select count(*) from audit where account_id = $1", params![center.member]);
    let quiet = audited();
    center.app.clock.advance_seconds(86_400);
    center.app.run_jobs();
    assert_eq!(audited(), quiet, "nothing differs, so nothing is written");

    center.write("delete from iam_attachment where entity_id = $1", params![role.id]);
    center.write("update iam_role set trust_policy = '{}' where id = $1", params![role.id]);
    center.write(
        "insert into iam_inline_policy (entity_id, name, account_id, entity_kind, document) values ($1, 'x', $2, 'role', '{}')",
        params![role.id, center.member],
    );
    let provider = center.providers(&center.member).remove(0);
    let saml_provider_arn = format!("arn:aws:iam::{}:saml-provider/{provider}", center.member);
    let input = iam_shapes::DeleteSAMLProviderRequest { saml_provider_arn };
    center.call::<iam_ops::DeleteSAMLProvider>(&center.member_root(), input);
    center.app.clock.advance_seconds(86_400);
    center.app.run_jobs();
    assert_eq!(policies(&center, &center.member), before);
    assert_eq!(center.roles(&center.member), [role]);
    assert_eq!(center.providers(&center.member), [provider]);
}

#[test]
fn a_change_that_was_not_provisioned_does_not_come_with_the_repair() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    center.attach_managed(&set, READ_ONLY);
    center.assign_user(&set, &ann, &center.member);
    center.attach_managed(&set, BILLING);
    center.app.clock.advance_seconds(86_400);
    center.app.run_jobs();
    assert_eq!(policies(&center, &center.member).0, [READ_ONLY]);
}

#[test]
fn administrators_of_the_account_cannot_change_the_role() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    center.assign_user(&set, &ann, &center.member);
    let role_name = center.roles(&center.member).remove(0).name;
    let input = iam_shapes::AttachRolePolicyRequest { role_name, policy_arn: READ_ONLY.to_owned() };
    let refused = center.app.call::<iam_ops::AttachRolePolicy>(&center.member_root(), input);
    assert_eq!(kernel::testing::code(refused), "UnmodifiableEntity");
}

#[test]
fn while_trusted_access_is_off_nothing_moves_and_afterwards_everything_is_as_before() {
    let center = Center::new();
    let (ann, bob, set) = (center.user_called("ann"), center.user_called("bob"), center.set("Auditor"));
    center.assign_user(&set, &ann, &center.member);
    let (roles, providers) = (center.roles(&center.member), center.providers(&center.member));
    let other = center.set("Other");
    let waiting =
        center.begin(&center.management(), &other, (PrincipalType::User, &bob), &center.member).expect("taken");
    center.trust(false);
    center.app.run_jobs();
    let (status, reason) = center.creation_status(&waiting);
    assert_eq!(status, StatusValues::Failed);
    assert!(reason.expect("a reason").contains("trusted access is disabled"));
    let refused = center.begin(&center.management(), &set, (PrincipalType::User, &bob), &center.member);
    assert_eq!(kernel::testing::code(refused), "AccessDeniedException");
    center.delete_user(&ann);
    center.app.clock.advance_seconds(86_400);
    center.app.run_jobs();
    assert_eq!((center.roles(&center.member), center.providers(&center.member)), (roles.clone(), providers.clone()));
    center.trust(true);
    center.app.run_jobs();
    assert!(center.roles(&center.member).is_empty(), "what was left over is done now");

    center.assign_user(&set, &bob, &center.member);
    let (roles, providers) = (center.roles(&center.member), center.providers(&center.member));
    center.trust(false);
    center.app.run_jobs();
    let linked = iam_shapes::DeleteServiceLinkedRoleRequest { role_name: "AWSServiceRoleForSSO".to_owned() };
    center.call::<iam_ops::DeleteServiceLinkedRole>(&center.member_root(), linked);
    center.app.run_jobs();
    center.trust(true);
    center.app.run_jobs();
    assert_eq!((center.roles(&center.member), center.providers(&center.member)), (roles, providers));
    let found = |center: &Center| {
        let store = &center.app.app.store;
        store.read(|tx| iam::service_linked_role::find(tx, &center.member, "sso.amazonaws.com")).expect("readable")
    };
    assert!(found(&center).is_some());
    center.assign_user(&other, &bob, &center.member);
}

#[test]
fn in_the_management_account_roles_come_with_the_administrators_own_permissions() {
    let center = Center::new();
    let (ann, set, owner) = (center.user_called("ann"), center.set("Auditor"), management());
    let who = (PrincipalType::User, ann.as_str());
    let weak = center.user(&owner, "weak", Some(&policy("Allow", "sso:*")));
    let id = center.begin(&weak, &set, who, &owner).expect("taken");
    let (status, reason) = center.creation_status(&id);
    let reason = reason.expect("a reason");
    assert_eq!(status, StatusValues::Failed);
    assert!(
        reason.starts_with("Received a 403 status error: Access denied by IAM.")
            && reason.contains("iam:CreateSAMLProvider"),
        "{reason}"
    );
    assert!(center.roles(&owner).is_empty() && center.providers(&owner).is_empty());
    let strong = center.user(&owner, "strong", Some(&policy("Allow", r#"*"#)));
    let id = center.begin(&strong, &set, who, &owner).expect("taken");
    assert_eq!(center.creation_status(&id), SUCCEEDED, "at once, without a job");
    assert_eq!(center.roles(&owner).len(), 1);
    let by_administrator = "select count(*) from audit where account_id = $1 and event_name = 'CreateRole' \
                            and record like '%user/strong%\"invokedBy\":\"sso.amazonaws.com\"%' and $2 = $2";
    assert_eq!(center.count(by_administrator, params![owner, owner]), 1);
    center.attach_managed(&set, READ_ONLY);
    assert_eq!(center.provision(&weak, &set, None).0, StatusValues::Failed);
    assert_eq!(center.provision(&strong, &set, None), SUCCEEDED);
    assert_eq!(policies(&center, &owner).0, [READ_ONLY]);
    assert_eq!(center.unassign(&set, who, &owner), SUCCEEDED);
    assert!(center.roles(&owner).is_empty() && center.providers(&owner).is_empty());
}

#[test]
fn an_account_that_leaves_is_forgotten_and_cleaned_up() {
    let center = Center::new();
    let (ann, bob, set) = (center.user_called("ann"), center.user_called("bob"), center.set("Auditor"));
    center.assign_user(&set, &ann, &center.member);
    let id = center.begin(&center.management(), &set, (PrincipalType::User, &bob), &center.member).expect("taken");
    let input = org_shapes::RemoveAccountFromOrganizationRequest { account_id: center.member.to_string() };
    center.call::<org_ops::RemoveAccountFromOrganization>(&center.management(), input);
    let (status, reason) = center.creation_status(&id);
    assert_eq!(status, StatusValues::Failed);
    assert!(reason.expect("a reason").contains("was not found in the organization"));
    for table in ["select count(*) from sso_assignment", "select count(*) from sso_provisioned"] {
        assert_eq!(center.count(table, params![]), 0);
    }
    center.app.run_jobs();
    assert!(center.roles(&center.member).is_empty() && center.providers(&center.member).is_empty());
}

#[test]
fn an_account_that_left_unreachably_is_cleaned_up_when_it_comes_back() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    center.assign_user(&set, &ann, &center.member);
    center.trust(false);
    let input = org_shapes::RemoveAccountFromOrganizationRequest { account_id: center.member.to_string() };
    center.call::<org_ops::RemoveAccountFromOrganization>(&center.management(), input);
    center.app.run_jobs();
    assert_eq!(center.roles(&center.member).len(), 1, "nobody could reach it");
    let request = center.app.request();
    let joined = center.app.app.write_as(&center.management(), &request, |cx| {
        let org = org::organization::of_account(cx.tx, &management())?.expect("an organization");
        let (now, root) = (cx.now, org::tree::Target::Root(org.root.clone()));
        let invited = org_shapes::AccountJoinedMethod::Invited;
        org::tree::add_account(&mut cx.write(), &org, &center.member, &root, invited, now)?;
        cx.emit(kernel::Event::AccountJoinedOrganization { org: org.id, account: center.member.clone() });
        Ok(())
    });
    joined.expect("joined");
    center.trust(true);
    center.app.run_jobs();
    assert!(center.roles(&center.member).is_empty() && center.providers(&center.member).is_empty());
}

#[test]
fn a_principal_that_is_deleted_takes_its_assignments_along() {
    let center = Center::new();
    let (ann, set, other) = (center.user_called("ann"), center.set("Auditor"), center.set("Other"));
    let group = center.group_of("auditors", &ann);
    center.assign_user(&set, &ann, &center.member);
    assert_eq!(center.assign(&other, (PrincipalType::Group, &group), &center.member), SUCCEEDED);
    center.delete_user(&ann);
    center.app.run_jobs();
    assert_eq!(center.roles(&center.member).len(), 1);
    let input = model::identitystore::DeleteGroupRequest {
        identity_store_id: center.instance.store.to_string(),
        group_id: group,
        ..Default::default()
    };
    center.call::<model::identitystore::ops::DeleteGroup>(&center.management(), input);
    center.app.run_jobs();
    assert!(center.roles(&center.member).is_empty());
}

#[test]
fn a_job_that_was_cut_off_does_its_work_once() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    center.assign_user(&set, &ann, &center.member);
    let audited = || center.count("select count(*) from audit where account_id = $1", params![center.member]);
    let before = (audited(), center.roles(&center.member));
    // As after a crash between the commit of the work and the end of the job.
    center.write("update sso_provisioned set due_at = 0", params![]);
    let request = center.app.request();
    let enqueued = center.app.app.write_as(&center.management(), &request, |cx| {
        let now = cx.now;
        cx.enqueue(sso::provision::PROVISION, "", now)
    });
    enqueued.expect("enqueued");
    center.app.run_jobs();
    assert_eq!((audited(), center.roles(&center.member)), before);
    assert_eq!(center.count("select count(*) from sso_provisioned where due_at is not null", params![]), 0);
}

#[test]
fn deleting_the_instance_takes_the_roles_of_every_account() {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann"), center.set("Auditor"));
    center.assign_user(&set, &ann, &center.member);
    let request = center.app.request();
    let deleted = center.app.app.write_as(&center.management(), &request, |cx| {
        sso::instance::delete_organization_instance(cx, &center.instance)
    });
    deleted.expect("deleted");
    center.app.run_jobs();
    center.app.clock.advance_seconds(600);
    center.app.run_jobs();
    assert!(center.roles(&center.member).is_empty() && center.providers(&center.member).is_empty());
    assert_eq!(center.count("select count(*) from sso_instance", params![]), 0);
}
