//! The machine that a tree is cut from: what is looked at, and what was seen.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result};

use crate::elf::Program;
use crate::walk::{Walk, outside, walk};

use super::stamp::Stamp;

/// A host, with a note of everything that a search in it depended on.
///
/// All paths are those that a process on the host uses; `root` is `/` but in tests.
pub struct Source {
    root: PathBuf,
    // The C library is asked for by every tool: each answer is kept.
    walks: HashMap<PathBuf, Rc<Walk>>,
    absent: HashSet<PathBuf>,
    directories: HashMap<PathBuf, Option<PathBuf>>,
    programs: HashMap<PathBuf, Rc<Program>>,
    watched: BTreeMap<PathBuf, Option<Stamp>>,
}

impl Source {
    /// The host whose root directory is `root`.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            walks: HashMap::new(),
            absent: HashSet::new(),
            directories: HashMap::new(),
            programs: HashMap::new(),
            watched: BTreeMap::new(),
        }
    }

    /// Follows `path` to its end; see [`walk`].
    pub fn walk(&mut self, path: &Path) -> Result<Rc<Walk>> {
        if let Some(known) = self.walks.get(path) {
            return Ok(Rc::clone(known));
        }
        let walk = Rc::new(walk(&self.root, path)?);
        self.walks.insert(path.to_path_buf(), Rc::clone(&walk));
        Ok(walk)
    }

    /// Where the file that `real` names is to be opened. `real` must come from [`Self::walk`].
    pub fn outside(&self, real: &Path) -> PathBuf {
        outside(&self.root, real)
    }

    /// The path of `directory` without links, and a note that whether `directory` is there, and
    /// what names are in it, mattered.
    pub fn directory(&mut self, directory: &Path) -> Option<PathBuf> {
        if let Some(known) = self.directories.get(directory) {
            return known.clone();
        }
        let real = match self.walk(directory) {
            Ok(walk) if walk.found.is_dir() => Some(walk.real.clone()),
            _ => None,
        };
        // By the name given: on NixOS a link on the way leads elsewhere after an upgrade.
        self.watch(directory);
        self.directories
            .insert(directory.to_path_buf(), real.clone());
        real
    }

    /// `directory/name`, if there is something of that name which leads to a file.
    pub fn find(&mut self, directory: &Path, name: &OsStr) -> Option<Rc<Walk>> {
        let real = self.directory(directory)?.join(name);
        // Most names are in no more than one of the directories: ask once before walking.
        if self.absent.contains(&real) || fs::symlink_metadata(self.outside(&real)).is_err() {
            self.absent.insert(real);
            return None;
        }
        let walk = self.walk(&directory.join(name)).ok();
        walk.filter(|walk| walk.found.is_file())
    }

    /// As [`Self::find`], and it has an execute permission.
    pub fn find_executable(&mut self, directory: &Path, name: &OsStr) -> Option<Rc<Walk>> {
        let executable = |walk: &Rc<Walk>| walk.found.permissions().mode() & 0o111 != 0;
        self.find(directory, name).filter(executable)
    }

    /// The headers of the file at the end of `path`.
    pub fn program(&mut self, path: &Path) -> Result<Rc<Program>> {
        let real = self.walk(path)?.real.clone();
        if let Some(known) = self.programs.get(&real) {
            return Ok(Rc::clone(known));
        }
        let program = Rc::new(Program::read(&self.outside(&real))?);
        self.programs.insert(real, Rc::clone(&program));
        Ok(program)
    }

    /// The contents of a configuration file, empty if there is none; and a note of it.
    pub fn text(&mut self, path: &Path) -> Result<String> {
        self.watch(path);
        let Ok(found) = self.walk(path) else {
            return Ok(String::new());
        };
        let bytes = fs::read(self.outside(&found.real))
            .with_context(|| format!("reading {}", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Notes that the search depended on what is at `path`, or on nothing being there.
    pub fn watch(&mut self, path: &Path) {
        let path = self.outside(path);
        let found = fs::metadata(&path).ok().map(|found| Stamp::from(&found));
        self.watched.insert(path, found);
    }

    /// What the search depended on: paths of this process, and what stat(2) said of them.
    pub fn into_watched(self) -> BTreeMap<PathBuf, Option<Stamp>> {
        self.watched
    }
}
