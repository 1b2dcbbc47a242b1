use crate::support::{World, input, world};
use kernel::testing::code;
use model::ds::{
    AddTagsToResourceRequest, CreateAliasRequest, DeleteDirectoryRequest, DescribeDirectoriesRequest, DirectoryStage,
    DirectoryType, EnableSsoRequest, GetDirectoryLimitsRequest, ListTagsForResourceRequest,
    RemoveTagsFromResourceRequest, Tag, ops,
};

fn stage(world: &World, id: &base::DirectoryId) -> (DirectoryStage, Option<String>) {
    let described = world.described(id);
    (described.stage.expect("a stage"), described.stage_reason)
}

#[test]
fn a_directory_is_requested_then_created_and_fails_when_nobody_answers_for_long() {
    let world = world();
    let id = world.connect();
    let described = world.described(&id);
    assert_eq!(described.stage, Some(DirectoryStage::Requested));
    assert_eq!((described.name.as_deref(), described.short_name.as_deref()), (Some("corp.example.com"), Some("CORP")));
    assert_eq!(described.r#type, Some(DirectoryType::ADConnector));
    assert_eq!(described.access_url, Some(format!("{id}.awsapps.com")));
    world.app.run_jobs();
    assert_eq!(stage(&world, &id), (DirectoryStage::Creating, None));
    world.app.clock.advance_seconds(121);
    world.app.run_jobs();
    let (failed, reason) = stage(&world, &id);
    assert_eq!(failed, DirectoryStage::Failed);
    assert!(reason.as_deref().is_some_and(|reason| reason.contains("dc1.corp.example.com")), "{reason:?}");
}

#[test]
fn what_cannot_be_connected_is_refused() {
    let world = world();
    let refused = |change: fn(&mut model::ds::ConnectDirectoryRequest)| {
        let mut input = input();
        change(&mut input);
        code(world.call::<ops::ConnectDirectory>(input))
    };
    assert_eq!(refused(|input| input.name = "corp-only".to_owned()), "InvalidParameterException");
    assert_eq!(refused(|input| input.short_name = Some("A".repeat(16))), "InvalidParameterException");
    assert_eq!(refused(|input| input.connect_settings.customer_dns_ips = None), "InvalidParameterException");
    assert_eq!(refused(|input| input.connect_settings.subnet_ids.truncate(1)), "InvalidParameterException");
    for _ in 0..10 {
        world.connect();
    }
    assert_eq!(refused(|_| {}), "DirectoryLimitExceededException");
    let limits = world.call::<ops::GetDirectoryLimits>(GetDirectoryLimitsRequest {}).expect("limits");
    let limits = limits.directory_limits.expect("limits");
    assert_eq!(limits.connected_directories_limit_reached, Some(true));
    assert_eq!(limits.connected_directories_current_count, Some(10));
}

#[test]
fn directories_are_listed_in_pages() {
    let world = world();
    let mut made: Vec<_> = (0..3).map(|_| world.connect().to_string()).collect();
    made.sort();
    let page = |next_token| {
        let input = DescribeDirectoriesRequest { limit: Some(2), next_token, ..Default::default() };
        let page = world.call::<ops::DescribeDirectories>(input).expect("a page");
        let ids = page.directory_descriptions.expect("a list").into_iter().filter_map(|each| each.directory_id);
        (ids.collect::<Vec<_>>(), page.next_token)
    };
    let (first, token) = page(None);
    let (second, end) = page(token);
    assert_eq!([first, second].concat(), made);
    assert_eq!(end, None);
    let wrong = DescribeDirectoriesRequest { next_token: Some("x".to_owned()), ..Default::default() };
    assert_eq!(code(world.call::<ops::DescribeDirectories>(wrong)), "InvalidNextTokenException");
    let unknown =
        DescribeDirectoriesRequest { directory_ids: Some(vec!["d-0000000000".to_owned()]), ..Default::default() };
    assert_eq!(code(world.call::<ops::DescribeDirectories>(unknown)), "EntityDoesNotExistException");
}

#[test]
fn an_alias_is_unique_and_for_ever() {
    let world = world();
    let (one, two) = (world.connect(), world.connect());
    let alias = |id: &base::DirectoryId, alias: &str| {
        world.call::<ops::CreateAlias>(CreateAliasRequest { alias: alias.to_owned(), directory_id: id.to_string() })
    };
    let sso = || EnableSsoRequest { directory_id: one.to_string(), ..Default::default() };
    assert_eq!(code(world.call::<ops::EnableSso>(sso())), "ClientException");
    alias(&one, "Corp").expect("made");
    assert_eq!(world.described(&one).access_url.as_deref(), Some("corp.awsapps.com"));
    assert_eq!(code(alias(&one, "other")), "InvalidParameterException");
    assert_eq!(code(alias(&two, "corp")), "EntityAlreadyExistsException");
    assert_eq!(code(world.call::<ops::EnableSso>(sso())), "ClientException");
}

#[test]
fn tags_are_kept_and_are_part_of_permissions() {
    let world = world();
    let id = world.connect();
    let tag = |key: &str| Tag { key: key.to_owned(), value: "v".to_owned() };
    let add = |tags| AddTagsToResourceRequest { resource_id: id.to_string(), tags };
    world.call::<ops::AddTagsToResource>(add(vec![tag("a"), tag("b")])).expect("added");
    assert_eq!(code(world.call::<ops::AddTagsToResource>(add(vec![tag("aws:x")]))), "InvalidParameterException");
    let many = (0..51).map(|number| tag(&format!("k{number}"))).collect();
    assert_eq!(code(world.call::<ops::AddTagsToResource>(add(many))), "TagLimitExceededException");
    let permission = world.permission::<ops::DeleteDirectory>(&DeleteDirectoryRequest { directory_id: id.to_string() });
    assert_eq!(permission.resource, format!("arn:aws:ds:us-east-1:111122223333:directory/{id}"));
    assert!(permission.context.contains(&("aws:ResourceTag/a".to_owned(), vec!["v".to_owned()])));
    let remove = RemoveTagsFromResourceRequest { resource_id: id.to_string(), tag_keys: vec!["a".to_owned()] };
    world.call::<ops::RemoveTagsFromResource>(remove).expect("removed");
    let list = ListTagsForResourceRequest { resource_id: id.to_string(), ..Default::default() };
    let left = world.call::<ops::ListTagsForResource>(list).expect("listed").tags.expect("a list");
    assert_eq!(left.iter().map(|tag| tag.key.as_str()).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_deleted_directory_is_gone() {
    let world = world();
    let id = world.connect();
    let delete = || world.call::<ops::DeleteDirectory>(DeleteDirectoryRequest { directory_id: id.to_string() });
    delete().expect("deleted");
    assert_eq!(code(delete()), "EntityDoesNotExistException");
    // The job that was to connect it finds nothing to do.
    world.app.run_jobs();
}

#[test]
fn a_password_is_nowhere_in_the_database_in_the_clear() {
    let world = world();
    let id = world.connect();
    let found = world.app.app.store.read(|tx| directory::record::get(tx, &id)).expect("read").expect("there");
    assert_eq!(found.service_password(&world.app.app).expect("opened").expose(), "secret");
    let sql =
        "select cast(sealed_password as text) from dir_directory where cast(sealed_password as text) like '%secret%'";
    assert!(!world.app.app.store.read(|tx| tx.exists(sql, &[])).expect("read"));
}
