//! Changes of a directory (RFC 4511 §4.6 to §4.9). Names and values are sent as BER, never as text that is parsed
//! again, except for distinguished names, whose values [`super::dn::escape`] quotes.

use super::ber::{self, BOOLEAN, ENUMERATED, SEQUENCE, SET};
use super::connection::Connection;
use super::error::LdapError;
use super::message::{self, Answer, code};

const MODIFY_REQUEST: u8 = 0x66;
const MODIFY_RESPONSE: u8 = 0x67;
const ADD_REQUEST: u8 = 0x68;
const ADD_RESPONSE: u8 = 0x69;
/// Primitive: its content is the name itself.
const DELETE_REQUEST: u8 = 0x4a;
const DELETE_RESPONSE: u8 = 0x6b;
const RENAME_REQUEST: u8 = 0x6c;
const RENAME_RESPONSE: u8 = 0x6d;
/// `[0]` in a rename: the entry below which it is put.
const NEW_SUPERIOR: u8 = 0x80;

/// The answers to changes.
pub(super) const RESPONSES: [u8; 4] = [MODIFY_RESPONSE, ADD_RESPONSE, DELETE_RESPONSE, RENAME_RESPONSE];

/// Most bytes of a change: far more than an entry that a person describes, far less than what a controller takes.
const CHANGE_BYTES_MAX: usize = 1 << 20;

/// What is done to the values of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// These are added.
    Add,
    /// These are removed; without values, all of them.
    Remove,
    /// These take the place of all that there are; without values, none are left.
    Replace,
}

/// The change of one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modification {
    /// What is done.
    pub edit: Edit,
    /// To which attribute.
    pub attribute: &'static str,
    /// The values.
    pub values: Vec<Vec<u8>>,
}

impl Modification {
    /// A change to one text.
    pub fn text(edit: Edit, attribute: &'static str, text: &str) -> Self {
        Self { edit, attribute, values: vec![text.as_bytes().to_vec()] }
    }
}

fn attribute(name: &str, values: &[Vec<u8>]) -> Vec<u8> {
    let values: Vec<_> = values.iter().map(|value| ber::value(ber::OCTETS, value)).collect();
    ber::group(SEQUENCE, &[ber::text(name), ber::group(SET, &values)])
}

