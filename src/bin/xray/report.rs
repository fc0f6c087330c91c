//! Everything about one process. As JSON its fields are the keys, which
//! book/src/xray.md documents; a key is added, and none is renamed.

use serde::Serialize;

use crate::capabilities::{self, Capabilities};
use crate::cgroup::{self, Cgroup};
use crate::descriptors::{self, Descriptor};
use crate::ids::{self, Ids};
use crate::mounts::{self, Mounts};
use crate::namespaces::{self, Namespace};
use crate::net::{self, Network};
use crate::seccomp::{self, Seccomp};
use crate::section::Section;
use crate::table::{Table, cut};
use crate::target::{Runtime, Target, command};
use crate::tree::{self, Branch};

/// The version of the keys. It grows when one changes its meaning.
pub const SCHEMA: u32 = 1;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The version of these keys.
    pub schema: u32,
    /// The process, on the host.
    pub pid: i32,
    /// Its command line.
    pub command: String,
    /// The program that was named in its place.
    pub runtime: Option<Runtime>,
    /// Why not everything could be read, where the cause was found.
    pub hint: Option<String>,
    /// The process tree.
    pub processes: Section<Vec<Branch>>,
    /// User and group IDs.
    pub ids: Section<Ids>,
    /// Namespaces.
    pub namespaces: Section<Vec<Namespace>>,
    /// Mounts.
    pub mounts: Section<Mounts>,
    /// Control groups.
    pub cgroup: Section<Cgroup>,
    /// The network.
    pub network: Section<Network>,
    /// Capabilities.
    pub capabilities: Section<Capabilities>,
    /// The system-call filter.
    pub seccomp: Section<Seccomp>,
    /// Open descriptors.
    pub descriptors: Section<Vec<Descriptor>>,
}

impl Report {
    /// Looks at all of it; with `filter`, at the length of the filters too.
    pub fn of(target: &Target, filter: bool) -> Self {
        let mut report = Self {
            schema: SCHEMA,
            pid: target.pid,
            command: command(target.pid),
            runtime: target.runtime.clone(),
            hint: None,
            processes: tree::of(target).into(),
            ids: ids::of(target).into(),
            namespaces: namespaces::of(target).into(),
            mounts: mounts::of(target).into(),
            cgroup: cgroup::of(target).into(),
            network: net::of(target).into(),
            capabilities: capabilities::of(target).into(),
            seccomp: seccomp::of(target, filter).into(),
            descriptors: descriptors::of(target).into(),
        };
        report.hint = report.find_hint(target);
        report
    }

    /// Not everything could be read: is the process another user's?
    fn find_hint(&self, target: &Target) -> Option<String> {
        let all_read = self.namespaces.read().is_some()
            && self.mounts.read().is_some()
            && self.descriptors.read().is_some();
        let own = nix::unistd::geteuid();
        if all_read || own.is_root() {
            return None;
        }
        let owner = target.status().ok()?.ruid;
        Some(if owner == own.as_raw() {
            format!(
                "process {} is this user's, but has rights that this user has not, or was made undumpable",
                target.pid
            )
        } else {
            format!(
                "process {} belongs to user {owner}, and this is user {own}; root may read all of it: {}",
                target.pid,
                process::sudo_line()
            )
        })
    }

    /// As text for a terminal.
    pub fn table(&self) -> String {
        let mut table = Table::default();
        table.line(&cut(&format!("process {}: {}", self.pid, self.command), 80));
        if let Some(runtime) = &self.runtime {
            table.line(&format!(
                "the container of {} ({})",
                runtime.pid, runtime.name
            ));
        }
        if let Some(hint) = &self.hint {
            table.list_at(2, "", [hint.clone()]);
        }
        self.processes
            .show(&mut table, "PROCESSES", |all, table| tree::show(all, table));
        let columns = format!("{:16}{:30}{}", "IDS", "HOST", "CONTAINER");
        self.ids.show(&mut table, &columns, ids::show);
        let columns = format!("{:16}{:30}{}", "NAMESPACES", "HOST", "CONTAINER");
        self.namespaces.show(&mut table, &columns, |all, table| {
            namespaces::show(all, table)
        });
        self.mounts.show(&mut table, "MOUNTS", mounts::show);
        self.cgroup.show(&mut table, "CONTROL GROUPS", cgroup::show);
        self.network.show(&mut table, "NETWORK", net::show);
        self.capabilities
            .show(&mut table, "CAPABILITIES", capabilities::show);
        self.seccomp.show(&mut table, "SYSTEM CALLS", seccomp::show);
        self.descriptors
            .show(&mut table, "DESCRIPTORS", |all, table| {
                descriptors::show(all, table)
            });
        table.finish()
    }
}
