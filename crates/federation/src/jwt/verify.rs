//! ID tokens (OpenID Connect Core 1.0 §2 and §3.1.3.7) in compact serialisation (RFC 7515 §7.1).

use super::key_set::MAXIMUM_KEY_ID_BYTES;
use super::{Algorithm, Key, KeySet};
use crate::rejection::{Rejection, RejectionCode};
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Longest `WebIdentityToken` of `AssumeRoleWithWebIdentity`, in characters.
pub const MAXIMUM_TOKEN_CHARACTERS: usize = 20_000;
/// Longest subject (OpenID Connect Core §2), in characters.
const MAXIMUM_SUBJECT_CHARACTERS: usize = 255;
/// Times beyond this many seconds are not times; 2^40 is after the year 36000.
const MAXIMUM_NUMERIC_DATE: f64 = 1_099_511_627_776.0;
/// Keys of one ID that are tried.
const MAXIMUM_TRIALS: usize = 4;

/// What a token must fit.
#[derive(Clone, Copy, Debug)]
pub struct Expectations<'a> {
    /// The issuer, exactly as registered.
    pub issuer: &'a str,
    /// The client IDs for which the token may have been issued.
    pub audiences: &'a [&'a str],
    /// The present.
    pub now: Timestamp,
    /// By how many seconds clocks may differ.
    pub clock_skew_seconds: i64,
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Over [`MAXIMUM_TOKEN_CHARACTERS`].
    #[error("the token is longer than 20,000 characters")]
    TooLong,
    /// Not three parts of base64url with JSON objects in the first two.
    #[error("the token is not a JSON Web Token in compact serialisation")]
    Malformed,
    /// An algorithm that is not accepted, `none` and HMAC among them.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// A header that must be understood and is not, or a type other than `JWT`.
    #[error("the token's header has an unknown type or critical extension")]
    Header,
    /// No key of the issuer fits the token's key ID and algorithm.
    #[error("the issuer has no key that fits the token")]
    NoKey,
    /// The signature.
    #[error("the token's signature is not valid")]
    Signature,
    /// A claim that is missing or of the wrong type.
    #[error("the claim {0} is missing or malformed")]
    Claim(&'static str),
    /// Another issuer.
    #[error("the token is from another issuer")]
    Issuer {
        /// The token's issuer.
        issuer: String,
    },
    /// For somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// Over.
    #[error("the token has expired")]
    Expired {
        /// The present.
        now: Timestamp,
        /// The claim `exp`.
        expired_at: Timestamp,
    },
    /// `nbf` or `iat` lie in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
}

impl TokenError {
    /// What `AssumeRoleWithWebIdentity` answers. Texts as recorded from AWS where known.
    pub fn rejection(&self) -> Rejection {
        let message = match self {
            Self::Expired { now, expired_at } => {
                let (now, end) = (now.seconds(), expired_at.seconds());
                let message =
                    format!("Token expired: current date/time {now} must be before the expiration date/time {end}");
                return Rejection::new(RejectionCode::ExpiredTokenException, message);
            }
            Self::TooLong | Self::Malformed | Self::Header => {
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)".into()
            }
            Self::NoKey => "Couldn't retrieve verification key from your identity provider, please reference \
                            AssumeRoleWithWebIdentity documentation for requirements"
                .into(),
            Self::Issuer { issuer } => format!("No OpenIDConnect provider found in your account for {issuer}"),
            Self::Audience => "Incorrect token audience".into(),
            Self::Claim(claim) => format!("Missing a required claim: {claim}"),
            Self::Algorithm => "The token's algorithm is not supported".into(),
            Self::Signature => "The token's signature is not valid".into(),
            Self::NotYetValid => "The token is not valid yet".into(),
        };
        Rejection::new(RejectionCode::InvalidIdentityToken, message)
    }
}

/// A token whose signature, issuer, audience and times were checked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct IdToken {
    /// Who issued it.
    pub issuer: String,
    /// Whom it is about.
    pub subject: String,
    /// The audience that was accepted: the authorised party where one is stated, as STS counts it.
    pub audience: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Until when it counts.
    pub expires_at: Timestamp,
    /// All claims.
    pub claims: Map<String, Value>,
}

struct Parts<'a> {
    signed: &'a str,
    header: Map<String, Value>,
    payload: &'a str,
    signature: Vec<u8>,
}

fn split(token: &str) -> Result<Parts<'_>, TokenError> {
    if token.len() > MAXIMUM_TOKEN_CHARACTERS {
        return Err(TokenError::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    if payload.contains('.') {
        return Err(TokenError::Malformed);
    }
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?;
    Ok(Parts { signed, header: object(header)?, payload, signature })
}

fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}

/// The issuer a token claims, to find out whose keys to check it with. Nothing about the token has been verified.
pub fn unverified_issuer(token: &str) -> Result<String, TokenError> {
    let claims = object(split(token)?.payload)?;
    claims.get("iss").and_then(Value::as_str).map(str::to_owned).ok_or(TokenError::Claim("iss"))
}

