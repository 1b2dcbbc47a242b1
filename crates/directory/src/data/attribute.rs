//! The attributes of users and groups beyond those that requests have members for, and their values in both worlds.
//!
//! Only what is listed here can be read or written: the account that talks to the directory could do far more.

use super::failure::{self, Failure};
use crate::ldap::{Edit, Entry, Modification};
use crate::object_id::ObjectId;
use kernel::{Error, Result};
use model::ds_data::{AttributeValue, UpdateType, ValidationExceptionReason as Reason};
use std::collections::{BTreeMap, BTreeSet};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    User,
    Group,
}

/// What an attribute's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Syntax {
    /// `S`.
    Text,
    /// `N`.
    Number,
    /// `BOOL`.
    Switch,
    /// `SS`: the attribute has many values.
    Texts,
    /// `S`, of sixteen bytes.
    Id,
}

/// An attribute.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// Its LDAP display name, in any case of letters in requests.
    pub name: &'static str,
    syntax: Syntax,
    /// Which objects have it; `None`: all.
    of: Option<Object>,
    is_mutable: bool,
    is_searchable: bool,
}

const fn text(name: &'static str, of: Option<Object>) -> Attribute {
    Attribute { name, syntax: Syntax::Text, of, is_mutable: true, is_searchable: true }
}

const fn texts(name: &'static str, of: Option<Object>) -> Attribute {
    Attribute { name, syntax: Syntax::Texts, of, is_mutable: true, is_searchable: false }
}

const fn shown(name: &'static str, syntax: Syntax, of: Option<Object>) -> Attribute {
    Attribute { name, syntax, of, is_mutable: false, is_searchable: false }
}

const USER: Option<Object> = Some(Object::User);
const GROUP: Option<Object> = Some(Object::Group);

/// The attributes of `OtherAttributes`.
static ATTRIBUTES: [Attribute; 78] = [
    text("assistant", USER),
    text("c", USER),
    text("co", USER),
    text("comment", USER),
    text("company", USER),
    Attribute { syntax: Syntax::Number, ..text("countryCode", USER) },
    text("department", USER),
    text("description", None),
    text("displayName", None),
    text("division", USER),
    text("employeeID", USER),
    text("employeeNumber", USER),
    text("employeeType", USER),
    text("facsimileTelephoneNumber", USER),
    text("generationQualifier", USER),
    text("homeDirectory", USER),
    text("homeDrive", USER),
    text("homePhone", USER),
    text("homePostalAddress", USER),
    text("info", None),
    text("initials", USER),
    text("ipPhone", USER),
    text("l", USER),
    text("managedBy", GROUP),
    text("manager", USER),
    text("middleName", USER),
    text("mobile", USER),
    text("pager", USER),
    text("personalTitle", USER),
    text("physicalDeliveryOfficeName", USER),
    text("postalCode", USER),
    text("preferredLanguage", USER),
    text("primaryInternationalISDNNumber", USER),
    text("primaryTelexNumber", USER),
    text("profilePath", USER),
    text("scriptPath", USER),
    text("st", USER),
    text("streetAddress", USER),
    text("telephoneNumber", None),
    text("title", USER),
    text("userSharedFolder", USER),
    text("userWorkstations", USER),
    text("wWWHomePage", None),
    Attribute { syntax: Syntax::Number, is_searchable: false, ..text("accountExpires", USER) },
    Attribute { syntax: Syntax::Switch, is_searchable: false, ..text("showInAdvancedViewOnly", None) },
    texts("carLicense", USER),
    texts("departmentNumber", USER),
    texts("otherFacsimileTelephoneNumber", USER),
    texts("otherHomePhone", USER),
    texts("otherIpPhone", USER),
    texts("otherMobile", USER),
    texts("otherPager", USER),
    texts("otherTelephone", USER),
    texts("postalAddress", USER),
    texts("postOfficeBox", USER),
    texts("proxyAddresses", None),
    texts("roomNumber", USER),
    texts("street", USER),
    texts("url", None),
    shown("adminCount", Syntax::Number, None),
    shown("badPasswordTime", Syntax::Number, USER),
    shown("badPwdCount", Syntax::Number, USER),
    shown("cn", Syntax::Text, None),
    shown("directReports", Syntax::Texts, USER),
    shown("lastLogon", Syntax::Number, USER),
    shown("lastLogonTimestamp", Syntax::Number, USER),
    shown("lockoutTime", Syntax::Number, USER),
    shown("logonCount", Syntax::Number, USER),
    shown("managedObjects", Syntax::Texts, None),
    shown("memberOf", Syntax::Texts, None),
    shown("name", Syntax::Text, None),
    shown("objectClass", Syntax::Texts, None),
    shown("objectGUID", Syntax::Id, None),
    shown("primaryGroupID", Syntax::Number, USER),
    shown("pwdLastSet", Syntax::Number, USER),
    shown("userAccountControl", Syntax::Number, USER),
    shown("whenChanged", Syntax::Text, None),
    shown("whenCreated", Syntax::Text, None),
];

