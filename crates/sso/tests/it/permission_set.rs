//! Permission sets and what they hold.

use crate::support::{admin, app, count, delegate, failure, of, permission_set, permissions, trust};
use kernel::testing::{TestApp, code};
use kernel::{Result, params};
use model::sso_admin::{
    AttachCustomerManagedPolicyReferenceToPermissionSetRequest, AttachManagedPolicyToPermissionSetRequest,
    CreatePermissionSetRequest, CustomerManagedPolicyReference, DeleteInlinePolicyFromPermissionSetRequest,
    DeletePermissionSetRequest, DeletePermissionsBoundaryFromPermissionSetRequest, DescribePermissionSetRequest,
    DetachCustomerManagedPolicyReferenceFromPermissionSetRequest, DetachManagedPolicyFromPermissionSetRequest,
    GetInlinePolicyForPermissionSetRequest, GetPermissionsBoundaryForPermissionSetRequest,
    ListCustomerManagedPolicyReferencesInPermissionSetRequest, ListManagedPoliciesInPermissionSetRequest,
    ListPermissionSetsRequest, PermissionSet, PermissionsBoundary, PutInlinePolicyToPermissionSetRequest,
    PutPermissionsBoundaryToPermissionSetRequest, Tag, UpdatePermissionSetRequest, ops,
};
use sso::instance::Instance;

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

fn new(instance: &Instance, name: &str) -> CreatePermissionSetRequest {
    CreatePermissionSetRequest { instance_arn: instance.arn(), name: name.to_owned(), ..Default::default() }
}

fn describe(app: &TestApp, instance: &Instance, arn: &str) -> Result<PermissionSet> {
    let input = DescribePermissionSetRequest { instance_arn: instance.arn(), permission_set_arn: arn.to_owned() };
    let described = app.call::<ops::DescribePermissionSet>(&admin(), input)?;
    Ok(described.permission_set.expect("described"))
}

fn delete(app: &TestApp, instance: &Instance, arn: &str) -> Result<()> {
    let input = DeletePermissionSetRequest { instance_arn: instance.arn(), permission_set_arn: arn.to_owned() };
    app.call::<ops::DeletePermissionSet>(&admin(), input).map(|_| ())
}

fn attach(app: &TestApp, instance: &Instance, arn: &str, policy: &str) -> Result<()> {
    let input = AttachManagedPolicyToPermissionSetRequest {
        instance_arn: instance.arn(),
        permission_set_arn: arn.to_owned(),
        managed_policy_arn: policy.to_owned(),
    };
    app.call::<ops::AttachManagedPolicyToPermissionSet>(&admin(), input).map(|_| ())
}

fn reference(path: Option<&str>, name: &str) -> CustomerManagedPolicyReference {
    CustomerManagedPolicyReference { name: name.to_owned(), path: path.map(str::to_owned) }
}

fn refer(app: &TestApp, instance: &Instance, arn: &str, to: CustomerManagedPolicyReference) -> Result<()> {
    let input = AttachCustomerManagedPolicyReferenceToPermissionSetRequest {
        instance_arn: instance.arn(),
        permission_set_arn: arn.to_owned(),
        customer_managed_policy_reference: to,
    };
    app.call::<ops::AttachCustomerManagedPolicyReferenceToPermissionSet>(&admin(), input).map(|_| ())
}

fn put_inline(app: &TestApp, instance: &Instance, arn: &str, policy: &str) -> Result<()> {
    let input = PutInlinePolicyToPermissionSetRequest {
        instance_arn: instance.arn(),
        permission_set_arn: arn.to_owned(),
        inline_policy: policy.to_owned(),
    };
    app.call::<ops::PutInlinePolicyToPermissionSet>(&admin(), input).map(|_| ())
}

fn inline(app: &TestApp, instance: &Instance, arn: &str) -> Option<String> {
    let input =
        GetInlinePolicyForPermissionSetRequest { instance_arn: instance.arn(), permission_set_arn: arn.to_owned() };
    app.call::<ops::GetInlinePolicyForPermissionSet>(&admin(), input).expect("got").inline_policy
}

fn put_boundary(app: &TestApp, instance: &Instance, arn: &str, boundary: PermissionsBoundary) -> Result<()> {
    let input = PutPermissionsBoundaryToPermissionSetRequest {
        instance_arn: instance.arn(),
        permission_set_arn: arn.to_owned(),
        permissions_boundary: boundary,
    };
    app.call::<ops::PutPermissionsBoundaryToPermissionSet>(&admin(), input).map(|_| ())
}

