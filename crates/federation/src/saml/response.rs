//! From a `SAMLResponse` to facts that may be believed.

use super::metadata::{IdentityProvider, Metadata};
use super::signature::{self, SignatureError};
use super::{
    ASSERTION_NAMESPACE, FORMAT_PERSISTENT, FORMAT_TRANSIENT, FORMAT_UNSPECIFIED, METHOD_BEARER, PROTOCOL_NAMESPACE,
    SIGNATURE_NAMESPACE, STATUS_SUCCESS,
};
use crate::rejection::{Rejection, RejectionCode};
use crate::xml::{self, Document, ElementId, Limits, XmlError};
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest `SAMLAssertion` parameter of `AssumeRoleWithSAML`, in characters of base64.
pub const MAXIMUM_RESPONSE_CHARACTERS: usize = 100_000;
/// How long after its issue an assertion may be redeemed, in seconds.
pub const MAXIMUM_AGE_SECONDS: i64 = 300;
/// Longest status that is repeated in an error, in characters.
const MAXIMUM_STATUS_CHARACTERS: usize = 512;

const LIMITS: Limits = Limits {
    bytes: MAXIMUM_RESPONSE_CHARACTERS,
    elements: 10_000,
    attributes_of_an_element: 64,
    namespace_declarations: 1_000,
    namespaces_in_scope: 64,
    depth: 40,
};

/// What a response must fit.
#[derive(Clone, Copy, Debug)]
pub struct Expectations<'a> {
    /// The registered metadata: issuer and keys.
    pub metadata: &'a Metadata,
    /// The URLs that may stand as `Destination` and `Recipient`.
    pub endpoints: &'a [&'a str],
    /// The audiences of which each audience restriction must name one.
    pub audiences: &'a [&'a str],
    /// The present.
    pub now: Timestamp,
    /// By how many seconds the issuer's clock may be ahead of ours.
    pub clock_skew_seconds: i64,
}

/// Why a response is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// Over [`MAXIMUM_RESPONSE_CHARACTERS`].
    #[error("the SAML response is longer than 100,000 characters")]
    TooLong,
    /// Not base64 of UTF-8.
    #[error("the SAML response is not base64 of a UTF-8 document")]
    Base64,
    /// Not acceptable as XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Not a SAML 2.0 response as the profile wants it.
    #[error("the SAML response is not valid: {0}")]
    Structure(&'static str),
    /// An encrypted assertion.
    #[error("the SAML response has an encrypted assertion, which is not supported")]
    Encrypted,
    /// No assertion or several.
    #[error("the SAML response must have exactly one assertion")]
    AssertionCount,
    /// The identity provider refused the sign-in.
    #[error("the identity provider answered with status {code}: {message}")]
    Status {
        /// The innermost status code.
        code: String,
        /// The provider's message, possibly empty.
        message: String,
    },
    /// Issued by somebody else than the registered identity provider.
    #[error("the issuer of the SAML response is not the registered identity provider")]
    Issuer,
    /// The metadata's own `validUntil` is over.
    #[error("the identity provider's metadata is no longer valid")]
    MetadataExpired,
    /// The signature.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Sent to somewhere else.
    #[error("the Destination of the SAML response is not this service")]
    Destination,
    /// To be redeemed somewhere else.
    #[error("the Recipient of the subject confirmation is not this service")]
    Recipient,
    /// For somebody else.
    #[error("the assertion is not for this audience")]
    Audience,
    /// Not exactly one bearer confirmation with its data.
    #[error(
        "the assertion must have exactly one subject confirmation, of method bearer, with NotOnOrAfter and Recipient"
    )]
    SubjectConfirmation,
    /// Issued more than [`MAXIMUM_AGE_SECONDS`] ago.
    #[error("the assertion was issued more than five minutes ago")]
    TooOld,
    /// One of its own limits in time is over.
    #[error("the assertion has expired")]
    Expired,
    /// Issued in the future, or limited to it.
    #[error("the assertion is not valid yet")]
    NotYetValid,
}

