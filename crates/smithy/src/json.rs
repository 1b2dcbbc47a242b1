//! JSON, read into and written from shapes (awsJson1.1 and the bodies of restJson1).

use crate::encoding;
use crate::schema::{Body, ListVal, Location, MapVal, Schema, Shape, Slot, Val, View};
use crate::violation::{Constraint, Path, Violation, Violations};
use crate::wire::{DecodeError, ELEMENTS_MAX};
use base::Timestamp;
use base::limits::NESTING_DEPTH_MAX;
use std::borrow::Cow;

/// Reads a body into `into`: unknown members are ignored, `null` means absent, of duplicate members the last wins.
/// An empty body is an empty structure. The violations are those that only the reader can see: missing required
/// members and unknown enumeration values.
pub fn read(body: &[u8], into: &mut dyn Shape) -> Result<Vec<Violation>, DecodeError> {
    let mut violations = Violations::default();
    read_at(body, into, &Path::Root, &mut violations)?;
    Ok(violations.0)
}

pub(crate) fn read_at(
    body: &[u8],
    into: &mut dyn Shape,
    path: &Path<'_>,
    violations: &mut Violations,
) -> Result<(), DecodeError> {
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::syntax("The request body is not valid UTF-8"))?;
    let body = if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() { "{}" } else { text };
    let mut reader = Reader { text: body, at: 0, elements: 0 };
    let mut walk = Walk { reader: &mut reader, violations };
    if walk.reader.peek() != Some(b'{') {
        return Err(walk.reader.wrong("structure"));
    }
    walk.structure(into, path, 0)?;
    match reader.peek() {
        None => Ok(()),
        Some(_) => Err(reader.malformed()),
    }
}

/// Whether `text` is exactly one JSON value of bounded depth, in UTF-8.
pub fn is_well_formed(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let mut reader = Reader { text, at: 0, elements: 0 };
    reader.skip(0).is_ok() && reader.peek().is_none()
}

/// The text of a JSON string; `None` when `json` is anything else.
pub fn parse_string(json: &[u8]) -> Option<String> {
    let mut reader = Reader { text: std::str::from_utf8(json).ok()?, at: 0, elements: 0 };
    let text = (reader.peek() == Some(b'"')).then(|| reader.string().ok())??.into_owned();
    reader.peek().is_none().then_some(text)
}

/// A cursor over JSON text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    elements: usize,
}

impl<'a> Reader<'a> {
    fn malformed(&self) -> DecodeError {
        DecodeError::syntax(format!("The request body is not valid JSON (at byte {})", self.at))
    }

