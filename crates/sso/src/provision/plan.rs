//! What has to change in an account so that a permission set stands there as it should: pure.

use std::collections::{BTreeMap, BTreeSet};

/// Name of the inline policy of the roles.
pub const INLINE_POLICY: &str = "AwsSSOInlinePolicy";
/// Longest session of the roles, in seconds. How long sessions really last is the permission set's affair.
pub const SESSION_SECONDS: i64 = 43_200;

/// A role, as far as it follows from a permission set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleState {
    /// Description; empty for none.
    pub description: String,
    /// Trust policy.
    pub trust_policy: String,
    /// Longest session, in seconds.
    pub session_seconds: i64,
    /// ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// ARNs of the attached policies.
    pub attached: BTreeSet<String>,
    /// Inline policies by name.
    pub inline: BTreeMap<String, String>,
}

/// What is in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actual {
    /// Metadata of the instance's SAML provider, when there is one.
    pub provider: Option<String>,
    /// The role, when there is one.
    pub role: Option<RoleState>,
}

/// What the SAML provider should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DesiredProvider {
    /// There, with that metadata.
    Present(String),
    /// Whatever it is.
    Any,
    /// Gone.
    Absent,
}

/// What should be in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The instance's SAML provider.
    pub provider: DesiredProvider,
    /// The role; `None`: gone.
    pub role: Option<RoleState>,
}

/// One call of IAM. In the order of a plan each is possible after those before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// CreateSAMLProvider, with metadata.
    CreateProvider(String),
    /// UpdateSAMLProvider, with metadata.
    UpdateProvider(String),
    /// CreateRole, without policies.
    CreateRole {
        /// Description; empty for none.
        description: String,
        /// Trust policy.
        trust_policy: String,
        /// Longest session, in seconds.
        session_seconds: i64,
        /// ARN of the permissions boundary.
        boundary: Option<String>,
    },
    /// UpdateRole.
    UpdateRole {
        /// Description; empty for none.
        description: String,
        /// Longest session, in seconds.
        session_seconds: i64,
    },
    /// UpdateAssumeRolePolicy.
    UpdateTrustPolicy(String),
    /// PutRolePermissionsBoundary, with an ARN.
    PutBoundary(String),
    /// DeleteRolePermissionsBoundary.
    DeleteBoundary,
    /// DetachRolePolicy, with an ARN.
    Detach(String),
    /// DeleteRolePolicy, with a name.
    DeleteInline(String),
    /// AttachRolePolicy, with an ARN.
    Attach(String),
    /// PutRolePolicy.
    PutInline {
        /// Name.
        name: String,
        /// Document.
        document: String,
    },
    /// DeleteRole.
    DeleteRole,
    /// DeleteSAMLProvider.
    DeleteProvider,
}

/// The calls that turn `actual` into `desired`; none when nothing differs. What limits comes before what allows, and
/// what goes before what comes, so that no quota is in the way.
pub fn plan(desired: &Desired, actual: &Actual) -> Vec<Change> {
    let mut changes = Vec::new();
    if let DesiredProvider::Present(metadata) = &desired.provider {
        match &actual.provider {
            None => changes.push(Change::CreateProvider(metadata.clone())),
            Some(present) if present != metadata => changes.push(Change::UpdateProvider(metadata.clone())),
            Some(_) => {}
        }
    }
    match (&desired.role, &actual.role) {
        (Some(desired), Some(actual)) => change_role(&mut changes, desired, actual),
        (Some(desired), None) => create_role(&mut changes, desired),
        (None, Some(actual)) => delete_role(&mut changes, actual),
        (None, None) => {}
    }
    if desired.provider == DesiredProvider::Absent && actual.provider.is_some() {
        changes.push(Change::DeleteProvider);
    }
    changes
}

fn create_role(changes: &mut Vec<Change>, desired: &RoleState) {
    changes.push(Change::CreateRole {
        description: desired.description.clone(),
        trust_policy: desired.trust_policy.clone(),
        session_seconds: desired.session_seconds,
        boundary: desired.boundary.clone(),
    });
    changes.extend(desired.attached.iter().cloned().map(Change::Attach));
    changes.extend(desired.inline.iter().map(put_inline));
}

fn change_role(changes: &mut Vec<Change>, desired: &RoleState, actual: &RoleState) {
    if desired.trust_policy != actual.trust_policy {
        changes.push(Change::UpdateTrustPolicy(desired.trust_policy.clone()));
    }
    if desired.description != actual.description || desired.session_seconds != actual.session_seconds {
        changes.push(Change::UpdateRole {
            description: desired.description.clone(),
            session_seconds: desired.session_seconds,
        });
    }
    if desired.boundary != actual.boundary {
        changes.push(desired.boundary.clone().map_or(Change::DeleteBoundary, Change::PutBoundary));
    }
    changes.extend(actual.attached.difference(&desired.attached).cloned().map(Change::Detach));
    let is_surplus = |name: &&String| !desired.inline.contains_key(*name);
    changes.extend(actual.inline.keys().filter(is_surplus).cloned().map(Change::DeleteInline));
    changes.extend(desired.attached.difference(&actual.attached).cloned().map(Change::Attach));
    let differs = |(name, document): &(&String, &String)| actual.inline.get(*name) != Some(*document);
    changes.extend(desired.inline.iter().filter(differs).map(put_inline));
}

