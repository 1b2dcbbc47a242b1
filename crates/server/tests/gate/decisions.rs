//! Each kind of policy, alone and against the others, with the sentence that the caller reads.

use crate::support::{MANAGEMENT, World, account, assumption, policy, principal, refusal, trust};
use kernel::caller::{Caller, Principal};
use kernel::testing::root;
use model::iam::{self as shapes, ops};
use model::organizations::{CloseAccountRequest, EnableAWSServiceAccessRequest, PolicyType, ops as org_ops};

const NOTHING_ALLOWS: &str = "because no identity-based policy allows the iam:GetUser action";
const SCP_DENIES: &str = "with an explicit deny in a service control policy";

#[test]
fn identity_policies_allow_and_deny() {
    let world = World::new();
    let own = account(MANAGEMENT);
    let alice = world.user(&own, "alice", None);
    assert_eq!(world.ask(&alice), refusal(&alice, NOTHING_ALLOWS));
    let all_but = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"iam:Get*","Resource":"*"}}"#;
    let elsewhere = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*",
        "NotResource":"arn:aws:iam::111122223333:user/b*"}}"#;
    let deny_elsewhere = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
        {"Effect":"Deny","Action":"iam:*","NotResource":"arn:aws:iam::111122223333:user/${aws:username}"}]}"#;
    for text in [all_but, elsewhere] {
        world.put_user_policy(&own, "alice", text);
        assert_eq!(world.ask(&alice), refusal(&alice, NOTHING_ALLOWS), "{text}");
    }
    world.put_user_policy(&own, "alice", deny_elsewhere);
    assert_eq!(world.ask(&alice), refusal(&alice, "with an explicit deny in an identity-based policy"));
    world.put_user_policy(&own, "alice", &policy("Allow", "iam:getuser"));
    assert_eq!(world.ask(&alice), Ok(()));
}

#[test]
fn group_policies_count_as_long_as_the_membership_lasts() {
    let world = World::new();
    let own = account(MANAGEMENT);
    let (root, alice) = (root(&own), world.user(&own, "alice", None));
    world.call::<ops::CreateGroup>(&root, shapes::CreateGroupRequest { group_name: "staff".into(), path: None });
    let put = |text: &str| {
        let input = shapes::PutGroupPolicyRequest {
            group_name: "staff".into(),
            policy_name: "own".into(),
            policy_document: text.to_owned(),
        };
        world.call::<ops::PutGroupPolicy>(&root, input);
    };
    put(&policy("Allow", "iam:*"));
    assert_eq!(world.ask(&alice), refusal(&alice, NOTHING_ALLOWS));
    let member = shapes::AddUserToGroupRequest { group_name: "staff".into(), user_name: "alice".into() };
    world.call::<ops::AddUserToGroup>(&root, member);
    assert_eq!(world.ask(&alice), Ok(()));
    put(&policy("Deny", "iam:*"));
    assert_eq!(world.ask(&alice), refusal(&alice, "with an explicit deny in an identity-based policy"));
    let member = shapes::RemoveUserFromGroupRequest { group_name: "staff".into(), user_name: "alice".into() };
    world.call::<ops::RemoveUserFromGroup>(&root, member);
    assert_eq!(world.ask(&alice), refusal(&alice, NOTHING_ALLOWS));
}

#[test]
fn a_boundary_limits_and_never_grants() {
    let world = World::new();
    let own = account(MANAGEMENT);
    let (root, alice) = (root(&own), world.user(&own, "alice", Some(&policy("Allow", "*"))));
    let bounded = |name: &str, text: &str| {
        let input = shapes::CreatePolicyRequest {
            policy_name: name.to_owned(),
            policy_document: text.to_owned(),
            ..Default::default()
        };
        let arn = world.call::<ops::CreatePolicy>(&root, input).policy.and_then(|policy| policy.arn).expect("an ARN");
        let input = shapes::PutUserPermissionsBoundaryRequest { user_name: "alice".into(), permissions_boundary: arn };
        world.call::<ops::PutUserPermissionsBoundary>(&root, input);
        world.ask(&alice)
    };
    let nothing = refusal(&alice, "because no permissions boundary allows the iam:GetUser action");
    assert_eq!(bounded("compute", &policy("Allow", "ec2:*")), nothing);
    let denied = refusal(&alice, "with an explicit deny in a permissions boundary");
    assert_eq!(bounded("denying", &policy("Deny", "iam:*")), denied);
    assert_eq!(bounded("reading", &policy("Allow", "iam:Get*")), Ok(()));
    let input = shapes::DeleteUserPolicyRequest { user_name: "alice".into(), policy_name: "own".into() };
    world.call::<ops::DeleteUserPolicy>(&root, input);
    assert_eq!(world.ask(&alice), refusal(&alice, NOTHING_ALLOWS));
}

