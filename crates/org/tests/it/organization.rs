use crate::support::{self, MANAGEMENT, STRANGER, app, count, exec, failure, management, of};
use kernel::testing::{START, Setup};
use kernel::{Cx, Error, Event, Permission, Result, WriteCx};
use model::organizations::{
    CreateOrganizationRequest, ListRootsRequest, OrganizationFeatureSet, PolicyType, PolicyTypeStatus, ops,
};
use smithy::schema::Unit;
use std::cell::RefCell;

thread_local! {
    pub static EVENTS: RefCell<Vec<Event>> = const { RefCell::new(Vec::new()) };
}

/// Effects that only remember.
#[expect(clippy::unnecessary_wraps, reason = "the form of effects")]
pub fn remember(_: &mut WriteCx<'_>, event: &Event) -> Result<()> {
    EVENTS.with_borrow_mut(|events| events.push(event.clone()));
    Ok(())
}

fn create(
    app: &kernel::testing::TestApp,
    caller: &kernel::Caller,
    set: Option<OrganizationFeatureSet>,
) -> Result<model::organizations::Organization> {
    let output = app.call::<ops::CreateOrganization>(caller, CreateOrganizationRequest { feature_set: set })?;
    output.organization.ok_or_else(|| Error::internal("no organization"))
}

