//! The groups that a process is in, whoever made them. They are only looked at.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::unistd::Pid;
use process::SysResult;

use crate::file::read;
use crate::in_force::{self, LimitsInForce};
use crate::pressure::{self, Pressure};
use crate::usage::{self, Usage};

/// The groups of one process: /proc/PID/cgroup in cgroups(7).
#[derive(Debug, Clone)]
pub struct Membership {
    groups: Vec<Member>,
}

/// Its group in one hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The hierarchy is version 2.
    pub is_v2: bool,
    /// The controllers of the hierarchy; in version 2, those that the group has.
    pub controllers: Vec<String>,
    /// Its path, as seen from this process's cgroup namespace.
    pub path: String,
    /// Where it can be read; `None` where no mount here shows it.
    pub directory: Option<PathBuf>,
}

impl Membership {
    /// Reads them, of any process.
    ///
    /// # Errors
    /// When there is no such process, and when the mounts of this one cannot be read.
    pub fn of(pid: Pid) -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).syscall("read", || format!("{path:?}"));
        let mounts = read("/proc/self/mountinfo")?;
        let groups = read(&format!("/proc/{pid}/cgroup"))?;
        let groups = groups.lines().filter_map(|line| member(line, &mounts));
        Ok(Self {
            groups: groups.collect(),
        })
    }

    /// One a hierarchy.
    pub fn groups(&self) -> &[Member] {
        &self.groups
    }

    /// Those that another process is not in.
    pub fn without(&self, other: &Self) -> Self {
        let mut groups = self.groups.clone();
        groups.retain(|group| !other.groups.iter().any(|other| other.is_same(group)));
        Self { groups }
    }

    /// What they have used.
    pub fn usage(&self) -> Usage {
        usage::of(self.directories())
    }

    /// How short they are of each resource.
    pub fn pressure(&self) -> Pressure {
        pressure::of(self.directories())
    }

    /// The limits that are set on them. Those of groups further up hold too, and are not read.
    pub fn limits(&self) -> LimitsInForce {
        in_force::of(self.directories())
    }

    fn directories(&self) -> impl Iterator<Item = &Path> + Clone {
        self.groups
            .iter()
            .filter_map(|group| group.directory.as_deref())
    }
}

impl Member {
    /// The group of the same hierarchy, and the same one.
    fn is_same(&self, other: &Self) -> bool {
        let hierarchy = if self.is_v2 {
            other.is_v2
        } else {
            self.controllers == other.controllers
        };
        hierarchy && self.path == other.path
    }
}

/// `NUMBER:CONTROLLERS:PATH`; version 2 has the number 0 and names no controllers.
fn member(line: &str, mounts: &str) -> Option<Member> {
    let (number, rest) = line.split_once(':')?;
    let (names, path) = rest.split_once(':')?;
    let is_v2 = number == "0" && names.is_empty();
    let directory = mounts
        .lines()
        .find_map(|mount| directory(mount, is_v2, names, path));
    let controllers = if is_v2 {
        let directory = directory.as_deref().unwrap_or(Path::new("/"));
        let own = read(directory, "cgroup.controllers").unwrap_or_default();
        own.split_whitespace().map(str::to_owned).collect()
    } else {
        names.split(',').map(str::to_owned).collect()
    };
    Some(Member {
        is_v2,
        controllers,
        path: path.to_owned(),
        directory,
    })
}

/// Where a mount of its hierarchy shows the group.
fn directory(mount: &str, is_v2: bool, names: &str, path: &str) -> Option<PathBuf> {
    let (mount, kind) = mount.split_once(" - ")?;
    let words: Vec<_> = mount.split(' ').collect();
    let of_hierarchy = match kind.split(' ').collect::<Vec<_>>()[..] {
        ["cgroup2", ..] => is_v2,
        // A hierarchy without controllers has a name in its place.
        ["cgroup", _, options] => {
            !is_v2
                && names
                    .split(',')
                    .all(|name| options.split(',').any(|option| option == name))
        }
        _ => false,
    };
    if !of_hierarchy {
        return None;
    }
    // A mount in a container shows a part of the hierarchy: its fourth field.
    let below = Path::new(path).strip_prefix(words.get(3)?).ok()?;
    Some(Path::new(words.get(4)?).join(below)).filter(|directory| directory.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_in_one_group_of_each_hierarchy_and_in_none_that_it_is_not_in() {
        let own = Membership::of(Pid::this()).expect("the groups of this process");
        assert!(!own.groups().is_empty());
        assert!(own.without(&own).groups().is_empty());
        assert_eq!(own.without(&own).usage(), Usage::default());
    }

    #[test]
    fn the_line_of_version_1_names_its_controllers() {
        let found = member("4:cpu,cpuacct:/a/b", "").expect("a group");
        assert_eq!(found.controllers, ["cpu", "cpuacct"]);
        assert_eq!((found.path.as_str(), found.is_v2), ("/a/b", false));
        assert!(member("0::/x", "").expect("a group").is_v2);
        assert_eq!(member("nonsense", ""), None);
    }
}
