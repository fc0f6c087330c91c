//! The new mount API, which nix has no wrapper for: all of this crate's `unsafe`.
//!
//! mount(2) takes all options in one page. Here a file system is opened, told
//! its options one by one, and mounted: fsopen(2), fsconfig(2), fsmount(2).

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null;

use nix::errno::Errno;
use process::{SysError, SysResult};

/// linux/mount.h, `enum fsconfig_command`.
const FSCONFIG_SET_FLAG: libc::c_uint = 0;
const FSCONFIG_SET_STRING: libc::c_uint = 1;
const FSCONFIG_CMD_CREATE: libc::c_uint = 6;
/// linux/mount.h
const FSOPEN_CLOEXEC: libc::c_uint = 1;
const FSMOUNT_CLOEXEC: libc::c_uint = 1;

/// A file system that is being set up.
pub(crate) struct Context(OwnedFd);

impl Context {
    /// fsopen(2): loads the module, where there is one.
    pub(crate) fn open(kind: &CStr) -> Result<Self, SysError> {
        // SAFETY: `kind` is a NUL-terminated string that lives through the call.
        let fd = unsafe { libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC) };
        let fd = Errno::result(fd).syscall("fsopen", || format!("{kind:?}, FSOPEN_CLOEXEC"))?;
        // SAFETY: the kernel has just made this descriptor, and gave it to us alone.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }

    /// An option with a value of at most 255 bytes.
    pub(crate) fn set(&self, key: &str, value: impl AsRef<OsStr>) -> Result<(), SysError> {
        let value = value.as_ref();
        let set = || {
            let (key, value) = (c_string(OsStr::new(key))?, c_string(value)?);
            self.config(FSCONFIG_SET_STRING, Some(&key), Some(&value))
        };
        set().syscall("fsconfig", || {
            format!("FSCONFIG_SET_STRING, {key:?}, {value:?}")
        })
    }

    /// An option without a value.
    pub(crate) fn set_flag(&self, key: &str) -> Result<(), SysError> {
        let set = || self.config(FSCONFIG_SET_FLAG, Some(&c_string(OsStr::new(key))?), None);
        set().syscall("fsconfig", || format!("FSCONFIG_SET_FLAG, {key:?}"))
    }

    /// Mounts it at `target`.
    pub(crate) fn mount(self, target: &Path) -> Result<(), SysError> {
        self.config(FSCONFIG_CMD_CREATE, None, None)
            .syscall("fsconfig", || "FSCONFIG_CMD_CREATE".into())?;
        // SAFETY: it takes a descriptor and two numbers.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_fsmount,
                self.0.as_raw_fd(),
                FSMOUNT_CLOEXEC,
                0 as libc::c_uint,
            )
        };
        let fd = Errno::result(fd).syscall("fsmount", || "FSMOUNT_CLOEXEC, 0".into())?;
        // SAFETY: the kernel has just made this descriptor, and gave it to us alone.
        let mount = unsafe { OwnedFd::from_raw_fd(fd as i32) };
        let text = || format!("{target:?}, MOVE_MOUNT_F_EMPTY_PATH");
        let c_target = c_string(target.as_os_str()).syscall("move_mount", text)?;
        // SAFETY: both paths are NUL-terminated strings that live through the call.
        let result = unsafe {
            libc::syscall(
                libc::SYS_move_mount,
                mount.as_raw_fd(),
                c"".as_ptr(),
                libc::AT_FDCWD,
                c_target.as_ptr(),
                libc::MOVE_MOUNT_F_EMPTY_PATH,
            )
        };
        Errno::result(result).map(drop).syscall("move_mount", text)
    }

    fn config(
        &self,
        command: libc::c_uint,
        key: Option<&CStr>,
        value: Option<&CStr>,
    ) -> nix::Result<()> {
        // SAFETY: each pointer is null, which these commands allow, or to a
        // NUL-terminated string that lives through the call.
        let result = unsafe {
            libc::syscall(
                libc::SYS_fsconfig,
                self.0.as_raw_fd(),
                command,
                key.map_or(null(), CStr::as_ptr),
                value.map_or(null(), CStr::as_ptr),
                0 as libc::c_int,
            )
        };
        Errno::result(result).map(drop)
    }
}

fn c_string(text: &OsStr) -> nix::Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| Errno::EINVAL)
}
