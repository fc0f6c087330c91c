//! The two names in a UTS namespace: uts_namespaces(7).

use std::ffi::OsStr;

use anyhow::Result;
use nix::unistd::sethostname;
use process::SysResult;

/// Sets the host name of the UTS namespace that this process is in.
///
/// # Errors
/// sethostname(2): EINVAL for a name of more than 64 bytes, EPERM without
/// `CAP_SYS_ADMIN` in the user namespace that owns it.
// ANCHOR: hostname
pub fn set_hostname(name: &OsStr) -> Result<()> {
    sethostname(name).syscall("sethostname", || format!("{name:?}, {}", name.len()))?;
    Ok(())
}
// ANCHOR_END: hostname

/// Sets the NIS domain name of the UTS namespace that this process is in.
///
/// # Errors
/// As [`set_hostname`], for setdomainname(2).
pub fn set_domainname(name: &OsStr) -> Result<()> {
    // nix has no setdomainname. The kernel offers the same value as a file,
    // and the file belongs to the writer's UTS namespace: proc_sys_kernel(5).
    std::fs::write("/proc/sys/kernel/domainname", name.as_encoded_bytes())
        .syscall("write", || {
            format!("\"/proc/sys/kernel/domainname\", {name:?}")
        })?;
    Ok(())
}
