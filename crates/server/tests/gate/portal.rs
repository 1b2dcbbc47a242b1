//! The portal: what people see, and credentials that end with what they rest on.

use crate::single_sign_on::{Center, management};
use crate::support::{assumption, policy};
use base::AccountId;
use kernel::caller::Caller;
use kernel::params;
use kernel::testing::{code, root};
use kernel::{Error, Result};
use model::iam::{self as iam_shapes, ops as iam_ops};
use model::sso::{self as shapes, ops};
use model::sso_admin::{self as admin, PrincipalType, ops as admin_ops};
use model::sts::ops as sts_ops;

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// A user with the permission set `Admin` in the member account, signed in: user, permission set, access token.
fn scene() -> (Center, String, String, String) {
    let center = Center::new();
    let (ann, set) = (center.user_called("ann@example.com"), center.set("Admin"));
    center.attach_managed(&set, ADMINISTRATOR);
    center.assign_user(&set, &ann, &center.member);
    let (_, token) = center.sign_in(&ann);
    (center, ann, set, token)
}

fn is_no_access<T>(result: Result<T>) -> bool {
    matches!(result, Err(Error::Denied(denial)) if denial.message == "No access")
}

/// Whether the caller may do what its role allows.
fn works(center: &Center, caller: &Caller) -> bool {
    center.ask(caller).is_ok()
}

#[test]
fn credentials_of_the_portal_are_a_session_of_the_role() {
    let (center, _, _, token) = scene();
    assert_eq!(center.accounts(&token), [center.member.to_string()]);
    assert_eq!(center.portal_roles(&token, &center.member).expect("roles"), ["Admin"]);
    let credentials = center.credentials(&token, &center.member, "Admin").expect("credentials");
    let in_two_hours = center.app.app.now().truncated_to_seconds().plus_seconds(7_200);
    assert_eq!(credentials.expiration, Some(in_two_hours.seconds() * 1_000));
    let caller = center.enter(&token, &center.member, "Admin").expect("credentials");
    let identity = center.call::<sts_ops::GetCallerIdentity>(&caller, Default::default());
    let role = center.roles(&center.member).remove(0).name;
    let arn = format!("arn:aws:sts::{}:assumed-role/{role}/ann@example.com", center.member);
    assert_eq!(identity.arn, Some(arn));
    assert!(works(&center, &caller));
}

#[test]
fn the_account_hears_of_the_session_and_the_trail_keeps_no_secret() {
    let (center, _, _, token) = scene();
    let credentials = center.credentials(&token, &center.member, "Admin").expect("credentials");
    let mut random = center.app.app.random();
    center.app.app.audit.flush(&center.app.app.store, &mut random).expect("written");
    let of = |account: &AccountId, name: &str| {
        let sql = "select record from audit where account_id = $1 and event_name = $2";
        let rows: Vec<String> =
            center.app.app.store.read(|tx| tx.all(sql, params![account, name], |row| row.get(0))).expect("readable");
        rows.concat()
    };
    let assumed = of(&center.member, "AssumeRoleWithSAML");
    assert!(
        assumed.contains("\"type\":\"SAMLUser\"") && assumed.contains("\"userName\":\"ann@example.com\""),
        "{assumed}"
    );
    let given = of(&management(), "GetRoleCredentials");
    assert!(
        given.contains("\"type\":\"IdentityCenterUser\"") && given.contains(center.instance.store.as_str()),
        "{given}"
    );
    for record in [assumed, given] {
        assert!(!record.contains(&token), "{record}");
        for secret in [&credentials.secret_access_key, &credentials.session_token] {
            assert!(!record.contains(secret.as_deref().expect("a secret")), "{record}");
        }
    }
}

#[test]
fn what_is_not_assigned_and_who_is_not_signed_in_is_refused() {
    let (center, _, _, token) = scene();
    center.set("Unassigned");
    for role in ["Unassigned", "Missing"] {
        assert!(is_no_access(center.credentials(&token, &center.member, role)));
    }
    assert!(is_no_access(center.credentials(&token, &management(), "Admin")));
    assert!(is_no_access(center.portal_roles(&token, &management())));
    let refused = center.credentials("no token", &center.member, "Admin").err().expect("refused");
    assert_eq!((refused.code(), refused.message()), ("UnauthorizedException", "Session token not found or invalid"));
}

