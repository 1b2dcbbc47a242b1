//! Proxies in front of the server, which say on whose behalf they ask.
//!
//! Only what a trusted proxy says counts: anybody else could name any address and get past a limit or a policy. So the
//! list of `X-Forwarded-For` is read from its end, where the nearest proxy has written, up to the first address that is
//! no trusted proxy's: what stands before that was written by the client.

use anyhow::{Context as _, Result};
use base::network::Network;
use http::HeaderMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTOCOL: &str = "x-forwarded-proto";

/// The proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[Network]>);

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The client.
    pub address: SocketAddr,
    /// Whether the client's own connection is encrypted.
    pub is_tls: bool,
}

impl TrustedProxies {
    /// Reads addresses and networks.
    ///
    /// # Errors
    /// A sentence, for what is neither.
    pub fn parse(networks: &[String]) -> Result<Self> {
        let parsed = networks.iter().map(|text| {
            Network::parse(text).with_context(|| {
                format!("--trusted-proxies {text}: give addresses or networks, like 10.0.0.5,192.168.7.0/24")
            })
        });
        parsed.collect::<Result<_>>().map(Self)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address.to_canonical()))
    }

    /// Where a request of `peer` with these headers comes from.
    pub fn origin(&self, peer: Origin, headers: &HeaderMap) -> Origin {
        if !self.trusts(peer.address.ip()) {
            return peer;
        }
        let mut address = peer.address;
        for written in values(headers, FORWARDED_FOR).into_iter().rev() {
            let Some(before) = parse_address(written) else { break };
            address = before;
            if !self.trusts(before.ip()) {
                break;
            }
        }
        let protocol = values(headers, FORWARDED_PROTOCOL).pop();
        Origin { address, is_tls: protocol.map_or(peer.is_tls, |protocol| protocol.eq_ignore_ascii_case("https")) }
    }
}

/// The members of a list that may stand in several headers; empty when one of them is no text.
fn values<'h>(headers: &'h HeaderMap, name: &str) -> Vec<&'h str> {
    let lists: Option<Vec<&str>> = headers.get_all(name).iter().map(|value| value.to_str().ok()).collect();
    lists.unwrap_or_default().into_iter().flat_map(|list| list.split(',')).map(str::trim).collect()
}

/// Reads an address, which some proxies write with a port.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().map(|address: IpAddr| SocketAddr::new(address, 0)).or_else(|_| text.parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(peer: &str, headers: &[(&'static str, &str)]) -> (String, bool) {
        let proxies = ["10.0.0.5", "192.168.7.0/24", "2001:db8::/64"].map(str::to_owned);
        let proxies = TrustedProxies::parse(&proxies).expect("networks");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a value"));
        }
        let peer = Origin { address: SocketAddr::new(peer.parse().expect("an address"), 9), is_tls: false };
        let origin = proxies.origin(peer, &map);
        (origin.address.ip().to_string(), origin.is_tls)
    }

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed() {
        let headers = [(FORWARDED_FOR, "203.0.113.9"), (FORWARDED_PROTOCOL, "https")];
        assert_eq!(origin("198.51.100.1", &headers), ("198.51.100.1".to_owned(), false));
        assert_eq!(origin("10.0.0.5", &headers), ("203.0.113.9".to_owned(), true));
        assert_eq!(origin("::ffff:10.0.0.5", &headers), ("203.0.113.9".to_owned(), true));
        assert_eq!(origin("10.0.0.5", &[]), ("10.0.0.5".to_owned(), false));
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_believed() {
        let of = |list: &str| origin("10.0.0.5", &[(FORWARDED_FOR, list)]).0;
        assert_eq!(of("1.2.3.4, 203.0.113.9"), "203.0.113.9");
        assert_eq!(of("1.2.3.4, 203.0.113.9, 192.168.7.2"), "203.0.113.9", "through two proxies");
        assert_eq!(of("192.168.7.3, 192.168.7.2"), "192.168.7.3", "a proxy that asks by itself");
        let two = [(FORWARDED_FOR, "1.2.3.4"), (FORWARDED_FOR, "203.0.113.9")];
        assert_eq!(origin("10.0.0.5", &two).0, "203.0.113.9");
        let protocols = [(FORWARDED_PROTOCOL, "https, http")];
        assert!(!origin("10.0.0.5", &protocols).1, "the nearest proxy was asked without TLS");
    }

    #[test]
    fn addresses_may_have_ports_and_what_is_none_ends_the_list() {
        let of = |list: &str| origin("10.0.0.5", &[(FORWARDED_FOR, list)]).0;
        assert_eq!(of("203.0.113.9:4711"), "203.0.113.9");
        assert_eq!(of("[2001:db9::1]:4711"), "2001:db9::1");
        assert_eq!(of("[2001:db9::1]"), "2001:db9::1");
        assert_eq!(of("2001:db9::1"), "2001:db9::1");
        assert_eq!(of("203.0.113.9, unknown"), "10.0.0.5");
        assert_eq!(of("203.0.113.9, 192.168.7.2x, 192.168.7.2"), "192.168.7.2");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        assert!(TrustedProxies::parse(&["proxy.internal".to_owned()]).is_err());
    }
}
