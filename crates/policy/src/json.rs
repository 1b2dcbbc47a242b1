//! A strict JSON reader (RFC 8259) that remembers where everything stood.
//!
//! Policies are shown back to people with line and column, and `SimulateCustomPolicy` reports the place of every
//! matched statement, so positions cannot be thrown away. Refused: duplicate keys, invalid UTF-8, control characters
//! in strings, lone surrogates, numbers past the range of a double, more than [`Limits`] of size or depth. Time is
//! linear in the length of the text (`n log n` in the number of keys of one object).

use std::fmt::Write as _;

/// How much of a text is read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes_max: usize,
    /// Objects and arrays inside each other.
    pub depth_max: usize,
}

/// Limits for one policy document: IAM's largest input is 131,072 characters (`SimulateCustomPolicy`).
pub const DOCUMENT_LIMITS: Limits = Limits { bytes_max: 262_144, depth_max: 16 };

const NUMBER_LENGTH_MAX: usize = 64;

/// A part of the text: byte offsets, end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A value and where it stood.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The text of the value, quotes and brackets included.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written: conditions compare it as text first.
    Number(String),
    /// A string, escapes resolved.
    String(String),
    /// An array.
    Array(Vec<Node>),
    /// An object, in the order of the text.
    Object(Vec<Member>),
}

/// One key of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The key.
    pub key: String,
    /// Where the key stood.
    pub key_span: Span,
    /// Its value.
    pub value: Node,
}

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More bytes than [`Limits::bytes_max`].
    TooLong,
    /// More nesting than [`Limits::depth_max`].
    TooDeep,
    /// Not UTF-8.
    InvalidUtf8,
    /// Something else was due here.
    Unexpected,
    /// The text ends too early.
    UnexpectedEnd,
    /// Text after the value.
    TrailingText,
    /// A key twice in one object.
    DuplicateKey,
    /// A bad escape, a control character or a lone surrogate.
    InvalidString,
    /// Not a JSON number, or past the range of a double.
    InvalidNumber,
}

impl Fault {
    /// The fault in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::TooLong => "the text is too long",
            Self::TooDeep => "too many levels of nesting",
            Self::InvalidUtf8 => "the text is not UTF-8",
            Self::Unexpected => "unexpected character",
            Self::UnexpectedEnd => "the text ends too early",
            Self::TrailingText => "text after the end of the document",
            Self::DuplicateKey => "the key occurs twice in one object",
            Self::InvalidString => "invalid string",
            Self::InvalidNumber => "invalid number, or number out of range",
        }
    }
}

/// A refused text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Why.
    pub fault: Fault,
    /// Byte offset.
    pub offset: usize,
}

/// A place in a text as people count: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Byte offset, from 0.
    pub offset: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// Turns byte offsets of one text into lines and columns.
pub struct Lines<'a> {
    text: &'a [u8],
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Finds the lines of `text`.
    pub fn new(text: &'a [u8]) -> Self {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text).map(|at| at + 1)).collect();
        Self { text, starts }
    }

    /// The place of the byte at `offset`.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        // Continuation bytes of UTF-8 are 10xxxxxx: every other byte begins a character.
        let column = self.text[start..offset].iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
        Position { offset, line, column }
    }
}

