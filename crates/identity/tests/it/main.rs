//! Tests of the identity store, through the dispatcher.

mod group;
mod membership;
mod password;
mod store;
mod support;
mod user;
