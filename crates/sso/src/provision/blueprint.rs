//! What the roles of a permission set should be, and under which names they and the SAML provider stand in accounts.

use super::account::{Place, provider_arn};
use super::plan::{INLINE_POLICY, RoleState, SESSION_SECONDS};
use crate::instance::{self, Instance, signer};
use crate::permission_set::{self, Boundary, PermissionSet, PolicyReference};
use base::{AccountId, InstanceId, PermissionSetId};
use federation::certificate::Certificate;
use kernel::{Error, Result, Tx};
use std::collections::{BTreeMap, BTreeSet};

/// An instance, as accounts see it.
#[derive(Debug, Clone)]
pub struct Home {
    /// The instance.
    pub instance: Instance,
    /// The certificate whose key signs for the instance.
    pub certificate: Certificate,
    /// Name of its SAML providers.
    pub provider_name: String,
    /// Path of its roles.
    pub path: String,
}

impl Home {
    /// The instance of that id.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub fn load(tx: &mut Tx, id: &InstanceId) -> Result<Self> {
        let instance =
            instance::get(tx, id)?.ok_or_else(|| Error::internal(format!("the instance {id} is missing")))?;
        let certificate = signer::certificate(tx, &instance)?;
        Ok(Self { provider_name: provider_name(&instance), path: role_path(&instance), certificate, instance })
    }

    /// Metadata of the instance as the identity provider of `account`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn metadata(&self, account: &AccountId) -> Result<String> {
        signer::saml_metadata(&self.certificate, &self.instance, account)
    }

    /// Where the role of that name stands in `account`.
    pub fn place<'a>(&'a self, account: &'a AccountId, role_name: &'a str) -> Place<'a> {
        Place { account, provider_name: &self.provider_name, role_name, path: &self.path }
    }
}

/// Name of the SAML providers of an instance.
pub fn provider_name(instance: &Instance) -> String {
    format!("AWSSSO_{}_DO_NOT_DELETE", instance.provider_suffix)
}

/// Path of the roles of an instance: the region is left out where the service began.
pub fn role_path(instance: &Instance) -> String {
    match instance.region.as_str() {
        "us-east-1" => "/aws-reserved/sso.amazonaws.com/".to_owned(),
        region => format!("/aws-reserved/sso.amazonaws.com/{region}/"),
    }
}

/// A permission set with everything that its roles follow from.
#[derive(Debug, Clone)]
pub struct Blueprint {
    /// The permission set.
    pub set: PermissionSet,
    managed: Vec<String>,
    customer: Vec<PolicyReference>,
}

impl Blueprint {
    /// The permission set of that id.
    ///
    /// # Errors
    /// When there is none, or the database fails.
    pub fn load(tx: &mut Tx, instance: &InstanceId, id: &PermissionSetId) -> Result<Self> {
        let set = permission_set::get(tx, instance, id)?
            .ok_or_else(|| Error::internal(format!("the permission set {id} is missing")))?;
        let managed = permission_set::managed_policies(tx, id)?;
        let customer = permission_set::customer_policies(tx, id)?;
        Ok(Self { set, managed, customer })
    }

    /// The role in `account`.
    pub fn role(&self, home: &Home, account: &AccountId) -> RoleState {
        let own_arn = |policy: &PolicyReference| format!("arn:aws:iam::{account}:policy{}{}", policy.path, policy.name);
        let attached: BTreeSet<String> =
            self.managed.iter().cloned().chain(self.customer.iter().map(own_arn)).collect();
        let inline: BTreeMap<String, String> =
            self.set.inline_policy.iter().map(|text| (INLINE_POLICY.to_owned(), text.clone())).collect();
        let boundary = self.set.boundary.as_ref().map(|boundary| match boundary {
            Boundary::Managed { arn } => arn.clone(),
            Boundary::Customer(policy) => own_arn(policy),
        });
        RoleState {
            description: self.set.description.clone().unwrap_or_default(),
            trust_policy: trust_policy(&provider_arn(account, &home.provider_name)),
            session_seconds: SESSION_SECONDS,
            boundary,
            attached,
            inline,
        }
    }
}

/// The trust policy of the roles: whoever comes with an assertion of the provider, and may bring session tags.
pub fn trust_policy(provider_arn: &str) -> String {
    format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":{{\"Federated\":\
         \"{provider_arn}\"}},\"Action\":[\"sts:AssumeRoleWithSAML\",\"sts:TagSession\"],\"Condition\":{{\
         \"StringEquals\":{{\"SAML:aud\":\"https://signin.aws.amazon.com/saml\"}}}}}}]}}"
    )
}
