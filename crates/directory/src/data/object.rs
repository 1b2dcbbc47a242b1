//! Finding objects, and where those that are made are put.

use super::attribute::{self, Attribute, Object};
use super::failure::{self, Failure};
use crate::connector::Service;
use crate::ldap::{Depth, Entry, Filter, LdapError, Search, code, dn};
use crate::record::Directory;
use kernel::{Error, Result};
use model::ds_data::{AccessDeniedReason, ValidationExceptionReason as Reason};

/// The attribute that names users, groups and computers: each has one, and no two have the same.
pub(super) const ACCOUNT_NAME: &str = "sAMAccountName";
/// The organizational unit at the root of an AWS Managed Microsoft AD whose groups stand for rights: members may be
/// added to them.
const DELEGATED_UNIT: &str = "AWS Delegated Groups";
/// The organizational unit in that of the customer in which users and groups are made.
const MADE_UNIT: &str = "Users";

pub(super) fn search<'a>(base: &'a str, filter: Filter, attributes: &'a [&'a str]) -> Search<'a> {
    Search { base, depth: Depth::Subtree, filter, attributes, shows_deleted: false, limit: 0 }
}

impl Object {
    /// All objects of the kind.
    pub fn filter(self) -> Filter {
        match self {
            Self::User => Filter::is_user(),
            Self::Group => Filter::is_group(),
        }
    }

    /// The name of the kind in messages.
    fn noun(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
        }
    }
}

/// Users, groups and computers.
pub(super) fn any_member() -> Filter {
    Filter::Or(vec![Filter::equal("objectClass", "user"), Filter::is_group()])
}

/// The object of that account name, but for the case of letters. Controllers pass over spaces and more where they
/// compare; policies name objects, and must not be got round by another spelling.
fn named(service: &mut Service, kind: Filter, name: &str, attributes: &[&str]) -> Result<Option<Entry>, LdapError> {
    let base = service.root.base.clone();
    let filter = Filter::And(vec![kind, Filter::equal(ACCOUNT_NAME, name)]);
    let attributes: Vec<_> = attributes.iter().copied().chain([ACCOUNT_NAME]).collect();
    let found = service.connection.find(&search(&base, filter, &attributes), 1)?.pop();
    let is_it = |entry: &Entry| entry.text(ACCOUNT_NAME).is_some_and(|it| it.to_lowercase() == name.to_lowercase());
    Ok(found.filter(is_it))
}

/// The user or group of that account name.
///
/// # Errors
/// `ResourceNotFoundException`, and when the directory cannot be asked.
pub(super) fn one(service: &mut Service, object: Object, name: &str, attributes: &[&str]) -> Result<Entry, Failure> {
    let found = named(service, object.filter(), name, attributes)?;
    found.ok_or_else(|| missing(object.noun(), name).into())
}

/// The customer's own user or group of that account name, to be changed.
///
/// # Errors
/// As [`one`], and `AccessDeniedException` for what is not the customer's.
pub(super) fn own(
    service: &mut Service,
    directory: &Directory,
    object: Object,
    name: &str,
    attributes: &[&str],
) -> Result<Entry, Failure> {
    let entry = one(service, object, name, attributes)?;
    require_own(service, directory, &entry)?;
    Ok(entry)
}

/// The user, group or computer of that account name.
///
/// # Errors
/// As [`one`].
pub(super) fn member(service: &mut Service, name: &str, attributes: &[&str]) -> Result<Entry, Failure> {
    let found = named(service, any_member(), name, attributes)?;
    found.ok_or_else(|| missing("member", name).into())
}

fn missing(noun: &str, name: &str) -> Error {
    failure::not_found(format!("There is no {noun} {name} in the directory."))
}

/// The organizational unit that belongs to the customer.
fn own_unit(service: &Service, directory: &Directory) -> String {
    format!("OU={},{}", dn::escape(&directory.short_name()), service.root.base)
}

fn foreign(entry: &Entry) -> Error {
    tracing::info!(dn = entry.dn, "an object that is not the customer's was to be changed");
    let message = "Only objects in the organizational unit of the directory's domain can be changed.";
    failure::denied(AccessDeniedReason::DirectoryAuth, message)
}

/// Lets what belongs to the customer be changed, but not the account by which the directory is run.
///
/// # Errors
/// `AccessDeniedException`.
fn require_own(service: &Service, directory: &Directory, entry: &Entry) -> Result<(), Failure> {
    let is_service = entry.text(ACCOUNT_NAME).is_some_and(|name| name.eq_ignore_ascii_case(directory.service_user()));
    if is_service || !dn::is_within(&entry.dn, &own_unit(service, directory)) {
        return Err(foreign(entry).into());
    }
    Ok(())
}

