//! The two names in a UTS namespace: uts_namespaces(7).

use std::ffi::OsStr;

use anyhow::Result;
use nix::unistd::sethostname;
use process::SysResult;

use crate::sys;

/// Sets the host name of the UTS namespace that this process is in.
///
/// # Errors
/// sethostname(2): EINVAL for a name of more than 64 bytes, EPERM without
/// `CAP_SYS_ADMIN` in the user namespace that owns it.
pub fn set_hostname(name: &OsStr) -> Result<()> {
    todo!()
}

/// Sets the NIS domain name of the UTS namespace that this process is in.
///
/// # Errors
/// As [`set_hostname`], for setdomainname(2).
pub fn set_domainname(name: &OsStr) -> Result<()> {
    todo!()
}
