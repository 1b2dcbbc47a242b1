//! Where the people of the instance are known from, and the synchronization with a directory.

use super::center::described;
use super::{administered, on_everything, ours};
use crate::instance::Instance;
use crate::messages;
use base::DirectoryId;
use directory::source::{self, Change, Refusal};
use directory::sync::{self, Kind, Mapping, settings};
use identity::store::Source;
use kernel::{Access, Cx, Permission, Result, Route, WriteCx, route};
use model::vestibule::{
    AddToSynchronizationRequest, AddToSynchronizationResponse, DescribeSynchronizationRequest,
    DescribeSynchronizationResponse, IdentitySource, IdentitySourceType, PlanIdentitySourceChangeRequest,
    PlanIdentitySourceChangeResponse, PlanItem, PlanOutcome, PlanSubject, RemoveFromSynchronizationRequest,
    RemoveFromSynchronizationResponse, SetIdentitySourceRequest, SetIdentitySourceResponse,
    StartSynchronizationRequest, StartSynchronizationResponse, Synchronization, SynchronizedKind, SynchronizedObject,
    UpdateSynchronizationRequest, UpdateSynchronizationResponse, ops,
};

fn wanted(source: &IdentitySource) -> Result<Source> {
    match (source.r#type, source.directory_id.as_deref().and_then(DirectoryId::parse)) {
        (IdentitySourceType::IdentityCenter, None) => Ok(Source::IdentityCenter),
        (IdentitySourceType::ActiveDirectory, Some(directory)) => Ok(Source::ActiveDirectory(directory)),
        (IdentitySourceType::IdentityCenter, Some(_)) => {
            Err(messages::validation("DirectoryId is for the type ACTIVE_DIRECTORY only"))
        }
        (IdentitySourceType::ActiveDirectory, None) => Err(messages::validation("DirectoryId must name a directory")),
    }
}

