//! Links, addresses, routes and listening ports.
//!
//! /proc/PID/net shows the network namespace of that process. So nobody has to
//! enter it, for which root would be needed.

mod addresses;
mod routes;

use anyhow::{Context, Result};
use procfs::net::{TcpState, UdpState};
use serde::Serialize;

use crate::namespaces::inode;
use crate::table::{Table, commas};
use crate::target::Target;
use addresses::Address;
use routes::Route;

/// A network namespace.
#[derive(Debug, Serialize)]
pub struct Network {
    /// It is the host's.
    pub shared: bool,
    /// Its links, by name.
    pub links: Vec<Link>,
    /// The addresses of the links.
    pub addresses: Vec<Address>,
    /// The main routing table of each family.
    pub routes: Vec<Route>,
    /// Who can be spoken to.
    pub listening: Vec<Port>,
}

/// A network interface.
#[derive(Debug, Serialize)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Bytes that came in.
    pub received_bytes: u64,
    /// Bytes that went out.
    pub sent_bytes: u64,
}

/// A socket that waits for others.
#[derive(Debug, Serialize)]
pub struct Port {
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// Where it waits.
    pub address: String,
    /// The port.
    pub port: u16,
}

/// Reads it.
pub fn of(target: &Target) -> Result<Network> {
    let own = inode("/proc/self/ns", "net").ok();
    let shared = own == inode(&target.path("ns").to_string_lossy(), "net").ok();
    let devices = target
        .process()
        .dev_status()
        .with_context(|| format!("reading {}", target.path("net/dev").display()))?;
    let mut links: Vec<_> = devices
        .into_values()
        .map(|device| Link {
            name: device.name,
            received_bytes: device.recv_bytes,
            sent_bytes: device.sent_bytes,
        })
        .collect();
    links.sort_by(|a, b| a.name.cmp(&b.name));
    let routes = routes::of(target);
    Ok(Network {
        shared,
        links,
        addresses: addresses::of(target, &routes),
        routes,
        listening: listening(target),
    })
}

/// A kernel without IPv6 has no files for it.
fn listening(target: &Target) -> Vec<Port> {
    let process = target.process();
    let mut ports = Vec::new();
    let mut add = |protocol, at: std::net::SocketAddr| {
        ports.push(Port {
            protocol,
            address: at.ip().to_string(),
            port: at.port(),
        });
    };
    for socket in [process.tcp(), process.tcp6()]
        .into_iter()
        .flatten()
        .flatten()
    {
        if socket.state == TcpState::Listen {
            add("tcp", socket.local_address);
        }
    }
    for socket in [process.udp(), process.udp6()]
        .into_iter()
        .flatten()
        .flatten()
    {
        // One that is connected speaks with one peer only.
        if socket.state == UdpState::Close {
            add("udp", socket.local_address);
        }
    }
    ports.sort_by(|a, b| (a.port, a.protocol, &a.address).cmp(&(b.port, b.protocol, &b.address)));
    ports
}

/// Adds it to the table. The host's is only counted.
pub fn show(network: &Network, table: &mut Table) {
    if network.shared {
        table.line(&format!(
            "  the host's: {} links, {} addresses, {} listening ports",
            network.links.len(),
            network.addresses.len(),
            network.listening.len()
        ));
        return;
    }
    for link in &network.links {
        let of_link = |address: &&Address| address.link.as_ref() == Some(&link.name);
        let addresses = network.addresses.iter().filter(of_link);
        let mut words = commas(addresses.map(Address::text));
        if words.is_empty() {
            words.push("no address".into());
        }
        table.list(&link.name, words);
    }
    for address in network
        .addresses
        .iter()
        .filter(|address| address.link.is_none())
    {
        table.list("?", [address.text()]);
    }
    for route in &network.routes {
        table.list("route", [route.text()]);
    }
    for port in &network.listening {
        let address = if port.address.contains(':') {
            format!("[{}]", port.address)
        } else {
            port.address.clone()
        };
        table.list(
            "listens",
            [format!("{} {address}:{}", port.protocol, port.port)],
        );
    }
    if network.listening.is_empty() {
        table.list("listens", ["on no port".into()]);
    }
}
