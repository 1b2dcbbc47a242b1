//! What both simulations take, read and checked.

use super::{SourceName, given};
use crate::entity::{Entity, EntityKind};
use base::{AccountId, Arn};
use kernel::{Error, Result};
use model::iam::{
    ContextEntry, ContextKeyTypeEnum, InvalidInputException, SimulateCustomPolicyRequest,
    SimulatePrincipalPolicyRequest,
};
use policy::{Caller, CompiledPolicy, Context, ContextValue, Document, PolicyKind, validate};
use std::sync::Arc;

/// Most resources of one request.
const RESOURCES_MAX: usize = 1_000;
/// The scenarios of EC2 that AWS documents for `ResourceHandlingOption`.
const SCENARIOS: [&str; 6] = [
    "EC2-Classic-InstanceStore",
    "EC2-Classic-EBS",
    "EC2-VPC-InstanceStore",
    "EC2-VPC-InstanceStore-Subnet",
    "EC2-VPC-EBS",
    "EC2-VPC-EBS-Subnet",
];
/// What saving demands and simulating does not: policies of 2008 remain in force where they were saved.
const VERSION_TOO_OLD: &str = "Policy document must be version 2012-10-17 or greater.";

/// The members that `SimulateCustomPolicy` and `SimulatePrincipalPolicy` share.
pub(super) struct Shared<'a> {
    action_names: &'a [String],
    resource_arns: &'a [String],
    resource_policy: Option<&'a str>,
    resource_owner: Option<&'a str>,
    caller_arn: Option<&'a str>,
    context_entries: &'a [ContextEntry],
    boundaries: &'a [String],
    /// Documents and names beyond the above that a marker is bound to.
    others: Vec<&'a str>,
    pub(super) marker: Option<&'a str>,
    pub(super) max_items: Option<i32>,
}

macro_rules! shared {
    ($input:expr, $others:expr) => {
        Shared {
            action_names: &$input.action_names,
            resource_arns: $input.resource_arns.as_deref().unwrap_or_default(),
            resource_policy: $input.resource_policy.as_deref(),
            resource_owner: $input.resource_owner.as_deref(),
            caller_arn: $input.caller_arn.as_deref(),
            context_entries: $input.context_entries.as_deref().unwrap_or_default(),
            boundaries: $input.permissions_boundary_policy_input_list.as_deref().unwrap_or_default(),
            others: $others,
            marker: $input.marker.as_deref(),
            max_items: $input.max_items,
        }
    };
}

impl<'a> Shared<'a> {
    pub(super) fn of_custom(input: &'a SimulateCustomPolicyRequest) -> Result<Self> {
        check_scenario(input.resource_handling_option.as_deref())?;
        Ok(shared!(input, input.policy_input_list.iter().map(String::as_str).collect()))
    }

    pub(super) fn of_principal(input: &'a SimulatePrincipalPolicyRequest) -> Result<Self> {
        check_scenario(input.resource_handling_option.as_deref())?;
        let documents = input.policy_input_list.as_deref().unwrap_or_default().iter().map(String::as_str);
        Ok(shared!(input, [input.policy_source_arn.as_str()].into_iter().chain(documents).collect()))
    }

