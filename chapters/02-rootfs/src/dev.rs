//! /dev: the few devices that programs take for granted, and no disk.

use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::mount::MsFlags;
use nix::sys::stat::{Mode, SFlag, makedev, mknod, umask};
use process::SysResult;

use crate::mount::{fresh, mount_fresh};
use crate::mount_point;
use crate::pivot_root::HostTree;

/// Character devices by name, major and minor number: the kernel's devices.txt.
// ANCHOR: nodes
const NODES: [(&str, u64, u64); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

const LINKS: [(&str, &str); 5] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/ptmx", "pts/ptmx"),
];
// ANCHOR_END: nodes

/// Builds a /dev of its own on a tmpfs.
///
/// # Errors
/// When a mount call, mknod(2) or symlink(2) fails.
// ANCHOR: dev
pub fn mount_dev(host: &HostTree) -> Result<()> {
    fresh("tmpfs", "/dev", MsFlags::MS_NOSUID, "mode=755,size=64k")
        .context("mounting a tmpfs on /dev")?;
    for (path, major, minor) in NODES {
        make_node(host, path, major, minor).with_context(|| format!("making {path}"))?;
    }
    for (path, target) in LINKS {
        symlink(target, path).syscall("symlink", || format!("{target:?}, {path:?}"))?;
    }
    mount_pts().context("mounting /dev/pts")?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    fresh("tmpfs", "/dev/shm", flags, "mode=1777,size=64m").context("mounting /dev/shm")
}
// ANCHOR_END: dev

/// A device node of the container's own, or the host's where the kernel allows
/// none: in a user namespace, or without `CAP_MKNOD`.
///
/// The host's is second best for root, who could change the mode of the
/// host's /dev/null through it.
// ANCHOR: make_node
fn make_node(host: &HostTree, path: &str, major: u64, minor: u64) -> Result<()> {
    let mask = umask(Mode::empty());
    let made = mknod(
        path,
        SFlag::S_IFCHR,
        Mode::from_bits_truncate(0o666),
        makedev(major, minor),
    );
    umask(mask);
    match made {
        Err(Errno::EPERM) => {
            mount_point::file(Path::new(path))?;
            host.open_tree(Path::new(path))?.attach(Path::new(path))
        }
        made => Ok(made.syscall("mknod", || {
            format!("{path:?}, S_IFCHR|0666, makedev({major}, {minor})")
        })?),
    }
}
// ANCHOR_END: make_node

/// Pseudo-terminals of the container's own: pts(4).
fn mount_pts() -> Result<()> {
    mount_point::directory(Path::new("/dev/pts"))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = "newinstance,ptmxmode=0666,mode=0620";
    // Group 5 is tty on most systems; EINVAL where the id map has no group 5.
    match mount_fresh("devpts", "/dev/pts", flags, &format!("{options},gid=5")) {
        Err(failed) if failed.errno == Errno::EINVAL => {
            Ok(mount_fresh("devpts", "/dev/pts", flags, options)?)
        }
        result => Ok(result?),
    }
}
