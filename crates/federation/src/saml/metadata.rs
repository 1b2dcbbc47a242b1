//! Metadata of identity providers, as `CreateSAMLProvider` and Identity Center's external identity source take it.

use super::{METADATA_NAMESPACE, PROTOCOL_NAMESPACE, SIGNATURE_NAMESPACE};
use crate::certificate::{Certificate, CertificateError};
use crate::xml::{self, Document, ElementId, Limits, XmlError};
use base::Timestamp;

/// Shortest document `CreateSAMLProvider` takes, in characters.
pub const MINIMUM_METADATA_CHARACTERS: usize = 1_000;
/// Longest document `CreateSAMLProvider` takes, in characters.
pub const MAXIMUM_METADATA_CHARACTERS: usize = 10_000_000;
/// Identity providers in one SAML provider (IAM quotas).
pub const MAXIMUM_IDENTITY_PROVIDERS: usize = 10;
/// Signing keys of one SAML provider (IAM quotas).
pub const MAXIMUM_KEYS: usize = 10;
/// Longest entity ID (SAML 2.0 metadata §2.2.1) and, here, longest URL.
const MAXIMUM_URI_CHARACTERS: usize = 1_024;
/// Endpoints of one kind that are kept.
const MAXIMUM_ENDPOINTS: usize = 50;

const LIMITS: Limits = Limits {
    // UTF-8 needs up to four bytes for a character.
    bytes: MAXIMUM_METADATA_CHARACTERS * 4,
    elements: 200_000,
    attributes_of_an_element: 64,
    namespace_declarations: 20_000,
    namespaces_in_scope: 64,
    depth: 40,
};

/// Why metadata is refused. The text is meant for the administrator who uploads it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Outside the sizes of `CreateSAMLProvider`.
    #[error("the metadata document has {characters} characters; 1,000 to 10,000,000 are allowed")]
    Length {
        /// Its length.
        characters: usize,
    },
    /// Not acceptable as XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Another kind of document.
    #[error("the root of the metadata document is neither EntityDescriptor nor EntitiesDescriptor of SAML 2.0")]
    NotMetadata,
    /// No identity-provider role in it (often the metadata of a service provider).
    #[error("the metadata document describes no SAML 2.0 identity provider (IDPSSODescriptor)")]
    NoIdentityProvider,
    /// More than [`MAXIMUM_IDENTITY_PROVIDERS`].
    #[error("the metadata document describes more than 10 identity providers")]
    TooManyIdentityProviders,
    /// An `EntityDescriptor` without usable `entityID`.
    #[error("an entityID in the metadata document is missing, empty or longer than 1,024 characters")]
    EntityId,
    /// The same `entityID` twice: its keys would be ambiguous.
    #[error("the entityID {0} occurs twice in the metadata document")]
    DuplicateEntityId(String),
    /// No certificate to verify signatures with.
    #[error("the metadata document has no signing certificate for {0}")]
    NoCertificate(String),
    /// A certificate that cannot be used.
    #[error("a signing certificate in the metadata document cannot be used: {0}")]
    Certificate(#[from] CertificateError),
    /// More than [`MAXIMUM_KEYS`].
    #[error("the metadata document has more than 10 signing certificates")]
    TooManyKeys,
    /// An endpoint without binding or location.
    #[error("an endpoint in the metadata document has no binding or no location, or a location over 1,024 characters")]
    Endpoint,
    /// A `validUntil` that is not a time.
    #[error("a validUntil in the metadata document is not a time")]
    ValidUntil,
}

/// A URL at which messages arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How messages travel, a URI such as [`super::BINDING_POST`].
    pub binding: String,
    /// The URL.
    pub location: String,
}

/// One identity provider of a metadata document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    /// The name it uses as issuer.
    pub entity_id: String,
    /// The certificates whose keys may have signed its messages; never empty.
    pub certificates: Vec<Certificate>,
    /// Where sign-in requests go.
    pub single_sign_on: Vec<Endpoint>,
    /// Where sign-out requests go.
    pub single_logout: Vec<Endpoint>,
    /// Whether it wants sign-in requests to be signed.
    pub wants_signed_requests: bool,
    /// After this instant the metadata must not be used.
    pub valid_until: Option<Timestamp>,
}

/// What a metadata document says about identity providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    identity_providers: Vec<IdentityProvider>,
}

impl Metadata {
    /// Reads a document of any length up to [`MAXIMUM_METADATA_CHARACTERS`].
    pub fn parse(text: &str) -> Result<Self, MetadataError> {
        // Bytes first: counting characters of an absurd input would already cost something.
        if text.len() > LIMITS.bytes || text.chars().count() > MAXIMUM_METADATA_CHARACTERS {
            return Err(MetadataError::Length { characters: text.chars().count() });
        }
        let text = xml::normalize(text);
        let document = Document::parse(&text, &LIMITS)?;
        let root = document.root();
        let known = ["EntityDescriptor", "EntitiesDescriptor"];
        if !known.iter().any(|local| document.is(root, METADATA_NAMESPACE, local)) {
            return Err(MetadataError::NotMetadata);
        }
        let mut identity_providers: Vec<IdentityProvider> = Vec::new();
        for entity in document.all().filter(|id| document.is(*id, METADATA_NAMESPACE, "EntityDescriptor")) {
            let Some(provider) = identity_provider(&document, entity)? else { continue };
            if identity_providers.iter().any(|known| known.entity_id == provider.entity_id) {
                return Err(MetadataError::DuplicateEntityId(provider.entity_id));
            }
            identity_providers.push(provider);
            if identity_providers.len() > MAXIMUM_IDENTITY_PROVIDERS {
                return Err(MetadataError::TooManyIdentityProviders);
            }
            if identity_providers.iter().map(|known| known.certificates.len()).sum::<usize>() > MAXIMUM_KEYS {
                return Err(MetadataError::TooManyKeys);
            }
        }
        if identity_providers.is_empty() {
            return Err(MetadataError::NoIdentityProvider);
        }
        Ok(Self { identity_providers })
    }

