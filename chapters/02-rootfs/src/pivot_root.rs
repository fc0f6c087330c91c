//! A directory becomes `/`, and the tree that was there goes.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, pivot_root};
use process::SysResult;

use crate::sys;

/// The directory that will be the container's root.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    writable: bool,
}

impl Root {
    /// A directory whose files the container may change.
    ///
    /// # Errors
    /// When it is not a directory, or is empty, or cannot be read.
    pub fn writable(path: &Path) -> Result<Self> {
        Ok(Self {
            path: check(path)?,
            writable: true,
        })
    }

    /// A directory that several containers share, so none may change it.
    ///
    /// # Errors
    /// As [`Root::writable`].
    pub fn read_only(path: &Path) -> Result<Self> {
        Ok(Self {
            path: check(path)?,
            writable: false,
        })
    }

    /// Where it is on the host.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes this directory the root of the mount namespace, and of this process.
    ///
    /// The host's tree stays reachable through what is returned, and only through it.
    ///
    /// # Errors
    /// When mount(2) or pivot_root(2) fails: EINVAL where the present root is
    /// an initramfs, or no mount point.
    // ANCHOR: pivot
    pub fn pivot(&self) -> Result<HostTree> {
        let path = &self.path;
        let host = open(
            "/",
            OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            Mode::empty(),
        )
        .syscall("open", || "\"/\", O_PATH|O_DIRECTORY|O_CLOEXEC".into())?;

        // pivot_root(2): new_root must be a mount point, so bind it to itself.
        let bind = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(Some(path), path, None::<&str>, bind, None::<&str>).syscall("mount", || {
            format!("{path:?}, {path:?}, NULL, MS_BIND|MS_REC, NULL")
        })?;
        if !self.writable {
            sys::make_read_only(path)?;
        }

        // pivot_root(2), NOTES: with "." for both, the old root is stacked on
        // the new one, and no directory is needed to put it in.
        chdir(path).syscall("chdir", || format!("{path:?}"))?;
        pivot_root(".", ".").syscall("pivot_root", || "\".\", \".\"".into())?;
        Ok(HostTree(host))
    }
    // ANCHOR_END: pivot
}

/// The host's tree of mounts, after the pivot and before it is let go.
#[must_use = "the host's tree stays mounted until it is detached"]
pub struct HostTree(OwnedFd);

impl HostTree {
    /// Copies a mount of the host's. `path` is absolute, and has no symbolic
    /// links: an absolute one would be followed inside the new root.
    pub(crate) fn open_tree(&self, path: &Path) -> Result<sys::DetachedMount> {
        sys::open_tree(self.0.as_fd(), path.strip_prefix("/").unwrap_or(path))
            .with_context(|| format!("taking {path:?} from the host"))
    }

    /// Lets go of the host's tree. From here on no path leads to it.
    ///
    /// # Errors
    /// When umount2(2) or chdir(2) fails.
    // ANCHOR: detach
    pub fn detach(self) -> Result<()> {
        drop(self.0);
        // "." is the new root; what is stacked on it, and so is unmounted, is
        // the old one. MNT_DETACH, because all that it holds is busy.
        umount2(".", MntFlags::MNT_DETACH).syscall("umount2", || "\".\", MNT_DETACH".into())?;
        chdir("/").syscall("chdir", || "\"/\"".into())?;
        Ok(())
    }
    // ANCHOR_END: detach
}

/// Bad roots are found before there is a child.
fn check(path: &Path) -> Result<PathBuf> {
    let absolute = fs::canonicalize(path).syscall("realpath", || format!("{path:?}"));
    let absolute =
        absolute.with_context(|| format!("the root filesystem {path:?} cannot be used"))?;
    ensure!(
        absolute != Path::new("/"),
        "the root filesystem cannot be the host's own root directory"
    );
    ensure!(
        absolute.is_dir(),
        "the root filesystem {path:?} is not a directory"
    );
    let mut entries =
        fs::read_dir(&absolute).syscall("open", || format!("{path:?}, O_DIRECTORY"))?;
    ensure!(
        entries.next().is_some(),
        "the root filesystem {path:?} is an empty directory"
    );
    Ok(absolute)
}
