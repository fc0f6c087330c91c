//! mount(2) of an overlay.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::mount::{MsFlags, mount};
use nix::sys::stat::stat;
use nix::sys::statfs::statfs;
use process::SysResult;

use crate::many;

/// The directories of one overlay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overlay<'a> {
    /// The topmost first.
    pub(crate) lowers: &'a [PathBuf],
    pub(crate) upper: &'a Path,
    /// On the file system of the upper one, empty, and overlay's own.
    pub(crate) work: &'a Path,
    /// No fsync(2) reaches the disk: overlayfs.rst, "Volatile mount".
    pub(crate) volatile: bool,
}

/// mount(2): the options are one page, with a NUL byte at the end.
const OPTIONS_MAX: usize = 4095;

impl Overlay<'_> {
    /// Mounts it at `target`.
    // ANCHOR: overlay
    pub(crate) fn mount(&self, target: &Path) -> Result<()> {
        let lowers: Vec<_> = self
            .lowers
            .iter()
            .map(|path| path.to_string_lossy())
            .collect();
        let options = format!(
            "lowerdir={},upperdir={},workdir={},{}",
            lowers.join(":"),
            self.upper.display(),
            self.work.display(),
            self.flags().join(",")
        );
        if self.has_special_characters() {
            many::by_number(self, target)
        } else if options.len() > OPTIONS_MAX {
            many::one_by_one(self, target).or_else(|_| many::by_number(self, target))
        } else {
            mount_overlay(target, &options)
        }
    }

    /// Options without a value, and those that a user namespace has no right to.
    pub(crate) fn flags(&self) -> Vec<&'static str> {
        let mut flags = if in_user_namespace() {
            // It may not write trusted.* attributes: xattr(7).
            vec!["userxattr"]
        } else {
            // A renamed directory is copied: the upper layer then means the same over any other.
            vec!["index=off", "metacopy=off", "redirect_dir=nofollow"]
        };
        if self.volatile {
            flags.push("volatile");
        }
        flags
    }
    // ANCHOR_END: overlay

    /// mount(2) has colons and commas between the paths, and reads a backslash as a quote.
    fn has_special_characters(&self) -> bool {
        let lowers = self.lowers.iter().map(PathBuf::as_path);
        lowers.chain([self.upper, self.work]).any(|path| {
            let bytes = path.as_os_str().as_bytes();
            bytes.iter().any(|byte| b":,\\".contains(byte)) || path.to_str().is_none()
        })
    }
}

pub(crate) fn mount_overlay(target: &Path, options: &str) -> Result<()> {
    mount(
        Some("overlay"),
        target,
        Some("overlay"),
        MsFlags::empty(),
        Some(options),
    )
    .syscall("mount", || {
        format!("\"overlay\", {target:?}, \"overlay\", 0, {options:?}")
    })?;
    Ok(())
}

/// A tmpfs over the scratch directory, in this mount namespace alone.
pub(crate) fn tmpfs(scratch: &Path) -> Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some("tmpfs"),
        scratch,
        Some("tmpfs"),
        flags,
        Some("mode=700"),
    )
    .syscall("mount", || {
        format!("\"tmpfs\", {scratch:?}, \"tmpfs\", MS_NOSUID|MS_NODEV, \"mode=700\"")
    })?;
    Ok(())
}

/// linux/nsfs.h, `USER_NS_INIT_INO`: the number of the first user namespace of every machine.
const FIRST_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

fn in_user_namespace() -> bool {
    stat("/proc/self/ns/user").is_ok_and(|found| found.st_ino != FIRST_USER_NAMESPACE)
}

/// overlayfs.rst, "upper": overlay must know of every change of a name, so no
/// file system will do where others change them, or which folds case.
// ANCHOR: magic
pub(crate) fn can_carry_an_upper(directory: &Path) -> bool {
    /// statfs(2): an overlay itself, FUSE, NFS, SMB, 9p, FAT, exFAT.
    const CANNOT: [i64; 8] = [
        OVERLAY,
        0x6573_5546,
        0x6969,
        0xff53_4d42,
        0xfe53_4d42,
        0x0102_1997,
        0x4d44,
        0x2011_bab0,
    ];
    kind(directory).is_none_or(|kind| !CANNOT.contains(&kind))
}
// ANCHOR_END: magic

/// linux/magic.h, `OVERLAYFS_SUPER_MAGIC`.
const OVERLAY: i64 = 0x794c_7630;

pub(crate) fn is_on_overlay(path: &Path) -> bool {
    kind(path) == Some(OVERLAY)
}

#[allow(clippy::unnecessary_cast)] // 32 bits on some architectures
fn kind(path: &Path) -> Option<i64> {
    Some(statfs(path).ok()?.filesystem_type().0 as i64)
}
