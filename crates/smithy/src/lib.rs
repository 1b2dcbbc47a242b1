//! The protocol runtime: schemas, validation, the three codecs, errors on the wire, SigV4.
pub mod schema;
