//! Client tokens: a request that is sent again with the same token makes nothing twice.
//!
//! A token is remembered with what it made, for as long as that exists.

use crate::messages;
use aws_lc_rs::digest::{SHA256, digest};
use kernel::Result;
use smithy::schema::Shape;

/// SHA-256 of what a request asks for. The token itself must not be part of `input`.
pub(crate) fn fingerprint(input: &dyn Shape) -> Vec<u8> {
    let mut json = Vec::new();
    smithy::json::write(input, &mut json);
    digest(&SHA256, &json).as_ref().to_vec()
}

/// Refuses a token that was used for something else: `earlier` is the fingerprint that the token was used with.
///
/// # Errors
/// `ConflictException` with AWS's `IdempotentParameterMismatch`.
pub(crate) fn compare(earlier: Option<&[u8]>, fingerprint: &[u8]) -> Result<()> {
    if earlier.is_some_and(|earlier| earlier != fingerprint) {
        let message = "IdempotentParameterMismatch: the ClientToken was used before with different parameters";
        return Err(messages::conflict(message));
    }
    Ok(())
}
