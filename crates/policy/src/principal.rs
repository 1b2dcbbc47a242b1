//! `Principal` and `NotPrincipal`.

use crate::compile::PinnedIds;
use crate::document::{Element, PolicyKind, Principal, PrincipalType};
use crate::pattern::Resource;
use crate::request::{Caller, Identity};
use std::fmt;

/// How directly resource-based policies name a caller: decides which other policies are still asked.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Grants(u8);

impl Grants {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// By account: delegates to the policies of the account.
    pub const ACCOUNT: Self = Self(1);
    /// By the role of a session, or the issuer of a federated session.
    pub const ENTITY: Self = Self(2);
    /// By the very user, session or service.
    pub const DIRECT: Self = Self(4);
    /// By `*`.
    pub const WILDCARD: Self = Self(8);

    const NAMES: [(Self, &'static str); 4] =
        [(Self::ACCOUNT, "account"), (Self::ENTITY, "entity"), (Self::DIRECT, "direct"), (Self::WILDCARD, "wildcard")];

    /// Both together.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is something in common.
    pub fn any_of(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The levels in words.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(level, _)| self.any_of(*level)).map(|(_, name)| name)
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// One principal, compiled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Everybody,
    /// Of any partition if written as twelve digits.
    Account {
        partition: Option<Box<str>>,
        account: Box<str>,
    },
    /// A user, session or federated user, by its whole ARN.
    Arn(Box<str>),
    /// Names of roles are unique within an account, so the path (which session ARNs lack) is not compared.
    Role {
        partition: Box<str>,
        account: Box<str>,
        name: Box<str>,
    },
    UniqueId(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
    CanonicalUser(Box<str>),
}

impl Named {
    fn new(principal: &Principal, pins: &PinnedIds<'_>) -> Self {
        let value = principal.value.as_str();
        match principal.principal_type {
            PrincipalType::Service => Self::Service(value.into()),
            PrincipalType::Federated => Self::Federated(value.into()),
            PrincipalType::CanonicalUser => Self::CanonicalUser(value.into()),
            PrincipalType::Aws => match pins(value) {
                Some(id) => Self::UniqueId(id.into()),
                None => Self::aws(value),
            },
        }
    }

    fn aws(value: &str) -> Self {
        if value == "*" {
            return Self::Everybody;
        }
        if value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::Account { partition: None, account: value.into() };
        }
        let Some((service, account, name)) = Resource::new(value).service_account_resource() else {
            return Self::UniqueId(value.into());
        };
        let partition: Box<str> = value.split(':').nth(1).unwrap_or_default().into();
        match (service, name) {
            ("iam", "root") => Self::Account { partition: Some(partition), account: account.into() },
            ("iam", role) if role.starts_with("role/") => {
                let name = role.rsplit('/').next().unwrap_or_default();
                Self::Role { partition, account: account.into(), name: name.into() }
            }
            _ => Self::Arn(value.into()),
        }
    }

    /// How this principal names the caller.
    fn grants(&self, caller: &Caller) -> Grants {
        let yes = |matched, level| if matched { level } else { Grants::NONE };
        match self {
            Self::Everybody => Grants::WILDCARD,
            Self::Account { .. } => yes(self.is_account_of(caller), Grants::ACCOUNT),
            Self::CanonicalUser(id) => yes(caller.canonical_user_id.as_ref() == Some(id), Grants::ACCOUNT),
            Self::Arn(arn) => match &caller.identity {
                Identity::User { .. } => yes(caller.name == *arn, Grants::DIRECT),
                Identity::Role { .. } => yes(caller.name == *arn, Grants::DIRECT),
                Identity::FederatedUser { issuer } => {
                    let by_issuer = issuer.as_ref().is_some_and(|issuer| issuer.arn == **arn);
                    yes(caller.name == *arn, Grants::DIRECT).with(yes(by_issuer, Grants::ENTITY))
                }
                _ => Grants::NONE,
            },
            Self::Role { .. } => yes(self.is_role_of(caller), Grants::ENTITY),
            Self::UniqueId(id) => match &caller.identity {
                Identity::User { unique_id } => yes(unique_id.as_ref() == Some(id), Grants::DIRECT),
                Identity::Role { unique_id, .. } => yes(unique_id.as_ref() == Some(id), Grants::ENTITY),
                Identity::FederatedUser { issuer } => {
                    let issuer_id = issuer.as_ref().and_then(|issuer| issuer.unique_id.as_deref());
                    yes(issuer_id == Some(&**id), Grants::ENTITY)
                }
                _ => Grants::NONE,
            },
            Self::Service(name) => yes(caller.identity == Identity::Service && caller.name == *name, Grants::DIRECT),
            Self::Federated(name) => yes(caller.identity == Identity::Provider && caller.name == *name, Grants::DIRECT),
        }
    }

    fn is_account_of(&self, caller: &Caller) -> bool {
        match self {
            Self::Account { partition, account } => {
                caller.account.as_ref() == Some(account)
                    && partition.as_ref().is_none_or(|partition| *partition == caller.partition)
            }
            _ => false,
        }
    }

    fn is_role_of(&self, caller: &Caller) -> bool {
        match (self, &caller.identity) {
            (Self::Role { partition, account, name }, Identity::Role { name: own, .. }) => {
                own == name && caller.account.as_ref() == Some(account) && *partition == caller.partition
            }
            _ => false,
        }
    }
}

/// The principal part of a statement.
#[derive(Debug)]
pub(crate) enum PrincipalTest {
    /// The policy is the principal's own: no principal part.
    Own,
    /// Listed.
    Listed(Box<[Named]>),
    /// Everybody but the listed.
    NotListed(Box<[Named]>),
}

impl PrincipalTest {
    pub(crate) fn new(element: Option<&Element<Principal>>, kind: PolicyKind, pins: &PinnedIds<'_>) -> Self {
        if !kind.has_principals() {
            return Self::Own;
        }
        let Some(element) = element else {
            // RCPs can only name everybody; elsewhere a statement without principals reaches nobody.
            let everybody = (kind == PolicyKind::ResourceControl).then_some(Named::Everybody);
            return Self::Listed(everybody.into_iter().collect());
        };
        let named = element.values.iter().map(|principal| Named::new(principal, pins)).collect();
        if element.negated { Self::NotListed(named) } else { Self::Listed(named) }
    }

    /// How an Allow reaches the caller.
    pub(crate) fn grants(&self, caller: &Caller) -> Grants {
        match self {
            Self::Own => Grants::DIRECT,
            Self::Listed(named) => named.iter().fold(Grants::NONE, |grants, named| grants.with(named.grants(caller))),
            Self::NotListed(named) => {
                let listed = named.iter().any(|named| named.grants(caller) != Grants::NONE);
                if listed { Grants::NONE } else { Grants::WILDCARD }
            }
        }
    }

    /// Whether a Deny reaches the caller. From Deny with NotPrincipal only callers are exempt whose every level
    /// (user and account; session, role and account) is listed, and never those with a permissions boundary.
    pub(crate) fn denies(&self, caller: &Caller, has_boundary: bool) -> bool {
        match self {
            Self::Own => true,
            Self::Listed(_) => self.grants(caller) != Grants::NONE,
            Self::NotListed(named) => (has_boundary && caller.has_account_identity()) || !chain_listed(named, caller),
        }
    }
}

fn chain_listed(named: &[Named], caller: &Caller) -> bool {
    let grants = named.iter().fold(Grants::NONE, |grants, named| grants.with(named.grants(caller)));
    if grants.any_of(Grants::WILDCARD) {
        return true;
    }
    let (direct, entity, account) =
        (grants.any_of(Grants::DIRECT), grants.any_of(Grants::ENTITY), grants.any_of(Grants::ACCOUNT));
    match &caller.identity {
        Identity::Root => account,
        Identity::User { .. } => direct && account,
        Identity::Role { .. } => entity && account && (direct || !caller.name.contains(":assumed-role/")),
        Identity::FederatedUser { issuer } => direct && account && (entity || issuer.is_none()),
        Identity::Service | Identity::Provider => direct,
        Identity::Anonymous => false,
    }
}
