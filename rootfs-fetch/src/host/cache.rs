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
use super::manifest::{self, Manifest, inputs};
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
}

impl<'a> Cache<'a> {
    /// The cache below the data directory `data`. Nothing is created yet.
    pub fn new(data: &Path, selection: &'a Selection) -> Self {
        Self {
            directory: data.join("rootfs"),
            selection,
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
        if manifest.inputs != inputs(self.selection) {
            return Ok(None);
        }
        let path = self.directory.join(&manifest.tree);
        let Some(lock) = hold(&path)? else {
            return Ok(None);
        };
        let is_current =
            is_ours(&path) && manifest.is_settled() && manifest.is_unchanged(&self.selection.root);
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
        if !fresh && let Some(rootfs) = self.current()? {
            return Ok(rootfs);
        }
        self.remove_remains()?;

        for _ in 0..ATTEMPTS {
            let taken = manifest::now();
            let plan = Plan::new(self.selection)?;
            let found = if fresh { None } else { self.find_tree(&plan)? };
            let is_fresh = found.is_none();
            let name = found.map_or_else(|| self.free_name(&plan), Ok)?;
            let manifest = Manifest::new(&plan, self.selection, taken, &name);
            if is_fresh && !self.write_tree(&plan, &manifest)? {
                continue;
            }
            self.write_manifest(&manifest)?;
            self.remove_unheld(Some(&name));
            let path = self.directory.join(&name);
            let lock = hold(&path)?.with_context(|| format!("{} is gone", path.display()))?;
            return Ok(Rootfs {
                path,
                left_out: plan.left_out,
                is_fresh,
                lock,
            });
        }
        bail!("the host's files changed during each of {ATTEMPTS} attempts to copy them");
    }

    /// Removes every tree that nobody holds, and what killed builds left; gives back the trees'
    /// paths.
    ///
    /// # Errors
    ///
    /// When the directory cannot be written.
    pub fn prune(&self) -> Result<Vec<PathBuf>> {
        if !self
            .directory
            .join("host.lock")
            .try_exists()
            .unwrap_or(false)
        {
            return Ok(Vec::new());
        }
        let _building = self.lock_for_building()?;
        self.remove_remains()?;
        Ok(self.remove_unheld(None))
    }

    /// The trees that [`prune`](Self::prune) would remove.
    pub fn unheld(&self) -> Vec<PathBuf> {
        let names = self.names().unwrap_or_default().into_iter();
        let trees = names.filter(|name| name.starts_with("host-"));
        let paths = trees.map(|name| self.directory.join(name));
        paths
            .filter(|path| File::open(path).is_ok_and(|tree| tree.try_lock().is_ok()))
            .collect()
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

    /// The name of a tree that is what `plan` gives, and whole.
    fn find_tree(&self, plan: &Plan) -> Result<Option<String>> {
        let key = plan.key();
        let is_whole = |name: &String| {
            let manifest = Manifest::new(plan, self.selection, 0, name);
            let path = self.directory.join(name);
            is_ours(&path) && manifest.is_whole(&path)
        };
        let names = self.names()?.into_iter();
        let mut named = names.filter(|name| name.starts_with(&format!("host-{key}")));
        Ok(named.find(is_whole))
    }

    /// A name for the tree of `plan` that no other has: a damaged tree of this key may be in use.
    fn free_name(&self, plan: &Plan) -> Result<String> {
        let names = self.names()?;
        let key = plan.key();
        let others = (1..).map(|number| format!("host-{key}.{number}"));
        let mut all = std::iter::once(format!("host-{key}")).chain(others);
        all.find(|name| !names.contains(name))
            .context("every name for a tree is taken")
    }

    /// Writes the tree of `plan`, unless the host's files change meanwhile: then the copies are
    /// not what the manifest says, the answer is no, and nothing is left.
    fn write_tree(&self, plan: &Plan, manifest: &Manifest) -> Result<bool> {
        let temporary = self.directory.join(format!(".{}", manifest.tree));
        let path = self.directory.join(&manifest.tree);
        let root = &self.selection.root;
        let written = tree::write(plan, root, &temporary);
        if written.is_ok() && manifest.are_sources_unchanged(root) {
            fs::rename(&temporary, &path).with_context(|| {
                format!("renaming {} to {}", temporary.display(), path.display())
            })?;
            return Ok(true);
        }
        // Best effort: the error to tell is the first one, and the next build removes the rest.
        let _ = fs::remove_dir_all(&temporary);
        if manifest.are_sources_unchanged(root) {
            written.map(|()| false)
        } else {
            Ok(false)
        }
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        let temporary = self.directory.join(".host.manifest");
        let path = self.manifest();
        let written =
            fs::write(&temporary, manifest.to_bytes()).and_then(|()| fs::rename(&temporary, &path));
        if written.is_err() {
            // Best effort: the error to tell is the first one.
            let _ = fs::remove_file(&temporary);
        }
        written.with_context(|| format!("writing {}", path.display()))
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

    /// Removes the trees that nobody holds, but for `current`, and gives back their paths. A tree
    /// that cannot be removed does no harm, and the next build tries again.
    fn remove_unheld(&self, current: Option<&str>) -> Vec<PathBuf> {
        let mut removed = Vec::new();
        for name in self.names().unwrap_or_default() {
            if !name.starts_with("host-") || Some(&*name) == current {
                continue;
            }
            let path = self.directory.join(&name);
            let hidden = self.directory.join(format!(".{name}"));
            let Ok(directory) = File::open(&path) else {
                continue;
            };
            // Under its first name a tree is whole, always: so away with the name first.
            if directory.try_lock().is_ok() && fs::rename(&path, &hidden).is_ok() {
                let _ = fs::remove_dir_all(&hidden);
                removed.push(path);
            }
        }
        removed
    }

    fn names(&self) -> Result<Vec<String>> {
        let listing = || format!("listing {}", self.directory.display());
        let entries = fs::read_dir(&self.directory).with_context(listing)?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect::<std::io::Result<_>>().with_context(listing)
    }
}

/// Whether this user built the tree at `path`: another user could change it. Asked of the kernel,
/// because the number of one user differs between user namespaces.
fn is_ours(path: &Path) -> bool {
    let found = fs::symlink_metadata(path);
    found.is_ok_and(|found| found.is_dir() && found.uid() == Uid::effective().as_raw())
}

/// Locks the tree at `path` against removal. `None` if it is not there, or was removed while we
/// waited for the lock.
fn hold(path: &Path) -> Result<Option<File>> {
    let directory = match File::open(path) {
        Ok(directory) => directory,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("opening {}", path.display())),
    };
    lock_shared(directory, path)
}

/// Waits for a shared lock on `directory`. `None` if it is no longer what is at `path`.
fn lock_shared(directory: File, path: &Path) -> Result<Option<File>> {
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

#[cfg(test)]
mod tests;
