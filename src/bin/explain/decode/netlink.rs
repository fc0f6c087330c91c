//! Netlink messages: how links, addresses, routes and packet filters are asked for.
//! netlink(7), rtnetlink(7), linux/netfilter/nf_tables.h.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};

use nix::unistd::Pid;

use super::flags::{Names, name};
use super::{Decoded, Entry};
use crate::memory::Memory;
use crate::purpose::Purpose;

/// Type, flags, sequence number and sender: struct nlmsghdr.
const HEADER: usize = 16;
/// Longer messages are cut.
const LONGEST: usize = 8192;

const ROUTE: Names = &[
    (16, "RTM_NEWLINK"),
    (17, "RTM_DELLINK"),
    (18, "RTM_GETLINK"),
    (19, "RTM_SETLINK"),
    (20, "RTM_NEWADDR"),
    (21, "RTM_DELADDR"),
    (22, "RTM_GETADDR"),
    (24, "RTM_NEWROUTE"),
    (25, "RTM_DELROUTE"),
    (26, "RTM_GETROUTE"),
];
const FIREWALL: Names = &[
    (0, "NFT_MSG_NEWTABLE"),
    (2, "NFT_MSG_DELTABLE"),
    (3, "NFT_MSG_NEWCHAIN"),
    (5, "NFT_MSG_DELCHAIN"),
    (6, "NFT_MSG_NEWRULE"),
    (8, "NFT_MSG_DELRULE"),
    (9, "NFT_MSG_NEWSET"),
    (12, "NFT_MSG_NEWSETELEM"),
];
/// nfnetlink.h: the subsystem is in the upper byte of the type.
const NF_TABLES: u16 = 10;

pub fn sendto(entry: &Entry, memory: Memory) -> Option<Decoded> {
    is_netlink(entry.tid, entry.int(0), memory, entry.args[4])?;
    let length = (entry.args[2] as usize).min(LONGEST);
    told(entry, &memory.bytes(entry.args[1], length)?)
}

pub fn sendmsg(entry: &Entry, memory: Memory) -> Option<Decoded> {
    // struct msghdr: name and its length, the parts and their count.
    let header = memory.longs(entry.args[1], 4)?;
    let (address, parts, count) = (*header.first()?, *header.get(2)?, *header.get(3)?);
    is_netlink(entry.tid, entry.int(0), memory, address)?;
    let mut bytes = Vec::new();
    for part in memory
        .longs(parts, 2 * count.min(16) as usize)?
        .chunks_exact(2)
    {
        bytes.extend(memory.bytes(part[0], (part[1] as usize).min(LONGEST))?);
    }
    told(entry, &bytes)
}

/// By the address it is sent to, or else by the kernel's own list of such sockets.
fn is_netlink(tid: Pid, fd: i32, memory: Memory, address: u64) -> Option<()> {
    const AF_NETLINK: u16 = libc::AF_NETLINK as u16;
    if let Some(family) = memory.bytes(address, 2).filter(|family| family.len() == 2) {
        let family = u16::from_ne_bytes([family[0], family[1]]);
        return (family == AF_NETLINK).then_some(());
    }
    let link = fs::read_link(format!("/proc/{tid}/fd/{fd}")).ok()?;
    let link = link.to_string_lossy();
    let inode = link.strip_prefix("socket:[")?.strip_suffix(']')?;
    let sockets = fs::read_to_string(format!("/proc/{tid}/net/netlink")).ok()?;
    let known = |line: &str| line.split_whitespace().next_back() == Some(inode);
    sockets.lines().any(known).then_some(())
}

fn told(entry: &Entry, bytes: &[u8]) -> Option<Decoded> {
    let messages: Vec<_> = messages(bytes);
    let first = messages.iter().find_map(|message| message.why());
    let shown: Vec<_> = messages.iter().map(Message::text).collect();
    let args = vec![
        entry.int(0).to_string(),
        format!("[{}]", shown.join(", ")),
        bytes.len().to_string(),
    ];
    let why = first.unwrap_or("a question or an order to the kernel's network");
    Decoded::new(Purpose::Network, args, why)
}

/// One message.
struct Message<'a> {
    kind: u16,
    body: &'a [u8],
}

