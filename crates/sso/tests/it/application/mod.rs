//! Applications.

mod access;
mod assignment;
mod authentication;
mod configuration;
mod grant;
mod provider;
mod scope;

use crate::application_support::{CUSTOM, STRANGER, World, failure, management, of};
use kernel::params;
use kernel::testing::code;
use model::sso_admin::{
    ApplicationStatus, ApplicationVisibility, CreateApplicationRequest, DeleteApplicationRequest,
    DescribeApplicationRequest, DescribeApplicationResponse, ListApplicationsFilter, ListApplicationsRequest,
    ListTagsForResourceRequest, PortalOptions, SignInOptions, SignInOrigin, Tag, TagResourceRequest,
    UntagResourceRequest, UpdateApplicationPortalOptions, UpdateApplicationRequest, ops,
};
use sso::application;

fn describe(world: &World, arn: &str) -> DescribeApplicationResponse {
    let input = DescribeApplicationRequest { application_arn: arn.to_owned() };
    world.call::<ops::DescribeApplication>(&management(), input).expect("described")
}

fn options(origin: SignInOrigin, url: Option<&str>) -> SignInOptions {
    SignInOptions { application_url: url.map(str::to_owned), origin }
}

fn tags(of: &[(&str, &str)]) -> Vec<Tag> {
    of.iter().map(|(key, value)| Tag { key: (*key).to_owned(), value: (*value).to_owned() }).collect()
}

#[test]
fn an_application_is_described_as_it_was_made() {
    let world = World::new();
    let portal = PortalOptions {
        sign_in_options: Some(options(SignInOrigin::Application, Some("https://app.example.com/login?x=1"))),
        visibility: Some(ApplicationVisibility::Disabled),
    };
    let input = CreateApplicationRequest {
        description: Some("What it is for".to_owned()),
        portal_options: Some(portal.clone()),
        status: Some(ApplicationStatus::Disabled),
        ..world.creation("Reports")
    };
    let created = world.call::<ops::CreateApplication>(&management(), input).expect("created");
    let arn = created.application_arn.expect("there is an ARN");
    assert!(arn.starts_with(&format!("arn:aws:sso::111122223333:application/{}/apl-", world.instance.id)), "{arn}");
    let store_arn = format!("arn:aws:identitystore::111122223333:identitystore/{}", world.instance.store);
    assert_eq!(created.identity_store_arn.as_deref(), Some(store_arn.as_str()));
    assert_eq!(created.instance_arn, Some(world.instance.arn()));
    let described = describe(&world, &arn);
    assert_eq!(described.application_arn.as_deref(), Some(arn.as_str()));
    assert_eq!(described.application_account.as_deref(), Some("111122223333"));
    assert_eq!(described.application_provider_arn.as_deref(), Some(CUSTOM));
    assert_eq!(described.name.as_deref(), Some("Reports"));
    assert_eq!(described.description.as_deref(), Some("What it is for"));
    assert_eq!(described.status, Some(ApplicationStatus::Disabled));
    assert_eq!(described.created_date, Some(kernel::testing::START));
    assert_eq!(described.created_from.as_deref(), Some("us-east-1"));
    assert_eq!(described.instance_arn, Some(world.instance.arn()));
    assert_eq!(described.identity_store_arn, Some(store_arn));
    let shown = described.portal_options.expect("there are options");
    assert!(smithy::generated::equal(&shown, &portal));
}

#[test]
fn an_application_is_enabled_and_visible_unless_said_otherwise() {
    let world = World::new();
    let described = describe(&world, &world.application(&management(), "Plain"));
    assert_eq!(described.status, Some(ApplicationStatus::Enabled));
    let portal = described.portal_options.expect("there are options");
    assert_eq!(portal.visibility, Some(ApplicationVisibility::Enabled));
    assert!(portal.sign_in_options.is_none());
}

