//! Organizations through the real dispatcher, on a database in memory.

mod account;
mod create_account;
mod guardrails;
mod organization;
mod support;
mod tree;