/// Attributes that requests have members for, as far as they can be searched for.
static SEARCHABLE: [(&str, Option<Object>, &str); 4] = [
    ("SAMAccountName", None, "sAMAccountName"),
    ("EmailAddress", USER, "mail"),
    ("GivenName", USER, "givenName"),
    ("Surname", USER, "sn"),
];

fn is_of(of: Option<Object>, object: Object) -> bool {
    of.is_none_or(|of| of == object)
}

impl Attribute {
    /// Its value in an entry.
    fn value(&self, entry: &Entry) -> Option<AttributeValue> {
        let empty = AttributeValue::default();
        match self.syntax {
            Syntax::Text => entry.text(self.name).map(|text| AttributeValue { s: Some(text.to_owned()), ..empty }),
            Syntax::Number => entry.number(self.name).map(|number| AttributeValue { n: Some(number), ..empty }),
            Syntax::Switch => entry.text(self.name).map(|text| AttributeValue { bool: Some(text == "TRUE"), ..empty }),
            Syntax::Texts => {
                let values = entry.values(self.name).iter();
                let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value).into_owned()).collect();
                (!values.is_empty()).then_some(AttributeValue { ss: Some(values), ..empty })
            }
            Syntax::Id => {
                let id = ObjectId::from_bytes(entry.bytes(self.name)?)?;
                Some(AttributeValue { s: Some(id.to_string()), ..empty })
            }
        }
    }

    /// The values of a request as the directory has them.
    fn values(&self, value: &AttributeValue) -> Result<Vec<Vec<u8>>> {
        let AttributeValue { bool, n, s, ss } = value;
        let values = match (self.syntax, bool, n, s, ss) {
            (Syntax::Text, None, None, Some(text), None) => vec![text.clone()],
            (Syntax::Number, None, Some(number), None, None) => vec![number.to_string()],
            (Syntax::Switch, Some(is_true), None, None, None) => {
                vec![if *is_true { "TRUE" } else { "FALSE" }.to_owned()]
            }
            (Syntax::Texts, None, None, None, Some(texts)) => texts.clone(),
            _ => {
                let kind = match self.syntax {
                    Syntax::Text | Syntax::Id => "S",
                    Syntax::Number => "N",
                    Syntax::Switch => "BOOL",
                    Syntax::Texts => "SS",
                };
                let message = format!("The value of {} must be given as {kind}, and as nothing else.", self.name);
                return Err(failure::invalid(Reason::InvalidAttributeValue, message));
            }
        };
        Ok(values.into_iter().map(String::into_bytes).collect())
    }
}

fn unknown(name: &str) -> Error {
    failure::invalid(Reason::InvalidAttributeName, format!("The attribute {name} is not supported."))
}

fn find(name: &str, object: Object) -> Result<&'static Attribute> {
    let found = ATTRIBUTES.iter().find(|each| each.name.eq_ignore_ascii_case(name)).ok_or_else(|| unknown(name))?;
    if is_of(found.of, object) {
        return Ok(found);
    }
    let (reason, kind) = match object {
        Object::User => (Reason::InvalidAttributeForUser, "Users"),
        Object::Group => (Reason::InvalidAttributeForGroup, "Groups"),
    };
    Err(failure::invalid(reason, format!("{kind} do not have the attribute {name}.")))
}