#[test]
fn a_sign_in_that_begins_at_the_application_needs_its_address() {
    let world = World::new();
    let portal = |options| PortalOptions { sign_in_options: Some(options), visibility: None };
    let input = CreateApplicationRequest {
        portal_options: Some(portal(options(SignInOrigin::Application, None))),
        ..world.creation("App")
    };
    let failed = failure(world.call::<ops::CreateApplication>(&management(), input));
    assert_eq!(failed, "ValidationException: ApplicationUrl is required when Origin is APPLICATION");
    let input = CreateApplicationRequest {
        portal_options: Some(portal(options(SignInOrigin::IdentityCenter, None))),
        ..world.creation("App")
    };
    world.call::<ops::CreateApplication>(&management(), input).expect("Identity Center knows its own address");
}

#[test]
fn a_request_that_is_sent_again_makes_nothing_twice() {
    let world = World::new();
    let input = CreateApplicationRequest {
        client_token: Some("token-1".to_owned()),
        tags: Some(tags(&[("team", "blue")])),
        ..world.creation("App")
    };
    let create = |input: &CreateApplicationRequest| {
        world.call::<ops::CreateApplication>(&management(), input.clone()).map(|made| made.application_arn)
    };
    let first = create(&input).expect("created");
    assert_eq!(create(&input).expect("remembered"), first);
    let other = CreateApplicationRequest { name: "Other".to_owned(), ..input.clone() };
    let failed = failure(create(&other));
    assert!(failed.starts_with("ConflictException: IdempotentParameterMismatch"), "{failed}");
    assert_eq!(world.count("select count(*) from sso_application"), 1);
    // The token is the account's own, and goes with what it made.
    let theirs = world.call::<ops::CreateApplication>(&of(&world.member), other.clone()).expect("another account");
    assert_ne!(theirs.application_arn, first);
    let arn = first.expect("there is an ARN");
    let delete = DeleteApplicationRequest { application_arn: arn.clone() };
    world.call::<ops::DeleteApplication>(&management(), delete).expect("deleted");
    assert_ne!(create(&input).expect("created anew"), Some(arn));
}

#[test]
fn only_customers_own_oauth_applications_can_be_made() {
    let world = World::new();
    let create = |provider: &str| {
        let input = CreateApplicationRequest { application_provider_arn: provider.to_owned(), ..world.creation("App") };
        world.call::<ops::CreateApplication>(&management(), input)
    };
    for known in ["custom-saml", "redshift"] {
        assert_eq!(code(create(&format!("arn:aws:sso::aws:applicationProvider/{known}"))), "ValidationException");
    }
    assert_eq!(code(create("arn:aws:sso::aws:applicationProvider/nothing")), "ResourceNotFoundException");
    let input = CreateApplicationRequest { instance_arn: world.account_instance.arn(), ..world.creation("App") };
    assert_eq!(code(world.call::<ops::CreateApplication>(&management(), input)), "ResourceNotFoundException");
}

#[test]
fn the_number_of_applications_is_bounded() {
    let world = World::new();
    let fill = "with recursive n (i) as (select 1 union all select i + 1 from n where i < 3000) \
                insert into sso_application (id, instance_id, account_id, provider_arn, name, status, visibility, \
                  is_assignment_required, background_sessions, created_from, created_at) \
                select 'apl-' || i, $1, '111122223333', 'p', 'n', 'ENABLED', 'ENABLED', 1, 'DISABLED', 'r', 0 from n";
    world.app.app.store.write(|tx| tx.exec(fill, params![world.instance.id]), |_| {}).expect("valid");
    let failed = failure(world.call::<ops::CreateApplication>(&management(), world.creation("One more")));
    assert!(failed.starts_with("ServiceQuotaExceededException: You have exceeded AWS SSO limits."), "{failed}");
}

