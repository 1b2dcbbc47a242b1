//! From tokens to a [`Document`].

use super::characters::{attribute_value, is_character, is_white_space, resolve_reference, split_name};
use super::{
    Attribute, Document, Element, ElementId, Limit, Limits, Name, NamespaceId, Node, XML_NAMESPACE, XMLNS_NAMESPACE,
    XmlError,
};
use quick_xml::Reader;
use quick_xml::events::Event;

/// An element whose end tag has not been seen.
struct Open<'a> {
    id: ElementId,
    qualified_name: &'a str,
    scope_before: usize,
    has_comment: bool,
    has_text: bool,
}

struct Builder<'a, 'l> {
    limits: &'l Limits,
    elements: Vec<Element<'a>>,
    namespaces: Vec<String>,
    scope: Vec<(&'a str, NamespaceId)>,
    declarations: usize,
    open: Vec<Open<'a>>,
    position: usize,
}

/// Attributes of one tag before names are resolved: qualified name and decoded value.
type RawAttributes<'a> = Vec<(&'a str, String)>;

pub(super) fn read<'a>(text: &'a str, limits: &Limits) -> Result<Document<'a>, XmlError> {
    if text.len() > limits.bytes {
        return Err(too_large(Limit::Bytes, limits.bytes));
    }
    if let Some((position, _)) = text.char_indices().find(|(_, c)| !is_character(*c)) {
        return Err(XmlError::NotWellFormed { position, reason: "a character that XML does not allow" });
    }
    let mut reader = Reader::from_str(text);
    let mut builder = Builder {
        limits,
        elements: Vec::new(),
        namespaces: vec![String::new(), XML_NAMESPACE.to_owned()],
        scope: Vec::new(),
        declarations: 0,
        open: Vec::new(),
        position: 0,
    };
    loop {
        let start = builder.position;
        let event = reader.read_event().map_err(|_| builder.malformed("broken markup"))?;
        let end = usize::try_from(reader.buffer_position()).map_err(|_| builder.malformed("broken markup"))?;
        let raw = text.get(start..end).ok_or(builder.malformed("broken markup"))?;
        if matches!(event, Event::Eof) {
            return builder.finish();
        }
        builder.event(&event, raw)?;
        builder.position = end;
    }
}

fn too_large(limit: Limit, maximum: usize) -> XmlError {
    XmlError::TooLarge { limit, maximum }
}

