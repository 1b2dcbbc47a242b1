use crate::support::{account_id, refusal, setup, user};
use aws_lc_rs::hmac;
use base::Timestamp;
use iam::mfa::{Holder, verify_code};
use kernel::Caller;
use kernel::caller::Principal;
use kernel::testing::{START, TestApp};
use model::iam::*;

/// An authenticator application: RFC 6238 from the base32 seed.
fn code(seed: &[u8], at: Timestamp) -> String {
    let mut bits = 0_u64;
    let (mut count, mut key) = (0, Vec::new());
    for byte in seed {
        let digit = if byte.is_ascii_uppercase() { byte - b'A' } else { byte - b'2' + 26 };
        bits = (bits << 5 | u64::from(digit)) & 0xffff;
        count += 5;
        if count >= 8 {
            count -= 8;
            key.push((bits >> count) as u8);
        }
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = hmac::sign(&key, &(at.seconds() / 30).to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 15);
    let word: [u8; 4] = tag.as_ref()[offset..offset + 4].try_into().expect("four bytes");
    format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
}

fn device(app: &TestApp, root: &Caller, name: &str) -> (String, Vec<u8>) {
    let input = CreateVirtualMFADeviceRequest { virtual_mfa_device_name: name.into(), ..Default::default() };
    let device = app.call::<ops::CreateVirtualMFADevice>(root, input).expect("a device").virtual_mfa_device;
    assert!(device.qr_code_png.expect("a picture").0.starts_with(b"\x89PNG"));
    (device.serial_number, device.base32_string_seed.expect("a seed").0)
}

fn enable(serial: &str, user: &str, codes: (String, String)) -> EnableMFADeviceRequest {
    EnableMFADeviceRequest {
        serial_number: serial.into(),
        user_name: user.into(),
        authentication_code1: codes.0,
        authentication_code2: codes.1,
    }
}

fn pair(seed: &[u8], at: Timestamp) -> (String, String) {
    (code(seed, at), code(seed, at.plus_seconds(30)))
}

#[test]
fn a_device_is_enabled_with_two_consecutive_codes() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let (serial, seed) = device(&app, &root, "phone");
    assert_eq!((serial.as_str(), seed.len()), ("arn:aws:iam::111122223333:mfa/phone", 64));
    let (first, second) = pair(&seed, START);
    let bad = enable(&serial, "alice", (second.clone(), first.clone()));
    assert_eq!(
        refusal(app.call::<ops::EnableMFADevice>(&root, bad)),
        "InvalidAuthenticationCode: Authentication code for device is not valid."
    );
    app.call::<ops::EnableMFADevice>(&root, enable(&serial, "alice", (first, second))).expect("enabled");
    let list = ListMFADevicesRequest { user_name: Some("alice".into()), ..Default::default() };
    let listed = app.call::<ops::ListMFADevices>(&root, list).expect("a list").mfa_devices;
    assert_eq!(listed.iter().map(|device| device.serial_number.as_str()).collect::<Vec<_>>(), [serial.as_str()]);
    let again = app.call::<ops::EnableMFADevice>(&root, enable(&serial, "alice", pair(&seed, START.plus_seconds(60))));
    assert_eq!(kernel::testing::code(again), "EntityAlreadyExists");
    let shown = app.call::<ops::GetMFADevice>(&root, GetMFADeviceRequest { serial_number: serial, user_name: None });
    assert_eq!(shown.expect("found").user_name.as_deref(), Some("alice"));
}

#[test]
fn a_code_counts_once_and_only_for_its_holder() {
    let (app, root) = setup();
    let alice = user(&app, &root, "alice");
    let (serial, seed) = device(&app, &root, "phone");
    app.call::<ops::EnableMFADevice>(&root, enable(&serial, "alice", pair(&seed, START))).expect("enabled");
    let Caller::Principal(caller) = &alice else { panic!("a user") };
    let Principal::User(identity) = &caller.principal else { panic!("a user") };
    let holder = Holder::User(identity.id.clone());
    let verify = |holder: &Holder, code: &str| {
        app.app
            .write_as(&root, &app.request(), |cx| {
                let (app, now) = (std::sync::Arc::clone(cx.app), cx.now);
                verify_code(&mut cx.write(), &app.seal, holder, &serial, code, now)
            })
            .expect("checked")
    };
    assert!(!verify(&holder, &code(&seed, START.plus_seconds(30))), "used up when the device was enabled");
    app.clock.advance_seconds(90);
    let now = START.plus_seconds(90);
    assert!(!verify(&Holder::Root(account_id()), &code(&seed, now)));
    assert!(!verify(&holder, &code(&seed, now.plus_seconds(90))), "too far ahead");
    assert!(verify(&holder, &code(&seed, now)));
    assert!(!verify(&holder, &code(&seed, now)), "used up");
    assert!(verify(&holder, &code(&seed, now.plus_seconds(30))), "a clock that is a little fast");
}