impl Node {
    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    pub fn as_array(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&[Member]> {
        match &self.value {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The value of a key, if this is an object that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_object()?.iter().find(|member| member.key == key).map(|member| &member.value)
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }
}

/// Reads one JSON value and nothing after it.
pub fn parse(text: &[u8], limits: Limits) -> Result<Node, Error> {
    if text.len() > limits.bytes_max {
        return Err(Error { fault: Fault::TooLong, offset: limits.bytes_max });
    }
    let text =
        std::str::from_utf8(text).map_err(|error| Error { fault: Fault::InvalidUtf8, offset: error.valid_up_to() })?;
    let mut reader = Reader { text, bytes: text.as_bytes(), at: 0, depth_left: limits.depth_max };
    reader.skip_space();
    let node = reader.value()?;
    reader.skip_space();
    if reader.at < reader.bytes.len() {
        return Err(reader.fault(Fault::TrailingText));
    }
    Ok(node)
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth_left: usize,
}

impl Reader<'_> {
    fn fault(&self, fault: Fault) -> Error {
        let fault =
            if fault == Fault::Unexpected && self.at >= self.bytes.len() { Fault::UnexpectedEnd } else { fault };
        Error { fault, offset: self.at }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.fault(Fault::Unexpected))
        }
    }

    fn value(&mut self) -> Result<Node, Error> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.fault(Fault::Unexpected)),
        };
        Ok(Node { span: Span { start, end: self.at }, value })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Error>) -> Result<Value, Error> {
        if self.depth_left == 0 {
            return Err(self.fault(Fault::TooDeep));
        }
        self.depth_left -= 1;
        let value = read(self);
        self.depth_left += 1;
        value
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Error> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.fault(Fault::Unexpected))
        }
    }

    fn object(&mut self) -> Result<Value, Error> {
        self.at += 1;
        let mut members = Vec::new();
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.fault(Fault::Unexpected));
            }
            let key = self.string()?;
            let key_span = Span { start, end: self.at };
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            members.push(Member { key, key_span, value: self.value()? });
            self.skip_space();
            if self.peek() == Some(b',') {
                self.at += 1;
                continue;
            }
            self.expect(b'}')?;
            check_unique(&members)?;
            return Ok(Value::Object(members));
        }
    }

    fn array(&mut self) -> Result<Value, Error> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            self.skip_space();
            items.push(self.value()?);
            self.skip_space();
            if self.peek() == Some(b',') {
                self.at += 1;
                continue;
            }
            self.expect(b']')?;
            return Ok(Value::Array(items));
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let plain = self.bytes[self.at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F));
            let Some(length) = plain else {
                self.at = self.bytes.len();
                return Err(self.fault(Fault::UnexpectedEnd));
            };
            out.push_str(&self.text[self.at..self.at + length]);
            self.at += length;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                _ => return Err(self.fault(Fault::InvalidString)),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let letter = self.bytes.get(self.at + 1).copied();
        let plain = match letter {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.fault(Fault::InvalidString)),
        };
        self.at += 2;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Result<char, Error> {
        let first = self.hex4()?;
        let code = if (0xD800..0xDC00).contains(&first) {
            let second = self.hex4()?;
            if !(0xDC00..0xE000).contains(&second) {
                return Err(self.fault(Fault::InvalidString));
            }
            0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.fault(Fault::InvalidString))
    }

    /// Reads `\uXXXX`.
    fn hex4(&mut self) -> Result<u32, Error> {
        let digits = self.bytes.get(self.at..self.at + 6).filter(|six| six.starts_with(b"\\u")).map(|six| &six[2..]);
        let value = digits.and_then(|digits| {
            digits.iter().try_fold(0, |value, byte| Some(value * 16 + char::from(*byte).to_digit(16)?))
        });
        let value = value.ok_or_else(|| self.fault(Fault::InvalidString))?;
        self.at += 6;
        Ok(value)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Value, Error> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        let mut valid = whole > 0 && !(leading_zero && whole > 1);
        if self.peek() == Some(b'.') {
            self.at += 1;
            valid &= self.digits() > 0;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            valid &= self.digits() > 0;
        }
        let text = &self.text[start..self.at];
        valid = valid && text.len() <= NUMBER_LENGTH_MAX && text.parse::<f64>().is_ok_and(f64::is_finite);
        if !valid {
            return Err(Error { fault: Fault::InvalidNumber, offset: start });
        }
        Ok(Value::Number(text.to_owned()))
    }
}

fn check_unique(members: &[Member]) -> Result<(), Error> {
    let mut order: Vec<&Member> = members.iter().collect();
    order.sort_by(|a, b| (&a.key, a.key_span.start).cmp(&(&b.key, b.key_span.start)));
    let twice = order.windows(2).find(|pair| pair[0].key == pair[1].key);
    match twice {
        Some(pair) => Err(Error { fault: Fault::DuplicateKey, offset: pair[1].key_span.start }),
        None => Ok(()),
    }
}

/// Appends `text` as a JSON string.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if (control as u32) < 0x20 => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &[u8]) -> Fault {
        parse(text, DOCUMENT_LIMITS).expect_err("refused").fault
    }

    #[test]
    fn values_keep_their_place() {
        let text = "{\n  \"é\": [1, \"\\u00e9\\ud83d\\ude00\"]\n}";
        let node = parse(text.as_bytes(), DOCUMENT_LIMITS).expect("valid");
        let items = node.get("é").and_then(Node::as_array).expect("array");
        assert_eq!(items[1].as_str(), Some("é😀"));
        let lines = Lines::new(text.as_bytes());
        assert_eq!((lines.position(items[0].span.start).line, lines.position(items[0].span.start).column), (2, 9));
        assert_eq!((lines.position(node.span.end - 1).line, lines.position(node.span.end - 1).column), (3, 1));
    }

    #[test]
    fn what_the_standard_forbids_is_refused() {
        for text in ["", "{", "[1,]", "{\"a\":1,}", "{a:1}", "nul", "[1 2]", "'a'", "\u{feff}{}"] {
            assert!(parse(text.as_bytes(), DOCUMENT_LIMITS).is_err(), "{text}");
        }
        assert_eq!(fault(b"{} x"), Fault::TrailingText);
        assert_eq!(fault(b"{\"a\":1,\"b\":2,\"a\":3}"), Fault::DuplicateKey);
        assert_eq!(fault(b"\"\\ud800\""), Fault::InvalidString);
        assert_eq!(fault(b"\"a\x01\""), Fault::InvalidString);
        assert_eq!(fault(b"\"\xff\""), Fault::InvalidUtf8);
        for number in ["01", "-", "1.", "1e", "1e999", ".5", "+1"] {
            assert!(parse(number.as_bytes(), DOCUMENT_LIMITS).is_err(), "{number}");
        }
    }

    #[test]
    fn ten_megabytes_of_brackets_are_refused_by_size_and_by_depth() {
        let brackets = vec![b'['; 10_000_000];
        assert_eq!(fault(&brackets), Fault::TooLong);
        let wide = Limits { bytes_max: usize::MAX, depth_max: 16 };
        assert_eq!(parse(&brackets, wide).expect_err("refused"), Error { fault: Fault::TooDeep, offset: 16 });
    }

    #[test]
    fn strings_read_back_as_written() {
        let mut out = String::new();
        write_string(&mut out, "a\"\\\n\t\r\u{1}é");
        assert_eq!(parse(out.as_bytes(), DOCUMENT_LIMITS).expect("valid").as_str(), Some("a\"\\\n\t\r\u{1}é"));
    }
}
