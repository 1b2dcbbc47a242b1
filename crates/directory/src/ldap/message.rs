//! The messages of LDAP (RFC 4511 §4): what is sent is built, what comes is taken apart. Pure.

use super::ber::{self, BOOLEAN, ENUMERATED, INTEGER, OCTETS, Reader, SEQUENCE, SET};
use super::error::LdapError;
use super::filter::Filter;

/// Result codes that are told apart (RFC 4511 §4.1.9).
pub mod code {
    /// It worked.
    pub const SUCCESS: i64 = 0;
    /// More entries than the server gives.
    pub const SIZE_LIMIT: i64 = 4;
    /// TLS, or signing, is needed first.
    pub const STRONGER_AUTH: i64 = 8;
    /// The entry is somewhere else.
    pub const REFERRAL: i64 = 10;
    /// The attribute, or the value, is not there.
    pub const NO_SUCH_ATTRIBUTE: i64 = 16;
    /// The schema does not know the attribute.
    pub const UNDEFINED_ATTRIBUTE: i64 = 17;
    /// A value that the attribute cannot have.
    pub const CONSTRAINT_VIOLATION: i64 = 19;
    /// The attribute, or the value, is there already.
    pub const VALUE_EXISTS: i64 = 20;
    /// A value that is not of the attribute's syntax.
    pub const INVALID_SYNTAX: i64 = 21;
    /// There is no such entry.
    pub const NO_SUCH_OBJECT: i64 = 32;
    /// What should be a name is none.
    pub const INVALID_NAME: i64 = 34;
    /// Name or password.
    pub const INVALID_CREDENTIALS: i64 = 49;
    /// Whoever asks may not.
    pub const INSUFFICIENT_ACCESS: i64 = 50;
    /// Too much to do.
    pub const BUSY: i64 = 51;
    /// Shutting down.
    pub const UNAVAILABLE: i64 = 52;
    /// The server never does that.
    pub const UNWILLING: i64 = 53;
    /// Entries of that class cannot have the attribute.
    pub const CLASS_VIOLATION: i64 = 65;
    /// The entry, or the account name, is there already.
    pub const ENTRY_EXISTS: i64 = 68;
}

/// Object identifier of StartTLS (RFC 4511 §4.14).
pub(crate) const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// Object identifier of the control of pages (RFC 2696).
const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
/// Object identifier of the control that shows what was deleted (MS-ADTS §3.1.1.3.4.1.14).
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
/// Object identifier of the control that has the server sort (RFC 2891).
const SORT: &str = "1.2.840.113556.1.4.473";

const BIND_REQUEST: u8 = 0x60;
const BIND_RESPONSE: u8 = 0x61;
const SEARCH_REQUEST: u8 = 0x63;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
const CONTROLS: u8 = 0xa0;
/// `[0]` in a bind request: a password.
const SIMPLE: u8 = 0x80;
/// `[0]` in an extended request: its name.
const REQUEST_NAME: u8 = 0x80;

/// How deep below the base a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The base itself.
    Base,
    /// Everything at and below it.
    Subtree,
}

/// What to search for.
#[derive(Debug, Clone)]
pub struct Search<'a> {
    /// Where to begin.
    pub base: &'a str,
    /// How deep.
    pub depth: Depth,
    /// Which entries.
    pub filter: Filter,
    /// Which of their attributes.
    pub attributes: &'a [&'a str],
    /// Whether deleted entries are found too.
    pub shows_deleted: bool,
    /// Most entries that are wanted; 0: all of them, page by page.
    pub limit: u32,
}

/// The end of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Result code.
    pub code: i64,
    /// What the server says about it, at most [`MESSAGE_CHARACTERS_MAX`] characters.
    pub message: String,
}

/// Longest diagnostic message that is kept.
pub const MESSAGE_CHARACTERS_MAX: usize = 500;

/// An entry that a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its distinguished name.
    pub dn: String,
    /// Its attributes, by their descriptions with options (`member;range=0-1499`), and their values.
    pub attributes: Vec<(String, Vec<Vec<u8>>)>,
}

