//! The identity-based policies of a user, group or role, with where each comes from.

use crate::entity::{Entity, EntityKind};
use crate::principal::{compiled, managed_or_deny_all};
use crate::{attachment, group, inline_policy, user};
use kernel::{Result, Tx};
use model::iam::PolicySourceType;
use policy::{CompiledPolicy, PolicyKind, PolicySource};
use std::sync::Arc;

/// How a principal has a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Inside the entity.
    Inline { kind: EntityKind, entity: String, name: String },
    /// Attached to it.
    Managed { arn: String },
}

/// A policy that a principal has.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) origin: Origin,
    pub(crate) policy: Arc<CompiledPolicy>,
}

impl Held {
    /// The kind of source in the model's terms.
    pub(crate) fn source_type(&self) -> PolicySourceType {
        match &self.origin {
            Origin::Inline { kind: EntityKind::User, .. } => PolicySourceType::User,
            Origin::Inline { kind: EntityKind::Group, .. } => PolicySourceType::Group,
            Origin::Inline { kind: EntityKind::Role, .. } => PolicySourceType::Role,
            Origin::Managed { arn } if is_aws(arn) => PolicySourceType::AwsManaged,
            Origin::Managed { .. } => PolicySourceType::UserManaged,
        }
    }
}

/// Whether AWS maintains the policy.
pub(crate) fn is_aws(arn: &str) -> bool {
    arn.starts_with("arn:aws:iam::aws:")
}

/// The entity's own policies, inline ones first, and of a user those of its groups.
///
/// # Errors
/// When the database fails.
pub(crate) fn identity_policies(tx: &mut Tx, entity: &Entity) -> Result<Vec<Held>> {
    let mut held = own(tx, entity.kind, &entity.id, &entity.name)?;
    if entity.kind == EntityKind::User
        && let Some(user) = user::find(tx, &entity.account, &entity.name)?
    {
        for group in group::of_user(tx, &user.id)? {
            held.extend(own(tx, EntityKind::Group, group.id.as_str(), &group.name)?);
        }
    }
    Ok(held)
}

fn own(tx: &mut Tx, kind: EntityKind, id: &str, entity: &str) -> Result<Vec<Held>> {
    let mut held = Vec::new();
    for inline in inline_policy::of(tx, id)? {
        // How AWS names an inline policy in the answers of a simulation.
        let shown = format!("{}_{entity}_{}", kind.as_str(), inline.name);
        let policy = compiled(&inline.document, PolicyKind::Identity, PolicySource::named(shown));
        held.push(Held { origin: Origin::Inline { kind, entity: entity.to_owned(), name: inline.name }, policy });
    }
    for arn in attachment::attached(tx, id)? {
        let policy = managed_or_deny_all(tx, &arn)?;
        held.push(Held { origin: Origin::Managed { arn }, policy });
    }
    Ok(held)
}