/// Whether `name` fits `pattern`, in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// The attributes that a request wants to see; `*` stands for any part of a name.
///
/// # Errors
/// `ValidationException` for a name that is not supported.
pub(super) fn wanted(names: &[String], object: Object) -> Result<Vec<&'static Attribute>> {
    let mut wanted: Vec<&Attribute> = Vec::new();
    for name in names {
        if name.contains('*') {
            let all = ATTRIBUTES.iter().filter(|each| is_of(each.of, object) && fits(name, each.name));
            wanted.extend(all);
        } else {
            wanted.push(find(name, object)?);
        }
    }
    wanted.sort_by_key(|attribute| attribute.name);
    wanted.dedup();
    Ok(wanted)
}

/// The values of these attributes in an entry; `None` when it has none of them.
pub(super) fn values(attributes: &[&Attribute], entry: &Entry) -> Option<BTreeMap<String, AttributeValue>> {
    let found: BTreeMap<_, _> =
        attributes.iter().filter_map(|attribute| Some((attribute.name.to_owned(), attribute.value(entry)?))).collect();
    (!found.is_empty()).then_some(found)
}

/// What a search looks at: the attribute of the directory and, when requests have no member for it, the attribute.
type Searched = (&'static str, Option<&'static Attribute>);

/// The attributes in which a search looks.
///
/// # Errors
/// `ValidationException` for one that is not supported or cannot be searched for.
pub(super) fn searched(names: &[String], object: Object) -> Result<Vec<Searched>> {
    let one = |name: &String| -> Result<Searched> {
        let is_named =
            |(api, _, ldap): &&(&str, _, &str)| api.eq_ignore_ascii_case(name) || ldap.eq_ignore_ascii_case(name);
        if let Some((_, of, ldap)) = SEARCHABLE.iter().find(is_named)
            && is_of(*of, object)
        {
            return Ok((ldap, None));
        }
        let attribute = find(name, object)?;
        if !attribute.is_searchable {
            let message = format!("The attribute {} cannot be searched for.", attribute.name);
            return Err(failure::invalid(Reason::InvalidAttributeForSearch, message));
        }
        Ok((attribute.name, Some(attribute)))
    };
    names.iter().map(one).collect()
}

/// What is to be done to one attribute.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    attribute: &'static str,
    has_many: bool,
    values: Vec<Vec<u8>>,
}

impl Wish {
    /// The attribute, for an entry that is added.
    pub fn added(self) -> (&'static str, Vec<Vec<u8>>) {
        (self.attribute, self.values)
    }
}

