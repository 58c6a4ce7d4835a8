//! Where requests come from.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// The first 64 bits of an address, which is the least that a subscriber of
/// IPv6 is given (RFC 6177, section 2) and may change the rest of at will.
const SUBSCRIBER: u128 = !0 << 64;

/// Where a request comes from, as far as the service counts by it: an IPv4
/// address, or the first 64 bits of an IPv6 one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    network: IpAddr,
}

impl Client {
    /// The client at this address.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        let network = match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & SUBSCRIBER).into(),
            address @ IpAddr::V4(_) => address,
        };
        Self { network }
    }
}

impl fmt::Display for Client {
    /// `192.0.2.7`, or `2001:db8::/64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            IpAddr::V4(address) => write!(f, "{address}"),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(address: &str) -> String {
        Client::at(address.parse().unwrap()).to_string()
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_client() {
        assert_eq!(shown("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(shown("2001:db8:1:2:ffff::"), "2001:db8:1:2::/64");
        assert_eq!(shown("2001:db8:1:3::"), "2001:db8:1:3::/64");
        assert_eq!(shown("::1"), "::/64");
    }

    #[test]
    fn ipv4_is_the_same_by_either_protocol() {
        assert_eq!(shown("192.0.2.7"), "192.0.2.7");
        assert_eq!(shown("::ffff:192.0.2.7"), "192.0.2.7");
    }
}
