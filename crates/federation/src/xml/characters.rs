//! The character classes of XML 1.0 (fifth edition) and the decoding of references.

/// `Char` (XML 1.0 §2.2).
pub(super) fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

/// `S` (XML 1.0 §2.3).
pub(super) fn is_white_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
        | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
        | '\u{10000}'..='\u{effff}')
}

fn is_name_character(c: char) -> bool {
    is_name_start(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// `NCName` (Namespaces in XML 1.0 §3): a name without colon.
pub(super) fn is_unprefixed_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(is_name_start) && characters.all(is_name_character)
}

/// Splits a qualified name into prefix (empty when there is none) and local part.
pub(super) fn split_name(name: &str) -> Option<(&str, &str)> {
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, _)) if !is_unprefixed_name(prefix) => return None,
        Some(parts) => parts,
        None => ("", name),
    };
    is_unprefixed_name(local).then_some((prefix, local))
}

/// The character that the inside of `&…;` stands for: a predefined entity or a character reference.
pub(super) fn resolve_reference(name: &str) -> Option<char> {
    match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => {}
    }
    let number = name.strip_prefix('#')?;
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    // from_str_radix would take a sign; ten digits are more than any character needs.
    if digits.is_empty() || digits.len() > 10 || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).filter(|c| is_character(*c))
}

/// An attribute's value: references resolved, white space to spaces (XML 1.0 §3.3.3 for CDATA attributes).
pub(super) fn attribute_value(raw: &str) -> Result<String, &'static str> {
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(position) = rest.find(['&', '<', '\t', '\n', '\r']) {
        value.push_str(&rest[..position]);
        let special = &rest[position..];
        if special.starts_with('<') {
            return Err("'<' in an attribute's value");
        }
        if !special.starts_with('&') {
            value.push(' ');
            rest = &special[1..];
            continue;
        }
        let end = special.find(';').ok_or("'&' without ';'")?;
        value.push(resolve_reference(&special[1..end]).ok_or("a reference to an unknown entity or character")?);
        rest = &special[end + 1..];
    }
    value.push_str(rest);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_predefined_entities_and_real_characters_resolve() {
        assert_eq!(resolve_reference("#x41"), Some('A'));
        assert_eq!(resolve_reference("#65"), Some('A'));
        for name in ["", "nbsp", "#", "#x", "#+65", "#x+41", "#0", "#xD800", "#xFFFE", "#x110000", "#X41"] {
            assert_eq!(resolve_reference(name), None, "{name}");
        }
    }

    #[test]
    fn white_space_in_attributes_becomes_spaces_unless_written_as_reference() {
        assert_eq!(attribute_value("a\tb\nc&#10;d&#x20;").as_deref(), Ok("a b c\nd "));
        assert!(attribute_value("a<b").is_err());
        assert!(attribute_value("a&b").is_err());
        assert!(attribute_value("a&b;").is_err());
    }

    #[test]
    fn names_follow_the_namespace_rules() {
        assert_eq!(split_name("ds:Signature"), Some(("ds", "Signature")));
        assert_eq!(split_name("Signature"), Some(("", "Signature")));
        for name in ["", ":a", "a:", "a:b:c", "1a", "a b", "a/", "-a", "a\"", "a\u{d7}"] {
            assert_eq!(split_name(name), None, "{name}");
        }
    }
}
