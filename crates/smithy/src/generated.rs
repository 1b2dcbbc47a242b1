//! The code that all generated shapes, enumerations, errors and operations have in common.

use crate::schema::{Shape, View};
use std::fmt;

/// Implements [`Shape`], [`crate::schema::Val`], `Debug` and `PartialEq` for a generated structure whose schema
/// has the same name in the module `schema` beside it.
#[macro_export]
macro_rules! shape {
    ($type:ident { $($index:literal $field:ident)* }) => {
        impl $crate::schema::Shape for $type {
            fn schema(&self) -> &'static $crate::schema::Schema {
                &schema::$type
            }
            fn member(&self, index: usize) -> &dyn $crate::schema::Val {
                match index {
                    $($index => &self.$field,)*
                    _ => $crate::schema::no_member(),
                }
            }
            fn member_mut(&mut self, index: usize) -> &mut dyn $crate::schema::Val {
                match index {
                    $($index => &mut self.$field,)*
                    _ => $crate::schema::no_member(),
                }
            }
            fn into_any(self: Box<Self>) -> Box<dyn ::std::any::Any> {
                self
            }
            fn as_any(&self) -> &dyn ::std::any::Any {
                self
            }
        }
        impl $crate::schema::Val for $type {
            fn view(&self) -> Option<$crate::schema::View<'_>> {
                Some($crate::schema::View::Structure(self))
            }
            fn slot(&mut self) -> $crate::schema::Slot<'_> {
                $crate::schema::Slot::Structure(self)
            }
            fn clear(&mut self) {
                *self = Self::default();
            }
        }
        impl ::std::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::generated::debug(self, f)
            }
        }
        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                $crate::generated::equal(self, other)
            }
        }
    };
}

/// Declares a generated enumeration; the first variant is the default.
#[macro_export]
macro_rules! enumeration {
    (pub enum $type:ident { $first:ident = $first_wire:literal, $($variant:ident = $wire:literal,)* }) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub enum $type {
            #[default]
            $first,
            $($variant,)*
        }
        impl $type {
            /// Every wire value, in the order of the model.
            pub const VALUES: &'static [&'static str] = &[$first_wire, $($wire,)*];
            /// Every variant, in the order of the model.
            pub const ALL: &'static [Self] = &[Self::$first, $(Self::$variant,)*];
            /// The value as it travels.
            pub const fn as_str(self) -> &'static str {
                Self::VALUES[self as usize]
            }
            /// The variant of a wire value.
            pub fn parse(wire: &str) -> Option<Self> {
                $crate::generated::position(Self::VALUES, wire).map(|at| Self::ALL[at])
            }
        }
        impl $crate::schema::EnumVal for $type {
            fn set(&mut self, wire: &str) -> bool {
                Self::parse(wire).map(|value| *self = value).is_some()
            }
        }
        impl $crate::schema::Val for $type {
            fn view(&self) -> Option<$crate::schema::View<'_>> {
                Some($crate::schema::View::Text(self.as_str()))
            }
            fn slot(&mut self) -> $crate::schema::Slot<'_> {
                $crate::schema::Slot::Enumeration(self)
            }
            fn clear(&mut self) {
                *self = Self::default();
            }
        }
        impl ::std::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// Implements [`crate::schema::ErrorShape`] and the constructor for a generated error whose description has the
/// same name in the module `error` beside it.
#[macro_export]
macro_rules! failure {
    ($type:ident, $message:ident: String $(, $field:ident: $value:literal)?) => {
        impl $type {
            /// The error with this message for the person who reads it.
            pub fn new(message: impl Into<String>) -> Self {
                Self { $message: message.into(), $($field: Some($value.into()),)? ..Self::default() }
            }
        }
        impl $crate::schema::ErrorShape for $type {
            fn meta(&self) -> &'static $crate::schema::ErrorMeta {
                &error::$type
            }
            fn message(&self) -> &str {
                &self.$message
            }
        }
    };
    ($type:ident, $message:ident: Option<String> $(, $field:ident: $value:literal)?) => {
        impl $type {
            /// The error with this message for the person who reads it.
            pub fn new(message: impl Into<String>) -> Self {
                Self { $message: Some(message.into()), $($field: Some($value.into()),)? ..Self::default() }
            }
        }
        impl $crate::schema::ErrorShape for $type {
            fn meta(&self) -> &'static $crate::schema::ErrorMeta {
                &error::$type
            }
            fn message(&self) -> &str {
                self.$message.as_deref().unwrap_or_default()
            }
        }
    };
}

/// Declares an operation's marker; its description has the same name in the module `op` above it.
#[macro_export]
macro_rules! operation {
    ($type:ident, $in:ty, $out:ty) => {
        #[derive(Clone, Copy, Debug)]
        pub struct $type;
        impl $crate::schema::Operation for $type {
            type In = $in;
            type Out = $out;
            const OP: &'static $crate::schema::Op = &super::op::$type;
        }
    };
}

/// Where `wire` stands in `values`.
pub fn position(values: &[&str], wire: &str) -> Option<usize> {
    values.iter().position(|value| *value == wire)
}

