use crate::support::{MANAGEMENT, World, failure, management, stranger};
use kernel::Caller;
use model::identitystore::{
    DescribeIdentityStoreRequest, ListIdentityStoresRequest, ListUsersRequest, NetworkConfiguration,
    UpdateIdentityStoreRequest, ops,
};

const UNKNOWN: &str = "ResourceNotFoundException IDENTITY_STORE: IDENTITY_STORE not found.";

fn describe(store: &str) -> DescribeIdentityStoreRequest {
    DescribeIdentityStoreRequest { identity_store_id: store.to_owned() }
}

fn list_users(store: &str) -> ListUsersRequest {
    ListUsersRequest { identity_store_id: store.to_owned(), ..ListUsersRequest::default() }
}

fn stores(world: &World, caller: &Caller) -> Vec<String> {
    let input = ListIdentityStoresRequest::default();
    let listed = world.app.call::<ops::ListIdentityStores>(caller, input).expect("listed").identity_stores;
    listed.into_iter().map(|store| store.identity_store_id).collect()
}

#[test]
fn a_store_is_described_by_its_id_and_by_its_arn() {
    let world = World::new();
    let found = world.call::<ops::DescribeIdentityStore>(describe(&world.store)).expect("described");
    assert_eq!(found.identity_store_id, world.store);
    let arn = format!("arn:aws:identitystore::{MANAGEMENT}:identitystore/{}", world.store);
    assert_eq!(found.identity_store_arn, arn);
    assert!(found.network_configuration.is_none());
    let again = world.call::<ops::DescribeIdentityStore>(describe(&arn)).expect("described");
    assert_eq!(again.identity_store_id, world.store);
    let foreign = arn.replace(MANAGEMENT, "444455556666");
    assert_eq!(failure(world.call::<ops::DescribeIdentityStore>(describe(&foreign))), UNKNOWN);
    assert_eq!(world.resources::<ops::DescribeIdentityStore>(&describe(&world.store)), [arn.as_str()]);
    assert_eq!(world.resources::<ops::ListUsers>(&list_users(&arn)), [&arn, "arn:aws:identitystore:::user/*"]);
}

#[test]
fn a_store_is_seen_by_its_owner_and_by_the_members_of_its_organization() {
    let world = World::new();
    let lonely = world.stranger_s_store();
    for caller in [management(), world.member.clone(), world.delegate.clone()] {
        assert_eq!(stores(&world, &caller), [world.store.as_str()]);
        world.app.call::<ops::ListUsers>(&caller, list_users(&world.store)).expect("listed");
        assert_eq!(failure(world.app.call::<ops::ListUsers>(&caller, list_users(&lonely))), UNKNOWN);
    }
    assert_eq!(stores(&world, &stranger()), [lonely.as_str()]);
    assert_eq!(failure(world.app.call::<ops::ListUsers>(&stranger(), list_users(&world.store))), UNKNOWN);
    for unknown in ["d-ffffffffff", "5d5e9a70-0d4c-4a0e-9d2a-111111111111"] {
        assert_eq!(failure(world.call::<ops::ListUsers>(list_users(unknown))), UNKNOWN);
    }
}

#[test]
fn members_read_but_only_the_owner_and_the_delegated_administrator_write() {
    let world = World::new();
    let denied = "AccessDenied -: Only the account that owns the identity store or a delegated administrator of IAM \
                  Identity Center can perform this operation.";
    let by = |caller: &Caller, name: &str| world.app.call::<ops::CreateUser>(caller, world.user_request(name));
    assert_eq!(failure(by(&world.member, "alice")), denied);
    by(&world.delegate, "alice").expect("created");
    by(&management(), "bob").expect("created");
    let listed = world.app.call::<ops::ListUsers>(&world.member, list_users(&world.store)).expect("listed");
    assert_eq!(listed.users.len(), 2);
    let update = UpdateIdentityStoreRequest { identity_store_id: world.store.clone(), network_configuration: None };
    assert_eq!(failure(world.app.call::<ops::UpdateIdentityStore>(&world.member, update)), denied);
}

#[test]
fn a_network_configuration_shuts_other_addresses_out_but_can_be_mended_from_everywhere() {
    let world = World::new();
    let update = |ranges: Option<&str>, vpce_access_required| {
        let network_configuration = NetworkConfiguration {
            api_allow_source_ips: ranges.map(|range| vec![range.to_owned()]),
            vpce_access_required,
            ..NetworkConfiguration::default()
        };
        world.call::<ops::UpdateIdentityStore>(UpdateIdentityStoreRequest {
            identity_store_id: world.store.clone(),
            network_configuration: Some(network_configuration),
        })
    };
    update(Some("192.0.2.0/24"), false).expect("updated");
    let shown = world.call::<ops::DescribeIdentityStore>(describe(&world.store)).expect("described");
    let shown = shown.network_configuration.expect("it is set");
    assert_eq!(shown.api_allow_source_ips.as_deref(), Some(&["192.0.2.0/24".to_owned()][..]));
    let denied = "AccessDenied -: The network configuration of the identity store does not allow requests from this \
                  address.";
    assert_eq!(failure(world.call::<ops::ListUsers>(list_users(&world.store))), denied);
    assert_eq!(failure(world.call::<ops::CreateUser>(world.user_request("alice"))), denied);
    update(Some("127.0.0.0/8"), false).expect("updated");
    world.user("alice");
    update(None, false).expect("updated");
    let shown = world.call::<ops::DescribeIdentityStore>(describe(&world.store)).expect("described");
    assert!(shown.network_configuration.is_none());
    assert!(failure(update(None, true)).starts_with("ValidationError -: Access through VPC endpoints"));
}

#[test]
fn a_store_goes_with_everybody_in_it_and_no_other_store_is_touched() {
    let world = World::new();
    let (group, user) = (world.group("admins"), world.user("alice"));
    world.membership(&group, &user);
    let other = world.stranger_s_store();
    let mut request = world.user_request("alice");
    request.identity_store_id = other;
    world.app.call::<ops::CreateUser>(&stranger(), request).expect("created");
    world.write(|cx| identity::store::delete(cx, &world.store_id()));
    assert_eq!(failure(world.call::<ops::ListUsers>(list_users(&world.store))), UNKNOWN);
    assert_eq!(world.count("select count(*) from ids_user"), 1);
    assert_eq!(world.count("select count(*) from ids_group"), 0);
    assert_eq!(world.count("select count(*) from ids_membership"), 0);
}
