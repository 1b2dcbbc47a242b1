//! The context of a request: what conditions and policy variables can ask for.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::fmt;

/// The name of a context key as a policy uses it, prepared for look-up without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// As written.
    pub(crate) text: Box<str>,
    hash: u64,
}

impl Key {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.into(), hash: folded_hash(text) }
    }
}

/// What a key holds in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextValue {
    /// A single-valued key.
    One(String),
    /// A multivalued key, whatever the number of values: only `ForAllValues` and `ForAnyValue` can test it, and it
    /// has no value as a policy variable.
    Many(Vec<String>),
}

impl ContextValue {
    /// The values.
    pub fn values(&self) -> &[String] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

impl From<&str> for ContextValue {
    fn from(value: &str) -> Self {
        Self::One(value.to_owned())
    }
}

impl From<String> for ContextValue {
    fn from(value: String) -> Self {
        Self::One(value)
    }
}

impl From<bool> for ContextValue {
    fn from(value: bool) -> Self {
        Self::One(if value { "true" } else { "false" }.to_owned())
    }
}

impl From<Vec<String>> for ContextValue {
    fn from(values: Vec<String>) -> Self {
        Self::Many(values)
    }
}

/// The keys of one request. Names are compared without regard to case; of two keys that differ only by case (tags
/// can), the one spelled as in the policy is taken.
///
/// Look-up runs over a short list of hashes: with the twenty keys of a usual request that beats any table.
#[derive(Clone, Debug, Default)]
pub struct Context {
    hashes: Vec<u64>,
    entries: Vec<(Cow<'static, str>, ContextValue)>,
}

impl Context {
    /// An empty context.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty context with room for `keys` keys.
    pub fn with_capacity(keys: usize) -> Self {
        Self { hashes: Vec::with_capacity(keys), entries: Vec::with_capacity(keys) }
    }

    /// Sets a key, replacing what was set under the very same spelling.
    pub fn insert(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<ContextValue>) {
        let key = key.into();
        let hash = folded_hash(&key);
        let value = value.into();
        let same = self.hashes.iter().zip(&mut self.entries).find(|(known, entry)| **known == hash && entry.0 == key);
        match same {
            Some((_, entry)) => entry.1 = value,
            None => {
                self.hashes.push(hash);
                self.entries.push((key, value));
            }
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&ContextValue> {
        self.find(key, folded_hash(key))
    }

    /// All keys and values, in the order of insertion.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ContextValue)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    #[inline]
    pub(crate) fn look_up(&self, key: &Key) -> Option<&ContextValue> {
        self.find(&key.text, key.hash)
    }

    #[inline]
    fn find(&self, key: &str, hash: u64) -> Option<&ContextValue> {
        let mut found = None;
        for (_, (known, value)) in self.hashes.iter().zip(&self.entries).filter(|(known, _)| **known == hash) {
            if known == key {
                return Some(value);
            }
            if found.is_none() && equal_ignoring_case(known, key) {
                found = Some(value);
            }
        }
        found
    }
}

/// Where a decision finds its context: made beforehand, or by a [`LazyCell`] when a policy asks for the first key.
pub trait Keys: fmt::Debug {
    /// The keys of the request.
    fn keys(&self) -> &Context;
}

impl Keys for Context {
    fn keys(&self) -> &Context {
        self
    }
}

impl<F: FnOnce() -> Context> Keys for LazyCell<Context, F> {
    fn keys(&self) -> &Context {
        self
    }
}

/// FNV-1a over the lower-case form.
pub(crate) fn folded_hash(text: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    if text.is_ascii() {
        return text
            .bytes()
            .fold(OFFSET, |hash, byte| (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(PRIME));
    }
    text.chars().flat_map(char::to_lowercase).fold(OFFSET, |hash, character| {
        let mut buffer = [0; 4];
        character.encode_utf8(&mut buffer).bytes().fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
    })
}

/// Whether two texts are equal without regard to case, by the lower-case mapping of each character.
pub(crate) fn equal_ignoring_case(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_any_case_and_the_exact_spelling_first() {
        let mut context = Context::new();
        context.insert("aws:PrincipalTag/Team", "upper");
        context.insert("aws:PrincipalTag/team", "lower");
        context.insert("aws:PrincipalTag/été", "summer");
        assert_eq!(context.get("aws:principaltag/team"), Some(&"upper".into()));
        assert_eq!(context.get("aws:PrincipalTag/team"), Some(&"lower".into()));
        assert_eq!(context.get("AWS:PRINCIPALTAG/ÉTÉ"), Some(&"summer".into()));
        context.insert("aws:PrincipalTag/team", vec!["a".to_owned()]);
        assert_eq!(context.get("aws:PrincipalTag/team").map(|value| value.values().len()), Some(1));
        assert_eq!(context.get("aws:username"), None);
    }
}
