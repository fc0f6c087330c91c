//! What two processes share.

use std::fs;
use std::os::unix::fs::MetadataExt;

use anyhow::{Context, Result};
use cgroups::Membership;
use nix::unistd::Pid;
use process::SysResult;
use serde::Serialize;

use crate::descriptors::links;
use crate::mountinfo::parse;
use crate::namespaces::{KINDS, inode};
use crate::report::SCHEMA;
use crate::section::Section;
use crate::table::{Table, cut};
use crate::target::{Target, command};

/// Two processes, side by side.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The version of these keys.
    pub schema: u32,
    /// Their PIDs on the host.
    pub pids: [i32; 2],
    /// Their command lines.
    pub commands: [String; 2],
    /// Their user IDs on the host.
    pub users: Section<Pair<u32>>,
    /// Their namespaces.
    pub namespaces: Section<Vec<Kind>>,
    /// Their root directories, as device and inode.
    pub root: Section<Pair<String>>,
    /// Layers that both root file systems are made of.
    pub layers: Section<Vec<String>>,
    /// Their control groups, one row a hierarchy.
    pub cgroups: Section<Vec<Hierarchy>>,
    /// Pipes, sockets and the like that both have open.
    pub descriptors: Section<Vec<String>>,
}

/// One thing of both.
#[derive(Debug, Serialize)]
pub struct Pair<T> {
    /// The first process's.
    pub first: T,
    /// The second one's.
    pub second: T,
    /// It is the same.
    pub shared: bool,
}

/// A namespace of both.
#[derive(Debug, Serialize)]
pub struct Kind {
    /// Which of the eight.
    pub kind: &'static str,
    /// Their inodes.
    #[serde(flatten)]
    pub inodes: Pair<u64>,
}

/// A control group of both.
#[derive(Debug, Serialize)]
pub struct Hierarchy {
    /// 1 or 2.
    pub version: u8,
    /// The controllers of the hierarchy; in version 2 those of the first process's group.
    pub controllers: Vec<String>,
    /// Their groups.
    #[serde(flatten)]
    pub paths: Pair<String>,
}

impl<T: PartialEq> Pair<T> {
    fn of(first: T, second: T) -> Self {
        let shared = first == second;
        Self {
            first,
            second,
            shared,
        }
    }
}

impl Comparison {
    /// Looks at both.
    pub fn of(first: &Target, second: &Target) -> Self {
        let users = || Ok(Pair::of(first.status()?.ruid, second.status()?.ruid));
        let root = || Ok(Pair::of(root(first)?, root(second)?));
        let layers = || {
            let others = layers(second)?;
            let mut layers = layers(first)?;
            layers.retain(|layer| others.contains(layer));
            Ok(layers)
        };
        Self {
            schema: SCHEMA,
            pids: [first.pid, second.pid],
            commands: [command(first.pid), command(second.pid)],
            users: users().into(),
            namespaces: namespaces(first, second).into(),
            root: root().into(),
            layers: layers().into(),
            cgroups: cgroups(first.pid, second.pid).into(),
            descriptors: descriptors(first, second).into(),
        }
    }

    /// As text for a terminal.
    pub fn table(&self) -> String {
        let mut table = Table::default();
        for (pid, command) in self.pids.iter().zip(&self.commands) {
            table.line(&cut(&format!("process {pid}: {command}"), 80));
        }
        let [first, second] = self.pids.map(|pid| pid.to_string());
        let columns = |heading: &str| format!("{heading:16}{first:30}{second}");
        self.users
            .show(&mut table, &columns("IDS"), |users, table| {
                users.row("user", table)
            });
        self.namespaces
            .show(&mut table, &columns("NAMESPACES"), |kinds, table| {
                kinds
                    .iter()
                    .for_each(|kind| kind.inodes.row(kind.kind, table));
            });
        self.root
            .show(&mut table, &columns("FILES"), |root, table| {
                root.row("root", table)
            });
        if let Section::Read(layers) = &self.layers {
            layers
                .iter()
                .for_each(|layer| table.list("both have", [layer.clone()]));
        }
        self.cgroups
            .show(&mut table, &columns("CONTROL GROUPS"), |groups, table| {
                for group in groups {
                    let label = match group.version {
                        2 => "version 2".into(),
                        _ => group.controllers.join(","),
                    };
                    group.paths.row(&label, table);
                }
            });
        self.descriptors
            .show(&mut table, "DESCRIPTORS", |shared, table| {
                match shared.len() {
                    0 => table.line("  none is open in both"),
                    _ => table.list("both have", shared.clone()),
                }
            });
        table.finish()
    }
}

impl<T: ToString> Pair<T> {
    fn row(&self, label: &str, table: &mut Table) {
        let second = if self.shared {
            "shared".into()
        } else {
            self.second.to_string()
        };
        table.pair(label, &self.first.to_string(), &second);
    }
}

fn namespaces(first: &Target, second: &Target) -> Result<Vec<Kind>> {
    let of = |target: &Target, kind| inode(&target.path("ns").to_string_lossy(), kind);
    KINDS
        .iter()
        .filter(|kind| fs::exists(format!("/proc/self/ns/{kind}")).unwrap_or(false))
        .map(|kind| {
            Ok(Kind {
                kind,
                inodes: Pair::of(of(first, kind)?, of(second, kind)?),
            })
        })
        .collect()
}

/// The link in /proc leads to the directory itself, whatever its path means here.
fn root(target: &Target) -> Result<String> {
    let path = target.path("root");
    let found = fs::metadata(&path).syscall("stat", || format!("{path:?}"))?;
    let (major, minor) = (
        nix::sys::stat::major(found.dev()),
        nix::sys::stat::minor(found.dev()),
    );
    Ok(format!("{major}:{minor} inode {}", found.ino()))
}

fn layers(target: &Target) -> Result<Vec<String>> {
    let mounts = parse(&target.read("mountinfo")?);
    let root = mounts.iter().rfind(|mount| mount.point == "/");
    let layers = root.and_then(|mount| mount.layers());
    Ok(layers.map_or_else(Vec::new, |layers| layers.lower))
}

fn cgroups(first: i32, second: i32) -> Result<Vec<Hierarchy>> {
    let (first, second) = (
        Membership::of(Pid::from_raw(first))?,
        Membership::of(Pid::from_raw(second))?,
    );
    first
        .groups()
        .iter()
        .map(|group| {
            let mut others = second.groups().iter();
            let other = others
                .find(|other| other.is_v2 == group.is_v2 && other.controllers == group.controllers)
                .or_else(|| {
                    second
                        .groups()
                        .iter()
                        .find(|other| other.is_v2 && group.is_v2)
                })
                .context("a hierarchy was mounted or unmounted meanwhile")?;
            Ok(Hierarchy {
                version: if group.is_v2 { 2 } else { 1 },
                controllers: group.controllers.clone(),
                paths: Pair::of(group.path.clone(), other.path.clone()),
            })
        })
        .collect()
}

fn descriptors(first: &Target, second: &Target) -> Result<Vec<String>> {
    // An unreadable directory would look like an empty one.
    for target in [first, second] {
        let path = target.path("fd");
        fs::read_dir(&path).syscall("opendir", || format!("{path:?}"))?;
    }
    let (first, second) = (links(first.pid), links(second.pid));
    let shared = first.intersection(&second);
    // A path is the same text on both sides, and may be two files.
    Ok(shared
        .filter(|link| !link.starts_with('/'))
        .cloned()
        .collect())
}
