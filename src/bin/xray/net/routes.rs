//! The main routing table of each family.

use std::net::IpAddr;

use serde::Serialize;

use super::addresses::hex_address;
use crate::target::Target;

/// One route.
#[derive(Debug, Serialize)]
pub struct Route {
    /// The network it leads to.
    pub destination: IpAddr,
    /// How many bits of it count; none for all the rest of the world.
    pub prefix: u8,
    /// Who passes it on; none where the network is on the link itself.
    pub gateway: Option<IpAddr>,
    /// The link it goes out of.
    pub link: String,
}

impl Route {
    /// As ip(8) writes it.
    pub fn text(&self) -> String {
        let to = if self.prefix == 0 {
            "default".into()
        } else {
            format!("{}/{}", self.destination, self.prefix)
        };
        match self.gateway {
            Some(gateway) => format!("{to} via {gateway} dev {}", self.link),
            None => format!("{to} dev {}", self.link),
        }
    }

    /// Whether the network has this address.
    pub fn holds(&self, address: IpAddr) -> bool {
        match (self.destination, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix.min(32));
                let bits = |address: std::net::Ipv4Addr| {
                    u32::from(address).checked_shr(shift).unwrap_or(0)
                };
                bits(network) == bits(address)
            }
            _ => false,
        }
    }
}

/// Reads both.
pub fn of(target: &Target) -> Vec<Route> {
    let v4 = target.process().route().unwrap_or_default();
    let v4 = v4.into_iter().map(|route| Route {
        destination: route.destination.into(),
        prefix: u32::from(route.mask).count_ones() as u8,
        gateway: (!route.gateway.is_unspecified()).then_some(route.gateway.into()),
        link: route.iface,
    });
    let v6 = target.read("net/ipv6_route").unwrap_or_default();
    v4.chain(v6.lines().filter_map(line_of_ipv6_route))
        .collect()
}

/// linux/route.h and linux/ipv6_route.h.
const RTF_REJECT: u32 = 0x0200;
const RTF_LOCAL: u32 = 0x8000_0000;

/// `DESTINATION PREFIX SOURCE PREFIX GATEWAY METRIC USERS USE FLAGS LINK`. This file has
/// the local table too, which is left out: the addresses say the same, and so is multicast.
fn line_of_ipv6_route(line: &str) -> Option<Route> {
    let words: Vec<_> = line.split_whitespace().collect();
    let destination = hex_address(words.first()?)?;
    let gateway = hex_address(words.get(4)?)?;
    let flags = u32::from_str_radix(words.get(8)?, 16).ok()?;
    let own = flags & (RTF_LOCAL | RTF_REJECT) != 0 || destination.is_multicast();
    let prefix = u8::from_str_radix(words.get(1)?, 16).ok()?;
    // An anycast address of the machine's own is no way to somewhere else, either.
    let link = (*words.get(9)?).to_owned();
    (!own && link != "lo" && prefix < 128).then(|| Route {
        destination: destination.into(),
        prefix,
        gateway: (!gateway.is_unspecified()).then_some(gateway.into()),
        link,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(prefix: u8) -> Route {
        Route {
            destination: "10.88.0.0".parse().unwrap(),
            prefix,
            gateway: None,
            link: "eth0".into(),
        }
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_as_it_does() {
        assert!(route(16).holds("10.88.3.4".parse().unwrap()));
        assert!(!route(24).holds("10.88.3.4".parse().unwrap()));
        assert!(route(0).holds("1.1.1.1".parse().unwrap()));
        assert_eq!(route(16).text(), "10.88.0.0/16 dev eth0");
    }

    #[test]
    fn the_local_table_of_version_6_is_left_out() {
        let zeros = "0".repeat(32);
        let network = format!("fd00{}", "0".repeat(28));
        let line = |flags: &str, link: &str| {
            format!("{network} 40 {zeros} 00 {zeros} 00000100 00000001 00000000 {flags}     {link}")
        };
        let found = line_of_ipv6_route(&line("00000001", "eth0")).expect("a route");
        assert_eq!(found.text(), "fd00::/64 dev eth0");
        assert!(line_of_ipv6_route(&line("80200001", "eth0")).is_none());
        assert!(line_of_ipv6_route(&line("00200200", "lo")).is_none());
    }
}
