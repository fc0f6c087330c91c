//! Who the process is, and what it may use: setuid(2), setgroups(2), prlimit(2).

use super::flags::{Names, name};
use super::{Decoded, Entry};
use crate::memory::Memory;
use crate::purpose::Purpose;

const LIMITS: Names = &[
    (0, "RLIMIT_CPU"),
    (1, "RLIMIT_FSIZE"),
    (2, "RLIMIT_DATA"),
    (3, "RLIMIT_STACK"),
    (4, "RLIMIT_CORE"),
    (5, "RLIMIT_RSS"),
    (6, "RLIMIT_NPROC"),
    (7, "RLIMIT_NOFILE"),
    (8, "RLIMIT_MEMLOCK"),
    (9, "RLIMIT_AS"),
    (10, "RLIMIT_LOCKS"),
    (11, "RLIMIT_SIGPENDING"),
    (12, "RLIMIT_MSGQUEUE"),
    (13, "RLIMIT_NICE"),
    (14, "RLIMIT_RTPRIO"),
    (15, "RLIMIT_RTTIME"),
];

pub fn setuid(entry: &Entry, _: Memory) -> Option<Decoded> {
    set(entry, 1, "the user, and with it the capabilities")
}

pub fn setgid(entry: &Entry, _: Memory) -> Option<Decoded> {
    set(entry, 1, "the group")
}

pub fn setreuid(entry: &Entry, _: Memory) -> Option<Decoded> {
    set(entry, 2, "the real and the effective user")
}

pub fn setregid(entry: &Entry, _: Memory) -> Option<Decoded> {
    set(entry, 2, "the real and the effective group")
}

pub fn setresuid(entry: &Entry, _: Memory) -> Option<Decoded> {
    set(entry, 3, "the real, the effective and the saved user")
}

pub fn setresgid(entry: &Entry, _: Memory) -> Option<Decoded> {
    set(entry, 3, "the real, the effective and the saved group")
}

/// setresuid(2): -1 leaves an id as it is.
fn set(entry: &Entry, count: usize, why: &str) -> Option<Decoded> {
    let args = (0..count).map(|n| entry.int(n).to_string()).collect();
    Decoded::new(Purpose::Users, args, why)
}

pub fn setgroups(entry: &Entry, memory: Memory) -> Option<Decoded> {
    // getgroups(2): NGROUPS_MAX is 65536; nobody reads more than a few.
    let count = entry.args[0].min(32) as usize;
    let groups = memory.words(entry.args[1], count).unwrap_or_default();
    let groups: Vec<_> = groups.iter().map(u32::to_string).collect();
    let args = vec![
        entry.args[0].to_string(),
        format!("[{}]", groups.join(", ")),
    ];
    Decoded::new(Purpose::Users, args, "the groups that it has besides")
}

pub fn prlimit64(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let limits = memory.longs(entry.args[2], 2).unwrap_or_default();
    let limit = |n: usize| match limits.get(n) {
        Some(&u64::MAX) => "RLIM64_INFINITY".into(),
        Some(limit) => limit.to_string(),
        None => "?".into(),
    };
    let args = vec![
        entry.int(0).to_string(),
        name(entry.args[1], LIMITS),
        format!("{{rlim_cur={}, rlim_max={}}}", limit(0), limit(1)),
        if entry.args[3] == 0 {
            "NULL".into()
        } else {
            format!("{:#x}", entry.args[3])
        },
    ];
    Decoded::new(
        Purpose::Process,
        args,
        "a limit of the process itself, older than control groups",
    )
}

pub fn keyctl(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let args = vec![
        "KEYCTL_JOIN_SESSION_KEYRING".into(),
        memory.quoted(entry.args[1]),
    ];
    Decoded::new(
        Purpose::Users,
        args,
        "a keyring of its own: the host's keys stay with the host",
    )
}
