//! What is asked: who wants to do what on which resource, under which policies.

use crate::compile::CompiledPolicy;
use crate::context::{Keys, folded_hash};
pub use crate::pattern::Resource;
use std::sync::Arc;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    Root,
    User {
        unique_id: Option<Box<str>>,
    },
    /// A session of a role, or the role itself where a decision is simulated for it.
    Role {
        name: Box<str>,
        unique_id: Option<Box<str>>,
    },
    FederatedUser {
        issuer: Option<Issuer>,
    },
    Service,
    Provider,
    Anonymous,
}

/// The IAM user that asked for a federated session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// Its ARN.
    pub arn: String,
    /// Its unique id (`AIDA…`).
    pub unique_id: Option<String>,
}

/// The caller with every identity that policies can name it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub(crate) identity: Identity,
    /// ARN, service name, provider, or nothing.
    pub(crate) name: Box<str>,
    pub(crate) partition: Box<str>,
    pub(crate) account: Option<Box<str>>,
    pub(crate) canonical_user_id: Option<Box<str>>,
}

impl Caller {
    fn from_parts(identity: Identity, arn: &str) -> Self {
        let mut parts = arn.split(':');
        let partition = parts.nth(1).unwrap_or_default().into();
        let account = parts.nth(2).filter(|account| !account.is_empty()).map(Into::into);
        Self { identity, name: arn.into(), partition, account, canonical_user_id: None }
    }

    fn without_account(identity: Identity, name: &str) -> Self {
        Self { identity, name: name.into(), partition: "".into(), account: None, canonical_user_id: None }
    }

    /// The root user of an account, by `arn:aws:iam::<account>:root`; also sessions of AssumeRoot.
    pub fn root(arn: &str) -> Self {
        Self::from_parts(Identity::Root, arn)
    }

    /// An IAM user, with its unique id (`AIDA…`) where known. Sessions of GetSessionToken are the user itself.
    pub fn user(arn: &str, unique_id: Option<&str>) -> Self {
        Self::from_parts(Identity::User { unique_id: unique_id.map(Into::into) }, arn)
    }

    /// A session of a role by its `assumed-role` ARN, with the unique id of the role (`AROA…`) where known.
    pub fn role_session(session_arn: &str, role_unique_id: Option<&str>) -> Self {
        let name = session_arn.split('/').nth(1).unwrap_or_default().into();
        Self::from_parts(Identity::Role { name, unique_id: role_unique_id.map(Into::into) }, session_arn)
    }

    /// A role without a session, as `SimulatePrincipalPolicy` takes it.
    pub fn role(arn: &str, unique_id: Option<&str>) -> Self {
        let name = arn.rsplit('/').next().unwrap_or_default().into();
        Self::from_parts(Identity::Role { name, unique_id: unique_id.map(Into::into) }, arn)
    }

    /// A session of GetFederationToken, with the user that asked for it where known.
    pub fn federated_user(arn: &str, issuer: Option<Issuer>) -> Self {
        Self::from_parts(Identity::FederatedUser { issuer }, arn)
    }

    /// A service principal such as `ec2.amazonaws.com`.
    pub fn service(name: &str) -> Self {
        Self::without_account(Identity::Service, name)
    }

    /// A caller of AssumeRoleWithSAML or AssumeRoleWithWebIdentity, by the ARN or domain of its provider.
    pub fn provider(name: &str) -> Self {
        Self::without_account(Identity::Provider, name)
    }

    /// A caller without credentials.
    pub fn anonymous() -> Self {
        Self::without_account(Identity::Anonymous, "anonymous")
    }

    /// The caller that an ARN of IAM or STS names; `None` for other texts. Ids are not known then.
    pub fn from_arn(arn: &str) -> Option<Self> {
        let (service, _, name) = Resource::new(arn).service_account_resource()?;
        let (kind, rest) = name.split_once('/').unwrap_or((name, ""));
        match (service, kind) {
            ("iam", "root") if rest.is_empty() => Some(Self::root(arn)),
            ("iam", "user") => Some(Self::user(arn, None)),
            ("iam", "role") => Some(Self::role(arn, None)),
            ("iam", "saml-provider" | "oidc-provider") => Some(Self::provider(arn)),
            ("sts", "assumed-role") => Some(Self::role_session(arn, None)),
            ("sts", "federated-user") => Some(Self::federated_user(arn, None)),
            _ => None,
        }
    }

