//! What has happened to a group.

use crate::cgroup::Cgroup;
use crate::file::{read, read_key};

/// What has happened to a group until now, and how it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Events {
    /// There are processes in it.
    pub populated: bool,
    /// All of them have been stopped.
    pub frozen: bool,
    /// How often the limit on memory was hit. Version 1 has `memory.failcnt` for it, which
    /// newer kernels leave at 0.
    pub memory_limit_hit: Option<u64>,
    /// How many processes the out-of-memory killer has killed.
    pub oom_kills: Option<u64>,
    /// How often a fork failed at the limit on processes.
    pub pids_limit_hit: Option<u64>,
}

impl Cgroup {
    /// Reads them.
    pub fn events(&self) -> Events {
        let key = |file, key| self.paths().find_map(|group| read_key(group, file, key));
        let text = |file| self.paths().find_map(|group| read(group, file).ok());
        Events {
            populated: text("cgroup.procs").is_some_and(|pids| !pids.is_empty()),
            frozen: key("cgroup.events", "frozen") == Some(1)
                || text("freezer.state").is_some_and(|state| state == "FROZEN"),
            memory_limit_hit: key("memory.events", "max"),
            oom_kills: key("memory.events", "oom_kill")
                .or_else(|| key("memory.oom_control", "oom_kill")),
            pids_limit_hit: key("pids.events", "max"),
        }
    }
}
