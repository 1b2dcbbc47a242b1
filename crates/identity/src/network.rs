//! From where the API of a store may be called.

use base::network::Network;
use model::identitystore::NetworkConfiguration;
use std::net::IpAddr;

/// Whether requests from `source` are admitted. What the product does by itself has no address and always is.
pub(crate) fn admits(configuration: &NetworkConfiguration, source: &str) -> bool {
    let (Some(ranges), Ok(address)) = (&configuration.api_allow_source_ips, source.parse::<IpAddr>()) else {
        return true;
    };
    let contains = |range: &String| Network::parse(range).is_some_and(|range| range.contains(address.to_canonical()));
    ranges.iter().any(contains)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_are_held_against_the_list() {
        let configuration = NetworkConfiguration {
            api_allow_source_ips: Some(vec!["192.0.2.0/24".to_owned()]),
            ..NetworkConfiguration::default()
        };
        assert!(admits(&configuration, "192.0.2.77") && !admits(&configuration, "192.0.3.1"));
        assert!(admits(&configuration, "::ffff:192.0.2.77") && admits(&configuration, "sso.amazonaws.com"));
        assert!(admits(&NetworkConfiguration::default(), "192.0.3.1"));
    }
}
