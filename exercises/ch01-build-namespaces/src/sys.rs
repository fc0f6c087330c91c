//! The system call that nix has no wrapper for: all of this crate's `unsafe`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;

/// setdomainname(2). Not a write to `/proc/sys/kernel/domainname`, which the
/// kernel allows the host's root alone, and not root in a user namespace.
pub(crate) fn setdomainname(name: &OsStr) -> nix::Result<()> {
    let bytes = name.as_bytes();
    // SAFETY: the kernel reads `bytes.len()` bytes, all of them of `bytes`, and looks for no NUL.
    let result = unsafe { libc::setdomainname(bytes.as_ptr().cast(), bytes.len()) };
    Errno::result(result).map(drop)
}
