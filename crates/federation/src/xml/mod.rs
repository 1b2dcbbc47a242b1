//! A strict, bounded reader of XML 1.0 with namespaces, and exclusive canonicalisation of what it read.
//!
//! It reads the part of XML that SAML needs and refuses the rest: no document type, no entities beyond the five
//! predefined ones, no processing instructions, UTF-8 only, and no comment beside text (a comment that splits a name
//! has let several products read half of it). `quick-xml` finds the tokens; the rules it leaves to its callers (names,
//! characters, attribute syntax, one root, namespace constraints) are applied here.

pub mod canonical;
mod characters;
mod reader;

use std::fmt;

/// The namespace of the prefix `xml`.
const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of the prefix `xmlns`.
const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

/// How large a document may be before it is refused.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of UTF-8.
    pub bytes: usize,
    /// Elements in the document.
    pub elements: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes_of_an_element: usize,
    /// Namespace declarations in the whole document.
    pub namespace_declarations: usize,
    /// Namespace declarations on the path from the root to an element.
    pub namespaces_in_scope: usize,
    /// Nesting of elements; the root is 1.
    pub depth: usize,
}

/// Which of the [`Limits`] a document exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::bytes`].
    Bytes,
    /// [`Limits::elements`].
    Elements,
    /// [`Limits::attributes_of_an_element`].
    AttributesOfAnElement,
    /// [`Limits::namespace_declarations`].
    NamespaceDeclarations,
    /// [`Limits::namespaces_in_scope`].
    NamespacesInScope,
    /// [`Limits::depth`].
    Depth,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Bytes => "bytes",
            Limit::Elements => "elements",
            Limit::AttributesOfAnElement => "attributes on one element",
            Limit::NamespaceDeclarations => "namespace declarations",
            Limit::NamespacesInScope => "namespaces in scope",
            Limit::Depth => "levels of nesting",
        })
    }
}

/// Why a document was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// A size limit.
    #[error("the XML document has more than {maximum} {limit}")]
    TooLarge {
        /// What there is too much of.
        limit: Limit,
        /// How much is allowed.
        maximum: usize,
    },
    /// A document type declaration; entities and default attributes could change what the document says.
    #[error("the XML document has a DOCTYPE, which is not allowed")]
    DocumentType,
    /// A processing instruction.
    #[error("the XML document has a processing instruction, which is not allowed")]
    ProcessingInstruction,
    /// A declaration that names XML 1.1 or an encoding other than UTF-8.
    #[error("the XML document is not declared as XML 1.0 in UTF-8")]
    Declaration,
    /// Text and a comment in the same element.
    #[error("the XML document has a comment inside the text of an element, at byte {position}")]
    CommentBesideText {
        /// Offset in the document.
        position: usize,
    },
    /// Not well-formed, or against the namespace constraints.
    #[error("the XML document is not well-formed at byte {position}: {reason}")]
    NotWellFormed {
        /// Offset in the document (after line ends were normalised).
        position: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

/// One element of a [`Document`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ElementId(u32);

impl ElementId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// An interned namespace name of a [`Document`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NamespaceId(u32);

impl NamespaceId {
    const NONE: Self = Self(0);
    const XML: Self = Self(1);
}

#[derive(Debug, Clone, Copy)]
struct Name<'a> {
    prefix: &'a str,
    local: &'a str,
    namespace: NamespaceId,
}

#[derive(Debug)]
struct Attribute<'a> {
    name: Name<'a>,
    value: String,
}

#[derive(Debug)]
enum Node {
    Element(ElementId),
    Text(String),
}

#[derive(Debug)]
struct Element<'a> {
    parent: Option<ElementId>,
    name: Name<'a>,
    declarations: Vec<(&'a str, NamespaceId)>,
    attributes: Vec<Attribute<'a>>,
    children: Vec<Node>,
}

/// A document that passed every check of this module.
#[derive(Debug)]
pub struct Document<'a> {
    elements: Vec<Element<'a>>,
    namespaces: Vec<String>,
}

/// A document's text as the reader wants it: without byte order mark, line ends normalised (XML 1.0 §2.11).
pub fn normalize(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n") } else { text.to_owned() }
}

impl<'a> Document<'a> {
    /// Reads a document that [`normalize`] prepared.
    pub fn parse(text: &'a str, limits: &Limits) -> Result<Self, XmlError> {
        reader::read(text, limits)
    }

    fn element(&self, id: ElementId) -> &Element<'a> {
        &self.elements[id.index()]
    }

    fn namespace_name(&self, id: NamespaceId) -> &str {
        &self.namespaces[id.0 as usize]
    }

    /// The document element.
    pub fn root(&self) -> ElementId {
        ElementId(0)
    }

    /// Every element in document order.
    pub fn all(&self) -> impl Iterator<Item = ElementId> + use<> {
        (0..self.elements.len() as u32).map(ElementId)
    }

    /// Whether the element has this expanded name.
    pub fn is(&self, id: ElementId, namespace: &str, local: &str) -> bool {
        let name = self.element(id).name;
        name.local == local && self.namespace_name(name.namespace) == namespace
    }

    /// The element around this one.
    pub fn parent(&self, id: ElementId) -> Option<ElementId> {
        self.element(id).parent
    }

    /// The child elements, in order.
    pub fn children(&self, id: ElementId) -> impl Iterator<Item = ElementId> {
        self.element(id).children.iter().filter_map(|node| match node {
            Node::Element(child) => Some(*child),
            Node::Text(_) => None,
        })
    }

    /// The child elements with this expanded name.
    pub fn children_named(&self, id: ElementId, namespace: &str, local: &str) -> impl Iterator<Item = ElementId> {
        self.children(id).filter(move |child| self.is(*child, namespace, local))
    }

    /// The value of an attribute that is in no namespace.
    pub fn attribute(&self, id: ElementId, local: &str) -> Option<&str> {
        let attributes = &self.element(id).attributes;
        let found = attributes.iter().find(|a| a.name.namespace == NamespaceId::NONE && a.name.local == local);
        found.map(|attribute| attribute.value.as_str())
    }

    /// Every attribute as local name and value, in whatever namespace.
    pub fn attributes(&self, id: ElementId) -> impl Iterator<Item = (&str, &str)> {
        self.element(id).attributes.iter().map(|attribute| (attribute.name.local, attribute.value.as_str()))
    }

    /// The text of an element that has no child elements, without white space around it.
    pub fn text(&self, id: ElementId) -> Option<&str> {
        match self.element(id).children.as_slice() {
            [] => Some(""),
            [Node::Text(text)] => Some(text.trim_matches(characters::is_white_space)),
            _ => None,
        }
    }

    /// Whether there is text other than white space directly in the element.
    pub fn has_direct_text(&self, id: ElementId) -> bool {
        self.element(id).children.iter().any(|node| match node {
            Node::Text(text) => !text.chars().all(characters::is_white_space),
            Node::Element(_) => false,
        })
    }
}
