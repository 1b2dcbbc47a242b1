//! What IAM knows of a principal when a decision is due: its policies, compiled, and its tags.

use crate::account::AccountState;
use crate::{role, tag, user};
use base::{AccountId, Arn, RoleId, UserId};
use kernel::caller::{Principal, PrincipalCaller, Session};
use kernel::{Result, Tx, params};
use policy::{CompiledPolicy, Document, PolicyKind, PolicySource};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// Policies and tags of a principal.
#[derive(Debug, Default)]
pub struct PrincipalPolicies {
    /// Own, attached and group policies.
    pub identity: Vec<Arc<CompiledPolicy>>,
    /// The permissions boundary.
    pub boundary: Option<Vec<Arc<CompiledPolicy>>>,
    /// Tags of the user or role.
    pub tags: Vec<(String, String)>,
}

/// The entity whose policies a caller has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PolicyHolder {
    /// The root user: no policies of its own.
    Root(AccountId),
    /// A user, also through GetSessionToken and GetFederationToken.
    User(AccountId, UserId),
    /// A role.
    Role(AccountId, RoleId),
}

impl PolicyHolder {
    /// The holder behind `caller`.
    pub fn of(caller: &PrincipalCaller) -> Self {
        let account = caller.account.clone();
        match &caller.principal {
            Principal::Root | Principal::FederatedUser { issuer: None, .. } => Self::Root(account),
            Principal::User(user) | Principal::FederatedUser { issuer: Some(user), .. } => {
                Self::User(account, user.id.clone())
            }
            Principal::Role(role) => Self::Role(account, role.id.clone()),
        }
    }

    /// Its account.
    pub fn account(&self) -> &AccountId {
        match self {
            Self::Root(account) | Self::User(account, _) | Self::Role(account, _) => account,
        }
    }
}

/// Loads what `holder` may do; `None` when it no longer exists or its account is not in use: its credentials are void
/// then.
///
/// # Errors
/// When the database fails.
pub fn load(tx: &mut Tx, holder: &PolicyHolder) -> Result<Option<PrincipalPolicies>> {
    let state = crate::account::get(tx, holder.account())?.map(|account| account.state);
    if state != Some(AccountState::Active) {
        return Ok(None);
    }
    let (id, boundary_arn) = match holder {
        PolicyHolder::Root(_) => return Ok(Some(PrincipalPolicies::default())),
        PolicyHolder::User(_, id) => match user::get(tx, id)? {
            Some(user) => (user.id.to_string(), user.boundary_arn),
            None => return Ok(None),
        },
        PolicyHolder::Role(_, id) => match role::get(tx, id)? {
            Some(role) => (role.id.to_string(), role.boundary_arn),
            None => return Ok(None),
        },
    };
    let mut identity = policies_of(tx, &id)?;
    if let PolicyHolder::User(_, user) = holder {
        let groups: Vec<String> =
            tx.all("select group_id from iam_group_member where user_id = $1", params![user], |row| row.get(0))?;
        for group in groups {
            identity.extend(policies_of(tx, &group)?);
        }
    }
    let boundary = match boundary_arn {
        None => None,
        Some(arn) => Some(vec![managed_or_deny_all(tx, &arn)?]),
    };
    let tags = tag::of(tx, &id)?.into_iter().map(|tag| (tag.key, tag.value)).collect();
    Ok(Some(PrincipalPolicies { identity, boundary, tags }))
}

/// The session policies of `session`, if any were passed.
///
/// # Errors
/// When the database fails.
pub fn session_policies(tx: &mut Tx, session: &Session) -> Result<Option<Vec<Arc<CompiledPolicy>>>> {
    if session.policy.is_none() && session.policy_arns.is_empty() {
        return Ok(None);
    }
    let mut policies = Vec::new();
    if let Some(text) = &session.policy {
        policies.push(compiled(text, PolicyKind::Session, PolicySource::named("session policy")));
    }
    for arn in &session.policy_arns {
        policies.push(managed_or_deny_all(tx, arn)?);
    }
    Ok(Some(policies))
}

