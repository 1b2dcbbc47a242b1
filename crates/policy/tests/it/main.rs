//! The engine against worked examples, against a naive evaluator, and under hostile input.

mod allocation;
mod conformity;
mod explanation;
mod generate;
mod hostile;
mod naive;
mod properties;