impl Entry {
    /// The values of an attribute.
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        let found = self.attributes.iter().find(|(each, _)| each.eq_ignore_ascii_case(name));
        found.map(|(_, values)| values.as_slice()).unwrap_or_default()
    }

    /// The first value of an attribute.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.values(name).first().map(Vec::as_slice)
    }

    /// The first value of an attribute, when it is text that is not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.bytes(name).and_then(|bytes| std::str::from_utf8(bytes).ok()).filter(|text| !text.is_empty())
    }

    /// The first value of an attribute as a number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// The values of an attribute that came in part: where the part ends (`None`: at the last value) and the values.
    pub fn range(&self, name: &str) -> Option<(Option<u64>, &[Vec<u8>])> {
        self.attributes.iter().find_map(|(each, values)| {
            let (base, option) = each.split_once(';')?;
            let (start, end) =
                option.get(..6)?.eq_ignore_ascii_case("range=").then(|| option[6..].split_once('-'))??;
            if !base.eq_ignore_ascii_case(name) {
                return None;
            }
            start.parse::<u64>().ok()?;
            let end = if end == "*" { None } else { Some(end.parse().ok()?) };
            Some((end, values.as_slice()))
        })
    }
}

/// A message from the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Bound(Outcome),
    Found(Entry),
    /// Somewhere else there is more. Referrals are not followed.
    Elsewhere,
    /// The end of a search, and the cookie of the next page.
    Done(Outcome, Vec<u8>),
    Extended(Outcome),
    /// The end of a change, with the tag that says of which kind.
    Changed(u8, Outcome),
}

fn message(id: u32, operation: Vec<u8>, controls: &[Vec<u8>]) -> Vec<u8> {
    let mut parts = vec![ber::integer(INTEGER, id), operation];
    if !controls.is_empty() {
        parts.push(ber::group(CONTROLS, controls));
    }
    ber::group(SEQUENCE, &parts)
}

/// A simple bind.
pub(crate) fn bind(id: u32, name: &str, password: &str) -> Vec<u8> {
    let version = ber::integer(INTEGER, 3);
    let parts = [version, ber::text(name), ber::value(SIMPLE, password.as_bytes())];
    message(id, ber::group(BIND_REQUEST, &parts), &[])
}

/// The wish to continue over TLS.
pub(crate) fn start_tls(id: u32) -> Vec<u8> {
    message(id, ber::group(EXTENDED_REQUEST, &[ber::value(REQUEST_NAME, START_TLS.as_bytes())]), &[])
}

/// A change of the directory.
pub(crate) fn change(id: u32, operation: Vec<u8>) -> Vec<u8> {
    message(id, operation, &[])
}

/// Which part of what is found is wanted, and in which order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Part<'a> {
    /// The length of pages and the cookie of the one that is wanted.
    pub page: Option<(u32, &'a [u8])>,
    /// The attribute by which the server sorts.
    pub sorted_by: Option<&'a str>,
}

/// A search.
pub(crate) fn search(id: u32, search: &Search<'_>, part: Part<'_>, seconds_max: u32) -> Vec<u8> {
    let depth = if search.depth == Depth::Base { 0 } else { 2 };
    let attributes: Vec<Vec<u8>> = search.attributes.iter().map(|name| ber::text(name)).collect();
    let parts = [
        ber::text(search.base),
        ber::integer(ENUMERATED, depth),
        // Aliases are not followed.
        ber::integer(ENUMERATED, 0),
        ber::integer(INTEGER, search.limit),
        ber::integer(INTEGER, seconds_max),
        ber::boolean(BOOLEAN, false),
        search.filter.encode(),
        ber::group(SEQUENCE, &attributes),
    ];
    let mut controls = Vec::new();
    if let Some((size, cookie)) = part.page {
        let value = ber::group(SEQUENCE, &[ber::integer(INTEGER, size), ber::value(OCTETS, cookie)]);
        controls.push(ber::group(
            SEQUENCE,
            &[ber::text(PAGED_RESULTS), ber::boolean(BOOLEAN, true), ber::value(OCTETS, &value)],
        ));
    }
    if let Some(attribute) = part.sorted_by {
        let value = ber::group(SEQUENCE, &[ber::group(SEQUENCE, &[ber::text(attribute)])]);
        controls
            .push(ber::group(SEQUENCE, &[ber::text(SORT), ber::boolean(BOOLEAN, true), ber::value(OCTETS, &value)]));
    }
    if search.shows_deleted {
        controls.push(ber::group(SEQUENCE, &[ber::text(SHOW_DELETED), ber::boolean(BOOLEAN, true)]));
    }
    message(id, ber::group(SEARCH_REQUEST, &parts), &controls)
}

/// Takes a message apart: its id and what it says. `bytes` is the content of the outer sequence.
pub(crate) fn answer(bytes: &[u8]) -> Result<(i64, Answer), LdapError> {
    parse(bytes).ok_or(LdapError::Protocol("a message does not parse"))
}

