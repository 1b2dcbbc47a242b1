//! What the operations of Directory Service answer, without a directory.

mod certificate;
mod connect;
mod data;
mod share;
mod support;
mod unsupported;
