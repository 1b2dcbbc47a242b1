//! The gate: whether a caller may do something, from IAM's policies and the organization's guardrails.
//!
//! Everything that a decision needs is cached as compiled, immutable views that scopes invalidate. Inside a
//! transaction that has itself changed something, views are loaded afresh and not kept.

use crate::refusal::{self, Refused};
use base::{AccountId, Arn};
use iam::principal::{PolicyHolder, PrincipalPolicies};
use kernel::app::Authorizer;
use kernel::caller::{Principal, PrincipalCaller, SignIn};
use kernel::error::Denial;
use kernel::scope::{Scope, ScopedCache, Scopes};
use kernel::{Caller, Cx, Error, Permission, Result, Tx};
use policy::{CompiledPolicy, Context, Decision, Level, PolicyKind, PolicySet, PolicySource, Request, Resource};
use std::cell::LazyCell;
use std::sync::Arc;

/// Principals whose policies are kept compiled.
const PRINCIPALS_MAX: usize = 20_000;
/// Accounts whose guardrails are kept compiled.
const ACCOUNTS_MAX: usize = 20_000;
/// Roles whose trust policies are kept compiled.
const TRUST_POLICIES_MAX: usize = 20_000;
/// Sign-ins whose state is kept.
const SIGN_INS_MAX: usize = 20_000;

/// The views of the gate.
pub struct Gate {
    principals: ScopedCache<PolicyHolder, Option<PrincipalPolicies>>,
    accounts: ScopedCache<AccountId, Guardrails>,
    trusts: ScopedCache<String, Option<Trust>>,
    sign_ins: ScopedCache<Arc<SignIn>, bool>,
}

/// What an account's organization imposes on it.
#[derive(Debug, Default)]
struct Guardrails {
    membership: Option<org::guardrails::Membership>,
    service_control: Option<Vec<Level>>,
    resource_control: Option<Vec<Level>>,
}

/// What came of a question.
struct Verdict {
    /// What the policies say; `None` when the caller is refused before any policy is asked.
    decision: Option<Decision>,
    /// Why, for those who may know, when a principal of an account is refused.
    details: Option<String>,
}

impl Verdict {
    const REFUSED: Self = Self { decision: None, details: None };

    fn refusal(self, cx: &Cx<'_>, permission: &Permission) -> Error {
        let encoded = self
            .details
            .zip(cx.caller.account())
            .and_then(|(details, account)| iam::sts::authorization_message::encode(cx.app, account, &details));
        Error::Denied(Denial { message: sentence(&cx.caller.arn(), permission, self.decision), encoded })
    }
}

/// A role as a resource.
#[derive(Debug)]
struct Trust {
    policy: Arc<CompiledPolicy>,
    is_service_linked: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            principals: ScopedCache::new(PRINCIPALS_MAX),
            accounts: ScopedCache::new(ACCOUNTS_MAX),
            trusts: ScopedCache::new(TRUST_POLICIES_MAX),
            sign_ins: ScopedCache::new(SIGN_INS_MAX),
        }
    }
}

impl Authorizer for Gate {
    fn authorize(&self, cx: &mut Cx<'_>, permission: &Permission) -> Result<()> {
        let verdict = self.decide(cx, permission)?;
        if verdict.decision.is_some_and(Decision::is_allowed) { Ok(()) } else { Err(verdict.refusal(cx, permission)) }
    }

    fn refuse_explicit_deny(&self, cx: &mut Cx<'_>, permission: &Permission) -> Result<()> {
        let verdict = self.decide(cx, permission)?;
        match verdict.decision {
            Some(Decision::ExplicitlyDenied(_)) => Err(verdict.refusal(cx, permission)),
            _ => Ok(()),
        }
    }
}

impl Gate {
    fn decide(&self, cx: &mut Cx<'_>, permission: &Permission) -> Result<Verdict> {
        let caller = cx.caller.clone();
        match &caller {
            Caller::Principal(principal) => self.decide_for_principal(cx, principal, permission),
            Caller::Service(service) => self.decide_for_service(cx, service, permission),
            Caller::Federated { provider, context } => {
                let mut keys = Context::new();
                for (key, value) in context {
                    keys.insert(key.clone(), value.clone());
                }
                self.decide_for_outsider(cx, &policy::Caller::provider(provider), keys, permission)
            }
            Caller::Person(_) => Ok(Verdict::REFUSED),
            Caller::Anonymous => self.decide_for_outsider(cx, &policy::Caller::anonymous(), Context::new(), permission),
        }
    }
}

