//! Responses and metadata of our own, for the roles in which we are the identity provider.

use super::signature::{DIGEST_METHODS, ENVELOPED_SIGNATURE, EXCLUSIVE_CANONICALIZATION, SIGNATURE_METHODS};
use super::{
    ASSERTION_NAMESPACE, BINDING_POST, METADATA_NAMESPACE, METHOD_BEARER, PROTOCOL_NAMESPACE, SIGNATURE_NAMESPACE,
    STATUS_SUCCESS,
};
use crate::certificate::Certificate;
use crate::keys::{Hash, KeyError, SigningKey};
use crate::xml::canonical::{escape_attribute, escape_text};
use crate::xml::{Document, Limits, XmlError};
use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const LIMITS: Limits = Limits {
    bytes: 1_000_000,
    elements: 20_000,
    attributes_of_an_element: 64,
    namespace_declarations: 20_000,
    namespaces_in_scope: 64,
    depth: 40,
};

/// The authentication context we state: a password over a protected channel.
const PASSWORD_PROTECTED_TRANSPORT: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
/// The format of attribute names that are URIs.
const NAME_FORMAT_URI: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";

/// Why a document could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// A value with characters XML does not allow, or an ID that is none, or too much of everything.
    #[error("a value cannot be written as XML: {0}")]
    Value(#[from] XmlError),
    /// The key failed.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Which element is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// The assertion, as AWS and most service providers want it.
    Assertion,
    /// The response around it.
    Response,
    /// First the assertion, then the response.
    Both,
}

/// An attribute to state.
#[derive(Clone, Copy, Debug)]
pub struct StatedAttribute<'a> {
    /// Its name, a URI.
    pub name: &'a str,
    /// Its values.
    pub values: &'a [&'a str],
}

/// What a response states.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// ID of the response: unguessable, and a valid XML name (a letter or `_` first).
    pub response_id: &'a str,
    /// ID of the assertion, likewise.
    pub assertion_id: &'a str,
    /// ID of the request that is answered, if there was one.
    pub in_response_to: Option<&'a str>,
    /// Our entity ID.
    pub issuer: &'a str,
    /// The service provider's URL for responses.
    pub recipient: &'a str,
    /// The service provider's entity ID.
    pub audience: &'a str,
    /// Who signed in.
    pub name_id: &'a str,
    /// Format of `name_id`.
    pub name_id_format: &'a str,
    /// The session's name.
    pub session_index: &'a str,
    /// When the user authenticated.
    pub authenticated_at: Timestamp,
    /// The present.
    pub issued_at: Timestamp,
    /// From when on the assertion counts.
    pub not_before: Timestamp,
    /// Until when it counts.
    pub not_on_or_after: Timestamp,
    /// The attributes; without any there is no attribute statement.
    pub attributes: &'a [StatedAttribute<'a>],
}

/// An unsigned element as text, and where its signature belongs: after its issuer (SAML 2.0 schemas).
struct Draft {
    text: String,
    signature_at: usize,
}

/// Writes elements with escaped values.
struct Writer {
    out: String,
}

impl Writer {
    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (attribute, value) in attributes {
            self.out.push(' ');
            self.out.push_str(attribute);
            self.out.push_str("=\"");
            escape_attribute(value, &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.open(name, attributes);
        self.close(name);
    }

    fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) {
        self.open(name, attributes);
        escape_text(text, &mut self.out);
        self.close(name);
    }
}

/// A signed response as XML; base64 makes it a `SAMLResponse`.
pub fn response(
    statement: &Statement<'_>,
    signed: Signed,
    key: &SigningKey,
    certificate: &Certificate,
) -> Result<String, SignError> {
    let mut assertion = assertion(statement);
    if signed != Signed::Response {
        assertion.insert_signature(statement.assertion_id, key, certificate)?;
    }
    let mut response = response_around(statement, &assertion.text);
    if signed != Signed::Assertion {
        response.insert_signature(statement.response_id, key, certificate)?;
    }
    // The caller gets nothing that the reader of this crate would refuse as XML.
    Document::parse(&response.text, &LIMITS)?;
    Ok(response.text)
}

fn response_around(statement: &Statement<'_>, assertion: &str) -> Draft {
    let issued_at = statement.issued_at.iso8601_millis();
    let mut writer = Writer { out: String::new() };
    let mut attributes = vec![
        ("xmlns:saml2p", PROTOCOL_NAMESPACE),
        ("ID", statement.response_id),
        ("Version", "2.0"),
        ("IssueInstant", &issued_at),
        ("Destination", statement.recipient),
    ];
    attributes.extend(statement.in_response_to.map(|id| ("InResponseTo", id)));
    writer.open("saml2p:Response", &attributes);
    writer.leaf("saml2:Issuer", &[("xmlns:saml2", ASSERTION_NAMESPACE)], statement.issuer);
    let signature_at = writer.out.len();
    writer.open("saml2p:Status", &[]);
    writer.empty("saml2p:StatusCode", &[("Value", STATUS_SUCCESS)]);
    writer.close("saml2p:Status");
    writer.out.push_str(assertion);
    writer.close("saml2p:Response");
    Draft { text: writer.out, signature_at }
}