fn shown(source: &Source) -> IdentitySource {
    match source {
        Source::IdentityCenter => IdentitySource { r#type: IdentitySourceType::IdentityCenter, directory_id: None },
        Source::ActiveDirectory(id) => {
            IdentitySource { r#type: IdentitySourceType::ActiveDirectory, directory_id: Some(id.to_string()) }
        }
    }
}

fn refused(refusal: Refusal) -> kernel::Error {
    match refusal {
        Refusal::NoDirectory => messages::validation("The account of the instance has no such directory"),
        Refusal::NotActive(stage) => messages::conflict(format!("The directory is not Active, but {stage}")),
        Refusal::Same => messages::conflict("This is the identity source already"),
    }
}

/// What a change keeps and loses (IAM Identity Center, "Considerations for changing your identity source").
fn items(change: &Change) -> Vec<PlanItem> {
    let item = |subject, outcome, count: Option<i64>, detail: &str| PlanItem {
        count,
        detail: Some(detail.to_owned()),
        outcome: Some(outcome),
        subject: Some(subject),
    };
    let lost = |subject, count, detail: &str| item(subject, PlanOutcome::Lost, count, detail);
    let kept = |subject, detail: &str| item(subject, PlanOutcome::Kept, None, detail);
    vec![
        lost(PlanSubject::Users, Some(change.users_deleted), "All users are deleted."),
        lost(PlanSubject::Groups, Some(change.groups_deleted), "All groups are deleted."),
        lost(PlanSubject::GroupMemberships, None, "They go with users and groups."),
        lost(PlanSubject::AccountAssignments, None, "All assignments to accounts are deleted."),
        lost(PlanSubject::ApplicationAssignments, None, "All assignments to applications are deleted."),
        lost(PlanSubject::Sessions, None, "Everybody is signed out."),
        lost(PlanSubject::Passwords, None, "Passwords and MFA devices are deleted."),
        kept(PlanSubject::PermissionSets, "Permission sets stay."),
        kept(PlanSubject::Applications, "Applications stay."),
        kept(PlanSubject::AttributesForAccessControl, "Attributes for access control stay."),
        kept(PlanSubject::StartUrl, "The start URL stays."),
    ]
}

fn plan(cx: &mut Cx<'_>, input: &PlanIdentitySourceChangeRequest) -> Result<PlanIdentitySourceChangeResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    let to = wanted(&input.identity_source)?;
    let change = source::plan_change(cx.tx, &instance.store, &to)?.map_err(refused)?;
    let (from, to) = (shown(&change.from), shown(&change.to));
    Ok(PlanIdentitySourceChangeResponse { from: Some(from), items: Some(items(&change)), to: Some(to) })
}

fn set(cx: &mut WriteCx<'_>, input: &SetIdentitySourceRequest) -> Result<SetIdentitySourceResponse> {
    let instance = administered(cx, input.instance_arn.as_deref())?;
    let changed = match wanted(&input.identity_source)? {
        Source::ActiveDirectory(directory) => source::set_active_directory(cx, &instance.store, &directory)?,
        Source::IdentityCenter => source::set_identity_center(cx, &instance.store)?,
    };
    changed.map_err(refused)?;
    Ok(SetIdentitySourceResponse { identity_center: Some(described(cx, &instance)?) })
}

fn may_set(_: &mut Cx<'_>, input: &SetIdentitySourceRequest) -> Result<Access> {
    match input.identity_source.r#type {
        IdentitySourceType::ActiveDirectory => on_everything(&["sso:AssociateDirectory"]),
        IdentitySourceType::IdentityCenter => on_everything(&["sso:DisassociateDirectory"]),
    }
}

/// The rule of what AWS's console does with `identity-sync`.
fn on_profile(cx: &mut Cx<'_>, actions: &[&str]) -> Result<Access> {
    let (account, region) = (cx.account()?, &cx.app.settings.region);
    let arn = format!("arn:aws:identity-sync:{region}:{account}:profile/*");
    let permission = |action: &&str| Permission::new(format!("identity-sync:{action}"), arn.clone());
    Ok(Access::Permissions(actions.iter().map(permission).collect()))
}

fn synchronized(cx: &mut Cx<'_>, arn: Option<&str>) -> Result<(Instance, settings::Settings)> {
    let instance = administered(cx, arn)?;
    match settings::get(cx.tx, &instance.store)? {
        Some(settings) => Ok((instance, settings)),
        None => Err(messages::conflict("The users of this instance are not synchronized with a directory")),
    }
}

fn synchronization(cx: &mut Cx<'_>, arn: Option<&str>) -> Result<Option<Synchronization>> {
    let (instance, settings) = synchronized(cx, arn)?;
    let scope = settings::scope(cx.tx, &instance.store)?.into_iter().map(|chosen| SynchronizedObject {
        kind: Some(match chosen.kind {
            Kind::User => SynchronizedKind::User,
            Kind::Group => SynchronizedKind::Group,
        }),
        name: Some(chosen.name),
        object_id: chosen.id.map(|id| id.to_string()),
    });
    Ok(Some(Synchronization {
        attribute_mapping: Some(settings.mapping.expressions().clone()),
        directory_id: Some(settings.directory.to_string()),
        interval_seconds: i32::try_from(settings.interval_seconds).ok(),
        last_plan: settings.plan,
        last_result: settings.result,
        last_run_date: Some(settings.ran_at).filter(|at| at.micros() > 0),
        paused: Some(settings.paused_at.is_some()),
        scope: Some(scope.collect()),
    }))
}

fn describe(cx: &mut Cx<'_>, input: &DescribeSynchronizationRequest) -> Result<DescribeSynchronizationResponse> {
    Ok(DescribeSynchronizationResponse { synchronization: synchronization(cx, input.instance_arn.as_deref())? })
}

fn update(cx: &mut WriteCx<'_>, input: &UpdateSynchronizationRequest) -> Result<UpdateSynchronizationResponse> {
    let (instance, settings) = synchronized(cx, input.instance_arn.as_deref())?;
    let mapping = match &input.attribute_mapping {
        Some(changes) => {
            let mut expressions = settings.mapping.expressions().clone();
            expressions.extend(changes.clone());
            Mapping::with(expressions).map_err(messages::validation)?
        }
        None => settings.mapping,
    };
    let is_paused = input.paused.unwrap_or(settings.paused_at.is_some());
    let interval = input.interval_seconds.map_or(settings.interval_seconds, i64::from);
    sync::configure(cx, &instance.store, is_paused, interval, &mapping)?;
    Ok(UpdateSynchronizationResponse { synchronization: synchronization(cx, input.instance_arn.as_deref())? })
}

fn may_update(cx: &mut Cx<'_>, input: &UpdateSynchronizationRequest) -> Result<Access> {
    let mut actions = Vec::new();
    actions.extend(input.paused.map(|is_paused| if is_paused { "StopSync" } else { "StartSync" }));
    if actions.is_empty() || input.interval_seconds.is_some() || input.attribute_mapping.is_some() {
        actions.push("UpdateSyncTarget");
    }
    on_profile(cx, &actions)
}

fn start(cx: &mut WriteCx<'_>, input: &StartSynchronizationRequest) -> Result<StartSynchronizationResponse> {
    let (instance, settings) = synchronized(cx, input.instance_arn.as_deref())?;
    if input.rehearsal == Some(true) {
        sync::rehearse_soon(cx, &instance.store)?;
    } else if settings.paused_at.is_some() {
        return Err(messages::conflict("The synchronization is paused"));
    } else {
        sync::run_soon(cx, &instance.store)?;
    }
    Ok(StartSynchronizationResponse {})
}

fn kind(kind: SynchronizedKind) -> Kind {
    match kind {
        SynchronizedKind::User => Kind::User,
        SynchronizedKind::Group => Kind::Group,
    }
}

fn add(cx: &mut WriteCx<'_>, input: &AddToSynchronizationRequest) -> Result<AddToSynchronizationResponse> {
    let (instance, _) = synchronized(cx, input.instance_arn.as_deref())?;
    sync::choose(cx, &instance.store, kind(input.kind), &input.name)?;
    Ok(AddToSynchronizationResponse { synchronization: synchronization(cx, input.instance_arn.as_deref())? })
}

fn remove(cx: &mut WriteCx<'_>, input: &RemoveFromSynchronizationRequest) -> Result<RemoveFromSynchronizationResponse> {
    let (instance, _) = synchronized(cx, input.instance_arn.as_deref())?;
    if !sync::dismiss(cx, &instance.store, kind(input.kind), &input.name)? {
        return Err(messages::not_found("Synchronized object", &input.name));
    }
    Ok(RemoveFromSynchronizationResponse { synchronization: synchronization(cx, input.instance_arn.as_deref())? })
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        route::read::<ops::PlanIdentitySourceChange>(
            |_, _| on_everything(&["sso:GetSsoConfiguration"]),
            |cx, input| ours(plan(cx, input)),
        ),
        route::write::<ops::SetIdentitySource>(may_set, |cx, input| ours(set(cx, input))),
        route::read::<ops::DescribeSynchronization>(
            |cx, _| on_profile(cx, &["GetSyncProfile", "ListSyncFilters"]),
            |cx, input| ours(describe(cx, input)),
        ),
        route::write::<ops::UpdateSynchronization>(may_update, |cx, input| ours(update(cx, input))),
        route::write::<ops::StartSynchronization>(
            |cx, _| on_profile(cx, &["StartSync"]),
            |cx, input| ours(start(cx, input)),
        ),
        route::write::<ops::AddToSynchronization>(
            |cx, _| on_profile(cx, &["CreateSyncFilter"]),
            |cx, input| ours(add(cx, input)),
        ),
        route::write::<ops::RemoveFromSynchronization>(
            |cx, _| on_profile(cx, &["DeleteSyncFilter"]),
            |cx, input| ours(remove(cx, input)),
        ),
    ]
}
