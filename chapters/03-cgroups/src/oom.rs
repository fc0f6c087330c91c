//! The out-of-memory killer, told apart from any other SIGKILL.

use std::fmt;
use std::path::Path;

use crate::file::{read, read_key};
use crate::units::Bytes;

/// The group reached its limit, and the kernel killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OomKill {
    /// How many processes were killed.
    pub killed: u64,
    /// The limit of the group.
    pub limit: Option<Bytes>,
    /// The most that the group used, where the kernel keeps it.
    pub peak: Option<Bytes>,
}

// ANCHOR: oom
/// Reads the counters of a group of either version; `None` when nothing was killed, or memory is not controlled here.
pub(crate) fn read_from(group: &Path) -> Option<OomKill> {
    let number = |file: &str| read(group, file).ok()?.parse().ok().map(Bytes);
    let either = |v2: &str, v1: &str| number(v2).or_else(|| number(v1));
    let killed = read_key(group, "memory.events", "oom_kill")
        .or_else(|| read_key(group, "memory.oom_control", "oom_kill"))?;
    (killed > 0).then(|| OomKill {
        killed,
        limit: either("memory.max", "memory.limit_in_bytes"),
        peak: either("memory.peak", "memory.max_usage_in_bytes"),
    })
}
// ANCHOR_END: oom

impl fmt::Display for OomKill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "out of memory: the kernel killed {} of its processes",
            self.killed
        )?;
        if let Some(limit) = self.limit {
            write!(f, "; the limit is {limit}")?;
        }
        if let Some(peak) = self.peak {
            write!(f, ", the peak was {peak}")?;
        }
        Ok(())
    }
}
