//! Roles and their trust policies.

use crate::support::{ACCOUNT, TRUST, account_id, add_account, permissions, refusal, setup, user};
use base::AccountId;
use iam::role::{self, trust_policy_for_evaluation};
use kernel::caller::{Principal, PrincipalCaller, RoleIdentity};
use kernel::scope::{Scope, ScopedCache};
use kernel::testing::{START, TestApp, code, root};
use kernel::{Caller, params};
use model::iam::{
    AddRoleToInstanceProfileRequest, AttachRolePolicyRequest, CreateInstanceProfileRequest, CreateRoleRequest,
    DeleteRoleRequest, DeleteUserRequest, GetRoleRequest, ListRoleTagsRequest, ListRolesRequest, PutRolePolicyRequest,
    Role, Tag, TagRoleRequest, UntagRoleRequest, UpdateAssumeRolePolicyRequest, UpdateRoleDescriptionRequest,
    UpdateRoleRequest, UpdateUserRequest, ops,
};
use std::sync::Arc;

fn request(name: &str) -> CreateRoleRequest {
    CreateRoleRequest {
        role_name: name.to_owned(),
        assume_role_policy_document: TRUST.to_owned(),
        ..Default::default()
    }
}

fn create(app: &TestApp, caller: &Caller, name: &str) -> Role {
    app.call::<ops::CreateRole>(caller, request(name)).expect("a new role").role
}

fn get(app: &TestApp, caller: &Caller, name: &str) -> Role {
    app.call::<ops::GetRole>(caller, GetRoleRequest { role_name: name.to_owned() }).expect("an existing role").role
}

fn trusting(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole","Condition":{{"StringNotEquals":{{"aws:PrincipalTag/of":"{principal}"}}}}}}]}}"#
    )
}

fn decoded(role: &Role) -> String {
    let text = role.assume_role_policy_document.clone().expect("shown");
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let pair: String = bytes.by_ref().take(2).map(char::from).collect();
            out.push(u8::from_str_radix(&pair, 16).expect("hexadecimal"));
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).expect("UTF-8")
}

fn tags(pairs: &[(&str, &str)]) -> Vec<Tag> {
    pairs.iter().map(|(key, value)| Tag { key: (*key).to_owned(), value: (*value).to_owned() }).collect()
}

fn session(path: &str, name: &str) -> Caller {
    let id = base::RoleId::parse("AROAEXAMPLEEXAMPLE123").expect("valid");
    let role = RoleIdentity { id, name: name.to_owned(), path: path.to_owned(), session_name: "work".to_owned() };
    Caller::Principal(PrincipalCaller {
        account: account_id(),
        principal: Principal::Role(role),
        access_key_id: None,
        session: None,
        invoked_by: None,
    })
}

