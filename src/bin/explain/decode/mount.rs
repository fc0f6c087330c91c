//! mount(2), umount(2).

use super::files::path;
use super::flags::{Names, bits};
use super::{Decoded, Entry};
use crate::memory::Memory;
use crate::purpose::Purpose;

const FLAGS: Names = &[
    (libc::MS_REMOUNT, "MS_REMOUNT"),
    (libc::MS_BIND, "MS_BIND"),
    (libc::MS_MOVE, "MS_MOVE"),
    (libc::MS_REC, "MS_REC"),
    (libc::MS_RDONLY, "MS_RDONLY"),
    (libc::MS_NOSUID, "MS_NOSUID"),
    (libc::MS_NODEV, "MS_NODEV"),
    (libc::MS_NOEXEC, "MS_NOEXEC"),
    (libc::MS_SYNCHRONOUS, "MS_SYNCHRONOUS"),
    (libc::MS_NOATIME, "MS_NOATIME"),
    (libc::MS_NODIRATIME, "MS_NODIRATIME"),
    (libc::MS_SILENT, "MS_SILENT"),
    (libc::MS_UNBINDABLE, "MS_UNBINDABLE"),
    (libc::MS_PRIVATE, "MS_PRIVATE"),
    (libc::MS_SLAVE, "MS_SLAVE"),
    (libc::MS_SHARED, "MS_SHARED"),
    (libc::MS_RELATIME, "MS_RELATIME"),
    (libc::MS_STRICTATIME, "MS_STRICTATIME"),
    (libc::MS_LAZYTIME, "MS_LAZYTIME"),
];

const UMOUNT: Names = &[
    (libc::MNT_FORCE as u64, "MNT_FORCE"),
    (libc::MNT_DETACH as u64, "MNT_DETACH"),
    (libc::MNT_EXPIRE as u64, "MNT_EXPIRE"),
    (libc::UMOUNT_NOFOLLOW as u64, "UMOUNT_NOFOLLOW"),
];

pub fn mount(entry: &Entry, memory: Memory) -> Option<Decoded> {
    // mount(2): the magic number 0xC0ED in the upper half is ignored since Linux 2.4.
    let flags = match entry.args[3] {
        old if old & 0xffff_0000 == libc::MS_MGC_VAL => old & 0xffff,
        flags => flags,
    };
    let text = |n: usize| memory.text(entry.args[n]);
    let (source, kind) = (text(0), text(2));
    let (target, target_shown) = path(entry.tid, memory, entry.args[1]);
    let args = vec![
        memory.quoted(entry.args[0]),
        target_shown,
        memory.quoted(entry.args[2]),
        bits(flags, FLAGS),
        memory.quoted(entry.args[4]),
    ];
    if let Some(why) = changed(flags) {
        return Decoded::new(Purpose::Rootfs, args, why);
    }
    if flags & libc::MS_BIND != 0 {
        return Decoded::new(Purpose::Rootfs, args, bound(&source, &target));
    }
    let options = text(4);
    let masks = kind == "tmpfs" && flags & libc::MS_RDONLY != 0;
    let why = match masks {
        true => "an empty directory that nobody can write to hides what is below",
        false => file_system(&kind, &target),
    };
    let why = match options.contains("userxattr") {
        true => format!("{why}; without root, its marks are user.* attributes"),
        false => why.to_owned(),
    };
    Decoded::new(purpose(&kind), args, why)
}

/// A call that makes no mount, and changes one.
fn changed(flags: u64) -> Option<&'static str> {
    let propagation = flags & (libc::MS_PRIVATE | libc::MS_SLAVE | libc::MS_SHARED);
    if flags & libc::MS_REMOUNT != 0 {
        return Some(match flags & libc::MS_RDONLY {
            0 => "the flags of a mount that is there already",
            _ => "the mount is read-only from here on",
        });
    }
    if flags & libc::MS_MOVE != 0 {
        return Some("the mount moves to another place");
    }
    match propagation {
        libc::MS_PRIVATE => Some("mounts made from here on do not show outside, nor theirs here"),
        libc::MS_SLAVE => Some("mounts made from here on do not show outside; theirs come in"),
        libc::MS_SHARED => Some("mounts made here show wherever this one is shared with"),
        _ => None,
    }
}

fn bound(source: &str, target: &str) -> &'static str {
    match source {
        "/dev/null" => "nobody can read the file below any more: in its place is /dev/null",
        _ if source == target => "pivot_root takes mount points only: bound to itself, it is one",
        _ if source.starts_with("/dev/") => "a device of the host's, under the same name",
        _ => "the same files at a second place",
    }
}

/// What a file system shows.
pub fn file_system(kind: &str, target: &str) -> &'static str {
    match kind {
        "proc" => "/proc of this PID namespace: its processes, and no others",
        "sysfs" => "/sys of this network namespace",
        "devpts" => "terminals of its own",
        "mqueue" => "the message queues of this IPC namespace",
        "overlay" => "the layers as one tree: read from the top down, written to the topmost",
        "cgroup" | "cgroup2" => "the control groups, as this cgroup namespace shows them",
        "tmpfs" if target.ends_with("/dev") => "a /dev that is empty, for the few devices it needs",
        "tmpfs" if target.ends_with("/shm") => "shared memory of its own",
        "tmpfs" => "an empty directory in memory",
        _ => "a file system of its own",
    }
}

/// What a file system is for.
pub fn purpose(kind: &str) -> Purpose {
    match kind {
        "overlay" => Purpose::Layers,
        "cgroup" | "cgroup2" => Purpose::Cgroups,
        _ => Purpose::Rootfs,
    }
}

pub fn umount2(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let args = vec![memory.quoted(entry.args[0]), bits(entry.args[1], UMOUNT)];
    let why = match entry.args[1] & libc::MNT_DETACH as u64 {
        0 => "the mount goes",
        _ => "the mount goes, with all below it, when nobody uses it any more",
    };
    let why = match memory.text(entry.args[0]).as_str() {
        "." => "the old root goes: no path leads to the host's files any more",
        _ => why,
    };
    Decoded::new(Purpose::Rootfs, args, why)
}