    /// The same caller, with the S3 canonical user id of its account.
    pub fn with_canonical_user_id(mut self, id: &str) -> Self {
        self.canonical_user_id = Some(id.into());
        self
    }

    /// The ARN or name for messages; `anonymous` for nobody.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account; none for services, providers and anonymous callers.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Whether the caller has policies of its own: root, users, roles and federated sessions.
    pub(crate) fn has_account_identity(&self) -> bool {
        !matches!(self.identity, Identity::Service | Identity::Provider | Identity::Anonymous)
    }
}

/// An action such as `s3:GetObject`, prepared once for many requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    text: Box<str>,
    folded: Box<str>,
    colon: usize,
    pub(crate) service_hash: u64,
}

impl Action {
    /// Prepares an action.
    pub fn new(text: &str) -> Self {
        let folded: Box<str> = text.to_lowercase().into();
        let colon = folded.find(':').unwrap_or(folded.len());
        let service_hash = folded_hash(&folded[..colon]);
        Self { text: text.into(), folded, colon, service_hash }
    }

    /// As given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The service prefix, in lower case.
    pub fn service(&self) -> &str {
        &self.folded[..self.colon]
    }

    /// The name after the colon, in lower case.
    pub(crate) fn name(&self) -> &str {
        self.folded.get(self.colon + 1..).unwrap_or_default()
    }

    pub(crate) fn is_get_caller_identity(&self) -> bool {
        &*self.folded == "sts:getcalleridentity"
    }
}

/// One question. An API call that needs several answers asks several times.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// What.
    pub action: &'a Action,
    /// On what; `*` for actions without a resource.
    pub resource: Resource<'a>,
    /// The account that owns the resource; none: the caller's own.
    pub resource_account: Option<&'a str>,
    /// The context keys.
    pub context: &'a dyn Keys,
    /// The caller belongs to the organization's management account: no SCP binds it.
    pub caller_in_management_account: bool,
    /// The caller is a session of a service-linked role: neither SCPs nor RCPs bind it.
    pub caller_is_service_linked_role: bool,
    /// The resource belongs to the organization's management account: no RCP protects it.
    pub resource_in_management_account: bool,
    /// The resource's own policy must allow even within the account (role trust, KMS keys).
    pub resource_demands_its_policy: bool,
}

impl<'a> Request<'a> {
    /// A question without exemptions about a resource of the caller's own account.
    pub fn new(caller: &'a Caller, action: &'a Action, resource: Resource<'a>, context: &'a dyn Keys) -> Self {
        Self {
            caller,
            action,
            resource,
            resource_account: None,
            context,
            caller_in_management_account: false,
            caller_is_service_linked_role: false,
            resource_in_management_account: false,
            resource_demands_its_policy: false,
        }
    }
}

/// The policies attached to one node of the organization's tree.
#[derive(Clone, Debug)]
pub struct Level {
    /// The node, such as `r-ab12`, `ou-ab12-11111111` or the account id.
    pub name: String,
    /// What is attached to it directly.
    pub policies: Vec<Arc<CompiledPolicy>>,
}

/// The policies that apply to a request. Everything is borrowed, so that sets can be cached and shared.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicySet<'a> {
    /// Identity-based policies: the user's own, attached and inherited from groups; or the role's. For a federated
    /// session: the issuing user's.
    pub identity: &'a [Arc<CompiledPolicy>],
    /// The permissions boundary, if one is set.
    pub boundary: Option<&'a [Arc<CompiledPolicy>]>,
    /// The session policies (inline and by ARN form one set), if any were passed.
    pub session: Option<&'a [Arc<CompiledPolicy>]>,
    /// The policy of the resource, if it has one; [`crate::PolicyKind::Trust`] for roles.
    pub resource: Option<&'a CompiledPolicy>,
    /// The policies of the VPC endpoint the request came through, if any.
    pub endpoint: Option<&'a [Arc<CompiledPolicy>]>,
    /// SCPs of the caller's account from the root down; none where the type is not enabled.
    pub service_control: Option<&'a [Level]>,
    /// RCPs of the resource's account from the root down; none where the type is not enabled or the service does not
    /// support RCPs.
    pub resource_control: Option<&'a [Level]>,
}