/// Writes a shape for people, without absent members and with `***` for sensitive ones.
pub fn debug(shape: &dyn Shape, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let schema = shape.schema();
    let mut out = f.debug_struct(schema.name);
    for (index, member) in schema.members().iter().enumerate() {
        if let Some(view) = shape.member(index).view() {
            if member.schema.sensitive {
                out.field(member.name, &format_args!("***"));
            } else {
                out.field(member.name, &Shown { view, schema: member.schema });
            }
        }
    }
    out.finish()
}

struct Shown<'a> {
    view: View<'a>,
    schema: &'static crate::schema::Schema,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::schema::Body;
        if self.schema.sensitive {
            return f.write_str("***");
        }
        match (&self.view, &self.schema.body) {
            (View::Boolean(v), _) => write!(f, "{v}"),
            (View::Integer(v), _) => write!(f, "{v}"),
            (View::Double(v), _) => write!(f, "{v}"),
            (View::Timestamp(v), _) => write!(f, "{v:?}"),
            (View::Blob(v), _) => write!(f, "{} bytes", v.len()),
            (View::Document(v), _) => f.write_str(v.as_json()),
            (View::Text(v), _) => write!(f, "{v:?}"),
            (View::Structure(v), _) => debug(*v, f),
            (View::List(v), Body::List { member, .. }) => {
                let items = (0..v.count()).filter_map(|i| v.item(i).view());
                f.debug_list().entries(items.map(|view| Shown { view, schema: member })).finish()
            }
            (View::Map(v), Body::Map { key: key_schema, value: schema, .. }) => {
                let mut out = f.debug_map();
                v.each(&mut |key, value| {
                    if let Some(view) = value.view() {
                        let shown: &dyn fmt::Debug = if key_schema.sensitive { &format_args!("***") } else { &key };
                        out.entry(shown, &Shown { view, schema });
                    }
                });
                out.finish()
            }
            (View::List(_) | View::Map(_), _) => f.write_str("?"),
        }
    }
}

/// A value as it stands in AWS's messages: scalars plain, lists and maps in brackets, `***` for sensitive parts.
pub fn display(view: &View<'_>, schema: &'_ crate::schema::Schema) -> String {
    use crate::schema::Body;
    if schema.sensitive {
        return "***".to_owned();
    }
    match (view, &schema.body) {
        (View::Boolean(v), _) => v.to_string(),
        (View::Integer(v), _) => v.to_string(),
        (View::Double(v), _) => v.to_string(),
        (View::Timestamp(v), _) => v.iso8601(),
        (View::Blob(v), _) => format!("{} bytes", v.len()),
        (View::Document(v), _) => v.as_json().to_owned(),
        (View::Text(v), _) => (*v).to_owned(),
        (View::Structure(v), _) => format!("{}(...)", v.schema().name),
        (View::List(v), Body::List { member, .. }) => {
            let shown = (0..v.count().min(SHOWN_ELEMENTS_MAX)).filter_map(|i| v.item(i).view());
            let shown: Vec<String> = shown.map(|view| display(&view, member)).collect();
            let more = if v.count() > SHOWN_ELEMENTS_MAX { ", ..." } else { "" };
            format!("[{}{more}]", shown.join(", "))
        }
        (View::Map(v), _) => format!("{{{} entries}}", v.count()),
        (View::List(v), _) => format!("[{} elements]", v.count()),
    }
}

/// Most elements of a list that a message shows.
const SHOWN_ELEMENTS_MAX: usize = 100;

/// Whether two shapes of one type hold the same values.
pub fn equal(a: &dyn Shape, b: &dyn Shape) -> bool {
    (0..a.schema().members().len()).all(|index| same(a.member(index).view(), b.member(index).view()))
}

fn same(a: Option<View<'_>>, b: Option<View<'_>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(View::Boolean(a)), Some(View::Boolean(b))) => a == b,
        (Some(View::Integer(a)), Some(View::Integer(b))) => a == b,
        (Some(View::Double(a)), Some(View::Double(b))) => a == b,
        (Some(View::Timestamp(a)), Some(View::Timestamp(b))) => a == b,
        (Some(View::Blob(a)), Some(View::Blob(b))) => a == b,
        (Some(View::Document(a)), Some(View::Document(b))) => a == b,
        (Some(View::Text(a)), Some(View::Text(b))) => a == b,
        (Some(View::Structure(a)), Some(View::Structure(b))) => equal(a, b),
        (Some(View::List(a)), Some(View::List(b))) => {
            a.count() == b.count() && (0..a.count()).all(|i| same(a.item(i).view(), b.item(i).view()))
        }
        (Some(View::Map(a)), Some(View::Map(b))) => a.count() == b.count() && same_entries(a, b),
        _ => false,
    }
}

fn same_entries(a: &dyn crate::schema::MapVal, b: &dyn crate::schema::MapVal) -> bool {
    let mut equal = true;
    a.each(&mut |key, value| {
        let mut found = false;
        b.each(&mut |other_key, other| found |= key == other_key && same(value.view(), other.view()));
        equal &= found;
    });
    equal
}
