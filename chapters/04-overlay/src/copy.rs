//! One file copied, whatever kind it is, with all that is known of it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{
    FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown, symlink,
};
use std::path::Path;

use anyhow::Result;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{Mode, SFlag, UtimensatFlags, mknod, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::geteuid;
use process::SysResult;

use crate::whiteout;

/// Makes `to`, which is not there, of the same kind and with the same content.
pub(crate) fn file(from: &Path, to: &Path, found: &Metadata) -> Result<()> {
    let kind = found.file_type();
    if kind.is_symlink() {
        let target = fs::read_link(from).syscall("readlink", || format!("{from:?}"))?;
        symlink(&target, to).syscall("symlink", || format!("{target:?}, {to:?}"))?;
    } else if kind.is_file() {
        content(from, to)?;
    } else {
        let bits = if kind.is_fifo() {
            SFlag::S_IFIFO
        } else if kind.is_socket() {
            SFlag::S_IFSOCK
        } else if kind.is_block_device() {
            SFlag::S_IFBLK
        } else {
            SFlag::S_IFCHR
        };
        mknod(to, bits, Mode::S_IRUSR, found.rdev())
            .syscall("mknod", || format!("{to:?}, {bits:?}, {:#x}", found.rdev()))?;
    }
    Ok(())
}

/// The standard library copies with copy_file_range(2), which shares the blocks where the file system can.
fn content(from: &Path, to: &Path) -> Result<()> {
    let mut source = File::open(from).syscall("open", || format!("{from:?}"))?;
    let mut options = OpenOptions::new();
    let mut target = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .syscall("open", || format!("{to:?}, O_CREAT|O_EXCL"))?;
    io::copy(&mut source, &mut target)
        .syscall("copy_file_range", || format!("{from:?}, {to:?}"))?;
    Ok(())
}

/// Gives `to` the owner, the extended attributes, the mode and the times of `from`: in this
/// order, because chown(2) clears set-user-ID bits and capabilities.
pub(crate) fn metadata(from: &Path, to: &Path) -> Result<()> {
    let found = fs::symlink_metadata(from).syscall("lstat", || format!("{from:?}"))?;
    if geteuid().is_root() {
        lchown(to, Some(found.uid()), Some(found.gid())).syscall("lchown", || {
            format!("{to:?}, {}, {}", found.uid(), found.gid())
        })?;
    }
    attributes(from, to)?;
    if !found.is_symlink() {
        let mode = found.mode() & 0o7777;
        fs::set_permissions(to, fs::Permissions::from_mode(mode))
            .syscall("chmod", || format!("{to:?}, {mode:04o}"))?;
    }
    let accessed = TimeSpec::new(found.atime(), found.atime_nsec());
    let modified = TimeSpec::new(found.mtime(), found.mtime_nsec());
    let flag = UtimensatFlags::NoFollowSymlink;
    utimensat(AT_FDCWD, to, &accessed, &modified, flag)
        .syscall("utimensat", || format!("{to:?}, AT_SYMLINK_NOFOLLOW"))?;
    Ok(())
}

/// Those that root alone can set are left out for others, and a file system may have none at all.
fn attributes(from: &Path, to: &Path) -> Result<()> {
    for name in xattr::list(from).into_iter().flatten() {
        let text = name.to_string_lossy();
        let settable = text.starts_with("user.") || geteuid().is_root();
        if !settable || whiteout::is_overlays_own(&text) {
            continue;
        }
        if let Some(value) =
            xattr::get(from, &name).syscall("lgetxattr", || format!("{from:?}, {name:?}"))?
        {
            xattr::set(to, &name, &value).syscall("lsetxattr", || format!("{to:?}, {name:?}"))?;
        }
    }
    Ok(())
}
