//! `vestibule identity-center` as far as it is about where the users come from.

use super::{Answer, Caller, print};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use model::vestibule::{
    self as shapes, IdentitySource, IdentitySourceType, PlanItem, Synchronization, SynchronizedKind, ops,
};
use std::fmt::Write as _;

/// Where the users of the instance are to come from.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Source {
    /// From the domain behind this directory of Directory Service
    #[arg(long, value_name = "DIRECTORY-ID")]
    active_directory: Option<String>,
    /// From the identity store itself, with passwords of its own
    #[arg(long)]
    identity_center_directory: bool,
}

impl Source {
    fn shape(self) -> IdentitySource {
        let r#type = match self.active_directory {
            Some(_) => IdentitySourceType::ActiveDirectory,
            None => IdentitySourceType::IdentityCenter,
        };
        IdentitySource { r#type, directory_id: self.active_directory }
    }
}

/// What to synchronize.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Object {
    /// A user, by the name in the domain
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A group, with the groups in it and everybody in them
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
}

impl Object {
    fn parts(self) -> (SynchronizedKind, String) {
        match (self.user, self.group) {
            (Some(user), _) => (SynchronizedKind::User, user),
            (None, group) => (SynchronizedKind::Group, group.unwrap_or_default()),
        }
    }
}

#[derive(Subcommand)]
pub(super) enum SyncCommand {
    /// Show what is synchronized, and how the last run went
    Describe,
    /// Choose a user or a group
    Add(Object),
    /// Take back the choice of a user or a group; users keep their access for 28 days
    Remove(Object),
    /// Synchronize now
    Run,
    /// Find out what a run would change; `describe` shows it afterwards
    Rehearse,
    /// Synchronize no more until `resume`; after 28 days nobody from the directory may sign in
    Pause,
    /// End a pause
    Resume,
    /// Change how often, or which attributes of the directory are taken
    Configure {
        /// Pause between two runs, in seconds: 60 to 604800
        #[arg(long, value_name = "SECONDS")]
        interval: Option<i32>,
        /// An attribute of users and the expression for it, such as `email=${dir:email}`; may be repeated
        #[arg(long = "map", value_name = "ATTRIBUTE=EXPRESSION")]
        mapping: Vec<String>,
    },
}

/// Shows what a change of the source keeps and loses.
pub(super) fn plan(caller: &Caller<'_>, source: Source) -> Result<Answer> {
    let input = shapes::PlanIdentitySourceChangeRequest {
        instance_arn: caller.instance_arn(),
        identity_source: source.shape(),
    };
    let output = caller.call::<ops::PlanIdentitySourceChange>(&input)?;
    let text = items(output.items.as_deref().unwrap_or_default());
    Ok(Answer::new(&output, text))
}

/// Changes the source. `has_accepted` says that the person knows what is lost.
pub(super) fn set(caller: &Caller<'_>, source: Source, has_accepted: bool) -> Result<Answer> {
    if !has_accepted {
        bail!(
            "all users and groups are deleted with their assignments: look at `plan-identity-source`, then add --accept"
        );
    }
    let input = shapes::SetIdentitySourceRequest {
        confirmation: "ACCEPT".to_owned(),
        instance_arn: caller.instance_arn(),
        identity_source: source.shape(),
    };
    let output = caller.call::<ops::SetIdentitySource>(&input)?;
    Ok(Answer::new(&output, print::identity_center(output.identity_center.as_ref())))
}

pub(super) fn sync(caller: &Caller<'_>, command: SyncCommand) -> Result<Answer> {
    let instance_arn = caller.instance_arn();
    match command {
        SyncCommand::Describe => {
            let output = caller
                .call::<ops::DescribeSynchronization>(&shapes::DescribeSynchronizationRequest { instance_arn })?;
            Ok(Answer::new(&output, synchronization(output.synchronization.as_ref())))
        }
        SyncCommand::Add(object) => {
            let (kind, name) = object.parts();
            let input = shapes::AddToSynchronizationRequest { instance_arn, kind, name };
            let output = caller.call::<ops::AddToSynchronization>(&input)?;
            Ok(Answer::new(&output, synchronization(output.synchronization.as_ref())))
        }
        SyncCommand::Remove(object) => {
            let (kind, name) = object.parts();
            let input = shapes::RemoveFromSynchronizationRequest { instance_arn, kind, name };
            let output = caller.call::<ops::RemoveFromSynchronization>(&input)?;
            Ok(Answer::new(&output, synchronization(output.synchronization.as_ref())))
        }
        SyncCommand::Run => start(caller, false),
        SyncCommand::Rehearse => start(caller, true),
        SyncCommand::Pause => update(caller, Some(true), None, &[]),
        SyncCommand::Resume => update(caller, Some(false), None, &[]),
        SyncCommand::Configure { interval, mapping } => update(caller, None, interval, &mapping),
    }
}

