//! Open descriptors, and which of them lead out of the container.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Result;
use process::SysResult;
use serde::Serialize;

use crate::mountinfo::parse;
use crate::namespaces::inode;
use crate::table::Table;
use crate::target::{Target, read};
use crate::tree::parent;

/// One descriptor; or a directory that a process holds without one.
#[derive(Debug, Serialize)]
pub struct Descriptor {
    /// Its number; or `cwd`, or `exe`.
    pub name: String,
    /// What /proc/PID/fd says: a path, or the kind and its inode.
    pub leads_to: String,
    /// `r`, `w` or `rw`.
    pub access: Option<&'static str>,
    /// Why it leads outside; none when nothing says so.
    pub outside: Option<String>,
}

/// Reads them.
pub fn of(target: &Target) -> Result<Vec<Descriptor>> {
    let mounts = parse(&target.read("mountinfo")?);
    let mounts: BTreeSet<_> = mounts.iter().map(|mount| mount.id).collect();
    let path = target.path("fd");
    let numbers = fs::read_dir(&path).syscall("opendir", || format!("{path:?}"))?;
    let mut numbers: Vec<u32> = numbers
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let outside = Outside::of(target);
    let mut descriptors = Vec::new();
    for held in ["cwd", "exe"] {
        descriptors.extend(held_directory(target, held, &mounts));
    }
    for number in numbers {
        // One that was closed meanwhile is no concern.
        let Ok(link) = fs::read_link(path.join(number.to_string())) else {
            continue;
        };
        let leads_to = link.to_string_lossy().into_owned();
        let info = target.read(&format!("fdinfo/{number}")).unwrap_or_default();
        let hidden = is_file(&leads_to) && mount_id(&info).is_some_and(|id| !mounts.contains(&id));
        descriptors.push(Descriptor {
            name: number.to_string(),
            outside: if hidden {
                Some(NOT_MOUNTED.into())
            } else {
                outside.holder(&leads_to)
            },
            access: access(&info),
            leads_to,
        });
    }
    Ok(descriptors)
}

const NOT_MOUNTED: &str = "a file of no mount that the container has";

/// No path has a colon before its first slash; `pipe:[1]` and the like have. A memfd is no mount's file.
fn is_file(leads_to: &str) -> bool {
    leads_to.starts_with('/') && !leads_to.starts_with("/memfd:")
}

/// proc_pid_fdinfo(5).
fn mount_id(info: &str) -> Option<u64> {
    info.lines()
        .find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok())
}

/// open(2): the lowest two bits of the flags, which are printed in octal.
fn access(info: &str) -> Option<&'static str> {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    let flags = u32::from_str_radix(flags.trim(), 8).ok()?;
    ["r", "w", "rw"].get(flags as usize & 3).copied()
}

/// The working directory and the program are held without a descriptor. The
/// working directory of a careless runtime was on the host: CVE-2024-21626.
fn held_directory(target: &Target, name: &str, mounts: &BTreeSet<u64>) -> Option<Descriptor> {
    let path = target.path(name);
    let leads_to = fs::read_link(&path).ok()?.to_string_lossy().into_owned();
    // The link in /proc leads to the very file, and our own descriptor of it tells the mount.
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH)
        .open(&path)
        .ok()?;
    let own = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).ok()?;
    let hidden = is_file(&leads_to) && mount_id(&own).is_some_and(|id| !mounts.contains(&id));
    Some(Descriptor {
        name: name.to_owned(),
        leads_to,
        access: None,
        outside: hidden.then(|| NOT_MOUNTED.to_owned()),
    })
}

/// What the ancestors outside hold open: a runtime, its shell, its terminal.
struct Outside(Vec<(i32, BTreeSet<String>)>);

impl Outside {
    fn of(target: &Target) -> Self {
        let namespace = |pid: i32| inode(&format!("/proc/{pid}/ns"), "pid").ok();
        let own = namespace(target.pid);
        let above = |pid: &i32| parent(*pid).filter(|pid| *pid > 1);
        let mut found = Vec::new();
        for pid in std::iter::successors(above(&target.pid), above) {
            if own.is_some() && namespace(pid) == own && namespace(std::process::id() as i32) != own
            {
                continue;
            }
            found.push((pid, links(pid)));
        }
        Self(found)
    }

    /// The nearest of them that has the same pipe or socket.
    fn holder(&self, leads_to: &str) -> Option<String> {
        let is_line = leads_to.starts_with("pipe:") || leads_to.starts_with("socket:");
        let (pid, _) = self
            .0
            .iter()
            .find(|(_, links)| is_line && links.contains(leads_to))?;
        let name = read(*pid, "comm").unwrap_or_default();
        Some(format!("{pid} ({}) has it open too", name.trim_end()))
    }
}

/// What the descriptors of a process lead to. Nothing where this user may not look.
pub fn links(pid: i32) -> BTreeSet<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd"));
    entries
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            Some(
                fs::read_link(entry.path())
                    .ok()?
                    .to_string_lossy()
                    .into_owned(),
            )
        })
        .collect()
}

/// Adds to the table those that lead outside, and counts the others.
pub fn show(descriptors: &[Descriptor], table: &mut Table) {
    let mut count = 0;
    for descriptor in descriptors {
        let Some(why) = &descriptor.outside else {
            continue;
        };
        let access = descriptor.access.unwrap_or_default();
        let mut words = vec![descriptor.leads_to.clone()];
        if why != NOT_MOUNTED {
            words.push(format!("({why})"));
        }
        table.list(&format!("{:3} {access}", descriptor.name), words);
        count += 1;
    }
    let all = descriptors.len();
    table.line(&format!("  {count} of {all} lead out of the container"));
}