#[test]
fn a_role_is_created_and_read_back() {
    let (app, root) = setup();
    let input = CreateRoleRequest {
        path: Some("/team/".to_owned()),
        description: Some("for work".to_owned()),
        max_session_duration: Some(7_200),
        permissions_boundary: Some("arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()),
        tags: Some(tags(&[("Team", "a")])),
        ..request("Worker")
    };
    let created = app.call::<ops::CreateRole>(&root, input).expect("a new role").role;
    assert_eq!(created.arn, format!("arn:aws:iam::{ACCOUNT}:role/team/Worker"));
    assert_eq!(created.role_last_used, None);
    let role = get(&app, &root, "WORKER");
    assert_eq!((role.role_name.as_str(), role.role_id.as_str()), ("Worker", created.role_id.as_str()));
    assert_eq!((role.create_date, role.max_session_duration), (START, Some(7_200)));
    assert_eq!(role.description.as_deref(), Some("for work"));
    assert_eq!(role.tags, Some(tags(&[("Team", "a")])));
    assert_eq!(
        role.permissions_boundary.and_then(|it| it.permissions_boundary_arn).as_deref(),
        Some("arn:aws:iam::aws:policy/ReadOnlyAccess")
    );
    assert_eq!(decoded(&get(&app, &root, "Worker")), TRUST);
    assert_eq!(create(&app, &root, "Other").max_session_duration, Some(3_600));
}

#[test]
fn what_create_role_refuses() {
    let (app, root) = setup();
    create(&app, &root, "Worker");
    let refused = |input: CreateRoleRequest| refusal(app.call::<ops::CreateRole>(&root, input));
    assert_eq!(refused(request("wORKER")), "EntityAlreadyExists: Role with name wORKER already exists.");
    for path in ["/aws-service-role/sso.amazonaws.com/", "/aws-reserved/", "/aws-reserved/sso.amazonaws.com/"] {
        let input = CreateRoleRequest { path: Some(path.to_owned()), ..request("Mine") };
        assert!(refused(input).starts_with("InvalidInput: "), "{path}");
    }
    let boundary = CreateRoleRequest {
        permissions_boundary: Some(format!("arn:aws:iam::{ACCOUNT}:policy/none")),
        ..request("Mine")
    };
    assert!(refused(boundary).starts_with("NoSuchEntity: "));
    let twice = CreateRoleRequest { tags: Some(tags(&[("a", "1"), ("A", "2")])), ..request("Mine") };
    assert!(refused(twice).starts_with("InvalidInput: Duplicate tag keys found."));
    let long = trusting("*").replace("aws:PrincipalTag/of", &"a".repeat(2_048));
    let long = CreateRoleRequest { assume_role_policy_document: long, ..request("Mine") };
    assert_eq!(refused(long), "LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048");
}

#[test]
fn a_trust_policy_names_principals_that_exist() {
    let (app, root) = setup();
    add_account(&app, "444455556666", "other@example.com");
    user(&app, &root, "alice");
    create(&app, &root, "Worker");
    let attempt = |principal: &str| {
        let input =
            UpdateAssumeRolePolicyRequest { role_name: "Worker".to_owned(), policy_document: trusting(principal) };
        app.call::<ops::UpdateAssumeRolePolicy>(&root, input)
    };
    for principal in [
        "*",
        "444455556666",
        "arn:aws:iam::444455556666:root",
        "arn:aws:iam::111122223333:user/alice",
        "arn:aws:iam::111122223333:role/Worker",
        "arn:aws:sts::111122223333:assumed-role/Worker/session",
        "arn:aws:sts::111122223333:federated-user/bob",
    ] {
        attempt(principal).expect(principal);
    }
    for principal in [
        "777788889999",
        "arn:aws:iam::777788889999:root",
        "arn:aws:iam::111122223333:user/ALICE",
        "arn:aws:iam::111122223333:user/path/alice",
        "arn:aws:iam::111122223333:user/*",
        "arn:aws:iam::111122223333:group/admins",
        "arn:aws:sts::111122223333:assumed-role/None/session",
        "arn:aws:sts::111122223333:assumed-role/Worker",
        "AIDAEXAMPLEEXAMPLE123",
        "alice",
    ] {
        let text = format!("MalformedPolicyDocument: Invalid principal in policy: \"AWS\":\"{principal}\"");
        assert_eq!(refusal(attempt(principal)), text);
    }
    let policy_document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}"#;
    let input =
        UpdateAssumeRolePolicyRequest { role_name: "Worker".to_owned(), policy_document: policy_document.to_owned() };
    assert_eq!(code(app.call::<ops::UpdateAssumeRolePolicy>(&root, input)), "MalformedPolicyDocument");
}

#[test]
fn a_trust_policy_follows_its_principal_and_never_means_a_namesake() {
    let (app, root) = setup();
    let Caller::Principal(alice) = user(&app, &root, "alice") else { panic!("a user is a principal") };
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/alice");
    let input = CreateRoleRequest { assume_role_policy_document: trusting(&arn), ..request("Worker") };
    app.call::<ops::CreateRole>(&root, input).expect("a new role");
    assert_eq!(decoded(&get(&app, &root, "Worker")), trusting(&arn));

    let input = UpdateUserRequest {
        user_name: "alice".to_owned(),
        new_user_name: Some("alicia".to_owned()),
        ..Default::default()
    };
    app.call::<ops::UpdateUser>(&root, input).expect("renamed");
    let condition_stays = |principal: &str| trusting(&arn).replacen(&arn, principal, 1);
    let moved = condition_stays(&format!("arn:aws:iam::{ACCOUNT}:user/alicia"));
    assert_eq!(decoded(&get(&app, &root, "Worker")), moved);

    app.call::<ops::DeleteUser>(&root, DeleteUserRequest { user_name: "alicia".to_owned() }).expect("deleted");
    user(&app, &root, "alice");
    let gone = condition_stays(&alice.user_id());
    assert_eq!(decoded(&get(&app, &root, "Worker")), gone);
    let listed = app.call::<ops::ListRoles>(&root, ListRolesRequest::default()).expect("listed");
    assert_eq!(decoded(&listed.roles[0]), gone);
    let evaluated = app.app.read_as(&root, &app.request(), |cx| {
        let role = role::find(cx.tx, &account_id(), "Worker")?.expect("exists");
        trust_policy_for_evaluation(cx.tx, &role)
    });
    assert_eq!(evaluated.expect("readable"), gone);
}

