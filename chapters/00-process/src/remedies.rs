//! What helps against this crate's failures.

use nix::errno::Errno;

use crate::error::Remedy;

/// Joined by each program to those of the crates it uses.
pub const REMEDIES: &[Remedy] = &[
    Remedy {
        call: "close_range",
        errno: Errno::ENOSYS,
        check: |_| old_kernel("5.11"),
    },
    Remedy {
        call: "close_range",
        errno: Errno::EINVAL,
        check: |_| old_kernel("5.11"),
    },
    Remedy {
        call: "clone3",
        errno: Errno::EAGAIN,
        check: |_| process_limit(),
    },
];

/// uname(2) told the version: `CLOSE_RANGE_CLOEXEC` came with Linux 5.11.
fn old_kernel(needed: &str) -> Option<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(format!(
        "this kernel is {}; Linux {needed} or newer is needed",
        release.trim()
    ))
}

/// fork(2): EAGAIN is RLIMIT_NPROC, or a limit of the machine or of a cgroup.
fn process_limit() -> Option<String> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max processes"))?;
    let soft = line.split_whitespace().nth(2)?;
    Some(format!(
        "a limit on processes is reached; this user's own (ulimit -u) is {soft}"
    ))
}
