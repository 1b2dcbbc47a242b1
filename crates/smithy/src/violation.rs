//! What a request breaks of its model, in AWS's words.

use crate::schema::Schema;
use std::fmt;

/// Most violations that one answer lists: enough for a person, and bounded.
pub const VIOLATIONS_MAX: usize = 50;
/// Longest value shown in a message, in characters.
pub const SHOWN_VALUE_CHARS_MAX: usize = 1_024;

/// One broken constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where: `emails.1.member.value`.
    pub path: String,
    /// The value, fit to be shown; `None` when it is absent.
    pub value: Option<String>,
    /// The constraint.
    pub constraint: Constraint,
    /// Name of the shape that sets the constraint.
    pub shape: &'static str,
}

/// A constraint of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// Must be present.
    Required,
    /// Most characters, bytes or elements.
    LengthMax(i64),
    /// Fewest characters, bytes or elements.
    LengthMin(i64),
    /// Largest number.
    ValueMax(i64),
    /// Smallest number.
    ValueMin(i64),
    /// A regular expression for the whole value.
    Pattern(&'static str),
    /// One of these.
    Enumeration(&'static [&'static str]),
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("Member must not be null"),
            Self::LengthMax(n) => write!(f, "Member must have length less than or equal to {n}"),
            Self::LengthMin(n) => write!(f, "Member must have length greater than or equal to {n}"),
            Self::ValueMax(n) => write!(f, "Member must have value less than or equal to {n}"),
            Self::ValueMin(n) => write!(f, "Member must have value greater than or equal to {n}"),
            Self::Pattern(pattern) => write!(f, "Member must satisfy regular expression pattern: {pattern}"),
            Self::Enumeration(values) => write!(f, "Member must satisfy enum value set: [{}]", values.join(", ")),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "Value '{value}' at ")?,
            None => f.write_str("Value null at ")?,
        }
        write!(f, "'{}' failed to satisfy constraint: {}", self.path, self.constraint)
    }
}

/// The sentence that AWS answers: `2 validation errors detected: …; …`.
pub fn message(violations: &[Violation]) -> String {
    use fmt::Write;
    let plural = if violations.len() == 1 { "" } else { "s" };
    let mut out = format!("{} validation error{plural} detected: ", violations.len());
    for (index, violation) in violations.iter().enumerate() {
        let separator = if index == 0 { "" } else { "; " };
        let _ = write!(out, "{separator}{violation}");
    }
    out
}

/// Where a walk over a value stands; lives on the stack and costs nothing until it is printed.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'static str),
    Item(&'a Path<'a>, usize),
    Entry(&'a Path<'a>, &'a str),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, name) => {
                if !matches!(parent, Path::Root) {
                    write!(f, "{parent}.")?;
                }
                let (first, rest) = name.split_at(name.chars().next().map_or(0, char::len_utf8));
                write!(f, "{}{rest}", first.to_lowercase())
            }
            Self::Item(parent, index) => write!(f, "{parent}.{}.member", index + 1),
            Self::Entry(parent, key) => write!(f, "{parent}.{}.member", shorten(key)),
        }
    }
}

/// Collects violations up to the bound.
#[derive(Default)]
pub(crate) struct Violations(pub Vec<Violation>);

impl Violations {
    pub(crate) fn add(&mut self, path: &Path<'_>, schema: &Schema, value: Option<&str>, constraint: Constraint) {
        if self.0.len() < VIOLATIONS_MAX {
            let value = value.map(|value| if schema.sensitive { "***".to_owned() } else { shorten(value) });
            self.0.push(Violation { path: path.to_string(), value, constraint, shape: schema.name });
        }
    }
}

/// Cuts at a character boundary.
fn shorten(value: &str) -> String {
    match value.char_indices().nth(SHOWN_VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.to_owned(),
    }
}
