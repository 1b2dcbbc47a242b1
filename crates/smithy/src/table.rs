//! Short constructors with which the generated files spell their schemas.

use crate::schema::{Body, Location, Member, Range, Schema, Text};

/// No bounds.
pub const ANY: Range = Range { min: None, max: None };

/// Both bounds, inclusive.
pub const fn range(min: i64, max: i64) -> Range {
    Range { min: Some(min), max: Some(max) }
}

/// Only a lower bound.
pub const fn min(min: i64) -> Range {
    Range { min: Some(min), max: None }
}

/// Only an upper bound.
pub const fn max(max: i64) -> Range {
    Range { min: None, max: Some(max) }
}

const fn schema(name: &'static str, body: Body) -> Schema {
    Schema { name, body, sensitive: false }
}

impl Schema {
    /// The same shape, marked as sensitive.
    pub const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }
}

/// A boolean shape.
pub const fn boolean(name: &'static str) -> Schema {
    schema(name, Body::Boolean)
}

/// A 32-bit integer shape.
pub const fn integer(name: &'static str, range: Range) -> Schema {
    schema(name, Body::Integer(range))
}

/// A 64-bit integer shape.
pub const fn long(name: &'static str, range: Range) -> Schema {
    schema(name, Body::Long(range))
}

/// A floating-point shape.
pub const fn double(name: &'static str) -> Schema {
    schema(name, Body::Double)
}

/// An instant in the protocol's own format.
pub const fn timestamp(name: &'static str) -> Schema {
    schema(name, Body::Timestamp { iso8601: false })
}

/// An instant that every protocol writes as ISO 8601 text.
pub const fn timestamp_iso8601(name: &'static str) -> Schema {
    schema(name, Body::Timestamp { iso8601: true })
}

/// A shape of bytes.
pub const fn blob(name: &'static str, length: Range) -> Schema {
    schema(name, Body::Blob(length))
}

/// A shape that holds any JSON value.
pub const fn document(name: &'static str) -> Schema {
    schema(name, Body::Document)
}

/// A text shape.
pub const fn string(name: &'static str, length: Range) -> Schema {
    schema(name, Body::String(Text { length, pattern: None, enumeration: &[] }))
}

/// A text shape with a pattern.
pub const fn pattern(name: &'static str, length: Range, pattern: &'static str) -> Schema {
    schema(name, Body::String(Text { length, pattern: Some(pattern), enumeration: &[] }))
}

/// An enumeration.
pub const fn enumeration(name: &'static str, values: &'static [&'static str]) -> Schema {
    schema(name, Body::String(Text { length: ANY, pattern: None, enumeration: values }))
}

/// A list shape.
pub const fn list(name: &'static str, member: &'static Schema, length: Range) -> Schema {
    schema(name, Body::List { member, length })
}

/// A map shape.
pub const fn map(name: &'static str, key: &'static Schema, value: &'static Schema, length: Range) -> Schema {
    schema(name, Body::Map { key, value, length })
}

/// A structure.
pub const fn structure(name: &'static str, members: &'static [Member]) -> Schema {
    schema(name, Body::Structure(members))
}

/// A member that may be absent.
pub const fn opt(name: &'static str, schema: &'static Schema) -> Member {
    Member { name, wire: name, schema, required: false, location: Location::Body }
}

/// A member that must be present.
pub const fn req(name: &'static str, schema: &'static Schema) -> Member {
    Member { name, wire: name, schema, required: true, location: Location::Body }
}

impl Member {
    /// The same member under another name on the wire.
    pub const fn wire(self, wire: &'static str) -> Self {
        Self { wire, ..self }
    }

    /// The same member at another place of the request or answer.
    pub const fn at(self, location: Location) -> Self {
        Self { location, ..self }
    }
}
