//! The built-in root filesystem: a tree cut from this machine's own tools.

mod cache;
#[cfg(test)]
mod fake_hosts;
mod gather;
mod loader;
mod manifest;
mod own_files;
mod plan;
mod selection;
mod source;
mod stamp;
mod system_directories;
mod tokens;
mod tree;

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use cache::Cache;
pub use plan::{Entry, Node, Plan};
pub use selection::Selection;
pub use stamp::Stamp;
pub use tree::write;

/// A root filesystem that stays where it is while this value lives.
///
/// It is shared: use it read-only, or copy it.
#[derive(Debug)]
#[must_use = "the tree may be removed as soon as this is dropped"]
pub struct Rootfs {
    path: PathBuf,
    left_out: Vec<String>,
    is_fresh: bool,
    /// A shared flock(2) on the tree's directory. `File` opens with `O_CLOEXEC`, so no program
    /// that is started takes the lock along.
    lock: File,
}

impl Rootfs {
    /// The directory of the tree.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The tools that this host has not, or that could not be taken, then with the reason.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Whether the tree was built just now.
    pub fn is_fresh(&self) -> bool {
        self.is_fresh
    }
}

/// The descriptor that holds the lock. A duplicate of it holds the tree too, so a supervisor that
/// outlives this process can be given one.
impl AsFd for Rootfs {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }
}

/// The built-in root filesystem, cut from this machine's own tools: kept below `data`, and built
/// when it is not there, or when a file that it was cut from has changed.
///
/// Call it before entering a user namespace: inside one every user may look like root, and the
/// host's files may not be readable.
///
/// # Errors
///
/// When this host has no `sh`, or when `data` cannot be written.
pub fn host(data: &Path) -> Result<Rootfs> {
    cut(data, &Selection::from_env(), false)
}

/// As [`host()`], with other tools or another place to look for them; and if `fresh`, built even
/// when the kept one would do.
///
/// # Errors
///
/// Those of [`host()`].
pub fn cut(data: &Path, selection: &Selection, fresh: bool) -> Result<Rootfs> {
    let cache = Cache::new(data, selection);
    let found = || {
        // The lock on the kept tree must not live on into the build, which removes old trees.
        if !fresh && let Some(rootfs) = cache.current()? {
            return Ok(rootfs);
        }
        cache.build(fresh)
    };
    found().context("making the built-in root filesystem")
}

/// The built-in root filesystems below `data` that nobody holds.
pub fn unused(data: &Path) -> Vec<PathBuf> {
    Cache::new(data, &Selection::from_env()).unheld()
}

/// Removes the built-in root filesystems below `data` that nobody holds, and what killed builds
/// left; gives back the paths of the trees. The next [`host()`] builds again.
///
/// # Errors
///
/// When `data` cannot be written.
pub fn prune(data: &Path) -> Result<Vec<PathBuf>> {
    Cache::new(data, &Selection::from_env()).prune()
}
