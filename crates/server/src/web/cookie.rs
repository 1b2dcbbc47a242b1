//! Cookies (RFC 6265bis), none of which a script can read.

use http::{HeaderMap, header};

/// A cookie of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    /// Proves the session.
    Session,
    /// Ties the sign-in form to the browser that got it.
    Form,
    /// Holds the session of the console.
    Console,
    /// Holds the session of the console to which one switches back.
    ConsoleBase,
}

impl Cookie {
    /// Over https the prefix has browsers refuse the cookie from anybody but this very host.
    fn name(self, is_https: bool) -> &'static str {
        match (self, is_https) {
            (Self::Session, true) => "__Host-vestibule-session",
            (Self::Session, false) => "vestibule-session",
            (Self::Form, true) => "__Host-vestibule-form",
            (Self::Form, false) => "vestibule-form",
            (Self::Console, true) => "__Host-vestibule-console",
            (Self::Console, false) => "vestibule-console",
            (Self::ConsoleBase, true) => "__Host-vestibule-console-base",
            (Self::ConsoleBase, false) => "vestibule-console-base",
        }
    }
}

/// Longest value that is looked at: a whole session of the console.
const VALUE_BYTES_MAX: usize = signin::session::CHARACTERS_MAX;

/// The value of a cookie. Where there are two of that name the answer is none: one of them was planted.
pub(super) fn find(headers: &HeaderMap, which: Cookie, is_https: bool) -> Option<&str> {
    let name = which.name(is_https);
    let pairs = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut values = pairs
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(each, _)| *each == name)
        .map(|(_, value)| value);
    let first = values.next()?;
    let is_alone = values.all(|other| other == first);
    (is_alone && !first.is_empty() && first.len() <= VALUE_BYTES_MAX).then_some(first)
}

/// The Set-Cookie that keeps `value` for `seconds`; zero seconds forget it.
pub(super) fn set(which: Cookie, is_https: bool, value: &str, seconds: i64) -> String {
    let name = which.name(is_https);
    let secure = if is_https { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}", seconds.max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn found(lines: &[&'static str], is_https: bool) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_static(line));
        }
        find(&headers, Cookie::Session, is_https).map(str::to_owned)
    }

    #[test]
    fn only_the_cookie_of_that_name_counts() {
        assert_eq!(found(&["a=b; vestibule-session=x; c=d"], false).as_deref(), Some("x"));
        assert_eq!(found(&["a=b", "vestibule-session=x"], false).as_deref(), Some("x"));
        assert_eq!(found(&["vestibule-session=x"], true), None);
        assert_eq!(found(&["__Host-vestibule-session=x"], true).as_deref(), Some("x"));
        assert_eq!(found(&["vestibule-session="], false), None);
    }

    #[test]
    fn two_that_differ_are_none() {
        assert_eq!(found(&["vestibule-session=x; vestibule-session=y"], false), None);
        assert_eq!(found(&["vestibule-session=x; vestibule-session=x"], false).as_deref(), Some("x"));
    }

    #[test]
    fn a_cookie_is_for_this_server_only() {
        assert_eq!(
            set(Cookie::Session, true, "v", 60),
            "__Host-vestibule-session=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"
        );
        assert_eq!(set(Cookie::Form, false, "", -1), "vestibule-form=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