impl ResponseError {
    /// What `AssumeRoleWithSAML` answers. Texts as recorded from AWS where known.
    pub fn rejection(&self) -> Rejection {
        use RejectionCode::{ExpiredTokenException, IdpRejectedClaim, InvalidIdentityToken};
        match self {
            Self::TooLong | Self::Base64 => Rejection::new(InvalidIdentityToken, "Invalid base64 SAMLResponse"),
            Self::Issuer => Rejection::new(InvalidIdentityToken, "Issuer not present in specified provider"),
            Self::Signature(_) => Rejection::new(InvalidIdentityToken, "Response signature invalid"),
            Self::TooOld => {
                Rejection::new(ExpiredTokenException, "Token must be redeemed within 5 minutes of issuance")
            }
            Self::Expired => Rejection::new(ExpiredTokenException, "Token is expired"),
            Self::Status { .. } => Rejection::new(IdpRejectedClaim, "The identity provider rejected the claim"),
            Self::Audience => Rejection::new(InvalidIdentityToken, "Response does not contain the required audience"),
            other => Rejection::new(InvalidIdentityToken, sentence(&other.to_string())),
        }
    }
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// An attribute of the assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name, usually a URI.
    pub name: String,
    /// Its values in order; several attributes of one name are taken together.
    pub values: Vec<String>,
}

/// The facts of an assertion whose signature, addressee and times were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assertion {
    /// The assertion's ID, for detection of replays until [`Assertion::not_on_or_after`].
    pub id: String,
    /// The request this answers, from the subject confirmation; `None` for a sign-in begun at the identity provider.
    pub in_response_to: Option<String>,
    /// The identity provider.
    pub issuer: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Until when it may be redeemed.
    pub not_on_or_after: Timestamp,
    /// Who signed in.
    pub name_id: String,
    /// The format of [`Assertion::name_id`], a URI.
    pub name_id_format: String,
    /// The URL it was issued for.
    pub recipient: String,
    /// The audience that was accepted.
    pub audience: String,
    /// The identity provider's name for the session.
    pub session_index: Option<String>,
    /// When the identity provider wants the session to end.
    pub session_not_on_or_after: Option<Timestamp>,
    /// The attributes, in the order their names first occur.
    pub attributes: Vec<Attribute>,
}

impl Assertion {
    /// The values of an attribute; empty when it is absent.
    pub fn values(&self, name: &str) -> &[String] {
        self.attributes.iter().find(|attribute| attribute.name == name).map_or(&[], |found| &found.values)
    }

    /// `SubjectType` of `AssumeRoleWithSAML`: `persistent`, `transient`, or the format's whole URI.
    pub fn subject_type(&self) -> &str {
        match self.name_id_format.as_str() {
            FORMAT_PERSISTENT => "persistent",
            FORMAT_TRANSIENT => "transient",
            other => other,
        }
    }
}

/// Checks a base64 `SAMLResponse` against `expected`.
pub fn validate(response: &str, expected: &Expectations<'_>) -> Result<Assertion, ResponseError> {
    let text = decode(response)?;
    let document = Document::parse(&text, &LIMITS)?;
    let response = document.root();
    let assertion = find_assertion(&document)?;
    let provider = check_issuers(&document, response, assertion, expected)?;
    let keys: Vec<_> = provider.certificates.iter().map(|certificate| certificate.key()).collect();
    signature::verify(&document, response, assertion, &keys)?;
    check_destination(&document, response, expected)?;
    read_assertion(&document, assertion, expected)
}

/// The values of an attribute as the response claims them, to find out whose metadata to check it with. Nothing about
/// the response has been verified.
///
/// # Errors
/// [`ResponseError`] for what is no response with one assertion.
pub fn unverified_values(response: &str, attribute: &str) -> Result<Vec<String>, ResponseError> {
    let text = decode(response)?;
    let document = Document::parse(&text, &LIMITS)?;
    let assertion = find_assertion(&document)?;
    let attributes = read_attributes(&document, assertion)?;
    let found = attributes.into_iter().find(|each| each.name == attribute);
    Ok(found.map(|found| found.values).unwrap_or_default())
}

fn decode(response: &str) -> Result<String, ResponseError> {
    if response.len() > MAXIMUM_RESPONSE_CHARACTERS {
        return Err(ResponseError::TooLong);
    }
    let compact: String = response.split_ascii_whitespace().collect();
    let bytes = STANDARD.decode(compact).map_err(|_| ResponseError::Base64)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| ResponseError::Base64)?;
    Ok(xml::normalize(text))
}

