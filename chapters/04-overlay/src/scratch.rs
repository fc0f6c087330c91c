//! The directory of one container that ends with it: overlay's work directory,
//! the mount point, and an upper directory that nobody keeps.
//!
//! It is on disk, so it outlives a runtime that was killed. Whoever is alive
//! holds a lock on it, which the kernel lets go when the process ends, however
//! it ends: a directory without a lock is an orphan. flock(2)

use std::fs::{self, DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use process::SysResult;

use crate::remove::remove_tree;

/// A directory that is locked while this lives, and removed with it.
#[must_use = "dropped at once, it is removed at once"]
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    _lock: File,
}

impl Scratch {
    /// A new one among those of other containers. Orphans among them are removed first.
    // ANCHOR: scratch
    pub(crate) fn among(parent: &Path) -> Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .syscall("mkdir", || format!("{parent:?}"))?;
        let all = open(parent)?;
        // Alone here: nobody is between making a directory and locking it.
        if all.try_lock().is_ok() {
            remove_orphans(parent);
        }
        all.lock_shared()
            .syscall("flock", || format!("{parent:?}, LOCK_SH"))?;
        let path = tempfile::Builder::new()
            .prefix("")
            // A set-user-ID file in an upper directory is nothing for the host's users.
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(parent)
            .syscall("mkdir", || format!("{parent:?}/…"))?
            .keep();
        Self::lock(path)
    }
    // ANCHOR_END: scratch

    /// The one that belongs to `directory`, which the user keeps: beside it,
    /// because overlay wants both on one file system.
    pub(crate) fn beside(directory: &Path) -> Result<Self> {
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        let path = directory.with_file_name(format!(".{name}.hull"));
        // A container that ends may remove it just before it is locked here.
        for _ in 0..100 {
            DirBuilder::new()
                .mode(0o700)
                .create(&path)
                .or_else(|error| path.is_dir().then_some(()).ok_or(error))
                .syscall("mkdir", || format!("{path:?}"))?;
            let Ok(file) = File::open(&path) else {
                continue;
            };
            if file.try_lock().is_err() {
                bail!("the upper directory {directory:?} is in use by another container");
            }
            if is_at(&file, &path) {
                // A runtime that was killed may have left something in it.
                empty(&path)?;
                return Ok(Self { path, _lock: file });
            }
        }
        bail!("{path:?} is made and removed by others all the time")
    }

    fn lock(path: PathBuf) -> Result<Self> {
        let file = open(&path)?;
        file.try_lock()
            .map_err(std::io::Error::from)
            .syscall("flock", || format!("{path:?}, LOCK_EX"))?;
        Ok(Self { path, _lock: file })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, for the caller who cares.
    pub(crate) fn remove(self) -> Result<()> {
        remove_tree(&self.path).with_context(|| format!("removing {:?}", self.path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = remove_tree(&self.path);
    }
}

fn open(path: &Path) -> Result<File> {
    Ok(File::open(path).syscall("open", || format!("{path:?}, O_RDONLY"))?)
}

/// Whether the open directory is still the one that has this path.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

fn remove_orphans(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let orphan = File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
        if orphan {
            // Best effort: what cannot be removed today may be tomorrow.
            let _ = remove_tree(&path);
        }
    }
}

fn empty(directory: &Path) -> Result<()> {
    let entries = fs::read_dir(directory).syscall("open", || format!("{directory:?}"))?;
    for entry in entries {
        let path = entry
            .syscall("getdents64", || format!("{directory:?}"))?
            .path();
        remove_tree(&path)?;
    }
    Ok(())
}