#[test]
fn credentials_end_with_the_assignment() {
    let (center, ann, set, token) = scene();
    let other = center.user_called("bob");
    center.assign_user(&set, &other, &center.member);
    let caller = center.enter(&token, &center.member, "Admin").expect("credentials");
    assert!(works(&center, &caller));
    center.unassign(&set, (PrincipalType::User, &ann), &center.member);
    assert!(!works(&center, &caller), "the role stands for another user, but not for this one");
    assert!(is_no_access(center.enter(&token, &center.member, "Admin")));
}

#[test]
fn credentials_end_with_the_membership_through_which_they_came() {
    let (center, ann, set, token) = scene();
    let group = center.group_of("administrators", &ann);
    center.assign(&set, (PrincipalType::Group, &group), &center.member);
    center.unassign(&set, (PrincipalType::User, &ann), &center.member);
    let caller = center.enter(&token, &center.member, "Admin").expect("credentials");
    assert!(works(&center, &caller));
    let input = model::identitystore::DeleteGroupRequest {
        identity_store_id: center.instance.store.to_string(),
        group_id: group,
        ..Default::default()
    };
    center.call::<model::identitystore::ops::DeleteGroup>(&center.management(), input);
    assert!(!works(&center, &caller));
}

#[test]
fn credentials_end_with_the_session_but_not_by_its_running_out() {
    let (center, ann, _, token) = scene();
    let caller = center.enter(&token, &center.member, "Admin").expect("credentials");
    center.app.clock.advance_seconds(28_800 + 3_600);
    center.app.run_jobs();
    assert!(works(&center, &caller));
    assert_eq!(code(center.credentials(&token, &center.member, "Admin")), "UnauthorizedException");
    let (_, token) = center.sign_in(&ann);
    let caller = center.enter(&token, &center.member, "Admin").expect("credentials");
    assert!(works(&center, &caller));
    center.call::<ops::Logout>(&Caller::Anonymous, shapes::LogoutRequest { access_token: token });
    assert!(!works(&center, &caller));
}

#[test]
fn credentials_end_with_the_user_and_so_does_what_was_assumed_with_them() {
    let (center, ann, _, token) = scene();
    let caller = center.enter(&token, &center.member, "Admin").expect("credentials");
    let member = &center.member;
    let trust = crate::support::trust(&format!("arn:aws:iam::{member}:root"), r#""sts:*""#, "{}");
    let arn = center.role(member, "next", &trust, Some(&policy("Allow", "*")));
    let chained = center.assume(&caller, assumption(&arn)).expect("assumed");
    assert!(works(&center, &caller) && works(&center, &chained));
    let (store, user) = (&center.instance.store, base::IdentityUserId::parse(&ann).expect("valid"));
    let request = center.app.request();
    let disabled = center.app.app.write_as(&center.management(), &request, |cx| {
        identity::user::set_status(cx, store, &user, identity::user::Status::Disabled)
    });
    assert!(disabled.expect("disabled"));
    assert!(!works(&center, &caller) && !works(&center, &chained));
    assert_eq!(code(center.credentials(&token, &center.member, "Admin")), "UnauthorizedException");
}

#[test]
fn while_trusted_access_is_off_the_portal_is_empty_and_old_credentials_go_on() {
    let (center, _, _, token) = scene();
    let caller = center.enter(&token, &center.member, "Admin").expect("credentials");
    center.trust(false);
    center.app.run_jobs();
    assert!(center.accounts(&token).is_empty());
    assert!(is_no_access(center.portal_roles(&token, &center.member)));
    assert!(is_no_access(center.credentials(&token, &center.member, "Admin")));
    assert!(works(&center, &caller));
    center.trust(true);
    center.app.run_jobs();
    center.enter(&token, &center.member, "Admin").expect("at once, in the same session");
    assert!(works(&center, &caller));
}

#[test]
fn an_account_that_is_suspended_is_hidden() {
    let (center, _, _, token) = scene();
    center.write("update iam_account set state = 'SUSPENDED' where id = $1", params![center.member]);
    assert!(center.accounts(&token).is_empty());
    assert!(is_no_access(center.credentials(&token, &center.member, "Admin")));
}

#[test]
fn the_provider_and_the_trust_policy_in_the_account_decide() {
    let (center, _, _, token) = scene();
    let role = center.roles(&center.member).remove(0);
    let trust = "update iam_role set trust_policy = $2 where id = $1";
    let foreign = crate::support::trust(&format!("arn:aws:iam::{}:root", center.member), r#""sts:*""#, "{}");
    center.write(trust, params![role.id, foreign]);
    center.app.app.scopes.bump_all();
    assert!(is_no_access(center.credentials(&token, &center.member, "Admin")));
    center.write(trust, params![role.id, role.trust_policy]);
    center.app.app.scopes.bump_all();
    center.credentials(&token, &center.member, "Admin").expect("credentials");

    let expired = "update iam_saml_provider set valid_until = $2 where account_id = $1";
    let until = center.app.app.now();
    center.write(expired, params![center.member, until]);
    assert!(is_no_access(center.credentials(&token, &center.member, "Admin")));
    center.write(expired, params![center.member, until.plus_seconds(1)]);
    center.credentials(&token, &center.member, "Admin").expect("credentials");
    let name = center.providers(&center.member).remove(0);
    let saml_provider_arn = format!("arn:aws:iam::{}:saml-provider/{name}", center.member);
    let input = iam_shapes::DeleteSAMLProviderRequest { saml_provider_arn };
    center.call::<iam_ops::DeleteSAMLProvider>(&root(&center.member), input);
    assert!(is_no_access(center.credentials(&token, &center.member, "Admin")));
}

#[test]
fn attributes_for_access_control_are_tags_of_the_session() {
    let (center, _, set, token) = scene();
    let input = admin::CreateInstanceAccessControlAttributeConfigurationRequest {
        instance_arn: center.instance.arn(),
        instance_access_control_attribute_configuration: admin::InstanceAccessControlAttributeConfiguration {
            access_control_attributes: vec![admin::AccessControlAttribute {
                key: "Title".to_owned(),
                value: admin::AccessControlAttributeValue { source: vec!["${path:title}".to_owned()] },
            }],
        },
    };
    center.call::<admin_ops::CreateInstanceAccessControlAttributeConfiguration>(&center.management(), input);
    let denied = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:GetUser","Resource":"*",
        "Condition":{"StringEquals":{"aws:PrincipalTag/Title":"engineer"}}}]}"#;
    let before = center.enter(&token, &center.member, "Admin").expect("credentials");
    let Caller::Principal(principal) = &before else { panic!("a principal") };
    let tags = &principal.session.as_ref().expect("a session").tags;
    assert_eq!(tags.get("Title").map(String::as_str), Some("engineer"));
    assert!(works(&center, &before));
    center.put_inline(&set, denied);
    center.provision(&center.management(), &set, None);
    assert!(!works(&center, &before));
}

