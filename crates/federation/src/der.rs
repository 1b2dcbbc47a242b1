//! The little of DER (ITU-T X.690) that certificates and public keys need.

use base::Timestamp;

pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT`, the version of a certificate.
pub(crate) const CONTEXT_0: u8 = 0xa0;

/// Seconds from 1970 to 2050: from there on X.509 writes GeneralizedTime (RFC 5280 §4.1.2.5).
const YEAR_2050: i64 = 2_524_608_000;

/// Reads values one after the other.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// One value: its tag, its content, and all its bytes.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next value; `None` at the end, for a multi-byte tag or a length that is not minimal.
    pub(crate) fn next(&mut self) -> Option<Value<'a>> {
        let bytes = self.rest;
        let (&tag, after) = bytes.split_first()?;
        let (&first, mut after) = after.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x84 => {
                let (digits, rest) = after.split_at_checked(usize::from(first & 0x7f))?;
                after = rest;
                let length = digits.iter().try_fold(0usize, |n, d| n.checked_mul(256)?.checked_add(usize::from(*d)))?;
                let minimal = digits.first() != Some(&0) && length > 0x7f;
                minimal.then_some(length)?
            }
            _ => return None,
        };
        let (content, rest) = after.split_at_checked(length)?;
        self.rest = rest;
        Some(Value { tag, content, bytes: &bytes[..bytes.len() - rest.len()] })
    }

    /// The next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<Value<'a>> {
        self.next().filter(|value| value.tag == tag)
    }
}

/// The content of the only value in `bytes`.
pub(crate) fn only(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    let value = reader.expect(tag)?;
    reader.is_empty().then_some(value.content)
}

/// `UTCTime` or `GeneralizedTime` in the forms RFC 5280 §4.1.2.5 allows.
pub(crate) fn time(value: Value<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(value.content).ok()?;
    let (year, rest) = match value.tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            (format!("{}{year}", if year < "50" { "20" } else { "19" }), rest)
        }
        GENERALIZED_TIME => text.split_at_checked(4).map(|(year, rest)| (year.to_owned(), rest))?,
        _ => return None,
    };
    let (day, clock) = rest.split_at_checked(4)?;
    Timestamp::parse_amz_date(&format!("{year}{day}T{clock}"))
}

/// One value of definite length.
pub(crate) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    if content.len() < 0x80 {
        out.push(content.len() as u8);
    } else {
        let digits = content.len().to_be_bytes();
        let significant = &digits[digits.iter().take_while(|d| **d == 0).count()..];
        out.push(0x80 | significant.len() as u8);
        out.extend_from_slice(significant);
    }
    out.extend_from_slice(content);
    out
}

/// A value made of others.
pub(crate) fn constructed(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    value(tag, &parts.concat())
}

/// A non-negative `INTEGER` from big-endian bytes.
pub(crate) fn unsigned_integer(bytes: &[u8]) -> Vec<u8> {
    let significant = &bytes[bytes.iter().take_while(|d| **d == 0).count()..];
    match significant.first() {
        Some(first) if *first < 0x80 => value(INTEGER, significant),
        _ => constructed(INTEGER, &[&[0], significant]),
    }
}

/// A `BIT STRING` of whole bytes.
pub(crate) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    constructed(BIT_STRING, &[&[0], bytes])
}

/// A time as RFC 5280 §4.1.2.5 wants it, to the second.
pub(crate) fn time_value(time: Timestamp) -> Vec<u8> {
    let text = time.amz_date().replace('T', "");
    if (0..YEAR_2050).contains(&time.seconds()) {
        value(UTC_TIME, &text.as_bytes()[2..])
    } else {
        value(GENERALIZED_TIME, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_back_and_only_in_their_shortest_form() {
        for length in [0, 1, 127, 128, 255, 256, 65_536] {
            let bytes = value(SEQUENCE, &vec![7; length]);
            assert_eq!(only(&bytes, SEQUENCE).map(<[u8]>::len), Some(length));
        }
        assert!(only(&[0x30, 0x81, 0x01, 0x00], SEQUENCE).is_none());
        assert!(only(&[0x30, 0x80, 0x00, 0x00], SEQUENCE).is_none());
        assert!(only(&[0x30, 0x02, 0x00], SEQUENCE).is_none());
    }

    #[test]
    fn times_read_back_on_both_sides_of_2050() {
        for text in ["1975-01-02T03:04:05Z", "2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z", "2126-11-22T00:00:00Z"] {
            let instant = Timestamp::parse_iso8601(text).expect("valid");
            let bytes = time_value(instant);
            assert_eq!(Reader::new(&bytes).next().and_then(time), Some(instant));
        }
    }

    #[test]
    fn integers_are_minimal_and_not_negative() {
        assert_eq!(unsigned_integer(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(unsigned_integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned_integer(&[0]), [2, 1, 0]);
    }
}