fn boundary(app: &TestApp, instance: &Instance, arn: &str) -> Result<PermissionsBoundary> {
    let input = GetPermissionsBoundaryForPermissionSetRequest {
        instance_arn: instance.arn(),
        permission_set_arn: arn.to_owned(),
    };
    let got = app.call::<ops::GetPermissionsBoundaryForPermissionSet>(&admin(), input)?;
    Ok(got.permissions_boundary.expect("there is one"))
}

/// The stored row.
fn stored(app: &TestApp, arn: &str) -> sso::permission_set::PermissionSet {
    let (instance, id) = sso::access::permission_set_id(arn).expect("an ARN of ours");
    let found = app.app.store.read(|tx| sso::permission_set::get(tx, &instance, &id)).expect("read");
    found.expect("it is there")
}

#[test]
fn a_permission_set_is_described_as_it_was_made() {
    let (app, instance) = app();
    let input = CreatePermissionSetRequest {
        description: Some("For auditors".to_owned()),
        relay_state: Some("https://example.com/".to_owned()),
        session_duration: Some("PT90M".to_owned()),
        ..new(&instance, "Audit")
    };
    let created = app.call::<ops::CreatePermissionSet>(&admin(), input).expect("created");
    let created = created.permission_set.expect("described");
    let arn = created.permission_set_arn.clone().expect("there is an ARN");
    assert!(arn.starts_with(&format!("arn:aws:sso:::permissionSet/{}/ps-", instance.id)));
    let described = describe(&app, &instance, &arn).expect("described");
    assert_eq!(described, created);
    assert_eq!(described.session_duration.as_deref(), Some("PT90M"));
    assert_eq!(sso::permission_set::session_seconds(&stored(&app, &arn)), 5_400);
    let plain = describe(&app, &instance, &permission_set(&app, &instance, "Plain")).expect("described");
    assert_eq!(plain.session_duration.as_deref(), Some("PT1H"));
    assert_eq!((plain.description, plain.relay_state), (None, None));
}

#[test]
fn names_are_unique_and_sessions_last_from_one_hour_to_twelve() {
    let (app, instance) = app();
    permission_set(&app, &instance, "Audit");
    let create = |input| app.call::<ops::CreatePermissionSet>(&admin(), input);
    let message = "ConflictException: PermissionSet with name Audit already exists.";
    assert_eq!(failure(create(new(&instance, "Audit"))), message);
    for duration in ["PT59M", "PT12H1S", "P1D", "P"] {
        let input =
            CreatePermissionSetRequest { session_duration: Some(duration.to_owned()), ..new(&instance, "Other") };
        assert_eq!(code(create(input)), "ValidationException", "{duration}");
    }
}

#[test]
fn creating_takes_the_permission_for_the_instance_and_for_what_is_to_come() {
    let (app, instance) = app();
    let tags = Some(vec![Tag { key: "Team".to_owned(), value: "a".to_owned() }]);
    let input = CreatePermissionSetRequest { tags, ..new(&instance, "Audit") };
    let taken = permissions::<ops::CreatePermissionSet>(&app, &admin(), &input);
    let resources: Vec<&str> = taken.iter().map(|permission| permission.resource.as_str()).collect();
    assert_eq!(resources, [instance.arn(), format!("arn:aws:sso:::permissionSet/{}/*", instance.id)]);
    for permission in taken {
        assert!(permission.context.contains(&("aws:RequestTag/Team".to_owned(), vec!["a".to_owned()])));
        assert!(permission.context.contains(&("sso:PrimaryRegion".to_owned(), vec![instance.region.clone()])));
    }
}

#[test]
fn other_operations_take_the_permission_for_the_permission_set_with_its_tags() {
    let (app, instance) = app();
    let tags = Some(vec![Tag { key: "Team".to_owned(), value: "a".to_owned() }]);
    let input = CreatePermissionSetRequest { tags, ..new(&instance, "Audit") };
    let created = app.call::<ops::CreatePermissionSet>(&admin(), input).expect("created").permission_set;
    let arn = created.and_then(|set| set.permission_set_arn).expect("there is an ARN");
    let input = DeletePermissionSetRequest { instance_arn: instance.arn(), permission_set_arn: arn.clone() };
    let taken = permissions::<ops::DeletePermissionSet>(&app, &admin(), &input);
    assert_eq!(taken.iter().map(|p| p.resource.as_str()).collect::<Vec<_>>(), [&instance.arn(), &arn]);
    assert!(taken[1].context.contains(&("aws:ResourceTag/Team".to_owned(), vec!["a".to_owned()])));
    assert!(!taken[0].context.iter().any(|(key, _)| key.starts_with("aws:ResourceTag")));
}