/// Checks the response as a frame and answers its only assertion.
fn find_assertion(document: &Document<'_>) -> Result<ElementId, ResponseError> {
    let response = document.root();
    if !document.is(response, PROTOCOL_NAMESPACE, "Response") {
        return Err(ResponseError::Structure("the root element is not Response"));
    }
    if document.attribute(response, "Version") != Some("2.0") {
        return Err(ResponseError::Structure("its version is not 2.0"));
    }
    check_status(document, response)?;
    if document.all().any(|id| document.is(id, ASSERTION_NAMESPACE, "EncryptedAssertion")) {
        return Err(ResponseError::Encrypted);
    }
    // Assertions are counted wherever they hide, so that no second one can be taken for the first.
    let mut assertions = document.all().filter(|id| document.is(*id, ASSERTION_NAMESPACE, "Assertion"));
    let (Some(assertion), None) = (assertions.next(), assertions.next()) else {
        return Err(ResponseError::AssertionCount);
    };
    if document.parent(assertion) != Some(response) {
        return Err(ResponseError::Structure("the assertion is not directly in the response"));
    }
    if document.attribute(assertion, "Version") != Some("2.0") {
        return Err(ResponseError::Structure("the assertion's version is not 2.0"));
    }
    let known = [
        (ASSERTION_NAMESPACE, "Issuer"),
        (SIGNATURE_NAMESPACE, "Signature"),
        (PROTOCOL_NAMESPACE, "Extensions"),
        (PROTOCOL_NAMESPACE, "Status"),
        (ASSERTION_NAMESPACE, "Assertion"),
    ];
    let is_known = |id| known.iter().any(|(namespace, local)| document.is(id, namespace, local));
    if !document.children(response).all(is_known) || document.has_direct_text(response) {
        return Err(ResponseError::Structure("the response has unknown content"));
    }
    Ok(assertion)
}

fn check_status(document: &Document<'_>, response: ElementId) -> Result<(), ResponseError> {
    let status = one(document, response, PROTOCOL_NAMESPACE, "Status", "it has no status")?;
    let mut code = one(document, status, PROTOCOL_NAMESPACE, "StatusCode", "its status has no code")?;
    if document.attribute(code, "Value") == Some(STATUS_SUCCESS) {
        return Ok(());
    }
    while let Some(inner) = document.children_named(code, PROTOCOL_NAMESPACE, "StatusCode").next() {
        code = inner;
    }
    let message = document.children_named(status, PROTOCOL_NAMESPACE, "StatusMessage").next();
    let bounded = |text: &str| text.chars().take(MAXIMUM_STATUS_CHARACTERS).collect();
    Err(ResponseError::Status {
        code: bounded(document.attribute(code, "Value").unwrap_or_default()),
        message: bounded(message.and_then(|id| document.text(id)).unwrap_or_default()),
    })
}

/// Both issuers, where stated, must be the same registered identity provider.
fn check_issuers<'e>(
    document: &Document<'_>,
    response: ElementId,
    assertion: ElementId,
    expected: &Expectations<'e>,
) -> Result<&'e IdentityProvider, ResponseError> {
    let issuer = one(document, assertion, ASSERTION_NAMESPACE, "Issuer", "the assertion has no issuer")?;
    let issuer = document.text(issuer).ok_or(ResponseError::Issuer)?;
    let mut outer = document.children_named(response, ASSERTION_NAMESPACE, "Issuer");
    if outer.any(|id| document.text(id) != Some(issuer)) {
        return Err(ResponseError::Issuer);
    }
    let provider = expected.metadata.by_entity_id(issuer).ok_or(ResponseError::Issuer)?;
    if provider.valid_until.is_some_and(|until| until <= expected.now) {
        return Err(ResponseError::MetadataExpired);
    }
    Ok(provider)
}

fn check_destination(
    document: &Document<'_>,
    response: ElementId,
    expected: &Expectations<'_>,
) -> Result<(), ResponseError> {
    let signed = document.children_named(response, SIGNATURE_NAMESPACE, "Signature").next().is_some();
    match document.attribute(response, "Destination").filter(|destination| !destination.is_empty()) {
        Some(destination) if expected.endpoints.contains(&destination) => Ok(()),
        // A signed message must state it (SAML 2.0 bindings §3.5.5.2); the Recipient is checked in any case.
        None if !signed => Ok(()),
        _ => Err(ResponseError::Destination),
    }
}