/// Lets members of the customer's groups, and of those that stand for rights, be changed.
///
/// # Errors
/// `AccessDeniedException`.
pub(super) fn require_open(service: &Service, directory: &Directory, group: &Entry) -> Result<(), Failure> {
    let delegated = format!("OU={DELEGATED_UNIT},{}", service.root.base);
    let is_open = [own_unit(service, directory), delegated].iter().any(|unit| dn::is_within(&group.dn, unit));
    if is_open { Ok(()) } else { Err(foreign(group).into()) }
}

/// Adds an object where users and groups are made, and says under which name.
///
/// # Errors
/// `ConflictException` for a name that is taken, and when the directory refuses or cannot be asked.
pub(super) fn make(
    service: &mut Service,
    directory: &Directory,
    name: &str,
    attributes: &[(&'static str, Vec<Vec<u8>>)],
) -> Result<Entry, Failure> {
    let own = own_unit(service, directory);
    let unit = format!("OU={MADE_UNIT},{own}");
    let dn = format!("CN={},{unit}", dn::escape(name));
    match service.connection.add(&dn, attributes) {
        Err(LdapError::Refused(outcome)) if outcome.code == code::NO_SUCH_OBJECT => {
            make_unit(service, &own, &directory.short_name())?;
            make_unit(service, &unit, MADE_UNIT)?;
            service.connection.add(&dn, attributes)?;
        }
        other => other?,
    }
    // It is made, whatever becomes of this.
    let made = service.connection.entry(&dn, &["objectSid"]).ok().flatten();
    Ok(made.unwrap_or_default())
}

fn make_unit(service: &mut Service, dn: &str, name: &str) -> Result<(), LdapError> {
    let attributes = [("objectClass", vec![b"organizationalUnit".to_vec()]), ("ou", vec![name.as_bytes().to_vec()])];
    match service.connection.add(dn, &attributes) {
        Err(LdapError::Refused(outcome)) if outcome.code == code::ENTRY_EXISTS => Ok(()),
        other => other,
    }
}

/// What a search asks for.
pub(super) struct Sought {
    /// Which objects.
    pub filter: Filter,
    /// The attributes in which it looks and for which answers have no members of their own.
    pub others: Vec<&'static Attribute>,
}

impl Sought {
    /// The objects with `text` as the value of one of the attributes.
    ///
    /// # Errors
    /// `ValidationException` for attributes that cannot be searched for, and for a text with `*`: at AWS it stands for
    /// nothing, and here neither.
    pub fn new(attributes: &[String], text: &str, object: Object) -> Result<Self> {
        if text.contains('*') {
            let message = "Wildcard (*) searches aren't supported.";
            return Err(failure::invalid(Reason::InvalidAttributeValue, message));
        }
        if text.chars().any(char::is_control) {
            let message = "Control characters cannot be searched for.";
            return Err(failure::invalid(Reason::InvalidAttributeValue, message));
        }
        let searched = attribute::searched(attributes, object)?;
        let alternatives = searched.iter().map(|(name, _)| Filter::equal(name, text)).collect();
        let filter = Filter::And(vec![object.filter(), Filter::Or(alternatives)]);
        Ok(Self { filter, others: searched.into_iter().filter_map(|(_, other)| other).collect() })
    }

    /// The attributes to read: `always`, and those in which it looks.
    pub fn names(&self, always: &[&'static str]) -> Vec<&'static str> {
        always.iter().copied().chain(self.others.iter().map(|other| other.name)).collect()
    }
}

/// The security identifier of an object, as it is written (MS-DTYP §2.4.2.1).
pub(super) fn sid(entry: &Entry) -> Option<String> {
    let (&[revision, count, a, b, c, d, e, f], subs) = entry.bytes("objectSid")?.split_first_chunk::<8>()?;
    let authority = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let (subs, rest) = subs.as_chunks::<4>();
    if !rest.is_empty() || subs.len() != usize::from(count) {
        return None;
    }
    let subs: String = subs.iter().map(|sub| format!("-{}", u32::from_le_bytes(*sub))).collect();
    Some(format!("S-{revision}-{authority}{subs}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_identifiers_are_written_as_windows_writes_them() {
        let entry = |bytes: &[u8]| Entry {
            dn: String::new(),
            attributes: vec![("objectSid".to_owned(), vec![bytes.to_vec()])],
        };
        let administrators = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];
        assert_eq!(sid(&entry(&administrators)).as_deref(), Some("S-1-5-32-544"));
        for cut in [&administrators[..15], &administrators[..12], &administrators[..7], &[]] {
            assert_eq!(sid(&entry(cut)), None);
        }
    }
}
