//! The limits of a group, read back from the kernel.

use std::path::Path;

use crate::file::read;
use crate::units::{Bytes, Cpus};

/// The limits that are set on a group; `None` where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LimitsInForce {
    /// Memory.
    pub memory: Option<Bytes>,
    /// Swap; in version 1, memory and swap together.
    pub swap: Option<Bytes>,
    /// Processor time.
    pub cpus: Option<Cpus>,
    /// The share beside other groups: `cpu.weight`, or `cpu.shares` in version 1.
    pub cpu_weight: Option<u64>,
    /// Which processors, in the list format of cpuset(7).
    pub cpuset: Option<String>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// The lines of `io.max`; in version 1 `FILE DISK RATE`.
    pub io: Vec<String>,
}

/// Version 1 has no word for "none": its greatest number is 2^63 rounded down to a page.
const NO_LIMIT: u64 = 1 << 62;

/// Reads those of a group: one directory, or one in each hierarchy of version 1.
pub(crate) fn of<'a>(groups: impl Iterator<Item = &'a Path> + Clone) -> LimitsInForce {
    let text = |file: &str| groups.clone().find_map(|group| read(group, file).ok());
    let either = |v2: &str, v1: &str| text(v2).or_else(|| text(v1));
    let bytes = |text: Option<String>| {
        let number = text?.parse().ok()?;
        (number < NO_LIMIT).then_some(Bytes(number))
    };
    LimitsInForce {
        memory: bytes(either("memory.max", "memory.limit_in_bytes")),
        swap: bytes(either("memory.swap.max", "memory.memsw.limit_in_bytes")),
        cpus: text("cpu.max").map_or_else(
            || quota(&text("cpu.cfs_quota_us")?, &text("cpu.cfs_period_us")?),
            |max| {
                max.split_once(' ')
                    .and_then(|(max, period)| quota(max, period))
            },
        ),
        cpu_weight: either("cpu.weight", "cpu.shares").and_then(|text| text.parse().ok()),
        cpuset: text("cpuset.cpus").filter(|cpus| !cpus.is_empty()),
        pids: text("pids.max").and_then(|text| text.parse().ok()),
        io: io(groups.clone()),
    }
}

/// A part of each period, both in microseconds. `max`, or -1 in version 1, is all of it.
fn quota(quota: &str, period: &str) -> Option<Cpus> {
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    let thousandths = (quota * 1000).checked_div(period)?;
    Some(Cpus(thousandths.try_into().ok()?))
}

fn io<'a>(groups: impl Iterator<Item = &'a Path> + Clone) -> Vec<String> {
    const V1: [&str; 4] = [
        "blkio.throttle.read_bps_device",
        "blkio.throttle.write_bps_device",
        "blkio.throttle.read_iops_device",
        "blkio.throttle.write_iops_device",
    ];
    let mut lines = Vec::new();
    for group in groups {
        let max = read(group, "io.max").unwrap_or_default();
        lines.extend(max.lines().map(str::to_owned));
        for file in V1 {
            let rates = read(group, file).unwrap_or_default();
            let name = file
                .trim_start_matches("blkio.throttle.")
                .trim_end_matches("_device");
            lines.extend(rates.lines().map(|rate| format!("{name} {rate}")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The limits of a directory with these files.
    fn limits(files: &[(&str, &str)]) -> LimitsInForce {
        let group = tempfile::tempdir().unwrap();
        for (file, text) in files {
            fs::write(group.path().join(file), text).unwrap();
        }
        of([group.path()].into_iter())
    }

    #[test]
    fn both_versions_say_what_the_limits_are() {
        let v2 = limits(&[
            ("memory.max", "67108864\n"),
            ("cpu.max", "50000 100000\n"),
            ("pids.max", "20\n"),
        ]);
        let v1 = limits(&[
            ("memory.limit_in_bytes", "67108864\n"),
            ("cpu.cfs_quota_us", "50000\n"),
            ("cpu.cfs_period_us", "100000\n"),
            ("pids.max", "20\n"),
        ]);
        assert_eq!(v2, v1);
        assert_eq!(v2.memory, Some(Bytes(64 << 20)));
        assert_eq!(v2.cpus, Some(Cpus(500)));
        assert_eq!(v2.pids, Some(20));
    }

    #[test]
    fn no_limit_is_none_in_both_versions() {
        let v2 = limits(&[
            ("memory.max", "max"),
            ("cpu.max", "max 100000"),
            ("pids.max", "max"),
        ]);
        let v1 = limits(&[
            ("memory.limit_in_bytes", "9223372036854771712"),
            ("cpu.cfs_quota_us", "-1"),
            ("cpu.cfs_period_us", "100000"),
        ]);
        assert_eq!(v2, LimitsInForce::default());
        assert_eq!(v1, LimitsInForce::default());
    }
}