impl<'a> Builder<'a, '_> {
    fn malformed(&self, reason: &'static str) -> XmlError {
        XmlError::NotWellFormed { position: self.position, reason }
    }

    /// The inside of a token whose delimiters must be exactly these.
    fn inside(&self, raw: &'a str, open: &str, close: &str) -> Result<&'a str, XmlError> {
        raw.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).ok_or(self.malformed("broken markup"))
    }

    fn event(&mut self, event: &Event<'_>, raw: &'a str) -> Result<(), XmlError> {
        match event {
            Event::Start(_) => self.start(self.inside(raw, "<", ">")?),
            Event::Empty(_) => {
                self.start(self.inside(raw, "<", "/>")?)?;
                self.close()
            }
            Event::End(_) => {
                let name = self.inside(raw, "</", ">")?.trim_end_matches(is_white_space);
                match self.open.last() {
                    Some(open) if open.qualified_name == name => self.close(),
                    _ => Err(self.malformed("an end tag that matches no start tag")),
                }
            }
            Event::Text(_) if raw.contains("]]>") => Err(self.malformed("']]>' in text")),
            Event::Text(_) if raw.contains(['<', '&']) => Err(self.malformed("broken markup")),
            Event::Text(_) => self.text(raw, false),
            Event::CData(_) => self.text(self.inside(raw, "<![CDATA[", "]]>")?, true),
            Event::GeneralRef(_) => {
                let name = self.inside(raw, "&", ";")?;
                let character = resolve_reference(name).ok_or(self.malformed("a reference to an unknown entity"))?;
                self.text(character.encode_utf8(&mut [0; 4]), true)
            }
            Event::Comment(_) => self.comment(self.inside(raw, "<!--", "-->")?),
            Event::Decl(_) => self.declaration(self.inside(raw, "<?xml", "?>")?),
            Event::PI(_) => Err(XmlError::ProcessingInstruction),
            Event::DocType(_) => Err(XmlError::DocumentType),
            Event::Eof => Ok(()),
        }
    }

    fn finish(self) -> Result<Document<'a>, XmlError> {
        if self.elements.is_empty() || !self.open.is_empty() {
            return Err(self.malformed("the document ends before its root element does"));
        }
        Ok(Document { elements: self.elements, namespaces: self.namespaces })
    }

    fn declaration(&self, inside: &'a str) -> Result<(), XmlError> {
        if self.position != 0 {
            return Err(self.malformed("an XML declaration that is not at the start"));
        }
        let attributes = self.raw_attributes(inside)?;
        let mut expected = ["version", "encoding", "standalone"].iter();
        for (name, value) in &attributes {
            let valid = match *name {
                "version" => value == "1.0",
                "encoding" => value.eq_ignore_ascii_case("utf-8"),
                "standalone" => value == "yes" || value == "no",
                _ => false,
            };
            if !valid || !expected.any(|known| known == name) {
                return Err(XmlError::Declaration);
            }
        }
        if attributes.first().is_none_or(|(name, _)| *name != "version") {
            return Err(XmlError::Declaration);
        }
        Ok(())
    }

    fn text(&mut self, text: &str, literal: bool) -> Result<(), XmlError> {
        let blank = text.chars().all(is_white_space);
        let Some(open) = self.open.last_mut() else {
            return if blank && !literal { Ok(()) } else { Err(self.malformed("text outside the root element")) };
        };
        open.has_text |= !blank;
        let children = &mut self.elements[open.id.index()].children;
        match children.last_mut() {
            Some(Node::Text(before)) => before.push_str(text),
            _ => children.push(Node::Text(text.to_owned())),
        }
        Ok(())
    }

    fn comment(&mut self, inside: &str) -> Result<(), XmlError> {
        if inside.contains("--") || inside.ends_with('-') {
            return Err(self.malformed("'--' in a comment"));
        }
        if let Some(open) = self.open.last_mut() {
            open.has_comment = true;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), XmlError> {
        let Some(open) = self.open.pop() else {
            return Err(self.malformed("an end tag that matches no start tag"));
        };
        self.scope.truncate(open.scope_before);
        if open.has_comment && open.has_text {
            return Err(XmlError::CommentBesideText { position: self.position });
        }
        Ok(())
    }

    fn start(&mut self, inside: &'a str) -> Result<(), XmlError> {
        let name_length = inside.find(is_white_space).unwrap_or(inside.len());
        let (qualified_name, rest) = inside.split_at(name_length);
        let parent = self.open.last().map(|open| open.id);
        if parent.is_none() && !self.elements.is_empty() {
            return Err(self.malformed("a second root element"));
        }
        if self.open.len() >= self.limits.depth {
            return Err(too_large(Limit::Depth, self.limits.depth));
        }
        if self.elements.len() >= self.limits.elements {
            return Err(too_large(Limit::Elements, self.limits.elements));
        }
        let raw = self.raw_attributes(rest)?;
        let scope_before = self.scope.len();
        let declarations = self.declare(&raw)?;
        let (prefix, local) = split_name(qualified_name).ok_or(self.malformed("an invalid element name"))?;
        let name = Name { prefix, local, namespace: self.resolve(prefix)? };
        let attributes = self.attributes(raw)?;
        let id = ElementId(u32::try_from(self.elements.len()).map_err(|_| self.malformed("too many elements"))?);
        self.elements.push(Element { parent, name, declarations, attributes, children: Vec::new() });
        if let Some(parent) = parent {
            self.elements[parent.index()].children.push(Node::Element(id));
        }
        self.open.push(Open { id, qualified_name, scope_before, has_comment: false, has_text: false });
        Ok(())
    }

    /// `(S Attribute)* S?` of XML 1.0 §3.1.
    fn raw_attributes(&self, mut rest: &'a str) -> Result<RawAttributes<'a>, XmlError> {
        let mut attributes = Vec::new();
        loop {
            let trimmed = rest.trim_start_matches(is_white_space);
            if trimmed.is_empty() {
                return Ok(attributes);
            }
            if trimmed.len() == rest.len() {
                return Err(self.malformed("no white space before an attribute"));
            }
            if attributes.len() >= self.limits.attributes_of_an_element {
                return Err(too_large(Limit::AttributesOfAnElement, self.limits.attributes_of_an_element));
            }
            let (name, after) = trimmed.split_once('=').ok_or(self.malformed("an attribute without value"))?;
            let name = name.trim_end_matches(is_white_space);
            let after = after.trim_start_matches(is_white_space);
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let quote = quote.ok_or(self.malformed("an attribute value without quotes"))?;
            let (value, after) = after[1..].split_once(quote).ok_or(self.malformed("an unterminated attribute"))?;
            attributes.push((name, attribute_value(value).map_err(|reason| self.malformed(reason))?));
            rest = after;
        }
    }

    /// Takes the namespace declarations of a tag into scope (Namespaces in XML 1.0 §3).
    fn declare(&mut self, attributes: &RawAttributes<'a>) -> Result<Vec<(&'a str, NamespaceId)>, XmlError> {
        let mut declared: Vec<(&'a str, NamespaceId)> = Vec::new();
        for (name, value) in attributes {
            let prefix = match name.strip_prefix("xmlns:") {
                Some(prefix) => prefix,
                None if *name == "xmlns" => "",
                None => continue,
            };
            let reserved =
                value == XMLNS_NAMESPACE || prefix == "xmlns" || (prefix == "xml") != (value == XML_NAMESPACE);
            let valid_prefix = *name == "xmlns" || split_name(prefix).is_some_and(|(first, _)| first.is_empty());
            if reserved || !valid_prefix || (value.is_empty() && !prefix.is_empty()) {
                return Err(self.malformed("an invalid namespace declaration"));
            }
            if declared.iter().any(|(other, _)| *other == prefix) {
                return Err(self.malformed("an attribute given twice"));
            }
            if self.declarations >= self.limits.namespace_declarations {
                return Err(too_large(Limit::NamespaceDeclarations, self.limits.namespace_declarations));
            }
            if self.scope.len() >= self.limits.namespaces_in_scope {
                return Err(too_large(Limit::NamespacesInScope, self.limits.namespaces_in_scope));
            }
            self.declarations += 1;
            let namespace = self.intern(value);
            self.scope.push((prefix, namespace));
            declared.push((prefix, namespace));
        }
        Ok(declared)
    }

    fn intern(&mut self, namespace: &str) -> NamespaceId {
        let index = self.namespaces.iter().position(|known| known == namespace).unwrap_or_else(|| {
            self.namespaces.push(namespace.to_owned());
            self.namespaces.len() - 1
        });
        NamespaceId(u32::try_from(index).expect("declarations are bounded far below 2^32"))
    }

    fn resolve(&self, prefix: &str) -> Result<NamespaceId, XmlError> {
        match self.scope.iter().rev().find(|(known, _)| *known == prefix) {
            Some((_, namespace)) => Ok(*namespace),
            None if prefix.is_empty() => Ok(NamespaceId::NONE),
            None if prefix == "xml" => Ok(NamespaceId::XML),
            None => Err(self.malformed("an undeclared namespace prefix")),
        }
    }

    fn attributes(&self, raw: RawAttributes<'a>) -> Result<Vec<Attribute<'a>>, XmlError> {
        let mut attributes: Vec<Attribute<'a>> = Vec::new();
        for (qualified_name, value) in raw {
            let (prefix, local) = split_name(qualified_name).ok_or(self.malformed("an invalid attribute name"))?;
            if prefix == "xmlns" || qualified_name == "xmlns" {
                continue;
            }
            let namespace = if prefix.is_empty() { NamespaceId::NONE } else { self.resolve(prefix)? };
            if attributes.iter().any(|other| other.name.local == local && other.name.namespace == namespace) {
                return Err(self.malformed("an attribute given twice"));
            }
            attributes.push(Attribute { name: Name { prefix, local, namespace }, value });
        }
        Ok(attributes)
    }
}
