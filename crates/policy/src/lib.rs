//! The IAM policy language: parse, validate, compile, evaluate, explain.
//!
//! Pure: documents and a request in, a decision out. Deliberately absent: I/O, time, randomness, storage, and any
//! knowledge of what operations exist.
//!
//! Start reading at [`evaluate()`], which is the decision, then [`CompiledPolicy`], which is what it runs on.
//!
//! - [`Document::parse`] refuses what AWS refuses when a policy is saved, in AWS's words; [`validate::validate`] lists
//!   everything that is wrong, with places.
//! - [`CompiledPolicy::compile`] once per version of a policy; share the result.
//! - [`evaluate()`] decides in about a microsecond; [`explain()`] tells why, slower.
//! - [`denial_message`] is what the caller is told.

pub mod cases;
mod compile;
mod condition;
mod context;
mod document;
mod evaluate;
mod explain;
mod glob;
pub mod json;
mod keys;
mod message;
mod operator;
mod pattern;
mod principal;
mod print;
mod request;
pub mod validate;
mod value;

pub use compile::{CompiledPolicy, PinnedIds, PolicySource};
pub use condition::ConditionOutcome;
pub use context::{Context, ContextValue, Keys};
pub use document::{
    Condition, Document, Effect, Element, Extent, Malformed, PolicyKind, Principal, PrincipalType, Statement, Version,
};
pub use evaluate::{Decision, PolicyType, evaluate};
pub use explain::{ConditionExplanation, Explanation, Mismatch, PolicyExplanation, StatementExplanation, explain};
pub use keys::context_keys;
pub use message::{denial_message, denial_message_without_reason, denial_reason};
pub use operator::{Comparison, Operator, Quantifier, Test};
pub use principal::Grants;
pub use request::{Action, Caller, Issuer, Level, PolicySet, Request, Resource};
