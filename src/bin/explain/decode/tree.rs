//! Which tree of files the process sees: pivot_root(2), chroot(2), chdir(2), mknod(2).

use super::flags::directory;
use super::{Decoded, Entry};
use crate::memory::Memory;
use crate::purpose::Purpose;

pub fn pivot_root(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let args = vec![memory.quoted(entry.args[0]), memory.quoted(entry.args[1])];
    let same = memory.text(entry.args[0]) == memory.text(entry.args[1]);
    let why = match same {
        true => "the first becomes the root, and the old root lies over it, to be taken away next",
        false => "the first becomes the root, and the old root is put at the second",
    };
    Decoded::new(Purpose::Rootfs, args, why)
}

pub fn chroot(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let args = vec![memory.quoted(entry.args[0])];
    let why =
        "paths begin here from now on; the mounts outside are still there, for who may go back";
    Decoded::new(Purpose::Rootfs, args, why)
}

pub fn chdir(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let args = vec![memory.quoted(entry.args[0])];
    Decoded::new(
        Purpose::Rootfs,
        args,
        "where paths without a slash in front begin",
    )
}

pub fn fchdir(entry: &Entry, _: Memory) -> Option<Decoded> {
    let args = vec![super::files::descriptor(entry.tid, entry.int(0))];
    Decoded::new(
        Purpose::Rootfs,
        args,
        "where paths without a slash in front begin",
    )
}

#[cfg(target_arch = "x86_64")]
pub fn mknod(entry: &Entry, memory: Memory) -> Option<Decoded> {
    node(
        vec![memory.quoted(entry.args[0])],
        entry.args[1],
        entry.args[2],
    )
}

pub fn mknodat(entry: &Entry, memory: Memory) -> Option<Decoded> {
    let args = vec![directory(entry.int(0)), memory.quoted(entry.args[1])];
    node(args, entry.args[2], entry.args[3])
}

fn node(mut args: Vec<String>, mode: u64, device: u64) -> Option<Decoded> {
    let kind = mode as u32 & libc::S_IFMT;
    let kind_name = match kind {
        libc::S_IFCHR => "S_IFCHR",
        libc::S_IFBLK => "S_IFBLK",
        libc::S_IFIFO => "S_IFIFO",
        libc::S_IFSOCK => "S_IFSOCK",
        _ => "S_IFREG",
    };
    args.push(format!("{kind_name}|{:04o}", mode as u32 & 0o7777));
    let is_device = kind == libc::S_IFCHR || kind == libc::S_IFBLK;
    if is_device {
        let (major, minor) = (libc::major(device), libc::minor(device));
        args.push(format!("makedev({major}, {minor})"));
    }
    match (is_device, kind, device) {
        (_, libc::S_IFCHR, 0) => {
            Decoded::new(Purpose::Layers, args, "a whiteout: not in this layer")
        }
        (true, ..) => Decoded::new(
            Purpose::Rootfs,
            args,
            "a device: two numbers that name a driver",
        ),
        _ => Decoded::new(Purpose::Rootfs, args, "an empty file, pipe or socket"),
    }
}
