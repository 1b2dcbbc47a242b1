//! Distinguished names as texts (RFC 4514), as far as they must be compared.

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
}
