//! The ordinary user of the machine.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

use super::cgroup::SESSION;

/// The user's and the group's number.
pub const ID: u32 = 1000;

const HOME: &str = "/home/learner";

const RUNTIME: &str = "/run/user/1000";

/// What is added to the files that know users.
const LINES: [(&str, &str); 4] = [
    (
        "/etc/passwd",
        "learner:x:1000:1000:learner:/home/learner:/bin/sh\n",
    ),
    ("/etc/group", "learner:x:1000:\n"),
    // subuid(5): the range that newuidmap(1) may map for this user.
    ("/etc/subuid", "learner:100000:65536\n"),
    ("/etc/subgid", "learner:100000:65536\n"),
];

/// Makes the user.
///
/// # Errors
///
/// When a file or directory cannot be made.
pub fn add() -> Result<()> {
    for (path, line) in LINES {
        let file = File::options().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .with_context(|| format!("writing {path}"))?;
    }
    for (path, mode) in [(HOME, 0o755), (RUNTIME, 0o700)] {
        DirBuilder::new()
            .recursive(true)
            .create(path)
            .and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode)))
            .and_then(|()| chown(path, Some(ID), Some(ID)))
            .with_context(|| format!("making {path}"))?;
    }
    // They write the maps of a user namespace with a right that the user has not.
    for path in ["/usr/bin/newuidmap", "/usr/bin/newgidmap"] {
        if Path::new(path).exists() {
            fs::set_permissions(path, Permissions::from_mode(0o4755))
                .with_context(|| format!("chmod {path}"))?;
        }
    }
    Ok(())
}

/// Gives every file of the disk to root: they belong to whoever made the disk.
///
/// # Errors
///
/// When a directory cannot be listed, or a file not be changed.
pub fn give_disk_to_root() -> Result<()> {
    let root = fs::symlink_metadata("/usr").context("lstat /usr")?;
    if root.uid() == 0 {
        return Ok(());
    }
    let device = root.dev();
    let mut open = vec![Path::new("/").to_path_buf()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory);
        for entry in entries.with_context(|| format!("listing {}", directory.display()))? {
            let path = entry?.path();
            let found = fs::symlink_metadata(&path)?;
            if found.dev() != device {
                continue;
            }
            lchown(&path, Some(0), Some(0)).with_context(|| format!("chown {}", path.display()))?;
            if found.is_dir() {
                open.push(path);
            }
        }
    }
    Ok(())
}

/// `as-learner COMMAND…`: becomes the user, in their own control group, and then the command.
///
/// # Errors
///
/// When this is not root, or the command cannot be executed.
pub fn become_learner(mut command: impl Iterator<Item = OsString>) -> Result<Infallible> {
    let program = command.next().unwrap_or_else(|| "sh".into());
    fs::write(
        format!("{SESSION}/cgroup.procs"),
        std::process::id().to_string(),
    )
    .with_context(|| format!("writing {SESSION}/cgroup.procs"))?;
    let (user, group) = (Uid::from_raw(ID), Gid::from_raw(ID));
    setgroups(&[group]).context("setgroups(2)")?;
    setgid(group).context("setgid(2)")?;
    setuid(user).context("setuid(2)")?;
    let error = Command::new(&program)
        .args(command)
        .env("HOME", HOME)
        .env("USER", "learner")
        .env("LOGNAME", "learner")
        .env("XDG_RUNTIME_DIR", RUNTIME)
        .exec();
    Err(error).with_context(|| format!("execve({program:?})"))
}
