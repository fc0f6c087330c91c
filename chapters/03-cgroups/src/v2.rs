//! Version 2: one hierarchy, a file for each limit.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use crate::controller::Controller;
use crate::file::{make_directory, read, write};
use crate::hierarchy::own_v2_group;
use crate::limits::Limits;
use crate::units::Cpus;

/// The group that all of Hull's groups are in, made ready to hand out `controllers`.
// ANCHOR: v2_parent
pub(crate) fn parent(mount: &Path, controllers: &[Controller]) -> Result<PathBuf> {
    let base = base(mount)?;
    let parent = base.join("hull");
    // A controller is there in a group only if every group above hands it down.
    enable(&base, controllers)
        .with_context(|| format!("handing controllers down from {base:?}"))?;
    make_directory(&parent)?;
    enable(&parent, controllers)?;
    Ok(parent)
}

fn enable(group: &Path, controllers: &[Controller]) -> Result<()> {
    let enabled = read(group, "cgroup.subtree_control")?;
    for controller in controllers {
        if !enabled.split(' ').any(|name| name == controller.v2_name()) {
            hand_down(group, controller.v2_name())?;
        }
    }
    Ok(())
}
// ANCHOR_END: v2_parent

// ANCHOR: no_internal_processes
/// "No internal processes": a group that hands controllers down has no
/// processes of its own, the root of all excepted. In a container the root that
/// is seen is not that one, and has processes. They move one level down.
fn hand_down(group: &Path, controller: &str) -> Result<()> {
    let value = format!("+{controller}");
    match write(group, "cgroup.subtree_control", &value) {
        Err(failed) if failed.errno == Errno::EBUSY && group.join("cgroup.type").exists() => {
            let leaf = group.join("hull-neighbours");
            make_directory(&leaf)?;
            for pid in read(group, "cgroup.procs")?.lines() {
                // One that has ended meanwhile is no concern.
                let _ = write(&leaf, "cgroup.procs", pid);
            }
            Ok(write(group, "cgroup.subtree_control", &value)?)
        }
        result => Ok(result?),
    }
}
// ANCHOR_END: no_internal_processes

// ANCHOR: base
/// The highest group that this user may make groups in: the root for root; for
/// others what systemd has delegated to them, above their own.
fn base(mount: &Path) -> Result<PathBuf> {
    let own = mount.join(own_v2_group()?);
    let mut candidates: Vec<_> = own
        .ancestors()
        .take_while(|group| group.starts_with(mount))
        .collect();
    candidates.reverse();
    let writable =
        |group: &&&Path| access(&group.join("cgroup.subtree_control"), AccessFlags::W_OK).is_ok();
    Ok(candidates
        .iter()
        .find(writable)
        .map_or(mount, |group| group)
        .to_owned())
}
// ANCHOR_END: base

/// Writes the limits of one group.
// ANCHOR: v2_limits
pub(crate) fn limit(group: &Path, limits: &Limits) -> Result<()> {
    if let Some(memory) = limits.memory {
        write(group, "memory.max", &memory.0.to_string())?;
        // Else a group over its limit is swapped out, and slows the machine down
        // for all. The file is there only where the kernel can swap.
        if group.join("memory.swap.max").exists() {
            write(group, "memory.swap.max", "0")?;
        }
    }
    if let Some(cpus) = limits.cpus {
        write(
            group,
            "cpu.max",
            &format!("{} {}", cpus.quota(), Cpus::PERIOD),
        )?;
    }
    if let Some(cpuset) = &limits.cpuset {
        write(group, "cpuset.cpus", &cpuset.0)?;
    }
    if let Some(pids) = limits.pids {
        write(group, "pids.max", &pids.0.to_string())?;
    }
    if let Some(weight) = limits.io_weight {
        write(group, "io.weight", &format!("default {}", weight.0))?;
    }
    Ok(())
}
// ANCHOR_END: v2_limits
