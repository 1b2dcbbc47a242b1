//! Which attributes of the directory become which of the identity store.

use super::plan::Profile;
use crate::ldap::Entry;
use std::collections::BTreeMap;

/// Longest expression, in characters.
const EXPRESSION_CHARACTERS_MAX: usize = 1_024;
/// Longest value, in characters: what the identity store takes.
const VALUE_CHARACTERS_MAX: usize = 1_024;

/// The defaults of IAM Identity Center: attribute of the identity store, expression.
pub const DEFAULTS: [(&str, &str); 5] = [
    ("displayName", "${dir:displayname}"),
    ("email", "${dir:windowsUpn}"),
    ("familyName", "${dir:lastname}"),
    ("givenName", "${dir:firstname}"),
    ("middleName", "${dir:initials}"),
];

/// A mapping: attribute of the identity store to an expression of texts and `${dir:…}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping(BTreeMap<String, String>);

impl Default for Mapping {
    fn default() -> Self {
        Self(DEFAULTS.iter().map(|(name, expression)| ((*name).to_owned(), (*expression).to_owned())).collect())
    }
}

impl Mapping {
    /// The defaults with `changes` in their place; `Err` says what is wrong with one.
    ///
    /// # Errors
    /// For attributes that are not known and expressions that do not parse.
    pub fn with(changes: BTreeMap<String, String>) -> Result<Self, String> {
        let mut mapping = Self::default();
        for (name, expression) in changes {
            if !mapping.0.contains_key(&name) {
                return Err(format!("{name} is no attribute that can be mapped"));
            }
            if expression.chars().count() > EXPRESSION_CHARACTERS_MAX || parts(&expression).is_none() {
                return Err(format!("{expression} is no expression of texts and supported ${{dir:…}} attributes"));
            }
            mapping.0.insert(name, expression);
        }
        Ok(mapping)
    }

    /// The expression of each attribute.
    pub fn expressions(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::Value::from_iter(self.0.clone()).to_string()
    }

    /// From JSON; the defaults when it is none.
    pub fn from_json(text: &str) -> Self {
        serde_json::from_str(text).ok().and_then(|changes| Self::with(changes).ok()).unwrap_or_default()
    }

    /// What the identity store shall know of somebody.
    pub fn profile(&self, entry: &Entry, user_name: String) -> Profile {
        let value = |name: &str| self.0.get(name).and_then(|expression| evaluate(expression, entry));
        Profile {
            user_name,
            display_name: value("displayName"),
            given_name: value("givenName"),
            family_name: value("familyName"),
            middle_name: value("middleName"),
            email: value("email"),
        }
    }
}

enum Part<'a> {
    Text(&'a str),
    Attribute(&'a str),
}

fn parts(expression: &str) -> Option<Vec<Part<'_>>> {
    let (mut parts, mut rest) = (Vec::new(), expression);
    while let Some((text, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        let name = name.strip_prefix("dir:")?;
        source(name)?;
        parts.extend([Part::Text(text), Part::Attribute(name)]);
        rest = after;
    }
    parts.push(Part::Text(rest));
    Some(parts)
}

/// The attribute of Active Directory behind a name, and a prefix of its values that is meant.
fn source(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "email" => ("mail", ""),
        "displayname" => ("displayName", ""),
        "distinguishedName" => ("", ""),
        "firstname" => ("givenName", ""),
        "lastname" => ("sn", ""),
        "initials" => ("initials", ""),
        "windowsUpn" => ("userPrincipalName", ""),
        "proxyAddresses" => ("proxyAddresses", ""),
        "proxyAddresses:SMTP" => ("proxyAddresses", "SMTP:"),
        "proxyAddresses:smtp" => ("proxyAddresses", "smtp:"),
        _ => return None,
    })
}

/// The value of an expression; nothing when one of its attributes has none.
fn evaluate(expression: &str, entry: &Entry) -> Option<String> {
    let mut value = String::new();
    for part in parts(expression)? {
        match part {
            Part::Text(text) => value.push_str(text),
            Part::Attribute(name) => value.push_str(attribute(name, entry)?),
        }
    }
    let value = value.trim();
    let is_usable = !value.is_empty() && !value.chars().any(char::is_control);
    is_usable.then(|| value.chars().take(VALUE_CHARACTERS_MAX).collect())
}

fn attribute<'e>(name: &str, entry: &'e Entry) -> Option<&'e str> {
    let (attribute, prefix) = source(name)?;
    if attribute.is_empty() {
        return Some(&entry.dn);
    }
    let texts = entry.values(attribute).iter().filter_map(|value| std::str::from_utf8(value).ok());
    texts.filter_map(|text| text.strip_prefix(prefix)).find(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let attribute = |name: &str, values: &[&str]| {
            (name.to_owned(), values.iter().map(|value| value.as_bytes().to_vec()).collect())
        };
        Entry {
            dn: "CN=Zoë".to_owned(),
            attributes: vec![
                attribute("givenName", &["Zoë"]),
                attribute("sn", &["O'Hara"]),
                attribute("userPrincipalName", &["zoe@corp.example.com"]),
                attribute("proxyAddresses", &["smtp:z@example.org", "SMTP:zoe@example.org"]),
            ],
        }
    }

    #[test]
    fn the_defaults_are_those_of_identity_center() {
        let profile = Mapping::default().profile(&entry(), "zoe@corp.example.com".to_owned());
        assert_eq!(profile.given_name.as_deref(), Some("Zoë"));
        assert_eq!(profile.family_name.as_deref(), Some("O'Hara"));
        assert_eq!(profile.email.as_deref(), Some("zoe@corp.example.com"));
        assert_eq!((profile.display_name, profile.middle_name), (None, None));
    }

    #[test]
    fn expressions_join_attributes_and_have_no_value_when_one_is_missing() {
        let mapping = |expression: &str| {
            Mapping::with([("displayName".to_owned(), expression.to_owned())].into()).expect("valid")
        };
        let shown = |expression: &str| mapping(expression).profile(&entry(), String::new()).display_name;
        assert_eq!(shown("${dir:firstname} ${dir:lastname}").as_deref(), Some("Zoë O'Hara"));
        assert_eq!(shown("${dir:proxyAddresses:SMTP}").as_deref(), Some("zoe@example.org"));
        assert_eq!(shown("${dir:firstname} ${dir:email}"), None);
        for wrong in ["${dir:}", "${dir:password}", "${user:name}", "${dir:email"] {
            assert!(Mapping::with([("email".to_owned(), wrong.to_owned())].into()).is_err(), "{wrong}");
        }
        assert!(Mapping::with([("userName".to_owned(), "x".to_owned())].into()).is_err());
    }

    #[test]
    fn a_mapping_survives_being_stored() {
        let mapping = Mapping::with([("email".to_owned(), "${dir:email}".to_owned())].into()).expect("valid");
        assert_eq!(Mapping::from_json(&mapping.to_json()), mapping);
        assert_eq!(Mapping::from_json("?"), Mapping::default());
    }
}
