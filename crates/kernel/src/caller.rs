//! Who calls: the verified principal and, for temporary credentials, its session.

use base::{
    AccessKeyId, AccountId, Arn, IdentityStoreId, IdentityUserId, InstanceId, PermissionSetId, RoleId, Timestamp,
    UserId,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A verified caller.
#[derive(Debug, Clone, Hash)]
pub enum Caller {
    /// A principal of an account.
    Principal(PrincipalCaller),
    /// An AWS service acting for itself (`sso.amazonaws.com`); it holds no power of its own.
    Service(String),
    /// Somebody for whom an identity provider vouches and who has no session yet: the caller of AssumeRoleWithSAML
    /// and AssumeRoleWithWebIdentity once his proof was verified. Only a trust policy can allow him something.
    Federated {
        /// ARN of the provider, or the domain of one that AWS itself knows.
        provider: String,
        /// What the provider says, as single-valued condition keys (`saml:sub`, `<issuer>:aud`).
        context: BTreeMap<String, String>,
    },
    /// Somebody who signed in through IAM Identity Center and acts with the access token of the portal. No policy speaks
    /// of such a caller: only what was assigned to it counts.
    Person(Person),
    /// Nobody: the operations that carry their own proof (SAML, OpenID Connect) or need none.
    Anonymous,
}

/// A user of an identity store, with a session of the portal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Person {
    /// The account that owns the instance of Identity Center.
    pub owner: AccountId,
    /// The identity store.
    pub store: IdentityStoreId,
    /// The user.
    pub user: IdentityUserId,
    /// The name by which the user signs in.
    pub user_name: String,
}

/// A principal of an account, with the credential that it used.
#[derive(Debug, Clone, Hash)]
pub struct PrincipalCaller {
    /// The account that the principal belongs to.
    pub account: AccountId,
    /// The principal.
    pub principal: Principal,
    /// The key that signed the request; `None` for work that the product does itself.
    pub access_key_id: Option<AccessKeyId>,
    /// The session, when the credentials are temporary.
    pub session: Option<Arc<Session>>,
    /// The service on whose behalf a service-linked role acts, when the product itself does the work.
    pub invoked_by: Option<String>,
}

/// The kinds of principals of an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal {
    /// The account's root user.
    Root,
    /// An IAM user (also through GetSessionToken).
    User(UserIdentity),
    /// A session of a role.
    Role(RoleIdentity),
    /// A session of GetFederationToken.
    FederatedUser {
        /// Name that the issuer gave.
        name: String,
        /// The IAM user that issued it; `None`: the root user did.
        issuer: Option<UserIdentity>,
    },
}

/// An IAM user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserIdentity {
    /// Unique id.
    pub id: UserId,
    /// Name.
    pub name: String,
    /// Path, with both slashes.
    pub path: String,
}

/// A session of a role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleIdentity {
    /// Unique id of the role.
    pub id: RoleId,
    /// Name of the role.
    pub name: String,
    /// Path of the role, with both slashes.
    pub path: String,
    /// Name of the session.
    pub session_name: String,
}

/// What temporary credentials carry besides the principal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Session {
    /// When the credentials were issued.
    pub issued_at: Timestamp,
    /// When they end.
    pub expires_at: Timestamp,
    /// When a second factor was given, if one was.
    pub mfa_at: Option<Timestamp>,
    /// Set once for a whole chain of roles.
    pub source_identity: Option<String>,
    /// Session tags.
    pub tags: BTreeMap<String, String>,
    /// Keys of those tags that the next role in the chain inherits.
    pub transitive_tag_keys: Vec<String>,
    /// Inline session policy, if any.
    pub policy: Option<String>,
    /// Managed session policies.
    pub policy_arns: Vec<String>,
    /// ARN or name of the identity provider that vouched for the session.
    pub federated_provider: Option<String>,
    /// Whether the credentials came from other temporary credentials (role chaining).
    pub is_chained: bool,
    /// Whether the credentials came from GetSessionToken.
    pub is_session_token: bool,
    /// Context keys that stay with the session (`saml:…`, `<provider>:sub`).
    pub context: BTreeMap<String, String>,
    /// The assignment in Identity Center that the credentials come from. They end with it.
    pub sign_in: Option<Arc<SignIn>>,
}

/// On what credentials rest that Identity Center gave out: they are good while the person's session was not ended, the
/// user may sign in, and the permission set is assigned to the user in the account of the first role of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SignIn {
    /// The person's session.
    pub session_id: String,
    /// When that session was last known to go on: what ends it by itself later does not end the credentials.
    pub at: Timestamp,
    /// The instance.
    pub instance: InstanceId,
    /// The user.
    pub user: IdentityUserId,
    /// The account in which the permission set is assigned.
    pub account: AccountId,
    /// The permission set.
    pub permission_set: PermissionSetId,
}

impl Caller {
    /// The root user of `account`, at work for the product itself.
    pub fn root_of(account: &AccountId) -> Self {
        Self::Principal(PrincipalCaller {
            account: account.clone(),
            principal: Principal::Root,
            access_key_id: None,
            session: None,
            invoked_by: None,
        })
    }

    /// The account of the caller, when it has one.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Principal(caller) => Some(&caller.account),
            Self::Person(person) => Some(&person.owner),
            Self::Service(_) | Self::Federated { .. } | Self::Anonymous => None,
        }
    }

    /// The caller's ARN, or what stands in its place in messages.
    pub fn arn(&self) -> String {
        match self {
            Self::Principal(caller) => caller.arn(),
            Self::Service(name) => name.clone(),
            Self::Federated { provider, .. } => provider.clone(),
            Self::Person(person) => format!("arn:aws:identitystore:::user/{}", person.user),
            Self::Anonymous => "anonymous".to_owned(),
        }
    }
}

impl PrincipalCaller {
    /// The ARN under which messages and `GetCallerIdentity` name the principal.
    pub fn arn(&self) -> String {
        self.principal.arn(&self.account)
    }

    /// `aws:userid`.
    pub fn user_id(&self) -> String {
        match &self.principal {
            Principal::Root => self.account.to_string(),
            Principal::User(user) => user.id.to_string(),
            Principal::Role(role) => format!("{}:{}", role.id, role.session_name),
            Principal::FederatedUser { name, .. } => format!("{}:{name}", self.account),
        }
    }

    /// Whether the caller is a session of a service-linked role.
    pub fn is_service_linked(&self) -> bool {
        matches!(&self.principal, Principal::Role(role) if role.path.starts_with("/aws-service-role/"))
    }
}

impl Principal {
    /// The principal's ARN in `account`.
    pub fn arn(&self, account: &AccountId) -> String {
        match self {
            Self::Root => format!("arn:aws:iam::{account}:root"),
            Self::User(user) => format!("arn:aws:iam::{account}:user{}{}", user.path, user.name),
            Self::Role(role) => format!("arn:aws:sts::{account}:assumed-role/{}/{}", role.name, role.session_name),
            Self::FederatedUser { name, .. } => format!("arn:aws:sts::{account}:federated-user/{name}"),
        }
    }

    /// The ARN of the role behind a role session, with its path.
    pub fn role_arn(&self, account: &AccountId) -> Option<Arn> {
        match self {
            Self::Role(role) => Some(Arn::new("iam", "", account.as_str(), &format!("role{}{}", role.path, role.name))),
            _ => None,
        }
    }
}
