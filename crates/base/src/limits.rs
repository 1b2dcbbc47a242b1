//! Every limit of the product that is not a quota of a service, named with its unit last.

/// Largest accepted request body.
pub const REQUEST_BODY_BYTES_MAX: usize = 1 << 20;
/// Largest accepted request head (request line and headers).
pub const REQUEST_HEAD_BYTES_MAX: usize = 64 << 10;
/// Time a client has to send head and body.
pub const REQUEST_READ_SECONDS_MAX: u64 = 30;
/// Deepest nesting that a codec follows.
pub const NESTING_DEPTH_MAX: usize = 32;
/// Most parameters of one query-protocol request.
pub const QUERY_PARAMETERS_MAX: usize = 10_000;
/// Allowed difference between a signature's date and the server's clock (spec/iam-sts.md §8).
pub const SIGNATURE_SKEW_SECONDS_MAX: i64 = 300;
/// Most seconds a presigned request may be valid (spec/iam-sts.md §8).
pub const PRESIGNED_SECONDS_MAX: i64 = 604_800;
/// Times a write transaction is tried again after a serialization failure.
pub const TRANSACTION_ATTEMPTS_MAX: u32 = 5;
/// Events that one transaction may cause through other events.
pub const EVENT_DRAIN_MAX: usize = 64;