    /// The next byte that is no white space, not consumed.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), DecodeError> {
        if self.eat(byte) { Ok(()) } else { Err(self.malformed()) }
    }

    fn literal(&mut self, word: &str) -> Result<(), DecodeError> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.malformed())
        }
    }

    /// Consumes `null` when it is next.
    fn null(&mut self) -> Result<bool, DecodeError> {
        if self.peek() == Some(b'n') { self.literal("null").map(|()| true) } else { Ok(false) }
    }

    /// Counts an element of a list or map against the request's bound.
    fn count_element(&mut self) -> Result<(), DecodeError> {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(DecodeError::limit("The request has too many list elements"));
        }
        Ok(())
    }

    /// The error for a value that stands where `expected` should.
    fn wrong(&mut self, expected: &str) -> DecodeError {
        let found = match self.peek() {
            Some(b'{') => "START_OBJECT_VALUE",
            Some(b'[') => "START_ARRAY_VALUE",
            Some(b'"') => "STRING_VALUE",
            Some(b't') => "TRUE_VALUE",
            Some(b'f') => "FALSE_VALUE",
            Some(b'-' | b'0'..=b'9') => "NUMBER_VALUE",
            _ => return self.malformed(),
        };
        let article = if expected.starts_with('I') { "an" } else { "a" };
        DecodeError::mismatch(format!("{found} can not be converted to {article} {expected}"))
    }

    fn number(&mut self) -> Result<&'a str, DecodeError> {
        self.peek();
        let start = self.at;
        let bytes = self.text.as_bytes();
        let digits = |mut at: usize| {
            let from = at;
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            (at, at - from)
        };
        let mut at = start + usize::from(bytes.get(start) == Some(&b'-'));
        let leading_zero = bytes.get(at) == Some(&b'0');
        let (end, count) = digits(at);
        at = end;
        let mut valid = count > 0 && (!leading_zero || count == 1);
        if bytes.get(at) == Some(&b'.') {
            let (end, count) = digits(at + 1);
            valid &= count > 0;
            at = end;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let (end, count) = digits(at + 1 + sign);
            valid &= count > 0;
            at = end;
        }
        self.at = at;
        if valid { Ok(&self.text[start..at]) } else { Err(self.malformed()) }
    }

    fn integer(&mut self) -> Result<i64, DecodeError> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => {}
            _ => return Err(self.wrong("Integer")),
        }
        let text = self.number()?;
        if let Ok(value) = text.parse::<i64>() {
            return Ok(value);
        }
        let value: f64 = text.parse().map_err(|_| self.malformed())?;
        // Beyond 2^53 a float no longer names one integer.
        if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 {
            return Ok(value as i64);
        }
        Err(DecodeError::mismatch("NUMBER_VALUE can not be converted to an Integer"))
    }

    fn double(&mut self) -> Result<f64, DecodeError> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => {}
            _ => return Err(self.wrong("Double")),
        }
        let value: f64 = self.number()?.parse().map_err(|_| self.malformed())?;
        if value.is_finite() { Ok(value) } else { Err(DecodeError::mismatch("NUMBER_VALUE is out of range")) }
    }

    fn boolean(&mut self) -> Result<bool, DecodeError> {
        match self.peek() {
            Some(b't') => self.literal("true").map(|()| true),
            Some(b'f') => self.literal("false").map(|()| false),
            _ => Err(self.wrong("Boolean")),
        }
    }

    fn text(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        if self.peek() == Some(b'"') { self.string() } else { Err(self.wrong("String")) }
    }

    /// A string; the cursor stands on its opening quote.
    fn string(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        self.expect(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    let text = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Cow::Borrowed(text));
                }
                Some(b'\\') => return self.escaped_string(start).map(Cow::Owned),
                Some(0x20..) => self.at += 1,
                _ => return Err(self.malformed()),
            }
        }
    }

    fn escaped_string(&mut self, start: usize) -> Result<String, DecodeError> {
        let mut out = self.text[start..self.at].to_owned();
        let mut plain = self.at;
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    out.push_str(&self.text[plain..self.at]);
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    out.push_str(&self.text[plain..self.at]);
                    self.at += 1;
                    out.push(self.escape()?);
                    plain = self.at;
                }
                Some(0x20..) => self.at += 1,
                _ => return Err(self.malformed()),
            }
        }
    }

    /// One escape; the cursor stands behind its backslash.
    fn escape(&mut self) -> Result<char, DecodeError> {
        let letter = self.text.as_bytes().get(self.at).copied();
        self.at += usize::from(letter.is_some());
        Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex4()?;
                let code = if (0xD800..0xDC00).contains(&first) {
                    self.literal("\\u")?;
                    let second = self.hex4()?;
                    if !(0xDC00..0xE000).contains(&second) {
                        return Err(self.malformed());
                    }
                    0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
                } else {
                    first
                };
                char::from_u32(code).ok_or_else(|| self.malformed())?
            }
            _ => return Err(self.malformed()),
        })
    }

    fn hex4(&mut self) -> Result<u32, DecodeError> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or_else(|| self.malformed())?;
        let value = digits.iter().try_fold(0, |value, byte| Some(value << 4 | char::from(*byte).to_digit(16)?));
        self.at += 4;
        value.ok_or_else(|| self.malformed())
    }

    /// Passes over one value of any type.
    fn skip(&mut self, depth: usize) -> Result<(), DecodeError> {
        check_depth(depth)?;
        match self.peek() {
            Some(b'{') => self.members(|reader, _| reader.skip(depth + 1)),
            Some(b'[') => self.elements(|reader, _| reader.skip(depth + 1)),
            Some(b'"') => self.string().map(drop),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(b'-' | b'0'..=b'9') => self.number().map(drop),
            _ => Err(self.malformed()),
        }
    }

    /// Visits the members of an object; the cursor then stands on each value.
    fn members(
        &mut self,
        mut visit: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.expect(b'{')?;
        if self.eat(b'}') {
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.malformed());
            }
            let name = self.string()?;
            self.expect(b':')?;
            visit(self, name)?;
            if self.eat(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Visits the elements of an array; the cursor then stands on each value.
    fn elements(
        &mut self,
        mut visit: impl FnMut(&mut Self, usize) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.expect(b'[')?;
        if self.eat(b']') {
            return Ok(());
        }
        for index in 0.. {
            visit(self, index)?;
            if self.eat(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
        Ok(())
    }
}

fn check_depth(depth: usize) -> Result<(), DecodeError> {
    if depth >= NESTING_DEPTH_MAX {
        return Err(DecodeError::limit("The request is nested too deeply"));
    }
    Ok(())
}

/// A reader together with what the request breaks.
struct Walk<'w, 'a> {
    reader: &'w mut Reader<'a>,
    violations: &'w mut Violations,
}

impl Walk<'_, '_> {
    fn structure(&mut self, into: &mut dyn Shape, path: &Path<'_>, depth: usize) -> Result<(), DecodeError> {
        check_depth(depth)?;
        let members = into.schema().members();
        let mut seen = 0u128;
        let violations = &mut *self.violations;
        self.reader.members(|reader, name| {
            let found = members.iter().position(|m| m.wire == name && m.location == Location::Body);
            let Some(index) = found else { return reader.skip(depth + 1) };
            let member = &members[index];
            let value = into.member_mut(index);
            if seen & 1 << index != 0 {
                value.clear();
            }
            let path = Path::Member(path, member.name);
            let mut walk = Walk { reader, violations };
            let present = walk.value(member.schema, value, &path, depth + 1)?;
            seen = if present { seen | 1 << index } else { seen & !(1 << index) };
            Ok(())
        })?;
        for (index, member) in members.iter().enumerate() {
            if member.required && member.location == Location::Body && seen & 1 << index == 0 {
                self.violations.add(&Path::Member(path, member.name), member.schema, None, Constraint::Required);
            }
        }
        Ok(())
    }

    /// Reads one value; false when it is `null`.
    fn value(
        &mut self,
        schema: &'static Schema,
        into: &mut dyn Val,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<bool, DecodeError> {
        if self.reader.null()? {
            into.clear();
            return Ok(false);
        }
        let reader = &mut *self.reader;
        match into.slot() {
            Slot::Boolean(v) => *v = reader.boolean()?,
            Slot::Integer(v) => {
                *v = i32::try_from(reader.integer()?)
                    .map_err(|_| DecodeError::mismatch("NUMBER_VALUE can not be converted to an Integer"))?;
            }
            Slot::Long(v) => *v = reader.integer()?,
            Slot::Double(v) => *v = reader.double()?,
            Slot::Timestamp(v) => *v = timestamp(reader)?,
            Slot::Blob(v) => {
                *v = encoding::from_base64(&reader.text()?)
                    .ok_or_else(|| DecodeError::mismatch("STRING_VALUE is not valid base64"))?;
            }
            Slot::Document(v) => {
                reader.peek();
                let start = reader.at;
                reader.skip(depth)?;
                v.set_trusted(&reader.text[start..reader.at]);
            }
            Slot::Text(v) => *v = reader.text()?.into_owned(),
            Slot::Enumeration(v) => {
                let text = reader.text()?;
                if !v.set(&text) {
                    self.violations.add(path, schema, Some(&text), unknown_value(schema));
                }
            }
            Slot::List(v) => self.list(schema, v, path, depth)?,
            Slot::Map(v) => self.map(schema, v, path, depth)?,
            Slot::Structure(v) => {
                if reader.peek() != Some(b'{') {
                    return Err(reader.wrong("structure"));
                }
                self.structure(v, path, depth)?;
            }
        }
        Ok(true)
    }

    fn list(
        &mut self,
        schema: &'static Schema,
        into: &mut dyn ListVal,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<(), DecodeError> {
        check_depth(depth)?;
        let Body::List { member, .. } = schema.body else { return Err(self.reader.wrong("list")) };
        if self.reader.peek() != Some(b'[') {
            return Err(self.reader.wrong("list"));
        }
        let violations = &mut *self.violations;
        self.reader.elements(|reader, index| {
            reader.count_element()?;
            let path = Path::Item(path, index);
            if reader.null()? {
                violations.add(&path, member, None, Constraint::Required);
                return Ok(());
            }
            let mut walk = Walk { reader, violations };
            walk.value(member, into.push(), &path, depth + 1).map(drop)
        })
    }

    fn map(
        &mut self,
        schema: &'static Schema,
        into: &mut dyn MapVal,
        path: &Path<'_>,
        depth: usize,
    ) -> Result<(), DecodeError> {
        check_depth(depth)?;
        let Body::Map { value: value_schema, .. } = schema.body else { return Err(self.reader.wrong("map")) };
        if self.reader.peek() != Some(b'{') {
            return Err(self.reader.wrong("map"));
        }
        let violations = &mut *self.violations;
        self.reader.members(|reader, name| {
            reader.count_element()?;
            let path = Path::Entry(path, &name);
            if reader.null()? {
                violations.add(&path, value_schema, None, Constraint::Required);
                return Ok(());
            }
            let mut walk = Walk { reader, violations };
            let value = into.insert(name.clone().into_owned());
            walk.value(value_schema, value, &path, depth + 1).map(drop)
        })
    }
}

/// The constraint that an unknown enumeration value breaks.
pub(crate) fn unknown_value(schema: &'static Schema) -> Constraint {
    match &schema.body {
        Body::String(text) => Constraint::Enumeration(text.enumeration),
        _ => Constraint::Enumeration(&[]),
    }
}

fn timestamp(reader: &mut Reader<'_>) -> Result<Timestamp, DecodeError> {
    let parsed = match reader.peek() {
        Some(b'"') => Timestamp::parse_iso8601(&reader.string()?),
        Some(b'-' | b'0'..=b'9') => {
            let text = reader.number()?;
            exact_seconds(text).or_else(|| Timestamp::from_seconds_f64(text.parse().ok()?))
        }
        _ => return Err(reader.wrong("Timestamp")),
    };
    parsed.ok_or_else(|| DecodeError::mismatch("The value can not be converted to a Timestamp"))
}

/// Seconds in plain decimal notation, without the rounding of floating point; `None` for any other notation.
fn exact_seconds(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = whole.parse().ok()?;
    let micros: i64 = if fraction.is_empty() { 0 } else { format!("{fraction:0<6}").get(..6)?.parse().ok()? };
    let micros = if text.starts_with('-') { -micros } else { micros };
    Some(Timestamp::from_micros(whole.checked_mul(1_000_000)?.checked_add(micros)?))
}

/// Writes a structure with the members that travel in the body; absent ones are left out.
pub fn write(shape: &dyn Shape, out: &mut Vec<u8>) {
    out.push(b'{');
    write_members(shape, out);
    out.push(b'}');
}

/// Writes the members of a structure without the braces; true when there was one.
pub(crate) fn write_members(shape: &dyn Shape, out: &mut Vec<u8>) -> bool {
    let mut any = false;
    for (index, member) in shape.schema().members().iter().enumerate() {
        if member.location != Location::Body {
            continue;
        }
        if let Some(view) = shape.member(index).view() {
            if any {
                out.push(b',');
            }
            any = true;
            write_string(member.wire, out);
            out.push(b':');
            write_value(view, member.schema, out);
        }
    }
    any
}

pub(crate) fn write_value(view: View<'_>, schema: &Schema, out: &mut Vec<u8>) {
    match (view, &schema.body) {
        (View::Boolean(v), _) => out.extend_from_slice(if v { b"true" } else { b"false" }),
        (View::Integer(v), _) => out.extend_from_slice(v.to_string().as_bytes()),
        (View::Double(v), _) if v.is_finite() => out.extend_from_slice(v.to_string().as_bytes()),
        (View::Double(v), _) => write_string(&v.to_string(), out),
        (View::Timestamp(v), Body::Timestamp { iso8601: true }) => write_string(&v.iso8601(), out),
        (View::Timestamp(v), _) => write_seconds(v, out),
        (View::Blob(v), _) => write_string(&encoding::base64(v), out),
        (View::Document(v), _) => out.extend_from_slice(v.as_json().as_bytes()),
        (View::Text(v), _) => write_string(v, out),
        (View::Structure(v), _) => write(v, out),
        (View::List(v), body) => {
            let member = if let Body::List { member, .. } = body { member } else { schema };
            out.push(b'[');
            for index in 0..v.count() {
                if index > 0 {
                    out.push(b',');
                }
                match v.item(index).view() {
                    Some(view) => write_value(view, member, out),
                    None => out.extend_from_slice(b"null"),
                }
            }
            out.push(b']');
        }
        (View::Map(v), body) => {
            let value_schema = if let Body::Map { value, .. } = body { value } else { schema };
            out.push(b'{');
            let mut first = true;
            v.each(&mut |key, value| {
                if let Some(view) = value.view() {
                    if !first {
                        out.push(b',');
                    }
                    first = false;
                    write_string(key, out);
                    out.push(b':');
                    write_value(view, value_schema, out);
                }
            });
            out.push(b'}');
        }
    }
}

/// Seconds since the epoch with as many of three decimals as are needed.
fn write_seconds(at: Timestamp, out: &mut Vec<u8>) {
    let millis = at.millis();
    if millis % 1_000 == 0 {
        out.extend_from_slice((millis / 1_000).to_string().as_bytes());
        return;
    }
    let sign = if millis < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{:03}", millis.unsigned_abs() / 1_000, millis.unsigned_abs() % 1_000);
    out.extend_from_slice(text.trim_end_matches('0').as_bytes());
}

/// Writes a JSON string.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[plain..at]);
        plain = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
    out.extend_from_slice(&text.as_bytes()[plain..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Kind, Thing};
    use crate::{Blob, Document};
    use proptest::prelude::*;

    fn parse(body: impl AsRef<[u8]>) -> Result<(Thing, Vec<Violation>), DecodeError> {
        let mut thing = Thing::default();
        read(body.as_ref(), &mut thing).map(|violations| (thing, violations))
    }

    fn written(thing: &Thing) -> String {
        let mut out = Vec::new();
        write(thing, &mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn every_type_reads_and_writes_back() {
        let text = r#"{"At":1.5,"Child":{"Name":""},"Count":-3,"Data":"Zm9v","Free":{"a": [1]},"Kind":"B","Labels":{"k":"v"},"Name":"x\"\\\n\u0001é😀","Names":[],"On":true,"Secret":"s","Share":0.25,"Size":9007199254740993}"#;
        let (thing, violations) = parse(text).unwrap();
        assert_eq!(violations, []);
        assert_eq!(thing.name, "x\"\\\n\u{1}é😀");
        assert_eq!(thing.size, Some(9_007_199_254_740_993));
        assert_eq!(thing.free.as_ref().map(Document::as_json), Some(r#"{"a": [1]}"#));
        assert_eq!(written(&thing), text);
        assert!(format!("{thing:?}").contains("Secret: ***"), "{thing:?}");
    }

    #[test]
    fn null_and_unknown_members_are_absent_and_the_last_duplicate_wins() {
        let (thing, _) =
            parse(r#"{"Name":"a","Names":["x"],"Names":["y"],"Count":1,"Count":null,"What":[{"ever":1}]}"#).unwrap();
        assert_eq!(thing, Thing { name: "a".into(), names: Some(vec!["y".into()]), ..Thing::default() });
        let (thing, violations) = parse(r#"{"Name":"a","Name":null,"Labels":{"k":"1","k":"2"}}"#).unwrap();
        assert_eq!(violations[0].path, "name");
        assert_eq!(thing.labels.unwrap()["k"], "2");
    }

    #[test]
    fn integral_numbers_are_integers_in_any_spelling() {
        for (text, value) in [("1", 1), ("1.0", 1), ("1e3", 1_000), ("-0", 0), ("20E-1", 2)] {
            assert_eq!(parse(format!(r#"{{"Name":"a","Count":{text}}}"#)).unwrap().0.count, Some(value), "{text}");
        }
        for text in ["1.5", "2147483648", "1e400", "01", "1.", "-", "+1", "0x1", "1e", "NaN"] {
            assert!(parse(format!(r#"{{"Name":"a","Count":{text}}}"#)).is_err(), "{text}");
        }
    }

    #[test]
    fn instants_are_seconds_or_text() {
        for (text, seconds) in
            [("1700000000", 1_700_000_000), ("1.7E9", 1_700_000_000), (r#""2023-11-14T22:13:20Z""#, 1_700_000_000)]
        {
            let at = parse(format!(r#"{{"Name":"a","At":{text}}}"#)).unwrap().0.at;
            assert_eq!(at, Some(Timestamp::from_seconds(seconds)));
        }
        let thing = |micros| Thing { at: Some(Timestamp::from_micros(micros)), ..Thing::default() };
        assert_eq!(written(&thing(1_000_000)), r#"{"At":1,"Name":""}"#);
        assert_eq!(written(&thing(1_230_999)), r#"{"At":1.23,"Name":""}"#);
        assert_eq!(written(&thing(-500_000)), r#"{"At":-0.5,"Name":""}"#);
    }

    #[test]
    fn a_wrong_type_says_so() {
        let message = |body: &str| parse(body).unwrap_err().message;
        assert_eq!(message(r#"{"Count":"1"}"#), "STRING_VALUE can not be converted to an Integer");
        assert_eq!(message(r#"{"Name":1}"#), "NUMBER_VALUE can not be converted to a String");
        assert_eq!(message(r#"{"Names":{}}"#), "START_OBJECT_VALUE can not be converted to a list");
        assert_eq!(message(r#"{"Children":[true]}"#), "TRUE_VALUE can not be converted to a structure");
    }

    #[test]
    fn hostile_bodies_are_errors() {
        let deep = |open: &str, close: &str| format!(r#"{{"x":{}1{}}}"#, open.repeat(50_000), close.repeat(50_000));
        let nested = format!("{}{}", r#"{"Children":["#.repeat(40), "]}".repeat(40));
        let many = format!(r#"{{"Names":[{}"a"]}}"#, r#""a","#.repeat(ELEMENTS_MAX));
        for body in [
            "[]",
            "1",
            "\"a\"",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{,}",
            "{} {}",
            "{\"a\":1 \"b\":2}",
            "{'a':1}",
            "{\"a\":tru}",
            "{\"Name\":\"\n\"}",
            r#"{"Name":"\x"}"#,
            r#"{"Name":"\ud800"}"#,
            r#"{"Name":"\ud800\u0041"}"#,
            r#"{"Name":"\udc00"}"#,
            r#"{"Name":"\u12"}"#,
            r#"{"Name":"\u+123"}"#,
            r#"{"Name":"a"#,
            r#"{"Name":"a\"#,
            "nullx",
            "\u{feff}{}",
            &deep("[", "]"),
            &deep(r#"{"a":"#, "}"),
            &nested,
            &many,
        ] {
            assert!(parse(body).is_err(), "{body:.60}");
        }
        assert!(parse(b"{\"Name\":\"\xff\"}").is_err());
        for empty in ["", " \r\n", "{}"] {
            assert_eq!(parse(empty).unwrap().1[0].path, "name");
        }
    }

    fn things() -> impl Strategy<Value = Thing> {
        let leaf = (
            any::<String>(),
            prop::option::of(any::<i32>()),
            prop::option::of(any::<i64>()),
            prop::option::of(prop::collection::vec(any::<String>(), 0..4)),
            prop::option::of(prop::collection::btree_map(any::<String>(), any::<String>(), 0..4)),
            prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
            prop::option::of(-4_000_000_000_000i64..253_000_000_000_000),
            prop::option::of(prop::num::f64::NORMAL),
        );
        leaf.prop_map(|(name, count, size, names, labels, data, millis, share)| Thing {
            name,
            count,
            size,
            names,
            labels,
            share,
            data: data.map(Blob),
            at: millis.map(|millis| Timestamp::from_micros(millis * 1_000)),
            kind: count.map(|count| if count < 0 { Kind::A } else { Kind::B }),
            on: count.map(|count| count % 2 == 0),
            ..Thing::default()
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(parent in things(), children in prop::collection::vec(things(), 0..3)) {
            let thing = Thing { children: Some(children), ..parent };
            let (again, violations) = parse(written(&thing)).unwrap();
            prop_assert_eq!(violations, vec![]);
            prop_assert_eq!(again, thing);
        }

        #[test]
        fn no_body_panics(bytes in any::<Vec<u8>>(), text in r#"[{}\[\]":,a-zA-Z0-9\\ -]{0,40}"#) {
            let _ = parse(&bytes);
            let _ = parse(&text);
            let _ = parse(format!(r#"{{"Name":{text}}}"#));
            let _ = is_well_formed(text.as_bytes());
        }
    }
}
