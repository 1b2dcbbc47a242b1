//! Organizations: the tree of accounts, its policies, trusted services and delegated administrators.
//!
//! Start at [`routes`]. Deliberately absent: what services do with their trust (each does it as its own principal),
//! and the decision whether a call is allowed (the gate asks [`guardrails`]).

pub mod account;
pub mod create_account;
pub mod delegated_administrator;
pub mod effective_policy;
pub mod guardrails;
mod inherited_policy;
pub mod messages;
pub mod new_tags;
pub mod organization;
pub mod page;
pub mod policy;
mod policy_rules;
pub mod policy_type;
pub mod resource_policy;
pub mod service_linked_roles;
pub mod tag;
pub mod tree;
pub mod trusted_access;
pub mod views;

use kernel::Route;
use kernel::job::JobHandler;

/// Every operation of Organizations that is served.
pub fn routes() -> Vec<Route> {
    [
        account::routes(),
        create_account::routes(),
        delegated_administrator::routes(),
        inherited_policy::routes(),
        organization::routes(),
        policy::routes(),
        policy_type::routes(),
        resource_policy::routes(),
        tag::routes(),
        tree::routes(),
        trusted_access::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The jobs of Organizations.
pub fn jobs() -> Vec<JobHandler> {
    [account::jobs(), create_account::jobs(), policy_type::jobs(), service_linked_roles::jobs()]
        .into_iter()
        .flatten()
        .collect()
}
