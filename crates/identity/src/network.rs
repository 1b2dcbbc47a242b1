//! From where the API of a store may be called.

use model::identitystore::NetworkConfiguration;
use std::net::IpAddr;

/// Whether requests from `source` are admitted. What the product does by itself has no address and always is.
pub(crate) fn admits(configuration: &NetworkConfiguration, source: &str) -> bool {
    let (Some(ranges), Ok(address)) = (&configuration.api_allow_source_ips, source.parse::<IpAddr>()) else {
        return true;
    };
    ranges.iter().any(|range| contains(range, address.to_canonical()))
}

/// Whether the address or range `range` contains `address`; false for text that is neither.
fn contains(range: &str, address: IpAddr) -> bool {
    let (base, length) = range.split_once('/').map_or((range, None), |(base, length)| (base, Some(length)));
    let Ok(base) = base.parse::<IpAddr>() else { return false };
    let (base, address, bits) = match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) => (u128::from(base.to_bits()), u128::from(address.to_bits()), 32),
        (IpAddr::V6(base), IpAddr::V6(address)) => (base.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let length = length.map_or(Some(bits), |length| length.parse::<u32>().ok().filter(|length| *length <= bits));
    let Some(length) = length else { return false };
    let differing = base ^ address;
    differing.checked_shr(bits - length).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_contains_the_addresses_of_its_prefix() {
        let contains = |range: &str, address: &str| contains(range, address.parse().expect("an address"));
        assert!(contains("10.1.0.0/16", "10.1.255.3") && !contains("10.1.0.0/16", "10.2.0.1"));
        assert!(contains("10.1.2.3", "10.1.2.3") && !contains("10.1.2.3", "10.1.2.4"));
        assert!(contains("0.0.0.0/0", "192.0.2.1") && contains("::/0", "2001:db8::1"));
        assert!(contains("2001:db8::/32", "2001:db8:5::1") && !contains("2001:db8::/32", "2001:db9::1"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1") && !contains("10.0.0.0/33", "10.0.0.0"));
    }

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
