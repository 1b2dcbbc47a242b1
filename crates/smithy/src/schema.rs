//! What the generated model says about shapes, services and operations, and how codecs reach into values.
//!
//! A generated struct is plain Rust with public fields; its [`Schema`] is a static table. Codecs never know
//! a concrete type: they walk the table and go through [`Shape`] and [`Val`].

use crate::document::Document;
use base::Timestamp;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;

/// One shape of an API model.
#[derive(Debug)]
pub struct Schema {
    /// The shape's name in the model.
    pub name: &'static str,
    /// Its type and constraints.
    pub body: Body,
    /// Never written to logs, audit records or `Debug`.
    pub sensitive: bool,
}

/// Type and constraints of a shape.
#[derive(Debug)]
pub enum Body {
    /// `true` or `false`.
    Boolean,
    /// 32-bit integer within `range`.
    Integer(Range),
    /// 64-bit integer within `range`.
    Long(Range),
    /// Floating point (both of the model's widths).
    Double,
    /// An instant; `iso8601` where the model overrides the protocol's format.
    Timestamp {
        /// Written as ISO 8601 text whatever the protocol.
        iso8601: bool,
    },
    /// Bytes whose count lies within the range.
    Blob(Range),
    /// Any JSON value, carried as [`crate::Document`].
    Document,
    /// Text.
    String(Text),
    /// A list.
    List {
        /// Shape of the members.
        member: &'static Schema,
        /// Bounds of the count.
        length: Range,
    },
    /// A map with text keys.
    Map {
        /// Shape of the keys.
        key: &'static Schema,
        /// Shape of the values.
        value: &'static Schema,
        /// Bounds of the count.
        length: Range,
    },
    /// A structure (or an error, or an operation's input or output).
    Structure(&'static [Member]),
}

/// Constraints of a text shape.
#[derive(Debug)]
pub struct Text {
    /// Bounds of the length in characters.
    pub length: Range,
    /// Regular expression that the whole value must match.
    pub pattern: Option<&'static str>,
    /// The allowed values; empty when the shape is no enumeration.
    pub enumeration: &'static [&'static str],
}

/// Inclusive bounds; `None` is unbounded.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// Smallest allowed value.
    pub min: Option<i64>,
    /// Largest allowed value.
    pub max: Option<i64>,
}

/// A member of a structure.
#[derive(Debug)]
pub struct Member {
    /// The member's name in the model.
    pub name: &'static str,
    /// Its name on the wire (differs where the model has `locationName`).
    pub wire: &'static str,
    /// Its shape.
    pub schema: &'static Schema,
    /// Must be present.
    pub required: bool,
    /// Where a REST request or answer carries it.
    pub location: Location,
}

/// Where a member travels in the REST protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In the body.
    Body,
    /// In the header named by [`Member::wire`].
    Header,
    /// In the query string.
    Query,
    /// In a `{label}` of the path.
    Label,
    /// As the HTTP status.
    Status,
    /// As the whole body.
    Payload,
}

/// A service of the model.
#[derive(Debug)]
pub struct Service {
    /// Key of the service in this product and in IAM's action names where they agree: `organizations`, `iam`,
    /// `sts`, `sso-admin`, `identitystore`, `sso`, `sso-oidc`, `account`, `signin`, `cloudtrail`, `ds`, `ds-data`.
    pub id: &'static str,
    /// The protocol that it speaks here.
    pub protocol: Protocol,
    /// Service name in the SigV4 credential scope.
    pub signing_name: &'static str,
    /// First label of AWS's host name (`organizations`, `iam`, `portal.sso`, `oidc`, …).
    pub endpoint_prefix: &'static str,
    /// Prefix of `X-Amz-Target` up to the dot; empty where the protocol has none.
    pub target_prefix: &'static str,
    /// Version of the query protocol (`2010-05-08`).
    pub api_version: &'static str,
    /// XML namespace of the query protocol's answers.
    pub xml_namespace: &'static str,
    /// Every operation of the model, sorted by name.
    pub operations: &'static [&'static Op],
}

/// Protocols of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// awsJson1.1: `X-Amz-Target` and a JSON body.
    Json,
    /// awsQuery: form body in, XML out.
    Query,
    /// restJson1: method and path, JSON body.
    RestJson,
}

impl Service {
    /// The operation called `name`.
    pub fn operation(&self, name: &str) -> Option<&'static Op> {
        self.operations.binary_search_by(|op| op.name.cmp(name)).ok().map(|at| self.operations[at])
    }
}

