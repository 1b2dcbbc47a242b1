//! What the operations of Directory Service answer, without a directory.

mod administration;
mod certificate;
mod connect;
mod support;
mod unsupported;
