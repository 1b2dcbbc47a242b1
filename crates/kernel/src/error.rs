//! The kinds of failure that cross a crate boundary.

use smithy::schema::ErrorShape;
use std::fmt;

/// Result of everything below the HTTP edge.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong; each kind is rendered in one place, at the edge.
pub enum Error {
    /// An error of the API model: code, status and members are the model's.
    Modeled(Box<dyn ErrorShape>),
    /// The caller may not do this.
    Denied(Denial),
    /// A constraint that AWS reports as a validation error of the service, with its text.
    Validation(String),
    /// The transaction lost against another one and must be run again; never leaves the store.
    Conflict,
    /// The server has more to do than it can; the caller may try again.
    Busy,
    /// The database was written by a newer version of the product.
    DatabaseTooNew {
        /// Version found in the database.
        found: i64,
        /// Newest version that this program knows.
        known: i64,
    },
    /// A bug or a broken store: the caller sees a request id, the log the whole chain.
    Internal(anyhow::Error),
}

/// A refused authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// AWS's sentence for the caller.
    pub message: String,
    /// The details, for those who may have `sts:DecodeAuthorizationMessage` decode them.
    pub encoded: Option<String>,
}

impl Error {
    /// An internal failure with a text for the log.
    pub fn internal(message: impl fmt::Display + fmt::Debug + Send + Sync + 'static) -> Self {
        Self::Internal(anyhow::Error::msg(message))
    }

    /// A refusal with AWS's sentence.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::Denied(Denial { message: message.into(), encoded: None })
    }

    /// The code under which audit records and logs file this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Modeled(error) => error.meta().code,
            Self::Denied(_) => "AccessDenied",
            Self::Validation(_) => "ValidationError",
            Self::Conflict | Self::Busy => "Throttling",
            Self::DatabaseTooNew { .. } | Self::Internal(_) => "InternalFailure",
        }
    }

    /// The text for the person who called.
    pub fn message(&self) -> &str {
        match self {
            Self::Modeled(error) => error.message(),
            Self::Denied(denial) => &denial.message,
            Self::Validation(message) => message,
            Self::Conflict | Self::Busy => "Rate exceeded",
            Self::DatabaseTooNew { .. } | Self::Internal(_) => "An internal error occurred.",
        }
    }
}

impl<E: ErrorShape> From<E> for Error {
    fn from(error: E) -> Self {
        Self::Modeled(Box::new(error))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Modeled(error) => write!(f, "{}: {}", error.meta().code, error.message()),
            Self::DatabaseTooNew { found, known } => {
                write!(f, "the database has version {found}, this program knows versions up to {known}")
            }
            Self::Internal(cause) => write!(f, "{cause:#}"),
            other => write!(f, "{}: {}", other.code(), other.message()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
impl std::error::Error for Error {}
