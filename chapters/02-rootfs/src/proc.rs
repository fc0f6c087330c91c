//! /proc: a fresh one, and the parts of it that stay out of reach.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::MsFlags;

use crate::mount::{bind, fresh, mount_fresh};
use crate::sys;

/// Mounts a /proc that shows this PID namespace.
///
/// It shows the namespace of whoever mounts it. So the child does, which is
/// inside; and before the host's tree is gone, because in a user namespace the
/// kernel wants to see that no part of the old /proc was hidden. proc(5)
///
/// # Errors
/// When mount(2) fails: EPERM in a user namespace where the old /proc has masked parts.
// ANCHOR: proc
pub fn mount_proc() -> Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    fresh("proc", "/proc", flags, "").context("mounting a fresh /proc")
}
// ANCHOR_END: proc

/// What tells about the whole machine, or belongs to it. Docker masks the same.
// ANCHOR: lists
const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
];

/// What may be looked at, but turns knobs of the whole machine when written to.
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];
// ANCHOR_END: lists

/// Hides some of the kernel's files, and makes others read-only. Those that this kernel lacks are left out.
///
/// It covers them with the container's own /dev/null. So it comes before the
/// volumes: one of those could put something else in that place.
///
/// # Errors
/// When a mount call fails.
// ANCHOR: protect
pub fn protect_kernel_paths() -> Result<()> {
    for path in MASKED {
        mask(path).with_context(|| format!("masking {path}"))?;
    }
    for path in READ_ONLY {
        make_read_only(Path::new(path)).with_context(|| format!("making {path} read-only"))?;
    }
    Ok(())
}

/// Covers a file with /dev/null, and a directory with an empty one.
fn mask(path: &str) -> Result<()> {
    match fs::metadata(path) {
        Err(_) => Ok(()),
        Ok(metadata) if metadata.is_dir() => {
            let flags =
                MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
            Ok(mount_fresh("tmpfs", path, flags, "size=0k")?)
        }
        Ok(_) => bind("/dev/null", path),
    }
}

/// Puts a read-only copy of a mount over itself.
fn make_read_only(path: &Path) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let copy = sys::open_tree(nix::fcntl::AT_FDCWD, path)?;
    copy.set(libc::MOUNT_ATTR_RDONLY)?;
    copy.attach(path)
}
// ANCHOR_END: protect