struct Subject {
    name_id: String,
    format: String,
    recipient: String,
    in_response_to: Option<String>,
    not_on_or_after: Timestamp,
}

fn read_assertion(
    document: &Document<'_>,
    assertion: ElementId,
    expected: &Expectations<'_>,
) -> Result<Assertion, ResponseError> {
    let id = document.attribute(assertion, "ID").filter(|id| !id.is_empty());
    let id = id.ok_or(ResponseError::Structure("the assertion has no ID"))?;
    let issuer = one(document, assertion, ASSERTION_NAMESPACE, "Issuer", "the assertion has no issuer")?;
    let issued_at = time(document, assertion, "IssueInstant")?;
    let issued_at = issued_at.ok_or(ResponseError::Structure("the assertion has no IssueInstant"))?;
    check_not_before(issued_at, expected)?;
    let subject = read_subject(document, assertion, expected)?;
    let (audience, conditions_end) = read_conditions(document, assertion, expected)?;
    if issued_at.plus_seconds(MAXIMUM_AGE_SECONDS) < expected.now {
        return Err(ResponseError::TooOld);
    }
    let mut result = Assertion {
        id: id.to_owned(),
        in_response_to: subject.in_response_to,
        issuer: document.text(issuer).ok_or(ResponseError::Issuer)?.to_owned(),
        issued_at,
        not_on_or_after: conditions_end.map_or(subject.not_on_or_after, |end| end.min(subject.not_on_or_after)),
        name_id: subject.name_id,
        name_id_format: subject.format,
        recipient: subject.recipient,
        audience,
        session_index: None,
        session_not_on_or_after: None,
        attributes: read_attributes(document, assertion)?,
    };
    if let Some(statement) = document.children_named(assertion, ASSERTION_NAMESPACE, "AuthnStatement").next() {
        result.session_index = document.attribute(statement, "SessionIndex").map(str::to_owned);
        result.session_not_on_or_after = time(document, statement, "SessionNotOnOrAfter")?;
        result.session_not_on_or_after.map_or(Ok(()), |end| check_end(end, expected))?;
    }
    Ok(result)
}

fn read_subject(
    document: &Document<'_>,
    assertion: ElementId,
    expected: &Expectations<'_>,
) -> Result<Subject, ResponseError> {
    let subject = one(document, assertion, ASSERTION_NAMESPACE, "Subject", "the assertion has not one Subject")?;
    let name = one(document, subject, ASSERTION_NAMESPACE, "NameID", "the subject has not one NameID")?;
    let name_id = document.text(name).filter(|text| !text.is_empty());
    let name_id = name_id.ok_or(ResponseError::Structure("the NameID is empty or has other content than text"))?;
    let wrong = ResponseError::SubjectConfirmation;
    let mut confirmations = document.children_named(subject, ASSERTION_NAMESPACE, "SubjectConfirmation");
    let (Some(confirmation), None) = (confirmations.next(), confirmations.next()) else { return Err(wrong) };
    let mut data = document.children_named(confirmation, ASSERTION_NAMESPACE, "SubjectConfirmationData");
    let (Some(data), None) = (data.next(), data.next()) else { return Err(wrong) };
    let recipient = document.attribute(data, "Recipient");
    let end = time(document, data, "NotOnOrAfter")?;
    let bearer = document.attribute(confirmation, "Method") == Some(METHOD_BEARER);
    let (Some(recipient), Some(not_on_or_after), true) = (recipient, end, bearer) else { return Err(wrong) };
    if !expected.endpoints.contains(&recipient) {
        return Err(ResponseError::Recipient);
    }
    check_end(not_on_or_after, expected)?;
    time(document, data, "NotBefore")?.map_or(Ok(()), |start| check_not_before(start, expected))?;
    Ok(Subject {
        name_id: name_id.to_owned(),
        format: document.attribute(name, "Format").unwrap_or(FORMAT_UNSPECIFIED).to_owned(),
        recipient: recipient.to_owned(),
        in_response_to: document.attribute(data, "InResponseTo").map(str::to_owned),
        not_on_or_after,
    })
}

