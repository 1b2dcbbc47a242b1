//! What a password must be like.

use base::{Random, Secret};
use std::fmt;

/// Fewest and most characters.
const CHARACTERS: std::ops::RangeInclusive<usize> = 8..=64;
/// Characters of a one-time password.
const ONE_TIME_CHARACTERS: usize = 16;
/// Shortest name that is looked for inside passwords: shorter ones are in many words.
const NAME_CHARACTERS_MIN: usize = 3;

/// The classes of a one-time password, without characters that look alike or that shells and markup give a meaning.
const ONE_TIME_CLASSES: [&[u8]; 4] =
    [b"abcdefghijkmnpqrstuvwxyz", b"ABCDEFGHJKLMNPQRSTUVWXYZ", b"23456789", b"+-=@.:,_"];

/// Words that passwords are built around when somebody must have four classes of characters.
const COMMON: [&str; 77] = [
    "a",
    "aa",
    "aaa",
    "ab",
    "abc",
    "abcabc",
    "abcd",
    "abcde",
    "abcdef",
    "abcdefgh",
    "access",
    "account",
    "admin",
    "administrator",
    "apple",
    "asd",
    "asdf",
    "asdfgh",
    "autumn",
    "baseball",
    "batman",
    "changeit",
    "changeme",
    "charlie",
    "company",
    "computer",
    "default",
    "demo",
    "dragon",
    "fall",
    "flower",
    "football",
    "freedom",
    "guest",
    "hello",
    "helloworld",
    "hunter",
    "iloveyou",
    "iqazawsx",
    "letmein",
    "login",
    "love",
    "master",
    "michael",
    "monkey",
    "mustang",
    "ninja",
    "pass",
    "passphrase",
    "passw",
    "passwd",
    "password",
    "passwort",
    "princess",
    "q",
    "qa",
    "qaz",
    "qazwsx",
    "qw",
    "qwe",
    "qwert",
    "qwerty",
    "qwertyuiop",
    "qwertz",
    "root",
    "secret",
    "shadow",
    "spring",
    "starwars",
    "summer",
    "sunshine",
    "superman",
    "test",
    "welcome",
    "winter",
    "zaq",
    "zxc",
];

/// Why a new password cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Not 8 to 64 characters.
    Length,
    /// Lacks a lower-case letter, an upper-case letter, a digit or another character.
    Classes,
    /// One of the last three.
    Reused,
    /// The user's own name, or a password that everybody tries.
    Guessable,
}

impl Problem {
    /// A sentence for the person who chose the password.
    pub fn message(self) -> &'static str {
        match self {
            Self::Length => "The password must have 8 to 64 characters.",
            Self::Classes => {
                "The password must have at least one lower-case letter, one upper-case letter, one digit and one \
                 character that is neither."
            }
            Self::Reused => "The password must not be one of the last three.",
            Self::Guessable => "The password is too easy to guess: it contains the user name or is a common one.",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

/// Holds `password` of the user called `user_name` against the rules that need no former passwords.
pub(super) fn check(password: &str, user_name: &str) -> Result<(), Problem> {
    if !CHARACTERS.contains(&password.chars().count()) {
        return Err(Problem::Length);
    }
    let has = |class: fn(char) -> bool| password.chars().any(class);
    let has_all_classes = has(char::is_lowercase)
        && has(char::is_uppercase)
        && has(|c| c.is_ascii_digit())
        && has(|c| !c.is_alphanumeric());
    if !has_all_classes {
        return Err(Problem::Classes);
    }
    if contains_name(password, user_name) || is_common(password) {
        return Err(Problem::Guessable);
    }
    Ok(())
}

/// Whether the name, or the part of it before the `@`, is in the password.
fn contains_name(password: &str, user_name: &str) -> bool {
    let (password, name) = (password.to_lowercase(), user_name.to_lowercase());
    let local = name.split_once('@').map_or(name.as_str(), |(local, _)| local);
    local.chars().count() >= NAME_CHARACTERS_MIN && password.contains(local)
}

/// Whether nothing but a common word is left once digits in the place of letters are read as such and what was added
/// at the ends is taken away.
fn is_common(password: &str) -> bool {
    let plain = password.to_lowercase();
    let ends = |c: char| !c.is_alphabetic();
    let is_word = |text: &str| COMMON.binary_search(&text.trim_matches(ends)).is_ok();
    // `P@ssw0rd1!`: first the ends, or the digits at the end would be read as letters.
    let core = plain.trim_matches(|c: char| !c.is_alphanumeric());
    let core = core.trim_end_matches(|c: char| c.is_ascii_digit()).trim_matches(|c: char| !c.is_alphanumeric());
    let read: String = core.chars().map(letter).collect();
    is_word(&plain) || is_word(&read)
}

/// The letter for which a digit or sign usually stands.
fn letter(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// A new one-time password, which keeps the rules.
pub fn generate_one_time(random: &mut Random) -> Secret {
    let mut classes: Vec<&[u8]> = ONE_TIME_CLASSES.to_vec();
    let letters = ONE_TIME_CLASSES.concat();
    classes.resize(ONE_TIME_CHARACTERS, &letters);
    // Each class has a place; which one is drawn as well.
    for last in (1..classes.len()).rev() {
        let other = random.below(u32::try_from(last + 1).unwrap_or(1));
        classes.swap(last, usize::try_from(other).unwrap_or(last));
    }
    Secret::new(classes.into_iter().map(|class| random.text(class, 1)).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_common_words_can_be_searched() {
        assert!(COMMON.is_sorted());
    }

    #[test]
    fn a_password_has_8_to_64_characters_of_four_classes() {
        for (password, expected) in [
            ("Xk9#vTq", Err(Problem::Length)),
            ("Xk9#vTqz", Ok(())),
            (&format!("Xk9#{}", "vT".repeat(30)), Ok(())),
            (&format!("Xk9#{}v", "vT".repeat(30)), Err(Problem::Length)),
            ("xk9#vtqz", Err(Problem::Classes)),
            ("XK9#VTQZ", Err(Problem::Classes)),
            ("Xkk#vTqz", Err(Problem::Classes)),
            ("Xk9vvTqz", Err(Problem::Classes)),
            ("Žlutý 9 kůň", Ok(())),
            ("Xk9 vTqz", Ok(())),
        ] {
            assert_eq!(check(password, "alice"), expected, "{password}");
        }
    }

    #[test]
    fn names_and_common_passwords_are_guessable() {
        for password in [
            "Password1!",
            "P@ssw0rd1!",
            "P@$$w0rd",
            "Welcome123!",
            "Summer2024!",
            "#Qwerty12",
            "Changeme_1",
            "Admin@1234",
            "Alice-2024!",
            "xAlIcEx9#",
            "Aa123456!",
            "1qaz@WSX",
        ] {
            assert_eq!(check(password, "alice@example.com"), Err(Problem::Guessable), "{password}");
        }
        for password in ["Correct-Horse-1", "Password-of-Alva-7", "Summer!Rain?9x"] {
            assert_eq!(check(password, "alice@example.com"), Ok(()), "{password}");
        }
        assert_eq!(check("Xk9#vTqz-al", "al"), Ok(()), "a short name is in many words");
    }

    #[test]
    fn generated_passwords_keep_the_rules_and_differ() {
        let mut random = Random::from_seed(7);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let password = generate_one_time(&mut random);
            assert_eq!(check(password.expose(), "alice"), Ok(()), "{}", password.expose());
            assert_eq!(password.expose().len(), ONE_TIME_CHARACTERS);
            assert!(seen.insert(password.expose().to_owned()));
        }
    }
}
