use crate::sts_support::{ACCOUNT, LINKED_ROLE, POLICY, ROLE, Sts, account, message, tag, values};
use kernel::caller::Session;
use kernel::testing::{START, code};
use kernel::{Caller, Principal};
use model::sts::{AssumeRoleRequest, PolicyDescriptorType, ops};
use std::collections::BTreeMap;

fn request() -> AssumeRoleRequest {
    AssumeRoleRequest { role_arn: ROLE.to_owned(), role_session_name: "ann".to_owned(), ..Default::default() }
}

fn transitive_session() -> Session {
    Session {
        tags: BTreeMap::from([("Team".to_owned(), "red".to_owned()), ("Local".to_owned(), "x".to_owned())]),
        transitive_tag_keys: vec!["Team".to_owned()],
        source_identity: Some("ann@example".to_owned()),
        ..Session::default()
    }
}

#[test]
fn the_credentials_make_a_session_of_the_role() {
    let sts = Sts::new();
    let answer = sts.call::<ops::AssumeRole>(&sts.ann(), request()).expect("assumed");
    let user = answer.assumed_role_user.expect("a user");
    let role = sts.role("Reader");
    assert_eq!(user.arn, format!("arn:aws:sts::{ACCOUNT}:assumed-role/Reader/ann"));
    assert_eq!(user.assumed_role_id, format!("{}:ann", role.id));
    assert_eq!((answer.packed_policy_size, answer.source_identity), (None, None));
    let caller = sts.open(answer.credentials.as_ref());
    assert_eq!(caller.principal, Principal::Role(role.identity("ann")));
    let session = caller.session.expect("a session");
    assert_eq!((session.issued_at, session.expires_at), (START, START.plus_seconds(3_600)));
    assert!(!session.is_chained && session.mfa_at.is_none());
    assert_eq!(answer.session_token_size, answer.credentials.map(|c| c.session_token.len() as i32));
}

#[test]
fn the_gate_is_asked_about_the_role_with_its_tags_and_the_requests_conditions() {
    let sts = Sts::new();
    let input = AssumeRoleRequest { external_id: Some("e-1".to_owned()), duration_seconds: Some(900), ..request() };
    sts.call::<ops::AssumeRole>(&sts.ann(), input).expect("assumed");
    let asked = sts.asked();
    let [asked] = asked.as_slice() else { panic!("one question") };
    let permission = &asked.permission;
    assert_eq!((permission.action.as_str(), permission.resource.as_str()), ("sts:AssumeRole", ROLE));
    assert_eq!(permission.resource_account, Some(account()));
    for (key, value) in [
        ("sts:RoleSessionName", "ann"),
        ("sts:ExternalId", "e-1"),
        ("sts:DurationSeconds", "900"),
        ("aws:ResourceTag/Team", "blue"),
        ("iam:ResourceTag/Team", "blue"),
    ] {
        assert_eq!(values(permission, key), Some(vec![value]), "{key}");
    }
    assert_eq!(values(permission, "aws:TagKeys"), None);
    assert_eq!(values(permission, "aws:MultiFactorAuthPresent"), None);
}

#[test]
fn an_unknown_role_is_refused_like_a_forbidden_one() {
    let sts = Sts::new();
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/Nobody");
    for arn in [arn.as_str(), "arn:aws:iam::999999999999:role/Reader", "arn:aws:iam::111122223333:role/Reader"] {
        let refused =
            sts.call::<ops::AssumeRole>(&sts.ann(), AssumeRoleRequest { role_arn: arn.to_owned(), ..request() });
        assert_eq!(
            message(refused),
            format!(
                "User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: sts:AssumeRole on resource: {arn}"
            )
        );
        assert_eq!(sts.asked()[0].permission.resource, arn);
    }
    sts.deny("sts:AssumeRole");
    assert_eq!(code(sts.call::<ops::AssumeRole>(&sts.ann(), request())), "AccessDenied");
}

#[test]
fn what_is_no_role_arn_is_refused() {
    let sts = Sts::new();
    for arn in ["arn:aws:iam::111122223333:user/ann", "arn:aws:iam::12:role/Reader", "not an arn at all, no"] {
        let refused =
            sts.call::<ops::AssumeRole>(&sts.ann(), AssumeRoleRequest { role_arn: arn.to_owned(), ..request() });
        assert_eq!(message(refused), "Request ARN is invalid");
    }
}

#[test]
fn a_root_user_assumes_no_role() {
    let sts = Sts::new();
    let refused = sts.call::<ops::AssumeRole>(&sts.root(), request());
    assert_eq!(message(refused), "Roles may not be assumed by root accounts.");
    assert!(sts.asked().is_empty());
}