#[test]
fn the_read_model_of_pages_has_accounts_with_their_roles_by_name() {
    let (center, ann, _, _) = scene();
    let group = center.group_of("auditors", &ann);
    let set = center.set("Auditor");
    center.assign(&set, (PrincipalType::Group, &group), &center.member);
    center.assign_user(&set, &ann, &center.member);
    let (session, _) = center.sign_in(&ann);
    let accounts =
        center.app.app.read_as(&Caller::Anonymous, &center.app.request(), |cx| sso::portal::accounts(cx, &session));
    let [account] = accounts.expect("readable").try_into().expect("one account");
    assert_eq!(
        (&account.id, account.name.as_str(), account.email.as_str()),
        (&center.member, "member", "member@example.com")
    );
    assert_eq!(account.path, ["workloads"]);
    let roles: Vec<_> = account.roles.iter().map(|role| (role.name.as_str(), role.is_provisioned)).collect();
    assert_eq!(roles, [("Admin", true), ("Auditor", true)]);
}

#[test]
fn lists_of_the_portal_come_in_pages() {
    let (center, ann, set, token) = scene();
    let other = center.new_member("other");
    center.assign_user(&set, &ann, &other);
    let mut expected = vec![center.member.to_string(), other.to_string()];
    expected.sort();
    let (mut found, mut next_token) = (Vec::new(), None);
    loop {
        let input = shapes::ListAccountsRequest { access_token: token.clone(), max_results: Some(1), next_token };
        let page = center.call::<ops::ListAccounts>(&Caller::Anonymous, input);
        found.extend(page.account_list.expect("rows").into_iter().filter_map(|account| account.account_id));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(found, expected);
    let input = shapes::ListAccountsRequest {
        access_token: token,
        max_results: None,
        next_token: Some("no token of ours".to_owned()),
    };
    assert_eq!(code(center.app.call::<ops::ListAccounts>(&Caller::Anonymous, input)), "InvalidRequestException");
}