#[test]
fn deleting_a_role_touches_the_accounts_that_trust_it() {
    let (app, owner) = setup();
    let other = AccountId::parse("444455556666").expect("valid");
    add_account(&app, other.as_str(), "other@example.com");
    let arn = create(&app, &owner, "Trusted").arn;
    let input = CreateRoleRequest { assume_role_policy_document: trusting(&arn), ..request("Truster") };
    app.call::<ops::CreateRole>(&root(&other), input).expect("a new role");
    let view = ScopedCache::new(1);
    view.put("trust", Arc::new(()), app.app.scopes.depend(&[Scope::account(&other)]));
    assert!(view.get(&app.app.scopes, "trust").is_some());
    app.call::<ops::DeleteRole>(&owner, DeleteRoleRequest { role_name: "Trusted".to_owned() }).expect("deleted");
    assert!(view.get(&app.app.scopes, "trust").is_none());
}

#[test]
fn roles_are_listed_by_name_and_path_in_pages() {
    let (app, root) = setup();
    for (path, name) in [("/a/", "delta"), ("/b/", "Alpha"), ("/a/x/", "charlie"), ("/", "bravo")] {
        let input = CreateRoleRequest { path: Some(path.to_owned()), ..request(name) };
        app.call::<ops::CreateRole>(&root, input).expect("a new role");
    }
    let list = |input: ListRolesRequest| app.call::<ops::ListRoles>(&root, input);
    let names = |roles: &[Role]| roles.iter().map(|role| role.role_name.clone()).collect::<Vec<_>>();
    let all = list(ListRolesRequest::default()).expect("listed");
    assert_eq!(
        (names(&all.roles), all.is_truncated),
        (["Alpha", "bravo", "charlie", "delta"].map(str::to_owned).to_vec(), Some(false))
    );
    let page = |prefix: Option<&str>, marker: Option<String>| ListRolesRequest {
        path_prefix: prefix.map(str::to_owned),
        max_items: Some(1),
        marker,
    };
    let first = list(page(Some("/a/"), None)).expect("listed");
    assert_eq!((names(&first.roles), first.is_truncated), (vec!["charlie".to_owned()], Some(true)));
    let second = list(page(Some("/a/"), first.marker.clone())).expect("listed");
    assert_eq!((names(&second.roles), second.is_truncated), (vec!["delta".to_owned()], Some(false)));
    assert_eq!(refusal(list(page(None, first.marker))), "ValidationError: Invalid Marker.");
}

#[test]
fn a_role_with_policies_or_profiles_is_not_deleted() {
    let (app, root) = setup();
    create(&app, &root, "Worker");
    let delete = || app.call::<ops::DeleteRole>(&root, DeleteRoleRequest { role_name: "Worker".to_owned() });
    let attach = AttachRolePolicyRequest {
        role_name: "Worker".to_owned(),
        policy_arn: "arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned(),
    };
    app.call::<ops::AttachRolePolicy>(&root, attach).expect("attached");
    assert_eq!(refusal(delete()), "DeleteConflict: Cannot delete entity, must detach all policies first.");
    let put = PutRolePolicyRequest {
        role_name: "Worker".to_owned(),
        policy_name: "own".to_owned(),
        policy_document: crate::support::ALLOW_ALL.to_owned(),
    };
    app.call::<ops::PutRolePolicy>(&root, put).expect("put");
    assert_eq!(refusal(delete()), "DeleteConflict: Cannot delete entity, must delete policies first.");
    let profile = "Worker".to_owned();
    let input = CreateInstanceProfileRequest { instance_profile_name: profile.clone(), ..Default::default() };
    app.call::<ops::CreateInstanceProfile>(&root, input).expect("a new profile");
    let input = AddRoleToInstanceProfileRequest { instance_profile_name: profile, role_name: "Worker".to_owned() };
    app.call::<ops::AddRoleToInstanceProfile>(&root, input).expect("added");
    let text = "DeleteConflict: Cannot delete entity, must remove roles from instance profile first.";
    assert_eq!(refusal(delete()), text);
    create(&app, &root, "Free");
    app.call::<ops::DeleteRole>(&root, DeleteRoleRequest { role_name: "Free".to_owned() }).expect("deleted");
    let missing = app.call::<ops::GetRole>(&root, GetRoleRequest { role_name: "Free".to_owned() });
    assert_eq!(refusal(missing), "NoSuchEntity: The role with name Free cannot be found.");
}

