//! The protocol runtime: schemas, validation, the three codecs, errors on the wire, SigV4.
//!
//! Everything here is pure: bytes in, values out. Deliberately absent: sockets, storage, the clock.
//! Start reading at [`schema`] (what the generated model says), then [`codec`] (bytes to values and back).

pub mod client;
pub mod codec;
pub mod common;
pub mod document;
pub mod encoding;
#[cfg(test)]
#[allow(missing_docs)]
mod fixture;
pub mod generated;
pub mod json;
pub mod paging;
pub mod pattern;
pub mod query;
pub mod render;
pub mod rest;
pub mod schema;
pub mod sigv4;
pub mod table;
pub mod validate;
pub mod violation;
pub mod wire;
pub mod xml;

pub use codec::{read_input, read_typed, write_output};
pub use common::CommonError;
pub use document::Document;
pub use schema::Blob;
pub use violation::Violation;
pub use wire::{DecodeError, WireRequest, WireResponse};
