//! AWS Signature Version 4: verification of the header form and the presigned form, signing in the header form.
//!
//! Stricter than the signing guide where a lax reading would let something travel unsigned: `host` and every
//! `x-amz-*` header of the request must be signed, a signed header must be present, the body is always hashed.
//! SigV4A (`AWS4-ECDSA-P256-SHA256`) is not supported.

mod canonical;
mod keys;
mod parse;
mod sign;

pub use keys::SigningKeys;
pub use parse::{Form, ParsedSignature, parse};
pub use sign::Signer;

use crate::common::{CommonError, SignedText};
use crate::wire::WireRequest;
use aws_lc_rs::hmac;
use base::Timestamp;
use base::limits::SIGNATURE_SKEW_SECONDS_MAX;

/// The only supported algorithm.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
/// Seconds for which STS honours a presigned request, whatever `X-Amz-Expires` says: the EKS authenticator's tokens
/// rely on it.
const STS_PRESIGNED_SECONDS: i64 = 900;

/// Verifies a parsed signature against the secret of its access key. `services` are the signing names that the
/// addressed service accepts.
pub fn verify(
    parsed: &ParsedSignature<'_>,
    request: &WireRequest<'_>,
    secret: &str,
    keys: &SigningKeys,
    now: Timestamp,
    services: &[&str],
) -> Result<(), CommonError> {
    check_scope(parsed, services)?;
    check_date(parsed, now)?;
    check_headers(parsed, request)?;
    let hash = canonical::payload_hash(request)?;
    let canonical = canonical::request(parsed, request, &hash);
    let string_to_sign = canonical::string_to_sign(parsed, &canonical);
    let known = keys.find(parsed.signing_scope(), secret);
    let fresh = known.is_none();
    let key = known.unwrap_or_else(|| keys::derive(secret, parsed.date_stamp(), parsed.region(), parsed.service()));
    if hmac::verify(&key, &string_to_sign, parsed.signature()).is_err() {
        return Err(CommonError::SignatureDoesNotMatch(Some(Box::new(SignedText {
            canonical_request: String::from_utf8_lossy(&canonical).into_owned(),
            string_to_sign: String::from_utf8_lossy(&string_to_sign).into_owned(),
        }))));
    }
    if fresh {
        // Only keys of verified requests are kept, so nobody can flush the cache without knowing a secret.
        keys.insert(parsed.signing_scope(), secret, key);
    }
    Ok(())
}

fn check_scope(parsed: &ParsedSignature<'_>, services: &[&str]) -> Result<(), CommonError> {
    let refused = |text: String| Err(CommonError::SignatureRefused(text));
    if parsed.terminator() != TERMINATOR {
        return refused(format!("Credential should be scoped with a valid terminator: '{TERMINATOR}'. "));
    }
    let region = parsed.region();
    let plausible = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.is_empty() || region.len() > 64 || !region.chars().all(plausible) {
        return refused("Credential should be scoped to a valid region. ".to_owned());
    }
    if !services.contains(&parsed.service()) {
        let expected = services.first().copied().unwrap_or_default();
        return refused(format!("Credential should be scoped to correct service: '{expected}'. "));
    }
    let day = parsed.amz_date.get(..8).unwrap_or_default();
    if parsed.date_stamp() != day {
        let stamp: String = parsed.date_stamp().chars().take(16).collect();
        return refused(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{stamp}' != \
             '{day}', from '{}'.",
            parsed.amz_date
        ));
    }
    Ok(())
}

fn check_date(parsed: &ParsedSignature<'_>, now: Timestamp) -> Result<(), CommonError> {
    let not_yet = now.plus_seconds(SIGNATURE_SKEW_SECONDS_MAX);
    if parsed.date > not_yet {
        return Err(CommonError::SignatureRefused(format!(
            "Signature not yet current: {} is still later than {} ({} + {} min.)",
            parsed.amz_date,
            not_yet.amz_date(),
            now.amz_date(),
            SIGNATURE_SKEW_SECONDS_MAX / 60
        )));
    }
    let lifetime = match parsed.form {
        Form::Header => SIGNATURE_SKEW_SECONDS_MAX,
        Form::Presigned { .. } if parsed.service() == "sts" => STS_PRESIGNED_SECONDS,
        Form::Presigned { expires_seconds } => {
            let late = now > parsed.date.plus_seconds(expires_seconds);
            return if late { Err(CommonError::RequestExpired) } else { Ok(()) };
        }
    };
    let oldest = now.plus_seconds(-lifetime);
    if parsed.date < oldest {
        return Err(CommonError::SignatureRefused(format!(
            "Signature expired: {} is now earlier than {} ({} - {} min.)",
            parsed.amz_date,
            oldest.amz_date(),
            now.amz_date(),
            lifetime / 60
        )));
    }
    Ok(())
}

fn check_headers(parsed: &ParsedSignature<'_>, request: &WireRequest<'_>) -> Result<(), CommonError> {
    let signed = |name: &str| parsed.signed_headers().any(|signed| signed.eq_ignore_ascii_case(name));
    if !signed("host") {
        let text = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
        return Err(CommonError::SignatureRefused(text.to_owned()));
    }
    let is_amz = |name: &str| name.get(..6).is_some_and(|prefix| prefix.eq_ignore_ascii_case("x-amz-"));
    if let Some((name, _)) = request.headers.iter().find(|(name, _)| is_amz(name) && !signed(name)) {
        let name: String = name.to_ascii_lowercase().chars().take(64).collect();
        return Err(CommonError::SignatureRefused(format!(
            "'{name}' must be a 'SignedHeader' in the AWS Authorization."
        )));
    }
    let present = |name: &str| request.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    if let Some(name) = parsed.signed_headers().find(|name| !present(name)) {
        let name: String = name.chars().take(64).collect();
        return Err(CommonError::SignatureRefused(format!("The signed header '{name}' is not part of the request.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