#[test]
fn a_session_policy_limits_the_session_that_it_was_given_to() {
    let world = World::new();
    let own = account(MANAGEMENT);
    let alice = world.user(&own, "alice", Some(&policy("Allow", "sts:AssumeRole")));
    let arn = world.role(&own, "reader", &trust(MANAGEMENT, r#""sts:AssumeRole""#, "{}"), Some(&policy("Allow", "*")));
    let with = |policy: Option<String>| {
        world.assume(&alice, model::sts::AssumeRoleRequest { policy, ..assumption(&arn) }).expect("assumed")
    };
    assert_eq!(world.ask(&with(None)), Ok(()));
    assert_eq!(world.ask(&with(Some(policy("Allow", "iam:*")))), Ok(()));
    let narrow = with(Some(policy("Allow", "ec2:*")));
    assert_eq!(world.ask(&narrow), refusal(&narrow, "because no session policy allows the iam:GetUser action"));
    let denying = with(Some(policy("Deny", "iam:*")));
    assert_eq!(world.ask(&denying), refusal(&denying, "with an explicit deny in a session policy"));
}

#[test]
fn a_service_control_policy_binds_from_every_level_of_the_tree() {
    let world = World::new();
    let alice = world.user(&world.member, "alice", Some(&policy("Allow", "*")));
    let (root_user, manager) = (world.member_root(), world.user(&account(MANAGEMENT), "manager", None));
    world.put_user_policy(&account(MANAGEMENT), "manager", &policy("Allow", "*"));
    let denying = world.policy(PolicyType::ServiceControlPolicy, "no-iam", &policy("Deny", "iam:*"));
    let levels = [world.root_id.clone(), world.unit.clone(), world.member.to_string()];
    for level in &levels {
        assert_eq!(world.ask(&alice), Ok(()), "{level}");
        world.attach(&denying, level);
        assert_eq!(world.ask(&alice), refusal(&alice, SCP_DENIES), "{level}");
        // The root user of a member is bound, everybody in the management account is not.
        assert_eq!(world.ask(&root_user), refusal(&root_user, SCP_DENIES), "{level}");
        assert_eq!(world.ask(&manager), Ok(()), "{level}");
        assert_eq!(world.ask(&world.management()), Ok(()), "{level}");
        world.detach(&denying, level);
    }
    let compute = world.policy(PolicyType::ServiceControlPolicy, "compute", &policy("Allow", "ec2:*"));
    for level in &levels {
        world.attach(&compute, level);
        assert_eq!(world.ask(&alice), Ok(()), "{level}");
        world.detach("p-FullAWSAccess", level);
        let reason = "because no service control policy allows the iam:GetUser action";
        assert_eq!(world.ask(&alice), refusal(&alice, reason), "{level}");
        assert_eq!(world.ask(&root_user), refusal(&root_user, reason), "{level}");
        world.attach("p-FullAWSAccess", level);
        world.detach(&compute, level);
    }
}

#[test]
fn moving_an_account_changes_what_binds_it_at_once() {
    let world = World::new();
    let alice = world.user(&world.member, "alice", Some(&policy("Allow", "*")));
    let denying = world.policy(PolicyType::ServiceControlPolicy, "no-iam", &policy("Deny", "iam:*"));
    world.attach(&denying, &world.unit);
    assert_eq!(world.ask(&alice), refusal(&alice, SCP_DENIES));
    world.move_member(&world.unit, &world.root_id);
    assert_eq!(world.ask(&alice), Ok(()));
    world.move_member(&world.root_id, &world.unit);
    assert_eq!(world.ask(&alice), refusal(&alice, SCP_DENIES));
}

#[test]
fn service_linked_roles_are_exempt_from_service_control_policies() {
    let world = World::new();
    let input = EnableAWSServiceAccessRequest { service_principal: "sso.amazonaws.com".to_owned() };
    world.call::<org_ops::EnableAWSServiceAccess>(&world.management(), input);
    world.app.run_jobs();
    let role = world.app.app.store.read(|tx| iam::role::find(tx, &world.member, "AWSServiceRoleForSSO"));
    let role = role.expect("readable").expect("the member has the role");
    let linked = principal(&world.member, Principal::Role(role.identity("sso")), None);
    let denying = world.policy(PolicyType::ServiceControlPolicy, "nothing", &policy("Deny", "*"));
    world.attach(&denying, world.member.as_str());
    let input = || shapes::ListAttachedRolePoliciesRequest {
        role_name: "AWSReservedSSO_none".to_owned(),
        ..Default::default()
    };
    let of_linked = world.app.call::<ops::ListAttachedRolePolicies>(&linked, input());
    let of_root = world.app.call::<ops::ListAttachedRolePolicies>(&world.member_root(), input());
    assert_eq!(kernel::testing::code(of_linked), "AccessDenied", "the role's own policy names another path");
    assert_eq!(kernel::testing::code(of_root), "AccessDenied");
    let input = shapes::GetSAMLProviderRequest {
        saml_provider_arn: format!("arn:aws:iam::{}:saml-provider/AWSSSO_0123_DO_NOT_DELETE", world.member),
    };
    let of_linked = world.app.call::<ops::GetSAMLProvider>(&linked, input.clone());
    assert_eq!(kernel::testing::code(of_linked), "NoSuchEntity", "allowed, and there is none");
    let of_root = world.app.call::<ops::GetSAMLProvider>(&world.member_root(), input);
    assert_eq!(kernel::testing::code(of_root), "AccessDenied");
}

#[test]
fn a_resource_control_policy_guards_the_members_roles_from_everybody() {
    let world = World::new();
    let alice = world.user(&account(MANAGEMENT), "alice", Some(&policy("Allow", "sts:*")));
    let everybody = trust(MANAGEMENT, r#""sts:AssumeRole""#, "{}");
    let theirs = world.role(&world.member, "theirs", &everybody, None);
    let ours = world.role(&account(MANAGEMENT), "ours", &everybody, None);
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole",
        "Resource":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}}]}"#;
    let denying = world.policy(PolicyType::ResourceControlPolicy, "no-sessions", text);
    let assume = |arn: &str| match world.assume(&alice, assumption(arn)) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.message().to_owned()),
    };
    assert_eq!(assume(&theirs), Ok(()));
    world.attach(&denying, &world.root_id);
    let sentence = format!(
        "User: arn:aws:iam::{MANAGEMENT}:user/alice is not authorized to perform: sts:AssumeRole on resource: {theirs}"
    );
    assert_eq!(assume(&theirs), Err(sentence));
    assert_eq!(assume(&ours), Ok(()), "the management account's resources are not protected");
    world.detach(&denying, &world.root_id);
    assert_eq!(assume(&theirs), Ok(()));
}

#[test]
fn closing_an_account_ends_what_its_principals_can_do() {
    let world = World::new();
    let alice = world.user(&world.member, "alice", Some(&policy("Allow", "*")));
    assert_eq!(world.ask(&alice), Ok(()));
    let input = CloseAccountRequest { account_id: world.member.to_string() };
    world.call::<org_ops::CloseAccount>(&world.management(), input);
    assert!(world.ask(&alice).is_err(), "from the moment of the call");
    world.app.clock.advance_seconds(3_600);
    world.app.run_jobs();
    assert!(world.ask(&alice).is_err());
}

#[test]
fn the_principal_of_a_suspended_account_is_refused() {
    let world = World::new();
    let alice = world.user(&world.member, "alice", Some(&policy("Allow", "*")));
    assert_eq!(world.ask(&alice), Ok(()));
    let suspended = iam::account::AccountState::Suspended;
    let request = world.app.request();
    world
        .app
        .app
        .write_as(&Caller::Anonymous, &request, |cx| iam::account::set_state(&mut cx.write(), &world.member, suspended))
        .expect("written");
    assert!(world.ask(&alice).is_err());
}