#[test]
fn a_device_in_use_is_deactivated_before_it_is_deleted() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let (serial, seed) = device(&app, &root, "phone");
    app.call::<ops::EnableMFADevice>(&root, enable(&serial, "alice", pair(&seed, START))).expect("enabled");
    let delete = || DeleteVirtualMFADeviceRequest { serial_number: serial.clone() };
    assert_eq!(kernel::testing::code(app.call::<ops::DeleteVirtualMFADevice>(&root, delete())), "DeleteConflict");
    assert_eq!(
        refusal(app.call::<ops::DeleteUser>(&root, DeleteUserRequest { user_name: "alice".into() })),
        "DeleteConflict: Cannot delete entity, must delete MFA device first."
    );
    let deactivate = || DeactivateMFADeviceRequest { serial_number: serial.clone(), user_name: Some("alice".into()) };
    app.call::<ops::DeactivateMFADevice>(&root, deactivate()).expect("deactivated");
    assert_eq!(kernel::testing::code(app.call::<ops::DeactivateMFADevice>(&root, deactivate())), "NoSuchEntity");
    app.call::<ops::DeleteVirtualMFADevice>(&root, delete()).expect("deleted");
    assert_eq!(
        refusal(app.call::<ops::DeleteVirtualMFADevice>(&root, delete())),
        format!("NoSuchEntity: VirtualMFADevice with serial number {serial} doesn't exist.")
    );
}

#[test]
fn devices_are_listed_by_their_assignment() {
    let (app, root) = setup();
    let (free, _) = device(&app, &root, "free");
    let (used, seed) = device(&app, &root, "used");
    app.call::<ops::EnableMFADevice>(&root, enable(&used, "root", pair(&seed, START))).expect("for the root user");
    let serials = |status: Option<assignmentStatusType>| -> Vec<String> {
        let input = ListVirtualMFADevicesRequest { assignment_status: status, ..Default::default() };
        let devices = app.call::<ops::ListVirtualMFADevices>(&root, input).expect("a list").virtual_mfa_devices;
        devices.into_iter().map(|device| device.serial_number).collect()
    };
    assert_eq!(serials(None), [free.clone(), used.clone()]);
    assert_eq!(serials(Some(assignmentStatusType::Assigned)), std::slice::from_ref(&used));
    assert_eq!(serials(Some(assignmentStatusType::Unassigned)), std::slice::from_ref(&free));
    let again = CreateVirtualMFADeviceRequest { virtual_mfa_device_name: "free".into(), ..Default::default() };
    assert_eq!(
        refusal(app.call::<ops::CreateVirtualMFADevice>(&root, again)),
        "EntityAlreadyExists: MFADevice entity at the same path and name already exists."
    );
    let own = app.call::<ops::ListMFADevices>(&root, Default::default()).expect("the root user's own").mfa_devices;
    assert_eq!(own.len(), 1);
}

#[test]
fn a_device_that_drifted_is_synchronized() {
    let (app, root) = setup();
    user(&app, &root, "alice");
    let (serial, seed) = device(&app, &root, "phone");
    app.call::<ops::EnableMFADevice>(&root, enable(&serial, "alice", pair(&seed, START))).expect("enabled");
    let resync = |at: Timestamp| {
        let (authentication_code1, authentication_code2) = pair(&seed, at);
        let input = ResyncMFADeviceRequest {
            serial_number: serial.clone(),
            user_name: "alice".into(),
            authentication_code1,
            authentication_code2,
        };
        app.call::<ops::ResyncMFADevice>(&root, input)
    };
    resync(START.plus_seconds(240)).expect("four minutes fast");
    assert_eq!(kernel::testing::code(resync(START.plus_seconds(240))), "InvalidAuthenticationCode");
    assert_eq!(kernel::testing::code(resync(START.plus_seconds(3_600))), "InvalidAuthenticationCode");
}

#[test]
fn devices_are_tagged() {
    let (app, root) = setup();
    let (serial, _) = device(&app, &root, "phone");
    let tags = vec![Tag { key: "k".into(), value: "v".into() }];
    let input = TagMFADeviceRequest { serial_number: serial.clone(), tags: tags.clone() };
    app.call::<ops::TagMFADevice>(&root, input).expect("tagged");
    let list = ListMFADeviceTagsRequest { serial_number: serial.clone(), ..Default::default() };
    assert_eq!(app.call::<ops::ListMFADeviceTags>(&root, list.clone()).expect("a list").tags, tags);
    let untag = UntagMFADeviceRequest { serial_number: serial, tag_keys: vec!["k".into()] };
    app.call::<ops::UntagMFADevice>(&root, untag).expect("untagged");
    assert!(app.call::<ops::ListMFADeviceTags>(&root, list).expect("a list").tags.is_empty());
}
