//! What helps against this crate's failures.

use std::fs;
use std::path::Path;

use nix::errno::Errno;
use process::{Remedy, SysError};

use crate::mount::{can_carry_an_upper, is_on_overlay};

/// Joined by each program to those of the crates it uses.
pub const REMEDIES: &[Remedy] = &[
    Remedy {
        call: "mount",
        errno: Errno::ENODEV,
        check: no_overlay,
    },
    Remedy {
        call: "mount",
        errno: Errno::EINVAL,
        check: upper_cannot_be_there,
    },
];

/// proc_filesystems(5): what the kernel can mount now.
fn no_overlay(failed: &SysError) -> Option<String> {
    let known = fs::read_to_string("/proc/filesystems").ok()?;
    let there = known.lines().any(|line| line.ends_with("\toverlay"));
    (failed.args.starts_with("\"overlay\"") && !there).then(|| {
        "this kernel has no overlay, and found no module of that name: \
         --storage-driver vfs makes a plain copy instead"
            .into()
    })
}

fn upper_cannot_be_there(failed: &SysError) -> Option<String> {
    // One that was made for this run is gone again.
    let named = option(&failed.args, "upperdir=")?;
    let upper = named.ancestors().find(|path| path.exists())?;
    if !can_carry_an_upper(upper) {
        return Some(format!(
            "the file system of {upper:?} cannot carry an upper layer (another overlay, a network \
             or FUSE file system, FAT): put it on ext4, xfs, btrfs or a tmpfs"
        ));
    }
    if is_mount_point(upper) {
        return Some(format!(
            "{upper:?} is a mount point, and overlay's work directory must be on the same mount: \
             name a directory inside it"
        ));
    }
    let lowers = option(&failed.args, "lowerdir=")?.to_str()?;
    let nested = lowers
        .split(':')
        .find(|path| is_on_overlay(Path::new(path)))?;
    Some(format!(
        "the layer {nested:?} is on an overlay itself, and the kernel stacks two at most: \
         --storage-driver vfs makes a plain copy instead"
    ))
}

/// The value of an option among those of mount(2), as the error has them.
fn option<'a>(args: &'a str, name: &str) -> Option<&'a Path> {
    let value = args.split_once(name)?.1;
    value.split(',').next().map(Path::new)
}

/// proc_pid_mountinfo(5), field 5.
fn is_mount_point(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    points.any(|point| Path::new(point) == path)
}
