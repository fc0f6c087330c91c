//! mount(2), with its arguments said when it fails.

use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use process::{SysError, SysResult};

use crate::mount_point;

/// Cuts this mount namespace off from the one it was copied from.
///
/// A new mount namespace is a copy, but its mounts stay in the *peer groups*
/// of the originals. systemd makes every mount shared: so a mount made here
/// would appear on the host too. mount_namespaces(7)
///
/// # Errors
/// When mount(2) fails.
// ANCHOR: make_private
pub fn make_private() -> Result<()> {
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).syscall("mount", || {
        "NULL, \"/\", NULL, MS_REC|MS_PRIVATE, NULL".into()
    })?;
    Ok(())
}
// ANCHOR_END: make_private

/// Places that programs write to, on a root filesystem that is read-only: each
/// gets a tmpfs, which ends with the container.
///
/// # Errors
/// When a directory cannot be made, or mount(2) fails.
// ANCHOR: scratch
pub fn mount_scratch() -> Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    for (path, mode) in [
        ("/tmp", "mode=1777"),
        ("/var/tmp", "mode=1777"),
        ("/run", "mode=755"),
        ("/root", "mode=700"),
    ] {
        fresh("tmpfs", path, flags, mode).with_context(|| format!("mounting a tmpfs on {path}"))?;
    }
    Ok(())
}
// ANCHOR_END: scratch

/// A new file system of the kernel's, mounted at `path`, which is made if it is not there.
pub(crate) fn fresh(kind: &str, path: &str, flags: MsFlags, data: &str) -> Result<()> {
    mount_point::directory(Path::new(path))?;
    Ok(mount_fresh(kind, path, flags, data)?)
}

/// As [`fresh`], on a directory that is there; for callers that branch on the errno.
pub(crate) fn mount_fresh(
    kind: &str,
    path: &str,
    flags: MsFlags,
    data: &str,
) -> Result<(), SysError> {
    mount(Some(kind), path, Some(kind), flags, Some(data)).syscall("mount", || {
        format!("{kind:?}, {path:?}, {kind:?}, {}, {data:?}", names(flags))
    })
}

/// What is at `source` appears at `target` too.
pub(crate) fn bind(source: &str, target: &str) -> Result<()> {
    mount(
        Some(source),
        target,
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    )
    .syscall("mount", || {
        format!("{source:?}, {target:?}, NULL, MS_BIND, NULL")
    })?;
    Ok(())
}

fn names(flags: MsFlags) -> String {
    let names: Vec<_> = flags.iter_names().map(|(name, _)| name).collect();
    if names.is_empty() {
        "0".into()
    } else {
        names.join("|")
    }
}
