//! Where a container's upper directory is while nobody keeps it, and where
//! overlay's work directory is.
//!
//! It is on disk, so what is in it outlives a runtime that was killed. Whoever
//! is alive holds a lock on it, which the kernel lets go when the process ends,
//! however it ends: flock(2). A directory without a lock is free, and whoever
//! takes it next removes what is in it.

use std::fs::{self, DirBuilder, File};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use process::SysResult;

use crate::remove::remove_tree;

/// A directory that is locked while this lives, and then emptied or removed.
#[must_use = "dropped at once, it is free at once"]
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    _lock: File,
    /// Whether it stands, empty, for the next container.
    stands: bool,
}

impl Scratch {
    /// The first below `parent` that is free: `0`, `1` and so on. Others that
    /// are free are removed, with what killed runtimes left in them.
    // ANCHOR: scratch
    pub(crate) fn among(parent: &Path) -> Result<Self> {
        // A set-user-ID file in an upper directory is nothing for the host's users.
        make(DirBuilder::new().recursive(true), parent)?;
        let mut number = 0;
        let own = loop {
            let path = parent.join(number.to_string());
            make(&mut DirBuilder::new(), &path)?;
            match Self::lock(path, true) {
                Some(free) => break free,
                None => number += 1,
            }
        };
        own.empty()
            .with_context(|| format!("emptying {:?}", own.path))?;
        for entry in fs::read_dir(parent).syscall("open", || format!("{parent:?}"))? {
            let entry = entry.syscall("getdents64", || format!("{parent:?}"))?;
            // Our own is locked, as are those of others that run.
            drop(Self::lock(entry.path(), false));
        }
        Ok(own)
    }

    /// Takes a directory, if nobody has it.
    fn lock(path: PathBuf, stands: bool) -> Option<Self> {
        let lock = File::open(&path).ok()?;
        lock.try_lock().ok()?;
        // Somebody may have taken it, and removed it, since it was opened.
        let there = is_at(&lock, &path);
        there.then_some(Self {
            path,
            _lock: lock,
            stands,
        })
    }
    // ANCHOR_END: scratch

    /// The one that belongs to `directory`, which the user keeps: beside it,
    /// because overlay wants both on one file system.
    pub(crate) fn beside(directory: &Path) -> Result<Self> {
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        let path = directory.with_file_name(format!(".{name}.hull"));
        // A container that ends may remove it just before it is locked here.
        for _ in 0..100 {
            make(&mut DirBuilder::new(), &path)
                .context("the work directory has its place beside the upper directory")?;
            if let Some(own) = Self::lock(path.clone(), false) {
                own.empty()?;
                return Ok(own);
            }
            if path.is_dir() {
                bail!("the upper directory {directory:?} is in use by another container");
            }
        }
        bail!("{path:?} is made and removed by others all the time")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Lets go of it, for the caller who cares.
    pub(crate) fn remove(self) -> Result<()> {
        self.clear()
            .with_context(|| format!("removing what is in {:?}", self.path))
    }

    fn clear(&self) -> Result<()> {
        if self.stands {
            self.empty()
        } else {
            remove_tree(&self.path)
        }
    }

    /// The work directory stands too: a directory less that ext4 has to make.
    fn empty(&self) -> Result<()> {
        for path in entries(&self.path)? {
            if path == work(&self.path) && path.is_dir() {
                let remains = entries(&path)?;
                remains.iter().try_for_each(|path| remove_tree(path))?;
            } else {
                remove_tree(&path)?;
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: what cannot be removed today may be by the next container.
        let _ = self.clear();
    }
}

/// Overlay's work directory, in a scratch directory.
pub(crate) fn work(scratch: &Path) -> PathBuf {
    scratch.join("work")
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let call = || format!("{directory:?}, O_DIRECTORY");
    let entries = fs::read_dir(directory).syscall("open", call)?;
    let paths = entries.map(|entry| Ok(entry.syscall("getdents64", call)?.path()));
    paths.collect()
}

/// A directory of this user's alone, which may be there already.
pub(crate) fn make(builder: &mut DirBuilder, path: &Path) -> Result<()> {
    match builder.mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        result => Ok(result.syscall("mkdir", || format!("{path:?}, 0700"))?),
    }
}

/// Whether the open directory is still the one that has this path.
fn is_at(file: &File, path: &Path) -> bool {
    let same = || -> Result<bool, Error> {
        let (open, there) = (file.metadata()?, fs::metadata(path)?);
        Ok(there.is_dir() && (open.dev(), open.ino()) == (there.dev(), there.ino()))
    };
    same().unwrap_or(false)
}
