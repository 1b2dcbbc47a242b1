use crate::support::world;
use kernel::testing::code;
use kernel::{Access, Error, params};
use model::ds_data::{
    AddGroupMemberRequest, CreateUserRequest, DirectoryUnavailableException, DirectoryUnavailableReason,
    ListUsersRequest, ops,
};
use smithy::schema::Operation;

#[test]
fn operations_on_data_take_their_own_permission_and_that_to_the_data() {
    let world = world();
    let id = world.connect().to_string();
    let tag = "insert into dir_tag (directory_id, key, value) values ($1, 'team', 'blue')";
    world.app.app.store.write(|tx| tx.exec_one(tag, params![id]), |_| {}).expect("tagged");
    let create = CreateUserRequest {
        directory_id: id.clone(),
        sam_account_name: "ann".to_owned(),
        ..CreateUserRequest::default()
    };
    let arn = format!("arn:aws:ds:us-east-1:111122223333:directory/{id}");
    let [create, access] = &permissions::<ops::CreateUser>(&world, &create)[..] else { panic!("two permissions") };
    assert_eq!((create.action.as_str(), create.resource.as_str()), ("ds-data:CreateUser", arn.as_str()));
    assert_eq!((access.action.as_str(), access.resource.as_str()), ("ds:AccessDSData", arn.as_str()));
    let context = |permission: &kernel::Permission| -> Vec<(String, String)> {
        permission.context.iter().map(|(key, values)| (key.clone(), values.join(","))).collect()
    };
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    assert_eq!(
        context(create),
        pairs(&[
            ("ds-data:Realm", "corp.example.com"),
            ("ds-data:SAMAccountName", "ann"),
            ("ds-data:Identifier", "SAMAccountName"),
            ("aws:ResourceTag/team", "blue"),
        ])
    );
    assert_eq!(context(access), pairs(&[("aws:ResourceTag/team", "blue")]));

    let add = AddGroupMemberRequest {
        directory_id: id.clone(),
        group_name: "admins".to_owned(),
        member_name: "ann".to_owned(),
        // Policies see one spelling.
        member_realm: Some("CORP.Example.com.".to_owned()),
        ..AddGroupMemberRequest::default()
    };
    let add = &permissions::<ops::AddGroupMember>(&world, &add)[0];
    for (key, value) in [("SAMAccountName", "admins"), ("MemberName", "ann"), ("MemberRealm", "corp.example.com")] {
        let key = format!("ds-data:{key}");
        assert!(context(add).contains(&(key.clone(), value.to_owned())), "{key}");
    }
    // A directory that is not there has an ARN, too: whoever may not use it learns nothing else.
    let list = ListUsersRequest { directory_id: "d-0000000000".to_owned(), ..ListUsersRequest::default() };
    let list = &permissions::<ops::ListUsers>(&world, &list)[0];
    assert_eq!(list.resource, "arn:aws:ds:us-east-1:111122223333:directory/d-0000000000");
}

#[test]
fn a_controller_that_does_not_answer_makes_the_directory_unavailable_and_changes_nothing() {
    let world = world();
    let id = world.connect().to_string();
    let ready = "update dir_directory set type = 'MicrosoftAD', stage = 'Active', data_access_status = 'Enabled' \
                 where id = $1";
    world.app.app.store.write(|tx| tx.exec_one(ready, params![id]), |_| {}).expect("there");
    let list = ListUsersRequest { directory_id: id.clone(), ..ListUsersRequest::default() };
    let Err(Error::Modeled(error)) = world.call::<ops::ListUsers>(list) else { panic!("nobody answers") };
    let error = error.as_any().downcast_ref::<DirectoryUnavailableException>().expect("unavailable");
    assert_eq!(error.reason, Some(DirectoryUnavailableReason::DirectoryTimeout));
    assert!(error.message.as_ref().is_some_and(|message| !message.contains("127.0.0.1")), "{error:?}");
    let create = CreateUserRequest {
        directory_id: id,
        sam_account_name: "ann".to_owned(),
        client_token: Some("token".to_owned()),
        ..CreateUserRequest::default()
    };
    assert_eq!(code(world.call::<ops::CreateUser>(create)), "DirectoryUnavailableException");
    let count = |sql: &'static str| world.app.app.store.read(|tx| tx.count(sql, params![])).expect("counted");
    assert_eq!(count("select count(*) from dir_data_token"), 0);
    world.app.app.audit.flush(&world.app.app.store, &mut world.app.app.random()).expect("flushed");
    let failed = "select count(*) from audit where event_name = 'CreateUser' and record like '%\"errorCode\"%'";
    assert_eq!(count(failed), 1);
}

fn permissions<O: Operation>(world: &crate::support::World, input: &O::In) -> Vec<kernel::Permission> {
    let route = world.app.app.registry().find(O::OP).expect("a route");
    match world.app.app.read_as(&world.root, &world.app.request(), |cx| route.access(cx, input)).expect("a rule") {
        Access::Permissions(permissions) => permissions,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_condition_key_of_an_operation_on_data_is_given() {
    let world = world();
    let named = |operation: &str| {
        let keys = catalog::action("ds-data", operation).expect("in the reference").condition_keys;
        keys.iter().map(|key| (*key).to_owned()).collect::<std::collections::BTreeSet<String>>()
    };
    for operation in model::ds_data::SERVICE.operations {
        let route = world.app.app.registry().find(operation).expect(operation.name);
        let input = route.new_input();
        let access = world.app.app.read_as(&world.root, &world.app.request(), |cx| route.access(cx, input.as_ref()));
        let Access::Permissions(permissions) = access.expect("a rule") else { panic!("{}", operation.name) };
        let given = permissions[0].context.iter().map(|(key, _)| key.clone()).collect();
        assert_eq!(named(operation.name), given, "{}", operation.name);
    }
}
