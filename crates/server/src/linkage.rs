//! What IAM asks about organizations, and Organizations answers.

use base::AccountId;
use iam::service_linked_role::{ServiceLinkage, Usage};
use iam::simulate::{AccountGuardrails, OrganizationGuardrails};
use kernel::app::Extensions;
use kernel::{Result, Tx, params};
use policy::{Level, PolicyKind, PolicySource};

/// Every answer, as the application holds them.
pub fn extensions() -> Extensions {
    let linkage: Box<dyn ServiceLinkage> = Box::new(TrustedAccess);
    let guardrails: Box<dyn OrganizationGuardrails> = Box::new(Guardrails);
    Extensions::default()
        .with(linkage)
        .with(guardrails)
        .with(org::views::Views::default())
        .with(directory::Directories::default())
}

/// Organizations' answer to simulations: the service control policies that are in force now.
pub struct Guardrails;

impl OrganizationGuardrails for Guardrails {
    fn guardrails(&self, tx: &mut Tx, account: &AccountId) -> Result<Option<AccountGuardrails>> {
        if org::guardrails::membership(tx, account)?.is_none() {
            return Ok(None);
        }
        let policy = |each: &org::guardrails::LevelPolicy| {
            let source = PolicySource::with_arn(&each.name, &each.arn);
            iam::principal::compiled(&each.content, PolicyKind::ServiceControl, source)
        };
        let level = |level: org::guardrails::Level| Level {
            policies: level.policies.iter().map(policy).collect(),
            name: level.target_id,
        };
        let levels = org::guardrails::scp_levels(tx, account)?;
        let service_control = levels.map(|levels| levels.into_iter().map(level).collect());
        Ok(Some(AccountGuardrails { service_control }))
    }
}

/// Organizations' answer: a service uses its role in an account while Organizations vouches for it there.
pub struct TrustedAccess;

impl ServiceLinkage for TrustedAccess {
    fn usage(&self, tx: &mut Tx, account: &AccountId, service: &str) -> Result<Usage> {
        if org::guardrails::membership(tx, account)?.is_none() || !org::guardrails::vouches(tx, service, account)? {
            return Ok(Usage::Free);
        }
        let sql = "select name, path from iam_role where account_id = $1 and path like $2 order by name limit 50";
        let like = format!("/aws-reserved/{service}/%");
        let arns = tx.all(sql, params![account, like], |row| {
            let (name, path): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(format!("arn:aws:iam::{account}:role{path}{name}"))
        })?;
        let display = catalog::trusted_service(service).map_or(service, |trusted| trusted.display_name);
        Ok(Usage::InUse {
            reason: format!(
                "The role is in use by {display} because trusted access is enabled for {service} in the organization."
            ),
            resources: vec![("us-east-1".to_owned(), arns)],
        })
    }
}