fn delete_role(changes: &mut Vec<Change>, actual: &RoleState) {
    changes.extend(actual.attached.iter().cloned().map(Change::Detach));
    changes.extend(actual.inline.keys().cloned().map(Change::DeleteInline));
    changes.push(Change::DeleteRole);
}

fn put_inline((name, document): (&String, &String)) -> Change {
    Change::PutInline { name: name.clone(), document: document.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Random;

    /// IAM's rules, as far as they concern the order of calls.
    fn apply(actual: &mut Actual, change: Change) {
        match change {
            Change::CreateProvider(metadata) => assert_eq!(actual.provider.replace(metadata), None),
            Change::UpdateProvider(metadata) => assert!(actual.provider.replace(metadata).is_some()),
            Change::DeleteProvider => assert!(actual.role.is_none() && actual.provider.take().is_some()),
            Change::CreateRole { description, trust_policy, session_seconds, boundary } => {
                assert!(actual.provider.is_some() && actual.role.is_none());
                let (attached, inline) = (BTreeSet::new(), BTreeMap::new());
                actual.role =
                    Some(RoleState { description, trust_policy, session_seconds, boundary, attached, inline });
            }
            Change::DeleteRole => {
                let role = actual.role.take().expect("a role");
                assert!(role.attached.is_empty() && role.inline.is_empty());
            }
            other => apply_to_role(actual.role.as_mut().expect("a role"), other),
        }
    }

    fn apply_to_role(role: &mut RoleState, change: Change) {
        match change {
            Change::UpdateRole { description, session_seconds } => {
                (role.description, role.session_seconds) = (description, session_seconds);
            }
            Change::UpdateTrustPolicy(text) => role.trust_policy = text,
            Change::PutBoundary(arn) => role.boundary = Some(arn),
            Change::DeleteBoundary => assert!(role.boundary.take().is_some()),
            Change::Detach(arn) => assert!(role.attached.remove(&arn)),
            Change::DeleteInline(name) => assert!(role.inline.remove(&name).is_some()),
            Change::Attach(arn) => assert!(role.attached.insert(arn) && role.attached.len() <= 4),
            Change::PutInline { name, document } => drop(role.inline.insert(name, document)),
            other => panic!("{other:?} is no change of a role"),
        }
    }

    fn role(random: &mut Random) -> RoleState {
        let mut pick = |of: u32| random.below(of);
        RoleState {
            description: pick(2).to_string(),
            trust_policy: pick(2).to_string(),
            session_seconds: i64::from(pick(2)),
            boundary: Some(pick(2).to_string()).filter(|_| pick(2) == 0),
            attached: (0..pick(5)).map(|_| pick(6).to_string()).collect(),
            inline: (0..pick(3)).map(|_| (pick(3).to_string(), pick(2).to_string())).collect(),
        }
    }

    fn actual(random: &mut Random) -> Actual {
        let provider = Some(random.below(2).to_string()).filter(|_| random.below(3) > 0);
        Actual { provider, role: Some(role(random)).filter(|_| random.below(3) > 0) }
    }

    fn desired(random: &mut Random) -> Desired {
        if random.below(3) > 0 {
            let provider = DesiredProvider::Present(random.below(2).to_string());
            return Desired { provider, role: Some(role(random)) };
        }
        let provider = if random.below(2) == 0 { DesiredProvider::Any } else { DesiredProvider::Absent };
        Desired { provider, role: None }
    }

    #[test]
    fn a_plan_leads_from_whatever_is_there_to_what_should_be_and_no_further() {
        let random = &mut Random::from_seed(4);
        for _ in 0..5_000 {
            let (desired, before) = (desired(random), actual(random));
            let mut after = before.clone();
            for change in plan(&desired, &before) {
                apply(&mut after, change);
            }
            assert_eq!(after.role, desired.role);
            match &desired.provider {
                DesiredProvider::Present(metadata) => assert_eq!(after.provider.as_ref(), Some(metadata)),
                DesiredProvider::Any => assert_eq!(after.provider, before.provider),
                DesiredProvider::Absent => assert_eq!(after.provider, None),
            }
            assert_eq!(plan(&desired, &after), Vec::new());
        }
    }

    #[test]
    fn only_what_differs_is_written() {
        let random = &mut Random::from_seed(5);
        let mut there = Actual { provider: Some("m".to_owned()), role: Some(role(random)) };
        let desired = Desired { provider: DesiredProvider::Present("m".to_owned()), role: there.role.clone() };
        there.role.as_mut().expect("a role").attached.insert("surplus".to_owned());
        assert_eq!(plan(&desired, &there), [Change::Detach("surplus".to_owned())]);
    }
}
