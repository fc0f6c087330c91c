//! The process tree, with the PIDs on both sides.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::Result;
use serde::Serialize;

use crate::table::{Table, cut};
use crate::target::{Target, children, command, read, status};

/// One process of the tree.
#[derive(Debug, Serialize)]
pub struct Branch {
    /// Its PID on the host.
    pub host_pid: i32,
    /// Its PID in the container's PID namespace; none when it is not in there.
    pub container_pid: Option<i32>,
    /// Its parent's PID on the host.
    pub parent: i32,
    /// How many of its ancestors are listed above it.
    pub depth: usize,
    /// Its command line.
    pub command: String,
}

/// The processes of the target's PID namespace, below the process that
/// started them. In the host's own PID namespace: the target and its descendants.
pub fn of(target: &Target) -> Result<Vec<Branch>> {
    let level = target.pids()?.len() - 1;
    let mut members = BTreeSet::from([target.pid]);
    if level > 0 {
        members.extend(same_namespace(target.pid));
    }
    let mut open: Vec<_> = members.iter().copied().collect();
    while let Some(pid) = open.pop() {
        open.extend(children(pid).into_iter().filter(|pid| members.insert(*pid)));
    }
    let mut parents: BTreeMap<_, _> = members
        .iter()
        .filter_map(|pid| Some((*pid, parent(*pid)?)))
        .collect();
    // The one that waits for the container is the link to the rest of the host.
    let above = parents.get(&first(&parents, target.pid)).copied();
    if let Some(above) = above.filter(|pid| *pid > 0) {
        parents.insert(above, parent(above).unwrap_or(0));
    }
    let mut branches = Vec::new();
    let roots: Vec<_> = parents
        .iter()
        .filter(|(_, parent)| !parents.contains_key(parent))
        .map(|(pid, _)| *pid)
        .collect();
    for root in roots {
        grow(root, 0, level, &parents, &mut branches);
    }
    Ok(branches)
}

/// The topmost ancestor that is a member, too.
fn first(parents: &BTreeMap<i32, i32>, pid: i32) -> i32 {
    let mut first = pid;
    while let Some(parent) = parents.get(&first).filter(|pid| parents.contains_key(pid)) {
        first = *parent;
    }
    first
}

fn grow(
    pid: i32,
    depth: usize,
    level: usize,
    parents: &BTreeMap<i32, i32>,
    branches: &mut Vec<Branch>,
) {
    let pids = status(pid).ok().and_then(|status| status.nspid);
    // One that ended meanwhile has no status.
    if let Some(pids) = pids {
        branches.push(Branch {
            host_pid: pid,
            container_pid: pids.get(level).copied(),
            parent: parents[&pid],
            depth,
            command: command(pid),
        });
    }
    let below = parents.iter().filter(|(_, parent)| **parent == pid);
    for (child, _) in below {
        grow(*child, depth + 1, level, parents, branches);
    }
}

/// Every process of the same PID namespace that this user may look at. One
/// that was sent in from outside, as nsenter(1) does, is nobody's descendant there.
fn same_namespace(pid: i32) -> Vec<i32> {
    let namespace = |pid: i32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let Some(own) = namespace(pid) else {
        return Vec::new();
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| namespace(*pid).as_ref() == Some(&own))
        .collect()
}

/// proc_pid_stat(5), field 4. The name before it may have anything in it.
pub fn parent(pid: i32) -> Option<i32> {
    let stat = read(pid, "stat").ok()?;
    let fields = stat.rsplit_once(')')?.1;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// Adds the tree to the table.
pub fn show(branches: &[Branch], table: &mut Table) {
    table.line(&format!("  {:>7}  {:>9}  COMMAND", "HOST", "CONTAINER"));
    for branch in branches {
        let inside = branch
            .container_pid
            .map_or_else(|| "-".into(), |pid| pid.to_string());
        let indent = "  ".repeat(branch.depth);
        let command = cut(&branch.command, 58_usize.saturating_sub(indent.len()));
        table.line(&format!(
            "  {:>7}  {inside:>9}  {indent}{command}",
            branch.host_pid
        ));
    }
}
