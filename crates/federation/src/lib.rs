//! Federation: SAML 2.0 and OpenID Connect tokens, verified and made.
//!
//! Everything here is a function of its arguments: no clock, no files, no network. Documents are bounded before they
//! are read, keys come from configuration and never from the document, and what a caller receives has been read from
//! exactly the bytes whose signature was checked.

pub mod certificate;
mod der;
pub mod jwt;
pub mod keys;
mod rejection;
pub mod saml;
pub mod xml;

pub use rejection::{Rejection, RejectionCode};
