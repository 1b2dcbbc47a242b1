//! SAML 2.0 web browser single sign-on: metadata, responses, and what AWS reads from them.

pub mod claims;
pub mod metadata;
pub mod response;
pub mod sign;
pub mod signature;

/// Namespace of protocol messages (SAML 2.0 core §3).
pub const PROTOCOL_NAMESPACE: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// Namespace of assertions (SAML 2.0 core §2).
pub const ASSERTION_NAMESPACE: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// Namespace of metadata (SAML 2.0 metadata §2).
pub const METADATA_NAMESPACE: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// Namespace of XML signatures.
pub const SIGNATURE_NAMESPACE: &str = "http://www.w3.org/2000/09/xmldsig#";
/// The HTTP POST binding.
pub const BINDING_POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// The HTTP redirect binding.
pub const BINDING_REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
/// Confirmation by possession of the message.
pub const METHOD_BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// Top-level status of a successful response.
pub const STATUS_SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
/// A lasting pseudonym.
pub const FORMAT_PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
/// A pseudonym for one session.
pub const FORMAT_TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
/// A mail address.
pub const FORMAT_EMAIL_ADDRESS: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
/// The format of a `NameID` that states none.
pub const FORMAT_UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
/// The audience of assertions meant for AWS sign-in and STS.
pub const AWS_AUDIENCE: &str = "urn:amazon:webservices";
/// What the names of AWS's own attributes begin with.
pub const AWS_ATTRIBUTE_PREFIX: &str = "https://aws.amazon.com/SAML/Attributes/";
