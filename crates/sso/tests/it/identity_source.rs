use crate::support::{MANAGEMENT, account_id, admin, app};
use base::DirectoryId;
use kernel::testing::{START, TestApp, code};
use model::ds::{DirectoryDescription, DirectoryStage};
use model::vestibule::{
    AddToSynchronizationRequest, DescribeSynchronizationRequest, IdentitySource, IdentitySourceType,
    PlanIdentitySourceChangeRequest, PlanOutcome, RemoveFromSynchronizationRequest, SetIdentitySourceRequest,
    StartSynchronizationRequest, SynchronizedKind, UpdateSynchronizationRequest, ops,
};

const DIRECTORY: &str = "d-0123456789";

fn directory(stage: DirectoryStage) -> TestApp {
    let (app, _) = app();
    let id = DirectoryId::parse(DIRECTORY).expect("valid");
    let details = DirectoryDescription { name: Some("corp.example.com".to_owned()), ..Default::default() };
    let add = |tx: &mut kernel::WriteTx<'_>| {
        let requested = directory::record::Requested {
            id: &id,
            account: &account_id(MANAGEMENT),
            kind: directory::record::Kind::Connector,
            details: &details,
            sealed_password: b"sealed",
            sealed_first_password: None,
        };
        directory::record::insert(tx, &requested, START)?;
        directory::record::set_stage(tx, &id, stage, None, START)
    };
    app.app.store.write(add, |_| {}).expect("added");
    app
}

fn active_directory(id: &str) -> IdentitySource {
    IdentitySource { r#type: IdentitySourceType::ActiveDirectory, directory_id: Some(id.to_owned()) }
}

fn identity_center() -> IdentitySource {
    IdentitySource { r#type: IdentitySourceType::IdentityCenter, directory_id: None }
}

fn set(app: &TestApp, identity_source: IdentitySource) -> kernel::Result<Option<IdentitySource>> {
    let input = SetIdentitySourceRequest { identity_source, confirmation: "ACCEPT".to_owned(), ..Default::default() };
    let output = app.call::<ops::SetIdentitySource>(&admin(), input)?;
    Ok(output.identity_center.and_then(|center| center.identity_source))
}

#[test]
fn only_an_active_directory_of_the_account_can_be_the_source() {
    let app = directory(DirectoryStage::Creating);
    assert_eq!(code(set(&app, active_directory(DIRECTORY))), "ConflictException");
    assert_eq!(code(set(&app, active_directory("d-ffffffffff"))), "ValidationException");
    assert_eq!(code(set(&app, identity_center())), "ConflictException");
    let without_id = IdentitySource { directory_id: None, ..active_directory(DIRECTORY) };
    assert_eq!(code(set(&app, without_id)), "ValidationException");
}

#[test]
fn a_plan_says_what_is_kept_and_lost_and_changes_nothing() {
    let app = directory(DirectoryStage::Active);
    let input = PlanIdentitySourceChangeRequest { identity_source: active_directory(DIRECTORY), ..Default::default() };
    let plan = app.call::<ops::PlanIdentitySourceChange>(&admin(), input).expect("planned");
    let items = plan.items.expect("items");
    let count = |outcome| items.iter().filter(|item| item.outcome == Some(outcome)).count();
    assert_eq!((count(PlanOutcome::Lost), count(PlanOutcome::Kept)), (7, 4));
    let describe = DescribeSynchronizationRequest::default();
    assert_eq!(code(app.call::<ops::DescribeSynchronization>(&admin(), describe)), "ConflictException");
}

#[test]
fn who_is_synchronized_is_chosen_by_name() {
    let app = directory(DirectoryStage::Active);
    let source = set(&app, active_directory(DIRECTORY)).expect("set").expect("shown");
    assert_eq!(source.directory_id.as_deref(), Some(DIRECTORY));
    let add = |name: &str| {
        let input =
            AddToSynchronizationRequest { kind: SynchronizedKind::Group, name: name.to_owned(), instance_arn: None };
        app.call::<ops::AddToSynchronization>(&admin(), input).expect("added").synchronization.expect("shown")
    };
    add("all-staff@corp.example.com");
    let shown = add("All-Staff");
    let scope = shown.scope.expect("a scope");
    assert_eq!(scope.iter().filter_map(|object| object.name.as_deref()).collect::<Vec<_>>(), ["All-Staff"]);
    let remove = || RemoveFromSynchronizationRequest {
        kind: SynchronizedKind::Group,
        name: "all-staff".to_owned(),
        instance_arn: None,
    };
    app.call::<ops::RemoveFromSynchronization>(&admin(), remove()).expect("removed");
    let again = app.call::<ops::RemoveFromSynchronization>(&admin(), remove());
    assert_eq!(code(again), "ResourceNotFoundException");
}

#[test]
fn a_paused_synchronization_is_not_started() {
    let app = directory(DirectoryStage::Active);
    set(&app, active_directory(DIRECTORY)).expect("set");
    let mapping = |expression: &str| UpdateSynchronizationRequest {
        attribute_mapping: Some([("email".to_owned(), expression.to_owned())].into()),
        paused: Some(true),
        interval_seconds: Some(600),
        instance_arn: None,
    };
    let wrong = app.call::<ops::UpdateSynchronization>(&admin(), mapping("${dir:password}"));
    assert_eq!(code(wrong), "ValidationException");
    let output = app.call::<ops::UpdateSynchronization>(&admin(), mapping("${dir:email}")).expect("updated");
    let shown = output.synchronization.expect("shown");
    assert_eq!((shown.paused, shown.interval_seconds), (Some(true), Some(600)));
    let mapping = shown.attribute_mapping.expect("a mapping");
    assert_eq!(mapping["email"], "${dir:email}");
    assert_eq!(mapping["familyName"], "${dir:lastname}");
    let start = app.call::<ops::StartSynchronization>(&admin(), StartSynchronizationRequest::default());
    assert_eq!(code(start), "ConflictException");
}