fn parse(bytes: &[u8]) -> Option<(i64, Answer)> {
    let mut reader = Reader::new(bytes);
    let id = reader.integer(INTEGER)?;
    let (tag, content) = reader.next()?;
    let answer = match tag {
        BIND_RESPONSE => Answer::Bound(outcome(content)?),
        SEARCH_ENTRY => Answer::Found(entry(content)?),
        SEARCH_REFERENCE => Answer::Elsewhere,
        SEARCH_DONE => Answer::Done(outcome(content)?, cookie(reader)?),
        EXTENDED_RESPONSE => Answer::Extended(outcome(content)?),
        other if super::change::RESPONSES.contains(&other) => Answer::Changed(other, outcome(content)?),
        _ => return None,
    };
    Some((id, answer))
}

fn outcome(content: &[u8]) -> Option<Outcome> {
    let mut reader = Reader::new(content);
    let code = reader.integer(ENUMERATED)?;
    reader.expect(OCTETS)?;
    let message = reader.text(OCTETS)?;
    // A message of Active Directory ends with a NUL.
    let message = message.trim_end_matches('\0').chars().take(MESSAGE_CHARACTERS_MAX).collect();
    Some(Outcome { code, message })
}

fn entry(content: &[u8]) -> Option<Entry> {
    let mut reader = Reader::new(content);
    let dn = reader.text(OCTETS)?;
    let mut list = Reader::new(reader.expect(SEQUENCE)?);
    let mut attributes = Vec::new();
    while list.peek().is_some() {
        let mut attribute = Reader::new(list.expect(SEQUENCE)?);
        let name = attribute.text(OCTETS)?;
        let mut set = Reader::new(attribute.expect(SET)?);
        let mut values = Vec::new();
        while set.peek().is_some() {
            values.push(set.expect(OCTETS)?.to_vec());
        }
        attributes.push((name, values));
    }
    Some(Entry { dn, attributes })
}

/// The cookie in the controls after the end of a search; empty when there are no more pages.
fn cookie(mut rest: Reader<'_>) -> Option<Vec<u8>> {
    if rest.peek() != Some(CONTROLS) {
        return Some(Vec::new());
    }
    let mut controls = Reader::new(rest.expect(CONTROLS)?);
    while controls.peek().is_some() {
        let mut control = Reader::new(controls.expect(SEQUENCE)?);
        if control.expect(OCTETS)? != PAGED_RESULTS.as_bytes() {
            continue;
        }
        if control.peek() == Some(BOOLEAN) {
            control.next();
        }
        let mut value = Reader::new(Reader::new(control.expect(OCTETS)?).expect(SEQUENCE)?);
        value.integer(INTEGER)?;
        return value.expect(OCTETS).map(<[u8]>::to_vec);
    }
    Some(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_values_say_where_they_end() {
        let entry = |name: &str| Entry { dn: String::new(), attributes: vec![(name.to_owned(), vec![b"x".to_vec()])] };
        assert_eq!(entry("member;range=0-1499").range("member").map(|(end, _)| end), Some(Some(1499)));
        assert_eq!(entry("Member;Range=1500-*").range("member").map(|(end, _)| end), Some(None));
        for other in
            ["member", "member;binary", "memberOf;range=0-1", "member;range=x-*", "member;r", "member;range=1-y"]
        {
            assert_eq!(entry(other).range("member"), None, "{other}");
        }
    }

    #[test]
    fn a_message_that_is_cut_anywhere_does_not_parse_and_does_not_panic() {
        let attribute = ber::group(SEQUENCE, &[ber::text("cn"), ber::group(SET, &[ber::text("a"), ber::text("b")])]);
        let entry = ber::group(SEARCH_ENTRY, &[ber::text("CN=a"), ber::group(SEQUENCE, &[attribute])]);
        let whole = [ber::integer(INTEGER, 7), entry].concat();
        assert_eq!(answer(&whole).expect("whole").0, 7);
        for end in 0..whole.len() {
            assert!(answer(&whole[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn the_cookie_of_the_next_page_is_found() {
        let value = ber::group(SEQUENCE, &[ber::integer(INTEGER, 0), ber::text("next")]);
        let control = ber::group(SEQUENCE, &[ber::text(PAGED_RESULTS), ber::value(OCTETS, &value)]);
        let done = ber::group(SEARCH_DONE, &[ber::integer(ENUMERATED, 0), ber::text(""), ber::text("")]);
        let bytes = [ber::integer(INTEGER, 2), done, ber::group(CONTROLS, &[control])].concat();
        let outcome = Outcome { code: 0, message: String::new() };
        assert_eq!(answer(&bytes).expect("whole"), (2, Answer::Done(outcome, b"next".to_vec())));
    }
}
