//! The eight namespaces, and which differ from the host's.

use std::fs;

use anyhow::{Context, Result};
use process::SysResult;
use serde::Serialize;

use crate::table::Table;
use crate::target::Target;

/// namespaces(7). The kernel's names of the links in /proc/PID/ns.
pub const KINDS: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/// One namespace of the target's.
#[derive(Debug, Serialize)]
pub struct Namespace {
    /// Which of the eight.
    pub kind: &'static str,
    /// The inode of the one that `xray` is in.
    pub host: u64,
    /// The inode of the one that the target is in.
    pub container: u64,
    /// Equal inodes are one namespace.
    pub shared: bool,
}

/// All that this kernel has.
pub fn of(target: &Target) -> Result<Vec<Namespace>> {
    let mut namespaces = Vec::new();
    for kind in KINDS {
        // An older kernel has no time namespaces: Linux 5.6.
        let Ok(host) = inode("/proc/self/ns", kind) else {
            continue;
        };
        let container = inode(&target.path("ns").to_string_lossy(), kind)?;
        namespaces.push(Namespace {
            kind,
            host,
            container,
            shared: host == container,
        });
    }
    Ok(namespaces)
}

/// The number in `pid:[4026531836]`.
pub fn inode(directory: &str, kind: &str) -> Result<u64> {
    let path = format!("{directory}/{kind}");
    let link = fs::read_link(&path).syscall("readlink", || format!("{path:?}"))?;
    let link = link.to_string_lossy();
    link.split_once('[')
        .and_then(|(_, inode)| inode.trim_end_matches(']').parse().ok())
        .with_context(|| format!("{path} leads to {link}"))
}

/// Adds them to the table.
pub fn show(namespaces: &[Namespace], table: &mut Table) {
    for namespace in namespaces {
        let container = if namespace.shared {
            "shared".into()
        } else {
            namespace.container.to_string()
        };
        table.pair(namespace.kind, &namespace.host.to_string(), &container);
    }
}