    /// What a marker is bound to: everything that selects the list's rows.
    pub(super) fn texts(&self) -> impl Iterator<Item = &'a str> {
        let lists = self.action_names.iter().chain(self.resource_arns).chain(self.boundaries);
        lists.map(String::as_str).chain(self.others.clone()).chain(self.caller_arn).chain(self.resource_policy)
    }

    /// The actions, each of which exists.
    pub(super) fn actions(&self) -> Result<Vec<policy::Action>> {
        self.action_names.iter().map(|name| action(name)).collect()
    }

    /// The resources; `*` when none are given.
    pub(super) fn resources(&self) -> Result<Vec<&'a str>> {
        if self.resource_arns.len() > RESOURCES_MAX {
            return Err(invalid(format!("ResourceArns cannot have more than {RESOURCES_MAX} entries.")));
        }
        if self.resource_arns.is_empty() {
            return Ok(vec!["*"]);
        }
        let resource = |text: &'a String| match text.as_str() {
            "*" => Ok("*"),
            arn if Arn::parse(arn).is_some() => Ok(arn),
            other => Err(invalid(format!("Invalid Resource Arn: {other} must be an ARN or \"*\"."))),
        };
        self.resource_arns.iter().map(resource).collect()
    }

    /// The simulated caller: `CallerArn`, or else the principal whose policies are simulated.
    pub(super) fn caller_or(&self, source: Option<&Entity>, account: &AccountId) -> Result<Caller> {
        let caller = match (self.caller_arn, source) {
            (Some(arn), _) => {
                let name = SourceName::parse(arn).ok_or_else(|| {
                    invalid(format!("Invalid Entity Arn: {arn} does not clearly define entity type and name."))
                })?;
                // The unique id is the source's own only if it is the source that calls.
                let id = source.filter(|source| source.arn().as_str() == arn).map(|source| source.id.as_str());
                self.caller_of(name.kind, arn, id)?
            }
            (None, Some(source)) => self.caller_of(source.kind, source.arn().as_str(), Some(&source.id))?,
            (None, None) if self.resource_policy.is_some() => {
                return Err(invalid("CallerArn is required when ResourcePolicy is given."));
            }
            (None, None) => Caller::user(&format!("arn:aws:iam::{account}:user/"), None),
        };
        Ok(caller)
    }

    fn caller_of(&self, kind: EntityKind, arn: &str, id: Option<&str>) -> Result<Caller> {
        match (kind, self.resource_policy) {
            (EntityKind::User, _) => Ok(Caller::user(arn, id)),
            (EntityKind::Group, None) => Ok(Caller::user(arn, None)),
            (EntityKind::Role, None) => Ok(Caller::role(arn, id)),
            (EntityKind::Group | EntityKind::Role, Some(_)) => {
                let text = "Simulation of resource-based policies is supported for IAM users only: give the ARN of a \
                            user as CallerArn.";
                Err(invalid(text))
            }
        }
    }

    /// The account that owns the resources: `ResourceOwner`, or else the caller's.
    pub(super) fn owner_or(&self, caller: &Caller) -> Result<String> {
        let Some(text) = self.resource_owner else { return Ok(caller.account().unwrap_or_default().to_owned()) };
        let root = Arn::parse(text).filter(|arn| arn.service() == "iam" && arn.resource() == "root");
        let account = root.map_or_else(|| AccountId::parse(text), |arn| AccountId::parse(arn.account()));
        account
            .map(|account| account.to_string())
            .ok_or_else(|| invalid(format!("Invalid ResourceOwner: {text} must be the ARN of an account's root user.")))
    }

    /// The permissions boundary that the request brings.
    pub(super) fn boundary(&self) -> Result<Option<Vec<Arc<CompiledPolicy>>>> {
        match self.boundaries {
            [] => Ok(None),
            [_] => documents(PolicyKind::Boundary, "PermissionsBoundaryPolicyInputList", self.boundaries).map(Some),
            _ => Err(invalid("PermissionsBoundaryPolicyInputList cannot have more than 1 entry.")),
        }
    }

    /// The policy that all resources are given.
    pub(super) fn resource_policy(&self) -> Result<Option<Arc<CompiledPolicy>>> {
        let Some(text) = self.resource_policy else { return Ok(None) };
        let document = Document::parse_stored(text).map_err(|error| invalid(error.message))?;
        Ok(Some(given(PolicyKind::Resource, "ResourcePolicy".to_owned(), document)))
    }

    /// The context keys that the request gives.
    pub(super) fn context(&self) -> Result<Context> {
        let mut context = Context::with_capacity(self.context_entries.len());
        for entry in self.context_entries {
            let name = entry.context_key_name.clone().ok_or_else(|| invalid("A context entry has no name."))?;
            let values = entry.context_key_values.clone().unwrap_or_default();
            let value = context_value(&name, entry.context_key_type, values)?;
            context.insert(name, value);
        }
        Ok(context)
    }
}

fn context_value(name: &str, kind: Option<ContextKeyTypeEnum>, mut values: Vec<String>) -> Result<ContextValue> {
    use ContextKeyTypeEnum::{Binary, Boolean, Date, Ip, Numeric, String};
    match (kind, values.len()) {
        (None | Some(String | Numeric | Boolean | Ip | Binary | Date), 1) => Ok(ContextValue::One(values.remove(0))),
        (Some(kind @ (String | Numeric | Boolean | Ip | Binary | Date)), count) => {
            Err(invalid(format!("The context key {name} of the type {kind} must have one value, but has {count}.")))
        }
        _ => Ok(ContextValue::Many(values)),
    }
}

fn action(name: &str) -> Result<policy::Action> {
    if name.contains(['*', '?']) {
        return Err(invalid(format!("Invalid Action: {name} cannot contain wildcards.")));
    }
    let known = name.split_once(':').and_then(|(service, action)| catalog::action(service, action));
    match known {
        Some(_) => Ok(policy::Action::new(name)),
        None => Err(invalid(format!("Invalid Action: {name} is not an action of a service."))),
    }
}

fn check_scenario(option: Option<&str>) -> Result<()> {
    match option {
        Some(option) if !SCENARIOS.contains(&option) => {
            Err(invalid(format!("Invalid ResourceHandlingOption: {option} is not a known scenario.")))
        }
        _ => Ok(()),
    }
}

/// Reads the documents of a list, and names each after its place.
pub(crate) fn documents(kind: PolicyKind, list: &str, texts: &[String]) -> Result<Vec<Arc<CompiledPolicy>>> {
    let numbered = texts.iter().enumerate().map(|(at, text)| {
        let document = document(kind, text)?;
        Ok(given(kind, format!("{list}.{}", at + 1), document))
    });
    numbered.collect()
}

/// Reads a document that a request brings along. Its size is bounded by the model alone.
///
/// # Errors
/// `InvalidInput` with the text that saving it would give.
pub(crate) fn document(kind: PolicyKind, text: &str) -> Result<Document> {
    let refusal = validate::validate(kind, text).into_iter().find(|finding| {
        finding.is_error() && finding.code.starts_with("MalformedPolicyDocument") && finding.message != VERSION_TOO_OLD
    });
    if let Some(finding) = refusal {
        return Err(invalid(finding.message));
    }
    Document::parse_stored(text).map_err(|error| invalid(error.message))
}

pub(super) fn invalid(text: impl Into<String>) -> Error {
    InvalidInputException::new(text.into()).into()
}
