//! What AWS publishes and every installation needs: the AWS-managed policies, the service-linked roles, the services
//! that Organizations can trust, and the service-authorization tables. Pure data and its look-ups.
//!
//! The tables are text compiled into the program and searched in place; the bulky parts lie beside them in compressed
//! chunks, of which a chunk is inflated when something in it is first asked for and then kept. Start-up costs nothing,
//! and everything handed out is `&'static`. `docs/data.md` names the sources and how to renew them.

mod authorization;
mod chunks;
mod condition_key;
mod managed_policy;
mod service_linked_role;
mod table;
mod trusted_service;

pub use authorization::{
    AccessLevel, ActionInfo, ActionResource, ResourceType, Service, action, action_names, actions, rcp_supported,
    resource_type, resource_types, service, service_exists, services,
};
pub use condition_key::{
    ConditionKey, ConditionKeyType, condition_key, condition_key_type, condition_keys, global_condition_keys,
};
pub use managed_policy::{ManagedPolicy, managed_policies, managed_policy, managed_policy_by_name};
pub use service_linked_role::{ServiceLinkedRoleTemplate, service_linked_role, service_linked_roles};
pub use trusted_service::{DelegatedAdministrators, TrustedService, trusted_service, trusted_services};
