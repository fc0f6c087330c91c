//! What helps against this crate's failures.

use std::fs;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::statfs::{FsType, TMPFS_MAGIC, statfs};
use nix::sys::statvfs::{FsFlags, statvfs};
use process::{Remedy, SysError};

/// Joined by each program to those of the crates it uses.
pub const REMEDIES: &[Remedy] = &[
    Remedy {
        call: "mount",
        errno: Errno::EPERM,
        check: proc_is_masked,
    },
    Remedy {
        call: "pivot_root",
        errno: Errno::EINVAL,
        check: root_cannot_be_left,
    },
    Remedy {
        call: "mkdir",
        errno: Errno::EROFS,
        check: read_only_inside,
    },
    Remedy {
        call: "open",
        errno: Errno::EROFS,
        check: read_only_inside,
    },
    Remedy {
        call: "open_tree",
        errno: Errno::ENOSYS,
        check: old_kernel,
    },
    Remedy {
        call: "mount_setattr",
        errno: Errno::ENOSYS,
        check: old_kernel,
    },
];

/// statfs(2): the kind of an initramfs, unless it is a tmpfs.
const RAMFS_MAGIC: FsType = FsType(0x8584_58f6);

const READ_ONLY: &str = "a place to mount on cannot be made on a read-only root filesystem: \
    the built-in one has /mnt, /srv, /opt, /data, /work and all below /tmp; or give your own with --rootfs";

/// A path of the container's: of the host's, the nearest directory above would be read-only too.
fn read_only_inside(failed: &SysError) -> Option<String> {
    let path = Path::new(failed.args.split('"').nth(1)?);
    let above = path.ancestors().find(|above| above.exists())?;
    let on_host = statvfs(above).ok()?.flags().contains(FsFlags::ST_RDONLY);
    (!on_host).then(|| READ_ONLY.into())
}

/// mount_namespaces(7): a user namespace gets no fresh /proc while parts of
/// the present one are covered, or the covered parts could be read in it.
fn proc_is_masked(failed: &SysError) -> Option<String> {
    if !failed.args.contains("\"/proc\"") {
        return None;
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mut points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    let covered = points.find(|point| point.starts_with("/proc/"))?;
    Some(format!(
        "{covered} is covered by a mount, as container runtimes do, and so the kernel allows no fresh /proc: \
         start the outer container with --privileged, or with --security-opt systempaths=unconfined"
    ))
}

/// pivot_root(2): EINVAL when the present root is the initramfs, or no mount point.
fn root_cannot_be_left(_: &SysError) -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    if !mounts
        .lines()
        .any(|line| line.split(' ').nth(4) == Some("/"))
    {
        return Some("this process is in a chroot whose root is no mount point, which pivot_root cannot leave".into());
    }
    let kind = statfs("/").ok()?.filesystem_type();
    (kind == RAMFS_MAGIC || kind == TMPFS_MAGIC).then(|| {
        "the root of this machine is its initramfs, which pivot_root cannot leave: switch_root to a disk first".into()
    })
}

/// mount_setattr(2) came with Linux 5.12, open_tree(2) with 5.2.
fn old_kernel(_: &SysError) -> Option<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(format!(
        "this kernel is {}; Linux 5.12 or newer is needed",
        release.trim()
    ))
}
