//! Behaviour of the crate as its callers see it.

mod attacks;
mod aws_claims;
mod canonical_form;
mod fixtures;
mod hostile_input;
mod independent;
mod round_trip;
mod tokens;
