//! Where requests come from, proxies seen through.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::{Extensions, HeaderMap, HeaderName};
use ipnet::IpNet;

use crate::accounts::Client;

/// What each proxy adds the address to from which it got the request, at the end.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of a connection; with each of its requests.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct Peer(pub(in crate::api) IpAddr);

/// The client behind the connection that a request came on, and behind those
/// proxies in front of the service that are `trusted`.
pub(in crate::api) fn of(
    extensions: &Extensions,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> Client {
    // Only what was not served by us has no peer.
    let peer = extensions.get::<Peer>().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0);
    Client::at(behind(peer.to_canonical(), headers, trusted))
}

/// The nearest address that is not a trusted proxy's. What stands before that
/// in the header anybody may have made up.
fn behind(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let mut hops = std::iter::from_fn(|| lines.next()?.to_str().ok())
        .flat_map(|line| line.rsplit(','))
        .map_while(|hop| address(hop.trim()));
    let mut nearest = peer;
    while is_trusted(&nearest) {
        let Some(hop) = hops.next() else { break };
        nearest = hop;
    }
    nearest
}

/// Some proxies add the port.
fn address(hop: &str) -> Option<IpAddr> {
    let parsed = hop.parse().or_else(|_| hop.parse().map(|socket: SocketAddr| socket.ip()));
    parsed.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn client(peer: &str, lines: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        behind(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn nobody_else_says_where_they_are() {
        assert_eq!(client("192.0.2.7", &["198.51.100.1"], &[]), "192.0.2.7");
        assert_eq!(client("192.0.2.7", &["198.51.100.1"], &["10.0.0.0/8"]), "192.0.2.7");
    }

    #[test]
    fn a_trusted_proxy_says_where_its_client_is() {
        let trusted = ["10.0.0.0/8", "2001:db8::/32"];
        for (lines, expected) in [
            (&["198.51.100.1"][..], "198.51.100.1"),
            (&["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
            (&["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
            (&["198.51.100.1,10.1.2.3, 2001:db8::7"], "198.51.100.1"),
            (&["198.51.100.1", "10.1.2.3"], "198.51.100.1"),
            (&["198.51.100.1:4711"], "198.51.100.1"),
            (&["[2001:0:1::1]:4711"], "2001:0:1::1"),
            (&["::ffff:198.51.100.1"], "198.51.100.1"),
            (&["10.1.2.3, 10.1.2.4"], "10.1.2.3"),
            (&["198.51.100.1, unknown"], "10.0.0.1"),
            (&["198.51.100.1, unknown, 10.1.2.3"], "10.1.2.3"),
            (&[""], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", lines, &trusted), expected, "{lines:?}");
        }
    }
}
