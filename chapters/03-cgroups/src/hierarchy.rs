//! Where cgroups are mounted here: version 2, version 1, or both.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use process::SysResult;

use crate::controller::Controller;
use crate::{file, v2};

/// The cgroup file systems of this mount namespace.
#[derive(Debug, Default)]
pub(crate) struct Hierarchies {
    /// Where version 2 is mounted.
    v2: Option<PathBuf>,
    /// The controllers of each version 1 hierarchy, and where it is mounted.
    v1: Vec<(Vec<String>, PathBuf)>,
    /// /proc/self/cgroup: the group of this process in each of them.
    own: String,
}

/// One hierarchy that has what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// Version 2, mounted there.
    V2(PathBuf),
    /// Version 1: the group of this process in it.
    V1(PathBuf),
}

impl Hierarchies {
    /// Reads the mount table: cgroups(7).
    pub(crate) fn find() -> Result<Self> {
        let read = |path: &str| fs::read_to_string(path).syscall("read", || format!("{path:?}"));
        Ok(Self::parse(
            &read("/proc/self/mountinfo")?,
            read("/proc/self/cgroup")?,
        ))
    }

    fn parse(mountinfo: &str, own: String) -> Self {
        let mut found = Self {
            own,
            ..Self::default()
        };
        for line in mountinfo.lines() {
            let Some((mount, kind)) = line.split_once(" - ") else {
                continue;
            };
            let Some(point) = mount.split(' ').nth(4).map(PathBuf::from) else {
                continue;
            };
            match kind.split(' ').collect::<Vec<_>>()[..] {
                ["cgroup2", ..] => found.v2 = found.v2.or(Some(point)),
                ["cgroup", _, options] => {
                    found
                        .v1
                        .push((options.split(',').map(str::to_owned).collect(), point));
                }
                _ => {}
            }
        }
        found
    }

    // ANCHOR: hierarchy
    /// The hierarchy that has `controller`; `None` when this machine lacks it.
    pub(crate) fn of(&self, controller: Controller) -> Option<Hierarchy> {
        let v2 = self.v2.as_ref().filter(|mount| {
            let controllers = file::read(mount, "cgroup.controllers").unwrap_or_default();
            controllers
                .split(' ')
                .any(|name| name == controller.v2_name())
        });
        if let Some(mount) = v2 {
            return Some(Hierarchy::V2(mount.clone()));
        }
        let name = controller.v1_name();
        let (_, mount) = self
            .v1
            .iter()
            .find(|(names, _)| names.iter().any(|other| other == name))?;
        Some(Hierarchy::V1(self.own_group(name, mount)))
    }
    // ANCHOR_END: hierarchy

    /// Version 2, whatever controllers it has: it can freeze and kill without any.
    pub(crate) fn v2(&self) -> Option<Hierarchy> {
        self.v2.clone().map(Hierarchy::V2)
    }

    /// Every group that earlier runs of this caller have left groups in.
    pub(crate) fn groups_of_hull(&self) -> Vec<PathBuf> {
        let v1 = self
            .v1
            .iter()
            .filter_map(|(names, mount)| Some(self.own_group(names.last()?, mount)));
        let v2 = self
            .v2
            .iter()
            .flat_map(|mount| [Some(mount.clone()), v2::base(mount).ok()])
            .flatten();
        v1.chain(v2)
            .map(|group| group.join("hull"))
            .filter(|group| has_groups_below(group))
            .collect()
    }

    /// What is said when a controller is missing.
    pub(crate) fn describe(&self) -> String {
        let v2 = self
            .v2
            .as_ref()
            .map(|mount| file::read(mount, "cgroup.controllers").unwrap_or_default());
        let v1: Vec<_> = self
            .v1
            .iter()
            .map(|(names, _)| names.last().map_or("", String::as_str))
            .collect();
        match (v2, v1.is_empty()) {
            (None, true) => "no cgroup file system is mounted".into(),
            (None, false) => format!("version 1 has {}", v1.join(", ")),
            (Some(v2), true) => format!("version 2 has {v2}"),
            (Some(v2), false) => format!("version 1 has {}; version 2 has {v2}", v1.join(", ")),
        }
    }

    /// In version 1 groups nest below the caller's, which may itself be limited.
    fn own_group(&self, name: &str, mount: &Path) -> PathBuf {
        let line = self.own.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            controllers
                .split(',')
                .any(|other| other == name)
                .then_some(path)
        });
        let group = mount.join(line.unwrap_or("/").trim_start_matches('/'));
        // In a container the path is the host's, and the mount shows the container's part of it.
        if group.is_dir() {
            group
        } else {
            mount.to_owned()
        }
    }
}

/// stat(2): a directory has two links, and one more for each directory in it.
fn has_groups_below(group: &Path) -> bool {
    fs::metadata(group).is_ok_and(|found| found.is_dir() && found.nlink() > 2)
}

/// The group of this process in version 2, relative to the mount.
pub(crate) fn own_v2_group() -> Result<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").context("reading /proc/self/cgroup")?;
    let path = own
        .lines()
        .find_map(|line| line.strip_prefix("0::/"))
        .unwrap_or("");
    Ok(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /cg/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /cg/memory rw,relatime shared:7 - cgroup cgroup rw,memory
41 31 0:38 / /cg/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn a_version_1_controller_is_found_by_its_mount_option() {
        let found = Hierarchies::parse(HYBRID, "3:memory:/a\n2:cpu,cpuacct:/b\n0::/\n".into());
        assert_eq!(
            found.of(Controller::Cpu),
            Some(Hierarchy::V1("/cg/cpu".into()))
        );
        assert_eq!(
            found.of(Controller::Memory),
            Some(Hierarchy::V1("/cg/memory".into()))
        );
        assert_eq!(found.of(Controller::Pids), None);
        assert_eq!(found.v2(), Some(Hierarchy::V2("/cg/unified".into())));
    }

    #[test]
    fn version_2_is_preferred_where_it_has_the_controller() {
        let mount = tempfile::tempdir().unwrap();
        fs::write(
            mount.path().join("cgroup.controllers"),
            "cpuset cpu io memory pids\n",
        )
        .unwrap();
        let line = format!(
            "41 31 0:38 / {} rw - cgroup2 cgroup2 rw\n",
            mount.path().display()
        );
        let found = Hierarchies::parse(&line, "0::/\n".into());
        assert_eq!(
            found.of(Controller::Io),
            Some(Hierarchy::V2(mount.path().to_owned()))
        );
        assert!(
            found
                .describe()
                .contains("version 2 has cpuset cpu io memory pids")
        );
    }
}
