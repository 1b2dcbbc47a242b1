//! The query protocol's requests: form parameters into shapes.
//!
//! Lists travel as `Name.member.1`, maps as `Name.entry.1.key` and `Name.entry.1.value`, structures as `Name.Member`;
//! `Name=` alone is an empty list or map. Positions order the elements, gaps are closed. Unknown parameters are
//! ignored, a parameter given twice is refused: which of the two counts would be anybody's guess.

use crate::encoding;
use crate::json::unknown_value;
use crate::schema::{Body, ListVal, MapVal, Schema, Shape, Slot, Val};
use crate::violation::{Constraint, Path, Violation, Violations};
use crate::wire::{DecodeError, ELEMENTS_MAX, WireRequest};
use base::Timestamp;
use base::limits::{NESTING_DEPTH_MAX, QUERY_PARAMETERS_MAX};
use std::collections::BTreeMap;

/// The decoded parameters of a request, from its query string and its form body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Decodes both places. The body counts only when its content type is that of a form (or not given).
    pub fn of(request: &WireRequest<'_>) -> Result<Self, DecodeError> {
        let mut parameters = Self::default();
        parameters.add(request.query)?;
        let form = request.header("content-type").is_none_or(|value| {
            value.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
        });
        if form && !request.body.is_empty() {
            let body = std::str::from_utf8(request.body)
                .map_err(|_| DecodeError::syntax("The request body is not valid UTF-8"))?;
            parameters.add(body)?;
        }
        Ok(parameters)
    }

    fn add(&mut self, text: &str) -> Result<(), DecodeError> {
        let malformed = || DecodeError::syntax("The query string contains a syntax error");
        for pair in text.trim_end_matches(['\r', '\n']).split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = encoding::percent_decode(name, true).ok_or_else(malformed)?;
            let value = encoding::percent_decode(value, true).ok_or_else(malformed)?;
            if self.0.len() >= QUERY_PARAMETERS_MAX {
                return Err(DecodeError::limit("The request has too many parameters"));
            }
            if self.0.contains_key(&name) {
                return Err(DecodeError::syntax(format!("Duplicate parameter '{}'", name.escape_debug())));
            }
            self.0.insert(name, value);
        }
        Ok(())
    }

    /// A parameter's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The operation's name.
    pub fn action(&self) -> Option<&str> {
        self.get("Action")
    }

    /// The API version.
    pub fn version(&self) -> Option<&str> {
        self.get("Version")
    }
}

/// One level of the dotted names.
#[derive(Default)]
struct Node<'a> {
    value: Option<&'a str>,
    children: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Node<'a> {
    fn tree(parameters: &'a Parameters) -> Result<Self, DecodeError> {
        let mut root = Self::default();
        for (name, value) in &parameters.0 {
            let mut node = &mut root;
            for (depth, part) in name.split('.').enumerate() {
                // Every structure level can hide behind two parts (`member.1`).
                if depth > 2 * NESTING_DEPTH_MAX {
                    return Err(DecodeError::limit("The request is nested too deeply"));
                }
                node = node.children.entry(part).or_default();
            }
            node.value = Some(value);
        }
        Ok(root)
    }

    /// The children whose names are positions, in their order.
    fn positions(&self) -> Vec<&Node<'a>> {
        let mut found: Vec<(u32, &Node<'a>)> =
            self.children.iter().filter_map(|(name, node)| Some((name.parse().ok()?, node))).collect();
        found.sort_by_key(|(position, _)| *position);
        found.into_iter().map(|(_, node)| node).collect()
    }
}

/// Reads the parameters into `into`. The violations are those that only the reader can see: missing required
/// members and unknown enumeration values.
pub fn read(parameters: &Parameters, into: &mut dyn Shape) -> Result<Vec<Violation>, DecodeError> {
    let tree = Node::tree(parameters)?;
    let mut walk = Walk { violations: Violations::default(), elements: 0 };
    walk.structure(&tree, into, &Path::Root, 0)?;
    Ok(walk.violations.0)
}

struct Walk {
    violations: Violations,
    elements: usize,
}

fn wrong(expected: &str) -> DecodeError {
    DecodeError::mismatch(format!("STRING_VALUE can not be converted to {expected}"))
}