/// The accepted audience and the end of the conditions.
fn read_conditions(
    document: &Document<'_>,
    assertion: ElementId,
    expected: &Expectations<'_>,
) -> Result<(String, Option<Timestamp>), ResponseError> {
    let missing = "the assertion has not one Conditions";
    let conditions = one(document, assertion, ASSERTION_NAMESPACE, "Conditions", missing)?;
    time(document, conditions, "NotBefore")?.map_or(Ok(()), |start| check_not_before(start, expected))?;
    let end = time(document, conditions, "NotOnOrAfter")?;
    end.map_or(Ok(()), |end| check_end(end, expected))?;
    let mut accepted = None;
    for condition in document.children(conditions) {
        if document.is(condition, ASSERTION_NAMESPACE, "AudienceRestriction") {
            let audiences = document.children_named(condition, ASSERTION_NAMESPACE, "Audience");
            let mut named = audiences.filter_map(|id| document.text(id));
            // Restrictions add up, the audiences within one are alternatives (SAML 2.0 core §2.5.1.4).
            let found = named.find(|audience| expected.audiences.contains(audience));
            accepted = Some(found.ok_or(ResponseError::Audience)?.to_owned());
        } else if !["OneTimeUse", "ProxyRestriction"].iter().any(|l| document.is(condition, ASSERTION_NAMESPACE, l)) {
            return Err(ResponseError::Structure("the assertion has an unknown condition"));
        }
    }
    Ok((accepted.ok_or(ResponseError::Audience)?, end))
}

fn read_attributes(document: &Document<'_>, assertion: ElementId) -> Result<Vec<Attribute>, ResponseError> {
    let mut result: Vec<Attribute> = Vec::new();
    let mut positions = std::collections::HashMap::new();
    let statements = document.children_named(assertion, ASSERTION_NAMESPACE, "AttributeStatement");
    for element in statements.flat_map(|id| document.children_named(id, ASSERTION_NAMESPACE, "Attribute")) {
        let name = document.attribute(element, "Name").filter(|name| !name.is_empty());
        let name = name.ok_or(ResponseError::Structure("an attribute has no Name"))?;
        let position = *positions.entry(name).or_insert_with(|| {
            result.push(Attribute { name: name.to_owned(), values: Vec::new() });
            result.len() - 1
        });
        let values = document.children_named(element, ASSERTION_NAMESPACE, "AttributeValue");
        let values = values.filter_map(|value| attribute_value(document, value)).map(str::to_owned);
        result[position].values.extend(values);
    }
    Ok(result)
}

/// An attribute value's text. A value may wrap a name identifier (eduPersonTargetedID does); any other structure has
/// no text to offer.
fn attribute_value<'d>(document: &'d Document<'_>, value: ElementId) -> Option<&'d str> {
    let mut children = document.children(value);
    match (children.next(), children.next()) {
        (None, _) => document.text(value),
        (Some(name), None) if document.is(name, ASSERTION_NAMESPACE, "NameID") => document.text(name),
        _ => None,
    }
}

/// The only child element of that name.
fn one(
    document: &Document<'_>,
    parent: ElementId,
    namespace: &str,
    local: &str,
    otherwise: &'static str,
) -> Result<ElementId, ResponseError> {
    let mut found = document.children_named(parent, namespace, local);
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        _ => Err(ResponseError::Structure(otherwise)),
    }
}

fn time(document: &Document<'_>, id: ElementId, attribute: &str) -> Result<Option<Timestamp>, ResponseError> {
    let text = document.attribute(id, attribute);
    let parse = |text: &str| Timestamp::parse_iso8601(text.trim());
    text.map(|text| parse(text).ok_or(ResponseError::Structure("a time is not well-formed"))).transpose()
}

fn check_not_before(start: Timestamp, expected: &Expectations<'_>) -> Result<(), ResponseError> {
    let latest = expected.now.plus_seconds(expected.clock_skew_seconds);
    if start > latest { Err(ResponseError::NotYetValid) } else { Ok(()) }
}

fn check_end(end: Timestamp, expected: &Expectations<'_>) -> Result<(), ResponseError> {
    if end <= expected.now { Err(ResponseError::Expired) } else { Ok(()) }
}