/// Verifies an ID token with its issuer's keys.
pub fn verify(token: &str, keys: &KeySet, expected: &Expectations<'_>) -> Result<IdToken, TokenError> {
    let parts = split(token)?;
    check_header(&parts.header)?;
    let algorithm = parts.header.get("alg").and_then(Value::as_str).and_then(Algorithm::from_name);
    let algorithm = algorithm.ok_or(TokenError::Algorithm)?;
    let candidates = candidates(keys, &parts.header, algorithm)?;
    let signed = parts.signed.as_bytes();
    if !candidates.iter().any(|key| key.key.verifies(algorithm.scheme(), signed, &parts.signature)) {
        return Err(TokenError::Signature);
    }
    check_claims(object(parts.payload)?, expected)
}

fn check_header(header: &Map<String, Value>) -> Result<(), TokenError> {
    // Other types are other kinds of tokens: an access token must not pass for an ID token (RFC 8725 §3.11).
    let known_type = match header.get("typ") {
        None => true,
        Some(kind) => kind.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("JWT")),
    };
    // No extension is understood, so none can be critical (RFC 7515 §4.1.11).
    if known_type && !header.contains_key("crit") { Ok(()) } else { Err(TokenError::Header) }
}

/// The keys that may have signed: with the token's key ID; without one, the only key of that kind.
fn candidates<'k>(
    keys: &'k KeySet,
    header: &Map<String, Value>,
    algorithm: Algorithm,
) -> Result<Vec<&'k Key>, TokenError> {
    let fits =
        |key: &&Key| key.key.kind() == algorithm.key_kind() && key.algorithm.is_none_or(|stated| stated == algorithm);
    let fitting = keys.keys().iter().filter(fits);
    let candidates: Vec<_> = match header.get("kid") {
        Some(id) => {
            let id = id.as_str().filter(|id| id.len() <= MAXIMUM_KEY_ID_BYTES).ok_or(TokenError::Malformed)?;
            fitting.filter(|key| key.id.as_deref() == Some(id)).take(MAXIMUM_TRIALS).collect()
        }
        None => {
            let all: Vec<_> = fitting.collect();
            if all.len() == 1 { all } else { Vec::new() }
        }
    };
    if candidates.is_empty() { Err(TokenError::NoKey) } else { Ok(candidates) }
}

fn check_claims(claims: Map<String, Value>, expected: &Expectations<'_>) -> Result<IdToken, TokenError> {
    let text = |claim: &'static str| claims.get(claim).and_then(Value::as_str).ok_or(TokenError::Claim(claim));
    let issuer = text("iss")?;
    if issuer != expected.issuer {
        return Err(TokenError::Issuer { issuer: issuer.to_owned() });
    }
    let subject = text("sub")?;
    if subject.is_empty() || subject.chars().count() > MAXIMUM_SUBJECT_CHARACTERS {
        return Err(TokenError::Claim("sub"));
    }
    let audience = accepted_audience(&claims, expected)?;
    let expires_at = numeric_date(&claims, "exp")?.ok_or(TokenError::Claim("exp"))?;
    let issued_at = numeric_date(&claims, "iat")?.ok_or(TokenError::Claim("iat"))?;
    let not_before = numeric_date(&claims, "nbf")?;
    if expires_at.plus_seconds(expected.clock_skew_seconds) <= expected.now {
        return Err(TokenError::Expired { now: expected.now, expired_at: expires_at });
    }
    let latest = expected.now.plus_seconds(expected.clock_skew_seconds);
    if issued_at > latest || not_before.is_some_and(|start| start > latest) {
        return Err(TokenError::NotYetValid);
    }
    Ok(IdToken { issuer: issuer.to_owned(), subject: subject.to_owned(), audience, issued_at, expires_at, claims })
}

/// The audience of the token that is expected. Where an authorised party (`azp`) is stated it is what counts: the token
/// was issued to that client, whoever else may read it (OpenID Connect Core §3.1.3.7).
fn accepted_audience(claims: &Map<String, Value>, expected: &Expectations<'_>) -> Result<String, TokenError> {
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(audience)) => vec![audience],
        Some(Value::Array(list)) => {
            let list: Option<Vec<_>> = list.iter().map(Value::as_str).collect();
            list.filter(|list| !list.is_empty()).ok_or(TokenError::Claim("aud"))?
        }
        _ => return Err(TokenError::Claim("aud")),
    };
    let audiences = match claims.get("azp") {
        None => audiences,
        Some(party) => vec![party.as_str().ok_or(TokenError::Claim("azp"))?],
    };
    let accepted = audiences.into_iter().find(|audience| expected.audiences.contains(audience));
    accepted.map(str::to_owned).ok_or(TokenError::Audience)
}

/// A `NumericDate` (RFC 7519 §2), which may have a fraction.
fn numeric_date(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<Timestamp>, TokenError> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| seconds.abs() < MAXIMUM_NUMERIC_DATE);
    let time = seconds.and_then(Timestamp::from_seconds_f64);
    time.map(Some).ok_or(TokenError::Claim(claim))
}