impl Gate {
    /// What is known without asking the database: whether the principal behind `caller` still exists in an account
    /// that is in use, and whether what its session rests on is still so. Its credentials are void otherwise.
    pub fn is_known_alive(&self, scopes: &Scopes, caller: &PrincipalCaller) -> Option<bool> {
        let is_good = match sign_in(caller) {
            Some(sign_in) => *self.sign_ins.get(scopes, sign_in)?,
            None => true,
        };
        self.principals.get(scopes, &PolicyHolder::of(caller)).map(|view| is_good && view.is_some())
    }

    /// The same, from the database.
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_alive(&self, cx: &mut Cx<'_>, caller: &PrincipalCaller) -> Result<bool> {
        Ok(self.is_sign_in_good(cx, caller)? && self.principal(cx, caller)?.is_some())
    }

    /// Whether what the session of `caller` rests on is still so; true for callers that no sign-in stands behind.
    fn is_sign_in_good(&self, cx: &mut Cx<'_>, caller: &PrincipalCaller) -> Result<bool> {
        let Some(sign_in) = sign_in(caller) else { return Ok(true) };
        if !cx.tx.has_touched_scopes()
            && let Some(found) = self.sign_ins.get(&cx.app.scopes, sign_in)
        {
            return Ok(*found);
        }
        let Some(instance) = sso::instance::get(cx.tx, &sign_in.instance)? else { return Ok(false) };
        let scopes =
            [Scope::instance(&instance.id), Scope::identity_store(&instance.store), Scope::account(&sign_in.account)];
        self.sign_ins
            .view(cx, Arc::clone(sign_in), &scopes, |tx| sso::portal::is_good(tx, sign_in))
            .map(|is_good| *is_good)
    }

    fn decide_for_principal(
        &self,
        cx: &mut Cx<'_>,
        caller: &PrincipalCaller,
        permission: &Permission,
    ) -> Result<Verdict> {
        let (service, operation) = permission.action.split_once(':').unwrap_or((&permission.action, ""));
        iam::sts::may_call(caller, service, operation)?;
        let view = self.principal(cx, caller)?;
        let Some(policies) = view.as_ref() else { return Ok(Verdict::REFUSED) };
        if !self.is_sign_in_good(cx, caller)? {
            return Ok(Verdict::REFUSED);
        }
        let own = self.guardrails_of_caller(cx, caller)?;
        let session = match &caller.session {
            Some(session) => iam::principal::session_policies(cx.tx, session)?,
            None => None,
        };
        let resource_account = permission.resource_account.clone().unwrap_or_else(|| caller.account.clone());
        let theirs =
            if resource_account == caller.account { Arc::clone(&own) } else { self.guardrails(cx, &resource_account)? };
        let trust = self.trust_for(cx, permission)?;
        let keys = LazyCell::new(|| {
            let mut keys = context(cx, caller, policies, &own);
            insert_resource_keys(&mut keys, &resource_account, &theirs, permission);
            keys
        });
        let who = policy_caller(caller);
        let action = policy::Action::new(&permission.action);
        let request = Request {
            caller: &who,
            action: &action,
            resource: Resource::new(&permission.resource),
            resource_account: Some(resource_account.as_str()),
            context: &keys,
            caller_in_management_account: own.is_management(),
            caller_is_service_linked_role: caller.is_service_linked(),
            resource_in_management_account: theirs.is_management(),
            resource_demands_its_policy: is_assumption(permission),
        };
        let set = PolicySet {
            identity: &policies.identity,
            boundary: policies.boundary.as_deref(),
            session: session.as_deref(),
            resource: trust.as_ref().as_ref().map(|trust| trust.policy.as_ref()),
            endpoint: None,
            service_control: own.service_control.as_deref(),
            resource_control: theirs.resource_control_for(service),
        };
        if is_assumption(permission) && trust.is_none() {
            return Ok(Verdict::REFUSED);
        }
        let decision = policy::evaluate(&request, &set);
        let details = (!decision.is_allowed()).then(|| {
            let refused = Refused { user_id: caller.user_id(), arn: caller.arn(), permission };
            refusal::details(&refused, &request, &set)
        });
        Ok(Verdict { decision: Some(decision), details })
    }