#[test]
fn settings_of_a_role_change_one_by_one() {
    let (app, root) = setup();
    create(&app, &root, "Worker");
    let input = UpdateRoleRequest {
        role_name: "Worker".to_owned(),
        description: Some("first".to_owned()),
        max_session_duration: Some(43_200),
    };
    app.call::<ops::UpdateRole>(&root, input).expect("updated");
    let input = UpdateRoleDescriptionRequest { role_name: "Worker".to_owned(), description: "second".to_owned() };
    let shown = app.call::<ops::UpdateRoleDescription>(&root, input).expect("updated").role.expect("shown");
    assert_eq!((shown.description.as_deref(), shown.max_session_duration), (Some("second"), Some(43_200)));
    let input =
        UpdateRoleRequest { role_name: "Worker".to_owned(), description: None, max_session_duration: Some(3_600) };
    app.call::<ops::UpdateRole>(&root, input).expect("updated");
    let role = get(&app, &root, "Worker");
    assert_eq!((role.description.as_deref(), role.max_session_duration), (Some("second"), Some(3_600)));
}

#[test]
fn the_last_use_of_a_role_is_shown() {
    let (app, root) = setup();
    let id = base::RoleId::parse(&create(&app, &root, "Worker").role_id).expect("valid");
    assert_eq!(get(&app, &root, "Worker").role_last_used, Some(Default::default()));
    app.app
        .write_as(&root, &app.request(), |cx| role::record_use(&mut cx.write(), &id, START, "eu-west-1"))
        .expect("recorded");
    let used = get(&app, &root, "Worker").role_last_used.expect("shown");
    assert_eq!((used.last_used_date, used.region.as_deref()), (Some(START), Some("eu-west-1")));
}

#[test]
fn roles_carry_at_most_fifty_tags() {
    let (app, root) = setup();
    create(&app, &root, "Worker");
    let tag = |tags: Vec<Tag>| app.call::<ops::TagRole>(&root, TagRoleRequest { role_name: "Worker".to_owned(), tags });
    let many: Vec<Tag> = (0..50).map(|n| Tag { key: format!("k{n:02}"), value: String::new() }).collect();
    tag(many).expect("tagged");
    assert_eq!(code(tag(tags(&[("more", "")]))), "LimitExceeded");
    tag(tags(&[("K00", "again")])).expect("replaced");
    let input = UntagRoleRequest { role_name: "Worker".to_owned(), tag_keys: vec!["k01".to_owned(), "x".to_owned()] };
    app.call::<ops::UntagRole>(&root, input).expect("untagged");
    let list = |marker| ListRoleTagsRequest { role_name: "Worker".to_owned(), max_items: Some(30), marker };
    let first = app.call::<ops::ListRoleTags>(&root, list(None)).expect("listed");
    assert_eq!((first.tags.len(), first.tags[0].key.as_str(), first.is_truncated), (30, "K00", Some(true)));
    let second = app.call::<ops::ListRoleTags>(&root, list(first.marker)).expect("listed");
    assert_eq!((second.tags.len(), second.is_truncated), (19, Some(false)));
}