fn text<'a>(node: &Node<'a>) -> Result<&'a str, DecodeError> {
    node.value.ok_or_else(|| DecodeError::mismatch("Start of structure or map found where not expected."))
}

impl Walk {
    fn structure(
        &mut self,
        node: &Node<'_>,
        into: &mut dyn Shape,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<(), DecodeError> {
        if depth >= NESTING_DEPTH_MAX {
            return Err(DecodeError::limit("The request is nested too deeply"));
        }
        for (index, member) in into.schema().members().iter().enumerate() {
            let path = Path::Member(path, member.name);
            match node.children.get(member.wire) {
                Some(child) => self.value(child, member.schema, into.member_mut(index), &path, depth + 1)?,
                None if member.required => self.violations.add(&path, member.schema, None, Constraint::Required),
                None => {}
            }
        }
        Ok(())
    }

    fn value(
        &mut self,
        node: &Node<'_>,
        schema: &'static Schema,
        into: &mut dyn Val,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<(), DecodeError> {
        match into.slot() {
            Slot::Boolean(v) => {
                *v = match text(node)? {
                    word if word.eq_ignore_ascii_case("true") => true,
                    word if word.eq_ignore_ascii_case("false") => false,
                    _ => return Err(wrong("a Boolean")),
                };
            }
            Slot::Integer(v) => *v = text(node)?.parse().map_err(|_| wrong("an Integer"))?,
            Slot::Long(v) => *v = text(node)?.parse().map_err(|_| wrong("a Long"))?,
            Slot::Double(v) => {
                let number: f64 = text(node)?.parse().map_err(|_| wrong("a Double"))?;
                *v = Some(number).filter(|number| number.is_finite()).ok_or_else(|| wrong("a Double"))?;
            }
            Slot::Timestamp(v) => *v = timestamp(text(node)?).ok_or_else(|| wrong("a Timestamp"))?,
            Slot::Blob(v) => *v = encoding::from_base64(text(node)?).ok_or_else(|| wrong("a Blob"))?,
            Slot::Document(v) => {
                let json = crate::Document::parse(text(node)?).ok_or_else(|| wrong("a document"))?;
                *v = json;
            }
            Slot::Text(v) => text(node)?.clone_into(v),
            Slot::Enumeration(v) => {
                let word = text(node)?;
                if !v.set(word) {
                    self.violations.add(path, schema, Some(word), unknown_value(schema));
                }
            }
            Slot::List(v) => self.list(node, schema, v, path, depth)?,
            Slot::Map(v) => self.map(node, schema, v, path, depth)?,
            Slot::Structure(v) => self.structure(node, v, path, depth)?,
        }
        Ok(())
    }

    fn count_element(&mut self) -> Result<(), DecodeError> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(DecodeError::limit("The request has too many list elements"));
        }
        Ok(())
    }

