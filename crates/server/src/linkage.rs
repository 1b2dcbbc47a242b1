//! What IAM asks about service-linked roles and Organizations answers.

use base::AccountId;
use iam::service_linked_role::{ServiceLinkage, Usage};
use kernel::{Result, Tx, params};

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
