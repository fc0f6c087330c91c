//! Version 1: a hierarchy for each controller, with other names and other units.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::controller::Controller;
use crate::file::{make_directory, read, write};
use crate::limits::Limits;
use crate::units::Cpus;

/// The group that all of Hull's groups are in, below the caller's own.
pub(crate) fn parent(own: &Path, controller: Controller) -> Result<PathBuf> {
    let parent = own.join("hull");
    make_directory(&parent)?;
    if controller == Controller::Cpuset {
        inherit_cpuset(own, &parent)?;
    }
    Ok(parent)
}

// ANCHOR: v1_cpuset
/// A new group of version 1 has no processors and no memory nodes, and takes no process until it has both.
fn inherit_cpuset(from: &Path, to: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if read(to, file)?.is_empty() {
            write(to, file, &read(from, file)?)?;
        }
    }
    Ok(())
}
// ANCHOR_END: v1_cpuset

/// Writes the limit of one controller.
pub(crate) fn limit(group: &Path, controller: Controller, limits: &Limits) -> Result<()> {
    match controller {
        Controller::Memory => {
            let bytes = limits
                .memory
                .map_or(String::from("-1"), |memory| memory.0.to_string());
            write(group, "memory.limit_in_bytes", &bytes)?;
            // Memory and swap together; not there where swap is not counted.
            if group.join("memory.memsw.limit_in_bytes").exists() {
                write(group, "memory.memsw.limit_in_bytes", &bytes)?;
            }
        }
        Controller::Cpu => {
            if let Some(cpus) = limits.cpus {
                write(group, "cpu.cfs_period_us", &Cpus::PERIOD.to_string())?;
                write(group, "cpu.cfs_quota_us", &cpus.quota().to_string())?;
            }
        }
        Controller::Cpuset => {
            inherit_cpuset(group.parent().unwrap_or(group), group)?;
            if let Some(cpuset) = &limits.cpuset {
                write(group, "cpuset.cpus", &cpuset.0)?;
            }
        }
        Controller::Pids => {
            if let Some(pids) = limits.pids {
                write(group, "pids.max", &pids.0.to_string())?;
            }
        }
        Controller::Io => {
            if let Some(weight) = limits.io_weight {
                io_weight(group, weight.0)?;
            }
        }
    }
    Ok(())
}

/// The weight belongs to an I/O scheduler here, and is called after it: 1 to 1000 for BFQ.
fn io_weight(group: &Path, weight: u32) -> Result<()> {
    let file = ["blkio.bfq.weight", "blkio.weight"]
        .into_iter()
        .find(|file| group.join(file).exists())
        .context("--io-weight: the blkio controller of this machine has no weights (no disk uses the BFQ scheduler)")?;
    Ok(write(group, file, &weight.clamp(10, 1000).to_string())?)
}
