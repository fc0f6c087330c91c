//! /sys, to look at only.

use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::mount::MsFlags;

use crate::mount::mount_fresh;
use crate::mount_point;
use crate::pivot_root::HostTree;

/// Mounts a read-only /sys.
///
/// A fresh sysfs shows the network devices of a network namespace, so the
/// kernel asks for the right over that namespace. Until there is one of our own
/// (chapter 5), a user namespace cannot have it, and the host's is copied.
///
/// # Errors
/// When a mount call fails.
// ANCHOR: sys
pub fn mount_sys(host: &HostTree) -> Result<()> {
    let path = Path::new("/sys");
    mount_point::directory(path)?;
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    match mount_fresh("sysfs", "/sys", flags, "") {
        Err(failed) if failed.errno == Errno::EPERM => {
            let copy = host.open_tree(path)?;
            // mount(2): a bind mount with MS_RDONLY leaves the mounts below it
            // writable. mount_setattr(2), since Linux 5.12, reaches them all.
            copy.set(
                libc::MOUNT_ATTR_RDONLY
                    | libc::MOUNT_ATTR_NOSUID
                    | libc::MOUNT_ATTR_NODEV
                    | libc::MOUNT_ATTR_NOEXEC,
            )?;
            copy.attach(path)
        }
        result => Ok(result?),
    }
    .context("mounting a read-only /sys")
}
// ANCHOR_END: sys