/// They follow one another, each with its length in front.
fn messages(mut bytes: &[u8]) -> Vec<Message<'_>> {
    let mut found = Vec::new();
    while let Some(length) = u32_at(bytes, 0).map(|length| length as usize) {
        if length < HEADER || length > bytes.len() {
            break;
        }
        let kind = u16_at(bytes, 4).unwrap_or(0);
        let body = &bytes[HEADER..length];
        found.push(Message { kind, body });
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

impl Message<'_> {
    fn text(&self) -> String {
        if self.kind >> 8 == NF_TABLES {
            return format!("{{{}}}", name(u64::from(self.kind & 0xff), FIREWALL));
        }
        let mut fields = vec![name(self.kind.into(), ROUTE)];
        match self.kind {
            16..=19 => self.link(&mut fields),
            20..=22 => self.address(&mut fields),
            24..=26 => self.route(&mut fields),
            _ => {}
        }
        format!("{{{}}}", fields.join(", "))
    }

    /// struct ifinfomsg: family, type, index, flags, change. Then IFLA_*.
    fn link(&self, fields: &mut Vec<String>) {
        let index = u32_at(self.body, 4).unwrap_or(0);
        if index != 0 {
            fields.push(format!("index={index}"));
        }
        let up = libc::IFF_UP as u32;
        match (u32_at(self.body, 8), u32_at(self.body, 12)) {
            (Some(flags), Some(_)) if flags & up != 0 => fields.push("IFF_UP".into()),
            _ => {}
        }
        for (kind, value) in attributes(self.body.get(16..).unwrap_or_default()) {
            match kind {
                3 => fields.push(format!("name={}", string(value))),
                10 => fields.extend(u32_at(value, 0).map(|bridge| format!("master={bridge}"))),
                18 => fields.extend(link_kind(value).map(|kind| format!("kind={kind}"))),
                19 => fields.extend(u32_at(value, 0).map(|pid| format!("netns of PID {pid}"))),
                28 => fields.extend(u32_at(value, 0).map(|fd| format!("netns of fd {fd}"))),
                _ => {}
            }
        }
    }

    /// struct ifaddrmsg: family, prefix length, flags, scope, index. Then IFA_*.
    fn address(&self, fields: &mut Vec<String>) {
        let prefix = self.body.get(1).copied().unwrap_or(0);
        if let Some(index) = u32_at(self.body, 4).filter(|index| *index != 0) {
            fields.push(format!("index={index}"));
        }
        for (kind, value) in attributes(self.body.get(8..).unwrap_or_default()) {
            if kind == 2 {
                fields.push(format!("local={}/{prefix}", ip(value)));
            }
        }
    }

    /// struct rtmsg: family, length of the destination's prefix, and ten more bytes. Then RTA_*.
    fn route(&self, fields: &mut Vec<String>) {
        let prefix = self.body.get(1).copied().unwrap_or(0);
        if prefix == 0 {
            fields.push("default".into());
        }
        for (kind, value) in attributes(self.body.get(12..).unwrap_or_default()) {
            match kind {
                1 => fields.push(format!("to={}/{prefix}", ip(value))),
                5 => fields.push(format!("via={}", ip(value))),
                _ => {}
            }
        }
    }

    fn why(&self) -> Option<&'static str> {
        if self.kind >> 8 == NF_TABLES {
            return Some("a rule for packets: addresses are translated, ports published");
        }
        let up = u32_at(self.body, 8).unwrap_or(0) & libc::IFF_UP as u32 != 0;
        Some(match self.kind {
            16 | 19 if up => "the link is switched on",
            16 | 19 => "a link is made or changed",
            17 => "a link is removed",
            20 => "the link gets an address",
            24 => "where packets go that are for elsewhere",
            18 | 22 | 26 => "asks what there is",
            _ => return None,
        })
    }
}

/// Each a length, a type, and a value, on four-byte boundaries: struct nlattr.
fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while let (Some(length), Some(kind)) = (u16_at(bytes, 0), u16_at(bytes, 2)) {
        let length = usize::from(length);
        if length < 4 || length > bytes.len() {
            break;
        }
        // The two upper bits are flags: nested, and network byte order.
        found.push((kind & 0x3fff, &bytes[4..length]));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

/// IFLA_LINKINFO holds IFLA_INFO_KIND: veth, bridge.
fn link_kind(value: &[u8]) -> Option<String> {
    let within = attributes(value);
    let found = within.iter().find(|(kind, _)| *kind == 1);
    found.map(|(_, name)| string(name))
}

fn string(value: &[u8]) -> String {
    let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

fn ip(value: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(value) {
        return Ipv4Addr::from(four).to_string();
    }
    match <[u8; 16]>::try_from(value) {
        Ok(sixteen) => Ipv6Addr::from(sixteen).to_string(),
        Err(_) => "?".into(),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let part = bytes.get(at..at + 2)?;
    Some(u16::from_ne_bytes([part[0], part[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let part = bytes.get(at..at + 4)?;
    Some(u32::from_ne_bytes([part[0], part[1], part[2], part[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attribute, with the padding after it.
    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn a_new_link_is_told_by_name_and_kind() {
        let mut body = vec![0; 16];
        body.extend(attribute(3, b"veth0\0"));
        body.extend(attribute(18, &attribute(1, b"veth\0")));
        let mut bytes = (HEADER as u32 + body.len() as u32).to_ne_bytes().to_vec();
        bytes.extend(16u16.to_ne_bytes());
        bytes.resize(HEADER, 0);
        bytes.extend(body);
        let found: Vec<_> = messages(&bytes).iter().map(Message::text).collect();
        assert_eq!(found, ["{RTM_NEWLINK, name=veth0, kind=veth}"]);
    }

    #[test]
    fn a_message_that_lies_about_its_length_is_left_alone() {
        assert!(messages(&[255; 20]).is_empty());
        assert!(attributes(&[255; 8]).is_empty());
    }
}
