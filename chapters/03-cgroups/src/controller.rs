//! The parts of the kernel that limit and count.

/// A controller: cgroups(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// Memory and swap.
    Memory,
    /// Processor time.
    Cpu,
    /// Which processors and memory nodes.
    Cpuset,
    /// The number of processes.
    Pids,
    /// Disks.
    Io,
    /// Which devices may be used: version 1 only.
    Devices,
    /// Which processes are stopped: version 1 only.
    Freezer,
}

impl Controller {
    /// Its name in `cgroup.controllers`.
    pub fn v2_name(self) -> &'static str {
        match self {
            Controller::Memory => "memory",
            Controller::Cpu => "cpu",
            Controller::Cpuset => "cpuset",
            Controller::Pids => "pids",
            Controller::Io => "io",
            Controller::Devices => "devices",
            Controller::Freezer => "freezer",
        }
    }

    /// Its name among the mount options of a version 1 hierarchy.
    pub fn v1_name(self) -> &'static str {
        match self {
            Controller::Io => "blkio",
            other => other.v2_name(),
        }
    }
}
