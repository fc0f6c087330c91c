//! Chapter 3: control groups.
//!
//! A namespace changes what a process sees. A control group changes what it
//! may use. It is a directory in a file system of the kernel's: make the
//! directory, write a limit into one of its files, write a PID into another,
//! and the limit holds for that process and all its children.
//!
//! - [`Limits`]: what a container may use, in the units of the command line;
//! - [`Cgroup`]: the directory, which is made, joined, read, changed, frozen and removed;
//! - [`DeviceRule`]: which devices may be used. Version 2 asks a program about them;
//! - [`Usage`], [`Pressure`] and [`Events`]: what the kernel counted;
//! - the hierarchy behind it is version 2, or one version 1 hierarchy for each
//!   controller: [`Cgroup::create`] looks which this machine has.

mod bpf;
mod cgroup;
mod controller;
mod devices;
mod events;
mod file;
mod freeze;
mod hierarchy;
mod limits;
mod name;
mod oom;
mod pressure;
mod remedies;
mod sys;
mod units;
mod update;
mod usage;
mod v1;
mod v2;

pub use cgroup::Cgroup;
pub use controller::Controller;
pub use devices::{Access, DeviceKind, DeviceRule};
pub use events::Events;
pub use limits::{IoLimits, Limits};
pub use oom::OomKill;
pub use pressure::{Pressure, Share, Stall};
pub use remedies::REMEDIES;
pub use units::{
    Bytes, BytesPerSecond, CpuSet, CpuShares, Cpus, Disk, DiskRate, IoWeight, MemorySwap,
    OperationsPerSecond, Pids,
};
pub use usage::{CpuUsage, DiskUsage, MemoryUsage, Usage};