#[test]
fn an_update_changes_what_it_names() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let update = |input: UpdateApplicationRequest| {
        let input = UpdateApplicationRequest { application_arn: arn.clone(), ..input };
        world.call::<ops::UpdateApplication>(&management(), input)
    };
    let portal = |options| UpdateApplicationPortalOptions { sign_in_options: options };
    update(UpdateApplicationRequest {
        name: Some("New".to_owned()),
        description: Some("Described".to_owned()),
        status: Some(ApplicationStatus::Disabled),
        portal_options: Some(portal(Some(options(SignInOrigin::Application, Some("https://app.example.com"))))),
        ..UpdateApplicationRequest::default()
    })
    .expect("updated");
    update(UpdateApplicationRequest { portal_options: Some(portal(None)), ..UpdateApplicationRequest::default() })
        .expect("nothing to change");
    let described = describe(&world, &arn);
    assert_eq!(described.name.as_deref(), Some("New"));
    assert_eq!(described.description.as_deref(), Some("Described"));
    assert_eq!(described.status, Some(ApplicationStatus::Disabled));
    let sign_in = described.portal_options.and_then(|portal| portal.sign_in_options).expect("there are options");
    assert_eq!(
        (sign_in.origin, sign_in.application_url.as_deref()),
        (SignInOrigin::Application, Some("https://app.example.com"))
    );
    let bad = portal(Some(options(SignInOrigin::Application, None)));
    let failed = update(UpdateApplicationRequest { portal_options: Some(bad), ..UpdateApplicationRequest::default() });
    assert_eq!(code(failed), "ValidationException");
}

#[test]
fn what_is_missing_is_named() {
    let world = World::new();
    let missing = format!("arn:aws:sso::111122223333:application/{}/apl-0123456789abcdef", world.instance.id);
    let expected = "ResourceNotFoundException: Could not find Application with id apl-0123456789abcdef";
    let input = DescribeApplicationRequest { application_arn: missing.clone() };
    assert_eq!(failure(world.call::<ops::DescribeApplication>(&management(), input)), expected);
    let input = UpdateApplicationRequest { application_arn: missing.clone(), ..UpdateApplicationRequest::default() };
    assert_eq!(failure(world.call::<ops::UpdateApplication>(&management(), input)), expected);
    let input = DeleteApplicationRequest { application_arn: missing };
    assert_eq!(failure(world.call::<ops::DeleteApplication>(&management(), input)), expected);
    // The account in an ARN is that of the application.
    let arn = world.application(&management(), "App").replace("111122223333", &world.member);
    let input = DescribeApplicationRequest { application_arn: arn };
    assert_eq!(code(world.call::<ops::DescribeApplication>(&management(), input)), "ResourceNotFoundException");
}

#[test]
fn applications_are_listed_in_pages_and_filtered() {
    let world = World::new();
    let mut arns: Vec<String> = (0..5).map(|n| world.application(&management(), &format!("App {n}"))).collect();
    let theirs = world.application(&of(&world.member), "Theirs");
    let list = |filter: Option<ListApplicationsFilter>, token: Option<String>| {
        let instance_arn = world.instance.arn();
        let input = ListApplicationsRequest { filter, instance_arn, max_results: Some(2), next_token: token };
        world.call::<ops::ListApplications>(&management(), input)
    };
    let all = |filter: Option<ListApplicationsFilter>| {
        let (mut found, mut token, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = list(filter.clone(), token).expect("listed");
            found.extend(page.applications.unwrap_or_default().into_iter().filter_map(|a| a.application_arn));
            (token, pages) = (page.next_token, pages + 1);
            if token.is_none() {
                found.sort();
                return (found, pages);
            }
        }
    };
    let of_account = |account: &str| {
        Some(ListApplicationsFilter { application_account: Some(account.to_owned()), application_provider: None })
    };
    let of_provider = |provider: &str| {
        Some(ListApplicationsFilter { application_account: None, application_provider: Some(provider.to_owned()) })
    };
    assert_eq!(all(of_account(&world.member)), (vec![theirs.clone()], 1));
    arns.sort();
    assert_eq!(all(of_account("111122223333")), (arns.clone(), 3));
    assert_eq!(all(of_provider("arn:aws:sso::aws:applicationProvider/redshift")), (Vec::new(), 1));
    arns.push(theirs);
    arns.sort();
    assert_eq!(all(of_provider(CUSTOM)), (arns.clone(), 3));
    assert_eq!(all(None), (arns, 3));
    let token = list(None, None).expect("listed").next_token;
    assert!(token.is_some());
    assert_eq!(code(list(of_account("111122223333"), token)), "ValidationException");
}

