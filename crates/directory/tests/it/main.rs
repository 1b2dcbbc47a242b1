//! What the operations of Directory Service answer, without a directory.

mod administration;
mod certificate;
mod connect;
mod data;
mod managed;
mod share;
mod support;
mod trust;
mod unsupported;
