//! What can go wrong between us and a controller.

use super::message::{Outcome, code};
use std::fmt;
use std::io;

/// Why a certificate was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distrust {
    /// Signed by nobody that is trusted.
    UnknownAuthority,
    /// Its time is over, or has not come.
    Expired,
    /// It is another host's.
    WrongName,
    /// It is an authority's, which may vouch for servers and be none.
    IsAuthority,
    /// Anything else.
    Other,
}

/// A failure of LDAP, of what carries it, or of the search for a server.
#[derive(Debug)]
pub enum LdapError {
    /// The name service knows no controller.
    Resolve(String),
    /// No connection.
    Connect(io::Error),
    /// No TLS with the server, for a reason other than its certificate.
    Tls(String),
    /// The server's certificate.
    Certificate(Distrust, String),
    /// The server speaks LDAP only without TLS.
    OnlyPlain,
    /// It took too long.
    TooSlow,
    /// The connection ended.
    Closed(String),
    /// What came is not LDAP.
    Protocol(&'static str),
    /// More came than is taken.
    TooMuch(&'static str),
    /// The server refused.
    Refused(Outcome),
}

impl LdapError {
    /// Whether another controller, or the same one later, may do better.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Refused(outcome) => matches!(outcome.code, code::BUSY | code::UNAVAILABLE),
            Self::TooMuch(_) => false,
            _ => true,
        }
    }

    /// The server closed the connection without a word.
    pub(crate) fn closed_by_server() -> Self {
        Self::Closed("the server closed it".to_owned())
    }

    /// A failure to read or write.
    pub(crate) fn of_stream(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TooSlow,
            io::ErrorKind::UnexpectedEof => Self::closed_by_server(),
            _ => Self::Closed(error.to_string()),
        }
    }
}

impl fmt::Display for LdapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(what) => write!(f, "{what}"),
            Self::Connect(error) => write!(f, "no connection can be made: {error}"),
            Self::Tls(what) => write!(f, "no TLS connection can be made: {what}"),
            Self::Certificate(Distrust::UnknownAuthority, _) => write!(
                f,
                "the certificate was issued by an authority that is not registered; register the certificate of the \
                 authority with RegisterCertificate (type ClientLDAPS)"
            ),
            Self::Certificate(Distrust::Expired, _) => write!(f, "the certificate has expired or is not valid yet"),
            Self::Certificate(Distrust::WrongName, what) => {
                write!(f, "the certificate does not name the controller: {what}")
            }
            Self::Certificate(Distrust::IsAuthority, _) => write!(
                f,
                "the certificate is that of an authority (CA:TRUE); have the controller use one that the authority signed"
            ),
            Self::Certificate(Distrust::Other, what) => write!(f, "the certificate cannot be accepted: {what}"),
            Self::OnlyPlain => {
                write!(f, "it offers neither LDAPS nor StartTLS, and passwords are not sent over plain LDAP")
            }
            Self::TooSlow => write!(f, "it did not answer in time"),
            Self::Closed(why) => write!(f, "the connection ended: {why}"),
            Self::Protocol(what) => write!(f, "it does not speak LDAP: {what}"),
            Self::TooMuch(what) => write!(f, "the answer is too large: {what}"),
            Self::Refused(outcome) => write!(f, "it refused with result {}: {}", outcome.code, outcome.message),
        }
    }
}

impl std::error::Error for LdapError {}
