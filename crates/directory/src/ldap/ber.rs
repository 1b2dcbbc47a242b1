//! The little of BER (ITU-T X.690) that LDAP uses: definite lengths and tags of one byte (RFC 4511 §5.1).

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const OCTETS: u8 = 0x04;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// Reads values one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The tag of the next value.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Tag and content of the next value; `None` at the end and for what is no value. Lengths need not be minimal:
    /// Active Directory writes all of them in four bytes.
    pub(crate) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, after) = self.rest.split_first()?;
        let (length, after) = length(after)?;
        let (content, rest) = after.split_at_checked(length)?;
        self.rest = rest;
        Some((tag, content))
    }

    /// The content of the next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The next value as an integer of at most eight bytes.
    pub(crate) fn integer(&mut self, tag: u8) -> Option<i64> {
        let bytes = self.expect(tag)?;
        let first = *bytes.first()?;
        if bytes.len() > 8 {
            return None;
        }
        let start = if first & 0x80 == 0 { 0 } else { -1 };
        Some(bytes.iter().fold(start, |number, byte| (number << 8) | i64::from(*byte)))
    }

    /// The next value as text; what is not UTF-8 is replaced.
    pub(crate) fn text(&mut self, tag: u8) -> Option<String> {
        self.expect(tag).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}

/// A length and what follows it.
pub(crate) fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&first, after) = bytes.split_first()?;
    if first < 0x80 {
        return Some((usize::from(first), after));
    }
    let (digits, after) = after.split_at_checked(usize::from(first & 0x7f))?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let length = digits.iter().fold(0_u64, |number, digit| (number << 8) | u64::from(*digit));
    Some((usize::try_from(length).ok()?, after))
}

/// A value.
pub(crate) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(tag);
    match content.len() {
        short @ 0..=0x7f => out.push(short as u8),
        long => {
            let digits = long.to_be_bytes();
            let significant = &digits[digits.iter().take_while(|digit| **digit == 0).count()..];
            out.push(0x80 | significant.len() as u8);
            out.extend_from_slice(significant);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A value made of others.
pub(crate) fn group(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    value(tag, &parts.concat())
}

/// An integer that is not negative.
pub(crate) fn integer(tag: u8, number: u32) -> Vec<u8> {
    let digits = number.to_be_bytes();
    let mut significant = digits[digits.iter().take_while(|digit| **digit == 0).count()..].to_vec();
    if significant.first().is_none_or(|first| first & 0x80 != 0) {
        significant.insert(0, 0);
    }
    value(tag, &significant)
}

/// An octet string of text.
pub(crate) fn text(text: &str) -> Vec<u8> {
    value(OCTETS, text.as_bytes())
}

/// A boolean.
pub(crate) fn boolean(tag: u8, is_true: bool) -> Vec<u8> {
    value(tag, &[if is_true { 0xff } else { 0 }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_every_size_read_back() {
        for length in [0, 1, 127, 128, 255, 256, 65_536] {
            let bytes = value(SEQUENCE, &vec![7; length]);
            assert_eq!(Reader::new(&bytes).expect(SEQUENCE).map(<[u8]>::len), Some(length));
        }
    }

    #[test]
    fn lengths_in_four_bytes_are_read_as_active_directory_writes_them() {
        let bytes = [0x30, 0x84, 0, 0, 0, 3, 2, 1, 5];
        let mut inner = Reader::new(Reader::new(&bytes).expect(SEQUENCE).expect("a sequence"));
        assert_eq!(inner.integer(INTEGER), Some(5));
    }

    #[test]
    fn what_is_cut_off_or_of_unknown_length_is_no_value() {
        for bytes in
            [&[0x30][..], &[0x30, 0x80], &[0x30, 5, 1], &[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1], &[0x30, 0x84, 1]]
        {
            assert!(Reader::new(bytes).next().is_none(), "{bytes:x?}");
        }
    }

    #[test]
    fn integers_keep_their_sign() {
        for number in [0, 1, 127, 128, 255, 256, u32::MAX] {
            assert_eq!(Reader::new(&integer(INTEGER, number)).integer(INTEGER), Some(i64::from(number)));
        }
        assert_eq!(Reader::new(&[2, 1, 0xff]).integer(INTEGER), Some(-1));
    }
}
