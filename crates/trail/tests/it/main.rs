//! `LookupEvents` through the dispatcher.

mod lookup;
mod retention;
mod support;
