//! The file systems that every distribution mounts at its start.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};

/// Mounts a file system that the kernel makes up.
///
/// # Errors
///
/// mount(2)'s: among others when this kernel has no such file system.
pub fn mount_new(kind: &str, at: &str, flags: MsFlags, options: &str) -> Result<()> {
    fs::create_dir_all(at).with_context(|| format!("mkdir {at}"))?;
    mount(Some(kind), at, Some(kind), flags, Some(options))
        .with_context(|| format!("mount({kind:?}, {at:?}, {options:?})"))
}

/// Mounts all of them. /tmp stays on the disk, as on Debian and Ubuntu: the memory is small, and a
/// tmpfs of this kernel's age has no `user.` attributes, which overlayfs needs.
///
/// # Errors
///
/// When one cannot be mounted without which nothing goes on.
pub fn mount_all() -> Result<()> {
    let plain = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount_new("proc", "/proc", plain, "")?;
    mount_new("sysfs", "/sys", plain, "")?;
    mount_new(
        "tmpfs",
        "/run",
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        "mode=755",
    )?;
    mount_new(
        "devpts",
        "/dev/pts",
        MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
        "gid=5,mode=620,ptmxmode=666",
    )?;
    mount_new(
        "tmpfs",
        "/dev/shm",
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        "mode=1777",
    )?;
    mount_new("mqueue", "/dev/mqueue", plain, "")?;
    // The options that systemd gives it.
    mount_new(
        "cgroup2",
        "/sys/fs/cgroup",
        plain,
        "nsdelegate,memory_recursiveprot",
    )?;
    for (kind, at) in [
        ("securityfs", "/sys/kernel/security"),
        ("tracefs", "/sys/kernel/tracing"),
        ("bpf", "/sys/fs/bpf"),
    ] {
        // Not every kernel has them, and no test stands on them.
        if let Err(error) = mount_new(kind, at, plain, "") {
            eprintln!("lab-init: {error:#}");
        }
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "fd/0"),
        ("stdout", "fd/1"),
        ("stderr", "fd/2"),
    ] {
        let path = Path::new("/dev").join(name);
        if !path.is_symlink() {
            symlink(target, &path).with_context(|| format!("symlink {}", path.display()))?;
        }
    }
    // A repository below /tmp came with the directories above it, and these are nobody else's.
    fs::set_permissions("/tmp", Permissions::from_mode(0o1777)).context("chmod(\"/tmp\", 1777)")?;
    // As systemd: what is mounted later is seen in the namespaces that were made before.
    let shared = MsFlags::MS_SHARED | MsFlags::MS_REC;
    mount(None::<&str>, "/", None::<&str>, shared, None::<&str>)
        .context("mount(\"/\", MS_SHARED|MS_REC)")
}
