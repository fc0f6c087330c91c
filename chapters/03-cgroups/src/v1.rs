//! Version 1: a hierarchy for each controller, with other names and other units.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::controller::Controller;
use crate::devices::DeviceRule;
use crate::file::{make_directory, read, write};
use crate::limits::{IoLimits, Limits, UNCOUNTED_SWAP};
use crate::units::{Cpus, MemorySwap};

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

/// Writes the limits of one controller.
pub(crate) fn limit(group: &Path, controller: Controller, limits: &Limits) -> Result<()> {
    match controller {
        Controller::Memory => memory(group, limits)?,
        Controller::Cpu => {
            if let Some(cpus) = limits.cpus {
                write(group, "cpu.cfs_period_us", &Cpus::PERIOD.to_string())?;
                write(group, "cpu.cfs_quota_us", &cpus.quota().to_string())?;
            }
            if let Some(shares) = limits.cpu_shares {
                write(group, "cpu.shares", &shares.0.to_string())?;
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
        Controller::Io => io(group, &limits.io)?,
        Controller::Devices | Controller::Freezer => {}
    }
    Ok(())
}

fn memory(group: &Path, limits: &Limits) -> Result<()> {
    if let Some(memory) = limits.memory {
        let total = match limits.memory_swap {
            None => memory.0.to_string(),
            Some(MemorySwap::Unlimited) => String::from("-1"),
            Some(MemorySwap::Total(total)) => total.0.to_string(),
        };
        let bytes = memory.0.to_string();
        let written = write(group, "memory.limit_in_bytes", &bytes);
        // Memory and swap together; not there where swap is not counted.
        if group.join("memory.memsw.limit_in_bytes").exists() {
            write(group, "memory.memsw.limit_in_bytes", &total)?;
            // Memory must not be allowed more than both together are: the other one first, then.
            written.or_else(|_| write(group, "memory.limit_in_bytes", &bytes))?;
        } else {
            written?;
            ensure!(limits.memory_swap.is_none(), UNCOUNTED_SWAP);
        }
    }
    if let Some(reservation) = limits.memory_reservation {
        write(
            group,
            "memory.soft_limit_in_bytes",
            &reservation.0.to_string(),
        )?;
    }
    Ok(())
}

fn io(group: &Path, limits: &IoLimits) -> Result<()> {
    if let Some(weight) = limits.io_weight {
        io_weight(group, weight.0)?;
    }
    for (key, disk, rate) in limits.rates() {
        let file = format!("blkio.throttle.{}", key.v1_name());
        write(group, &file, &format!("{disk} {rate}"))?;
    }
    Ok(())
}

/// The weight belongs to an I/O scheduler here, and is called after it: at most 1000, for BFQ.
fn io_weight(group: &Path, weight: u32) -> Result<()> {
    let file = ["blkio.bfq.weight", "blkio.weight"]
        .into_iter()
        .find(|file| group.join(file).exists())
        .context("--io-weight: the blkio controller of this machine has no weights (no disk uses the BFQ scheduler)")?;
    ensure!(
        weight <= 1000,
        "--io-weight: version 1 has weights up to 1000"
    );
    Ok(write(group, file, &weight.to_string())?)
}

/// Nothing first, and then what the rules allow.
// ANCHOR: v1_devices
pub(crate) fn hold_devices(group: &Path, rules: &[DeviceRule]) -> Result<()> {
    write(group, "devices.deny", "a")?;
    for rule in rules {
        write(group, "devices.allow", &rule.to_string())?;
    }
    Ok(())
}
// ANCHOR_END: v1_devices
