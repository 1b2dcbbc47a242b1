//! Requests and answers as bytes, before and after the codecs.

use std::fmt;

/// A request as it came, borrowed from the HTTP layer. What a signature covers is exactly what stands here.
#[derive(Debug, Clone, Copy)]
pub struct WireRequest<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path as sent, still percent-encoded.
    pub path: &'a str,
    /// The query string as sent, without the question mark; empty when there is none.
    pub query: &'a str,
    /// The headers in the order sent; `host` must be among them (HTTP/2: from `:authority`).
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The whole body.
    pub body: &'a [u8],
}

impl<'a> WireRequest<'a> {
    /// The first header of that (lower-case) name, when it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }
}

/// An answer, ready for the HTTP layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireResponse {
    /// HTTP status.
    pub status: u16,
    /// Value of `content-type`; empty when the answer has none.
    pub content_type: &'static str,
    /// All other headers, names in lower case; `x-amzn-requestid` is always there.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Content type of awsJson1.1 answers.
pub const JSON_1_1: &str = "application/x-amz-json-1.1";
/// Content type of restJson1 answers.
pub const JSON: &str = "application/json";
/// Content type of the query protocol's answers.
pub const XML: &str = "text/xml";

/// A request that could not be read into its shape at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// What went wrong.
    pub kind: DecodeErrorKind,
    /// For the person who reads it.
    pub message: String,
}

/// Ways in which a request cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The bytes are not JSON, not form data or not UTF-8.
    Syntax,
    /// A value has the wrong type.
    Type,
    /// A bound of [`base::limits`] or [`ELEMENTS_MAX`] is exceeded.
    Limit,
}

/// Most list elements and map entries of one request, whatever their nesting.
pub const ELEMENTS_MAX: usize = 20_000;

impl DecodeError {
    /// The bytes do not follow the grammar.
    pub fn syntax(message: impl Into<String>) -> Self {
        Self { kind: DecodeErrorKind::Syntax, message: message.into() }
    }

    /// A value of the wrong type.
    pub fn mismatch(message: impl Into<String>) -> Self {
        Self { kind: DecodeErrorKind::Type, message: message.into() }
    }

    /// Too deep, too long or too many.
    pub fn limit(message: impl Into<String>) -> Self {
        Self { kind: DecodeErrorKind::Limit, message: message.into() }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}
