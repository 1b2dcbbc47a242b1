//! Organizations through the real dispatcher, on a database in memory.
#![expect(missing_docs, reason = "tests name what they show")]

mod account;
mod create_account;
mod guardrails;
mod organization;
mod support;
mod tree;
