//! Base64 and percent-encoding.

/// The standard alphabet of RFC 4648 §4.
const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// The URL-safe alphabet of RFC 4648 §5.
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode(bytes: &[u8], alphabet: &[u8; 64], pad: bool) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            if digit <= chunk.len() {
                out.push(char::from(alphabet[(word >> (18 - 6 * digit) & 63) as usize]));
            } else if pad {
                out.push('=');
            }
        }
    }
    out
}

fn decode(text: &[u8], alphabet: &[u8; 64]) -> Option<Vec<u8>> {
    let mut table = [255u8; 256];
    for (value, letter) in (0u8..).zip(alphabet) {
        table[usize::from(*letter)] = value;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.chunks(4) {
        let word = chunk.iter().try_fold(0u32, |word, letter| {
            let value = table[usize::from(*letter)];
            (value != 255).then(|| word << 6 | u32::from(value))
        })?;
        let word = word << (6 * (4 - chunk.len()));
        let bytes = &word.to_be_bytes()[1..];
        let count = chunk.len() - 1;
        // A lone digit carries no byte, and bits beyond the last byte would give one value two spellings.
        if count == 0 || bytes[count..].iter().any(|byte| *byte != 0) {
            return None;
        }
        out.extend_from_slice(&bytes[..count]);
    }
    Some(out)
}

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    encode(bytes, STANDARD, true)
}

/// Reads standard base64; padding must be exact.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(4) {
        return None;
    }
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    if padding > 2 { None } else { decode(&bytes[..bytes.len() - padding], STANDARD) }
}

/// URL-safe base64 without padding.
pub fn base64url(bytes: &[u8]) -> String {
    encode(bytes, URL_SAFE, false)
}

/// Reads URL-safe base64 without padding.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    decode(text.as_bytes(), URL_SAFE)
}

/// Undoes percent-encoding, and `+` for space where `form` says so; `None` for bad escapes or bytes that are not UTF-8.
pub fn percent_decode(text: &str, form: bool) -> Option<String> {
    if !text.bytes().any(|byte| byte == b'%' || form && byte == b'+') {
        return Some(text.to_owned());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            b'+' if form => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// Appends `bytes` percent-encoded as SigV4 wants it: everything but RFC 3986's unreserved characters
/// (and `/` where `keep_slash` says so), hexadecimal digits in capitals.
pub fn percent_encode(bytes: &[u8], keep_slash: bool, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') || keep_slash && byte == b'/' {
            out.push(byte);
        } else {
            out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

/// Appends lower-case hexadecimal.
pub fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for &byte in bytes {
        out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64_of_the_rfc_examples() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
            assert_eq!(from_base64(coded).as_deref(), Some(plain.as_bytes()));
        }
    }

    #[test]
    fn wrong_base64_and_escapes_are_refused() {
        for text in ["Zg", "Zg=", "Z===", "Zh==", "Zm9v!A==", "====", "Zg==Zg=="] {
            assert_eq!(from_base64(text), None, "{text}");
        }
        for text in ["%", "%4", "%zz", "%ff", "a%c3"] {
            assert_eq!(percent_decode(text, true), None, "{text}");
        }
        assert_eq!(percent_decode("a+b%20%C3%A9", true).as_deref(), Some("a b é"));
        assert_eq!(percent_decode("a+b", false).as_deref(), Some("a+b"));
    }

    proptest! {
        #[test]
        fn every_encoding_reads_back(bytes in prop::collection::vec(any::<u8>(), 0..100), text in any::<String>()) {
            prop_assert_eq!(from_base64(&base64(&bytes)), Some(bytes.clone()));
            prop_assert_eq!(from_base64url(&base64url(&bytes)), Some(bytes));
            let mut coded = Vec::new();
            percent_encode(text.as_bytes(), false, &mut coded);
            let coded = String::from_utf8(coded).expect("ASCII");
            prop_assert_eq!(percent_decode(&coded, true), Some(text));
        }
    }
}
