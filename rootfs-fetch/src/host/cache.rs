//! Keeps the tree between runs, and lets many processes share it.
//!
//! Below `DATA/rootfs`:
//!
//! | name | what |
//! | --- | --- |
//! | `host-KEY` | a finished tree; whoever uses it holds a shared flock(2) on the directory |
//! | `host.manifest` | which tree is the current one, and what it was cut from |
//! | `host.lock` | who holds an exclusive lock on it is building, or removing |
//! | `.host-KEY` | a tree being built, or being removed |
//!
//! rename(2) makes a tree and its manifest appear whole. So a build may be killed at any moment:
//! what it leaves has a name that nobody looks for, and the next build removes it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

use super::Rootfs;
use super::manifest::{self, Manifest};
use super::plan::Plan;
use super::selection::Selection;
use super::tree;

/// How often to start again when the host's files change during a build: a package upgrade
/// touches them one after the other.
const ATTEMPTS: usize = 5;

/// The directory of the cached trees.
pub struct Cache<'a> {
    directory: PathBuf,
    selection: &'a Selection,
    uid: u32,
}

impl<'a> Cache<'a> {
    /// The cache below the data directory `data`. Nothing is created yet.
    pub fn new(data: &Path, selection: &'a Selection) -> Self {
        Self {
            directory: data.join("rootfs"),
            selection,
            uid: Uid::effective().as_raw(),
        }
    }

    /// The current tree, if it is still what this host would give. Reads no ELF file.
    ///
    /// # Errors
    ///
    /// When the manifest or the tree is there and cannot be opened.
    pub fn current(&self) -> Result<Option<Rootfs>> {
        let Some(manifest) = Manifest::read(&self.manifest())? else {
            return Ok(None);
        };
        if manifest.uid != self.uid || manifest.selection != self.selection.fingerprint() {
            return Ok(None);
        }
        let path = self.directory.join(&manifest.tree);
        let Some(lock) = hold(&path)? else {
            return Ok(None);
        };
        let is_current = manifest.is_settled() && manifest.is_unchanged(&self.selection.root);
        if !is_current || !manifest.is_whole(&path) {
            return Ok(None);
        }
        Ok(Some(Rootfs {
            path,
            left_out: manifest.left_out,
            is_fresh: false,
            lock,
        }))
    }

    /// The current tree, built if need be, and in any case if `fresh`.
    ///
    /// # Errors
    ///
    /// When the directory cannot be written, when there is no shell on this host, or when the
    /// disk is full. Nothing of the failed tree stays.
    pub fn build(&self, fresh: bool) -> Result<Rootfs> {
        fs::create_dir_all(&self.directory)
            .with_context(|| format!("creating {}", self.directory.display()))?;
        let _building = self.lock_for_building()?;
        // Someone else may have built it while we waited.
        if let Some(rootfs) = self.current()?.filter(|_| !fresh) {
            return Ok(rootfs);
        }
        self.remove_remains()?;

        for _ in 0..ATTEMPTS {
            let taken = manifest::now();
            let plan = Plan::new(self.selection)?;
            let (name, is_fresh) = self.tree_for(&plan, fresh)?;
            let manifest = Manifest::new(&plan, self.selection, self.uid, taken, &name);
            if is_fresh {
                self.write_tree(&plan, &name)?;
            }
            // The copies are what the manifest says only if nothing changed in between.
            let path = self.directory.join(&name);
            if !manifest.is_unchanged(&self.selection.root) {
                continue;
            }
            let lock = hold(&path)?.with_context(|| format!("{} is gone", path.display()))?;
            self.write_manifest(&manifest)?;
            self.remove_old(&name);
            return Ok(Rootfs {
                path,
                left_out: plan.left_out,
                is_fresh,
                lock,
            });
        }
        bail!("the host's files changed during each of {ATTEMPTS} attempts to copy them");
    }

    fn manifest(&self) -> PathBuf {
        self.directory.join("host.manifest")
    }

