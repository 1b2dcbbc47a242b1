//! Tests of the identity store, through the dispatcher.

mod group;
mod membership;
mod password;
mod postgres;
mod store;
mod support;
mod user;
