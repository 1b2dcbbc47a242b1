//! Organizations through the real dispatcher, on a database in memory.

mod account;
mod create_account;
mod delegated_administrator;
mod effective_policy;
mod guardrails;
mod organization;
mod policy;
mod policy_type;
mod resource_policy;
mod support;
mod tag;
mod tree;
mod trusted_access;