    /// Reads a document under the length limits of `CreateSAMLProvider` and `UpdateSAMLProvider`.
    pub fn parse_for_saml_provider(text: &str) -> Result<Self, MetadataError> {
        let characters = text.chars().count();
        if characters < MINIMUM_METADATA_CHARACTERS {
            return Err(MetadataError::Length { characters });
        }
        Self::parse(text)
    }

    /// The identity providers in document order; never empty.
    pub fn identity_providers(&self) -> &[IdentityProvider] {
        &self.identity_providers
    }

    /// The identity provider that calls itself `entity_id`.
    pub fn by_entity_id(&self, entity_id: &str) -> Option<&IdentityProvider> {
        self.identity_providers.iter().find(|provider| provider.entity_id == entity_id)
    }

    /// The earliest `validUntil`, if any is stated.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.identity_providers.iter().filter_map(|provider| provider.valid_until).min()
    }
}

/// The identity-provider role of an entity; `None` when it has none for SAML 2.0.
fn identity_provider(document: &Document<'_>, entity: ElementId) -> Result<Option<IdentityProvider>, MetadataError> {
    let is_saml2 = |role: &ElementId| {
        let protocols = document.attribute(*role, "protocolSupportEnumeration").unwrap_or_default();
        protocols.split_ascii_whitespace().any(|protocol| protocol == PROTOCOL_NAMESPACE)
    };
    let roles = document.children_named(entity, METADATA_NAMESPACE, "IDPSSODescriptor").filter(is_saml2);
    let roles: Vec<_> = roles.collect();
    if roles.is_empty() {
        return Ok(None);
    }
    let entity_id = document.attribute(entity, "entityID").unwrap_or_default();
    if entity_id.is_empty() || entity_id.chars().count() > MAXIMUM_URI_CHARACTERS {
        return Err(MetadataError::EntityId);
    }
    let mut provider = IdentityProvider {
        entity_id: entity_id.to_owned(),
        certificates: Vec::new(),
        single_sign_on: Vec::new(),
        single_logout: Vec::new(),
        wants_signed_requests: false,
        valid_until: valid_until_above(document, entity)?,
    };
    for role in roles {
        certificates(document, role, &mut provider.certificates)?;
        provider.single_sign_on.extend(endpoints(document, role, "SingleSignOnService")?);
        provider.single_logout.extend(endpoints(document, role, "SingleLogoutService")?);
        let wants = document.attribute(role, "WantAuthnRequestsSigned");
        provider.wants_signed_requests |= matches!(wants, Some("true" | "1"));
        provider.valid_until = earliest(provider.valid_until, valid_until(document, role)?);
    }
    if provider.certificates.is_empty() {
        return Err(MetadataError::NoCertificate(provider.entity_id));
    }
    Ok(Some(provider))
}

fn certificates(document: &Document<'_>, role: ElementId, found: &mut Vec<Certificate>) -> Result<(), MetadataError> {
    for descriptor in document.children_named(role, METADATA_NAMESPACE, "KeyDescriptor") {
        // A descriptor without use serves for both purposes (SAML 2.0 metadata §2.4.1.1).
        if document.attribute(descriptor, "use").is_some_and(|usage| usage != "signing") {
            continue;
        }
        let infos = document.children_named(descriptor, SIGNATURE_NAMESPACE, "KeyInfo");
        let data = infos.flat_map(|info| document.children_named(info, SIGNATURE_NAMESPACE, "X509Data"));
        for element in data.flat_map(|data| document.children_named(data, SIGNATURE_NAMESPACE, "X509Certificate")) {
            let text = document.text(element).ok_or(CertificateError::Encoding)?;
            let certificate = Certificate::from_base64(text)?;
            if !found.contains(&certificate) {
                found.push(certificate);
            }
            if found.len() > MAXIMUM_KEYS {
                return Err(MetadataError::TooManyKeys);
            }
        }
    }
    Ok(())
}

fn endpoints(document: &Document<'_>, role: ElementId, local: &str) -> Result<Vec<Endpoint>, MetadataError> {
    let elements = document.children_named(role, METADATA_NAMESPACE, local).take(MAXIMUM_ENDPOINTS);
    let endpoint = |id| {
        let binding = document.attribute(id, "Binding").filter(|binding| !binding.is_empty());
        let location = document.attribute(id, "Location").filter(|location| !location.is_empty());
        let (binding, location) = binding.zip(location).ok_or(MetadataError::Endpoint)?;
        if location.chars().count() > MAXIMUM_URI_CHARACTERS || binding.chars().count() > MAXIMUM_URI_CHARACTERS {
            return Err(MetadataError::Endpoint);
        }
        Ok(Endpoint { binding: binding.to_owned(), location: location.to_owned() })
    };
    elements.map(endpoint).collect()
}

fn valid_until(document: &Document<'_>, id: ElementId) -> Result<Option<Timestamp>, MetadataError> {
    let text = document.attribute(id, "validUntil");
    text.map(|text| Timestamp::parse_iso8601(text.trim()).ok_or(MetadataError::ValidUntil)).transpose()
}

/// The earliest `validUntil` of an element and the elements around it.
fn valid_until_above(document: &Document<'_>, id: ElementId) -> Result<Option<Timestamp>, MetadataError> {
    let (mut at, mut result) = (Some(id), None);
    while let Some(id) = at {
        result = earliest(result, valid_until(document, id)?);
        at = document.parent(id);
    }
    Ok(result)
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}