impl Schema {
    /// The members of a structure; none for every other shape.
    pub const fn members(&self) -> &'static [Member] {
        match self.body {
            Body::Structure(members) => members,
            _ => &[],
        }
    }
}

/// An operation of the model.
#[derive(Debug)]
pub struct Op {
    /// Its service.
    pub service: &'static Service,
    /// Its name, AWS's spelling.
    pub name: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// HTTP path (with `{labels}`), `/` outside REST.
    pub path: &'static str,
    /// Status of a successful answer.
    pub status: u16,
    /// May be called without a signature.
    pub unsigned: bool,
    /// Shape of the input; a structure without members where the model has none.
    pub input: &'static Schema,
    /// Shape of the output; `None`: the answer has no body.
    pub output: Option<&'static Schema>,
    /// Element around the output in the query protocol (`GetRoleResult`).
    pub result_wrapper: &'static str,
    /// Errors that the model lists.
    pub errors: &'static [&'static ErrorMeta],
    /// How the operation pages, where it does.
    pub paging: Option<Paging>,
}

/// Members through which an operation pages.
#[derive(Debug, Clone, Copy)]
pub struct Paging {
    /// Input member that carries the token.
    pub input_token: &'static str,
    /// Output member that carries the next token.
    pub output_token: &'static str,
    /// Input member that bounds the page; empty where the operation has none.
    pub limit: &'static str,
}

/// An error of the model.
#[derive(Debug)]
pub struct ErrorMeta {
    /// The shape's name (`NoSuchEntityException`).
    pub name: &'static str,
    /// The code on the wire (`NoSuchEntity`); the JSON protocols send `name` for both.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Whether the caller is at fault.
    pub sender_fault: bool,
}

/// Ties an operation's name to the types of its input and output.
pub trait Operation: 'static {
    /// The request.
    type In: Shape + Default;
    /// The answer; [`Unit`] where the model has none.
    type Out: Shape + Default;
    /// The model's description.
    const OP: &'static Op;
}

/// A generated structure.
pub trait Shape: Any + Send + Sync {
    /// The table that describes it.
    fn schema(&self) -> &'static Schema;
    /// The `index`-th member, in the order of the table.
    fn member(&self, index: usize) -> &dyn Val;
    /// The `index`-th member, for reading a request into it.
    fn member_mut(&mut self, index: usize) -> &mut dyn Val;
    /// For the typed shims around dynamic dispatch.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    /// For the typed shims around dynamic dispatch.
    fn as_any(&self) -> &dyn Any;
}

/// A generated error.
pub trait ErrorShape: Shape + fmt::Debug {
    /// Code, status and fault.
    fn meta(&self) -> &'static ErrorMeta;
    /// The message for the person who reads it.
    fn message(&self) -> &str;
}

/// A value that a codec looks at or fills.
pub trait Val: Send + Sync {
    /// The value as the codecs see it; `None` when absent.
    fn view(&self) -> Option<View<'_>>;
    /// Where to put the value; an absent value is first made present (with its default).
    fn slot(&mut self) -> Slot<'_>;
    /// Back to the default: absent where the value is optional.
    fn clear(&mut self);
}