fn start(caller: &Caller<'_>, rehearsal: bool) -> Result<Answer> {
    let instance_arn = caller.instance_arn();
    let input = shapes::StartSynchronizationRequest { instance_arn, rehearsal: Some(rehearsal) };
    let output = caller.call::<ops::StartSynchronization>(&input)?;
    Ok(Answer::new(&output, "It has begun: `vestibule identity-center sync describe` shows the outcome.\n".to_owned()))
}

fn update(caller: &Caller<'_>, paused: Option<bool>, interval: Option<i32>, mapping: &[String]) -> Result<Answer> {
    let pairs = mapping.iter().map(|pair| {
        let parts = pair.split_once('=').map(|(name, expression)| (name.to_owned(), expression.to_owned()));
        parts.ok_or_else(|| anyhow::anyhow!("{pair} is not ATTRIBUTE=EXPRESSION"))
    });
    let pairs = pairs.collect::<Result<std::collections::BTreeMap<_, _>>>()?;
    let input = shapes::UpdateSynchronizationRequest {
        attribute_mapping: (!pairs.is_empty()).then_some(pairs),
        instance_arn: caller.instance_arn(),
        interval_seconds: interval,
        paused,
    };
    let output = caller.call::<ops::UpdateSynchronization>(&input)?;
    Ok(Answer::new(&output, synchronization(output.synchronization.as_ref())))
}

fn items(items: &[PlanItem]) -> String {
    let mut out = String::new();
    for item in items {
        let outcome = item.outcome.map_or("", |outcome| outcome.as_str());
        let subject = item.subject.map(|subject| subject.as_str().to_lowercase().replace('_', " ")).unwrap_or_default();
        let count = item.count.map(|count| format!(" ({count})")).unwrap_or_default();
        let subject = format!("{subject}{count}");
        let _ = writeln!(out, "{outcome:<8}{subject:<36}{}", print::line(item.detail.as_deref().unwrap_or_default()));
    }
    out
}

/// What a run changed or would change, in words: only what is not nothing.
fn changes(report: &str) -> String {
    let Ok(serde_json::Value::Object(members)) = serde_json::from_str(report) else { return report.to_owned() };
    let some = members.iter().filter_map(|(name, value)| match value {
        serde_json::Value::Object(_) => Some(format!("{name} ({})", changes(&value.to_string()))),
        serde_json::Value::Number(count) if count.as_u64() == Some(0) => None,
        serde_json::Value::Array(names) if names.is_empty() => None,
        serde_json::Value::Array(names) => {
            let names: Vec<_> = names.iter().filter_map(serde_json::Value::as_str).collect();
            Some(format!("{name}: {}", names.join(" ")))
        }
        serde_json::Value::String(text) => Some(format!("{name}: {text}")),
        other => Some(format!("{name}: {other}")),
    });
    let some: Vec<_> = some.collect();
    if some.is_empty() { "no change".to_owned() } else { some.join(", ") }
}

fn synchronization(synchronization: Option<&Synchronization>) -> String {
    let Some(shown) = synchronization else { return String::new() };
    let mut out = String::new();
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(out, "{name:<22}{}", print::line(value));
    };
    fact("Directory", shown.directory_id.as_deref().unwrap_or_default());
    fact("Paused", if shown.paused == Some(true) { "yes" } else { "no" });
    fact("Interval", &format!("{} seconds", shown.interval_seconds.unwrap_or_default()));
    fact("Last run", &shown.last_run_date.map_or_else(|| "never".to_owned(), base::Timestamp::iso8601));
    fact("Outcome", &shown.last_result.as_deref().map_or_else(|| "-".to_owned(), changes));
    fact("Rehearsal", &shown.last_plan.as_deref().map_or_else(|| "-".to_owned(), changes));
    for (attribute, expression) in shown.attribute_mapping.iter().flatten() {
        fact("Attribute", &format!("{attribute}={expression}"));
    }
    for object in shown.scope.iter().flatten() {
        let kind = object.kind.map_or("", |kind| kind.as_str());
        let id = object.object_id.as_deref().unwrap_or("not found yet");
        fact(kind, &format!("{} ({id})", object.name.as_deref().unwrap_or_default()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_told_without_what_is_nothing() {
        let report = r#"{"usersCreated":2,"usersDeleted":0,"usersToCreate":["ann@x","bob@x"],"groupsToCreate":[]}"#;
        assert_eq!(changes(report), "usersCreated: 2, usersToCreate: ann@x bob@x");
        assert_eq!(changes(r#"{"usersCreated":0,"notFound":[]}"#), "no change");
        let report = r#"{"usersCreated":0,"lastChange":{"at":"2026-11-22T11:00:00Z","usersCreated":2}}"#;
        assert_eq!(changes(report), "lastChange (at: 2026-11-22T11:00:00Z, usersCreated: 2)");
        assert_eq!(changes("the controller does not answer"), "the controller does not answer");
    }
}
