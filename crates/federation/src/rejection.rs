//! How a refused assertion or token is reported by STS.

/// The error codes of `AssumeRoleWithSAML` and `AssumeRoleWithWebIdentity` that say the token is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectionCode {
    /// `InvalidIdentityToken`, HTTP 400.
    InvalidIdentityToken,
    /// `ExpiredTokenException`, HTTP 400.
    ExpiredTokenException,
    /// `IDPRejectedClaim`, HTTP 403.
    IdpRejectedClaim,
}

impl RejectionCode {
    /// The code on the wire.
    pub fn code(self) -> &'static str {
        match self {
            RejectionCode::InvalidIdentityToken => "InvalidIdentityToken",
            RejectionCode::ExpiredTokenException => "ExpiredTokenException",
            RejectionCode::IdpRejectedClaim => "IDPRejectedClaim",
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            RejectionCode::InvalidIdentityToken | RejectionCode::ExpiredTokenException => 400,
            RejectionCode::IdpRejectedClaim => 403,
        }
    }
}

/// What STS answers; the exact reason belongs in the log, not in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The error code.
    pub code: RejectionCode,
    /// The message for the caller.
    pub message: String,
}

impl Rejection {
    pub(crate) fn new(code: RejectionCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
