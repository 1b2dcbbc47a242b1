//! Addresses on the tool's own machine to which a browser is sent with a code (RFC 8252 §7.3).

/// Longest address, in bytes.
const BYTES_MAX: usize = 2_048;
/// Names of the machine itself.
const HOSTS: &[&str] = &["127.0.0.1", "[::1]", "localhost"];

/// An address on the tool's own machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redirect<'a> {
    /// `http` or `https`.
    scheme: &'a str,
    host: &'a str,
    port: Option<&'a str>,
    /// Path and query.
    rest: &'a str,
}

impl<'a> Redirect<'a> {
    /// Reads an address; `None` when it leads elsewhere or might be read in two ways.
    pub fn parse(uri: &'a str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#' | b'"' | b'<' | b'>' | b'@');
        if uri.len() > BYTES_MAX || !uri.bytes().all(is_plain) {
            return None;
        }
        let (scheme, after) = uri.split_once("://")?;
        if !matches!(scheme, "http" | "https") {
            return None;
        }
        let (authority, rest) = after.split_at(after.find(['/', '?']).unwrap_or(after.len()));
        let host = *HOSTS.iter().find(|host| {
            authority.strip_prefix(**host).is_some_and(|behind| behind.is_empty() || behind.starts_with(':'))
        })?;
        let host = authority.get(..host.len())?;
        let port = authority.get(host.len()..)?.strip_prefix(':');
        if port.is_some_and(|port| !is_port(port)) {
            return None;
        }
        Some(Self { scheme, host, port, rest })
    }

    /// Whether `self`, which was registered, allows `used`. The port does not count: tools take whichever is free.
    pub fn allows(&self, used: &Redirect<'_>) -> bool {
        (self.scheme, self.host, self.rest) == (used.scheme, used.host, used.rest)
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}", self.scheme, self.host)
    }
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|number| number > 0)
}

/// `uri` with parameters behind its own.
pub fn with_parameters(uri: &str, parameters: &[(&str, &str)]) -> String {
    let mut text = uri.to_owned();
    for (name, value) in parameters {
        text.push(if text.contains('?') { '&' } else { '?' });
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
                _ => text.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_machine_is_an_address_for_codes() {
        for uri in
            ["http://127.0.0.1/oauth/callback", "http://[::1]:8080/", "https://localhost:1/x?y=z", "http://127.0.0.1"]
        {
            assert!(Redirect::parse(uri).is_some(), "{uri}");
        }
        for uri in [
            "http://127.0.0.1.evil.example/",
            "http://127.0.0.1@evil.example/",
            "http://evil.example/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:65536/",
            "http://127.0.0.1:80x/",
            "http://127.0.0.1:/",
            "http://127.0.0.1\\@evil.example/",
            "http://localhost#x",
            "http://local host/",
            "javascript://localhost/%0aalert(1)",
            "ftp://127.0.0.1/",
            "//127.0.0.1/",
            "",
        ] {
            assert!(Redirect::parse(uri).is_none(), "{uri}");
        }
    }

    #[test]
    fn any_port_of_the_same_address_is_allowed() {
        let registered = Redirect::parse("http://127.0.0.1/oauth/callback").expect("valid");
        let allows = |uri| registered.allows(&Redirect::parse(uri).expect("valid"));
        assert!(allows("http://127.0.0.1:37977/oauth/callback"));
        assert!(!allows("http://127.0.0.1:37977/oauth/callback/"));
        assert!(!allows("http://127.0.0.1:37977/oauth/callback?x=1"));
        assert!(!allows("http://localhost:37977/oauth/callback"));
        assert!(!allows("https://127.0.0.1:37977/oauth/callback"));
    }

    #[test]
    fn parameters_are_encoded_and_appended() {
        let uri = with_parameters("http://127.0.0.1/x?y=z", &[("state", "a b&c=d\r\n\u{e9}")]);
        assert_eq!(uri, "http://127.0.0.1/x?y=z&state=a%20b%26c%3Dd%0D%0A%C3%A9");
    }
}