fn assertion(statement: &Statement<'_>) -> Draft {
    let issued_at = statement.issued_at.iso8601_millis();
    let not_before = statement.not_before.iso8601_millis();
    let end = statement.not_on_or_after.iso8601_millis();
    let authenticated_at = statement.authenticated_at.iso8601_millis();
    let mut writer = Writer { out: String::new() };
    let root = [
        ("xmlns:saml2", ASSERTION_NAMESPACE),
        ("ID", statement.assertion_id),
        ("IssueInstant", &issued_at),
        ("Version", "2.0"),
    ];
    writer.open("saml2:Assertion", &root);
    writer.leaf("saml2:Issuer", &[], statement.issuer);
    let signature_at = writer.out.len();
    writer.open("saml2:Subject", &[]);
    writer.leaf("saml2:NameID", &[("Format", statement.name_id_format)], statement.name_id);
    writer.open("saml2:SubjectConfirmation", &[("Method", METHOD_BEARER)]);
    let mut data = vec![("NotOnOrAfter", end.as_str()), ("Recipient", statement.recipient)];
    data.extend(statement.in_response_to.map(|id| ("InResponseTo", id)));
    writer.empty("saml2:SubjectConfirmationData", &data);
    writer.close("saml2:SubjectConfirmation");
    writer.close("saml2:Subject");
    writer.open("saml2:Conditions", &[("NotBefore", &not_before), ("NotOnOrAfter", &end)]);
    writer.open("saml2:AudienceRestriction", &[]);
    writer.leaf("saml2:Audience", &[], statement.audience);
    writer.close("saml2:AudienceRestriction");
    writer.close("saml2:Conditions");
    let authentication = [("AuthnInstant", authenticated_at.as_str()), ("SessionIndex", statement.session_index)];
    writer.open("saml2:AuthnStatement", &authentication);
    writer.open("saml2:AuthnContext", &[]);
    writer.leaf("saml2:AuthnContextClassRef", &[], PASSWORD_PROTECTED_TRANSPORT);
    writer.close("saml2:AuthnContext");
    writer.close("saml2:AuthnStatement");
    attribute_statement(&mut writer, statement.attributes);
    writer.close("saml2:Assertion");
    Draft { text: writer.out, signature_at }
}

fn attribute_statement(writer: &mut Writer, attributes: &[StatedAttribute<'_>]) {
    if attributes.is_empty() {
        return;
    }
    writer.open("saml2:AttributeStatement", &[]);
    for attribute in attributes {
        writer.open("saml2:Attribute", &[("Name", attribute.name), ("NameFormat", NAME_FORMAT_URI)]);
        for value in attribute.values {
            writer.leaf("saml2:AttributeValue", &[], value);
        }
        writer.close("saml2:Attribute");
    }
    writer.close("saml2:AttributeStatement");
}

impl Draft {
    /// Signs the root of the draft, which has this ID.
    fn insert_signature(&mut self, id: &str, key: &SigningKey, certificate: &Certificate) -> Result<(), SignError> {
        let document = Document::parse(&self.text, &LIMITS)?;
        let canonical = document.canonical(document.root(), None, &[]);
        let digest = STANDARD.encode(Hash::Sha256.digest(canonical.as_bytes()));
        let signed_info = signed_info(id, key, &digest);
        let document = Document::parse(&signed_info, &LIMITS)?;
        let message = document.canonical(document.root(), None, &[]);
        let value = STANDARD.encode(key.sign(message.as_bytes())?);
        let mut writer = Writer { out: String::new() };
        writer.open("ds:Signature", &[("xmlns:ds", SIGNATURE_NAMESPACE)]);
        writer.out.push_str(&signed_info);
        writer.leaf("ds:SignatureValue", &[], &value);
        key_info(&mut writer, certificate);
        writer.close("ds:Signature");
        self.text.insert_str(self.signature_at, &writer.out);
        Ok(())
    }
}

fn key_info(writer: &mut Writer, certificate: &Certificate) {
    writer.open("ds:KeyInfo", &[]);
    writer.open("ds:X509Data", &[]);
    writer.leaf("ds:X509Certificate", &[], &certificate.base64());
    writer.close("ds:X509Data");
    writer.close("ds:KeyInfo");
}

/// `SignedInfo` with its own declaration of the namespace, so that it can be canonicalised by itself.
fn signed_info(id: &str, key: &SigningKey, digest: &str) -> String {
    let scheme = key.scheme();
    let method = SIGNATURE_METHODS.iter().find(|(_, known)| *known == scheme).map(|(uri, _)| *uri);
    let method = method.expect("every scheme a signing key has is in the table");
    let digest_method = DIGEST_METHODS[0].0;
    let reference = format!("#{id}");
    let mut writer = Writer { out: String::new() };
    writer.open("ds:SignedInfo", &[("xmlns:ds", SIGNATURE_NAMESPACE)]);
    writer.empty("ds:CanonicalizationMethod", &[("Algorithm", EXCLUSIVE_CANONICALIZATION)]);
    writer.empty("ds:SignatureMethod", &[("Algorithm", method)]);
    writer.open("ds:Reference", &[("URI", &reference)]);
    writer.open("ds:Transforms", &[]);
    writer.empty("ds:Transform", &[("Algorithm", ENVELOPED_SIGNATURE)]);
    writer.empty("ds:Transform", &[("Algorithm", EXCLUSIVE_CANONICALIZATION)]);
    writer.close("ds:Transforms");
    writer.empty("ds:DigestMethod", &[("Algorithm", digest_method)]);
    writer.leaf("ds:DigestValue", &[], digest);
    writer.close("ds:Reference");
    writer.close("ds:SignedInfo");
    writer.out
}

/// Our metadata as identity provider.
#[derive(Clone, Copy, Debug)]
pub struct IdentityProviderDescription<'a> {
    /// Our entity ID.
    pub entity_id: &'a str,
    /// The certificates whose keys sign, the active one first.
    pub certificates: &'a [&'a Certificate],
    /// Where sign-in requests go, as binding and URL.
    pub single_sign_on: &'a [(&'a str, &'a str)],
    /// Where sign-out requests go, as binding and URL.
    pub single_logout: &'a [(&'a str, &'a str)],
    /// The formats of name identifiers we can state.
    pub name_id_formats: &'a [&'a str],
    /// Until when the document may be used.
    pub valid_until: Option<Timestamp>,
}

