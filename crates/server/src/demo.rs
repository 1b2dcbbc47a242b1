//! `serve --demo`: a small organization, made through the same operations that everybody uses.

use crate::run::Assembly;
use anyhow::{Context as _, Result};
use iam::principal::PolicyHolder;
use kernel::caller::{Caller, Principal, PrincipalCaller};
use kernel::{App, RequestInfo, dispatch};
use model::organizations::{self as shapes, ops};
use smithy::schema::Operation;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Accounts of the demonstration: name, and the unit that it is moved to.
const ACCOUNTS: [(&str, &str); 5] = [
    ("log-archive", "Security"),
    ("audit", "Security"),
    ("shop-dev", "Dev"),
    ("shop-prod", "Prod"),
    ("billing-prod", "Prod"),
];
/// How long the creation of an account may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the organization, unless the account is in one already.
///
/// # Errors
/// When an operation refuses.
pub fn seed(assembly: &Assembly) -> Result<()> {
    let admin = administrator(assembly)?;
    let demo = Demo { app: &assembly.app, admin };
    if demo.call::<ops::DescribeOrganization>(&smithy::schema::Unit).is_ok() {
        return Ok(());
    }
    demo.call::<ops::CreateOrganization>(&shapes::CreateOrganizationRequest { feature_set: None })?;
    let roots = demo.call::<ops::ListRoots>(&shapes::ListRootsRequest::default())?;
    let root = roots.roots.and_then(|roots| roots.into_iter().next()).and_then(|root| root.id).context("no root")?;
    let security = demo.unit(&root, "Security")?;
    let workloads = demo.unit(&root, "Workloads")?;
    let units =
        [("Security", security), ("Dev", demo.unit(&workloads, "Dev")?), ("Prod", demo.unit(&workloads, "Prod")?)];
    let service_principal = "sso.amazonaws.com".to_owned();
    demo.call::<ops::EnableAWSServiceAccess>(&shapes::EnableAWSServiceAccessRequest { service_principal })?;
    for (name, unit) in ACCOUNTS {
        let account_id = demo.account(name)?;
        let destination = units.iter().find(|(each, _)| *each == unit).map(|(_, id)| id.clone()).context("no unit")?;
        demo.call::<ops::MoveAccount>(&shapes::MoveAccountRequest {
            account_id,
            source_parent_id: root.clone(),
            destination_parent_id: destination,
        })?;
    }
    Ok(())
}

fn administrator(assembly: &Assembly) -> Result<Caller> {
    let bootstrap = assembly.bootstrap.as_ref().context("the first start is not known any more")?;
    let account = base::AccountId::parse(&bootstrap.management_account_id).context("the account id")?;
    let user = assembly.app.store.read(|tx| iam::user::find(tx, &account, &bootstrap.admin.user_name))?;
    let caller = PrincipalCaller {
        principal: Principal::User(user.context("the administrator is gone")?.identity()),
        account,
        access_key_id: None,
        session: None,
        invoked_by: None,
    };
    debug_assert!(matches!(PolicyHolder::of(&caller), PolicyHolder::User(..)));
    Ok(Caller::Principal(caller))
}

struct Demo<'a> {
    app: &'a Arc<App>,
    admin: Caller,
}

impl Demo<'_> {
    fn call<O: Operation>(&self, input: &O::In) -> Result<O::Out> {
        let route = self.app.registry().find(O::OP).with_context(|| format!("{} is not served", O::OP.name))?;
        let info = RequestInfo::of_service(self.app, "demo");
        let output = dispatch::call(self.app, route, &self.admin, &info, input)?;
        output.into_any().downcast::<O::Out>().map(|output| *output).map_err(|_| anyhow::anyhow!("another shape"))
    }

    fn unit(&self, parent: &str, name: &str) -> Result<String> {
        let input =
            shapes::CreateOrganizationalUnitRequest { parent_id: parent.to_owned(), name: name.to_owned(), tags: None };
        let output = self.call::<ops::CreateOrganizationalUnit>(&input)?;
        output.organizational_unit.and_then(|unit| unit.id).context("the unit has no id")
    }

    fn account(&self, name: &str) -> Result<String> {
        let input = shapes::CreateAccountRequest {
            email: format!("{name}@example.com"),
            account_name: name.to_owned(),
            ..shapes::CreateAccountRequest::default()
        };
        let status = self.call::<ops::CreateAccount>(&input)?.create_account_status.context("no status")?;
        let create_account_request_id = status.id.context("no request id")?;
        let query = shapes::DescribeCreateAccountStatusRequest { create_account_request_id };
        let started = Instant::now();
        loop {
            let status = self.call::<ops::DescribeCreateAccountStatus>(&query)?.create_account_status;
            let status = status.context("no status")?;
            match status.state {
                Some(shapes::CreateAccountState::Succeeded) => return status.account_id.context("no account id"),
                Some(shapes::CreateAccountState::Failed) => anyhow::bail!("{name}: {:?}", status.failure_reason),
                _ if started.elapsed() > PATIENCE => anyhow::bail!("{name} was not created in time"),
                // The worker that finishes the creation is another thread.
                _ => std::thread::park_timeout(Duration::from_millis(5)),
            }
        }
    }
}
