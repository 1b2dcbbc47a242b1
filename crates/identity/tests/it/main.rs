//! Tests of the identity store, through the dispatcher.

mod group;
mod membership;
mod store;
mod support;
mod user;
