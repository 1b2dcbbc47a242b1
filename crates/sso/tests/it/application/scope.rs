//! Access scopes.

use crate::application_support::{World, failure, management, of};
use kernel::Result;
use kernel::testing::code;
use model::sso_admin::{
    DeleteApplicationAccessScopeRequest, GetApplicationAccessScopeRequest, ListApplicationAccessScopesRequest,
    PutApplicationAccessScopeRequest, ops,
};
use sso::application;

pub(super) fn put(world: &World, arn: &str, scope: &str, targets: Option<Vec<String>>) -> Result<()> {
    let input = PutApplicationAccessScopeRequest {
        application_arn: arn.to_owned(),
        authorized_targets: targets,
        scope: scope.to_owned(),
    };
    world.call::<ops::PutApplicationAccessScope>(&management(), input).map(|_| ())
}

fn get(world: &World, arn: &str, scope: &str) -> Result<Option<Vec<String>>> {
    let input = GetApplicationAccessScopeRequest { application_arn: arn.to_owned(), scope: scope.to_owned() };
    let got = world.call::<ops::GetApplicationAccessScope>(&management(), input)?;
    assert_eq!(got.scope, scope);
    Ok(got.authorized_targets)
}

#[test]
fn a_scope_is_put_replaced_and_deleted() {
    let world = World::new();
    let (arn, target) = (world.application(&management(), "App"), world.application(&of(&world.member), "Target"));
    let targets = vec![target, world.instance.arn()];
    put(&world, &arn, "a:b:c", Some(targets.clone())).expect("put");
    assert_eq!(get(&world, &arn, "a:b:c").expect("got"), Some(targets));
    put(&world, &arn, "a:b:c", None).expect("replaced");
    assert_eq!(get(&world, &arn, "a:b:c").expect("got"), None);
    let delete = || {
        let input = DeleteApplicationAccessScopeRequest { application_arn: arn.clone(), scope: "a:b:c".to_owned() };
        world.call::<ops::DeleteApplicationAccessScope>(&management(), input)
    };
    delete().expect("deleted");
    let expected = "ResourceNotFoundException: Could not find ApplicationAccessScope with id a:b:c";
    assert_eq!(failure(delete()), expected);
    assert_eq!(failure(get(&world, &arn, "a:b:c")), expected);
}

#[test]
fn targets_are_applications_of_the_instance_or_the_instance() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let missing = format!("{}0000", &arn[..arn.len() - 4]);
    for target in [missing, world.account_instance.arn()] {
        let failed = put(&world, &arn, "a", Some(vec![world.instance.arn(), target]));
        assert_eq!(code(failed), "ResourceNotFoundException");
    }
    assert_eq!(world.count("select count(*) from sso_application_scope"), 0);
}

#[test]
fn an_application_has_twenty_five_scopes_at_most_which_are_listed_in_pages() {
    let world = World::new();
    let (arn, other) = (world.application(&management(), "App"), world.application(&management(), "Other"));
    let scopes: Vec<String> = (10..35).map(|n| format!("scope:{n}")).collect();
    for scope in &scopes {
        put(&world, &arn, scope, Some(vec![world.instance.arn()])).expect("put");
    }
    assert_eq!(code(put(&world, &arn, "scope:99", None)), "ValidationException");
    put(&world, &arn, "scope:10", None).expect("one that is there may be replaced");
    put(&world, &other, "scope:99", None).expect("another application");
    let list = |arn: &str, token: Option<String>| {
        let application_arn = arn.to_owned();
        let input = ListApplicationAccessScopesRequest { application_arn, max_results: None, next_token: token };
        world.call::<ops::ListApplicationAccessScopes>(&management(), input)
    };
    let (mut found, mut sizes, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let page = list(&arn, token).expect("listed");
        sizes.push(page.scopes.len());
        found.extend(page.scopes);
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [10, 10, 5]);
    assert_eq!(found.iter().map(|details| details.scope.clone()).collect::<Vec<_>>(), scopes);
    assert_eq!(found[0].authorized_targets, None);
    assert_eq!(found[1].authorized_targets, Some(vec![world.instance.arn()]));
    let token = list(&arn, None).expect("listed").next_token;
    assert_eq!(code(list(&other, token)), "ValidationException");
    let all = world.read(|tx| {
        let application = application::find(tx, &arn)?.expect("there is one");
        application::scopes(tx, &application)
    });
    assert_eq!(all.len(), 25);
}

#[test]
fn scopes_of_another_accounts_application_are_out_of_reach() {
    let world = World::new();
    let arn = world.application(&management(), "App");
    let member = of(&world.member);
    let input = PutApplicationAccessScopeRequest {
        application_arn: arn.clone(),
        authorized_targets: None,
        scope: "a".to_owned(),
    };
    assert_eq!(code(world.call::<ops::PutApplicationAccessScope>(&member, input)), "AccessDeniedException");
    let input = ListApplicationAccessScopesRequest { application_arn: arn, ..Default::default() };
    assert_eq!(code(world.call::<ops::ListApplicationAccessScopes>(&member, input)), "AccessDeniedException");
}
