//! From the proof in an unsigned request to facts that may be believed. The only module of IAM that verifies
//! assertions and tokens, and it leaves that to the crate `federation`.

use crate::oidc_provider::{OidcProvider, keys};
use crate::saml_provider::SamlProvider;
use base::Timestamp;
use federation::saml::claims::{self, SessionClaims};
use federation::saml::metadata::Metadata;
use federation::saml::{AWS_AUDIENCE, response};
use federation::{Rejection, RejectionCode, jwt};
use kernel::{Cx, Error, Result};
use model::sts::{
    ExpiredTokenException, IDPCommunicationErrorException, IDPRejectedClaimException, InvalidIdentityTokenException,
    Tag,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// By how many seconds an identity provider's clock may differ.
const CLOCK_SKEW_SECONDS: i64 = 60;
/// Condition keys of SAML that hold one value; the others are lists.
const SINGLE_SAML_KEYS: [&str; 6] =
    ["saml:aud", "saml:iss", "saml:sub", "saml:sub_type", "saml:namequalifier", "saml:doc"];
/// What the names of AWS's own claims begin with.
const AWS_CLAIMS: &str = "https://aws.amazon.com/";
/// Claim that carries session tags (IAM User Guide, "Pass session tags using AssumeRoleWithWebIdentity").
const TAGS_CLAIM: &str = "https://aws.amazon.com/tags";
/// Claim that carries the source identity.
const SOURCE_IDENTITY_CLAIM: &str = "https://aws.amazon.com/source_identity";

/// Condition keys with a list of values.
type Lists = Vec<(String, Vec<String>)>;

/// What a verified assertion says.
pub(super) struct SamlProof {
    pub issuer: String,
    pub subject: String,
    pub subject_type: String,
    pub recipient: String,
    pub name_qualifier: String,
    pub session_name: String,
    pub duration_seconds: Option<i64>,
    pub ends_at: Option<Timestamp>,
    pub tags: Vec<Tag>,
    pub transitive_tag_keys: Vec<String>,
    pub source_identity: Option<String>,
    /// Condition keys with one value.
    pub context: BTreeMap<String, String>,
    /// Condition keys with a list of values.
    pub lists: Lists,
}

/// Verifies an assertion of `provider` that offers `role_arn`.
///
/// # Errors
/// `InvalidIdentityToken`, `ExpiredTokenException`, `IDPRejectedClaim`.
pub(super) fn verify_saml(cx: &Cx<'_>, provider: &SamlProvider, role_arn: &str, assertion: &str) -> Result<SamlProof> {
    let metadata = Metadata::parse(&provider.metadata)
        .map_err(|error| Error::internal(format!("the metadata of {} is not readable: {error}", provider.arn)))?;
    let settings = &cx.app.settings;
    let endpoints = [
        "https://signin.aws.amazon.com/saml".to_owned(),
        format!("https://{}.signin.aws.amazon.com/saml", settings.region),
        format!("https://{}.signin.aws.amazon.com/saml", cx.request.region),
        format!("{}/saml", settings.base_url.trim_end_matches('/')),
    ];
    let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
    let audiences: Vec<&str> = endpoints.iter().copied().chain([AWS_AUDIENCE]).collect();
    let expected = response::Expectations {
        metadata: &metadata,
        endpoints: &endpoints,
        audiences: &audiences,
        now: cx.now,
        clock_skew_seconds: CLOCK_SKEW_SECONDS,
    };
    let assertion = response::validate(assertion, &expected).map_err(|error| {
        tracing::info!(provider = %provider.arn, %error, "a SAML response was refused");
        rejected(error.rejection())
    })?;
    let session = SessionClaims::from_assertion(&assertion).map_err(|error| rejected(error.rejection()))?;
    session.check_role(role_arn, &provider.arn).map_err(|error| rejected(error.rejection()))?;
    let (mut context, mut lists) = (BTreeMap::new(), Vec::new());
    for (key, values) in claims::context_keys(&assertion, provider.account.as_str(), &provider.name) {
        match <[String; 1]>::try_from(values) {
            Ok([value]) if SINGLE_SAML_KEYS.contains(&key.as_str()) => drop(context.insert(key, value)),
            Ok([value]) => lists.push((key, vec![value])),
            Err(values) => lists.push((key, values)),
        }
    }
    Ok(SamlProof {
        subject_type: assertion.subject_type().to_owned(),
        name_qualifier: claims::name_qualifier(&assertion.issuer, provider.account.as_str(), &provider.name),
        issuer: assertion.issuer,
        subject: assertion.name_id,
        recipient: assertion.recipient,
        session_name: session.role_session_name,
        duration_seconds: session.session_duration.map(i64::from),
        ends_at: assertion.session_not_on_or_after,
        tags: session.principal_tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
        transitive_tag_keys: session.transitive_tag_keys,
        source_identity: session.source_identity,
        context,
        lists,
    })
}

/// What a verified ID token says.
pub(super) struct WebIdentityProof {
    pub subject: String,
    pub audience: String,
    pub tags: Vec<Tag>,
    pub transitive_tag_keys: Vec<String>,
    pub source_identity: Option<String>,
    /// Condition keys with one value.
    pub context: BTreeMap<String, String>,
    /// Condition keys with a list of values.
    pub lists: Lists,
}

/// The issuer that a token names, to find its provider by; nothing is verified yet.
///
/// # Errors
/// `InvalidIdentityToken` for what is no token.
pub(super) fn issuer_of(token: &str) -> Result<String> {
    jwt::unverified_issuer(token).map_err(|error| rejected(error.rejection()))
}

/// Verifies an ID token of `provider`. Has the provider's keys fetched where none is known, where they are old, and
/// where the token may be signed by a newer one.
///
/// # Errors
/// `InvalidIdentityToken`, `ExpiredTokenException`; `IDPCommunicationError`, which clients try again, while the keys
/// that decide are being fetched.
pub(super) fn verify_web_identity(cx: &Cx<'_>, provider: &OidcProvider, token: &str) -> Result<WebIdentityProof> {
    let issuer = format!("https://{}", provider.url);
    let Some(jwks) = &provider.jwks else {
        keys::want(cx, provider);
        return Err(keys_awaited(&issuer, &provider.arn));
    };
    if keys::are_old(provider, cx.now) {
        keys::want(cx, provider);
    }
    let keys = jwt::KeySet::parse(jwks)
        .map_err(|error| Error::internal(format!("the keys of {issuer} are not readable: {error}")))?;
    let audiences: Vec<&str> = provider.client_ids.iter().map(String::as_str).collect();
    let expected = jwt::Expectations {
        issuer: &issuer,
        audiences: &audiences,
        now: cx.now,
        clock_skew_seconds: CLOCK_SKEW_SECONDS,
    };
    let token = jwt::verify(token, &keys, &expected).map_err(|error| {
        tracing::info!(issuer, %error, "an ID token was refused");
        // A wrong signature may be that of a new key: not every issuer names its keys.
        let may_be_newer = matches!(error, jwt::TokenError::NoKey | jwt::TokenError::Signature);
        let is_awaited = may_be_newer && keys::want(cx, provider);
        match error {
            jwt::TokenError::NoKey if is_awaited => keys_awaited(&issuer, &provider.arn),
            error => rejected(error.rejection()),
        }
    })?;
    let (tags, transitive_tag_keys) = session_tags(&token.claims)?;
    let (context, lists) = web_identity_keys(&issuer, &token);
    let source_identity = match token.claims.get(SOURCE_IDENTITY_CLAIM) {
        None => None,
        Some(Value::String(identity)) if is_source_identity(identity) => Some(identity.clone()),
        Some(_) => return Err(invalid("The source identity in the token is not valid")),
    };
    Ok(WebIdentityProof {
        subject: token.subject,
        audience: token.audience,
        tags,
        transitive_tag_keys,
        source_identity,
        context,
        lists,
    })
}

/// The condition keys of a token: its claims behind the issuer's host and path.
fn web_identity_keys(issuer: &str, token: &jwt::IdToken) -> (BTreeMap<String, String>, Lists) {
    let prefix = issuer.trim_start_matches("https://");
    // An issuer of one bare word could pass its claims off as keys of AWS (`aws:SourceIp`).
    let is_distinct = prefix.contains(['.', ':', '/']);
    let (mut context, mut lists) = (BTreeMap::new(), Vec::new());
    for (claim, value) in &token.claims {
        let key = format!("{prefix}:{claim}");
        match value {
            Value::Array(values) if claim == "amr" => {
                lists.push((key, values.iter().filter_map(Value::as_str).map(str::to_owned).collect()));
            }
            Value::String(text) if claim == "sub" || (is_distinct && !claim.starts_with(AWS_CLAIMS)) => {
                context.insert(key, text.clone());
            }
            _ => {}
        }
    }
    context.insert(format!("{prefix}:aud"), token.audience.clone());
    (context, lists)
}

/// The constraint of `SourceIdentity` in the model, and the reserved prefix.
fn is_source_identity(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    (2..=64).contains(&text.len()) && text.chars().all(is_allowed) && !text.to_lowercase().starts_with("aws:")
}

fn session_tags(claims: &Map<String, Value>) -> Result<(Vec<Tag>, Vec<String>)> {
    let Some(claim) = claims.get(TAGS_CLAIM) else { return Ok((Vec::new(), Vec::new())) };
    let malformed = || invalid("The session tags in the token are not valid");
    let principal_tags = claim.get("principal_tags").and_then(Value::as_object).ok_or_else(malformed)?;
    let mut tags = Vec::new();
    for (key, value) in principal_tags {
        let value = match value {
            Value::Array(values) if values.len() == 1 => values[0].as_str(),
            value => value.as_str(),
        };
        let value = value.filter(|value| value.chars().count() <= 256).ok_or_else(malformed)?;
        if key.is_empty() || key.chars().count() > 128 {
            return Err(malformed());
        }
        tags.push(Tag { key: key.clone(), value: value.to_owned() });
    }
    let transitive = match claim.get("transitive_tag_keys") {
        None => Vec::new(),
        Some(keys) => {
            let keys = keys.as_array().ok_or_else(malformed)?.iter();
            keys.map(|key| key.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(malformed)?
        }
    };
    Ok((tags, transitive))
}

fn keys_awaited(issuer: &str, arn: &str) -> Error {
    let text = format!(
        "The signing keys of the identity provider {issuer} are being fetched for {arn}. Try again in a few seconds; \
         if this persists, the provider cannot be reached."
    );
    IDPCommunicationErrorException::new(text).into()
}

fn invalid(message: &str) -> Error {
    InvalidIdentityTokenException::new(message).into()
}

fn rejected(rejection: Rejection) -> Error {
    match rejection.code {
        RejectionCode::InvalidIdentityToken => InvalidIdentityTokenException::new(rejection.message).into(),
        RejectionCode::ExpiredTokenException => ExpiredTokenException::new(rejection.message).into(),
        RejectionCode::IdpRejectedClaim => IDPRejectedClaimException::new(rejection.message).into(),
    }
}
