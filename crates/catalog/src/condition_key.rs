//! Condition keys of policies and the types of their values.

use crate::authorization::service;
use crate::table::{Table, first_column};

const GLOBAL: Table = Table(include_str!("../data/global_condition_keys.tsv"));
const PREFIXES: Table = Table(include_str!("../data/condition_key_prefixes.tsv"));

/// The service whose table lists the keys of identity providers, whatever their host name is.
const FEDERATION: &str = "sts";

/// A condition key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionKey {
    /// The key in AWS's spelling, with variables where its last part is chosen freely (`aws:RequestTag/${TagKey}`).
    pub key: &'static str,
    /// The type of its values.
    pub key_type: ConditionKeyType,
    /// A sentence on it; empty for global keys and for services that the product does not implement.
    pub description: &'static str,
}

/// The type of a condition key's value, in the words of the Service Authorization Reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionKeyType {
    /// `String`.
    String,
    /// `ArrayOfString`: multivalued.
    ArrayOfString,
    /// `ARN`.
    Arn,
    /// `ArrayOfARN`: multivalued.
    ArrayOfArn,
    /// `Bool`.
    Bool,
    /// `ArrayOfBool`: multivalued.
    ArrayOfBool,
    /// `Numeric`.
    Numeric,
    /// `Date`.
    Date,
    /// `IPAddress`.
    IpAddress,
}

impl ConditionKeyType {
    /// Whether a request can carry several values, so that policies should use `ForAllValues` or `ForAnyValue`.
    pub const fn is_multivalued(self) -> bool {
        matches!(self, Self::ArrayOfString | Self::ArrayOfArn | Self::ArrayOfBool)
    }

    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "String" => Self::String,
            "ArrayOfString" => Self::ArrayOfString,
            "ARN" => Self::Arn,
            "ArrayOfARN" => Self::ArrayOfArn,
            "Bool" => Self::Bool,
            "ArrayOfBool" => Self::ArrayOfBool,
            "Numeric" => Self::Numeric,
            "Date" => Self::Date,
            "IPAddress" => Self::IpAddress,
            _ => return None,
        })
    }
}

impl ConditionKey {
    fn parse(line: &'static str) -> Option<Self> {
        let mut columns = line.split('\t');
        Some(Self {
            key: columns.next()?,
            key_type: ConditionKeyType::parse(columns.next()?)?,
            description: columns.next()?,
        })
    }
}

/// The description of a key as a policy writes it: in any case, with a value in place of a variable
/// (`aws:RequestTag/Team`). `None`: AWS documents no such key.
pub fn condition_key(key: &str) -> Option<ConditionKey> {
    let wanted = key.to_ascii_lowercase();
    let (prefix, _) = wanted.split_once(':')?;
    find_key(GLOBAL, &wanted)
        .or_else(|| {
            let owner = PREFIXES.find_exact(prefix).and_then(|line| line.split('\t').nth(1)).unwrap_or(prefix);
            find_key(service(owner).or_else(|| service(FEDERATION))?.condition_keys(), &wanted)
        })
        .and_then(ConditionKey::parse)
}

/// The line of the key `wanted` (lower case), or of a template for it.
fn find_key(keys: Table, wanted: &str) -> Option<&'static str> {
    let described = |line: &&str| matches_template(&first_column(line).to_ascii_lowercase(), wanted);
    keys.find_ignoring_case(wanted).or_else(|| keys.lines().find(described))
}

/// The type of a key's values: [`condition_key`] without the rest.
pub fn condition_key_type(key: &str) -> Option<ConditionKeyType> {
    condition_key(key).map(|found| found.key_type)
}

/// The keys in a service's table, global ones such as `aws:ResourceTag/${TagKey}` included; sorted.
pub fn condition_keys(prefix: &str) -> impl Iterator<Item = ConditionKey> {
    service(prefix).into_iter().flat_map(|service| service.condition_keys().lines()).filter_map(ConditionKey::parse)
}

/// The global condition keys, sorted.
pub fn global_condition_keys() -> impl Iterator<Item = ConditionKey> {
    GLOBAL.lines().filter_map(ConditionKey::parse)
}

/// Whether `key` is `template` with at least one character in place of each `${…}` or `<…>`.
fn matches_template(template: &str, key: &str) -> bool {
    let Some((literal, after_variable)) = cut_variable(template) else {
        return template == key;
    };
    let Some(rest) = key.strip_prefix(literal) else {
        return false;
    };
    let (next, ends) = cut_variable(after_variable).map_or((after_variable, true), |(next, _)| (next, false));
    if ends {
        return rest.len() > next.len() && rest.ends_with(next);
    }
    rest.match_indices(next).any(|(at, _)| at > 0 && matches_template(after_variable, &rest[at..]))
}

/// The text before and after the first variable of a template.
fn cut_variable(template: &str) -> Option<(&str, &str)> {
    let (start, close) = [("${", '}'), ("<", '>')]
        .into_iter()
        .filter_map(|(open, close)| Some((template.find(open)?, close)))
        .min_by_key(|(start, _)| *start)?;
    let end = start + template[start..].find(close)?;
    Some((&template[..start], &template[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::services;

    #[test]
    fn no_line_of_any_key_table_is_skipped() {
        assert_eq!(global_condition_keys().count(), GLOBAL.lines().count());
        for service in services() {
            let prefix = service.prefix;
            assert_eq!(condition_keys(prefix).count(), service.condition_keys().lines().count(), "{prefix}");
        }
    }

    #[test]
    fn every_prefix_that_is_no_service_leads_to_a_service() {
        for line in PREFIXES.lines() {
            let (prefix, owner) = line.split_once('\t').unwrap();
            assert!(service(prefix).is_none(), "{prefix}");
            assert!(service(owner).is_some(), "{owner}");
        }
    }

    #[test]
    fn a_template_matches_keys_with_something_in_place_of_each_variable() {
        assert!(matches_template("a:tag/${k}", "a:tag/x/y"));
        assert!(!matches_template("a:tag/${k}", "a:tag/"));
        assert!(matches_template("a:b/<key>", "a:b/c"));
        assert!(matches_template("t.${d}.ghe.com:actor", "t.octo.ghe.com:actor"));
        assert!(!matches_template("t.${d}.ghe.com:actor", "t..ghe.com:actor"));
        assert!(matches_template("e:m/${a}/x/${b}/y", "e:m/1/x/2/x/3/y"));
        assert!(!matches_template("e:m/${a}/x/${b}/y", "e:m/1/x/y"));
        assert!(matches_template("plain", "plain"));
        assert!(!matches_template("plain", "plainer"));
    }
}