    /// A service holds no power of its own. It may assume its service-linked role in an account where Organizations
    /// vouches for it, if the role's trust policy says so; that is all.
    fn decide_for_service(&self, cx: &mut Cx<'_>, service: &str, permission: &Permission) -> Result<Verdict> {
        let account = permission.resource_account.clone();
        let (Some(account), true) = (account, is_assumption(permission)) else { return Ok(Verdict::REFUSED) };
        if !org::guardrails::vouches(cx.tx, service, &account)? {
            return Ok(Verdict::REFUSED);
        }
        let mut keys = Context::new();
        keys.insert("aws:PrincipalIsAWSService", "true".to_owned());
        keys.insert("aws:PrincipalServiceName", service.to_owned());
        self.decide_for_outsider(cx, &policy::Caller::service(service), keys, permission)
    }

    /// A caller without policies of its own: the resource's policy alone can let it in.
    fn decide_for_outsider(
        &self,
        cx: &mut Cx<'_>,
        who: &policy::Caller,
        mut keys: Context,
        permission: &Permission,
    ) -> Result<Verdict> {
        let trust = self.trust_for(cx, permission)?;
        let (Some(trust), Some(account)) = (trust.as_ref(), &permission.resource_account) else {
            return Ok(Verdict::REFUSED);
        };
        let theirs = self.guardrails(cx, account)?;
        insert_request_keys(&mut keys, cx);
        insert_resource_keys(&mut keys, account, &theirs, permission);
        let action = policy::Action::new(&permission.action);
        let mut request = Request::new(who, &action, Resource::new(&permission.resource), &keys);
        request.resource_account = Some(account.as_str());
        request.resource_in_management_account = theirs.is_management();
        request.resource_demands_its_policy = true;
        let is_linking = trust.is_service_linked;
        let set = PolicySet {
            resource: Some(&trust.policy),
            resource_control: if is_linking { None } else { theirs.resource_control_for("sts") },
            ..PolicySet::default()
        };
        Ok(Verdict { decision: Some(policy::evaluate(&request, &set)), details: None })
    }

    fn principal(&self, cx: &mut Cx<'_>, caller: &PrincipalCaller) -> Result<Arc<Option<PrincipalPolicies>>> {
        let holder = PolicyHolder::of(caller);
        let scopes = [Scope::account(holder.account())];
        self.principals.view(cx, holder.clone(), &scopes, |tx| iam::principal::load(tx, &holder))
    }

    fn guardrails(&self, cx: &mut Cx<'_>, account: &AccountId) -> Result<Arc<Guardrails>> {
        if !cx.tx.has_touched_scopes()
            && let Some(found) = self.accounts.get(&cx.app.scopes, account)
        {
            return Ok(found);
        }
        // Which organization the view depends on is known only after a look; the view itself is loaded after that.
        let membership = org::guardrails::membership(cx.tx, account)?;
        let mut scopes = vec![Scope::account(account)];
        scopes.extend(membership.as_ref().map(|membership| Scope::organization(&membership.org_id)));
        self.accounts.view(cx, account.clone(), &scopes, |tx| Guardrails::load(tx, account))
    }

    /// The organization's policies do not reach service-linked roles, so within a change that made the cached view
    /// unusable they are not read and compiled again for one: a service makes many changes in one transaction.
    fn guardrails_of_caller(&self, cx: &mut Cx<'_>, caller: &PrincipalCaller) -> Result<Arc<Guardrails>> {
        if !caller.is_service_linked() || !cx.tx.has_touched_scopes() {
            return self.guardrails(cx, &caller.account);
        }
        let membership = org::guardrails::membership(cx.tx, &caller.account)?;
        Ok(Arc::new(Guardrails { membership, ..Guardrails::default() }))
    }

    fn trust_for(&self, cx: &mut Cx<'_>, permission: &Permission) -> Result<Arc<Option<Trust>>> {
        let arn = Arn::parse(&permission.resource).filter(|_| is_assumption(permission));
        let Some((arn, account)) = arn.and_then(|arn| AccountId::parse(arn.account()).map(|account| (arn, account)))
        else {
            return Ok(Arc::new(None));
        };
        let scopes = [Scope::account(&account)];
        self.trusts.view(cx, permission.resource.clone(), &scopes, |tx| {
            let in_use = iam::account::get(tx, &account)?
                .is_some_and(|account| account.state == iam::account::AccountState::Active);
            let Some(role) = iam::role::find_by_arn(tx, &arn)?.filter(|_| in_use) else { return Ok(None) };
            let policy = iam::principal::trust_policy(tx, &role)?;
            Ok(Some(Trust { policy, is_service_linked: role.linked_service.is_some() }))
        })
    }
}