#[test]
fn deleting_an_application_removes_all_that_it_had() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let kept = world.application(&management(), "Kept");
    for arn in [&arn, &kept] {
        assignment::assign_user(&world, arn, world.user.as_str()).expect("assigned");
        scope::put(&world, arn, "sso:account:access", None).expect("put");
        authentication::put(&world, arn, authentication::POLICY).expect("put");
        grant::put_everything(&world, arn);
        let input = TagResourceRequest {
            resource_arn: arn.clone(),
            tags: tags(&[("team", "blue")]),
            ..TagResourceRequest::default()
        };
        world.call::<ops::TagResource>(&management(), input).expect("tagged");
    }
    let input = DeleteApplicationRequest { application_arn: arn.clone() };
    world.call::<ops::DeleteApplication>(&management(), input).expect("deleted");
    assert!(!world.read(|tx| application::exists(tx, &arn)));
    assert!(world.read(|tx| application::exists(tx, &kept)));
    for (sql, rows) in [
        ("select count(*) from sso_application_assignment", 1),
        ("select count(*) from sso_application_scope", 1),
        ("select count(*) from sso_application_authentication", 1),
        ("select count(*) from sso_application_grant", 4),
        ("select count(*) from sso_application_grant_issuer", 1),
        ("select count(*) from sso_tag", 1),
    ] {
        assert_eq!(world.count(sql), rows, "{sql}");
    }
    let remove = |cx: &mut kernel::WriteCx<'_>| {
        application::on_instance_deleted(cx, &world.instance.id)?;
        sso::trusted_token_issuer::on_instance_deleted(cx, &world.instance.id)
    };
    world.app.app.write_as(&management(), &world.app.request(), remove).expect("removed");
    assert_eq!(world.count("select count(*) from sso_application"), 0);
    assert_eq!(world.count("select count(*) from sso_trusted_token_issuer"), 0);
    assert_eq!(world.count("select count(*) from sso_tag"), 0);
}

#[test]
fn applications_have_tags() {
    let world = World::new();
    let member = of(&world.member);
    let input =
        CreateApplicationRequest { tags: Some(tags(&[("team", "blue"), ("cost", "1")])), ..world.creation("Tagged") };
    let arn = world.call::<ops::CreateApplication>(&member, input).expect("created").application_arn.expect("an ARN");
    let list = |arn: &str| {
        let input = ListTagsForResourceRequest { resource_arn: arn.to_owned(), ..Default::default() };
        let listed = world.call::<ops::ListTagsForResource>(&member, input)?.tags.unwrap_or_default();
        Ok(listed.into_iter().map(|tag| (tag.key, tag.value)).collect::<Vec<_>>())
    };
    let expected = |of: &[(&str, &str)]| of.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect::<Vec<_>>();
    assert_eq!(list(&arn).expect("listed"), expected(&[("cost", "1"), ("team", "blue")]));
    let input = UntagResourceRequest {
        resource_arn: arn.clone(),
        tag_keys: vec!["cost".to_owned()],
        ..UntagResourceRequest::default()
    };
    world.call::<ops::UntagResource>(&member, input).expect("untagged");
    assert_eq!(list(&arn).expect("listed"), expected(&[("team", "blue")]));
    assert_eq!(code(list(&world.application(&management(), "Not theirs"))), "AccessDeniedException");
    assert_eq!(code(list(&arn.replace("apl-", "apl-0")[..arn.len()])), "ResourceNotFoundException");
    let input = CreateApplicationRequest { tags: Some(tags(&[("aws:x", "1")])), ..world.creation("Bad") };
    assert_eq!(code(world.call::<ops::CreateApplication>(&member, input)), "ValidationException");
    assert_eq!(world.count("select count(*) from sso_application where name = 'Bad'"), 0);
}