/// Writes an identity provider's metadata.
pub fn identity_provider_metadata(description: &IdentityProviderDescription<'_>) -> Result<String, SignError> {
    let mut writer = Writer { out: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") };
    let valid_until = description.valid_until.map(Timestamp::iso8601);
    let mut attributes = vec![("xmlns:md", METADATA_NAMESPACE), ("entityID", description.entity_id)];
    attributes.extend(valid_until.as_deref().map(|until| ("validUntil", until)));
    writer.open("md:EntityDescriptor", &attributes);
    let role = [("WantAuthnRequestsSigned", "false"), ("protocolSupportEnumeration", PROTOCOL_NAMESPACE)];
    writer.open("md:IDPSSODescriptor", &role);
    for certificate in description.certificates {
        writer.open("md:KeyDescriptor", &[("use", "signing")]);
        writer.open("ds:KeyInfo", &[("xmlns:ds", SIGNATURE_NAMESPACE)]);
        writer.open("ds:X509Data", &[]);
        writer.leaf("ds:X509Certificate", &[], &certificate.base64());
        writer.close("ds:X509Data");
        writer.close("ds:KeyInfo");
        writer.close("md:KeyDescriptor");
    }
    for (binding, location) in description.single_logout {
        writer.empty("md:SingleLogoutService", &[("Binding", binding), ("Location", location)]);
    }
    for format in description.name_id_formats {
        writer.leaf("md:NameIDFormat", &[], format);
    }
    for (binding, location) in description.single_sign_on {
        writer.empty("md:SingleSignOnService", &[("Binding", binding), ("Location", location)]);
    }
    writer.close("md:IDPSSODescriptor");
    writer.close("md:EntityDescriptor");
    Document::parse(&writer.out, &LIMITS)?;
    Ok(writer.out)
}

/// Writes a service provider's metadata: its entity ID and the URL at which it takes responses by POST.
pub fn service_provider_metadata(entity_id: &str, consumer_url: &str, formats: &[&str]) -> Result<String, SignError> {
    let mut writer = Writer { out: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") };
    writer.open("md:EntityDescriptor", &[("xmlns:md", METADATA_NAMESPACE), ("entityID", entity_id)]);
    let role = [("WantAssertionsSigned", "true"), ("protocolSupportEnumeration", PROTOCOL_NAMESPACE)];
    writer.open("md:SPSSODescriptor", &role);
    for format in formats {
        writer.leaf("md:NameIDFormat", &[], format);
    }
    let consumer = [("Binding", BINDING_POST), ("Location", consumer_url), ("index", "0"), ("isDefault", "true")];
    writer.empty("md:AssertionConsumerService", &consumer);
    writer.close("md:SPSSODescriptor");
    writer.close("md:EntityDescriptor");
    Document::parse(&writer.out, &LIMITS)?;
    Ok(writer.out)
}
