//! The gate in a whole application without sockets: what it decides and says, what the operations ask of it, and that
//! what it remembers is never out of date.

mod assignment;
mod caches;
mod chains;
mod decisions;
mod declarations;
mod documentation;
mod portal;
mod provision;
mod simulations;
mod single_sign_on;
mod support;