#[test]
fn the_portal_shows_what_a_user_may_use() {
    let world = World::new();
    let shown = |user| {
        let found = world.read(|tx| application::for_user(tx, &world.instance, user));
        found.into_iter().map(|application| (application.name, application.is_visible)).collect::<Vec<_>>()
    };
    let other = world.user("bob");
    let direct = world.application(&management(), "Direct");
    let through_group = world.application(&management(), "Group");
    let hidden = CreateApplicationRequest {
        portal_options: Some(PortalOptions { visibility: Some(ApplicationVisibility::Disabled), ..Default::default() }),
        ..world.creation("Hidden")
    };
    let hidden = world.call::<ops::CreateApplication>(&management(), hidden).expect("created").application_arn;
    let open = world.application(&management(), "Open");
    let disabled = world.application(&management(), "Switched off");
    world.application(&management(), "Nobody's");
    for arn in [&direct, &disabled, hidden.as_ref().expect("an ARN")] {
        assignment::assign_user(&world, arn, world.user.as_str()).expect("assigned");
    }
    assignment::assign_group(&world, &through_group, world.group.as_str()).expect("assigned");
    configuration::require_assignment(&world, &open, false);
    let input = UpdateApplicationRequest {
        application_arn: disabled,
        status: Some(ApplicationStatus::Disabled),
        ..UpdateApplicationRequest::default()
    };
    world.call::<ops::UpdateApplication>(&management(), input).expect("updated");
    let expected = [("Direct", true), ("Group", true), ("Hidden", false), ("Open", true)];
    assert_eq!(shown(&world.user), expected.map(|(name, is_visible)| (name.to_owned(), is_visible)));
    assert_eq!(shown(&other), [("Open".to_owned(), true)]);
    world.distrust();
    assert!(shown(&world.user).is_empty());
}

#[test]
fn the_portal_knows_where_an_application_is() {
    let world = World::new();
    let sign_in = options(SignInOrigin::Application, Some("https://app.example.com/"));
    let input = CreateApplicationRequest {
        description: Some("Text".to_owned()),
        portal_options: Some(PortalOptions { sign_in_options: Some(sign_in), visibility: None }),
        ..world.creation("App")
    };
    let arn = world.call::<ops::CreateApplication>(&management(), input).expect("created").application_arn;
    let arn = arn.expect("there is an ARN");
    assignment::assign_user(&world, &arn, world.user.as_str()).expect("assigned");
    let found = world.read(|tx| application::for_user(tx, &world.instance, &world.user));
    let expected = application::PortalApplication {
        arn,
        name: "App".to_owned(),
        description: Some("Text".to_owned()),
        url: Some("https://app.example.com/".to_owned()),
        is_visible: true,
    };
    assert_eq!(found, [expected]);
}

#[test]
fn an_account_has_applications_in_its_own_instance() {
    let world = World::new();
    let stranger = of(STRANGER);
    let input = CreateApplicationRequest { instance_arn: world.account_instance.arn(), ..world.creation("Own") };
    let created = world.call::<ops::CreateApplication>(&stranger, input).expect("created");
    let arn = created.application_arn.expect("there is an ARN");
    let input = ListApplicationsRequest { instance_arn: world.account_instance.arn(), ..Default::default() };
    let listed = world.call::<ops::ListApplications>(&stranger, input).expect("no filter is needed");
    assert_eq!(listed.applications.map(|list| list.len()), Some(1));
    let input = DescribeApplicationRequest { application_arn: arn };
    assert_eq!(code(world.call::<ops::DescribeApplication>(&management(), input)), "ResourceNotFoundException");
}
