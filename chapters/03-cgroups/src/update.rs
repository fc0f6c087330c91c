//! Other limits for a group that is in use.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;

use crate::cgroup::Cgroup;
use crate::file::{read, write};
use crate::hierarchy::{Hierarchies, Hierarchy};
use crate::limits::Limits;
use crate::v2;

impl Cgroup {
    /// Sets the limits that are given, and leaves the others as they are.
    ///
    /// # Errors
    /// As [`Self::create`]; EBUSY where version 1 cannot bring memory below
    /// the new limit. Those that come before the one that fails are set.
    pub fn update(&mut self, limits: &Limits) -> Result<()> {
        limits.check()?;
        ensure!(
            limits.device_cgroup_rule.is_empty(),
            "--device-cgroup-rule: devices are decided about when a container starts"
        );
        let hierarchies = Hierarchies::find()?;
        let before: Vec<_> = self.paths().map(Path::to_owned).collect();
        let in_v2 = self.limit_in_v1(&hierarchies, limits)?;
        // Version 1: a limit on something new is a group in one more hierarchy.
        if let Some(members) = before.first() {
            for group in self
                .paths()
                .filter(|path| !before.iter().any(|old| old == path))
            {
                join(members, group)?;
            }
        }
        if let Some(Hierarchy::V2(mount)) = hierarchies.v2()
            && !in_v2.is_empty()
        {
            let (_, notices) = v2::parent(&mount, &in_v2)?;
            self.notices.extend(notices);
            let group = self.paths().find(|group| group.starts_with(&mount));
            v2::limit(
                group.context("there is no group of version 2")?,
                limits,
                &in_v2,
            )?;
        }
        Ok(())
    }
}

/// Moves all that are in one group into another. One that forks meanwhile has
/// a child in the old one, so it looks again until there is nobody new.
fn join(members: &Path, group: &Path) -> Result<()> {
    loop {
        let there = read(group, "cgroup.procs")?;
        let is_there = |pid: &&str| there.lines().any(|other| other == *pid);
        let all = read(members, "cgroup.procs")?;
        let missing: Vec<_> = all.lines().filter(|pid| !is_there(pid)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        for pid in missing {
            match write(group, "cgroup.procs", pid) {
                // It has ended.
                Err(failed) if failed.errno == Errno::ESRCH => {}
                written => written?,
            }
        }
    }
}