/// The sign-in behind a session.
fn sign_in(caller: &PrincipalCaller) -> Option<&Arc<SignIn>> {
    caller.session.as_ref().and_then(|session| session.sign_in.as_ref())
}

impl Guardrails {
    fn load(tx: &mut Tx, account: &AccountId) -> Result<Self> {
        let Some(membership) = org::guardrails::membership(tx, account)? else { return Ok(Self::default()) };
        let service_control = org::guardrails::scp_levels(tx, account)?;
        let resource_control = org::guardrails::rcp_levels(tx, account)?;
        Ok(Self {
            membership: Some(membership),
            service_control: service_control.map(|levels| compiled(levels, PolicyKind::ServiceControl)),
            resource_control: resource_control.map(|levels| compiled(levels, PolicyKind::ResourceControl)),
        })
    }

    fn is_management(&self) -> bool {
        self.membership.as_ref().is_some_and(|membership| membership.is_management)
    }

    fn resource_control_for(&self, service: &str) -> Option<&[Level]> {
        self.resource_control.as_deref().filter(|_| catalog::rcp_supported(service))
    }
}

fn compiled(levels: Vec<org::guardrails::Level>, kind: PolicyKind) -> Vec<Level> {
    let policy = |each: &org::guardrails::LevelPolicy| {
        iam::principal::compiled(&each.content, kind, PolicySource::with_arn(&each.name, &each.arn))
    };
    levels
        .into_iter()
        .map(|level| Level { policies: level.policies.iter().map(policy).collect(), name: level.target_id })
        .collect()
}

/// Whether a role's trust policy has a say.
fn is_assumption(permission: &Permission) -> bool {
    let action = permission.action.as_str();
    let is_of_role = permission.resource.split(':').nth(5).is_some_and(|resource| resource.starts_with("role/"));
    is_of_role
        && (action.starts_with("sts:AssumeRole") || action == "sts:TagSession" || action == "sts:SetSourceIdentity")
}

fn policy_caller(caller: &PrincipalCaller) -> policy::Caller {
    let arn = caller.arn();
    match &caller.principal {
        Principal::Root => policy::Caller::root(&arn),
        Principal::User(user) => policy::Caller::user(&arn, Some(user.id.as_str())),
        Principal::Role(role) => policy::Caller::role_session(&arn, Some(role.id.as_str())),
        Principal::FederatedUser { issuer, .. } => {
            let issuer = issuer.as_ref().map(|user| policy::Issuer {
                arn: Principal::User(user.clone()).arn(&caller.account),
                unique_id: Some(user.id.to_string()),
            });
            policy::Caller::federated_user(&arn, issuer)
        }
    }
}

fn insert_request_keys(keys: &mut Context, cx: &Cx<'_>) {
    keys.insert("aws:CurrentTime", cx.now.iso8601());
    keys.insert("aws:EpochTime", cx.now.seconds().to_string());
    keys.insert("aws:SecureTransport", cx.request.is_secure.to_string());
    keys.insert("aws:UserAgent", cx.request.user_agent.clone());
    keys.insert("aws:RequestedRegion", cx.request.region.clone());
    keys.insert("aws:SourceIp", cx.request.source_ip.clone());
}

