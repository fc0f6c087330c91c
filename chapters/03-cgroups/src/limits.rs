//! What a container may use.

use crate::controller::Controller;
use crate::units::{Bytes, CpuSet, Cpus, IoWeight, Pids};

/// Limits of one container, and the flags that ask for them. `None` leaves the
/// group as it is: without a limit of its own.
// ANCHOR: limits
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct Limits {
    /// Memory, as in 64M; swap is not given
    #[arg(long, value_name = "BYTES")]
    pub memory: Option<Bytes>,
    /// Processor time, as in 0.5
    #[arg(long, value_name = "NUMBER")]
    pub cpus: Option<Cpus>,
    /// Which processors, as in 0-1,3
    #[arg(long, value_name = "LIST")]
    pub cpuset: Option<CpuSet>,
    /// How many processes and threads
    #[arg(long, value_name = "NUMBER")]
    pub pids: Option<Pids>,
    /// Share of the disk's time beside others, 1 to 10000
    #[arg(long, value_name = "NUMBER")]
    pub io_weight: Option<IoWeight>,
}
// ANCHOR_END: limits

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