    fn lock_for_building(&self) -> Result<File> {
        let path = self.directory.join("host.lock");
        let open = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let file = open.with_context(|| format!("opening {}", path.display()))?;
        file.lock()
            .with_context(|| format!("locking {}", path.display()))?;
        Ok(file)
    }

    /// The name for the tree of `plan`, and whether it is still to be written.
    fn tree_for(&self, plan: &Plan, fresh: bool) -> Result<(String, bool)> {
        let key = plan.key(self.uid);
        // A tree that is damaged may be in use all the same, so the new one has a name of its own.
        for generation in 0.. {
            let name = match generation {
                0 => format!("host-{key}"),
                n => format!("host-{key}.{n}"),
            };
            let path = self.directory.join(&name);
            let there = path
                .try_exists()
                .with_context(|| format!("stat {}", path.display()))?;
            let whole = || Manifest::new(plan, self.selection, self.uid, 0, &name).is_whole(&path);
            if !there || (!fresh && whole()) {
                return Ok((name, !there));
            }
        }
        unreachable!("the numbers do not end")
    }

    fn write_tree(&self, plan: &Plan, name: &str) -> Result<()> {
        let temporary = self.directory.join(format!(".{name}"));
        let path = self.directory.join(name);
        let written = tree::write(plan, &self.selection.root, &temporary).and_then(|()| {
            fs::rename(&temporary, &path)
                .with_context(|| format!("renaming {} to {}", temporary.display(), path.display()))
        });
        if written.is_err() {
            // Best effort: the error to tell is the first one.
            let _ = fs::remove_dir_all(&temporary);
        }
        written
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        let temporary = self.directory.join(".host.manifest");
        let path = self.manifest();
        fs::write(&temporary, manifest.to_bytes())
            .and_then(|()| fs::rename(&temporary, &path))
            .with_context(|| format!("writing {}", path.display()))
    }

    /// Removes what a killed build left. The caller holds the lock, so no other build is on.
    fn remove_remains(&self) -> Result<()> {
        for name in self
            .names()?
            .iter()
            .filter(|name| name.starts_with(".host"))
        {
            let path = self.directory.join(name);
            let removed = match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => fs::remove_dir_all(&path),
                _ => fs::remove_file(&path),
            };
            removed.with_context(|| format!("removing {}", path.display()))?;
        }
        Ok(())
    }

    /// Removes the trees that are not `current` and that nobody holds. A tree that cannot be
    /// removed does no harm, and the next build tries again.
    fn remove_old(&self, current: &str) {
        let Ok(names) = self.names() else { return };
        for name in names
            .iter()
            .filter(|name| name.starts_with("host-") && *name != current)
        {
            let path = self.directory.join(name);
            let hidden = self.directory.join(format!(".{name}"));
            let Ok(directory) = File::open(&path) else {
                continue;
            };
            // Under its first name a tree is whole, always: so away with the name first.
            if directory.try_lock().is_ok() && fs::rename(&path, &hidden).is_ok() {
                let _ = fs::remove_dir_all(&hidden);
            }
        }
    }

    fn names(&self) -> Result<Vec<String>> {
        let listing = || format!("listing {}", self.directory.display());
        let entries = fs::read_dir(&self.directory).with_context(listing)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect::<std::io::Result<_>>().with_context(listing)
    }
}

/// Locks the tree at `path` against removal. `None` if it is not there, or was removed while we
/// waited for the lock.
fn hold(path: &Path) -> Result<Option<File>> {
    let directory = match File::open(path) {
        Ok(directory) => directory,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("opening {}", path.display())),
    };
    directory
        .lock_shared()
        .with_context(|| format!("locking {}", path.display()))?;
    let held = directory
        .metadata()
        .with_context(|| format!("fstat {}", path.display()))?;
    let same = fs::symlink_metadata(path)
        .is_ok_and(|found| (found.dev(), found.ino()) == (held.dev(), held.ino()));
    Ok(same.then_some(directory))
}