#[test]
fn an_update_clears_the_relay_state_that_it_does_not_name_and_keeps_the_rest() {
    let (app, instance) = app();
    let input = CreatePermissionSetRequest {
        description: Some("For auditors".to_owned()),
        relay_state: Some("https://example.com/".to_owned()),
        session_duration: Some("PT2H".to_owned()),
        ..new(&instance, "Audit")
    };
    let created = app.call::<ops::CreatePermissionSet>(&admin(), input).expect("created").permission_set;
    let arn = created.and_then(|set| set.permission_set_arn).expect("there is an ARN");
    let before = stored(&app, &arn).version;
    let update = |session_duration: Option<&str>| {
        let input = UpdatePermissionSetRequest {
            instance_arn: instance.arn(),
            permission_set_arn: arn.clone(),
            session_duration: session_duration.map(str::to_owned),
            ..UpdatePermissionSetRequest::default()
        };
        app.call::<ops::UpdatePermissionSet>(&admin(), input)
    };
    update(Some("PT3H")).expect("updated");
    let described = describe(&app, &instance, &arn).expect("described");
    assert_eq!((described.relay_state, described.description.as_deref()), (None, Some("For auditors")));
    assert_eq!(described.session_duration.as_deref(), Some("PT3H"));
    assert_eq!(stored(&app, &arn).version, before + 1);
    assert_eq!(code(update(Some("PT13H"))), "ValidationException");
}

#[test]
fn lists_go_on_where_they_ended() {
    let (app, instance) = app();
    let made: Vec<String> = ["a", "b", "c"].iter().map(|name| permission_set(&app, &instance, name)).collect();
    let page = |next_token| {
        let input = ListPermissionSetsRequest { instance_arn: instance.arn(), max_results: Some(2), next_token };
        app.call::<ops::ListPermissionSets>(&admin(), input)
    };
    let first = page(None).expect("listed");
    let second = page(first.next_token.clone()).expect("listed");
    let mut seen = [first.permission_sets.expect("some"), second.permission_sets.expect("some")].concat();
    seen.sort();
    let mut expected = made;
    expected.sort();
    assert_eq!((seen, second.next_token), (expected, None));
    assert_eq!(failure(page(Some("x".to_owned()))).split(':').next(), Some("ValidationException"));
}

#[test]
fn what_is_not_there_is_not_found() {
    let (app, instance) = app();
    let arn = format!("arn:aws:sso:::permissionSet/{}/ps-0000000000000000", instance.id);
    let message = "ResourceNotFoundException: Could not find PermissionSet with id ps-0000000000000000";
    assert_eq!(failure(describe(&app, &instance, &arn)), message);
    assert_eq!(failure(delete(&app, &instance, &arn)), message);
    let elsewhere = permission_set(&app, &instance, "a").replace(instance.id.as_str(), "ssoins-0000000000000000");
    assert_eq!(code(describe(&app, &instance, &elsewhere)), "ResourceNotFoundException");
}

#[test]
fn a_permission_set_that_is_assigned_stays_and_one_with_policies_and_tags_goes() {
    let (app, instance) = app();
    let arn = permission_set(&app, &instance, "Audit");
    let id = stored(&app, &arn).id;
    attach(&app, &instance, &arn, READ_ONLY).expect("attached");
    refer(&app, &instance, &arn, reference(None, "Mine")).expect("attached");
    let assign = "insert into sso_assignment (instance_id, account_id, permission_set_id, principal_type, principal_id, \
                  created_at) values ($1, '111122223333', $2, 'USER', 'u', 0)";
    app.app.store.write(|tx| tx.exec_one(assign, params![instance.id, id]), |_| {}).expect("assigned");
    let message = failure(delete(&app, &instance, &arn));
    let start = "ConflictException: Could not delete because PermissionSet has ApplicationProfile associated with it";
    assert!(message.starts_with(start), "{message}");
    let sql = "delete from sso_assignment";
    app.app.store.write(|tx| tx.exec(sql, params![]), |_| {}).expect("unassigned");
    delete(&app, &instance, &arn).expect("deleted");
    assert_eq!(code(describe(&app, &instance, &arn)), "ResourceNotFoundException");
    assert_eq!(count(&app, "select count(*) from sso_permission_set_managed_policy"), 0);
    assert_eq!(count(&app, "select count(*) from sso_permission_set_customer_policy"), 0);
}