/// The trust policy of a role, compiled.
///
/// # Errors
/// When the database fails.
pub fn trust_policy(tx: &mut Tx, role: &role::Role) -> Result<Arc<CompiledPolicy>> {
    let text = role::trust_policy_for_evaluation(tx, role)?;
    Ok(compiled(&text, PolicyKind::Trust, PolicySource::with_arn(&role.name, role.arn().as_str())))
}

/// The default version of the managed policy with that ARN, compiled; `None` when there is none.
///
/// # Errors
/// When the database fails.
pub fn managed(tx: &mut Tx, arn: &str) -> Result<Option<Arc<CompiledPolicy>>> {
    if arn.starts_with("arn:aws:iam::aws:") {
        return Ok(aws_managed(arn));
    }
    let text = tx.opt(
        "select v.document from iam_policy p join iam_policy_version v \
         on v.policy_id = p.id and v.version = p.default_version where p.arn = $1",
        params![arn],
        |row| row.get::<String>(0),
    )?;
    Ok(text.map(|text| compiled(&text, PolicyKind::Identity, source(arn))))
}

/// The same, and for a policy that is missing one that denies everything.
///
/// # Errors
/// When the database fails.
pub(crate) fn managed_or_deny_all(tx: &mut Tx, arn: &str) -> Result<Arc<CompiledPolicy>> {
    Ok(managed(tx, arn)?.unwrap_or_else(|| deny_all(arn)))
}

fn policies_of(tx: &mut Tx, entity: &str) -> Result<Vec<Arc<CompiledPolicy>>> {
    let inline = "select name, document from iam_inline_policy where entity_id = $1 order by name";
    let mut policies = tx.all(inline, params![entity], |row| {
        let (name, text): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(compiled(&text, PolicyKind::Identity, PolicySource::named(name)))
    })?;
    let attached = "select policy_arn from iam_attachment where entity_id = $1 order by policy_arn";
    for arn in tx.all(attached, params![entity], |row| row.get::<String>(0))? {
        policies.push(managed_or_deny_all(tx, &arn)?);
    }
    Ok(policies)
}

/// AWS's policies never change while the program runs, so each is compiled once.
fn aws_managed(arn: &str) -> Option<Arc<CompiledPolicy>> {
    static COMPILED: OnceLock<RwLock<HashMap<&'static str, Arc<CompiledPolicy>>>> = OnceLock::new();
    let cache = COMPILED.get_or_init(RwLock::default);
    if let Some(found) = cache.read().unwrap_or_else(PoisonError::into_inner).get(arn) {
        return Some(Arc::clone(found));
    }
    let policy = catalog::managed_policy(arn)?;
    let made = compiled(policy.document(), PolicyKind::Identity, source(arn));
    cache.write().unwrap_or_else(PoisonError::into_inner).insert(policy.arn, Arc::clone(&made));
    Some(made)
}

fn source(arn: &str) -> PolicySource {
    let name = Arn::parse(arn).and_then(|arn| arn.resource().rsplit('/').next().map(str::to_owned));
    PolicySource::with_arn(name.unwrap_or_default(), arn)
}

/// Compiles a stored document. One that is not understood denies everything.
pub fn compiled(text: &str, kind: PolicyKind, source: PolicySource) -> Arc<CompiledPolicy> {
    CompiledPolicy::from_stored(text, kind, source.clone()).unwrap_or_else(|error| {
        tracing::error!(policy = source.name, ?error, "a stored policy is not understood and denies everything");
        deny_everything(kind, source)
    })
}

/// What stands in for a managed policy that is missing.
fn deny_all(arn: &str) -> Arc<CompiledPolicy> {
    deny_everything(PolicyKind::Identity, source(arn))
}

fn deny_everything(kind: PolicyKind, source: PolicySource) -> Arc<CompiledPolicy> {
    let text = if kind == PolicyKind::Trust {
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"*"}}"#
    } else {
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#
    };
    let document = Document::parse_stored(text).expect("the constant is a valid document");
    Arc::new(CompiledPolicy::compile(document, kind, source))
}
