//! Instance profiles.

use crate::support::{ACCOUNT, TRUST, permissions, refusal, setup};
use kernel::testing::{TestApp, code};
use kernel::{Caller, Result};
use model::iam::{
    AddRoleToInstanceProfileRequest, CreateInstanceProfileRequest, CreateRoleRequest, DeleteInstanceProfileRequest,
    GetInstanceProfileRequest, InstanceProfile, ListInstanceProfileTagsRequest, ListInstanceProfilesForRoleRequest,
    ListInstanceProfilesRequest, RemoveRoleFromInstanceProfileRequest, Tag, TagInstanceProfileRequest,
    UntagInstanceProfileRequest, ops,
};

fn create(app: &TestApp, root: &Caller, path: &str, name: &str) -> Result<InstanceProfile> {
    let input = CreateInstanceProfileRequest {
        instance_profile_name: name.to_owned(),
        path: Some(path.to_owned()),
        ..Default::default()
    };
    app.call::<ops::CreateInstanceProfile>(root, input).map(|output| output.instance_profile)
}

fn role(app: &TestApp, root: &Caller, name: &str) {
    let input = CreateRoleRequest {
        role_name: name.to_owned(),
        assume_role_policy_document: TRUST.to_owned(),
        ..Default::default()
    };
    app.call::<ops::CreateRole>(root, input).expect("a new role");
}

fn add(app: &TestApp, root: &Caller, profile: &str, role: &str) -> Result<()> {
    let input =
        AddRoleToInstanceProfileRequest { instance_profile_name: profile.to_owned(), role_name: role.to_owned() };
    app.call::<ops::AddRoleToInstanceProfile>(root, input).map(drop)
}

fn remove(app: &TestApp, root: &Caller, profile: &str, role: &str) -> Result<()> {
    let input =
        RemoveRoleFromInstanceProfileRequest { instance_profile_name: profile.to_owned(), role_name: role.to_owned() };
    app.call::<ops::RemoveRoleFromInstanceProfile>(root, input).map(drop)
}

fn get(app: &TestApp, root: &Caller, name: &str) -> Result<InstanceProfile> {
    let input = GetInstanceProfileRequest { instance_profile_name: name.to_owned() };
    app.call::<ops::GetInstanceProfile>(root, input).map(|output| output.instance_profile)
}

#[test]
fn a_profile_holds_one_role() {
    let (app, root) = setup();
    let created = create(&app, &root, "/web/", "Web").expect("a new profile");
    assert_eq!(created.arn, format!("arn:aws:iam::{ACCOUNT}:instance-profile/web/Web"));
    assert!(created.instance_profile_id.starts_with("AIPA"));
    assert_eq!(refusal(create(&app, &root, "/", "WEB")), "EntityAlreadyExists: Instance Profile WEB already exists.");
    assert_eq!(refusal(get(&app, &root, "None")), "NoSuchEntity: Instance Profile None cannot be found.");
    role(&app, &root, "One");
    role(&app, &root, "Two");
    assert_eq!(code(add(&app, &root, "Web", "None")), "NoSuchEntity");
    add(&app, &root, "web", "one").expect("added");
    let full = "LimitExceeded: Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
    assert_eq!(refusal(add(&app, &root, "Web", "Two")), full);
    assert_eq!(get(&app, &root, "Web").expect("shown").roles[0].role_name, "One");
    let delete = || DeleteInstanceProfileRequest { instance_profile_name: "Web".to_owned() };
    let in_use = "DeleteConflict: Cannot delete entity, must remove roles from instance profile first.";
    assert_eq!(refusal(app.call::<ops::DeleteInstanceProfile>(&root, delete())), in_use);
    assert_eq!(code(remove(&app, &root, "Web", "Two")), "NoSuchEntity");
    remove(&app, &root, "Web", "One").expect("removed");
    app.call::<ops::DeleteInstanceProfile>(&root, delete()).expect("deleted");
    assert_eq!(code(get(&app, &root, "Web")), "NoSuchEntity");
}

