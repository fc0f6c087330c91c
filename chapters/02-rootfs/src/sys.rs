//! The mount calls that nix has no wrapper for: all of this crate's `unsafe`.
//!
//! They work on descriptors: a mount is copied, changed and attached without a
//! path that somebody could swap in between.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat};
use process::SysResult;

/// A tree of mounts that is attached nowhere.
pub(crate) struct DetachedMount(OwnedFd);

/// Copies the mount at `path`, and those below it, as `mount --rbind` would,
/// but attaches the copy nowhere yet: open_tree(2).
pub(crate) fn open_tree(directory: BorrowedFd, path: &Path) -> Result<DetachedMount> {
    let c_path = c_path(path)?;
    // ANCHOR: open_tree
    // Recursive always: in a user namespace mounts below are locked to the one
    // above, and copying that one alone is refused. mount_namespaces(7)
    let flags =
        libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE as libc::c_uint;
    // SAFETY: `c_path` is a NUL-terminated string that lives through the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_open_tree,
            directory.as_raw_fd(),
            c_path.as_ptr(),
            flags,
        )
    };
    // ANCHOR_END: open_tree
    let fd = Errno::result(fd).syscall("open_tree", || {
        format!("{path:?}, OPEN_TREE_CLONE|AT_RECURSIVE")
    })?;
    // SAFETY: the kernel has just made this descriptor, and gave it to us alone.
    Ok(DetachedMount(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
}

impl DetachedMount {
    /// Sets `attributes` (`MOUNT_ATTR_RDONLY`, …) on every mount of the tree: mount_setattr(2).
    pub(crate) fn set(&self, attributes: u64) -> Result<()> {
        let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
        mount_setattr(self.0.as_raw_fd(), c"", flags, attributes)
            .syscall("mount_setattr", || format!("AT_RECURSIVE, {attributes:#x}"))?;
        Ok(())
    }

    /// Whether a directory is at the top of the tree, or a file.
    pub(crate) fn is_directory(&self) -> Result<bool> {
        let stat = fstat(&self.0).syscall("fstat", || "detached mount".into())?;
        Ok(SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR)
    }

    /// Attaches the tree at `target`: move_mount(2).
    pub(crate) fn attach(self, target: &Path) -> Result<()> {
        let c_target = c_path(target)?;
        let from = self.0.as_raw_fd();
        let flags = libc::MOVE_MOUNT_F_EMPTY_PATH | libc::MOVE_MOUNT_T_SYMLINKS;
        // SAFETY: both paths are NUL-terminated strings that live through the call.
        let result = unsafe {
            libc::syscall(
                libc::SYS_move_mount,
                from,
                c"".as_ptr(),
                libc::AT_FDCWD,
                c_target.as_ptr(),
                flags,
            )
        };
        Errno::result(result).syscall("move_mount", || format!("{target:?}"))?;
        Ok(())
    }
}

/// Makes the mount at `path` itself read-only, whoever else has it mounted elsewhere.
pub(crate) fn make_read_only(path: &Path) -> Result<()> {
    let c_path = c_path(path)?;
    mount_setattr(libc::AT_FDCWD, &c_path, 0, libc::MOUNT_ATTR_RDONLY)
        .syscall("mount_setattr", || format!("{path:?}, MOUNT_ATTR_RDONLY"))?;
    Ok(())
}

fn mount_setattr(directory: i32, path: &CStr, flags: libc::c_int, set: u64) -> nix::Result<()> {
    // SAFETY: mount_attr is plain integers, and zero means "leave as it is" for each.
    let mut attributes: libc::mount_attr = unsafe { std::mem::zeroed() };
    attributes.attr_set = set;
    // SAFETY: the path is NUL-terminated, the structure whole, and both live through the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            directory,
            path.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(result).map(drop)
}

fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .with_context(|| format!("{path:?} has a NUL byte in it"))
}