fn add(dn: &str, attributes: &[(&'static str, Vec<Vec<u8>>)]) -> Vec<u8> {
    let list: Vec<_> = attributes.iter().map(|(name, values)| attribute(name, values)).collect();
    ber::group(ADD_REQUEST, &[ber::text(dn), ber::group(SEQUENCE, &list)])
}

fn modify(dn: &str, modifications: &[Modification]) -> Vec<u8> {
    let one = |modification: &Modification| {
        let edit = match modification.edit {
            Edit::Add => 0,
            Edit::Remove => 1,
            Edit::Replace => 2,
        };
        let changed = attribute(modification.attribute, &modification.values);
        ber::group(SEQUENCE, &[ber::integer(ENUMERATED, edit), changed])
    };
    let list: Vec<_> = modifications.iter().map(one).collect();
    ber::group(MODIFY_REQUEST, &[ber::text(dn), ber::group(SEQUENCE, &list)])
}

fn rename(dn: &str, first: &str, below: Option<&str>) -> Vec<u8> {
    let mut parts = vec![ber::text(dn), ber::text(first), ber::boolean(BOOLEAN, true)];
    parts.extend(below.map(|below| ber::value(NEW_SUPERIOR, below.as_bytes())));
    ber::group(RENAME_REQUEST, &parts)
}

impl Connection {
    /// Adds an entry.
    ///
    /// # Errors
    /// [`LdapError::Refused`] when the server refuses, and when it cannot be talked to: then nobody knows whether the
    /// change was made. So with all changes.
    pub fn add(&mut self, dn: &str, attributes: &[(&'static str, Vec<Vec<u8>>)]) -> Result<(), LdapError> {
        self.change(add(dn, attributes), ADD_RESPONSE)
    }

    /// Changes attributes of an entry: all of them or none.
    ///
    /// # Errors
    /// As [`Connection::add`].
    pub fn modify(&mut self, dn: &str, modifications: &[Modification]) -> Result<(), LdapError> {
        self.change(modify(dn, modifications), MODIFY_RESPONSE)
    }

    /// Deletes an entry that has none below it.
    ///
    /// # Errors
    /// As [`Connection::add`].
    pub fn delete(&mut self, dn: &str) -> Result<(), LdapError> {
        self.change(ber::value(DELETE_REQUEST, dn.as_bytes()), DELETE_RESPONSE)
    }

    /// Gives an entry another first part of its name (`CN=…`), and with `below` another place.
    ///
    /// # Errors
    /// As [`Connection::add`].
    pub fn rename(&mut self, dn: &str, first: &str, below: Option<&str>) -> Result<(), LdapError> {
        self.change(rename(dn, first, below), RENAME_RESPONSE)
    }

    fn change(&mut self, operation: Vec<u8>, response: u8) -> Result<(), LdapError> {
        if operation.len() > CHANGE_BYTES_MAX {
            return Err(LdapError::TooMuch("a change of more than 1 MiB"));
        }
        let id = self.begin();
        self.send(&message::change(id, operation))?;
        match self.answer(id)? {
            Answer::Changed(tag, outcome) if tag == response => {
                if outcome.code == code::SUCCESS {
                    Ok(())
                } else {
                    Err(LdapError::Refused(outcome))
                }
            }
            _ => Err(LdapError::Protocol("another answer than that to a change")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ldap::ber::{OCTETS, Reader};
    use crate::ldap::double::{Script, double, message, reply, request, result};

    #[test]
    fn an_added_entry_has_its_name_and_its_attributes() {
        let attributes = [("cn", vec![b"a".to_vec()]), ("objectClass", vec![b"top".to_vec(), b"user".to_vec()])];
        let bytes = add("CN=a,DC=x", &attributes);
        let mut entry = Reader::new(Reader::new(&bytes).expect(ADD_REQUEST).expect("a request"));
        assert_eq!(entry.text(OCTETS).as_deref(), Some("CN=a,DC=x"));
        let mut list = Reader::new(entry.expect(SEQUENCE).expect("attributes"));
        for (name, values) in &attributes {
            let mut attribute = Reader::new(list.expect(SEQUENCE).expect("an attribute"));
            assert_eq!(attribute.text(OCTETS).as_deref(), Some(*name));
            let mut set = Reader::new(attribute.expect(SET).expect("values"));
            values.iter().for_each(|value| assert_eq!(set.expect(OCTETS), Some(value.as_slice())));
            assert!(set.next().is_none());
        }
        assert!(list.next().is_none() && entry.next().is_none());
    }

    #[test]
    fn a_modification_is_encoded_as_the_standard_has_it() {
        let bytes = modify("DC=x", &[Modification::text(Edit::Replace, "sn", "b")]);
        let expected = [
            &[0x66, 24][..],
            &[4, 4, b'D', b'C', b'=', b'x'],
            &[0x30, 16, 0x30, 14, 0x0a, 1, 2],
            &[0x30, 9, 4, 2, b's', b'n', 0x31, 3, 4, 1, b'b'],
        ];
        assert_eq!(bytes, expected.concat());
        let edits = [Edit::Add, Edit::Remove, Edit::Replace].map(|edit| {
            let bytes = modify("", &[Modification { edit, attribute: "sn", values: Vec::new() }]);
            bytes[10]
        });
        assert_eq!(edits, [0, 1, 2]);
    }

    #[test]
    fn a_value_never_becomes_part_of_another_one() {
        let hostile = "x\0)(objectClass=*)\n-\nadd: member";
        let bytes = modify("CN=a", &[Modification::text(Edit::Add, "description", hostile)]);
        let mut request = Reader::new(Reader::new(&bytes).expect(MODIFY_REQUEST).expect("a request"));
        request.expect(OCTETS).expect("a name");
        let mut list = Reader::new(request.expect(SEQUENCE).expect("changes"));
        let mut change = Reader::new(list.expect(SEQUENCE).expect("one"));
        assert_eq!(change.integer(ENUMERATED), Some(0));
        let mut attribute = Reader::new(change.expect(SEQUENCE).expect("an attribute"));
        assert_eq!(attribute.text(OCTETS).as_deref(), Some("description"));
        assert_eq!(Reader::new(attribute.expect(SET).expect("values")).expect(OCTETS), Some(hostile.as_bytes()));
        assert!(list.next().is_none());
    }

    #[test]
    fn a_deletion_is_a_bare_name_and_a_rename_may_move() {
        assert_eq!(ber::value(DELETE_REQUEST, b"DC=x"), [0x4a, 4, b'D', b'C', b'=', b'x']);
        let stays = rename("CN=a", "CN=b", None);
        assert_eq!(stays, [&[0x6c, 15, 4, 4][..], b"CN=a", &[4, 4], b"CN=b", &[1, 1, 0xff]].concat());
        let moves = rename("CN=a", "CN=b", Some("OU=c"));
        assert_eq!(moves[moves.len() - 6..], [&[0x80, 4][..], b"OU=c"].concat());
    }

    #[test]
    fn a_refusal_has_its_code_and_an_answer_to_something_else_is_none() {
        let refusing: Script = |wire| {
            let Some((id, _)) = request(wire) else { return };
            reply(wire, &message(id, &[result(ADD_RESPONSE, 68)]));
        };
        let mut connection = double(refusing).open().expect("open");
        let refused = connection.add("CN=a", &[]).expect_err("refused");
        assert!(matches!(refused, LdapError::Refused(outcome) if outcome.code == code::ENTRY_EXISTS));
        let confused: Script = |wire| {
            let Some((id, _)) = request(wire) else { return };
            reply(wire, &message(id, &[result(ADD_RESPONSE, 0)]));
        };
        let mut connection = double(confused).open().expect("open");
        assert!(matches!(connection.delete("CN=a"), Err(LdapError::Protocol(_))));
    }

    #[test]
    fn a_change_without_measure_is_not_sent() {
        let mut connection = double(|wire| drop(request(wire))).open().expect("open");
        let huge = Modification { edit: Edit::Add, attribute: "info", values: vec![vec![b'a'; CHANGE_BYTES_MAX]] };
        assert!(matches!(connection.modify("CN=a", &[huge]), Err(LdapError::TooMuch(_))));
    }
}
