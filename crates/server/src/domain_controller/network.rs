//! The addresses on which domain controllers listen.
//!
//! Clients of a domain find LDAP, Kerberos and DNS on ports that cannot be chosen, so every controller has an address of
//! its own. On Linux all of 127.0.0.0/8 is there without being set up; for clients on other machines an operator names a
//! network whose addresses this machine has.

use anyhow::{Context as _, Result, ensure};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

/// The network when nothing else is said.
pub const NETWORK: &str = "127.90.0.0/16";
/// Shortest prefix: more addresses than directories can be are of no use.
const PREFIX_MIN: u32 = 8;
/// Addresses that are tried before none is free.
const TRIES_MAX: usize = 1_000;
/// The ports below 1024 on which a controller listens with TCP, and those of the global catalogue.
const PORTS: [u16; 8] = [53, 88, 135, 389, 464, 636, 3268, 3269];
/// What to do where ports below 1024 cannot be had.
pub(super) const NO_PRIVILEGE: &str = "A domain controller listens on ports below 1024 (DNS, Kerberos, LDAP), which this \
    server may not: run it as root, or give it CAP_NET_BIND_SERVICE.";

/// Addresses to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: u32,
    prefix: u32,
}

impl Network {
    /// Reads `10.1.2.0/24`; an address without a prefix is a network of one.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self> {
        let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
        let parsed = address.parse::<Ipv4Addr>().ok().zip(prefix.parse::<u32>().ok());
        let (address, prefix) = parsed.context("give a network of IPv4, like 127.90.0.0/16")?;
        ensure!((PREFIX_MIN..=32).contains(&prefix), "the prefix must be from {PREFIX_MIN} to 32");
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        Ok(Self { first: u32::from(address) & mask, prefix })
    }

    /// The addresses that hosts can have.
    fn hosts(self) -> impl Iterator<Item = Ipv4Addr> {
        let size = 1_u32.checked_shl(32 - self.prefix).unwrap_or(1);
        let (skipped, end) = if size > 2 { (1, size - 1) } else { (0, size) };
        (skipped..end).map(move |host| Ipv4Addr::from(self.first + host))
    }

    /// The first address on which nothing listens and which is not `taken`.
    ///
    /// # Errors
    /// A sentence that says why there is none.
    pub(super) fn free_address(self, taken: &[String]) -> Result<Ipv4Addr, String> {
        let is_taken = |address: &Ipv4Addr| taken.contains(&address.to_string());
        for address in self.hosts().filter(|address| !is_taken(address)).take(TRIES_MAX) {
            match listening_obstacle(address) {
                None => return Ok(address),
                Some(Obstacle::Taken(_)) => {}
                Some(obstacle) => return Err(obstacle.to_string()),
            }
        }
        let all = format!("{}/{}", Ipv4Addr::from(self.first), self.prefix);
        Err(format!(
            "No address for a domain controller is free in {all}: choose another network with \
                     --directory-addresses."
        ))
    }
}

/// Why a controller cannot listen on an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Something listens there already.
    Taken(String),
    /// It is not allowed.
    Privilege,
    /// The address is not this machine's, or anything else.
    Other(String),
}

impl std::fmt::Display for Obstacle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Taken(what) | Self::Other(what) => f.write_str(what),
            Self::Privilege => f.write_str(NO_PRIVILEGE),
        }
    }
}

/// Why a controller cannot listen on `address`; `None` when it can.
pub(super) fn listening_obstacle(address: Ipv4Addr) -> Option<Obstacle> {
    PORTS.into_iter().find_map(|port| {
        let error = TcpListener::bind((address, port)).err()?;
        Some(match error.kind() {
            ErrorKind::AddrInUse => Obstacle::Taken(format!("Another program listens on {address}:{port}.")),
            ErrorKind::PermissionDenied => Obstacle::Privilege,
            ErrorKind::AddrNotAvailable => Obstacle::Other(format!(
                "The address {address} is none of this machine's: choose a network that it has with \
                 --directory-addresses."
            )),
            _ => Obstacle::Other(format!("Nothing can listen on {address}:{port}: {error}.")),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_hosts_are_those_between_the_ends_of_the_network() {
        let hosts = |text: &str| {
            Network::parse(text).expect("a network").hosts().map(|each| each.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(hosts("10.0.0.9/30"), ["10.0.0.9", "10.0.0.10"]);
        assert_eq!(hosts("10.0.0.8/31"), ["10.0.0.8", "10.0.0.9"]);
        assert_eq!(hosts("10.0.0.7"), ["10.0.0.7"]);
        assert_eq!(Network::parse(NETWORK).expect("a network").hosts().count(), 65_534);
        for other in ["", "x/8", "10.0.0.0/33", "10.0.0.0/7", "::1/64", "10.0.0.0/x"] {
            assert!(Network::parse(other).is_err(), "{other}");
        }
    }
}