#[test]
fn reserved_roles_belong_to_their_service() {
    let (app, root) = setup();
    let service = session("/aws-service-role/sso.amazonaws.com/", "AWSServiceRoleForSSO");
    let stranger = session("/aws-service-role/ssm.amazonaws.com/", "AWSServiceRoleForAmazonSSM");
    let path = Some("/aws-reserved/sso.amazonaws.com/".to_owned());
    let input = || CreateRoleRequest { path: path.clone(), ..request("AWSReservedSSO_Admin_0123456789abcdef") };
    assert_eq!(code(app.call::<ops::CreateRole>(&stranger, input())), "InvalidInput");
    app.call::<ops::CreateRole>(&service, input()).expect("a new role");
    let name = "AWSReservedSSO_Admin_0123456789abcdef".to_owned();
    let update = || UpdateRoleDescriptionRequest { role_name: name.clone(), description: "mine".to_owned() };
    for caller in [&root, &stranger] {
        let text = format!(
            "UnmodifiableEntity: Cannot perform the operation on the protected role '{name}' - this role is only \
             modifiable by AWS"
        );
        assert_eq!(refusal(app.call::<ops::UpdateRoleDescription>(caller, update())), text);
        let delete = DeleteRoleRequest { role_name: name.clone() };
        assert_eq!(refusal(app.call::<ops::DeleteRole>(caller, delete)), text);
        let input = TagRoleRequest { role_name: name.clone(), tags: tags(&[("a", "b")]) };
        assert_eq!(refusal(app.call::<ops::TagRole>(caller, input)), text);
    }
    let on_behalf = match &root {
        Caller::Principal(admin) => {
            Caller::Principal(PrincipalCaller { invoked_by: Some("sso.amazonaws.com".to_owned()), ..admin.clone() })
        }
        other => other.clone(),
    };
    app.call::<ops::UpdateRoleDescription>(&on_behalf, update()).expect("the service acts for the administrator");
    app.call::<ops::DeleteRole>(&service, DeleteRoleRequest { role_name: name.clone() }).expect("deleted");
}

#[test]
fn permissions_carry_arns_tags_and_boundaries() {
    let (app, root) = setup();
    let input = CreateRoleRequest {
        path: Some("/team/".to_owned()),
        tags: Some(tags(&[("Team", "a")])),
        permissions_boundary: Some("arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()),
        ..request("Worker")
    };
    let asked = permissions::<ops::CreateRole>(&app, &root, &input);
    let actions: Vec<&str> = asked.iter().map(|permission| permission.action.as_str()).collect();
    assert_eq!(actions, ["iam:CreateRole", "iam:TagRole"]);
    assert_eq!(asked[0].resource, format!("arn:aws:iam::{ACCOUNT}:role/team/Worker"));
    let keys: Vec<&str> = asked[0].context.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["aws:RequestTag/Team", "aws:TagKeys", "iam:PermissionsBoundary"]);
    app.call::<ops::CreateRole>(&root, input).expect("a new role");
    let asked = permissions::<ops::DeleteRole>(&app, &root, &DeleteRoleRequest { role_name: "worker".to_owned() });
    assert_eq!(asked[0].resource, format!("arn:aws:iam::{ACCOUNT}:role/team/Worker"));
    let keys: Vec<&str> = asked[0].context.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["aws:ResourceTag/Team", "iam:ResourceTag/Team", "iam:PermissionsBoundary"]);
    let asked = permissions::<ops::GetRole>(&app, &root, &GetRoleRequest { role_name: "None".to_owned() });
    assert_eq!(asked[0].resource, format!("arn:aws:iam::{ACCOUNT}:role/None"));
    let input = ListRolesRequest { path_prefix: Some("/team/".to_owned()), ..Default::default() };
    let asked = permissions::<ops::ListRoles>(&app, &root, &input);
    assert_eq!(asked[0].resource, format!("arn:aws:iam::{ACCOUNT}:role/team/"));
}

#[test]
fn an_account_has_at_most_a_thousand_roles_of_its_own() {
    let (app, root) = setup();
    app.app
        .write_as(&root, &app.request(), |cx| {
            for n in 0..role::ROLES_QUOTA {
                let (id, name) = (format!("AROAEXAMPLE{n:010}"), format!("role-{n}"));
                cx.write().exec_one(
                    "insert into iam_role (id, account_id, name, name_key, path, trust_policy, max_session_seconds, \
                     created_at) values ($1, $2, $3, $3, '/', '{}', 3600, 0)",
                    params![id, ACCOUNT, name],
                )?;
            }
            Ok(())
        })
        .expect("roles");
    let refused = refusal(app.call::<ops::CreateRole>(&root, request("one-more")));
    assert_eq!(refused, "LimitExceeded: Cannot exceed quota for RolesPerAccount: 1000");
}