#[test]
fn nobody_in_particular_assumes_no_role_even_where_the_trust_policy_names_everybody() {
    let sts = Sts::new();
    assert_eq!(code(sts.call::<ops::AssumeRole>(&Caller::Anonymous, request())), "AccessDenied");
    assert!(sts.asked().is_empty());
}

#[test]
fn the_audit_trail_has_the_access_key_and_no_secret() {
    let sts = Sts::new();
    let answer = sts.call::<ops::AssumeRole>(&sts.ann(), request()).expect("assumed");
    let credentials = answer.credentials.expect("credentials");
    let records = sts.audit_records().join("\n");
    assert!(records.contains(&credentials.access_key_id));
    assert!(!records.contains(&credentials.secret_access_key) && !records.contains(&credentials.session_token));
}

#[test]
fn a_session_lasts_no_longer_than_the_role_or_the_chain_allows() {
    let sts = Sts::new();
    let call = |caller: &Caller, seconds| {
        sts.call::<ops::AssumeRole>(caller, AssumeRoleRequest { duration_seconds: Some(seconds), ..request() })
    };
    let longest = call(&sts.ann(), 7_200).expect("assumed").credentials.expect("credentials");
    assert_eq!(longest.expiration, START.plus_seconds(7_200));
    assert_eq!(
        message(call(&sts.ann(), 7_201)),
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    );
    let writer = sts.writer(Session::default());
    assert_eq!(
        message(call(&writer, 3_601)),
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    );
    let chained = call(&writer, 3_600).expect("assumed");
    assert!(sts.open(chained.credentials.as_ref()).session.expect("a session").is_chained);
}

#[test]
fn session_tags_and_source_identity_take_permissions_of_their_own() {
    let sts = Sts::new();
    let input = AssumeRoleRequest {
        tags: Some(vec![tag("Cost", "12"), tag("Unit", "a")]),
        transitive_tag_keys: Some(vec!["cost".to_owned()]),
        source_identity: Some("ann".to_owned()),
        ..request()
    };
    let answer = sts.call::<ops::AssumeRole>(&sts.ann(), input.clone()).expect("assumed");
    let asked = sts.asked();
    let actions: Vec<_> = asked.iter().map(|asked| asked.permission.action.as_str()).collect();
    assert_eq!(actions, ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
    for asked in &asked {
        assert_eq!(asked.permission.resource, ROLE);
        assert_eq!(values(&asked.permission, "aws:RequestTag/Cost"), Some(vec!["12"]));
        assert_eq!(values(&asked.permission, "aws:TagKeys"), Some(vec!["Cost", "Unit"]));
        assert_eq!(values(&asked.permission, "sts:TransitiveTagKeys"), Some(vec!["Cost"]));
        assert_eq!(values(&asked.permission, "sts:SourceIdentity"), Some(vec!["ann"]));
    }
    assert_eq!((answer.source_identity.as_deref(), answer.packed_policy_size), (Some("ann"), Some(1)));
    let session = sts.open(answer.credentials.as_ref()).session.expect("a session");
    assert_eq!((session.tags.len(), &session.transitive_tag_keys), (2, &vec!["Cost".to_owned()]));
    for action in ["sts:TagSession", "sts:SetSourceIdentity"] {
        let sts = Sts::new();
        sts.deny(action);
        assert_eq!(code(sts.call::<ops::AssumeRole>(&sts.ann(), input.clone())), "AccessDenied", "{action}");
    }
}

#[test]
fn a_chain_inherits_transitive_tags_and_the_source_identity_and_cannot_change_them() {
    let sts = Sts::new();
    let writer = sts.writer(transitive_session());
    let input = AssumeRoleRequest { tags: Some(vec![tag("Own", "1")]), ..request() };
    let answer = sts.call::<ops::AssumeRole>(&writer, input).expect("assumed");
    assert_eq!(sts.asked_actions(), ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]);
    assert_eq!(answer.source_identity.as_deref(), Some("ann@example"));
    let session = sts.open(answer.credentials.as_ref()).session.expect("a session");
    let tags: Vec<_> = session.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(tags, [("Own", "1"), ("Team", "red")]);
    assert_eq!(session.transitive_tag_keys, ["Team"]);
    let clash = AssumeRoleRequest { tags: Some(vec![tag("team", "green")]), ..request() };
    assert_eq!(code(sts.call::<ops::AssumeRole>(&writer, clash)), "ValidationError");
    let other = AssumeRoleRequest { source_identity: Some("bob".to_owned()), ..request() };
    assert_eq!(code(sts.call::<ops::AssumeRole>(&writer, other)), "AccessDenied");
    let same = AssumeRoleRequest { source_identity: Some("ann@example".to_owned()), ..request() };
    sts.call::<ops::AssumeRole>(&writer, same).expect("assumed");
}

