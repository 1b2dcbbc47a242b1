//! The models' regular expressions, which are Java's, on the `regex` crate, which has no look-around.

use regex::Regex;
use std::collections::HashMap;
use std::sync::{OnceLock, RwLock};

/// A pattern, ready to be tried.
enum Matcher {
    /// The whole value matches the first and none of the others is found in it.
    Regex(Regex, Option<Regex>),
    /// Written by hand.
    Function(fn(&str) -> bool),
    /// Could not be compiled; a test proves that no pattern of the models ends here.
    Unknown,
}

/// Patterns with look-ahead: the same without it, and what must not be found.
const WITHOUT_LOOK_AHEAD: &[(&str, &str, &str)] = &[
    (
        r"(-?)P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)([DW]))?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?",
        r"(-?)P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)([DW]))?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?",
        r"P(?:[^\dT]|T\D|T?$)",
    ),
    (r"^(?!D-|d-)([\da-zA-Z]+)([-]*[\da-zA-Z])*", r"([\da-zA-Z]+)([-]*[\da-zA-Z])*", r"^[Dd]-"),
    (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", r"--"),
    (
        r#"^(?!.*\\|.*"|.*\/|.*\[|.*\]|.*:|.*;|.*\||.*=|.*,|.*\+|.*\*|.*\?|.*<|.*>|.*@).*$"#,
        r".*",
        r#"[\\"/\[\]:;|=,+*?<>@]"#,
    ),
];

/// A password of Directory Service: 8 to 64 characters of three of the four kinds.
const PASSWORD: &str = r"(?=^.{8,64}$)((?=.*\d)(?=.*[A-Z])(?=.*[a-z])|(?=.*\d)(?=.*[^A-Za-z0-9\s])(?=.*[a-z])|(?=.*[^A-Za-z0-9\s])(?=.*[A-Z])(?=.*[a-z])|(?=.*\d)(?=.*[A-Z])(?=.*[^A-Za-z0-9\s]))^.*";

fn is_password(text: &str) -> bool {
    let has = |kind: fn(char) -> bool| usize::from(text.chars().any(kind));
    let kinds = has(|c| c.is_ascii_digit())
        + has(|c| c.is_ascii_uppercase())
        + has(|c| c.is_ascii_lowercase())
        + has(|c| !c.is_ascii_alphanumeric() && !c.is_ascii_whitespace());
    (8..=64).contains(&text.chars().count()) && !text.contains(['\n', '\r']) && kinds >= 3
}

/// Whether the whole of `text` matches a pattern of the models. A pattern that cannot be compiled matches nothing.
pub fn matches(pattern: &'static str, text: &str) -> bool {
    match matcher(pattern) {
        Matcher::Regex(whole, forbidden) => {
            whole.is_match(text) && forbidden.as_ref().is_none_or(|forbidden| !forbidden.is_match(text))
        }
        Matcher::Function(function) => function(text),
        Matcher::Unknown => false,
    }
}

/// Whether the pattern can be compiled at all.
pub fn is_supported(pattern: &'static str) -> bool {
    !matches!(matcher(pattern), Matcher::Unknown)
}

/// Compiles once per pattern. Patterns are static text of the models, so what is kept for ever is bounded.
fn matcher(pattern: &'static str) -> &'static Matcher {
    static CACHE: OnceLock<RwLock<HashMap<&'static str, &'static Matcher>>> = OnceLock::new();
    let cache = CACHE.get_or_init(RwLock::default);
    if let Some(known) = cache.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(pattern) {
        return known;
    }
    let compiled = compile(pattern);
    cache
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .entry(pattern)
        .or_insert_with(|| Box::leak(Box::new(compiled)))
}

fn compile(pattern: &str) -> Matcher {
    if pattern == PASSWORD {
        return Matcher::Function(is_password);
    }
    let rewritten = WITHOUT_LOOK_AHEAD.iter().find(|(original, ..)| *original == pattern);
    let whole = rewritten.map_or(pattern, |(_, whole, _)| whole);
    let Ok(whole) = Regex::new(&format!(r"\A(?:{})\z", translate(whole))) else { return Matcher::Unknown };
    match rewritten.map(|(.., forbidden)| Regex::new(&translate(forbidden))) {
        None => Matcher::Regex(whole, None),
        Some(Ok(forbidden)) => Matcher::Regex(whole, Some(forbidden)),
        Some(Err(_)) => Matcher::Unknown,
    }
}

/// Java's spelling to the `regex` crate's: `\w`, `\d` and `\s` mean ASCII in Java, some property names differ, and
/// characters beyond the basic plane are written as surrogates there.
fn translate(pattern: &str) -> String {
    let pattern = pattern
        .replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\x{10000}-\x{10FFFF}")
        .replace(r"\u10000-\u10FFFF", r"\x{10000}-\x{10FFFF}")
        .replace(r"\p{LD}", r"[\p{L}\p{Nd}]")
        .replace(r"\p{Punct}", r"[[:punct:]]");
    let mut out = String::with_capacity(pattern.len() + 32);
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('s') => out.push_str(r"[ \t\n\x0B\f\r]"),
            Some('S') => out.push_str(r"[^ \t\n\x0B\f\r]"),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_classes_mean_ascii_as_in_java() {
        assert!(matches(r"[\w+=,.@-]+", "user-1@x"));
        assert!(!matches(r"[\w+=,.@-]+", "usér"));
        assert!(!matches(r"\d{2}", "٣٤"));
        assert!(matches(r"[\s\S]*", "a\u{3000}\n"));
        assert!(matches(r"[&\w+-.@]+", "a+,-.@&"));
    }

    #[test]
    fn durations_need_a_number() {
        let duration = WITHOUT_LOOK_AHEAD[0].0;
        for good in ["PT1H", "P1D", "-P1Y2M3DT4H5M6.7S", "PT12H"] {
            assert!(matches(duration, good), "{good}");
        }
        for bad in ["P", "PT", "", "1H", "PTH", "PT1H "] {
            assert!(!matches(duration, bad), "{bad}");
        }
    }

    #[test]
    fn aliases_have_no_double_hyphen() {
        let alias = WITHOUT_LOOK_AHEAD[2].0;
        for good in ["abc", "a-b", "a1-b2-c3", &"a".repeat(63)] {
            assert!(matches(alias, good), "{good}");
        }
        for bad in ["ab", "a--b", "-ab", "ab-", "aBc", &"a".repeat(64)] {
            assert!(!matches(alias, bad), "{bad}");
        }
    }

    #[test]
    fn other_look_aheads_hold() {
        assert!(matches(WITHOUT_LOOK_AHEAD[1].0, "corp-1"));
        assert!(!matches(WITHOUT_LOOK_AHEAD[1].0, "d-1"));
        assert!(matches(WITHOUT_LOOK_AHEAD[3].0, "alice"));
        assert!(!matches(WITHOUT_LOOK_AHEAD[3].0, "al@ice"));
        assert!(matches(PASSWORD, "Abcdefg1") && matches(PASSWORD, "abcdefg1!"));
        assert!(!matches(PASSWORD, "abcdefg1") && !matches(PASSWORD, "Abcde1"));
    }
}
