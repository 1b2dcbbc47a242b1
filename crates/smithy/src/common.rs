//! Errors that no model lists: authentication, protocol, load. Codes, statuses and texts are those that AWS answers.

use crate::schema::{Protocol, Service};
use crate::wire::{DecodeError, DecodeErrorKind};
use std::borrow::Cow;
use std::fmt;

/// An error that every service can answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommonError {
    /// The request carries no signature.
    MissingAuthenticationToken,
    /// The signature lacks a part or a part is malformed; the text says which.
    IncompleteSignature(String),
    /// The access key or the session token is unknown, inactive, altered or missing.
    InvalidClientTokenId,
    /// The signature is wrong. Query services show what should have been signed; the secret is never part of it.
    SignatureDoesNotMatch(Option<Box<SignedText>>),
    /// The signature may be right, but not for this service, date or set of headers; the text says why.
    SignatureRefused(String),
    /// The session has ended.
    ExpiredToken,
    /// A presigned request came too late.
    RequestExpired,
    /// Authorization denies; the text is the sentence for the caller.
    AccessDenied(String),
    /// A rule that AWS reports as a validation error, with its text.
    Validation(String),
    /// Too many requests.
    Throttled,
    /// Body or head exceed the bounds.
    RequestTooLarge,
    /// The service has no such operation; the name as the request gave it.
    UnknownOperation(String),
    /// The operation exists at AWS but not here.
    UnimplementedOperation(&'static str),
    /// The request cannot be read.
    Malformed(DecodeError),
    /// A defect; details are in the log under the request id only.
    InternalFailure,
    /// The service is starting, stopping or without its store.
    ServiceUnavailable,
}

/// What a request should have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedText {
    /// The canonical request.
    pub canonical_request: String,
    /// The string to sign.
    pub string_to_sign: String,
}

/// An error as one service speaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// The code on the wire.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Whether the caller is at fault.
    pub sender_fault: bool,
    /// The text.
    pub message: String,
}

impl From<DecodeError> for CommonError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl fmt::Display for CommonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(""))
    }
}

impl std::error::Error for CommonError {}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";

impl CommonError {
    /// The error in the words of `service`.
    pub fn spoken(&self, service: &Service) -> Spoken {
        let (code, status) = match service.protocol {
            Protocol::Query => self.query_code(service),
            Protocol::Json => self.json_code(service, 400),
            Protocol::RestJson => self.json_code(service, 403),
        };
        let mut message = self.text(service.api_version).into_owned();
        if let (Protocol::Query, Self::SignatureDoesNotMatch(Some(signed))) = (service.protocol, self) {
            message = format!(
                "{message}\n\nThe Canonical String for this request should have been\n'{}'\n\nThe String-to-Sign should \
                 have been\n'{}'\n",
                signed.canonical_request, signed.string_to_sign
            );
        }
        Spoken { code, status, sender_fault: status < 500, message }
    }

    fn query_code(&self, service: &Service) -> (&'static str, u16) {
        match self {
            Self::MissingAuthenticationToken => ("MissingAuthenticationToken", 403),
            Self::IncompleteSignature(_) => ("IncompleteSignature", 400),
            Self::InvalidClientTokenId => ("InvalidClientTokenId", 403),
            Self::SignatureDoesNotMatch(_) | Self::SignatureRefused(_) => ("SignatureDoesNotMatch", 403),
            Self::ExpiredToken => ("ExpiredToken", 403),
            Self::RequestExpired => ("RequestExpired", 400),
            Self::AccessDenied(_) => ("AccessDenied", 403),
            Self::Validation(_) => ("ValidationError", 400),
            Self::Throttled => ("Throttling", 400),
            Self::RequestTooLarge => ("RequestEntityTooLarge", 413),
            Self::UnknownOperation(_) => ("InvalidAction", 400),
            Self::UnimplementedOperation(_) => ("UnsupportedOperation", 400),
            Self::Malformed(error) if error.kind == DecodeErrorKind::Type => ("MalformedInput", 400),
            Self::Malformed(_) => ("MalformedQueryString", 400),
            Self::InternalFailure if service.id == "iam" => ("ServiceFailure", 500),
            Self::InternalFailure => ("InternalFailure", 500),
            Self::ServiceUnavailable => ("ServiceUnavailable", 503),
        }
    }