#[test]
fn inherited_tags_alone_take_the_permission_to_tag() {
    let sts = Sts::new();
    sts.deny("sts:TagSession");
    assert_eq!(code(sts.call::<ops::AssumeRole>(&sts.writer(transitive_session()), request())), "AccessDenied");
}

#[test]
fn session_tags_that_aws_refuses_are_refused() {
    let sts = Sts::new();
    let call = |tags: Vec<_>, transitive: &[&str]| {
        let input = AssumeRoleRequest {
            tags: Some(tags),
            transitive_tag_keys: Some(transitive.iter().map(ToString::to_string).collect()),
            ..request()
        };
        sts.call::<ops::AssumeRole>(&sts.ann(), input)
    };
    assert_eq!(
        message(call(vec![tag("a", "1"), tag("A", "2")], &[])),
        "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    );
    for (tags, transitive) in [
        (vec![tag("aws:x", "1")], &[][..]),
        (vec![tag("a", "1")], &["b"][..]),
        ((0..51).map(|n| tag(&format!("k{n}"), "v")).collect(), &[][..]),
    ] {
        assert_eq!(code(call(tags, transitive)), "ValidationError");
    }
    let large = (0..50).map(|n| tag(&format!("{n:0>128}"), &"v".repeat(256))).collect();
    let refused = call(large, &[]);
    assert_eq!(message(refused), "Packed size of session tags consumes 235% of allotted space.");
}

#[test]
fn session_policies_travel_in_the_token() {
    let sts = Sts::new();
    let customer = sts.add_policy("Mine");
    let arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess", &customer, &customer];
    let input = AssumeRoleRequest {
        policy: Some(POLICY.to_owned()),
        policy_arns: Some(arns.iter().map(|arn| PolicyDescriptorType { arn: Some((*arn).to_owned()) }).collect()),
        ..request()
    };
    let answer = sts.call::<ops::AssumeRole>(&sts.ann(), input.clone()).expect("assumed");
    assert_eq!(answer.packed_policy_size, Some(3));
    let session = sts.open(answer.credentials.as_ref()).session.expect("a session");
    assert_eq!(
        (session.policy.as_ref(), session.policy_arns.as_slice()),
        (input.policy.as_ref(), &arns.map(str::to_owned)[..2])
    );
}

#[test]
fn session_policies_that_aws_refuses_are_refused() {
    let sts = Sts::new();
    let call = |policy: Option<String>, arns: &[&str]| {
        let arns = arns.iter().map(|arn| PolicyDescriptorType { arn: Some((*arn).to_owned()) }).collect();
        let input = AssumeRoleRequest { policy, policy_arns: Some(arns), ..request() };
        code(sts.call::<ops::AssumeRole>(&sts.ann(), input))
    };
    assert_eq!(call(Some("{".to_owned()), &[]), "MalformedPolicyDocument");
    assert_eq!(call(Some(format!("{{\"Id\":\"{}\"}}", "x".repeat(2_048))), &[]), "PackedPolicyTooLarge");
    assert_eq!(call(None, &["arn:aws:iam::111122223333:policy/Missing"]), "ValidationError");
    let nameless = AssumeRoleRequest { policy_arns: Some(vec![PolicyDescriptorType::default()]), ..request() };
    assert_eq!(code(sts.call::<ops::AssumeRole>(&sts.ann(), nameless)), "ValidationError");
    assert_eq!(call(None, &["arn:aws:iam::aws:policy/ReadOnlyAccess"; 11]), "ValidationError");
}

#[test]
fn a_policy_of_another_account_limits_nothing_here() {
    let sts = Sts::new();
    sts.write(|cx| {
        cx.write().exec_one(
            "insert into iam_account (id, email, email_key, name, state, created_at) \
             values ('999999999999', 'b', 'b', 'b', 'ACTIVE', 0)",
            &[],
        )?;
        cx.write().exec_one(
            "insert into iam_policy (id, account_id, arn, name, name_key, path, default_version, newest_version, \
             created_at, updated_at) values \
             ('p', '999999999999', 'arn:aws:iam::999999999999:policy/P', 'P', 'p', '/', 1, 1, 0, 0)",
            &[],
        )
    });
    let arn = Some("arn:aws:iam::999999999999:policy/P".to_owned());
    let input = AssumeRoleRequest { policy_arns: Some(vec![PolicyDescriptorType { arn }]), ..request() };
    assert_eq!(code(sts.call::<ops::AssumeRole>(&sts.ann(), input)), "ValidationError");
}

#[test]
fn a_second_factor_must_be_complete_and_the_callers_own() {
    let sts = Sts::new();
    let call = |caller: &Caller, serial: Option<&str>, code: Option<&str>| {
        let input = AssumeRoleRequest {
            serial_number: serial.map(str::to_owned),
            token_code: code.map(str::to_owned),
            ..request()
        };
        sts.call::<ops::AssumeRole>(caller, input)
    };
    let serial = Some("arn:aws:iam::111122223333:mfa/ann");
    let incomplete = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";
    assert_eq!(message(call(&sts.ann(), serial, None)), incomplete);
    assert_eq!(message(call(&sts.ann(), None, Some("123456"))), incomplete);
    sts.asked();
    let wrong = "MultiFactorAuthentication failed with invalid MFA one time pass code.";
    for caller in [sts.ann(), sts.writer(Session::default())] {
        assert_eq!(message(call(&caller, serial, Some("123456"))), wrong);
        assert_eq!(values(&sts.asked()[0].permission, "aws:MultiFactorAuthPresent"), Some(vec!["true"]));
    }
}

#[test]
fn a_second_factor_marks_the_session_and_counts_once() {
    let sts = Sts::new();
    let (serial_number, token_code) = sts.add_second_factor();
    let input = AssumeRoleRequest { serial_number, token_code, ..request() };
    let role = sts.writer(Session::default());
    assert_eq!(code(sts.call::<ops::AssumeRole>(&role, input.clone())), "AccessDenied");
    let too_long = AssumeRoleRequest { duration_seconds: Some(43_200), ..input.clone() };
    assert_eq!(code(sts.call::<ops::AssumeRole>(&sts.ann(), too_long)), "ValidationError");
    let answer = sts.call::<ops::AssumeRole>(&sts.ann(), input.clone()).expect("assumed");
    assert!(sts.open(answer.credentials.as_ref()).session.expect("a session").mfa_at.is_some());
    assert_eq!(code(sts.call::<ops::AssumeRole>(&sts.ann(), input)), "AccessDenied");
}

#[test]
fn a_service_linked_role_is_for_its_service_alone() {
    let sts = Sts::new();
    let input = AssumeRoleRequest { role_arn: LINKED_ROLE.to_owned(), ..request() };
    for caller in [sts.ann(), sts.writer(Session::default()), Caller::Service("ec2.amazonaws.com".to_owned())] {
        assert_eq!(code(sts.call::<ops::AssumeRole>(&caller, input.clone())), "AccessDenied");
    }
    let service = Caller::Service("sso.amazonaws.com".to_owned());
    let answer = sts.call::<ops::AssumeRole>(&service, input).expect("assumed");
    assert!(sts.open(answer.credentials.as_ref()).is_service_linked());
}

#[test]
fn the_product_enters_an_account_by_the_same_permission_and_without_credentials() {
    let sts = Sts::new();
    let role = sts.role("AWSServiceRoleForSSO");
    let enter = |service: &str, role: &_| {
        let request = sts.test.request();
        sts.test.app.write_as(&sts.root(), &request, |cx| iam::sts::assume_for_service(cx, service, role, "sso"))
    };
    let caller = enter("sso.amazonaws.com", &role).expect("assumed");
    assert_eq!(caller.arn(), format!("arn:aws:sts::{ACCOUNT}:assumed-role/AWSServiceRoleForSSO/sso"));
    assert_eq!((caller.invoked_by.as_deref(), caller.access_key_id), (Some("sso.amazonaws.com"), None));
    let asked = sts.asked();
    assert!(matches!(&asked[0].caller, Caller::Service(service) if service == "sso.amazonaws.com"));
    assert_eq!(
        (asked[0].permission.action.as_str(), asked[0].permission.resource.as_str()),
        ("sts:AssumeRole", LINKED_ROLE)
    );
    assert_eq!(code(enter("ec2.amazonaws.com", &role)), "AccessDenied");
    sts.deny("sts:AssumeRole");
    assert_eq!(code(enter("sso.amazonaws.com", &role)), "AccessDenied");
}

#[test]
fn a_token_has_the_length_that_is_asked_for() {
    let sts = Sts::new();
    let input = AssumeRoleRequest { minimum_session_token_size: Some(4_096), ..request() };
    let answer = sts.call::<ops::AssumeRole>(&sts.ann(), input).expect("assumed");
    assert!(answer.session_token_size >= Some(4_096) && answer.session_token_size < Some(4_200));
    assert_eq!(answer.session_token_utilization, Some(17));
    sts.open(answer.credentials.as_ref());
}
