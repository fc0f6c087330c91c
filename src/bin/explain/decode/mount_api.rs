//! The newer calls, which take a mount apart: fsopen(2), fsmount(2), open_tree(2),
//! move_mount(2), mount_setattr(2).

use super::flags::{Names, bits, directory, name};
use super::mount::{file_system, purpose};
use super::{Decoded, Entry};
use crate::memory::Memory;
use crate::purpose::Purpose;

const AT: Names = &[
    (0x100, "AT_SYMLINK_NOFOLLOW"),
    (0x800, "AT_NO_AUTOMOUNT"),
    (0x1000, "AT_EMPTY_PATH"),
    (0x8000, "AT_RECURSIVE"),
];
const OPEN_TREE: Names = &[
    (1, "OPEN_TREE_CLONE"),
    (libc::O_CLOEXEC as u64, "OPEN_TREE_CLOEXEC"),
    (0x100, "AT_SYMLINK_NOFOLLOW"),
    (0x800, "AT_NO_AUTOMOUNT"),
    (0x1000, "AT_EMPTY_PATH"),
    (0x8000, "AT_RECURSIVE"),
];
const MOVE_MOUNT: Names = &[
    (0x1, "MOVE_MOUNT_F_SYMLINKS"),
    (0x2, "MOVE_MOUNT_F_AUTOMOUNTS"),
    (0x4, "MOVE_MOUNT_F_EMPTY_PATH"),
    (0x10, "MOVE_MOUNT_T_SYMLINKS"),
    (0x20, "MOVE_MOUNT_T_AUTOMOUNTS"),
    (0x40, "MOVE_MOUNT_T_EMPTY_PATH"),
    (0x100, "MOVE_MOUNT_SET_GROUP"),
    (0x200, "MOVE_MOUNT_BENEATH"),
];
const ATTRIBUTES: Names = &[
    (0x1, "MOUNT_ATTR_RDONLY"),
    (0x2, "MOUNT_ATTR_NOSUID"),
    (0x4, "MOUNT_ATTR_NODEV"),
    (0x8, "MOUNT_ATTR_NOEXEC"),
    (0x10, "MOUNT_ATTR_NOATIME"),
    (0x20, "MOUNT_ATTR_STRICTATIME"),
    (0x80, "MOUNT_ATTR_NODIRATIME"),
    (0x10_0000, "MOUNT_ATTR_IDMAP"),
    (0x20_0000, "MOUNT_ATTR_NOSYMFOLLOW"),
];
const PROPAGATION: Names = &[
    (libc::MS_PRIVATE, "MS_PRIVATE"),
    (libc::MS_SLAVE, "MS_SLAVE"),
    (libc::MS_SHARED, "MS_SHARED"),
    (libc::MS_UNBINDABLE, "MS_UNBINDABLE"),
];
const FSOPEN: Names = &[(1, "FSOPEN_CLOEXEC")];
const FSMOUNT: Names = &[(1, "FSMOUNT_CLOEXEC")];
const FSPICK: Names = &[
    (1, "FSPICK_CLOEXEC"),
    (2, "FSPICK_SYMLINK_NOFOLLOW"),
    (4, "FSPICK_NO_AUTOMOUNT"),
    (8, "FSPICK_EMPTY_PATH"),
];
const FSCONFIG: Names = &[
    (0, "FSCONFIG_SET_FLAG"),
    (1, "FSCONFIG_SET_STRING"),
    (2, "FSCONFIG_SET_BINARY"),
    (3, "FSCONFIG_SET_PATH"),
    (4, "FSCONFIG_SET_PATH_EMPTY"),
    (5, "FSCONFIG_SET_FD"),
    (6, "FSCONFIG_CMD_CREATE"),
    (7, "FSCONFIG_CMD_RECONFIGURE"),
    (8, "FSCONFIG_CMD_CREATE_EXCL"),
];

const CMD_CREATE: u64 = 6;
const SET_STRING: u64 = 1;

