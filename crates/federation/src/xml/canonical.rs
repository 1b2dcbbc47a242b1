//! Exclusive XML canonicalisation without comments (W3C xml-exc-c14n, 18 July 2002), of whole elements.

use super::{Document, ElementId, Name, NamespaceId, Node};

/// The prefix that `InclusiveNamespaces` writes for the default namespace.
const DEFAULT_PREFIX_TOKEN: &str = "#default";

struct Writer<'d, 'a, 'p> {
    document: &'d Document<'a>,
    omitted: Option<ElementId>,
    inclusive_prefixes: &'p [&'p str],
    /// Namespace bindings written on the path from the apex to here.
    rendered: Vec<(&'d str, NamespaceId)>,
    out: String,
}

impl Document<'_> {
    /// The canonical form of `apex` and everything below it, leaving out the element `omitted` (the enveloped-signature
    /// transform). `inclusive_prefixes` is the `PrefixList` of `InclusiveNamespaces`: those prefixes are treated as in
    /// inclusive canonicalisation, `#default` being the default namespace.
    pub fn canonical(&self, apex: ElementId, omitted: Option<ElementId>, inclusive_prefixes: &[&str]) -> String {
        let mut writer =
            Writer { document: self, omitted, inclusive_prefixes, rendered: Vec::new(), out: String::new() };
        writer.element(apex);
        writer.out
    }

    fn binding(&self, element: ElementId, prefix: &str) -> NamespaceId {
        let mut at = Some(element);
        while let Some(id) = at {
            if let Some((_, namespace)) = self.element(id).declarations.iter().find(|(known, _)| *known == prefix) {
                return *namespace;
            }
            at = self.element(id).parent;
        }
        NamespaceId::NONE
    }

    /// The in-scope prefix equal to `wanted`, borrowed from the document.
    fn declared_prefix(&self, element: ElementId, wanted: &str) -> Option<&str> {
        let mut at = Some(element);
        while let Some(id) = at {
            if let Some((prefix, _)) = self.element(id).declarations.iter().find(|(known, _)| *known == wanted) {
                return Some(prefix);
            }
            at = self.element(id).parent;
        }
        None
    }
}

impl<'d> Writer<'d, '_, '_> {
    /// Depth is bounded by [`super::Limits::depth`], so is this recursion.
    fn element(&mut self, id: ElementId) {
        let document = self.document;
        let element = document.element(id);
        let rendered_before = self.rendered.len();
        self.out.push('<');
        self.name(&element.name);
        self.namespaces(id);
        self.attributes(id);
        self.out.push('>');
        for child in &element.children {
            match child {
                Node::Element(child) if Some(*child) == self.omitted => {}
                Node::Element(child) => self.element(*child),
                Node::Text(text) => escape_text(text, &mut self.out),
            }
        }
        self.out.push_str("</");
        self.name(&element.name);
        self.out.push('>');
        self.rendered.truncate(rendered_before);
    }

    fn name(&mut self, name: &Name<'_>) {
        if !name.prefix.is_empty() {
            self.out.push_str(name.prefix);
            self.out.push(':');
        }
        self.out.push_str(name.local);
    }

    fn namespaces(&mut self, id: ElementId) {
        let element = self.document.element(id);
        let mut wanted: Vec<(&'d str, NamespaceId)> = vec![(element.name.prefix, element.name.namespace)];
        let prefixed = element.attributes.iter().filter(|attribute| !attribute.name.prefix.is_empty());
        wanted.extend(prefixed.map(|attribute| (attribute.name.prefix, attribute.name.namespace)));
        for token in self.inclusive_prefixes {
            let prefix = if *token == DEFAULT_PREFIX_TOKEN { "" } else { token };
            if let Some(prefix) = self.document.declared_prefix(id, prefix) {
                wanted.push((prefix, self.document.binding(id, prefix)));
            }
        }
        wanted.sort_unstable_by_key(|(prefix, _)| *prefix);
        wanted.dedup_by_key(|(prefix, _)| *prefix);
        for (prefix, namespace) in wanted {
            let above = self.rendered.iter().rev().find(|(known, _)| *known == prefix).map(|(_, above)| *above);
            // Nothing above is the same as "no default namespace"; any other prefix is bound to something.
            if prefix == "xml" || above.unwrap_or(NamespaceId::NONE) == namespace {
                continue;
            }
            self.out.push_str(" xmlns");
            if !prefix.is_empty() {
                self.out.push(':');
                self.out.push_str(prefix);
            }
            self.out.push_str("=\"");
            escape_attribute(self.document.namespace_name(namespace), &mut self.out);
            self.out.push('"');
            self.rendered.push((prefix, namespace));
        }
    }

    fn attributes(&mut self, id: ElementId) {
        let document = self.document;
        let mut attributes: Vec<_> = document.element(id).attributes.iter().collect();
        attributes.sort_unstable_by_key(|a| (document.namespace_name(a.name.namespace), a.name.local));
        for attribute in attributes {
            self.out.push(' ');
            self.name(&attribute.name);
            self.out.push_str("=\"");
            escape_attribute(&attribute.value, &mut self.out);
            self.out.push('"');
        }
    }
}

/// Appends text as canonical XML writes it; also right for any text node.
pub fn escape_text(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
}

/// Appends an attribute's value as canonical XML writes it; also right between double quotes anywhere.
pub fn escape_attribute(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
}
