//! Distinguished names as texts (RFC 4514), as far as they must be made and compared.

/// A value as it stands in a distinguished name: nothing in it ends the value or begins another one.
pub fn escape(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 8);
    let last = value.chars().count().saturating_sub(1);
    for (at, letter) in value.chars().enumerate() {
        match letter {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => text.extend(['\\', letter]),
            '#' | ' ' if at == 0 => text.extend(['\\', letter]),
            ' ' if at == last => text.push_str("\\ "),
            control if control.is_control() => {
                for byte in control.encode_utf8(&mut [0; 4]).bytes() {
                    text.push_str(&format!("\\{byte:02x}"));
                }
            }
            plain => text.push(plain),
        }
    }
    text
}

/// Whether the entry `dn` is below `base`, or is it.
pub fn is_within(dn: &str, base: &str) -> bool {
    let (dn, base) = (key(dn), key(base));
    dn == base || dn.strip_suffix(&base).is_some_and(|above| above.ends_with('\u{1}'))
}

/// A form of `dn` that is the same for every spelling of the same name: escapes resolved, lower case, no spaces
/// around separators.
pub fn key(dn: &str) -> String {
    let mut key = String::with_capacity(dn.len());
    let mut bytes = Vec::new();
    let mut rest = dn.trim().chars().peekable();
    let flush = |key: &mut String, bytes: &mut Vec<u8>| {
        if !bytes.is_empty() {
            key.push_str(&String::from_utf8_lossy(bytes).to_lowercase());
            bytes.clear();
        }
    };
    while let Some(letter) = rest.next() {
        if letter == '\\' {
            let Some(first) = rest.next() else { break };
            match (first.to_digit(16), rest.peek().and_then(|second| second.to_digit(16))) {
                (Some(high), Some(low)) => {
                    rest.next();
                    bytes.push((high * 16 + low) as u8);
                }
                _ => bytes.extend_from_slice(first.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            continue;
        }
        flush(&mut key, &mut bytes);
        match letter {
            // A separator is marked, so that it differs from an escaped one.
            ',' | ';' => {
                key.truncate(key.trim_end().len());
                key.push('\u{1}');
                while rest.peek() == Some(&' ') {
                    rest.next();
                }
            }
            other => key.extend(other.to_lowercase()),
        }
    }
    flush(&mut key, &mut bytes);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_name_are_the_same_and_other_names_are_not() {
        assert_eq!(key("CN=O'Hara\\, Zoë (ext),OU=People"), key("cn=o'hara\\2c zo\\c3\\ab (ext), ou=people"));
        assert_eq!(key("CN=Sales\\, EMEA (ext) \\#1,DC=x"), key("CN=Sales\\, EMEA (ext) #1,DC=x"));
        assert_ne!(key("CN=a\\,OU=b,DC=x"), key("CN=a,OU=b,DC=x"));
        assert_eq!(key("CN=dangling\\"), "cn=dangling");
    }

    #[test]
    fn a_value_stays_one_value_of_its_name() {
        for value in ["a,OU=b", "a+CN=b", "#a", " a", "a=b", "a\\,DC=x", "\"a\"", "<a>;b", "a\0\nb", "Zoë"] {
            let name = format!("CN={},DC=x", escape(value));
            let whole = key(&name);
            assert_eq!(whole.matches('\u{1}').count(), 1, "{name}");
            assert_eq!(whole, format!("cn={}\u{1}dc=x", value.to_lowercase()), "{name}");
        }
        assert_eq!((escape(" a "), escape(" ")), ("\\ a\\ ".to_owned(), "\\ ".to_owned()));
    }

    #[test]
    fn what_is_below_an_entry_is_told_from_what_looks_so() {
        let base = "OU=CORP,DC=corp,DC=example,DC=com";
        assert!(is_within("CN=a,OU=Users,ou=corp, DC=corp,DC=example,DC=com", base) && is_within(base, base));
        for other in [
            "CN=a,DC=corp,DC=example,DC=com",
            "CN=a,OU=XOU=CORP,DC=corp,DC=example,DC=com",
            "CN=a\\,OU=CORP,DC=corp,DC=example,DC=com",
            "CN=a,OU=CORP,DC=corp,DC=example,DC=com,DC=net",
        ] {
            assert!(!is_within(other, base), "{other}");
        }
    }
}
