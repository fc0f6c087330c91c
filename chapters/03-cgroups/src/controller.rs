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
    /// Block devices.
    Io,
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
        }
    }

    /// Its name among the mount options of a version 1 hierarchy.
    pub fn v1_name(self) -> &'static str {
        match self {
            Controller::Io => "blkio",
            other => other.v2_name(),
        }
    }

    /// The flag of the chapter program that asks for it.
    pub fn flag(self) -> &'static str {
        match self {
            Controller::Memory => "--memory",
            Controller::Cpu => "--cpus",
            Controller::Cpuset => "--cpuset",
            Controller::Pids => "--pids",
            Controller::Io => "--io-weight",
        }
    }
}
