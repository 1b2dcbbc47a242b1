//! The proxy of the environment: `HTTPS_PROXY` and `NO_PROXY`, as most programs read them.

use super::FetchError;
use http::Uri;
use http::uri::Authority;

/// Which proxy is used for which hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    url: Option<String>,
    exceptions: Vec<String>,
}

impl Proxy {
    /// What the environment says; names in lower case win.
    pub fn from_environment() -> Self {
        let variable = |name: &str| {
            let value = std::env::var(name.to_ascii_lowercase()).or_else(|_| std::env::var(name));
            value.ok().filter(|value| !value.trim().is_empty())
        };
        Self::new(variable("HTTPS_PROXY"), variable("NO_PROXY").as_deref())
    }

    fn new(url: Option<String>, exceptions: Option<&str>) -> Self {
        let exceptions = exceptions.unwrap_or_default().split(',');
        let exceptions = exceptions.map(|host| host.trim().trim_start_matches("*.").trim_start_matches('.'));
        let exceptions = exceptions.filter(|host| !host.is_empty()).map(str::to_ascii_lowercase).collect();
        Self { url: url.map(|url| url.trim().to_owned()), exceptions }
    }

    /// Host and port of the proxy through which `host` is reached; `None` when it is reached directly.
    pub(super) fn of(&self, host: &str) -> Result<Option<(String, u16)>, FetchError> {
        let Some(url) = &self.url else { return Ok(None) };
        let host = host.to_ascii_lowercase();
        let is_exception = |exception: &String| {
            exception == "*" || host.strip_suffix(exception).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if self.exceptions.iter().any(is_exception) {
            return Ok(None);
        }
        let with_scheme = if url.contains("://") { url.clone() } else { format!("http://{url}") };
        let uri: Uri = with_scheme.parse().map_err(|_| FetchError::Proxy("it is no URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(FetchError::Proxy("its URL must begin with http://"));
        }
        let authority = uri.authority().ok_or(FetchError::Proxy("its URL has no host"))?;
        if authority.as_str().contains('@') {
            return Err(FetchError::Proxy("one that takes a user name and a password cannot be used"));
        }
        Ok(Some((bare_host(authority).to_owned(), authority.port_u16().unwrap_or(80))))
    }
}

/// The host without the brackets of an IPv6 address.
pub(super) fn bare_host(authority: &Authority) -> &str {
    authority.host().trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_excepted_with_what_lies_below_them() {
        let proxy = Proxy::new(Some("http://proxy.example.com:3128/".to_owned()), Some("localhost, .corp.example"));
        let through = Some(("proxy.example.com".to_owned(), 3128));
        let of = |host: &str| proxy.of(host).expect("usable");
        assert_eq!(of("token.example.com"), through);
        assert_eq!(of("notcorp.example"), through);
        assert_eq!(of("localhost"), None);
        assert_eq!(of("Idp.Corp.Example"), None);
        assert_eq!(of("corp.example"), None);
        assert_eq!(Proxy::new(Some("proxy:1".to_owned()), Some("*")).of("a").expect("usable"), None);
        assert_eq!(Proxy::default().of("a").expect("usable"), None);
    }

    #[test]
    fn proxies_that_cannot_be_used_are_named() {
        for url in ["https://proxy.example.com", "http://user:word@proxy.example.com", "socks5://proxy", "a b"] {
            let refused = Proxy::new(Some(url.to_owned()), None).of("token.example.com");
            assert!(matches!(refused, Err(FetchError::Proxy(_))), "{url}: {refused:?}");
        }
        let found = Proxy::new(Some("[::1]:3128".to_owned()), None).of("a").expect("usable");
        assert_eq!(found, Some(("::1".to_owned(), 3128)));
    }
}
