//! A client of LDAP (RFC 4511) for Active Directory: blocking, over TLS, bounded in everything.
//!
//! Deliberately absent: following referrals, SASL.

pub(crate) mod ber;
mod change;
mod connection;
pub mod dn;
pub mod dns;
#[cfg(test)]
pub(crate) mod double;
mod error;
mod filter;
mod message;
#[cfg(test)]
mod tests;
mod tls;
pub mod x509;

pub use change::{Edit, Modification};
pub use connection::{Connection, Endpoint, Patience};
pub use error::{Distrust, LdapError};
pub use filter::Filter;
pub use message::{Depth, Entry, Outcome, Search, code};
pub use tls::Trust;
