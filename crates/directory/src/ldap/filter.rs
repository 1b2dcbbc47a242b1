//! Search filters (RFC 4511 §4.5.1.7). They are built as values and sent as BER, never as text: there is nothing that
//! a name could break out of.

use super::ber;

const AND: u8 = 0xa0;
const OR: u8 = 0xa1;
const NOT: u8 = 0xa2;
const EQUAL: u8 = 0xa3;
const AT_LEAST: u8 = 0xa5;
const PRESENT: u8 = 0x87;

/// Which entries a search finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of these hold.
    And(Vec<Filter>),
    /// One of these holds.
    Or(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// The attribute has this value.
    Equal(&'static str, Vec<u8>),
    /// The attribute has this value or a greater one.
    AtLeast(&'static str, String),
    /// The attribute has a value.
    Present(&'static str),
}

impl Filter {
    /// The attribute has this text as a value.
    pub fn equal(attribute: &'static str, text: &str) -> Self {
        Self::Equal(attribute, text.as_bytes().to_vec())
    }

    /// People: no computers, no contacts.
    pub fn is_user() -> Self {
        Self::And(vec![Self::equal("objectCategory", "person"), Self::equal("objectClass", "user")])
    }

    /// Groups.
    pub fn is_group() -> Self {
        Self::equal("objectClass", "group")
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let all = |filters: &[Self]| filters.iter().map(Self::encode).collect::<Vec<_>>();
        let assertion = |tag, attribute: &str, value: &[u8]| {
            ber::group(tag, &[ber::text(attribute), ber::value(ber::OCTETS, value)])
        };
        match self {
            Self::And(filters) => ber::group(AND, &all(filters)),
            Self::Or(filters) => ber::group(OR, &all(filters)),
            Self::Not(filter) => ber::group(NOT, &[filter.encode()]),
            Self::Equal(attribute, value) => assertion(EQUAL, attribute, value),
            Self::AtLeast(attribute, value) => assertion(AT_LEAST, attribute, value.as_bytes()),
            Self::Present(attribute) => ber::value(PRESENT, attribute.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_a_value_whatever_it_contains() {
        let name = "*)(objectClass=*))(|(cn=\\2a\0";
        let bytes = Filter::equal("sAMAccountName", name).encode();
        let mut assertion = ber::Reader::new(ber::Reader::new(&bytes).expect(EQUAL).expect("one assertion"));
        assert_eq!(assertion.expect(ber::OCTETS), Some(&b"sAMAccountName"[..]));
        assert_eq!(assertion.expect(ber::OCTETS), Some(name.as_bytes()));
        assert_eq!(assertion.next(), None);
    }
}
