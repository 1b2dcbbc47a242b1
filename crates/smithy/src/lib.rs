//! The protocol runtime: schemas, validation, the three codecs, errors on the wire, SigV4.
pub mod document;
pub mod encoding;
pub mod generated;
pub mod json;
pub mod schema;
pub mod table;
pub mod violation;
pub mod wire;

pub use document::Document;
pub use schema::Blob;
