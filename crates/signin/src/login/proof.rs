//! The proof of possession that comes with a request for a token.

use super::grant::hash;
use federation::jwt::{self, ProofExpectations};
use kernel::{Result, WriteCx, params};
use model::signin::{OAuth2ErrorCode, ValidationException};

/// How old, or how much ahead of our clock, a proof may be, in seconds.
const WINDOW_SECONDS: i64 = 300;

/// The thumbprint of the key that made the proof in the request, which counts once.
///
/// # Errors
/// `ValidationException`.
pub(super) fn thumbprint(cx: &mut WriteCx<'_>) -> Result<String> {
    let refused =
        |message: &str| ValidationException { error: OAuth2ErrorCode::InvalidRequest, message: message.to_owned() };
    let request = cx.request.clone();
    let header = request.dpop.as_ref().ok_or_else(|| refused("The request carries no DPoP proof"))?;
    let own = cx.app.settings.base_url.clone();
    let own = own.split_once("://").map_or("", |(_, rest)| rest.trim_end_matches('/'));
    let expected = ProofExpectations {
        method: "POST",
        authorities: &[header.authority.as_str(), own],
        path: &header.path,
        now: cx.now,
        window_seconds: WINDOW_SECONDS,
    };
    let proof = jwt::verify_proof(&header.proof, &expected).map_err(|error| refused(&error.to_string()))?;
    let id = hash(&format!("{}\n{}", proof.thumbprint, proof.id));
    if cx.tx.exists("select 1 from signin_proof where proof_hash = $1", params![id])? {
        return Err(refused("The DPoP proof was used before").into());
    }
    let expires_at = proof.issued_at.plus_seconds(2 * WINDOW_SECONDS);
    let sql = "insert into signin_proof (proof_hash, expires_at) values ($1, $2)";
    cx.write().exec_one(sql, params![id, expires_at])?;
    Ok(proof.thumbprint)
}
