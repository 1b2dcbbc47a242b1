//! `PolicyExclusionList`: policies that a simulation leaves out.

use super::AccountGuardrails;
use super::input::invalid;
use super::source::{Held, Origin, is_aws};
use crate::entity::EntityKind;
use base::Arn;
use kernel::Result;
use model::iam::{AttachmentType, PolicyIdentifier, PolicyIdentifierPolicyType};

/// Policies that are left out.
#[derive(Default)]
pub(super) struct Exclusions {
    types: Vec<PolicyIdentifierPolicyType>,
    /// ARNs with at most one `*` and any number of `?` in the policy's name.
    arns: Vec<String>,
    inline: Vec<Inline>,
}

struct Inline {
    name: String,
    kind: EntityKind,
    entity: String,
}

impl Exclusions {
    /// Reads the list.
    ///
    /// # Errors
    /// `InvalidInput` for an entry that names nothing, or has wildcards where none may stand.
    pub(super) fn parse(list: &[PolicyIdentifier]) -> Result<Self> {
        let mut exclusions = Self::default();
        for entry in list {
            match (entry.policy_type, &entry.policy_arn, &entry.inline_policy_identifier) {
                (Some(kind), None, None) => exclusions.types.push(kind),
                (None, Some(arn), None) => exclusions.arns.push(checked_arn(arn)?),
                (None, None, Some(inline)) => exclusions.inline.push(Inline {
                    name: checked_name(&inline.policy_name)?,
                    kind: entity_kind(inline.attachment_type),
                    entity: checked_name(&inline.attachment_name)?,
                }),
                _ => {
                    let text = "Each entry of PolicyExclusionList must have exactly one of PolicyType, PolicyArn and \
                                InlinePolicyIdentifier.";
                    return Err(invalid(text));
                }
            }
        }
        Ok(exclusions)
    }

    /// Whether a policy of the principal is left out.
    pub(super) fn covers(&self, held: &Held) -> bool {
        match &held.origin {
            Origin::Inline { kind, entity, name } => {
                let is_meant = |it: &Inline| it.kind == *kind && matches(&it.entity, entity) && matches(&it.name, name);
                self.types.contains(&PolicyIdentifierPolicyType::Inline) || self.inline.iter().any(is_meant)
            }
            Origin::Managed { arn } => {
                let aws = PolicyIdentifierPolicyType::AwsManaged;
                let kind = if is_aws(arn) { aws } else { PolicyIdentifierPolicyType::UserManaged };
                self.types.contains(&kind) || self.cover_arn(arn)
            }
        }
    }

    /// Whether the permissions boundary with that ARN is left out.
    pub(super) fn cover_boundary(&self, arn: &str) -> bool {
        self.types.contains(&PolicyIdentifierPolicyType::PermissionBoundary) || self.cover_arn(arn)
    }

    /// What is left of an account's guardrails. A level without policies allows nothing, as anywhere.
    pub(super) fn apply(&self, mut guardrails: AccountGuardrails) -> AccountGuardrails {
        if self.types.contains(&PolicyIdentifierPolicyType::Scp) {
            guardrails.service_control = None;
        }
        for level in guardrails.service_control.iter_mut().flatten() {
            level.policies.retain(|policy| !policy.source().arn.as_ref().is_some_and(|arn| self.cover_arn(arn)));
        }
        guardrails
    }

    fn cover_arn(&self, arn: &str) -> bool {
        self.arns.iter().any(|pattern| matches(pattern, arn))
    }
}

fn entity_kind(kind: AttachmentType) -> EntityKind {
    match kind {
        AttachmentType::User => EntityKind::User,
        AttachmentType::Group => EntityKind::Group,
        AttachmentType::Role => EntityKind::Role,
    }
}

/// Wildcards stand in the name of a policy only: the part behind the last slash.
fn checked_arn(arn: &str) -> Result<String> {
    let parsed = Arn::parse(arn).filter(|arn| matches!(arn.service(), "iam" | "organizations"));
    let malformed = || invalid(format!("Invalid Policy Arn: {arn} in PolicyExclusionList."));
    let (before, name) = parsed.as_ref().and_then(|arn| arn.as_str().rsplit_once('/')).ok_or_else(malformed)?;
    if before.contains(['*', '?']) || name.is_empty() {
        return Err(malformed());
    }
    checked_name(name).map(|_| arn.to_owned())
}

fn checked_name(name: &str) -> Result<String> {
    if name.is_empty() || name.matches('*').count() > 1 {
        return Err(invalid(format!("Invalid name: {name} in PolicyExclusionList can have one \"*\" at most.")));
    }
    Ok(name.to_owned())
}

/// Whether `pattern`, with at most one `*` and any number of `?`, covers all of `text`.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let same = |(a, b): (&char, &char)| *a == '?' || a == b;
    match pattern.iter().position(|c| *c == '*') {
        None => pattern.len() == text.len() && pattern.iter().zip(&text).all(same),
        Some(at) => {
            let (head, tail) = (&pattern[..at], &pattern[at + 1..]);
            head.len() + tail.len() <= text.len()
                && head.iter().zip(&text).all(same)
                && tail.iter().rev().zip(text.iter().rev()).all(same)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_covers_any_run_and_a_question_mark_one_character() {
        let cases = [
            ("Read*", "ReadOnly", true),
            ("*Only", "ReadOnly", true),
            ("R??d*y", "ReadOnly", true),
            ("Read", "ReadOnly", false),
            ("ReadOnly*Only", "ReadOnly", false),
            ("*", "", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
