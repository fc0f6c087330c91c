//! From the initramfs to the disk.

use std::convert::Infallible;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use nix::unistd::{chdir, chroot};

use super::mounts::mount_new;
use crate::initramfs::MODULES;

const DISK: &str = "/dev/vda";

/// Loads the modules, mounts the disk, and goes on as `lab-init` there.
///
/// # Errors
///
/// When the disk does not come, or cannot be mounted.
pub fn boot() -> Result<Infallible> {
    mount_new("devtmpfs", "/dev", MsFlags::MS_NOSUID, "mode=755")?;
    load_modules()?;
    wait_for(Path::new(DISK))?;

    fs::create_dir("/disk").context("mkdir /disk")?;
    mount(
        Some(DISK),
        "/disk",
        Some("ext4"),
        MsFlags::MS_NOATIME,
        None::<&str>,
    )
    .with_context(|| format!("mount({DISK:?}, \"/disk\", \"ext4\")"))?;
    mount(
        Some("/dev"),
        "/disk/dev",
        None::<&str>,
        MsFlags::MS_MOVE,
        None::<&str>,
    )
    .context("mount(\"/dev\", \"/disk/dev\", MS_MOVE)")?;

    // switch_root(8): the initramfs cannot be left by pivot_root(2), so the disk is moved over it.
    chdir("/disk").context("chdir(\"/disk\")")?;
    mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>)
        .context("mount(\".\", \"/\", MS_MOVE)")?;
    chroot(".").context("chroot(\".\")")?;
    chdir("/").context("chdir(\"/\")")?;
    let error = Command::new("/sbin/lab-init").arg0("lab-init").exec();
    Err(error).context("execve(\"/sbin/lab-init\")")
}

/// In the order of their file names. A module that cannot be loaded is told of: what needs it will
/// fail by itself.
fn load_modules() -> Result<()> {
    let entries = fs::read_dir(MODULES).context("listing the modules")?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let file = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        match finit_module(&file, c"", ModuleInitFlags::empty()) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => eprintln!("lab-init: finit_module({:?}): {errno}", path.display()),
        }
    }
    Ok(())
}

/// A driver may go on looking for its devices after it was loaded.
fn wait_for(device: &Path) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(20);
    while !device.exists() {
        if Instant::now() > end {
            bail!("there is no {}", device.display());
        }
        // There is nothing to wait on: the kernel makes the file, and inotify(7) does not say so.
        sleep(Duration::from_millis(10));
    }
    Ok(())
}
