use crate::support::{ACCOUNT, ALLOW_ALL, account_id, add_account, add_role, refusal, setup, user};
use base::AccountId;
use iam::account::{self, root_password};
use kernel::testing::{START, root};
use model::iam::*;
use smithy::schema::Unit;

fn alias(text: &str) -> CreateAccountAliasRequest {
    CreateAccountAliasRequest { account_alias: text.into() }
}

#[test]
fn an_account_has_one_alias_that_no_other_has() {
    let (app, own) = setup();
    add_account(&app, "444455556666", "other@example.com");
    let other = root(&AccountId::parse("444455556666").expect("valid"));
    app.call::<ops::CreateAccountAlias>(&own, alias("first")).expect("set");
    app.call::<ops::CreateAccountAlias>(&own, alias("second")).expect("replaced");
    let listed = app.call::<ops::ListAccountAliases>(&own, Default::default()).expect("a list");
    assert_eq!(listed.account_aliases, ["second"]);
    assert_eq!(
        refusal(app.call::<ops::CreateAccountAlias>(&other, alias("second"))),
        "EntityAlreadyExists: The account alias second already exists."
    );
    for bad in ["ab", "-abc", "abc-", "a--b", "ABC", "123456789012"] {
        let result = app.call::<ops::CreateAccountAlias>(&other, alias(bad));
        assert_eq!(kernel::testing::code(result), "ValidationError", "{bad}");
    }
    let delete = |text: &str| DeleteAccountAliasRequest { account_alias: text.into() };
    assert_eq!(
        refusal(app.call::<ops::DeleteAccountAlias>(&own, delete("first"))),
        "NoSuchEntity: The account alias with name first cannot be found."
    );
    app.call::<ops::DeleteAccountAlias>(&own, delete("second")).expect("deleted");
    app.call::<ops::CreateAccountAlias>(&other, alias("second")).expect("free again");
}

