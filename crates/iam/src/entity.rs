//! Users, groups and roles as the holders of policies.

use crate::access::permission;
use crate::{group, messages, role, tag, user};
use base::{AccountId, Arn};
use kernel::scope::Scope;
use kernel::{Cx, Permission, Result, Tx, WriteCx};
use smithy::schema::Operation;

/// Kinds of entities that hold policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntityKind {
    /// A user.
    User,
    /// A group.
    Group,
    /// A role.
    Role,
}

impl EntityKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::User, Self::Group, Self::Role];

    /// The kind in rows, ARNs and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Role => "role",
        }
    }

    /// Quota of attached managed policies, by its name and its value.
    pub fn attachments_quota(self) -> (&'static str, i64) {
        match self {
            Self::User => ("PoliciesPerUser", 10),
            Self::Group => ("PoliciesPerGroup", 10),
            Self::Role => ("PoliciesPerRole", 10),
        }
    }

    /// Most characters of all inline policies together, white space not counted.
    pub fn inline_characters_max(self) -> usize {
        match self {
            Self::User => 2_048,
            Self::Group => 5_120,
            Self::Role => 10_240,
        }
    }

    /// `NoSuchEntity` for an entity of this kind.
    pub fn missing(self, name: &str) -> kernel::Error {
        match self {
            Self::User => messages::no_user(name).into(),
            Self::Group => messages::no_group(name).into(),
            Self::Role => messages::no_role(name).into(),
        }
    }
}

/// A user, group or role, as far as policies concern it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// Its kind.
    pub kind: EntityKind,
    /// Its unique id.
    pub id: String,
    /// Its account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Its path, with both slashes.
    pub path: String,
    /// ARN of its permissions boundary.
    pub boundary_arn: Option<String>,
}

impl Entity {
    /// The entity's ARN.
    pub fn arn(&self) -> Arn {
        Arn::new("iam", "", self.account.as_str(), &format!("{}{}{}", self.kind.as_str(), self.path, self.name))
    }
}

impl From<user::User> for Entity {
    fn from(user: user::User) -> Self {
        Self {
            kind: EntityKind::User,
            id: user.id.to_string(),
            account: user.account,
            name: user.name,
            path: user.path,
            boundary_arn: user.boundary_arn,
        }
    }
}

impl From<group::Group> for Entity {
    fn from(group: group::Group) -> Self {
        Self {
            kind: EntityKind::Group,
            id: group.id.to_string(),
            account: group.account,
            name: group.name,
            path: group.path,
            boundary_arn: None,
        }
    }
}

impl From<role::Role> for Entity {
    fn from(role: role::Role) -> Self {
        Self {
            kind: EntityKind::Role,
            id: role.id.to_string(),
            account: role.account,
            name: role.name,
            path: role.path,
            boundary_arn: role.boundary_arn,
        }
    }
}

/// The entity of that kind and name, whatever the name's case.
///
/// # Errors
/// When the database fails.
pub fn find(tx: &mut Tx, kind: EntityKind, account: &AccountId, name: &str) -> Result<Option<Entity>> {
    Ok(match kind {
        EntityKind::User => user::find(tx, account, name)?.map(Entity::from),
        EntityKind::Group => group::find(tx, account, name)?.map(Entity::from),
        EntityKind::Role => role::find(tx, account, name)?.map(Entity::from),
    })
}

/// The caller's entity of that kind and name.
///
/// # Errors
/// `NoSuchEntity`.
pub(crate) fn existing(cx: &mut Cx<'_>, kind: EntityKind, name: &str) -> Result<Entity> {
    let account = cx.account()?;
    find(cx.tx, kind, &account, name)?.ok_or_else(|| kind.missing(name))
}

/// The caller's entity of that kind and name, about to get other policies.
///
/// # Errors
/// `NoSuchEntity`; `UnmodifiableEntity` for protected roles.
pub(crate) fn to_be_changed(cx: &mut WriteCx<'_>, kind: EntityKind, name: &str) -> Result<Entity> {
    let account = cx.account()?;
    let entity = match kind {
        EntityKind::Role => {
            let role = role::find(cx.tx, &account, name)?.ok_or_else(|| messages::no_role(name))?;
            role::guard_modifiable(cx, &role)?;
            role.into()
        }
        _ => existing(cx, kind, name)?,
    };
    cx.touch(Scope::account(&account));
    Ok(entity)
}

/// The permission `iam:<operation>` on the named entity with its tags, and the entity if there is one. For an entity
/// that does not exist the ARN is made of the name: whoever may not see it learns nothing about it.
pub(crate) fn permission_on<O: Operation>(
    cx: &mut Cx<'_>,
    kind: EntityKind,
    name: &str,
) -> Result<(Permission, Option<Entity>)> {
    let account = cx.account()?;
    let Some(entity) = find(cx.tx, kind, &account, name)? else {
        return Ok((permission::<O>(format!("arn:aws:iam::{account}:{}/{name}", kind.as_str())), None));
    };
    let permission = permission::<O>(entity.arn().as_str());
    let permission = match kind {
        EntityKind::Group => permission,
        EntityKind::User | EntityKind::Role => tag::with_resource_tags(permission, cx.tx, &entity.id)?,
    };
    Ok((permission, Some(entity)))
}

/// `permission` with the condition key of the permissions boundary that the entity has.
pub(crate) fn with_boundary(permission: Permission, entity: Option<&Entity>) -> Permission {
    match entity.and_then(|entity| entity.boundary_arn.as_ref()) {
        Some(arn) => permission.with("iam:PermissionsBoundary", arn),
        None => permission,
    }
}