#[test]
fn a_new_organization_has_its_management_account_and_an_empty_root() {
    let app = support::start(Setup { effects: remember, ..support::setup() });
    let org = create(&app, &management(), None).expect("created");
    let id = org.id.clone().expect("an id");
    assert_eq!(org.arn, Some(format!("arn:aws:organizations::{MANAGEMENT}:organization/{id}")));
    assert_eq!(org.master_account_arn, Some(format!("arn:aws:organizations::{MANAGEMENT}:account/{id}/{MANAGEMENT}")));
    assert_eq!(org.master_account_email.as_deref(), Some("root@111122223333.example.com"));
    assert_eq!(org.feature_set, Some(OrganizationFeatureSet::All));
    let types = org.available_policy_types.clone().expect("AWS lists the type whatever the root has");
    assert_eq!(types.len(), 1);
    assert_eq!(
        (types[0].r#type, types[0].status),
        (Some(PolicyType::ServiceControlPolicy), Some(PolicyTypeStatus::Enabled))
    );

    let roots = app.call::<ops::ListRoots>(&management(), ListRootsRequest::default()).expect("listed");
    assert_eq!(roots.next_token, None);
    let root = roots.roots.expect("roots").remove(0);
    assert_eq!((root.name.as_deref(), root.policy_types), (Some("Root"), Some(vec![])));
    let root_id = root.id.expect("an id");
    assert_eq!(root.arn, Some(format!("arn:aws:organizations::{MANAGEMENT}:root/{id}/{root_id}")));

    let described = app.call::<ops::DescribeOrganization>(&management(), Unit {}).expect("described").organization;
    assert_eq!(described, Some(org));
    let events = EVENTS.with_borrow(Clone::clone);
    let expected = Event::OrganizationCreated {
        org: base::OrgId::parse(&id).expect("valid"),
        management: support::account_id(MANAGEMENT),
    };
    assert_eq!(events, [expected]);
    let management = app.call::<ops::DescribeAccount>(
        &management(),
        model::organizations::DescribeAccountRequest { account_id: MANAGEMENT.to_owned() },
    );
    let management = management.expect("described").account.expect("an account");
    assert_eq!(management.joined_method.map(|method| method.as_str()), Some("INVITED"));
    assert_eq!(management.joined_timestamp, Some(START));
    assert_eq!(management.paths, Some(vec![format!("{id}/{root_id}/{MANAGEMENT}/")]));
}

#[test]
fn an_organization_for_billing_offers_no_policy_types() {
    let app = support::start(support::setup());
    let org = create(&app, &management(), Some(OrganizationFeatureSet::ConsolidatedBilling)).expect("created");
    assert_eq!(org.available_policy_types, Some(vec![]));
}

#[test]
fn policies_are_on_from_the_start_when_the_operator_wants_it() {
    let mut setup = support::setup();
    setup.settings.organizations.is_scp_enabled_at_start = true;
    let app = support::with_organization(setup);
    let roots = app.call::<ops::ListRoots>(&management(), ListRootsRequest::default()).expect("listed").roots;
    let types = roots.expect("roots").remove(0).policy_types.expect("types");
    assert_eq!(types[0].status, Some(PolicyTypeStatus::Enabled));
    assert_eq!(count(&app, "select count(*) from org_attachment where policy_id = 'p-FullAWSAccess'"), 2);
}

#[test]
fn a_member_cannot_create_an_organization() {
    let app = app();
    assert_eq!(failure(create(&app, &management(), None)), "AlreadyInOrganizationException");
    let member = support::member(&app, "member");
    assert_eq!(failure(create(&app, &of(&member), None)), "AlreadyInOrganizationException");
}

#[test]
fn creation_takes_the_permission_to_create_the_service_linked_role() {
    struct NoRoles;
    impl kernel::app::Authorizer for NoRoles {
        fn authorize(&self, _: &mut Cx<'_>, permission: &Permission) -> Result<()> {
            let role = format!(
                "arn:aws:iam::{MANAGEMENT}:role/aws-service-role/organizations.amazonaws.com/\
                 AWSServiceRoleForOrganizations"
            );
            match permission.action.as_str() {
                "iam:CreateServiceLinkedRole" => {
                    assert_eq!(permission.resource, role);
                    Err(Error::denied("no"))
                }
                _ => Ok(()),
            }
        }

        fn refuse_explicit_deny(&self, _: &mut Cx<'_>, _: &Permission) -> Result<()> {
            Ok(())
        }
    }
    let app = support::start(Setup { authorizer: Box::new(NoRoles), ..support::setup() });
    assert_eq!(failure(create(&app, &management(), None)), "AccessDeniedForDependencyException");
    assert_eq!(count(&app, "select count(*) from org_organization"), 0);
}

#[test]
fn who_stands_alone_has_no_organization_to_describe() {
    let app = app();
    let stranger = of(STRANGER);
    assert_eq!(failure(app.call::<ops::DescribeOrganization>(&stranger, Unit {})), "AWSOrganizationsNotInUseException");
    assert_eq!(failure(app.call::<ops::DeleteOrganization>(&stranger, Unit {})), "AWSOrganizationsNotInUseException");
    assert_eq!(failure(app.call::<ops::LeaveOrganization>(&stranger, Unit {})), "AWSOrganizationsNotInUseException");
    let roots = app.call::<ops::ListRoots>(&stranger, ListRootsRequest::default());
    assert_eq!(failure(roots), "AWSOrganizationsNotInUseException");
}

#[test]
fn a_member_may_describe_the_organization_but_read_the_tree_only_as_a_delegate() {
    let app = app();
    let member = support::member(&app, "member");
    app.call::<ops::DescribeOrganization>(&of(&member), Unit {}).expect("every member may");
    let roots = || app.call::<ops::ListRoots>(&of(&member), ListRootsRequest::default());
    assert_eq!(failure(roots()), "AccessDeniedException");
    support::delegate(&app, &member);
    roots().expect("a delegated administrator may");
    assert_eq!(failure(app.call::<ops::DeleteOrganization>(&of(&member), Unit {})), "AccessDeniedException");
}

#[test]
fn a_token_that_was_not_given_out_is_refused() {
    let app = app();
    let input = ListRootsRequest { next_token: Some("x".to_owned()), max_results: None };
    assert_eq!(failure(app.call::<ops::ListRoots>(&management(), input)), "InvalidInputException INVALID_NEXT_TOKEN");
}

#[test]
fn an_organization_is_deleted_with_everything_in_it_once_its_members_are_gone() {
    let app = support::with_organization(Setup { effects: remember, ..support::setup() });
    let member = support::member(&app, "member");
    let unit = crate::tree::unit(&app, &support::root_id(&app), "unit");
    exec(&app, "insert into org_tag (resource_id, key, value) select id, 'a', 'b' from org_unit");
    support::trust_sso(&app);
    exec(
        &app,
        "insert into org_policy (id, org_id, type, name, description, content, created_at) \
                select 'p-12345678', id, 'TAG_POLICY', 'n', '', '{}', 0 from org_organization",
    );
    exec(
        &app,
        "insert into org_attachment (target_id, policy_id, org_id, type, attached_at) \
                select root_id, 'p-12345678', id, 'TAG_POLICY', 0 from org_organization",
    );
    assert_eq!(failure(app.call::<ops::DeleteOrganization>(&management(), Unit {})), "OrganizationNotEmptyException");
    app.call::<ops::LeaveOrganization>(&of(&member), Unit {}).expect("left");
    app.call::<ops::DeleteOrganization>(&management(), Unit {}).expect("deleted");
    for table in [
        "select count(*) from org_organization",
        "select count(*) from org_account",
        "select count(*) from org_unit",
        "select count(*) from org_tag",
        "select count(*) from org_policy",
        "select count(*) from org_attachment",
        "select count(*) from org_trusted_service",
        "select count(*) from org_create_account_request",
    ] {
        assert_eq!(count(&app, table), 0, "{table} after the unit {unit} was deleted along");
    }
    assert!(matches!(EVENTS.with_borrow(|events| events.last().cloned()), Some(Event::OrganizationDeleted { .. })));
    create(&app, &management(), None).expect("the account stands alone again");
}
