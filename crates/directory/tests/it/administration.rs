use crate::support::world;
use kernel::testing::code;
use model::ds::DirectoryStage;
use model::vestibule::{ReconnectDirectoryRequest, SetDirectoryServiceAccountRequest, ops};

fn account(directory_id: &str, user_name: &str) -> SetDirectoryServiceAccountRequest {
    SetDirectoryServiceAccountRequest {
        directory_id: directory_id.to_owned(),
        user_name: user_name.to_owned(),
        password: "another secret".to_owned(),
    }
}

#[test]
fn a_directory_gets_another_service_account_and_is_connected_anew() {
    let world = world();
    let id = world.connect();
    world.app.run_jobs();
    world.app.clock.advance_seconds(130);
    world.app.run_jobs();
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Failed));
    world.call::<ops::SetDirectoryServiceAccount>(account(id.as_str(), "svc-new")).expect("accepted");
    let settings = world.described(&id).connect_settings.expect("settings");
    assert_eq!(settings.customer_user_name.as_deref(), Some("svc-new"));
    world.app.run_jobs();
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Creating));

    world.app.clock.advance_seconds(130);
    world.app.run_jobs();
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Failed));
    let reconnect = ReconnectDirectoryRequest { directory_id: id.to_string() };
    world.call::<ops::ReconnectDirectory>(reconnect).expect("accepted");
    world.app.run_jobs();
    assert_eq!(world.described(&id).stage, Some(DirectoryStage::Creating));
}

#[test]
fn only_directories_of_the_account_are_changed_by_whoever_may() {
    let world = world();
    let id = world.connect();
    let unknown = world.call::<ops::SetDirectoryServiceAccount>(account("d-0000000000", "svc-new"));
    assert_eq!(code(unknown), "ResourceNotFoundException");
    let reconnect = ReconnectDirectoryRequest { directory_id: "d-0000000000".to_owned() };
    assert_eq!(code(world.call::<ops::ReconnectDirectory>(reconnect)), "ResourceNotFoundException");
    let permission = world.permission::<ops::SetDirectoryServiceAccount>(&account(id.as_str(), "svc-new"));
    assert_eq!(permission.action, "ds:UpdateDirectory");
    assert_eq!(permission.resource, format!("arn:aws:ds:us-east-1:111122223333:directory/{id}"));
}