pub fn open_tree(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let flags = entry.args[2];
    let args = vec![
        directory(entry.int(0)),
        memory.quoted(entry.args[1]),
        bits(flags, OPEN_TREE),
    ];
    let why = match (flags & 1, flags & 0x8000) {
        (0, _) => "a descriptor of the mount that is there",
        (_, 0) => "a copy of the mount, not yet at any place",
        _ => "a copy of the mount with all below it, not yet at any place",
    };
    Decoded::new(Purpose::Rootfs, args, why)
}

pub fn move_mount(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let args = vec![
        directory(entry.int(0)),
        memory.quoted(entry.args[1]),
        directory(entry.int(2)),
        memory.quoted(entry.args[3]),
        bits(entry.args[4], MOVE_MOUNT),
    ];
    Decoded::new(
        Purpose::Rootfs,
        args,
        "the mount comes to its place, and covers what is there",
    )
}

pub fn fsopen(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let kind = memory.text(entry.args[0]);
    let args = vec![memory.quoted(entry.args[0]), bits(entry.args[1], FSOPEN)];
    Decoded::new(
        purpose(&kind),
        args,
        format!("begins {}", file_system(&kind, "")),
    )
}

pub fn fsconfig(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let command = entry.args[1] & 0xffff_ffff;
    let value = match command {
        SET_STRING => memory.quoted(entry.args[3]),
        _ if entry.args[3] == 0 => "NULL".into(),
        _ => format!("{:#x}", entry.args[3]),
    };
    let args = vec![
        entry.int(0).to_string(),
        name(command, FSCONFIG),
        memory.quoted(entry.args[2]),
        value,
        entry.int(4).to_string(),
    ];
    let why = match command {
        CMD_CREATE => "all is said: the file system is made",
        _ => "one option of the file system",
    };
    let layers = memory.text(entry.args[2]).contains("lowerdir");
    let purpose = if layers {
        Purpose::Layers
    } else {
        Purpose::Rootfs
    };
    Decoded::new(purpose, args, why)
}

pub fn fsmount(entry: &Entry, _: Memory) -> Option<Decoded> {
    let args = vec![
        entry.int(0).to_string(),
        bits(entry.args[1], FSMOUNT),
        bits(entry.args[2], ATTRIBUTES),
    ];
    Decoded::new(Purpose::Rootfs, args, "a mount of it, not yet at any place")
}

pub fn fspick(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let args = vec![
        directory(entry.int(0)),
        memory.quoted(entry.args[1]),
        bits(entry.args[2], FSPICK),
    ];
    Decoded::new(
        Purpose::Rootfs,
        args,
        "begins a change of a file system that is mounted",
    )
}

pub fn mount_setattr(entry: &Entry, memory: Memory) -> Option<Decoded> {
    // struct mount_attr: attr_set, attr_clr, propagation, userns_fd.
    let attributes = memory.longs(entry.args[3], 4).unwrap_or_default();
    let attribute = |n: usize| attributes.get(n).copied().unwrap_or(0);
    let (set, clear, propagation) = (attribute(0), attribute(1), attribute(2));
    let mut fields = Vec::new();
    if set != 0 {
        fields.push(format!("attr_set={}", bits(set, ATTRIBUTES)));
    }
    if clear != 0 {
        fields.push(format!("attr_clr={}", bits(clear, ATTRIBUTES)));
    }
    if propagation != 0 {
        fields.push(format!("propagation={}", bits(propagation, PROPAGATION)));
    }
    let id_mapped = set & 0x10_0000 != 0;
    if id_mapped {
        fields.push(format!("userns_fd={}", attribute(3)));
    }
    let args = vec![
        directory(entry.int(0)),
        memory.quoted(entry.args[1]),
        bits(entry.args[2], AT),
        format!("{{{}}}", fields.join(", ")),
        entry.args[4].to_string(),
    ];
    if id_mapped {
        let why = "the owners of its files are shown through a map of ids";
        return Decoded::new(Purpose::Users, args, why);
    }
    let why = match (set & 1, propagation) {
        (1, _) => "this mount is read-only, whatever the file system is",
        (_, 0) => "what may be done through this mount",
        _ => "whether mounts below it show elsewhere",
    };
    Decoded::new(Purpose::Rootfs, args, why)
}
