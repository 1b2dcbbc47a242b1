//! From AWS's names to Rust's.

const KEYWORDS: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "dyn", "else", "enum", "extern", "false", "fn", "for", "if",
    "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "static", "struct", "trait",
    "true", "type", "unsafe", "use", "where", "while", "abstract", "become", "box", "do", "final", "gen", "macro",
    "override", "priv", "try", "typeof", "unsized", "virtual", "yield",
];

/// Spellings that the word splitter would cut in the middle.
const WHOLE_WORDS: &[(&str, &str)] = &[("OAuth", "Oauth"), ("IPv", "Ipv"), ("OpenID", "Openid"), ("ARNs", "Arns")];

/// `AWSServiceName` to `aws_service_name`.
pub fn snake(name: &str) -> String {
    let mut text = name.to_owned();
    for (from, to) in WHOLE_WORDS {
        text = text.replace(from, to);
    }
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::new();
    for (i, &c) in chars.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            out.push('_');
            continue;
        }
        if c.is_ascii_uppercase() && i > 0 {
            let before = chars[i - 1];
            let after = chars.get(i + 1).copied();
            let plural = after == Some('s') && chars.get(i + 2).is_none_or(char::is_ascii_uppercase);
            let word_starts = !before.is_ascii_uppercase() || after.is_some_and(|a| a.is_ascii_lowercase()) && !plural;
            if word_starts && before.is_ascii_alphanumeric() {
                out.push('_');
            }
        }
        out.push(c.to_ascii_lowercase());
    }
    if KEYWORDS.contains(&out.as_str()) { format!("r#{out}") } else { out }
}

/// `ACCOUNT_NUMBER_LIMIT_EXCEEDED` or `text/csv` to a variant's name.
pub fn variant(wire: &str) -> String {
    let mut out = String::new();
    for word in wire.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let shouting = !word.chars().any(|c| c.is_ascii_lowercase());
        let mut chars = word.chars();
        if let Some(first) = chars.next() {
            out.push(first.to_ascii_uppercase());
        }
        out.extend(chars.map(|c| if shouting { c.to_ascii_lowercase() } else { c }));
    }
    match out.as_str() {
        "" => "Empty".to_owned(),
        "Self" => "Self_".to_owned(),
        text if text.starts_with(|c: char| c.is_ascii_digit()) => format!("V{text}"),
        _ => out,
    }
}

/// `InvalidRequestException` to OAuth's `invalid_request`.
pub fn oauth_error(shape: &str) -> String {
    match shape.trim_end_matches("Exception") {
        "InternalServer" => "server_error".to_owned(),
        name => snake(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_read_like_rust() {
        for (aws, rust) in [
            ("AWSServiceName", "aws_service_name"),
            ("SAMLMetadataDocument", "saml_metadata_document"),
            ("Type", "r#type"),
            ("ClientIDList", "client_id_list"),
            ("MFADevices", "mfa_devices"),
            ("ResourceIDs", "resource_ids"),
            ("accountId", "account_id"),
            ("SSHPublicKeyId", "ssh_public_key_id"),
            ("error_description", "error_description"),
        ] {
            assert_eq!(snake(aws), rust);
        }
    }

    #[test]
    fn enumeration_values_become_variants() {
        for (wire, rust) in [
            ("SERVICE_CONTROL_POLICY", "ServiceControlPolicy"),
            ("text/csv", "TextCsv"),
            ("One-Way: Outgoing", "OneWayOutgoing"),
            ("KMS_AccessDeniedException", "KmsAccessDeniedException"),
            ("SELF", "Self_"),
            ("IAM", "Iam"),
        ] {
            assert_eq!(variant(wire), rust);
        }
    }
}