/// The global keys that the caller and the request give (spec/policy.md §7).
fn context(cx: &Cx<'_>, caller: &PrincipalCaller, policies: &PrincipalPolicies, own: &Guardrails) -> Context {
    let mut keys = Context::with_capacity(24);
    insert_request_keys(&mut keys, cx);
    keys.insert("aws:PrincipalAccount", caller.account.to_string());
    keys.insert("aws:userid", caller.user_id());
    keys.insert("aws:PrincipalIsAWSService", "false".to_owned());
    keys.insert("aws:ViaAWSService", caller.invoked_by.is_some().to_string());
    if let Some(service) = &caller.invoked_by {
        keys.insert("aws:CalledVia", vec![service.clone()]);
        keys.insert("aws:CalledViaFirst", service.clone());
        keys.insert("aws:CalledViaLast", service.clone());
    }
    let (kind, arn) = match &caller.principal {
        Principal::Root => ("Account", caller.arn()),
        Principal::User(user) => {
            keys.insert("aws:username", user.name.clone());
            ("User", caller.arn())
        }
        Principal::Role(_) => {
            let arn = caller.principal.role_arn(&caller.account).map(|arn| arn.to_string());
            ("AssumedRole", arn.unwrap_or_default())
        }
        Principal::FederatedUser { .. } => ("FederatedUser", caller.arn()),
    };
    keys.insert("aws:PrincipalType", kind.to_owned());
    keys.insert("aws:PrincipalArn", arn);
    for (key, value) in &policies.tags {
        keys.insert(format!("aws:PrincipalTag/{key}"), value.clone());
    }
    if let Some(membership) = &own.membership {
        keys.insert("aws:PrincipalOrgID", membership.org_id.to_string());
        keys.insert("aws:PrincipalOrgMasterAccountId", membership.management_account.to_string());
        keys.insert("aws:PrincipalOrgPaths", vec![membership.org_path()]);
    }
    if let Some(session) = &caller.session {
        insert_session_keys(&mut keys, cx, session, &policies.tags);
    }
    keys
}

fn insert_session_keys(
    keys: &mut Context,
    cx: &Cx<'_>,
    session: &kernel::caller::Session,
    principal_tags: &[(String, String)],
) {
    keys.insert("aws:TokenIssueTime", session.issued_at.iso8601());
    keys.insert("aws:MultiFactorAuthPresent", session.mfa_at.is_some().to_string());
    if let Some(at) = session.mfa_at {
        keys.insert("aws:MultiFactorAuthAge", (cx.now.seconds() - at.seconds()).max(0).to_string());
    }
    if let Some(identity) = &session.source_identity {
        keys.insert("aws:SourceIdentity", identity.clone());
    }
    if let Some(provider) = &session.federated_provider {
        keys.insert("aws:FederatedProvider", provider.clone());
    }
    for (key, value) in &session.tags {
        // A session tag stands in for the principal's tag of that name, whatever the case of either.
        let spelled = principal_tags.iter().find(|(own, _)| own.eq_ignore_ascii_case(key)).map_or(key, |(own, _)| own);
        keys.insert(format!("aws:PrincipalTag/{spelled}"), value.clone());
    }
    for (key, value) in &session.context {
        keys.insert(key.clone(), value.clone());
    }
}

fn insert_resource_keys(keys: &mut Context, account: &AccountId, theirs: &Guardrails, permission: &Permission) {
    keys.insert("aws:ResourceAccount", account.to_string());
    if let Some(membership) = &theirs.membership {
        keys.insert("aws:ResourceOrgID", membership.org_id.to_string());
        keys.insert("aws:ResourceOrgPaths", vec![membership.org_path()]);
    }
    for (key, values) in &permission.context {
        match (values.as_slice(), is_multivalued(key)) {
            ([value], false) => keys.insert(key.clone(), value.clone()),
            _ => keys.insert(key.clone(), values.clone()),
        }
    }
}

fn is_multivalued(key: &str) -> bool {
    match key {
        "aws:TagKeys" | "sts:TransitiveTagKeys" => true,
        _ if key.starts_with("aws:") || key.starts_with("iam:") || key.starts_with("organizations:") => false,
        _ => catalog::condition_key_type(key).is_some_and(catalog::ConditionKeyType::is_multivalued),
    }
}

/// AWS's sentence. AssumeRole says no more than who, what and on which resource.
fn sentence(caller: &str, permission: &Permission, decision: Option<Decision>) -> String {
    if let Some(operation) = permission.action.strip_prefix("sts:AssumeRoleWith") {
        return format!("Not authorized to perform sts:AssumeRoleWith{operation}");
    }
    let resource = Some(permission.resource.as_str());
    match decision {
        Some(decision) if !is_assumption(permission) => {
            policy::denial_message(caller, &permission.action, resource, &decision)
        }
        _ => policy::denial_message_without_reason(caller, &permission.action, resource),
    }
}

/// The gate as the application holds it.
pub struct SharedGate(pub Arc<Gate>);

impl Authorizer for SharedGate {
    fn authorize(&self, cx: &mut Cx<'_>, permission: &Permission) -> Result<()> {
        self.0.authorize(cx, permission)
    }

    fn refuse_explicit_deny(&self, cx: &mut Cx<'_>, permission: &Permission) -> Result<()> {
        self.0.refuse_explicit_deny(cx, permission)
    }
}
