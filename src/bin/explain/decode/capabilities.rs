//! capset(2), and the capabilities by name: capabilities(7).

use super::{Decoded, Entry};
use crate::memory::Memory;
use crate::purpose::Purpose;

/// By number: linux/capability.h.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// `CAP_SYS_ADMIN`.
pub fn name(number: u64) -> String {
    match NAMES.get(number as usize) {
        Some(name) => format!("CAP_{name}"),
        None => number.to_string(),
    }
}

/// A set in words: `none`, `all`, or its names, or what it lacks where that is shorter.
fn set(bits: u64) -> String {
    let all = (1u64 << NAMES.len()) - 1;
    let names = |bits: u64| {
        let set = (0..NAMES.len() as u64).filter(|n| bits & (1 << n) != 0);
        set.map(name).collect::<Vec<_>>().join("|")
    };
    match bits & all {
        0 => "0".into(),
        bits if bits == all => "all".into(),
        bits if bits.count_ones() > 30 => format!("all but {}", names(all & !bits)),
        bits => names(bits),
    }
}

pub fn capset(entry: &Entry, memory: Memory) -> Option<Decoded> {
    // capset(2): a version and a PID; then effective, permitted and inheritable,
    // the lower 32 of each, and in version 3 the upper 32.
    let header = memory.words(entry.args[0], 2)?;
    let data = memory.words(entry.args[1], 6).unwrap_or_default();
    let word = |n: usize| u64::from(data.get(n).copied().unwrap_or(0));
    let whole = |n: usize| set(word(n) | word(n + 3) << 32);
    let args = vec![
        format!("{{pid={}}}", header[1]),
        format!(
            "{{effective={}, permitted={}, inheritable={}}}",
            whole(0),
            whole(1),
            whole(2)
        ),
    ];
    let why = "which of root's rights it has, and which it can take back";
    Decoded::new(Purpose::Users, args, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_as_short_as_they_can_be() {
        assert_eq!(set(0), "0");
        assert_eq!(set(u64::MAX), "all");
        assert_eq!(set(1 << 21), "CAP_SYS_ADMIN");
        assert_eq!(set(!(1 << 40)), "all but CAP_CHECKPOINT_RESTORE");
    }
}