#[test]
fn handing_a_role_to_a_profile_takes_the_right_to_pass_it() {
    let (app, root) = setup();
    create(&app, &root, "/web/", "Web").expect("a new profile");
    role(&app, &root, "One");
    let input =
        AddRoleToInstanceProfileRequest { instance_profile_name: "Web".to_owned(), role_name: "One".to_owned() };
    let asked = permissions::<ops::AddRoleToInstanceProfile>(&app, &root, &input);
    let asked: Vec<_> = asked.iter().map(|it| (it.action.as_str(), it.resource.as_str())).collect();
    let (profile, role) =
        (format!("arn:aws:iam::{ACCOUNT}:instance-profile/web/Web"), format!("arn:aws:iam::{ACCOUNT}:role/One"));
    assert_eq!(asked, [("iam:AddRoleToInstanceProfile", profile.as_str()), ("iam:PassRole", role.as_str())]);
    let pass = &permissions::<ops::AddRoleToInstanceProfile>(&app, &root, &input)[1];
    assert_eq!(pass.context, [("iam:PassedToService".to_owned(), vec!["ec2.amazonaws.com".to_owned()])]);
}

#[test]
fn profiles_are_listed_by_path_and_by_role_in_pages() {
    let (app, root) = setup();
    role(&app, &root, "One");
    for (path, name) in [("/a/", "Charlie"), ("/b/", "bravo"), ("/a/", "alpha")] {
        create(&app, &root, path, name).expect("a new profile");
        add(&app, &root, name, "One").expect("added");
    }
    let list = |prefix: Option<&str>, marker: Option<String>| {
        let input = ListInstanceProfilesRequest { path_prefix: prefix.map(str::to_owned), max_items: Some(1), marker };
        app.call::<ops::ListInstanceProfiles>(&root, input)
    };
    let first = list(Some("/a/"), None).expect("listed");
    assert_eq!(first.instance_profiles[0].instance_profile_name, "alpha");
    let second = list(Some("/a/"), first.marker.clone()).expect("listed");
    assert_eq!(second.instance_profiles[0].instance_profile_name, "Charlie");
    assert_eq!((first.is_truncated, second.is_truncated), (Some(true), Some(false)));
    assert_eq!(refusal(list(None, first.marker)), "ValidationError: Invalid Marker.");
    let of_role = |marker: Option<String>| {
        let input = ListInstanceProfilesForRoleRequest { role_name: "One".to_owned(), max_items: Some(2), marker };
        app.call::<ops::ListInstanceProfilesForRole>(&root, input).expect("listed")
    };
    let first = of_role(None);
    let second = of_role(first.marker.clone());
    let names = |profiles: &[InstanceProfile]| -> Vec<String> {
        profiles.iter().map(|profile| profile.instance_profile_name.clone()).collect()
    };
    assert_eq!(names(&first.instance_profiles), ["alpha", "bravo"]);
    assert_eq!(names(&second.instance_profiles), ["Charlie"]);
}

#[test]
fn profiles_carry_tags() {
    let (app, root) = setup();
    create(&app, &root, "/", "Web").expect("a new profile");
    let tags = vec![Tag { key: "Team".to_owned(), value: "a".to_owned() }];
    let name = || "Web".to_owned();
    let input = TagInstanceProfileRequest { instance_profile_name: name(), tags: tags.clone() };
    app.call::<ops::TagInstanceProfile>(&root, input).expect("tagged");
    let list = || ListInstanceProfileTagsRequest { instance_profile_name: name(), ..Default::default() };
    assert_eq!(app.call::<ops::ListInstanceProfileTags>(&root, list()).expect("listed").tags, tags);
    assert_eq!(get(&app, &root, "Web").expect("shown").tags, Some(tags));
    let input = UntagInstanceProfileRequest { instance_profile_name: name(), tag_keys: vec!["team".to_owned()] };
    app.call::<ops::UntagInstanceProfile>(&root, input).expect("untagged");
    assert!(app.call::<ops::ListInstanceProfileTags>(&root, list()).expect("listed").tags.is_empty());
}
