//! The two names, one by its raw system call and one through its file.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, Result, ensure};

/// uname(2): 64 bytes and a NUL.
const LONGEST: usize = 64;

/// Sets the host name of the UTS namespace that this process is in.
pub fn set_hostname(name: &OsStr) -> Result<()> {
    ensure!(name.len() <= LONGEST, "a host name of more than 64 bytes");
    // SAFETY: sethostname(2) reads `len` bytes, and `name` has as many.
    let result = unsafe { libc::sethostname(name.as_bytes().as_ptr().cast(), name.len()) };
    ensure!(
        result == 0,
        "sethostname: {}",
        std::io::Error::last_os_error()
    );
    Ok(())
}

/// Sets the NIS domain name of the UTS namespace that this process is in.
pub fn set_domainname(name: &OsStr) -> Result<()> {
    let mut file = File::options()
        .write(true)
        .open("/proc/sys/kernel/domainname")
        .context("domainname")?;
    file.write_all(name.as_bytes()).context("domainname")
}
