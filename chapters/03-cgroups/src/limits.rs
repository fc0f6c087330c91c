//! What a container may use.

use crate::controller::Controller;
use crate::units::{Bytes, CpuSet, Cpus, IoWeight, Pids};

/// Limits of one container. `None` leaves the group as it is: without a limit of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory, swap not included: none is given.
    pub memory: Option<Bytes>,
    /// Processor time.
    pub cpus: Option<Cpus>,
    /// Which processors.
    pub cpuset: Option<CpuSet>,
    /// How many processes and threads.
    pub pids: Option<Pids>,
    /// Share of the disk's time.
    pub io_weight: Option<IoWeight>,
}

impl Limits {
    /// The controllers that these limits need.
    pub fn controllers(&self) -> Vec<Controller> {
        let asked = [
            (self.memory.is_some(), Controller::Memory),
            (self.cpus.is_some(), Controller::Cpu),
            (self.cpuset.is_some(), Controller::Cpuset),
            (self.pids.is_some(), Controller::Pids),
            (self.io_weight.is_some(), Controller::Io),
        ];
        asked
            .into_iter()
            .filter(|(asked, _)| *asked)
            .map(|(_, controller)| controller)
            .collect()
    }
}
