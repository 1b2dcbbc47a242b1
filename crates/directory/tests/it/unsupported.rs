use crate::support::world;
use kernel::testing::code;
use model::ds::{CreateDirectoryRequest, DescribeSettingsRequest, ops};

#[test]
fn every_operation_of_the_model_has_a_route() {
    let world = world();
    let operations = model::ds::SERVICE.operations.iter().chain(model::ds_data::SERVICE.operations);
    let missing: Vec<_> = operations
        .filter(|operation| world.app.app.registry().find(operation).is_none())
        .map(|operation| operation.name)
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn what_connectors_do_not_have_says_so() {
    let world = world();
    let id = world.connect().to_string();
    let settings = |directory_id: &str| {
        let input = DescribeSettingsRequest { directory_id: directory_id.to_owned(), ..Default::default() };
        world.call::<ops::DescribeSettings>(input)
    };
    assert_eq!(code(settings("d-0000000000")), "DirectoryDoesNotExistException");
    assert_eq!(code(settings(&id)), "UnsupportedOperationException");
    let hosted = world.call::<ops::CreateDirectory>(CreateDirectoryRequest::default());
    assert_eq!(code(hosted), "UnsupportedOperationException");
}