    /// `refused` is the status of authentication and authorization failures: the JSON protocol answers 400 to
    /// whatever the caller did, REST services answer 403.
    fn json_code(&self, service: &Service, refused: u16) -> (&'static str, u16) {
        match self {
            Self::MissingAuthenticationToken => ("MissingAuthenticationTokenException", refused),
            Self::IncompleteSignature(_) => ("IncompleteSignatureException", refused),
            Self::InvalidClientTokenId => ("UnrecognizedClientException", refused),
            Self::SignatureDoesNotMatch(_) | Self::SignatureRefused(_) => ("InvalidSignatureException", refused),
            Self::ExpiredToken => ("ExpiredTokenException", refused),
            Self::RequestExpired => ("RequestExpired", 400),
            // The portal of Identity Center has words of its own, which its clients know though no model lists them.
            Self::AccessDenied(_) if service.id == "sso" => ("ForbiddenException", 403),
            Self::Validation(_) if service.id == "sso" => ("InvalidRequestException", 400),
            Self::AccessDenied(_) => ("AccessDeniedException", refused),
            Self::Validation(_) => ("ValidationException", 400),
            Self::Throttled => throttled(service),
            Self::RequestTooLarge => ("RequestEntityTooLargeException", 413),
            // A 5xx or a 404 page would make SDKs retry or fail to parse; 404 with a code is what AWS does for paths.
            Self::UnknownOperation(_) if service.protocol == Protocol::RestJson => ("UnknownOperationException", 404),
            Self::UnknownOperation(_) => ("UnknownOperationException", 400),
            Self::UnimplementedOperation(_) => ("UnsupportedOperationException", 400),
            Self::Malformed(_) => ("SerializationException", 400),
            Self::InternalFailure => internal_failure(service),
            Self::ServiceUnavailable => ("ServiceUnavailableException", 503),
        }
    }

    fn text(&self, version: &str) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::MissingAuthenticationToken => "Request is missing Authentication Token",
            Self::IncompleteSignature(text)
            | Self::SignatureRefused(text)
            | Self::AccessDenied(text)
            | Self::Validation(text) => text,
            Self::InvalidClientTokenId => "The security token included in the request is invalid.",
            Self::SignatureDoesNotMatch(_) => MISMATCH,
            Self::ExpiredToken => "The security token included in the request is expired",
            Self::RequestExpired => "Request has expired.",
            Self::Throttled => "Rate exceeded",
            Self::RequestTooLarge => "The request is larger than this service accepts.",
            Self::UnknownOperation(name) => {
                let name: String = name.chars().take(NAME_CHARS_MAX).collect();
                return Cow::Owned(format!("Could not find operation {name} for version {version}"));
            }
            Self::UnimplementedOperation(name) => {
                return Cow::Owned(format!("The operation {name} is not supported."));
            }
            Self::Malformed(error) => &error.message,
            Self::InternalFailure => "The request processing has failed because of an unknown error.",
            Self::ServiceUnavailable => "The request has failed due to a temporary failure of the server.",
        })
    }
}

/// Most characters of an unknown operation's name that are repeated.
const NAME_CHARS_MAX: usize = 128;

fn throttled(service: &Service) -> (&'static str, u16) {
    match service.id {
        "organizations" => ("TooManyRequestsException", 400),
        "account" | "sso" => ("TooManyRequestsException", 429),
        "signin" => ("TooManyRequestsError", 429),
        "sso-oidc" => ("SlowDownException", 400),
        "ds-data" => ("ThrottlingException", 429),
        _ => ("ThrottlingException", 400),
    }
}

fn internal_failure(service: &Service) -> (&'static str, u16) {
    match service.id {
        "organizations" | "ds" => ("ServiceException", 500),
        "account" | "ds-data" | "identitystore" | "signin" | "sso-admin" | "sso-oidc" => {
            ("InternalServerException", 500)
        }
        _ => ("InternalFailure", 500),
    }
}
