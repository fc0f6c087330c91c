//! Addresses. For IPv6 there is a file; for IPv4 the routing tables tell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use super::routes::Route;
use crate::target::Target;

/// An address of a link.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Address {
    /// The address.
    pub address: IpAddr,
    /// How many of its bits name the network.
    pub prefix: u8,
    /// Whose it is; none where /proc does not tell.
    pub link: Option<String>,
}

impl Address {
    /// As ip(8) writes it.
    pub fn text(&self) -> String {
        format!("{}/{}", self.address, self.prefix)
    }
}

/// Reads those of both families.
pub fn of(target: &Target, routes: &[Route]) -> Vec<Address> {
    let trie = target.read("net/fib_trie").unwrap_or_default();
    let v4 = local(&trie).into_iter().map(|address| v4(address, routes));
    let v6 = target.read("net/if_inet6").unwrap_or_default();
    v4.chain(v6.lines().filter_map(line_of_if_inet6)).collect()
}

/// The addresses that the kernel delivers to itself: `/32 host LOCAL` below
/// each, in /proc/net/fib_trie. Two tables have the same, and are printed as one or as two.
fn local(trie: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = last
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// The link is that of the narrowest network without a gateway that the address is in.
fn v4(address: Ipv4Addr, routes: &[Route]) -> Address {
    let on_link = routes
        .iter()
        .filter(|route| route.gateway.is_none() && route.prefix > 0 && route.holds(address.into()));
    let (link, prefix) = match on_link.max_by_key(|route| route.prefix) {
        Some(route) => (Some(route.link.clone()), route.prefix),
        // The loopback network is in the local table, which /proc/net/route has not.
        None if address.is_loopback() => (Some("lo".into()), 8),
        None => (None, 32),
    };
    Address {
        address: address.into(),
        prefix,
        link,
    }
}

/// `ADDRESS INDEX PREFIX SCOPE FLAGS LINK`, the numbers in hexadecimal.
fn line_of_if_inet6(line: &str) -> Option<Address> {
    let words: Vec<_> = line.split_whitespace().collect();
    Some(Address {
        address: hex_address(words.first()?)?.into(),
        prefix: u8::from_str_radix(words.get(2)?, 16).ok()?,
        link: Some((*words.get(5)?).to_owned()),
    })
}

/// 32 hexadecimal digits.
pub fn hex_address(digits: &str) -> Option<Ipv6Addr> {
    let bits = u128::from_str_radix(digits, 16).ok();
    bits.filter(|_| digits.len() == 32).map(Ipv6Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIE: &str = "\
Main:
  +-- 0.0.0.0/1 2 0 2
     |-- 10.0.0.5
        /32 host LOCAL
     +-- 127.0.0.0/8 2 0 2
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
Local:
     |-- 10.0.0.5
        /32 host LOCAL
";

    #[test]
    fn an_address_is_told_from_its_network_and_its_broadcast() {
        let expected: [Ipv4Addr; 2] = ["10.0.0.5".parse().unwrap(), Ipv4Addr::LOCALHOST];
        assert_eq!(local(TRIE), expected);
        let alone = v4(expected[0], &[]);
        assert_eq!((alone.link, alone.prefix), (None, 32));
    }

    #[test]
    fn an_address_of_version_6_has_its_link() {
        let line = "00000000000000000000000000000001 01 80 10 80       lo";
        let address = line_of_if_inet6(line).expect("an address");
        assert_eq!(address.text(), "::1/128");
        assert_eq!(address.link.as_deref(), Some("lo"));
    }
}
