use crate::support::{account_id, add_role, permissions, refusal, setup, user};
use base::AccessKeyId;
use iam::access_key::{self, LastUse};
use kernel::testing::START;
use model::iam::*;

#[test]
fn a_secret_is_shown_once_and_opens_again() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let input = CreateAccessKeyRequest { user_name: Some("alice".into()) };
    let key = app.call::<ops::CreateAccessKey>(&root, input).expect("created").access_key;
    assert_eq!((key.secret_access_key.len(), key.status, key.user_name.as_str()), (40, statusType::Active, "alice"));
    let id = AccessKeyId::parse(&key.access_key_id).expect("an id");
    assert_eq!(id.account(), Some(account_id()));
    let opened = app
        .app
        .read_as(&root, &app.request(), |cx| {
            let found = access_key::get(cx.tx, &id)?.expect("stored");
            Ok(found.secret(&cx.app.seal).expect("opens").expose().to_owned())
        })
        .expect("readable");
    assert_eq!(opened, key.secret_access_key);
}

#[test]
fn nobody_has_three_keys() {
    let (app, root) = setup();
    let alice = user(&app, &root, "alice");
    for caller in [&alice, &root] {
        for _ in 0..2 {
            app.call::<ops::CreateAccessKey>(caller, Default::default()).expect("created");
        }
        assert_eq!(
            refusal(app.call::<ops::CreateAccessKey>(caller, Default::default())),
            "LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2"
        );
        let listed = app.call::<ops::ListAccessKeys>(caller, Default::default()).expect("a list");
        assert_eq!(listed.access_key_metadata.len(), 2);
    }
    let session = add_role(&app, "/", "r");
    assert_eq!(
        refusal(app.call::<ops::CreateAccessKey>(&session, Default::default())),
        "ValidationError: Must specify userName when calling with non-User credentials"
    );
}

#[test]
fn keys_are_switched_off_and_deleted_by_their_owner_only() {
    let (app, root) = setup();
    let alice = user(&app, &root, "alice");
    let bob = user(&app, &root, "bob");
    let key = app.call::<ops::CreateAccessKey>(&alice, Default::default()).expect("created").access_key;
    let id = key.access_key_id;
    let update = UpdateAccessKeyRequest { access_key_id: id.clone(), status: statusType::Inactive, user_name: None };
    let missing = format!("NoSuchEntity: The Access Key with id {id} cannot be found");
    assert_eq!(refusal(app.call::<ops::UpdateAccessKey>(&bob, update.clone())), missing);
    app.call::<ops::UpdateAccessKey>(&alice, update).expect("switched off");
    let listed = app.call::<ops::ListAccessKeys>(&alice, Default::default()).expect("a list");
    assert_eq!(listed.access_key_metadata[0].status, Some(statusType::Inactive));
    let delete = DeleteAccessKeyRequest { access_key_id: id, user_name: None };
    assert_eq!(refusal(app.call::<ops::DeleteAccessKey>(&bob, delete.clone())), missing);
    app.call::<ops::DeleteAccessKey>(&alice, delete.clone()).expect("deleted");
    assert_eq!(refusal(app.call::<ops::DeleteAccessKey>(&alice, delete)), missing);
}

#[test]
fn the_last_use_is_told() {
    let (app, root) = setup();
    let alice = user(&app, &root, "alice");
    let key = app.call::<ops::CreateAccessKey>(&alice, Default::default()).expect("created").access_key;
    let ask = GetAccessKeyLastUsedRequest { access_key_id: key.access_key_id.clone() };
    let never = app.call::<ops::GetAccessKeyLastUsed>(&root, ask.clone()).expect("told");
    let last = never.access_key_last_used.expect("told");
    assert_eq!((last.last_used_date, last.region.as_str(), last.service_name.as_str()), (None, "N/A", "N/A"));
    assert_eq!(never.user_name.as_deref(), Some("alice"));
    let id = AccessKeyId::parse(&key.access_key_id).expect("an id");
    let last = LastUse { at: START, service: "sts".into(), region: "eu-west-1".into() };
    app.app.write_as(&root, &app.request(), |cx| access_key::set_last_use(&mut cx.write(), &id, &last)).expect("noted");
    let used = app.call::<ops::GetAccessKeyLastUsed>(&root, ask.clone()).expect("told").access_key_last_used;
    assert_eq!(
        used,
        Some(AccessKeyLastUsed { last_used_date: Some(START), region: "eu-west-1".into(), service_name: "sts".into() })
    );
    let rule = permissions::<ops::GetAccessKeyLastUsed>(&app, &root, &ask);
    assert_eq!(rule[0].resource, "arn:aws:iam::111122223333:user/alice");
    let unknown = GetAccessKeyLastUsedRequest { access_key_id: "AKIAIOSFODNN7EXAMPLE".into() };
    assert_eq!(
        refusal(app.call::<ops::GetAccessKeyLastUsed>(&root, unknown)),
        "NoSuchEntity: The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found"
    );
}
