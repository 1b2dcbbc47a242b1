//! What the operations of Directory Service answer, without a directory.

mod certificate;
mod connect;
mod managed;
mod support;
mod unsupported;