/// The attributes of a request: those that it has members for, and the others.
///
/// # Errors
/// `ValidationException` for names and values that cannot be.
pub(super) fn wishes(
    members: &[(&'static str, Option<&String>)],
    others: Option<&BTreeMap<String, AttributeValue>>,
    object: Object,
) -> Result<Vec<Wish>> {
    let own = |(attribute, value): &(&'static str, Option<&String>)| {
        value.map(|value| Wish { attribute, has_many: false, values: vec![value.as_bytes().to_vec()] })
    };
    let mut wishes: Vec<_> = members.iter().filter_map(own).collect();
    let without_zeros = |wish: &Wish| {
        // Controllers cut texts off there.
        if wish.values.iter().flatten().any(|byte| *byte == 0) {
            let message = format!("A value of {} has a character that cannot be in it.", wish.attribute);
            return Err(failure::invalid(Reason::InvalidAttributeValue, message));
        }
        Ok(())
    };
    let mut seen = BTreeSet::new();
    for (name, value) in others.into_iter().flatten() {
        let attribute = find(name, object)?;
        if !attribute.is_mutable {
            let message = format!("The attribute {} cannot be changed.", attribute.name);
            return Err(failure::invalid(Reason::InvalidAttributeForModify, message));
        }
        if !seen.insert(attribute.name) {
            let message = format!("The attribute {} is given twice.", attribute.name);
            return Err(failure::invalid(Reason::DuplicateAttribute, message));
        }
        let has_many = attribute.syntax == Syntax::Texts;
        wishes.push(Wish { attribute: attribute.name, has_many, values: attribute.values(value)? });
    }
    wishes.iter().try_for_each(without_zeros)?;
    Ok(wishes)
}

/// The names of the attributes of `wishes`, to read what an entry has of them.
pub(super) fn names(wishes: &[Wish]) -> Vec<&'static str> {
    wishes.iter().map(|wish| wish.attribute).collect()
}

/// How `wishes` change an entry, whose attributes are as in `present`.
///
/// # Errors
/// `ValidationException` where an attribute is added that has a value, or removed that has none.
pub(super) fn modifications(
    wishes: Vec<Wish>,
    update: UpdateType,
    present: &Entry,
) -> Result<Vec<Modification>, Failure> {
    let one = |wish: Wish| -> Result<Modification, Failure> {
        let Wish { attribute, has_many, values } = wish;
        let is_present = !present.values(attribute).is_empty();
        let (edit, values) = match update {
            UpdateType::Add if is_present && !has_many => {
                let message = format!("The attribute {attribute} has a value already.");
                return Err(failure::invalid(Reason::AttributeExists, message).into());
            }
            UpdateType::Remove if !is_present => {
                let message = format!("The attribute {attribute} has no value.");
                return Err(failure::invalid(Reason::MissingAttribute, message).into());
            }
            UpdateType::Add => (Edit::Add, values),
            UpdateType::Remove if has_many => (Edit::Remove, values),
            UpdateType::Remove => (Edit::Remove, Vec::new()),
            UpdateType::Replace => (Edit::Replace, values),
        };
        Ok(Modification { edit, attribute, values })
    };
    wishes.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(error: &Error) -> String {
        let Error::Modeled(error) = error else { panic!("{error}") };
        let error = error.as_any().downcast_ref::<model::ds_data::ValidationException>().expect("a validation error");
        error.reason.expect("a reason").to_string()
    }

    fn other(name: &str, value: AttributeValue) -> BTreeMap<String, AttributeValue> {
        [(name.to_owned(), value)].into()
    }

    fn s(text: &str) -> AttributeValue {
        AttributeValue { s: Some(text.to_owned()), ..AttributeValue::default() }
    }

    #[test]
    fn names_are_those_of_the_api_and_each_is_there_once() {
        let mut seen = BTreeSet::new();
        for attribute in &ATTRIBUTES {
            assert!(seen.insert(attribute.name.to_lowercase()), "{}", attribute.name);
            assert!(attribute.name.chars().all(|c| c.is_ascii_alphabetic() || c == '-'), "{}", attribute.name);
        }
        for (_, _, taken) in &SEARCHABLE {
            assert!(!seen.contains(&taken.to_lowercase()), "{taken}");
        }
        // Whoever could write one of these could take the domain over, or lock it.
        for dangerous in ["member", "unicodePwd", "servicePrincipalName", "nTSecurityDescriptor", "sIDHistory"] {
            assert!(!seen.contains(&dangerous.to_lowercase()), "{dangerous}");
        }
        let is_mutable = |name: &str| ATTRIBUTES.iter().any(|each| each.name == name && each.is_mutable);
        assert!(!is_mutable("userAccountControl") && !is_mutable("primaryGroupID") && is_mutable("title"));
    }

    #[test]
    fn what_cannot_be_wished_for_is_refused_with_its_reason() {
        let wish = |name: &str, value: AttributeValue, object| {
            reason(&wishes(&[], Some(&other(name, value)), object).expect_err(name))
        };
        assert_eq!(wish("nonsense", s("a"), Object::User), "INVALID_ATTRIBUTE_NAME");
        assert_eq!(wish("unicodePwd", s("a"), Object::User), "INVALID_ATTRIBUTE_NAME");
        assert_eq!(wish("managedBy", s("a"), Object::User), "INVALID_ATTRIBUTE_FOR_USER");
        assert_eq!(wish("title", s("a"), Object::Group), "INVALID_ATTRIBUTE_FOR_GROUP");
        assert_eq!(wish("memberOf", s("a"), Object::User), "INVALID_ATTRIBUTE_FOR_MODIFY");
        let number = AttributeValue { n: Some(1), ..AttributeValue::default() };
        assert_eq!(wish("title", number.clone(), Object::User), "INVALID_ATTRIBUTE_VALUE");
        let both = AttributeValue { n: Some(1), ..s("a") };
        assert_eq!(wish("title", both, Object::User), "INVALID_ATTRIBUTE_VALUE");
        assert_eq!(wish("title", AttributeValue::default(), Object::User), "INVALID_ATTRIBUTE_VALUE");
        assert_eq!(wish("title", s("a\0b"), Object::User), "INVALID_ATTRIBUTE_VALUE");
        let twice = [("Title".to_owned(), s("a")), ("title".to_owned(), s("b"))].into();
        assert_eq!(reason(&wishes(&[], Some(&twice), Object::User).expect_err("twice")), "DUPLICATE_ATTRIBUTE");
        assert_eq!(
            reason(&searched(&["memberOf".to_owned()], Object::User).expect_err("no")),
            "INVALID_ATTRIBUTE_FOR_SEARCH"
        );
    }

    #[test]
    fn values_of_every_kind_go_there_and_come_back() {
        let values = [
            ("title", s("Dr. (h.c.) *")),
            ("countryCode", AttributeValue { n: Some(276), ..AttributeValue::default() }),
            ("showInAdvancedViewOnly", AttributeValue { bool: Some(true), ..AttributeValue::default() }),
            ("otherTelephone", AttributeValue { ss: Some(vec!["1".into(), "2".into()]), ..AttributeValue::default() }),
        ];
        for (name, value) in values {
            let mut wishes = wishes(&[], Some(&other(name, value.clone())), Object::User).expect(name);
            let (attribute, bytes) = wishes.pop().expect("one").added();
            let entry = Entry { dn: String::new(), attributes: vec![(attribute.to_owned(), bytes)] };
            assert_eq!(find(name, Object::User).expect(name).value(&entry), Some(value));
        }
    }

    #[test]
    fn adding_needs_an_empty_attribute_and_removing_a_full_one() {
        let full = Entry { dn: String::new(), attributes: vec![("title".to_owned(), vec![b"a".to_vec()])] };
        let change = |update, present: &Entry| {
            modifications(wishes(&[], Some(&other("title", s("b"))), Object::User).expect("valid"), update, present)
        };
        let told = |outcome: Result<Vec<Modification>, Failure>| match outcome {
            Err(Failure::Told(error)) => reason(&error),
            other => panic!("{other:?}"),
        };
        assert_eq!(told(change(UpdateType::Add, &full)), "ATTRIBUTE_EXISTS");
        assert_eq!(told(change(UpdateType::Remove, &Entry::default())), "MISSING_ATTRIBUTE");
        let removed = change(UpdateType::Remove, &full).expect("removed");
        assert_eq!(removed, [Modification { edit: Edit::Remove, attribute: "title", values: Vec::new() }]);
        assert_eq!(change(UpdateType::Add, &Entry::default()).expect("added")[0].edit, Edit::Add);
        assert_eq!(change(UpdateType::Replace, &full).expect("replaced")[0].values, [b"b".to_vec()]);
    }

    #[test]
    fn asterisks_stand_for_parts_of_names() {
        assert!(
            fits("*", "title") && fits("other*", "otherMobile") && fits("*PHONE*", "ipPhone") && fits("t*l*e", "title")
        );
        assert!(!fits("other*", "mobile") && !fits("title*x", "title") && !fits("ti", "title"));
        let wanted = |names: &[&str]| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            wanted(&names, Object::Group).expect("valid").into_iter().map(|each| each.name).collect::<Vec<_>>()
        };
        assert_eq!(wanted(&["Description", "desc*"]), ["description"]);
        assert!(wanted(&["*"]).contains(&"managedBy") && !wanted(&["*"]).contains(&"title"));
    }
}
