//! What a group has used.

use std::path::Path;
use std::time::Duration;

use crate::cgroup::Cgroup;
use crate::file::{read, read_key};
use crate::units::{Bytes, Disk};

/// What a group has used until now. `None` where nothing counts it: without a
/// limit on it, there may be no group of its controller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memory.
    pub memory: Option<MemoryUsage>,
    /// Processor time.
    pub cpu: Option<CpuUsage>,
    /// Processes and threads there are now.
    pub pids: Option<u64>,
    /// One for each disk that was used.
    pub disks: Vec<DiskUsage>,
}

/// Memory of a group, with the pages of files it has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUsage {
    /// Now.
    pub current: Bytes,
    /// The most there has been; version 2 keeps it since Linux 5.19.
    pub peak: Option<Bytes>,
    /// Swapped out now.
    pub swap: Option<Bytes>,
}

/// Processor time, of all cores together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuUsage {
    /// All of it.
    pub total: Duration,
    /// In the program's own code.
    pub user: Duration,
    /// In the kernel, for the program.
    pub system: Duration,
    /// How long it had to wait because of its quota.
    pub throttled: Duration,
}

/// What was read from a disk, and written to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUsage {
    /// Which disk.
    pub disk: Disk,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// How many reads.
    pub reads: u64,
    /// How many writes.
    pub writes: u64,
}

impl Cgroup {
    /// Reads the counters of the group.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for group in self.paths() {
            usage.memory = usage.memory.or_else(|| memory(group));
            usage.cpu = usage.cpu.or_else(|| cpu(group));
            usage.pids = usage.pids.or_else(|| number(group, "pids.current"));
            if usage.disks.is_empty() {
                usage.disks = disks(group);
            }
        }
        usage
    }
}

fn number(group: &Path, file: &str) -> Option<u64> {
    read(group, file).ok()?.parse().ok()
}

fn memory(group: &Path) -> Option<MemoryUsage> {
    let bytes = |file| number(group, file).map(Bytes);
    if let Some(current) = bytes("memory.current") {
        return Some(MemoryUsage {
            current,
            peak: bytes("memory.peak"),
            swap: bytes("memory.swap.current"),
        });
    }
    let current = bytes("memory.usage_in_bytes")?;
    Some(MemoryUsage {
        current,
        peak: bytes("memory.max_usage_in_bytes"),
        // memory.memsw.usage_in_bytes is both together, and changes while two files are read.
        swap: read_key(group, "memory.stat", "swap").map(Bytes),
    })
}

/// Microseconds in version 2, nanoseconds in version 1.
fn cpu(group: &Path) -> Option<CpuUsage> {
    let micros = |key| read_key(group, "cpu.stat", key).map(Duration::from_micros);
    if let Some(total) = micros("usage_usec") {
        return Some(CpuUsage {
            total,
            user: micros("user_usec").unwrap_or_default(),
            system: micros("system_usec").unwrap_or_default(),
            // Only with the cpu controller.
            throttled: micros("throttled_usec").unwrap_or_default(),
        });
    }
    let nanos = |file| number(group, file).map(Duration::from_nanos);
    Some(CpuUsage {
        total: nanos("cpuacct.usage")?,
        user: nanos("cpuacct.usage_user").unwrap_or_default(),
        system: nanos("cpuacct.usage_sys").unwrap_or_default(),
        throttled: read_key(group, "cpu.stat", "throttled_time")
            .map(Duration::from_nanos)
            .unwrap_or_default(),
    })
}

fn disks(group: &Path) -> Vec<DiskUsage> {
    if let Ok(text) = read(group, "io.stat") {
        return text.lines().filter_map(disk_of_version_2).collect();
    }
    let bytes = read(group, "blkio.throttle.io_service_bytes_recursive").unwrap_or_default();
    let counts = read(group, "blkio.throttle.io_serviced_recursive").unwrap_or_default();
    disks_of_version_1(&bytes, &counts)
}

/// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`
fn disk_of_version_2(line: &str) -> Option<DiskUsage> {
    let (disk, counters) = line.split_once(' ')?;
    let counter = |key: &str| {
        let mut words = counters.split(' ');
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix('=')?.parse().ok())
    };
    Some(DiskUsage {
        disk: disk.parse().ok()?,
        read_bytes: counter("rbytes")?,
        written_bytes: counter("wbytes")?,
        reads: counter("rios")?,
        writes: counter("wios")?,
    })
}

/// `8:0 Read 1`, `8:0 Write 2`, and more such lines, in each of two files.
fn disks_of_version_1(bytes: &str, counts: &str) -> Vec<DiskUsage> {
    let counter = |text: &str, disk: &str, what: &str| {
        let mut lines = text.lines();
        let found = lines.find_map(|line| {
            line.strip_prefix(disk)?
                .trim_start()
                .strip_prefix(what)?
                .trim()
                .parse()
                .ok()
        });
        found.unwrap_or(0)
    };
    let reads = bytes.lines().filter_map(|line| line.split_once(" Read "));
    let usage = reads.filter_map(|(disk, read_bytes)| {
        Some(DiskUsage {
            disk: disk.parse().ok()?,
            read_bytes: read_bytes.parse().ok()?,
            written_bytes: counter(bytes, disk, "Write"),
            reads: counter(counts, disk, "Read"),
            writes: counter(counts, disk, "Write"),
        })
    });
    usage.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_name_a_disk_with_its_counters() {
        let expected = DiskUsage {
            disk: Disk { major: 8, minor: 0 },
            read_bytes: 4096,
            written_bytes: 512,
            reads: 2,
            writes: 1,
        };
        let line = "8:0 rbytes=4096 wbytes=512 rios=2 wios=1 dbytes=0 dios=0";
        assert_eq!(disk_of_version_2(line), Some(expected));
        assert_eq!(disk_of_version_2("8:0"), None);
        let bytes = "8:0 Read 4096\n8:0 Write 512\n8:0 Sync 512\nTotal 4608\n";
        let counts = "8:0 Read 2\n8:0 Write 1\nTotal 3\n";
        assert_eq!(disks_of_version_1(bytes, counts), [expected]);
    }
}