/// A value, looked at.
pub enum View<'a> {
    /// A boolean.
    Boolean(bool),
    /// An integer of either width.
    Integer(i64),
    /// A floating-point number.
    Double(f64),
    /// An instant.
    Timestamp(Timestamp),
    /// Bytes.
    Blob(&'a [u8]),
    /// A JSON value, as JSON text.
    Document(&'a Document),
    /// Text or an enumeration's wire value.
    Text(&'a str),
    /// A list.
    List(&'a dyn ListVal),
    /// A map.
    Map(&'a dyn MapVal),
    /// A structure.
    Structure(&'a dyn Shape),
}

/// A value, to be filled.
pub enum Slot<'a> {
    /// A boolean.
    Boolean(&'a mut bool),
    /// A 32-bit integer.
    Integer(&'a mut i32),
    /// A 64-bit integer.
    Long(&'a mut i64),
    /// A floating-point number.
    Double(&'a mut f64),
    /// An instant.
    Timestamp(&'a mut Timestamp),
    /// Bytes.
    Blob(&'a mut Vec<u8>),
    /// A JSON value.
    Document(&'a mut Document),
    /// Free text.
    Text(&'a mut String),
    /// An enumeration.
    Enumeration(&'a mut dyn EnumVal),
    /// A list.
    List(&'a mut dyn ListVal),
    /// A map.
    Map(&'a mut dyn MapVal),
    /// A structure.
    Structure(&'a mut dyn Shape),
}

/// A generated enumeration.
pub trait EnumVal: Send + Sync {
    /// Sets the value from its wire form; false (and unchanged) when it is none of the enumeration.
    fn set(&mut self, wire: &str) -> bool;
}

/// A list, seen without its element type.
pub trait ListVal: Send + Sync {
    /// Number of elements.
    fn count(&self) -> usize;
    /// The `index`-th element.
    fn item(&self, index: usize) -> &dyn Val;
    /// Appends a default element and gives it out to be filled.
    fn push(&mut self) -> &mut dyn Val;
}

/// A map, seen without its value type.
pub trait MapVal: Send + Sync {
    /// Calls `visit` with every entry in key order.
    fn each(&self, visit: &mut dyn FnMut(&str, &dyn Val));
    /// Number of entries.
    fn count(&self) -> usize;
    /// Puts a default value under `key`, in place of any that is there, and gives it out to be filled.
    fn insert(&mut self, key: String) -> &mut dyn Val;
}

macro_rules! scalar {
    ($type:ty, $variant:ident, |$value:ident| $view:expr) => {
        impl Val for $type {
            fn view(&self) -> Option<View<'_>> {
                let $value = self;
                Some($view)
            }
            fn slot(&mut self) -> Slot<'_> {
                Slot::$variant(self)
            }
            fn clear(&mut self) {
                *self = Self::default();
            }
        }
    };
}

scalar!(bool, Boolean, |v| View::Boolean(*v));
scalar!(i32, Integer, |v| View::Integer(i64::from(*v)));
scalar!(i64, Long, |v| View::Integer(*v));
scalar!(f64, Double, |v| View::Double(*v));
scalar!(Timestamp, Timestamp, |v| View::Timestamp(*v));
scalar!(String, Text, |v| View::Text(v));
scalar!(Document, Document, |v| View::Document(v));

/// Bytes; a type of its own so that it is no list of numbers.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Blob(pub Vec<u8>);

impl Val for Blob {
    fn view(&self) -> Option<View<'_>> {
        Some(View::Blob(&self.0))
    }
    fn slot(&mut self) -> Slot<'_> {
        Slot::Blob(&mut self.0)
    }
    fn clear(&mut self) {
        self.0.clear();
    }
}

impl<T: Val + Default> Val for Option<T> {
    fn view(&self) -> Option<View<'_>> {
        self.as_ref().and_then(Val::view)
    }
    fn slot(&mut self) -> Slot<'_> {
        self.get_or_insert_default().slot()
    }
    fn clear(&mut self) {
        *self = None;
    }
}

impl<T: Val + Default> Val for Vec<T> {
    fn view(&self) -> Option<View<'_>> {
        Some(View::List(self))
    }
    fn slot(&mut self) -> Slot<'_> {
        Slot::List(self)
    }
    fn clear(&mut self) {
        Vec::clear(self);
    }
}

impl<T: Val + Default> ListVal for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }
    fn item(&self, index: usize) -> &dyn Val {
        &self[index]
    }
    fn push(&mut self) -> &mut dyn Val {
        self.push(T::default());
        let last = self.len() - 1;
        &mut self[last]
    }
}

impl<T: Val + Default> Val for BTreeMap<String, T> {
    fn view(&self) -> Option<View<'_>> {
        Some(View::Map(self))
    }
    fn slot(&mut self) -> Slot<'_> {
        Slot::Map(self)
    }
    fn clear(&mut self) {
        BTreeMap::clear(self);
    }
}

impl<T: Val + Default> MapVal for BTreeMap<String, T> {
    fn each(&self, visit: &mut dyn FnMut(&str, &dyn Val)) {
        for (key, value) in self {
            visit(key, value);
        }
    }
    fn count(&self) -> usize {
        self.len()
    }
    fn insert(&mut self, key: String) -> &mut dyn Val {
        let value = self.entry(key).or_default();
        *value = T::default();
        value
    }
}

/// What a generated shape answers to an index outside its table: codecs take indexes only from the table.
#[cold]
pub fn no_member() -> ! {
    unreachable!("members are addressed by the positions of their own schema")
}

/// The input or output of an operation that has none.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Unit;

/// Schema of [`Unit`].
pub static UNIT: Schema = Schema { name: "Unit", body: Body::Structure(&[]), sensitive: false };

impl Shape for Unit {
    fn schema(&self) -> &'static Schema {
        &UNIT
    }
    fn member(&self, _index: usize) -> &dyn Val {
        no_member()
    }
    fn member_mut(&mut self, _index: usize) -> &mut dyn Val {
        no_member()
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}
