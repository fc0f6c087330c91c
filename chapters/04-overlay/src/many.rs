//! More layers than the options of mount(2) have room for, or paths that they cannot name.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use anyhow::Result;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, fchdir};
use process::SysResult;

use crate::mount::{Overlay, mount_overlay};
use crate::sys::Context;

/// One call for each layer: `lowerdir+`, which came with Linux 6.7.
// ANCHOR: one_by_one
pub(crate) fn one_by_one(overlay: &Overlay, target: &Path) -> Result<()> {
    let context = Context::open(c"overlay")?;
    for lower in overlay.lowers {
        context.set("lowerdir+", lower)?;
    }
    context.set("upperdir", overlay.upper)?;
    context.set("workdir", overlay.work)?;
    for flag in overlay.flags() {
        match flag.split_once('=') {
            Some((key, value)) => context.set(key, value)?,
            None => context.set_flag(flag)?,
        }
    }
    Ok(context.mount(target)?)
}
// ANCHOR_END: one_by_one

/// By the numbers of open directories: they are names in /proc/self/fd, and so
/// short that 500 layers, overlay's limit, fit into a page.
// ANCHOR: by_number
pub(crate) fn by_number(overlay: &Overlay, target: &Path) -> Result<()> {
    let here = directory(Path::new("."))?;
    let lowers: Vec<_> = overlay
        .lowers
        .iter()
        .map(|path| directory(path))
        .collect::<Result<_>>()?;
    let upper = directory(overlay.upper)?;
    let work = directory(overlay.work)?;

    let numbers: Vec<_> = lowers.iter().map(|fd| fd.as_raw_fd().to_string()).collect();
    let options = format!(
        "lowerdir={},upperdir={},workdir={},{}",
        numbers.join(":"),
        upper.as_raw_fd(),
        work.as_raw_fd(),
        overlay.flags().join(",")
    );
    chdir("/proc/self/fd").syscall("chdir", || "\"/proc/self/fd\"".into())?;
    let mounted = mount_overlay(target, &options);
    fchdir(&here).syscall("fchdir", || "\".\"".into())?;
    mounted
}
// ANCHOR_END: by_number

fn directory(path: &Path) -> Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(open(path, flags, Mode::empty())
        .syscall("open", || format!("{path:?}, O_PATH|O_DIRECTORY|O_CLOEXEC"))?)
}
