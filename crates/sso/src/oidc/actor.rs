//! Which IAM principals may speak for an application: its actor policy, like a role's trust policy, must name the caller.

use crate::application::{self, Application};
use kernel::caller::{Principal, PrincipalCaller};
use kernel::{Cx, Result};
use policy::{Caller, Context, PolicyKind, PolicySet, PolicySource, Request, Resource};

/// What lets everything through: the caller's own policies were asked before.
const ALLOW_ALL: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// Whether the application's actor policy lets `caller` do `action` for it.
pub(super) fn is_actor(
    cx: &mut Cx<'_>,
    application: &Application,
    caller: &PrincipalCaller,
    action: &str,
) -> Result<bool> {
    let Some(text) = application::actor_policy(cx.tx, application)? else { return Ok(false) };
    let compiled = |text: &str, kind, name: &str| iam::principal::compiled(text, kind, PolicySource::named(name));
    let actor_policy = compiled(&text, PolicyKind::Resource, "ActorPolicy");
    let identity = [compiled(ALLOW_ALL, PolicyKind::Identity, "everything")];
    let (who, arn) = (named(caller), application.arn());
    let mut keys = Context::new();
    keys.insert("aws:PrincipalArn", caller.arn());
    keys.insert("aws:PrincipalAccount", caller.account.to_string());
    keys.insert("aws:userid", caller.user_id());
    keys.insert("aws:SourceIp", cx.request.source_ip.clone());
    let action = policy::Action::new(action);
    let mut request = Request::new(&who, &action, Resource::new(&arn), &keys);
    request.resource_account = Some(application.account.as_str());
    request.resource_demands_its_policy = true;
    let set = PolicySet { identity: &identity, resource: Some(&actor_policy), ..PolicySet::default() };
    Ok(policy::evaluate(&request, &set).is_allowed())
}

fn named(caller: &PrincipalCaller) -> Caller {
    let arn = caller.arn();
    match &caller.principal {
        Principal::Root => Caller::root(&arn),
        Principal::User(user) => Caller::user(&arn, Some(user.id.as_str())),
        Principal::Role(role) => Caller::role_session(&arn, Some(role.id.as_str())),
        Principal::FederatedUser { .. } => Caller::federated_user(&arn, None),
    }
}