#[test]
fn managed_policies_are_attached_listed_and_detached() {
    let (app, instance) = app();
    let arn = permission_set(&app, &instance, "Audit");
    let before = stored(&app, &arn).version;
    attach(&app, &instance, &arn, READ_ONLY).expect("attached");
    assert_eq!(stored(&app, &arn).version, before + 1);
    let message = failure(attach(&app, &instance, &arn, READ_ONLY));
    let end = format!("already has a typed link attachment to a manged policy with {READ_ONLY}");
    assert!(message.starts_with("ConflictException") && message.ends_with(&end), "{message}");
    let unknown = "arn:aws:iam::aws:policy/NoSuchPolicy";
    assert_eq!(code(attach(&app, &instance, &arn, unknown)), "ResourceNotFoundException");
    let linked = "arn:aws:iam::aws:policy/aws-service-role/AWSSSOServiceRolePolicy";
    assert_eq!(code(attach(&app, &instance, &arn, linked)), "ValidationException");
    let list = || {
        let input = ListManagedPoliciesInPermissionSetRequest {
            instance_arn: instance.arn(),
            permission_set_arn: arn.clone(),
            ..Default::default()
        };
        let listed = app.call::<ops::ListManagedPoliciesInPermissionSet>(&admin(), input).expect("listed");
        listed.attached_managed_policies.unwrap_or_default()
    };
    assert_eq!(list()[0].name.as_deref(), Some("ReadOnlyAccess"));
    let detach = || {
        let input = DetachManagedPolicyFromPermissionSetRequest {
            instance_arn: instance.arn(),
            permission_set_arn: arn.clone(),
            managed_policy_arn: READ_ONLY.to_owned(),
        };
        app.call::<ops::DetachManagedPolicyFromPermissionSet>(&admin(), input)
    };
    detach().expect("detached");
    assert!(list().is_empty());
    assert_eq!(code(detach()), "ResourceNotFoundException");
}

#[test]
fn customer_managed_policies_are_kept_by_path_and_name() {
    let (app, instance) = app();
    let arn = permission_set(&app, &instance, "Audit");
    for (path, name) in [(None, "B"), (Some("/team/a/"), "A"), (Some("/team/"), "A")] {
        refer(&app, &instance, &arn, reference(path, name)).expect("attached");
    }
    assert_eq!(code(refer(&app, &instance, &arn, reference(Some("/"), "B"))), "ConflictException");
    let page = |next_token| {
        let input = ListCustomerManagedPolicyReferencesInPermissionSetRequest {
            instance_arn: instance.arn(),
            permission_set_arn: arn.clone(),
            max_results: Some(1),
            next_token,
        };
        app.call::<ops::ListCustomerManagedPolicyReferencesInPermissionSet>(&admin(), input).expect("listed")
    };
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let listed = page(token);
        let references = listed.customer_managed_policy_references.unwrap_or_default();
        seen.extend(references.into_iter().map(|each| (each.path.unwrap_or_default(), each.name)));
        token = listed.next_token;
        if token.is_none() {
            break;
        }
    }
    let expected = [("/", "B"), ("/team/", "A"), ("/team/a/", "A")];
    assert_eq!(seen, expected.map(|(path, name)| (path.to_owned(), name.to_owned())));
    let detach = |path, name| {
        let input = DetachCustomerManagedPolicyReferenceFromPermissionSetRequest {
            instance_arn: instance.arn(),
            permission_set_arn: arn.clone(),
            customer_managed_policy_reference: reference(path, name),
        };
        app.call::<ops::DetachCustomerManagedPolicyReferenceFromPermissionSet>(&admin(), input)
    };
    detach(None, "B").expect("detached");
    assert_eq!(code(detach(None, "A")), "ResourceNotFoundException");
}

#[test]
fn a_permission_set_has_at_most_twenty_managed_policies() {
    let (app, instance) = app();
    let arn = permission_set(&app, &instance, "Audit");
    for at in 0..19 {
        refer(&app, &instance, &arn, reference(None, &format!("P{at}"))).expect("attached");
    }
    attach(&app, &instance, &arn, READ_ONLY).expect("attached");
    let id = stored(&app, &arn).id;
    let message = format!(
        "ServiceQuotaExceededException: You have exceeded AWS SSO limits. Cannot create ManagedPolicy more than 20 for id \
         {id}"
    );
    assert_eq!(failure(attach(&app, &instance, &arn, "arn:aws:iam::aws:policy/SecurityAudit")), message);
    assert_eq!(failure(refer(&app, &instance, &arn, reference(None, "More"))), message);
}

