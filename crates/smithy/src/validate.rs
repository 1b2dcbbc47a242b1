//! Length, range and pattern of every value of a request, from its schema.

use crate::generated::display;
use crate::pattern;
use crate::schema::{Body, Range, Schema, Shape, Text, Val, View};
use crate::violation::{Constraint, Path, Violation, Violations};

/// The constraints that stand for the upper and the lower bound of a range.
type Bounds = (fn(i64) -> Constraint, fn(i64) -> Constraint);

/// Adds to `seen` (what the reader already found) all that the values break.
pub fn validate(shape: &dyn Shape, seen: Vec<Violation>) -> Vec<Violation> {
    let reported = seen.len();
    let mut walk = Walk { violations: Violations(seen), reported };
    walk.structure(shape, &Path::Root);
    walk.violations.0
}

struct Walk {
    violations: Violations,
    /// How many of the violations the reader found.
    reported: usize,
}

impl Walk {
    /// A value that the reader could not fill holds its default, which says nothing about the request.
    fn is_reported(&self, path: &Path<'_>) -> bool {
        self.reported > 0 && {
            let path = path.to_string();
            self.violations.0[..self.reported].iter().any(|violation| violation.path == path)
        }
    }

    fn structure(&mut self, shape: &dyn Shape, path: &Path<'_>) {
        for (index, member) in shape.schema().members().iter().enumerate() {
            self.value(shape.member(index), member.schema, &Path::Member(path, member.name));
        }
    }

    fn value(&mut self, value: &dyn Val, schema: &Schema, path: &Path<'_>) {
        let Some(view) = value.view() else { return };
        if self.is_reported(path) {
            return;
        }
        match (&view, &schema.body) {
            (View::Integer(number), Body::Integer(range) | Body::Long(range)) => {
                let bounds: Bounds = (Constraint::ValueMax, Constraint::ValueMin);
                self.range(*number, *range, bounds, &view, schema, path);
            }
            (View::Text(text), Body::String(constraints)) => self.text(text, constraints, schema, path),
            (View::Blob(bytes), Body::Blob(length)) => self.length(bytes.len(), *length, &view, schema, path),
            (View::Structure(shape), _) => self.structure(*shape, path),
            (View::List(list), Body::List { member, length }) => {
                self.length(list.count(), *length, &view, schema, path);
                for index in 0..list.count() {
                    self.value(list.item(index), member, &Path::Item(path, index));
                }
            }
            (View::Map(map), Body::Map { key: key_schema, value: value_schema, length }) => {
                self.length(map.count(), *length, &view, schema, path);
                map.each(&mut |key, value| {
                    let path = Path::Entry(path, key);
                    if let Body::String(constraints) = &key_schema.body {
                        self.text(key, constraints, key_schema, &path);
                    }
                    self.value(value, value_schema, &path);
                });
            }
            _ => {}
        }
    }

    fn length(&mut self, count: usize, length: Range, view: &View<'_>, schema: &Schema, path: &Path<'_>) {
        let bounds: Bounds = (Constraint::LengthMax, Constraint::LengthMin);
        self.range(i64::try_from(count).unwrap_or(i64::MAX), length, bounds, view, schema, path);
    }

    fn range(
        &mut self,
        number: i64,
        range: Range,
        (above, below): Bounds,
        view: &View<'_>,
        schema: &Schema,
        path: &Path<'_>,
    ) {
        let broken = match range {
            Range { max: Some(max), .. } if number > max => above(max),
            Range { min: Some(min), .. } if number < min => below(min),
            _ => return,
        };
        self.violations.add(path, schema, Some(&display(view, schema)), broken);
    }

    fn text(&mut self, text: &str, constraints: &Text, schema: &Schema, path: &Path<'_>) {
        if !constraints.enumeration.is_empty() && !constraints.enumeration.contains(&text) {
            self.violations.add(path, schema, Some(text), Constraint::Enumeration(constraints.enumeration));
        }
        if constraints.length.min.is_some() || constraints.length.max.is_some() {
            self.length(text.chars().count(), constraints.length, &View::Text(text), schema, path);
        }
        if let Some(pattern) = constraints.pattern
            && !pattern::matches(pattern, text)
        {
            self.violations.add(path, schema, Some(text), Constraint::Pattern(pattern));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::codec::read_input;
    use crate::fixture::{JSON_GET, Thing};
    use crate::violation::{SHOWN_VALUE_CHARS_MAX, VIOLATIONS_MAX, Violation, message};
    use crate::wire::WireRequest;

    fn violations(body: &str) -> Vec<Violation> {
        let request = WireRequest { method: "POST", path: "/", query: "", headers: &[], body: body.as_bytes() };
        read_input(&JSON_GET, &request, &mut Thing::default()).unwrap()
    }

    #[test]
    fn one_violation_reads_like_aws() {
        assert_eq!(
            message(&violations(r#"{"Name":"a","Children":[{"Name":"a"},{"Name":"123456789"}]}"#)),
            "1 validation error detected: Value '123456789' at 'children.2.member.name' failed to satisfy constraint: \
             Member must have length less than or equal to 8"
        );
    }

    #[test]
    fn several_violations_are_all_listed() {
        assert_eq!(
            message(&violations(r#"{"Kind":"C","Count":21,"Names":[],"Labels":{"":"abcde"}}"#)),
            "6 validation errors detected: \
             Value 'C' at 'kind' failed to satisfy constraint: Member must satisfy enum value set: [A, B]; \
             Value null at 'name' failed to satisfy constraint: Member must not be null; \
             Value '21' at 'count' failed to satisfy constraint: Member must have value less than or equal to 20; \
             Value '' at 'labels..member' failed to satisfy constraint: Member must have length greater than or equal to 1; \
             Value 'abcde' at 'labels..member' failed to satisfy constraint: Member must have length less than or equal to 4; \
             Value '[]' at 'names' failed to satisfy constraint: Member must have length greater than or equal to 1"
        );
    }

    #[test]
    fn patterns_cover_the_whole_value() {
        let found = violations(r#"{"Name":"ok","Names":["a b","a\nb","a/b"]}"#);
        let paths: Vec<_> = found.iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(paths, ["names.2.member", "names.3.member"]);
        assert!(message(&found).contains("Member must satisfy regular expression pattern: [\\w"));
    }

    #[test]
    fn sensitive_and_long_values_are_not_repeated() {
        assert_eq!(violations(r#"{"Name":"a","Secret":"open sesame"}"#)[0].value.as_deref(), Some("***"));
        let body = format!(r#"{{"Name":"{}"}}"#, "é".repeat(100_000));
        let shown = violations(&body)[0].value.clone().unwrap();
        assert_eq!(shown.chars().count(), SHOWN_VALUE_CHARS_MAX + 3);
        let body = format!(r#"{{"Name":"a","Children":[{}]}}"#, vec!["{}"; 1_000].join(","));
        assert_eq!(violations(&body).len(), VIOLATIONS_MAX);
    }

    #[test]
    fn a_list_with_null_elements_is_reported() {
        let found = violations(r#"{"Name":"a","Names":["b",null]}"#);
        assert_eq!((found[0].path.as_str(), found[0].value.as_deref()), ("names.2.member", None));
    }
}
