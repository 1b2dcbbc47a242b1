//! Regions of an instance.

use crate::support::{admin, app, member, of};
use kernel::Result;
use kernel::testing::{TestApp, code};
use model::sso_admin::{
    AddRegionRequest, DescribeRegionRequest, ListRegionsRequest, RegionStatus, RemoveRegionRequest, ops,
};
use sso::instance::Instance;

fn add(app: &TestApp, instance: &Instance, name: &str) -> Result<()> {
    let input = AddRegionRequest { instance_arn: instance.arn(), region_name: name.to_owned() };
    app.call::<ops::AddRegion>(&admin(), input).map(|_| ())
}

fn remove(app: &TestApp, instance: &Instance, name: &str) -> Result<()> {
    let input = RemoveRegionRequest { instance_arn: instance.arn(), region_name: name.to_owned() };
    app.call::<ops::RemoveRegion>(&admin(), input).map(|_| ())
}

fn describe(app: &TestApp, instance: &Instance, name: &str) -> Result<(Option<RegionStatus>, Option<bool>)> {
    let input = DescribeRegionRequest { instance_arn: instance.arn(), region_name: name.to_owned() };
    app.call::<ops::DescribeRegion>(&admin(), input).map(|region| (region.status, region.is_primary_region))
}

#[test]
fn the_region_of_the_installation_is_the_primary_one_and_stays() {
    let (app, instance) = app();
    let primary = instance.region.as_str();
    assert_eq!(describe(&app, &instance, primary).expect("described"), (Some(RegionStatus::Active), Some(true)));
    assert_eq!(code(remove(&app, &instance, primary)), "ValidationException");
    assert_eq!(code(add(&app, &instance, primary)), "ConflictException");
}

#[test]
fn regions_come_and_go() {
    let (app, instance) = app();
    assert_eq!(code(describe(&app, &instance, "eu-west-1")), "ResourceNotFoundException");
    add(&app, &instance, "eu-west-1").expect("added");
    assert_eq!(describe(&app, &instance, "eu-west-1").expect("described"), (Some(RegionStatus::Active), Some(false)));
    remove(&app, &instance, "eu-west-1").expect("removed");
    assert_eq!(code(remove(&app, &instance, "eu-west-1")), "ResourceNotFoundException");
}

#[test]
fn regions_are_listed_in_pages_for_administrators() {
    let (app, instance) = app();
    add(&app, &instance, "eu-west-1").expect("added");
    let page = |caller: &kernel::Caller, next_token| {
        let input = ListRegionsRequest { instance_arn: instance.arn(), max_results: Some(1), next_token };
        app.call::<ops::ListRegions>(caller, input)
    };
    let first = page(&admin(), None).expect("listed");
    let second = page(&admin(), first.next_token).expect("listed");
    let names = [first.regions, second.regions].map(|regions| regions.expect("some")[0].region_name.clone());
    assert_eq!(names, [Some("eu-west-1".to_owned()), Some(instance.region.clone())]);
    assert_eq!(second.next_token, None);
    let member = member(&app, "member");
    assert_eq!(code(page(&of(&member), None)), "AccessDeniedException");
}