#[test]
fn an_inline_policy_is_checked_kept_as_it_is_and_deleted() {
    let (app, instance) = app();
    let arn = permission_set(&app, &instance, "Audit");
    assert_eq!(inline(&app, &instance, &arn).as_deref(), Some(""));
    for bad in ["{}", "no JSON", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*"}]}"#] {
        assert_eq!(code(put_inline(&app, &instance, &arn, bad)), "ValidationException", "{bad}");
    }
    let spaced = format!("{DOCUMENT}{}", " ".repeat(12_000));
    put_inline(&app, &instance, &arn, &spaced).expect("white space is free");
    assert_eq!(inline(&app, &instance, &arn), Some(spaced));
    let long = DOCUMENT.replace("s3:GetObject", &format!("s3:{}", "a".repeat(10_240)));
    assert_eq!(code(put_inline(&app, &instance, &arn, &long)), "ServiceQuotaExceededException");
    let version = stored(&app, &arn).version;
    let delete = || {
        let input = DeleteInlinePolicyFromPermissionSetRequest {
            instance_arn: instance.arn(),
            permission_set_arn: arn.clone(),
        };
        app.call::<ops::DeleteInlinePolicyFromPermissionSet>(&admin(), input).expect("deleted")
    };
    delete();
    assert_eq!(inline(&app, &instance, &arn).as_deref(), Some(""));
    delete();
    assert_eq!(stored(&app, &arn).version, version + 1);
}

#[test]
fn a_boundary_is_one_policy_and_replaces_the_other() {
    let (app, instance) = app();
    let arn = permission_set(&app, &instance, "Audit");
    assert_eq!(code(boundary(&app, &instance, &arn)), "ResourceNotFoundException");
    let managed =
        PermissionsBoundary { managed_policy_arn: Some(READ_ONLY.to_owned()), ..PermissionsBoundary::default() };
    put_boundary(&app, &instance, &arn, managed.clone()).expect("put");
    assert_eq!(boundary(&app, &instance, &arn).expect("got"), managed);
    let customer = PermissionsBoundary {
        customer_managed_policy_reference: Some(reference(Some("/team/"), "Edge")),
        ..PermissionsBoundary::default()
    };
    put_boundary(&app, &instance, &arn, customer.clone()).expect("put");
    assert_eq!(boundary(&app, &instance, &arn).expect("got"), customer);
    let both = PermissionsBoundary { managed_policy_arn: managed.managed_policy_arn, ..customer };
    assert_eq!(code(put_boundary(&app, &instance, &arn, both)), "ValidationException");
    assert_eq!(code(put_boundary(&app, &instance, &arn, PermissionsBoundary::default())), "ValidationException");
    let input = DeletePermissionsBoundaryFromPermissionSetRequest {
        instance_arn: instance.arn(),
        permission_set_arn: arn.clone(),
    };
    app.call::<ops::DeletePermissionsBoundaryFromPermissionSet>(&admin(), input).expect("deleted");
    assert_eq!(code(boundary(&app, &instance, &arn)), "ResourceNotFoundException");
}

#[test]
fn a_delegate_keeps_its_hands_off_what_is_used_in_the_management_account() {
    let (app, instance) = app();
    let delegate = delegate(&app);
    let arn = permission_set(&app, &instance, "Audit");
    let id = stored(&app, &arn).id;
    let attach = |policy: &str| {
        let input = AttachManagedPolicyToPermissionSetRequest {
            instance_arn: instance.arn(),
            permission_set_arn: arn.clone(),
            managed_policy_arn: policy.to_owned(),
        };
        app.call::<ops::AttachManagedPolicyToPermissionSet>(&of(&delegate), input).map(|_| ())
    };
    attach(READ_ONLY).expect("attached");
    let provision = "insert into sso_provisioned (instance_id, account_id, permission_set_id, role_name, version, \
                     provisioned_at) values ($1, '111122223333', $2, 'r', 1, 0)";
    app.app.store.write(|tx| tx.exec_one(provision, params![instance.id, id]), |_| {}).expect("provisioned");
    assert_eq!(code(attach("arn:aws:iam::aws:policy/SecurityAudit")), "AccessDeniedException");
}

#[test]
fn permission_sets_are_read_but_not_changed_while_trusted_access_is_off() {
    let (app, instance) = app();
    let arn = permission_set(&app, &instance, "Audit");
    trust(&app, false);
    assert!(describe(&app, &instance, &arn).is_ok());
    let message = "AccessDeniedException: AWS SSO is not able to access the organization: trusted access is disabled";
    assert_eq!(failure(app.call::<ops::CreatePermissionSet>(&admin(), new(&instance, "Other"))), message);
    assert_eq!(failure(put_inline(&app, &instance, &arn, DOCUMENT)), message);
    assert_eq!(failure(delete(&app, &instance, &arn)), message);
}