#[test]
fn the_summary_counts_what_is_there() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    add_role(&app, "/", "worker");
    app.call::<ops::CreateAccessKey>(&root, Default::default()).expect("a root key");
    let version = SetSecurityTokenServicePreferencesRequest {
        global_endpoint_token_version: globalEndpointTokenVersion::V2Token,
    };
    app.call::<ops::SetSecurityTokenServicePreferences>(&root, version).expect("set");
    let summary = app.call::<ops::GetAccountSummary>(&root, Unit).expect("a summary").summary_map.expect("shown");
    for (key, value) in [
        ("Users", 1),
        ("Roles", 1),
        ("Groups", 0),
        ("Providers", 0),
        ("UsersQuota", 5_000),
        ("GroupsPerUserQuota", 10),
        ("AccountAccessKeysPresent", 1),
        ("AccountPasswordPresent", 0),
        ("AccountMFAEnabled", 0),
        ("GlobalEndpointTokenVersion", 2),
    ] {
        assert_eq!(summary.get(key), Some(&value), "{key}");
    }
    let missing: Vec<_> = summaryKeyType::VALUES.iter().filter(|key| !summary.contains_key(**key)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_root_password_is_kept_apart() {
    let (app, caller) = setup();
    let id = account_id();
    let seen = app
        .app
        .write_as(&caller, &app.request(), |cx| {
            root_password::set(&mut cx.write(), &id, Some("hash"))?;
            root_password::set_used(&mut cx.write(), &id, START)?;
            Ok((root_password::find(cx.tx, &id)?, root_password::used_at(cx.tx, &id)?, account::get(cx.tx, &id)?))
        })
        .expect("stored");
    assert_eq!((seen.0.as_deref(), seen.1), (Some("hash"), Some(START)));
    assert_eq!(seen.2.expect("found").email, "root@example.com");
    let own = app.call::<ops::GetUser>(&caller, Default::default()).expect("the root user").user;
    assert_eq!(own.password_last_used, Some(START));
}

#[test]
fn authorization_details_hold_everything_in_pages() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    add_role(&app, "/", "worker");
    app.call::<ops::CreateGroup>(&root, CreateGroupRequest { group_name: "g".into(), path: None }).expect("a group");
    let member = AddUserToGroupRequest { group_name: "g".into(), user_name: "alice".into() };
    app.call::<ops::AddUserToGroup>(&root, member).expect("a member");
    let own =
        CreatePolicyRequest { policy_name: "own".into(), policy_document: ALLOW_ALL.into(), ..Default::default() };
    app.call::<ops::CreatePolicy>(&root, own).expect("a policy");
    let attach = AttachRolePolicyRequest {
        role_name: "worker".into(),
        policy_arn: "arn:aws:iam::aws:policy/ReadOnlyAccess".into(),
    };
    app.call::<ops::AttachRolePolicy>(&root, attach).expect("attached");
    let put = PutUserPolicyRequest {
        user_name: "alice".into(),
        policy_name: "inline".into(),
        policy_document: ALLOW_ALL.into(),
    };
    app.call::<ops::PutUserPolicy>(&root, put).expect("put");
    let all = app.call::<ops::GetAccountAuthorizationDetails>(&root, Default::default()).expect("details");
    let alice = &all.user_detail_list.as_ref().expect("users")[0];
    assert_eq!(alice.group_list, Some(vec!["g".to_owned()]));
    let inline = &alice.user_policy_list.as_ref().expect("inline")[0];
    assert!(inline.policy_document.as_ref().is_some_and(|text| text.starts_with("%7B")));
    let worker = &all.role_detail_list.as_ref().expect("roles")[0];
    assert_eq!(worker.attached_managed_policies.as_ref().map(Vec::len), Some(1));
    let policies = all.policies.expect("policies");
    let names: Vec<_> = policies.iter().filter_map(|policy| policy.policy_name.as_deref()).collect();
    assert_eq!(names, ["own", "ReadOnlyAccess"]);
    assert!(policies.iter().all(|policy| policy.policy_version_list.as_ref().is_some_and(|list| list.len() == 1)));
    let filter = GetAccountAuthorizationDetailsRequest { filter: Some(vec![EntityType::Group]), ..Default::default() };
    let groups = app.call::<ops::GetAccountAuthorizationDetails>(&root, filter).expect("details");
    assert_eq!(groups.group_detail_list.map(|list| list.len()), Some(1));
    assert_eq!((groups.user_detail_list, groups.policies), (Some(Vec::new()), Some(Vec::new())));
    let first = GetAccountAuthorizationDetailsRequest { max_items: Some(2), ..Default::default() };
    let page = app.call::<ops::GetAccountAuthorizationDetails>(&root, first.clone()).expect("a page");
    let next = GetAccountAuthorizationDetailsRequest { marker: page.marker, ..first };
    let next = app.call::<ops::GetAccountAuthorizationDetails>(&root, next).expect("a page");
    assert_eq!(next.role_detail_list.map(|list| list.len()), Some(1));
    assert_eq!((next.policies.map(|list| list.len()), next.is_truncated), (Some(1), Some(true)));
}

#[test]
fn a_credential_report_is_made_once_in_four_hours() {
    let (app, root) = setup();
    let alice = user(&app, &root, "alice");
    app.call::<ops::CreateAccessKey>(&alice, Default::default()).expect("a key");
    assert_eq!(kernel::testing::code(app.call::<ops::GetCredentialReport>(&root, Unit)), "ReportNotPresent");
    let state = || app.call::<ops::GenerateCredentialReport>(&root, Unit).expect("answered").state;
    assert_eq!(state(), Some(ReportStateType::Started));
    assert_eq!(state(), Some(ReportStateType::Complete));
    let report = app.call::<ops::GetCredentialReport>(&root, Unit).expect("a report");
    assert_eq!(report.generated_time, Some(START));
    let text = String::from_utf8(report.content.expect("content").0).expect("UTF-8");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.len() == 22), "{text}");
    assert_eq!(lines[1][..2], ["<root_account>".to_owned(), format!("arn:aws:iam::{ACCOUNT}:root")]);
    let of = |name: &str| lines[2][lines[0].iter().position(|each| *each == name).expect("a column")];
    assert_eq!((of("user"), of("password_enabled"), of("password_last_used")), ("alice", "false", "N/A"));
    assert_eq!((of("access_key_1_active"), of("access_key_2_active"), of("mfa_active")), ("true", "false", "false"));
    assert_eq!(of("access_key_1_last_rotated"), "2026-11-21T00:00:00+00:00");
    app.clock.advance_seconds(4 * 3_600);
    assert_eq!(kernel::testing::code(app.call::<ops::GetCredentialReport>(&root, Unit)), "ReportExpired");
    assert_eq!(state(), Some(ReportStateType::Started));
}
