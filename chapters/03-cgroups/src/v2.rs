//! Version 2: one hierarchy, a file for each limit.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::unistd::{AccessFlags, access};

use crate::controller::Controller;
use crate::file::{make_directory, read, write};
use crate::hierarchy::own_v2_group;
use crate::limits::{IoLimits, Limits, UNCOUNTED_SWAP};
use crate::units::{Cpus, MemorySwap};

/// The group that all of Hull's groups are in, made ready to hand out
/// `controllers`; and what had to be done to processes that are not ours.
// ANCHOR: v2_parent
pub(crate) fn parent(mount: &Path, controllers: &[Controller]) -> Result<(PathBuf, Vec<Notice>)> {
    let base = base(mount)?;
    let parent = base.join("hull");
    // A controller is there in a group only if every group above hands it down.
    let mut notices = enable(&base, controllers)
        .with_context(|| format!("handing controllers down from {base:?}"))?;
    make_directory(&parent)?;
    notices.extend(enable(&parent, controllers)?);
    Ok((parent, notices))
}

fn enable(group: &Path, controllers: &[Controller]) -> Result<Vec<Notice>> {
    let mut notices = Vec::new();
    let enabled = read(group, "cgroup.subtree_control")?;
    for controller in controllers {
        if !enabled.split(' ').any(|name| name == controller.v2_name()) {
            notices.extend(hand_down(group, controller.v2_name())?);
        }
    }
    Ok(notices)
}
// ANCHOR_END: v2_parent

/// One line for the user.
pub(crate) type Notice = String;

// ANCHOR: no_internal_processes
/// "No internal processes": a group that hands controllers down has no
/// processes of its own, the root of all excepted. In a container the root that
/// is seen is not that one, and has processes. They move one level down.
fn hand_down(group: &Path, controller: &str) -> Result<Option<Notice>> {
    let available = read(group, "cgroup.controllers")?;
    ensure!(
        available.split(' ').any(|name| name == controller),
        "the {controller} controller is not handed down to {group:?}, which has: {available}"
    );
    let mut moved = 0;
    // The root of all has no type: cgroups(7).
    if group.join("cgroup.type").exists() {
        let leaf = group.join("hull-neighbours");
        for pid in read(group, "cgroup.procs")?.lines() {
            make_directory(&leaf)?;
            // One that has ended meanwhile is no concern.
            moved += u32::from(write(&leaf, "cgroup.procs", pid).is_ok());
        }
    }
    write(group, "cgroup.subtree_control", &format!("+{controller}"))?;
    Ok((moved > 0).then(|| {
        format!("the processes of {group:?} ({moved}) were moved to its child hull-neighbours, for a group with processes hands no controllers down")
    }))
}
// ANCHOR_END: no_internal_processes

// ANCHOR: base
/// The highest group that this user may make groups in: the root for root; for
/// others what systemd has delegated to them, above their own.
pub(crate) fn base(mount: &Path) -> Result<PathBuf> {
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

/// Writes the limits of `controllers` for one group.
// ANCHOR: v2_limits
pub(crate) fn limit(group: &Path, limits: &Limits, controllers: &[Controller]) -> Result<()> {
    for controller in controllers {
        match controller {
            Controller::Memory => memory(group, limits)?,
            Controller::Cpu => cpu(group, limits)?,
            Controller::Cpuset => {
                if let Some(cpuset) = &limits.cpuset {
                    write(group, "cpuset.cpus", &cpuset.0)?;
                }
            }
            Controller::Pids => {
                if let Some(pids) = limits.pids {
                    write(group, "pids.max", &pids.0.to_string())?;
                }
            }
            Controller::Io => io(group, &limits.io)?,
            // No controllers in version 2.
            Controller::Devices | Controller::Freezer => {}
        }
    }
    Ok(())
}

fn memory(group: &Path, limits: &Limits) -> Result<()> {
    if let Some(memory) = limits.memory {
        write(group, "memory.max", &memory.0.to_string())?;
        let swap = match limits.memory_swap {
            // Else a group over its limit is swapped out, and slows the machine down for all.
            None => String::from("0"),
            Some(MemorySwap::Unlimited) => String::from("max"),
            // Swap alone is counted here, and both together on the command line.
            Some(MemorySwap::Total(total)) => (total.0 - memory.0).to_string(),
        };
        if group.join("memory.swap.max").exists() {
            write(group, "memory.swap.max", &swap)?;
        } else {
            ensure!(limits.memory_swap.is_none(), UNCOUNTED_SWAP);
        }
    }
    if let Some(reservation) = limits.memory_reservation {
        write(group, "memory.low", &reservation.0.to_string())?;
    }
    Ok(())
}

fn cpu(group: &Path, limits: &Limits) -> Result<()> {
    if let Some(cpus) = limits.cpus {
        let max = format!("{} {}", cpus.quota(), Cpus::PERIOD);
        write(group, "cpu.max", &max)?;
    }
    if let Some(shares) = limits.cpu_shares {
        write(group, "cpu.weight", &shares.weight().to_string())?;
    }
    Ok(())
}
// ANCHOR_END: v2_limits

/// A line a disk: cgroup-v2.rst, "IO Interface Files".
// ANCHOR: v2_io
fn io(group: &Path, limits: &IoLimits) -> Result<()> {
    if let Some(weight) = limits.io_weight {
        write(group, "io.weight", &format!("default {}", weight.0))?;
    }
    for (key, disk, rate) in limits.rates() {
        write(group, "io.max", &format!("{disk} {}={rate}", key.v2_name()))?;
    }
    Ok(())
}
// ANCHOR_END: v2_io
