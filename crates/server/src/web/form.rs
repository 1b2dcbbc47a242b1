//! Forms: their values, where they come from, and the token in them.

use super::answer::Failure;
use base::{Random, Secret};
use http::header::{self, HeaderName};
use http::{HeaderMap, StatusCode};
use std::fmt::Write as _;

/// Most values of a form or a query.
const VALUES_MAX: usize = 64;
/// Longest token that is looked at, in hexadecimal digits.
const TOKEN_DIGITS_MAX: usize = 1_024;

/// Names and values; passwords may be among them.
pub(super) struct Values(Vec<(String, Secret)>);

impl Values {
    /// Reads `application/x-www-form-urlencoded`.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(bytes).take(VALUES_MAX);
        Self(pairs.map(|(name, value)| (name.into_owned(), Secret::new(value))).collect())
    }

    /// The first value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(each, _)| each == name).map(|(_, value)| value.expose())
    }
}

/// Refuses a form that a page of another site sends, whatever else it carries: by what browsers say of it
/// (`Sec-Fetch-Site`), or by its `Origin` where they are too old for that.
pub(super) fn check_origin(headers: &HeaderMap) -> Result<(), Failure> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let is_ours = match (text(HeaderName::from_static("sec-fetch-site")), text(header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            origin.split_once("://").map(|(_, host)| host) == text(header::HOST) && text(header::HOST).is_some()
        }
        (None, None) => true,
    };
    if !is_ours {
        let text = "It was sent by a page of another site.";
        return Err(Failure::told(StatusCode::FORBIDDEN, "The form was refused", text));
    }
    check_type(headers)
}

/// The failure of a form without the token of its page.
pub(super) fn refused() -> Failure {
    let text = "The form did not come from a page of this server, or the page was too old. Load it again and repeat what \
                you did.";
    Failure::told(StatusCode::FORBIDDEN, "The form was refused", text)
}

/// Refuses what is not sent as a form.
pub(super) fn check_type(headers: &HeaderMap) -> Result<(), Failure> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(());
    }
    Err(Failure::told(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The form was refused", "It is not a form."))
}

/// `token` under a mask that is different on every page, so that compressing the page tells nothing about it.
pub(super) fn mask(token: &str, random: &mut Random) -> String {
    let mut pad = vec![0; token.len()];
    random.fill(&mut pad);
    let masked = token.bytes().zip(&pad).map(|(byte, pad)| byte ^ pad);
    pad.iter().copied().chain(masked).fold(String::with_capacity(4 * token.len()), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The token under a mask.
pub(super) fn unmask(text: &str) -> Option<String> {
    if text.len() > TOKEN_DIGITS_MAX || !text.len().is_multiple_of(4) || !text.is_ascii() {
        return None;
    }
    let digits = text.as_bytes().chunks(2);
    let bytes: Vec<u8> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect::<Option<_>>()?;
    let (pad, masked) = bytes.split_at(bytes.len() / 2);
    String::from_utf8(pad.iter().zip(masked).map(|(pad, byte)| pad ^ byte).collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_masked_token_is_never_the_same_and_always_the_token() {
        let mut random = Random::from_seed(1);
        let (first, second) = (mask("token-1", &mut random), mask("token-1", &mut random));
        assert_ne!(first, second);
        assert!(!first.contains("token"));
        for masked in [first, second] {
            assert_eq!(unmask(&masked).as_deref(), Some("token-1"));
        }
        for bad in ["0", "00", "zzzz", "+f+f", "é000"] {
            assert_ne!(unmask(bad).as_deref(), Some("token-1"), "{bad}");
        }
        assert_eq!(unmask(&"00".repeat(10_000)), None);
    }

    fn origin(pairs: &[(&'static str, &'static str)]) -> Option<StatusCode> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:4600"));
        headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8"));
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        match check_origin(&headers) {
            Ok(()) => None,
            Err(Failure::Told { status, .. }) => Some(status),
            Err(_) => unreachable!("told"),
        }
    }

    #[test]
    fn other_sites_cannot_send_forms() {
        let refused = Some(StatusCode::FORBIDDEN);
        assert_eq!(origin(&[]), None);
        assert_eq!(origin(&[("sec-fetch-site", "same-origin")]), None);
        for site in ["cross-site", "same-site", "none", ""] {
            assert_eq!(origin(&[("sec-fetch-site", site), ("origin", "http://127.0.0.1:4600")]), refused, "{site}");
        }
        assert_eq!(origin(&[("origin", "http://127.0.0.1:4600")]), None);
        for other in ["http://127.0.0.1:4601", "https://evil.example", "null", "http://127.0.0.1:4600.evil.example"] {
            assert_eq!(origin(&[("origin", other)]), refused, "{other}");
        }
        assert_eq!(origin(&[("content-type", "text/plain")]), Some(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
}