    fn list(
        &mut self,
        node: &Node<'_>,
        schema: &'static Schema,
        into: &mut dyn ListVal,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<(), DecodeError> {
        let Body::List { member, .. } = schema.body else { return Err(wrong("a list")) };
        let Some(elements) = container(node, "member")? else { return Ok(()) };
        for (index, element) in elements.positions().into_iter().enumerate() {
            self.count_element()?;
            self.value(element, member, into.push(), &Path::Item(path, index), depth)?;
        }
        Ok(())
    }

    fn map(
        &mut self,
        node: &Node<'_>,
        schema: &'static Schema,
        into: &mut dyn MapVal,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<(), DecodeError> {
        let Body::Map { value: value_schema, .. } = schema.body else { return Err(wrong("a map")) };
        let Some(entries) = container(node, "entry")? else { return Ok(()) };
        for entry in entries.positions() {
            self.count_element()?;
            let key = entry.children.get("key").ok_or_else(|| DecodeError::mismatch("A map entry has no key"))?;
            let key = text(key)?;
            let path = Path::Entry(path, key);
            match entry.children.get("value") {
                Some(value) => self.value(value, value_schema, into.insert(key.to_owned()), &path, depth)?,
                None => self.violations.add(&path, value_schema, None, Constraint::Required),
            }
        }
        Ok(())
    }
}

/// The node that holds a list's or map's positions; `None` when it is given as empty.
fn container<'n, 'a>(node: &'n Node<'a>, name: &str) -> Result<Option<&'n Node<'a>>, DecodeError> {
    match (node.children.get(name), node.value) {
        (Some(container), _) => Ok(Some(container)),
        (None, Some("")) => Ok(None),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(DecodeError::mismatch("Expected list or map")),
    }
}

/// ISO 8601, or seconds since the epoch.
fn timestamp(text: &str) -> Option<Timestamp> {
    Timestamp::parse_iso8601(text).or_else(|| Timestamp::from_seconds_f64(text.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Kind, Thing};
    use proptest::prelude::*;

    fn parse(query: &str) -> Result<(Thing, Vec<Violation>), DecodeError> {
        let request = WireRequest { method: "GET", path: "/", query, headers: &[], body: b"" };
        let mut thing = Thing::default();
        let violations = read(&Parameters::of(&request)?, &mut thing)?;
        Ok((thing, violations))
    }

    #[test]
    fn lists_maps_and_structures_are_assembled_from_their_names() {
        let (thing, violations) = parse(
            "Action=X&Version=1&Name=a%26b+c&Kind=B&Count=7&On=true&At=2026-11-21T10:00:00Z&Data=Zm9v\
             &Names.member.10=j&Names.member.2=b&Labels.entry.1.key=k&Labels.entry.1.value=v\
             &Child.Name=inner&Children.member.1.Name=x&Children.member.1.Names.member.1=y&Unknown.Thing=1",
        )
        .unwrap();
        assert_eq!(violations, []);
        assert_eq!(thing.name, "a&b c");
        assert_eq!(thing.kind, Some(Kind::B));
        assert_eq!((thing.count, thing.on), (Some(7), Some(true)));
        assert_eq!(thing.at, Timestamp::parse_iso8601("2026-11-21T10:00:00Z"));
        assert_eq!(thing.data.as_ref().unwrap().0, b"foo");
        assert_eq!(thing.names.as_deref().unwrap(), ["b", "j"]);
        assert_eq!(thing.labels.as_ref().unwrap()["k"], "v");
        assert_eq!(thing.child.as_ref().unwrap().name.as_deref(), Some("inner"));
        assert_eq!(thing.children.as_ref().unwrap()[0].names.as_deref().unwrap(), ["y"]);
    }

    #[test]
    fn an_empty_list_is_not_an_absent_one() {
        assert_eq!(parse("Name=a&Names=").unwrap().0.names, Some(vec![]));
        assert_eq!(parse("Name=a").unwrap().0.names, None);
    }

    #[test]
    fn what_the_model_forbids_is_reported_and_not_fatal() {
        let (_, violations) = parse("Kind=C&Children.member.1.Count=1").unwrap();
        let paths: Vec<_> = violations.iter().map(|v| (v.path.as_str(), v.value.as_deref())).collect();
        assert_eq!(paths, [("children.1.member.name", None), ("kind", Some("C")), ("name", None)]);
    }

    #[test]
    fn hostile_requests_are_errors() {
        let deep = format!("Name=a&{}=x", vec!["Child"; 100].join("."));
        let many: Vec<String> = (0..=QUERY_PARAMETERS_MAX).map(|i| format!("p{i}=")).collect();
        for query in [
            "Name=%zz",
            "Name=%ff",
            "Name=a&Name=b",
            "Name=a&Count=1x",
            "Name=a&On=yes",
            "Name.x=1",
            &deep,
            &many.join("&"),
        ] {
            assert!(parse(query).is_err(), "{query:.80}");
        }
        assert!(parse("Name=a&Names.member.99999999999=x&Names.member.x=y&Names.member.-1=z").is_ok());
    }

    proptest! {
        #[test]
        fn no_request_panics(query in "[A-Za-z.=&%+0-9]{0,60}", tail in any::<String>()) {
            let _ = parse(&format!("{query}{tail}"));
            let _ = parse(&format!("Name=a&Names.{query}&Labels.entry.{query}"));
        }
    }
}
